// What a worker does: capture, patch, act, attach, remove, resolve. One transaction each.
#include <algorithm>

#include <julu/store.h>

#include "domain/merge.h"
#include "store/remake.h"

namespace julu {
namespace {

using namespace store;

Result<void> check_photos(const std::vector<PhotoInput>& photos) {
  if (photos.size() > static_cast<std::size_t>(limits::photos_per_call_max)) {
    return Error{ErrorCode::bad_argument, "/photos", "at most " + std::to_string(limits::photos_per_call_max)};
  }
  for (std::size_t i = 0; i < photos.size(); ++i) {
    const std::string& role = photos[i].role;
    const bool word =
        !role.empty() && role.size() <= limits::key_bytes_max &&
        std::all_of(role.begin(), role.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    if (!word) return Error{ErrorCode::bad_argument, "/photos/" + std::to_string(i) + "/role", {}};
  }
  return {};
}

// Spaces, U+3000 among them: of its bytes no other character is made.
bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n　") == std::string_view::npos; }

Result<Id> parse_record_id(const std::string& text) {
  const auto id = parse_id(text);
  if (!id || id->is_nil()) return Error{ErrorCode::bad_argument, "/id", {}};
  return *id;
}

// As long as the wire takes it: some letters are longer in their normal form, and a step gets words of the library's.
Result<std::string> body_text(const Json& body) {
  std::string text = canonical(body);
  if (text.size() > limits::body_bytes_max) return Error{ErrorCode::field_too_long, "", "bytes"};
  return text;
}

// Takes the photos in and queues one attach op for each, standing after `after`.
Result<void> attach_all(Core& core, Connection& db, const Moment& moment, const NewOp& like,
                        const std::vector<PhotoInput>& photos, const std::optional<Id>& action, Saved& saved) {
  for (std::size_t i = 0; i < photos.size(); ++i) {
    auto taken = take_photo(core, db, photos[i], like.urgency);
    if (!taken) return with_field(taken.error(), "/photos/" + std::to_string(i));
    Json body{{"length_bytes", taken->length_bytes}, {"photo", hex(taken->sha256)}, {"role", taken->role}};
    if (action) body["action"] = action->text();
    NewOp op;
    op.record = like.record;
    op.kind = like.kind;
    op.verb = Verb::attach;
    op.body = canonical(body);
    op.after = like.after;
    op.urgency = like.urgency;
    op.photo = taken->sha256;
    JULU_TRY(const Enqueued queued, core.enqueue(db, moment, op));
    JULU_CHECK(add_attachment(db, like.record, taken->sha256, taken->role, action, queued.seq));
    saved.photos.push_back(hex(taken->sha256));
    saved.photo_bytes += taken->length_bytes;
  }
  return {};
}

// As far as its creation tells: a record that has left the scope leaves its operations here.
Result<std::optional<RecordRow>> out_of_scope(Connection& db, const Id& id) {
  JULU_TRY(const auto text,
           db.text("SELECT canonical FROM op WHERE record = ?1 AND verb = 0 ORDER BY place LIMIT 1", id));
  if (!text) return std::optional<RecordRow>();
  RecordRow row;
  row.id = id;
  row.kind = text_member(stored_object(*text), "kind");
  row.captured_at_ms = parse_op(*text).moment.captured_at_ms;
  return std::optional(std::move(row));
}

// The first answer again, when everything asked for is what was saved under this id.
Result<Saved> saved_before(Core& core, Connection& db, const RecordRow& row, const Kind& kind, const std::string& body,
                           const std::vector<PhotoInput>& photos) {
  const Error conflict{ErrorCode::id_conflict, "/id", row.id.text()};
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, row.id));
  if (row.kind != kind.id() || ops.empty() || ops.front().verb != Verb::create) return conflict;
  JULU_TRY(const auto given_up,
           db.integer("SELECT 1 FROM op WHERE record = ?1 AND verb = 0 AND status = 4 AND successor IS NULL", row.id));
  if (row.deleted && given_up) return Error{ErrorCode::record_deleted, "/id", row.id.text()};
  const OpText first = parse_op(ops.front().canonical);
  const auto at_once = [&](const Moment& moment) {  // one that was added later may stand after the creation too
    return moment.captured_at_ms == first.moment.captured_at_ms &&
           moment.evidence.monotonic_ms == first.moment.evidence.monotonic_ms;
  };
  if (canonical(first.body) != body) return conflict;
  std::vector<Json> with_it, behind_it;
  for (const OpRow& op : ops) {
    if (op.verb != Verb::attach || op.after != ops.front().seq) continue;
    const OpText text = parse_op(op.canonical);
    if (text.body.contains("action")) continue;
    // One that was made again stands beside the first making.
    const bool is_again = std::any_of(ops.begin(), ops.end(), [&](const OpRow& earlier) {
      return std::find(text.replaces.begin(), text.replaces.end(), earlier.op_id) != text.replaces.end();
    });
    if (is_again) continue;
    if (at_once(text.moment)) with_it.push_back(text.body);
    behind_it.push_back(text.body);
  }
  // What damage took of them was attached again, at another moment.
  JULU_TRY(const auto salvage, meta_text(db, "salvage"));
  const bool lost = salvage && with_it.size() < photos.size();
  if (lost) with_it = std::move(behind_it);
  // A photo file may be gone by now: the shell asks again because it died. What is still there has to be the same.
  if (lost ? photos.size() > with_it.size() : photos.size() != with_it.size()) return conflict;
  Saved saved{row.id.text(), row.captured_at_ms, {}, 0};
  for (std::size_t i = 0; i < photos.size(); ++i) {
    if (photos[i].role != text_member(with_it[i], "role")) return conflict;
    saved.photos.push_back(text_member(with_it[i], "photo"));
    saved.photo_bytes += with_it[i].value("length_bytes", std::int64_t{0});
    const auto same = is_photo(core, db, photos[i], *parse_hash(saved.photos[i]));
    if (!same && same.error().code == ErrorCode::photo_missing) continue;
    if (!same) return with_field(same.error(), "/photos/" + std::to_string(i));
    if (!*same) return conflict;
  }
  return saved;
}

Result<Saved> insert_record(Core& core, Connection& db, const Kind& kind, const Id& id, const Json& body,
                            const std::vector<PhotoInput>& photos) {
  const Moment moment = core.moment(db);
  JULU_TRY(const std::string text, body_text(body));
  std::string state;
  if (const auto flow = core.flow_of(kind)) state = flow->initial();
  JULU_TRY(const std::int64_t changed, core.next_change(db));
  NewOp op;
  op.record = id;
  op.kind = kind.id();
  op.body = text;
  op.urgency = urgency_of(body);
  op.refs = refs_of(kind, body);
  JULU_CHECK(
      db.run("INSERT INTO record (id, kind, body, state, captured_at_ms, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", id,
             kind.id(), text, state, moment.captured_at_ms, changed));
  JULU_TRY(const Enqueued created, core.enqueue(db, moment, op));
  if (mutant(Mutant::capture_split)) JULU_CHECK(db.script("COMMIT; BEGIN IMMEDIATE"));
  op.after = created.seq;
  Saved saved{id.text(), moment.captured_at_ms, {}, 0};
  JULU_CHECK(attach_all(core, db, moment, op, photos, std::nullopt, saved));
  return saved;
}

struct Target {
  RecordRow row;
  std::shared_ptr<const Kind> kind;
};

Result<Target> target_of(Core& core, Connection& db, const Id& id) {
  JULU_TRY(auto row, find_record(db, id));
  if (!row) return Error{ErrorCode::record_unknown, "/id", {}};
  if (row->deleted) return Error{ErrorCode::record_deleted, "/id", {}};
  auto kind = core.kind(row->kind);
  if (kind == nullptr) return Error{ErrorCode::kind_unknown, "/kind", {}};
  return Target{*std::move(row), std::move(kind)};
}

// What every later op of a record has in common: after what it stands, or on which version.
Result<NewOp> follow_up(Connection& db, const Target& target, Verb verb) {
  NewOp op;
  op.record = target.row.id;
  op.kind = target.row.kind;
  op.verb = verb;
  op.urgency = urgency_of(stored_object(target.row.body));
  JULU_TRY(op.after, pending_before(db, target.row.id));
  if (!op.after && (verb == Verb::patch || verb == Verb::remove)) op.base_version = target.row.base_version;
  return op;
}

Result<Saved> edit(Core& core, Connection& db, const Id& id, const Json& patch_as_given,
                   const std::vector<PhotoInput>& photos) {
  JULU_TRY(const Target target, target_of(core, db, id));
  if (target.kind->shape() != Shape::document) return Error{ErrorCode::shape_mismatch, "/id", {}};
  const Json patch = target.kind->normalised(patch_as_given);
  const Json before = Json::parse(target.row.body);
  const Json after = apply_merge_patch(before, patch);
  if (!patch.is_object()) return Error{ErrorCode::field_invalid, "", ""};
  JULU_CHECK(target.kind->check_edit(before, after));
  const Moment moment = core.moment(db);
  JULU_TRY(NewOp op, follow_up(db, target, Verb::patch));
  JULU_TRY(op.body, body_text(patch));
  op.base_values = base_values_for(mutant(Mutant::base_not_kept) ? after : before, patch).dump();
  op.refs = refs_of(*target.kind, patch);
  JULU_TRY(const Enqueued queued, core.enqueue(db, moment, op));
  op.after = queued.seq;
  Saved saved{id.text(), moment.captured_at_ms, {}, 0};
  JULU_CHECK(attach_all(core, db, moment, op, photos, std::nullopt, saved));
  JULU_CHECK(answer(db, id, before, after, moment.captured_at_ms));
  JULU_CHECK(lay(core, db, id));
  return saved;
}

// The merge patch (RFC 7396) that gives the field at a JSON pointer (RFC 6901) this value.
Result<Json> patch_of_field(const std::string& pointer, Json value) {
  std::size_t end = pointer.size();
  while (end > 0) {
    const std::size_t slash = pointer.rfind('/', end - 1);
    if (slash == std::string::npos) return Error{ErrorCode::bad_argument, "/field", {}};
    std::string key = pointer.substr(slash + 1, end - slash - 1);
    for (std::size_t at = 0; (at = key.find("~1", at)) != std::string::npos; ++at) key.replace(at, 2, "/");
    for (std::size_t at = 0; (at = key.find("~0", at)) != std::string::npos; ++at) key.replace(at, 2, "~");
    value = Json{{key, std::move(value)}};
    end = slash;
  }
  return value;
}

}  // namespace

