#include "interrupt.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "exit_status.h"

namespace julu::desk {
namespace {

constexpr int kAgainMs = 100;  // `stop` may come before there is anything to stop

const char* goodbye = "";
std::size_t goodbye_bytes = 0;
char unfinished[4096] = "";  // a path longer than the system takes is no file
std::atomic<bool> is_unfinished = false;
std::atomic<bool> gentle = false;
std::atomic<int> signal_pipe[2] = {-1, -1};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void on_signal(int) {
  const int saved = errno;
  if (gentle.exchange(false)) {
    const char byte = 1;
    if (::write(signal_pipe[1], &byte, 1) == 1) {
      errno = saved;
      return;
    }
  }
  if (is_unfinished) ::unlink(unfinished);
  if (::write(STDERR_FILENO, goodbye, goodbye_bytes) < 0) errno = saved;
  ::_exit(kExitInterrupted);
}

bool readable(int fd, int most_ms) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, most_ms) > 0;
}

}  // namespace

void install_interrupt(Lang lang) {
  goodbye = lang == Lang::zh ? "\n已停止。已保存的内容不会丢失。\n" : "\nStopped. What was saved is safe.\n";
  goodbye_bytes = std::strlen(goodbye);
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void unlink_at_interrupt(const std::string& path) {
  is_unfinished = false;
  if (path.empty() || path.size() >= sizeof unfinished) return;
  std::memcpy(unfinished, path.c_str(), path.size() + 1);
  is_unfinished = true;
}

Stopping::Stopping(std::function<void()> stop) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0 || ::pipe2(end_, O_CLOEXEC) != 0) return;
  signal_pipe[0] = ends[0];
  signal_pipe[1] = ends[1];
  gentle = true;
  watcher_ = std::thread([this, stop = std::move(stop)] {
    pollfd both[2] = {{signal_pipe[0], POLLIN, 0}, {end_[0], POLLIN, 0}};
    while (::poll(both, 2, -1) < 0 && errno == EINTR) {
    }
    while (!readable(end_[0], 0)) {
      stop();
      if (readable(end_[0], kAgainMs)) return;
    }
  });
}

Stopping::~Stopping() {
  gentle = false;
  if (!watcher_.joinable()) return;
  ::close(end_[1]);  // the watcher sees the hang-up
  watcher_.join();
  ::close(end_[0]);
}

bool Stopping::asked() const { return signal_pipe[0] >= 0 && readable(signal_pipe[0], 0); }

bool Stopping::wait_ms(std::int64_t most) const {
  const int bounded = static_cast<int>(std::clamp<std::int64_t>(most, 0, 3'600'000));
  // A signal that comes while we wait ends the wait with EINTR, so the pipe is asked once more.
  return !readable(signal_pipe[0], bounded) && !asked();
}

}  // namespace julu::desk
