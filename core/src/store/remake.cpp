#include "store/remake.h"

#include <algorithm>
#include <map>
#include <set>

#include "domain/merge.h"

namespace julu::store {
namespace {

Result<void> park(Connection& db, const OpRow& op, const char* type, const Json& detail) {
  return db.run("UPDATE op SET status = 2, problem = ?2 WHERE seq = ?1", op.seq,
                problem_text(ErrorCode::stale, type, "", detail.is_null() ? "" : detail.dump(), ""));
}

// The old op leaves the queue only with its successor's receipt; until then it is kept, and what it stood for too.
Result<void> hand_over(Connection& db, const OpRow& old, std::int64_t successor) {
  JULU_CHECK(db.run("UPDATE op SET successor = ?2 WHERE successor = ?1 AND status = 3", old.seq, successor));
  return db.run("UPDATE op SET status = 3, successor = ?2, next_attempt_ms = 0 WHERE seq = ?1", old.seq, successor);
}

// An edit of somebody else's is no reason to wait. A platform that calls every making stale is asked ever less often:
// each names all before it.
Result<void> wait_its_turn(Core& core, Connection& db, std::int64_t seq, std::size_t makings) {
  constexpr std::size_t kAtOnce = 2;
  if (makings <= kAtOnce) return {};
  const Wait wait = next_wait(core, static_cast<std::int64_t>(makings - kAtOnce), 0);
  return db.run("UPDATE op SET next_attempt_ms = ?2, wait_max_ms = ?3 WHERE seq = ?1", seq, wait.next_attempt_ms,
                wait.wait_max_ms);
}

// Everything that the new op closes: the old op, and what the old op was to close and has not.
Result<std::vector<Id>> to_replace(Connection& db, const OpRow& old) {
  if (mutant(Mutant::replaces_forgotten)) return std::vector<Id>();
  std::vector<Id> ids{old.op_id};
  Query row = db.query("SELECT op_id FROM op WHERE successor = ?1 AND status = 3 ORDER BY seq", old.seq);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return ids;
    ids.push_back(row.id(0));
  }
}

NewOp like(const OpRow& old, const Id& record, const std::string& kind) {
  NewOp op;
  op.record = record;
  op.kind = kind;
  op.verb = old.verb;
  op.urgency = old.urgency;
  op.photo = old.photo;
  op.place = old.place;
  return op;
}

Result<void> keep_conflicts(Core& core, Connection& db, const Id& record, const Merged& merged) {
  const std::int64_t now = core.clock().now_ms();
  const auto text = [](const std::optional<Json>& value) {
    return value ? std::optional<std::string>(value->dump()) : std::nullopt;
  };
  for (const Conflict& conflict : merged.conflicts) {
    if (mutant(Mutant::conflict_not_kept)) break;
    JULU_CHECK(
        db.run("INSERT INTO conflict VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET local = excluded.local,"
               " remote = excluded.remote, at_ms = excluded.at_ms",
               record, conflict.field, text(conflict.base), text(conflict.local), text(conflict.remote), now));
  }
  const auto value = [](const std::optional<Json>& v) { return v ? *v : Json(); };
  for (const auto* list : {&merged.conflicts, &merged.given_up}) {
    for (const Conflict& lost : *list) {
      if (mutant(Mutant::given_up_not_told)) break;
      JULU_CHECK(add_history(db, record, now, "given_up",
                             Json{{"field", lost.field},
                                  {"base", value(lost.base)},
                                  {"local", value(lost.local)},
                                  {"remote", value(lost.remote)}}));
    }
  }
  return {};
}

using Renamed = std::map<std::string, std::string>;  // op ids that steps and photos name, old to new

// What stands after an op names it by its id.
std::string with_new_names(Json body, const Renamed& renamed) {
  for (const char* member : {"action", "last_action"}) {
    const auto moved = renamed.find(text_member(body, member));
    if (moved != renamed.end()) body[member] = moved->second;
  }
  return canonical(body);
}

// A case's step keeps its place on the phone under the id that the platform knows it by. Where a pull has brought that
// one, it says more.
Result<void> rename_step(Connection& db, const Id& from, const Id& to) {
  JULU_CHECK(db.run("UPDATE attachment SET action = ?2 WHERE action = ?1", from, to));
  JULU_TRY(const auto pulled, db.integer("SELECT 1 FROM action WHERE id = ?1 AND number IS NOT NULL", to));
  if (pulled) return db.run("DELETE FROM action WHERE id = ?1", from);
  return db.run("UPDATE OR REPLACE action SET id = ?2 WHERE id = ?1", from, to);
}

// Carries the state of one re-making from op to op of a record.
class Remaking {
 public:
  Remaking(Core& core, Connection& db, const Id& record, const Change& current, const OpRow& judged,
           const std::vector<OpRow>& applied)
      : core_(core),
        db_(db),
        record_(record),
        current_(current),
        judged_(judged),
        applied_(applied),
        kind_(core.kind(current.kind)) {
    running_ = Json::parse(current.body, nullptr, false);
    if (!running_.is_object()) running_ = Json::object();
  }

