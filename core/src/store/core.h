// What the rooms of the store share: the two connections and their locks, who this device is, and the kinds it knows.
// Thread rule: `write` and `read` lock; functions that take a Connection run under such a lock.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <julu/limits.h>
#include <julu/mutant.h>
#include <julu/op.h>
#include <julu/receipt.h>
#include <julu/store.h>

#include "base/json.h"
#include "domain/flow.h"
#include "domain/schema.h"
#include "store/sqlite.h"
#include "store/sum.h"

namespace julu::store {

inline constexpr int kStatusQueued = 0;
inline constexpr int kStatusReceipted = 1;
inline constexpr int kStatusParked = 2;
inline constexpr int kStatusMadeAgain = 3;
inline constexpr int kStatusGivenUp = 4;

/// When a worker did something, as the op carries it.
struct Moment {
  std::int64_t captured_at_ms = 0;
  Evidence evidence;
};

/// What `enqueue` makes an op of.
struct NewOp {
  Id record;
  std::string kind;
  Verb verb = Verb::create;
  std::string body;
  std::string base_values;  ///< JSON; empty: none
  std::optional<std::int64_t> base_version;
  std::optional<std::int64_t> after;  ///< seq
  std::vector<Id> replaces;
  std::vector<Id> refs;
  int urgency = 2;
  std::optional<Hash> photo;
  std::optional<std::int64_t> place;  ///< of the op that it is made of; a fresh one comes last
};

struct Enqueued {
  std::int64_t seq = 0;
  Id op_id;
};

/// The numbers of the feed leap by so much with each file that is set aside: more changes than a phone sees in its
/// life.
inline constexpr std::int64_t kChangesLeap = 1'000'000'000;
/// The highest number in the feed of changes_since.
Result<std::int64_t> newest_change(Connection& db);

class Core {
 public:
  static Result<std::unique_ptr<Core>> open(const Store::Options& options);

  /// Runs `body(db)` in one transaction under the writer's lock; commits when it returns ok.
  template <class Body>
  auto write(Body&& body) -> decltype(body(std::declval<Connection&>())) {
    auto result = write_once(body);
    if (result) woke();
    return result;
  }
  /// As `write`, for what a worker says and what brings it to the county: when the disk is full it gives the ballast
  /// back and tries once more, so `body` must bear a second run. What the platform gives again has to do without.
  template <class Body>
  auto save(Body&& body) -> decltype(body(std::declval<Connection&>())) {
    auto result = with_room([&] { return write_once(body); });
    if (result) woke();
    return result;
  }
  /// As `write`, without waiting for the disk: atomic and in order, but a power cut may take the last ones. Only for
  /// what the platform tells again, such as that a photo has been sent.
  template <class Body>
  Result<void> note(Body&& body) {
    const auto noted = note_once(body);
    if (noted) woke();
    return noted;
  }
  /// Runs `body(db)` on a snapshot: of what is committed meanwhile it sees nothing.
  template <class Body>
  auto read(Body&& body) -> decltype(body(std::declval<Connection&>())) {
    const Teller teller(*this);
    const std::lock_guard lock(read_mutex_);
    JULU_CHECK(check_awake());
    if (!damage_noted_) JULU_CHECK(check_in_use());  // another process may go on in the next file
    JULU_TRY(const auto snapshot, heeded(Transaction::snapshot(*reader_)));
    JULU_CHECK(heed_catalog(*reader_, false));
    return heeded(guarded([&] { return body(*reader_); }));
  }

  Clock& clock() const { return *clock_; }
  Random& random() const { return *random_; }
  Identity identity() const;
  const Store::Options& options() const { return options_; }
  Signature sign(std::string_view message) const;

  Moment moment(Connection& db);
  /// The kind, or null when it is not known here. Kinds and flows are those of the last transaction's moment.
  std::shared_ptr<const Kind> kind(const std::string& id) const;
  /// So too, but what another process pulled meanwhile is found. Not under a lock. Errors: kind_unknown.
  Result<std::shared_ptr<const Kind>> kind_now(const std::string& id);
  std::vector<std::string> kinds() const;
  std::shared_ptr<const Flow> flow_of(const Kind& kind) const;
  /// Learns of what another process did; without it the next transaction does. Not under a lock.
  Result<void> heed() {
    return read([](Connection&) -> Result<void> { return {}; });
  }
  /// After catalog rows changed, for this process and for others.
  Result<void> catalog_changed(Connection& db);

  Result<Enqueued> enqueue(Connection& db, const Moment& moment, const NewOp& op);
  /// The place that the next op gets on the current device's chain.
  struct ChainEnd {
    std::int64_t chain = 0;
    std::int64_t number = 0;  ///< of the last op; 0: none yet
    Hash link{};
  };
  Result<ChainEnd> chain_end(Connection& db);
  /// Makes `identity` with `key` this store's device; what is not receipted goes on on its chain (core/README.md
  /// "Another device"). The caller commits, and calls `reload_identity` then.
  Result<void> become(Connection& db, const Identity& identity, const PrivateKey& key);
  Result<void> reload_identity(Connection& db);
  /// Reloads it when another process, or another store on this file, has become another device.
  Result<void> heed_identity(Connection& db);

