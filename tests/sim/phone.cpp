#include "phone.h"

#include <algorithm>

#include <julu/limits.h>
#include <julu/outbox.h>
#include <nlohmann/json.hpp>

#include "camera.h"
#include "overwritten.h"
#include "shown.h"
#include "store/core.h"

namespace julu::sim {
namespace {

using Stop = test::SimDisk::Stop;
using nlohmann::json;

constexpr std::int64_t kRequestsMax = 120;  // of one sync, some times what the fullest needs
// Of one sync: the first, another after a 401, another as a forked device, and as many again as a token's life of 15
// minutes goes into the longest sync.
constexpr std::int64_t kTokenRequestsMax = 5;
constexpr int kPressesMax = 3;

}  // namespace

Phone::Phone(World& its_world, int its_number, int its_worker, const test::SimDisk::Image& image)
    : number(its_number),
      worker(its_worker),
      world(its_world),
      random(seeded_random(its_world.plan().seed * 1000 + static_cast<std::uint64_t>(its_number))),
      disk_random(seeded_random(its_world.plan().seed * 1000 + 500 + static_cast<std::uint64_t>(its_number))),
      disk(*disk_random),
      clock(its_world, "p" + std::to_string(its_number)),
      network(its_world, *this, its_world.plan().seed * 1000 + 970 + static_cast<std::uint64_t>(its_number)) {
  looks_ = seeded_random(world.plan().seed * 1000 + 900 + static_cast<std::uint64_t>(number));
  whims = seeded_random(world.plan().seed * 1000 + 950 + static_cast<std::uint64_t>(number));
  deeds = seeded_random(world.plan().seed * 1000 + 700 + static_cast<std::uint64_t>(number));
  clock.booted_ms = world.now_ms() - 1000;
  disk.restore(image);
}

Phone::~Phone() { close(); }

Store::Options Phone::options() const {
  Store::Options options;
  options.directory = kStore;
  options.key = store_key();
  options.encrypted = world.plan().encrypted;
  options.clock = const_cast<PhoneClock*>(&clock);
  options.random = random.get();
  options.vfs = disk.vfs();
  return options;
}

// Chance may end the process at one of the next steps of the disk, and another process may look in at one.
void Phone::arm() {
  if (++calls_ > 1) return;
  constexpr std::uint64_t kOneIn = 8;
  if (looks_->below(kOneIn) == 0) {
    disk.watch(disk.steps() + 1 + static_cast<std::int64_t>(looks_->below(20)),
               [this] { look_from_beside(world, *this); });
  }
  // A capture takes some dozen steps, a sync some hundred.
  const auto soon = [&] {
    const std::uint64_t most = world.below(3) == 0 ? 400 : 60;
    return disk.steps() + 1 + static_cast<std::int64_t>(world.below(most));
  };
  if (world.strikes(Fault::kill)) {
    disk.stop_at(soon(), Stop::kill);
  } else if (world.strikes(Fault::power_cut)) {
    disk.stop_at(soon(), Stop::power_cut);
  }
}

// A call has returned: was that the last thing this process did?
void Phone::after_call() {
  if (--calls_ > 0) return;
  disk.watch(0, nullptr);
  if (!disk.stopped()) {
    disk.stop_at(-1, Stop::none);
    if (restart_) restart();
    return;
  }
  const bool power = disk.stop_kind() == Stop::power_cut;
  die(power ? Stop::power_cut : Stop::kill);
}

std::string Phone::marker() { return make_word(number, ++markers_); }

void Phone::say(const Told& what, Word::How how, const Record* of, const std::string& field) {
  Word& word = world.words[what.marker];
  word.how = how;
  word.phone = number;
  word.number = markers_;
  word.worker = worker;
  word.kind = what.kind;
  word.field = field;
  if (of == nullptr) return;
  word.record = of->id;
  const json body = json::parse(of->body, nullptr, false);
  if (!field.empty() && body.is_object()) word.seen = word_at(body, field);
}

void Phone::remember(const Result<Saved>& saved, Told what) {
  if (!saved) {
    world.note(number, what.kind + " refused " + std::string(julu::name(saved.error().code)));
    const ErrorCode code = saved.error().code;
    const bool expected =
        code == ErrorCode::io || code == ErrorCode::disk_full || code == ErrorCode::store_corrupt ||
        code == ErrorCode::step_not_allowed || code == ErrorCode::record_deleted || code == ErrorCode::record_unknown ||
        code == ErrorCode::shape_mismatch ||
        // An edit of what was written before the form needed it.
        (code == ErrorCode::field_missing && world.server.needed_once(what.kind, saved.error().field)) ||
        // Of a record whose row was lost, or which a restore took.
        ((salvages > 0 || world.server.restores() > 0) && code == ErrorCode::field_missing);
    if (!expected)
      world.violate("a capture fails for a reason that was there",
                    std::string(julu::name(code)) + " " + saved.error().field + " " + saved.error().detail);
    heed(saved);
    // Refused for what it says, it leaves nothing behind; where the disk failed or the process died, who knows.
    const bool of_the_disk = code == ErrorCode::io || code == ErrorCode::disk_full || code == ErrorCode::store_corrupt;
    if (!of_the_disk && !disk.stopped()) world.words.erase(what.marker);
    if (code == ErrorCode::store_corrupt && !disk.stopped() && !unsound)
      world.violate("no store goes bad", saved.error().detail);
    return;
  }
  what.record = saved->id;
  what.photos = saved->photos;
  Word& word = world.words[what.marker];
  word.record = what.record;
  word.told = true;
  ++world.tally.captures;
  world.tally.photos += static_cast<std::int64_t>(saved->photos.size());
  world.note(number, what.kind + " saved " + what.marker + " " + what.record);
  told.push_back(std::move(what));
  check_in_sight(told.back(), true);
}

// A report that was taken stays to be seen, whatever a pull brings or a restore takes.
void Phone::check_in_sight(const Told& what, bool fresh) {
  if (disk.stopped() || what.at_risk || (!what.create && what.kind == "incident")) return;
  const auto record = store_->get(what.record);
  heed(record);
  if (!record) return;
  if (!*record && given_up.contains(what.record)) return check_in_history(what);
  // What a restore took, and somebody else made again, is theirs.
  if (!*record && world.server.restores() > 0 && world.server.is_out_of_scope(what.record, number)) return;
  if (!*record) return world.violate("what was said to be saved is in sight", what.kind + " " + what.marker);
  if (fresh && !what.wordless && (*record)->body.find(what.marker) == std::string::npos) {
    world.violate("an edit shows at once", what.kind + " " + what.marker);
  }
}

// What was given up and is not at the county any more has its past.
void Phone::check_in_history(const Told& what) {
  const auto history = store_->history(what.record);
  heed(history);
  const bool there = !history || std::any_of(history->begin(), history->end(), [&](const HistoryEntry& entry) {
    return entry.detail.find(what.marker) != std::string::npos;
  });
  if (!there) world.violate("what was given up is in its history", what.kind + " " + what.marker);
}

void Phone::check_outcome(const SyncOutcome& outcome) {
  const std::int64_t left = outcome.ops_left + outcome.photos_left;
  if (left > 0 && !outcome.next_attempt_ms)
    world.violate("every pending item has a next attempt", std::to_string(left) + " wait for nothing");
  check_attempts(world, *this);
  const bool steady = world.plan().rate(Fault::wall_clock) == 0;
  constexpr std::int64_t kTravelMs = 60'000;
  const auto status = store_->status();
  // What is still held phones ask for at different times.
  const std::int64_t spread = status && status->confirming ? limits::reconcile_spread_ms : 0;
  const bool turned_away =
      outcome.end == SyncEnd::sign_in || outcome.end == SyncEnd::device_refused || outcome.end == SyncEnd::app_too_old;
  const std::int64_t cap = turned_away ? limits::refused_wait_ms : limits::backoff_cap_ms;
  const std::int64_t longest = std::max(spared_until_ms + kTravelMs + spread, clock.now_ms() + cap);
  if (steady && outcome.next_attempt_ms.value_or(0) > longest) {
    world.violate("no wait is longer than the platform or the cap says",
                  std::to_string(*outcome.next_attempt_ms - clock.now_ms()) + " ms");
  }
  std::vector<const Told*> created;
  for (const Told& what : told) {
    if (what.create) created.push_back(&what);
  }
  const bool after_restore = restores_before_ > 0 && restores_before_ == world.server.restores();
  if (after_restore && outcome.end == SyncEnd::all_delivered) check_versions();
  follow_changes(*this);
  if (check_inbox(world, *this) > 0) mind_inbox();
  if (created.empty()) return;
  const Told& one = *created[static_cast<std::size_t>(requests) % created.size()];
  check_in_sight(one, false);
  check_shown_now(world, *this, one.record);
}

// After a restore the platform may be behind what a phone had seen; a sync that went through to its end shows that.
void Phone::check_versions() {
  Filter filter;
  filter.kind = "household";
  filter.limit = 12;
  const auto list = store_->list(filter);
  heed(list);
  if (!list || disk.stopped()) return;
  std::vector<std::string> ids;
  for (const Record& record : *list) ids.push_back(record.id);
  const auto held = world.server.versions_of(ids, worker);
  for (const Record& record : *list) {
    const auto found = held.find(record.id);
    if (found == held.end() || record.version <= found->second) continue;
    if (world.server.may_leave_scope(worker) && record.delivery == Delivery::parked) continue;
    world.violate("no phone is ahead of a restored county", record.id + " " + std::to_string(record.version));
  }
}

void Phone::bound_requests() {
  const std::int64_t asked = requests - requests_before_;
  const std::int64_t tokens = token_requests - token_requests_before_;
  if (asked <= kRequestsMax && tokens <= kTokenRequestsMax) return;
  world.violate("a sync asks a bounded number of times",
                std::to_string(asked) + ", for tokens " + std::to_string(tokens));
  syncer_->cancel();
}

PhotoInput Phone::photo() { return {camera().take(*random), "near"}; }

bool Phone::begins() {
  arm();
  if (asked_) ask_again();
  return store_ != nullptr && !disk.stopped();
}

void Phone::tap() {
  if (!is_at_hand()) return;
  if (!begins()) return after_call();
  switch (world.below(10)) {
    case 0:
    case 1:
    case 2: report(world.below(8) == 0); break;
    case 3: household(); break;
    case 4:
    case 5: patch(); break;
    case 6: person(); break;
    case 7: visit(); break;
    case 8: act(); break;
    default: world.below(4) == 0 ? remove() : visit(); break;
  }
  after_call();
}

void Phone::capture_photo_report() {
  if (!is_at_hand()) return;
  arm();
  report(true);
  after_call();
}

void Phone::report(bool with_photo) {
  Told what{{}, "incident", marker(), {}, true};
  const char* urgency = world.below(12) == 0 ? "emergency" : world.below(6) == 0 ? "urgent" : "normal";
  const json body{{"category", "drainage"},
                  {"text", std::string(with_photo ? kWithPhoto : "村东头排水沟堵了 ") + what.marker},
                  {"urgency", urgency}};
  Capture capture{"incident", body.dump(), {}, {}};
  if (with_photo) capture.photos.push_back(photo());
  say(what, Word::How::create);
  world.words[what.marker].with_photo = with_photo;
  this->capture(std::move(capture), std::move(what));
}

void Phone::capture(Capture capture, Told what) {
  constexpr std::uint64_t kOneIn = 4;
  if (whims->below(kOneIn) == 0) capture.id = make_id(clock, *whims).text();
  auto saved = store_->capture(capture);
  if (!saved && fill_in(capture, saved.error())) saved = store_->capture(capture);
  if (!capture.id.empty() && !saved && disk.stopped()) asked_.emplace(std::move(capture), what);
  remember(saved, std::move(what));
}

// The same under the same id is the same record, whether the first asking had come so far or not.
void Phone::ask_again() {
  auto [capture, what] = *std::exchange(asked_, std::nullopt);
  auto saved = store_->capture(capture);
  // Nothing of the first asking is there where the form of now refuses it.
  if (!saved && fill_in(capture, saved.error())) saved = store_->capture(capture);
  if (saved && saved->id != capture.id) world.violate("a capture asked again is the same record", saved->id);
  if (!saved && disk.stopped()) asked_.emplace(std::move(capture), what);
  remember(saved, std::move(what));
}

std::string Phone::grid() const { return kGrids[worker % 4 == 3 ? 1 : 0]; }

void Phone::household() {
  Told what{{}, "household", marker(), {}, true};
  const json body{{"address", "测试村 " + what.marker}, {"grid", grid()}};
  say(what, Word::How::create, nullptr, "address");
  capture({"household", body.dump(), {}, {}}, std::move(what));
}

std::optional<Record> Phone::any_record(const std::string& kind) {
  Filter filter;
  filter.kind = kind;
  filter.limit = 12;
  const auto list = store_->list(filter);
  heed(list);
  if (!list || list->empty()) return std::nullopt;
  return list->at(static_cast<std::size_t>(world.below(list->size())));
}

void Phone::patch() {
  const auto record = any_record("household");
  if (!record) return household();
  Told what{{}, "household", marker(), {}, false};
  const std::string& mark = what.marker;
  std::string field = "note";
  json body;
  switch (world.below(4)) {
    case 0: body = {{"note", mark}}; break;
    case 1:
      field = "address";
      body = {{"address", "新地址 " + mark}};
      break;
    case 2:
      field = "support";
      body = {{"support", mark}};
      break;
    default:
      field = "income_source";
      body = {{"income_source", mark}, {"resident_count", static_cast<int>(world.below(9))}};
      break;
  }
  std::vector<PhotoInput> photos;
  if (world.below(10) == 0) photos.push_back(photo());
  say(what, Word::How::patch, &*record, field);
  world.words[mark].with_photo = !photos.empty();
  const auto saved = store_->patch(record->id, body.dump(), photos);
  remember(saved, std::move(what));
}

void Phone::person() {
  Told what{{}, "person", marker(), {}, true};
  json body{{"name", "测试"}, {"note", what.marker}};
  if (const auto household = any_record("household")) body["household"] = household->id;
  say(what, Word::How::create);
  capture({"person", body.dump(), {}, {}}, std::move(what));
}

void Phone::visit() {
  Told what{{}, "visit", marker(), {}, true};
  const json body{{"text", "走访 " + what.marker}, {"grid", grid()}};
  say(what, Word::How::create);
  capture({"visit", body.dump(), {}, {}}, std::move(what));
}

void Phone::act() {
  static const std::vector<std::string> kWorker = {"rate", "withdraw", "resolve_on_spot", "resubmit", "reopen"};
  static const std::vector<std::string> kLeader = {"accept", "dispatch", "resolve", "return", "escalate"};
  const auto record = any_record("incident");
  if (!record) return report(false);
  const auto& steps = worker == 0 ? kLeader : kWorker;
  const std::string step = steps[static_cast<std::size_t>(world.below(steps.size()))];
  Told what{{}, "incident", marker(), {}, false};
  std::vector<PhotoInput> photos;
  if (world.below(6) == 0) photos.push_back(photo());
  say(what, Word::How::step, &*record);
  world.words[what.marker].with_photo = !photos.empty();
  const auto saved = store_->act(record->id, step, json{{"note", what.marker}}.dump(), photos);
  remember(saved, std::move(what));
}

void Phone::remove() {
  const auto record = any_record("household");
  if (!record) return visit();
  world.removals.insert(record->id);
  const auto removed = store_->remove(record->id);
  world.note(number, removed ? "removed " + record->id : "remove refused");
}

void Phone::upkeep() {
  if (!is_at_hand()) return;
  arm();
  heed(store_->maintain(std::chrono::milliseconds(50)));
  after_call();
}

void Phone::sync() {
  if (store_ == nullptr || asleep_ || calls_ > 0) return;
  arm();
  slept_ = false;
  network.signal = world.calm() || world.below(10) >= 4;
  ++world.tally.syncs;
  if (!world.calm() && whims->below(2) == 0) {
    constexpr std::uint64_t kImpatienceMs = 4000;
    world.at(world.now_ms() + static_cast<std::int64_t>(whims->below(kImpatienceMs)), [this] { press_resend(); });
  }
  if (!world.calm() && whims->below(10) == 0) {
    constexpr std::uint64_t kSecondThoughtMs = 2000;
    world.at(world.now_ms() + static_cast<std::int64_t>(whims->below(kSecondThoughtMs)), [this] {
      if (syncer_ != nullptr) syncer_->cancel();
    });
  }
  requests_before_ = requests;
  token_requests_before_ = token_requests;
  restores_before_ = world.server.restores();
  SyncOptions options;
  options.at_most = std::chrono::milliseconds(
      world.calm() ? 30 * 60'000 : 1000 + static_cast<std::int64_t>(world.below(10 * 60'000)));
  const auto outcome = syncer_->run(options);
  if (outcome) {
    world.note(number, "sync end " + std::to_string(static_cast<int>(outcome->end)) + " delivered " +
                           std::to_string(outcome->ops_delivered) + " left " + std::to_string(outcome->ops_left) +
                           " photos " + std::to_string(outcome->photos_sent) + "/" +
                           std::to_string(outcome->photos_left) +
                           (outcome->failure ? " " + std::string(julu::name(outcome->failure->code)) : std::string()));
    moved = outcome->ops_delivered > 0 || outcome->photos_sent > 0 || outcome->records_changed > 0;
    next_attempt_ms = outcome->next_attempt_ms;
    check_outcome(*outcome);
    refused = outcome->end == SyncEnd::device_refused || outcome->end == SyncEnd::sign_in;
    if (moved && !disk.stopped()) note_versions(world, *this);
  } else {
    moved = true;
    next_attempt_ms.reset();
    network.forget_waits();
    const ErrorCode code = outcome.error().code;
    world.note(number, "sync failed " + std::string(julu::name(code)));
    const bool expected = code == ErrorCode::io || code == ErrorCode::disk_full ||
                          code == ErrorCode::sync_in_progress || (code == ErrorCode::suspended && slept_);
    heed(outcome);
    if (!expected && !disk.stopped() && !(unsound && code == ErrorCode::store_corrupt)) {
      world.violate("a sync ends with an outcome", std::string(julu::name(code)) + " " + outcome.error().detail);
    }
  }
  after_call();
}

