#include "damage.h"

#include <functional>
#include <stdexcept>

#include "store/core.h"

namespace julu::crash {
namespace {

using store::Connection;
using store::Query;

constexpr std::int64_t kPage = 4096;
constexpr std::int64_t kOpsMax = 64;  // more than a scenario makes

/// Rows until there are no more, or one cannot be read.
std::pair<int, bool> read_rows(const Store::Options& options, const char* sql) {
  const auto db = need(store::open_database(options, 1, store::Opening::damaged), "the file");
  Query row = db->query(sql);
  for (int rows = 0;; ++rows) {
    const auto there = row.step();
    if (!there || !*there) return {rows, there.ok()};
  }
}

/// The file that was set aside. An error leaves a connection that fails for ever, so each look has its own.
class Wreck {
 public:
  explicit Wreck(Site& site) : options_(site.options()), generation_(store::generation_in_use(options_) - 1) {}
  bool is_there() const { return generation_ > 0; }

  void each(const char* sql, const std::function<void(const Query&)>& look) { walk(sql, std::nullopt, look); }
  void each(const char* sql, std::int64_t key, const std::function<void(const Query&)>& look) { walk(sql, key, look); }

  bool has_photo(std::int64_t id, const Hash& hash) {
    Sha256 sum;
    each("SELECT bytes FROM chunk WHERE id >> 26 = ?1 ORDER BY id", id,
         [&](const Query& row) { sum.update(row.bytes(0)); });
    return sum.finish() == hash;
  }

 private:
  void walk(const char* sql, std::optional<std::int64_t> key, const std::function<void(const Query&)>& look) {
    const auto db = need(store::open_database(options_, generation_, store::Opening::damaged), "the wreck");
    Query row = key ? db->query(sql, *key) : db->query(sql);
    for (;;) {
      const auto there = row.step();
      if (!there || !*there) return;
      look(row);
    }
  }

  Store::Options options_;
  int generation_;
};

}  // namespace

void damage_rows(Site& site, const char* sql) {
  const std::int64_t pages = static_cast<std::int64_t>(site.phone.image().at(kStoreFile).bytes.size()) / kPage;
  const auto random = seeded_random(1);
  Store::Options options = site.options();
  for (std::int64_t page = pages - 1; page > 0; --page) {
    SimDisk copy(*random);
    copy.restore(site.phone.image());
    const auto spoil = [&](SimDisk& disk) {
      const auto garbage = seeded_random(static_cast<std::uint64_t>(page));
      disk.damage(kStoreFile, page * kPage, kPage, *garbage);
    };
    spoil(copy);
    options.vfs = copy.vfs();
    const auto [rows, whole] = read_rows(options, sql);
    if (whole || rows == 0) continue;
    return spoil(site.phone);
  }
  throw std::runtime_error(std::string("no page to damage for ") + sql);
}

std::string left_behind(Site& site) {
  Wreck wreck(site);
  if (!wreck.is_there()) return {};
  const Store::Options options = site.options();
  const auto db =
      need(store::open_database(options, store::generation_in_use(options), store::Opening::there), "the file");
  std::string missing;
  const auto must_have = [&](const char* sql, const auto& key, const std::string& what) {
    if (!need(db->integer(sql, key), sql)) missing += what + "; ";
  };
  for (std::int64_t seq = 1; seq <= kOpsMax; ++seq) {
    wreck.each("SELECT op_id, hash, canonical FROM op WHERE seq = ?1", seq, [&](const Query& op) {
      if (sha256(op.text(2)) != op.hash(1)) return;
      must_have("SELECT 1 FROM op WHERE op_id = ?1", op.id(0), "operation " + std::string(op.text(2)));
    });
  }
  for (const char* sql : {"SELECT id FROM record ORDER BY id", "SELECT id FROM record ORDER BY id DESC"}) {
    wreck.each(sql, [&](const Query& row) {
      must_have("SELECT 1 FROM record WHERE id = ?1", row.id(0), "record " + row.id(0).text());
    });
  }
  wreck.each("SELECT id, sha256 FROM photo WHERE own = 1 AND here = 1", [&](const Query& row) {
    if (!wreck.has_photo(row.integer(0), row.hash(1))) return;
    must_have("SELECT 1 FROM photo WHERE sha256 = ?1 AND here = 1", row.hash(1), "photo " + hex(row.hash(1)));
  });
  return missing;
}

}  // namespace julu::crash
