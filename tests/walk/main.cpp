// julu_walk: walks from seeds, and what they broke.
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "walk.h"

namespace {

using namespace julu::walk;

constexpr int kViolationsMax = 20;  // more tell nothing new

struct Arguments {
  std::uint64_t from = 1;
  std::uint64_t count = 100;
  bool trace = false;
  Options options;
};

[[noreturn]] void end_with_usage() {
  std::cerr << "julu_walk [--from SEED] [--count N] [--steps N] [--lost PERCENT] [--refused PERCENT] [--trace]\n"
               "          [--two-workers] [--two-stores | --damaged-files] [--restores] [--give-up]\n";
  std::exit(64);
}

std::uint64_t number(const std::string& text) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos) end_with_usage();
  return std::stoull(text);
}

bool take_mode(Arguments& arguments, const std::string& word) {
  Options& options = arguments.options;
  if (word == "--two-workers") return options.two_workers = true;
  if (word == "--two-stores") return options.two_stores = true;
  if (word == "--damaged-files") return options.damaged_files = true;
  if (word == "--restores") return options.restores = true;
  if (word == "--give-up") return options.gives_up = true;
  if (word == "--trace") return arguments.trace = true;
  return false;
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (take_mode(arguments, words[i])) continue;
    const std::string& word = words[i];
    if (++i == words.size()) end_with_usage();
    const std::uint64_t value = number(words[i]);
    if (word == "--from")
      arguments.from = value;
    else if (word == "--count")
      arguments.count = value;
    else if (word == "--steps")
      arguments.options.steps = static_cast<int>(value);
    else if (word == "--lost")
      arguments.options.rates.lost_replies = value, arguments.options.rates.lost_requests = value / 2;
    else if (word == "--refused")
      arguments.options.rates.refused_ops = value;
    else
      end_with_usage();
  }
  // A file that another store has open is not taken from under it.
  if (arguments.options.two_stores && arguments.options.damaged_files) end_with_usage();
  return arguments;
}

int violations_of(std::uint64_t seed, const Arguments& arguments) {
  Findings findings(seed, arguments.trace);
  try {
    Walk(seed, arguments.options, findings).run();
  } catch (const std::exception& error) {
    findings.violate(error.what());
  }
  return findings.count();
}

}  // namespace

int main(int count, char** words) {
  // No walk cuts the power, so that nothing is asked of a real disk.
  if (std::filesystem::is_directory("/dev/shm")) setenv("TMPDIR", "/dev/shm", 0);
  julu::test::use_sqlite_in_one_thread();
  const Arguments arguments = parse({words + 1, words + count});
  int violations = 0;
  std::string failing;
  for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.count; ++seed) {
    const int found = violations_of(seed, arguments);
    if (found > 0) failing += " " + std::to_string(seed);
    violations += found;
    if (violations <= kViolationsMax) continue;
    std::cout << "stopped after seed " << seed << '\n';
    break;
  }
  if (!failing.empty()) std::cout << "failing seeds:" << failing << '\n';
  std::cout << "violations: " << violations << '\n';
  return violations == 0 ? 0 : 1;
}
