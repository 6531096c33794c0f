// What the platform refused, as a person decides: made again as the record stands now, or given up.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "domain/merge.h"
#include "store/catalog.h"
#include "store/own_words.h"
#include "store/remake.h"

namespace julu::store {
namespace {

Json object_in(const Json& object, const std::string& field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_object() ? *found : Json::object();
}

Json taken_out_of(const Json& object) {
  Json patch = Json::object();
  for (const auto& [field, value] : object.items()) patch[field] = nullptr;
  return patch;
}

// Adds to `patch` the fields of an edit that it leaves out, as they are now, and to `values` what they were before it.
void say_too(const Json& edit, const Json& before, const Json& now, Json& patch, Json& values) {
  for (const auto& [field, value] : edit.items()) {
    const Json shown = now.value(field, Json()), stood = before.value(field, Json());
    // Of an object that was taken away whole, and to which later edits have added, the rest stays taken away.
    const bool rest = value.is_null() && stood.is_object() && shown.is_object();
    const Json said = rest ? taken_out_of(stood) : value;
    const bool inside = said.is_object() && !said.empty() && shown.is_object();
    if (inside && (!patch.contains(field) || patch[field].is_object())) {
      Json part = object_in(patch, field);
      Json part_values = object_in(values, field);
      say_too(said, object_in(before, field), shown, part, part_values);
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

Json value_at(const Json& body, const std::string& field) {
  const Json* value = at_pointer(body, field);
  return value == nullptr ? Json() : *value;
}

constexpr const char* kNameIsTaken =
    "SELECT 1 FROM op WHERE seq = ?1 AND json_extract(problem, '$.type') = 'op-id-reused'";

// Carries the state of one sending again, as a person asked for it.
class SendingAgain {
 public:
  SendingAgain(Core& core, Connection& db, const RecordRow& row, const std::vector<OpRow>& ops,
               OwnWords::Refused refused = OwnWords::Refused::waits)
      : core_(core),
        db_(db),
        row_(row),
        ops_(ops),
        words_(ops, row.base_version, row.base_epoch, refused),
        kind_(core.kind(row.kind)),
        now_(stored_object(row.body)) {}

  /// Nobody asked for it: a platform that holds every making back is asked ever less often.
  void by_itself() { by_itself_ = true; }

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
    // What the county has under that name is something else.
    JULU_TRY(const auto is_taken, db_.integer(kNameIsTaken, old.seq));
    if (is_taken) std::erase(op.replaces, old.op_id);
    if (old.verb == Verb::append) JULU_CHECK(look_at_steps(text.body));
    if (old.verb == Verb::attach) JULU_CHECK(look_for_step(old, text.body));
    if (old.verb == Verb::patch && anew_ && !body_sent_) op.verb = Verb::create;
    if (old.verb == Verb::remove && anew_ && !body_sent_) JULU_CHECK(create_before(old, text.moment));
    JULU_CHECK(put_body(op, old, text));
    if (kind_ != nullptr && op.verb <= Verb::patch) op.refs = refs_of(*kind_, Json::parse(op.body));
    JULU_CHECK(stand(op, old));
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, text.moment, op));
    JULU_CHECK(hand_over(db_, old, queued.seq));
    if (is_taken) JULU_CHECK(db_.run("UPDATE op SET status = 4 WHERE seq = ?1", old.seq));
    if (by_itself_) JULU_CHECK(wait_its_turn(core_, db_, queued.seq, op.replaces.size()));
    again_[old.seq] = queued.seq;
    renamed_[old.op_id.text()] = queued.op_id.text();
    if (old.verb != Verb::attach) last_ = queued.seq;
    if (old.verb == Verb::attach) {
      // One that only waits goes on waiting: other records may name it, and the platform may want to be spared.
      JULU_CHECK(
          db_.run("UPDATE photo SET problem = NULL, attempts = 0, next_attempt_ms = 0"
                  " WHERE sha256 = ?1 AND problem IS NOT NULL",
                  old.photo));
      return db_.run("UPDATE attachment SET op = ?2 WHERE op = ?1", old.seq, queued.seq);
    }
    if (old.verb != Verb::append) return {};
    JULU_CHECK(rename_step(db_, old.op_id, queued.op_id));
    return db_.run("UPDATE action SET body = ?2 WHERE id = ?1", queued.op_id, op.body);
  }

 private:
  Result<void> create_before(const OpRow& old, const Moment& moment) {
    NewOp creation = op_with(row_, *core_.kind(row_.kind), stored_object(row_.body));
    creation.place = old.place;
    creation.base_values = carried().dump();
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, moment, creation));
    last_ = queued.seq;
    body_sent_ = true;
    return {};
  }

