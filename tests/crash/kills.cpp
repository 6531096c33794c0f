#include "kills.h"

#include <chrono>
#include <cstdio>
#include <exception>

#include "kill_run.h"

namespace julu::crash {

std::int64_t kill_processes(int kills, std::uint64_t seed) {
  const auto begun = std::chrono::steady_clock::now();
  std::int64_t violations = 0;
  try {
    const test::KillReport report = test::run_kills({JUHAOBAN_PROGRAM, PHONE_PROGRAM, kills, seed});
    for (const std::string& wrong : report.wrong) std::printf("VIOLATION after a kill: %s\n", wrong.c_str());
    violations = static_cast<std::int64_t>(report.wrong.size());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    std::printf("kills %d, %d while capturing and %d while syncing; %zu records and %zu photos; %.0f s\n",
                report.capture_kills + report.sync_kills, report.capture_kills, report.sync_kills, report.records,
                report.photos, took.count());
  } catch (const std::exception& error) {
    std::printf("VIOLATION after a kill: %s\n", error.what());
    ++violations;
  }
  return violations;
}

}  // namespace julu::crash
