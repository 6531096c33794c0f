// What a single page of a file costs when it cannot be read: never what stands on the others.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <filesystem>

#include <julu/inbox.h>
#include <julu/outbox.h>

#include "county.h"
#include "jpeg.h"
#include "sim_disk.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

const char* const kReport = R"({"category":"drainage","text":"堵"})";

std::string path_of(const County& county) { return county.directory() + "/julu.db"; }

/// The page that a table or an index begins with, counted from 0.
std::int64_t first_page(const County& county, const char* name) {
  return database_of(county)->integer("SELECT rootpage FROM sqlite_schema WHERE name = ?1", name).value().value() - 1;
}

/// Behind it stands the list of tables, in a file that was just made.
std::int64_t last_first_page(const County& county) {
  return database_of(county)->integer("SELECT max(rootpage) FROM sqlite_schema").value().value() - 1;
}

std::string report_with_photo(County& county, Store& store, unsigned photo = 1) {
  const auto saved = store.capture(
      {"incident", kReport, {{county.folder.write("p.jpg", make_jpeg_of_about(9'000, photo)), "near"}}, {}});
  REQUIRE(saved.ok());
  return saved->id;
}

Record record_of(Store& store, const std::string& id) { return store.get(id)->value(); }

}  // namespace

TEST_CASE("a file that has lost its list of tables gives what stands in them") {
  County county;
  for (int i = 0; i < 3; ++i) REQUIRE(county.phone()->capture({"incident", kReport, {}, {}}).ok());
  const std::int64_t last = last_first_page(county);
  SECTION("a page of it") { damage(path_of(county), last + GENERATE(1, 2, 3), 1); }
  SECTION("all of it, with the other half of the file") {
    std::filesystem::resize_file(path_of(county), static_cast<std::uintmax_t>((last + 1) * kPage));
  }
  const std::string wreck = read_file(path_of(county));
  for (int times = 0; times < 2; ++times) {
    const auto opened = Store::open(county.options());
    REQUIRE(opened.ok());
    const auto status = (*opened)->status();
    CHECK(status->salvage->ops == 3);
    CHECK(status->salvage->ops_unreadable == 0);
    CHECK(status->unsent_ops == 3);
    CHECK((*opened)->list({})->size() == 3);
  }
  CHECK((read_file(path_of(county)) == wreck));
}

TEST_CASE("so does one on a disk of the host's own") {
  County county;
  SimDisk disk(*county.random);
  const Store::Options options = county.enrolled(disk.vfs());
  {
    const auto store = Store::open(options);
    REQUIRE(store.ok());
    REQUIRE((*store)->capture({"incident", kReport, {}, {}}).ok());
    REQUIRE((*store)->maintain(std::chrono::seconds(1)).ok());
  }
  County like_it;  // on a folder, where it can be asked
  like_it.phone();
  const auto list = static_cast<std::size_t>((last_first_page(like_it) + 1) * kPage);
  SimDisk::Image image = disk.image();
  std::string& bytes = image.at("root/julu.db").bytes;
  REQUIRE(bytes.size() > list);
  const std::size_t size = std::min(bytes.size() - list, static_cast<std::size_t>(3 * kPage));
  bytes.replace(list, size, std::string(size, '\xA5'));
  disk.restore(image);
  const auto store = Store::open(options);
  REQUIRE(store.ok());
  CHECK((*store)->status()->salvage->ops == 1);
}

TEST_CASE("a photo is not lost with a page of its index") {
  County county;
  const std::string id = report_with_photo(county, *county.phone());
  damage(path_of(county), first_page(county, "sqlite_autoindex_photo_1"), 1);
  set_aside(county);
  const auto store = county.open_again();
  CHECK(store->status()->salvage->photos_lost == 0);
  const Record record = record_of(*store, id);
  CHECK(record.delivery == Delivery::saved);
  REQUIRE(record.photos.size() == 1);
  CHECK(record.photos[0].here);
}

TEST_CASE("a photo that is to be sent is shown where damage took what says where it hangs") {
  County county;
  std::string id, step;
  {
    const auto store = county.phone();
    id = report_with_photo(county, *store);
    const std::string after = county.folder.write("p.jpg", make_jpeg_of_about(9'000, 2));
    REQUIRE(store->act(id, "withdraw", R"({"note":"报重了"})", {{after, "after"}}).ok());
    step = record_of(*store, id).photos[1].action;
  }
  damage(path_of(county), first_page(county, "attachment"), 1);
  set_aside(county);
  const auto store = county.open_again();
  const auto photos = record_of(*store, id).photos;
  REQUIRE(photos.size() == 2);
  CHECK(photos[0].role == "near");
  CHECK(photos[0].action.empty());
  CHECK(photos[1].role == "after");
  CHECK(photos[1].action == step);
  for (const RecordPhoto& photo : photos) {
    CHECK(photo.here);
    CHECK_FALSE(photo.delivered);
  }
  CHECK(store->status()->unsent_ops == 4);
}

TEST_CASE("a photo of which only the attachment is left is asked for, and where the county has it not, is said") {
  County county;
  const std::string id = report_with_photo(county, *county.phone());
  for (const char* table : {"op", "photo"}) damage(path_of(county), first_page(county, table), 1);
  set_aside(county);
  const auto store = county.open_again();
  CHECK(record_of(*store, id).photos.size() == 1);
  CHECK(verbs_due(*store) == std::vector<Verb>{Verb::create, Verb::attach});
  OpResult missing;
  missing.status = OpStatus::held;
  missing.problem.type = "bytes-missing";
  answer_all(county, *store, missing);
  CHECK(record_of(*store, id).delivery == Delivery::parked);
}

TEST_CASE("a step that waits is seen where damage took its row, and is not taken a second time") {
  County county;
  std::string id;
  {
    const auto store = county.phone("W-0412", "leader");
    id = store->capture({"incident", kReport, {}, {}})->id;
    REQUIRE(store->act(id, "accept", "{}").ok());
    county.clock.advance(1000);
    REQUIRE(store->act(id, "resolve", R"({"note":"通了"})").ok());
  }
  const auto before = county.open_again()->history(id);
  damage(path_of(county), first_page(county, "action"), 1);
  set_aside(county);
  const auto store = county.open_again();
  CHECK(record_of(*store, id).state == "resolved");
  CHECK_FALSE(store->act(id, "accept", "{}").ok());
  const auto after = store->history(id);
  REQUIRE(after->size() == before->size());
  CHECK(std::equal(after->begin(), after->end(), before->begin(), [](const auto& now, const auto& then) {
    return now.what == then.what && now.action == then.action && now.state == then.state && now.at_ms == then.at_ms;
  }));
  CHECK(verbs_due(*store) == std::vector<Verb>{Verb::create, Verb::append, Verb::append});
}

TEST_CASE("a photo that was purged stays so, with its thumbnail, over a salvage") {
  constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
  County county;
  std::string photo;
  {
    const auto store = county.phone();
    county.publish_key(*store);
    const std::string id = report_with_photo(county, *store);
    photo = record_of(*store, id).photos[0].sha256;
    Outbox outbox(*store);
    REQUIRE(outbox.note_ping({kEpoch, county.clock.now_ms(), 0}).ok());
    REQUIRE(outbox.photo_uploaded(*parse_hash(photo)).ok());
    std::int64_t version = kFirstVersion;
    while (county.apply_all(*store, version) > 0) {
    }
    for (int day = 0; day < 4; ++day) {
      county.clock.advance(kDayMs);
      REQUIRE(outbox.note_ping({kEpoch, county.clock.now_ms(), county.clock.now_ms()}).ok());
    }
    for (int i = 0; i < 2; ++i) REQUIRE(store->maintain(std::chrono::seconds(5)).ok());  // its thumbnail comes first
    REQUIRE_FALSE(record_of(*store, id).photos[0].here);
  }
  const bool thumbnail = GENERATE(true, false);
  CAPTURE(thumbnail);
  if (!thumbnail) damage(path_of(county), first_page(county, "thumbnail"), 1);
  set_aside(county);
  const auto store = county.open_again();
  CHECK(store->status()->salvage->photos_lost == 0);
  CHECK(Inbox(*store).next_wanted_photo()->has_value() != thumbnail);
  if (thumbnail) CHECK_FALSE(store->thumbnail(photo).value().empty());
}

TEST_CASE("a kind that the platform brought is not lost with the page of another") {
  constexpr int kKinds = 6;
  County county;
  {
    const auto store = county.phone();
    std::vector<Change> kinds;
    for (int i = 0; i < kKinds; ++i) {
      Change kind;
      kind.kind = "schema";
      kind.id = "patrol_" + std::to_string(i);
      kind.version = kFirstVersion + i;
      kind.body = R"({"type":"object","x-shape":"log","properties":{"text":{"type":"string"}},"x-kind":")" + kind.id +
                  R"(","x-title":")" + std::string(6'000, 'x') + R"("})";
      kinds.push_back(kind);
    }
    REQUIRE(Inbox(*store).apply({kEpoch, kinds, "c1", false}).ok());
    REQUIRE(store->maintain(std::chrono::seconds(5)).ok());
  }
  const std::string sound = read_file(path_of(county));
  const std::int64_t root = first_page(county, "catalog");
  int damaged = 0;
  for (std::int64_t page = last_first_page(county) + 4; page < static_cast<std::int64_t>(sound.size()) / kPage;
       ++page) {
    std::filesystem::remove_all(county.directory());
    std::filesystem::create_directories(county.directory());
    county.folder.write("root/W-0412/julu.db", sound);
    damage(path_of(county), page, 1);
    set_aside(county);
    const auto store = county.open_again();
    int known = 0;
    for (int i = 0; i < kKinds; ++i)
      known += store->capture({"patrol_" + std::to_string(i), R"({"text":"巡"})", {}, {}}).ok() ? 1 : 0;
    INFO("page " << page + 1 << ", the first one " << root + 1);
    CHECK(known >= kKinds / 2);  // as many as share a page
    damaged += known < kKinds ? 1 : 0;
  }
  CHECK(damaged > 0);
}
