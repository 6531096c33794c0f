#include "console.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <iterator>

#include <fmt/format.h>
#include <unistd.h>

namespace julu::desk {
namespace {

struct Range {
  char32_t first, last;
};

// Unicode TR11: W and F, the blocks that occur in Chinese text and emoji.
constexpr Range kWide[] = {
    {0x1100, 0x115F}, {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE4F},   {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};
constexpr Range kNone[] = {{0x0300, 0x036F}, {0x200B, 0x200F}, {0x202A, 0x202E},
                           {0x2060, 0x2069}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}};

bool within(char32_t c, const Range* begin, const Range* end) {
  return std::any_of(begin, end, [c](const Range& r) { return c >= r.first && c <= r.last; });
}

int columns(char32_t c) {
  if (within(c, std::begin(kNone), std::end(kNone))) return 0;
  return within(c, std::begin(kWide), std::end(kWide)) ? 2 : 1;
}

// The next character and its length in bytes; a broken byte stands for itself.
char32_t next_character(std::string_view text, std::size_t& length) {
  const auto lead = static_cast<unsigned char>(text[0]);
  length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (length == 1 || length > text.size()) {
    length = 1;
    return lead;
  }
  auto c = static_cast<char32_t>(lead & (0x7F >> length));
  for (std::size_t i = 1; i < length; ++i) c = (c << 6) | (static_cast<unsigned char>(text[i]) & 0x3F);
  return c;
}

std::tm county_time(std::int64_t utc_ms) {
  // No daylight-saving time in China, so the offset is a constant.
  const auto seconds = static_cast<std::time_t>(utc_ms / 1000 + 8 * 3600);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

}  // namespace

int width(std::string_view text) {
  int sum = 0;
  while (!text.empty()) {
    std::size_t length = 0;
    sum += columns(next_character(text, length));
    text.remove_prefix(length);
  }
  return sum;
}

std::string padded(std::string_view text, int columns_wanted) {
  std::string out(text);
  const int missing = columns_wanted - width(text);
  if (missing > 0) out.append(static_cast<std::size_t>(missing), ' ');
  return out;
}

std::string fitted(std::string_view text, int columns_max) {
  std::string out;
  int sum = 0;
  const bool cut = width(text) > columns_max;
  const int room = cut ? columns_max - 1 : columns_max;
  while (!text.empty()) {
    std::size_t length = 0;
    const char32_t c = next_character(text, length);
    const int wide = columns(c);
    if (sum + wide > room) break;
    const bool unprintable = c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E);
    if (unprintable) {
      out += ' ';
    } else {
      out.append(text.substr(0, length));
    }
    sum += wide;
    text.remove_prefix(length);
  }
  return cut ? out + "…" : out;
}

std::string Table::text(int columns_max) const {
  std::vector<int> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], std::min(width(row[i]), columns_max));
  }
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      const std::string cell = fitted(row[i], last ? 120 : columns_max);
      out += last ? cell : padded(cell, widths[i]) + "  ";
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

std::string bytes_text(std::int64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 100'000) return fmt::format("{:.0f} kB", static_cast<double>(bytes) / 1e3);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

std::string time_text(std::int64_t utc_ms, bool whole) {
  if (utc_ms <= 0) return "-";
  const std::tm t = county_time(utc_ms);
  if (!whole) return fmt::format("{:02}-{:02} {:02}:{:02}", t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                     t.tm_min, t.tm_sec);
}

std::string iso_time(std::int64_t utc_ms) {
  const std::tm t = county_time(utc_ms);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}+08:00", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                     t.tm_hour, t.tm_min, t.tm_sec, utc_ms % 1000);
}

ProgressLine::ProgressLine(bool wanted) : on_(wanted && isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(const std::string& text) {
  if (!on_) return;
  const int now = width(text);
  std::fprintf(stderr, "\r%s", padded(text, std::max(now, shown_)).c_str());
  std::fflush(stderr);
  shown_ = now;
}

void ProgressLine::clear() {
  if (!on_ || shown_ == 0) return;
  std::fprintf(stderr, "\r%s\r", std::string(static_cast<std::size_t>(shown_), ' ').c_str());
  std::fflush(stderr);
  shown_ = 0;
}

}  // namespace julu::desk
