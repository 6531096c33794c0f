// Sent photos leave the phone when nothing can ask for them again, and not before.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/inbox.h>
#include <julu/limits.h>
#include <julu/outbox.h>

#include "county.h"
#include "jpeg.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

struct Sent {
  /// `first_days`: how far ahead the platform's clock is when the phone first hears of it.
  explicit Sent(std::int64_t first_days = 0) : store(county.phone()) {
    county.publish_key(*store);
    ping(first_days, 0);
    const auto saved = store->capture({"incident",
                                       R"({"category":"drainage","text":"村东头排水沟堵了"})",
                                       {{county.folder.write("p.jpg", make_jpeg_of_about(40'000, 5)), "near"}},
                                       {}});
    REQUIRE(saved.ok());
    record = saved->id;
    photo = saved->photos.front();
  }

  void ping(std::int64_t days, std::int64_t safe_before_days) {
    const std::int64_t now = county.clock.now_ms();
    const std::int64_t safe = safe_before_days == 0 ? 0 : now + safe_before_days * kDayMs;
    REQUIRE(Outbox(*store).note_ping({kEpoch, now + days * kDayMs, safe}).ok());
  }
  void next_day(bool backed_up) {
    county.clock.advance(kDayMs);
    const std::int64_t now = county.clock.now_ms();
    REQUIRE(Outbox(*store).note_ping({kEpoch, now, backed_up ? now : 0}).ok());
  }
  void deliver() {
    REQUIRE(Outbox(*store).photo_uploaded(*parse_hash(photo)).ok());
    std::int64_t version = kFirstVersion;
    while (county.apply_all(*store, version) > 0) {
    }
    REQUIRE((*store->get(record))->delivery == Delivery::delivered);
  }
  bool is_here() {
    REQUIRE(store->maintain(std::chrono::seconds(5)).ok());
    const auto read = store->read_photo(photo, [](std::string_view) { return true; });
    CHECK((read.ok() || read.error().code == ErrorCode::photo_unknown));
    CHECK((*store->get(record))->photos.front().here == read.ok());
    CHECK_FALSE(store->thumbnail(photo).value().empty());
    return read.ok();
  }

  County county;
  std::unique_ptr<Store> store;
  std::string record, photo;
};

/// Somebody else's report with photos that the phone has fetched, each as if it were `length_bytes` long.
struct Fetched {
  Fetched(County& county, Store& store, std::uint64_t photos, std::int64_t length_bytes) {
    theirs.kind = "incident";
    theirs.id = "01980000-0000-7000-8000-000000000001";
    theirs.version = kFirstVersion + 1;
    theirs.body = R"({"category":"road","text":"塌方"})";
    for (std::uint64_t i = 0; i < photos; ++i) add(10 + i);
    Inbox inbox(store);
    REQUIRE(inbox.apply({kEpoch, {theirs}, "c1", false}).ok());
    for (const std::string& jpeg : jpegs) REQUIRE(inbox.store_photo(sha256(jpeg), jpeg).ok());
    REQUIRE(store.maintain(std::chrono::seconds(5)).ok());  // makes the small pictures, without which none goes
    const auto db = database_of(county);
    auto transaction = store::Transaction::begin(*db).value();
    REQUIRE(db->run("UPDATE photo SET length_bytes = ?1 WHERE own = 0 AND sha256 IN (SELECT sha256 FROM attachment"
                    " WHERE record = ?2)",
                    length_bytes, *parse_id(theirs.id))
                .ok());
    REQUIRE(transaction.commit().ok());
  }
  Hash add(std::uint64_t seed) {
    jpegs.push_back(make_jpeg_of_about(40'000, seed));
    const Hash photo = sha256(jpegs.back());
    theirs.photos.push_back({photo, static_cast<std::int64_t>(jpegs.back().size()), "near", std::nullopt});
    return photo;
  }
  std::vector<bool> are_here(Store& store) const {
    std::vector<bool> here;
    const auto record = store.get(theirs.id).value();
    for (const RecordPhoto& photo : record->photos) here.push_back(photo.here);
    return here;
  }

  Change theirs;
  std::vector<std::string> jpegs;
};

/// Each look at it takes 10 ms.
class SlowClock final : public Clock {
 public:
  std::int64_t now_ms() override { return 1'795'500'000'000; }
  std::int64_t monotonic_ms() override { return at_ += 10; }
  std::string boot_id() override { return "boot-1"; }

 private:
  std::int64_t at_ = 5'000;
};

}  // namespace

TEST_CASE("a photo is kept until the platform says that no restore can lose it") {
  Sent sent;
  sent.next_day(true);
  sent.next_day(true);
  CHECK(sent.is_here());  // not delivered
  sent.deliver();
  CHECK(sent.is_here());
  sent.next_day(false);
  CHECK(sent.is_here());
  sent.next_day(true);
  sent.next_day(true);
  CHECK_FALSE(sent.is_here());
  CHECK((*sent.store->get(sent.record))->delivery == Delivery::delivered);
}

TEST_CASE("without such a word it is kept for 90 days of the platform's time, and a wrong clock is not believed") {
  Sent sent;
  sent.deliver();
  for (int again = 0; again < 100; ++again) sent.ping(400, 400);
  CHECK(sent.is_here());
  for (int day = 1; day <= 90; ++day) sent.next_day(false);
  CHECK(sent.is_here());
  sent.next_day(false);
  sent.next_day(false);
  CHECK_FALSE(sent.is_here());
}

TEST_CASE("a backup that is still to come keeps no photo") {
  Sent sent;
  sent.deliver();
  for (int day = 0; day < 3; ++day) {
    sent.county.clock.advance(kDayMs);
    sent.ping(0, 400);
  }
  CHECK(sent.is_here());
}

TEST_CASE("a backup from before a delivery keeps nothing of it, though the platform's clock stood years back then") {
  constexpr std::int64_t kDays = 400;
  Sent sent(-kDays);
  const std::int64_t backup_ms = sent.county.clock.now_ms() - kDayMs;
  sent.county.ahead_ms = -kDays * kDayMs;
  sent.deliver();
  sent.county.ahead_ms = 0;
  for (int day = 0; day < 5; ++day) {
    sent.county.clock.advance(kDayMs);
    REQUIRE(Outbox(*sent.store).note_ping({kEpoch, sent.county.clock.now_ms(), backup_ms}).ok());
  }
  CHECK(sent.is_here());
  for (int day = 0; day < 2; ++day) sent.next_day(true);
  CHECK_FALSE(sent.is_here());
}

TEST_CASE("what was held still after a restore is kept until a later backup: it may have come there again") {
  Sent sent;
  sent.deliver();
  Outbox outbox(*sent.store);
  sent.county.clock.advance(kDayMs);
  sent.ping(0, 0);
  const std::int64_t backup_ms = sent.county.clock.now_ms();
  sent.county.clock.advance(kDayMs);
  const auto ping_again = [&] { REQUIRE(outbox.note_ping({kEpoch + 1, sent.county.clock.now_ms(), backup_ms}).ok()); };
  ping_again();
  std::vector<Id> held;
  for (const HistoryEntry& entry : sent.store->history(sent.record).value()) {
    if (const auto id = parse_id(entry.op_id)) held.push_back(*id);
  }
  REQUIRE(held.size() == 2);
  const std::int64_t day = (sent.county.clock.now_ms() - 2 * kDayMs) / kDayMs;
  REQUIRE(*outbox.reconcile({{day, held}, {day + 1, held}}) == 0);
  CHECK(sent.is_here());
  ping_again();
  CHECK(sent.is_here());
  sent.county.clock.advance(kDayMs);
  sent.ping(0, 0);
  REQUIRE(outbox.note_ping({kEpoch + 1, sent.county.clock.now_ms(), sent.county.clock.now_ms()}).ok());
  sent.county.clock.advance(kDayMs);
  REQUIRE(outbox.note_ping({kEpoch + 1, sent.county.clock.now_ms(), sent.county.clock.now_ms() - 1}).ok());
  CHECK_FALSE(sent.is_here());
}

TEST_CASE("a photo that the platform lost after all, and that was purged here, is shown with the reason") {
  Sent sent;
  sent.deliver();
  CHECK(sent.is_here());  // its small picture is made
  const std::int64_t day = sent.county.clock.now_ms() / kDayMs;
  sent.next_day(true);
  sent.next_day(true);
  CHECK_FALSE(sent.is_here());
  Outbox outbox(*sent.store);
  REQUIRE(outbox.note_ping({kEpoch + 1, sent.county.clock.now_ms(), 0}).ok());
  REQUIRE(outbox.reconcile({{day, {}}, {day + 1, {}}}).ok());
  const auto ops = outbox.next_ops(10, 1 << 20);
  REQUIRE(ops.ok());
  REQUIRE(ops->size() == 2);
  std::vector<OpResult> results(2);
  results[0].status = OpStatus::applied;
  results[0].version = (kEpoch + 1) << 32;
  results[1].status = OpStatus::held;
  results[1].problem.type = "bytes-missing";
  REQUIRE(outbox
              .settle({ops->front()}, {results[0]},
                      sent.county.sign(sent.store->identity().device, {ops->front()}, {results[0]}, kEpoch + 1))
              .ok());
  REQUIRE(outbox.settle({ops->back()}, {results[1]}, std::nullopt).ok());
  const Record record = **sent.store->get(sent.record);
  CHECK(record.delivery == Delivery::parked);
  CHECK(sent.store->status()->unsent_photos == 0);
}

TEST_CASE("of others' photos the oldest go when they are too many, and do not come again") {
  County county;
  const auto store = county.phone();
  const bool too_many = GENERATE(false, true);
  const Fetched others(county, *store, 3, limits::others_photo_bytes_max / (too_many ? 2 : 3));
  REQUIRE(store->maintain(std::chrono::seconds(5)).ok());
  CHECK(others.are_here(*store) == std::vector<bool>{!too_many, true, true});
  for (const std::string& jpeg : others.jpegs) CHECK_FALSE(store->thumbnail(hex(sha256(jpeg))).value().empty());
  CHECK_FALSE(Inbox(*store).next_wanted_photo()->has_value());
}

TEST_CASE("a photo that was given up stays, however many of others there are") {
  County county;
  const auto store = county.phone();
  const auto saved = store->capture({"incident",
                                     R"({"category":"drainage","text":"堵"})",
                                     {{county.folder.write("p.jpg", make_jpeg_of_about(40'000, 5)), "near"}},
                                     {}});
  REQUIRE(saved.ok());
  OpResult refused;
  refused.status = OpStatus::rejected;
  refused.problem.type = "scope";
  answer_all(county, *store, refused);
  REQUIRE(store->give_up(saved->id).ok());
  const Fetched others(county, *store, 2, limits::others_photo_bytes_max / 2 + 1);
  REQUIRE(store->maintain(std::chrono::seconds(5)).ok());
  CHECK((*store->get(saved->id))->photos.at(0).here);
  CHECK(others.are_here(*store) == std::vector<bool>{false, true});
}

TEST_CASE("no more photos of others come than may stay, and the newest come first") {
  County county;
  const auto store = county.phone();
  constexpr auto kMost = static_cast<std::uint64_t>(limits::others_photo_bytes_max / limits::photo_bytes_max);
  Fetched others(county, *store, kMost, limits::photo_bytes_max);
  Inbox inbox(*store);
  const Hash older = others.add(200);
  const Hash newer = others.add(201);
  ++others.theirs.version;
  REQUIRE(inbox.apply({kEpoch, {others.theirs}, "c2", false}).ok());
  CHECK_FALSE(inbox.next_wanted_photo()->has_value());
  REQUIRE(store->maintain(std::chrono::seconds(5)).ok());
  const auto wanted = inbox.next_wanted_photo().value();
  REQUIRE(wanted.has_value());
  CHECK(wanted->sha256 == newer);
  CHECK(wanted->sha256 != older);
  const std::vector<bool> here = others.are_here(*store);
  CHECK(std::count(here.begin(), here.end(), true) == static_cast<std::ptrdiff_t>(kMost) - 1);
  CHECK_FALSE(here.front());
}

TEST_CASE("an upkeep of little time makes room before it makes small pictures") {
  County county;
  auto store = county.phone();
  const Fetched others(county, *store, 3, limits::others_photo_bytes_max / 2);
  store.reset();
  SlowClock clock;
  Store::Options options = county.options();
  options.clock = &clock;
  store = Store::open(options).value();
  REQUIRE(store->maintain(std::chrono::milliseconds(25)).ok());
  CHECK(others.are_here(*store) == std::vector<bool>{false, true, true});
}

TEST_CASE("a platform whose clock had run back when it signed is not taken to have signed before its backup") {
  Sent sent;
  sent.county.clock.advance(kDayMs);
  const std::int64_t backup_ms = sent.county.clock.now_ms();
  sent.county.clock.advance(kDayMs);
  const std::int64_t now = sent.county.clock.now_ms();
  REQUIRE(Outbox(*sent.store).note_ping({kEpoch, now - 400 * kDayMs, backup_ms}).ok());
  sent.deliver();  // the receipt's time is of before the backup
  for (int ping = 0; ping < 3; ++ping) {
    sent.county.clock.advance(kDayMs / 24);
    REQUIRE(Outbox(*sent.store).note_ping({kEpoch, sent.county.clock.now_ms(), backup_ms}).ok());
  }
  CHECK(sent.is_here());
}
