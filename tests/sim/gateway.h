// What stands before the platform and is not the county's: a gateway or firewall that refuses in words of its own.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <julu/transport.h>

namespace julu::sim {

class World;

class Gateway {
 public:
  explicit Gateway(World& world) : world_(world) {}
  /// Its own answer, when it lets this request not pass.
  std::optional<Response> stop(const Request& request);

 private:
  void draw();
  Response answer() const;

  World& world_;
  std::int64_t until_ms_ = 0;
  std::string path_;  // that it refuses meanwhile; empty: all
  int status_ = 403;
  std::uint64_t words_ = 0;
};

}  // namespace julu::sim
