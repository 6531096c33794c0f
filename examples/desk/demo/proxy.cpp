#include "proxy.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace julu::demo {
namespace {

constexpr int kPollMs = 50;  // how soon a thread sees that the demo ends

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

bool send_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool pass_down(int server, int client) {
  char bytes[16 * 1024];
  const ssize_t got = ::recv(server, bytes, sizeof bytes, 0);
  return got > 0 && send_all(client, {bytes, static_cast<std::size_t>(got)});
}

// Ends the connection at once, as a lost link does, without a polite goodbye.
void reset(int fd) {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd);
}

void no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

void RequestScanner::read_head() {
  std::string head;
  for (const char c : head_) head += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool upload = head.starts_with("post /v1/photos") || head.starts_with("patch /v1/photos");
  // "thumb_of" stands in Upload-Metadata as it is; only its value is base64.
  photo_ = upload && head.find("thumb_of") == std::string::npos;
  const std::size_t at = head.find("\r\ncontent-length:");
  body_left_ = at == std::string::npos ? 0 : std::strtoll(head.c_str() + at + 17, nullptr, 10);
  head_.clear();
}

std::size_t RequestScanner::take(std::string_view bytes) {
  std::size_t of_photo = 0;
  while (!bytes.empty()) {
    if (body_left_ > 0) {
      const std::size_t part = std::min(bytes.size(), static_cast<std::size_t>(body_left_));
      if (photo_) of_photo += part;
      body_left_ -= static_cast<std::int64_t>(part);
      bytes.remove_prefix(part);
      continue;
    }
    head_ += bytes.front();
    bytes.remove_prefix(1);
    if (head_.ends_with("\r\n\r\n")) read_head();
  }
  return of_photo;
}

std::size_t RequestScanner::until(std::string_view bytes, std::size_t photo_bytes) const {
  RequestScanner ahead = *this;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    seen += ahead.take(bytes.substr(i, 1));
    if (seen >= photo_bytes) return i + 1;
  }
  return bytes.size();
}

Proxy::Proxy() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 64) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no loopback port");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

Proxy::~Proxy() {
  ending_ = true;
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
  ::close(listener_);
}

void Proxy::accept_all() {
  while (!ending_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, kPollMs) <= 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    if (target_ == 0) {
      reset(client);
    } else {
      connections_.emplace_back([this, client] { serve(client); });
    }
  }
}

void Proxy::cut_after_photo_bytes(std::vector<std::int64_t> bytes) {
  std::reverse(bytes.begin(), bytes.end());
  const std::lock_guard lock(mutex_);
  to_cut_ = std::move(bytes);
}

void Proxy::hold_after(std::int64_t bytes) { bytes_up_most_ = bytes_up_ + bytes; }

void Proxy::end_hold() {
  ++holds_ended_;
  bytes_up_most_ = std::numeric_limits<std::int64_t>::max();
}

bool Proxy::pass_up(int client, int server, RequestScanner& scanner) {
  char buffer[16 * 1024];
  const std::int64_t room = std::min<std::int64_t>(sizeof buffer, bytes_up_most_ - bytes_up_);
  if (room <= 0) return true;
  const ssize_t got = ::recv(client, buffer, static_cast<std::size_t>(room), 0);
  if (got <= 0) return false;
  std::string_view bytes(buffer, static_cast<std::size_t>(got));
  bool cut = false;
  std::int64_t of_photo = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!to_cut_.empty()) bytes = bytes.substr(0, scanner.until(bytes, static_cast<std::size_t>(to_cut_.back())));
    of_photo = static_cast<std::int64_t>(scanner.take(bytes));
    if (!to_cut_.empty()) {
      to_cut_.back() -= of_photo;
      cut = to_cut_.back() <= 0;
      if (cut) to_cut_.pop_back();
    }
  }
  if (!send_all(server, bytes)) return false;
  bytes_up_ += static_cast<std::int64_t>(bytes.size());
  photo_bytes_up_ += of_photo;
  if (cut) ++cuts_;
  return !cut;
}

void Proxy::serve(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(target_);
  bool open = server >= 0 && ::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (open) {
    no_delay(server);
    no_delay(client);
  }
  RequestScanner scanner;
  const int born = holds_ended_;
  while (open && !ending_ && holds_ended_ == born) {
    const bool held = bytes_up_ >= bytes_up_most_;
    pollfd both[2] = {{held ? -1 : client, POLLIN, 0}, {server, POLLIN, 0}};
    if (::poll(both, 2, kPollMs) < 0 && errno != EINTR) break;
    if (both[0].revents != 0) open = pass_up(client, server, scanner);
    if (open && both[1].revents != 0) open = pass_down(server, client);
  }
  reset(client);
  // The platform sees an ordinary end: what came before the cut is its to keep.
  if (server >= 0) ::close(server);
}

}  // namespace julu::demo