Result<Saved> Store::capture(const Capture& capture) {
  JULU_TRY(const auto kind, core_->kind_now(capture.kind));
  JULU_CHECK(check_photos(capture.photos));
  JULU_TRY(Json parsed, parse_body(capture.body));
  const Json body = kind->normalised(std::move(parsed));
  const auto checked = kind->check(body);
  if (!checked && capture.id.empty()) return checked.error();
  Id id;
  if (capture.id.empty()) {
    id = make_id(clock(), random());
  } else {
    JULU_TRY(id, parse_record_id(capture.id));
    // Lists go by the time in it: under any other it would stand somewhere, and look lost.
    if (id.version() != 7) return Error{ErrorCode::bad_argument, "/id", "a UUID of version 7"};
  }
  return core_->save([&](Connection& db) -> Result<Saved> {
    if (!capture.id.empty() && !mutant(Mutant::repeat_not_recognised)) {
      JULU_TRY(auto row, find_record(db, id));
      if (!row) {
        JULU_TRY(row, out_of_scope(db, id));
      }
      if (row) return saved_before(*core_, db, *row, *kind, canonical(body), capture.photos);
    }
    JULU_CHECK(checked);  // what is saved already was judged by the form of then
    if (mutant(Mutant::capture_twice) && !capture.photos.empty())
      JULU_CHECK(insert_record(*core_, db, *kind, make_id(clock(), random()), body, capture.photos));
    return insert_record(*core_, db, *kind, id, body, capture.photos);
  });
}

