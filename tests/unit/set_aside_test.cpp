// Two processes on one store. One may find its file damaged: what the other was told is saved is in the next one.
#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <stdexcept>
#include <utility>

#include <julu/enrolment.h>
#include <julu/log.h>

#include "county.h"
#include "sim_disk.h"
#include "store/core.h"

using namespace julu;
using namespace julu::test;

namespace {

/// Does something once when it is asked: in the middle of a capture, where the time evidence is taken, or of a read.
class BusyClock final : public Clock {
 public:
  explicit BusyClock(Clock& clock) : clock_(clock) {}
  std::int64_t now_ms() override {
    if (const auto once = std::exchange(meanwhile_in_read, {})) once();
    return clock_.now_ms();
  }
  std::int64_t monotonic_ms() override {
    if (const auto once = std::exchange(meanwhile, {})) once();
    return clock_.monotonic_ms();
  }
  std::string boot_id() override { return clock_.boot_id(); }
  std::function<void()> meanwhile, meanwhile_in_read;

 private:
  Clock& clock_;
};

Capture report() {
  return {"incident", R"({"category":"drainage","text":"堵"})", {}, "01980000-0000-7000-8000-000000000001"};
}

/// One row is another than the sum of the file says.
std::unique_ptr<store::Connection> spoil(const County& county, const Store::Options& options) {
  store::Connection::Options raw;
  raw.path = store::database_path(options.directory, 1);
  raw.vfs = options.vfs;
  if (options.encrypted) raw.key = county.key;
  auto db = store::Connection::open(raw).value();
  REQUIRE(db->run("UPDATE record SET state = 'older'").ok());
  return db;
}

}  // namespace

TEST_CASE(
    "what is committed to a file that was set aside meanwhile is not called saved, and asked again it is there once") {
  County county;
  county.phone();
  BusyClock clock(county.clock);
  Store::Options options = county.options();
  options.clock = &clock;
  auto store = Store::open(options).value();
  std::unique_ptr<Store> other;
  const auto mark = [&] {
    REQUIRE(store::make_mark(store::damage_mark(store::database_path(county.directory(), 1)), {}).ok());
  };
  SECTION("before the other process has read it") { clock.meanwhile = mark; }
  SECTION("when the other process has read it") {
    clock.meanwhile = [&] {
      mark();
      other = county.open_again();
    };
  }
  const auto saved = store->capture(report());
  REQUIRE_FALSE(saved.ok());
  CHECK(saved.error().code == ErrorCode::store_corrupt);

  store = Store::open(options).value();
  CHECK(store->capture(report()).ok());
  CHECK(store->list({}).value().size() == 1);
  CHECK(store->status()->unsent_ops == 1);
}

TEST_CASE("a read sees all that another process commits meanwhile, or nothing of it") {
  County county;
  county.phone();
  BusyClock clock(county.clock);
  Store::Options options = county.options();
  options.clock = &clock;
  const auto store = Store::open(options).value();
  const auto other = county.open_again();
  clock.meanwhile_in_read = [&] { REQUIRE(other->capture(report()).ok()); };
  const Status before = store->status().value();
  CHECK(before.records == 0);
  CHECK(before.unsent_records == 0);
  CHECK(before.unsent_ops == 0);
  const Status after = store->status().value();
  CHECK(after.records == 1);
  CHECK(after.unsent_ops == 1);
}

TEST_CASE("what the log is told of damage it may ask the store about") {
  County county;
  SimDisk disk(*county.random);
  const Store::Options options = county.enrolled(disk.vfs());
  const auto store = Store::open(options).value();
  REQUIRE(store->capture(report()).ok());
  spoil(county, options);
  std::string told;
  set_log([&](LogLevel, std::string_view line) {
    told += line;
    CHECK(store->get(report().id).ok());
    CHECK(store->capture(report()).error().code == ErrorCode::store_corrupt);
    throw std::runtime_error("nobody's");
  });
  CHECK(store->maintain({}).error().code == ErrorCode::store_corrupt);
  set_log({});
  CHECK(told.starts_with("store damaged: "));
}

TEST_CASE("who waits for the lock while a damaged file is looked at finds the mark when it gets it") {
  County county;
  SimDisk disk(*county.random);
  const Store::Options options = county.enrolled(disk.vfs());
  const auto store = Store::open(options).value();
  const auto other = Store::open(options).value();
  REQUIRE(store->capture(report()).ok());
  const auto db = spoil(county, options);
  REQUIRE(db->script("PRAGMA busy_timeout = 0").ok());

  bool locked = false;
  disk.watch(disk.steps() + 1, [&] { locked = !store::Transaction::begin(*db).ok(); });  // while the mark is made
  CHECK(store->maintain({}).error().code == ErrorCode::store_corrupt);
  CHECK(locked);
  CHECK(other->capture(report()).error().code == ErrorCode::store_corrupt);
}
