// Captures in C++ itself, beside which the benches of the other languages set theirs: a library that a JVM and a Swift
// program load next to their own. Thread rule: as Store.
#pragma once

#include <cstdint>

extern "C" {

/// The store in `directory`, which others may have open too. `key`: 32 bytes; null: unencrypted. Null on an error.
void* julu_plain_open(const char* directory, const std::uint8_t* key);
/// So many in a loop, all under `id` unless it is empty. Nanoseconds in all; -1 on an error.
std::int64_t julu_plain_captures(void* store, const char* kind, const char* body, const char* id, std::int32_t count);
void julu_plain_close(void* store);
}
