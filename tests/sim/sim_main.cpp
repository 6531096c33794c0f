// ./run sim: seeds of a simulated county.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <malloc.h>

#include "planted.h"
#include "world.h"

namespace {

using namespace julu::sim;

struct Arguments {
  std::uint64_t from = 1;
  std::uint64_t seeds = 500;
  double minutes = 0;
  bool trace = false;
  bool twice = false;
  bool brief = false;
  bool fresh = false;               // from a seed that nobody has seen
  bool plain = false;               // workers without deeds: seeds of before there were any
  std::vector<std::uint64_t> only;  // these, whatever the others say
  std::string with;                 // only plans that have this fault
  int violations = 5;
};

std::uint64_t number(const char* text) { return std::strtoull(text, nullptr, 10); }

std::string fault_named(const std::string& wanted) {
  for (int i = 0; i < static_cast<int>(Fault::count_); ++i) {
    if (wanted == name(static_cast<Fault>(i))) return wanted;
  }
  std::fprintf(stderr, "sim: no fault %s\n", wanted.c_str());
  std::exit(64);
}

Arguments parse(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const char* value = i + 1 < count ? words[i + 1] : "0";
    if (word == "--seeds")
      arguments.seeds = number(value), ++i;
    else if (word == "--from")
      arguments.from = number(value), ++i;
    else if (word == "--seed")
      arguments.only.push_back(number(value)), ++i;
    else if (word == "--minutes")
      arguments.minutes = std::atof(value), ++i;
    else if (word == "--trace")
      arguments.trace = true;
    else if (word == "--fresh")
      arguments.fresh = true, arguments.from = julu::system_random().below(1'000'000'000);
    else if (word == "--brief")
      arguments.brief = true;
    else if (word == "--twice")
      arguments.twice = true;
    else if (word == "--plain")
      arguments.plain = true;
    else if (word == "--with")
      arguments.with = fault_named(value), ++i;
    else if (word == "--mutant")
      julu::test::plant(value), arguments.violations = 1, ++i;
    else if (word == "--mutant-list")
      julu::test::list_planted(), std::exit(0);
    else {
      std::fprintf(
          stderr,
          "sim: %s?  --seeds N --from S --minutes M --seed S --trace --brief --twice --fresh --plain --with FAULT --mutant K\n",
          words[i]);
      std::exit(64);
    }
  }
  return arguments;
}

struct Ran {
  std::optional<Violation> violation;
  std::uint64_t hash = 0;
  Tally tally;
};

Ran run_plan(const Plan& plan, bool shown) {
  Trace trace(shown);
  World world(plan, trace);
  Ran ran;
  ran.violation = world.run();
  ran.hash = trace.hash();
  ran.tally = world.tally;
  return ran;
}

// The same failure with fewer faults, fewer phones and fewer days, as long as it still fails the same way.
Plan shrink(Plan plan, const std::string& invariant) {
  const auto still = [&](const Plan& smaller) {
    const Ran ran = run_plan(smaller, false);
    return ran.violation && ran.violation->invariant == invariant;
  };
  for (bool less = true; less;) {
    less = false;
    for (auto fault = plan.rates.begin(); fault != plan.rates.end();) {
      Plan smaller = plan;
      const Fault next = fault->first;
      smaller.rates.erase(next);
      if (still(smaller)) plan = smaller, less = true;
      fault = plan.rates.upper_bound(next);
    }
    for (int* size : {&plan.days, &plan.phones}) {
      const int was = *size;
      for (int smaller = 1; smaller < was; smaller = smaller < was - 1 ? (smaller + was) / 2 : was) {
        *size = smaller;
        if (still(plan)) {
          less = true;
          break;
        }
        *size = was;
      }
    }
  }
  return plan;
}

void report(const Plan& plan, const Violation& violation) {
  std::printf("\nseed %llu violates: %s\n  %s\n", static_cast<unsigned long long>(plan.seed),
              violation.invariant.c_str(), violation.detail.c_str());
  const Plan smaller = shrink(plan, violation.invariant);
  std::printf("  the smallest that still does: %d phones, %d days, faults:", smaller.phones, smaller.days);
  for (const auto& [fault, rate] : smaller.rates) std::printf(" %s", name(fault));
  std::printf("\n\n");
  run_plan(smaller, true);
}

}  // namespace

