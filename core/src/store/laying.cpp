// A record's visible body: the platform's version with the pending ops on top, and when an op becomes part of the base.
#include <algorithm>
#include <utility>

#include "domain/merge.h"
#include "store/own_words.h"
#include "store/records.h"

namespace julu::store {
namespace {

#define JULU_OP_COLUMNS                                                                                            \
  "SELECT seq, op_id, verb, status, after, base_version, version, folded, urgency, photo, base_values, canonical," \
  " place, successor FROM op "

OpRow op_in(const Query& row) {
  OpRow op;
  op.seq = row.integer(0);
  op.op_id = row.id(1);
  op.verb = static_cast<Verb>(row.integer(2));
  op.status = static_cast<int>(row.integer(3));
  op.after = row.maybe_integer(4);
  op.base_version = row.maybe_integer(5);
  op.version = row.maybe_integer(6);
  op.folded = row.integer(7) != 0;
  op.urgency = static_cast<int>(row.integer(8));
  if (!row.is_null(9)) op.photo = row.hash(9);
  op.base_values = row.text(10);
  op.canonical = row.text(11);
  op.place = row.integer(12);
  op.successor = row.maybe_integer(13);
  return op;
}

bool changes_body(const OpRow& op) { return op.verb != Verb::attach && op.verb != Verb::append; }

bool is_laid_on_top(const OpRow& op) {
  return !op.folded && ((op.status == kStatusQueued && !mutant(Mutant::pending_not_laid)) ||
                        op.status == kStatusReceipted || op.status == kStatusParked);
}

// The pending steps of our own on top of what the platform last said.
Result<std::string> effective_state(Core& core, Connection& db, const RecordRow& row) {
  const auto kind = core.kind(row.kind);
  const auto flow = kind != nullptr ? core.flow_of(*kind) : nullptr;
  std::string state = row.base_state;
  if (state.empty() && flow != nullptr) state = flow->initial();
  Query pending = db.query(
      "SELECT action.state FROM action JOIN op ON op.record = action.record AND op.op_id = action.id"
      " WHERE action.record = ?1 AND action.number IS NULL AND op.status IN (0, 1) ORDER BY op.place, op.seq",
      row.id);
  for (;;) {
    JULU_TRY(const bool there, pending.step());
    if (!there) return state;
    state = pending.text(0);
  }
}

// Of a case whose creation damage took, and which the county has not shown: what was reported stands in the row alone
// (of a document rebuild.cpp says it again).
bool is_all_that_says_it(Core& core, const RecordRow& row, const std::vector<OpRow>& ops) {
  const auto kind = core.kind(row.kind);
  return kind != nullptr && kind->shape() != Shape::document &&
         std::none_of(ops.begin(), ops.end(), [](const OpRow& op) { return op.verb == Verb::create; });
}

Result<void> lay_ops(Core& core, Connection& db, RecordRow& row) {
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, row.id));
  Json body = row.base ? stored_object(mutant(Mutant::pulled_not_laid) ? row.body : *row.base) : Json::object();
  if (!row.base && is_all_that_says_it(core, row, ops)) body = stored_object(row.body);
  row.deleted = row.base_deleted;
  const OwnWords words(ops, row.base_version, row.base_epoch);
  for (const OpRow& op : ops) {
    if (!is_laid_on_top(op) || !changes_body(op)) continue;
    if (op.verb == Verb::remove) {
      row.deleted = true;
    } else {
      body = apply_merge_patch(std::move(body), words.still_said(op));
    }
  }
  row.body = canonical(body);
  JULU_TRY(row.state, effective_state(core, db, row));
  return {};
}

}  // namespace

Result<std::optional<RecordRow>> find_record(Connection& db, const Id& id) {
  Query row = db.query(
      "SELECT kind, body, base, base_version, base_epoch, state, base_state, deleted, captured_at_ms,"
      " base_deleted, seen FROM record"
      " WHERE id = ?1",
      id);
  JULU_TRY(const bool there, row.step());
  if (!there) return std::optional<RecordRow>();
  RecordRow record;
  record.id = id;
  record.kind = row.text(0);
  record.body = row.text(1);
  if (!row.is_null(2)) record.base = std::string(row.text(2));
  record.base_version = row.integer(3);
  record.base_epoch = row.integer(4);
  record.state = row.text(5);
  record.base_state = row.text(6);
  record.deleted = row.integer(7) != 0;
  record.captured_at_ms = row.integer(8);
  record.base_deleted = row.integer(9) != 0;
  record.seen = row.integer(10);
  return std::optional(std::move(record));
}

Result<std::vector<OpRow>> ops_of(Connection& db, const Id& record, std::int64_t first) {
  std::vector<OpRow> ops;
  Query row = db.query(JULU_OP_COLUMNS "WHERE record = ?1 AND place >= ?2 ORDER BY place, seq", record, first);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return ops;
    ops.push_back(op_in(row));
  }
}