  // The person has seen the case as it stands.
  Result<void> look_at_steps(Json& body) {
    const auto last = parse_id(text_member(body, "last_action"));
    if (!last) return {};
    if (renamed_.contains(last->text())) return {};
    JULU_TRY(const auto goes, step_goes_as(db_, row_.id, *last));
    if (goes) {
      body["last_action"] = goes->text();
      return {};
    }
    body.erase("last_action");
    Query newest = db_.query(
        "SELECT id FROM action WHERE record = ?1 AND number IS NOT NULL AND NOT EXISTS (SELECT 1 FROM op"
        " WHERE op.op_id = action.id AND op.status IN (0, 2, 3)) ORDER BY number DESC LIMIT 1",
        row_.id);
    JULU_TRY(const bool there, newest.step());
    if (there) body["last_action"] = newest.id(0).text();
    return {};
  }

  // A photo of a step that damage took hangs on the record itself.
  Result<void> look_for_step(const OpRow& old, Json& body) {
    const auto step = parse_id(text_member(body, "action"));
    if (!step || renamed_.contains(step->text())) return {};
    JULU_TRY(const auto goes, step_goes_as(db_, row_.id, *step));
    if (goes) {
      body["action"] = goes->text();
      return {};
    }
    body.erase("action");
    return db_.run("UPDATE attachment SET action = NULL WHERE op = ?1", old.seq);
  }

  // The first edit carries the record as it stands now. What later ones changed is in it already, and they say it once
  // more for the case that the first is refused or given up.
  Result<void> put_body(NewOp& op, const OpRow& old, const OpText& text) {
    op.base_values = old.base_values;
    if (op.verb == Verb::create) {
      op.body = row_.body;
      op.base_values = carried().dump();
    } else if (old.verb == Verb::patch && body_sent_) {
      Json patch = Json::object();
      Json values = Json::object();
      say_too(text.body, now_, now_, patch, values);
      op.body = canonical(patch);
      op.base_values = values.dump();
    } else if (old.verb == Verb::patch) {
      JULU_CHECK(put_edits(op, old));
    } else if (!text.body.is_null()) {
      op.body = with_new_names(text.body, renamed_);
    }
    body_sent_ = body_sent_ || old.verb == Verb::create || old.verb == Verb::patch;
    return {};
  }

  // Of the record as it stands what this phone has not said itself, or has no more to bring: should the county have the
  // record after all, what it has there stands.
  Json carried() const {
    const auto leaves = [](const Json& body) {
      std::vector<std::string> fields;
      if (body.is_object()) add_leaves(body, "", fields);
      return fields;
    };
    Json own = Json::object();
    for (const OpRow& op : ops_) {
      if (op.verb > Verb::patch || !is_pending(op)) continue;
      Json said = words_.still_said(op);
      const Json brought = stored_object(op.base_values);
      if (op.verb == Verb::create) {
        for (const std::string& field : leaves(brought)) {
          if (value_at(said, field) == value_at(brought, field)) leave_out(field, said);
        }
      }
      if (said.is_object()) add_to(own, said);
    }
    const Json now = stored_object(row_.body);
    Json values = Json::object();
    for (const std::string& field : leaves(now)) {
      if (at_pointer(own, field) == nullptr) put_at(values, field, value_at(now, field));
    }
    return values;
  }

