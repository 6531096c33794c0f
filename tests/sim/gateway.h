// What stands before the platform and is not the county's: a gateway or firewall that refuses in words of its own, or
// lets only some of it through.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <julu/random.h>
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
  std::optional<Response> stop_narrow(const Request& request);

  World& world_;
  std::int64_t until_ms_ = 0;
  std::string path_;  // that it refuses meanwhile; empty: all
  int status_ = 403;
  std::uint64_t words_ = 0;

  /// Of which it lets nothing through meanwhile.
  enum class Bars { long_bodies, long_photos, codings, old_apps, count_ };
  Bars bars_ = Bars::long_bodies;
  std::unique_ptr<Random> narrow_random_;
  std::int64_t narrow_until_ms_ = 0;
  std::size_t longest_ = 0;
};

}  // namespace julu::sim
