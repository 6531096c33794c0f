// A really full disk: what still fits, and what is refused whole.
#include <cstdlib>
#include <fstream>

#include <catch2/catch_test_macros.hpp>

#include <julu/limits.h>

#include "county.h"
#include "jpeg.h"
#include "scripted_county.h"
#include "small_disk.h"

using namespace julu;
using namespace julu::test;

namespace {

void live_on(County& county, const std::string& folder) {
  std::filesystem::remove_all(county.folder.file("root"));
  std::filesystem::create_directory_symlink(folder, county.folder.file("root"));
}

// Each step that does not hold returns its number.
int fill_and_capture(const std::string& folder) {
  County county;
  live_on(county, folder);
  auto store = county.phone();
  if (!store->maintain(std::chrono::seconds(1)).ok()) return 1;  // makes the ballast
  Capture capture{.kind = "incident", .body = R"({"category":"road","text":"路断了"})", .photos = {}, .id = {}};
  const auto first = store->capture(capture);
  if (!first) return 2;
  Change theirs;
  theirs.kind = "incident";
  theirs.id = "01980000-0000-7000-8000-000000000001";
  theirs.version = kFirstVersion + 1;
  theirs.body = R"({"category":"road","text":"塌方"})";
  std::vector<std::string> jpegs;
  for (std::uint64_t i = 0; i < 9; ++i) jpegs.push_back(make_jpeg_of_about(500 * 1024, 200 + i));
  for (const std::string& jpeg : jpegs) {
    theirs.photos.push_back({sha256(jpeg), static_cast<std::int64_t>(jpeg.size()), "near", std::nullopt});
  }
  if (!Inbox(*store).apply({kEpoch, {theirs}, "c1", false})) return 9;
  fill_disk(folder);
  std::optional<Error> no_room;
  for (const std::string& jpeg : jpegs) {
    if (const auto stored = Inbox(*store).store_photo(sha256(jpeg), jpeg); !stored) no_room = stored.error();
  }
  if (!no_room || no_room->code != ErrorCode::disk_full || store->status()->low_disk) return 10;
  capture.photos.push_back({county.folder.write("a.jpg", make_jpeg_of_about(300 * 1024, 3)), "near"});
  const auto saved = store->capture(capture);
  if (!saved) return 3;  // the ballast makes room for the report being written
  if (!store->status()->low_disk || !county.open_again()->status()->low_disk) return 4;
  std::optional<Error> refused;
  for (std::uint64_t i = 0; i < 60 && !refused; ++i) {
    capture.photos[0].path = county.folder.write("b.jpg", make_jpeg_of_about(300 * 1024, 100 + i));
    if (const auto more = store->capture(capture); !more) refused = more.error();
  }
  if (!refused || refused->code != ErrorCode::disk_full) return 5;
  if (!store->get(first->id).value() || !store->get(saved->id).value()) return 6;
  std::filesystem::remove(folder + "/filler");
  if (!store->capture(capture).ok()) return 7;  // space came back, and so did everything
  if (!store->maintain(std::chrono::seconds(10)).ok() || store->status()->low_disk) return 11;
  store.reset();
  store = county.open_again();
  if (!store->get(saved->id).value()) return 8;
  return 0;
}

int fill_and_open(const std::string& folder) {
  County county;
  live_on(county, folder);
  auto store = county.phone();
  if (!store->maintain(std::chrono::seconds(1)).ok()) return 1;  // makes the ballast
  const Capture capture{.kind = "incident", .body = R"({"category":"road","text":"路断了"})", .photos = {}, .id = {}};
  if (!store->capture(capture)) return 2;
  for (const bool closed : {true, false}) {
    if (closed) {
      store.reset();
    } else if (!store->suspend()) {
      return 3;
    }
    fill_disk(folder);
    if (closed) {
      auto opened = Store::open(county.options());
      if (!opened) return 4;
      store = *std::move(opened);
    } else if (!store->resume(county.key)) {
      return 5;
    }
    if (store->list({})->size() != (closed ? 1U : 2U)) return 6;
    if (!store->capture(capture)) return 7;
    std::filesystem::remove(folder + "/filler");
    if (!store->maintain(std::chrono::seconds(10)).ok() || store->status()->low_disk) return 8;
  }
  return 0;
}

int fill_and_sync(const std::string& folder) {
  ::setenv("TMPDIR", folder.c_str(), 1);
  ScriptedCounty c;
  c.report("先来的");
  if (c.run().end != SyncEnd::all_delivered) return 1;  // makes the ballast
  const std::string id = c.report("路断了");
  fill_disk(folder);
  if (c.run().end != SyncEnd::all_delivered) return 2;
  return (*c.store->get(id))->delivery == Delivery::delivered ? 0 : 3;
}

// Pages of others' reports, together more than the ballast.
constexpr std::int64_t kNews = 600;
void tell_news(ScriptedCounty& c) {
  std::string rows, lines;
  for (std::int64_t row = 1; row <= kNews; ++row) {
    const std::string id = "01980000-0000-7000-8000-" + std::to_string(100'000'000'000 + row);
    const std::string version = std::to_string(kFirstVersion + 100 + row);
    rows += (rows.empty() ? "" : ",") + (R"({"kind":"incident","id":")" + id) + R"(","version":)" + version +
            R"(,"body":{"category":"road","text":")" + std::string(2'000, 'x') + "\"}}";
    lines += id + ":" + version + "\n";
    if (row % 30 != 0) continue;
    c.pages.push_back(c.pull_page(rows, lines, row < kNews));
    rows.clear();
    lines.clear();
  }
}

int pull_and_capture(const std::string& folder) {
  const std::string jpeg = make_jpeg_of_about(300 * 1024, 3);
  ::setenv("TMPDIR", folder.c_str(), 1);
  ScriptedCounty c;
  if (c.run().end != SyncEnd::all_delivered) return 1;  // makes the ballast
  tell_news(c);
  const std::vector<std::string> pages = c.pages;
  fill_disk(folder);
  const SyncOutcome outcome = c.run();
  if (outcome.end != SyncEnd::left || !outcome.failure || outcome.failure->code != ErrorCode::disk_full) return 2;
  Capture capture{.kind = "incident", .body = R"({"category":"road","text":"路断了"})", .photos = {}, .id = {}};
  capture.photos.emplace_back().bytes = jpeg;
  if (!c.store->capture(capture)) return 3;
  std::filesystem::remove(folder + "/filler");
  c.run();  // its upkeep finds room again
  if (c.store->status()->low_disk) return 4;
  c.pages = pages;
  return c.run().records_changed == kNews ? 0 : 5;
}

int fetch_into_little_room(const std::string& folder) {
  ::setenv("TMPDIR", folder.c_str(), 1);
  ScriptedCounty c;
  Change theirs;
  theirs.kind = "incident";
  theirs.id = "01980000-0000-7000-8000-000000000001";
  theirs.version = kFirstVersion + 1;
  theirs.body = R"({"category":"road","text":"塌方"})";
  theirs.photos.push_back({sha256("a photo"), 7, "near", std::nullopt});
  if (!Inbox(*c.store).apply({kEpoch, {theirs}, "c1", false})) return 1;
  if (c.run().end != SyncEnd::all_delivered) return 2;
  return c.asked("GET", "/v1/photos/") == 0 ? 0 : 3;
}

int read_without_ballast(const std::string& folder) {
  County county;
  live_on(county, folder);
  auto store = county.phone();
  if (!store->maintain(std::chrono::seconds(1)).ok()) return 1;
  const Capture capture{.kind = "incident", .body = R"({"category":"road","text":"路断了"})", .photos = {}, .id = {}};
  if (!store->capture(capture)) return 2;
  store.reset();
  std::filesystem::resize_file(county.directory() + "/ballast", 0);
  fill_disk(folder);
  const auto opened = Store::open(county.options());
  if (!opened) return 3;
  if ((*opened)->list({})->size() != 1) return 4;
  const auto refused = (*opened)->capture(capture);
  return !refused && refused.error().code == ErrorCode::disk_full ? 0 : 5;
}

int report_on_and_on(const std::string& folder) {
  County county;
  live_on(county, folder);
  const auto store = county.phone();
  if (!store->maintain(std::chrono::seconds(1)).ok()) return 1;
  std::ofstream(folder + "/filler") << std::string(2'500'000, 'x');  // 3.5 MB are left
  const Capture capture{.kind = "incident", .body = R"({"category":"road","text":"路断了"})", .photos = {}, .id = {}};
  for (int i = 0; i < 1500; ++i) {
    if (!store->capture(capture)) return 2;
  }
  return store->status()->low_disk ? 3 : 0;
}

int purge_when_full(const std::string& folder) {
  County county;
  live_on(county, folder);
  const auto store = county.phone();
  county.publish_key(*store);
  Outbox outbox(*store);
  if (!outbox.note_ping({kEpoch, county.clock.now_ms(), 0}).ok()) return 1;
  for (std::uint64_t i = 0; i < 5; ++i) {
    Capture capture{.kind = "incident", .body = R"({"category":"road","text":"路断了"})", .photos = {}, .id = {}};
    capture.photos.push_back({county.folder.write("a.jpg", make_jpeg_of_about(400 * 1024, i)), "near"});
    const auto saved = store->capture(capture);
    if (!saved || !outbox.photo_uploaded(*parse_hash(saved->photos[0]), "").ok()) return 2;
  }
  std::int64_t version = kFirstVersion;
  while (county.apply_all(*store, version) > 0) {
  }
  if (!store->maintain(std::chrono::seconds(5)).ok()) return 3;
  for (int day = 0; day < 4; ++day) {
    county.clock.advance(24LL * 3'600'000);
    if (!outbox.note_ping({kEpoch, county.clock.now_ms(), county.clock.now_ms()}).ok()) return 4;
  }
  fill_disk(folder);
  const auto before = std::filesystem::file_size(county.directory() + "/julu.db");
  if (!store->maintain(std::chrono::seconds(5)).ok()) return 5;
  return std::filesystem::file_size(county.directory() + "/julu.db") < before / 2 ? 0 : 6;
}

int look_when_full(const std::string& folder) {
  County county;
  live_on(county, folder);
  const auto store = county.phone();
  if (!store->maintain(std::chrono::seconds(1)).ok()) return 1;
  Capture capture{.kind = "incident", .body = R"({"category":"road","text":"路断了"})", .photos = {}, .id = {}};
  capture.photos.push_back({county.folder.write("a.jpg", make_jpeg_of_about(300 * 1024, 7)), "near"});
  const auto saved = store->capture(capture);
  if (!saved) return 2;
  fill_disk(folder);
  const auto thumbnail = store->thumbnail(saved->photos[0]);
  if (!thumbnail || thumbnail->empty()) return 3;
  const auto kept = store->maintain(std::chrono::minutes(10));  // and it ends, though it can keep none
  return kept || kept.error().code == ErrorCode::disk_full ? 0 : 4;
}

void check_on_small_disk(int (*work)(const std::string&)) {
  const Folder folder;
  const int result = on_small_disk(folder.path(), work);
  if (result == kNoSmallDisk) SKIP("this machine lets no test mount a file system of its own");
  CHECK(result == 0);
}

}  // namespace

TEST_CASE("a full disk keeps no report from the county while there is ballast") { check_on_small_disk(&fill_and_sync); }

TEST_CASE("on a full disk the county's news leaves the ballast to the worker's reports") {
  check_on_small_disk(&pull_and_capture);
}

TEST_CASE("where little room is left photos of others do not come") { check_on_small_disk(&fetch_into_little_room); }

TEST_CASE("a full disk does not lock the worker out of a store that was closed or suspended") {
  check_on_small_disk(&fill_and_open);
}

TEST_CASE("on a full disk the report being written still fits, and the next is refused whole") {
  check_on_small_disk(&fill_and_capture);
}

TEST_CASE("a full disk with its ballast spent still shows what is there") {
  check_on_small_disk(&read_without_ballast);
}

TEST_CASE("on a nearly full disk the log leaves its room to the reports") { check_on_small_disk(&report_on_and_on); }

TEST_CASE("on a full disk the upkeep gives back what sent photos took") { check_on_small_disk(&purge_when_full); }

TEST_CASE("a full disk keeps no thumbnail, and shows it all the same") { check_on_small_disk(&look_when_full); }

TEST_CASE("a ballast that two upkeeps made larger is no full disk") {
  County county;
  const auto store = county.phone();
  REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
  const auto more = static_cast<std::uintmax_t>(limits::ballast_bytes) + 65'536;
  std::filesystem::resize_file(county.directory() + "/ballast", more);
  CHECK_FALSE(store->status()->low_disk);
}

TEST_CASE("a ballast that a power cut left short is made whole by the upkeep") {
  County county;
  const auto store = county.phone();
  const std::string ballast = county.directory() + "/ballast";
  std::ofstream(ballast) << "short";
  REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
  CHECK(std::filesystem::file_size(ballast) == limits::ballast_bytes);
}
