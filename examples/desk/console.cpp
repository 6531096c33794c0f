#include "console.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

namespace julu::desk {
namespace {

constexpr int kCellMax = 40;  // of all columns but the last
// Less is no width to find something in, or to read in: then the last column has lines of its own, set in by so much.
constexpr int kLastMin = 12, kReadMin = 24, kIndent = 4;

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

std::string clean_line(std::string_view text) { return fitted(text, width(text)); }

std::string clean_lines(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t end = text.find('\n');
    out += clean_line(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> wrapped(std::string_view text, int columns_max) {
  std::vector<std::string> lines(1);
  int sum = 0;
  std::size_t blank = 0;  // behind the last one of the line
  const std::string clean = clean_line(text);
  for (std::string_view rest = clean; !rest.empty();) {
    std::size_t length = 0;
    const int wide = columns(next_character(rest, length));
    if (sum + wide > columns_max && rest.front() == ' ') {
      rest.remove_prefix(1);
      continue;
    }
    if (sum + wide > columns_max && sum > 0) {
      // A word goes down whole; Chinese may be parted anywhere.
      const bool in_word = length == 1 && blank > 0 && static_cast<unsigned char>(lines.back().back()) < 0x80;
      std::string down = in_word ? lines.back().substr(blank) : std::string();
      lines.back().resize(lines.back().size() - down.size());
      sum = width(down);
      lines.push_back(std::move(down));
      blank = 0;
    }
    lines.back() += rest.substr(0, length);
    sum += wide;
    if (rest.front() == ' ') blank = lines.back().size();
    rest.remove_prefix(length);
  }
  return lines;
}

int terminal_columns(int fd) {
  winsize size{};
  return ::isatty(fd) == 1 && ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::vector<int> Table::widths() const {
  std::vector<int> all;
  for (const auto& row : rows_) {
    all.resize(std::max(all.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) all[i] = std::max(all[i], std::min(width(row[i]), kCellMax));
  }
  return all;
}

std::string Table::text(int terminal) const {
  return laid(terminal, kLastMin, [&](const std::string& last, int most) {
    return std::vector<std::string>{terminal > 0 ? fitted(last, most) : clean_line(last)};
  });
}

std::string Table::whole(int terminal) const {
  return laid(terminal, kReadMin, [&](const std::string& last, int most) {
    return terminal > 0 ? wrapped(last, most) : std::vector<std::string>{clean_line(last)};
  });
}

std::string Table::laid(int terminal, int last_min, const LastColumn& last_column) const {
  const std::vector<int> room = widths();
  int indent = 0;
  for (std::size_t i = 0; i + 1 < room.size(); ++i) indent += room[i] + 2;
  const bool below = terminal > 0 && terminal - indent < std::min(last_min, room.back());
  if (below) indent = kIndent;
  std::string out;
  const auto end_line = [&] {
    out.erase(out.find_last_not_of(' ') + 1);
    const bool blank = out.empty() || out.back() == '\n';  // further lines of cells that are all empty
    if (!below || !blank) out += '\n';
  };
  const auto begin_line = [&](int columns) {
    end_line();
    out.append(static_cast<std::size_t>(columns), ' ');
    return columns;
  };
  for (const auto& row : rows_) {
    int at = 0;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      if (below && i > 0 && at + room[i] > terminal) at = begin_line(kIndent);
      const int columns = below ? std::min(room[i], std::max(terminal - at, 2)) : room[i];
      out += padded(fitted(row[i], columns), columns) + "  ";
      at += columns + 2;
    }
    bool first = !below;
    for (const std::string& line : last_column(row.back(), std::max(terminal - indent, 2))) {
      if (!first && line.empty()) continue;
      if (!first) begin_line(indent);
      first = false;
      out += line;
    }
    end_line();
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
  // A line that is full takes the cursor to the next one, and a second line cannot be written over.
  const int room = terminal_columns(STDERR_FILENO) - 1;
  const std::string line = room > 0 ? fitted(text, room) : text;
  const int now = width(line);
  std::fprintf(stderr, "\r%s", padded(line, std::max(now, shown_)).c_str());
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