Result<std::optional<OpRow>> queued_op(Connection& db, std::int64_t seq) {
  Query row = db.query(JULU_OP_COLUMNS "WHERE seq = ?1 AND status = 0", seq);
  JULU_TRY(const bool there, row.step());
  return there ? std::optional(op_in(row)) : std::nullopt;
}

OpText parse_op(const std::string& canonical_text) {
  OpText op;
  Json json = stored_object(canonical_text);
  if (json.contains("body")) op.body = std::move(json["body"]);
  op.moment.captured_at_ms = std::max<std::int64_t>(0, json.value("captured_at_ms", std::int64_t{0}));
  const Json evidence = json.value("evidence", Json::object());
  op.moment.evidence.boot_id = text_member(evidence, "boot_id");
  op.moment.evidence.monotonic_ms = evidence.value("monotonic_ms", std::int64_t{0});
  if (evidence.contains("clock_offset_ms")) op.moment.evidence.clock_offset_ms = evidence["clock_offset_ms"];
  for (const Json& id : json.value("replaces", Json::array())) {
    if (const auto parsed = parse_id(id.get_ref<const std::string&>())) op.replaces.push_back(*parsed);
  }
  return op;
}

Result<std::optional<std::int64_t>> pending_before(Connection& db, const Id& record) {
  return db.integer(
      "SELECT seq FROM op WHERE record = ?1 AND verb <> 3"  // an attach changes no version
      " AND (status IN (0, 2) OR (status = 1 AND folded = 0)) ORDER BY place DESC, seq DESC LIMIT 1",
      record);
}

Result<std::optional<std::int64_t>> goes_as(Connection& db, std::int64_t seq) {
  return db.integer(
      "WITH RECURSIVE way(seq) AS (SELECT ?1 UNION SELECT successor FROM op JOIN way USING (seq)"
      "  WHERE status IN (3, 4) AND successor IS NOT NULL)"
      " SELECT seq FROM op JOIN way USING (seq) WHERE status < 3",
      seq);
}

std::int64_t place_before(const std::vector<OpRow>& ops) {
  return ops.empty() ? 0 : std::max<std::int64_t>(0, ops.front().place - 1);
}

namespace {

Result<std::optional<Id>> name_of(Connection& db, std::optional<std::int64_t> seq) {
  if (!seq) return std::optional<Id>();
  JULU_TRY(const auto goes, goes_as(db, *seq));
  if (!goes) return std::optional<Id>();
  Query op = db.query("SELECT op_id FROM op WHERE seq = ?1", *goes);
  JULU_CHECK(op.step());
  return std::optional(op.id(0));
}

}  // namespace

// What a pull has shown a restore may have taken, and the worker sent again: then it goes by another name.
Result<std::optional<Id>> step_goes_as(Connection& db, const Id& record, const Id& step) {
  JULU_TRY(const auto own, db.integer("SELECT seq FROM op WHERE record = ?1 AND op_id = ?2", record, step));
  JULU_TRY(const auto goes, name_of(db, own));
  if (goes) return goes;
  JULU_TRY(const auto numbered, db.integer("SELECT 1 FROM action WHERE id = ?1 AND number IS NOT NULL", step));
  if (numbered) return std::optional(step);
  // One that damage took may have been said again.
  JULU_TRY(const auto again, db.integer("SELECT seq FROM op WHERE record = ?1 AND verb = 2 AND EXISTS"
                                        " (SELECT 1 FROM json_each(canonical, '$.replaces') WHERE value = ?2)"
                                        " ORDER BY seq DESC",
                                        record, step.text()));
  return name_of(db, again);
}

Result<void> remember_record(Connection& db, const Id& record) {
  JULU_TRY(const auto text, db.text("SELECT canonical FROM op WHERE record = ?1 ORDER BY place LIMIT 1", record));
  if (!text) return {};
  const Json op = stored_object(*text);
  return db.run(
      "INSERT OR IGNORE INTO record (id, kind, body, captured_at_ms, seen, changed) VALUES (?1, ?2, '{}', ?3, -1, 0)",
      record, text_member(op, "kind"), op.value("captured_at_ms", std::int64_t{0}));
}

Result<void> lay(Core& core, Connection& db, RecordRow row) {
  JULU_CHECK(lay_ops(core, db, row));
  JULU_TRY(const std::int64_t changed, core.next_change(db));
  return db.run(
      "INSERT INTO record (id, kind, body, base, base_version, base_epoch, state, base_state, deleted, base_deleted, seen,"
      " captured_at_ms, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
      " ON CONFLICT DO UPDATE SET body = ?3, base = ?4, base_version = ?5, base_epoch = ?6, state = ?7, base_state = ?8,"
      " deleted = ?9, base_deleted = ?10, seen = ?11, changed = ?13",
      row.id, row.kind, row.body, row.base, row.base_version, row.base_epoch, row.state, row.base_state, row.deleted,
      row.base_deleted, row.seen, row.captured_at_ms, changed);
}

