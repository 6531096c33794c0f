// One run of some calls on both disks, step by step, from which every power cut can be made. Thread rule: one thread.
#pragma once

#include "cuts.h"
#include "scenario.h"

namespace julu::crash {

struct Recording {
  struct Mark {
    std::string call;
    std::size_t begin = 0, end = 0;  ///< in the journal
    bool durable = true;
    std::size_t claims = 0;  ///< how many were made until it returned
  };

  Moment start;
  Journal journal;
  std::vector<Mark> marks;
  std::vector<std::size_t> told;  ///< places where a call under way has said that all before it is safe
  std::vector<Claim> claims;
  std::size_t claims_before = 0;  ///< of them: so it was when the recording began
  std::int64_t ended_ms = 0;

  /// From here on everything before it must survive a cut at `step`.
  std::size_t floor(std::size_t step) const;
  std::size_t claims_at(std::size_t step) const;
  /// What holds already when it begins.
  void begin_with(const std::vector<Claim>& before);
  std::string place(std::size_t step) const;
  bool is_boundary(std::size_t step) const;
};

Recording record(const Moment& start, const std::vector<Call>& calls, bool encrypted, std::uint64_t seed);
/// The whole scenario: its preparation unrecorded, then opening, its calls and closing.
Recording record(const Scenario& scenario, bool encrypted, std::uint64_t seed);

}  // namespace julu::crash
