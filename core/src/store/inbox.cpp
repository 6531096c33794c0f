// Pulled pages: rows and cursor in one transaction, pending edits laid on again.
#include <julu/inbox.h>

#include <algorithm>
#include <utility>

#include "domain/merge.h"
#include "store/catalog.h"
#include "store/records.h"
#include "store/remake.h"

namespace julu {
namespace store {
namespace {

Result<void> take_actions(Connection& db, const Id& record, const Change& change) {
  if (mutant(Mutant::actions_ignored)) return {};
  for (const ChangeAction& action : change.actions) {
    const Json actor{{"id", action.actor_id}, {"name", action.actor_name}, {"role", action.actor_role}};
    JULU_CHECK(
        db.run("INSERT INTO action (id, record, number, action, state, actor, at_ms, body)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
               " ON CONFLICT DO UPDATE SET number = excluded.number, state = excluded.state"
               " WHERE number IS NOT excluded.number OR state IS NOT excluded.state",
               action.id, record, action.number, action.action, action.state,
               actor.dump(-1, ' ', false, Json::error_handler_t::replace), action.at_ms, action.body));
  }
  return {};
}

Result<void> take_photos(Connection& db, const Id& record, const Change& change) {
  if (mutant(Mutant::photos_ignored)) return {};
  for (const ChangePhoto& photo : change.photos) {
    JULU_CHECK(db.run(
        "INSERT INTO photo (id, sha256, length_bytes, here, own) SELECT coalesce(max(id), 0) + 1, ?1, ?2, 0, 0 FROM photo"
        " WHERE true ON CONFLICT DO UPDATE SET length_bytes = excluded.length_bytes WHERE here = 0 AND own = 0"
        " AND length_bytes IS NOT excluded.length_bytes",
        photo.sha256, photo.length_bytes));
    JULU_CHECK(add_attachment(db, record, photo.sha256, photo.role, photo.action, std::nullopt));
  }
  return {};
}

// What a restore took from the county is not shown as the county's, and no step names it; what an op of ours brought
// stays as ours, for it goes there again, unless a person gave it up.
Result<void> forget_lost(Connection& db, const Id& record, const Change& change) {
  JULU_TRY(const auto steps, db.query("SELECT id FROM action WHERE record = ?1 AND number IS NOT NULL", record).ids());
  for (const Id& id : steps) {
    const bool held = std::any_of(change.actions.begin(), change.actions.end(),
                                  [&](const ChangeAction& action) { return action.id == id; });
    if (held) continue;
    JULU_TRY(const auto ours,
             db.integer("SELECT 1 FROM op WHERE record = ?1 AND op_id = ?2 AND status <> 4", record, id));
    JULU_CHECK(ours ? db.run("UPDATE action SET number = NULL WHERE id = ?1", id)
                    : db.run("DELETE FROM action WHERE id = ?1", id));
    JULU_TRY(const auto goes, ours ? step_goes_as(db, record, id) : Result<std::optional<Id>>(std::nullopt));
    if (goes && *goes != id) JULU_CHECK(rename_step(db, id, *goes));  // it was made again meanwhile
  }
  // In each role by itself: the same bytes may hang there twice.
  std::vector<std::pair<Hash, std::string>> photos;
  {
    Query row = db.query("SELECT sha256, role FROM attachment WHERE record = ?1 AND op IS NULL", record);
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) break;
      photos.emplace_back(row.hash(0), row.text(1));
    }
  }
  for (const auto& [sha256, role] : photos) {
    const bool held = std::any_of(change.photos.begin(), change.photos.end(),
                                  [&, &hash = sha256, &name = role](const ChangePhoto& photo) {
                                    return photo.sha256 == hash && photo.role == name;
                                  });
    if (!held)
      JULU_CHECK(db.run("DELETE FROM attachment WHERE record = ?1 AND sha256 = ?2 AND role = ?3 AND op IS NULL", record,
                        sha256, role));
  }
  return {};
}

Result<void> forget_record(Core& core, Connection& db, const Id& record) {
  JULU_TRY(const std::int64_t changed, core.next_change(db));
  JULU_CHECK(db.run("INSERT OR REPLACE INTO gone VALUES (?1, ?2)", record, changed));
  JULU_CHECK(db.run("DELETE FROM attachment WHERE record = ?1", record));
  JULU_CHECK(db.run("DELETE FROM action WHERE record = ?1", record));
  JULU_CHECK(db.run("DELETE FROM conflict WHERE record = ?1", record));
  // What gave way to an edit of the worker's stays, as that edit does: it is the proof that nothing went in silence.
  JULU_CHECK(db.run("DELETE FROM history WHERE record = ?1 AND what = 'pulled'", record));
  JULU_CHECK(db.run("DELETE FROM search WHERE rowid = (SELECT id FROM searched WHERE record = ?1)", record));
  JULU_CHECK(db.run("DELETE FROM searched WHERE record = ?1", record));
  return db.run("DELETE FROM record WHERE id = ?1", record);
}

// What an op of ours names is ours, though damage took it and it is to come back.
constexpr const char* kUnnamedPhotos =
    "SELECT id FROM photo WHERE own = 0 AND sha256 NOT IN (SELECT sha256 FROM attachment)"
    " AND NOT EXISTS (SELECT 1 FROM op WHERE op.photo = photo.sha256)";

// Photos of others that no record in scope names any more: not to be kept, and nobody would give them. All that goes
// by a photo's number goes with it, because the last number is given again.
Result<void> forget_unnamed_photos(Connection& db) {
  std::vector<std::int64_t> photos;
  {
    Query row = db.query(kUnnamedPhotos);
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) break;
      photos.push_back(row.integer(0));
    }
  }
  for (const std::int64_t photo : photos) {
    JULU_CHECK(drop_chunks(db, photo));
    JULU_CHECK(db.run("DELETE FROM thumbnail WHERE photo = ?1", photo));
    JULU_CHECK(db.run("DELETE FROM photo WHERE id = ?1", photo));
  }
  return {};
}