  /// The next number of the feed that changes_since reads.
  Result<std::int64_t> next_change(Connection& db);

  void observe(std::function<void()> wake);
  /// True: there was one. Its file stays, without a byte, so that every process sees that it was needed.
  bool release_ballast();
  void make_ballast();
  bool low_disk() const;
  /// False: the disk has only what the worker's own reports may need (limits::free_bytes_min).
  bool has_room_for_others() const;
  /// Runs `body(db)` under the writer's lock, outside any transaction.
  template <class Body>
  auto upkeep(Body&& body) -> decltype(body(std::declval<Connection&>())) {
    const Teller teller(*this);
    const std::lock_guard lock(write_mutex_);
    JULU_CHECK(check_awake());
    return heeded(body(*writer_));
  }

  /// Before anything is sent and with the upkeep, once a boot: of what a disk that lied may have left. Errors:
  /// store_corrupt, and the next `open` sets the file aside.
  Result<void> look_for_mixed_pages();

  Result<void> suspend();
  Result<void> resume(const StoreKey& key);

  const std::string& lease_owner() const { return lease_owner_; }
  /// The lease tells processes apart; within this one, one Syncer at a time is admitted. False: another is at work.
  bool begin_sync() { return !syncing_.exchange(true); }
  void end_sync() { syncing_ = false; }
  ~Core();

 private:
  Core() = default;
  /// Tells the log of damage found under the lock that is declared after it, when that is gone: the sink may call the
  /// store.
  class Teller {
   public:
    explicit Teller(Core& core) : core_(core) {}
    ~Teller() { core_.tell(); }
    Teller(const Teller&) = delete;
    Teller& operator=(const Teller&) = delete;

   private:
    Core& core_;
  };
  // The store reads the JSON that it wrote itself and does not ask each member for its type again: another type than
  // it wrote means that the file was damaged.
  template <class Body>
  static auto guarded(Body&& body) -> decltype(body()) {
    try {
      return body();
    } catch (const Json::exception& damage) {
      return Error{ErrorCode::store_corrupt, {}, "json " + std::to_string(damage.id)};
    }
  }
  template <class Body>
  Result<void> note_once(Body& body) {
    const Teller teller(*this);
    const std::lock_guard lock(write_mutex_);
    JULU_CHECK(check_awake());
    JULU_CHECK(writer_->set_durable(false));
    Result<void> noted;
    try {
      noted = commit(body);
    } catch (...) {
      static_cast<void>(writer_->set_durable(true));
      throw;
    }
    JULU_CHECK(writer_->set_durable(true));
    return noted;
  }
  template <class Body>
  auto write_once(Body& body) -> decltype(body(std::declval<Connection&>())) {
    const Teller teller(*this);
    const std::lock_guard lock(write_mutex_);
    JULU_CHECK(check_awake());
    auto result = commit(body);
    if (result) relieve_wal();
    return result;
  }
  template <class Body>
  auto commit(Body& body) -> decltype(body(std::declval<Connection&>())) {
    JULU_TRY(auto transaction, heeded(Transaction::begin(*writer_)));
    JULU_CHECK(check_in_use());
    JULU_CHECK(heed_catalog(*writer_, true));
    auto result = heeded(guarded([&] { return body(*writer_); }));
    if (!result) return result;
    // Not by the look itself, which writes nothing.
    if (newly_checked_) JULU_CHECK(heeded(set_checked(*writer_, clock_->boot_id())));
    if (auto done = heeded(transaction.commit()); !done && !mutant(Mutant::ack_before_commit)) return done.error();
    newly_checked_ = false;
    // The mark comes before the reading of what is left, so that without it the commit is read too.
    JULU_CHECK(check_in_use());
    return result;
  }
  template <class Outcome>
  Outcome heeded(Outcome outcome) {
    if (outcome) return outcome;
    return note_damage(judged(outcome.error()));
  }
  /// What looks like a damaged page may be one that could not be read: then it is an error of the disk. What looks like
  /// a wrong key may be a damaged first page.
  Error judged(const Error& error) const { return judged(error, options_); }
  Error judged(const Error& error, const Store::Options& options) const;
  /// The next `open` sets a damaged file aside. The error again, or why the mark could not be made.
  Error note_damage(const Error& error);
  Error mark_damaged(const Error& error);
  void tell();
  /// Under either lock: both connections come and go together.
  Result<void> check_awake() const;
  /// What is written to a file that was set aside, by another process perhaps, nobody would read. Errors:
  /// store_corrupt.
  Result<void> check_in_use() const;
  Result<void> load();
  Result<void> load_catalog(Connection& db, bool older_too = true);
  /// What another process pulled. A reader may see an older moment than the writer did, and learns only what is newer;
  /// the writer takes back what was rolled back.
  Result<void> heed_catalog(Connection& db, bool writes);
  void woke();
  void relieve_wal();
  Result<void> open_again(const StoreKey& key);
  Result<void> reconsider_catalog();
  /// Once more when the disk was full and the ballast makes room. Under a lock only where `body` takes none.
  template <class Body>
  auto with_room(Body&& body) -> decltype(body()) {
    auto done = body();
    if (!done && done.error().code == ErrorCode::disk_full && release_ballast()) done = body();
    return done;
  }

