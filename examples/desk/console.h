// How text reaches a terminal: widths of Chinese characters, tables that line up, sizes and times as people read them.
// Thread rule: pure functions but for the progress line, which belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace julu::desk {

/// Columns that a terminal gives the text as `fitted` shows it: 2 for what Unicode TR11 calls wide (Chinese, emoji), 0
/// for combining marks.
int width(std::string_view text);
/// `text` and blanks up to `columns`.
std::string padded(std::string_view text, int columns);
/// Cut with "…" so that it takes at most `columns`; control characters become blanks, since text of others is shown.
std::string fitted(std::string_view text, int columns);
/// All of it on one line, as `fitted` shows it.
std::string clean_line(std::string_view text);
/// The same line by line: each '\n' stays.
std::string clean_lines(std::string_view text);
/// All of it in lines of at most `columns`: between words where there are any, else between characters.
std::vector<std::string> wrapped(std::string_view text, int columns);
/// Columns of the terminal behind `fd`; 0: it is none, or does not say.
int terminal_columns(int fd);

/// Rows under a head line, columns two blanks apart, nothing after the last one.
class Table {
 public:
  explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// A line a row: the last column is cut to a terminal of so many columns, and whole for none (0). In a terminal that
  /// is too narrow for it a row goes on in further lines.
  std::string text(int terminal = 0) const;
  /// The same, but the last column is never cut: it is wrapped.
  std::string whole(int terminal) const;
  bool empty() const { return rows_.size() < 2; }

 private:
  /// The lines that the last column of a row takes, each of so many columns at most.
  using LastColumn = std::function<std::vector<std::string>(const std::string& last, int most)>;
  std::vector<int> widths() const;
  std::string laid(int terminal, int last_min, const LastColumn& last_column) const;
  std::vector<std::vector<std::string>> rows_;
};

/// "0.9 MB", "118 kB", "512 B": powers of ten.
std::string bytes_text(std::int64_t bytes);
/// In UTC+08:00: "11-23 09:12", or "2026-11-23 09:12:05" when `whole`. "-" for 0.
std::string time_text(std::int64_t utc_ms, bool whole = false);
/// What `time_text` writes whole, the seconds or the time of day left out if one likes, as UTC.
std::optional<std::int64_t> time_of(std::string_view text);
/// "2026-11-23T09:12:05.123+08:00".
std::string iso_time(std::int64_t utc_ms);

/// One line on stderr that is written over, cut to the terminal; silent unless stderr is one.
class ProgressLine {
 public:
  explicit ProgressLine(bool wanted);
  ~ProgressLine() { clear(); }
  void show(const std::string& text);
  void clear();

 private:
  bool on_;
  int shown_ = 0;
};

}  // namespace julu::desk
