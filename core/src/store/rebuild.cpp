// After salvage.cpp, once kinds and flows are known: what a lost op said is said again by what is left of the record.
#include <algorithm>
#include <set>

#include "domain/merge.h"
#include "store/records.h"
#include "store/remake.h"

namespace julu::store {
namespace {

// A record that the platform has never shown is the worker's own; one that stands otherwise than the platform's version
// was edited. Where the op that said so is lost, the record says it as well.
constexpr const char* kWithoutOps =
    "SELECT id FROM record WHERE NOT EXISTS (SELECT 1 FROM op WHERE op.record = record.id AND op.folded = 0"
    " AND op.verb <> 3 AND op.status <> 4) AND iif(deleted, base IS NOT NULL AND NOT base_deleted, base IS NULL OR base <> body)";
// A step of ours that nothing sends. The ops of others are not here, and their steps have the county's numbers.
constexpr const char* kLostSteps =
    "SELECT id, record, body, at_ms FROM action WHERE number IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM op WHERE op.op_id = action.id AND op.status <> 4) ORDER BY at_ms, id";
constexpr const char* kStepWithoutRow =
    "SELECT op_id FROM op WHERE record = ?1 AND verb = 2 AND status IN (0, 2)"
    " AND json_extract(canonical, '$.body.action') = ?2"
    " AND NOT EXISTS (SELECT 1 FROM action WHERE action.id = op.op_id) ORDER BY place LIMIT 1";
// Of an op that goes or went, what shows it. A step that the base knows comes with the pull.
constexpr const char* kUnshownSteps =
    "SELECT DISTINCT record FROM op JOIN record ON record.id = op.record WHERE verb = 2 AND status < 3"
    " AND (status <> 1 OR version > record.base_version) AND NOT EXISTS (SELECT 1 FROM action WHERE action.id = op_id)";
constexpr const char* kShowPhotos =
    "INSERT OR IGNORE INTO attachment SELECT record, photo, json_extract(canonical, '$.body.role'), (SELECT id FROM"
    "  (SELECT id, record FROM action UNION ALL SELECT op_id, record FROM op WHERE verb = 2) AS step"
    "  WHERE step.record = op.record"
    "  AND lower(hex(id)) = replace(json_extract(canonical, '$.body.action'), '-', '')), place, seq"
    " FROM op WHERE verb = 3 AND status < 3 AND EXISTS (SELECT 1 FROM record WHERE id = op.record) ORDER BY seq DESC";
constexpr const char* kPending = "SELECT DISTINCT record FROM op WHERE status IN (0, 2) OR (status = 1 AND folded = 0)";
// A delivery whose receipt is lost is none: the platform says it again.
constexpr const char* kUnproven =
    "SELECT DISTINCT record FROM op WHERE status = 1 AND receipt NOT IN (SELECT id FROM receipt)";
constexpr const char* kSendUnproven =
    "UPDATE op SET status = 0, receipt = NULL, version = NULL, folded = 0, next_attempt_ms = 0"
    " WHERE status = 1 AND receipt NOT IN (SELECT id FROM receipt)";
// With its step only where the platform has that or gets it: for another it would wait for ever.
constexpr const char* kLostAttachments =
    "SELECT a.record, a.sha256, a.role, iif(EXISTS (SELECT 1 FROM action WHERE id = a.action AND number IS NOT NULL)"
    "  OR EXISTS (SELECT 1 FROM op WHERE op.record = a.record AND op.op_id = a.action), a.action, NULL),"
    " photo.length_bytes, photo.here = 0 AND photo.problem IS NOT NULL FROM attachment AS a JOIN photo USING (sha256) WHERE a.op = 0"
    " ORDER BY a.record, a.place";

Json member(const Json& object, const std::string& key) { return object.value(key, Json()); }

bool changes_fields(const OpRow& op) { return op.verb == Verb::create || op.verb == Verb::patch; }

// Whether the row was written with this op or after it. A first creation brought the row; of an edit, one field that
// stands as the edit made it and not as it was before.
bool shows(const Json& body, const OpRow& op) {
  if (op.verb == Verb::create) return op.place == op.seq;
  if (op.verb != Verb::patch) return false;
  const Json says = parse_op(op.canonical).body;
  const Json before = stored_object(op.base_values);
  const Json after = apply_merge_patch(before, says);
  const Json shown = base_values_for(body, says);
  return std::any_of(says.items().begin(), says.items().end(), [&](const auto& field) {
    const Json made = member(after, field.key());
    return made == member(shown, field.key()) && made != member(before, field.key());
  });
}

// The part of the difference that undoes nothing of an op which may be newer than the row.
Json safe_part(const Json& difference, const Json& body, const std::vector<OpRow>& ops) {
  std::int64_t newest_shown = 0;
  for (const OpRow& op : ops) newest_shown = std::max(newest_shown, shows(body, op) ? op.seq : 0);
  Json safe = difference;
  for (const OpRow& op : ops) {
    if (op.seq <= newest_shown || op.folded || !changes_fields(op)) continue;
    const Json says = parse_op(op.canonical).body;
    for (const auto& field : says.items()) safe.erase(field.key());
  }
  return safe;
}

class Rebuilding {
 public:
  Rebuilding(Core& core, Connection& db) : core_(core), db_(db), moment_(core.moment(db)) {}

