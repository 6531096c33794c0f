// Schemas, flows, code lists, settings and receipt keys: built in, or pulled like any record. Thread rule: under the
// writer's lock, but for what only reads, and defer_photo_row, which takes it.
#pragma once

#include <julu/change.h>

#include "store/core.h"

namespace julu::store {

/// Keeps a pulled row. What breaks the rules is kept with the reason and not used. Receipt keys have to carry the root
/// key's signature.
/// Ok: why it cannot be used; empty when it can.
Result<std::string> keep_in_catalog(Core& core, Connection& db, const Change& change, std::int64_t epoch);

/// The platform's list, else the one built in. Errors: codes_unknown.
Result<std::string> codes(Connection& db, const std::string& list);

/// What the list calls it in Chinese; the code itself where nothing says.
std::string code_name(Connection& db, const std::string& list, const std::string& code);

/// Absent: not known here, or not vouched for.
Result<std::optional<ReceiptKey>> receipt_key(Connection& db, const std::string& key_id);

/// The newest epoch that any reply has named.
Result<std::int64_t> newest_epoch(Connection& db);
/// A newer one than before: what the platform answered may be gone.
Result<void> note_epoch(Core& core, Connection& db, std::int64_t epoch);
/// Delivered is shown as being confirmed until the platform has been asked.
Result<void> begin_confirming(Core& core, Connection& db);
/// A receipted op goes again for another receipt, on the chain of the device that this store is now.
Result<void> prove_again(Core& core, Connection& db, std::int64_t seq);
/// The county knows no op `seq`, for which it had signed: a restore took it and what it took of the record after it.
/// They go again without waiting for what else is lost. The record is still to be laid.
Result<void> send_lost_again(Core& core, Connection& db, const Id& record, std::int64_t seq);
/// While it is so: when the platform is asked what it still holds; wall clock.
Result<std::int64_t> asks_at(Connection& db, std::int64_t now_ms);
/// What the platform counts of this device's ops; `judged`: with those of the reply that says so.
Result<void> note_holds(Core& core, Connection& db, std::int64_t holds, bool judged);

/// Failed attempts of a photo that nobody answered, as many as still make the wait longer: a month without a network is
/// nothing against an upload that has begun.
inline constexpr std::int64_t kUnansweredMax = 9;
/// Gives a photo row its next attempt.
Result<void> defer_photo_row(Core& core, const Hash& sha256, ErrorCode why, std::int64_t retry_after_ms);

}  // namespace julu::store
