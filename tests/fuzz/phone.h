// A small store as a phone has it, on a disk in memory, made once: each input begins with a copy. Thread rule: one
// thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <julu/store.h>

#include "county.h"
#include "sim_disk.h"

namespace julu::fuzz {

/// A clock on which each look takes a millisecond, so that whatever waits for a time comes to it.
class TickingClock final : public Clock {
 public:
  std::int64_t now_ms() override { return 1'795'500'000'000; }  // 2026-11-24
  std::int64_t monotonic_ms() override { return ++looks_; }
  std::string boot_id() override { return "boot-1"; }

 private:
  std::int64_t looks_ = 0;
};

class Phone {
 public:
  static Phone& instance();

  /// The store file as it was made.
  const std::string& file() const { return file_; }
  /// Puts this on the disk in its place.
  void lay(std::string file);
  Result<std::unique_ptr<Store>> open();

  std::vector<std::string> records;  ///< ids: an incident with a photo, two households, one that came by pull
  std::string photo;                 ///< SHA-256
  test::County county;

 private:
  Phone();
  void fill(Store& store);
  Store::Options options();

  TickingClock clock_;
  std::unique_ptr<Random> disk_random_;
  test::SimDisk disk_;
  std::string file_;
};

/// Asks a store all that a shell and a Syncer ask, captures and edits; `judge` hears of every error.
void ask_all(Store& store, const Phone& phone, void (*judge)(const Error&));

}  // namespace julu::fuzz
