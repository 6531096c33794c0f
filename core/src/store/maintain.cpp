// Upkeep while the host is idle, in steps short enough that a capture never waits long.
#include <julu/store.h>

#include "store/records.h"
#include "store/search.h"

namespace julu {

using namespace store;

namespace {

constexpr int kIndexRows = 64;
constexpr const char* kVacuumStep = "PRAGMA incremental_vacuum(64)";

Result<std::optional<std::string>> photo_without_thumbnail(Core& core) {
  return core.read([](Connection& db) -> Result<std::optional<std::string>> {
    Query row = db.query("SELECT sha256 FROM photo WHERE here = 1 AND has_thumbnail = 0 LIMIT 1");
    JULU_TRY(const bool there, row.step());
    if (!there) return std::optional<std::string>();
    return std::optional(hex(row.hash(0)));
  });
}

}  // namespace

Result<void> Store::maintain(std::chrono::milliseconds budget) {
  const std::int64_t end = clock().monotonic_ms() + budget.count();
  const auto time_left = [&] { return clock().monotonic_ms() < end; };
  while (time_left()) {
    JULU_TRY(const bool more, core_->write([&](Connection& db) { return index_some(*core_, db, kIndexRows); }));
    if (!more) break;
  }
  while (time_left()) {
    JULU_TRY(const auto photo, photo_without_thumbnail(*core_));
    if (!photo) break;
    JULU_CHECK(thumbnail(*photo));
  }
  while (time_left()) {
    const std::lock_guard lock(core_->write_mutex());
    Connection& db = core_->writer_for_maintenance();
    JULU_TRY(const auto free_pages, db.integer("PRAGMA freelist_count"));
    if (free_pages.value_or(0) == 0) break;
    JULU_CHECK(db.script(kVacuumStep));
  }
  core_->make_ballast();
  const std::lock_guard lock(core_->write_mutex());
  return core_->writer_for_maintenance().checkpoint(true);
}

}  // namespace julu
