#include "overwritten.h"

#include <algorithm>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "phone.h"
#include "store/core.h"

namespace julu::sim {
namespace {

using nlohmann::json;

struct Taken {
  std::int64_t version = 0;
  std::string worker;
  json body;
};

// What the county took for a record, in its order; none: of some of it no phone can say any more what it was.
std::vector<Taken> all_taken(const std::vector<std::pair<std::string, const HeldOp*>>& ops, const Accounts& accounts) {
  std::vector<Taken> taken;
  for (const auto& [key, op] : ops) {
    const auto text = accounts.texts.find(key);
    if (text == accounts.texts.end()) return {};
    taken.push_back({op->version, op->worker, json::parse(text->second).value("body", json::object())});
  }
  std::sort(taken.begin(), taken.end(), [](const Taken& a, const Taken& b) { return a.version < b.version; });
  return taken;
}

// A creation holds what its kind requires; an edit that is all there is of the past does not.
std::string kind_by(const json& creation) {
  return creation.contains("address") ? "household" : creation.contains("name") ? "person" : "";
}

class FieldCheck {
 public:
  FieldCheck(World& world, const Accounts& accounts, std::string record, std::string field)
      : world_(world), accounts_(accounts), record_(std::move(record)), field_(std::move(field)) {}

  void take(const Taken& op) {
    if (!sets(op.body)) return;
    const std::string value = word_at(op.body, field_);
    if (value != stands_ && !stands_.empty() && !knew(op.worker, value) && !comes_again(value)) {
      world_.violate("no value is overwritten in silence", record_ + " " + field_ + ": " + value + " by " + op.worker +
                                                               " instead of " + stands_ + ", version " +
                                                               std::to_string(op.version));
    }
    if (goes_over_later(value))
      world_.violate("no earlier word of a worker's goes over their later one",
                     record_ + " " + field_ + ": " + value + " by " + op.worker + " instead of " + stands_);
    stands_ = value;
  }

  void end(const json& body) {
    const std::string value = word_at(body, field_);
    if (value != stands_)
      world_.violate("the value that was taken last stands", record_ + " " + field_ + ": " + value + " not " + stands_);
  }

 private:
  // By itself, or with what it stands in.
  bool sets(const json& patch) const {
    const json::json_pointer at("/" + field_);
    const bool all_of_it = patch.contains(at.parent_pointer()) && patch.at(at.parent_pointer()).is_null();
    return patch.contains(at) || all_of_it;
  }

  // The worker had seen what stands there when writing this, or what went with it and gave way to it had met it: an
  // edit that is sent again carries the later ones of its phone.
  bool knew(const std::string& worker, const std::string& value) const {
    std::set<std::string> met{value};
    for (std::vector<std::string> words{value}; !words.empty();) {
      const std::string word = std::move(words.back());
      words.pop_back();
      const auto meet = [&](const std::string& other) {
        if (met.insert(other).second) words.push_back(other);
      };
      const std::string won = choice(worker, record_, field_, word, "");
      for (auto at = accounts_.gave_way.lower_bound(won); at != accounts_.gave_way.end() && at->starts_with(won); ++at)
        meet(at->substr(won.size()));
      // What a restore took was seen by others, and had been written by somebody who saw what stands again.
      const auto said = world_.words.find(word);
      const bool is_known = said != world_.words.end() && said->second.field == field_ &&
                            (worker_of(said->second.worker) == worker || world_.server.was_restored());
      if (is_known) meet(said->second.seen);
    }
    return met.contains(stands_);
  }

  // Both were said on one phone, in this order, or the first before that phone was copied and the second on the copy.
  // The first was away from the screen for as long as a restore had taken it from the county, and is brought again
  // before the second.
  bool comes_again(const std::string& value) const {
    const auto first = world_.words.find(stands_), second = world_.words.find(value);
    if (!world_.server.was_restored() || first == world_.words.end() || second == world_.words.end()) return false;
    const Word &before = first->second, &after = second->second;
    if (before.phone == after.phone) return before.number < after.number;
    const auto& copied = world_.phones()[static_cast<std::size_t>(after.phone)]->copied;
    const auto known = copied.find(before.phone);
    return known != copied.end() && before.number <= known->second;
  }

