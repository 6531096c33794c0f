// The same, cut on the platform's side: what it has answered it holds.
#include "scenario.h"

namespace julu::crash {
namespace {

const Call kStart{"platform opens", [](Site& s) { s.county(); }};
const Call kSync{"sync", [](Site& s) { s.sync(); }};

void restored(Site& site) {
  site.report("备份之前");
  site.sync_to_the_end();
  site.county().note_backup(site.clock.now_ms());
  const SimDisk::Image backup = site.moment().platform;
  site.report("备份之后", {5});
  site.sync_to_the_end();
  site.close();
  SimDisk::Image image = site.platform.image();
  std::erase_if(image, [](const auto& file) { return file.first.find("platform.db") != std::string::npos; });
  for (const auto& [name, contents] : backup) {
    if (name.find("platform.db") != std::string::npos) image[name] = contents;
  }
  site.platform.restore(image);
  site.open();
}

}  // namespace

std::vector<Scenario> platform_scenarios() {
  return {
      {.name = "platform: push applied",
       .prepare = [](Site& s) { s.sync_to_the_end(), s.report("一"), s.patch(s.household("二"), R"({"note":"三"})"); },
       .calls = {kStart, kSync},
       .subject = kPlatform},
      {.name = "platform: upload and attach",
       .prepare = [](Site& s) { s.sync_to_the_end(), s.report("带图", {103}); },
       .calls = {kStart, kSync},
       .subject = kPlatform},
      {.name = "platform: activation code",
       .prepare = [](Site& s) { s.sync_to_the_end(); },
       .calls = {kStart, {"code", [](Site& s) { s.county().add_code(sim::worker_of(2), ""); }}, kSync},
       .subject = kPlatform},
      {.name = "platform: restored",
       .prepare = restored,
       .calls = {kStart,
                 {"new epoch", [](Site& s) { s.county().new_epoch(); }},
                 {"sync", [](Site& s) { s.sync_to_the_end(); }}},
       .subject = kPlatform,
       .restored = true},
  };
}

}  // namespace julu::crash
