// Photos of others on their way in: pieces are kept as chunks of a photo that is not here, until all are.
#include <julu/inbox.h>

#include <julu/limits.h>
#include <julu/mutant.h>

#include "store/catalog.h"
#include "store/records.h"

namespace julu {

using namespace store;

namespace {

Error damaged(const Hash& sha256) { return Error{ErrorCode::photo_damaged, {}, hex(sha256)}; }

Result<std::optional<std::int64_t>> wanted_photo(Connection& db, const Hash& sha256) {
  return db.integer("SELECT id FROM photo WHERE sha256 = ?1 AND here = 0 AND own = 0", sha256);
}

// Each record that shows it is another than before.
Result<void> tell_of_photo(Core& core, Connection& db, const Hash& sha256) {
  JULU_TRY(const auto records, db.query("SELECT DISTINCT record FROM attachment WHERE sha256 = ?1", sha256).ids());
  for (const Id& record : records) {
    JULU_TRY(const std::int64_t changed, core.next_change(db));
    JULU_CHECK(db.run("UPDATE record SET changed = ?2 WHERE id = ?1", record, changed));
  }
  return {};
}

Result<void> put_chunks(Connection& db, std::int64_t photo, std::int64_t offset, std::string_view bytes) {
  ChunkSink sink(db, photo, offset);
  JULU_CHECK(sink.write({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
  return sink.finish();
}

Result<void> set_here(Core& core, Connection& db, std::int64_t photo, const Hash& sha256, std::int64_t length_bytes) {
  JULU_CHECK(db.run("UPDATE photo SET here = 1, length_bytes = ?2 WHERE id = ?1", photo, length_bytes));
  return tell_of_photo(core, db, sha256);
}

// False: the pieces are of no use.
Result<bool> add_piece(Core& core, Connection& db, const Hash& sha256, std::int64_t offset, std::string_view bytes,
                       std::int64_t whole_bytes) {
  JULU_TRY(const auto photo, wanted_photo(db, sha256));
  if (!photo) return true;  // taken by the worker, or out of scope, meanwhile
  JULU_TRY(const std::int64_t fetched, stored_bytes(db, *photo));
  const std::int64_t end = offset + static_cast<std::int64_t>(bytes.size());
  bool sound = offset == fetched && !bytes.empty() && end <= whole_bytes && whole_bytes <= limits::photo_bytes_max;
  if (sound) JULU_CHECK(put_chunks(db, *photo, offset, bytes));
  if (sound && end < whole_bytes) return true;
  if (sound && !mutant(Mutant::photo_hash_not_checked)) {
    JULU_TRY(sound, has_hash(db, *photo, sha256));
  }
  if (sound)
    JULU_CHECK(set_here(core, db, *photo, sha256, whole_bytes));
  else
    JULU_CHECK(drop_chunks(db, *photo));
  return sound;
}

}  // namespace

Result<std::optional<Inbox::WantedPhoto>> Inbox::next_wanted_photo() {
  Core& core = *store_.core_;
  return core.read([&](Connection& db) -> Result<std::optional<WantedPhoto>> {
    if (!core.has_room_for_others()) return std::optional<WantedPhoto>();
    const std::int64_t now = core.clock().now_ms();
    std::int64_t photo = 0;
    WantedPhoto wanted;
    {
      // The newest first: what is older than all that is here would be let go as soon as it had come.
      Query row = db.query(
          "SELECT id, sha256, length_bytes FROM (SELECT id, sha256, length_bytes FROM photo"
          "  WHERE here = 0 AND own = 0 AND problem IS NULL"
          "  AND (next_attempt_ms <= ?1 OR next_attempt_ms > ?1 + wait_max_ms) AND length_bytes <= ?2"
          "  ORDER BY urgency, id DESC LIMIT 1)"
          " WHERE length_bytes + coalesce((SELECT sum(length_bytes) FROM photo WHERE own = 0 AND here = 1"
          "  AND NOT EXISTS (SELECT 1 FROM op WHERE op.photo = photo.sha256)), 0) <= ?3",
          now, limits::photo_bytes_max, limits::others_photo_bytes_max);
      JULU_TRY(const bool there, row.step());
      if (!there) return std::optional<WantedPhoto>();
      photo = row.integer(0);
      wanted.sha256 = row.hash(1);
      wanted.length_bytes = row.integer(2);
    }
    JULU_TRY(wanted.fetched_bytes, stored_bytes(db, photo));
    return std::optional(wanted);
  });
}

Result<void> Inbox::store_photo(const Hash& sha256, std::string_view bytes) {
  if (julu::sha256(bytes) != sha256 && !mutant(Mutant::photo_hash_not_checked)) return damaged(sha256);
  Core& core = *store_.core_;
  return core.write([&](Connection& db) -> Result<void> {
    JULU_TRY(const auto photo, wanted_photo(db, sha256));
    if (!photo) return {};
    JULU_CHECK(drop_chunks(db, *photo));
    JULU_CHECK(put_chunks(db, *photo, 0, bytes));
    return set_here(core, db, *photo, sha256, static_cast<std::int64_t>(bytes.size()));
  });
}

Result<void> Inbox::store_piece(const Hash& sha256, std::int64_t offset, std::string_view bytes,
                                std::int64_t whole_bytes) {
  Core& core = *store_.core_;
  JULU_TRY(const bool sound, core.write([&](Connection& db) -> Result<bool> {
    return add_piece(core, db, sha256, offset, bytes, whole_bytes);
  }));
  return sound ? Result<void>() : damaged(sha256);
}

Result<void> Inbox::drop_pieces(const Hash& sha256) {
  return store_.core_->write([&](Connection& db) -> Result<void> {
    JULU_TRY(const auto photo, wanted_photo(db, sha256));
    return photo ? drop_chunks(db, *photo) : Result<void>();
  });
}

Result<void> Inbox::defer_wanted(const Hash& sha256, ErrorCode why, std::int64_t retry_after_ms) {
  return defer_photo_row(*store_.core_, sha256, why, retry_after_ms);
}

}  // namespace julu
