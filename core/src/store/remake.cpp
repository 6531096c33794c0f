#include "store/remake.h"

#include <algorithm>
#include <map>
#include <utility>

#include "domain/merge.h"
#include "store/catalog.h"
#include "store/own_words.h"

namespace julu::store {

Result<void> hand_over(Connection& db, const OpRow& old, std::int64_t successor) {
  JULU_CHECK(db.run("UPDATE op SET successor = ?2 WHERE successor = ?1 AND status = 3", old.seq, successor));
  return db.run("UPDATE op SET status = 3, successor = ?2, next_attempt_ms = 0 WHERE seq = ?1", old.seq, successor);
}

Result<std::vector<Id>> to_replace(Connection& db, const OpRow& old) {
  if (mutant(Mutant::replaces_forgotten)) return std::vector<Id>();
  std::vector<Id> ids{old.op_id};
  Query row = db.query("SELECT op_id FROM op WHERE successor = ?1 AND status = 3 ORDER BY seq", old.seq);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) break;
    ids.push_back(row.id(0));
  }
  // What damage took the county may know by its name alone.
  for (const Id& id : parse_op(old.canonical).replaces) {
    JULU_TRY(const auto here, db.integer("SELECT 1 FROM op WHERE op_id = ?1", id));
    if (!here) ids.push_back(id);
  }
  return ids;
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

Result<void> answer(Connection& db, const Id& record, const Json& before, const Json& after, std::int64_t at_ms) {
  std::vector<std::string> fields;
  Json answers = Json::object();
  {
    Query row = db.query("SELECT field FROM conflict WHERE record = ?1", record);
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) break;
      const std::string field(row.text(0));
      const Json* stood = at_pointer(before, field);
      const Json* stands = at_pointer(after, field);
      // A form may say again what it had shown.
      if (stood == nullptr ? stands == nullptr : stands != nullptr && *stood == *stands) continue;
      put_at(answers, field, stands == nullptr ? Json() : *stands);
      fields.push_back(field);
    }
  }
  if (fields.empty()) return {};
  for (const std::string& field : fields)
    JULU_CHECK(db.run("DELETE FROM conflict WHERE record = ?1 AND field = ?2", record, field));
  return add_history(db, record, at_ms, "resolved", answers);
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
                                  {"kept", at_pointer(merged.patch, lost.field) != nullptr ? "local" : "remote"},
                                  {"base", value(lost.base)},
                                  {"local", value(lost.local)},
                                  {"remote", value(lost.remote)}}));
    }
  }
  return {};
}

std::string with_new_names(Json body, const Renamed& renamed) {
  for (const char* member : {"action", "last_action"}) {
    const auto moved = renamed.find(text_member(body, member));
    if (moved != renamed.end()) body[member] = moved->second;
  }
  return canonical(body);
}

Result<void> rename_step(Connection& db, const Id& from, const Id& to) {
  constexpr const char* kPulled = "SELECT 1 FROM action WHERE id = ?1 AND number IS NOT NULL";
  JULU_TRY(const auto known, db.integer(kPulled, from));
  if (known) return {};  // the county has it, and what goes in its place will be told so
  JULU_CHECK(db.run("UPDATE attachment SET action = ?2 WHERE action = ?1", from, to));
  JULU_TRY(const auto pulled, db.integer(kPulled, to));
  if (pulled) return db.run("DELETE FROM action WHERE id = ?1", from);
  return db.run("UPDATE OR REPLACE action SET id = ?2 WHERE id = ?1", from, to);
}