Result<bool> has_unreceipted(Connection& db, const Id& record) {
  JULU_TRY(const auto count, db.integer("SELECT count(*) FROM op WHERE record = ?1 AND status IN (0, 2, 3)", record));
  return count.value_or(0) > 0;
}

RecordRow pulled_row(const Id& record, const Change& change) {
  RecordRow row;
  row.id = record;
  row.kind = change.kind;
  row.body = "{}";
  row.captured_at_ms = change.created_at_ms;
  return row;
}

// What stays here is the worker's own, and its past says once what became of the rest.
Result<void> leave_scope(Core& core, Connection& db, const Id& record) {
  JULU_TRY(const auto told, db.integer("SELECT 1 FROM record WHERE id = ?1 AND seen = -1 AND EXISTS"
                                       " (SELECT 1 FROM history WHERE record = ?1 AND what = 'removed')",
                                       record));
  if (told) return {};
  JULU_CHECK(db.run("UPDATE record SET seen = -1 WHERE id = ?1", record));
  return add_history(db, record, core.clock().now_ms(), "removed", Json::object());
}

// True: the record is another than before. The echo of what was sent from here is not.
Result<bool> apply_change(Core& core, Connection& db, const Id& record, const Change& change, std::int64_t epoch,
                          std::int64_t generation) {
  if (change.removed) {
    JULU_TRY(const bool ours, has_unreceipted(db, record));
    if (!ours) {
      JULU_TRY(const auto here, db.integer("SELECT 1 FROM record WHERE id = ?1", record));
      if (!here) return false;  // of somebody else's, which was never in sight
      JULU_CHECK(forget_record(core, db, record));
      return true;
    }
    JULU_CHECK(leave_scope(core, db, record));
    return true;
  }
  JULU_TRY(auto row, find_record(db, record));
  // An edit of ours may have brought the base to the new epoch before the county's row does.
  if (row && epoch == row->base_epoch && change.version >= row->base_version)
    JULU_CHECK(forget_lost(db, record, change));
  if (!row) row = pulled_row(record, change);
  JULU_TRY(const bool newer, take_base(core, db, *row, change, epoch));
  row->seen = generation;
  JULU_CHECK(lay(core, db, std::move(*row)));
  return newer;
}

// Unsent work, and for one pull more what was delivered meanwhile and an open choice, whose values are nowhere else:
// what a full pull did not name may only have come too late for it.
constexpr const char* kStays =
    "SELECT EXISTS (SELECT 1 FROM op WHERE record = ?1 AND status IN (0, 2, 3))"
    " OR EXISTS (SELECT 1 FROM record WHERE id = ?1 AND seen = -2)"
    " OR EXISTS (SELECT 1 FROM conflict JOIN record ON id = record WHERE record = ?1 AND seen >= 0)";

