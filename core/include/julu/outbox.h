// What is to be sent, and what came of it. Knows the store and no network; the Syncer and enrolment use it. What it
// says is durable when the call returns, but for that a photo or thumbnail went up, which the platform tells again.
// Thread rule: one thread an object; the store behind it takes any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <julu/change.h>
#include <julu/identity.h>
#include <julu/op.h>
#include <julu/receipt.h>
#include <julu/result.h>

namespace julu {

class Store;

struct OutgoingOp {
  std::int64_t row = 0;  ///< the store's own key
  std::int64_t seq = 0;  ///< the device's gapless number
  Id op_id;
  Id record;
  Verb verb = Verb::create;
  std::string canonical;  ///< RFC 8785 text without `seq`
  Hash hash{};
  std::string upload_url;  ///< attach only; may be empty
  int urgency = 2;         ///< 0 emergency, 1 urgent, 2 normal
};

enum class OpStatus { applied, duplicate, stale, held, rejected, retry };

struct Problem {
  std::string type;  ///< the protocol's stable name, such as "scope"
  std::string title;
  std::string detail;
  std::string pointer;  ///< JSON pointer to the field at fault
};

struct OpResult {
  OpStatus status = OpStatus::retry;
  std::int64_t version = 0;
  Problem problem;
  std::optional<Change> current;
  std::vector<Id> applied;
  std::int64_t retry_after_ms = 0;
};

/// A photo that waits for its bytes to reach the platform, or only for its thumbnail to.
struct OutgoingPhoto {
  Hash sha256{};
  std::int64_t length_bytes = 0;
  std::string upload_url;  ///< where an upload was begun; empty: none
  bool thumbnail = false;  ///< send `read_thumbnail` first, then ask again
  int urgency = 2;
  std::int64_t attempts = 0;  ///< failed since it last moved; of those that nobody answered, nine at most
};

struct PingFacts {
  std::int64_t epoch = 0;
  std::int64_t time_ms = 0;
  std::int64_t safe_before_ms = 0;
};

/// What a run has learned of the link, for the next one: a host may make a Syncer, or a process, for each. 0: unknown.
struct LinkFacts {
  std::size_t window_bytes = 0;  ///< of the next push
  std::size_t pull_rows = 0;     ///< of the next page
  std::int64_t piece_bytes = 0;  ///< of the next piece of a photo of others
  bool operator==(const LinkFacts&) const = default;
};

struct QueueCounts {
  std::int64_t ops = 0;                         ///< will go by themselves
  std::int64_t parked = 0;                      ///< wait for a person: refused, or behind a refused one of their record
  std::int64_t photos = 0;                      ///< whose bytes are not at the platform yet
  std::int64_t photo_bytes = 0;                 ///< of those
  std::optional<std::int64_t> next_attempt_ms;  ///< wall clock; absent when nothing is pending and nothing to be asked
  bool confirming = false;                      ///< it has to be asked what it still holds of what was delivered
};

/// What this phone has receipts for: receipted ops by day, and the end of its chain (openapi.yaml `Reconcile`).
struct Reckoning {
  struct Day {
    std::int64_t day = 0;  ///< since 1970-01-01, in UTC+08:00, of captured_at_ms
    std::int64_t ops = 0;
    Hash hash{};  ///< SHA-256 over the day's op hashes in hex, sorted, each with a line feed
  };
  std::vector<Day> days;
  std::optional<ChainHead> head;
};

/// A day on which the platform holds something else, and what it holds.
struct HeldDay {
  std::int64_t day = 0;
  std::vector<Id> ops;
};

class Outbox {
 public:
  explicit Outbox(Store& store) : store_(store) {}
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;
  ~Outbox();

  /// One Syncer a store, in this process and across processes; `identity` is the newest from then on. The first of a
  /// boot reads every row but the photos, as `Store::maintain` does. Errors: sync_in_progress, store_corrupt. Every
  /// settling call renews it.
  Result<void> acquire_lease();
  void release_lease();

  Result<Identity> identity() const;
  /// By the device key.
  Result<Signature> sign(std::string_view message) const;
  /// Keeps the offset between the platform's clock and ours, the epoch and what is safe from a restore.
  Result<void> note_ping(const PingFacts& ping);

  /// The newest that any reply has named; one of an older epoch comes from a copy that was to be gone.
  Result<std::int64_t> newest_epoch() const;

  /// The next operations that are due, urgent first, in order within a record, within both bounds (always at least
  /// one when one is due). An attach comes only after its photo's bytes are at the platform.
  Result<std::vector<OutgoingOp>> next_ops(std::size_t ops_max, std::size_t bytes_max);

