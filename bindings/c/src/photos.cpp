#include "photos.h"

#include <cerrno>
#include <csignal>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace julu::c {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

Error error_of(int number) {
  if (number == ENOSPC || number == EDQUOT) return {ErrorCode::disk_full, "out", {}};
  if (number == EACCES || number == EPERM || number == EROFS) return {ErrorCode::permission, "out", {}};
  // Trying again would not help: the name is taken, or leads nowhere.
  if (number == EEXIST || number == ENOENT || number == ENOTDIR || number == EISDIR || number == ENAMETOOLONG)
    return {ErrorCode::bad_argument, "out", "errno " + std::to_string(number)};
  return {ErrorCode::io, "out", "errno " + std::to_string(number)};
}

// Keeps SIGPIPE from this thread: one that a write raised is taken away again, one that waited before stays.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigset_t pending;
    ::sigpending(&pending);
    waited_before_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    sigset_t pending;
    ::sigpending(&pending);
    int taken = 0;
    if (raised_ && !waited_before_ && ::sigismember(&pending, SIGPIPE) == 1) ::sigwait(&pipe_, &taken);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

  ssize_t write(int fd, std::string_view bytes) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    raised_ = raised_ || (wrote < 0 && errno == EPIPE);
    return wrote;
  }

 private:
  sigset_t pipe_, before_;
  bool waited_before_ = false;
  bool raised_ = false;
};

// `fd` may be a pipe or a socket of the host's that nobody reads any more.
Result<void> write_all(int fd, std::string_view bytes) {
  WithoutSigpipe quiet;
  while (!bytes.empty()) {
    const ssize_t wrote = quiet.write(fd, bytes);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      pollfd room{fd, POLLOUT, 0};
      if (::poll(&room, 1, -1) < 0 && errno != EINTR) return error_of(errno);
      continue;
    }
    if (wrote < 0) return error_of(errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<void> put_to_fd(Store& store, const std::string& sha256, int fd) {
  Result<void> wrote;
  JULU_CHECK(store.read_photo(sha256, [&](std::string_view part) {
    wrote = write_all(fd, part);
    return wrote.ok();
  }));
  return wrote;
}

Result<void> put_to_file(Store& store, const std::string& sha256, const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return error_of(errno);
  Result<void> put = put_to_fd(store, sha256, fd);
  if (::close(fd) != 0 && put) put = error_of(errno);
  if (!put) ::unlink(path.c_str());
  return put;
}

}  // namespace

Result<void> PhotosIn::take(const julu_photo* photos, std::size_t count) {
  if (count == 0) return {};
  if (photos == nullptr) return Error{ErrorCode::bad_argument, "photos", "null"};
  const std::size_t stride = photos->size;
  if (stride % alignof(julu_photo) != 0) return Error{ErrorCode::bad_argument, "/photos/0", "size"};
  // One more than the core takes is enough for it to say so.
  for (std::size_t i = 0; i < std::min<std::size_t>(count, JULU_PHOTOS_MAX + 1); ++i) {
    const std::string field = "/photos/" + std::to_string(i);
    const auto* at = reinterpret_cast<const julu_photo*>(reinterpret_cast<const char*>(photos) + i * stride);
    JULU_TRY(const julu_photo photo, read_struct(at, field.c_str(), stride));
    auto taken = take_one(photo);
    if (!taken) return Error{taken.error().code, field + taken.error().field, taken.error().detail};
    inputs_.push_back(*std::move(taken));
  }
  return {};
}

Result<PhotoInput> PhotosIn::take_one(const julu_photo& photo) {
  PhotoInput input;
  JULU_TRY(const std::string role, option_text(photo.role, "/role"));
  if (!role.empty()) input.role = role;
  if (photo.source == JULU_PHOTO_PATH) {
    JULU_TRY(input.path, name_text(photo.path, "/path"));
    return input;
  }
  if (photo.source == JULU_PHOTO_FD) {
    if (photo.fd < 0) return Error{ErrorCode::bad_argument, "/fd", {}};
    input.fd = photo.fd;
    return input;
  }
  if (photo.source != JULU_PHOTO_STREAM) return Error{ErrorCode::bad_argument, "/source", {}};
  if (photo.read == nullptr) return Error{ErrorCode::bad_argument, "/read", "null"};
  JULU_TRY(input.bytes, read_stream(photo));
  return input;
}

Result<std::string_view> PhotosIn::read_stream(const julu_photo& photo) {
  buffer_.resize(kReadBytes);
  std::string& bytes = streamed_.emplace_back();
  for (;;) {
    const std::int64_t got = photo.read(photo.context, buffer_.data(), buffer_.size());
    if (got < 0 || static_cast<std::uint64_t>(got) > buffer_.size()) return Error{ErrorCode::io, "/read", {}};
    if (got == 0) break;
    if (static_cast<std::int64_t>(bytes.size()) + got > limits::photo_bytes_max) {
      return Error{ErrorCode::photo_too_large, {}, {}};
    }
    if (streamed_bytes_ + got > limits::streamed_bytes_max) {
      return Error{ErrorCode::photo_too_large, {}, "streams together"};
    }
    bytes.append(buffer_.data(), static_cast<std::size_t>(got));
    streamed_bytes_ += got;
  }
  bytes.shrink_to_fit();
  return std::string_view(bytes);
}

Result<void> put_photo(Store& store, const std::string& sha256, const julu_photo_out& out) {
  if (out.target == JULU_PHOTO_PATH) {
    JULU_TRY(const std::string path, name_text(out.path, "path"));
    return put_to_file(store, sha256, path);
  }
  if (out.target == JULU_PHOTO_FD) {
    if (out.fd < 0) return Error{ErrorCode::bad_argument, "fd", {}};
    return put_to_fd(store, sha256, out.fd);
  }
  if (out.target != JULU_PHOTO_STREAM) return Error{ErrorCode::bad_argument, "target", {}};
  if (out.write == nullptr) return Error{ErrorCode::bad_argument, "write", "null"};
  bool stopped = false;
  JULU_CHECK(store.read_photo(sha256, [&](std::string_view part) {
    stopped = out.write(out.context, part.data(), part.size()) != 0;
    return !stopped;
  }));
  return stopped ? Error{ErrorCode::cancelled, {}, {}} : Result<void>();
}

}  // namespace julu::c