namespace {

Result<void> park(Connection& db, const OpRow& op, const char* type, const Json& detail) {
  return db.run("UPDATE op SET status = 2, problem = ?2 WHERE seq = ?1", op.seq,
                problem_text(ErrorCode::stale, type, "", detail.is_null() ? "" : detail.dump(), ""));
}

// On what an op is made again: the county's version with the own words before it that are still to come.
struct Ground {
  Json body;
  Json said = Json::object();        // those words
  std::optional<std::int64_t> last;  // of them
};

Ground ground_of(const OwnWords& words, const std::vector<OpRow>& ops, const OpRow& judged, const Change& current) {
  Ground ground;
  ground.body = stored_object(current.body);
  for (const OpRow& op : ops) {
    if (op.place >= judged.place || op.verb > Verb::patch) continue;
    if (op.status != kStatusQueued && !words.is_lost(op)) continue;
    const Json said = words.still_said(op);
    ground.body = apply_merge_patch(std::move(ground.body), said);
    add_to(ground.said, said);
    ground.last = op.seq;
  }
  return ground;
}

// Carries the state of one re-making from op to op of a record.
class Remaking {
 public:
  Remaking(Core& core, Connection& db, const Id& record, const Change& current, const OpRow& judged,
           const std::vector<OpRow>& all, const std::vector<OpRow>& applied, const std::vector<Id>& applied_ids,
           std::int64_t epoch)
      : core_(core),
        db_(db),
        record_(record),
        current_(current),
        judged_(judged),
        all_(all),
        applied_(applied),
        applied_ids_(applied_ids),
        words_(all, current.version, epoch),
        kind_(core.kind(current.kind)) {
    ground_ = ground_of(words_, all, judged, current);
  }

