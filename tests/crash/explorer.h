// Cuts a recorded scenario at every step with every fate of what was loose, reopens what is left and judges it: it must
// be, byte for byte of the database, a state that the uncut run went through, and none before what had been promised.
// Thread rule: one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "recording.h"

namespace julu::crash {

struct Tally {
  std::int64_t states = 0;    ///< power cuts tried and judged
  std::int64_t again = 0;     ///< of them: while recovering from another
  std::int64_t examined = 0;  ///< opened as a Store, read whole, checked, and worked on until both sides agree
  std::int64_t violations = 0;
  void add(const Tally& other);
};

struct Settings {
  std::size_t subsets = 256;      ///< of the loose writes at a step; beyond it they are drawn
  std::size_t subsets_again = 8;  ///< the same, while recovering
  std::size_t again_every = 400;  ///< of so many cuts one is cut again while recovering; new contents always
  std::size_t examine_every = 1024;
  std::size_t examine_again_every = 1;  ///< of new contents while recovering
  bool encrypted = false;
  bool fresh_only = false;  ///< only drawn fates: another pass over the same recording
  std::uint64_t seed = 1;
};

/// A number for the whole contents of a disk's databases once it has recovered.
using Digest = std::array<std::uint64_t, 2>;
struct Reopened {
  std::optional<Digest> digest;
  std::string error;
};
Reopened reopen(SimDisk& disk, int subject, bool encrypted);

class Explorer {
 public:
  Explorer(const Scenario& scenario, const Recording& recording, const Settings& settings, std::string before = {});
  void run();
  /// One state alone; what is wrong with it, or nothing. `then_*`: cut again there while recovering. Throws
  /// std::invalid_argument when the recording has no such state.
  std::string replay(std::size_t step, const Fates& fates);
  std::string replay_again(std::size_t step, const Fates& fates, std::size_t then_step, const Fates& then_fates);
  const Tally& tally() const { return tally_; }

 private:
  void move_to(std::size_t step, const Fates& fates);
  void cut_at(std::size_t step);
  std::vector<Fates> fates_at(std::size_t step);
  Fates drawn(std::size_t loose);
  void judge(std::size_t step, const Fates& fates);
  std::string wrong_with(std::size_t step, const SimDisk::Image& image, Digest& digest);
  Digest passed_through(std::size_t step);
  std::vector<Claim> promised_at(std::size_t step) const;
  std::string examine(std::size_t step, const SimDisk::Image& image);
  Moment moment(std::size_t step, const SimDisk::Image& image);
  Recording record_recovery(std::size_t step, const SimDisk::Image& image);
  Digest end_of_call(std::size_t step);
  void cut_again(std::size_t step, const Fates& fates, const SimDisk::Image& image);
  void report(std::size_t step, const Fates& fates, const std::string& wrong);

  const Scenario& scenario_;
  const Recording& recording_;
  Settings settings_;
  std::string before_;  ///< how the cut before this one is named; empty: this is the first
  std::unique_ptr<Random> random_;
  SimDisk probe_;
  Cuts cuts_, kept_, other_;
  std::vector<std::optional<Digest>> history_;
  std::optional<Digest> undone_;  ///< of a second cut: what the call that the first one ended was about to make
  std::set<std::vector<std::uint64_t>> known_;  ///< contents, promises and other side that were examined
  Tally tally_;
};

}  // namespace julu::crash
