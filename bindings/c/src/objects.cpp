#include "objects.h"

#include <algorithm>
#include <cassert>

namespace julu::c {

Result<StoreKey> OpenStore::ask_key(const std::uint8_t* bytes, const Callback<julu_key_fn>* source) {
  StoreKey key{};
  if (bytes != nullptr) {
    std::copy_n(bytes, key.size(), key.begin());
    return key;
  }
  if (source == nullptr || source->fn == nullptr) return Error{ErrorCode::bad_argument, "key", "null"};
  const std::int32_t given = source->fn(source->context, key.data());
  if (given == JULU_KEY_NOT_NOW) return Error{ErrorCode::locked, {}, {}};
  if (given != 0) return Error{ErrorCode::bad_argument, "key", std::to_string(given)};
  return key;
}

void OpenStore::know(const std::shared_ptr<OpenSync>& sync) {
  const std::lock_guard lock(mutex_);
  std::erase_if(syncs_, [](const std::weak_ptr<OpenSync>& gone) { return gone.expired(); });
  syncs_.push_back(sync);
}

Result<void> OpenStore::suspend() {
  std::vector<std::shared_ptr<OpenSync>> syncs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& one : syncs_) {
      if (auto sync = one.lock()) syncs.push_back(std::move(sync));
    }
  }
  // All of them before the first is halted: who held one and then found itself inside another's run could wait for a
  // suspend that waits for that run.
  for (const auto& sync : syncs) {
    if (sync->runs_here()) return Error{ErrorCode::busy, {}, "from a callback of the run"};
  }
  for (const auto& sync : syncs) sync->halt();
  Result<void> done = store->suspend();
  for (const auto& sync : syncs) sync->go_on();
  return done;
}

OpenSync::OpenSync(std::shared_ptr<OpenStore> its_store, std::shared_ptr<Transport> transport)
    : store(std::move(its_store)), transport_(std::move(transport)), syncer_(*store->store, *transport_) {}

Result<SyncOutcome> OpenSync::run(SyncOptions options) {
  const std::unique_lock lock(running_, std::try_to_lock);
  if (!lock.owns_lock()) return Error{ErrorCode::sync_in_progress, {}, {}};
  runner_ = std::this_thread::get_id();
  options.stop = &stop_;
  auto outcome = syncer_.run(options);
  runner_ = std::thread::id();
  return outcome;
}

void OpenSync::shut() {
  shut_ = true;
  stop_ = true;
  syncer_.cancel();
}

void OpenSync::halt() {
  assert(!runs_here());
  stop_ = true;
  syncer_.cancel();
  running_.lock();
}

void OpenSync::go_on() {
  stop_ = false;
  if (shut_) stop_ = true;  // in this order: a shut in between counts
  running_.unlock();
}

Result<void> give_handle(Kind kind, std::shared_ptr<void> object, julu_handle* out) {
  const std::uint64_t handle = add_handle(kind, std::move(object));
  if (handle == 0) return Error{forked() ? ErrorCode::closed : ErrorCode::internal, {}, forked() ? "fork" : "handles"};
  *out = handle;
  return {};
}

}  // namespace julu::c