int main(int count, char** words) {
  // Disks of memory come and go with every seed: keep what was freed instead of asking the system for it again.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  julu::test::use_sqlite_in_one_thread();
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);
  const Arguments arguments = parse(count, words);
  const auto wanted = [&](const Plan& plan) {
    return arguments.with.empty() || std::any_of(plan.rates.begin(), plan.rates.end(),
                                                 [&](const auto& rate) { return arguments.with == name(rate.first); });
  };
  // Also for a county that ends in an abort.
  if (arguments.fresh) std::printf("fresh, from seed %llu\n", static_cast<unsigned long long>(arguments.from));
  const auto begun = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count(); };
  Tally tally;
  std::uint64_t done = 0;
  int violations = 0;
  std::uint64_t hash = 0;
  std::uint64_t seed = 0;
  for (std::size_t i = 0; violations < arguments.violations; ++i) {
    const bool time_is_up = arguments.minutes > 0 && seconds() > arguments.minutes * 60;
    const bool all_done = arguments.only.empty() ? done >= arguments.seeds : i >= arguments.only.size();
    if (arguments.minutes > 0 ? time_is_up : all_done) break;
    seed = arguments.only.empty() ? arguments.from + i : arguments.only[i];
    Plan plan = draw_plan(seed);
    plan.deeds = !arguments.plain;
    if (!wanted(plan)) continue;
    ++done;
    const Ran ran = run_plan(plan, arguments.trace);
    hash = hash * 31 + ran.hash;
    tally.add(ran.tally);
    if (arguments.twice && run_plan(plan, false).hash != ran.hash) {
      std::printf("seed %llu: not the same twice\n", static_cast<unsigned long long>(seed));
      ++violations;
    }
    if (!ran.violation) continue;
    ++violations;
    if (arguments.brief) {
      std::printf("seed %llu: %s: %s\n", static_cast<unsigned long long>(seed), ran.violation->invariant.c_str(),
                  ran.violation->detail.c_str());
    } else if (!arguments.trace) {
      report(plan, *ran.violation);
    }
  }
  // `run` shows this line also when nothing was found.
  if (arguments.fresh) {
    std::printf("fresh seeds %llu … %llu: violations %d\n", static_cast<unsigned long long>(arguments.from),
                static_cast<unsigned long long>(seed), violations);
  }
  std::printf(
      "%llu seeds of %llu … %llu, %.1f a second; %lld device-days, %lld captures, %lld photos, %lld ops, %lld syncs, %lld requests\n",
      static_cast<unsigned long long>(done),
      static_cast<unsigned long long>(arguments.only.empty() ? arguments.from : arguments.only.front()),
      static_cast<unsigned long long>(seed), static_cast<double>(done) / seconds(),
      static_cast<long long>(tally.device_days), static_cast<long long>(tally.captures),
      static_cast<long long>(tally.photos), static_cast<long long>(tally.ops), static_cast<long long>(tally.syncs),
      static_cast<long long>(tally.requests));
  std::printf("power cuts %lld, kills %lld, looks from beside %lld; faults:", static_cast<long long>(tally.cuts),
              static_cast<long long>(tally.kills), static_cast<long long>(tally.looks));
  for (const auto& [fault, times] : tally.faults) std::printf(" %s %lld", fault.c_str(), static_cast<long long>(times));
  std::printf("\ntrace %016llx\nviolations: %d\n", static_cast<unsigned long long>(hash), violations);
  return violations == 0 ? 0 : 1;
}
