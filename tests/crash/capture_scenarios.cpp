// What a worker does, without a network.
#include <stdexcept>

#include <julu/limits.h>

#include "scenario.h"

namespace julu::crash {
namespace {

constexpr const char* kOwnId = "01900000-0000-7000-8000-000000000001";

void one_household(Site& site) { site.names["home"] = site.household("堤村一号"); }
void one_report(Site& site) { site.names["case"] = site.report("井盖坏了"); }

// On a disk without room, the ballast's too, a report is refused whole.
void capture_on_a_full_disk(Site& site) {
  site.phone.set_capacity(site.phone.used() + 3 * 4096 - limits::ballast_bytes);
  const auto refused =
      site.store().capture({"incident", R"({"category":"road","text":"路断了"})", {{site.photo(101), "near"}}, {}});
  site.phone.set_capacity(0);
  if (refused || refused.error().code != ErrorCode::disk_full) throw std::runtime_error("a full disk was not noticed");
}

void capture_on_a_failing_disk(Site& site) {
  site.phone.fail_steps(site.phone.steps() + 4, site.phone.steps() + 6);
  const auto refused = site.store().capture({"incident", R"({"category":"road","text":"路断了"})", {}, {}});
  site.phone.fail_steps(0, 0);
  if (refused) throw std::runtime_error("a failing disk was not noticed");
}

void capture_from_another_process(Site& site) {
  const auto other = need(Store::open(site.options()), "a second open");
  need(other->capture({"visit", R"({"text":"另一进程","grid":"130529200203001"})", {}, {}}), "capture");
  site.report("本进程");
}

std::vector<Scenario> first_captures() {
  return {
      {.name = "capture text",
       .prepare = {},
       .calls = {{"first", [](Site& s) { s.report("水渠堵了"); }}, {"second", [](Site& s) { s.report("树倒了"); }}}},
      {.name = "capture with a photo",
       .prepare = one_report,
       .calls = {{"capture", [](Site& s) { s.report("路边垃圾", {1}); }}}},
      {.name = "capture with photos",
       .prepare = one_report,
       .calls = {{"capture",
                  [](Site& s) {
                    s.report("路边垃圾", {1, 2, 101});
                  }}}},
      {.name = "the same photo twice",
       .prepare = [](Site& s) { s.report("先前", {1}); },
       .calls = {{"capture",
                  [](Site& s) {
                    s.report("又见", {1, 1});
                  }},
                 {"again", [](Site& s) { s.report("再见", {1}); }}}},
      {.name = "a given id asked twice",
       .prepare = {},
       .calls = {{"capture", [](Site& s) { s.report("自带编号", {1}, kOwnId); }},
                 {"asked again", [](Site& s) { s.report("自带编号", {1}, kOwnId); }}}},
      {.name = "two connections",
       .prepare = one_report,
       .calls = {{"captures", capture_from_another_process}, {"one more", [](Site& s) { s.report("之后"); }}}},
      {.name = "disk full",
       .prepare = one_report,
       .calls = {{"refused", capture_on_a_full_disk}, {"room again", [](Site& s) { s.report("有空间了", {1}); }}}},
      {.name = "disk errors",
       .prepare = one_report,
       .calls = {{"refused", capture_on_a_failing_disk}, {"well again", [](Site& s) { s.report("磁盘好了"); }}}},
  };
}

std::vector<Scenario> changes() {
  return {
      {.name = "patch",
       .prepare = one_household,
       .calls = {{"note", [](Site& s) { s.patch(s.names["home"], R"({"note":"门牌已换"})"); }},
                 {"support", [](Site& s) { s.patch(s.names["home"], R"({"support":"低保"})"); }}}},
      {.name = "patch with a photo",
       .prepare = one_household,
       .calls = {{"patch", [](Site& s) { s.patch(s.names["home"], R"({"note":"见照片"})", {3}); }}}},
      {.name = "act",
       .prepare = one_report,
       .calls = {{"step", [](Site& s) { s.act(s.names["case"], "resolve_on_spot"); }},
                 {"next step", [](Site& s) { s.act(s.names["case"], "rate"); }}}},
      {.name = "act with a photo",
       .prepare = one_report,
       .calls = {{"step", [](Site& s) { s.act(s.names["case"], "resolve_on_spot", {4}); }}}},
      {.name = "remove", .prepare = one_household, .calls = {{"remove", [](Site& s) { s.remove(s.names["home"]); }}}},
  };
}

}  // namespace

std::vector<Scenario> capture_scenarios() {
  std::vector<Scenario> all = first_captures();
  for (Scenario& scenario : changes()) all.push_back(std::move(scenario));
  return all;
}

}  // namespace julu::crash