  // What the record's row says beyond its base, edits from `old` on merged with what others have done meanwhile.
  Result<void> put_edits(NewOp& op, const OpRow& old) {
    Json own = Json::object();
    JULU_TRY(const std::int64_t epoch, newest_epoch(db_));
    const Json before = stood_before(old, epoch, own);
    Json now = stored_object(row_.body);
    const auto values_of = [](const OpRow& edit) {
      return Json::parse(edit.base_values.empty() ? "{}" : edit.base_values, nullptr, false);
    };
    Json merged = before;
    std::vector<Conflict> conflicts;
    for (const OpRow& edit : ops_) {
      if (edit.verb != Verb::patch || !is_pending(edit) || !row_.base || mutant(Mutant::resent_over_others)) continue;
      if (is_before(edit, old)) continue;
      const Json said = words_.still_said(edit);
      Merged made = words_.merged(edit, merged, own, kind_.get());
      add_to(own, made.patch);
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
      if (edit.verb != Verb::patch || is_before(edit, old) || !is_pending(edit)) continue;
      const Json stood = values_of(edit);
      const Json made = merge_patch_between(stood, apply_merge_patch(stood, words_.still_said(edit)));
      say_too(made, stood, now, patch, values);
    }
    // A field that gave way to somebody else's value is no part of what is said.
    for (const Conflict& conflict : conflicts) {
      if (value_at(before, conflict.field) == value_at(now, conflict.field)) leave_out(conflict.field, patch);
    }
    // What it only carries goes over nobody's word.
    std::vector<std::string> carries;
    const Json others = carried();
    add_leaves(others, "", carries);
    for (const std::string& field : carries) {
      if (at_pointer(patch, field) != nullptr) put_at(values, field, value_at(others, field));
    }
    op.body = canonical(patch);
    op.base_values = values.dump();
    now_ = apply_merge_patch(before, patch);
    return {};
  }

  // The base with the edits that go as they are, which `own` says together.
  Json stood_before(const OpRow& old, std::int64_t epoch, Json& own) const {
    Json body = Json::parse(row_.base.value_or("{}"), nullptr, false);
    for (const OpRow& op : ops_) {
      if (!is_before(op, old) || op.verb > Verb::patch || !goes_as_it_is(op)) continue;
      const Json said = words_.still_said(op);
      // A creation goes to a county that a restore took the record from: nothing is left there of what it was.
      const bool anew = op.verb == Verb::create && row_.base_epoch < epoch;
      body = anew ? said : apply_merge_patch(std::move(body), said);
      add_to(own, said);
    }
    return body;
  }

  Result<void> stand(NewOp& op, const OpRow& old) {
    if (op.verb == Verb::create) return {};
    const auto moved = old.after ? again_.find(*old.after) : again_.end();
    if (moved != again_.end()) {
      op.after = moved->second;
    } else if (last_ && old.verb != Verb::attach) {
      op.after = last_;
    } else if (op.verb == Verb::patch || op.verb == Verb::remove) {
      op.after = pending_earlier(old);
      if (!op.after) op.base_version = row_.base_version;
    } else if (old.after) {
      JULU_TRY(op.after, goes_as(db_, *old.after));
      if (!op.after && !row_.base) op.after = creation();
    }
    return {};
  }

  // An earlier making of the same edit goes for its receipt.
  static bool is_before(const OpRow& op, const OpRow& old) {
    return std::tie(op.place, op.seq) < std::tie(old.place, old.seq);
  }

  // It is not made again, and not in the base yet.
  bool goes_as_it_is(const OpRow& op) const {
    const bool pending = op.status == kStatusQueued || (op.status == kStatusReceipted && !op.folded);
    return pending && op.verb != Verb::attach && !again_.contains(op.seq);
  }

