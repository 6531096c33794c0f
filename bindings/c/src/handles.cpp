#include "handles.h"

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include <pthread.h>

namespace julu::c {
namespace {

// | kind 8 | generation 32 | slot 24 |
constexpr int kSlotBits = 24;
constexpr int kGenerationBits = 32;
constexpr std::uint64_t kSlotMask = (1ULL << kSlotBits) - 1;
constexpr std::uint64_t kGenerationMask = (1ULL << kGenerationBits) - 1;

struct Slot {
  std::shared_ptr<void> object;
  std::uint64_t handle = 0;
  std::uint32_t generation = 0;
};

struct Table {
  std::mutex mutex;
  std::vector<Slot> slots;
  std::vector<std::size_t> free;
  std::int32_t live = 0;
};

std::atomic<bool> is_forked = false;
std::atomic<std::int32_t> live_at_all = 0;
std::atomic<Table*> current = nullptr;

// The child's mutexes may be held by threads that it has not got, and what the objects do at their end would be done to
// the parent's file. So all of it is left where it is, unreachable.
void begin_anew_in_child() {
  if (live_at_all == 0) return;
  is_forked = true;
  live_at_all = 0;
  current = new Table;
}

Table& table() {
  static const bool ready = [] {
    current = new Table;  // lives for ever: threads may call until the process ends
    return ::pthread_atfork(nullptr, nullptr, begin_anew_in_child) == 0;
  }();
  static_cast<void>(ready);
  return *current;
}

Slot* slot_of(Table& all, Kind kind, std::uint64_t handle) {
  const std::uint64_t slot = handle & kSlotMask;
  if (handle >> (kSlotBits + kGenerationBits) != static_cast<std::uint64_t>(kind) || slot >= all.slots.size()) {
    return nullptr;
  }
  Slot& found = all.slots[slot];
  return found.object != nullptr && found.handle == handle ? &found : nullptr;
}

}  // namespace

std::uint64_t add_handle(Kind kind, std::shared_ptr<void> object) {
  Table& all = table();
  if (forked()) return 0;
  const std::lock_guard lock(all.mutex);
  if (all.free.empty()) {
    if (all.slots.size() > kSlotMask) return 0;
    all.slots.emplace_back();
    all.free.push_back(all.slots.size() - 1);
  }
  const std::size_t at = all.free.back();
  all.free.pop_back();
  Slot& slot = all.slots[at];
  ++slot.generation;
  slot.object = std::move(object);
  slot.handle = static_cast<std::uint64_t>(kind) << (kSlotBits + kGenerationBits) |
                (slot.generation & kGenerationMask) << kSlotBits | at;
  ++all.live;
  live_at_all = all.live;
  return slot.handle;
}

std::shared_ptr<void> find_handle(Kind kind, std::uint64_t handle) {
  Table& all = table();
  const std::lock_guard lock(all.mutex);
  const Slot* slot = slot_of(all, kind, handle);
  return slot != nullptr ? slot->object : nullptr;
}

std::shared_ptr<void> take_handle(Kind kind, std::uint64_t handle) {
  Table& all = table();
  const std::lock_guard lock(all.mutex);
  Slot* slot = slot_of(all, kind, handle);
  if (slot == nullptr) return nullptr;
  all.free.push_back(static_cast<std::size_t>(slot - all.slots.data()));
  --all.live;
  live_at_all = all.live;
  return std::exchange(slot->object, nullptr);
}

std::int32_t live_handles() { return live_at_all; }

bool forked() { return is_forked; }

}  // namespace julu::c
