// A child process of a test: its lines, its death. Thread rule: one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace julu::test {

class Process {
 public:
  /// Starts `words[0]`; its standard output comes to `read_line`. With a script, a shell becomes it: the script sets
  /// what is to be different (environment, limits, where output goes) and ends with `exec "$@"`.
  explicit Process(const std::vector<std::string>& words, const std::string& script = {});
  ~Process();
  Process(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// The next line, or nothing at the end of its output or after `wait_ms`.
  std::optional<std::string> read_line(int wait_ms = 20'000);
  /// Lines until the end or until `wait_us` have passed, whichever comes first.
  std::vector<std::string> read_for(std::int64_t wait_us);
  /// All that is left.
  std::string read_all();
  /// Processor time that it has used so far.
  double cpu_seconds() const;
  void kill();
  void terminate();
  /// Ctrl-C.
  void interrupt();
  /// Its exit status; 128 + signal when a signal ended it.
  int wait();

 private:
  bool fill(int wait_ms);
  std::optional<std::string> take_line();
  pid_t pid_ = -1;
  int out_ = -1;
  std::string buffer_;
};

/// Runs to the end; throws when the exit status is not 0.
std::string run_to_end(const std::vector<std::string>& words);

}  // namespace julu::test
