// Misuse: stale, foreign, null and concurrent. A typed error each time, no crash, nothing left behind.
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "face.h"
#include "process.h"

using namespace julu::test;

namespace {

std::atomic<int> released = 0;
void count_release(void*) { ++released; }

std::int32_t locked_key(void* context, std::uint8_t*) {
  ++*static_cast<int*>(context);
  return JULU_KEY_NOT_NOW;
}

// Each function of a store that needs no more than the handle to fail.
std::vector<std::int32_t> call_all(julu_store store, julu_text text, julu_buf* out, julu_error* error) {
  std::int64_t next = 0;
  std::int32_t more = 0;
  return {julu_store_capture(store, text, text, nullptr, 0, text, nullptr, error),
          julu_store_patch(store, text, text, nullptr, 0, nullptr, error),
          julu_store_act(store, text, text, text, nullptr, 0, nullptr, error),
          julu_store_attach(store, text, nullptr, 0, nullptr, error),
          julu_store_remove(store, text, nullptr, error),
          julu_store_resend(store, text, error),
          julu_store_give_up(store, text, error),
          julu_store_get(store, text, out, error),
          julu_store_list(store, text, out, error),
          julu_store_find_id(store, text, out, error),
          julu_store_short_id(store, text, out, error),
          julu_store_new_id(store, out, error),
          julu_store_history(store, text, out, error),
          julu_store_conflicts(store, out, error),
          julu_store_resolve(store, text, text, text, error),
          julu_store_read_photo(store, text, nullptr, error),
          julu_store_thumbnail(store, text, out, error),
          julu_store_status(store, nullptr, error),
          julu_store_changes_since(store, 0, 0, out, &next, &more, error),
          julu_store_observe(store, nullptr, nullptr, nullptr, error),
          julu_store_kinds(store, out, error),
          julu_store_schema(store, text, out, error),
          julu_store_codes(store, text, out, error),
          julu_store_identity(store, out, error),
          julu_store_maintain(store, 0, error),
          julu_sync_open(store, nullptr, nullptr, error),
          julu_sync_run(store, 0, nullptr, nullptr, nullptr, error),
          julu_sync_cancel(store, error),
          julu_sync_hint(store, error),
          julu_transport_complete(store, 1, nullptr, error),
          julu_store_suspend(store, error),  // late: what follows it only hears that the store is suspended
          julu_store_resume(store, nullptr, error)};
}

}  // namespace

TEST_CASE("after it was closed a handle is closed, twice too, and another store never takes its number") {
  Face face;
  const julu_store old = face.store;
  julu_store_close(old);
  julu_store_close(old);
  julu_buf out{};
  auto error = sized<julu_error>();
  for (const std::int32_t code : call_all(old, {}, &out, &error)) CHECK(code == JULU_ERROR_CLOSED);
  face.store = face.open();
  CHECK(face.store != old);
  for (const std::int32_t code : call_all(old, {}, &out, &error)) CHECK(code == JULU_ERROR_CLOSED);
  CHECK(julu_live_handles() == 1);
}

TEST_CASE("a handle of another kind, and numbers that are none, are closed") {
  Face face;
  julu_sync sync = 0;
  REQUIRE(julu_sync_open(face.store, nullptr, &sync, nullptr) == JULU_OK);
  julu_buf out{};
  auto error = sized<julu_error>();
  for (const julu_handle wrong : std::initializer_list<julu_handle>{sync, face.store + 1, ~face.store, ~0ULL, 1}) {
    CHECK(julu_store_get(wrong, t("x"), &out, &error) == JULU_ERROR_CLOSED);
  }
  CHECK(julu_sync_hint(face.store, &error) == JULU_ERROR_CLOSED);
  julu_store_close(sync);       // not a store: nothing happens
  julu_sync_close(face.store);  // not a sync
  CHECK(julu_live_handles() == 2);
  julu_sync_close(sync);
}