  Result<void> run() {
    JULU_CHECK(db_.run(kShowPhotos));
    JULU_TRY(const auto without, db_.query(kWithoutOps).ids());
    for (const Id& record : without) JULU_CHECK(write_again(record));
    JULU_TRY(const auto pending, db_.query(kPending).ids());
    for (const Id& record : pending) JULU_CHECK(lay_again(record));
    // After that: of what was folded in, the record holds what came since too.
    JULU_TRY(const auto unproven, db_.query(kUnproven).ids());
    JULU_CHECK(db_.run(kSendUnproven));
    for (const Id& record : unproven) JULU_CHECK(lay(core_, db_, record));
    JULU_CHECK(step_again());
    // After that: an earlier making has the row of the lost one now.
    JULU_TRY(const auto unshown, db_.query(kUnshownSteps).ids());
    for (const Id& record : unshown) JULU_CHECK(show_steps(record));
    JULU_CHECK(attach_again());
    return tell();
  }

 private:
  struct Step {
    Id id;
    Id record;
    Json body;
    std::int64_t at_ms = 0;
  };

  Result<void> show_steps(const Id& id) {
    JULU_TRY(const auto row, find_record(db_, id));
    const auto kind = row ? core_.kind(row->kind) : nullptr;
    const auto flow = kind != nullptr ? core_.flow_of(*kind) : nullptr;
    if (flow == nullptr) return {};
    const Identity who = core_.identity();
    const Json actor{{"id", who.worker}, {"name", who.name}, {"role", who.role}};
    std::vector<FlowStep> steps{{"", row->base_state}};
    JULU_TRY(const std::vector<OpRow> ops, ops_of(db_, id));
    for (const OpRow& op : ops) {
      if (op.verb != Verb::append || op.status >= kStatusMadeAgain) continue;
      if (op.status == kStatusReceipted && op.version.value_or(0) <= row->base_version) continue;
      const OpText text = parse_op(op.canonical);
      steps.push_back({text_member(text.body, "action"), ""});
      JULU_CHECK(
          db_.run("INSERT OR IGNORE INTO action (id, record, action, state, actor, at_ms, body)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                  op.op_id, id, steps.back().action, flow->fold(steps), actor.dump(), text.moment.captured_at_ms,
                  canonical(text.body)));
      if (op.status == kStatusParked) steps.pop_back();
    }
    return lay(core_, db_, id);
  }

  Result<void> step_again() {
    std::vector<Step> lost;
    {
      Query row = db_.query(kLostSteps);
      for (;;) {
        JULU_TRY(const bool there, row.step());
        if (!there) break;
        lost.push_back({row.id(0), row.id(1), stored_object(row.text(2)), row.integer(3)});
      }
    }
    for (const Step& step : lost) {
      JULU_CHECK(step_again(step));
      JULU_CHECK(lay(core_, db_, step.record));
    }
    return {};
  }

