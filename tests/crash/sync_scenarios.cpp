// What a phone does with the platform, cut on the phone's side.
#include <stdexcept>

#include <julu/limits.h>

#include "scenario.h"

namespace julu::crash {
namespace {

constexpr std::int64_t kLater = 60'000;

const Call kSync{"sync", [](Site& s) { s.sync(); }};
const Call kSyncToTheEnd{"sync", [](Site& s) { s.sync_to_the_end(); }};

void known_household(Site& site) {
  site.names["home"] = site.household("堤村二号");
  site.sync_to_the_end();
}

// Another worker patched what this phone has patched too.
void patched_by_both(Site& site, const std::string& theirs, const std::string& ours) {
  known_household(site);
  site.beside(2, [&](Site& other) {
    other.names["home"] = site.names["home"];
    other.patch(other.names["home"], theirs);
  });
  site.patch(site.names["home"], ours);
}

void refused(Site& site) {
  site.names["case"] = site.report("先报的");
  site.sync_to_the_end();
  site.beside(0, [&](Site& leader) { leader.act(site.names["case"], "return"); });
  site.act(site.names["case"], "resolve_on_spot");
}

void parked(Site& site) {
  refused(site);
  site.sync();
}

// The platform goes back to a backup and has lost what it had answered since.
void restored(Site& site) {
  site.names["home"] = site.household("备份之前");
  site.sync_to_the_end();
  site.county().note_backup(site.clock.now_ms());
  const Moment backup = site.moment();
  site.report("备份之后", {5});
  site.patch(site.names["home"], R"({"note":"备份之后"})");
  site.sync_to_the_end();
  site.close();
  SimDisk::Image image = site.platform.image();
  std::erase_if(image, [](const auto& file) { return file.first.find("platform.db") != std::string::npos; });
  for (const auto& [name, contents] : backup.platform) {
    if (name.find("platform.db") != std::string::npos) image[name] = contents;
  }
  site.platform.restore(image);
  site.county().new_epoch();
  site.open();
}

// The phone's storage was copied; the copy went on and was first.
void copied(Site& site) {
  site.report("复制之前");
  site.sync_to_the_end();
  site.close();
  const SimDisk::Image same = site.moment().phone;
  site.open();
  site.report("在副本上", {6});
  site.sync_to_the_end();
  site.close();
  site.phone.restore(same);
  site.claims.clear();
  site.open();
  site.report("在原机上", {7});
}

void others_photo(Site& site) {
  site.sync_to_the_end();
  site.beside(2, [](Site& other) { other.report("邻居报的", {8, 102}); });
}

OutgoingPhoto due_photo(Site& site) {
  const auto photos = need(Outbox(site.store()).next_photos(1), "next_photos");
  if (photos.empty()) throw std::runtime_error("no photo is due");
  return photos.front();
}

void begin_upload(Site& site) {
  const std::string location = std::string(sim::kPlatform) + "/v1/photos/uploads/x";
  need(Outbox(site.store()).photo_location(due_photo(site).sha256, location), "photo_location");
}

std::vector<Scenario> pushes() {
  return {
      {.name = "push with receipts",
       .prepare = [](Site& s) { s.sync_to_the_end(), s.report("一"), s.report("二"); },
       .calls = {kSync}},
      {.name = "first sync: keys and schemas", .prepare = [](Site& s) { s.report("第一条"); }, .calls = {kSync}},
      {.name = "push and photos",
       .prepare =
           [](Site& s) {
             s.sync_to_the_end(), s.report("带图", {9, 103});
           },
       .calls = {kSync}},
      {.name = "push stale: merged and made again",
       .prepare = [](Site& s) { patched_by_both(s, R"({"note":"邻居写的"})", R"({"support":"我写的"})"); },
       .calls = {kSyncToTheEnd}},
      {.name = "push refused: parked", .prepare = refused, .calls = {kSync}},
      {.name = "resend",
       .prepare = parked,
       .calls = {{"resend", [](Site& s) { static_cast<void>(s.store().resend(s.names["case"])); }}}},
      {.name = "refused: given up",
       .prepare = parked,
       .calls = {{"give_up", [](Site& s) { need(s.store().give_up(s.names["case"]), "give_up"); }},
                 {"act", [](Site& s) { s.act(s.names["case"], "resubmit"); }},
                 kSync}},
      {.name = "conflict resolved",
       .prepare =
           [](Site& s) {
             patched_by_both(s, R"({"address":"邻居写的"})", R"({"address":"我写的"})"), s.sync_to_the_end();
           },
       .calls = {{"resolve",
                  [](Site& s) { need(s.store().resolve(s.names["home"], "/address", "\"我写的\""), "resolve"); }}}},
      {.name = "edits queued behind each other",
       .prepare = [](Site& s) { s.sync_to_the_end(), s.patch(s.household("堤村三号"), R"({"note":"接着改"})", {10}); },
       .calls = {kSyncToTheEnd}},
  };
}

std::vector<Scenario> pulls() {
  return {
      {.name = "pull of new rows",
       .prepare =
           [](Site& s) {
             s.sync_to_the_end(), s.beside(2, [](Site& o) { o.household("邻居家"), o.household("又一家"); });
           },
       .calls = {kSync}},
      {.name = "pull with merge",
       .prepare = [](Site& s) { patched_by_both(s, R"({"note":"邻居写的"})", R"({"support":"我写的"})"); },
       .calls = {{"hint", [](Site& s) { need(Outbox(s.store()).due_now(), "due_now"); }}, kSyncToTheEnd}},
      {.name = "full pull",
       .prepare = [](Site& s) { known_household(s), s.report("未报的"); },
       .calls = {{"restart", [](Site& s) { need(Inbox(s.store()).restart(), "restart"); }}, kSync}},
      {.name = "photo of another fetched", .prepare = others_photo, .calls = {kSync}},
      {.name = "photo of another fetched in pieces",
       .prepare =
           [](Site& s) {
             s.sync_to_the_end();
             s.beside(2, [](Site& o) { o.report("邻居报的", {201}); });
           },
       .calls = {kSync}},
      {.name = "restored platform: asked, sent once more",
       .prepare = restored,
       .calls = {kSyncToTheEnd},
       .restored = true},
      {.name = "copied phone: another device", .prepare = copied, .calls = {kSyncToTheEnd}, .copied = true},
  };
}

std::vector<Scenario> queue() {
  return {
      {.name = "upload begun and done",
       .prepare = [](Site& s) { s.report("带图", {103}); },
       .calls = {{"location", begin_upload},
                 {"thumbnail sent",
                  [](Site& s) { need(Outbox(s.store()).thumbnail_sent(due_photo(s).sha256), "thumbnail_sent"); },
                  false},
                 {"uploaded",
                  [](Site& s) { need(Outbox(s.store()).photo_uploaded(due_photo(s).sha256), "photo_uploaded"); },
                  false},
                 {"capture", [](Site& s) { s.report("再一条"); }}}},
      {.name = "put off, and due again",
       .prepare = [](Site& s) { s.report("等信号"), s.report("也等", {11}); },
       .calls = {{"defer",
                  [](Site& s) {
                    Outbox outbox(s.store());
                    need(outbox.defer(need(outbox.next_ops(9, 1 << 20), "next_ops"), ErrorCode::offline, kLater),
                         "defer");
                    need(outbox.defer_photo(due_photo(s).sha256, ErrorCode::offline, kLater), "defer_photo");
                  }},
                 {"hint", [](Site& s) { need(Outbox(s.store()).due_now(), "due_now"); }}}},
      {.name = "lease of a dead process taken over",
       .prepare =
           [](Site& s) {
             const auto other = need(Store::open(s.options()), "a second open");
             need(Outbox(*other).acquire_lease(), "acquire_lease");
             s.clock.advance(limits::lease_ms);
           },
       .calls = {{"acquire", [](Site& s) { need(Outbox(s.store()).acquire_lease(), "acquire_lease"); }},
                 {"release", [](Site& s) { Outbox(s.store()).release_lease(); }}}},
  };
}

}  // namespace

std::vector<Scenario> sync_scenarios() {
  std::vector<Scenario> all = pushes();
  for (Scenario& scenario : pulls()) all.push_back(std::move(scenario));
  for (Scenario& scenario : queue()) all.push_back(std::move(scenario));
  return all;
}

}  // namespace julu::crash