TEST_CASE("nothing at all where something should be is a typed error everywhere") {
  Face face;
  std::int32_t ok = 0;
  for (const std::int32_t code : call_all(face.store, {}, nullptr, nullptr)) ok += code == JULU_OK ? 1 : 0;
  CHECK(ok == (has_cipher() ? 3 : 4));  // observe, maintain and suspend; resume where no key is needed
  REQUIRE(julu_store_resume(face.store, face.county.key.data(), nullptr) == JULU_OK);
  const julu_text lie{nullptr, 5};
  julu_buf out{};
  auto error = sized<julu_error>();
  CHECK(julu_store_capture(face.store, lie, lie, nullptr, 0, {}, nullptr, &error) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(std::string(error.field) == "kind");
  CHECK(julu_store_capture(face.store, t("incident"), t(kBody), nullptr, 3, {}, nullptr, &error) ==
        JULU_ERROR_BAD_ARGUMENT);
  CHECK(julu_store_open(nullptr, nullptr, &error) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(julu_enrol(nullptr, &out, &error) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(julu_enrolments({}, &out, &error) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(julu_transport_open(nullptr, nullptr, &error) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(julu_error_message(1, {}, 0, nullptr) == JULU_ERROR_BAD_ARGUMENT);
  julu_buf_free(nullptr);
  julu_store_close(0);
  julu_sync_close(0);
  julu_transport_close(0);
}

TEST_CASE("structs of an older header are read and written no further than they reach") {
  Face face;
  alignas(julu_status) unsigned char room[sizeof(julu_status)];
  std::memset(room, 0xEE, sizeof room);
  auto* small = reinterpret_cast<julu_status*>(room);
  small->size = offsetof(julu_status, unsent_ops);
  REQUIRE(julu_store_status(face.store, small, nullptr) == JULU_OK);
  CHECK(small->records == 0);
  CHECK(room[offsetof(julu_status, unsent_ops)] == 0xEE);
  CHECK(room[sizeof(julu_status) - 1] == 0xEE);

  // Without the fields behind `directory` and `key`.
  julu_store_close(face.store);
  julu_store_options given = face.options();
  given.size = offsetof(julu_store_options, key_fn);
  given.key_fn = reinterpret_cast<julu_key_fn>(0x1);  // beyond its size: never looked at
  given.photo_quality = -5;
  REQUIRE(julu_store_open(&given, &face.store, nullptr) == JULU_OK);
  auto error = sized<julu_error>();
  error.size = 8;
  error.field[0] = 'x';
  CHECK(julu_store_get(0, {}, nullptr, &error) != JULU_OK);
  CHECK(error.code != JULU_OK);
  CHECK(error.field[0] == 'x');
}

TEST_CASE("a struct to be filled in that does not say its size is refused, and nothing is done for it") {
  Face face;
  julu_sync sync = 0;
  REQUIRE(julu_sync_open(face.store, nullptr, &sync, nullptr) == JULU_OK);
  julu_saved saved{};
  julu_status status{};
  julu_outcome outcome{};
  auto error = sized<julu_error>();
  CHECK(julu_store_capture(face.store, t("incident"), t(kBody), nullptr, 0, {}, &saved, &error) ==
        JULU_ERROR_BAD_ARGUMENT);
  CHECK(std::string(error.field) == "saved");
  CHECK(julu_store_status(face.store, &status, &error) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(std::string(error.detail) == "size");
  CHECK(julu_sync_run(sync, 0, nullptr, nullptr, &outcome, nullptr) == JULU_ERROR_BAD_ARGUMENT);
  status.size = sizeof status;
  REQUIRE(julu_store_status(face.store, &status, nullptr) == JULU_OK);
  CHECK(status.records == 0);
  julu_sync_close(sync);
}

TEST_CASE("a resume of a store that is awake asks nobody for a key") {
  Face face;
  struct Keystore {
    const julu::StoreKey& key;
    int asked = 0;
  } keystore{face.county.key};
  const int& asked = keystore.asked;
  julu_store_options given = face.options();
  given.key = nullptr;
  given.key_context = &keystore;
  given.key_fn = [](void* context, std::uint8_t* key) -> std::int32_t {
    auto& self = *static_cast<Keystore*>(context);
    ++self.asked;
    std::copy(self.key.begin(), self.key.end(), key);
    return 0;
  };
  julu_store other = 0;
  REQUIRE(julu_store_open(&given, &other, nullptr) == JULU_OK);
  const int once = has_cipher() ? 1 : 0;
  CHECK(asked == once);
  CHECK(julu_store_resume(other, nullptr, nullptr) == JULU_OK);
  CHECK(asked == once);
  REQUIRE(julu_store_suspend(other, nullptr) == JULU_OK);
  CHECK(julu_store_resume(other, nullptr, nullptr) == JULU_OK);
  CHECK(asked == 2 * once);
  julu_store_close(other);
}

TEST_CASE("a key that is not to be had now is said, can be asked for again, and its source is let go once") {
  Face face;
  if (!has_cipher()) SKIP("this build has no cipher");
  int asked = 0;
  released = 0;
  julu_store_options given = face.options();
  given.key = nullptr;
  given.key_fn = locked_key;
  given.key_context = &asked;
  given.key_release = count_release;
  julu_store other = 1;
  auto error = sized<julu_error>();
  CHECK(julu_store_open(&given, &other, &error) == JULU_ERROR_LOCKED);
  CHECK(other == 0);
  CHECK(asked == 1);
  CHECK(released == 1);
  CHECK(julu_error_is_retryable(JULU_ERROR_LOCKED) == 1);

  given.key = face.county.key.data();
  REQUIRE(julu_store_open(&given, &other, &error) == JULU_OK);
  REQUIRE(julu_store_suspend(other, &error) == JULU_OK);
  CHECK(julu_store_resume(other, nullptr, &error) == JULU_ERROR_LOCKED);
  CHECK(julu_store_status(other, nullptr, &error) != JULU_OK);
  REQUIRE(julu_store_resume(other, face.county.key.data(), &error) == JULU_OK);
  CHECK(released == 1);
  julu_store_close(other);
  CHECK(released == 2);
}

TEST_CASE("ten thousand syncs, as many transports and a thousand stores, opened and closed, leave nothing behind") {
  Face face;
  for (int i = 0; i < 10'000; ++i) {
    julu_sync sync = 0;
    REQUIRE(julu_sync_open(face.store, nullptr, &sync, nullptr) == JULU_OK);
    julu_sync_close(sync);
  }
  const julu_store_options given = face.options();
  for (int i = 0; i < 10'000; ++i) {
    julu_transport transport = 0;
    auto options = sized<julu_transport_options>();
    options.submit = [](void*, std::uint64_t, const julu_request*) -> std::int32_t { return JULU_ERROR_OFFLINE; };
    REQUIRE(julu_transport_open(&options, &transport, nullptr) == JULU_OK);
    julu_transport_close(transport);
  }
  for (int i = 0; i < 1'000; ++i) {
    julu_store other = 0;
    REQUIRE(julu_store_open(&given, &other, nullptr) == JULU_OK);
    julu_store_close(other);
  }
  CHECK(julu_live_handles() == 1);
}

TEST_CASE("closing under calls of other threads ends them as usual, and later ones with closed") {
  Face face;
  const std::string id = face.capture();
  std::atomic<int> other_codes = 0;
  std::atomic<int> rounds = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (;;) {
        julu_buf out{};
        const std::int32_t code = julu_store_get(face.store, t(id), &out, nullptr);
        julu_buf_free(&out);
        ++rounds;
        if (code == JULU_ERROR_CLOSED) return;
        if (code != JULU_OK) ++other_codes;
      }
    });
  }
  while (rounds < 100) std::this_thread::yield();
  julu_store_close(face.store);
  for (std::thread& thread : threads) thread.join();
  CHECK(other_codes == 0);
}

TEST_CASE("a callback may ask the library again, and is let go when another takes its place") {
  Face face;
  struct Watcher {
    julu_store store;
    int wakes = 0;
    std::int64_t token = 0;
  } watcher{face.store};
  released = 0;
  const auto wake = [](void* context) {
    auto& self = *static_cast<Watcher*>(context);
    ++self.wakes;
    julu_buf ids{};
    julu_store_changes_since(self.store, self.token, 10, &ids, &self.token, nullptr, nullptr);
    julu_buf_free(&ids);
    if (self.wakes == 2) julu_store_observe(self.store, nullptr, nullptr, nullptr, nullptr);
  };
  REQUIRE(julu_store_observe(face.store, wake, &watcher, count_release, nullptr) == JULU_OK);
  face.capture();
  CHECK(watcher.wakes == 1);
  CHECK(released == 0);
  face.capture();
  face.capture();
  CHECK(watcher.wakes == 2);
  CHECK(released == 1);
}

TEST_CASE("what is let go of may ask the library too") {
  Face face;
  struct Asking {
    julu_store store;
    std::int32_t asked = -1;
  } asking{face.store};
  const auto wake = [](void*) {};
  const auto let_go = [](void* context) {
    auto& self = *static_cast<Asking*>(context);
    self.asked = julu_store_observe(self.store, nullptr, nullptr, nullptr, nullptr);
  };
  REQUIRE(julu_store_observe(face.store, wake, &asking, let_go, nullptr) == JULU_OK);
  REQUIRE(julu_store_observe(face.store, nullptr, nullptr, nullptr, nullptr) == JULU_OK);
  CHECK(asking.asked == JULU_OK);
}

TEST_CASE("a child made by fork has no handles and opens nothing; the parent goes on") {
  Face face;
  const julu_store_options given = face.options();
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    julu_store other = 0;
    auto error = sized<julu_error>();
    bool right = julu_live_handles() == 0;
    right = right && julu_store_status(face.store, nullptr, nullptr) == JULU_ERROR_CLOSED;
    right = right && julu_store_open(&given, &other, &error) == JULU_ERROR_CLOSED && other == 0;
    julu_store_close(face.store);
    ::_exit(right ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  face.capture();
}

TEST_CASE("what a suspended store let go of, another process can open and write") {
  Face face;
  face.capture();
  REQUIRE(julu_store_suspend(face.store, nullptr) == JULU_OK);
  julu_buf out{};
  auto error = sized<julu_error>();
  CHECK(julu_store_list(face.store, {}, &out, &error) == JULU_ERROR_SUSPENDED);
  const std::string said = run_to_end({PHONE_PROGRAM, "capture", face.county.directory(), "photos", "1", "2"});
  INFO(said);
  CHECK_FALSE(said.empty());
  REQUIRE(julu_store_resume(face.store, face.county.key.data(), nullptr) == JULU_OK);
  REQUIRE(julu_store_list(face.store, {}, &out, &error) == JULU_OK);
  CHECK(nlohmann::json::parse(taken(out)).size() >= 2);
}

TEST_CASE("a suspended store tells what it knows without its file, and says of the rest that it is suspended") {
  Face face;
  const std::string id = face.capture();
  julu_sync sync = 0;
  REQUIRE(julu_sync_open(face.store, nullptr, &sync, nullptr) == JULU_OK);
  REQUIRE(julu_store_suspend(face.store, nullptr) == JULU_OK);
  const auto told = [](std::int32_t code, julu_buf& out) {
    julu_buf_free(&out);
    return code;
  };
  julu_buf out{};
  CHECK(told(julu_store_identity(face.store, &out, nullptr), out) == JULU_OK);
  CHECK(told(julu_store_kinds(face.store, &out, nullptr), out) == JULU_OK);
  CHECK(told(julu_store_schema(face.store, t("visit"), &out, nullptr), out) == JULU_OK);
  CHECK(julu_store_observe(face.store, nullptr, nullptr, nullptr, nullptr) == JULU_OK);
  julu_sync later = 0;
  CHECK(julu_sync_open(face.store, nullptr, &later, nullptr) == JULU_OK);
  CHECK(julu_sync_cancel(sync, nullptr) == JULU_OK);

  auto status = sized<julu_status>();
  std::int64_t next = 0;
  std::int32_t more = 0;
  for (const std::int32_t code :
       {julu_store_capture(face.store, t("incident"), t(kBody), nullptr, 0, {}, nullptr, nullptr),
        julu_store_resend(face.store, t(id), nullptr), julu_store_get(face.store, t(id), &out, nullptr),
        julu_store_list(face.store, {}, &out, nullptr), julu_store_history(face.store, t(id), &out, nullptr),
        julu_store_conflicts(face.store, &out, nullptr), julu_store_status(face.store, &status, nullptr),
        julu_store_changes_since(face.store, 0, 0, &out, &next, &more, nullptr),
        julu_store_maintain(face.store, 1, nullptr), julu_sync_hint(sync, nullptr),
        julu_sync_run(sync, 0, nullptr, nullptr, nullptr, nullptr)}) {
    CHECK(code == JULU_ERROR_SUSPENDED);
  }
  julu_sync_close(sync);
  julu_sync_close(later);
}

TEST_CASE("a photo that is being read out ends as suspended when the store is") {
  Face face;
  const std::string path = face.county.folder.write("a.jpg", make_jpeg_of_about(900 * 1024, 3));
  auto photo = sized<julu_photo>();
  photo.path = t(path);
  auto saved = sized<julu_saved>();
  REQUIRE(julu_store_capture(face.store, t("incident"), t(kBody), &photo, 1, {}, &saved, nullptr) == JULU_OK);
  auto out = sized<julu_photo_out>();
  out.target = JULU_PHOTO_STREAM;
  out.context = &face;
  out.write = [](void* context, const void*, std::size_t) {
    return julu_store_suspend(static_cast<Face*>(context)->store, nullptr);
  };
  CHECK(julu_store_read_photo(face.store, t(saved.photos[0]), &out, nullptr) == JULU_ERROR_SUSPENDED);
}

TEST_CASE("a program built with the first header runs with this library") {
  Face face;
  CHECK(run_to_end({ABI1_CLIENT, face.county.directory(), has_cipher() ? "0" : "1"}) == "1 1 1 2\n");
}
