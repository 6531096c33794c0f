#include "world.h"

#include <algorithm>

#include <julu/limits.h>
#include <julu/outbox.h>

#include "phone.h"

namespace julu::sim {
namespace {

using Stop = test::SimDisk::Stop;

constexpr std::int64_t kDayMs = 24 * kHourMs;
constexpr int kDepthMax = 4;    // calls within calls: what would go deeper happens a little later
constexpr int kRoundsMax = 14;  // of everybody syncing, before the county must be at rest
constexpr std::int64_t kLongestWaitMs = limits::backoff_cap_ms;
constexpr std::int64_t kOldestMs = 300'000'000'000;  // 1979: no phone's clock shows less

}  // namespace

void Tally::add(const Tally& other) {
  device_days += other.device_days;
  captures += other.captures;
  photos += other.photos;
  syncs += other.syncs;
  requests += other.requests;
  cuts += other.cuts;
  kills += other.kills;
  ops += other.ops;
  looks += other.looks;
  for (const auto& [fault, count] : other.faults) faults[fault] += count;
}

World::World(const Plan& plan, Trace& trace)
    : server(*this, now_ms_, plan.seed),
      plan_(plan),
      trace_(trace),
      random_(seeded_random(plan.seed * 0xD1B54A32D192ED03ULL + 5)),
      upsets_(seeded_random(plan.seed * 0xD1B54A32D192ED03ULL + 6)),
      now_ms_(kStartMs) {}

World::~World() = default;

void World::violate(const std::string& invariant, const std::string& detail) {
  if (violation_) return;
  violation_ = Violation{invariant, detail};
  if (trace_.shown()) std::printf("  VIOLATION: %s: %s\n", invariant.c_str(), detail.c_str());
}

bool World::strikes(Fault fault) {
  const int rate = calm_ ? 0 : plan_.rate(fault);
  if (rate == 0 || random_->below(10'000) >= static_cast<std::uint64_t>(rate)) return false;
  ++tally.faults[name(fault)];
  return true;
}

// Of the plan's days, not of its requests: as good as certain to happen once in a seed that has it.
bool World::strikes_often(Fault fault) {
  if (calm_ || plan_.rate(fault) == 0) return false;
  ++tally.faults[name(fault)];
  return true;
}

void World::revoke(Phone& phone, bool revoked) {
  if (phone.device().empty()) return;
  server.set_revoked(phone.device(), revoked);
  note(phone.number, revoked ? "device revoked" : "device admitted again");
  // A restore may bring back that the one which vouches for it was revoked.
  if (revoked || !phone.is_open()) return;
  const auto first = Outbox(phone.store()).first_device();
  if (first && !first->empty()) server.set_revoked(*first, false);
}

// The phone's storage is copied to another phone, and both go on.
void World::clone_one() {
  if (calm_ || phones_.size() >= 2 * static_cast<std::size_t>(plan_.phones)) return;
  Phone& original = *phones_[below(phones_.size())];
  const int number = static_cast<int>(phones_.size());
  phones_.push_back(std::make_unique<Phone>(*this, number, original.worker, original.disk.image()));
  Phone& copy = *phones_.back();
  copy.forked = original.forked = true;
  copy.take_after(original);
  note(number, "a copy of phone " + std::to_string(original.number));
  copy.open();
}

void World::at(std::int64_t time_ms, std::function<void()> event) { events_.emplace(time_ms, std::move(event)); }

void World::advance(std::int64_t ms) {
  const std::int64_t until = now_ms_ + ms;
  if (depth_ < kDepthMax) {
    ++depth_;
    while (!events_.empty() && events_.begin()->first <= until && !violation_) {
      auto event = events_.extract(events_.begin());
      now_ms_ = std::max(now_ms_, event.key());
      event.mapped()();
    }
    --depth_;
  }
  now_ms_ = std::max(now_ms_, until);
}

void World::plan_day(Phone& phone, std::int64_t day_ms) {
  const auto some_time = [&] { return day_ms + 6 * kHourMs + static_cast<std::int64_t>(below(16 * kHourMs)); };
  Phone* p = &phone;
  const int taps = 2 + static_cast<int>(below(2));
  for (int i = 0; i < taps; ++i) at(some_time(), [p] { p->tap(); });
  at(some_time(), [p] { p->capture_photo_report(); });
  for (int i = 0; i < 2; ++i) {
    const bool pressed = below(5) == 0;
    at(some_time(), [p, pressed] { pressed ? p->press_sync() : p->sync(); });
  }
  if (below(2) == 0) at(some_time(), [p] { p->upkeep(); });
  if (p->whims->below(6) == 0) {
    at(day_ms + 6 * kHourMs + static_cast<std::int64_t>(p->whims->below(16 * kHourMs)), [p] { p->nap(); });
  }
  if (strikes(Fault::kill)) at(some_time(), [p] { p->die(Stop::kill); });
  if (strikes(Fault::power_cut)) at(some_time(), [p] { p->die(Stop::power_cut); });
  if (strikes(Fault::wall_clock)) {
    constexpr std::int64_t kJumps[] = {kHourMs,       -kHourMs,       kDayMs,        -kDayMs,
                                       1000 * kDayMs, -1000 * kDayMs, 7000 * kDayMs, -7000 * kDayMs};
    const std::int64_t jump = kJumps[below(8)];
    const bool back = below(2) == 0;
    at(some_time(), [this, p, jump, back] {
      p->clock.offset_ms = back ? 0 : std::max(kOldestMs - now_ms_, p->clock.offset_ms + jump);
      note(p->number, "clock " + std::to_string(p->clock.offset_ms));
    });
  }
  if (strikes(Fault::reboot)) at(some_time(), [p] { p->die(Stop::power_cut); });
  if (strikes(Fault::damaged_store)) at(some_time(), [p] { p->damage(); });
  if (strikes(Fault::disk_full)) {
    const auto room = static_cast<std::int64_t>(below(40'000));
    at(some_time(), [this, p, room] {
      // Every second one takes the ballast with it.
      p->disk.set_capacity(p->disk.used() + room - (room % 2 == 0 ? 0 : limits::ballast_bytes));
      note(p->number, "disk full");
    });
    at(day_ms + kDayMs, [p] { p->disk.set_capacity(0); });
  }
  if (strikes(Fault::io_error)) {
    const auto steps = below(4) == 0 ? 100'000 : 1 + static_cast<std::int64_t>(below(3));
    at(some_time(), [this, p, steps] {
      p->disk.fail_steps(p->disk.steps() + 1, p->disk.steps() + 1 + steps);
      note(p->number, "disk errors");
    });
    at(day_ms + kDayMs, [p] { p->disk.fail_steps(0, 0); });
  }
  plan_deeds(phone, day_ms);
}

void World::plan_deeds(Phone& phone, std::int64_t day_ms) {
  constexpr std::uint64_t kOneDayIn = 3;
  Phone* p = &phone;
  if (!plan_.deeds || p->deeds->below(kOneDayIn) != 0) return;
  at(day_ms + 6 * kHourMs + static_cast<std::int64_t>(p->deeds->below(16 * kHourMs)), [p] { p->deed(); });
}

void World::plan_platform(std::int64_t day_ms) {
  const auto some_time = [&] { return day_ms + static_cast<std::int64_t>(below(kDayMs)); };
  if (strikes(Fault::platform_restart))
    at(some_time(), [this] {
      server.restart();
      note(-1, "platform restarts");
    });
  if (strikes(Fault::platform_power_cut))
    at(some_time(), [this] {
      server.cut_power();
      note(-1, "platform loses power");
    });
  if (plan_.rate(Fault::platform_restored) > 0) {
    if (below(3) == 0)
      at(some_time(), [this] {
        server.back_up();
        note(-1, "platform backed up");
      });
    if (below(4) == 0) {
      at(some_time(), [this] {
        if (!server.has_backup() || !strikes_often(Fault::platform_restored)) return;
        server.restore_backup();
        note(-1, "platform restored from its backup");
      });
    }
  }
  if (strikes(Fault::cloned)) at(some_time(), [this] { clone_one(); });
  if (strikes(Fault::revoked)) {
    Phone* p = phones_[below(phones_.size())].get();
    at(some_time(), [this, p] { revoke(*p, true); });
    const bool for_good = plan_.rate(Fault::new_code) > 0;  // and the leader hands out a new code
    at(day_ms + kDayMs + static_cast<std::int64_t>(below(2 * kDayMs)),
       [this, p, for_good] { for_good ? p->enrol_anew() : revoke(*p, false); });
  }
  if (plan_.rate(Fault::worker_moved) > 0 && below(10) == 0 && strikes_often(Fault::worker_moved)) {
    const Phone* p = phones_[below(phones_.size())].get();
    at(some_time(), [this, p] {
      server.move_worker(p->worker);
      note(p->number, "worker moved");
    });
  }
  if (plan_.rate(Fault::new_code) > 0 && below(6) == 0 && strikes_often(Fault::new_code)) {
    Phone* p = phones_[below(phones_.size())].get();
    at(some_time(), [p] { p->enrol_anew(); });
  }
  if (strikes(Fault::token_dropped))
    at(some_time(), [this] {
      server.drop_tokens();
      note(-1, "tokens dropped");
    });
  if (strikes(Fault::server_clock)) {
    constexpr std::int64_t kOff[] = {2 * kHourMs, -2 * kHourMs, 400 * kDayMs, -400 * kDayMs};
    const std::int64_t off = kOff[below(4)];
    at(some_time(), [this, off] {
      server.clock.offset_ms = off;
      note(-1, "server clock off");
    });
    at(day_ms + kDayMs, [this] { server.clock.offset_ms = 0; });
  }
}

void World::work() {
  for (int day = 0; day < plan_.days && !violation_; ++day) {
    const std::int64_t day_ms = kStartMs + day * kDayMs;
    for (std::size_t i = 0; i < phones_.size(); ++i) plan_day(*phones_[i], day_ms);
    plan_platform(day_ms);
    plan_upsets(day_ms);
    tally.device_days += static_cast<std::int64_t>(phones_.size());
    advance(std::max<std::int64_t>(0, day_ms + kDayMs - now_ms_));
  }
}

bool World::all_quiet() {
  return std::all_of(phones_.begin(), phones_.end(), [](const auto& phone) { return phone->quiet(); });
}

// On one phone.
int World::most_items() {
  std::int64_t most = 0;
  for (const auto& phone : phones_) {
    const auto status = phone->is_open() ? phone->store().status() : Result<Status>(Status{});
    if (status) most = std::max(most, status->unsent_ops + status->unsent_photos);
  }
  return static_cast<int>(most);
}

// The faults have stopped: everybody comes home, charges and syncs.
void World::settle_down() {
  calm_ = true;
  server.clock.offset_ms = 0;
  server.make_room();
  if (upsets_->below(2) == 0) server.relax();
  advance(kDayMs + kHourMs);  // what was under way arrives, and the longest Retry-After is over
  for (const auto& phone : phones_) {
    phone->disk.set_capacity(0);
    phone->disk.fail_steps(0, 0);
    phone->disk.fail_reads(0, 0);
    phone->disk.stop_at(-1, Stop::none);
    if (below(2) == 0) phone->clock.offset_ms = 0;  // the others stay wrong
    phone->wake();
    if (!phone->is_open()) phone->open();
    revoke(*phone, false);
    phone->look_at_everything();
    check_at_calm(*this, *phone);
  }
  const std::int64_t most = tally.requests + static_cast<std::int64_t>(phones_.size()) * kRoundsMax * 12 +
                            6 * (tally.captures + tally.photos);
  bool at_rest = false;
  bool resent = false;
  const bool clocks_were_set = tally.faults.contains(name(Fault::wall_clock));
  const bool by_the_outcome = upsets_->below(2) == 0;  // hosts that come when the last sync said, for one item each
  const int rounds_max = kRoundsMax * (clocks_were_set ? 2 : 1) + (by_the_outcome ? most_items() : 0);
  for (int round = 0; round < rounds_max && !at_rest && !violation_; ++round) {
    // Where a clock was set back by a day or so just now, a Retry-After of before may last one more.
    if (round == kRoundsMax) advance(kDayMs + kHourMs);
    for (const auto& phone : phones_) {
      // Nobody presses anything: what waits comes due by itself.
      advance(by_the_outcome ? phone->due_in_ms()
                             : 60'000 + kLongestWaitMs / static_cast<std::int64_t>(phones_.size()));
      phone->sync();
      // A restore took the device that it is, and damage or a new code the one that could vouch for it.
      if (phone->refused && server.was_restored() && (phone->salvages > 0 || phone->coded)) phone->enrol_anew();
      if (tally.requests > most)
        return violate("it takes a bounded number of requests", std::to_string(most) + " are too few");
    }
    const bool still = std::none_of(phones_.begin(), phones_.end(), [](const auto& phone) { return phone->moved; });
    at_rest = round > 0 && still && all_quiet();
    if (at_rest && !resent) {
      resent = true;
      for (const auto& phone : phones_) {
        at_rest = !phone->resend_parked() && at_rest;
        at_rest = !phone->clear_inbox() && at_rest;
      }
    }
  }
  if (violation_) return;
  if (!at_rest) {
    for (const auto& phone : phones_) {
      if (phone->quiet() || !phone->is_open()) continue;
      const auto status = phone->store().status();
      violate("the county comes to rest once the faults have stopped",
              "phone " + std::to_string(phone->number) + " has " + std::to_string(status->unsent_ops) + " ops and " +
                  std::to_string(status->unsent_photos) + " photos left" + left_on(*this, *phone));
    }
    violate("the county comes to rest once the faults have stopped", "something moves without end");
  }
}

std::optional<Violation> World::run() {
  const Template& made = template_of(plan_.encrypted, true);
  server.start(made.platform);
  for (int i = 0; i < plan_.phones; ++i) {
    // A lone phone is a worker's; with company the first is the leader's.
    const int worker = plan_.phones < 3 ? i + 1 : i;
    phones_.push_back(std::make_unique<Phone>(*this, i, worker, made.phones[static_cast<std::size_t>(worker)]));
    phones_.back()->open();
  }
  work();
  if (!violation_) settle_down();
  if (!violation_) check_world(*this);
  // One phone of a county: tidying up makes every thumbnail, which is a tenth of the time for all of them.
  if (!violation_) check_bounds(*this, *phones_[plan_.seed % phones_.size()]);
  events_.clear();
  return violation_;
}

}  // namespace julu::sim
