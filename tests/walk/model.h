// What one worker's words come to: each record as every call that was told as saved left it, and what has to be so at
// rest. Thread rule: one thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <julu/store.h>
#include <nlohmann/json.hpp>

#include "findings.h"
#include "front.h"
#include "handset.h"

namespace julu::walk {

struct Expected {
  std::string kind;
  nlohmann::json body;
  bool deleted = false;
  std::set<std::pair<std::string, std::string>> photos;  // hash and role
  bool given_up = false;                                 // something of it, so that nothing more is known
};

using Model = std::map<std::string, Expected>;

void add_photos(Expected& expected, const Saved& saved, const std::vector<PhotoInput>& photos);

/// A patch without what takes away a field that the worker does not see: nobody does that.
void leave_out_unseen(nlohmann::json& patch, const nlohmann::json& seen);

/// Everything is delivered, and phone and county hold what the one worker said.
void check_one_worker(const Model& model, Front& front, Handset& phone, Findings& findings);

/// Two workers may take each other's words away, but both phones show what the county holds.
void check_two_workers(const Model& model, Front& front, const std::vector<Handset*>& phones, Findings& findings);

}  // namespace julu::walk
