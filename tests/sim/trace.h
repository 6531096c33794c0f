// What happened in a simulated county, as logical events: never bytes of a file, which a cipher makes anew each time.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace julu::sim {

class Trace {
 public:
  /// `shown`: every event is printed as it happens.
  explicit Trace(bool shown) : shown_(shown) {}

  void add(std::int64_t now_ms, int phone, std::string_view event) {
    for (const char c : event) mix(static_cast<unsigned char>(c));
    mix(static_cast<std::uint64_t>(now_ms));
    mix(static_cast<std::uint64_t>(phone) + 1);
    ++events_;
    if (shown_) {
      std::printf("%12.3f s  phone %2d  %.*s\n", static_cast<double>(now_ms) / 1000, phone,
                  static_cast<int>(event.size()), event.data());
    }
  }
  std::uint64_t hash() const { return hash_; }
  std::int64_t events() const { return events_; }
  bool shown() const { return shown_; }

 private:
  // FNV-1a.
  void mix(std::uint64_t value) {
    hash_ ^= value;
    hash_ *= 0x100000001B3ULL;
  }
  bool shown_;
  std::uint64_t hash_ = 0xCBF29CE484222325ULL;
  std::int64_t events_ = 0;
};

}  // namespace julu::sim