  std::optional<std::int64_t> creation() const {
    const auto own = std::find_if(ops_.begin(), ops_.end(), [](const OpRow& op) {
      return op.verb == Verb::create && (is_pending(op) || op.status == kStatusReceipted);
    });
    return own != ops_.end() ? std::optional(own->seq) : std::nullopt;
  }

  std::optional<std::int64_t> pending_earlier(const OpRow& old) const {
    std::optional<std::int64_t> last;
    for (const OpRow& op : ops_) {
      if (is_before(op, old) && goes_as_it_is(op)) last = op.seq;
    }
    return last;
  }

  Core& core_;
  Connection& db_;
  const RecordRow& row_;
  const std::vector<OpRow>& ops_;
  OwnWords words_;
  std::shared_ptr<const Kind> kind_;
  Json now_;  // the record as the first edit says it
  std::optional<std::int64_t> last_;
  std::map<std::int64_t, std::int64_t> again_;
  Renamed renamed_;
  bool anew_ = false;
  bool by_itself_ = false;
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

Result<bool> go_without(Core& core, Connection& db, const Id& record, const OpRow& first) {
  JULU_TRY(const auto row, find_record(db, record));
  const auto kind = row ? core.kind(row->kind) : nullptr;
  if (kind == nullptr) return false;
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, record));
  SendingAgain sending(core, db, *row, ops);
  sending.by_itself();
  // One that a person gave up is not made up again.
  JULU_TRY(const auto created, db.integer("SELECT 1 FROM op WHERE record = ?1 AND verb = 0"
                                          " AND (status <> 4 OR successor IS NULL)",
                                          record));
  const bool made_creation = !created && !row->base && first.after;
  if (made_creation) {
    NewOp creation = op_with(*row, *kind, Json::parse(row->body, nullptr, false));
    creation.place = place_before(ops);
    Moment moment = parse_op(first.canonical).moment;
    moment.captured_at_ms = row->captured_at_ms;
    JULU_TRY(const Enqueued queued, core.enqueue(db, moment, creation));
    sending.begin_with(*first.after, queued.seq);
  }
  for (const OpRow& old : ops) {
    if (old.place < first.place) continue;
    // What stands behind a refused edit goes once a person has decided about that.
    if (old.status == kStatusParked && old.verb != Verb::attach) break;
    const bool alone = first.verb == Verb::attach && !made_creation;  // nothing else was in want of what is lost
    if (old.status == kStatusQueued && (!alone || old.seq == first.seq)) JULU_CHECK(sending.take(old));
  }
  JULU_CHECK(lay(core, db, record));
  return true;
}

Result<void> send_again(Core& core, Connection& db, const Id& record) {
  JULU_TRY(const auto row, find_record(db, record));
  if (!row) return Error{ErrorCode::record_unknown, "/id", {}};
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, record));
  const auto parked = std::find_if(ops.begin(), ops.end(), [](const OpRow& o) { return o.status == kStatusParked; });
  SendingAgain sending(core, db, *row, ops, OwnWords::Refused::goes_again);
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
  JULU_CHECK(db.run("UPDATE op SET status = 4, successor = NULL WHERE seq = ?1", op.seq));
  JULU_CHECK(db.run("UPDATE op SET status = 4 WHERE successor = ?1 AND status = 3", op.seq));
  JULU_CHECK(db.run("DELETE FROM action WHERE id = ?1 AND number IS NULL", op.op_id));
  if (op.verb != Verb::attach) return {};
  // Another op of ours may have brought the same photo to the record.
  JULU_CHECK(
      db.run("UPDATE attachment SET action = nullif(action, ?2), op = coalesce((SELECT max(seq) FROM op"
             " WHERE op.record = attachment.record AND op.photo = attachment.sha256 AND op.status <> 4"
             " AND json_extract(op.canonical, '$.body.role') = attachment.role), -1) WHERE op = ?1",
             op.seq, parse_id(text_member(parse_op(op.canonical).body, "action"))));
  return db.run(
      "UPDATE photo SET own = 0 WHERE sha256 = ?1 AND NOT EXISTS"
      " (SELECT 1 FROM op WHERE op.photo = photo.sha256 AND op.status <> 4)",
      op.photo);
}

