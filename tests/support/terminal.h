// A terminal of a test's own, for programs that behave otherwise on one. Thread rule: one thread.
#pragma once

#include <string>

namespace julu::test {

class Terminal {
 public:
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Where a program writes to it.
  const std::string& path() const { return path_; }
  /// What a person types there; it waits for whoever reads.
  void type(const std::string& text);
  /// All that was written, once nobody has it open any more. A program has to have opened it before, or will.
  std::string read_all();

 private:
  int fd_ = -1;
  std::string path_;
};

}  // namespace julu::test
