// The store through julu.h: what goes in comes out, and what is wrong is said with its field.
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <julu/limits.h>

#include "face.h"
#include "small_disk.h"

using namespace julu::test;
using nlohmann::json;

namespace {

struct Stream {
  std::string_view bytes;
  bool fails = false;
  static std::int64_t read(void* context, void* buffer, std::size_t capacity) {
    auto& self = *static_cast<Stream*>(context);
    if (self.fails) return -1;
    const std::size_t some = std::min({self.bytes.size(), capacity, std::size_t{1000}});
    self.bytes.copy(static_cast<char*>(buffer), some);
    self.bytes.remove_prefix(some);
    return static_cast<std::int64_t>(some);
  }
};

std::int32_t collect(void* context, const void* bytes, std::size_t length) {
  static_cast<std::string*>(context)->append(static_cast<const char*>(bytes), length);
  return 0;
}

std::string read_out(julu_store store, const std::string& sha256) {
  std::string bytes;
  auto out = sized<julu_photo_out>();
  out.target = JULU_PHOTO_STREAM;
  out.write = collect;
  out.context = &bytes;
  REQUIRE(julu_store_read_photo(store, t(sha256), &out, nullptr) == JULU_OK);
  return bytes;
}

// Each step that does not hold returns its number.
int fill_disk_under(const std::string& folder) {
  County county;
  std::filesystem::create_directory_symlink(folder, county.folder.file("root"));
  county.phone();
  const std::string directory = county.directory();
  auto options = sized<julu_store_options>();
  options.flags = has_cipher() ? 0 : JULU_UNENCRYPTED;
  options.directory = t(directory);
  options.key = county.key.data();
  julu_store store = 0;
  auto status = sized<julu_status>();
  if (julu_store_open(&options, &store, nullptr) != JULU_OK) return 1;
  if (julu_store_maintain(store, 1000, nullptr) != JULU_OK) return 2;  // makes the ballast
  if (julu_store_status(store, &status, nullptr) != JULU_OK || status.flags != 0) return 3;
  fill_disk(folder);
  const std::string path = county.folder.write("a.jpg", make_jpeg_of_about(300 * 1024, 3));
  auto photo = sized<julu_photo>();
  photo.path = t(path);
  if (julu_store_capture(store, t("incident"), t(kBody), &photo, 1, {}, nullptr, nullptr) != JULU_OK) return 4;
  if (julu_store_status(store, &status, nullptr) != JULU_OK || status.flags != JULU_STATUS_LOW_DISK) return 5;
  julu_store_close(store);
  return 0;
}

}  // namespace

TEST_CASE("a status says when the disk was full and the ballast went") {
  const Folder folder;
  const int result = on_small_disk(folder.path(), &fill_disk_under);
  if (result == kNoSmallDisk) SKIP("this machine lets no test mount a file system of its own");
  CHECK(result == 0);
}

TEST_CASE("a report may have an id that was asked for before") {
  Face face;
  julu_buf out{};
  REQUIRE(julu_store_new_id(face.store, &out, nullptr) == JULU_OK);
  const std::string own = taken(out);
  auto saved = sized<julu_saved>();
  REQUIRE(julu_store_capture(face.store, t("visit"), t(R"({"text":"走访"})"), nullptr, 0, t(own), &saved, nullptr) ==
          JULU_OK);
  CHECK(saved.id == own);
}