Result<Saved> Store::patch(const std::string& id_text, const std::string& body, const std::vector<PhotoInput>& photos) {
  JULU_TRY(const Id id, parse_record_id(id_text));
  JULU_CHECK(check_photos(photos));
  JULU_TRY(const Json parsed, parse_body(body));
  return core_->save([&](Connection& db) { return edit(*core_, db, id, parsed, photos); });
}

namespace {

// As the platform knows it, or will.
Result<std::optional<Id>> last_step_of(Connection& db, const Id& record) {
  JULU_TRY(const auto steps,
           db.query("SELECT id FROM action WHERE record = ?1 AND (number IS NOT NULL OR EXISTS (SELECT 1 FROM op"
                    " WHERE op.record = ?1 AND op.op_id = action.id AND op.status < 3))"
                    " ORDER BY number IS NULL DESC, number DESC, id DESC LIMIT 1",
                    record)
               .ids());
  return steps.empty() ? Result<std::optional<Id>>(std::nullopt) : step_goes_as(db, record, steps.front());
}

}  // namespace

Result<Saved> Store::act(const std::string& id_text, const std::string& action, const std::string& body,
                         const std::vector<PhotoInput>& photos) {
  JULU_TRY(const Id id, parse_record_id(id_text));
  JULU_CHECK(check_photos(photos));
  JULU_TRY(Json step, parse_body(body.empty() ? "{}" : body));
  return core_->save([&](Connection& db) -> Result<Saved> {
    JULU_TRY(const Target target, target_of(*core_, db, id));
    const auto flow = core_->flow_of(*target.kind);
    if (target.kind->shape() != Shape::case_ || flow == nullptr) return Error{ErrorCode::shape_mismatch, "/id", {}};
    const Identity who = core_->identity();
    JULU_TRY(const std::string state, flow->next(target.row.state, action, who.role));
    if (flow->note(action) == NoteRule::required && is_blank(text_member(step, "note"))) {
      return Error{ErrorCode::field_missing, "/note", {}};
    }
    const Moment moment = core_->moment(db);
    JULU_TRY(NewOp op, follow_up(db, target, Verb::append));
    step["action"] = action;
    JULU_TRY(const auto last, last_step_of(db, id));
    if (last) step["last_action"] = last->text();
    JULU_TRY(op.body, body_text(step));
    JULU_TRY(const Enqueued queued, core_->enqueue(db, moment, op));
    const Json actor{{"id", who.worker}, {"name", who.name}, {"role", who.role}};
    JULU_CHECK(db.run(
        "INSERT INTO action (id, record, number, action, state, actor, at_ms, body) VALUES (?1, ?2, NULL, ?3, ?4, ?5, ?6, ?7)",
        queued.op_id, id, action, state, actor.dump(), moment.captured_at_ms, op.body));
    op.after = queued.seq;
    Saved saved{id.text(), moment.captured_at_ms, {}, 0};
    JULU_CHECK(attach_all(*core_, db, moment, op, photos, queued.op_id, saved));
    JULU_CHECK(lay(*core_, db, id));
    return saved;
  });
}