  /// Commits one reply: `results[i]` belongs to `sent[i]`. Applied and duplicate results are believed only under a
  /// valid receipt over them (`receipt`); without one they stay queued and the error is receipt_invalid, or
  /// `receipt_key_unknown` is set when a pull may bring the key. Stale results are merged and made again, rejected
  /// ones parked with the reason.
  struct Settled {
    std::int64_t receipted = 0;
    bool receipt_key_unknown = false;
  };
  /// `holds`: how many of this device's ops the platform says it has; fewer than receipted means that it lost some.
  /// `epoch`: of the reply; 0: not told. A record of ours that a restore may have taken waits, and is not parked.
  Result<Settled> settle(const std::vector<OutgoingOp>& sent, const std::vector<OpResult>& results,
                         const std::optional<Receipt>& receipt, std::optional<std::int64_t> holds = std::nullopt,
                         std::int64_t epoch = 0);
  /// The whole request failed: each op gets its next attempt (full jitter; `retry_after_ms` wins when above 0).
  Result<void> defer(const std::vector<OutgoingOp>& sent, ErrorCode why, std::int64_t retry_after_ms);
  /// Nobody answered: so too all that is due, photos included, in one: texts come before photos also next time.
  Result<void> defer_all(ErrorCode why, std::int64_t retry_after_ms);
  /// A lone op that the platform cannot take: visible with its reason until a person acts.
  Result<void> park(const OutgoingOp& op, const Problem& problem);

  /// The next photos that are due, urgent first. Thumbnails come before bytes of any, but a photo of at most
  /// `quick_bytes` goes without one.
  Result<std::vector<OutgoingPhoto>> next_photos(std::size_t photos_max, std::int64_t quick_bytes = 0);
  /// At most `bytes_max` bytes from `offset`; shorter only at the end.
  Result<std::string> read_photo(const Hash& sha256, std::int64_t offset, std::size_t bytes_max);
  Result<std::string> read_thumbnail(const Hash& sha256);
  Result<void> photo_location(const Hash& sha256, const std::string& upload_url);  ///< empty drops it; again: it moves
  Result<void> thumbnail_sent(const Hash& sha256);
  /// `upload_url`: where its bytes are, when photo_location was not told; the attach op carries it as a hint.
  Result<void> photo_uploaded(const Hash& sha256, const std::string& upload_url = {});
  Result<void> defer_photo(const Hash& sha256, ErrorCode why, std::int64_t retry_after_ms);
  /// None goes before that: the platform wants to be spared.
  Result<void> defer_photos(std::int64_t retry_after_ms);
  /// Its bytes here are those of its hash; a disk that lied about its syncs may have left others.
  Result<bool> is_photo_whole(const Hash& sha256);
  /// The platform will not take these bytes (413 on a lone photo), or they are not the photo's any more: its attach ops
  /// are parked with the reason.
  Result<void> park_photo(const Hash& sha256, const Problem& problem, ErrorCode why = ErrorCode::too_large);

  // After a restore of the platform.
  /// The platform may have lost answered ops, and it is this phone's turn to ask.
  Result<bool> needs_reconcile() const;
  Result<Reckoning> reckoning();
  /// `differ`: the days that differ. What was receipted and is not held goes again; returns how many ops.
  Result<std::int64_t> reconcile(const std::vector<HeldDay>& differ);
  /// It could not say: this phone asks again after that and a random delay.
  Result<void> reconcile_later(std::int64_t retry_after_ms);

  // After the store was copied or restored, or where the platform knows its device no more: the same worker under a new
  // device id.
  Result<bool> is_forked() const;
  /// The id that the activation code gave, once `become` has made another; empty before.
  Result<std::string> first_device() const;
  Result<Signature> sign_as_first_device(std::string_view message) const;
  /// Durable when it returns; the same until `become`.
  Result<PublicKey> new_device_key();
  Result<Signature> sign_with_new_key(std::string_view message);
  /// The store goes on as `identity`: what is not receipted gets new numbers on a chain of its own, and keeps its ids
  /// and hashes. Errors: bad_reply when worker or root key are others.
  Result<void> become(const Identity& identity);
  /// So too for a device that an activation code gave, under a key that is durable elsewhere until this returns. Under
  /// the lease; asked again for the device that it is already, it does nothing.
  /// `begun_for` is what Enrolment::begin finds it by when the same code is asked for again.
  Result<void> become_by_code(const Identity& identity, const PrivateKey& key, const std::string& begun_for);

  Result<QueueCounts> counts() const;
  /// The network changed or a person asked: everything queued is due now, no run has failed, and nothing is known of
  /// the link.
  Result<void> due_now();
  /// What the last run noted; nothing when another network was told of since.
  Result<LinkFacts> link() const;
  /// How many runs in a row have failed with this one, other processes' too; 0: it did not.
  Result<std::int64_t> note_run(bool failed, const LinkFacts& link);

 private:
  void leave();

  Store& store_;
  bool leased_ = false;
};

}  // namespace julu