  Result<void> take(const OpRow& old) {
    if (const OpRow* first = done_before(old)) return take_back(old, *first);
    if (old.verb == Verb::attach) return take_attach(old);
    if (old.verb == Verb::append && !renamed_.empty()) return take_append(old);
    if (old.verb == Verb::append || old.verb == Verb::remove || current_.deleted || !is_mergeable()) {
      stopped_ = true;  // what stands after it waits for the person's decision too
      return park(db_, old, current_.deleted ? "deleted" : "stale", Json());
    }
    const OpText text = parse_op(old.canonical);
    const Json base = old.base_values.empty() ? Json::object() : Json::parse(old.base_values, nullptr, false);
    const Merged merged = merge(base, text.body, running_, kind_.get());
    JULU_CHECK(keep_conflicts(core_, db_, record_, merged));
    NewOp op = like(old, record_, current_.kind);
    op.verb = Verb::patch;
    op.body = canonical(merged.patch);
    op.base_values = base_values_for(running_, merged.patch).dump();
    if (last_) {
      op.after = last_;
    } else {
      op.base_version = current_.version;
    }
    JULU_TRY(op.replaces, to_replace(db_, old));
    if (kind_ != nullptr) op.refs = refs_of(*kind_, merged.patch);
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, text.moment, op));
    JULU_CHECK(hand_over(db_, old, queued.seq));
    JULU_CHECK(wait_its_turn(core_, db_, queued.seq, op.replaces.size()));
    running_ = apply_merge_patch(std::move(running_), merged.patch);
    last_ = queued.seq;
    again_[old.seq] = queued.seq;
    return {};
  }

  bool stopped() const { return stopped_; }

 private:
  bool is_mergeable() const { return kind_ == nullptr || kind_->shape() == Shape::document; }

  // What was to replace an op that had been applied after all, and does no more than that one did.
  const OpRow* done_before(const OpRow& old) const {
    const bool whole = old.verb == Verb::append || old.verb == Verb::remove || old.verb == Verb::attach ||
                       (old.verb == Verb::create && !is_mergeable() && !mutant(Mutant::applied_made_again));
    if (old.seq != judged_.seq || !whole) return nullptr;
    const auto first =
        std::find_if(applied_.begin(), applied_.end(), [&](const OpRow& o) { return o.verb == old.verb; });
    return first != applied_.end() ? &*first : nullptr;
  }

  // The first making stands; the second was never needed.
  Result<void> take_back(const OpRow& old, const OpRow& first) {
    JULU_CHECK(db_.run("UPDATE op SET status = 4, successor = ?2 WHERE seq = ?1", old.seq, first.seq));
    // Other makings that waited for the second wait for the first's receipt now.
    if (!mutant(Mutant::makings_left_waiting))
      JULU_CHECK(db_.run("UPDATE op SET successor = ?2 WHERE successor = ?1 AND status = 3", old.seq, first.seq));
    JULU_CHECK(db_.run("UPDATE attachment SET op = ?2 WHERE op = ?1", old.seq, first.seq));
    again_[old.seq] = first.seq;
    renamed_[old.op_id.text()] = first.op_id.text();
    if (old.verb == Verb::append) JULU_CHECK(rename_step(db_, old.op_id, first.op_id));
    last_ = old.verb == Verb::remove ? std::optional(first.seq) : last_;
    return {};
  }

  // A step after one that goes under its first id again.
  Result<void> take_append(const OpRow& old) {
    const OpText text = parse_op(old.canonical);
    NewOp op = like(old, record_, current_.kind);
    op.body = with_new_names(text.body, renamed_);
    const auto moved = old.after ? again_.find(*old.after) : again_.end();
    op.after = moved != again_.end() ? std::optional(moved->second) : old.after;
    JULU_TRY(op.replaces, to_replace(db_, old));
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, text.moment, op));
    JULU_CHECK(hand_over(db_, old, queued.seq));
    again_[old.seq] = queued.seq;
    renamed_[old.op_id.text()] = queued.op_id.text();
    return rename_step(db_, old.op_id, queued.op_id);
  }

  // An attach stands after an op that is closed now, so it needs a new one to stand after.
  Result<void> take_attach(const OpRow& old) {
    const auto moved = old.after ? again_.find(*old.after) : again_.end();
    if (old.after && moved == again_.end() && !again_.empty()) return {};  // its own op goes on as it was
    const OpText text = parse_op(old.canonical);
    NewOp op = like(old, record_, current_.kind);
    op.body = with_new_names(text.body, renamed_);
    if (moved != again_.end()) op.after = moved->second;
    JULU_TRY(op.replaces, to_replace(db_, old));
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, text.moment, op));
    JULU_CHECK(hand_over(db_, old, queued.seq));
    return db_.run("UPDATE attachment SET op = ?2 WHERE op = ?1", old.seq, queued.seq);
  }

  Core& core_;
  Connection& db_;
  const Id& record_;
  const Change& current_;
  const OpRow& judged_;
  const std::vector<OpRow>& applied_;
  std::shared_ptr<const Kind> kind_;
  Json running_;
  std::optional<std::int64_t> last_;
  std::map<std::int64_t, std::int64_t> again_;
  Renamed renamed_;
  bool stopped_ = false;
};

}  // namespace

