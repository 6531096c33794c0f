// A store after a crash, opened and read whole: is it sound, does it keep what was promised, and does the work go on
// until phone and platform agree, each thing once? Thread rule: one thread.
#pragma once

#include <string>
#include <vector>

#include "scenario.h"

namespace julu::crash {

/// What is wrong, or nothing. `enrolled`: the phone had been told that it is known to the platform.
std::string examine(const Scenario& scenario, const Moment& moment, const std::vector<Claim>& promised, bool enrolled,
                    bool encrypted);

/// What a look at every page, every link of the chain, every photo and every record shows to be wrong, or nothing.
std::string look_through(const Scenario& scenario, const Moment& moment, bool encrypted);

}  // namespace julu::crash
