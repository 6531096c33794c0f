// The link between phone and platform: a TCP proxy on loopback that counts the bytes of photos on their way up and cuts
// the connection in the middle of one when told to. Thread rule: methods are thread-safe; it serves on its own threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace julu::demo {

/// Follows the requests of one connection (HTTP/1.1, bodies with Content-Length) and knows which bytes are a photo's.
class RequestScanner {
 public:
  /// Takes the next bytes; gives how many of them are of a photo's body. Thumbnails do not count.
  std::size_t take(std::string_view bytes);
  /// How many of these next bytes to pass on so that `photo_bytes` of a photo's body are among them, at most all.
  std::size_t until(std::string_view bytes, std::size_t photo_bytes) const;

 private:
  void read_head();
  std::string head_;
  std::int64_t body_left_ = 0;
  bool photo_ = false;
};

class Proxy {
 public:
  Proxy();  ///< listens on a free loopback port; refuses until it has a target
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  int port() const { return port_; }
  /// 0: refuses.
  void forward_to(int port) { target_ = port; }
  /// Cuts the connection when so many more bytes of photos have gone up, then again after the next number, to the end
  /// of the list.
  void cut_after_photo_bytes(std::vector<std::int64_t> bytes);
  /// Lets so many more bytes go up, and not one more until `end_hold`, however long the other side is not looked at.
  void hold_after(std::int64_t bytes);
  /// Forgets the connections of now with whatever is still in them, and holds no longer.
  void end_hold();

  std::int64_t bytes_up() const { return bytes_up_; }
  std::int64_t photo_bytes_up() const { return photo_bytes_up_; }
  std::int64_t cuts() const { return cuts_; }

 private:
  void accept_all();
  void serve(int client);
  /// False: the connection ends.
  bool pass_up(int client, int server, RequestScanner& scanner);

  int port_ = 0;
  int listener_ = -1;
  std::atomic<int> target_ = 0;
  std::atomic<bool> ending_ = false;
  std::mutex mutex_;
  std::vector<std::int64_t> to_cut_;  // photo bytes left before each cut, the next one last; under mutex_
  std::atomic<std::int64_t> bytes_up_most_ = std::numeric_limits<std::int64_t>::max();
  std::atomic<int> holds_ended_ = 0;
  std::atomic<std::int64_t> bytes_up_ = 0;
  std::atomic<std::int64_t> photo_bytes_up_ = 0;
  std::atomic<std::int64_t> cuts_ = 0;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

}  // namespace julu::demo
