// Sent photos leave the phone when nothing can ask for them again, and not before.
#include <catch2/catch_test_macros.hpp>

#include <julu/limits.h>
#include <julu/outbox.h>

#include "county.h"
#include "jpeg.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

struct Sent {
  Sent() : store(county.phone()) {
    county.publish_key(*store);
    ping(0, 0);
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

}  // namespace

TEST_CASE("a photo is kept until the platform says that no restore can lose it") {
  Sent sent;
  sent.ping(0, 1);
  CHECK(sent.is_here());  // not delivered
  sent.deliver();
  CHECK(sent.is_here());
  sent.ping(1, 0);
  CHECK(sent.is_here());
  sent.ping(2, 2);
  sent.ping(2, 2);
  CHECK_FALSE(sent.is_here());
  CHECK((*sent.store->get(sent.record))->delivery == Delivery::delivered);
}

TEST_CASE("without such a word it is kept for 90 days of the platform's time, and one wrong clock is not believed") {
  Sent sent;
  sent.deliver();
  sent.ping(400, 400);
  CHECK(sent.is_here());
  for (int day = 1; day <= 90; ++day) sent.ping(day, 0);
  CHECK(sent.is_here());
  sent.ping(91, 0);
  sent.ping(92, 0);
  CHECK_FALSE(sent.is_here());
}

TEST_CASE("a photo that the platform lost after all, and that was purged here, is shown with the reason") {
  Sent sent;
  sent.deliver();
  sent.ping(1, 1);
  sent.ping(2, 2);
  CHECK_FALSE(sent.is_here());
  Outbox outbox(*sent.store);
  REQUIRE(outbox.note_ping({kEpoch + 1, sent.county.clock.now_ms(), 0}).ok());
  REQUIRE(outbox.reconcile({{sent.county.clock.now_ms() / kDayMs, {}}, {sent.county.clock.now_ms() / kDayMs + 1, {}}})
              .ok());
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
