// What the store tells.
#include "json.h"
#include "objects.h"
#include "photos.h"

using namespace julu;
using namespace julu::c;

namespace {

// A question that is answered with bytes.
template <class Ask>
std::int32_t ask_store(julu_store store, julu_buf* out, julu_error* error, Ask&& ask) {
  return guard_bytes(out, error, [&]() -> Result<std::string> {
    JULU_TRY(const auto open, open_store(store));
    return ask(*open->store);
  });
}

// The same of one record or photo.
template <class Ask>
std::int32_t ask_store(julu_store store, julu_text id, const char* field, julu_buf* out, julu_error* error, Ask&& ask) {
  return ask_store(store, out, error, [&](Store& open) -> Result<std::string> {
    JULU_TRY(const std::string word, text(id, field));
    return ask(open, word);
  });
}

julu_status status_of(const Status& status) {
  julu_status told{};
  if (status.confirming) told.flags |= JULU_STATUS_CONFIRMING;
  if (status.low_disk) told.flags |= JULU_STATUS_LOW_DISK;
  told.records = status.records;
  told.unsent_records = status.unsent_records;
  told.unsent_ops = status.unsent_ops;
  told.parked_ops = status.parked_ops;
  told.unsent_photos = status.unsent_photos;
  told.unsent_photo_bytes = status.unsent_photo_bytes;
  told.conflicts = status.conflicts;
  told.next_attempt_ms = status.next_attempt_ms.value_or(-1);
  told.last_sync_ms = status.last_sync_ms;
  if (status.salvage) {
    told.salvaged_at_ms = status.salvage->at_ms;
    told.salvaged_ops = status.salvage->ops;
    told.unreadable_ops = status.salvage->ops_unreadable;
    told.lost_photos = status.salvage->photos_lost;
  }
  return told;
}

}  // namespace

extern "C" {

std::int32_t julu_store_get(julu_store store, julu_text id, julu_buf* out, julu_error* error) {
  return ask_store(store, id, "id", out, error, [](Store& open, const std::string& record) -> Result<std::string> {
    JULU_TRY(const auto found, open.get(record));
    return found ? dump(json_of(*found)) : std::string();
  });
}

std::int32_t julu_store_list(julu_store store, julu_text filter, julu_buf* out, julu_error* error) {
  return ask_store(store, filter, "filter", out, error,
                   [](Store& open, const std::string& json) -> Result<std::string> {
                     JULU_TRY(const Filter wanted, parse_filter(json));
                     JULU_TRY(const auto records, open.list(wanted));
                     return dump_list(records);
                   });
}

std::int32_t julu_store_find_id(julu_store store, julu_text short_id, julu_buf* out, julu_error* error) {
  return ask_store(store, short_id, "short_id", out, error,
                   [](Store& open, const std::string& id) { return open.find_id(id); });
}

std::int32_t julu_store_short_id(julu_store store, julu_text id, julu_buf* out, julu_error* error) {
  return ask_store(store, id, "id", out, error,
                   [](Store& open, const std::string& full) { return open.short_id(full); });
}

std::int32_t julu_store_new_id(julu_store store, julu_buf* out, julu_error* error) {
  return ask_store(store, out, error, [](Store& open) -> Result<std::string> { return open.new_id(); });
}

std::int32_t julu_store_history(julu_store store, julu_text id, julu_buf* out, julu_error* error) {
  return ask_store(store, id, "id", out, error, [](Store& open, const std::string& record) -> Result<std::string> {
    JULU_TRY(const auto entries, open.history(record));
    return dump_list(entries);
  });
}

std::int32_t julu_store_conflicts(julu_store store, julu_buf* out, julu_error* error) {
  return ask_store(store, out, error, [](Store& open) -> Result<std::string> {
    JULU_TRY(const auto fields, open.conflicts());
    return dump_list(fields);
  });
}

std::int32_t julu_store_read_photo(julu_store store, julu_text sha256, const julu_photo_out* out, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, open_store(store));
    JULU_TRY(const std::string photo, text(sha256, "sha256"));
    JULU_TRY(const julu_photo_out target, read_struct(out, "out"));
    return put_photo(*open->store, photo, target);
  });
}

std::int32_t julu_store_thumbnail(julu_store store, julu_text sha256, julu_buf* out, julu_error* error) {
  return ask_store(store, sha256, "sha256", out, error,
                   [](Store& open, const std::string& photo) { return open.thumbnail(photo); });
}

std::int32_t julu_store_status(julu_store store, julu_status* out, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, open_store(store));
    if (out == nullptr) return Error{ErrorCode::bad_argument, "out", "null"};
    JULU_CHECK(check_out(out, "out"));
    JULU_TRY(const Status status, open->store->status());
    write_struct(out, status_of(status));
    return {};
  });
}

std::int32_t julu_store_changes_since(julu_store store, std::int64_t token, std::int32_t limit, julu_buf* ids,
                                      std::int64_t* next, std::int32_t* more, julu_error* error) {
  Changes changes;
  const std::int32_t code = ask_store(store, ids, error, [&](Store& open) -> Result<std::string> {
    JULU_TRY(changes, open.changes_since(token, limit == 0 ? 200 : limit));
    return dump(changes.records);
  });
  // Only a caller that has the ids may go on behind them.
  if (code == JULU_OK && next != nullptr) *next = changes.token;
  if (code == JULU_OK && more != nullptr) *more = changes.more ? 1 : 0;
  return code;
}

std::int32_t julu_store_kinds(julu_store store, julu_buf* out, julu_error* error) {
  return ask_store(store, out, error, [](Store& open) -> Result<std::string> {
    JULU_TRY(const auto kinds, open.kinds());
    return dump(kinds);
  });
}

std::int32_t julu_store_schema(julu_store store, julu_text kind, julu_buf* out, julu_error* error) {
  return ask_store(store, kind, "kind", out, error, [](Store& open, const std::string& id) { return open.schema(id); });
}

std::int32_t julu_store_codes(julu_store store, julu_text list, julu_buf* out, julu_error* error) {
  return ask_store(store, list, "list", out, error, [](Store& open, const std::string& id) { return open.codes(id); });
}

std::int32_t julu_store_identity(julu_store store, julu_buf* out, julu_error* error) {
  return ask_store(store, out, error,
                   [](Store& open) -> Result<std::string> { return dump(json_of(open.identity())); });
}

}  // extern "C"
