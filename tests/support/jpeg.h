// Real JPEG files for tests, the same bytes for the same wish. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace julu::test {

struct JpegSpec {
  int width = 640;
  int height = 480;
  int quality = 85;
  std::uint64_t seed = 1;
  int orientation = 0;  ///< EXIF orientation; 0: no EXIF for it
  bool gps = false;     ///< EXIF with 37.22° N, 115.035° E and 2026-11-24 09:12:30
  bool progressive = false;
  bool components_apart = false;  ///< baseline, a scan for each component
  bool noise = false;             ///< noise compresses badly: for large files
};

/// The left upper quarter is red, the right upper green, the left lower blue, the right lower white (without noise).
std::string make_jpeg(const JpegSpec& spec);

/// A JPEG of at most 1920 px that has about so many bytes (within a fifth).
std::string make_jpeg_of_about(std::size_t bytes, std::uint64_t seed);

}  // namespace julu::test
