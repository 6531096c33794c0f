// A page of changes: rows to typed values, and the checksum over what was read. Thread rule: pure functions.
#include "wire_pull.h"

#include <charconv>
#include <set>

#include <julu/limits.h>

#include "wire.h"

namespace julu::wire {
namespace {

constexpr std::size_t kWordBytesMax = limits::key_bytes_max;

// A member that may be missing; null counts as that, as some libraries write it so.
Result<std::optional<Id>> maybe_id(const Json& object, const char* member) {
  const Json* value = find(object, member);
  if (value == nullptr || value->is_null()) return std::optional<Id>();
  JULU_TRY(const Id id, need_id(object, member));
  return std::optional(id);
}

Result<ChangeAction> decode_action(const Json& row) {
  ChangeAction action;
  JULU_TRY(action.id, need_id(row, "id"));
  JULU_TRY(action.number, need_integer(row, "number", 1));
  JULU_TRY(action.action, need_text(row, "action", kWordBytesMax));
  JULU_TRY(action.state, need_text(row, "state", kWordBytesMax));
  JULU_TRY(action.at_ms, need_integer(row, "at_ms", 0));
  if (const Json* actor = find(row, "actor")) {
    action.actor_id = text(*actor, "id").value_or("");
    action.actor_role = text(*actor, "role").value_or("");
    action.actor_name = text(*actor, "name").value_or("");
  }
  const Json* body = find(row, "body");
  if (body != nullptr && body->is_null()) body = nullptr;  // as some libraries write what is absent
  if (body != nullptr && !body->is_object()) return broken("body");
  // The past of a record shows the body, and a platform need not say the note in both places.
  Json said = body == nullptr ? Json::object() : *body;
  const std::string note = text(row, "note").value_or("");
  if (!note.empty() && !said.contains("note")) said["note"] = note;
  action.body = said.dump();
  return action;
}

Result<ChangePhoto> decode_photo(const Json& row) {
  ChangePhoto photo;
  JULU_TRY(photo.sha256, need_hash(row, "photo"));
  JULU_TRY(photo.length_bytes, need_integer(row, "length_bytes", 1));
  photo.role = text(row, "role").value_or("");
  JULU_TRY(photo.action, maybe_id(row, "action"));
  return photo;
}

template <class Item>
Result<std::vector<Item>> decode_list(const Json& object, const char* member, Result<Item> (*decode)(const Json&)) {
  std::vector<Item> items;
  const Json* list = find(object, member);
  if (list == nullptr || list->is_null()) return items;
  if (!list->is_array()) return broken(member);
  items.reserve(list->size());
  for (const Json& row : *list) {
    JULU_TRY(Item item, decode(row));
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace

Result<Change> decode_change(const Json& row) {
  if (!row.is_object()) return broken("changes");
  Change change;
  JULU_TRY(change.kind, need_text(row, "kind", kWordBytesMax));
  JULU_TRY(change.id, need_text(row, "id", kWordBytesMax));
  JULU_TRY(change.version, need_integer(row, "version", 0));
  change.deleted = boolean(row, "deleted").value_or(false);
  change.removed = boolean(row, "removed").value_or(false);
  const Json* body = find(row, "body");
  if (body != nullptr && !body->is_null()) {
    if (!body->is_object()) return broken("body");
    change.body = body->dump();
  }
  change.state = text(row, "state").value_or("");
  JULU_TRY(change.actions, decode_list<ChangeAction>(row, "actions", decode_action));
  JULU_TRY(change.photos, decode_list<ChangePhoto>(row, "photos", decode_photo));
  change.created_at_ms = integer(row, "created_at_ms").value_or(0);
  return change;
}

namespace {

// A row of the catalog that nobody could use is kept with its reason, and holds up no report of anybody's.
Result<Change> decode_row(const Json& row, bool too_deep) {
  auto change = decode_change(row);
  if (change && !too_deep) return change;
  Change bare;
  bare.kind = text(row, "kind").value_or("");
  bare.id = text(row, "id").value_or("");
  const bool named = !bare.kind.empty() && bare.kind.size() <= kWordBytesMax && !bare.id.empty() &&
                     bare.id.size() <= kWordBytesMax && !parse_id(bare.id);
  if (!named) return change ? Result<Change>(broken("changes")) : change;
  JULU_TRY(bare.version, need_integer(row, "version", 0));
  bare.body = "{}";
  bare.unusable = too_deep ? "too_deep" : "bad_reply " + change.error().field;
  return bare;
}

// What is nested too deep is left out; the numbers of the rows that it was in, counted from 0, are told.
Json parse_without_depths(std::string_view body, std::set<std::size_t>& too_deep) {
  bool in_changes = false;
  std::size_t rows = 0;
  const auto keep = [&](int depth, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::key && depth == 1) in_changes = parsed == "changes";
    if (event == Event::object_start && depth == 2 && in_changes) ++rows;
    const bool begins = event == Event::object_start || event == Event::array_start;
    if (!begins || depth < limits::reply_depth_max) return true;
    if (in_changes && rows > 0) too_deep.insert(rows - 1);
    return false;
  };
  return Json::parse(body.begin(), body.end(), keep, false);
}

// The unit of an escape \uXXXX at `at`; nothing where there is none.
std::optional<unsigned> unit_at(std::string_view json, std::size_t at) {
  unsigned unit = 0;
  if (at + 6 > json.size() || json.substr(at, 2) != "\\u") return std::nullopt;
  const auto [end, failed] = std::from_chars(json.data() + at + 2, json.data() + at + 6, unit, 16);
  return failed == std::errc() && end == json.data() + at + 6 ? std::optional(unit) : std::nullopt;
}

// Half a surrogate pair becomes U+FFFD: a text that was cut in the middle of an emoji, as an escape, which RFC 8259
// (8.2) allows and UTF-8 cannot say. Or one such text would hold up all news for ever.
std::string with_whole_characters(std::string_view json) {
  constexpr auto half = [](std::optional<unsigned> unit, unsigned from) { return unit && (*unit & 0xFC00U) == from; };
  std::string whole;
  for (std::size_t at = 0; at < json.size();) {
    const auto unit = unit_at(json, at);
    const bool pair = half(unit, 0xD800) && half(unit_at(json, at + 6), 0xDC00);
    const std::size_t taken = pair ? 12 : unit ? 6 : json[at] == '\\' ? 2 : 1;
    if (!pair && unit && (*unit & 0xF800U) == 0xD800U) {
      whole += "\\ufffd";
    } else {
      whole += json.substr(at, taken);
    }
    at += taken;
  }
  return whole;
}

Result<Json> parse_page(std::string_view body, std::set<std::size_t>& too_deep) {
  auto reply = parse_object(body);
  if (!reply && reply.error().detail == "syntax") return parse_object(with_whole_characters(body));
  if (reply || reply.error().detail != "depth") return reply;
  Json shallow = parse_without_depths(body, too_deep);
  if (shallow.is_discarded() || !shallow.is_object() || too_deep.empty()) return reply;
  return shallow;
}

}  // namespace

Result<PulledPage> decode_pull(std::string_view body) {
  std::set<std::size_t> too_deep;
  JULU_TRY(const Json reply, parse_page(body, too_deep));
  PulledPage page;
  JULU_TRY(page.epoch, need_epoch(reply));
  JULU_TRY(page.next, need_text(reply, "next", limits::cursor_bytes_max));
  const auto more = boolean(reply, "more");
  if (!more) return broken("more");
  page.more = *more;
  const Json* changes = find(reply, "changes");
  if (changes != nullptr && !changes->is_null() && !changes->is_array()) return broken("changes");
  for (std::size_t i = 0; changes != nullptr && i < changes->size(); ++i) {
    JULU_TRY(Change change, decode_row((*changes)[i], too_deep.contains(i)));
    page.changes.push_back(std::move(change));
  }

  Sha256 lines;
  for (const Change& change : page.changes) lines.update(change.id + ":" + std::to_string(change.version) + "\n");
  JULU_TRY(const Hash checksum, need_hash(reply, "checksum"));
  if (lines.finish() != checksum) return broken("checksum");
  return page;
}

}  // namespace julu::wire