TEST_CASE("a report goes in through the C face and comes out as it was") {
  Face face;
  const std::string id = face.capture();
  const json record = face.get(id);
  CHECK(record.at("id") == id);
  CHECK(record.at("body").at("text") == "村东头排水沟堵了");
  CHECK(record.at("delivery") == "saved");
  CHECK(record.at("problem").is_null());

  julu_buf out{};
  REQUIRE(julu_store_list(face.store, t(R"({"kind":"incident","search":"排水沟","limit":5})"), &out, nullptr) ==
          JULU_OK);
  CHECK(json::parse(taken(out)).at(0).at("id") == id);
  REQUIRE(julu_store_short_id(face.store, t(id), &out, nullptr) == JULU_OK);
  const std::string ending = taken(out);
  REQUIRE(julu_store_find_id(face.store, t(ending), &out, nullptr) == JULU_OK);
  CHECK(taken(out) == id);
  REQUIRE(julu_store_history(face.store, t(id), &out, nullptr) == JULU_OK);
  CHECK(json::parse(taken(out)).at(0).at("what") == "create");
  REQUIRE(julu_store_conflicts(face.store, &out, nullptr) == JULU_OK);
  CHECK(taken(out) == "[]");
  REQUIRE(julu_store_kinds(face.store, &out, nullptr) == JULU_OK);
  CHECK(json::parse(taken(out)).size() == 4);
  REQUIRE(julu_store_schema(face.store, t("visit"), &out, nullptr) == JULU_OK);
  CHECK(json::parse(taken(out)).at("x-shape") == "log");
  REQUIRE(julu_store_codes(face.store, t("sex"), &out, nullptr) == JULU_OK);
  CHECK(json::parse(taken(out)).at("items").at(1).at("zh") == "男");
  CHECK(julu_store_codes(face.store, t("none"), &out, nullptr) == JULU_ERROR_CODES_UNKNOWN);
  REQUIRE(julu_store_identity(face.store, &out, nullptr) == JULU_OK);
  CHECK(json::parse(taken(out)).at("worker") == "W-0412");

  auto status = sized<julu_status>();
  REQUIRE(julu_store_status(face.store, &status, nullptr) == JULU_OK);
  CHECK(status.unsent_records == 1);
  CHECK(status.salvaged_at_ms == 0);

  std::int64_t next = 0;
  std::int32_t more = 9;
  REQUIRE(julu_store_changes_since(face.store, 0, 0, &out, &next, &more, nullptr) == JULU_OK);
  CHECK(json::parse(taken(out)) == json::array({id}));
  CHECK(more == 0);
  REQUIRE(julu_store_changes_since(face.store, next, 0, &out, &next, &more, nullptr) == JULU_OK);
  CHECK(taken(out) == "[]");

  REQUIRE(julu_store_get(face.store, t("01890000-0000-7000-8000-000000000000"), &out, nullptr) == JULU_OK);
  CHECK(out.length == 0);
  julu_buf_free(&out);
}

TEST_CASE("characters beyond the first plane, and a NUL where JSON allows none, across the face") {
  Face face;
  const std::string id = face.capture(R"({"category":"drainage","text":"𠮷野家😀门口"})");
  CHECK(face.get(id).at("body").at("text") == "𠮷野家😀门口");
  // A NUL reaches the core whole: the text is neither cut there nor taken.
  auto error = sized<julu_error>();
  const std::string raw("{\"category\":\"drainage\",\"text\":\"a\0b\"}", 36);
  CHECK(julu_store_capture(face.store, t("incident"), t(raw), nullptr, 0, {}, nullptr, &error) ==
        JULU_ERROR_JSON_SYNTAX);
  const std::string escaped = face.capture(R"({"category":"drainage","text":"a\u0000b"})");
  CHECK(face.get(escaped).at("body").at("text") == std::string("a\0b", 3));
}

TEST_CASE("a photo goes in by name, descriptor and stream, and comes out by all three") {
  Face face;
  const std::string jpeg = make_jpeg_of_about(700 * 1024, 3);
  const std::string path = face.county.folder.write("a.jpg", jpeg);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  Stream stream{jpeg};
  julu_photo photos[3] = {sized<julu_photo>(), sized<julu_photo>(), sized<julu_photo>()};
  photos[0].path = t(path);
  photos[1].source = JULU_PHOTO_FD;
  photos[1].fd = fd;
  photos[1].role = t("far");
  photos[2].source = JULU_PHOTO_STREAM;
  photos[2].read = Stream::read;
  photos[2].context = &stream;
  photos[2].role = t("after");
  auto saved = sized<julu_saved>();
  auto error = sized<julu_error>();
  REQUIRE(julu_store_capture(face.store, t("incident"), t(kBody), photos, 3, {}, &saved, &error) == JULU_OK);
  ::close(fd);
  CHECK(saved.photo_count == 3);
  const std::string name = saved.photos[0];
  CHECK(name == saved.photos[1]);
  CHECK(name == saved.photos[2]);
  CHECK(read_out(face.store, name) == jpeg);
  const json record = face.get(saved.id);
  CHECK(record.at("photos").at(2).at("role") == "after");

  auto out = sized<julu_photo_out>();
  const std::string copy = face.county.folder.file("copy.jpg");
  out.path = t(copy);
  REQUIRE(julu_store_read_photo(face.store, t(name), &out, nullptr) == JULU_OK);
  CHECK(read_file(copy) == jpeg);
  CHECK(julu_store_read_photo(face.store, t(name), &out, &error) == JULU_ERROR_BAD_ARGUMENT);  // it is there
  CHECK(read_file(copy) == jpeg);

  julu_buf small{};
  REQUIRE(julu_store_thumbnail(face.store, t(name), &small, nullptr) == JULU_OK);
  CHECK(small.length > 100);
  CHECK(small.length <= 8 * 1024);
  julu_buf_free(&small);
}