  Store::Options options_;
  Clock* clock_ = nullptr;
  Random* random_ = nullptr;
  mutable std::mutex identity_mutex_;
  Identity identity_;
  PrivateKey device_key_{};
  std::int64_t chain_ = 0;
  std::string boot_id_;
  std::string lease_owner_;
  std::atomic<bool> syncing_ = false;
  std::mutex write_mutex_;
  std::unique_ptr<Connection> writer_;
  std::mutex read_mutex_;
  std::unique_ptr<Connection> reader_;
  std::mutex wake_mutex_;
  std::function<void()> wake_;
  std::atomic<bool> damage_noted_ = false;
  std::atomic<bool> ballast_untold_ = false;
  std::string damage_;  // set once, by who noted it
  std::atomic<bool> damage_untold_ = false;
  bool looked_ = false;          // under write_mutex_
  bool beyond_salvage_ = false;  // the file before this one gives nothing
  bool newly_checked_ = false;   // so too, and not put down yet
  int generation_ = 1;
  std::string damage_mark_;
  mutable std::mutex catalog_mutex_;
  std::atomic<std::int64_t> catalog_ = -1;  // meta `catalog` of what is loaded
  std::map<std::string, std::shared_ptr<const Kind>, std::less<>> kinds_;
  std::map<std::string, std::shared_ptr<const Flow>, std::less<>> flows_;
};

/// The file of a store and how it is opened: shared by Core and Enrolment. A file found damaged is marked and stays;
/// the one after it takes its place.
std::string database_path(const std::string& directory, int generation);
std::string damage_mark(const std::string& database_path);
/// The first that is not marked; the one before it, if any, was damaged.
int generation_in_use(const Store::Options& options);
enum class Opening { there, create, damaged };
Result<std::unique_ptr<Connection>> open_database(const Store::Options& options, int generation, Opening how,
                                                  const StandIn* stand_in = nullptr);
/// Of every file that is made under this key, so that it can be read when its first page, which says it, is lost. It is
/// no secret, and the key, being random, needs none (https://www.zetetic.net/sqlcipher/sqlcipher-api/#cipher_salt).
std::string salt_of(const StoreKey& key);
/// What a file of the newest schema that was just made with this key and salt has in the place of what is lost. The
/// list of tables takes the same place in every such file, behind the last page that begins a table.
enum class Lost { tables, first_page, both };
struct FreshSchema {
  std::int64_t version = 0;  ///< of SQLite: how often the list was changed
  StandIn pages;
};
Result<FreshSchema> fresh_schema(const Store::Options& options, std::string salt, Lost lost);
/// By a look of its own at every page. Errors: io, when it cannot be read; as `open_database`.
Result<bool> is_damaged(const Store::Options& options, int generation);
/// Brings the schema to the newest version in one transaction. Errors: store_newer.
Result<void> migrate(Connection& db);
/// The newest schema, in the caller's transaction.
Result<void> make_tables(Connection& db);

Result<std::optional<std::string>> meta_text(Connection& db, const char* name);
Result<std::int64_t> meta_integer(Connection& db, const char* name);
Result<void> set_meta(Connection& db, const char* name, std::string_view value);
Result<void> set_meta(Connection& db, const char* name, std::int64_t value);
Result<void> set_meta(Connection& db, const char* name, Blob value);
/// Errors: store_corrupt.
Result<Identity> parse_identity(const std::string& text);
/// Errors: bad_reply where the platform gave the device an id that cannot be signed for.
Result<void> save_identity(Connection& db, const Identity& identity);

/// Carries what can be read of the damaged file over into the next, in one transaction, once. A value: not
/// even the identity can be read, and nothing was carried over. Errors: those of the new file. salvage.cpp
Result<std::optional<Error>> salvage(const Store::Options& options, int damaged);
/// A damaged first page looks like a wrong key, but there other pages can be read: what it is.
Error judged_key(const Error& error, const Store::Options& options, int generation);
/// The second half of it, once kinds and flows are known. rebuild.cpp
Result<void> lay_salvaged(Core& core, Connection& db);

Error with_field(Error error, std::string field);

}  // namespace julu::store
