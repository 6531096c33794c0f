// What the store does for itself: made, brought up to date, checkpointed, given back.
#include <stdexcept>

#include <julu/enrol.h>
#include <julu/limits.h>

#include "scenario.h"

namespace julu::crash {
namespace {

const Call kMaintain{"maintain", [](Site& s) { need(s.store().maintain(std::chrono::seconds(60)), "maintain"); }};

// A sent photo that no restore of the platform can ask for any more: its pages become free, and go.
void with_a_photo_to_purge(Site& site) {
  site.report("不再需要", {104, 108});
  site.sync_to_the_end();
  site.clock.advance(1000);
  site.county().note_backup(site.clock.now_ms());
  for (int i = 0; i < 2; ++i) site.sync_to_the_end();  // the second hears it with a server time that it has seen before
}

void purge(Site& site) {
  need(site.store().maintain(std::chrono::seconds(60)), "maintain");
  Filter all;
  for (const Record& record : need(site.store().list(all), "list")) {
    for (const RecordPhoto& photo : record.photos) {
      if (photo.here) throw std::runtime_error("nothing was purged");
    }
  }
}

// As many reports with long photos as the WAL may hold; the next one pays for the checkpoint.
void with_a_full_wal(Site& site) {
  std::int64_t photo_bytes = 0;
  for (int number = 1900; photo_bytes < limits::wal_bytes_max - (3 << 20); number += 3) {
    PhotoInput photo{site.photo(number), "near"};
    const std::string body = R"({"category":"road","text":"长 )" + std::to_string(number) + "\"}";
    photo_bytes += need(site.store().capture({"incident", body, {photo}, {}}), "capture").photo_bytes;
  }
}

}  // namespace

void enrol_phone(Site& site) {
  sim::StraightTransport way(site.county());
  EnrolOptions options;
  options.platform = sim::kPlatform;
  options.code = site.names.at("code");
  options.root = "phone";
  options.key = sim::store_key();
  options.encrypted = site.options().encrypted;
  options.consent_at_ms = site.clock.now_ms();
  options.transport = &way;
  options.clock = &site.clock;
  options.random = site.random.get();
  options.vfs = site.phone.vfs();
  const auto device = enrol(options);
  if (!device) need(Result<void>(device.error()), "enrol");
}

std::vector<Scenario> upkeep_scenarios() {
  return {
      {.name = "enrolment: the store is made",
       .prepare = [](Site& s) { s.names["code"] = s.county().add_code(sim::worker_of(kWorker), ""); },
       .calls = {{"enrol", enrol_phone},
                 {"open", [](Site& s) { s.open(); }},
                 {"capture", [](Site& s) { s.report("第一条"); }}},
       .enrols = true},
      {.name = "a full disk: the ballast makes room, and is made again",
       .prepare = [](Site& s) { s.report("先来的"); },
       .calls = {{"capture",
                  [](Site& s) {
                    s.phone.set_capacity(s.phone.used());
                    s.report("满了", {109});
                    s.phone.set_capacity(0);
                  }},
                 kMaintain}},
      {.name = "maintain: checkpoint",
       .prepare = [](Site& s) { s.report("一"), s.report("二", {12}); },
       .calls = {kMaintain, {"capture", [](Site& s) { s.report("之后"); }}}},
      {.name = "maintain: thumbnails and search index",
       .prepare =
           [](Site& s) {
             s.report("带图", {105, 106}), s.household("索引");
           },
       .calls = {kMaintain}},
      {.name = "maintain: purge and vacuum steps",
       .prepare = with_a_photo_to_purge,
       .calls = {{"maintain", purge}, {"capture", [](Site& s) { s.report("之后", {13}); }}}},
      {.name = "thumbnail",
       .prepare = [](Site& s) { s.report("带图", {107}); },
       .calls = {{"thumbnail",
                  [](Site& s) {
                    const auto photos = need(Outbox(s.store()).next_photos(1), "next_photos");
                    need(s.store().thumbnail(hex(photos.at(0).sha256)), "thumbnail");
                  },
                  false}}},  // it can be derived again
      {.name = "the WAL's bound",
       .prepare = with_a_full_wal,
       .calls = {{"captures", [](Site& s) { s.report("越界", {1901}), s.report("再一条", {1904}); }}},
       .large = true},
  };
}

}  // namespace julu::crash
