#include "process.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace julu::demo {
namespace {

using Steady = std::chrono::steady_clock;

std::int64_t us_left(Steady::time_point end) {
  return std::chrono::duration_cast<std::chrono::microseconds>(end - Steady::now()).count();
}

}  // namespace

Process::Process(const std::vector<std::string>& words, const std::string& error_file) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const int errors = ::open(error_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    // Only async-signal-safe calls here: the proxy has threads.
#ifdef __linux__
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    ::dup2(ends[1], STDOUT_FILENO);
    if (errors >= 0) ::dup2(errors, STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  if (errors >= 0) ::close(errors);
  out_ = ends[0];
  if (pid_ < 0) throw std::runtime_error("no process");
}

Process::~Process() {
  if (pid_ > 0) {
    kill();
    wait();
  }
  if (out_ >= 0) ::close(out_);
}

bool Process::fill(std::int64_t most_us) {
  if (at_end_ || most_us < 0) return false;
  pollfd waiting{out_, POLLIN, 0};
  const timespec most{most_us / 1'000'000, (most_us % 1'000'000) * 1000};
  if (::ppoll(&waiting, 1, &most, nullptr) <= 0) return false;
  char bytes[16 * 1024];
  const ssize_t got = ::read(out_, bytes, sizeof bytes);
  if (got <= 0) {
    at_end_ = true;
    return false;
  }
  buffer_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> Process::read_line(int most_ms) {
  const auto end = Steady::now() + std::chrono::milliseconds(most_ms);
  for (;;) {
    const std::size_t newline = buffer_.find('\n');
    if (newline != std::string::npos) {
      std::string line = buffer_.substr(0, newline);
      buffer_.erase(0, newline + 1);
      return line;
    }
    if (!fill(us_left(end))) return std::nullopt;
  }
}

bool Process::ended_within_us(std::int64_t most_us) {
  const auto end = Steady::now() + std::chrono::microseconds(most_us);
  while (fill(us_left(end))) {
  }
  return at_end_;
}

std::string Process::read_all(int most_ms) {
  if (!ended_within_us(std::int64_t{most_ms} * 1000)) kill();
  return std::exchange(buffer_, {});
}

void Process::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

void Process::terminate() {
  if (pid_ > 0) ::kill(pid_, SIGTERM);
}

int Process::wait() {
  if (pid_ <= 0) return -1;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace julu::demo
