// Upkeep while the host is idle, in steps short enough that a capture never waits long.
#include <julu/store.h>

#include <algorithm>
#include <functional>

#include "store/records.h"
#include "store/search.h"

namespace julu {

using namespace store;

namespace {

constexpr int kIndexRows = 64;
constexpr const char* kVacuumStep = "PRAGMA incremental_vacuum(64)";

Result<std::optional<std::string>> photo_without_thumbnail(Core& core) {
  return core.read([](Connection& db) -> Result<std::optional<std::string>> {
    Query row = db.query(
        "SELECT sha256 FROM photo WHERE own = 1 AND uploaded = 0 AND has_thumbnail = 0 AND here = 1"
        " UNION ALL SELECT sha256 FROM photo WHERE own <= uploaded AND has_thumbnail = 0 AND here = 1 LIMIT 1");
    JULU_TRY(const bool there, row.step());
    if (!there) return std::optional<std::string>();
    return std::optional(hex(row.hash(0)));
  });
}

// A sent photo whose receipts are older than any restore of the platform: its thumbnail stays. Not while the platform
// is being asked what it still holds.
constexpr const char* kPurgeable =
    "SELECT photo.id FROM photo WHERE own = 1 AND here = 1 AND uploaded = 1 AND has_thumbnail = 1"
    " AND NOT EXISTS (SELECT 1 FROM op WHERE op.photo = photo.sha256 AND op.status IN (0, 2, 3))"
    " AND NOT EXISTS (SELECT 1 FROM op JOIN receipt ON receipt.id = op.receipt WHERE op.photo = photo.sha256"
    "  AND op.status = 1 AND iif(receipt.epoch < ?2, max(receipt.seen_ms, ?3), receipt.seen_ms) >= ?1)"
    " AND EXISTS (SELECT 1 FROM op WHERE op.photo = photo.sha256 AND op.status = 1) LIMIT 1";

// Of the mutant alone.
constexpr const char* kSent =
    "SELECT id FROM photo WHERE own = 1 AND here = 1 AND uploaded = 1 AND ?1 > 0 AND ?2 >= 0 AND ?3 >= 0 LIMIT 1";

Result<bool> purge_one(Connection& db) {
  JULU_TRY(const std::int64_t confirming, meta_integer(db, "confirming"));
  JULU_TRY(const std::int64_t safe, meta_integer(db, "safe_before_ms"));
  JULU_TRY(const std::int64_t seen, meta_integer(db, "server_seen_ms"));
  if (confirming != 0) return false;
  const std::int64_t before =
      mutant(Mutant::purge_at_receipt) ? limits::integer_max : std::max(safe, seen - limits::op_keep_ms);
  // What was held still after a restore may have come there again since, after a backup that is older than that.
  JULU_TRY(const std::int64_t epoch, meta_integer(db, "epoch"));
  JULU_TRY(const std::int64_t confirmed, meta_integer(db, "confirmed_ms"));
  const char* sql = mutant(Mutant::purge_before_receipt) ? kSent : kPurgeable;
  JULU_TRY(const auto photo, db.integer(sql, before, epoch, confirmed));
  if (!photo) return false;
  JULU_CHECK(drop_chunks(db, *photo));
  JULU_CHECK(db.run("UPDATE photo SET here = 0 WHERE id = ?1", *photo));
  return true;
}

// The oldest of others', where all of them and the newest that waits to come are more than may stay. What an op of ours
// names is not theirs: it was given up, and is nowhere else.
constexpr const char* kEvictable =
    "SELECT oldest FROM (SELECT min(iif(has_thumbnail = 1, id, NULL)) AS oldest, sum(length_bytes) AS bytes FROM photo"
    "  WHERE own = 0 AND here = 1 AND NOT EXISTS (SELECT 1 FROM op WHERE op.photo = photo.sha256))"
    " WHERE oldest IS NOT NULL AND bytes + coalesce((SELECT length_bytes FROM photo WHERE here = 0 AND own = 0"
    "  AND problem IS NULL AND id > oldest AND length_bytes <= ?2 AND (next_attempt_ms <= ?3 OR next_attempt_ms > ?3"
    "  + wait_max_ms) ORDER BY id DESC LIMIT 1), 0) > ?1";

// Photos of others come by themselves, but of the oldest only the thumbnails stay. Asked for again, none would stay
// long.
Result<bool> evict_one(Connection& db, std::int64_t now_ms) {
  JULU_TRY(const auto photo, db.integer(kEvictable, limits::others_photo_bytes_max, limits::photo_bytes_max, now_ms));
  if (!photo) return false;
  JULU_CHECK(drop_chunks(db, *photo));
  JULU_CHECK(db.run("UPDATE photo SET here = 0, problem = ?2 WHERE id = ?1", *photo,
                    problem_text(ErrorCode::photo_unknown, "evicted", "", "", "")));
  return true;
}

// False: all of them are made, or a full disk keeps none.
Result<bool> make_one_thumbnail(Store& store, Core& core) {
  JULU_TRY(const auto photo, photo_without_thumbnail(core));
  if (!photo) return false;
  JULU_CHECK(store.thumbnail(*photo));
  JULU_TRY(const auto next, photo_without_thumbnail(core));
  return next != photo;
}

Result<bool> vacuum_some(Connection& db) {
  JULU_TRY(const auto free_pages, db.integer("PRAGMA freelist_count"));
  if (free_pages.value_or(0) == 0) return false;
  JULU_CHECK(db.script(kVacuumStep));
  return true;
}

}  // namespace

Result<void> Store::maintain(std::chrono::milliseconds budget) {
  JULU_CHECK(core_->look_for_mixed_pages());
  const std::int64_t end = clock().monotonic_ms() + std::clamp<std::int64_t>(budget.count(), 0, limits::call_ms_max);
  const auto work = [&](const std::function<Result<bool>()>& step) -> Result<void> {
    for (bool more = true; more && clock().monotonic_ms() < end;) {
      JULU_TRY(more, step());
    }
    return {};
  };
  const std::function<Result<bool>()> steps[] = {
      [&] { return core_->save([](Connection& db) { return purge_one(db); }); },  // which gives back more than it takes
      [&] { return core_->save([&](Connection& db) { return evict_one(db, clock().now_ms()); }); },
      [&] { return core_->write([&](Connection& db) { return index_some(*core_, db, kIndexRows); }); },
      [&] { return make_one_thumbnail(*this, *core_); },
      [&] { return core_->upkeep([](Connection& db) { return vacuum_some(db); }); },
  };
  Result<void> done;
  for (const auto& step : steps) {
    // On a full disk the steps that give room back are still to come.
    if (auto worked = work(step); !worked && done) done = worked;
    if (!done && done.error().code != ErrorCode::disk_full) return done;
  }
  JULU_CHECK(core_->upkeep([](Connection& db) { return db.checkpoint(true); }));
  core_->make_ballast();
  return done;
}

}  // namespace julu
