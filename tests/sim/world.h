// A county in one thread and in virtual time: phones with the real store and the real Syncer, the real platform logic,
// a network and disks that fail as the plan says. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plan.h"
#include "server.h"
#include "trace.h"
#include "versions.h"
#include "words.h"

namespace julu::sim {

inline constexpr std::int64_t kHourMs = 3'600'000;

class Phone;

struct Violation {
  std::string invariant;
  std::string detail;
};

struct Tally {
  std::int64_t device_days = 0, captures = 0, photos = 0, syncs = 0, requests = 0, cuts = 0, kills = 0, ops = 0,
               looks = 0;
  std::map<std::string, std::int64_t> faults;
  void add(const Tally& other);
};

class World {
 public:
  World(const Plan& plan, Trace& trace);
  ~World();

  /// The whole seed: work under faults, then calm, then what must be true.
  std::optional<Violation> run();

  // For phones, network and server.
  std::int64_t now_ms() const { return now_ms_; }
  void advance(std::int64_t ms);
  void at(std::int64_t time_ms, std::function<void()> event);
  /// True as often as the plan says, never once the faults have stopped; counted.
  bool strikes(Fault fault);
  /// The same of faults that came later, by a stream of their own, so that they change no other draw.
  bool befalls(Fault fault);
  Random& upsets() { return *upsets_; }
  std::uint64_t below(std::uint64_t bound) { return random_->below(bound); }
  Random& random() { return *random_; }
  void note(int phone, const std::string& event) { trace_.add(now_ms_, phone, event); }
  void violate(const std::string& invariant, const std::string& detail);
  bool calm() const { return calm_; }
  const Plan& plan() const { return plan_; }
  const std::vector<std::unique_ptr<Phone>>& phones() const { return phones_; }

  Server server;
  Versions versions{*this};
  Words words;                     ///< of every call that was made
  std::set<std::string> late_ops;  ///< of requests of which a copy came when nobody waited for it any more
  std::set<std::string> removals;  ///< records that somebody wanted away
  Tally tally;

 private:
  void work();
  void settle_down();
  void plan_day(Phone& phone, std::int64_t day_ms);
  void plan_deeds(Phone& phone, std::int64_t day_ms);
  void plan_platform(std::int64_t day_ms);
  void plan_upsets(std::int64_t day_ms);
  bool strikes_often(Fault fault);
  void clone_one();
  void revoke(Phone& phone, bool revoked);
  bool all_quiet();
  int most_items();

  const Plan& plan_;
  Trace& trace_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<Random> upsets_;
  std::int64_t now_ms_;
  int depth_ = 0;
  bool calm_ = false;
  std::multimap<std::int64_t, std::function<void()>> events_;
  std::vector<std::unique_ptr<Phone>> phones_;
  std::optional<Violation> violation_;
};

/// What must be true once the faults have stopped and everybody has synced; see tests/README.md.
void check_world(World& world);
/// What a phone at rest holds of its disk and, until it is closed here, of memory.
void check_bounds(World& world, Phone& phone);
/// When the faults stop, before anything is sent again: what is parked has earned it, what was made again is there
/// once.
void check_at_calm(World& world, const Phone& phone);
/// What the county's versions look like on this phone, as far as they changed since the last look.
void note_versions(World& world, Phone& phone);
/// The screens ask again for what has changed.
void follow_changes(Phone& phone);
/// At rest they show what a new look at everything shows.
void check_screens(World& world, Phone& phone);
/// Each op and each photo that is to go is due, or has a time that is near enough; see tests/README.md.
void check_attempts(World& world, Phone& phone);
/// Another process looks into a phone's file while this one is in the middle of a call: all of a capture is there or
/// nothing.
void look_from_beside(World& world, Phone& phone);
/// Before a phone's file is damaged: what it may no longer be able to show.
void keep_ops_at_risk(World& world, Phone& phone);
/// The operations that still wait on a phone, with their reasons.
std::string left_on(const World& world, const Phone& phone);

}  // namespace julu::sim
