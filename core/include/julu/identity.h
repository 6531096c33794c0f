// Who this phone is to the platform, as enrolment gave it. Thread rule: a plain value.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <julu/crypto.h>

namespace julu {

/// The raw 256-bit key of a store, from the operating system's keystore; no passphrase is derived. Each copy is wiped
/// when it goes.
struct StoreKey : std::array<std::uint8_t, 32> {
  ~StoreKey() { wipe(*this); }
};

struct Identity {
  std::string platform;  ///< address enrolled at: scheme://host[:port], no trailing slash
  std::string device;
  std::string worker;  ///< the platform's own label, such as "W-0412"
  std::string name;    ///< for display
  std::string role;    ///< worker, leader, township, county, clerk
  std::vector<std::string> grids;
  std::vector<std::string> grid_names;
  std::vector<std::string> origins;  ///< where tokens may go
  PublicKey root_key{};
};

}  // namespace julu