// The full pull could have named it: it does not stay for a delivery or a choice alone, and its creation is not to go,
// for the first time or after a restore.
constexpr const char* kWasPassedOver =
    "SELECT seen >= 0 AND EXISTS (SELECT 1 FROM op WHERE record = ?1 AND status IN (0, 2, 3)) AND NOT EXISTS"
    " (SELECT 1 FROM op WHERE record = ?1 AND verb = 0 AND status IN (0, 2, 3)) FROM record WHERE id = ?1";

// What has left the worker's scope goes, unless something of it stays. True: something went.
Result<bool> let_go(Core& core, Connection& db, const std::vector<Id>& leaving) {
  bool gone = false;
  for (const Id& record : leaving) {
    JULU_TRY(const auto stays, db.integer(kStays, record));
    if (stays != 1 || mutant(Mutant::sweep_takes_unsent)) {
      JULU_CHECK(forget_record(core, db, record));
      gone = true;
      continue;
    }
    JULU_TRY(const auto passed_over, db.integer(kWasPassedOver, record));
    JULU_CHECK(passed_over == 1 ? leave_scope(core, db, record)
                                : db.run("UPDATE record SET seen = -1 WHERE id = ?1", record));
  }
  return gone;
}

// A pull has ended. After a full one, what it did not name is out of scope; what was sent since is delivered, and where
// it brought the record back, the pull has named that.
Result<bool> sweep(Core& core, Connection& db, std::int64_t generation) {
  JULU_TRY(const std::int64_t swept, meta_integer(db, "swept"));
  JULU_TRY(
      const auto leaving,
      swept >= generation
          ? db.query("SELECT id FROM record WHERE seen < 0").ids()
          : db.query("SELECT id FROM record WHERE (base_version > 0 OR seen < 0) AND seen < ?1", generation).ids());
  JULU_TRY(const bool gone, let_go(core, db, leaving));
  if (swept >= generation) return gone;
  JULU_CHECK(set_meta(db, "swept", generation));
  return true;
}

Result<void> begin_full_pull(Connection& db) {
  JULU_TRY(const std::int64_t generation, meta_integer(db, "generation"));
  JULU_CHECK(set_meta(db, "cursor", ""));
  return set_meta(db, "generation", generation + 1);
}

// An empty page of the place where the cursor stands: nothing of it must wait for the disk.
Result<bool> is_known(Connection& db, const PulledPage& page) {
  if (page.more || !page.changes.empty()) return false;
  JULU_TRY(const auto cursor, meta_text(db, "cursor"));
  JULU_TRY(const std::int64_t epoch, meta_integer(db, "cursor_epoch"));
  JULU_TRY(const std::int64_t generation, meta_integer(db, "generation"));
  JULU_TRY(const std::int64_t swept, meta_integer(db, "swept"));
  JULU_TRY(const auto leaving, db.integer("SELECT 1 FROM record WHERE seen < 0 LIMIT 1"));
  return cursor == page.next && epoch == page.epoch && swept >= generation && !leaving;
}

// On a full disk the room that the ballast gave is for what the worker says. Without a receipt key nothing of that
// could be delivered.
Result<bool> must_wait_for_room(const Core& core, const Inbox& inbox, const PulledPage& page) {
  if (!core.low_disk() || page.changes.empty()) return false;
  for (const Change& change : page.changes) {
    if (change.kind == "receipt-key") return false;
  }
  return inbox.has_receipt_keys();
}

}  // namespace

Result<bool> take_base(Core& core, Connection& db, RecordRow& row, const Change& change, std::int64_t epoch) {
  if (epoch < row.base_epoch) return false;
  const bool after_restore = epoch > row.base_epoch;
  if (after_restore) JULU_CHECK(forget_lost(db, row.id, change));
  JULU_CHECK(take_actions(db, row.id, change));
  JULU_CHECK(take_photos(db, row.id, change));
  const bool newer = (after_restore && !mutant(Mutant::epoch_ignored)) || change.version > row.base_version;
  if (!newer) return false;
  // What the platform may have lost is laid on top until it has said what it holds.
  if (after_restore)
    JULU_CHECK(
        db.run("UPDATE op SET folded = 0 WHERE record = ?1 AND status IN (0, 1) AND folded = 1"
               " AND (version IS NULL OR version > ?2)",
               row.id, change.version));
  JULU_CHECK(db.run("UPDATE op SET folded = 1 WHERE record = ?1 AND status = 1 AND folded = 0 AND version <= ?2",
                    row.id, mutant(Mutant::fold_not_by_row) ? 0 : change.version));
  const auto before = std::exchange(row.base, change.body.empty() ? row.base.value_or("{}") : change.body);
  row.base_version = change.version;
  row.base_epoch = epoch;
  row.base_state = change.state;
  row.base_deleted = change.deleted && !mutant(Mutant::deleted_ignored);
  const bool removed = change.deleted && !row.deleted;
  if (before && (*before != *row.base || removed)) {
    // A record that changes every night keeps what changed, not itself twice a night.
    Json from = stored_object(*before), to;
    if (!removed) {
      const Json now = stored_object(*row.base);
      const Json patch = merge_patch_between(from, now);
      to = base_values_for(now, patch);
      from = base_values_for(from, patch);
    }
    JULU_CHECK(add_history(db, row.id, core.clock().now_ms(), "pulled",
                           Json{{"version", change.version}, {"from", from}, {"to", to}}));
  }
  return true;
}

}  // namespace store

