#include "lying.h"

#include <cstdio>
#include <set>

#include "examine.h"
#include "explorer.h"

namespace julu::crash {
namespace {

/// The first ones arrived, or most did, or few: what a cache does that is cut off.
Fates drawn(const Cuts& cuts, Random& random) {
  Fates fates(cuts.loose(), '1');
  const std::uint64_t mood = random.below(3);
  const std::uint64_t until = random.below(fates.size() + 1);
  const std::uint64_t lost = mood == 1 ? 1 : 8;  // of sixteen
  for (std::size_t i = 0; i < fates.size(); ++i) {
    if (mood == 0 ? i >= until : random.below(16) < lost) fates[i] = '0';
  }
  return fates;
}

}  // namespace

void Lies::add(const Lies& other) {
  states += other.states;
  older += other.older;
  refused += other.refused;
  found += other.found;
  silent += other.silent;
}

Lies cut_lying(const Scenario& scenario, const Recording& recording, int cuts, bool encrypted, std::uint64_t seed) {
  const auto random = seeded_random(seed);
  SimDisk probe(*random);
  std::set<Digest> past;
  Cuts honest(recording.start.phone, recording.journal, kPhone);
  for (std::size_t step = 0; step <= recording.journal.size(); ++step) {
    honest.move_to(step);
    probe.restore(honest.all());
    if (const Reopened state = reopen(probe, kPhone, encrypted); state.digest) past.insert(*state.digest);
  }
  Lies lies;
  for (int i = 0; i < cuts; ++i) {
    Cuts lying(recording.start.phone, recording.journal, kPhone, true);
    lying.move_to(recording.journal.size() - random->below(recording.journal.size() / 2 + 1));
    const Fates fates = drawn(lying, *random);
    const SimDisk::Image image = lying.image(fates);
    ++lies.states;
    probe.restore(image);
    const Reopened state = reopen(probe, kPhone, encrypted);
    if (!state.digest) {
      ++lies.refused;
    } else if (past.contains(*state.digest)) {
      ++lies.older;
    } else if (!look_through(scenario, {image, recording.start.platform, recording.ended_ms, {}}, encrypted).empty()) {
      ++lies.found;
    } else {
      ++lies.silent;
    }
  }
  return lies;
}

}  // namespace julu::crash
