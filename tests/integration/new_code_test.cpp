// A phone that its platform does not know any more goes on by a new activation code: the same store under a new device
// id, nothing lost and nothing twice.
#include <algorithm>
#include <functional>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/limits.h>

#include "county.h"
#include "jpeg.h"
#include "phones.h"
#include "scripted_transport.h"
#include "server.h"
#include "sim_disk.h"

using namespace julu;
using namespace julu::test;
using nlohmann::json;

namespace {

// The reference platform on a disk in memory, by the test's clock, and a network that does as the test says.
class Township {
 public:
  Township()
      : random(seeded_random(41)),
        disk(*random),
        transport(clock, [this](const Request& asked) { return ask(asked); }) {
    open();
    platform->add_worker("W-0412", "王", "worker", {"130529200203001"}, {"03"});
  }

  std::optional<Response> ask(const Request& request) {
    if (instead) {
      if (auto other = instead(request)) return other;
    }
    Response response = sim::ask(*platform, request, -1);
    if (!request.url.ends_with("/v1/devices") || response.status != 200) return response;
    devices.insert(json::parse(response.body).at("device"));
    return replies_lost-- > 0 ? no_reply() : response;
  }

  void back_up() { backup_ = disk.image(); }
  // The keys and the epoch are in no backup.
  void restore() {
    SimDisk::Image image = disk.image();
    std::erase_if(image, [](const auto& file) { return file.first.find("platform.db") != std::string::npos; });
    for (const auto& [name, contents] : backup_) {
      if (name.find("platform.db") != std::string::npos) image[name] = contents;
    }
    platform.reset();
    disk.restore(std::move(image));
    open();
    platform->new_epoch();
  }

  std::vector<std::string> held(const std::string& type, const std::string& member) {
    std::vector<std::string> found;
    platform->dump([&](const json& item) {
      if (item.at("type") == type) found.push_back(item.at(member));
    });
    std::sort(found.begin(), found.end());
    return found;
  }

  Result<Device> enrol_phone(const std::string& code, StoreKey key = test_key()) {
    ScriptedTransport way(clock, [this](const Request& asked) { return ask(asked); });  // a run may be using the other
    EnrolOptions options;
    options.platform = sim::kPlatform;
    options.code = code;
    options.root = folder.file("root");
    options.key = key;
    options.encrypted = has_cipher();
    options.consent_at_ms = clock.now_ms();
    options.transport = &way;
    options.clock = &clock;
    options.random = random.get();
    return enrol(options);
  }
  Result<Device> enrol_phone() { return enrol_phone(platform->add_code("W-0412", "")); }

  std::unique_ptr<Store> open_store(const std::string& directory) {
    Store::Options options;
    options.directory = directory;
    options.key = test_key();
    options.encrypted = has_cipher();
    options.clock = &clock;
    options.random = random.get();
    return std::move(Store::open(options)).value();
  }

  SyncOutcome sync(Syncer& syncer) {
    REQUIRE(syncer.hint().ok());
    return syncer.run().value();
  }
  // Until it has been its turn to ask what the platform still holds.
  SyncOutcome sync_after_restore(Syncer& syncer) {
    sync(syncer);
    clock.advance(limits::reconcile_spread_ms);
    return sync(syncer);
  }

  void report(Store& store, const std::string& text, bool photo = false) {
    Capture capture;
    capture.kind = "incident";
    capture.body = R"({"category":"drainage","text":")" + text + "\"}";
    if (photo)
      capture.photos = {{folder.write("p.jpg", make_jpeg({.width = 320, .height = 240, .seed = ++seed_})), "near"}};
    const auto saved = store.capture(capture);
    REQUIRE(saved.ok());
    told.push_back(saved->id);
  }

