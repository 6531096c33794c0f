// A clock that moves only when a test says so. Thread rule: thread-safe.
#pragma once

#include <atomic>
#include <string>

#include <julu/clock.h>

namespace julu::test {

class ManualClock final : public Clock {
 public:
  std::int64_t now_ms() override { return now_; }
  std::int64_t monotonic_ms() override { return monotonic_; }
  std::string boot_id() override { return boot_id_; }

  void advance(std::int64_t ms) {
    now_ += ms;
    monotonic_ += ms;
  }
  void set_wall(std::int64_t ms) { now_ = ms; }
  void reboot(std::string boot_id) {
    boot_id_ = std::move(boot_id);
    monotonic_ = 1000;
  }

 private:
  std::atomic<std::int64_t> now_ = 1'795'500'000'000;  // 2026-11-24
  std::atomic<std::int64_t> monotonic_ = 5'000;
  std::string boot_id_ = "boot-1";
};

}  // namespace julu::test
