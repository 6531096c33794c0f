// The main job against a real platform process on loopback, and a network that fails as networks do.
#include <catch2/catch_test_macros.hpp>

#include "county.h"
#include "jpeg.h"
#include "phones.h"

using namespace julu;
using namespace julu::test;

namespace {

struct Phone {
  explicit Phone(PlatformProcess& platform, const std::string& worker = "W-0412", const std::string& role = "worker")
      : directory(enrol_phone(platform, folder, worker, role)), store(open_phone(directory)) {}

  /// An incident with `photos` photos of about `bytes`.
  void report(int photos, std::size_t bytes, Told& told) {
    Capture capture;
    capture.kind = "incident";
    capture.body = R"({"category":"drainage","text":"村东头排水沟堵了"})";
    for (int i = 0; i < photos; ++i) {
      const std::string name = "photo-" + std::to_string(++seed);
      capture.photos.push_back({folder.write(name, make_jpeg_of_about(bytes, seed)), i == 0 ? "near" : "far"});
    }
    const auto saved = store->capture(capture);
    REQUIRE(saved.ok());
    told[saved->id] = {saved->photos, hash_of_body(capture.body)};
  }

  Folder folder;
  std::string directory;
  std::unique_ptr<Store> store;
  std::uint64_t seed = 0;
};

}  // namespace

TEST_CASE("reports made without a network arrive when it returns, with receipts") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  platform.stop();
  Told told;
  for (int i = 0; i < 4; ++i) phone.report(i % 3, 40 * 1024, told);
  const auto offline = sync_once(*phone.store);
  REQUIRE(offline.ok());
  CHECK(offline->end == SyncEnd::left);
  REQUIRE(offline->failure.has_value());
  CHECK(offline->failure->code == ErrorCode::offline);
  CHECK(offline->next_attempt_ms.has_value());
  platform.start();
  const SyncOutcome outcome = sync_to_the_end(*phone.store);
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(compare(platform, *phone.store, told).clean());
  for (const auto& [id, record] : told) CHECK((*phone.store->get(id))->delivery == Delivery::delivered);
}

TEST_CASE("the screening and the result come back with their photos") {
  PlatformProcess platform(JUHAOBAN_PROGRAM, true);
  Phone phone(platform);
  Told told;
  phone.report(1, 40 * 1024, told);
  sync_to_the_end(*phone.store);
  sync_to_the_end(*phone.store);
  const Record record = **phone.store->get(told.begin()->first);
  CHECK(record.state == "resolved");
  REQUIRE(record.photos.size() == 2);
  const RecordPhoto& result = record.photos.back();
  CHECK_FALSE(result.action.empty());
  CHECK(result.here);
  std::string bytes;
  REQUIRE(phone.store
              ->read_photo(result.sha256,
                           [&](std::string_view part) {
                             bytes += part;
                             return true;
                           })
              .ok());
  CHECK(hex(sha256(bytes)) == result.sha256);
  bool rated = false;
  for (const HistoryEntry& entry : *phone.store->history(record.id)) rated = rated || entry.action == "resolve";
  CHECK(rated);
}

TEST_CASE("a connection cut anywhere, either way, costs time and nothing else") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  const auto random = seeded_random(4711);
  Told told;
  for (int round = 0; round < 40; ++round) {
    phone.report(static_cast<int>(random->below(3)), 60 * 1024, told);
    const auto at = static_cast<std::int64_t>(random->below(round % 2 == 0 ? 90'000 : 3'000)) + 1;
    if (random->below(2) == 0) {
      platform.proxy->cut_up_after(at);
    } else {
      platform.proxy->cut_down_after(static_cast<std::int64_t>(random->below(3'000)) + 1);
    }
    REQUIRE(sync_once(*phone.store).ok());
  }
  platform.proxy->cut_up_after(-1);
  platform.proxy->cut_down_after(-1);
  CHECK(platform.proxy->cuts() > 20);
  CHECK(sync_to_the_end(*phone.store).end == SyncEnd::all_delivered);
  const Comparison result = compare(platform, *phone.store, told);
  CHECK(result.clean());
}

TEST_CASE("replies that come twice deliver nothing twice") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  Told told;
  for (int i = 0; i < 4; ++i) phone.report(i % 3, 40 * 1024, told);
  platform.proxy->double_replies(true);
  CHECK(sync_to_the_end(*phone.store).end == SyncEnd::all_delivered);
  platform.proxy->double_replies(false);
  CHECK(compare(platform, *phone.store, told).clean());
}

// libcurl asks a second time by itself where a connection that had worked ends without a reply.
TEST_CASE("a lost reply to the sign-in is no refusal") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  Told told;
  phone.report(1, 40 * 1024, told);
  platform.proxy->lose_reply(1);  // the ping's is the first
  const auto outcome = sync_once(*phone.store);
  CHECK(platform.proxy->cuts() == 1);
  REQUIRE(outcome.ok());
  CHECK(outcome->end == SyncEnd::all_delivered);
  CHECK(compare(platform, *phone.store, told).clean());
}

