// Switching on one of the planted bugs (julu/mutant.h), by its number on a command line.
#pragma once

#include <cstdio>
#include <cstdlib>

#include <julu/mutant.h>

namespace julu::test {

struct PlantedBug {
  const char* name;
  const char* what;
};

inline constexpr PlantedBug kPlanted[] = {
#define JULU_PLANTED(name, what) {#name, what},
    JULU_MUTANT_LIST(JULU_PLANTED)
#undef JULU_PLANTED
};

inline constexpr int kPlantedCount = static_cast<int>(sizeof kPlanted / sizeof *kPlanted);

/// From 1; ends the program when there is no such bug, or none in this build.
inline void plant(const char* number) {
  [[maybe_unused]] const int which = std::atoi(number);
#ifdef JULU_MUTANTS
  if (which >= 1 && which <= kPlantedCount) {
    planted_mutant = static_cast<Mutant>(which);
    return;
  }
#endif
  std::fprintf(stderr, "--mutant %s: planted bugs are numbered 1 to %d, and only in the preset mutants\n", number,
               kPlantedCount);
  std::exit(64);
}

/// "number name: what", a line each.
inline void list_planted() {
  for (int i = 0; i < kPlantedCount; ++i) std::printf("%d %s: %s\n", i + 1, kPlanted[i].name, kPlanted[i].what);
}

}  // namespace julu::test
