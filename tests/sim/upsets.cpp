// Faults that came later than the others, by a stream of their own: what breaks on a phone's disk while it reads, and
// what a platform does whose disk is full or which dies in the middle of a request.
#include "phone.h"

namespace julu::sim {
namespace {

using Stop = test::SimDisk::Stop;

constexpr std::int64_t kDayMs = 24 * kHourMs;

}  // namespace

bool World::befalls(Fault fault) {
  const int rate = calm_ ? 0 : plan_.rate(fault);
  if (rate == 0 || upsets_->below(10'000) >= static_cast<std::uint64_t>(rate)) return false;
  ++tally.faults[name(fault)];
  return true;
}

void World::plan_upsets(std::int64_t day_ms) {
  const auto some_time = [&] { return day_ms + static_cast<std::int64_t>(upsets_->below(kDayMs)); };
  for (std::size_t i = 0; i < phones_.size(); ++i) {
    if (!befalls(Fault::read_error)) continue;
    Phone* p = phones_[i].get();
    const std::int64_t from_ms = some_time();
    const auto good = static_cast<std::int64_t>(upsets_->below(30));
    const auto bad = upsets_->below(4) == 0 ? 100'000 : 1 + static_cast<std::int64_t>(upsets_->below(3));
    at(from_ms, [this, p, good, bad] {
      if (calm_) return;
      p->disk.fail_reads(good, bad);
      note(p->number, "disk reads fail");
    });
    at(from_ms + static_cast<std::int64_t>(upsets_->below(6 * kHourMs)), [p] { p->disk.fail_reads(0, 0); });
  }
  if (befalls(Fault::platform_full)) {
    const std::int64_t from_ms = some_time();
    const auto room = static_cast<std::int64_t>(upsets_->below(200'000));
    at(from_ms, [this, room] {
      if (calm_) return;
      server.fill_disk(room);
      note(-1, "platform's disk full");
    });
    at(from_ms + static_cast<std::int64_t>(upsets_->below(kDayMs)), [this] { server.make_room(); });
  }
}

void Server::fill_disk(std::int64_t room) { disk.set_capacity(disk.used() + room); }

void Server::serve_and_die(const Request& request, std::int64_t cut_after) {
  Random& random = world_.upsets();
  const Stop how = random.below(2) == 0 ? Stop::kill : Stop::power_cut;
  // A push takes some dozen steps; what asks and changes nothing takes none, and so comes to its reply.
  const std::uint64_t most = random.below(3) == 0 ? 100 : 20;
  disk.stop_at(disk.steps() + 1 + static_cast<std::int64_t>(random.below(most)), how);
  static_cast<void>(ask(*platform, request, cut_after));
  world_.note(-1, disk.stopped() ? "platform dies within a request" : "platform dies before its reply");
  if (how == Stop::power_cut) {
    disk.cut_power(random);
  } else {
    disk.kill();
  }
  open();
  constexpr std::uint64_t kAbsentMs = 30 * 60'000;
  dead_until_ms_ = world_.now_ms() + static_cast<std::int64_t>(random.below(kAbsentMs));
}

// Somebody opens the app again when it did not start because its disk failed.
void Phone::open_later() {
  if (world.plan().rate(Fault::read_error) == 0) return;
  world.at(world.now_ms() + static_cast<std::int64_t>(whims->below(2 * kHourMs)), [this] {
    if (store_ == nullptr && !world.calm()) open();
  });
}

}  // namespace julu::sim
