// One phone and the county's platform, each on a disk of its own, without faults: what a scenario acts on. Thread rule:
// one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <julu/inbox.h>
#include <julu/outbox.h>
#include <julu/store.h>
#include <julu/syncer.h>

#include "clocks.h"
#include "server.h"
#include "sim_disk.h"

namespace julu::crash {

using test::SimDisk;

inline constexpr int kPhone = 0;  ///< numbers of the disks in a journal
inline constexpr int kPlatform = 1;
inline constexpr int kWorker = 1;  ///< the phone's; 2 shares his grid, 0 leads it
inline constexpr const char* kStoreFile = "phone/julu.db";
inline constexpr const char* kWithPhoto = "（附照片）";  ///< ends the text of a report that was given with some

/// What was said to be so; `wrong` tells what is not, and nothing when all is.
struct Claim {
  std::string what;
  std::function<std::string(Store&)> wrong;
};

/// Both disks at one moment, and what the phone's worker had been told until then.
struct Moment {
  SimDisk::Image phone, platform;
  std::int64_t clock_ms = 0;                 ///< since the start
  std::map<std::string, std::string> names;  ///< a scenario's own words for ids
};

class Site {
 public:
  Site(const Moment& start, bool encrypted, std::uint64_t seed);
  ~Site();

  void open();
  void close();
  /// Opens; where upkeep finds the file damaged, once more: then it was set aside.
  void open_sound();
  bool is_open() const { return store_ != nullptr; }
  Store& store() { return *store_; }
  juhaoban::Platform& county();
  Store::Options options();
  /// As killed processes leave it.
  Moment moment();

  // What a worker does; each leaves its claim. They throw when the call fails.
  std::string report(const std::string& text, const std::vector<int>& photos = {}, const std::string& id = {});
  std::string household(const std::string& text);
  void patch(const std::string& id, const std::string& body, const std::vector<int>& photos = {});
  void act(const std::string& id, const std::string& action, const std::vector<int>& photos = {});
  void remove(const std::string& id);
  SyncOutcome sync();
  /// Until nothing is left; throws when something stays.
  void sync_to_the_end();
  /// Another worker's phone does something and syncs, beside this one. Nothing of it is cut.
  void beside(int worker, const std::function<void(Site&)>& work);
  std::string photo(int number);

  test::ManualClock clock;
  std::unique_ptr<Random> random;
  SimDisk phone, platform;
  std::vector<Claim> claims;
  std::map<std::string, std::string> names;
  std::function<void()> told;  ///< the Syncer has said that something is delivered
  std::optional<sim::StraightTransport> way;

 private:
  Site(Site& county_of, int worker);
  void claim_record(const std::string& id, const std::string& text, const std::vector<std::string>& photos);

  bool encrypted_;
  std::unique_ptr<juhaoban::Platform> own_platform_;
  juhaoban::Platform* platform_ = nullptr;
  std::unique_ptr<Store> store_;
};

/// The template's enrolled phone and platform, nothing done yet.
Moment beginning(bool encrypted);

/// Throws std::runtime_error that names the call when the result is an error.
void need(const Result<void>& result, const char* what);
template <class T>
T need(Result<T> result, const char* what) {
  if (!result) need(Result<void>(result.error()), what);
  return std::move(*result);
}

}  // namespace julu::crash
