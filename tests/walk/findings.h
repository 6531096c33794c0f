// What a seed has broken so far, and the line a step where somebody wants to read along. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <iostream>
#include <string>

#include <julu/result.h>

namespace julu::walk {

class Findings {
 public:
  Findings(std::uint64_t seed, bool traced) : seed_(seed), traced_(traced) {}

  void violate(const std::string& what) {
    ++count_;
    std::cout << "seed " << seed_ << ": " << what << '\n';
  }

  template <class... Parts>
  void trace(const Parts&... parts) const {
    if (!traced_) return;
    ((std::cout << parts << ' '), ...);
    std::cout << '\n';
  }

  /// An error is one that the rules of the call allow, or a violation.
  template <class Outcome>
  void look(const std::string& call, const Outcome& outcome) {
    if (!outcome.ok()) look_at_error(call, outcome.error());
  }

  int count() const { return count_; }

 private:
  void look_at_error(const std::string& call, const Error& error) {
    const std::string what = call + " " + std::string(name(error.code)) + " " + error.field + " " + error.detail;
    trace(" refused:", what);
    switch (error.code) {
      case ErrorCode::record_deleted:
      case ErrorCode::record_unknown:
      case ErrorCode::step_not_allowed:
      case ErrorCode::field_invalid:
      case ErrorCode::field_missing:
      case ErrorCode::field_too_long: return;
      default: violate(what);
    }
  }

  std::uint64_t seed_;
  bool traced_;
  int count_ = 0;
};

}  // namespace julu::walk
