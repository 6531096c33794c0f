// Walks the structure of a JPEG (ITU-T T.81, annex B) without decoding it: what it is, whether it is whole, and a copy
// without metadata. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <julu/result.h>

#include "domain/exif.h"

namespace julu::domain {

class JpegWalk {
 public:
  /// Takes the next bytes of the file. Kept bytes are appended to `kept` unless it is null.
  Result<void> feed(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>* kept);

  bool whole() const { return state_ == State::done && width > 0 && height > 0 && scanned_; }
  bool dropped_anything() const { return dropped_; }

  int width = 0;
  int height = 0;
  bool several_scans = false;  // progressive, or a baseline picture of one component after another
  Exif exif;

 private:
  enum class State { start, marker, code, length, payload, entropy, entropy_ff, done };

  Result<void> take_code(std::uint8_t code, std::vector<std::uint8_t>* kept);
  Result<void> take_length(std::vector<std::uint8_t>* kept);
  Result<void> end_segment(std::vector<std::uint8_t>* kept);
  void end_app0(std::vector<std::uint8_t>* kept);
  std::size_t take_payload(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>* kept);
  std::size_t take_entropy(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>* kept);

  State state_ = State::start;
  std::uint8_t code_ = 0;
  std::size_t start_seen_ = 0;
  std::vector<std::uint8_t> length_;
  std::size_t payload_left_ = 0;
  bool keep_segment_ = true;
  bool collect_segment_ = false;
  int components_ = 0;
  bool scanned_ = false;
  bool dropped_ = false;
  bool exif_seen_ = false;
  std::vector<std::uint8_t> segment_;  // of a header, JFIF or EXIF, at most 64 KB by the format
};

}  // namespace julu::domain
