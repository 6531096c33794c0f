// No value of a shared record is overwritten in silence. Thread rule: plain functions.
#pragma once

#include "effect.h"

namespace julu::sim {

/// The choices that a phone has recorded.
void note_what_gave_way(store::Connection& db, const std::string& worker, Accounts& accounts);

/// Of each field of each household, in the order in which the county took the values: whoever wrote one had seen the
/// value before it, or the phone recorded that the other gave way; and the last one taken stands.
void check_overwritten(World& world, const County& county, const Accounts& accounts);

}  // namespace julu::sim
