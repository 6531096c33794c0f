// Photos on their way out.
#include <julu/outbox.h>

#include "store/catalog.h"
#include "store/records.h"

namespace julu {

using namespace store;

namespace store {

Result<void> park_photo(Core& core, Connection& db, const Hash& sha256, const std::string& problem) {
  JULU_CHECK(db.run("UPDATE photo SET problem = ?2 WHERE sha256 = ?1", sha256, problem));
  JULU_TRY(const auto records,
           db.query("SELECT DISTINCT record FROM op WHERE photo = ?1 AND status = 0", sha256).ids());
  JULU_CHECK(db.run("UPDATE op SET status = 2, problem = ?2 WHERE photo = ?1 AND status = 0", sha256, problem));
  for (const Id& record : records) {
    JULU_CHECK(remember_record(db, record));
    JULU_CHECK(lay(core, db, record));
  }
  return {};
}

}  // namespace store

namespace {

// What failed last goes last: by then it is due again, and nothing would ever get past it.
constexpr const char* kDueThumbnails =
    "SELECT sha256, length_bytes, urgency, upload_url, attempts FROM photo WHERE own = 1 AND uploaded = 0 AND thumbnail_sent = 0"
    " AND problem IS NULL AND (next_attempt_ms <= ?1 OR next_attempt_ms > ?1 + wait_max_ms) AND length_bytes > ?3"
    " ORDER BY urgency, next_attempt_ms, id LIMIT ?2";
constexpr const char* kDuePhotos =
    "SELECT sha256, length_bytes, urgency, upload_url, attempts FROM photo WHERE own = 1 AND uploaded = 0"
    " AND " JULU_WANTED_PHOTO
    " AND (next_attempt_ms <= ?1 OR next_attempt_ms > ?1 + wait_max_ms)"
    " ORDER BY urgency, next_attempt_ms, id LIMIT ?2";

Result<std::vector<OutgoingPhoto>> photos_of(Query rows, bool thumbnail) {
  std::vector<OutgoingPhoto> photos;
  for (;;) {
    JULU_TRY(const bool there, rows.step());
    if (!there) return photos;
    photos.push_back({rows.hash(0), rows.integer(1), std::string(rows.text(3)), thumbnail,
                      static_cast<int>(rows.integer(2)), rows.integer(4)});
  }
}

Result<std::int64_t> photo_id(Connection& db, const Hash& sha256) {
  JULU_TRY(const auto photo, db.integer("SELECT id FROM photo WHERE sha256 = ?1", sha256));
  if (!photo) return Error{ErrorCode::photo_unknown, {}, hex(sha256)};
  return *photo;
}

}  // namespace

Result<std::vector<OutgoingPhoto>> Outbox::next_photos(std::size_t photos_max, std::int64_t quick_bytes) {
  Core& core = *store_.core_;
  return core.read([&](Connection& db) -> Result<std::vector<OutgoingPhoto>> {
    const std::int64_t now = core.clock().now_ms();
    const auto most = static_cast<std::int64_t>(photos_max);
    JULU_TRY(auto thumbnails, photos_of(db.query(kDueThumbnails, now, most, quick_bytes), true));
    if (!thumbnails.empty()) return thumbnails;
    return photos_of(db.query(kDuePhotos, now, most), false);
  });
}

Result<std::string> Outbox::read_photo(const Hash& sha256, std::int64_t offset, std::size_t bytes_max) {
  return store_.core_->read([&](Connection& db) -> Result<std::string> {
    JULU_TRY(const std::int64_t photo, photo_id(db, sha256));
    return read_range(db, photo, offset, bytes_max);
  });
}

Result<bool> Outbox::is_photo_whole(const Hash& sha256) {
  Sha256 sum;
  JULU_CHECK(store_.read_photo(hex(sha256), [&](std::string_view piece) {
    sum.update(piece);
    return true;
  }));
  return sum.finish() == sha256;
}

Result<std::string> Outbox::read_thumbnail(const Hash& sha256) { return store_.thumbnail(hex(sha256)); }

Result<void> Outbox::photo_location(const Hash& sha256, const std::string& upload_url) {
  return store_.core_->save([&](Connection& db) -> Result<void> {
    return db.run("UPDATE photo SET attempts = iif(upload_url = ?2, 0, attempts), upload_url = ?2 WHERE sha256 = ?1",
                  sha256, upload_url.empty() ? std::optional<std::string>() : upload_url);
  });
}

Result<void> Outbox::thumbnail_sent(const Hash& sha256) {
  return store_.core_->note([&](Connection& db) -> Result<void> {
    return db.run("UPDATE photo SET thumbnail_sent = 1, attempts = 0 WHERE sha256 = ?1", sha256);
  });
}

Result<void> Outbox::photo_uploaded(const Hash& sha256, const std::string& upload_url) {
  return store_.core_->note([&](Connection& db) -> Result<void> {
    return db.run(
        "UPDATE photo SET uploaded = 1, problem = NULL, attempts = 0, upload_url = coalesce(?2, upload_url) WHERE sha256 = ?1",
        sha256, upload_url.empty() ? std::optional<std::string>() : upload_url);
  });
}

Result<void> Outbox::defer_photo(const Hash& sha256, ErrorCode why, std::int64_t retry_after_ms) {
  return defer_photo_row(*store_.core_, sha256, why, retry_after_ms);
}

Result<void> Outbox::park_photo(const Hash& sha256, const Problem& problem, ErrorCode why) {
  Core& core = *store_.core_;
  return core.save([&](Connection& db) {
    return store::park_photo(core, db, sha256,
                             problem_text(why, problem.type, problem.title, problem.detail, problem.pointer));
  });
}

}  // namespace julu
