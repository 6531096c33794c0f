// Photo intake: from whatever JPEG the camera made to the copy that is sent, with its hash.
// Pure: it is handed bytes and gives bytes. Thread rule: functions are thread-safe, a source and a sink belong to one
// call.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <julu/crypto.h>
#include <julu/result.h>

#include "domain/exif.h"

namespace julu::domain {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// How many bytes were read; 0 at the end.
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
  virtual Result<void> rewind() = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Result<void> write(std::span<const std::uint8_t> bytes) = 0;
};

struct PhotoPolicy {
  int long_edge_px = 1920;
  int quality = 82;
};

struct PhotoFacts {
  Hash original_sha256{};
  std::int64_t original_bytes = 0;
  Hash sha256{};  ///< of the bytes written to the sink
  std::int64_t length_bytes = 0;
  int width = 0;
  int height = 0;
  bool reencoded = false;
  std::optional<std::int64_t> taken_at_ms;
  std::optional<Place> place;
};

/// Hashes the original, checks it and writes the copy that is sent: upright, without metadata, within the policy.
/// Errors: photo_empty, photo_format, photo_damaged, photo_too_large, and those of source and sink.
Result<PhotoFacts> take_in(ByteSource& source, const PhotoPolicy& policy, ByteSink& sink);

inline constexpr int kThumbnailEdge = 320;  // px: twice a list row on a dense screen

/// A JPEG of at most limits::thumbnail_bytes_max, long edge at most kThumbnailEdge. Errors: as take_in.
Result<std::vector<std::uint8_t>> thumbnail(ByteSource& source);

}  // namespace julu::domain