Result<void> make_again(Core& core, Connection& db, const OpRow& op, const Id& record, const Change& current,
                        const std::vector<Id>& applied, std::int64_t epoch) {
  JULU_TRY(const std::vector<OpRow> all, ops_of(db, record));
  std::vector<OpRow> first;
  for (const OpRow& made : all) {
    if (made.status != kStatusMadeAgain || std::find(applied.begin(), applied.end(), made.op_id) == applied.end())
      continue;
    if (mutant(Mutant::applied_forgotten)) continue;
    // Sent again for its receipt; the next making no longer replaces it.
    JULU_CHECK(db.run("UPDATE op SET status = 0, successor = NULL, next_attempt_ms = 0 WHERE seq = ?1", made.seq));
    first.push_back(made);
  }
  JULU_CHECK(take_base(core, db, record, current, epoch));
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, record, op.place));
  Remaking remaking(core, db, record, current, op, first);
  for (const OpRow& pending : ops) {
    if (pending.status != kStatusQueued) continue;
    const bool applied_before =
        std::any_of(first.begin(), first.end(), [&](const OpRow& o) { return o.seq == pending.seq; });
    if (applied_before) continue;
    if (op.verb == Verb::attach && pending.seq != op.seq) continue;  // nothing else was judged stale
    JULU_CHECK(remaking.take(pending));
    if (remaking.stopped()) break;
  }
  return lay(core, db, record);
}

namespace {

bool is_pending(const OpRow& op) { return op.status == kStatusQueued || op.status == kStatusParked; }

Json object_in(const Json& object, const std::string& field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_object() ? *found : Json::object();
}

// Adds to `patch` the fields of an edit that it leaves out, as they are now, and to `values` what they were before it.
void say_too(const Json& edit, const Json& before, const Json& now, Json& patch, Json& values) {
  for (const auto& [field, value] : edit.items()) {
    const Json shown = now.value(field, Json());
    const bool inside = value.is_object() && !value.empty() && shown.is_object();
    if (inside && (!patch.contains(field) || patch[field].is_object())) {
      Json part = object_in(patch, field);
      Json part_values = object_in(values, field);
      say_too(value, object_in(before, field), shown, part, part_values);
      if (before.contains(field) || values.contains(field)) values[field] = std::move(part_values);
      patch[field] = std::move(part);
    } else if (!patch.contains(field)) {
      patch[field] = shown;
      if (before.contains(field)) values[field] = before[field];
    }
  }
}

// The fields that `edit` touches become what they are in `from`.
void take_fields(const Json& edit, const Json& from, Json& to) {
  for (const auto& [field, value] : edit.items()) {
    const auto found = from.find(field);
    if (found == from.end()) {
      to.erase(field);
    } else if (value.is_object() && !value.empty() && found->is_object() && to[field].is_object()) {
      take_fields(value, *found, to[field]);
    } else {
      to[field] = *found;
    }
  }
}

// A field that gave way to somebody else's value is no part of what is said.
void leave_out(const std::string& field, const Json& before, const Json& now, Json& patch) {
  const Json::json_pointer at(field);
  const auto value = [&](const Json& body) { return body.contains(at) ? body.at(at) : Json(); };
  if (patch.contains(at) && value(before) == value(now)) patch.at(at.parent_pointer()).erase(at.back());
}

// Carries the state of one sending again, as a person asked for it.
class SendingAgain {
 public:
  SendingAgain(Core& core, Connection& db, const RecordRow& row, const std::vector<OpRow>& ops)
      : core_(core), db_(db), row_(row), ops_(ops), kind_(core.kind(row.kind)) {}

