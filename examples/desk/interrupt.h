// Ctrl-C. What was saved is durable before anybody is told, so stopping is safe at any moment, and it says so. Thread
// rule: process-wide; install once, from main.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include <julu/error.h>

namespace julu::desk {

/// From now on SIGINT and SIGTERM say that nothing is lost and end the process with 130.
void install_interrupt(Lang lang);

/// A file that goes when a signal ends the process: half of what somebody asked for is nothing they want to keep. One
/// at a time; empty: none any more.
void unlink_at_interrupt(const std::string& path);

/// While it lives, the first SIGINT or SIGTERM calls `stop` (again and again, on a thread of its own, until this ends)
/// instead of ending the process; the second ends it.
class Stopping {
 public:
  explicit Stopping(std::function<void()> stop);
  ~Stopping();
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;

  bool asked() const;
  /// False: stop was asked for meanwhile.
  bool wait_ms(std::int64_t most) const;

 private:
  std::thread watcher_;
  int end_[2] = {-1, -1};
};

}  // namespace julu::desk
