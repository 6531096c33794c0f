// Making ops again after a stale or rejected result (protocol.md "Making an op again"). Thread rule: under the writer's
// lock, in the caller's transaction.
#pragma once

#include <vector>

#include "store/records.h"

namespace julu::store {

/// The platform answered `stale`: takes `current` as the base, merges what is pending from op `seq` on and queues it
/// anew under `replaces`. Ops that turn out applied go again for their receipts. What a person has to decide is parked.
Result<void> make_again(Core& core, Connection& db, const OpRow& op, const Id& record, const Change& current,
                        const std::vector<Id>& applied, std::int64_t epoch);

/// The op that `first` stands after was lost with a damaged file, and the platform has never seen it: `first` and what
/// follows go again without it, behind a new creation where the lost one was the record's.
Result<void> go_without(Core& core, Connection& db, const Id& record, const OpRow& first);

/// A creation of the record with this body, or the beginnings of a patch.
NewOp op_with(const RecordRow& row, const Kind& kind, const Json& body);

/// A person wants what was refused sent again, as the record stands now.
Result<void> send_again(Core& core, Connection& db, const Id& record);

/// A person gives up what was refused: it is closed, and what follows goes again without it.
Result<void> go_without_refused(Core& core, Connection& db, const Id& record);

}  // namespace julu::store
