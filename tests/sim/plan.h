// What one seed draws: how many phones, how long, and which faults at what rate. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <julu/random.h>

namespace julu::sim {

/// A fault has a rate in parts of ten thousand of its occasions; 0: it is off.
enum class Fault {
  lost_request,  // the network
  cut_request,
  lost_reply,
  doubled,
  late_copy,
  captive_portal,
  slow,
  refused_status,  // the platform's front
  too_large,
  coding_refused,
  token_dropped,
  poison_op,
  wrong_receipt,
  unknown_receipt_key,
  foreign_location,
  platform_restart,
  platform_power_cut,
  platform_restored,
  server_clock,
  kill,  // the phone
  power_cut,
  wall_clock,
  reboot,
  disk_full,
  io_error,
  cloned,
  revoked,
  damaged_photo,   // the county's; late in the list: the draws of the others stay as they were
  damaged_store,   // the phone's file, where it is encrypted: plain pages do not tell
  worker_moved,    // to another grid: what they saw leaves their scope, what they edited too
  reconcile_down,  // three days of four
  cut_reply,       // the network's; late in the list as well
  replayed_reply,  // a proxy answers the same request again with what it had kept
  new_code,        // a worker is enrolled anew with the phone that they have
  gateway,         // 403, 404 and 409 of somebody who is not the platform; from here on by World::befalls
  read_error,      // the phone's disk
  platform_full,   // its disk, for a time
  platform_dies,   // within a request
  catalog_changed,
  key_rotated,   // of the receipts
  short_page,    // of a pull: fewer rows than there is room for
  busy_op,       // the platform has no time for one op of a push, and says when it will
  narrow_front,  // for a time what stands before the platform takes no long bodies, no coding, or no app of this age
  count_
};
const char* name(Fault fault);

struct Plan {
  std::uint64_t seed = 0;
  int phones = 1;
  int days = 30;
  bool encrypted = false;
  bool deeds = true;  ///< workers do what Phone::deed does; without, seeds are what they were before it came
  std::map<Fault, int> rates;

  int rate(Fault fault) const {
    const auto found = rates.find(fault);
    return found == rates.end() ? 0 : found->second;
  }
};

Plan draw_plan(std::uint64_t seed);

}  // namespace julu::sim
