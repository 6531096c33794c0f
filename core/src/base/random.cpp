#include <julu/random.h>

#include <array>
#include <mutex>

#include "base/crypto_random.h"

namespace julu {
namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override { fill_from_system(out); }
};

// SplitMix64: small, fast, the same everywhere. Only tests and the simulator use it.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  void fill(std::span<std::byte> out) override {
    const std::lock_guard lock(mutex_);
    while (!out.empty()) {
      state_ += 0x9E3779B97F4A7C15ULL;
      std::uint64_t z = state_;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
      z ^= z >> 31;
      for (int i = 0; i < 8 && !out.empty(); ++i, z >>= 8) {
        out.front() = static_cast<std::byte>(z & 0xFF);
        out = out.subspan(1);
      }
    }
  }

 private:
  std::mutex mutex_;
  std::uint64_t state_;
};

}  // namespace

std::uint64_t Random::next() {
  std::array<std::byte, 8> bytes{};
  fill(bytes);
  std::uint64_t value = 0;
  for (const std::byte b : bytes) value = (value << 8) | static_cast<std::uint64_t>(b);
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) {
  if (bound == 0) return 0;
  const std::uint64_t tail = (0 - bound) % bound;  // values under it would make small results likelier
  std::uint64_t value = next();
  while (value < tail) value = next();
  return value % bound;
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

std::unique_ptr<Random> seeded_random(std::uint64_t seed) { return std::make_unique<SeededRandom>(seed); }

}  // namespace julu
