#include "objects.h"

#include <algorithm>
#include <cassert>
#include <chrono>

#include <julu/limits.h>

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
  std::size_t halted = 0;
  while (halted < syncs.size() && syncs[halted]->halt()) ++halted;
  Result<void> done = Error{ErrorCode::busy, {}, "a callback of the run does not return"};
  if (halted == syncs.size()) {
    const std::lock_guard lock(turn_);
    done = store->suspend();
    suspended_ = suspended_ || done.ok();
  }
  for (std::size_t i = 0; i < halted; ++i) syncs[i]->go_on();
  return done;
}

Result<void> OpenStore::resume(const std::uint8_t* bytes) {
  {
    const std::lock_guard lock(turn_);
    if (!suspended_) return {};
  }
  StoreKey given{};
  if (encrypted) {
    JULU_TRY(given, ask_key(bytes, key.get()));
  }
  const std::lock_guard lock(turn_);
  JULU_CHECK(store->resume(given));
  suspended_ = false;
  return {};
}

OpenSync::OpenSync(std::shared_ptr<OpenStore> its_store, std::shared_ptr<Transport> transport)
    : store(std::move(its_store)), transport_(std::move(transport)), syncer_(*store->store, *transport_) {}

Result<SyncOutcome> OpenSync::run(SyncOptions options) {
  {
    const std::lock_guard lock(mutex_);
    if (busy_) return Error{ErrorCode::sync_in_progress, {}, {}};
    busy_ = true;
  }
  struct Left {
    OpenSync& sync;
    ~Left() {
      sync.runner_ = std::thread::id();
      sync.leave();
    }
  } const left{*this};
  runner_ = std::this_thread::get_id();
  options.stop = &stop_;
  return syncer_.run(options);
}

void OpenSync::leave() {
  const std::lock_guard lock(mutex_);
  busy_ = false;
  left_.notify_all();
}

void OpenSync::shut() {
  shut_ = true;
  stop_ = true;
  syncer_.cancel();
}

bool OpenSync::halt() {
  assert(!runs_here());
  stop_ = true;
  syncer_.cancel();
  std::unique_lock lock(mutex_);
  const bool idle = left_.wait_for(lock, std::chrono::milliseconds(limits::suspend_wait_ms), [&] { return !busy_; });
  if (!idle) {
    let_run();
    return false;
  }
  busy_ = true;
  return true;
}

void OpenSync::go_on() {
  let_run();
  leave();
}

void OpenSync::let_run() {
  stop_ = false;
  if (shut_) stop_ = true;  // in this order: a shut in between counts
}

Result<void> give_handle(Kind kind, std::shared_ptr<void> object, julu_handle* out) {
  const std::uint64_t handle = add_handle(kind, std::move(object));
  if (handle == 0) return Error{forked() ? ErrorCode::closed : ErrorCode::internal, {}, forked() ? "fork" : "handles"};
  *out = handle;
  return {};
}

}  // namespace julu::c
