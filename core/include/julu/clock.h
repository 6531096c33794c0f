// Time as the engine sees it, injected so that tests and the simulator own it. Thread rule: implementations are
// thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace julu {

/// Where the machine's boots have no names.
inline constexpr const char* kUnknownBoot = "unknown";

class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall clock, UTC milliseconds since 1970. May be wrong and may jump.
  virtual std::int64_t now_ms() = 0;
  /// Milliseconds since boot, sleep included. Never goes back within one boot.
  virtual std::int64_t monotonic_ms() = 0;
  /// Names this boot of the machine; another value means that monotonic_ms started anew.
  virtual std::string boot_id() = 0;
};

/// The machine's own clock; lives for ever.
Clock& system_clock();

}  // namespace julu