  /// The county does not hold the record: the first edit brings it whole.
  void begin_anew() { anew_ = true; }

  /// `lost` is gone, and `created`, which holds the record as it stands, goes in its place.
  void begin_with(std::int64_t lost, std::int64_t created) {
    again_[lost] = created;
    last_ = created;
    body_sent_ = true;
  }

  Result<void> take(const OpRow& old) {
    OpText text = parse_op(old.canonical);
    NewOp op = like(old, row_.id, row_.kind);
    JULU_TRY(op.replaces, to_replace(db_, old));
    if (old.verb == Verb::append) JULU_CHECK(look_at_steps(text.body));
    if (old.verb == Verb::attach) JULU_CHECK(look_for_step(old, text.body));
    if (old.verb == Verb::patch && anew_ && !body_sent_) op.verb = Verb::create;
    if (old.verb == Verb::remove && anew_ && !body_sent_) JULU_CHECK(create_before(old, text.moment));
    JULU_CHECK(put_body(op, old, text));
    if (kind_ != nullptr && op.verb <= Verb::patch) op.refs = refs_of(*kind_, Json::parse(op.body));
    stand(op, old);
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, text.moment, op));
    JULU_CHECK(hand_over(db_, old, queued.seq));
    again_[old.seq] = queued.seq;
    renamed_[old.op_id.text()] = queued.op_id.text();
    if (old.verb != Verb::attach) last_ = queued.seq;
    if (old.verb == Verb::attach) {
      JULU_CHECK(
          db_.run("UPDATE photo SET problem = NULL, attempts = 0, next_attempt_ms = 0 WHERE sha256 = ?1", old.photo));
      return db_.run("UPDATE attachment SET op = ?2 WHERE op = ?1", old.seq, queued.seq);
    }
    if (old.verb != Verb::append) return {};
    JULU_CHECK(rename_step(db_, old.op_id, queued.op_id));
    return db_.run("UPDATE action SET body = ?2 WHERE id = ?1", queued.op_id, op.body);
  }

 private:
  Result<void> create_before(const OpRow& old, const Moment& moment) {
    NewOp creation = op_with(row_, *core_.kind(row_.kind), Json::parse(row_.body, nullptr, false));
    creation.place = old.place;
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, moment, creation));
    last_ = queued.seq;
    body_sent_ = true;
    return {};
  }

  // The person has seen the case as it stands.
  Result<void> look_at_steps(Json& body) {
    const auto last = parse_id(text_member(body, "last_action"));
    if (!last) return {};
    JULU_TRY(const bool known, is_step_known(db_, row_.id, *last));
    if (known || renamed_.contains(last->text())) return {};
    body.erase("last_action");
    Query newest = db_.query(
        "SELECT id FROM action WHERE record = ?1 AND number IS NOT NULL ORDER BY number DESC LIMIT 1", row_.id);
    JULU_TRY(const bool there, newest.step());
    if (there) body["last_action"] = newest.id(0).text();
    return {};
  }

  // A photo of a step that damage took hangs on the record itself.
  Result<void> look_for_step(const OpRow& old, Json& body) {
    const auto step = parse_id(text_member(body, "action"));
    if (!step || renamed_.contains(step->text())) return {};
    JULU_TRY(const bool known, is_step_known(db_, row_.id, *step));
    if (known) return {};
    body.erase("action");
    return db_.run("UPDATE attachment SET action = NULL WHERE op = ?1", old.seq);
  }

  // The first edit carries the record as it stands now; what later ones changed is in it already.
  Result<void> put_body(NewOp& op, const OpRow& old, const OpText& text) {
    op.base_values = old.base_values;
    if (op.verb == Verb::create) {
      op.body = row_.body;
    } else if (old.verb == Verb::patch && body_sent_) {
      op.body = "{}";
    } else if (old.verb == Verb::patch) {
      JULU_CHECK(put_edits(op, old.place));
    } else if (!text.body.is_null()) {
      op.body = with_new_names(text.body, renamed_);
    }
    body_sent_ = body_sent_ || old.verb == Verb::create || old.verb == Verb::patch;
    return {};
  }

  // What the record's row says beyond its base, edits from `place` on merged with what others have done meanwhile.
  Result<void> put_edits(NewOp& op, std::int64_t place) {
    const Json before = Json::parse(row_.base.value_or("{}"), nullptr, false);
    Json now = Json::parse(row_.body, nullptr, false);
    const auto values_of = [](const OpRow& edit) {
      return Json::parse(edit.base_values.empty() ? "{}" : edit.base_values, nullptr, false);
    };
    Json merged = before;
    std::vector<Conflict> conflicts;
    for (const OpRow& edit : ops_) {
      if (edit.verb != Verb::patch || !is_pending(edit) || !row_.base || mutant(Mutant::resent_over_others)) continue;
      const Json said = parse_op(edit.canonical).body;
      if (edit.place < place) {
        merged = apply_merge_patch(std::move(merged), said);
        continue;
      }
      Merged made = merge(values_of(edit), said, merged, kind_.get());
      merged = apply_merge_patch(std::move(merged), made.patch);
      take_fields(said, merged, now);
      JULU_CHECK(keep_conflicts(core_, db_, row_.id, made));
      std::move(made.conflicts.begin(), made.conflicts.end(), std::back_inserter(conflicts));
    }
    Json patch = merge_patch_between(before, now);
    Json values = base_values_for(before, patch);
    // What the platform had and lost is in the base already, and has to be said all the same.
    for (const OpRow& edit : ops_) {
      if (mutant(Mutant::lost_edits_left_out)) break;
      if (edit.verb != Verb::patch || edit.place < place || !is_pending(edit)) continue;
      say_too(parse_op(edit.canonical).body, values_of(edit), now, patch, values);
    }
    for (const Conflict& conflict : conflicts) leave_out(conflict.field, before, now, patch);
    op.body = canonical(patch);
    op.base_values = values.dump();
    return {};
  }

  void stand(NewOp& op, const OpRow& old) {
    if (op.verb == Verb::create) return;
    const auto moved = old.after ? again_.find(*old.after) : again_.end();
    if (moved != again_.end()) {
      op.after = moved->second;
    } else if (last_ && old.verb != Verb::attach) {
      op.after = last_;
    } else if (op.verb == Verb::patch || op.verb == Verb::remove) {
      op.base_version = row_.base_version;
    } else if (old.after) {
      const auto before = std::find_if(ops_.begin(), ops_.end(), [&](const OpRow& o) { return o.seq == *old.after; });
      if (before != ops_.end() && before->status == kStatusReceipted) op.after = old.after;
    }
  }

  Core& core_;
  Connection& db_;
  const RecordRow& row_;
  const std::vector<OpRow>& ops_;
  std::shared_ptr<const Kind> kind_;
  std::optional<std::int64_t> last_;
  std::map<std::int64_t, std::int64_t> again_;
  Renamed renamed_;
  bool anew_ = false;
  bool body_sent_ = false;
};

