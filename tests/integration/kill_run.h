// kill -9 of a phone's process at seeded moments, while it captures and while it syncs, against a platform in a process
// of its own: what was told is saved arrives, once, whatever died in between. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace julu::test {

struct KillRun {
  std::string platform_program;
  std::string phone_program;
  int kills = 0;
  std::uint64_t seed = 1;
};

struct KillReport {
  int capture_kills = 0;
  int sync_kills = 0;
  std::size_t records = 0, photos = 0;  ///< that were told, or found to be durable
  std::vector<std::string> wrong;       ///< empty: nothing is lost, doubled, foreign or damaged, all is delivered
};

/// Of five phones that are started three capture and two sync; one that ended before its kill does not count. A new
/// phone every some hundred kills, so that it stays quick.
KillReport run_kills(const KillRun& run);

}  // namespace julu::test