  // Each op that the phone made is there once, and nothing else.
  void check_all_there_once(Store& store) {
    std::vector<std::string> made;
    for (const std::string& id : told) {
      CHECK((*store.get(id))->delivery == Delivery::delivered);
      for (const HistoryEntry& entry : store.history(id).value()) {
        if (!entry.hash.empty()) made.push_back(entry.op_id);
      }
    }
    std::sort(made.begin(), made.end());
    CHECK(held("op", "op_id") == made);
    std::sort(told.begin(), told.end());
    CHECK(held("record", "id") == told);
  }

  Folder folder;
  ManualClock clock;
  std::unique_ptr<Random> random;
  SimDisk disk;
  std::unique_ptr<juhaoban::Platform> platform;
  ScriptedTransport transport;
  std::function<std::optional<Response>(const Request&)> instead;
  int replies_lost = 0;           // of enrolments
  std::set<std::string> devices;  // that it made
  std::vector<std::string> told;

 private:
  void open() {
    juhaoban::Options options;
    options.data = sim::kData;
    options.vfs = disk.vfs();
    options.address = sim::kPlatform;
    options.clock = &clock;
    options.random = random.get();
    platform = std::make_unique<juhaoban::Platform>(options);
  }

  SimDisk::Image backup_;
  std::uint64_t seed_ = 0;
};

// One push is answered as to a device that was copied.
void fork_once(Township& town) {
  town.instead = [done = false](const Request& request) mutable -> std::optional<Response> {
    if (done || !request.url.ends_with("/v1/push")) return std::nullopt;
    done = true;
    return problem(409, "device-forked");
  };
}

}  // namespace

TEST_CASE("a platform restored from before the enrolment gets everything once, by a new code") {
  Township town;
  town.back_up();
  const auto first = town.enrol_phone();
  REQUIRE(first.ok());
  const auto store = town.open_store(first->directory);
  Syncer syncer(*store, town.transport);
  town.report(*store, "一", true);
  town.report(*store, "二");
  bool forked_before = false;
  SECTION("of a device that was enrolled by a code") {}
  SECTION("of one that was copied since") {
    forked_before = true;
    fork_once(town);
  }
  REQUIRE(town.sync(syncer).end == SyncEnd::all_delivered);
  CHECK((store->identity().device != first->identity.device) == forked_before);
  town.report(*store, "三");
  town.report(*store, "四", true);

  town.restore();
  const SyncOutcome unknown = town.sync(syncer);
  CHECK(unknown.end == SyncEnd::sign_in);
  CHECK(unknown.ops_parked == 0);

  const auto again = town.enrol_phone();
  REQUIRE(again.ok());
  CHECK(again->directory == first->directory);
  CHECK(again->identity.device != first->identity.device);
  CHECK(enrolments(town.folder.file("root"))->size() == 1);
  const SyncOutcome outcome = town.sync_after_restore(syncer);
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(outcome.ops_parked == 0);
  CHECK(store->identity().device == again->identity.device);
  town.check_all_there_once(*store);
  CHECK(town.held("photo", "sha256").size() == 2);

  SECTION("and when it was copied after that, the new device vouches") {
    fork_once(town);
    town.report(*store, "五");
    CHECK(town.sync(syncer).end == SyncEnd::all_delivered);
    CHECK(store->identity().device != again->identity.device);
    town.check_all_there_once(*store);
  }
}

TEST_CASE("a revoked device's queue goes by a new code, and what had arrived is not there twice") {
  Township town;
  const auto first = town.enrol_phone();
  const auto store = town.open_store(first->directory);
  Syncer syncer(*store, town.transport);
  town.report(*store, "一");
  REQUIRE(town.sync(syncer).end == SyncEnd::all_delivered);
  town.report(*store, "二");
  // It arrives, and the answer does not.
  town.instead = [&](const Request& request) -> std::optional<Response> {
    if (!request.url.ends_with("/v1/push")) return std::nullopt;
    sim::ask(*town.platform, request, -1);
    return no_reply();
  };
  CHECK(town.sync(syncer).end == SyncEnd::left);
  town.instead = nullptr;
  REQUIRE(town.platform->revoke(first->identity.device));
  town.report(*store, "三");
  CHECK(town.sync(syncer).end == SyncEnd::device_refused);
  const auto again = town.enrol_phone();
  REQUIRE(again.ok());
  CHECK(again->directory == first->directory);
  CHECK(town.sync(syncer).end == SyncEnd::all_delivered);
  town.check_all_there_once(*store);
}

