#include "bare_store.h"

#include <julu/clock.h>
#include <julu/id.h>

#include "bench.h"
#include "bodies.h"
#include "county.h"

namespace julu::bench {

std::unique_ptr<store::Connection> open_database(const std::string& path, bool keyed) {
  store::Connection::Options options;
  options.path = path;
  options.create = true;
  if (keyed) options.key = StoreKey{{1, 2, 3}};
  auto db = store::Connection::open(options);
  require(db.ok(), "open of a database");
  return std::move(*db);
}

BareStore::BareStore(const std::string& path) : db_(open_database(path, test::has_cipher())) {
  require(db_->script("CREATE TABLE t (id BLOB PRIMARY KEY, at INTEGER, kind TEXT, body TEXT) STRICT;"
                      "CREATE INDEX t_at ON t (at);"
                      "CREATE TABLE p (id INTEGER PRIMARY KEY, bytes BLOB) STRICT")
              .ok(),
          "bare schema");
}

int BareStore::texts(int count, std::uint64_t& seed) {
  for (int i = 0; i < count; ++i) {
    const Id id = make_id(system_clock(), system_random());
    require(
        db_->run("INSERT INTO t VALUES (?1, ?2, 'incident', ?3)", id, system_clock().now_ms(), body_600(++seed)).ok(),
        "bare insert");
  }
  return count;
}

int BareStore::page(int count, std::uint64_t& seed) {
  require(db_->script("BEGIN").ok(), "begin");
  texts(count, seed);
  require(db_->script("COMMIT").ok(), "commit");
  return count;
}

int BareStore::photos(const std::vector<std::string>& photos) {
  for (const std::string& bytes : photos) {
    require(db_->run("INSERT INTO p (bytes) VALUES (?1)", store::Blob{bytes}).ok(), "bare photo");
  }
  return static_cast<int>(photos.size());
}

void BareStore::settle() { require(db_->checkpoint(true).ok(), "checkpoint"); }

}  // namespace julu::bench
