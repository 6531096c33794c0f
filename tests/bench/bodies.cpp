#include "bodies.h"

#include <julu/random.h>

namespace julu::bench {
namespace {

/// 60 Chinese characters that do not repeat from one to the next, as `seed` draws them.
std::string chinese(std::uint64_t seed) {
  const auto random = seeded_random(seed);
  std::string text;
  for (int i = 0; i < 60; ++i) {
    const auto c = static_cast<unsigned>(0x4E00 + random->below(0x5000));
    text += static_cast<char>(0xE0 | (c >> 12));
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (c & 0x3F));
  }
  return text;
}

}  // namespace

std::string body_600(std::uint64_t seed) {
  std::string body =
      R"({"category":"drainage","text":")" + chinese(seed) +
      R"(","urgency":"normal","grid":"130529200203001","place":{"text":"堤村乡 03 网格 村东头排水沟","grid":"130529200203001"},)"
      R"("location":{"accuracy_m":12,"datum":"WGS-84","fix_time_ms":1795500000000,"lat_e7":372200000,"lng_e7":1150350000,"provider":"gps"},)"
      R"("note":")";
  while (body.size() < 598) body += 'x';
  return body + "\"}";
}

}  // namespace julu::bench
