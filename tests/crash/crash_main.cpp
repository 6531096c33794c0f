// ./run crash: power cuts at every step of the scenarios, then a real process that is killed under load.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

#include "county.h"
#include "explorer.h"
#include "kills.h"
#include "lying.h"
#include "planted.h"

namespace {

using namespace julu::crash;

constexpr std::size_t kShortRun = 64;  // with a smaller sample there is no time for megabytes, and less is examined

struct Arguments {
  std::string scenario;
  double minutes = 0;
  int kills = 2000;
  std::size_t sample = 256;
  std::size_t sample_encrypted = 8;
  std::string step, subset;
  bool encrypted = false;
  bool brief = false;
  bool first = false;
  std::uint64_t seed = 1;
};

[[noreturn]] void usage(const char* word) {
  std::fprintf(stderr,
               "crash: %s?  --scenario NAME --minutes M --kills N --sample N --seed S --brief\n"
               "  --scenario NAME [--encrypted] --step S --subset BITS   one state again\n",
               word);
  std::exit(64);
}

Arguments parse(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--encrypted") {
      arguments.encrypted = true;
      continue;
    }
    if (word == "--brief") {
      arguments.brief = true;
      continue;
    }
    if (i + 1 >= count) usage(words[i]);
    const char* value = words[++i];
    if (word == "--scenario")
      arguments.scenario = value, arguments.kills = 0;
    else if (word == "--minutes")
      arguments.minutes = std::atof(value);
    else if (word == "--kills")
      arguments.kills = std::atoi(value);
    else if (word == "--sample")
      arguments.sample = std::strtoull(value, nullptr, 10);
    else if (word == "--seed")
      arguments.seed = std::strtoull(value, nullptr, 10);
    else if (word == "--step")
      arguments.step = value;
    else if (word == "--subset")
      arguments.subset = value;
    else if (word == "--mutant")
      julu::test::plant(value), arguments.first = true;
    else
      usage(words[i - 1]);
  }
  return arguments;
}

Settings settings_of(const Arguments& arguments, bool encrypted, std::uint64_t pass) {
  Settings settings;
  settings.encrypted = encrypted;
  settings.subsets = encrypted ? std::min(arguments.sample, arguments.sample_encrypted) : arguments.sample;
  settings.subsets_again = std::clamp<std::size_t>(arguments.sample / 4, 1, settings.subsets_again);
  settings.examine_again_every = arguments.sample < kShortRun ? 8 : 1;
  settings.fresh_only = pass > 0;
  settings.seed = arguments.seed + pass;
  return settings;
}