Result<Saved> Store::attach(const std::string& id_text, const std::vector<PhotoInput>& photos) {
  JULU_TRY(const Id id, parse_record_id(id_text));
  JULU_CHECK(check_photos(photos));
  if (photos.empty()) return Error{ErrorCode::bad_argument, "/photos", {}};
  return core_->save([&](Connection& db) -> Result<Saved> {
    JULU_TRY(const Target target, target_of(*core_, db, id));
    const Moment moment = core_->moment(db);
    JULU_TRY(const NewOp op, follow_up(db, target, Verb::attach));
    Saved saved{id.text(), moment.captured_at_ms, {}, 0};
    JULU_CHECK(attach_all(*core_, db, moment, op, photos, std::nullopt, saved));
    JULU_CHECK(lay(*core_, db, id));
    return saved;
  });
}

Result<Saved> Store::remove(const std::string& id_text) {
  JULU_TRY(const Id id, parse_record_id(id_text));
  return core_->save([&](Connection& db) -> Result<Saved> {
    JULU_TRY(const Target target, target_of(*core_, db, id));
    if (target.kind->shape() != Shape::document) return Error{ErrorCode::shape_mismatch, "/id", {}};
    const Moment moment = core_->moment(db);
    JULU_TRY(const NewOp op, follow_up(db, target, Verb::remove));
    JULU_CHECK(core_->enqueue(db, moment, op));
    JULU_CHECK(lay(*core_, db, id));
    return Saved{id.text(), moment.captured_at_ms, {}, 0};
  });
}

Result<void> Store::resolve(const std::string& id_text, const std::string& field, const std::string& value) {
  const auto id = parse_id(id_text);
  if (!id) return Error{ErrorCode::bad_argument, "/id", {}};
  Json choice;
  if (!value.empty()) {
    JULU_TRY(const Json wrapped, parse_body("{\"value\":" + value + "}"));
    if (wrapped.size() != 1) return Error{ErrorCode::json_syntax, "/value", {}};
    choice = wrapped.at("value");
  }
  JULU_TRY(const Json patch, patch_of_field(field, choice));
  return core_->save([&](Connection& db) -> Result<void> {
    JULU_CHECK(db.run("DELETE FROM conflict WHERE record = ?1 AND field = ?2", *id, field));
    if (db.changes() == 0) return Error{ErrorCode::record_unknown, "/field", {}};
    JULU_TRY(const auto row, find_record(db, *id));
    // An edit like any other: it goes to the platform, and the history shows it. Of a record that is deleted by now
    // nothing is left to edit, and the question is over all the same, as who follows the changes is told.
    if (row && !row->deleted && !mutant(Mutant::choice_not_said)) {
      // One object instead of another goes as the difference: a merge patch would lay it on what is there.
      const Json body = stored_object(row->body);
      const Json* stands = at_pointer(body, field);
      const bool objects = stands != nullptr && stands->is_object() && choice.is_object();
      JULU_TRY(const Json said, objects ? patch_of_field(field, merge_patch_between(*stands, choice)) : patch);
      JULU_CHECK(edit(*core_, db, *id, said, {}));
    } else if (!mutant(Mutant::choice_not_told)) {
      JULU_CHECK(lay(*core_, db, *id));
    }
    return add_history(db, *id, core_->clock().now_ms(), "resolved", patch);
  });
}

}  // namespace julu