  Result<void> step_again(const Step& lost) {
    JULU_TRY(const auto row, find_record(db_, lost.record));
    if (!row) return {};
    std::optional<Id> first;  // which the lost one was to replace, and which goes again by itself
    {
      Query op = db_.query(kStepWithoutRow, lost.record, text_member(lost.body, "action"));
      JULU_TRY(const bool there, op.step());
      if (there) first = op.id(0);
    }
    if (first) {
      renamed_[lost.id.text()] = first->text();
      return rename_step(db_, lost.id, *first);
    }
    NewOp op;
    op.record = lost.record;
    op.kind = row->kind;
    op.verb = Verb::append;
    op.urgency = urgency_of(stored_object(row->body));
    op.body = with_new_names(lost.body, renamed_);
    op.replaces = {lost.id};  // the county may have it under that
    Moment moment = moment_;
    moment.captured_at_ms = lost.at_ms;
    JULU_TRY(const std::vector<OpRow> ops, ops_of(db_, lost.record));
    for (const OpRow& other : ops) {
      if (parse_op(other.canonical).moment.captured_at_ms >= lost.at_ms) {
        op.place = std::max<std::int64_t>(0, other.place - 1);  // its photos and later steps stand behind it
        break;
      }
      const bool pending = is_pending(other) || (other.status == kStatusReceipted && !other.folded);
      if (pending && other.verb != Verb::attach) op.after = other.seq;
    }
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, moment, op));
    ++made_;
    renamed_[lost.id.text()] = queued.op_id.text();
    JULU_CHECK(rename_step(db_, lost.id, queued.op_id));
    return db_.run("UPDATE action SET body = ?2 WHERE id = ?1", queued.op_id, op.body);
  }

  struct Attachment {
    Id record;
    Hash photo{};
    std::string role;
    std::optional<Id> step;
    Json body;
    bool bytes_lost = false;  // and the platform has never had them
  };

  Result<void> write_again(const Id& id) {
    JULU_TRY(const auto row, find_record(db_, id));
    const auto kind = row ? core_.kind(row->kind) : nullptr;
    if (kind == nullptr) return {};
    const Json body = Json::parse(row->body, nullptr, false);
    if (body.empty()) return {};  // only ops are left of it
    if (!row->base) {
      JULU_TRY(const std::vector<OpRow> ops, ops_of(db_, id));
      NewOp creation = op_with(*row, *kind, body);
      if (!ops.empty()) creation.place = place_before(ops);  // photos that are left stand behind it
      return queue(*row, std::move(creation));
    }
    if (kind->shape() != Shape::document) return {};
    if (row->deleted) return remove(*row, *kind);
    const Json base = Json::parse(*row->base, nullptr, false);
    return edit(*row, *kind, base, merge_patch_between(base, body));
  }

  // The row holds what all its ops made of it, the lost ones too. Of a disk that lied about its syncs it may be older
  // than an op that is left: then nobody can tell which value is the last, and a person has to.
  Result<void> lay_again(const Id& id) {
    JULU_TRY(const auto row, find_record(db_, id));
    JULU_CHECK(lay(core_, db_, id));
    JULU_TRY(const auto laid, find_record(db_, id));
    const auto kind = row ? core_.kind(row->kind) : nullptr;
    const Json body = row ? stored_object(row->body) : Json::object();
    // Without a body it is one that was made up for the ops.
    if (kind == nullptr || kind->shape() != Shape::document || body.empty() || laid->deleted) return {};
    if (row->deleted) {
      JULU_CHECK(remove(*row, *kind));
      return lay(core_, db_, id);
    }
    const Json said = stored_object(laid->body);
    const Json difference = merge_patch_between(said, body);
    if (difference.empty()) return {};
    JULU_TRY(const std::vector<OpRow> ops, ops_of(db_, id));
    const Json safe = safe_part(difference, body, ops);
    JULU_CHECK(edit(*row, *kind, said, safe));
    JULU_CHECK(lay(core_, db_, id));
    Json unsure = difference;
    for (const auto& field : safe.items()) unsure.erase(field.key());
    return ask(id, "", unsure, body, said);
  }

  Result<void> edit(const RecordRow& row, const Kind& kind, const Json& before, const Json& patch) {
    if (patch.empty()) return {};
    NewOp op = op_with(row, kind, patch);
    op.verb = Verb::patch;
    op.base_values = base_values_for(before, patch).dump();
    return queue(row, std::move(op));
  }