TEST_CASE("an upload goes on where it stopped") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  Told told;
  phone.report(1, 900 * 1024, told);
  platform.proxy->cut_up_after(600 * 1024);
  REQUIRE(sync_once(*phone.store).ok());
  REQUIRE(platform.proxy->cuts() == 1);
  const std::int64_t before = platform.proxy->bytes_up();
  CHECK(sync_to_the_end(*phone.store).end == SyncEnd::all_delivered);
  CHECK(platform.proxy->bytes_up() - before < 700 * 1024);
  CHECK(compare(platform, *phone.store, told).clean());
}

TEST_CASE("a platform killed in the middle keeps what it answered, and the phone brings the rest") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  Told told;
  const auto random = seeded_random(99);
  for (int round = 0; round < 8; ++round) {
    phone.report(2, 50 * 1024, told);
    platform.proxy->cut_down_after(static_cast<std::int64_t>(random->below(4'000)));
    REQUIRE(sync_once(*phone.store).ok());
    platform.kill();
    platform.start();
  }
  platform.proxy->cut_down_after(-1);
  CHECK(sync_to_the_end(*phone.store).end == SyncEnd::all_delivered);
  CHECK(compare(platform, *phone.store, told).clean());
}

TEST_CASE("two phones edit one household; both edits stand, and a true conflict waits for a person") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone first(platform, "W-0001");
  Phone second(platform, "W-0002");
  const auto saved = first.store->capture(
      {.kind = "household", .body = R"({"address":"堤村 1 号","grid":"130529200203001"})", .photos = {}, .id = {}});
  REQUIRE(saved.ok());
  sync_to_the_end(*first.store);
  sync_to_the_end(*second.store);
  REQUIRE((*second.store->get(saved->id)).has_value());

  SECTION("each pulls the other's edit of another field") {
    REQUIRE(first.store->patch(saved->id, R"({"household_no":"001"})").ok());
    REQUIRE(second.store->patch(saved->id, R"({"head_name":"张三"})").ok());
    sync_to_the_end(*first.store);
    sync_to_the_end(*second.store);
    sync_to_the_end(*first.store);
    const std::string body = (*first.store->get(saved->id))->body;
    CHECK(body.find("001") != std::string::npos);
    CHECK(body.find("张三") != std::string::npos);
    CHECK((*second.store->get(saved->id))->body == body);
  }
  SECTION("stacked edits made offline by both merge") {
    REQUIRE(first.store->patch(saved->id, R"({"household_no":"001"})").ok());
    REQUIRE(first.store->patch(saved->id, R"({"household_no":"002","note":"甲"})").ok());
    REQUIRE(second.store->patch(saved->id, R"({"head_name":"张三"})").ok());
    REQUIRE(second.store->patch(saved->id, R"({"head_name":"李四"})").ok());
    REQUIRE(second.store->patch(saved->id, R"({"address":"堤村 2 号"})").ok());
    sync_to_the_end(*first.store);
    sync_to_the_end(*second.store);
    sync_to_the_end(*first.store);
    sync_to_the_end(*second.store);
    const std::string body = (*first.store->get(saved->id))->body;
    for (const char* value : {"002", "甲", "李四", "堤村 2 号"}) CHECK(body.find(value) != std::string::npos);
    CHECK((*second.store->get(saved->id))->body == body);
    CHECK((*second.store->get(saved->id))->delivery == Delivery::delivered);
  }
  SECTION("the same field changed by both keeps both values until someone chooses") {
    REQUIRE(first.store->patch(saved->id, R"({"address":"甲"})").ok());
    REQUIRE(second.store->patch(saved->id, R"({"address":"乙"})").ok());
    sync_to_the_end(*first.store);
    sync_to_the_end(*second.store);
    const auto conflicts = second.store->conflicts();
    REQUIRE(conflicts->size() == 1);
    CHECK(conflicts->front().local == "\"乙\"");
    CHECK(conflicts->front().remote == "\"甲\"");
    CHECK((*second.store->get(saved->id))->body.find("甲") != std::string::npos);
    REQUIRE(second.store->resolve(saved->id, "/address", "\"乙\"").ok());
    sync_to_the_end(*second.store);
    sync_to_the_end(*first.store);
    CHECK((*first.store->get(saved->id))->body.find("乙") != std::string::npos);
    CHECK(second.store->conflicts()->empty());
  }
}

TEST_CASE("an activation code used twice by the same phone costs nothing; by another phone it is refused") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  platform.add_worker("W-0003");
  const Folder folder;
  EnrolOptions options;
  options.platform = platform.url();
  options.code = platform.code("W-0003");
  options.root = folder.file("root");
  options.key = test_key();
  options.encrypted = has_cipher();
  options.consent_at_ms = 0;
  CHECK(enrol(options).error().code == ErrorCode::consent_missing);
  options.consent_at_ms = system_clock().now_ms();
  platform.proxy->cut_down_after(500);  // the answer to the enrolment is lost, not the ping's
  auto device = enrol(options);
  platform.proxy->cut_down_after(-1);
  if (!device) device = enrol(options);
  REQUIRE(device.ok());
  CHECK(platform.proxy->cuts() == 1);
  options.root = folder.file("other");
  const auto other = enrol(options);
  REQUIRE_FALSE(other.ok());
  CHECK(other.error().code == ErrorCode::enrolment_refused);
}
