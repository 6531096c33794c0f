// What is cut: a preparation, and calls with what they promise. Data, so that thirty of them stay readable. Thread
// rule: plain values.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "site.h"

namespace julu::crash {

struct Call {
  std::string name;
  std::function<void(Site&)> run;
  bool durable = true;  ///< what it did survives a power cut once it has returned
};

struct Scenario {
  std::string name;
  std::function<void(Site&)> prepare;
  std::vector<Call> calls;
  int subject = kPhone;   ///< the disk that loses its power
  bool enrols = false;    ///< begins with an empty phone
  bool restored = false;  ///< the platform lost what it had answered: until the phone has asked, both sides differ
  bool copied = false;    ///< another phone goes on with the same past
  bool damaged = false;   ///< its file is: it is set aside, and what can be read goes on in the next one
  bool large = false;     ///< of megabytes: only a sample of its steps is cut
};

const std::vector<Scenario>& scenarios();
std::vector<Scenario> capture_scenarios();
std::vector<Scenario> sync_scenarios();
std::vector<Scenario> upkeep_scenarios();
std::vector<Scenario> wreck_scenarios();
std::vector<Scenario> platform_scenarios();
/// The phone of an `enrols` scenario becomes known to the platform, or takes up again what was begun.
void enrol_phone(Site& site);

}  // namespace julu::crash
