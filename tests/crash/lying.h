// A disk that lies about syncs: nobody can keep a promise on it, but what it leaves must be a state that was, or be
// noticed. Thread rule: one thread.
#pragma once

#include "recording.h"

namespace julu::crash {

struct Lies {
  std::int64_t states = 0;
  std::int64_t older = 0;    ///< whole, as it was at some earlier moment: the platform notices by seq and `holds`
  std::int64_t refused = 0;  ///< the store does not open
  std::int64_t found = 0;    ///< a look through it finds what is wrong
  std::int64_t silent = 0;
  void add(const Lies& other);
};

/// `cuts` power cuts of a phone whose disk has synced nothing since the recording began.
Lies cut_lying(const Scenario& scenario, const Recording& recording, int cuts, bool encrypted, std::uint64_t seed);

}  // namespace julu::crash
