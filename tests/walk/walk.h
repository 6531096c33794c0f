// A random walk over the calls that a shell makes, in any order, with the reference platform behind a front that loses
// and refuses. All of it comes from one seed and goes in virtual time. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clocks.h"
#include "findings.h"
#include "folder.h"
#include "front.h"
#include "handset.h"
#include "model.h"

namespace julu::walk {

struct Options {
  int steps = 120;
  Rates rates = {.lost_requests = 5, .lost_replies = 10, .refused_ops = 15};
  bool two_workers = false;    // on two phones, with the same records
  bool two_stores = false;     // on one file, as two processes have them
  bool restores = false;       // of the platform, from a backup
  bool damaged_files = false;  // set aside at the next opening
  bool gives_up = false;       // on what was refused
};

class Walk {
 public:
  Walk(std::uint64_t seed, const Options& options, Findings& findings);
  void run();

 private:
  void step(Handset& phone);
  void call(Handset& phone);
  void capture(Handset& phone);
  void patch(Handset& phone);
  void attach(Handset& phone);
  void act(Handset& phone);
  void remove(Handset& phone);
  void look_at_refused(Handset& phone);
  void answer_questions(Handset& phone);
  void sleep_or_end(Handset& phone);
  void check_patched(Handset& phone, const std::string& id, Expected& expected);
  void come_to_rest();
  bool is_at_rest(Handset& phone, int round);

  std::uint64_t below(std::uint64_t bound) { return random_->below(bound); }
  std::string word() { return "w" + std::to_string(++words_); }
  std::string kind_of_people();
  nlohmann::json nested_value();
  nlohmann::json plain_value();
  void change_house(nlohmann::json& patch);
  nlohmann::json some_patch(const std::string& kind);
  std::vector<PhotoInput> some_photos();
  std::optional<std::string> some_record(const std::string& kind);

  const Options options_;
  Findings& findings_;
  test::Folder folder_;
  test::ManualClock clock_;
  std::unique_ptr<Random> random_, secret_;
  Front front_;
  std::vector<std::string> pictures_;
  std::vector<std::unique_ptr<Handset>> phones_;
  Model model_;
  int words_ = 0;
  bool was_restored_ = false;
};

}  // namespace julu::walk