TEST_CASE("a photo read out to a pipe or socket that nobody reads is an error and raises no SIGPIPE") {
  Face face;
  const std::string path = face.county.folder.write("a.jpg", make_jpeg({}));
  auto photo = sized<julu_photo>();
  photo.path = t(path);
  auto saved = sized<julu_saved>();
  REQUIRE(julu_store_capture(face.store, t("incident"), t(kBody), &photo, 1, {}, &saved, nullptr) == JULU_OK);
  std::signal(SIGPIPE, SIG_DFL);
  sigset_t pipe_signal, before, after, pending;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  for (const bool socket : {false, true}) {
    int ends[2];
    REQUIRE((socket ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : ::pipe(ends)) == 0);
    ::close(ends[0]);
    auto out = sized<julu_photo_out>();
    out.target = JULU_PHOTO_FD;
    out.fd = ends[1];
    auto error = sized<julu_error>();
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    CHECK(julu_store_read_photo(face.store, t(saved.photos[0]), &out, &error) == JULU_ERROR_IO);
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    CHECK(::sigismember(&after, SIGPIPE) == ::sigismember(&before, SIGPIPE));

    // One that waited already is the host's, and stays.
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
    ::raise(SIGPIPE);
    CHECK(julu_store_read_photo(face.store, t(saved.photos[0]), &out, &error) == JULU_ERROR_IO);
    ::sigpending(&pending);
    CHECK(::sigismember(&pending, SIGPIPE) == 1);
    int taken_signal = 0;
    ::sigwait(&pipe_signal, &taken_signal);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::close(ends[1]);
  }
}

TEST_CASE("a photo goes whole to a reader that is slower, also where the descriptor does not block") {
  Face face;
  const std::string bytes = make_jpeg_of_about(600 * 1024, 5);
  const std::string path = face.county.folder.write("a.jpg", bytes);
  auto photo = sized<julu_photo>();
  photo.path = t(path);
  auto saved = sized<julu_saved>();
  REQUIRE(julu_store_capture(face.store, t("incident"), t(kBody), &photo, 1, {}, &saved, nullptr) == JULU_OK);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
  std::string read_out;
  std::thread reader([&] {
    char part[4096];
    for (ssize_t got = 1; got > 0;) {
      got = ::read(ends[0], part, sizeof part);
      if (got > 0) read_out.append(part, static_cast<std::size_t>(got));
    }
  });
  auto out = sized<julu_photo_out>();
  out.target = JULU_PHOTO_FD;
  out.fd = ends[1];
  CHECK(julu_store_read_photo(face.store, t(saved.photos[0]), &out, nullptr) == JULU_OK);
  ::close(ends[1]);
  reader.join();
  ::close(ends[0]);
  CHECK(read_out == bytes);
}

TEST_CASE("text that is no UTF-8 is refused with its field") {
  Face face;
  auto error = sized<julu_error>();
  CHECK(julu_store_capture(face.store, t("incident"), t("{\"text\":\"\xFF\"}"), nullptr, 0, {}, nullptr, &error) ==
        JULU_ERROR_TEXT_ENCODING);
  CHECK(julu_store_list(face.store, t("{\"search\":\"\xC3\"}"), nullptr, &error) != JULU_OK);
}

