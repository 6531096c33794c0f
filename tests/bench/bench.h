// Measures a hot path next to its physical limit: both in one run, interleaved, as a ratio of medians. Thread rule: one
// thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace julu::bench {

inline constexpr int kRounds = 5;

struct Contender {
  std::string name;
  /// Runs once and returns how many were done.
  std::function<int()> run;
  /// Upkeep after each round, not timed: what the host does while it is idle. May be empty.
  std::function<void()> settle;
};

/// Runs all contenders in turn, kRounds times. Returns the medians in operations a second, and prints each with its
/// spread (smallest … largest).
std::vector<double> race(const std::vector<Contender>& contenders);

/// One line: a ratio for which no figure was set.
void note(const std::string& what, double ratio);

/// One line: the ratio, what was asked for, and whether it is met. Returns whether it is.
bool verdict(const std::string& what, double ratio, double wanted);

double seconds(const std::function<void()>& work);

/// Ends the program when something did not work that is not to be measured.
void require(bool ok, const char* what);

bool bench_capture();
bool bench_open_and_search();
bool bench_photos_carried();
bool bench_push();
void bench_pull();

}  // namespace julu::bench
