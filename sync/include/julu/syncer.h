// Carries the queue to the platform and the platform's changes back, on the thread that calls `run`; it has none of
// its own. Thread rule: `run` on one thread at a time, `cancel` and `hint` from any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <julu/clock.h>
#include <julu/random.h>
#include <julu/result.h>
#include <julu/transport.h>

namespace julu {

class Store;

struct SyncProgress {
  std::int64_t ops_done = 0, ops_total = 0;
  std::int64_t thumbnails_done = 0, thumbnails_total = 0;
  std::int64_t photos_done = 0, photos_total = 0;
  std::int64_t bytes_done = 0, bytes_total = 0;  ///< of photos
};

/// How a run ended. `all_delivered`: nothing is left that goes by itself; what the platform refused (`ops_parked`) was
/// not delivered and waits for a person. It maps to WorkManager's success, `left` and `deadline` to retry. `cancelled`:
/// as the host wishes; `sign_in` and `device_refused`: tell the person, try again no sooner than the next day's work;
/// `app_too_old`: update.
enum class SyncEnd { all_delivered, left, deadline, cancelled, sign_in, device_refused, app_too_old };

struct SyncOutcome {
  SyncEnd end = SyncEnd::left;
  std::optional<Error> failure;  ///< why something is left, when one cause is known: offline, captive_portal, server …
  std::int64_t ops_delivered = 0;  ///< receipted in this run
  std::int64_t ops_left = 0;
  std::int64_t ops_parked = 0;   ///< in all, waiting for a person
  std::int64_t photos_sent = 0;  ///< whose last byte went in this run
  std::int64_t photos_left = 0;
  std::int64_t photo_bytes_sent = 0;  ///< request bytes of photos, sent again ones included, thumbnails not
  std::int64_t records_changed = 0;   ///< by pulls
  std::int64_t requests = 0;          ///< of all kinds
  std::int64_t push_requests = 0;
  std::optional<std::int64_t> next_attempt_ms;  ///< wall clock; in the past: due now; none: nothing waits
};

struct SyncOptions {
  std::chrono::milliseconds at_most{10 * 60 * 1000};
  std::function<void(const SyncProgress&)> progress = {};  ///< on `run`'s thread, at most ten times a second
  /// Ends the run as `cancel` does once it is true, even when that was before the run; `cancel` is what makes it look.
  const std::atomic<bool>* stop = nullptr;
};

class Syncer {
 public:
  /// Both outlive the Syncer. Clock and random are the store's.
  Syncer(Store& store, Transport& transport);
  ~Syncer();

  /// Offline is an outcome, not an error. Errors: sync_in_progress, suspended, store_corrupt (then open the store
  /// anew), and those of the disk. What was delivered before an error or the deadline stays delivered.
  Result<SyncOutcome> run(const SyncOptions& options);
  Result<SyncOutcome> run() { return run(SyncOptions{}); }
  /// Ends `run` within a second.
  void cancel();
  /// The network came or changed, or a person asks for it now: forgets waiting times.
  Result<void> hint();

 private:
  class Run;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace julu
