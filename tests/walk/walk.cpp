// The steps of the walk.
#include "walk.h"

#include <julu/limits.h>
#include <julu/random.h>

#include "jpeg.h"

namespace julu::walk {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::int64_t kHourMs = 3'600'000;
constexpr int kRoundsMax = 30;     // to rest
constexpr int kPatientRounds = 8;  // then what is still refused is given up, where others may have had a hand in it
constexpr milliseconds kShortSync{100};
constexpr milliseconds kLongSync{600'000};

}  // namespace

Walk::Walk(std::uint64_t seed, const Options& options, Findings& findings)
    : options_(options),
      findings_(findings),
      random_(seeded_random(seed)),
      secret_(seeded_random(seed + 77)),
      front_(clock_, *random_, *secret_) {
  for (int i = 0; i < 5; ++i)
    pictures_.push_back(
        test::make_jpeg({.width = 64 + 8 * i, .height = 48, .seed = std::uint64_t(i) + 1, .noise = i % 2 == 0}));
  pictures_.push_back(test::make_jpeg({.width = 480, .height = 320, .seed = 9, .noise = true}));
  for (const char* worker : {"W-1", "W-2"}) {
    if (!phones_.empty() && !options.two_workers) break;
    phones_.push_back(std::make_unique<Handset>(worker, folder_.file(worker), front_, clock_, *random_, findings));
  }
  front_.rates = options.rates;
}

void Walk::run() {
  for (int i = 0; i < options_.steps; ++i) {
    if (options_.restores && front_.has_backup() && below(60) == 0) {
      findings_.trace("the platform is restored");
      front_.restore();
      was_restored_ = true;
    }
    step(*phones_[below(phones_.size())]);
  }
  findings_.trace("the faults end");
  front_.rates = {};
  come_to_rest();
  std::vector<Handset*> phones;
  for (const auto& phone : phones_) phones.push_back(phone.get());
  if (options_.two_workers)
    check_two_workers(model_, front_, phones, findings_);
  else
    check_one_worker(model_, front_, *phones.front(), findings_);
}

void Walk::step(Handset& phone) {
  if (options_.two_stores) {
    if (!phone.has_second()) phone.open_second();
    if (below(2) == 0) phone.take_the_other();
  }
  clock_.advance(static_cast<std::int64_t>(below(4) == 0 ? below(kHourMs) : below(2'000)));
  if (phone.is_suspended() && below(3) != 0) phone.resume();
  if (!phone.is_suspended()) call(phone);
}

void Walk::call(Handset& phone) {
  switch (below(24)) {
    case 0:
    case 1: return capture(phone);
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7: return patch(phone);
    case 8: return attach(phone);
    case 9:
    case 10: return act(phone);
    case 11: return remove(phone);
    case 12:
    case 13: return look_at_refused(phone);
    case 14: return answer_questions(phone);
    case 15: return sleep_or_end(phone);
    case 16: return findings_.look("maintain", phone.store().maintain(milliseconds(50)));
    case 17:
      if (below(3) == 0) clock_.advance(static_cast<std::int64_t>(below(40)) * 24 * kHourMs);
      return;
    case 18:
      if (below(4) == 0 && options_.restores) front_.back_up();
      return;
    default: phone.sync(below(4) == 0 ? kShortSync : kLongSync);
  }
}

void Walk::capture(Handset& phone) {
  const char* const kKinds[] = {"household", "person", "incident", "visit"};
  const std::string kind = kKinds[below(4)];
  json body;
  if (kind == "household") body = {{"address", word()}, {"grid", "130529200203001"}, {"x1", {{"one", word()}}}};
  if (kind == "person") body = {{"name", "测"}, {"note", word()}};
  if (kind == "incident") body = {{"category", "drainage"}, {"text", word()}};
  if (kind == "visit") body = {{"text", word()}};
  Capture capture{kind, body.dump(), some_photos(), {}};
  capture.id = phone.store().new_id();
  const auto saved = phone.store().capture(capture);
  findings_.trace(phone.worker(), "capture", kind, capture.id, body.dump(), "photos", capture.photos.size());
  findings_.look("capture", saved);
  if (!saved) return;
  Expected& expected = model_[saved->id];
  expected.kind = kind;
  expected.body = json::parse((*phone.store().get(saved->id))->body);
  add_photos(expected, *saved, capture.photos);
  if (below(3) != 0) return;
  const auto again = phone.store().capture(capture);
  if (!again || again->photos != saved->photos) findings_.violate("not the same when captured again: " + saved->id);
}

void Walk::patch(Handset& phone) {
  const auto id = some_record(kind_of_people());
  if (!id) return;
  Expected& expected = model_[*id];
  json patch = some_patch(expected.kind);
  const auto seen = phone.store().get(*id);
  if (seen && *seen) leave_out_unseen(patch, json::parse((*seen)->body));
  const auto photos = some_photos();
  const auto saved = phone.store().patch(*id, patch.dump(), photos);
  findings_.trace(phone.worker(), "patch", *id, patch.dump(), "photos", photos.size());
  findings_.look("patch", saved);
  if (!saved) return;
  expected.body.merge_patch(patch);
  add_photos(expected, *saved, photos);
  if (!options_.two_workers && !was_restored_ && !expected.given_up) check_patched(phone, *id, expected);
}

// What a worker has just said stands on the screen, over everything that they had said before.
void Walk::check_patched(Handset& phone, const std::string& id, Expected& expected) {
  const json shown = json::parse((*phone.store().get(id))->body);
  if (shown == expected.body) return;
  findings_.violate("not shown after the patch: " + id + "\n  shown " + shown.dump() + "\n  said  " +
                    expected.body.dump());
  expected.body = shown;
}

void Walk::attach(Handset& phone) {
  const auto id = some_record("");
  if (!id) return;
  const auto photos = some_photos();
  if (photos.empty()) return;
  const auto saved = phone.store().attach(*id, photos);
  findings_.trace(phone.worker(), "attach", *id, "photos", photos.size());
  findings_.look("attach", saved);
  if (saved) add_photos(model_[*id], *saved, photos);
}

void Walk::act(Handset& phone) {
  const auto id = some_record("incident");
  if (!id) return;
  const char* const kActions[] = {"withdraw", "resolve_on_spot", "rate", "reopen", "resubmit"};
  const std::string action = kActions[below(5)];
  const auto photos = some_photos();
  const auto saved = phone.store().act(*id, action, json{{"note", word()}}.dump(), photos);
  findings_.trace(phone.worker(), "act", *id, action, "photos", photos.size());
  findings_.look("act", saved);
  if (saved) add_photos(model_[*id], *saved, photos);
}

void Walk::remove(Handset& phone) {
  if (below(4) != 0) return;
  const auto id = some_record(below(2) == 0 ? "person" : "household");
  if (!id) return;
  const auto saved = phone.store().remove(*id);
  findings_.trace(phone.worker(), "remove", *id);
  findings_.look("remove", saved);
  if (saved) model_[*id].deleted = true;
}

void Walk::look_at_refused(Handset& phone) {
  for (const Record& record : phone.parked()) {
    if (options_.gives_up && below(3) == 0) {
      findings_.trace(phone.worker(), "give up", record.id);
      findings_.look("give_up", phone.store().give_up(record.id));
      model_[record.id].given_up = true;
    } else if (below(2) == 0) {
      findings_.trace(phone.worker(), "resend", record.id);
      findings_.look("resend", phone.store().resend(record.id));
    }
  }
}

void Walk::answer_questions(Handset& phone) {
  const auto questions = phone.store().conflicts();
  findings_.look("conflicts", questions);
  if (!questions) return;
  for (const ConflictField& question : *questions) {
    if (below(2) == 0) continue;
    const std::string value = below(2) == 0 ? question.local : question.remote;
    findings_.trace(phone.worker(), "resolve", question.record, question.field, value);
    findings_.look("resolve", phone.store().resolve(question.record, question.field, value));
    if (options_.two_workers) continue;
    findings_.violate("asked which of one's own words stands: " + question.record + question.field + " base " +
                      question.base + " local " + question.local + " remote " + question.remote);
  }
}

void Walk::sleep_or_end(Handset& phone) {
  clock_.advance(1000);
  if (below(2) != 0) return phone.suspend();
  phone.close();
  if (options_.damaged_files && below(2) == 0) phone.set_file_aside();
  phone.open();
}

void Walk::come_to_rest() {
  for (int round = 0; round < kRoundsMax; ++round) {
    bool quiet = true;
    for (const auto& phone : phones_) quiet = is_at_rest(*phone, round) && quiet;
    if (quiet && round > 2) return;
  }
}

bool Walk::is_at_rest(Handset& phone, int round) {
  if (phone.is_suspended()) phone.resume();
  for (const Record& record : phone.parked()) {
    Expected& expected = model_[record.id];
    // A step that the case no longer allows never comes through.
    if (round > kPatientRounds && (options_.two_workers || expected.kind == "incident")) {
      findings_.look("give_up", phone.store().give_up(record.id));
      expected.given_up = true;
    } else {
      findings_.look("resend", phone.store().resend(record.id));
    }
  }
  clock_.advance(limits::reconcile_spread_ms);
  phone.sync(kLongSync);
  const auto status = phone.store().status();
  findings_.look("status", status);
  return status && status->unsent_ops == 0 && status->parked_ops == 0 && status->unsent_photos == 0 &&
         !status->confirming;
}

}  // namespace julu::walk
