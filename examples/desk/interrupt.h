// Ctrl-C. What was saved is durable before anybody is told, so stopping is safe at any moment, and it says so. Thread
// rule: process-wide; install once, from main.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include <julu/error.h>

namespace julu::desk {

/// From now on SIGINT, SIGTERM and a terminal that closes say that nothing is lost and end the process with 130.
void install_interrupt(Lang lang);

/// As mkostemp. Until `passing_file_stays` a signal that ends the process takes the file away. One at a time.
int make_passing_file(std::string& name);
void passing_file_stays();

/// While it lives, the first of these signals calls `stop` (again and again, on a thread of its own, until this ends)
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
