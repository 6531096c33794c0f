// A server that speaks TLS on loopback, with a certificate of its own making, and gives every request one answer.
// Thread rule: serves on a thread of its own.
#pragma once

#include <memory>
#include <string>

namespace julu::test {

class TlsServer {
 public:
  /// `answer`: a whole reply, head and body.
  explicit TlsServer(std::string answer);
  ~TlsServer();

  std::string url() const;
  std::string certificate() const;  ///< PEM, what a CA file holds
  std::string pin() const;          ///< of its key, as curl takes it

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace julu::test
