// A file that the card has damaged: found, set aside, and what can be read of it carried over.
#include <stdexcept>

#include "damage.h"
#include "scenario.h"

namespace julu::crash {
namespace {

constexpr int kReports = 9;

const Call kFound{"upkeep finds the damage", [](Site& s) {
                    s.clock.reboot("boot-found");  // it is looked for once a boot
                    const auto found = s.store().maintain(std::chrono::seconds(60));
                    if (found || found.error().code != ErrorCode::store_corrupt)
                      throw std::runtime_error("the damage was not found");
                  }};
const Call kOpenAgain{"open again: salvage", [](Site& s) { s.close(), s.open(); }};
const Call kReport{"capture", [](Site& s) { s.report("换文件之后", {17}); }};
const Call kSync{"sync as another device", [](Site& s) { s.sync_to_the_end(); }};

// Some of it delivered, some not.
void work(Site& site) {
  site.names["home"] = site.household("堤村四号");
  site.names["case"] = site.report("已送达的", {14, 109});
  site.sync_to_the_end();
  site.patch(site.names["home"], R"({"note":"未送达的修改"})");
  site.act(site.names["case"], "resolve_on_spot", {15});
  std::string length;  // of records that fill more than a page
  while (length.size() < 300) length += "沟";
  for (int i = 0; i < kReports; ++i) {
    site.report("未送达的第" + std::to_string(i) + "条" + length,
                i % 4 == 0 ? std::vector{20 + i, 120 + i} : std::vector<int>());
  }
}

void work_and_damage(Site& site, const char* sql) {
  work(site);
  site.close();
  damage_rows(site, sql);
}

// The newest reports are in the WAL alone.
void damaged_catalog(Site& site) {
  work(site);
  site.close();
  site.open();
  site.report("只在日志里", {18});
  damage_rows(site, "SELECT body FROM catalog ORDER BY kind, id");
}

// Its photo may be lost, but then the record says so.
void damaged_photo(Site& site) {
  work_and_damage(site, "SELECT bytes FROM chunk ORDER BY id");
  for (Claim& claim : site.claims) {
    const std::string id = claim.what.substr(std::string("record ").size(), Id().text().size());
    claim.wrong = [id, as_told = claim.wrong](Store& store) -> std::string {
      const std::string wrong = as_told(store);
      if (!wrong.starts_with("photo ")) return wrong;
      const auto status = store.status();
      const auto record = store.get(id);
      const bool said = status && status->salvage && status->salvage->photos_lost > 0 && record && *record &&
                        (*record)->delivery == Delivery::parked;
      return said ? "" : wrong;
    };
  }
}

}  // namespace

std::vector<Scenario> wreck_scenarios() {
  return {
      {.name = "damaged catalog: set aside on opening",
       .prepare = damaged_catalog,
       .calls = {kReport},
       .damaged = true},
      {.name = "damaged operations: the records say them",
       .prepare = [](Site& s) { work_and_damage(s, "SELECT canonical FROM op NOT INDEXED ORDER BY seq"); },
       .calls = {kFound, kOpenAgain, kReport, kSync},
       .damaged = true},
      {.name = "damaged records: the operations say them",
       .prepare = [](Site& s) { work_and_damage(s, "SELECT body FROM record NOT INDEXED ORDER BY id"); },
       .calls = {kFound, kOpenAgain, kReport},
       .damaged = true},
      {.name = "damaged photo: told",
       .prepare = damaged_photo,
       .calls = {kFound, kOpenAgain, kReport},
       .damaged = true},
  };
}

}  // namespace julu::crash
