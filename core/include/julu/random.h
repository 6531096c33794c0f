// Randomness, injected so that every choice can be replayed from a seed. Thread rule: thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace julu {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;

  std::uint64_t next();
  /// Uniform in [0, bound); 0 when bound is 0.
  std::uint64_t below(std::uint64_t bound);
};

/// The operating system's generator, fit for keys; lives for ever.
Random& system_random();

/// The same sequence for the same seed on every platform. Never for keys of a real store.
std::unique_ptr<Random> seeded_random(std::uint64_t seed);

}  // namespace julu
