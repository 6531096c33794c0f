// The store of one worker on this phone: capture, edit, look up, and what became of each report. One encrypted file
// in `directory`; no network. Thread rule: every method is thread-safe; reads do not wait for writes, and each is of
// one moment; two processes may use one store.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <julu/clock.h>
#include <julu/identity.h>
#include <julu/random.h>
#include <julu/result.h>

namespace julu {

/// A photo to take in: one of `path`, `fd` and `bytes`. JPEG only, at most 32 MB; it is read during the call and not
/// needed afterwards.
struct PhotoInput {
  std::string path = {};
  std::string role = "near";    ///< near, far, reference, handle_before, handle_after
  int fd = -1;                  ///< a regular file, read from its start; stays open, its position moves
  std::string_view bytes = {};  ///< borrowed for the call
};

struct Capture {
  std::string kind = {};
  std::string body = {};  ///< JSON object of the kind's schema
  std::vector<PhotoInput> photos = {};
  std::string id = {};  ///< one of `new_id` or another UUID of version 7, so that the shell may ask again; a new one
                        ///< when empty
};

struct Saved {
  std::string id;
  std::int64_t captured_at_ms = 0;
  std::vector<std::string> photos;  ///< SHA-256 (hex) of the copies that are sent, in order
  std::int64_t photo_bytes = 0;
};

/// Derived from receipts and nothing else.
enum class Delivery {
  none,        ///< nothing of ours on this record: it came from the platform, or was given up
  saved,       ///< durable here, not yet receipted
  delivered,   ///< every op of ours but those given up, photos' among them, is covered by a receipt
  parked,      ///< the platform refused a part, as `problem` says; the way on: `resend` (after an edit), or `give_up`
  confirming,  ///< receipted, but the platform was restored from a backup since: it is asked what it still holds
};
std::string_view name(Delivery delivery);

struct RecordPhoto {
  std::string sha256;
  std::string role;
  std::string action;  ///< id of the case's action that it belongs to; empty: the record itself
  std::int64_t length_bytes = 0;
  bool here = false;       ///< the bytes are in this store
  bool delivered = false;  ///< ours and receipted, or the platform's own
};

struct Record {
  std::string id;
  std::string kind;
  std::string body;   ///< JSON: the platform's version with our pending edits on top; unmasked
  std::string title;  ///< one line for lists
  std::string state;  ///< of a case: with our own pending steps; empty otherwise
  std::string state_title_zh, state_title_en;
  Delivery delivery = Delivery::none;
  std::optional<Error> problem;  ///< of a parked op
  std::string problem_text;      ///< the platform's own words, when it gave some
  bool deleted = false;
  bool in_conflict = false;
  std::int64_t version = 0;  ///< the platform's; 0: not seen
  std::int64_t captured_at_ms = 0;
  std::int64_t delivered_at_ms = 0;  ///< the platform's time of the last receipt; 0: not delivered
  std::vector<RecordPhoto> photos;
};

struct Filter {
  std::string kind = {};    ///< empty: all
  std::string search = {};  ///< words or characters of the text; empty: all
  std::optional<Delivery> delivery = {};
  std::string before = {};  ///< a record id: only older ones by the time in it, for the next page
  int limit = 50;           ///< 1 … limits::page_rows_max
  bool deleted_too = false;
};

struct HistoryEntry {
  std::int64_t at_ms = 0;
  std::string what;    ///< create, patch, append, attach, delete, or pulled, given_up, resolved, removed
  std::string actor;   ///< for actions of others
  std::string action;  ///< of a case's step
  std::string state;   ///< after that step
  std::string detail;  ///< JSON; of pulled: version, and of what changed from, to (null: deleted)
  std::string op_id;
  std::string hash;         ///< of ours: the op's hash
  std::string receipt_key;  ///< of ours: the key that signed for it; empty: no receipt yet
  std::string standing;     ///< of ours: waiting, delivered, refused, replaced or given_up
};

struct ConflictField {
  std::string record;
  std::string field;                ///< JSON pointer
  std::string base, local, remote;  ///< JSON values; empty: absent. `remote` is what stands in the record now
  std::int64_t at_ms = 0;
};

/// The file was found damaged: it was set aside, and what could be read of it went into a new one. Records that are not
/// listed come again with the next sync.
struct Salvage {
  std::int64_t at_ms = 0;           ///< wall clock
  std::int64_t ops = 0;             ///< of ours not delivered yet, saved, or made again from what the records show
  std::int64_t ops_unreadable = 0;  ///< of ours, at least; delivered or not: nobody can tell any more
  std::int64_t photos_lost = 0;     ///< not delivered yet; their records say so
};

struct Status {
  std::int64_t records = 0;  ///< deleted ones are not counted
  std::int64_t unsent_records = 0;
  std::int64_t unsent_ops = 0;  ///< go by themselves
  std::int64_t parked_ops = 0;  ///< wait for a person: refused, or behind a refused one of their record
  std::int64_t unsent_photos = 0;
  std::int64_t unsent_photo_bytes = 0;
  std::int64_t conflicts = 0;
  std::optional<std::int64_t> next_attempt_ms;
  std::int64_t last_sync_ms = 0;   ///< wall clock of the last full pull to the end; 0: never
  bool confirming = false;         ///< the platform was restored: it is asked what it still holds
  bool low_disk = false;           ///< the ballast was used: free some space
  std::optional<Salvage> salvage;  ///< since this store was made
};

struct Changes {
  std::vector<std::string> records;  ///< ids to ask for again, oldest change first; one that is not there has gone
  std::int64_t token = 0;            ///< for the next call
  bool more = false;
};

namespace store {
class Core;
}

class Store {
 public:
  struct Options {
    std::string directory = {};
    StoreKey key{};
    bool encrypted = true;          ///< false opens a store without a key: the simulator's, and builds without a cipher
    Clock* clock = nullptr;         ///< the machine's when null; outlives the store
    Random* random = nullptr;       ///< the machine's when null; outlives the store
    std::string vfs = {};           ///< SQLite VFS name; the default when empty
    int photo_long_edge_px = 1920;  ///< 320 … limits::photo_side_max
    int photo_quality = 82;         ///< 1 … 100
  };
  /// Brings an older file up to date first, in one transaction. Errors: store_missing, store_key, store_corrupt,
  /// store_newer, encryption_unavailable, permission, busy, disk_full, io. The file is left as it was on an error.
  /// After store_corrupt from another call, destroy the store and open it anew: the file is set aside and what can be
  /// read is saved (Status::salvage); `resume` does not do that.
  static Result<std::unique_ptr<Store>> open(const Options& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// For Capture::id: a UUID of version 7 (RFC 9562) by this store's clock. Nothing is written.
  std::string new_id() const;
  /// Ok: record, photos, operations and history are durable, together. The same id with the same content again gives
  /// the first answer; with other content the error id_conflict, and record_deleted where it was given up. Errors name
  /// the field; nothing was written then.
  Result<Saved> capture(const Capture& capture);
  /// Changes fields of a document by a JSON merge patch (RFC 7396), and adds photos. What was wrong before in a field
  /// that it leaves alone keeps it from nothing. Ok: durable. Errors: record_unknown, record_deleted (in `act`,
  /// `attach` and `remove` too), shape_mismatch for another kind.
  Result<Saved> patch(const std::string& id, const std::string& body, const std::vector<PhotoInput>& photos = {});
  /// A step of a case: `body` holds note and what the flow asks. Ok: durable. Errors: step_not_allowed, shape_mismatch.
  Result<Saved> act(const std::string& id, const std::string& action, const std::string& body,
                    const std::vector<PhotoInput>& photos = {});
  /// Adds photos to any record. Ok: durable. Errors: bad_argument without one.
  Result<Saved> attach(const std::string& id, const std::vector<PhotoInput>& photos);
  /// Deletes a document. Ok: durable. Errors: shape_mismatch for another kind.
  Result<Saved> remove(const std::string& id);
  /// Sends again what the platform refused, as it stands now; where somebody else changed the same field meanwhile, the
  /// merge decides as after a pull (`conflicts`). Ok: durably queued anew, under new op ids that replace
  /// the old. Errors: record_unknown.
  Result<void> resend(const std::string& id);
  /// Gives up for good what the platform refused of a record, the photos that came with it, and the later steps of a
  /// case: it is not sent any more, and the history keeps it. Later edits go on without it; a record that the county
  /// never took or has deleted is given up whole, and is shown as deleted. A request that is on its way already may
  /// bring it all the same, as a pull then shows. Ok: durable; where nothing is refused, nothing was done. Errors:
  /// record_unknown.
  Result<void> give_up(const std::string& id);

  Result<std::optional<Record>> get(const std::string& id);
  /// Newest first, by the time in the ids (UUIDs of version 7, RFC 9562).
  Result<std::vector<Record>> list(const Filter& filter);
  /// The one record whose id ends with `short_id` (4 characters or more). Errors: record_unknown, bad_argument when
  /// several do.
  Result<std::string> find_id(const std::string& short_id);
  /// The shortest ending of `id`, at least 4 characters, that no other record has.
  Result<std::string> short_id(const std::string& id);
  /// In the order in which it happened, as far as that is known: clocks decide only between what nothing else orders.
  Result<std::vector<HistoryEntry>> history(const std::string& id);
  /// What waits for a person's choice between their value and somebody else's. `resolve` answers it, and so does a
  /// `patch` that changes the field.
  Result<std::vector<ConflictField>> conflicts();
  /// A person's choice: `value` (JSON, empty: absent) becomes the field's value, by a patch. Ok: durable. Errors:
  /// record_unknown ("/field" when it is in no conflict), and those of `patch`.
  Result<void> resolve(const std::string& id, const std::string& field, const std::string& value);

  /// Streams the bytes to `sink`; it returns false to stop. Errors: photo_unknown, suspended in the middle too.
  Result<void> read_photo(const std::string& sha256, const std::function<bool(std::string_view)>& sink);
  /// A JPEG of at most 8 KB, derived when first asked for; empty for a photo that decodes no further than its header.
  /// Errors: photo_unknown.
  Result<std::string> thumbnail(const std::string& sha256);

  Result<Status> status();
  /// `limit`: 1 … limits::page_rows_max. A token stays good for as long as the store is there; one kept from
  /// an earlier store in its place is not. After a salvage (`Status`), or once a store that was restored from a copy
  /// has synced, everything has changed; what a salvage does not name again was lost.
  Result<Changes> changes_since(std::int64_t token, int limit = 200);
  /// Called after each commit, of a sync's own notes too, from the thread that committed and under no lock: a shell
  /// that draws asks `changes_since` at its own pace. Null ends it.
  void observe(std::function<void()> wake);

  /// Kinds known here, built in or pulled.
  Result<std::vector<std::string>> kinds();
  /// The record schema's JSON text. Errors: kind_unknown.
  Result<std::string> schema(const std::string& kind);
  /// A code list that a schema names with x-codes, as the platform sent it or built in; JSON text,
  /// {"id", "version", "source", "title_zh", "items": [{"code", "zh", "en"}, …]}, of which a platform's may lack all
  /// but id and each item's code. Lists are open: a record may hold a code that is in none. Errors: codes_unknown.
  Result<std::string> codes(const std::string& list);

  /// Upkeep while the host is idle: checkpoint, thumbnails, search index, ballast, vacuum, and the bytes of sent photos
  /// that nothing can ask for again (their thumbnails stay). Stops within `budget`, but for a checkpoint of the log and
  /// making the ballast; and the first of a boot first reads every row but the photos, because a power cut may have
  /// left pages that do not belong together (store_corrupt then, and the next `open` sets the file aside). A sync
  /// begins with that look, and ends with some upkeep.
  Result<void> maintain(std::chrono::milliseconds budget);

  /// Lets go of the file for as long as the app sleeps: waits for the calls under way (of `read_photo` and `maintain`
  /// for the piece that they are at), then holds no lock and no descriptor, and forgets the key. Until `resume`, what
  /// needs the file fails with `suspended`; `identity`, `kinds`, `schema` and `observe` do not.
  Result<void> suspend();
  /// Errors: as `open`. Does nothing when the store is not suspended.
  Result<void> resume(const StoreKey& key);

  Identity identity() const;
  Clock& clock() const;
  Random& random() const;

 private:
  friend class Outbox;
  friend class Inbox;
  explicit Store(std::unique_ptr<store::Core> core);
  std::unique_ptr<store::Core> core_;
};

}  // namespace julu
