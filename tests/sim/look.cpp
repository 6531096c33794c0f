// Looks at a phone before the county has come to rest, and at what it holds of its disk and of memory when it has.
#include <algorithm>
#include <set>

#include <malloc.h>

#include <julu/limits.h>
#include <nlohmann/json.hpp>

#include "effect.h"
#include "holdings.h"
#include "phone.h"
#include "store/core.h"

namespace julu::sim {

using nlohmann::json;

std::string left_on(const World& world, const Phone& phone) {
  const auto db = open_phone(world, phone);
  if (db == nullptr) return {};
  std::string text;
  int shown = 0;
  for (const OwnOp& op : read_ops(*db)) {
    if (op.status == store::kStatusQueued && ++shown <= 3)
      text += "\n  seq " + std::to_string(op.seq) + " " + op.canonical + " " + op.problem;
  }
  return text;
}

void note_versions(World& world, Phone& phone) {
  const Spared spared(phone.disk);
  if (phone.beside == nullptr) phone.beside = open_phone(world, phone);
  if (phone.beside == nullptr) return;
  store::Query row = phone.beside->query(
      "SELECT id, base_version, base_deleted, base, changed FROM record WHERE base_version > 0 AND changed > ?1"
      " ORDER BY changed",
      phone.changes_seen);
  for (auto there = row.step(); there && *there; there = row.step()) {
    const json base = json::parse(row.text(3), nullptr, false);
    world.versions.saw(row.id(0).text(), row.integer(1), row.integer(2) != 0, base,
                       "phone " + std::to_string(phone.number));
    phone.changes_seen = row.integer(4);
  }
}

void look_from_beside(World& world, Phone& phone) {
  if (phone.unsound || phone.disk.stopped()) return;
  const Spared spared(phone.disk);
  if (phone.beside == nullptr) phone.beside = open_phone(world, phone);
  if (phone.beside == nullptr) return;  // the disk is full, or failing
  constexpr std::pair<const char*, const char*> kHalves[] = {
      {"an edit without its record",
       "SELECT 1 FROM op WHERE status IN (0, 2, 3) AND NOT EXISTS (SELECT 1 FROM record WHERE record.id = op.record)"},
      {"a photo without its bytes",
       "SELECT 1 FROM photo WHERE here = 1 AND own = 1 AND length_bytes <>"
       " (SELECT coalesce(sum(length(bytes)), 0) FROM chunk WHERE id BETWEEN photo.id << 26 AND ((photo.id + 1) << 26) - 1)"},
      {"an attach without its photo",
       "SELECT 1 FROM op WHERE verb = 3 AND NOT EXISTS (SELECT 1 FROM photo WHERE photo.sha256 = op.photo)"},
      {"a delivery without its receipt",
       "SELECT 1 FROM op WHERE status = 1 AND NOT EXISTS (SELECT 1 FROM receipt WHERE receipt.id = op.receipt)"}};
  for (const auto& [half, sql] : kHalves) {
    const auto found = phone.beside->integer(sql);
    if (found && *found) world.violate("nobody sees half of what is saved", std::string(half));
  }
  const auto alone = phone.beside->integer(
      "SELECT 1 FROM op WHERE verb = 0 AND instr(canonical, ?1) > 0 AND NOT EXISTS"
      " (SELECT 1 FROM op AS other WHERE other.record = op.record AND other.verb = 3 AND"
      " json_extract(other.canonical, '$.captured_at_ms') = json_extract(op.canonical, '$.captured_at_ms'))",
      kWithPhoto);
  if (alone && *alone && !phone.damaged)
    world.violate("nobody sees half of what is saved", "a report without its photo");
  ++world.tally.looks;
}

void check_attempts(World& world, Phone& phone) {
  if (phone.unsound || phone.disk.stopped()) return;
  const Spared spared(phone.disk);
  if (phone.beside == nullptr) phone.beside = open_phone(world, phone);
  if (phone.beside == nullptr) return;  // the disk is full, or failing
  // One farther off than its longest wait is due: the clock was set back.
  constexpr const char* kTooFar[] = {
      "SELECT max(next_attempt_ms) FROM op WHERE status = 0 AND next_attempt_ms > ?1 + ?2"
      " AND next_attempt_ms - wait_max_ms <= ?1",
      "SELECT max(next_attempt_ms) FROM photo WHERE own = 1 AND uploaded = 0 AND next_attempt_ms > ?1 + ?2"
      " AND next_attempt_ms - wait_max_ms <= ?1"};
  const std::int64_t now = phone.clock.now_ms();
  constexpr std::int64_t kLongestMs = std::max(limits::retry_after_ms_max, limits::backoff_cap_ms);
  for (const char* sql : kTooFar) {
    const auto far = phone.beside->integer(sql, now, kLongestMs);
    if (far && *far)
      world.violate("every pending item has a next attempt", "not before " + std::to_string(**far - now) + " ms");
  }
}

namespace {

std::string shown_of(const Record& record) {
  std::string text = record.body + record.state + (record.deleted ? " deleted" : "") +
                     (record.in_conflict ? " in conflict" : "") + " delivery " +
                     std::to_string(static_cast<int>(record.delivery));
  for (const RecordPhoto& photo : record.photos) text += " " + photo.sha256;
  return text;
}

}  // namespace

void follow_changes(Phone& phone) {
  // After a salvage everything is named again but what was lost with the file, which nobody can name.
  if (phone.feed_salvages != phone.salvages) phone.on_screen.clear();
  phone.feed_salvages = phone.salvages;
  for (bool more = true; more;) {
    const auto changes = phone.store().changes_since(phone.feed);
    if (!changes) return;  // the disk failed, or the file is damaged: the next look begins here again
    for (const std::string& id : changes->records) {
      const auto record = phone.store().get(id);
      if (!record) return;
      if (*record)
        phone.on_screen[id] = shown_of(**record);
      else
        phone.on_screen.erase(id);
    }
    phone.feed = changes->token;
    more = changes->more;
  }
}

void check_screens(World& world, Phone& phone) {
  follow_changes(phone);
  std::map<std::string, std::string> all;
  Filter filter;
  filter.limit = limits::page_rows_max;
  filter.deleted_too = true;
  for (bool more = true; more;) {
    const auto list = phone.store().list(filter);
    if (!list) return world.violate("a phone at rest shows what it has", std::string(julu::name(list.error().code)));
    for (const Record& record : *list) all[record.id] = shown_of(record);
    more = list->size() == static_cast<std::size_t>(filter.limit);
    if (more) filter.before = list->back().id;
  }
  for (const auto& [id, shown] : all) {
    const auto found = phone.on_screen.find(id);
    if (found == phone.on_screen.end() || found->second != shown)
      world.violate("who follows the changes sees them all",
                    "phone " + std::to_string(phone.number) + " " + id + "\n  " + shown + "\n  " +
                        (found == phone.on_screen.end() ? "nothing" : found->second));
  }
  // What a restore took from the county and damage from the phone, row and all, nobody can name any more; that there
  // was a loss is told.
  if (phone.salvages > 0 && world.server.was_restored()) return;
  for (const auto& [id, shown] : phone.on_screen) {
    if (!all.contains(id))
      world.violate("who follows the changes sees them all",
                    "phone " + std::to_string(phone.number) + " " + id + " is gone\n  " + shown);
  }
}

void keep_ops_at_risk(World& world, Phone& phone) {
  const Spared spared(phone.disk);
  const auto db = open_phone(world, phone);
  for (const OwnOp& op : db == nullptr ? std::vector<OwnOp>() : read_ops(*db)) {
    phone.ops_at_risk.insert(worker_of(phone.worker) + op.id);
  }
}

void check_at_calm(World& world, const Phone& phone) {
  const auto db = phone.gone ? nullptr : open_phone(world, phone);
  if (db == nullptr) return;
  const auto bare = db->integer(
      "SELECT count(*) FROM op WHERE status IN (0, 2, 3) AND NOT EXISTS"
      " (SELECT 1 FROM record WHERE record.id = op.record)");
  if (!bare || *bare != 0) world.violate("no unsent edit without its record", "phone " + std::to_string(phone.number));
  static const std::set<std::string> kDecisions = {"stale", "deleted",  "flow",         "not-found",
                                                   "scope", "replaced", "op-id-reused", "too-large"};
  const std::vector<OwnOp> ops = read_ops(*db);
  check_effect_is_one(world, phone, ops, read_held(world.server.disk.vfs()));
  for (const OwnOp& op : ops) {
    if (op.status != store::kStatusParked) continue;
    const json problem = json::parse(op.problem, nullptr, false);
    const std::string type = problem.is_object() ? problem.value("type", "") : "";
    const bool poisoned = type == "bad-request" && world.server.poisoned(op.id) && world.server.parks_poison(op.id);
    const bool of_catalog = type == "schema" && is_of_catalog(world, op.canonical, problem, false);
    if (!poisoned && !kDecisions.contains(type) && !phone.is_of_damage(type) && !of_catalog) {
      world.violate("only what is at fault is parked",
                    "phone " + std::to_string(phone.number) + " " + op.id + " " + op.problem);
    }
  }
}

namespace {

// In all that a store and its Syncer hold: SQLite's caches above all.
constexpr std::int64_t kMemoryMax = 8 << 20;
constexpr std::int64_t kEmptyFile = 256 << 10;
constexpr std::int64_t kOfAnOp = 4 << 10;  // with its record, history, search entries and indexes

}  // namespace

void check_bounds(World& world, Phone& phone) {
  if (!phone.is_open() || phone.unsound) return;
  phone.beside.reset();
  if (!phone.store().maintain(std::chrono::seconds(60))) return world.violate("an idle phone can be tidied", "");
  const std::string file = store::database_path("phone", store::generation_in_use(phone.options()));
  const auto size_of = [&](const std::string& name) {
    const auto found = phone.disk.image().find(name);
    return found == phone.disk.image().end() ? 0 : static_cast<std::int64_t>(found->second.bytes.size());
  };
  if (size_of(file + "-wal") > 0) world.violate("an idle phone's log is empty", std::to_string(size_of(file + "-wal")));
  if (phone.store().status()->low_disk || size_of("phone/ballast") != limits::ballast_bytes)
    world.violate("an idle phone has its ballast", std::to_string(size_of("phone/ballast")));
  std::int64_t expected = kEmptyFile;
  {
    const auto db = open_phone(world, phone);
    for (const char* sql : {"SELECT sum(length(bytes)) FROM chunk", "SELECT sum(length(bytes)) FROM thumbnail"}) {
      expected += 2 * db->integer(sql).value().value_or(0);
    }
    expected += kOfAnOp * db->integer("SELECT count(*) FROM op").value().value_or(0);
  }
  if (size_of(file) > expected) {
    world.violate("a phone's file stays in bounds", std::to_string(size_of(file)) + " not " + std::to_string(expected));
  }
  // What a disk in memory keeps of the log for a power cut is not the phone's.
  std::int64_t of_the_disk = 0;
  for (const auto& write : phone.disk.image().at(file + "-wal").unsynced)
    of_the_disk += static_cast<std::int64_t>(write.bytes.size() + write.before.size());
  const auto held = static_cast<std::int64_t>(mallinfo2().uordblks) - of_the_disk;
  phone.close();
  const std::int64_t given_back = held - static_cast<std::int64_t>(mallinfo2().uordblks);
  if (given_back > kMemoryMax) world.violate("a phone's memory stays in bounds", std::to_string(given_back) + " bytes");
}

}  // namespace julu::sim