TEST_CASE("a wrong photo is named by its place, and nothing of the report is kept") {
  Face face;
  const std::string path = face.county.folder.write("a.jpg", make_jpeg({}));
  Stream broken{"", true};
  julu_photo photos[2] = {sized<julu_photo>(), sized<julu_photo>()};
  photos[0].path = t(path);
  photos[1].source = JULU_PHOTO_STREAM;
  photos[1].read = Stream::read;
  photos[1].context = &broken;
  auto error = sized<julu_error>();
  const auto capture = [&] {
    return julu_store_capture(face.store, t("incident"), t(kBody), photos, 2, {}, nullptr, &error);
  };
  CHECK(capture() == JULU_ERROR_IO);
  CHECK(std::string(error.field) == "/photos/1/read");
  broken.fails = false;
  CHECK(capture() == JULU_ERROR_PHOTO_EMPTY);
  CHECK(std::string(error.field) == "/photos/1");
  photos[1].source = 7;
  CHECK(capture() == JULU_ERROR_BAD_ARGUMENT);
  CHECK(std::string(error.field) == "/photos/1/source");
  photos[1].source = JULU_PHOTO_PATH;
  photos[1].path = t(std::string_view("a.jpg\0.txt", 10));
  CHECK(capture() == JULU_ERROR_BAD_ARGUMENT);
  auto status = sized<julu_status>();
  REQUIRE(julu_store_status(face.store, &status, nullptr) == JULU_OK);
  CHECK(status.records == 0);
}