  Result<void> take(const OpRow& old) {
    if (const OpRow* first = done_before(old)) return take_back(old, *first);
    if (const auto lost = lost_applied(); old.seq == judged_.seq && is_one_deed(old) && lost)
      return give_back(old, *lost);
    if (old.verb == Verb::attach) return take_attach(old);
    if (old.verb == Verb::append && !renamed_.empty()) return take_append(old);
    // Somebody else has deleted it already: nothing is left to ask. Of one that was not judged its own answer may say
    // that it was the worker.
    if (old.verb == Verb::remove && current_.deleted) {
      if (old.seq != judged_.seq) return {};
      return db_.run("UPDATE op SET status = 4 WHERE seq = ?1 OR (successor = ?1 AND status = 3)", old.seq);
    }
    if (old.verb == Verb::append || old.verb == Verb::remove || current_.deleted || !is_mergeable()) {
      stopped_ = true;  // what stands after it waits for the person's decision too
      return park(db_, old, current_.deleted ? "deleted" : "stale", Json());
    }
    const OpText text = parse_op(old.canonical);
    say_what_arrived(old.place);
    const OpRow left = made_on_now(old);
    Merged merged = words_.merged(left, ground_.body, ground_.said, kind_.get());
    JULU_CHECK(keep_conflicts(core_, db_, record_, merged));
    say_all_the_same(left, merged);
    NewOp op = like(old, record_, current_.kind);
    op.verb = Verb::patch;
    op.body = canonical(merged.patch);
    op.base_values = base_values_for(ground_.body, merged.patch).dump();
    if (ground_.last) {
      op.after = ground_.last;
    } else {
      op.base_version = current_.version;
    }
    JULU_TRY(op.replaces, replaced_by_next(old));
    if (kind_ != nullptr) op.refs = refs_of(*kind_, merged.patch);
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, text.moment, op));
    JULU_CHECK(hand_over(db_, old, queued.seq));
    JULU_CHECK(wait_its_turn(core_, db_, queued.seq, op.replaces.size()));
    ground_.body = apply_merge_patch(std::move(ground_.body), merged.patch);
    add_to(ground_.said, merged.patch);
    ground_.last = queued.seq;
    again_[old.seq] = queued.seq;
    return {};
  }

  bool stopped() const { return stopped_; }

 private:
  bool is_mergeable() const { return kind_ == nullptr || kind_->shape() == Shape::document; }

  // What the county has taken of the worker's own, unheard, is no word of others.
  void say_what_arrived(std::int64_t place) {
    for (; arrived_ < applied_.size() && applied_[arrived_].place <= place; ++arrived_) {
      if (applied_[arrived_].verb <= Verb::patch) add_to(ground_.said, parse_op(applied_[arrived_].canonical).body);
    }
  }

  // On what an edit stands, now that more is known than when it was made.
  OpRow made_on_now(const OpRow& old) const {
    OpRow left = old;
    Json values = stored_object(old.base_values);
    const Json said = parse_op(old.canonical).body;
    for (const std::string& field : leaves_of(said)) {
      const Json& word = *at_pointer(said, field);
      if (const auto told = told_by_applied(old, field, word)) {
        // Not said over what others have made of it since.
        put_at(values, field, told->is_null() ? std::nullopt : std::optional(*told));
      } else if (const auto stood = stood_before_restore(old, field, word)) {
        put_at(values, field, stood->is_null() ? std::nullopt : std::optional(*stood));
      }
    }
    left.base_values = values.dump();
    return left;
  }

  static std::vector<std::string> leaves_of(const Json& patch) {
    std::vector<std::string> fields;
    if (patch.is_object()) add_leaves(patch, "", fields);
    return fields;
  }

  // What the county has taken of a field of this edit, or of later ones whose word it carries.
  std::optional<Json> told_by_applied(const OpRow& edit, const std::string& field, const Json& word) const {
    std::optional<Json> told;
    for (const OpRow& made : applied_) {
      if (made.place < edit.place || made.verb > Verb::patch) continue;
      const Json had = parse_op(made.canonical).body;
      const Json* taken = at_pointer(had, field);
      if (taken != nullptr && (made.place == edit.place || *taken == word)) told = *taken;
    }
    return told;
  }

  // A word that the county had already when it was said once more, and that a restore has taken from there.
  std::optional<Json> stood_before_restore(const OpRow& edit, const std::string& field, const Json& word) const {
    const auto made_on = words_.made_on(edit);
    const bool gone_back = made_on && (current_.version < *made_on || epoch_of(current_.version) > epoch_of(*made_on));
    return gone_back ? stood_first(edit, field, word) : std::nullopt;
  }

  // On what the last making said the word that did not find it there. To a set others may have added since.
  std::optional<Json> stood_first(const OpRow& edit, const std::string& field, const Json& word) const {
    for (auto made = all_.rbegin(); made != all_.rend(); ++made) {
      if (made->place != edit.place || made->verb > Verb::patch) continue;
      const Json had = parse_op(made->canonical).body;
      const Json* said = at_pointer(had, field);
      if (said == nullptr || (*said != word && !(said->is_array() && word.is_array()))) continue;
      const Json values = stored_object(made->base_values);
      const Json* stood = at_pointer(values, field);
      if (stood == nullptr ? !said->is_null() : *stood != *said) return stood == nullptr ? Json() : *stood;
    }
    return std::nullopt;
  }

  // What the county has already, by whatever way, a restore may take from it before there is a receipt.
  void say_all_the_same(const OpRow& old, Merged& merged) const {
    const Json said = words_.still_said(old);
    for (const std::string& field : leaves_of(said)) {
      const Json& word = *at_pointer(said, field);
      if (at_pointer(merged.patch, field) != nullptr || gave_way(merged, field) || !is_there(field, word)) continue;
      if (told_by_applied(old, field, word) || !stood_first(old, field, word)) continue;
      put_at(merged.patch, field, word.is_null() ? Json() : *at_pointer(ground_.body, field));
    }
  }

  static bool gave_way(const Merged& merged, const std::string& field) {
    const auto is_it = [&](const Conflict& lost) { return lost.field == field; };
    return std::any_of(merged.conflicts.begin(), merged.conflicts.end(), is_it) ||
           std::any_of(merged.given_up.begin(), merged.given_up.end(), is_it);
  }

  bool is_there(const std::string& field, const Json& word) const {
    const Json* there = at_pointer(ground_.body, field);
    if (there != nullptr && there->is_array() && word.is_array()) {  // what others have added to a set stays
      return std::all_of(word.begin(), word.end(), [&](const Json& item) {
        return std::find(there->begin(), there->end(), item) != there->end();
      });
    }
    if (there != nullptr || !word.is_null()) return there != nullptr && *there == word;
    // To take a field out of an object that is not there would make one.
    const Json* around = at_pointer(ground_.body, field.substr(0, field.rfind('/')));
    return around != nullptr && around->is_object();
  }

  // What was applied is sent again for its receipt, and what damage took of it never.
  Result<std::vector<Id>> replaced_by_next(const OpRow& old) const {
    JULU_TRY(std::vector<Id> ids, to_replace(db_, old));
    std::erase_if(ids, [&](const Id& id) {
      return !is_here(id) && std::find(applied_ids_.begin(), applied_ids_.end(), id) != applied_ids_.end();
    });
    return ids;
  }

  bool is_here(const Id& id) const {
    return std::any_of(all_.begin(), all_.end(), [&](const OpRow& op) { return op.op_id == id; });
  }

  // What the county has, and damage took here.
  std::optional<Id> lost_applied() const {
    const auto lost =
        std::find_if(applied_ids_.begin(), applied_ids_.end(), [&](const Id& id) { return !is_here(id); });
    return lost != applied_ids_.end() ? std::optional(*lost) : std::nullopt;
  }

  // Each making of it does the same.
  bool is_one_deed(const OpRow& old) const {
    return old.verb == Verb::append || old.verb == Verb::remove || old.verb == Verb::attach ||
           (old.verb == Verb::create && !is_mergeable() && !mutant(Mutant::applied_made_again));
  }

  // What was to replace an op that had been applied after all, and does no more than that one did.
  const OpRow* done_before(const OpRow& old) const {
    const bool one_deed = is_one_deed(old);
    if (one_deed ? old.seq != judged_.seq : !says_no_more(old)) return nullptr;
    const auto first = std::find_if(applied_.begin(), applied_.end(), [&](const OpRow& o) {
      return one_deed ? o.verb == old.verb : o.place == old.place && o.verb <= Verb::patch;
    });
    return first != applied_.end() ? &*first : nullptr;
  }

  bool says_no_more(const OpRow& edit) const {
    if (edit.verb > Verb::patch || mutant(Mutant::applied_made_again)) return false;
    const Json said = words_.still_said(edit);
    const std::vector<std::string> fields = leaves_of(said);
    return std::all_of(fields.begin(), fields.end(), [&](const std::string& field) {
      const Json& word = *at_pointer(said, field);
      return told_by_applied(edit, field, word) == word;
    });
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
    if (old.verb == Verb::remove) ground_.last = first.seq;
    return {};
  }

  // What damage had taken is at the platform, under the id that it had.
  Result<void> give_back(const OpRow& old, const Id& first) {
    JULU_CHECK(db_.run("UPDATE op SET status = 4 WHERE successor = ?1 AND status = 3", old.seq));
    JULU_CHECK(db_.run("UPDATE op SET status = 4, successor = 0 WHERE seq = ?1", old.seq));  // nobody gave it up
    JULU_CHECK(db_.run("UPDATE attachment SET op = NULL WHERE op = ?1", old.seq));
    renamed_[old.op_id.text()] = first.text();
    return old.verb == Verb::append ? rename_step(db_, old.op_id, first) : Result<void>();
  }

  // A step after one that goes under its first id again.
  Result<void> take_append(const OpRow& old) {
    const OpText text = parse_op(old.canonical);
    NewOp op = like(old, record_, current_.kind);
    op.body = with_new_names(text.body, renamed_);
    const auto moved = old.after ? again_.find(*old.after) : again_.end();
    if (moved != again_.end()) {
      op.after = moved->second;
    } else if (old.after) {
      JULU_TRY(op.after, goes_as(db_, *old.after));
    }
    JULU_TRY(op.replaces, replaced_by_next(old));
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
    JULU_TRY(op.replaces, replaced_by_next(old));
    JULU_TRY(const Enqueued queued, core_.enqueue(db_, text.moment, op));
    JULU_CHECK(hand_over(db_, old, queued.seq));
    JULU_CHECK(wait_its_turn(core_, db_, queued.seq, op.replaces.size()));
    return db_.run("UPDATE attachment SET op = ?2 WHERE op = ?1", old.seq, queued.seq);
  }

  Core& core_;
  Connection& db_;
  const Id& record_;
  const Change& current_;
  const OpRow& judged_;
  const std::vector<OpRow>& all_;
  const std::vector<OpRow>& applied_;
  const std::vector<Id>& applied_ids_;
  OwnWords words_;
  std::shared_ptr<const Kind> kind_;
  Ground ground_;            // with the ops made again so far
  std::size_t arrived_ = 0;  // of what was applied
  std::map<std::int64_t, std::int64_t> again_;
  Renamed renamed_;
  bool stopped_ = false;
};

}  // namespace

