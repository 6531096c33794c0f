#include "choices.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "overwritten.h"
#include "phone.h"
#include "store/core.h"

namespace julu::sim {
namespace {

using nlohmann::json;

json value_at(const json& body, const std::string& field) {
  const json::json_pointer at(field);
  return body.contains(at) ? body.at(at) : json();
}

json value_at(const std::string& body, const std::string& field) {
  return value_at(json::parse(body, nullptr, false), field);
}

json value_of(const std::string& text) { return text.empty() ? json() : json::parse(text, nullptr, false); }

std::string name_of(const ConflictField& question) { return question.field.substr(1); }

// As it was when the question arose: a restore may have taken what somebody else had said.
void check_own(World& world, Phone& phone, const ConflictField& question, const std::string& where) {
  const auto history = phone.store().history(question.record);
  if (phone.forked || !history || phone.in_doubt.contains(question.record)) return;
  if (phone.given_up.contains(question.record)) return;  // what the county took all the same
  const auto gave_way = std::find_if(history->rbegin(), history->rend(), [&](const HistoryEntry& entry) {
    return entry.what == "given_up" && json::parse(entry.detail).value("field", "") == question.field;
  });
  if (gave_way == history->rend()) return;
  const json detail = json::parse(gave_way->detail);
  const auto is_own = [&](const char* side) {
    const auto said = world.words.find(word_in(detail.value(side, json()).dump()));
    return said != world.words.end() && said->second.phone == phone.number;
  };
  // What a restore took of somebody else's, on which the later word was said, may come back.
  const std::string earlier = word_in(detail.value("remote", json()).dump());
  const auto was_said_on_own = [&](std::string word) {
    while (!word.empty() && word != earlier) {
      const auto said = world.words.find(word);
      if (said == world.words.end() || said->second.phone != phone.number) return false;
      word = said->second.seen;
    }
    return true;
  };
  if (is_own("local") && is_own("remote") && was_said_on_own(word_in(detail.value("base", json()).dump())))
    world.violate("nobody is asked which of their own two words stands", where + gave_way->detail);
}

}  // namespace

std::size_t check_inbox(World& world, Phone& phone) {
  if (phone.unsound || phone.disk.stopped()) return 0;
  const auto inbox = phone.store().conflicts();
  if (!inbox) return 0;  // the disk fails
  for (const ConflictField& question : *inbox) {
    const auto record = phone.store().get(question.record);
    if (!record) return 0;
    const std::string where = "phone " + std::to_string(phone.number) + " " + question.record + question.field + " ";
    if (!*record || !(*record)->in_conflict) {
      world.violate("what is asked is shown as asked", where);
      return 0;
    }
    const json stands = value_at((*record)->body, question.field);
    if (value_of(question.remote) != stands)
      world.violate("the inbox shows what stands", where + question.remote + " not " + stands.dump());
    check_own(world, phone, question, where);
  }
  return inbox->size();
}

void check_choices(World& world, Phone& phone) {
  if (phone.beside == nullptr) phone.beside = open_phone(world, phone);
  if (phone.beside == nullptr) return world.violate("a store can be read", "");
  store::Connection& db = *phone.beside;
  const std::string who = "phone " + std::to_string(phone.number) + " ";
  constexpr const char* kAskedAgain =
      "SELECT lower(hex(record)) || field FROM conflict WHERE coalesce((SELECT max(id) FROM history AS said WHERE"
      " said.record = conflict.record AND what = 'resolved' AND json_type(detail, '$' || replace(field, '/', '.')) IS NOT NULL), 0)"
      " >= coalesce((SELECT max(id) FROM history AS lost WHERE lost.record = conflict.record AND what = 'given_up'"
      " AND json_extract(detail, '$.field') = field), 0)";
  const auto again = db.text(kAskedAgain);
  if (!again || *again)
    world.violate("a question is asked with both values in the history, and once", who + (again ? **again : ""));
  for (const Choice& made : phone.choices) {
    if (!made.told) continue;
    bool said = false, mine = made.mine.empty();
    store::Query row =
        db.query("SELECT what, detail FROM history WHERE record = ?1 AND what IN ('resolved', 'given_up')",
                 *parse_id(made.record));
    for (auto there = row.step(); there && *there; there = row.step()) {
      const json detail = json::parse(row.text(1), nullptr, false);
      said = said || (row.text(0) == "resolved" && value_at(detail, "/" + made.field) == value_of(made.value));
      mine = mine || (row.text(0) == "given_up" && detail.value("field", "") == "/" + made.field &&
                      word_in(detail.value("local", json()).dump()) == made.mine);
    }
    const std::string which = who + made.record + " " + made.field + " " + made.value;
    if (!said) world.violate("a choice is in the history", which);
    if (!mine) world.violate("what gave way is in the history", which + " instead of " + made.mine);
  }
}

void note_choices(const Phone& phone, Accounts& accounts) {
  for (const auto* made : {&phone.choices, &phone.cleared}) {
    for (const Choice& one : *made) {
      for (const std::string& seen : {one.mine, one.theirs})
        accounts.gave_way.insert(choice(worker_of(phone.worker), one.record, one.field, one.chosen, seen));
      for (const std::string& field : fields_of(one.kind)) {
        if (!field.starts_with(one.field + "/")) continue;
        const std::string chosen = word_at(json{{one.field, value_of(one.value)}}, field);
        for (const std::string& seen : one.shown)
          accounts.gave_way.insert(choice(worker_of(phone.worker), one.record, field, chosen, seen));
      }
    }
  }
}

// One of the questions, and one of three answers to it.
void Phone::choose() {
  const auto inbox = store_->conflicts();
  heed(inbox);
  if (!inbox || inbox->empty()) return;
  const ConflictField& question = inbox->at(static_cast<std::size_t>(deeds->below(inbox->size())));
  const auto record = store_->get(question.record);
  heed(record);
  if (!record || !*record) return;
  Choice made{
      question.record, (*record)->kind, name_of(question), word_in(question.local), word_in(question.remote), {}, {}};
  const bool is_text = !fields_of(made.kind).empty() && !made.mine.empty() && !made.theirs.empty();
  switch (deeds->below(3)) {
    case 0: made.value = question.local; break;
    case 1: made.value = question.remote; break;
    default: made.value = is_text ? json("商量好的 " + marker()).dump() : question.remote; break;
  }
  decide(question, std::move(made));
}

// Whoever chose once presses again, some other day: mostly nothing is asked any more. Where somebody has changed the
// same field since, the inbox shows that one, and it is chosen over.
void Phone::choose_again() {
  if (choices.empty()) return choose();
  Choice made = choices[static_cast<std::size_t>(deeds->below(choices.size()))];
  const auto inbox = store_->conflicts();
  heed(inbox);
  if (!inbox) return;
  const auto question = std::find_if(inbox->begin(), inbox->end(), [&](const ConflictField& asked) {
    return asked.record == made.record && name_of(asked) == made.field;
  });
  if (question != inbox->end()) {
    made.mine = word_in(question->local);
    made.theirs = word_in(question->remote);
    return decide(*question, std::move(made));
  }
  const auto done = store_->resolve(made.record, "/" + made.field, made.value);
  heed(done);
  if (!disk.stopped() && (done || done.error().code == ErrorCode::record_deleted))
    world.violate("what is not asked is not answered", made.record + " " + made.field);
}

void Phone::decide(const ConflictField& question, Choice made) {
  const auto record = store_->get(question.record);
  heed(record);
  if (!record || !*record) return;
  const bool is_gone = (*record)->deleted;  // the question is over, and nothing is said
  made.told = false;
  made.chosen = word_in(made.value);
  made.shown = words_in(question.local + question.remote);
  const bool is_new = !made.chosen.empty() && made.chosen != made.mine && made.chosen != made.theirs &&
                      !world.words.contains(made.chosen);
  Told what{made.record, made.kind, made.chosen, {}, false};
  what.wordless = made.chosen.empty() || made.chosen == made.theirs;
  if (is_new) {
    say(what, Word::How::patch, &**record, made.field);
    world.words[what.marker].seen = made.theirs;
  }
  choices.push_back(made);
  const auto done = store_->resolve(made.record, question.field, made.value);
  heed(done);
  world.note(number, "resolve " + made.record + question.field + " " + made.value + (done ? "" : " refused"));
  if (disk.stopped()) return;
  if (!done) {
    const ErrorCode code = done.error().code;
    const bool of_the_disk = code == ErrorCode::io || code == ErrorCode::disk_full || code == ErrorCode::store_corrupt;
    // Of a record whose row was lost, or which a restore took.
    const bool of_a_loss = (salvages > 0 || world.server.restores() > 0) && code == ErrorCode::field_missing;
    if (!of_the_disk && !of_a_loss)
      world.violate("a choice fails for a reason that was there", std::string(julu::name(code)));
    if (!of_the_disk) choices.pop_back();
    if (!of_the_disk && is_new) world.words.erase(what.marker);
    return;
  }
  choices.back().told = true;
  ++world.tally.captures;
  if (is_gone && is_new) world.words.erase(what.marker);
  if (!is_gone) {
    if (is_new) world.words[what.marker].told = true;
    told.push_back(std::move(what));
    check_in_sight(told.back(), true);
  }
  check_decided(made, is_gone);
}

// It shows at once, and is not asked any more, however often it is pressed.
void Phone::check_decided(const Choice& made, bool is_gone) {
  const std::string field = "/" + made.field;
  const std::string where = made.record + field + " " + made.value;
  const auto record = store_->get(made.record);
  const auto inbox = store_->conflicts();
  if (!record || !*record || !inbox || disk.stopped()) return;
  if (!is_gone && value_at((*record)->body, field) != value_of(made.value))
    world.violate("a choice shows at once", where + " " + (*record)->body);
  if (std::any_of(inbox->begin(), inbox->end(),
                  [&](const ConflictField& asked) { return asked.record == made.record && asked.field == field; }))
    world.violate("what was chosen is not asked any more", where);
  constexpr std::uint64_t kTwiceOneIn = 4;
  if (deeds->below(kTwiceOneIn) != 0) return;
  const auto twice = store_->resolve(made.record, field, made.value);
  heed(twice);
  if (twice && !disk.stopped()) world.violate("a question is answered once", where);
}

// Who sees that something is asked answers at once, days later or never.
void Phone::mind_inbox() {
  constexpr std::uint64_t kOneIn = 2, kLatestMs = 40 * kHourMs;
  if (!world.plan().deeds || world.calm() || deeds->below(kOneIn) != 0) return;
  world.at(world.now_ms() + static_cast<std::int64_t>(deeds->below(kLatestMs)), [this] {
    if (!is_at_hand()) return;
    if (begins()) choose();
    after_call();
  });
}

// Of everybody only some do, so that questions stay open too.
bool Phone::clear_inbox() {
  constexpr std::uint64_t kOneIn = 2;
  if (!world.plan().deeds || !is_at_hand() || deeds->below(kOneIn) != 0) return false;
  const auto inbox = store_->conflicts();
  if (!inbox || inbox->empty()) return false;
  for (std::size_t i = 0; i < inbox->size() && !disk.stopped(); ++i) choose();
  return true;
}

}  // namespace julu::sim
