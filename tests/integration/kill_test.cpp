// kill -9 at random points: what was told is saved arrives, once, whatever died in between. Seeded.
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "jpeg.h"
#include "phones.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr int kCaptureKills = 120;
constexpr int kSyncKills = 80;

/// Lets `phone` run for a random time within `most_us` and kills it; returns the lines that it had said.
std::vector<std::string> run_and_kill(const std::vector<std::string>& words, Random& random, std::uint64_t most_us) {
  Process phone(words);
  auto lines = phone.read_for(static_cast<std::int64_t>(random.below(most_us)));
  phone.kill();
  phone.wait();
  // What it had said before it died may still be in the pipe.
  while (auto line = phone.read_line(0)) lines.push_back(*std::move(line));
  return lines;
}

}  // namespace

TEST_CASE("200 kills in capture and sync lose nothing and double nothing") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Folder folder;
  const std::string directory = enrol_phone(platform, folder, "W-0412");
  const auto random = seeded_random(20261124);
  Told told;
  int captured_kills = 0;
  int sync_kills = 0;
  for (int i = 0; i < kCaptureKills; ++i) {
    const std::vector<std::string> words{PHONE_PROGRAM, "capture", directory, "-", std::to_string(i), "1000"};
    for (const std::string& line : run_and_kill(words, *random, 60'000)) add_line(told, line);
    ++captured_kills;
    {
      const auto store = open_phone(directory);  // reads never see half a capture
      for (const auto& [id, photos] : told) {
        const auto record = store->get(id);
        REQUIRE(record.ok());
        REQUIRE(record->has_value());
        REQUIRE((*record)->photos.size() == std::set<std::string>(photos.begin(), photos.end()).size());
      }
    }
    if (i % 3 == 2 && sync_kills < kSyncKills) {
      for (int k = 0; k < 2; ++k, ++sync_kills) run_and_kill({PHONE_PROGRAM, "sync", directory}, *random, 150'000);
    }
  }
  while (sync_kills < kSyncKills) {
    run_and_kill({PHONE_PROGRAM, "sync", directory}, *random, 300'000);
    ++sync_kills;
  }
  REQUIRE(captured_kills + sync_kills >= 200);

  const auto store = open_phone(directory);
  // A record may be durable although the phone died before it could say so: it was captured, and it arrives too.
  Filter all;
  all.limit = 500;
  for (;;) {
    const auto page = store->list(all);
    REQUIRE(page.ok());
    for (const Record& record : *page) told.try_emplace(record.id);
    if (page->size() < 500) break;
    all.before = page->back().id;
  }
  const SyncOutcome outcome = sync_to_the_end(*store);
  CHECK(outcome.end == SyncEnd::all_delivered);
  const Comparison result = compare(platform, told);
  CHECK(result.lost.empty());
  CHECK(result.doubled.empty());
  CHECK(result.foreign.empty());
  CHECK(result.damaged.empty());
  for (const auto& [id, photos] : told) CHECK((*store->get(id))->delivery == Delivery::delivered);
}
