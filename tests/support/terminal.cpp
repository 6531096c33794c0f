#include "terminal.h"

#include <cstdlib>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace julu::test {

Terminal::Terminal() : fd_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
  char name[64];
  if (fd_ < 0 || ::grantpt(fd_) != 0 || ::unlockpt(fd_) != 0 || ::ptsname_r(fd_, name, sizeof name) != 0) {
    throw std::runtime_error("no terminal");
  }
  path_ = name;
}

Terminal::~Terminal() {
  if (fd_ >= 0) ::close(fd_);
}

void Terminal::type(const std::string& text) {
  if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("nothing typed");
}

std::string Terminal::read_all() {
  std::string text;
  char bytes[4096];
  // The end is an error, EIO: the last one who had it open has closed it.
  for (ssize_t got = 0; (got = ::read(fd_, bytes, sizeof bytes)) > 0;)
    text.append(bytes, static_cast<std::size_t>(got));
  return text;
}

}  // namespace julu::test
