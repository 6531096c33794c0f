// The three things that a report needs of a photo's EXIF: how to hold it, when and where it was taken. Everything else
// is dropped unread. Bounded: never reads past its span, visits each directory once. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace julu::domain {

/// WGS-84, degrees × 10^7.
struct Place {
  std::int32_t lat_e7 = 0;
  std::int32_t lng_e7 = 0;
};

struct Exif {
  int orientation = 1;  ///< 1 … 8, TIFF 6.0
  /// UTC. Cameras write local time; without an offset beside it, it is China's, UTC+08:00.
  std::optional<std::int64_t> taken_at_ms;
  std::optional<Place> place;
};

/// `segment` is the payload of an APP1 segment. What cannot be read is left as if it were not there.
Exif read_exif(std::span<const std::uint8_t> segment);

}  // namespace julu::domain