  Result<void> remove(const RecordRow& row, const Kind& kind) {
    NewOp op = op_with(row, kind, Json::object());
    op.verb = Verb::remove;
    op.body.clear();
    return queue(row, std::move(op));
  }

  Result<void> queue(const RecordRow& row, NewOp op) {
    JULU_TRY(op.after, pending_before(db_, row.id));
    if (!op.after && op.verb != Verb::create) op.base_version = row.base_version;
    Moment moment = moment_;
    moment.captured_at_ms = row.captured_at_ms;
    ++made_;
    JULU_CHECK(core_.enqueue(db_, moment, op));
    return {};
  }

  // What the ops say stays current.
  Result<void> ask(const Id& record, const std::string& path, const Json& difference, const Json& body,
                   const Json& said) {
    for (const auto& [key, value] : difference.items()) {
      const std::string field = path + "/" + pointer_segment(key);
      const Json local = member(body, key);
      const Json remote = member(said, key);
      if (local.is_object() && remote.is_object()) {
        JULU_CHECK(ask(record, field, value, local, remote));
        continue;
      }
      const auto text = [](const Json& v) { return v.is_null() ? std::nullopt : std::optional(v.dump()); };
      const std::int64_t now = moment_.captured_at_ms;
      JULU_CHECK(
          db_.run("INSERT INTO conflict (record, field, local, remote, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)"
                  " ON CONFLICT DO UPDATE SET local = excluded.local, remote = excluded.remote, at_ms = excluded.at_ms",
                  record, field, text(local), text(remote), now));
      JULU_CHECK(add_history(db_, record, now, "given_up",
                             Json{{"field", field}, {"base", nullptr}, {"local", local}, {"remote", remote}}));
    }
    return {};
  }

  Result<void> tell() {
    JULU_TRY(const auto text, meta_text(db_, "salvage"));
    Json told = Json::parse(text.value_or("{}"), nullptr, false);
    told["ops"] = told.value("ops", std::int64_t{0}) + made_;
    return set_meta(db_, "salvage", told.dump());
  }

  Result<void> attach_again() {
    std::vector<Attachment> lost;
    {
      Query row = db_.query(kLostAttachments);
      for (;;) {
        JULU_TRY(const bool there, row.step());
        if (!there) break;
        Json body{{"photo", hex(row.hash(1))}, {"role", row.text(2)}, {"length_bytes", row.integer(4)}};
        std::optional<Id> step;
        if (!row.is_null(3)) step = row.id(3);
        if (step) body["action"] = step->text();
        lost.push_back({row.id(0), row.hash(1), std::string(row.text(2)), step, body, row.integer(5) != 0});
      }
    }
    for (const Attachment& one : lost) JULU_CHECK(attach_again(one));
    return {};
  }

  Result<void> attach_again(const Attachment& lost) {
    JULU_TRY(const auto row, find_record(db_, lost.record));
    if (!row) return {};
    NewOp op;
    op.record = lost.record;
    op.kind = row->kind;
    op.verb = Verb::attach;
    op.photo = lost.photo;
    op.body = canonical(lost.body);
    JULU_TRY(op.after, pending_before(db_, lost.record));
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, moment_, op));
    ++made_;
    JULU_CHECK(db_.run("UPDATE attachment SET op = ?4, action = ?5 WHERE record = ?1 AND sha256 = ?2 AND role = ?3",
                       lost.record, lost.photo, lost.role, queued.seq, lost.step));
    if (!lost.bytes_lost) return {};
    return db_.run("UPDATE op SET status = 2, problem = ?2 WHERE seq = ?1", queued.seq,
                   problem_text(ErrorCode::photo_damaged, "lost", "", "", ""));
  }

  Core& core_;
  Connection& db_;
  Moment moment_;
  Renamed renamed_;
  std::int64_t made_ = 0;
};

}  // namespace

Result<void> lay_salvaged(Core& core, Connection& db) {
  JULU_TRY(const std::int64_t raw, meta_integer(db, "salvaged_raw"));
  if (raw == 0) return {};
  JULU_CHECK(Rebuilding(core, db).run());
  return db.run("DELETE FROM meta WHERE name = 'salvaged_raw'");
}

}  // namespace julu::store
