#include "domain/exif.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string_view>

#include <julu/limits.h>

namespace julu::domain {
namespace {

constexpr std::int64_t kChinaOffsetMs = 8LL * 3600 * 1000;

constexpr std::uint16_t kOrientation = 0x0112;
constexpr std::uint16_t kExifDirectory = 0x8769;
constexpr std::uint16_t kGpsDirectory = 0x8825;
constexpr std::uint16_t kTakenAt = 0x9003;
constexpr std::uint16_t kTakenOffset = 0x9011;

// Reads numbers of either byte order; anything outside the bytes is absent.
class Tiff {
 public:
  explicit Tiff(std::span<const std::uint8_t> bytes) : bytes_(bytes) {
    if (bytes.size() < 8) return;
    if (bytes[0] == 'I' && bytes[1] == 'I') {
      valid_ = true;
    } else if (bytes[0] == 'M' && bytes[1] == 'M') {
      valid_ = big_ = true;
    }
    valid_ = valid_ && u16(2) == 42;
  }

  bool valid() const { return valid_; }

  std::optional<std::uint16_t> u16(std::size_t at) const {
    if (at > bytes_.size() || bytes_.size() - at < 2) return std::nullopt;
    const unsigned a = bytes_[at];
    const unsigned b = bytes_[at + 1];
    return static_cast<std::uint16_t>(big_ ? a << 8 | b : b << 8 | a);
  }

  std::optional<std::uint32_t> u32(std::size_t at) const {
    const auto a = u16(at);
    const auto b = u16(at + 2);
    if (!a || !b) return std::nullopt;
    return big_ ? std::uint32_t{*a} << 16 | *b : std::uint32_t{*b} << 16 | *a;
  }

  std::string_view text(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || bytes_.size() - at < size) return {};
    return {reinterpret_cast<const char*>(bytes_.data() + at), size};
  }

 private:
  std::span<const std::uint8_t> bytes_;
  bool valid_ = false;
  bool big_ = false;
};

struct Entry {
  std::uint16_t tag = 0;
  std::uint16_t type = 0;
  std::uint32_t count = 0;
  std::size_t value = 0;  ///< where the value stands, in the entry or behind its offset
};

std::size_t size_of(std::uint16_t type) {
  constexpr std::array<std::size_t, 13> kSizes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};
  return type < kSizes.size() ? kSizes[type] : 0;
}

template <class Visit>
void for_each_entry(const Tiff& tiff, std::size_t directory, Visit&& visit) {
  const auto count = tiff.u16(directory);
  if (!count) return;
  for (std::size_t i = 0; i < std::min<std::size_t>(*count, limits::exif_entries_max); ++i) {
    const std::size_t at = directory + 2 + 12 * i;
    const auto tag = tiff.u16(at);
    const auto type = tiff.u16(at + 2);
    const auto values = tiff.u32(at + 4);
    const auto offset = tiff.u32(at + 8);
    if (!tag || !type || !values || !offset) return;
    const std::uint64_t bytes = std::uint64_t{*values} * size_of(*type);
    visit(Entry{*tag, *type, *values, bytes <= 4 ? at + 8 : std::size_t{*offset}});
  }
}

std::optional<int> digits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// "2026:11:24 09:12:30"
std::optional<std::int64_t> local_ms(std::string_view text) {
  if (text.size() < 19) return std::nullopt;
  const auto year = digits(text.substr(0, 4));
  const auto month = digits(text.substr(5, 2));
  const auto day = digits(text.substr(8, 2));
  const auto hour = digits(text.substr(11, 2));
  const auto minute = digits(text.substr(14, 2));
  const auto second = digits(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((std::int64_t{days} * 24 + *hour) * 60 + *minute) * 60'000 + *second * 1000;
}

// "+08:00"
std::int64_t offset_ms(std::string_view text) {
  if (text.size() < 6 || (text[0] != '+' && text[0] != '-')) return kChinaOffsetMs;
  const auto hours = digits(text.substr(1, 2));
  const auto minutes = digits(text.substr(4, 2));
  if (!hours || !minutes || *hours > 14 || *minutes > 59) return kChinaOffsetMs;
  const std::int64_t ms = (std::int64_t{*hours} * 60 + *minutes) * 60'000;
  return text[0] == '-' ? -ms : ms;
}

void read_exif_directory(const Tiff& tiff, std::size_t directory, Exif& exif) {
  std::optional<std::int64_t> local;
  std::int64_t offset = kChinaOffsetMs;
  for_each_entry(tiff, directory, [&](const Entry& entry) {
    if (entry.type != 2) return;
    if (entry.tag == kTakenAt) local = local_ms(tiff.text(entry.value, 19));
    if (entry.tag == kTakenOffset) offset = offset_ms(tiff.text(entry.value, 6));
  });
  if (local) exif.taken_at_ms = *local - offset;
}

// Degrees, minutes and seconds as three rationals.
std::optional<double> degrees(const Tiff& tiff, const Entry& entry) {
  if (entry.type != 5 || entry.count != 3) return std::nullopt;
  double value = 0;
  double unit = 1;
  for (std::size_t i = 0; i < 3; ++i, unit /= 60) {
    const auto above = tiff.u32(entry.value + 8 * i);
    const auto below = tiff.u32(entry.value + 8 * i + 4);
    if (!above || !below || *below == 0) return std::nullopt;
    value += unit * *above / *below;
  }
  return value;
}

void read_gps_directory(const Tiff& tiff, std::size_t directory, Exif& exif) {
  std::optional<double> lat;
  std::optional<double> lng;
  bool south = false;
  bool west = false;
  for_each_entry(tiff, directory, [&](const Entry& entry) {
    if (entry.tag == 1) south = tiff.text(entry.value, 1) == "S";
    if (entry.tag == 2) lat = degrees(tiff, entry);
    if (entry.tag == 3) west = tiff.text(entry.value, 1) == "W";
    if (entry.tag == 4) lng = degrees(tiff, entry);
  });
  if (!lat || !lng || *lat > 90 || *lng > 180 || (*lat == 0 && *lng == 0)) return;
  exif.place = Place{static_cast<std::int32_t>(std::lround((south ? -*lat : *lat) * 1e7)),
                     static_cast<std::int32_t>(std::lround((west ? -*lng : *lng) * 1e7))};
}

}  // namespace

Exif read_exif(std::span<const std::uint8_t> segment) {
  Exif exif;
  constexpr std::string_view kName("Exif\0\0", 6);
  if (segment.size() < kName.size() || std::memcmp(segment.data(), kName.data(), kName.size()) != 0) return exif;
  const Tiff tiff(segment.subspan(kName.size()));
  const auto first = tiff.u32(4);
  if (!tiff.valid() || !first) return exif;
  std::size_t exif_directory = 0;  // 0: none; the header stands there
  std::size_t gps_directory = 0;
  for_each_entry(tiff, *first, [&](const Entry& entry) {
    if (entry.tag == kOrientation && entry.type == 3) {
      const auto value = tiff.u16(entry.value);
      if (value && *value >= 1 && *value <= 8) exif.orientation = *value;
    }
    if (entry.tag == kExifDirectory) exif_directory = tiff.u32(entry.value).value_or(0);
    if (entry.tag == kGpsDirectory) gps_directory = tiff.u32(entry.value).value_or(0);
  });
  if (exif_directory != 0) read_exif_directory(tiff, exif_directory, exif);
  if (gps_directory != 0) read_gps_directory(tiff, gps_directory, exif);
  return exif;
}

}  // namespace julu::domain
