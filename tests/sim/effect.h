// The effect of each call is at the county once. Thread rule: plain functions.
#pragma once

#include <map>
#include <set>
#include <string>

#include "holdings.h"

namespace julu::sim {

/// What was made again is there once: as it was made first, or as it was made last.
void check_effect_is_one(World& world, const Phone& phone, const std::vector<OwnOp>& ops,
                         const std::map<std::string, HeldOp>& held);

/// What all phones together have to say of the past.
struct Accounts {
  std::set<std::string> known;               // worker + op id, of what was captured
  std::map<std::string, std::string> texts;  // of these, what is left to read
  std::set<std::string> waiting;             // of these, what is to come, or refused
  struct Unseen {
    std::string record, left;
  };
  std::map<std::string, Unseen> unseen;  // words of which no phone and no record says any more, and what is left
  std::set<std::string> gave_way;        // worker + record + field + the word from here + ">" + the one from there
};

/// What stands at the county was said by somebody, there, and once.
void check_effects(World& world, const County& county, const Accounts& accounts);

}  // namespace julu::sim
