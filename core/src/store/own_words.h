// What a worker has said of a record, edit by edit: of their own words the later one stands, whichever the county has.
// Thread rule: as its ops.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "domain/merge.h"
#include "store/records.h"

namespace julu::store {

/// Lays a patch over what others have said, as patches: what one takes away stays taken away.
void add_to(Json& said, const Json& patch);

/// Adds the pointers of a patch's fields, `at` before each; an empty object is a value.
void add_leaves(const Json& patch, const std::string& at, std::vector<std::string>& fields);

/// Puts a value where the pointer says, in objects that are made where there is none; nullopt: takes it out.
void put_at(Json& object, const std::string& field, const std::optional<Json>& value);

/// Takes a field out of a patch. Nor does what it stood in stay by itself.
void leave_out(const std::string& field, Json& patch);

class OwnWords {
 public:
  /// Of what was refused: the worker has still to decide about it, or wants it sent again.
  enum class Refused { waits, goes_again };

  /// All ops of the record in their order; they have to stay. `version` and `epoch`: of the county's row.
  OwnWords(const std::vector<OpRow>& ops, std::int64_t version, std::int64_t epoch, Refused refused = Refused::waits);

  bool is_lost(const OpRow& op) const { return store::is_lost(op, version_, epoch_); }

  /// The version under what an op stands after in the end. None: it is not known.
  std::optional<std::int64_t> made_on(const OpRow& op) const {
    std::set<std::int64_t> in_sight;
    return made_on(op, in_sight);
  }

  /// What a creation or edit says but for the fields of which the worker has said something else since that is not to
  /// come any more: the county has taken it, or it gave way there. An earlier edit that goes again, after a restore or
  /// for its receipt, does not go over a later one. Null: what says nothing.
  Json still_said(const OpRow& op) const;

  /// That merged into `running`, the county's body with what goes before it, of which `said` is this phone's. No
  /// conflict are the worker's own words that it meets there.
  Merged merged(const OpRow& op, const Json& running, const Json& said, const Kind* kind);

 private:
  struct Later {
    std::int64_t place = 0;      // of the last word
    std::int64_t taken = 0;      // of the last that the county has
    std::int64_t given_way = 0;  // of the last that gave way there
    std::int64_t to_come = 0;    // of the last that is to come, and goes over those before it
    /// Of the last that is not to come any more.
    std::int64_t done_place() const { return std::max(taken, given_way > to_come ? given_way : 0); }
    bool receipted = false;  // so is the last
    Json value;              // of the last
  };
  /// What an edit says, and on what it was made.
  struct Edit {
    const OpRow* op;
    Json said, values;
    bool withdrawn;
  };
  struct Word {
    const Json* word;
    const Json* made_on;  // null: on nothing
  };

  bool is_to_come(const OpRow& op) const { return is_pending(op) || is_lost(op); }
  const OpRow& end_of(const OpRow& op) const;
  bool is_withdrawn(const OpRow& op) const;
  void join(const std::string& field, std::int64_t place, Later& later) const;
  void take_away_rest(const OpRow& op, const std::string& field, Json& said) const;
  bool stand_on_edits(const OpRow& old, const Merged& merged, const Json& own, Json& base, Json& patch);
  bool take_away_around(const OpRow& old, const Conflict& conflict, const Json& own, Json& base, Json& patch);
  bool is_before_own(const OpRow& old, const Conflict& conflict);
  bool is_withdrawn_word(const OpRow& old, const Conflict& conflict);
  const OpRow& first_making(const OpRow& edit) const;
  bool saw(const OpRow& edit, const OpRow& other) const;
  bool was_out_of_sight(const OpRow& old, const Conflict& conflict);
  std::vector<Word> words_after(const OpRow& old, const std::string& field);
  const std::vector<Edit>& edits();
  std::optional<std::int64_t> made_on(const OpRow& old, std::set<std::int64_t>& in_sight) const;

  const std::vector<OpRow>& ops_;
  const std::int64_t version_, epoch_;
  const Refused refused_;
  std::map<std::int64_t, const OpRow*> by_seq_;
  std::map<std::string, Later> later_;  // by the pointer of the field
  std::optional<std::vector<Edit>> edits_;
};

}  // namespace julu::store
