#include "console.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>
#include <unistd.h>
#include <utf8proc.h>

namespace julu::desk {
namespace {

// What a terminal must not be given: controls, and the marks that turn the direction of what follows.
bool is_printable(char32_t c) {
  return c >= 0x20 && !(c >= 0x7F && c < 0xA0) && !(c >= 0x202A && c <= 0x202E) && !(c >= 0x2066 && c <= 0x2069);
}

// Unicode TR11: 2 for W and F. What is newer than the library's tables stands in blocks that are wide as a whole.
int columns(char32_t c) {
  if (!is_printable(c)) return 1;  // shown as a blank
  const auto point = static_cast<utf8proc_int32_t>(c);
  if (utf8proc_category(point) != UTF8PROC_CATEGORY_CN) return utf8proc_charwidth(point);
  return (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD) ? 2 : 1;
}

// The next character and its length in bytes; a broken byte is a control.
char32_t next_character(std::string_view text, std::size_t& length) {
  utf8proc_int32_t c = 0;
  const auto read = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &c);
  length = read > 0 ? static_cast<std::size_t>(read) : 1;
  return read > 0 ? static_cast<char32_t>(c) : 0;
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
    out += is_printable(c) ? text.substr(0, length) : " ";
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

std::optional<std::int64_t> time_of(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kForm = "0000-00-00 00:00:00";
  if (text.size() != 10 && text.size() != 16 && text.size() != 19) return std::nullopt;
  std::array<int, 6> parts{};
  std::size_t part = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (digit != (kForm[i] == '0') || (!digit && text[i] != kForm[i])) return std::nullopt;
    if (!digit) ++part;
    if (digit) parts[part] = parts[part] * 10 + (text[i] - '0');
  }
  const year_month_day date{year{parts[0]}, month{static_cast<unsigned>(parts[1])},
                            day{static_cast<unsigned>(parts[2])}};
  if (!date.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 59) return std::nullopt;
  const auto at = sys_days(date) + hours(parts[3] - 8) + minutes(parts[4]) + seconds(parts[5]);
  return duration_cast<milliseconds>(at.time_since_epoch()).count();
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
