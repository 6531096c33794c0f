// A child process of the demo: its lines, its exit, its death. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace julu::demo {

class Process {
 public:
  /// Starts `words[0]`. Its standard output comes here, its standard error goes to `error_file`. It dies with us.
  Process(const std::vector<std::string>& words, const std::string& error_file);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// The next line, or nothing at the end of its output or when `most_ms` have passed.
  std::optional<std::string> read_line(int most_ms);
  /// True when it has closed its output, false when `most_us` have passed before.
  bool ended_within_us(std::int64_t most_us);
  /// All that is left of its output; ends it by force after `most_ms`.
  std::string read_all(int most_ms);
  void kill();       ///< SIGKILL
  void terminate();  ///< SIGTERM
  /// Its exit status; 128 + signal when a signal ended it.
  int wait();

 private:
  /// False: nothing came in time, or the end.
  bool fill(std::int64_t most_us);

  pid_t pid_ = -1;
  int out_ = -1;
  bool at_end_ = false;
  std::string buffer_;
};

}  // namespace julu::demo
