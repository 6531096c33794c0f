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

namespace julu::test {

Process::Process(const std::vector<std::string>& words, const std::string& script) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  std::vector<char*> arguments;
  if (!script.empty()) {
    for (const char* word : {"/bin/sh", "-c", script.c_str(), "sh"}) arguments.push_back(const_cast<char*>(word));
  }
#ifdef JULU_EMULATOR
  arguments.push_back(const_cast<char*>(JULU_EMULATOR));
#endif
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("no process");
  if (pid_ == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  out_ = ends[0];
}

Process::~Process() {
  if (pid_ > 0) {
    kill();
    wait();
  }
  if (out_ >= 0) ::close(out_);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), out_(std::exchange(other.out_, -1)), buffer_(std::move(other.buffer_)) {}

bool Process::fill(int wait_ms) {
  pollfd waiting{out_, POLLIN, 0};
  if (::poll(&waiting, 1, wait_ms) <= 0) return false;
  char bytes[4096];
  const ssize_t got = ::read(out_, bytes, sizeof bytes);
  if (got <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> Process::take_line() {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

std::optional<std::string> Process::read_line(int wait_ms) {
  for (;;) {
    if (auto line = take_line()) return line;
    if (!fill(wait_ms)) return std::nullopt;
  }
}

std::vector<std::string> Process::read_for(std::int64_t wait_us) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::microseconds(wait_us);
  std::vector<std::string> lines;
  for (;;) {
    while (auto line = take_line()) lines.push_back(*std::move(line));
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(end - Clock::now()).count();
    if (left <= 0) return lines;
    pollfd waiting{out_, POLLIN, 0};
    const timespec at_most{left / 1'000'000'000, left % 1'000'000'000};
    const int ready = ::ppoll(&waiting, 1, &at_most, nullptr);
    if (ready == 0) return lines;
    if (!fill(0)) return lines;
  }
}

std::string Process::read_all() {
  while (fill(600'000)) {
  }
  return std::exchange(buffer_, {});
}

double Process::cpu_seconds() const {
  clockid_t clock = 0;
  timespec used{};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

void Process::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

void Process::terminate() {
  if (pid_ > 0) ::kill(pid_, SIGTERM);
}

void Process::interrupt() {
  if (pid_ > 0) ::kill(pid_, SIGINT);
}

int Process::wait() {
  if (pid_ <= 0) return -1;
  int status = 0;
  while (::waitpid(std::exchange(pid_, -1), &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string run_to_end(const std::vector<std::string>& words) {
  Process process(words);
  std::string output = process.read_all();
  const int status = process.wait();
  if (status != 0) throw std::runtime_error(words[0] + " ended with " + std::to_string(status) + ": " + output);
  return output;
}

}  // namespace julu::test
