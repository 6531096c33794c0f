#include <julu/clock.h>

#include <chrono>
#include <ctime>
#include <fstream>

namespace julu {
namespace {

class SystemClock final : public Clock {
 public:
  std::int64_t now_ms() override {
    using std::chrono::milliseconds;
    return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }

  std::int64_t monotonic_ms() override {
#ifdef CLOCK_BOOTTIME
    constexpr clockid_t kClock = CLOCK_BOOTTIME;  // counts sleep too, which CLOCK_MONOTONIC does not on Linux
#else
    constexpr clockid_t kClock = CLOCK_MONOTONIC;  // counts sleep on Darwin
#endif
    timespec t{};
    clock_gettime(kClock, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
  }

  std::string boot_id() override {
    static const std::string id = [] {
      std::string line;
      std::ifstream("/proc/sys/kernel/random/boot_id") >> line;
      return line.size() == 36 ? line : std::string(kUnknownBoot);
    }();
    return id;
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace julu
