// Numbers for objects: kind, slot and generation, so that a stale, foreign or made-up one is an error and never a
// pointer. Thread rule: every function from any thread.
#pragma once

#include <cstdint>
#include <memory>

namespace julu::c {

enum class Kind : std::uint8_t { store = 1, sync = 2, transport = 3 };

/// 0 when a parent that this process was forked from had handles open (see `forked`), or when there are too many.
std::uint64_t add_handle(Kind kind, std::shared_ptr<void> object);
/// Null when there is no such handle.
std::shared_ptr<void> find_handle(Kind kind, std::uint64_t handle);
/// The object, which is no longer to be found; null when it was not.
std::shared_ptr<void> take_handle(Kind kind, std::uint64_t handle);
std::int32_t live_handles();
/// Whether this process is the child of one that had a handle open. SQLite's state in here would belong to the parent.
bool forked();

}  // namespace julu::c