Result<bool> would_ask(Core& core, Connection& db, const OpRow& op, const Id& record, const Change& current,
                       std::int64_t epoch) {
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, record));
  const auto kind = core.kind(current.kind);
  if (op.verb == Verb::attach || current.deleted || (kind != nullptr && kind->shape() != Shape::document)) return false;
  OwnWords words(ops, current.version, epoch);
  Ground ground = ground_of(words, ops, op, current);
  for (const OpRow& edit : ops) {
    if (edit.place < op.place) continue;
    if (edit.status == kStatusParked && edit.verb != Verb::attach) break;
    if (edit.status != kStatusQueued || edit.verb > Verb::patch) continue;
    const Merged merged = words.merged(edit, ground.body, ground.said, kind.get());
    if (!merged.conflicts.empty()) return true;
    // Nobody is asked about a set, or what both took away, but what a restore took would be taken for taken out.
    const Json said_here = words.still_said(edit);
    std::vector<std::string> fields;
    if (said_here.is_object()) add_leaves(said_here, "", fields);
    for (const std::string& field : fields) {
      const Json* word = at_pointer(said_here, field);
      const Json* made = at_pointer(merged.patch, field);
      if (word->is_array() && made != nullptr && *made != *word) return true;
      if (word->is_null() && made == nullptr) return true;
    }
    ground.body = apply_merge_patch(std::move(ground.body), merged.patch);
    add_to(ground.said, merged.patch);
  }
  return false;
}

