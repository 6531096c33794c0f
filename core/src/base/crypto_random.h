// The operating system's randomness by way of OpenSSL, which only crypto.cpp may include. Thread rule: thread-safe.
#pragma once

#include <cstddef>
#include <span>

namespace julu {

/// Aborts when the system has no randomness to give: a guessable key would be worse.
void fill_from_system(std::span<std::byte> out);

}  // namespace julu