// As the platform says it of what it does not hold.
Result<bool> is_unknown_there(Connection& db, const OpRow& op) {
  JULU_TRY(const auto problem, db.text("SELECT problem FROM op WHERE seq = ?1", op.seq));
  return text_member(Json::parse(problem.value_or("{}"), nullptr, false), "type") == "not-found";
}

}  // namespace

NewOp op_with(const RecordRow& row, const Kind& kind, const Json& body) {
  NewOp op;
  op.record = row.id;
  op.kind = row.kind;
  op.body = canonical(body);
  op.urgency = urgency_of(body);
  op.refs = refs_of(kind, body);
  return op;
}

Result<void> go_without(Core& core, Connection& db, const Id& record, const OpRow& first) {
  JULU_TRY(const auto row, find_record(db, record));
  const auto kind = row ? core.kind(row->kind) : nullptr;
  if (kind == nullptr) return Error{ErrorCode::internal, "record", {}};
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, record));
  SendingAgain sending(core, db, *row, ops);
  const bool created = std::any_of(ops.begin(), ops.end(), [](const OpRow& o) { return o.verb == Verb::create; });
  if (!created && !row->base) {
    NewOp creation = op_with(*row, *kind, Json::parse(row->body, nullptr, false));
    creation.place = *first.after;
    Moment moment = parse_op(first.canonical).moment;
    moment.captured_at_ms = row->captured_at_ms;
    JULU_TRY(const Enqueued queued, core.enqueue(db, moment, creation));
    sending.begin_with(*first.after, queued.seq);
  }
  for (const OpRow& old : ops) {
    if (old.place >= first.place && old.status == kStatusQueued) JULU_CHECK(sending.take(old));
  }
  return lay(core, db, record);
}

