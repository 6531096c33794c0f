#include "recording.h"

#include <algorithm>

namespace julu::crash {

std::size_t Recording::floor(std::size_t step) const {
  std::size_t floor = 0;
  for (const Mark& mark : marks) {
    if (mark.durable && mark.end <= step) floor = std::max(floor, mark.end);
  }
  for (const std::size_t place : told) {
    if (place <= step) floor = std::max(floor, place);
  }
  return floor;
}

std::size_t Recording::claims_at(std::size_t step) const {
  std::size_t count = claims_before;
  for (const Mark& mark : marks) {
    if (mark.durable && mark.end <= step) count = mark.claims;
  }
  return count;
}

void Recording::begin_with(const std::vector<Claim>& before) {
  claims.insert(claims.begin(), before.begin(), before.end());
  for (Mark& mark : marks) mark.claims += before.size();
  claims_before += before.size();
}

std::string Recording::place(std::size_t step) const {
  for (const Mark& mark : marks) {
    if (step < mark.end || step == mark.begin) return mark.call;
  }
  return "end";
}

bool Recording::is_boundary(std::size_t step) const {
  const auto ends = [&](const Mark& mark) { return mark.end == step; };
  return std::any_of(marks.begin(), marks.end(), ends) || std::find(told.begin(), told.end(), step) != told.end();
}

Recording record(const Moment& start, const std::vector<Call>& calls, bool encrypted, std::uint64_t seed) {
  Recording recording;
  recording.start = start;
  Site site(start, encrypted, seed);
  site.phone.record(&recording.journal, kPhone);
  site.platform.record(&recording.journal, kPlatform);
  site.told = [&] { recording.told.push_back(recording.journal.size()); };
  for (const Call& call : calls) {
    Recording::Mark mark;
    mark.call = call.name;
    mark.begin = recording.journal.size();
    call.run(site);
    mark.end = recording.journal.size();
    mark.durable = call.durable;
    mark.claims = site.claims.size();
    recording.marks.push_back(std::move(mark));
  }
  recording.ended_ms = site.moment().clock_ms;
  recording.claims = std::move(site.claims);
  site.phone.record(nullptr, 0);
  site.platform.record(nullptr, 0);
  return recording;
}

Recording record(const Scenario& scenario, bool encrypted, std::uint64_t seed) {
  Moment start = beginning(encrypted);
  std::vector<Claim> before;
  if (scenario.enrols) start.phone.clear();
  if (scenario.prepare) {
    Site site(start, encrypted, seed + 1);
    if (!scenario.enrols) site.open();
    scenario.prepare(site);
    start = site.moment();  // as a killed process leaves it
    if (scenario.damaged) before = site.claims;
  }
  std::vector<Call> calls;
  if (!scenario.enrols) calls.push_back({"open", [](Site& site) { site.open(); }});
  calls.insert(calls.end(), scenario.calls.begin(), scenario.calls.end());
  calls.push_back({"close", [](Site& site) { site.close(); }});
  Recording recording = record(start, calls, encrypted, seed);
  recording.begin_with(before);
  return recording;
}

}  // namespace julu::crash