  // Both were said on one phone. The worker may have chosen the earlier, or given the later up.
  bool goes_over_later(const std::string& value) const {
    const auto later = world_.words.find(stands_), earlier = world_.words.find(value);
    if (later == world_.words.end() || earlier == world_.words.end()) return false;
    if (earlier->second.phone != later->second.phone || earlier->second.number >= later->second.number) return false;
    return std::none_of(world_.phones().begin(), world_.phones().end(), [&](const auto& phone) {
      return phone->forked || phone->given_up.contains(record_) ||
             std::any_of(phone->choices.begin(), phone->choices.end(), [&](const Choice& choice) {
               return choice.record == record_ && choice.field == field_ && choice.chosen == value;
             });
    });
  }

  World& world_;
  const Accounts& accounts_;
  std::string record_;
  std::string field_;
  std::string stands_;
};

// Nobody takes anything out of a set, so it grows with all that is taken, whoever sends what they had of it.
void check_set(World& world, const std::string& record, const std::vector<Taken>& all, const json& stands) {
  std::set<std::string> held;
  const auto take = [&](const json& body, const std::string& version) {
    if (!body.contains("tags")) return;
    const std::vector<std::string> words = words_in(body["tags"].dump());
    const std::set<std::string> now(words.begin(), words.end());
    if (!std::includes(now.begin(), now.end(), held.begin(), held.end()))
      world.violate("nothing goes from a set that nobody took out", record + " version " + version);
    held = now;
  };
  for (const Taken& op : all) take(op.body, std::to_string(op.version));
  if (!held.empty()) take(stands.contains("tags") ? stands : json{{"tags", json::array()}}, "that stands");
}

// Of what gave way, damage may take the trace.
bool may_be_forgotten(const World& world, const std::vector<Taken>& taken) {
  return std::any_of(world.phones().begin(), world.phones().end(), [&](const auto& phone) {
    return phone->damaged && std::any_of(taken.begin(), taken.end(),
                                         [&](const Taken& op) { return op.worker == worker_of(phone->worker); });
  });
}

}  // namespace

const std::vector<std::string>& fields_of(const std::string& kind) {
  static const std::vector<std::string> kNone,
      kPerson = {"note", "support", "employer"},
      kHousehold = {"address", "note", "support", "income_source", "house/house_no", "house/structure"};
  return kind == "household" ? kHousehold : kind == "person" ? kPerson : kNone;
}

std::string word_at(const json& body, const std::string& field) {
  const json::json_pointer at("/" + field);
  return body.contains(at) && body.at(at).is_string() ? word_in(body.at(at).get<std::string>()) : std::string();
}

std::string choice(const std::string& worker, const std::string& record, const std::string& field,
                   const std::string& here, const std::string& there) {
  return worker + record + "/" + field + " " + here + ">" + there;
}

void note_what_gave_way(store::Connection& db, const std::string& worker, Accounts& accounts) {
  const auto note = [&](const std::string& record, std::string field, const json& here, const json& there) {
    const auto is_text = [](const json& value) { return value.is_string() || value.is_null(); };
    if (!is_text(here) || !is_text(there) || field.empty()) return;
    const std::string ours = word_in(here.dump()), theirs = word_in(there.dump());  // none: the field was cleared
    accounts.gave_way.insert(choice(worker, record, field.substr(1), ours, theirs));
  };
  {
    store::Query row = db.query("SELECT record, detail FROM history WHERE what = 'given_up' ORDER BY id");
    for (auto there = row.step(); there && *there; there = row.step()) {
      const json detail = json::parse(row.text(1));
      note(row.id(0).text(), detail.value("field", ""), detail.value("local", json()), detail.value("remote", json()));
    }
  }
  store::Query row = db.query("SELECT record, field, local, remote FROM conflict ORDER BY record, field");
  for (auto there = row.step(); there && *there; there = row.step()) {
    const auto value = [&](int column) {
      return row.is_null(column) ? json() : json::parse(row.text(column), nullptr, false);
    };
    note(row.id(0).text(), std::string(row.text(1)), value(2), value(3));
  }
}

void check_overwritten(World& world, const County& county, const Accounts& accounts) {
  std::map<std::string, std::vector<std::pair<std::string, const HeldOp*>>> ops;  // by record
  for (const auto& [key, op] : county.ops) {
    if (op.verb == "create" || op.verb == "patch") ops[op.record].push_back({key, &op});
  }
  for (const auto& [record, all] : ops) {
    const std::vector<Taken> taken = all_taken(all, accounts);
    if (taken.empty() || may_be_forgotten(world, taken)) continue;
    for (const std::string& field : fields_of(kind_by(taken.front().body))) {
      FieldCheck check(world, accounts, record, field);
      for (const Taken& op : taken) check.take(op);
      check.end(county.records.at(record));
    }
    check_set(world, record, taken, county.records.at(record));
  }
}

}  // namespace julu::sim
