// Where the bytes of an export or a photo go: the file that -o names, or stdout. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include <julu/result.h>

namespace julu::desk {

class Output {
 public:
  /// Empty: stdout. A file appears whole or not at all, for its owner alone. What is no file, such as a pipe, a device
  /// or a link, stays what it is and is written into.
  explicit Output(const std::string& path);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// False: it has failed, now or before, and more is of no use.
  bool write(std::string_view bytes);
  /// Ok: all of it is written (a file: durable), and how many bytes. Errors: bad_argument (no such folder, or a folder
  /// itself), permission, disk_full, io; the field is "-o" or "stdout".
  Result<std::int64_t> finish();

 private:
  void fail();
  std::string path_, part_;
  std::FILE* file_ = nullptr;
  std::int64_t bytes_ = 0;
  int failed_ = 0;  // errno of the first failure
};

}  // namespace julu::desk
