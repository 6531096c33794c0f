// Details that a worker or the county relies on, each of which a slip of one line would take away.
#include <algorithm>
#include <filesystem>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/limits.h>

#include "base/json.h"
#include "jpeg.h"
#include "scripted_county.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr const char* kHousehold = "01980000-0000-7000-8000-000000000001";
constexpr const char* kOther = "01980000-0000-7000-8000-000000000002";

std::vector<OutgoingOp> due(Store& store) { return *Outbox(store).next_ops(50, 1 << 20); }

// A picture that nothing decodes, of any length at no cost.
std::string large_jpeg(std::size_t bytes, char fill) {
  std::string jpeg = make_jpeg({});
  const std::size_t scan = jpeg.rfind("\xFF\xDA") + 14;
  return jpeg.insert(scan, std::string(bytes, fill));
}

}  // namespace

TEST_CASE("every photo of a call is taken") {
  County county;
  const auto store = county.phone();
  Capture capture{.kind = "incident", .body = R"({"category":"road","text":"塌方"})", .photos = {}, .id = {}};
  for (std::uint64_t i = 0; i < 8; ++i) {
    JpegSpec spec;
    spec.seed = i + 1;
    spec.noise = true;
    capture.photos.push_back({county.folder.write(std::to_string(i), make_jpeg(spec)), "near"});
  }
  const auto saved = store->capture(capture);
  REQUIRE(saved.ok());
  CHECK(saved->photos.size() == 8);
  CHECK(store->get(saved->id)->value().photos.size() == 8);
  CHECK(store->status()->unsent_photos == 8);
}

TEST_CASE("a person names their household, entered, edited and made again") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const auto person = store->capture({"person", Json{{"name", "测试"}, {"household", kHousehold}}.dump(), {}, {}});
  REQUIRE(person.ok());
  REQUIRE(due(*store).size() == 1);
  CHECK(Json::parse(due(*store)[0].canonical)["refs"] == Json::array({kHousehold}));
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->patch(person->id, Json{{"household", kOther}}.dump()).ok());
  const auto edits = due(*store);
  REQUIRE(edits.size() == 1);
  CHECK(Json::parse(edits[0].canonical)["refs"] == Json::array({kOther}));

  Change theirs;  // somebody else has edited the name meanwhile
  theirs.kind = "person";
  theirs.id = person->id;
  theirs.version = version + 1;
  theirs.body = Json{{"name", "测试一"}, {"household", kHousehold}}.dump();
  OpResult stale;
  stale.status = OpStatus::stale;
  stale.current = theirs;
  REQUIRE(Outbox(*store).settle(edits, {stale}, std::nullopt, std::nullopt, kEpoch).ok());
  const auto again = due(*store);
  REQUIRE(again.size() == 1);
  CHECK(Json::parse(again[0].canonical)["refs"] == Json::array({kOther}));
}

TEST_CASE("an emergency is one in all that is sent of it") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture({"incident", R"({"category":"road","text":"塌方","urgency":"emergency"})", {}, {}});
  REQUIRE(saved.ok());
  const PhotoInput photo{county.folder.write("a.jpg", make_jpeg({})), "near"};
  REQUIRE(store->attach(saved->id, {photo}).ok());
  const auto ops = due(*store);
  REQUIRE_FALSE(ops.empty());
  for (const OutgoingOp& op : ops) CHECK(op.urgency == 0);
  for (const OutgoingPhoto& one : *Outbox(*store).next_photos(5)) CHECK(one.urgency == 0);
}

TEST_CASE("an emergency that is sent again is one still") {
  County county;
  const auto store = county.phone();
  const auto saved = store->capture({"incident", R"({"category":"road","text":"塌方","urgency":"emergency"})", {}, {}});
  REQUIRE(saved.ok());
  OpResult refused;
  refused.status = OpStatus::rejected;
  answer_all(county, *store, refused);
  REQUIRE(store->resend(saved->id).ok());
  REQUIRE(due(*store).size() == 1);
  CHECK(due(*store)[0].urgency == 0);
}

TEST_CASE("phones that nobody answered do not all come back at the same moment") {
  County county;
  std::set<std::int64_t> moments;
  for (const char* worker : {"W-0001", "W-0002", "W-0003"}) {
    const auto store = county.phone(worker);
    REQUIRE(store->capture({"incident", R"({"category":"road","text":"塌方"})", {}, {}}).ok());
    REQUIRE(Outbox(*store).defer_all(ErrorCode::offline, 0).ok());
    moments.insert(store->status()->next_attempt_ms.value());
  }
  CHECK(moments.size() > 1);
}

