// Real processes that are killed under load, in integration's own way. Thread rule: one thread.
#pragma once

#include <cstdint>

namespace julu::crash {

/// `kills` SIGKILLs of a capturing or syncing phone; prints what came of them; returns the violations.
std::int64_t kill_processes(int kills, std::uint64_t seed);

}  // namespace julu::crash
