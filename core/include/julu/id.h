// UUIDv7 (RFC 9562): ids that sort by the time they were made, so that new rows land together in the store.
// Thread rule: plain values; make_id is thread-safe when its clock and random are.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <julu/clock.h>
#include <julu/random.h>

namespace julu {

struct Id {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Id&) const = default;
  /// 36 characters, lower case.
  std::string text() const;
  bool is_nil() const { return *this == Id{}; }
  int version() const { return bytes[6] >> 4; }
};

/// Accepts the 36-character form in either case; nothing else.
std::optional<Id> parse_id(std::string_view text);

Id make_id(Clock& clock, Random& random);

}  // namespace julu
