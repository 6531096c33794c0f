// What the handles stand for. Thread rule: as the core's types; each says what it locks.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <julu/store.h>
#include <julu/syncer.h>

#include "convert.h"
#include "handles.h"

namespace julu::c {

/// A function of the host's with what belongs to it; tells the host when the last one that could call it is gone.
template <class Fn>
class Callback {
 public:
  Callback(Fn its_fn, void* its_context, julu_release_fn release)
      : fn(its_fn), context(its_context), release_(release) {}
  ~Callback() {
    if (release_ != nullptr) release_(context);
  }
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  const Fn fn;
  void* const context;

 private:
  const julu_release_fn release_;
};

class OpenSync;

class OpenStore {
 public:
  /// The key from where the host keeps it. Errors: locked, bad_argument.
  static Result<StoreKey> ask_key(const std::uint8_t* bytes, const Callback<julu_key_fn>* source);

  /// Ends the syncs and lets go of the file. Errors: busy from inside a callback of one of them, or when one does not
  /// return within limits::suspend_wait_ms.
  Result<void> suspend();
  /// Asks for the key only when the store is suspended: a keystore may put up a prompt. `key` as of julu_store_resume.
  Result<void> resume(const std::uint8_t* bytes);
  void know(const std::shared_ptr<OpenSync>& sync);

  std::unique_ptr<Store> store;
  bool encrypted = true;
  std::shared_ptr<Callback<julu_key_fn>> key;

 private:
  std::mutex turn_;  // of suspended_, and of what makes it so; never held over a callback
  bool suspended_ = false;
  std::mutex mutex_;  // of syncs_
  std::vector<std::weak_ptr<OpenSync>> syncs_;
};

class OpenSync {
 public:
  OpenSync(std::shared_ptr<OpenStore> store, std::shared_ptr<Transport> transport);
  Result<SyncOutcome> run(SyncOptions options);
  /// The run under way ends, and so does every later one.
  void shut();
  /// True inside a callback of its run.
  bool runs_here() const { return runner_ == std::this_thread::get_id(); }
  /// Ends the run under way and lets none begin until `go_on`. False: a callback of the run does not return. Not inside
  /// one.
  bool halt();
  void go_on();

  const std::shared_ptr<OpenStore> store;
  Syncer& syncer() { return syncer_; }

 private:
  void leave();
  void let_run();

  const std::shared_ptr<Transport> transport_;
  Syncer syncer_;
  std::mutex mutex_;  // of busy_
  std::condition_variable left_;
  bool busy_ = false;  // a run is under way, or none may begin
  std::atomic<std::thread::id> runner_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> shut_ = false;
};

/// Errors: closed.
template <class T>
Result<std::shared_ptr<T>> object(Kind kind, std::uint64_t handle) {
  auto found = std::static_pointer_cast<T>(find_handle(kind, handle));
  if (found == nullptr) return Error{ErrorCode::closed, {}, {}};
  return found;
}
inline Result<std::shared_ptr<OpenStore>> open_store(julu_store store) { return object<OpenStore>(Kind::store, store); }

/// Errors: closed in the child of a process that had handles, internal when there are too many.
Result<void> give_handle(Kind kind, std::shared_ptr<void> object, julu_handle* out);

/// The host's transport of this handle, for the sync that will own a share of it. Errors: closed.
Result<std::shared_ptr<Transport>> host_transport(julu_transport transport);

}  // namespace julu::c
