#include "effect.h"

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

}  // namespace julu::sim
