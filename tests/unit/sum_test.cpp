// Pages of different days in one file, as a disk that lied about its syncs leaves them when the power goes: each is
// sound by itself, and together they are no moment of the store.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include <julu/outbox.h>

#include "county.h"
#include "jpeg.h"
#include "sim_disk.h"
#include "store/core.h"
#include "store/sum.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr std::size_t kPage = 4096;

class Mixed {
 public:
  /// `later` is what happens between the two days.
  explicit Mixed(const std::function<void(Store&, const std::string&)>& later) {
    auto store = county.phone();
    const auto saved = store->capture({"household", R"({"address":"村东头1号","head_name":"王五"})", {}, {}});
    REQUIRE(saved.ok());
    REQUIRE(store->capture({"incident", R"({"category":"drainage","text":"一处"})", {}, {}}).ok());
    REQUIRE(store->maintain(std::chrono::milliseconds(0)).ok());  // no more than the checkpoint
    before = read_file(path());
    later(*store, saved->id);
    REQUIRE(store->maintain(std::chrono::milliseconds(0)).ok());
    store.reset();
    after = read_file(path());
    for (std::size_t at = kPage; at + kPage <= before.size(); at += kPage) {
      if (before.compare(at, kPage, after, at, kPage) != 0) changed.push_back(at);
    }
    REQUIRE(changed.size() >= 2);
  }
  std::string path() const { return county.directory() + "/julu.db"; }
  /// The newer file, with one page as it was.
  void mix(std::size_t page) const {
    std::string bytes = after;
    bytes.replace(page, kPage, before, page, kPage);
    std::filesystem::remove_all(county.directory());
    std::filesystem::create_directories(county.directory());
    std::ofstream(path(), std::ios::binary) << bytes;
  }
  /// Whichever of the changed pages it is.
  void check_found() {
    int boot = 1;
    for (const std::size_t page : changed) {
      INFO("page " << page / kPage + 1 << " of " << after.size() / kPage);
      mix(page);
      county.clock.reboot("boot-" + std::to_string(++boot));
      {
        const auto mixed = Store::open(county.options());
        REQUIRE(mixed.ok());
        const auto looked = page / kPage % 2 == 0 ? Outbox(**mixed).acquire_lease() : (*mixed)->maintain({});
        CHECK(looked.error().code == ErrorCode::store_corrupt);
      }
      const auto store = Store::open(county.options());
      REQUIRE(store.ok());
      CHECK(is_set_aside());
      CHECK((*store)->status()->salvage.has_value());
      CHECK((*store)->capture({"incident", R"({"category":"drainage","text":"还有一处"})", {}, {}}).ok());
    }
  }
  bool is_set_aside() const { return std::filesystem::exists(path() + "-damaged"); }

  County county;
  std::string before, after;
  std::vector<std::size_t> changed;
};

void edit(Store& store, const std::string& household) {
  REQUIRE(store.patch(household, R"({"address":"村西头9号"})").ok());
  REQUIRE(store.capture({"incident", R"({"category":"drainage","text":"又一处"})", {}, {}}).ok());
}

bool fits(store::Connection& db) {
  const auto transaction = store::Transaction::begin(db);
  return transaction.ok() && store::check_sum(db, "another boot").ok();
}

}  // namespace

TEST_CASE("one page older than the others is found with the first sync or upkeep of a boot") {
  Mixed(edit).check_found();
}

