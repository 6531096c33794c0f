// How a phone's app begins, ends, sleeps and becomes another device.
#include <julu/outbox.h>

#include "phone.h"
#include "store/core.h"

namespace julu::sim {
namespace {

using Stop = test::SimDisk::Stop;

}  // namespace

bool Phone::open() {
  if (gone) return false;
  for (int attempt = 0; attempt < 4; ++attempt) {
    if (world.strikes(Fault::kill))
      disk.stop_at(disk.steps() + 1 + static_cast<std::int64_t>(world.below(12)), Stop::kill);
    auto opened = Store::open(options());
    if (opened) {
      store_ = std::move(*opened);
      store_->observe([this] { ++wakes_; });
      syncer_ = std::make_unique<Syncer>(*store_, network);
      world.note(number, "open");
      note_salvage();
      ++calls_;
      after_call();
      if (store_ != nullptr) return true;
      continue;
    }
    if (disk.stopped()) {
      ++world.tally.kills;
      disk.kill();
      continue;
    }
    disk.stop_at(-1, Stop::none);
    const ErrorCode code = opened.error().code;
    const std::string& field = opened.error().field;
    gone = unsound && code == ErrorCode::store_corrupt && (field == "identity" || field == "device_key");
    if (gone) {
      moved = false;
      world.note(number, "beyond salvage");
      return false;
    }
    const bool of_the_disk = code == ErrorCode::disk_full || code == ErrorCode::io;
    if (!of_the_disk || world.calm()) {
      world.violate("a store opens after a crash", std::string(julu::name(code)) + " " + opened.error().detail);
    }
    open_later();
    return false;
  }
  return false;
}

void Phone::restart() {
  restart_ = false;
  world.note(number, "restarted");
  close();
  open();
}

void Phone::close() {
  network.forget_waits();
  asleep_ = false;
  syncer_.reset();
  beside.reset();
  store_.reset();
}

void Phone::die(Stop how) {
  if (calls_ > 0) {
    disk.stop_at(disk.steps() + 1, how);
    return;
  }
  if (store_ == nullptr) return;
  world.note(number, how == Stop::power_cut ? "power cut" : "killed");
  if (how == Stop::power_cut) {
    ++world.tally.cuts;
    disk.cut_power(world.random());
    clock.boots += 1;
    clock.booted_ms = world.now_ms() - 500;
  } else {
    ++world.tally.kills;
    disk.kill();
  }
  close();
  if (!world.calm()) {
    const auto pause = static_cast<std::int64_t>(world.below(2 * kHourMs));
    world.at(world.now_ms() + pause, [this] {
      if (store_ == nullptr) open();
    });
  }
}

// By a new activation code the same store goes on as another device, as `enrol` has it where there is no VFS.
void Phone::enrol_anew() {
  if (!is_at_hand() || world.server.down()) return;
  // A code that was used before a restore is of no use after it.
  if (!new_device_ || new_device_restores_ != world.server.restores()) new_device_ = world.server.new_device(worker);
  new_device_restores_ = world.server.restores();
  arm();
  const Result<void> became = [&]() -> Result<void> {
    Outbox outbox(*store_);
    JULU_CHECK(outbox.acquire_lease());
    JULU_CHECK(outbox.become_by_code(new_device_->identity, new_device_->key, ""));
    outbox.release_lease();
    return {};
  }();
  heed(became);
  coded = true;  // a disk that failed, or the death of the process, may have come after the commit
  world.note(number, became ? "enrolled anew" : "not enrolled anew " + std::string(julu::name(became.error().code)));
  // Of a commit that the disk failed, or in which the process died, nobody knows whether it comes again.
  coded = coded || became || disk.stopped() || became.error().code == ErrorCode::io ||
          became.error().code == ErrorCode::disk_full;
  if (became) {
    new_device_.reset();
    network.forget_waits();
  } else if (!disk.stopped()) {
    const ErrorCode code = became.error().code;
    const bool expected =
        code == ErrorCode::io || code == ErrorCode::disk_full || (code == ErrorCode::sync_in_progress && calls_ > 1);
    if (!expected && !(unsound && code == ErrorCode::store_corrupt))
      world.violate("a worker enrols anew", std::string(julu::name(code)) + " " + became.error().detail);
  }
  after_call();
}

void Phone::nap() {
  if (!is_at_hand()) return;
  beside.reset();
  asleep_ = slept_ = true;
  const auto let_go = store_->suspend();
  world.note(number, let_go ? "asleep" : "not asleep");
  world.at(world.now_ms() + static_cast<std::int64_t>(whims->below(2 * kHourMs)), [this] { wake(); });
}

void Phone::wake() {
  if (store_ == nullptr || !asleep_) return;
  if (calls_ > 0) {  // the sync that it broke off has not come to its end yet
    world.at(world.now_ms() + 1000, [this] { wake(); });
    return;
  }
  asleep_ = false;
  arm();
  const auto awake = store_->resume(store_key());
  heed(awake);
  world.note(number, awake ? "awake" : "not awake");
  const bool of_the_disk =
      !awake && (awake.error().code == ErrorCode::io || awake.error().code == ErrorCode::disk_full);
  if (!awake && !of_the_disk && !disk.stopped() && !unsound)
    world.violate("a store wakes up", std::string(julu::name(awake.error().code)));
  const bool again = !awake && !disk.stopped() && !restart_;
  after_call();
  if (again) restart();
}

}  // namespace julu::sim
