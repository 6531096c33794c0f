// What came of a push, committed in one transaction: receipts, parked reasons, next attempts, ops made again.
#include <julu/outbox.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "store/catalog.h"
#include "store/remake.h"

namespace julu {

using namespace store;

namespace {

// A platform that hashes late has the time of so many waits; one that never finds the bytes costs no more than one
// upload a day.
constexpr std::int64_t kUploadsAtOnce = 8;

bool is_believed(const OpResult& result) {
  return result.status == OpStatus::applied || result.status == OpStatus::duplicate;
}

struct Settling {
  Core& core;
  Connection& db;
  std::int64_t epoch = 0;
  std::int64_t receipt = 0;
  Outbox::Settled settled;
  std::set<Id> touched;
  std::map<std::pair<std::int64_t, std::int64_t>, Wait> waits;  ///< by failed attempts and Retry-After
  std::map<Id, std::vector<Id>> applied;                        ///< what answers say of the ops of a record
};

std::vector<ReceiptItem> items_of(const std::vector<OutgoingOp>& sent, const std::vector<OpResult>& results) {
  std::vector<ReceiptItem> items;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (is_believed(results[i])) items.push_back({sent[i].op_id, sent[i].hash, results[i].version});
  }
  return items;
}

// As schema/sql has it, so that anybody can check the signature whatever becomes of the ops.
std::string packed(std::vector<ReceiptItem> items) {
  if (mutant(Mutant::receipt_items_unordered)) std::reverse(items.begin(), items.end());
  std::string bytes;
  for (const ReceiptItem& item : items) {
    bytes.append(item.op_id.bytes.begin(), item.op_id.bytes.end()).append(item.hash.begin(), item.hash.end());
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(item.version >> shift);
  }
  return bytes;
}

// True: the key is not known here yet. An error: the signature is wrong.
Result<bool> check_receipt(Core& core, Connection& db, const std::vector<ReceiptItem>& items,
                           const std::optional<Receipt>& receipt) {
  if (!receipt) return Error{ErrorCode::receipt_invalid, "/receipt", {}};
  JULU_TRY(const auto key, receipt_key(db, receipt->key_id));
  if (!key) return !mutant(Mutant::receipt_key_unknown);
  if (!mutant(Mutant::receipt_not_verified)) JULU_CHECK(verify(*receipt, core.identity().device, items, *key));
  return false;
}

// By a platform whose clock had run back nothing was signed before what it had shown, and what has passed since here: a
// backup that it made meanwhile does not hold it.
Result<std::int64_t> keep_receipt(Core& core, Connection& db, const Receipt& receipt,
                                  const std::vector<ReceiptItem>& items) {
  const std::string_view signature(reinterpret_cast<const char*>(receipt.signature.data()), receipt.signature.size());
  JULU_TRY(const std::int64_t seen, meta_integer(db, "server_seen_ms"));
  JULU_TRY(const std::int64_t passed, passed_since_server_seen(core, db));
  const std::string covered = packed(items);
  JULU_CHECK(
      db.run("INSERT INTO receipt (device, key_id, epoch, server_time_ms, signature, items, seen_ms)"
             " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
             core.identity().device, receipt.key_id, receipt.epoch, receipt.server_time_ms, Blob{signature},
             Blob{covered}, std::max(seen + passed, receipt.server_time_ms)));
  return db.last_row_id();
}

// With its first of an epoch and version: a later one does not put off what is purged by it.
Result<void> keep_item(Settling& s, const OutgoingOp& op, const OpResult& result) {
  return s.db.run(
      "UPDATE op SET version = ?2, receipt = ?3 WHERE seq = ?1 AND (receipt IS NULL OR version IS NOT ?2"
      " OR (SELECT epoch FROM receipt WHERE id = op.receipt) < ?4)",
      op.row, result.version, s.receipt, s.epoch);
}

// Of what that pull has named already it is known.
constexpr const char* kDelivered =
    "UPDATE record SET seen = -2 WHERE id = ?1 AND seen >= 0 AND (SELECT value FROM meta WHERE name = 'generation') >"
    " max(seen, coalesce((SELECT value FROM meta WHERE name = 'swept'), 0))";

Result<void> settle_receipted(Settling& s, const OutgoingOp& op, const OpResult& result) {
  JULU_CHECK(keep_item(s, op, result));
  JULU_CHECK(s.db.run("UPDATE op SET status = 1, problem = NULL, attempts = 0 WHERE seq = ?1", op.row));
  ++s.settled.receipted;
  // A pull of everything that is under way may end before it comes to what this phone has just delivered.
  JULU_CHECK(s.db.run(kDelivered, op.record));
  if (mutant(Mutant::made_again_left_open)) return {};
  // What this op replaced is closed at the platform for ever.
  return s.db.run("UPDATE op SET status = 4 WHERE successor = ?1 AND status = 3", op.row);
}

Result<void> wait_again(Settling& s, const OutgoingOp& op, const Problem& problem, ErrorCode why,
                        std::int64_t retry_after_ms) {
  JULU_TRY(const auto attempts, s.db.integer("SELECT attempts FROM op WHERE seq = ?1", op.row));
  // One draw for all: what waits together goes together.
  const auto [drawn, is_new] = s.waits.try_emplace({attempts.value_or(0), retry_after_ms});
  if (is_new) drawn->second = next_wait(s.core, attempts.value_or(0), retry_after_ms);
  const Wait wait = drawn->second;
  return s.db.run(
      "UPDATE op SET attempts = attempts + 1, next_attempt_ms = ?2, wait_max_ms = ?3, problem = ?4 WHERE seq = ?1"
      " AND status = 0",
      op.row, wait.next_attempt_ms, wait.wait_max_ms,
      problem_text(why, problem.type, problem.title, problem.detail, problem.pointer));
}

Result<void> park(Settling& s, const OutgoingOp& op, const std::string& problem) {
  return s.db.run("UPDATE op SET status = 2, problem = ?2 WHERE seq = ?1 AND status = 0", op.row, problem);
}

Result<bool> waits_for_lost_step(Connection& db, const OutgoingOp& op, const OpResult& result) {
  if (op.verb != Verb::append || result.problem.type != "action-unknown") return false;
  const auto last = parse_id(text_member(parse_op(op.canonical).body, "last_action"));
  if (!last) return false;
  JULU_TRY(const auto goes, step_goes_as(db, op.record, *last));
  return !goes;
}

// Damage took what it waits for, or that was made again and the making that would tell the platform so is not there any
// more; or it names a step by an id that is closed.
Result<bool> waits_in_vain(Connection& db, const Id& record, const OpRow& op, const std::string& why) {
  if (mutant(Mutant::lost_op_awaited) || mutant(Mutant::given_up_waited_for)) return false;
  if (why == "after-unknown" && op.after) {
    JULU_TRY(const auto goes, goes_as(db, *op.after));
    return goes != op.after;
  }
  if (why != "action-unknown") return false;
  const char* names = op.verb == Verb::attach ? "action" : "last_action";
  const auto step = parse_id(text_member(parse_op(op.canonical).body, names));
  if (!step) return false;
  JULU_TRY(const auto goes, step_goes_as(db, record, *step));
  return goes != step;
}

Result<void> settle_bytes_missing(Settling& s, const OutgoingOp& op, const Hash& sha256, const OpResult& result) {
  JULU_TRY(const auto photo, s.db.integer("SELECT photo.id FROM photo JOIN op ON op.photo = sha256"
                                          " WHERE seq = ?1 AND here = 1",
                                          op.row));
  JULU_TRY(const auto times,
           s.db.integer("SELECT CAST(json_extract(problem, '$.detail') AS INTEGER) FROM op WHERE seq = ?1"
                        " AND json_extract(problem, '$.type') = 'bytes-missing'",
                        op.row));
  // The platform vouched for it and has lost it, and it was purged here. Or a disk has changed the bytes here, which
  // nobody looks for when they are missed once. All that is left to do is to say so.
  bool there = photo.has_value();
  if (there && times) {
    JULU_TRY(there, has_hash(s.db, *photo, sha256));
  }
  if (!there) {
    const ErrorCode why = photo ? ErrorCode::photo_damaged : ErrorCode::photo_unknown;
    return store::park_photo(s.core, s.db, sha256, problem_text(why, "lost", "", "", ""));
  }
  // Not there after all: the bytes go again from the start, but not for ever as soon as they can.
  Problem missing = result.problem;
  missing.detail = std::to_string(times.value_or(0) + 1);
  const bool at_once = times.value_or(0) < kUploadsAtOnce;
  JULU_CHECK(wait_again(s, op, missing, ErrorCode::bytes_missing,
                        at_once ? result.retry_after_ms : limits::retry_after_ms_max));
  if (mutant(Mutant::bytes_missing_ignored)) return {};
  return s.db.run(
      "UPDATE photo SET own = 1, uploaded = 0, upload_url = NULL, next_attempt_ms = op.next_attempt_ms,"
      " wait_max_ms = op.wait_max_ms FROM op WHERE op.seq = ?1 AND photo.sha256 = op.photo",
      op.row);
}

Result<void> settle_held(Settling& s, const OutgoingOp& op, const OpResult& result) {
  JULU_TRY(const bool lost_step, waits_for_lost_step(s.db, op, result));
  if (lost_step) {
    return park(s, op, problem_text(ErrorCode::stale, "stale", result.problem.title, result.problem.detail, ""));
  }
  JULU_TRY(const auto row, queued_op(s.db, op.row));
  if (!row) return {};
  JULU_TRY(const bool in_vain, waits_in_vain(s.db, op.record, *row, result.problem.type));
  if (in_vain) {
    JULU_TRY(const bool goes, go_without(s.core, s.db, op.record, *row));
    if (goes) return {};
  }
  if (row->after && result.problem.type == "after-unknown")
    JULU_CHECK(send_lost_again(s.core, s.db, op.record, *row->after));
  if (row->photo && result.problem.type == "bytes-missing") return settle_bytes_missing(s, op, *row->photo, result);
  return wait_again(s, op, result.problem, ErrorCode::held, result.retry_after_ms);
}

// The platform was restored and has not been asked yet what it still holds: what it does not know of a record of ours
// goes again once it has said so.
Result<bool> may_be_lost(Connection& db, const Id& record) {
  JULU_TRY(const std::int64_t confirming, meta_integer(db, "confirming"));
  if (confirming == 0) return false;
  JULU_TRY(const auto receipted, db.integer("SELECT 1 FROM op WHERE record = ?1 AND status = 1 LIMIT 1", record));
  return receipted.has_value();
}

Result<void> settle_rejected(Settling& s, const OutgoingOp& op, const OpResult& result) {
  JULU_TRY(const auto successor, s.db.integer("SELECT successor FROM op WHERE seq = ?1", op.row));
  if (result.problem.type == "replaced" && successor) {
    // Closed by its own successor, as intended; after a restore the successor may have its receipt already, and damage
    // may have taken it.
    JULU_TRY(const auto open, s.db.integer("SELECT 1 FROM op WHERE seq = ?1 AND status IN (0, 2, 3)", *successor));
    if (open) return s.db.run("UPDATE op SET status = 3 WHERE seq = ?1", op.row);
    JULU_CHECK(s.db.run("DELETE FROM action WHERE id = ?1 AND number IS NULL", op.op_id));
    return s.db.run("UPDATE op SET status = 4 WHERE seq = ?1 OR (successor = ?1 AND status = 3)", op.row);
  }
  if (result.problem.type == "not-found") {
    JULU_TRY(const bool lost, may_be_lost(s.db, op.record));
    if (lost) return wait_again(s, op, result.problem, ErrorCode::held, result.retry_after_ms);
  }
  const ErrorCode code = result.problem.type == "scope"          ? ErrorCode::scope
                         : result.problem.type == "op-id-reused" ? ErrorCode::op_id_reused
                         : result.problem.type == "replaced"     ? ErrorCode::replaced
                                                                 : ErrorCode::rejected;
  return s.db.run(
      "UPDATE op SET status = 2, problem = ?2 WHERE seq = ?1", op.row,
      problem_text(code, result.problem.type, result.problem.title, result.problem.detail, result.problem.pointer));
}

// What it was made on may be among what the platform has lost. One that cannot say for long what it holds is not
// waited for: who is asked then may be asked needlessly. True: it waits.
Result<bool> wait_for_lost_word(Settling& s, const OutgoingOp& op, const OpRow& row, const OpResult& result) {
  constexpr std::int64_t kTimesMax = 20;
  JULU_TRY(const bool lost, may_be_lost(s.db, op.record));
  if (!lost) return false;
  JULU_TRY(const auto times, s.db.integer("SELECT CAST(json_extract(problem, '$.detail') AS INTEGER) FROM op"
                                          " WHERE seq = ?1 AND json_extract(problem, '$.type') = 'stale'",
                                          op.row));
  if (times.value_or(0) >= kTimesMax) return false;
  JULU_TRY(const bool asks, would_ask(s.core, s.db, row, op.record, *result.current, s.epoch));
  if (!asks) return false;
  const Problem stale{"stale", result.problem.title, std::to_string(times.value_or(0) + 1), {}};
  JULU_CHECK(wait_again(s, op, stale, ErrorCode::held, result.retry_after_ms));
  return true;
}

Result<void> settle_stale(Settling& s, const OutgoingOp& op, const OpResult& result) {
  JULU_TRY(const auto row, queued_op(s.db, op.row));
  if (!row) return {};
  if (!result.current || mutant(Mutant::stale_parked)) {
    return park(s, op, problem_text(ErrorCode::stale, "stale", result.problem.title, result.problem.detail, ""));
  }
  // What stands behind a refused edit goes again once a person has decided about that, which may carry its words.
  JULU_TRY(const auto behind, s.db.integer("SELECT 1 FROM op WHERE record = ?1 AND status = 2 AND verb <> 3"
                                           " AND (place, seq) < (?2, ?3) LIMIT 1",
                                           op.record, row->place, row->seq));
  if (behind && row->verb != Verb::attach) return {};
  JULU_TRY(const bool waits, wait_for_lost_word(s, op, *row, result));
  if (waits) return {};
  std::vector<Id> applied = result.applied;  // and what is said of later edits, whose words this one may carry
  for (const Id& id : s.applied[op.record]) {
    if (std::find(applied.begin(), applied.end(), id) != applied.end()) continue;
    JULU_TRY(const auto edit,
             s.db.integer("SELECT 1 FROM op WHERE op_id = ?1 AND verb <= 1 AND place >= ?2", id, row->place));
    if (edit) applied.push_back(id);
  }
  return make_again(s.core, s.db, *row, op.record, *result.current, applied, s.epoch);
}

Result<void> settle_one(Settling& s, const OutgoingOp& op, const OpResult& result) {
  JULU_TRY(const auto status, s.db.integer("SELECT status FROM op WHERE seq = ?1", op.row));
  if (status == kStatusMadeAgain || status == kStatusGivenUp) {
    // Made again while it was on its way. Its successor names it, and so learns what became of it.
    return is_believed(result) ? keep_item(s, op, result) : Result<void>();
  }
  // A process that slept over its lease reads what was said before the receipt that another one has.
  if (status == kStatusReceipted && !is_believed(result)) return {};
  s.touched.insert(op.record);
  switch (result.status) {
    case OpStatus::applied:
    case OpStatus::duplicate: return settle_receipted(s, op, result);
    case OpStatus::stale: return settle_stale(s, op, result);
    case OpStatus::held:
      if (mutant(Mutant::held_is_delivered)) return settle_receipted(s, op, result);
      return mutant(Mutant::held_is_parked) ? settle_rejected(s, op, result) : settle_held(s, op, result);
    case OpStatus::rejected: return settle_rejected(s, op, result);
    case OpStatus::retry: return wait_again(s, op, result.problem, ErrorCode::limited, result.retry_after_ms);
  }
  return Error{ErrorCode::internal, {}, {}};
}

}  // namespace