Result<void> lay(Core& core, Connection& db, const Id& record) {
  JULU_TRY(auto row, find_record(db, record));
  return row ? lay(core, db, std::move(*row)) : Result<void>();
}

Result<void> fold(Connection& db, RecordRow& row, std::int64_t epoch) {
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, row.id));
  std::optional<Json> base;
  if (row.base) base = stored_object(*row.base);
  std::int64_t version = row.base_version;
  bool deleted = false;
  for (const OpRow& op : ops) {
    if (op.status != kStatusReceipted || op.folded || is_lost(op, row.base_version, row.base_epoch)) continue;
    bool folds = !changes_body(op);  // an attach and a step change no body; they have rows of their own
    if (!folds && op.version && *op.version <= version) {
      folds = true;  // the base came from a row at or above it
    } else if (!folds && op.version) {
      std::int64_t applied_to = op.base_version.value_or(0);
      if (op.after) {
        const auto before = std::find_if(ops.begin(), ops.end(), [&](const OpRow& o) { return o.seq == *op.after; });
        applied_to = before != ops.end() ? before->version.value_or(-1) : -1;
      }
      if (applied_to != version && !mutant(Mutant::fold_on_any_version)) continue;
      folds = true;
      if (op.verb == Verb::remove) {
        deleted = !mutant(Mutant::own_delete_not_folded);
      } else {
        base = apply_merge_patch(base.value_or(Json::object()), parse_op(op.canonical).body);
      }
      version = *op.version;
    }
    if (folds) JULU_CHECK(db.run("UPDATE op SET folded = 1 WHERE seq = ?1", op.seq));
  }
  if (version == row.base_version) return {};
  if (base) row.base = canonical(*base);
  row.base_version = version;
  row.base_epoch = std::max(row.base_epoch, epoch);
  row.base_deleted = row.base_deleted || deleted;
  return {};
}

Result<void> add_attachment(Connection& db, const Id& record, const Hash& sha256, std::string_view role,
                            const std::optional<Id>& action, std::optional<std::int64_t> op) {
  JULU_TRY(const auto count, db.integer("SELECT count(*) FROM attachment WHERE record = ?1", record));
  return db.run(
      "INSERT INTO attachment (record, sha256, role, action, place, op) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
      " ON CONFLICT DO UPDATE SET action = coalesce(action, excluded.action), op = coalesce(excluded.op, iif(op > 0, op, NULL))"
      " WHERE action IS NOT coalesce(action, excluded.action) OR op IS NOT coalesce(excluded.op, iif(op > 0, op, NULL))",
      record, sha256, role, action, count.value_or(0), op);
}

Result<void> add_history(Connection& db, const Id& record, std::int64_t at_ms, const char* what, const Json& detail) {
  return db.run("INSERT INTO history (record, at_ms, what, detail) VALUES (?1, ?2, ?3, ?4)", record, at_ms, what,
                detail.dump());
}

std::string problem_text(ErrorCode code, std::string_view type, std::string_view title, std::string_view detail,
                         std::string_view pointer) {
  return Json{{"code", name(code)}, {"type", type}, {"title", title}, {"detail", detail}, {"pointer", pointer}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Id> refs_of(const Kind& kind, const Json& body) {
  std::vector<Id> ids;
  for (const std::string& ref : kind.refs(body)) {
    if (const auto target = parse_id(ref)) ids.push_back(*target);
  }
  return ids;
}

int urgency_of(const Json& body) {
  const std::string urgency = text_member(body, "urgency");
  if (urgency == "emergency") return 0;
  return urgency == "urgent" ? 1 : 2;
}

Wait next_wait(Core& core, std::int64_t attempts, std::int64_t retry_after_ms) {
  const std::int64_t now = core.clock().now_ms();
  if (mutant(Mutant::retry_never)) return {limits::integer_max, limits::integer_max};
  if (retry_after_ms > 0 && !mutant(Mutant::retry_after_ignored)) {
    const std::int64_t wait = std::min(retry_after_ms, limits::retry_after_ms_max);
    return {now + wait, std::max(wait, limits::backoff_cap_ms)};
  }
  const std::int64_t cap = mutant(Mutant::jitter_without_cap) ? limits::integer_max : limits::backoff_cap_ms;
  const auto doublings = std::min<std::int64_t>(attempts, 20);
  const std::int64_t most = std::min(cap, limits::backoff_base_ms << doublings);
  const auto wait = static_cast<std::int64_t>(core.random().below(static_cast<std::uint64_t>(most) + 1));
  return {now + wait, mutant(Mutant::wait_outlives_clock) ? limits::integer_max : cap};
}

}  // namespace julu::store