TEST_CASE("a new code whose answer was lost is asked for again, and the store becomes that device") {
  Township town;
  const auto first = town.enrol_phone();
  const auto store = town.open_store(first->directory);
  town.report(*store, "一");
  const std::string code = town.platform->add_code("W-0412", "");
  town.replies_lost = 1;
  CHECK(town.enrol_phone(code).error().code == ErrorCode::offline);
  CHECK(town.open_store(first->directory)->identity().device == first->identity.device);
  const auto again = town.enrol_phone(code);
  REQUIRE(again.ok());
  CHECK(again->directory == first->directory);
  Syncer syncer(*store, town.transport);
  CHECK(town.sync(syncer).end == SyncEnd::all_delivered);
  CHECK(town.devices.size() == 2);
  town.check_all_there_once(*store);
}

TEST_CASE("a new code under a wrong key is refused by that name, and the store is as it was") {
  if (!has_cipher()) SKIP("no key in this build");
  Township town;
  const auto first = town.enrol_phone();
  const auto store = town.open_store(first->directory);
  town.report(*store, "一");
  StoreKey wrong{};
  wrong.fill(1);
  const auto refused = town.enrol_phone(town.platform->add_code("W-0412", ""), wrong);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::store_key);
  CHECK(refused.error().field == "key");
  CHECK(enrolments(town.folder.file("root"))->size() == 1);
  CHECK(town.open_store(first->directory)->identity().device == first->identity.device);
  const auto again = town.enrol_phone();
  REQUIRE(again.ok());
  CHECK(again->directory == first->directory);
  Syncer syncer(*store, town.transport);
  CHECK(town.sync(syncer).end == SyncEnd::all_delivered);
  town.check_all_there_once(*store);
}

TEST_CASE("whoever has the store open meanwhile goes on as the new device, and no token carries what is another's") {
  Township town;
  const auto first = town.enrol_phone();
  const auto one = town.open_store(first->directory);
  const auto other = town.open_store(first->directory);
  Syncer of_one(*one, town.transport);
  Syncer of_other(*other, town.transport);
  town.report(*other, "一");
  REQUIRE(town.sync(of_other).end == SyncEnd::all_delivered);  // with a token that would still be taken
  town.report(*one, "二");
  const bool more_to_send = GENERATE(true, false);
  SECTION("by a new code") { REQUIRE(town.enrol_phone().ok()); }
  SECTION("by a fork that the other one met") {
    fork_once(town);
    REQUIRE(town.sync(of_one).end == SyncEnd::all_delivered);
    town.instead = nullptr;
  }
  if (more_to_send) town.report(*other, "三");
  const SyncOutcome outcome = town.sync(of_other);
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(outcome.ops_parked == 0);
  CHECK(town.devices.size() == 2);
  CHECK(other->identity().device != first->identity.device);
  town.check_all_there_once(*other);
}

