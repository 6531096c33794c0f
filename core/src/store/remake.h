// Making ops again after a stale or rejected result (core/README.md "What came of a push"). Thread rule: under the
// writer's lock, in the caller's transaction.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "store/records.h"

namespace julu {
struct Merged;
}

namespace julu::store {

/// The platform answered `stale`: takes `current` as the base, merges what is pending from op `seq` on and queues it
/// anew under `replaces`. Ops that turn out applied go again for their receipts. What a person has to decide is parked.
Result<void> make_again(Core& core, Connection& db, const OpRow& op, const Id& record, const Change& current,
                        const std::vector<Id>& applied, std::int64_t epoch);

/// Whether make_again might ask a person about the record.
Result<bool> would_ask(Core& core, Connection& db, const OpRow& op, const Id& record, const Change& current,
                       std::int64_t epoch);

/// What `first` stands after, or the step that it names, is not to come any more (see goes_as), and the platform has
/// never seen it: `first` goes again without it, an edit with what follows; all behind a new creation where that was
/// the record's. False: the kind is not known here yet, and nothing is done.
Result<bool> go_without(Core& core, Connection& db, const Id& record, const OpRow& first);

/// A creation of the record with this body, or the beginnings of a patch.
NewOp op_with(const RecordRow& row, const Kind& kind, const Json& body);

/// A person wants what was refused sent again, as the record stands now.
Result<void> send_again(Core& core, Connection& db, const Id& record);

/// A person gives up what was refused: it is closed, and what follows goes again without it.
Result<void> go_without_refused(Core& core, Connection& db, const Id& record);

// What both ways of making again have in common.

/// The old op leaves the queue only with its successor's receipt; until then it is kept, and what it stood for too.
Result<void> hand_over(Connection& db, const OpRow& old, std::int64_t successor);

/// Everything that the new op closes: the old op, and what the old op was to close and has not.
Result<std::vector<Id>> to_replace(Connection& db, const OpRow& old);

/// The third making of an op and each that follows waits, ever longer.
Result<void> wait_its_turn(Core& core, Connection& db, std::int64_t seq, std::size_t makings);

NewOp like(const OpRow& old, const Id& record, const std::string& kind);

/// A worker's edit of what is asked about answers it: the question goes, and the history says so.
Result<void> answer(Connection& db, const Id& record, const Json& before, const Json& after, std::int64_t at_ms);

/// To the inbox, and what gave way to the history.
Result<void> keep_conflicts(Core& core, Connection& db, const Id& record, const Merged& merged);

using Renamed = std::map<std::string, std::string>;  ///< op ids that steps and photos name, old to new

/// What stands after an op names it by its id.
std::string with_new_names(Json body, const Renamed& renamed);

/// A case's step keeps its place on the phone under the id that the platform knows it by. Where a pull has brought that
/// one, it says more.
Result<void> rename_step(Connection& db, const Id& from, const Id& to);

}  // namespace julu::store