// What the fields of an edit were before it. Of several that touch a field the first says so.
void note_before(const Json& edit, const Json& before, Json& undo) {
  for (const auto& [field, value] : edit.items()) {
    const Json stood = before.value(field, Json());
    const bool inside = value.is_object() && !value.empty() && (stood.is_null() || stood.is_object());
    if (inside && (!undo.contains(field) || undo[field].is_object())) {
      note_before(value, stood.is_null() ? Json::object() : stood, undo[field]);
    } else if (!undo.contains(field)) {
      undo[field] = stood;
    }
  }
}

// The first edit after the closed ones was made on what they said, and stands on what was before them now.
void put_before(const Json& edit, Json& undo, Json& before) {
  for (const auto& [field, value] : edit.items()) {
    if (!undo.contains(field)) continue;
    if (value.is_object() && !value.empty() && undo[field].is_object()) {
      Json part = object_in(before, field);
      put_before(value, undo[field], part);
      if (!part.empty() || before.contains(field)) before[field] = std::move(part);
    } else {
      before = apply_merge_patch(std::move(before), Json{{field, undo[field]}});
      // It may not have been there at all.
      if (undo[field].is_object() && !undo[field].empty() && before[field].empty()) before.erase(field);
      undo.erase(field);
    }
  }
}

// The fields of a creation in whose place the county has what nobody said on this phone: another made it again. What
// the first one gave it and it has no more somebody took out.
std::vector<Conflict> words_of_others(const Json& created, const Json& base, const std::vector<OpRow>& ops) {
  std::vector<Conflict> fields = merge(Json::object(), created, base, nullptr).conflicts;
  std::erase_if(fields, [&](const Conflict& field) {
    return std::any_of(ops.begin(), ops.end(), [&](const OpRow& op) {
      return op.verb <= Verb::patch && value_at(parse_op(op.canonical).body, field.field) == field.remote;
    });
  });
  const auto first = std::find_if(ops.begin(), ops.end(), [](const OpRow& op) { return op.verb == Verb::create; });
  const Json given = parse_op(first->canonical).body;
  std::vector<std::string> gone;
  add_leaves(merge(Json::object(), given, base, nullptr).patch, "", gone);
  for (const std::string& field : gone) {
    const Json* word = at_pointer(created, field);
    if (word != nullptr) fields.push_back({field, value_at(given, field), *word, std::nullopt});
  }
  return fields;
}

// An edit that the creation had carried says the same as that, and did not see what the other did.
void stand_unseen(const Json& said, std::vector<Conflict>& unseen, Json& before) {
  std::erase_if(unseen, [&](const Conflict& field) {
    const Json* value = at_pointer(said, field.field);
    if (value == nullptr) return false;
    if (*value == field.local) leave_out(field.field, before);
    if (*value == field.local && field.base) before[Json::json_pointer(field.field)] = *field.base;
    return true;
  });
}

void leave_out_closed(std::vector<OpRow>& ops, const std::set<std::int64_t>& closed, const Json& base) {
  Json undo = Json::object();
  std::vector<Conflict> unseen;
  for (OpRow& op : ops) {
    const bool edits = op.verb == Verb::patch && !op.base_values.empty();
    if (!edits && op.verb != Verb::create) continue;
    Json said = parse_op(op.canonical).body;
    Json before = edits ? Json::parse(op.base_values, nullptr, false) : Json();
    if (op.verb == Verb::create && closed.contains(op.seq)) {
      // One that was sent again said what later edits had made of the record.
      unseen = words_of_others(said, base, ops);
      for (const Conflict& field : unseen) leave_out(field.field, said);
      note_before(said, base, undo);
    } else if (edits && closed.contains(op.seq)) {
      note_before(said, before, undo);
    } else if (edits && is_pending(op)) {
      put_before(said, undo, before);
      stand_unseen(said, unseen, before);
      op.base_values = before.dump();
    }
  }
}