Result<Outbox::Settled> Outbox::settle(const std::vector<OutgoingOp>& sent, const std::vector<OpResult>& results,
                                       const std::optional<Receipt>& receipt, std::optional<std::int64_t> holds,
                                       std::int64_t epoch) {
  if (sent.size() != results.size()) return Error{ErrorCode::bad_reply, "/results", {}};
  Core& core = *store_.core_;
  const std::vector<ReceiptItem> items = items_of(sent, results);
  return core.save([&](Connection& db) -> Result<Settled> {
    // Another process may have made this store another device meanwhile, whose numbers these are now.
    JULU_CHECK(core.heed_identity(db));
    // What this very reply tells of a restore is known before its results are judged.
    JULU_CHECK(note_epoch(core, db, epoch));
    if (holds) JULU_CHECK(note_holds(core, db, *holds, false));
    Settling s{core, db, 0, 0, {}, {}, {}, {}};
    JULU_TRY(const std::int64_t newest, store::newest_epoch(db));
    bool outdated = false;
    if (!items.empty()) {
      JULU_TRY(const bool unknown, check_receipt(core, db, items, receipt));
      if (unknown) {
        s.settled.receipt_key_unknown = true;
        return s.settled;
      }
      outdated =
          receipt->epoch < newest && !mutant(Mutant::old_receipt_believed);  // it proves nothing: the op is sent again
      if (!outdated) {
        JULU_CHECK(note_epoch(core, db, receipt->epoch));
        JULU_TRY(s.receipt, keep_receipt(core, db, *receipt, items));
      }
    }
    // Of a receipt over nothing nobody has looked at the signature.
    s.epoch = receipt && !items.empty() ? std::max(receipt->epoch, newest) : newest;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      std::vector<Id>& applied = s.applied[sent[i].record];
      applied.insert(applied.end(), results[i].applied.begin(), results[i].applied.end());
    }
    for (std::size_t i = 0; i < sent.size(); ++i) {
      if (is_believed(results[i]) && outdated) {
        JULU_CHECK(wait_again(s, sent[i], {}, ErrorCode::receipt_invalid, 0));
        continue;
      }
      JULU_CHECK(settle_one(s, sent[i], results[mutant(Mutant::settle_misaligned) ? (i + 1) % sent.size() : i]));
    }
    for (const Id& record : s.touched) {
      // What is refused is in sight, though its record may have left the scope.
      JULU_TRY(const auto parked, db.integer("SELECT 1 FROM op WHERE record = ?1 AND status = 2", record));
      if (parked) JULU_CHECK(remember_record(db, record));
      JULU_TRY(auto row, find_record(db, record));
      if (!row) continue;
      JULU_CHECK(fold(db, *row, s.epoch));
      JULU_CHECK(lay(core, db, std::move(*row)));
    }
    if (holds) JULU_CHECK(note_holds(core, db, *holds, true));
    JULU_CHECK(set_meta(db, "lease_until_ms", core.clock().monotonic_ms() + limits::lease_ms));
    return s.settled;
  });
}

}  // namespace julu
