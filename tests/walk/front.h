// The reference platform, and before it a front that loses requests and replies and refuses operations in the
// platform's name. It takes backups and restores them. Thread rule: one thread.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include <julu/transport.h>
#include <nlohmann/json.hpp>

#include "clocks.h"
#include "platform.h"
#include "sim_disk.h"

namespace julu::walk {

/// Of a hundred.
struct Rates {
  std::uint64_t lost_requests = 0;
  std::uint64_t lost_replies = 0;
  std::uint64_t refused_ops = 0;
};

class Front {
 public:
  /// `random` draws the faults; `secret` makes the platform's keys and tokens.
  Front(test::ManualClock& clock, Random& random, Random& secret);

  std::optional<Response> ask(const Request& request);
  std::string activation_code(const std::string& worker) { return platform_->add_code(worker, ""); }
  /// All records that the platform holds, by their ids.
  nlohmann::json records();

  void back_up() { backup_ = disk_.image(); }
  bool has_backup() const { return backup_.has_value(); }
  /// The platform begins a new epoch with what the backup holds.
  void restore();

  Rates rates;

 private:
  void open();
  bool strikes(std::uint64_t rate) { return rate > 0 && random_.below(100) < rate; }
  void note_applied(const nlohmann::json& answer);
  std::optional<Response> push_with_refusals(const Request& request);

  test::ManualClock& clock_;
  Random& random_;
  Random& secret_;
  test::SimDisk disk_;
  std::unique_ptr<juhaoban::Platform> platform_;
  std::optional<test::SimDisk::Image> backup_;
  std::set<std::string> applied_;  // operations; an honest platform does not refuse these any more
};

}  // namespace julu::walk