TEST_CASE("photos of an older caller are read no further than its array goes, whatever size one of them says") {
  Face face;
  const std::string jpeg = make_jpeg({});
  const std::string path = face.county.folder.write("a.jpg", jpeg);
  // Two of a header that ends before `read`; behind them what a photo of today's header would have there.
  constexpr std::size_t kStride = offsetof(julu_photo, read);
  alignas(julu_photo) unsigned char room[2 * kStride + sizeof(julu_photo)] = {};
  Stream beyond{jpeg};
  auto photo = sized<julu_photo>();
  photo.size = kStride;
  photo.path = t(path);
  std::memcpy(room, &photo, kStride);
  photo = sized<julu_photo>();
  photo.source = JULU_PHOTO_STREAM;
  photo.read = Stream::read;
  photo.context = &beyond;
  std::memcpy(room + kStride, &photo, sizeof photo);
  auto error = sized<julu_error>();
  const auto capture = [&](std::size_t count) {
    return julu_store_capture(face.store, t("incident"), t(kBody), reinterpret_cast<julu_photo*>(room), count, {},
                              nullptr, &error);
  };
  CHECK(capture(2) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(std::string(error.field) == "/photos/1/read");
  CHECK(beyond.bytes.size() == jpeg.size());
  CHECK(capture(1) == JULU_OK);

  // No header of any time is so long: the next one would lie across a pointer's bounds.
  reinterpret_cast<julu_photo*>(room)->size = kStride + 1;
  CHECK(capture(1) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(std::string(error.field) == "/photos/0");
}

TEST_CASE("the photos that one call streams are bounded together, and the one too many is named") {
  Face face;
  std::vector<std::size_t> left(5, static_cast<std::size_t>(julu::limits::photo_bytes_max));
  left.back() = 1;
  const auto zeros = [](void* context, void* buffer, std::size_t capacity) -> std::int64_t {
    auto& rest = *static_cast<std::size_t*>(context);
    const std::size_t some = std::min(rest, capacity);
    std::memset(buffer, 0, some);
    rest -= some;
    return static_cast<std::int64_t>(some);
  };
  std::vector<julu_photo> photos(5, sized<julu_photo>());
  for (std::size_t i = 0; i < photos.size(); ++i) {
    photos[i].source = JULU_PHOTO_STREAM;
    photos[i].read = zeros;
    photos[i].context = &left[i];
  }
  auto error = sized<julu_error>();
  CHECK(julu_store_capture(face.store, t("incident"), t(kBody), photos.data(), 5, {}, nullptr, &error) ==
        JULU_ERROR_PHOTO_TOO_LARGE);
  CHECK(std::string(error.field) == "/photos/4");
  std::fill(left.begin(), left.end(), static_cast<std::size_t>(julu::limits::photo_bytes_max));
  CHECK(julu_store_capture(face.store, t("incident"), t(kBody), photos.data(), 4, {}, nullptr, &error) ==
        JULU_ERROR_PHOTO_FORMAT);  // all of them were taken, and then looked at
  CHECK(std::string(error.field) == "/photos/0");
}

TEST_CASE("an error names code, field and a sentence in both languages") {
  Face face;
  auto error = sized<julu_error>();
  CHECK(julu_store_capture(face.store, t("incident"), t(R"({"category":"drainage"})"), nullptr, 0, {}, nullptr,
                           &error) == JULU_ERROR_FIELD_MISSING);
  CHECK(error.code == JULU_ERROR_FIELD_MISSING);
  CHECK(std::string(error.field) == "/text");
  CHECK(std::string(julu_error_name(error.code)) == "field_missing");
  CHECK(std::string(julu_error_name(12345)) == "unknown");
  CHECK(julu_error_is_retryable(JULU_ERROR_OFFLINE) == 1);
  CHECK(julu_error_is_retryable(JULU_ERROR_FIELD_MISSING) == 0);
  julu_buf out{};
  REQUIRE(julu_error_message(error.code, t("/text"), JULU_LANG_ZH, &out) == JULU_OK);
  CHECK(taken(out).find("必填") != std::string::npos);
  REQUIRE(julu_error_message(error.code, {}, JULU_LANG_EN, &out) == JULU_OK);
  CHECK(taken(out).find("required") != std::string::npos);

  julu_buf list{};
  for (const auto& [filter, field] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"limit":0})", "/limit"}, {R"({"kinds":"x"})", "/kinds"}, {R"({"delivery":"lost"})", "/delivery"}}) {
    CHECK(julu_store_list(face.store, t(filter), &list, &error) == JULU_ERROR_FIELD_INVALID);
    CHECK(std::string(error.field) == field);
  }
  CHECK(julu_store_list(face.store, t(std::string(100'000, '[')), &list, &error) == JULU_ERROR_FIELD_TOO_LONG);
  CHECK(julu_store_list(face.store, t(std::string(1'000, '[')), &list, &error) == JULU_ERROR_JSON_SYNTAX);
  REQUIRE(julu_store_list(face.store, {}, &list, &error) == JULU_OK);
  CHECK(error.code == JULU_OK);
  julu_buf_free(&list);
}

TEST_CASE("edits, steps, attachments and removal go through the face") {
  Face face;
  auto saved = sized<julu_saved>();
  REQUIRE(julu_store_capture(face.store, t("household"), t(R"({"address":"堤村 1 号"})"), nullptr, 0, {}, &saved,
                             nullptr) == JULU_OK);
  const std::string home = saved.id;
  REQUIRE(julu_store_patch(face.store, t(home), t(R"({"address":"堤村 2 号"})"), nullptr, 0, &saved, nullptr) ==
          JULU_OK);
  CHECK(face.get(home).at("body").at("address") == "堤村 2 号");
  auto error = sized<julu_error>();
  CHECK(julu_store_act(face.store, t(home), t("accept"), {}, nullptr, 0, nullptr, &error) == JULU_ERROR_SHAPE_MISMATCH);
  const std::string path = face.county.folder.write("a.jpg", make_jpeg({}));
  auto photo = sized<julu_photo>();
  photo.path = t(path);
  REQUIRE(julu_store_attach(face.store, t(home), &photo, 1, &saved, nullptr) == JULU_OK);
  CHECK(saved.photo_count == 1);
  REQUIRE(julu_store_resend(face.store, t(home), nullptr) == JULU_OK);
  REQUIRE(julu_store_give_up(face.store, t(home), nullptr) == JULU_OK);
  CHECK(julu_store_give_up(face.store, t("none"), &error) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(julu_store_resolve(face.store, t(home), t("/address"), t("\"x\""), &error) == JULU_ERROR_RECORD_UNKNOWN);
  REQUIRE(julu_store_remove(face.store, t(home), &saved, nullptr) == JULU_OK);
  CHECK(face.get(home).at("deleted") == true);
  CHECK(julu_store_maintain(face.store, -1, &error) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(julu_store_maintain(face.store, 1000, &error) == JULU_OK);
}
