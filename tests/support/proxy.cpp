#include "proxy.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace julu::test {
namespace {

constexpr int kPollMs = 50;  // how soon a thread sees that the test has ended

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int listen_on_loopback(int* port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 64) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no loopback port");
  }
  *port = ntohs(address.sin_port);
  return fd;
}

bool send_all(int to, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(to, bytes, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

// RFC 9112, 6.3, as far as the platform goes: a reply without a length has no body. (It answers a HEAD with length 0.)
bool is_whole(std::string_view reply) {
  const std::size_t end = reply.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const std::size_t at = reply.substr(0, end).find(kLength);
  std::size_t length = 0;
  if (at != std::string_view::npos) {
    std::from_chars(reply.data() + at + kLength.size(), reply.data() + end, length);
  }
  return reply.size() >= end + 4 + length;
}

// Ends the connection at once, as a lost link does, without a polite goodbye.
void reset(int fd) {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace

int free_port() {
  int port = 0;
  ::close(listen_on_loopback(&port));
  return port;
}

Proxy::Proxy(int target_port) : target_(target_port) {
  listener_ = listen_on_loopback(&port_);
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
    if (refuse_) {
      reset(client);
      ::close(client);
      continue;
    }
    connections_.emplace_back([this, client] { serve(client); });
  }
}

bool Proxy::pass(std::string_view bytes, int to, std::atomic<std::int64_t>& left) {
  const std::int64_t bound = left;
  if (bound >= 0) bytes = bytes.substr(0, static_cast<std::size_t>(bound));
  if (!send_all(to, bytes.data(), bytes.size())) return false;
  if (bound < 0) return true;
  left = bound - static_cast<std::int64_t>(bytes.size());
  if (left > 0) return true;
  left = -1;
  ++cuts_;
  return false;
}

bool Proxy::pass_up(int from, int to) {
  char bytes[16 * 1024];
  const ssize_t got = ::recv(from, bytes, sizeof bytes, 0);
  if (got <= 0) return false;
  const std::int64_t bound = up_left_;
  up_ += bound < 0 ? got : std::min<std::int64_t>(got, bound);
  return pass({bytes, static_cast<std::size_t>(got)}, to, up_left_);
}

bool Proxy::pass_down(int from, int to, std::string& held) {
  char bytes[16 * 1024];
  const ssize_t got = ::recv(from, bytes, sizeof bytes, 0);
  if (got <= 0) return false;
  if (replies_left_ < 0 && !twice_) return pass({bytes, static_cast<std::size_t>(got)}, to, down_left_);
  // A reply comes in as many parts as the machine's load makes of it.
  held.append(bytes, static_cast<std::size_t>(got));
  if (!is_whole(held)) return true;
  std::string reply;
  reply.swap(held);
  if (replies_left_ >= 0 && replies_left_-- == 0) {
    ++cuts_;
    return false;
  }
  return pass(twice_ ? reply + reply : reply, to, down_left_);
}

void Proxy::serve(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(target_);
  const int on = 1;
  bool open = server >= 0 && ::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (open) {
    ::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  std::string held;
  while (open && !ending_ && !refuse_) {
    pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (::poll(both, 2, kPollMs) < 0 && errno != EINTR) break;
    if (both[0].revents != 0) open = pass_up(client, server);
    if (open && both[1].revents != 0) open = pass_down(server, client, held);
  }
  reset(client);
  ::close(client);
  if (server >= 0) ::close(server);
}

}  // namespace julu::test
