// The store: opening, capture and edits, and what goes in with them.
#include "objects.h"
#include "photos.h"

using namespace julu;
using namespace julu::c;

namespace {

void give_saved(julu_saved* out, const Saved& saved) {
  static_assert(JULU_PHOTOS_MAX == limits::photos_per_call_max);
  if (out == nullptr) return;
  julu_saved told{};
  told.photo_count = static_cast<std::int32_t>(saved.photos.size());
  told.captured_at_ms = saved.captured_at_ms;
  told.photo_bytes = saved.photo_bytes;
  saved.id.copy(told.id, sizeof(told.id) - 1);
  for (std::size_t i = 0; i < saved.photos.size() && i < JULU_PHOTOS_MAX; ++i) {
    saved.photos[i].copy(told.photos[i], sizeof(told.photos[i]) - 1);
  }
  write_struct(out, told);
}

// What capture, patch, act, attach and remove have in common.
template <class Write>
std::int32_t write_record(julu_store store, const julu_photo* photos, std::size_t photo_count, julu_saved* saved,
                          julu_error* error, Write&& write) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, open_store(store));
    JULU_CHECK(check_out(saved, "saved"));
    PhotosIn taken;
    JULU_CHECK(taken.take(photos, photo_count));
    JULU_TRY(const Saved done, write(*open->store, taken.inputs()));
    give_saved(saved, done);
    return {};
  });
}

}  // namespace

extern "C" {

std::int32_t julu_store_open(const julu_store_options* options, julu_store* out, julu_error* error) {
  if (out != nullptr) *out = 0;
  std::shared_ptr<Callback<julu_key_fn>> key;
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const julu_store_options given, read_struct(options, "options"));
    // From here on the host is told when its key function is no longer needed, whatever happens.
    key = std::make_shared<Callback<julu_key_fn>>(given.key_fn, given.key_context, given.key_release);
    if (out == nullptr) return Error{ErrorCode::bad_argument, "out", "null"};
    if (forked()) return Error{ErrorCode::closed, {}, "fork"};
    Store::Options store;
    JULU_TRY(store.directory, name_text(given.directory, "directory"));
    store.encrypted = (given.flags & JULU_UNENCRYPTED) == 0;
    if (store.encrypted) {
      JULU_TRY(store.key, OpenStore::ask_key(given.key, key.get()));
    }
    if (given.photo_long_edge_px != 0) store.photo_long_edge_px = given.photo_long_edge_px;
    if (given.photo_quality != 0) store.photo_quality = given.photo_quality;
    auto open = std::make_shared<OpenStore>();
    JULU_TRY(open->store, Store::open(store));
    open->encrypted = store.encrypted;
    open->key = key;
    return give_handle(Kind::store, std::move(open), out);
  });
}

void julu_store_close(julu_store store) {
  static_cast<void>(guard(nullptr, [&]() -> Result<void> {
    const auto gone = take_handle(Kind::store, store);
    if (gone != nullptr) static_cast<OpenStore*>(gone.get())->store->observe({});
    return {};
  }));
}

std::int32_t julu_store_suspend(julu_store store, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, open_store(store));
    return open->suspend();
  });
}

std::int32_t julu_store_resume(julu_store store, const std::uint8_t* key, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, open_store(store));
    return open->resume(key);
  });
}

std::int32_t julu_store_capture(julu_store store, julu_text kind, julu_text body, const julu_photo* photos,
                                std::size_t photo_count, julu_text id, julu_saved* saved, julu_error* error) {
  return write_record(store, photos, photo_count, saved, error, [&](Store& open, auto inputs) -> Result<Saved> {
    Capture capture;
    JULU_TRY(capture.kind, text(kind, "kind"));
    JULU_TRY(capture.body, text(body, "body"));
    JULU_TRY(capture.id, text(id, "id"));
    capture.photos = std::move(inputs);
    return open.capture(capture);
  });
}

std::int32_t julu_store_patch(julu_store store, julu_text id, julu_text body, const julu_photo* photos,
                              std::size_t photo_count, julu_saved* saved, julu_error* error) {
  return write_record(store, photos, photo_count, saved, error, [&](Store& open, auto inputs) -> Result<Saved> {
    JULU_TRY(const std::string record, text(id, "id"));
    JULU_TRY(const std::string change, text(body, "body"));
    return open.patch(record, change, inputs);
  });
}

std::int32_t julu_store_act(julu_store store, julu_text id, julu_text action, julu_text body, const julu_photo* photos,
                            std::size_t photo_count, julu_saved* saved, julu_error* error) {
  return write_record(store, photos, photo_count, saved, error, [&](Store& open, auto inputs) -> Result<Saved> {
    JULU_TRY(const std::string record, text(id, "id"));
    JULU_TRY(const std::string step, text(action, "action"));
    JULU_TRY(const std::string said, text(body, "body"));
    return open.act(record, step, said.empty() ? "{}" : said, inputs);
  });
}

std::int32_t julu_store_attach(julu_store store, julu_text id, const julu_photo* photos, std::size_t photo_count,
                               julu_saved* saved, julu_error* error) {
  return write_record(store, photos, photo_count, saved, error, [&](Store& open, auto inputs) -> Result<Saved> {
    JULU_TRY(const std::string record, text(id, "id"));
    return open.attach(record, inputs);
  });
}

std::int32_t julu_store_remove(julu_store store, julu_text id, julu_saved* saved, julu_error* error) {
  return write_record(store, nullptr, 0, saved, error, [&](Store& open, const auto&) -> Result<Saved> {
    JULU_TRY(const std::string record, text(id, "id"));
    return open.remove(record);
  });
}

std::int32_t julu_store_resend(julu_store store, julu_text id, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, open_store(store));
    JULU_TRY(const std::string record, text(id, "id"));
    return open->store->resend(record);
  });
}

std::int32_t julu_store_give_up(julu_store store, julu_text id, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, open_store(store));
    JULU_TRY(const std::string record, text(id, "id"));
    return open->store->give_up(record);
  });
}

std::int32_t julu_store_resolve(julu_store store, julu_text id, julu_text field, julu_text value, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, open_store(store));
    JULU_TRY(const std::string record, text(id, "id"));
    JULU_TRY(const std::string which, text(field, "field"));
    JULU_TRY(const std::string chosen, text(value, "value"));
    return open->store->resolve(record, which, chosen);
  });
}

std::int32_t julu_store_maintain(julu_store store, std::int64_t budget_ms, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, open_store(store));
    if (budget_ms < 0) return Error{ErrorCode::bad_argument, "budget_ms", {}};
    return open->store->maintain(std::chrono::milliseconds(budget_ms));
  });
}

std::int32_t julu_store_observe(julu_store store, julu_wake_fn fn, void* context, julu_release_fn release,
                                julu_error* error) {
  // Made first, so that the host hears of its end also when there is no such store.
  std::shared_ptr<Callback<julu_wake_fn>> callback;
  return guard(error, [&]() -> Result<void> {
    callback = std::make_shared<Callback<julu_wake_fn>>(fn, context, release);
    JULU_TRY(const auto open, open_store(store));
    if (fn == nullptr) {
      open->store->observe({});
    } else {
      open->store->observe([callback] { callback->fn(callback->context); });
    }
    return {};
  });
}

}  // extern "C"
