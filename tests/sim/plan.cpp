#include "plan.h"

#include <algorithm>
#include <memory>

#include "county.h"

namespace julu::sim {

const char* name(Fault fault) {
  switch (fault) {
    case Fault::lost_request: return "lost_request";
    case Fault::cut_request: return "cut_request";
    case Fault::lost_reply: return "lost_reply";
    case Fault::doubled: return "doubled";
    case Fault::late_copy: return "late_copy";
    case Fault::captive_portal: return "captive_portal";
    case Fault::slow: return "slow";
    case Fault::refused_status: return "refused_status";
    case Fault::too_large: return "too_large";
    case Fault::coding_refused: return "coding_refused";
    case Fault::token_dropped: return "token_dropped";
    case Fault::poison_op: return "poison_op";
    case Fault::wrong_receipt: return "wrong_receipt";
    case Fault::unknown_receipt_key: return "unknown_receipt_key";
    case Fault::foreign_location: return "foreign_location";
    case Fault::platform_restart: return "platform_restart";
    case Fault::platform_power_cut: return "platform_power_cut";
    case Fault::platform_restored: return "platform_restored";
    case Fault::server_clock: return "server_clock";
    case Fault::kill: return "kill";
    case Fault::power_cut: return "power_cut";
    case Fault::wall_clock: return "wall_clock";
    case Fault::reboot: return "reboot";
    case Fault::disk_full: return "disk_full";
    case Fault::io_error: return "io_error";
    case Fault::cloned: return "cloned";
    case Fault::revoked: return "revoked";
    case Fault::damaged_photo: return "damaged_photo";
    case Fault::damaged_store: return "damaged_store";
    case Fault::worker_moved: return "worker_moved";
    case Fault::reconcile_down: return "reconcile_down";
    case Fault::cut_reply: return "cut_reply";
    case Fault::replayed_reply: return "replayed_reply";
    case Fault::new_code: return "new_code";
    case Fault::gateway: return "gateway";
    case Fault::read_error: return "read_error";
    case Fault::platform_full: return "platform_full";
    case Fault::platform_dies: return "platform_dies";
    case Fault::catalog_changed: return "catalog_changed";
    case Fault::key_rotated: return "key_rotated";
    case Fault::short_page: return "short_page";
    case Fault::busy_op: return "busy_op";
    case Fault::narrow_front: return "narrow_front";
    case Fault::count_: break;
  }
  return "?";
}

Plan draw_plan(std::uint64_t seed) {
  constexpr int kDeviceDays = 30;
  const auto random = seeded_random(seed * 0x9E3779B97F4A7C15ULL + 1);
  Plan plan;
  plan.seed = seed;
  // Few phones over weeks as often as many over days.
  const std::uint64_t crowd = random->below(3);
  const std::uint64_t bound = crowd == 0 ? 3 : crowd == 1 ? 8 : 20;
  plan.phones = 1 + static_cast<int>(random->below(bound));
  plan.days = std::max(2, (kDeviceDays + plan.phones - 1) / plan.phones);
  plan.encrypted = random->below(10) == 0 && test::has_cipher();
  const std::uint64_t calm = random->below(8);  // one seed in eight has no fault at all but the dead spots
  for (int i = 0; i < static_cast<int>(Fault::count_); ++i) {
    const std::uint64_t kind = random->below(3);
    const std::uint64_t strength = random->below(600);
    if (calm == 0 || kind == 0) continue;
    if (static_cast<Fault>(i) == Fault::damaged_store && !plan.encrypted) continue;
    plan.rates[static_cast<Fault>(i)] = 20 + static_cast<int>(strength);
  }
  return plan;
}

}  // namespace julu::sim