std::int64_t Phone::due_in_ms() {
  return next_attempt_ms ? std::max<std::int64_t>(0, *next_attempt_ms - clock.now_ms()) : 60'000;
}

void Phone::press_sync() {
  for (int press = 0; press < kPressesMax && store_ != nullptr && calls_ == 0; ++press) {
    if (press > 0 && (disk.stopped() || quiet())) return;
    if (world.below(2) == 0) resend_parked();
    static_cast<void>(syncer_->hint());
    network.forget_waits();
    sync();
  }
}

void Phone::press_resend() {
  if (!is_at_hand()) return;
  arm();
  resend_parked();
  after_call();
}

bool Phone::quiet() {
  if (gone) return true;
  if (store_ == nullptr) return false;
  const auto status = store_->status();
  const auto waiting = Outbox(*store_).counts();  // a photo that was refused waits for a person
  return status && waiting && waiting->ops == 0 && waiting->photos == 0 && !status->confirming;
}

bool Phone::give_up(const std::string& record) {
  constexpr std::uint64_t kOneIn = 5;
  if (whims->below(kOneIn) != 0) return false;
  given_up.insert(record);
  const auto done = store_->give_up(record);
  world.note(number, "give up " + record + (done ? "" : " refused"));
  return true;
}

bool Phone::resend_parked() {
  if (store_ == nullptr) return false;
  Filter filter;
  filter.delivery = Delivery::parked;
  filter.limit = 500;
  filter.deleted_too = true;
  const auto parked = store_->list(filter);
  if (!parked) return false;
  for (const Record& record : *parked) {
    if (give_up(record.id)) continue;
    if (const auto status = store_->status(); status && status->confirming) in_doubt.insert(record.id);
    const auto sent = store_->resend(record.id);
    world.note(number, "resend " + record.id + (sent ? "" : " refused"));
  }
  return !parked->empty();
}

}  // namespace julu::sim
