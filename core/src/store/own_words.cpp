#include "store/own_words.h"

#include <algorithm>

#include "base/json.h"

namespace julu::store {
namespace {

Json& object_at(Json& object, const Json::json_pointer& at) {
  if (at.empty()) return object;
  Json& here = object_at(object, at.parent_pointer())[at.back()];
  if (!here.is_object()) here = Json::object();
  return here;
}

std::vector<std::string> fields_in(const Json& patch) {
  std::vector<std::string> fields;
  add_leaves(patch, "", fields);
  return fields;
}

// What gave way, whether somebody is asked or not.
std::vector<Conflict> all_lost(const Merged& merged) {
  std::vector<Conflict> lost = merged.conflicts;
  lost.insert(lost.end(), merged.given_up.begin(), merged.given_up.end());
  return lost;
}

// Where what an edit gives way to is in `said`, what those before it have put, that is the worker's own earlier word.
Merged merge_after_own(Json& base_values, const Json& patch, const Json& running, const Json& said, const Kind* kind) {
  // One that is said once more, as it stood when it was sent again, goes over that word too, and over all of it.
  for (const std::string& field : fields_in(patch.is_object() ? patch : Json::object())) {
    const Json* own = at_pointer(said, field);
    const Json& later = *at_pointer(patch, field);
    if (own == nullptr || later == *own) continue;
    const FieldInfo* info = kind != nullptr ? kind->field(field) : nullptr;
    if (info != nullptr && info->merge == MergeRule::union_) continue;  // there is what others have put in, too
    std::vector<std::string> inside{""};
    if (own->is_object() && !own->empty()) inside = fields_in(*own);
    for (const std::string& leaf : inside) {
      const Json* word = at_pointer(said, field + leaf);
      const Json* there = at_pointer(running, field + leaf);
      const bool stands = there == nullptr ? word->is_null() : *there == *word;
      if (stands) put_at(base_values, field + leaf, there == nullptr ? std::nullopt : std::optional(*there));
    }
  }
  Merged merged = merge(base_values, patch, running, kind);
  bool own = false;
  for (const Conflict& conflict : all_lost(merged)) {
    const Json* word = at_pointer(said, conflict.field);
    if (word == nullptr) continue;
    if (conflict.remote ? *word != *conflict.remote : !word->is_null()) continue;
    put_at(base_values, conflict.field, conflict.remote);
    own = true;
  }
  return own ? merge(base_values, patch, running, kind) : merged;
}

// Later edits, the last first, have made of the one word the other, with which they end.
template <typename Words>
bool led_to(const Words& words, const Json& from, const Json& last) {
  if (words.empty() || *words.front().word != last) return false;
  static const Json kNothing;
  const Json* word = &last;
  for (const auto& edit : words) {
    if (*edit.word != *word) continue;
    const Json* made_on = edit.made_on == nullptr ? &kNothing : edit.made_on;
    if (*made_on == from) return true;
    word = made_on;
  }
  return false;
}

// What a patch says of a field, by itself or with what it stands in, which is nothing then.
const Json* word_of(const Json& patch, const std::string& field) {
  static const Json kNothing;
  if (const Json* word = at_pointer(patch, field)) return word;
  for (std::size_t end = field.rfind('/'); end != 0 && end != std::string::npos; end = field.rfind('/', end - 1)) {
    const Json* around = at_pointer(patch, field.substr(0, end));
    if (around != nullptr) return around->is_object() ? nullptr : &kNothing;
  }
  return nullptr;
}

}  // namespace

void add_to(Json& said, const Json& patch) {
  for (const auto& [key, value] : patch.items()) {
    const auto before = said.find(key);
    if (before != said.end() && before->is_object() && value.is_object()) {
      add_to(*before, value);
    } else {
      said[key] = value;
    }
  }
}

void add_leaves(const Json& patch, const std::string& at, std::vector<std::string>& fields) {
  for (const auto& [key, value] : patch.items()) {
    const std::string here = at + "/" + pointer_segment(key);
    if (value.is_object() && !value.empty())
      add_leaves(value, here, fields);
    else
      fields.push_back(here);
  }
}

void put_at(Json& object, const std::string& field, const std::optional<Json>& value) {
  const Json::json_pointer at(field);
  Json& around = object_at(object, at.parent_pointer());
  if (value) {
    around[at.back()] = *value;
  } else {
    around.erase(at.back());
  }
}

void leave_out(const std::string& field, Json& patch) {
  Json::json_pointer at(field);
  if (!patch.contains(at)) return;
  do {
    const std::string last = at.back();
    at.pop_back();
    patch.at(at).erase(last);
  } while (!at.empty() && patch.at(at).empty());
}

OwnWords::OwnWords(const std::vector<OpRow>& ops, std::int64_t version, std::int64_t epoch, Refused refused)
    : ops_(ops), version_(version), epoch_(epoch), refused_(refused) {
  for (const OpRow& op : ops) by_seq_[op.seq] = &op;
  const auto goes = [](const OpRow& op) { return is_pending(op) || (op.status == kStatusReceipted && !op.folded); };
  const auto first = std::find_if(ops.begin(), ops.end(), goes);
  // Where all that was said later is still to come, nothing gives way.
  if (std::all_of(first, ops.end(), [&](const OpRow& op) { return is_to_come(op); })) return;
  std::map<std::int64_t, Json> said;
  for (auto op = first; op != ops.end(); ++op) {
    if (op->verb == Verb::patch && op->place > first->place && !is_withdrawn(*op))
      said[op->seq] = parse_op(op->canonical).body;
  }
  std::map<std::string, Json> carried;  // what goes before says the same: then a making says it no more
  for (auto op = first; op != ops.end(); ++op) {
    if (is_to_come(*op) && op->verb <= Verb::patch) {
      const Json body = parse_op(op->canonical).body;
      for (const std::string& field : fields_in(body)) carried[field] = *at_pointer(body, field);
    }
    const auto edit = said.find(op->seq);
    if (edit == said.end()) continue;
    const auto successor = op->successor ? said.find(*op->successor) : said.end();
    for (const std::string& field : fields_in(edit->second)) {
      Later& later = later_[field];
      later.place = op->place;
      later.receipted = op->status == kStatusReceipted;
      later.value = *at_pointer(edit->second, field);
      const auto before = carried.find(field);
      const bool said_again = (successor != said.end() && word_of(successor->second, field) != nullptr) ||
                              (before != carried.end() && before->second == later.value);
      if (is_to_come(*op) || (said_again && !later.receipted)) {
        later.to_come = op->place;
      } else if (said_again) {
        continue;
      } else if (later.receipted) {
        later.taken = op->place;
      } else {
        later.given_way = op->place;
      }
    }
  }
}

Json OwnWords::still_said(const OpRow& op) const {
  Json said = parse_op(op.canonical).body;
  if (later_.empty() || !said.is_object() || mutant(Mutant::earlier_word_back)) return said;
  for (const std::string& field : fields_in(said)) {
    Later later;
    join(field, op.place, later);
    // One that was sent again says already what a later one does.
    const bool is_last = !later.receipted && later.value == *at_pointer(said, field);
    if (later.done_place() <= op.place || is_last) continue;
    const bool took_away = at_pointer(said, field)->is_null();
    leave_out(field, said);
    if (took_away) take_away_rest(op, field, said);
  }
  return said;
}

// Of what an edit took away whole a later one may have said a part anew: the rest stays taken away.
void OwnWords::take_away_rest(const OpRow& op, const std::string& field, Json& said) const {
  const Json values = stored_object(op.base_values);
  const Json* stood = at_pointer(values, field);
  if (stood == nullptr || !stood->is_object()) return;
  std::vector<std::string> rest;
  add_leaves(*stood, field, rest);
  for (const std::string& leaf : rest) {
    Later later;
    join(leaf, op.place, later);
    if (later.done_place() <= op.place) put_at(said, leaf, Json());
  }
}

Merged OwnWords::merged(const OpRow& op, const Json& running, const Json& said, const Kind* kind) {
  Json base = stored_object(op.base_values);
  Json patch = still_said(op);
  if (mutant(Mutant::own_word_asked)) return merge(base, patch, running, kind);
  Merged merged = merge_after_own(base, patch, running, said, kind);
  if (!stand_on_edits(op, merged, said, base, patch)) return merged;
  return merge_after_own(base, patch, running, said, kind);
}

// As what it goes, or went, in the end.
const OpRow& OwnWords::end_of(const OpRow& op) const {
  const OpRow* end = &op;
  while (end->status >= kStatusMadeAgain && end->successor) {
    const auto next = by_seq_.find(*end->successor);
    if (next == by_seq_.end()) break;
    end = next->second;
  }
  return *end;
}

// What became of it in the end the worker gave up, or has still to decide.
bool OwnWords::is_withdrawn(const OpRow& op) const {
  const OpRow& end = end_of(op);
  return (end.status == kStatusGivenUp && !end.successor) ||
         (end.status == kStatusParked && refused_ == Refused::waits);
}

// What was said after `place` of the field itself, of what it stands in, and of what stands in it.
void OwnWords::join(const std::string& field, std::int64_t place, Later& later) const {
  const auto with = [&](const Later& other) {
    if (other.place <= place) return;
    Later both = other.place > later.place ? other : later;
    both.taken = std::max(later.taken, other.taken);
    both.given_way = std::max(later.given_way, other.given_way);
    both.to_come = std::max(later.to_come, other.to_come);
    later = std::move(both);
  };
  for (std::size_t end = field.size(); end != 0 && end != std::string::npos; end = field.rfind('/', end - 1)) {
    const auto found = later_.find(field.substr(0, end));
    if (found != later_.end()) with(found->second);
  }
  const std::string inside = field + "/";
  for (auto at = later_.lower_bound(inside); at != later_.end() && at->first.starts_with(inside); ++at)
    with(at->second);
}

// The county may have the worker's words from elsewhere: whoever shares the record has brought it again.
// True: the base, or what is said on it, is another now.
bool OwnWords::stand_on_edits(const OpRow& old, const Merged& merged, const Json& own, Json& base, Json& patch) {
  bool stands = false;
  for (const Conflict& conflict : all_lost(merged)) {
    // That a field was taken away is a word too.
    const Json local = conflict.local.value_or(Json()), remote = conflict.remote.value_or(Json());
    const std::vector<Word> words = words_after(old, conflict.field);
    const auto is_there = [&](const Word& word) { return *word.word == remote; };
    if (was_out_of_sight(old, conflict) || led_to(words, remote, local) || is_before_own(old, conflict) ||
        is_withdrawn_word(old, conflict)) {
      put_at(base, conflict.field, conflict.remote);  // sent again it says what later edits had made of it
    } else if (!words.empty() && *words.front().word != local && !mutant(Mutant::earlier_word_back) &&
               std::any_of(words.begin(), words.end(), is_there)) {
      put_at(base, conflict.field, conflict.local);  // a later one stands already, and the last is to come
    } else if (!take_away_around(old, conflict, own, base, patch)) {
      continue;
    }
    stands = true;
  }
  return stands;
}

// Of an object that was taken away whole what later edits have put into it stays. False: others have too.
bool OwnWords::take_away_around(const OpRow& old, const Conflict& conflict, const Json& own, Json& base, Json& patch) {
  const auto is_object = [](const std::optional<Json>& value) { return value && value->is_object(); };
  if (conflict.local || !is_object(conflict.base) || !is_object(conflict.remote)) return false;
  const std::vector<std::string> leaves = fields_in(*conflict.remote);
  std::vector<std::string> taken;
  for (const std::string& leaf : leaves) {
    const Json *there = at_pointer(*conflict.remote, leaf), *before = at_pointer(*conflict.base, leaf);
    const std::string field = conflict.field + leaf;
    const std::vector<Word> words = words_after(old, field);
    const auto is_there = [&](const Word& word) { return *word.word == *there; };
    const auto seen = before != nullptr ? std::optional(*before) : std::nullopt;
    const Json* earlier = at_pointer(own, field);
    if (seen == *there || (earlier != nullptr && *earlier == *there) ||
        is_before_own(old, {field, seen, std::nullopt, *there}))
      taken.push_back(leaf);
    else if (std::none_of(words.begin(), words.end(), is_there))
      return false;
  }
  if (taken.size() == leaves.size()) {
    put_at(base, conflict.field, conflict.remote);
    return true;
  }
  leave_out(conflict.field, patch);
  for (const std::string& leaf : taken) {
    put_at(base, conflict.field + leaf, *at_pointer(*conflict.remote, leaf));
    put_at(patch, conflict.field + leaf, Json());
  }
  return true;
}

// Earlier edits that the county has taken since this was made, as after a restore: they begin with the same.
bool OwnWords::was_out_of_sight(const OpRow& old, const Conflict& conflict) {
  std::set<std::int64_t> in_sight;
  const auto since = made_on(old, in_sight);
  if (!since) return false;
  static const Json kNothing;
  const Json* word = conflict.remote ? &*conflict.remote : &kNothing;
  for (auto edit = edits().rbegin(); edit != edits().rend(); ++edit) {
    const OpRow& op = *edit->op;
    if (op.status != kStatusReceipted || !op.version || *op.version <= *since || op.place >= old.place) continue;
    if (in_sight.contains(op.seq) || edit->withdrawn) continue;
    const Json* said = word_of(edit->said, conflict.field);
    if (said == nullptr || *said != *word) continue;
    word = at_pointer(edit->values, conflict.field);
    if (word == nullptr) word = &kNothing;
    if (conflict.base ? *word == *conflict.base : word->is_null()) return true;
  }
  return false;
}

// The county has what earlier edits began with, which made of it what this one was made on, and none of them: it never
// had them, or a restore took them.
bool OwnWords::is_before_own(const OpRow& old, const Conflict& conflict) {
  static const Json kNothing;
  const Json remote = conflict.remote.value_or(Json());
  const Json* word = conflict.base ? &*conflict.base : &kNothing;
  for (auto edit = edits().rbegin(); edit != edits().rend(); ++edit) {
    const Json* said = word_of(edit->said, conflict.field);
    if (edit->op->seq == old.seq || said == nullptr || *said != *word) continue;
    const OpRow& end = end_of(*edit->op);
    // One that was closed, and damage took what closed it, the county may have.
    const bool counts = edit->withdrawn ? saw(old, *edit->op) : end.status != kStatusGivenUp;
    if (!counts || (end.status == kStatusReceipted && !is_lost(end))) continue;
    word = at_pointer(edit->values, conflict.field);
    if (word == nullptr) word = &kNothing;
    if (*word == remote) return true;
  }
  return false;
}

// The county has what the worker said before and has given up: it was taken unheard, or goes with a restore.
bool OwnWords::is_withdrawn_word(const OpRow& old, const Conflict& conflict) {
  const Json remote = conflict.remote.value_or(Json());
  const Json values = stored_object(first_making(old).base_values);
  const Json* stood = at_pointer(values, conflict.field);
  const bool made_on_it = stood == nullptr ? remote.is_null() : *stood == remote;
  return std::any_of(edits().begin(), edits().end(), [&](const Edit& edit) {
    const Json* word = word_of(edit.said, conflict.field);
    const bool is_it = edit.withdrawn && edit.op->place < old.place && word != nullptr && *word == remote;
    return is_it && (made_on_it || saw(old, *edit.op));
  });
}

const OpRow& OwnWords::first_making(const OpRow& edit) const {
  const auto first = std::find_if(ops_.begin(), ops_.end(), [&](const OpRow& op) { return op.place == edit.place; });
  return first != ops_.end() ? *first : edit;
}

// It was made while the other waited. What is said after that was given up is said on what others say.
bool OwnWords::saw(const OpRow& edit, const OpRow& other) const {
  std::set<std::int64_t> in_sight;
  made_on(first_making(edit), in_sight);
  return std::any_of(in_sight.begin(), in_sight.end(),
                     [&](std::int64_t seq) { return by_seq_.at(seq)->place == other.place; });
}

// What later edits say of a field, the last first.
std::vector<OwnWords::Word> OwnWords::words_after(const OpRow& old, const std::string& field) {
  std::vector<Word> words;
  for (auto edit = edits().rbegin(); edit != edits().rend() && edit->op->place > old.place; ++edit) {
    const Json* word = edit->withdrawn ? nullptr : word_of(edit->said, field);
    if (word != nullptr) words.push_back({word, at_pointer(edit->values, field)});
  }
  return words;
}

// In their order; read once.
const std::vector<OwnWords::Edit>& OwnWords::edits() {
  if (edits_) return *edits_;
  edits_.emplace();
  for (const OpRow& op : ops_) {
    if (op.verb != Verb::patch || op.base_values.empty()) continue;
    edits_->push_back({&op, parse_op(op.canonical).body, stored_object(op.base_values), is_withdrawn(op)});
  }
  return *edits_;
}

// The version under what it stands after in the end, all of which it saw.
std::optional<std::int64_t> OwnWords::made_on(const OpRow& old, std::set<std::int64_t>& in_sight) const {
  const OpRow* op = &old;
  while (op->after) {
    const auto before = by_seq_.find(*op->after);
    if (before == by_seq_.end() || before->second->place >= op->place) break;
    op = before->second;
    in_sight.insert(op->seq);
  }
  return op->base_version;
}

}  // namespace julu::store
