// The effect of each call is at the county once. Thread rule: plain functions.
#pragma once

#include "holdings.h"

namespace julu::sim {

/// What was made again is there once: as it was made first, or as it was made last.
void check_effect_is_one(World& world, const Phone& phone, const std::vector<OwnOp>& ops,
                         const std::map<std::string, HeldOp>& held);

}  // namespace julu::sim
