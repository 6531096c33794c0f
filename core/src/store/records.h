// Rows of records: what is pending on them, and how their visible body is made. Thread rule: under the lock of the
// Connection's owner.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <julu/change.h>
#include <julu/outbox.h>

#include "store/core.h"
#include "store/photos.h"

namespace julu::store {

struct RecordRow {
  Id id;
  std::string kind;
  std::string body;
  std::optional<std::string> base;
  std::int64_t base_version = 0;
  std::int64_t base_epoch = 0;
  std::string state;
  std::string base_state;
  bool deleted = false;
  bool base_deleted = false;
  std::int64_t seen = 0;
  std::int64_t captured_at_ms = 0;
};

Result<std::optional<RecordRow>> find_record(Connection& db, const Id& id);

/// An own op of a record, as laying, merging and settling need it.
struct OpRow {
  std::int64_t seq = 0;
  std::int64_t place = 0;
  Id op_id;
  Verb verb = Verb::create;
  int status = 0;
  std::optional<std::int64_t> after;
  std::optional<std::int64_t> base_version;
  std::optional<std::int64_t> version;
  std::optional<std::int64_t> successor;
  bool folded = false;
  int urgency = 2;
  std::optional<Hash> photo;
  std::string base_values;
  std::string canonical;
};

/// Versions that were given in epoch e start at e * 2^32 (openapi.yaml `Version`).
constexpr std::int64_t epoch_of(std::int64_t version) { return version >> 32; }

/// A restore has taken it: the county's row is of a later epoch than its version, and of a version before that. It goes
/// again once the county has been asked.
inline bool is_lost(const OpRow& op, std::int64_t row_version, std::int64_t row_epoch) {
  return op.status == kStatusReceipted && op.version && *op.version > row_version && epoch_of(*op.version) < row_epoch;
}

inline bool is_pending(const OpRow& op) { return op.status == kStatusQueued || op.status == kStatusParked; }

/// In the order of the worker's edits, from place `first` on.
Result<std::vector<OpRow>> ops_of(Connection& db, const Id& record, std::int64_t first = 0);
/// None: it is not in the queue any more.
Result<std::optional<OpRow>> queued_op(Connection& db, std::int64_t seq);

/// What an op's canonical text says of its making, to make it again.
struct OpText {
  Json body;  ///< null on a delete
  Moment moment;
  std::vector<Id> replaces;
};
OpText parse_op(const std::string& canonical);

/// The op that a new one on this record has to stand after: the last that is not in the base yet.
Result<std::optional<std::int64_t>> pending_before(Connection& db, const Id& record);

/// What is sent in the place of op `seq`: itself, or what it was made again as. None: nothing ever will be, since it,
/// or what came after it, was given up or lost with a damaged file.
Result<std::optional<std::int64_t>> goes_as(Connection& db, std::int64_t seq);

/// Where a creation stands that is made for ops that are there: before all of them.
std::int64_t place_before(const std::vector<OpRow>& ops);

// A photo that was refused is offered again when an op waits for it: one that was made or sent again since.
#define JULU_WANTED_PHOTO \
  "(problem IS NULL OR EXISTS (SELECT 1 FROM op WHERE op.photo = photo.sha256 AND op.status = 0))"

Result<QueueCounts> what_waits(Connection& db, std::int64_t now_ms);

/// Since the platform's time was seen last, by this phone's clock as far as that is believed, in milliseconds.
Result<std::int64_t> passed_since_server_seen(Core& core, Connection& db);

/// The name under which the county has, or gets from here, a step that an op names. None: what damage or a restore
/// took, nobody may ever bring again.
Result<std::optional<Id>> step_goes_as(Connection& db, const Id& record, const Id& step);

/// Where the row of a record is gone, damaged or out of scope, and ops of it are left: what they say is laid on nothing
/// until the platform's version comes. It goes with the work on it, unless a pull names it.
Result<void> remember_record(Connection& db, const Id& record);

/// Makes body, state and deleted anew from the base and the ops on top, and writes the row, which gets its place in the
/// feed.
Result<void> lay(Core& core, Connection& db, RecordRow row);
/// The same of the row that stands there, when there is one.
Result<void> lay(Core& core, Connection& db, const Id& record);

/// Folds receipted ops of the record into its base, as far as the fold rule allows (core/README.md "What a record looks
/// like"). `lay` writes the row.
Result<void> fold(Connection& db, RecordRow& row, std::int64_t epoch);

/// The platform's version becomes the base when it is newer. True: it did. Actions and photos are added in any case.
/// `lay` writes the row.
Result<bool> take_base(Core& core, Connection& db, RecordRow& row, const Change& change, std::int64_t epoch);

Result<void> add_attachment(Connection& db, const Id& record, const Hash& sha256, std::string_view role,
                            const std::optional<Id>& action, std::optional<std::int64_t> op);

Result<void> add_history(Connection& db, const Id& record, std::int64_t at_ms, const char* what, const Json& detail);

/// The photo, and each op of ours that would bring it, wait for a person, with the JSON of a problem column.
Result<void> park_photo(Core& core, Connection& db, const Hash& sha256, const std::string& problem);

/// The JSON of a problem column.
std::string problem_text(ErrorCode code, std::string_view type, std::string_view title, std::string_view detail,
                         std::string_view pointer);

/// "emergency", "urgent" or anything else, of a body's `urgency`.
int urgency_of(const Json& body);
/// The records that the body names.
std::vector<Id> refs_of(const Kind& kind, const Json& body);

/// A time to wait: full jitter (core/README.md "Times to wait"), or what the platform asked for.
struct Wait {
  std::int64_t next_attempt_ms = 0;
  std::int64_t wait_max_ms = 0;
};
Wait next_wait(Core& core, std::int64_t attempts, std::int64_t retry_after_ms);

}  // namespace julu::store
