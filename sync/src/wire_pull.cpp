// A page of changes: rows to typed values, and the checksum over what was read. Thread rule: pure functions.
#include "wire_pull.h"

#include <julu/limits.h>

#include "wire.h"

namespace julu::wire {
namespace {

constexpr std::size_t kWordBytesMax = limits::key_bytes_max;
constexpr std::size_t kCursorBytesMax = 2048;  // openapi.yaml; it travels in an address, percent-encoded

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
  action.note = text(row, "note").value_or("");
  if (const Json* actor = find(row, "actor")) {
    action.actor_id = text(*actor, "id").value_or("");
    action.actor_role = text(*actor, "role").value_or("");
    action.actor_name = text(*actor, "name").value_or("");
  }
  const Json* body = find(row, "body");
  if (body != nullptr && !body->is_object()) return broken("body");
  action.body = body == nullptr ? "{}" : body->dump();
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

Result<PulledPage> decode_pull(std::string_view body) {
  JULU_TRY(const Json reply, parse_object(body));
  PulledPage page;
  JULU_TRY(page.epoch, need_integer(reply, "epoch", 1));
  JULU_TRY(page.next, need_text(reply, "next", kCursorBytesMax));
  const auto more = boolean(reply, "more");
  if (!more) return broken("more");
  page.more = *more;
  JULU_TRY(page.changes, decode_list<Change>(reply, "changes", decode_change));

  Sha256 lines;
  for (const Change& change : page.changes) lines.update(change.id + ":" + std::to_string(change.version) + "\n");
  JULU_TRY(const Hash checksum, need_hash(reply, "checksum"));
  if (lines.finish() != checksum) return broken("checksum");
  return page;
}

}  // namespace julu::wire
