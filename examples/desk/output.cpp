#include "output.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "session.h"

namespace julu::desk {

Output::Output(const std::string& path) : path_(path) {
  if (path.empty()) {
    file_ = stdout;
    return;
  }
  struct stat about {};
  const bool file = ::lstat(path.c_str(), &about) != 0 || S_ISREG(about.st_mode);
  // A name that is not there: a file of that name would be somebody's own.
  if (file) part_ = path + ".XXXXXX";
  const int fd = file ? make_passing_file(part_) : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  file_ = fd < 0 ? nullptr : ::fdopen(fd, "wb");
  if (file_ != nullptr) return;
  fail();
  part_.clear();
}

Output::~Output() {
  if (file_ != nullptr && file_ != stdout) std::fclose(file_);
  if (part_.empty()) return;
  std::remove(part_.c_str());
  passing_file_stays();
}

void Output::fail() {
  if (failed_ == 0) failed_ = errno != 0 ? errno : EIO;
}

bool Output::write(std::string_view bytes) {
  if (failed_ == 0 && !bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) fail();
  bytes_ += static_cast<std::int64_t>(bytes.size());
  return failed_ == 0;
}

Result<std::int64_t> Output::finish() {
  if (failed_ == 0 && std::fflush(file_) != 0) fail();
  if (failed_ == 0 && !part_.empty()) {
    if (::fsync(::fileno(file_)) != 0 || std::rename(part_.c_str(), path_.c_str()) != 0) {
      fail();
    } else {
      passing_file_stays();
      part_.clear();
    }
  }
  if (failed_ == 0) return bytes_;
  const char* field = path_.empty() ? "stdout" : "-o";
  if (failed_ == ENOENT || failed_ == ENOTDIR) return Error{ErrorCode::bad_argument, field, "no such folder"};
  if (failed_ == EISDIR) return Error{ErrorCode::bad_argument, field, "is a folder"};
  return error_of(failed_, field);
}

}  // namespace julu::desk
