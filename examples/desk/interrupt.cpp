#include "interrupt.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "exit_status.h"

namespace julu::desk {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
constexpr int kAgainMs = 100;  // `stop` may come before there is anything to stop

const char* goodbye = "";
std::size_t goodbye_bytes = 0;
char passing[PATH_MAX];
std::atomic<bool> passes = false;
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
  if (passes) ::unlink(passing);
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
  for (const int number : kSignals) {
    struct sigaction before {};
    sigaction(number, &action, &before);
    if (number == SIGHUP && before.sa_handler == SIG_IGN) sigaction(number, &before, nullptr);  // nohup
  }
}

int make_passing_file(std::string& name) {
  if (name.size() >= sizeof passing) {
    errno = ENAMETOOLONG;
    return -1;
  }
  sigset_t ours, before;
  sigemptyset(&ours);
  for (const int number : kSignals) sigaddset(&ours, number);
  // No signal may come between the file and the note of it.
  pthread_sigmask(SIG_BLOCK, &ours, &before);
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd >= 0) std::memcpy(passing, name.c_str(), name.size() + 1);
  passes = fd >= 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return fd;
}

void passing_file_stays() { passes = false; }

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