/// One scenario, plain and encrypted; one line.
Tally run_scenario(const Scenario& scenario, const Arguments& arguments, std::uint64_t pass) {
  const auto begun = std::chrono::steady_clock::now();
  Tally tally;
  for (const bool encrypted : {false, true}) {
    if (encrypted && (!julu::test::has_cipher() || scenario.large || scenario.subject == kPlatform)) continue;
    try {
      const Recording recording = record(scenario, encrypted, arguments.seed);
      Explorer explorer(scenario, recording, settings_of(arguments, encrypted, pass));
      explorer.run();
      tally.add(explorer.tally());
    } catch (const std::exception& error) {
      std::printf("VIOLATION in \"%s\"%s: the uncut run fails: %s\n", scenario.name.c_str(),
                  encrypted ? " --encrypted" : "", error.what());
      ++tally.violations;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  if (!arguments.brief) {
    std::printf("%-42s %8lld cuts, %7lld while recovering, %5lld examined, %5.1f s, violations: %lld\n",
                scenario.name.c_str(), static_cast<long long>(tally.states), static_cast<long long>(tally.again),
                static_cast<long long>(tally.examined), took.count(), static_cast<long long>(tally.violations));
  }
  return tally;
}

int replay(const Scenario& scenario, const Arguments& arguments) {
  const auto split = [](const std::string& text) {
    const std::size_t slash = text.find('/');
    return std::pair(text.substr(0, slash), slash == std::string::npos ? std::string() : text.substr(slash + 1));
  };
  const auto bits = [](const std::string& text) { return text == "-" ? Fates() : text; };
  const auto [step, then_step] = split(arguments.step);
  const auto [subset, then_subset] = split(arguments.subset);
  const Recording recording = record(scenario, arguments.encrypted, arguments.seed);
  Explorer explorer(scenario, recording, settings_of(arguments, arguments.encrypted, 0));
  const std::size_t at = std::strtoull(step.c_str(), nullptr, 10);
  const std::string wrong =
      then_step.empty()
          ? explorer.replay(at, bits(subset))
          : explorer.replay_again(at, bits(subset), std::strtoull(then_step.c_str(), nullptr, 10), bits(then_subset));
  std::printf("%s, step %s of %zu (%s): %s\nviolations: %d\n", scenario.name.c_str(), arguments.step.c_str(),
              recording.journal.size(), recording.place(at).c_str(), wrong.empty() ? "sound" : wrong.c_str(),
              wrong.empty() ? 0 : 1);
  return wrong.empty() ? 0 : 1;
}

Tally run_scenarios(const Arguments& arguments) {
  const auto begun = std::chrono::steady_clock::now();
  const auto minutes = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count() / 60;
  };
  Tally tally;
  for (std::uint64_t pass = 0; pass == 0 || minutes() < arguments.minutes; ++pass) {
    for (const Scenario& scenario : scenarios()) {
      if (!arguments.scenario.empty() && scenario.name != arguments.scenario) continue;
      if (pass > 0 && minutes() >= arguments.minutes) break;
      if (scenario.large && arguments.sample < kShortRun && arguments.scenario.empty()) continue;
      tally.add(run_scenario(scenario, arguments, pass));
      if (arguments.first && tally.violations > 0) return tally;
    }
    if (tally.violations > 0) break;
  }
  const double seconds = minutes() * 60;
  std::printf(
      "power cuts %lld, of them while recovering from another %lld; %lld stores examined and worked on; %.0f s, %.0f a second\n",
      static_cast<long long>(tally.states), static_cast<long long>(tally.again), static_cast<long long>(tally.examined),
      seconds, static_cast<double>(tally.states) / seconds);
  return tally;
}

std::int64_t run_lying(const Arguments& arguments) {
  Lies lies;
  for (const Scenario& scenario : scenarios()) {
    if (scenario.subject != kPhone || scenario.large || scenario.enrols || scenario.damaged) continue;
    for (const bool encrypted : {false, true}) {
      if (encrypted && !julu::test::has_cipher()) continue;
      const Recording recording = record(scenario, encrypted, arguments.seed);
      lies.add(cut_lying(scenario, recording, static_cast<int>(arguments.sample), encrypted, arguments.seed));
    }
  }
  std::printf(
      "a lying disk: %lld cuts; %lld left an older state whole, %lld a store that does not open, %lld one that is set aside"
      " when it is opened, %lld a photo of other bytes than its hash, %lld nothing that shows\n",
      static_cast<long long>(lies.states), static_cast<long long>(lies.older), static_cast<long long>(lies.refused),
      static_cast<long long>(lies.aside), static_cast<long long>(lies.photos), static_cast<long long>(lies.silent));
  return lies.silent;
}

}  // namespace

namespace julu::crash {

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> list;
    for (const auto& part :
         {capture_scenarios(), sync_scenarios(), upkeep_scenarios(), wreck_scenarios(), platform_scenarios()}) {
      list.insert(list.end(), part.begin(), part.end());
    }
    return list;
  }();
  return all;
}

}  // namespace julu::crash

int main(int count, char** words) {
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);
  const Arguments arguments = parse(count, words);
  const Scenario* one = nullptr;
  for (const Scenario& scenario : scenarios()) {
    if (scenario.name == arguments.scenario) one = &scenario;
  }
  if (one == nullptr && !arguments.scenario.empty()) {
    for (const Scenario& scenario : scenarios()) std::printf("%s\n", scenario.name.c_str());
    return 64;
  }
  if (one != nullptr && !arguments.step.empty()) {
    try {
      return replay(*one, arguments);
    } catch (const std::invalid_argument& error) {
      std::fprintf(stderr, "crash: %s\n", error.what());
      return 64;
    }
  }
  Tally tally = run_scenarios(arguments);
  if (one == nullptr && !arguments.first) tally.violations += run_lying(arguments);
  if (arguments.kills > 0) tally.violations += kill_processes(arguments.kills, arguments.seed);
  std::printf("violations: %lld\n", static_cast<long long>(tally.violations));
  return tally.violations == 0 ? 0 : 1;
}
