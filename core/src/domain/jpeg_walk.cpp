#include "domain/jpeg_walk.h"

#include <algorithm>
#include <cstring>

namespace julu::domain {
namespace {

constexpr std::uint8_t kStartOfImage = 0xD8;
constexpr std::uint8_t kEndOfImage = 0xD9;
constexpr std::uint8_t kStartOfScan = 0xDA;
constexpr std::uint8_t kApp0 = 0xE0;
constexpr std::uint8_t kApp1 = 0xE1;
constexpr std::uint8_t kApp14 = 0xEE;
constexpr std::uint8_t kApp15 = 0xEF;
constexpr std::uint8_t kComment = 0xFE;

bool is_frame(std::uint8_t code) {
  return code >= 0xC0 && code <= 0xCF && code != 0xC4 && code != 0xC8 && code != 0xCC;
}
bool stands_alone(std::uint8_t code) { return code == 0x01 || (code >= 0xD0 && code <= 0xD7); }

// A byte 0xFF of the data themselves, or a restart between them.
bool is_data_after_ff(std::uint8_t code) { return code == 0x00 || (code >= 0xD0 && code <= 0xD7); }

// JFIF says the pixel shape and Adobe's segment the colours: without them the picture looks wrong. The rest tells of
// the phone, the place and the owner. Of APP0 see end_app0.
bool is_metadata(std::uint8_t code) { return code == kComment || (code > kApp0 && code <= kApp15 && code != kApp14); }

constexpr std::size_t kJfifBytes = 14;  // of its payload without a thumbnail (ITU-T T.871)

Error damaged(const char* what) { return Error{ErrorCode::photo_damaged, {}, what}; }

void keep(std::vector<std::uint8_t>* kept, std::span<const std::uint8_t> bytes) {
  if (kept != nullptr) kept->insert(kept->end(), bytes.begin(), bytes.end());
}

}  // namespace

Result<void> JpegWalk::feed(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>* kept) {
  while (!bytes.empty()) {
    std::size_t taken = 1;
    switch (state_) {
      case State::start:
        if (bytes[0] != (start_seen_ == 0 ? 0xFF : kStartOfImage)) return Error{ErrorCode::photo_format, {}, {}};
        keep(kept, bytes.first(1));
        if (++start_seen_ == 2) state_ = State::marker;
        break;
      case State::marker:
        if (bytes[0] != 0xFF) return damaged("no marker");
        state_ = State::code;
        break;
      case State::code:
        if (bytes[0] != 0xFF) JULU_CHECK(take_code(bytes[0], kept));  // any number of fill bytes may stand before it
        break;
      case State::length:
        length_.push_back(bytes[0]);
        if (length_.size() == 2) JULU_CHECK(take_length(kept));
        break;
      case State::payload:
        taken = take_payload(bytes, kept);
        if (payload_left_ == 0) JULU_CHECK(end_segment(kept));
        break;
      case State::entropy: taken = take_entropy(bytes, kept); break;
      case State::entropy_ff:
        if (is_data_after_ff(bytes[0])) {
          const std::uint8_t pair[2] = {0xFF, bytes[0]};
          keep(kept, pair);
          state_ = State::entropy;
        } else if (bytes[0] != 0xFF) {
          JULU_CHECK(take_code(bytes[0], kept));
        }
        break;
      case State::done:  // what stands behind the end is no part of the picture
        dropped_ = true;
        return {};
    }
    bytes = bytes.subspan(taken);
  }
  return {};
}

Result<void> JpegWalk::take_code(std::uint8_t code, std::vector<std::uint8_t>* kept) {
  code_ = code;
  const std::uint8_t marker[2] = {0xFF, code};
  if (code == kEndOfImage) {
    keep(kept, marker);
    state_ = State::done;
    return {};
  }
  if (code == 0x00 || code == kStartOfImage) return damaged("marker");
  if (stands_alone(code)) {
    keep(kept, marker);
    state_ = State::marker;
    return {};
  }
  keep_segment_ = !is_metadata(code) && code != kApp0;
  dropped_ = dropped_ || is_metadata(code);
  collect_segment_ = is_frame(code) || code == kStartOfScan || code == kApp0 || (code == kApp1 && !exif_seen_);
  segment_.clear();
  length_.clear();
  if (keep_segment_) keep(kept, marker);
  state_ = State::length;
  return {};
}

Result<void> JpegWalk::take_length(std::vector<std::uint8_t>* kept) {
  const std::size_t length = static_cast<std::size_t>(length_[0]) << 8 | length_[1];
  if (length < 2) return damaged("segment length");
  if (keep_segment_) keep(kept, length_);
  payload_left_ = length - 2;
  state_ = State::payload;
  return payload_left_ == 0 ? end_segment(kept) : Result<void>();
}

std::size_t JpegWalk::take_payload(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>* kept) {
  const std::size_t taken = std::min(payload_left_, bytes.size());
  const auto part = bytes.first(taken);
  if (keep_segment_) keep(kept, part);
  if (collect_segment_) segment_.insert(segment_.end(), part.begin(), part.end());
  payload_left_ -= taken;
  return taken;
}

// Of JFIF what says the shape of the pixels. A thumbnail in it may show what the picture showed before it was edited,
// and other makers keep data of their own under this marker.
void JpegWalk::end_app0(std::vector<std::uint8_t>* kept) {
  const bool jfif = segment_.size() >= kJfifBytes && std::memcmp(segment_.data(), "JFIF", 5) == 0;
  if (!jfif) {
    dropped_ = true;
    return;
  }
  dropped_ = dropped_ || segment_.size() > kJfifBytes || segment_[12] != 0 || segment_[13] != 0;
  segment_[12] = segment_[13] = 0;
  const std::uint8_t head[4] = {0xFF, kApp0, 0, kJfifBytes + 2};
  keep(kept, head);
  keep(kept, std::span(segment_).first(kJfifBytes));
}

Result<void> JpegWalk::end_segment(std::vector<std::uint8_t>* kept) {
  state_ = State::marker;
  if (is_frame(code_)) {
    if (segment_.size() < 6) return damaged("frame header");
    height = segment_[1] << 8 | segment_[2];
    width = segment_[3] << 8 | segment_[4];
    if (width == 0 || height == 0) return damaged("no size");
    components_ = segment_[5];
    several_scans = code_ == 0xC2 || code_ == 0xC6 || code_ == 0xCA || code_ == 0xCE;
  } else if (code_ == kApp1 && collect_segment_ && segment_.size() >= 6 &&
             std::memcmp(segment_.data(), "Exif\0", 5) == 0) {
    exif = read_exif(segment_);
    exif_seen_ = true;
  } else if (code_ == kApp0) {
    end_app0(kept);
  } else if (code_ == kStartOfScan) {
    if (width == 0 || segment_.empty()) return damaged("scan before frame");
    several_scans = several_scans || segment_[0] < components_;
    scanned_ = true;
    state_ = State::entropy;
  }
  return {};
}

// As far as the picture's data go, and the 0xFF of what is no data any more or stands at the end of the bytes.
std::size_t JpegWalk::take_entropy(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>* kept) {
  std::size_t size = 0;
  for (;;) {
    const void* found = std::memchr(bytes.data() + size, 0xFF, bytes.size() - size);
    if (found == nullptr) {
      keep(kept, bytes);
      return bytes.size();
    }
    size = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
    if (size + 1 == bytes.size() || !is_data_after_ff(bytes[size + 1])) break;
    size += 2;
  }
  keep(kept, bytes.first(size));
  state_ = State::entropy_ff;
  return size + 1;
}

}  // namespace julu::domain
