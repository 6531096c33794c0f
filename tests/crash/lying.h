// A disk that lies about syncs: nobody can keep a promise on it, but what it leaves must be a state that was, or be
// noticed by the store itself. Thread rule: one thread.
#pragma once

#include "recording.h"

namespace julu::crash {

struct Lies {
  std::int64_t states = 0;
  std::int64_t older = 0;    ///< row by row as at some earlier moment: the platform notices by seq and `holds`
  std::int64_t refused = 0;  ///< the store does not open
  std::int64_t aside = 0;    ///< opening it finds it damaged and sets it aside
  std::int64_t photos = 0;   ///< all is as it was but bytes of a photo, which its hash gives away
  std::int64_t silent = 0;   ///< each is a violation
  void add(const Lies& other);
};

/// `cuts` power cuts of a phone whose disk has synced nothing since the recording began; prints each that is silent.
Lies cut_lying(const Scenario& scenario, const Recording& recording, int cuts, bool encrypted, std::uint64_t seed);

}  // namespace julu::crash