TEST_CASE("a run that slept past its lease, while a new code made the store another device, ends and settles nothing") {
  Township town;
  const auto first = town.enrol_phone();
  const auto store = town.open_store(first->directory);
  Syncer syncer(*store, town.transport);
  town.report(*store, "一");
  ErrorCode meanwhile = ErrorCode::internal;
  town.instead = [&](const Request& request) -> std::optional<Response> {
    if (!request.url.ends_with("/v1/push") || meanwhile == ErrorCode::ok) return std::nullopt;
    const auto too_early = town.enrol_phone();
    CHECK(too_early.error().code == ErrorCode::sync_in_progress);
    town.clock.advance(limits::lease_ms);
    const auto again = town.enrol_phone();
    meanwhile = again ? ErrorCode::ok : again.error().code;
    return std::nullopt;
  };
  const auto outcome = syncer.run();
  REQUIRE(meanwhile == ErrorCode::ok);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().code == ErrorCode::sync_in_progress);
  town.instead = nullptr;
  CHECK((*store->get(town.told.front()))->delivery != Delivery::delivered);
  CHECK(town.sync(syncer).end == SyncEnd::all_delivered);
  town.check_all_there_once(*store);
}

TEST_CASE("a worker who goes back to what stood before has the last word, though a photo is sent again") {
  Township town;
  const auto device = town.enrol_phone();
  REQUIRE(device.ok());
  const auto store = town.open_store(device->directory);
  Syncer syncer(*store, town.transport);
  const auto saved = store->capture({"household", R"({"address":"堤村 1 号","resident_count":4})", {}, {}});
  REQUIRE(saved.ok());
  REQUIRE(town.sync(syncer).end == SyncEnd::all_delivered);
  // A photo is refused, as the worker sees.
  const std::string photo = town.folder.write("p.jpg", make_jpeg({.width = 64, .height = 48}));
  REQUIRE(store->attach(saved->id, {{photo, "near"}}).ok());
  town.instead = [](const Request& request) -> std::optional<Response> {
    return request.url.ends_with("/v1/photos") ? std::optional(problem(413, "too-large")) : std::nullopt;
  };
  CHECK(town.sync(syncer).ops_parked == 1);
  // Five live there: it arrives, and the answer does not.
  REQUIRE(store->patch(saved->id, R"({"resident_count":5})").ok());
  town.instead = [&](const Request& request) -> std::optional<Response> {
    if (!request.url.ends_with("/v1/push")) return std::nullopt;
    sim::ask(*town.platform, request, -1);
    return no_reply();
  };
  CHECK(town.sync(syncer).end == SyncEnd::left);
  town.instead = nullptr;
  // No, four; and the photo once more.
  REQUIRE(store->patch(saved->id, R"({"resident_count":4})").ok());
  REQUIRE(store->resend(saved->id).ok());
  CHECK(town.sync(syncer).end == SyncEnd::all_delivered);
  CHECK(store->conflicts()->empty());
  CHECK(json::parse((*store->get(saved->id))->body).at("resident_count") == 4);
  town.platform->dump([&](const json& item) {
    if (item.at("type") == "record") CHECK(item.at("body").at("resident_count") == 4);
  });
}

TEST_CASE("a tag stays that was there before a restore of the platform and after it") {
  Township town;
  const auto device = town.enrol_phone();
  REQUIRE(device.ok());
  const auto store = town.open_store(device->directory);
  Syncer syncer(*store, town.transport);
  const auto saved = store->capture({"household", R"({"address":"堤村 1 号"})", {}, {}});
  REQUIRE(saved.ok());
  REQUIRE(town.sync(syncer).end == SyncEnd::all_delivered);
  town.back_up();
  REQUIRE(store->patch(saved->id, R"({"tags":["独居","低保"]})").ok());
  REQUIRE(town.sync(syncer).end == SyncEnd::all_delivered);
  town.restore();
  REQUIRE(store->patch(saved->id, R"({"tags":["独居","高龄"]})").ok());
  for (int day = 0; day < 3; ++day) town.sync_after_restore(syncer);
  CHECK(store->status()->unsent_ops == 0);
  const json tags{"独居", "高龄"};
  CHECK(json::parse((*store->get(saved->id))->body).at("tags") == tags);
  town.platform->dump([&](const json& item) {
    if (item.at("type") == "record") CHECK(item.at("body").at("tags") == tags);
  });
}