Result<void> make_again(Core& core, Connection& db, const OpRow& op, const Id& record, const Change& current,
                        const std::vector<Id>& applied, std::int64_t epoch) {
  // As they were before this answer, but for what it says is there.
  JULU_TRY(std::vector<OpRow> all, ops_of(db, record));
  std::vector<OpRow> first;
  for (OpRow& made : all) {
    // One that was closed with its successor's receipt stands again where a restore took that.
    const bool was_closed = made.status == kStatusGivenUp && made.successor;
    if (made.status != kStatusMadeAgain && !was_closed) continue;
    if (std::find(applied.begin(), applied.end(), made.op_id) == applied.end()) continue;
    if (mutant(Mutant::applied_forgotten)) continue;
    // Sent again for its receipt; the next making no longer replaces it.
    JULU_CHECK(prove_again(core, db, made.seq));
    JULU_CHECK(db.run("UPDATE op SET successor = NULL WHERE seq = ?1", made.seq));
    // A platform that judges again what it took would be asked for ever.
    const auto others = std::count_if(
        all.begin(), all.end(), [&](const OpRow& other) { return other.place == made.place && other.seq != made.seq; });
    JULU_CHECK(wait_its_turn(core, db, made.seq, static_cast<std::size_t>(others)));
    made.status = kStatusReceipted;
    made.version = current.version;
    made.successor.reset();
    first.push_back(made);
  }
  JULU_TRY(auto row, find_record(db, record));
  if (row) JULU_CHECK(take_base(core, db, *row, current, epoch));
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, record, op.place));
  Remaking remaking(core, db, record, current, op, all, first, applied, epoch);
  for (const OpRow& pending : ops) {
    // What stands behind a refused edit goes once a person has decided about that.
    if (pending.status == kStatusParked && pending.verb != Verb::attach && op.verb != Verb::attach) break;
    if (pending.status != kStatusQueued) continue;
    // An earlier making goes for its receipt.
    if (pending.place == op.place && pending.seq < op.seq) continue;
    const bool applied_before =
        std::any_of(first.begin(), first.end(), [&](const OpRow& o) { return o.seq == pending.seq; });
    if (applied_before) continue;
    if (op.verb == Verb::attach && pending.seq != op.seq) continue;  // nothing else was judged stale
    JULU_CHECK(remaking.take(pending));
    if (remaking.stopped()) break;
  }
  return row ? lay(core, db, std::move(*row)) : Result<void>();
}

}  // namespace julu::store
