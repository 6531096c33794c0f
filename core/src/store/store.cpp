// The store's door: opening, photos out, choices and small questions.
#include <julu/store.h>

#include <algorithm>

#include "store/catalog.h"
#include "store/records.h"
#include "store/remake.h"

namespace julu {

using namespace store;

Result<std::unique_ptr<Store>> Store::open(const Options& options) {
  if (options.directory.empty()) return Error{ErrorCode::bad_argument, "directory", {}};
  if (options.photo_long_edge_px < 320 || options.photo_long_edge_px > limits::photo_side_max) {
    return Error{ErrorCode::bad_argument, "photo_long_edge_px", {}};
  }
  if (options.photo_quality < 1 || options.photo_quality > 100)
    return Error{ErrorCode::bad_argument, "photo_quality", {}};
  JULU_TRY(auto core, Core::open(options));
  return std::unique_ptr<Store>(new Store(std::move(core)));
}

Store::Store(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Store::~Store() = default;

Result<void> Store::suspend() { return core_->suspend(); }
Result<void> Store::resume(const StoreKey& key) { return core_->resume(key); }
Identity Store::identity() const { return core_->identity(); }
Clock& Store::clock() const { return core_->clock(); }
Random& Store::random() const { return core_->random(); }
std::string Store::new_id() const { return make_id(core_->clock(), core_->random()).text(); }
void Store::observe(std::function<void()> wake) { core_->observe(std::move(wake)); }

Result<std::vector<std::string>> Store::kinds() {
  static_cast<void>(core_->heed());  // a suspended store still says what it knew
  return core_->kinds();
}

Result<std::string> Store::schema(const std::string& kind) {
  static_cast<void>(core_->heed());
  const auto found = core_->kind(kind);
  if (found == nullptr) return Error{ErrorCode::kind_unknown, "/kind", {}};
  return found->json();
}

Result<std::string> Store::codes(const std::string& list) {
  return core_->read([&](store::Connection& db) { return store::codes(db, list); });
}

Result<void> Store::read_photo(const std::string& sha256, const std::function<bool(std::string_view)>& sink) {
  const auto hash = parse_hash(sha256);
  if (!hash) return Error{ErrorCode::bad_argument, "/sha256", {}};
  std::int64_t photo = 0;
  for (std::int64_t offset = 0;;) {
    // One chunk a lock: a slow sink holds up nobody.
    auto bytes = core_->read([&](Connection& db) -> Result<std::string> {
      JULU_TRY(const auto id, db.integer("SELECT id FROM photo WHERE sha256 = ?1 AND here = 1", *hash));
      if (!id) return Error{ErrorCode::photo_unknown, "/sha256", {}};
      photo = *id;
      return read_range(db, photo, offset, limits::photo_chunk_bytes);
    });
    if (!bytes) return bytes.error();
    if (bytes->empty() || !sink(*bytes)) return {};
    offset += static_cast<std::int64_t>(bytes->size());
  }
}

Result<std::string> Store::thumbnail(const std::string& sha256) {
  const auto hash = parse_hash(sha256);
  if (!hash) return Error{ErrorCode::bad_argument, "/sha256", {}};
  bool stored = false;
  auto made = core_->read([&](Connection& db) -> Result<std::string> {
    std::int64_t photo = 0;
    {
      Query row =
          db.query("SELECT id, has_thumbnail FROM photo WHERE sha256 = ?1 AND (here = 1 OR has_thumbnail = 1)", *hash);
      JULU_TRY(const bool there, row.step());
      if (!there) return Error{ErrorCode::photo_unknown, "/sha256", {}};
      photo = row.integer(0);
      stored = row.integer(1) != 0;
    }
    return make_thumbnail(db, photo);
  });
  if (made && !stored) {
    // It can be derived again, so it need not wait for the disk. By its hash: the photo may be gone meanwhile.
    const auto kept = core_->note([&](Connection& db) -> Result<void> {
      JULU_CHECK(db.run("UPDATE photo SET has_thumbnail = 1 WHERE sha256 = ?1", *hash));
      return db.run("INSERT OR IGNORE INTO thumbnail SELECT id, ?2 FROM photo WHERE sha256 = ?1", *hash, Blob{*made});
    });
    if (!kept && kept.error().code != ErrorCode::disk_full) return kept.error();
  }
  return made;
}

Result<void> Store::resend(const std::string& id) {
  const auto record = parse_id(id);
  if (!record) return Error{ErrorCode::bad_argument, "/id", {}};
  return core_->save([&](Connection& db) -> Result<void> { return send_again(*core_, db, *record); });
}

Result<void> Store::give_up(const std::string& id) {
  const auto record = parse_id(id);
  if (!record) return Error{ErrorCode::bad_argument, "/id", {}};
  return core_->save([&](Connection& db) -> Result<void> { return go_without_refused(*core_, db, *record); });
}

}  // namespace julu