// What a refused op takes with it: its photos, and of a case the steps that stand on it.
class Closing {
 public:
  bool takes(const OpRow& op) const {
    if (op.verb == Verb::append) return !steps_.empty();
    if (op.verb != Verb::attach) return false;
    const OpText text = parse_op(op.canonical);
    const std::string step = text_member(text.body, "action");
    if (!step.empty()) return steps_.contains(step);
    // A photo that was added later names the same op.
    return op.after && *op.after == seq_ && moment_.captured_at_ms == text.moment.captured_at_ms &&
           moment_.evidence.monotonic_ms == text.moment.evidence.monotonic_ms;
  }

  void note(const OpRow& op) {
    if (op.verb == Verb::attach) return;
    if (op.verb == Verb::append) {
      steps_.insert(op.op_id.text());
      return;
    }
    seq_ = op.seq;
    moment_ = parse_op(op.canonical).moment;
  }

 private:
  std::set<std::string> steps_;
  std::int64_t seq_ = 0;  // of the last edit, and when it was made
  Moment moment_;
};

}  // namespace

Result<void> go_without_refused(Core& core, Connection& db, const Id& record) {
  JULU_TRY(auto row, find_record(db, record));
  if (!row) return Error{ErrorCode::record_unknown, "/id", {}};
  JULU_TRY(std::vector<OpRow> ops, ops_of(db, record));
  const auto is_parked = [](const OpRow& op) { return op.status == kStatusParked; };
  if (std::none_of(ops.begin(), ops.end(), is_parked)) return {};
  // Nothing can go on a record that the county has deleted, has never taken, or lost with a restore: what a pull has
  // shown since would be of the newest epoch. Where it took a later edit it has the creation too, as it says.
  JULU_TRY(const std::int64_t epoch, newest_epoch(db));
  const bool is_held = row->base && row->base_epoch >= epoch;
  const auto creation = std::find_if(
      ops.begin(), ops.end(), [&](const OpRow& op) { return op.verb == Verb::create && is_parked(op) && !is_held; });
  const bool taken = std::any_of(ops.begin(), ops.end(), [](const OpRow& op) { return op.status == kStatusReceipted; });
  const bool whole = row->base_deleted || (creation != ops.end() && !taken);
  Closing closing;
  std::set<std::int64_t> closed;
  std::optional<std::int64_t> first;  // what follows it is made again
  for (const OpRow& op : ops) {
    if (!is_parked(op) && !(is_pending(op) && (whole || closing.takes(op)))) continue;
    JULU_CHECK(close(db, op));
    closing.note(op);
    closed.insert(op.seq);
    if (op.verb != Verb::attach && !first) first = op.place;
  }
  if (whole) JULU_CHECK(db.run("UPDATE record SET base_deleted = 1 WHERE id = ?1", record));
  if (whole && creation != ops.end()) {  // no version of it is the county's
    JULU_CHECK(db.run("UPDATE record SET base = NULL, base_version = 0 WHERE id = ?1", record));
  }
  if (!whole && creation != ops.end() && !row->base) {  // a version that was shown has one body
    const std::string body = canonical(parse_op(creation->canonical).body);
    JULU_CHECK(db.run("UPDATE record SET base = ?2 WHERE id = ?1", record, body));
  }
  JULU_CHECK(lay(core, db, record));
  if (whole || !first || mutant(Mutant::given_up_waited_for)) return {};
  leave_out_closed(ops, closed, Json::parse(row->base.value_or("{}"), nullptr, false));
  for (OpRow& op : ops) {
    if (closed.contains(op.seq)) op.status = kStatusGivenUp, op.successor.reset();
  }
  JULU_TRY(row, find_record(db, record));
  SendingAgain sending(core, db, *row, ops);
  for (const OpRow& op : ops) {
    if (op.place >= *first && is_pending(op)) JULU_CHECK(sending.take(op));
  }
  return lay(core, db, record);
}

}  // namespace julu::store
