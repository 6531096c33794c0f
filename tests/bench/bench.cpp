#include "bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace julu::bench {

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "bench: %s failed\n", what);
  std::exit(2);
}

std::vector<double> race(const std::vector<Contender>& contenders) {
  std::vector<std::vector<double>> rates(contenders.size());
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      int done = 0;
      const double time = seconds([&] { done = contenders[i].run(); });
      rates[i].push_back(done / time);
      if (contenders[i].settle) contenders[i].settle();
    }
  }
  std::vector<double> medians;
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    std::sort(rates[i].begin(), rates[i].end());
    medians.push_back(rates[i][rates[i].size() / 2]);
    std::printf("  %-58s %9.0f /s  (%.0f … %.0f)\n", contenders[i].name.c_str(), medians.back(), rates[i].front(),
                rates[i].back());
  }
  std::fflush(stdout);
  return medians;
}

void note(const std::string& what, double ratio) {
  std::printf("     %-60s %.2f\n", what.c_str(), ratio);
  std::fflush(stdout);
}

bool verdict(const std::string& what, double ratio, double wanted) {
  std::printf("%s %-60s %.2f  (wanted: %.2f)\n", ratio >= wanted ? "ok  " : "LOW ", what.c_str(), ratio, wanted);
  std::fflush(stdout);
  return ratio >= wanted;
}

}  // namespace julu::bench

int main(int count, char** words) {
  using namespace julu::bench;
  const auto asked = [&](const char* name) { return count < 2 || std::strcmp(words[1], name) == 0; };
  bool met = true;
  if (asked("capture")) met = bench_capture() && met;
  if (asked("open")) met = bench_open_and_search() && met;
  if (asked("photos")) met = bench_photos_carried() && met;
  if (asked("push")) met = bench_push() && met;
  if (asked("pull")) bench_pull();
  return met ? 0 : 1;
}
