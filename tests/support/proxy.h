// A bad network on loopback: a TCP proxy that cuts, loses replies or refuses, when a test says so. Thread rule: the
// methods are thread-safe; it serves on threads of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace julu::test {

class Proxy {
 public:
  /// Listens on a free loopback port and forwards to `target_port`.
  explicit Proxy(int target_port);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  int port() const { return port_; }

  /// The connection that carries the n-th byte from now on towards the platform is cut there. Negative: never.
  void cut_up_after(std::int64_t bytes) { up_left_ = bytes; }
  /// The same of the bytes that come back: the platform has acted, the phone does not hear all of it.
  void cut_down_after(std::int64_t bytes) { down_left_ = bytes; }
  /// Of the HTTP replies that come back from now on this one, counted from 0, is lost whole, and its connection ends.
  void lose_reply(int number) { replies_left_ = number; }
  /// Each HTTP reply comes twice, one copy right behind the other, while true.
  void double_replies(bool on) { twice_ = on; }
  /// Refuses connections while true.
  void refuse(bool on) { refuse_ = on; }
  std::int64_t bytes_up() const { return up_; }
  std::int64_t cuts() const { return cuts_; }

 private:
  void accept_all();
  void serve(int client);
  /// False: the connection ends here.
  bool pass_up(int from, int to);
  /// `held`: what has come of a reply that goes down whole or not at all.
  bool pass_down(int from, int to, std::string& held);
  bool pass(std::string_view bytes, int to, std::atomic<std::int64_t>& left);

  int port_ = 0;
  int listener_ = -1;
  std::atomic<int> target_;
  std::atomic<bool> refuse_ = false;
  std::atomic<bool> ending_ = false;
  std::atomic<std::int64_t> up_left_ = -1;
  std::atomic<std::int64_t> down_left_ = -1;
  std::atomic<int> replies_left_ = -1;
  std::atomic<bool> twice_ = false;
  std::atomic<std::int64_t> up_ = 0;
  std::atomic<std::int64_t> cuts_ = 0;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

/// A loopback port that nothing listens on at this moment.
int free_port();

}  // namespace julu::test