TEST_CASE("whoever of the platform asks for a pause gets it") {
  const std::string path = GENERATE("/v1/ping", "/v1/token", "/v1/push", "/v1/pull");
  CAPTURE(path);
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (request.url.find(path) == std::string::npos) return std::nullopt;
    return reply(503, R"({"type":"busy","title":"","status":503})",
                 {{"Content-Type", "application/problem+json"}, {"Retry-After", "7200"}});
  };
  const SyncOutcome outcome = c.run();
  REQUIRE(outcome.next_attempt_ms);
  const std::int64_t then = c.county.clock.now_ms() + 7'199'000;
  CHECK(*outcome.next_attempt_ms >= then);
  if (path == "/v1/pull") return;                                 // the report is there by then
  CHECK(c.store->status()->next_attempt_ms.value_or(0) >= then);  // the next process keeps it too
}

TEST_CASE("the log of a phone that never idles is bounded") {
  County county;
  const auto store = county.phone();
  Capture capture{.kind = "incident", .body = R"({"category":"road","text":"塌方"})", .photos = {}, .id = {}};
  for (char fill = 1; fill <= 9; ++fill) {
    const std::string jpeg = large_jpeg(5 << 20, fill);
    capture.photos = {{.role = "near", .bytes = jpeg}};
    REQUIRE(store->capture(capture).ok());
    CHECK(std::filesystem::file_size(county.directory() + "/julu.db-wal") <
          static_cast<std::uintmax_t>(limits::wal_bytes_max) + (6 << 20));
  }
}

TEST_CASE("a record is delivered when its last receipt says so, whichever op that is of") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const PhotoInput photo{county.folder.write("a.jpg", make_jpeg({})), "near"};
  const auto saved = store->capture({"household", R"({"address":"堤村 1 号"})", {photo}, {}});
  REQUIRE(saved.ok());
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->patch(saved->id, R"({"address":"堤村 2 号"})").ok());
  REQUIRE(county.apply_all(*store, version) == 1);
  const std::int64_t before_ms = store->get(saved->id)->value().captured_at_ms;
  county.ahead_ms = 5000;
  REQUIRE(Outbox(*store).photo_uploaded(*parse_hash(saved->photos[0]), "").ok());
  REQUIRE(county.apply_all(*store, version) == 1);  // the photo's, which was made before the edit
  const Record record = store->get(saved->id)->value();
  CHECK(record.delivery == Delivery::delivered);
  CHECK(record.delivered_at_ms == before_ms + 6000);  // the county signs a second after the start
}

TEST_CASE("the search forgets the words of what has left the scope") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = county.pull_household(*store);
  REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
  theirs.version += 1;
  theirs.removed = true;
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c2", false}).ok());
  const auto db = database_of(county);
  CHECK(db->integer("SELECT count(*) FROM searched")->value() == 0);
  CHECK(db->integer("SELECT count(*) FROM search")->value() == 0);
}

TEST_CASE("what is taken is no longer than a body may be, however it was written") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const auto body_of = [](const OutgoingOp& op) {
    const auto from = op.canonical.find("\"body\":") + 7;
    return op.canonical.find(",\"captured_at_ms\"") - from;
  };
  SECTION("a step, to which the library adds what it stands on") {
    const auto saved = store->capture({"incident", R"({"category":"drainage","text":"堵"})", {}, {}});
    REQUIRE(saved.ok());
    std::int64_t version = kFirstVersion;
    REQUIRE(county.apply_all(*store, version) == 1);
    const std::string head = R"({"note":")", tail = R"("})";
    const std::string note(limits::body_bytes_max - head.size() - tail.size(), 'x');
    const auto acted = store->act(saved->id, "withdraw", head + note + tail);
    if (!acted) CHECK(acted.error().code == ErrorCode::field_too_long);
  }
  SECTION("letters that take more room in their normal form") {
    std::string text;
    while (text.size() + 3 < limits::body_bytes_max - 100) text += "\u0958";  // two letters in NFC
    const auto saved = store->capture({"visit", R"({"text":"走访","extra":")" + text + "\"}", {}, {}});
    if (!saved) CHECK(saved.error().code == ErrorCode::field_too_long);
  }
  for (const OutgoingOp& op : *Outbox(*store).next_ops(10, 1 << 20)) CHECK(body_of(op) <= limits::body_bytes_max);
}
