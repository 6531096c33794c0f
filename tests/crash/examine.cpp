#include "examine.h"

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "damage.h"
#include "holdings.h"
#include "store/core.h"

namespace julu::crash {
namespace {

using sim::County;
using sim::OwnOp;
using store::Connection;

constexpr std::uint64_t kSeed = 4711;

void must(bool holds, const std::string& otherwise) {
  if (!holds) throw std::runtime_error(otherwise);
}

std::unique_ptr<Connection> look_into(Site& site) {
  const Store::Options its = site.options();
  return need(store::open_database(its, store::generation_in_use(its), store::Opening::there),
              "a connection beside the store");
}

void check_pages(Connection& db) {
  const auto said = need(db.text("PRAGMA integrity_check"), "integrity_check");
  must(said == "ok", "integrity_check: " + said.value_or(""));
  must(need(db.integer("PRAGMA auto_vacuum"), "auto_vacuum") == 2, "the file cannot give space back");
}

void check_pages(const SimDisk& platform) {
  for (const char* name : {"/platform.db", "/vault.db"}) {
    juhaoban::Database db(sim::kData + std::string(name), platform.vfs());
    must(db.text("PRAGMA integrity_check") == "ok", std::string("integrity_check of ") + name);
  }
}

// Each number once, each link the hash of all before it.
void check_chain(Connection& db, const std::string& device, bool copied) {
  store::Query row = db.query(
      "SELECT number, hash, link, canonical FROM op WHERE chain = (SELECT value FROM meta WHERE name = 'chain'"
      " UNION ALL SELECT 0 LIMIT 1) ORDER BY number");
  Hash link = first_link(device);
  for (std::int64_t number = 1; need(row.step(), "ops"); ++number) {
    must(row.integer(0) == number, "the chain has a gap before " + std::to_string(row.integer(0)));
    must(sha256(row.text(3)) == row.hash(1), "an op's bytes are not those of its hash");
    link = next_link(link, row.hash(1));
    must(copied || link == row.hash(2), "the chain is broken at " + std::to_string(number));
  }
}

void check_photos(Store& store, Connection& db) {
  store::Query row = db.query("SELECT sha256 FROM photo WHERE here = 1");
  while (need(row.step(), "photos")) {
    Sha256 hash;
    need(store.read_photo(hex(row.hash(0)),
                          [&](std::string_view bytes) {
                            hash.update(bytes);
                            return true;
                          }),
         "read_photo");
    must(hash.finish() == row.hash(0), "a photo has other bytes than its hash says");
  }
}

void check_promises(Store& store, const std::vector<Claim>& promised) {
  for (const Claim& claim : promised) {
    const std::string wrong = claim.wrong(store);
    must(wrong.empty(), claim.what + ": " + wrong);
  }
}

// What has a receipt here is held there, under the same hash and version.
void check_receipts(const std::vector<OwnOp>& ops, const County& county) {
  for (const OwnOp& op : ops) {
    if (op.status != store::kStatusReceipted) continue;
    const auto held = county.ops.find(sim::worker_of(kWorker) + op.id);
    must(held != county.ops.end(), "receipted, and the platform does not hold it: " + op.canonical);
    must(held->second.hash == op.hash && held->second.version == op.version,
         "receipted as something else: " + op.canonical);
  }
}

void check_agreement(const std::vector<OwnOp>& ops, const County& county, bool knows_all) {
  check_receipts(ops, county);
  std::set<std::string> here;
  for (const OwnOp& op : ops) {
    must(op.status != store::kStatusQueued, "something never went: " + op.canonical);
    here.insert(sim::worker_of(kWorker) + op.id);
    if (op.status != store::kStatusReceipted || op.canonical.find("\"verb\":\"attach\"") == std::string::npos) continue;
    const std::size_t at = op.canonical.find("\"photo\":\"");
    const std::string photo = op.canonical.substr(at + 9, 64);
    must(county.photos.contains(photo), "a receipted photo is not whole at the platform");
    must(county.attached.contains(op.record + photo), "a receipted photo hangs on no record");
  }
  for (const auto& [id, op] : county.ops) {
    if (!knows_all || !id.starts_with(sim::worker_of(kWorker))) continue;
    must(here.contains(id), "the platform holds what this phone never made");
  }
}

void check_rows(Connection& db, const County& county) {
  store::Query row = db.query("SELECT id, base_version, base FROM record WHERE base_version > 0 AND base_deleted = 0");
  while (need(row.step(), "records")) {
    const std::string id = row.id(0).text();
    const auto found = county.records.find(id);
    must(found != county.records.end(), "the platform's record " + id + " is not at the platform");
    must(county.versions.at(id) == row.integer(1), "not the platform's newest version of " + id);
    must(found->second == nlohmann::json::parse(row.text(2)), "not the platform's body of " + id);
  }
}

// No page of one table is older than those of the others: what an operation names is there.
void check_rows_of_ops(Connection& db) {
  const auto bare = need(db.integer("SELECT count(*) FROM op WHERE status IN (0, 2, 3) AND NOT EXISTS"
                                    " (SELECT 1 FROM record WHERE record.id = op.record)"),
                         "ops");
  must(bare == 0, "an operation without its record");
  const auto alone =
      need(db.integer("SELECT count(*) FROM op WHERE verb = 0 AND instr(canonical, ?1) > 0 AND NOT EXISTS"
                      " (SELECT 1 FROM op AS other WHERE other.record = op.record AND other.verb = 3)",
                      kWithPhoto),
           "reports");
  must(alone == 0, "a report without the photo it was given with");
  const auto blind = need(
      db.integer("SELECT count(*) FROM op WHERE photo IS NOT NULL AND NOT (EXISTS"
                 " (SELECT 1 FROM photo WHERE photo.sha256 = op.photo) AND EXISTS"
                 " (SELECT 1 FROM attachment WHERE attachment.record = op.record AND attachment.sha256 = op.photo))"),
      "attach ops");
  must(blind == 0, "an attach without its photo");
  const auto unmade = need(db.integer("SELECT count(*) FROM record WHERE base IS NULL AND NOT EXISTS"
                                      " (SELECT 1 FROM op WHERE op.record = record.id)"),
                           "records");
  must(unmade == 0, "a record that no operation made");
  const auto unsigned_ = need(db.integer("SELECT count(*) FROM op WHERE status = 1 AND NOT EXISTS"
                                         " (SELECT 1 FROM receipt WHERE receipt.id = op.receipt)"),
                              "receipts");
  must(unsigned_ == 0, "delivered without a receipt");
}

// Whatever was sent under more than one id. Each report of a scenario has its own text, each case a step once.
void check_nothing_doubled(const SimDisk& platform) {
  juhaoban::Database db(sim::kData + std::string("/platform.db"), platform.vfs());
  const auto twice = db.text(
      "SELECT 'record ' || min(id) FROM record GROUP BY creator, body HAVING count(*) > 1"
      " UNION ALL SELECT 'creation of ' || record FROM op WHERE verb = 'create' GROUP BY record HAVING count(*) > 1"
      " UNION ALL SELECT 'step of ' || record FROM action GROUP BY record, json_extract(detail, '$.action')"
      " HAVING count(*) > 1"
      " UNION ALL SELECT 'photo of ' || record FROM attachment GROUP BY record, photo HAVING count(*) > 1");
  must(!twice, "twice at the platform: " + twice.value_or(""));
}

void check_store(const Scenario& scenario, Site& site) {
  const bool aside = site.phone.image().contains(store::damage_mark(kStoreFile));
  must(aside == scenario.damaged, aside ? "the store was set aside as damaged" : "the damage was not found");
  const auto db = look_into(site);
  check_pages(*db);
  // Of a salvaged store it begins anew with the next device, at its first sync.
  if (!aside) check_chain(*db, site.store().identity().device, scenario.copied);
  const std::string lost = left_behind(site);
  must(lost.empty(), "the damaged file still holds " + lost);
  check_photos(site.store(), *db);
  check_rows_of_ops(*db);
  for (const Record& record : need(site.store().list({}), "list")) need(site.store().history(record.id), "history");
  need(site.store().status(), "status");
}

void check_all(const Scenario& scenario, Site& site, const std::vector<Claim>& promised, bool enrolled) {
  site.clock.reboot("boot-after");  // a power cut ends a boot
  site.county();
  check_pages(site.platform);
  if (!enrolled) enrol_phone(site);
  scenario.damaged ? site.open_sound() : site.open();
  check_store(scenario, site);
  {
    const auto db = look_into(site);
    if (!scenario.restored) check_receipts(sim::read_ops(*db), sim::read_county(site.platform.vfs()));
  }
  check_promises(site.store(), promised);

  // The work goes on.
  site.claims.clear();
  site.report("之后又上报", {90});
  site.sync_to_the_end();
  check_promises(site.store(), promised);
  check_promises(site.store(), site.claims);
  const auto db = look_into(site);
  const County county = sim::read_county(site.platform.vfs());
  check_agreement(sim::read_ops(*db), county, !scenario.copied && !scenario.damaged);
  check_rows(*db, county);
  if (scenario.damaged) check_chain(*db, site.store().identity().device, false);
  check_nothing_doubled(site.platform);
}

}  // namespace

std::string examine(const Scenario& scenario, const Moment& moment, const std::vector<Claim>& promised, bool enrolled,
                    bool encrypted) {
  Site site(moment, encrypted, kSeed);
  try {
    check_all(scenario, site, promised, enrolled);
  } catch (const std::exception& wrong) {
    return wrong.what();
  }
  return {};
}

std::string look_through(const Scenario& scenario, const Moment& moment, bool encrypted) {
  Site site(moment, encrypted, kSeed);
  try {
    site.clock.reboot("boot-after");  // a power cut ends a boot
    site.open();
    check_store(scenario, site);
  } catch (const std::exception& wrong) {
    return wrong.what();
  }
  return {};
}

}  // namespace julu::crash
