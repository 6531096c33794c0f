#include "effect.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "overwritten.h"
#include "phone.h"

namespace julu::sim {

void check_effect_is_one(World& world, const Phone& phone, const std::vector<OwnOp>& ops,
                         const std::map<std::string, HeldOp>& held) {
  const std::string worker = worker_of(phone.worker);
  for (const OwnOp& op : ops) {
    const OwnOp* successor = find_op(ops, op.successor);
    if (successor == nullptr || !held.contains(worker + op.id) || !held.contains(worker + successor->id)) continue;
    world.violate("what was made again is at the county once",
                  "phone " + std::to_string(phone.number) + " " + op.canonical + "\n  " + successor->canonical);
  }
}

namespace {

using nlohmann::json;

// Which words stand in which records, by what the county holds and by what it was sent.
using Places = std::map<std::string, std::set<std::string>>;

void check_word(World& world, const std::string& word, const std::set<std::string>& records) {
  const auto said = world.words.find(word);
  if (said == world.words.end()) return world.violate("nothing is at the county that nobody said", word);
  const bool of_a_record = said->second.how == Word::How::create || said->second.how == Word::How::patch;
  if (!of_a_record) return world.violate("a step is no record", word);
  if (records.size() > 1) return world.violate("the effect of a call is one", word + " stands in two records");
  if (!said->second.record.empty() && said->second.record != *records.begin())
    world.violate("the effect of a call is where it was meant", word + " stands in " + *records.begin());
}

void check_creations(World& world, const County& county, const Accounts& accounts, Places& places) {
  std::set<std::string> captured;
  for (const auto& [word, call] : world.words) {
    if (call.how == Word::How::create) captured.insert(call.record);
  }
  for (const auto& [key, op] : county.ops) {
    if (op.verb != "create" && op.verb != "patch") continue;
    const auto text = accounts.texts.find(key);
    if (text == accounts.texts.end()) continue;
    const json said = json::parse(text->second);
    const std::vector<std::string> words = words_in(said.value("body", json::object()).dump());
    for (const std::string& word : words) places[word].insert(op.record);
    const bool created = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      const auto call = world.words.find(word);
      return call != world.words.end() && call->second.how == Word::How::create;
    });
    // Edits may be all that is left of a household or a person to make it again with, or nothing where somebody has
    // emptied the fields that held words.
    const bool made_again =
        !fields_of(said.value("kind", "")).empty() && (!words.empty() || captured.contains(op.record));
    if (op.verb == "create" && !created && !made_again)
      world.violate("nothing is at the county that nobody captured", text->second);
  }
  for (const auto& [id, body] : county.records) {
    for (const std::string& word : words_in(body.dump())) places[word].insert(id);
    if (county.deleted.at(id) && !world.removals.contains(id))
      world.violate("nothing is deleted that nobody removed", id);
  }
}

// Two copies of a phone both had it refused, and on both somebody pressed "send again": it was said twice.
bool was_sent_by_both_copies(const World& world, const Accounts& accounts, const Word& word, const std::string& one,
                             const std::string& other) {
  if (!world.phones()[static_cast<std::size_t>(word.phone)]->forked) return false;
  const auto replaced_by = [&](const std::string& place) {
    const auto text = accounts.texts.find(worker_of(word.worker) + place.substr(word.record.size()));
    return text == accounts.texts.end() ? json::array() : json::parse(text->second).value("replaces", json::array());
  };
  const json first = replaced_by(one), second = replaced_by(other);
  return std::any_of(first.begin(), first.end(),
                     [&](const json& id) { return std::find(second.begin(), second.end(), id) != second.end(); });
}

void check_steps(World& world, const County& county, const Accounts& accounts) {
  std::map<std::string, std::string> steps;
  for (const auto& [place, detail] : county.said) {
    const std::string word = word_in(detail);
    const auto said = world.words.find(word);
    const bool meant =
        said != world.words.end() && said->second.how == Word::How::step && place.starts_with(said->second.record);
    if (!meant) {
      world.violate("nothing is at the county that nobody said", detail);
      continue;
    }
    const auto [first, fresh] = steps.emplace(word, place);
    if (!fresh && !was_sent_by_both_copies(world, accounts, said->second, place, first->second))
      world.violate("the effect of a call is one", word + " is two steps: " + place + " and " + first->second);
  }
}

// Of calls that were cut off nobody was told which photos they took.
void check_photos_were_taken(World& world, const County& county) {
  std::set<std::string> taken, unsure;
  for (const auto& phone : world.phones()) {
    for (const Told& told : phone->told) {
      for (const std::string& photo : told.photos) taken.insert(told.record + photo);
    }
  }
  for (const auto& [word, said] : world.words) {
    if (said.told || !said.with_photo) continue;
    if (!said.record.empty()) unsure.insert(said.record);
    for (const auto& [id, body] : county.records) {  // of a creation: where its word stands
      if (said.record.empty() && body.dump().find(word) != std::string::npos) unsure.insert(id);
    }
  }
  for (const std::string& hung : county.attached) {
    const bool may_be =
        std::any_of(unsure.begin(), unsure.end(), [&](const std::string& record) { return hung.starts_with(record); });
    if (!taken.contains(hung) && !may_be) world.violate("nothing is at the county that nobody captured", hung);
  }
}

}  // namespace

void check_effects(World& world, const County& county, const Accounts& accounts) {
  Places places;
  check_creations(world, county, accounts, places);
  for (const auto& [word, records] : places) check_word(world, word, records);
  check_steps(world, county, accounts);
  check_photos_were_taken(world, county);
}

}  // namespace julu::sim
