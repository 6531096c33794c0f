// A disk that does not read, once or ever again, and one without room, when the file on it is damaged or looks so.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/limits.h>

#include "county.h"
#include "jpeg.h"
#include "sim_disk.h"
#include "store/core.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

/// A phone on a disk in memory with a report, its photo and 20 households, all on the file and not sent.
struct Phone {
  Phone() {
    const auto store = open();
    const PhotoInput photo{county.folder.write("p.jpg", make_jpeg_of_about(30'000, 1)), "near"};
    REQUIRE(store->capture({"incident", R"({"category":"drainage","text":"堵"})", {photo}, {}}).ok());
    for (int i = 0; i < 20; ++i)
      REQUIRE(store->capture({"household", R"({"address":"村东头1号","head_name":"王五"})", {}, {}}).ok());
    REQUIRE(store->maintain(std::chrono::seconds(10)).ok());
  }

  std::unique_ptr<Store> open() const { return Store::open(options).value(); }
  std::string file() const { return store::database_path(options.directory, 1); }
  bool is_marked() const { return store::file_exists(store::damage_mark(file()), options.vfs); }
  /// Where a table begins.
  std::int64_t page_of(const char* table) const {
    const auto db = store::open_database(options, 1, store::Opening::there).value();
    return (db->integer("SELECT rootpage FROM sqlite_schema WHERE name = ?1", table).value().value() - 1) * kPage;
  }
  std::int64_t ballast() const {
    const auto found = disk.image().find(options.directory + "/ballast");
    return found == disk.image().end() ? -1 : static_cast<std::int64_t>(found->second.bytes.size());
  }

  County county;
  SimDisk disk{*county.random};
  Store::Options options = county.enrolled(disk.vfs());
};

}  // namespace

TEST_CASE("a page that the disk never gives again is damage: what stands on the others is saved") {
  Phone phone;
  const std::string table = GENERATE("chunk", "record", "history", "attachment");
  CAPTURE(table);
  phone.disk.wear_out(phone.file(), phone.page_of(table.c_str()));
  phone.county.clock.reboot("boot-2");
  const auto found = phone.open()->maintain({});
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().code == ErrorCode::store_corrupt);
  CHECK(phone.is_marked());
  const auto store = phone.open();
  CHECK(store->status()->salvage->photos_lost == (table == "chunk" ? 1 : 0));
  CHECK(store->status()->salvage->ops_unreadable == 0);
  CHECK(store->list({})->size() == 21);
  REQUIRE(store->maintain({}).ok());
}

TEST_CASE("a search whose page cannot be read once sets no file aside") {
  Phone phone;
  for (int i = 0; i < 200; ++i) {
    const std::string body = R"({"address":"村西头)" + std::to_string(i * 7919) + R"(号"})";
    REQUIRE(phone.open()->capture({"household", body, {}, {}}).ok());
  }
  int refused = 0;
  for (std::int64_t good = 0; good < 60; ++good) {
    CAPTURE(good);
    const auto store = phone.open();
    phone.disk.fail_reads(good, 1);
    const auto found = store->list({.search = "村东"});
    phone.disk.fail_reads(0, 0);
    if (found) continue;
    ++refused;
    CHECK(found.error().code == ErrorCode::io);
    REQUIRE_FALSE(phone.is_marked());
    CHECK(store->list({.search = "村东"})->size() == 20);
  }
  CHECK(refused > 20);
}

TEST_CASE("a page that cannot be read once in the salvage is lost to nobody") {
  Phone phone;
  REQUIRE(store::make_mark(store::damage_mark(phone.file()), phone.options.vfs).ok());
  const SimDisk::Image marked = phone.disk.image();
  const std::int64_t bad = GENERATE(1, 2);
  int refused = 0;
  for (std::int64_t good = 0; good < 400; good += 3) {
    CAPTURE(bad, good);
    phone.disk.restore(marked);
    phone.disk.fail_reads(good, bad);
    auto opened = Store::open(phone.options);
    phone.disk.fail_reads(0, 0);
    if (!opened) {
      ++refused;
      CHECK(opened.error().code == ErrorCode::io);
      opened = Store::open(phone.options);
    }
    REQUIRE(opened.ok());
    const auto status = (*opened)->status();
    CHECK(status->salvage->photos_lost == 0);
    CHECK(status->salvage->ops_unreadable == 0);
    CHECK((*opened)->list({})->size() == 21);
    CHECK(status->unsent_photos == 1);
  }
  CHECK(refused > 0);
}

TEST_CASE("a full disk keeps no damaged file from being set aside while there is ballast") {
  Phone phone;
  REQUIRE(phone.ballast() == limits::ballast_bytes);
  phone.disk.damage(phone.file(), phone.page_of("chunk"), kPage, *phone.county.random);
  phone.county.clock.reboot("boot-2");
  phone.disk.set_capacity(phone.disk.used());
  auto store = phone.open();
  SECTION("with ballast") {
    const auto found = store->maintain({});
    REQUIRE_FALSE(found.ok());
    CHECK(found.error().code == ErrorCode::store_corrupt);
    CHECK(phone.is_marked());
    CHECK(phone.ballast() == 0);
    CHECK(store->status()->low_disk);
    store.reset();
    CHECK(phone.open()->list({})->size() == 21);
  }
  SECTION("without it the disk is what is told, and later it goes on") {
    phone.disk.set_capacity(phone.disk.used() - limits::ballast_bytes);
    for (int times = 0; times < 2; ++times) {
      const auto found = store->maintain({});
      REQUIRE_FALSE(found.ok());
      CHECK(found.error().code == ErrorCode::disk_full);
      CHECK_FALSE(phone.is_marked());
    }
    phone.disk.set_capacity(0);
    CHECK(store->maintain({}).error().code == ErrorCode::store_corrupt);
    CHECK(phone.is_marked());
    store.reset();
    CHECK(phone.open()->list({})->size() == 21);
  }
}