TEST_CASE("it is found also where every row is there and every index fits") {
  Mixed([](Store& store, const std::string&) {
    REQUIRE(Outbox(store).note_ping({kEpoch, store.clock().now_ms() + 60'000, 0}).ok());
  }).check_found();
}

TEST_CASE("a store whose process was killed opens in the next boot as it was, and is looked at once") {
  Mixed mixed(edit);
  mixed.county.clock.reboot("boot-2");
  {
    const auto store = mixed.county.open_again();
    REQUIRE(store->maintain({}).ok());
    CHECK_FALSE(mixed.is_set_aside());
    CHECK((*store->list({})).size() == 3);
    REQUIRE(store
                ->capture({"incident",
                           R"({"category":"drainage","text":"还有一处"})",
                           {{mixed.county.folder.write("p.jpg", make_jpeg_of_about(20'000, 7)), "near"}},
                           {}})
                .ok());
  }
  mixed.county.clock.reboot("boot-3");
  const auto again = mixed.county.open_again();
  CHECK(again->maintain({}).ok());
  CHECK((*again->list({})).size() == 4);
  CHECK_FALSE(mixed.is_set_aside());
}

TEST_CASE("where boots have no names, each process looks") {
  Mixed mixed(edit);
  mixed.county.clock.reboot(kUnknownBoot);
  {
    const auto store = mixed.county.open_again();
    REQUIRE(store->maintain({}).ok());
    CHECK(store->capture({"incident", R"({"category":"drainage","text":"三"})", {}, {}}).ok());
  }
  CHECK_FALSE(mixed.is_set_aside());
  mixed.mix(mixed.changed.front());
  CHECK(Store::open(mixed.county.options()).value()->maintain({}).error().code == ErrorCode::store_corrupt);
  CHECK(mixed.is_set_aside());
}

TEST_CASE("what REPLACE takes away leaves the sum") {
  County county;
  REQUIRE(county.phone()->capture({"incident", R"({"category":"drainage","text":"一处"})", {}, {}}).ok());
  const auto db = database_of(county);
  const auto write = [&](const char* sql) {
    auto transaction = store::Transaction::begin(*db);
    REQUIRE(db->run(sql).ok());
    REQUIRE(transaction->commit().ok());
  };
  write("INSERT INTO meta VALUES ('a', 1), ('b', 2)");
  write("UPDATE OR REPLACE meta SET name = 'b' WHERE name = 'a'");
  write("INSERT OR REPLACE INTO meta VALUES ('b', 3)");
  CHECK(fits(*db));
}

TEST_CASE("a statement that fails halfway takes its transaction with it, and the sum stays true") {
  County county;
  REQUIRE(county.phone()->capture({"incident", R"({"category":"drainage","text":"一处"})", {}, {}}).ok());
  const auto db = database_of(county);
  {
    auto transaction = store::Transaction::begin(*db);
    REQUIRE(db->run("INSERT INTO meta VALUES ('a', 1)").ok());
    CHECK_FALSE(db->run("INSERT INTO meta VALUES ('b', 2), ('a', 3)").ok());
    CHECK(transaction->commit().error().code == ErrorCode::internal);
  }
  CHECK(fits(*db));
  auto next = store::Transaction::begin(*db);
  REQUIRE(db->run("INSERT INTO meta VALUES ('a', 1)").ok());
  CHECK(next->commit().ok());
  CHECK(fits(*db));
}

TEST_CASE("a page that cannot be read, once or for a time, is no damaged page") {
  County county;
  SimDisk disk(*county.random);
  Store::Options options = county.enrolled(disk.vfs());
  {
    const auto store = Store::open(options).value();
    for (int i = 0; i < 20; ++i)
      REQUIRE(store->capture({"household", R"({"address":"村东头1号","head_name":"王五"})", {}, {}}).ok());
    REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
  }
  const std::int64_t bad = GENERATE(1, 3, 1'000'000);
  int failed = 0;
  for (std::int64_t good = 0; good < 120; ++good) {
    CAPTURE(bad, good);
    county.clock.reboot("boot-" + std::to_string(good));
    const auto store = Store::open(options).value();
    disk.fail_reads(good, bad);
    const auto looked = store->maintain({});
    disk.fail_reads(0, 0);
    const std::string detail = looked ? "" : looked.error().detail;
    CAPTURE(detail);
    if (!looked) CHECK(looked.error().code == ErrorCode::io);
    failed += looked ? 0 : 1;
    CHECK(store->maintain({}).ok());
    CHECK_FALSE(store::file_exists(store::damage_mark(store::database_path(options.directory, 1)), options.vfs));
  }
  CHECK(failed > (has_cipher() ? 3 : 0));  // SQLite alone reads fewer pages twice
}

TEST_CASE("a store whose file cannot be read for a moment does not take its key for a wrong one") {
  County county;
  SimDisk disk(*county.random);
  const Store::Options options = county.enrolled(disk.vfs());
  REQUIRE(Store::open(options).value()->capture({"incident", R"({"category":"drainage","text":"堵"})", {}, {}}).ok());
  const std::int64_t bad = GENERATE(1, 2, 1'000'000);
  for (std::int64_t good = 0; good < 40; ++good) {
    CAPTURE(bad, good);
    disk.fail_reads(good, bad);
    const auto opened = Store::open(options);
    if (!opened) CHECK(opened.error().code == ErrorCode::io);
    if (opened) {
      REQUIRE((*opened)->suspend().ok());
      disk.fail_reads(good, bad);
      const auto awake = (*opened)->resume(county.key);
      if (!awake) CHECK(awake.error().code == ErrorCode::io);
    }
    disk.fail_reads(0, 0);
    CHECK(Store::open(options).ok());
  }
  Store::Options wrong = options;
  wrong.key[0] ^= 1;
  if (has_cipher()) CHECK(Store::open(wrong).error().code == ErrorCode::store_key);
}