using namespace store;

Result<std::string> Inbox::cursor() const {
  return store_.core_->read([&](Connection& db) -> Result<std::string> {
    JULU_TRY(const auto cursor, meta_text(db, "cursor"));
    return cursor.value_or("");
  });
}

Result<Inbox::Applied> Inbox::apply(const PulledPage& page) {
  Core& core = *store_.core_;
  JULU_TRY(const bool nothing_new, core.read([&](Connection& db) { return is_known(db, page); }));
  if (nothing_new) {
    JULU_CHECK(core.note([&](Connection& db) { return set_meta(db, "last_sync_ms", core.clock().now_ms()); }));
    return Applied{};
  }
  JULU_TRY(const bool waits, must_wait_for_room(core, *this, page));
  if (waits) return Error{ErrorCode::disk_full, {}, {}};
  if (mutant(Mutant::cursor_apart)) {
    JULU_CHECK(core.write([&](Connection& db) { return set_meta(db, "cursor_epoch", page.epoch); }));
    JULU_CHECK(core.write([&](Connection& db) { return set_meta(db, "cursor", page.next); }));
  }
  bool catalog_changed = false;
  auto applied = core.write([&](Connection& db) -> Result<Applied> {
    JULU_TRY(const std::int64_t epoch, meta_integer(db, "cursor_epoch"));
    JULU_TRY(const auto cursor, meta_text(db, "cursor"));
    const bool from_the_beginning = cursor.value_or("").empty();
    if (page.epoch != epoch && !from_the_beginning) {
      JULU_CHECK(begin_full_pull(db));
      return Applied{0, true};
    }
    JULU_CHECK(set_meta(db, "cursor_epoch", page.epoch));
    JULU_CHECK(note_epoch(core, db, page.epoch));
    JULU_TRY(const std::int64_t generation, meta_integer(db, "generation"));
    Applied result;
    bool forgotten = false;
    for (const Change& change : page.changes) {
      const auto record = parse_id(change.id);
      if (!record) {
        JULU_TRY(const std::string problem, keep_in_catalog(core, db, change, page.epoch));
        if (!problem.empty()) result.refused.push_back(change.kind + " " + change.id + ": " + problem);
        catalog_changed = true;
        continue;
      }
      JULU_TRY(const bool changed, apply_change(core, db, *record, change, page.epoch, generation));
      forgotten = forgotten || change.removed;
      result.changed += changed ? 1 : 0;
    }
    JULU_CHECK(set_meta(db, "cursor", page.next));
    if (!page.more) {
      // What the platform may have lost and gets again must not be forgotten here meanwhile.
      JULU_TRY(const std::int64_t confirming, meta_integer(db, "confirming"));
      if (confirming == 0 || mutant(Mutant::sweep_while_confirming)) {
        JULU_TRY(const bool gone, sweep(core, db, generation));
        forgotten = forgotten || gone;
      }
      JULU_CHECK(set_meta(db, "last_sync_ms", core.clock().now_ms()));
    }
    if (forgotten) JULU_CHECK(forget_unnamed_photos(db));
    if (catalog_changed) JULU_CHECK(core.catalog_changed(db));
    return result;
  });
  return applied;
}

Result<void> Inbox::restart() {
  return store_.core_->write([&](Connection& db) -> Result<void> { return begin_full_pull(db); });
}

Result<bool> Inbox::has_receipt_keys() const {
  return store_.core_->read([&](Connection& db) -> Result<bool> {
    JULU_TRY(const auto count,
             db.integer("SELECT count(*) FROM catalog WHERE kind = 'receipt-key' AND problem IS NULL"));
    return count.value_or(0) > 0;
  });
}

}  // namespace julu