Result<void> send_again(Core& core, Connection& db, const Id& record) {
  JULU_TRY(const auto row, find_record(db, record));
  if (!row) return Error{ErrorCode::record_unknown, "/id", {}};
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, record));
  const auto parked = std::find_if(ops.begin(), ops.end(), [](const OpRow& o) { return o.status == kStatusParked; });
  SendingAgain sending(core, db, *row, ops);
  const auto kind = core.kind(row->kind);
  // Where the creation is ours and has its receipt, it goes again by itself once the platform has been asked.
  const bool created = std::any_of(ops.begin(), ops.end(), [](const OpRow& o) {
    return o.verb == Verb::create && (o.status == kStatusReceipted || is_pending(o));
  });
  if (parked != ops.end() && !created && kind != nullptr && kind->shape() == Shape::document) {
    JULU_TRY(const bool unknown, is_unknown_there(db, *parked));
    // Of a record out of scope no more may be known than what was edited.
    if (unknown && kind->check(Json::parse(row->body, nullptr, false))) sending.begin_anew();
  }
  for (auto old = parked; old != ops.end(); ++old) {
    if (is_pending(*old)) JULU_CHECK(sending.take(*old));
  }
  return lay(core, db, record);
}

namespace {

// What it was to replace goes with it. A photo that came with it stays to be seen here.
Result<void> close(Connection& db, const OpRow& op) {
  JULU_CHECK(db.run("UPDATE op SET status = 4 WHERE seq = ?1", op.seq));
  JULU_CHECK(db.run("UPDATE op SET status = 4 WHERE successor = ?1 AND status = 3", op.seq));
  JULU_CHECK(db.run("DELETE FROM action WHERE id = ?1 AND number IS NULL", op.op_id));
  if (op.verb != Verb::attach) return {};
  JULU_CHECK(db.run("UPDATE attachment SET action = NULL WHERE op = ?1", op.seq));
  return db.run(
      "UPDATE photo SET own = 0 WHERE sha256 = ?1 AND uploaded = 0 AND NOT EXISTS"
      " (SELECT 1 FROM op WHERE op.photo = photo.sha256 AND op.status IN (0, 2, 3))",
      op.photo);
}

}  // namespace

Result<void> go_without_refused(Core& core, Connection& db, const Id& record) {
  JULU_TRY(auto row, find_record(db, record));
  if (!row) return Error{ErrorCode::record_unknown, "/id", {}};
  JULU_TRY(std::vector<OpRow> ops, ops_of(db, record));
  const bool whole = !row->base && std::any_of(ops.begin(), ops.end(), [](const OpRow& o) {
    return o.verb == Verb::create && o.status == kStatusParked;
  });
  std::set<std::int64_t> closed;
  std::optional<std::int64_t> first;  // what follows it is made again
  for (const OpRow& op : ops) {
    const bool refused = op.status == kStatusParked;
    const bool came_with_it = op.verb == Verb::attach && op.after && closed.contains(*op.after);
    if (!refused && !(is_pending(op) && (whole || came_with_it))) continue;
    JULU_CHECK(close(db, op));
    closed.insert(op.seq);
    if (op.verb != Verb::attach && !first) first = op.place;
  }
  if (closed.empty()) return {};
  if (whole) JULU_CHECK(db.run("UPDATE record SET base_deleted = 1 WHERE id = ?1", record));
  JULU_CHECK(lay(core, db, record));
  if (whole || !first || mutant(Mutant::given_up_waited_for)) return {};
  JULU_TRY(row, find_record(db, record));
  JULU_TRY(ops, ops_of(db, record, *first));
  SendingAgain sending(core, db, *row, ops);
  for (const OpRow& op : ops) {
    if (is_pending(op)) JULU_CHECK(sending.take(op));
  }
  return lay(core, db, record);
}

}  // namespace julu::store
