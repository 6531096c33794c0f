// What the platform may teach a phone: new kinds of records and receipt keys, and nothing that breaks the rules.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/log.h>

#include "county.h"
#include "scripted_county.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr const char* kRiverPatrol = R"({"$schema":"http://json-schema.org/draft-07/schema#","type":"object",
    "x-kind":"river_patrol","x-shape":"log","x-title":"River patrol","x-title-zh":"河道巡查","required":["river"],
    "properties":{"river":{"type":"string","maxLength":50,"x-search":"text"},"level_mm":{"type":"integer"}}})";

/// The same with other rules for the river's name.
std::string river_patrol(std::string_view rules) {
  std::string body = kRiverPatrol;
  return body.replace(body.find("\"maxLength\":50"), 14, rules);
}

void pull(Store& store, Change change, const std::string& cursor = "c9") {
  change.version = kFirstVersion + 5;
  PulledPage page{kEpoch, {std::move(change)}, cursor, false};
  REQUIRE(Inbox(store).apply(page).ok());
}

Change schema(const std::string& id, const std::string& body) {
  Change change;
  change.kind = "schema";
  change.id = id;
  change.body = body;
  return change;
}

}  // namespace

TEST_CASE("a kind that arrives from the platform works without a new build") {
  County county;
  auto store = county.phone();
  Capture capture{.kind = "river_patrol", .body = R"({"river":"滏阳河","level_mm":1200})", .photos = {}, .id = {}};
  CHECK(store->capture(capture).error().code == ErrorCode::kind_unknown);
  pull(*store, schema("river_patrol", kRiverPatrol));
  const auto saved = store->capture(capture);
  REQUIRE(saved.ok());
  CHECK(store->patch(saved->id, R"({"river":"x"})").error().code == ErrorCode::shape_mismatch);
  store = county.open_again();
  CHECK(store->capture(capture).ok());
}

TEST_CASE("a code list is the platform's where it sent one that can be used, else the one built in") {
  County county;
  auto store = county.phone();
  const auto names = [&](const char* list) { return store->codes(list).value(); };
  CHECK(names("incident-category").find("排水") != std::string::npos);
  CHECK(store->codes("river").error().code == ErrorCode::codes_unknown);
  Change change;
  change.kind = "codes";
  change.id = "incident-category";
  change.body = R"({"id":"incident-category","items":[{"code":"flood","zh":"内涝"}]})";
  pull(*store, change, "c1");
  CHECK(names("incident-category") == change.body);
  const std::string bad = GENERATE(R"({"id":"incident-category"})", R"({"id":"other","items":[]})",
                                   R"({"id":"incident-category","items":[{"code":"a"},{"code":"a"}]})", "7");
  Change useless = change;
  useless.body = bad;
  pull(*store, useless, "c2");
  CHECK(names("incident-category") == change.body);
  change.id = "river";
  change.body = R"({"id":"river","items":[]})";
  pull(*store, change, "c3");
  CHECK(names("river") == change.body);
  change.id = "incident-category";
  change.deleted = true;
  pull(*store, change, "c4");
  CHECK(names("incident-category").find("排水") != std::string::npos);
}

TEST_CASE("a title names a code as the list of now does, and an unknown one by itself") {
  County county;
  auto store = county.phone();
  const auto title = [&](const char* purpose) {
    const std::string body = std::string(R"({"purpose":")") + purpose + R"("})";
    const auto saved = store->capture({.kind = "visit", .body = body, .photos = {}, .id = {}});
    REQUIRE(saved.ok());
    return (**store->get(saved->id)).title;
  };
  CHECK(title("routine") == "日常走访");
  CHECK(title("meteor") == "meteor");
  Change change;
  change.kind = "codes";
  change.id = "visit-purpose";
  change.body = R"({"id":"visit-purpose","items":[{"code":"routine","zh":"例行走访"},{"code":"nameless"}]})";
  pull(*store, change);
  CHECK(title("routine") == "例行走访");
  CHECK(title("nameless") == "nameless");
}

TEST_CASE("a schema that could hang or crash a validator is kept aside and changes nothing") {
  County county;
  auto store = county.phone();
  const auto known = store->kinds()->size();
  std::string deep = R"({"type":"object"})";
  for (int i = 0; i < 300; ++i) deep = R"({"type":"object","properties":{"a":)" + deep + "}}";
  const char* kStart = R"({"type":"object","x-kind":"evil","x-shape":"document","properties":{"a":)";
  for (const std::string& body :
       {std::string(kStart) + R"({"type":"string","pattern":"^(a|b)*$"}}})", std::string(kStart) + R"({"$ref":"#"}}})",
        std::string(kStart) + R"({"type":"mystery"}}})", std::string(kStart) + deep + "}}"}) {
    pull(*store, schema("evil", body));
    CHECK(store->kinds()->size() == known);
    CHECK(store->capture({.kind = "evil", .body = "{}", .photos = {}, .id = {}}).error().code ==
          ErrorCode::kind_unknown);
  }
}

TEST_CASE("a schema that nobody could use holds up nothing else of its page, and says why it is not used") {
  ScriptedCounty c;
  std::string deep = R"({"type":"object"})";
  for (int i = 0; i < 300; ++i) deep = R"({"type":"object","properties":{"a":)" + deep + "}}";
  const std::string body = GENERATE_COPY(deep, std::string("7"), std::string(R"({"type":"object","pattern":"x"})"));
  const std::string theirs = "01980000-0000-7000-8000-000000000001";
  c.pages = {c.pull_page(R"({"kind":"schema","id":"evil","version":4294967301,"body":)" + body +
                             R"(},{"kind":"household","id":")" + theirs +
                             R"(","version":4294967302,"body":{"address":"堤村 1 号"}})",
                         "evil:4294967301\n" + theirs + ":4294967302\n")};
  std::vector<std::string> told;
  set_log([&](LogLevel level, std::string_view line) {
    if (level == LogLevel::warning) told.emplace_back(line);
  });
  const SyncOutcome outcome = c.run();
  set_log({});
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(c.store->get(theirs)->has_value());
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("schema evil: ") != std::string::npos);
  const auto refused = c.store->capture({.kind = "evil", .body = "{}", .photos = {}, .id = {}});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kind_unknown);
  CHECK_FALSE(refused.error().detail.empty());
}

TEST_CASE("a schema that this app cannot use waits for the next one beside the schema that it goes on with") {
  County county;
  auto store = county.phone();
  pull(*store, schema("river_patrol", kRiverPatrol));
  pull(*store, schema("river_patrol", river_patrol(R"("pattern":"x")")));
  const Capture three{.kind = "river_patrol", .body = R"({"river":"滏阳河"})", .photos = {}, .id = {}};
  CHECK(store->capture(three).ok());
  store.reset();
  {
    // As if the app could use it now.
    REQUIRE(database_of(county)
                ->run("UPDATE catalog SET body = ?1 WHERE kind = 'schema-next'", river_patrol(R"("maxLength":2)"))
                .ok());
  }
  store = county.open_again();
  CHECK_FALSE(store->capture(three).ok());
  pull(*store, schema("river_patrol", kRiverPatrol));  // and one after it
  CHECK(store->capture(three).ok());
}

TEST_CASE("a receipt key without the root's word is not believed, and does not take a good one away") {
  County county;
  auto store = county.phone();
  Change forged = county.receipt_key_row();
  forged.body.replace(forged.body.find("\"not_before_ms\":1"), 17, "\"not_before_ms\":2");
  pull(*store, forged, "c1");
  CHECK_FALSE(Inbox(*store).has_receipt_keys().value());
  pull(*store, county.receipt_key_row(), "c2");
  CHECK(Inbox(*store).has_receipt_keys().value());
  pull(*store, forged, "c3");
  CHECK(Inbox(*store).has_receipt_keys().value());
}

TEST_CASE("a receipt key is believed under its own name alone, so that a revoked one does not come back as another") {
  County county;
  auto store = county.phone();
  Change renamed = county.receipt_key_row();
  renamed.id = "k2";
  pull(*store, renamed, "c1");
  CHECK_FALSE(Inbox(*store).has_receipt_keys().value());
}

TEST_CASE("a new epoch starts a full pull and keeps the queue") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved =
      store->capture({.kind = "incident", .body = R"({"category":"road","text":"坑"})", .photos = {}, .id = {}});
  Inbox inbox(*store);
  CHECK(inbox.cursor().value() == "c1");
  CHECK(inbox.apply({kEpoch + 1, {}, "d1", false})->restart);
  CHECK(inbox.cursor().value().empty());
  CHECK_FALSE(inbox.apply({kEpoch + 1, {}, "d1", false})->restart);
  CHECK(inbox.cursor().value() == "d1");
  CHECK(Outbox(*store).counts()->ops == 1);
  CHECK((*store->get(saved->id)).has_value());
}

TEST_CASE("a full pull removes what it does not name, and keeps what holds unsent work") {
  County county;
  auto store = county.phone();
  const auto row = [](const char* id) {
    Change change;
    change.kind = "household";
    change.id = id;
    change.version = kFirstVersion + 1;
    change.body = R"({"address":"堤村 1 号"})";
    return change;
  };
  const char* kStays = "01980000-0000-7000-8000-00000000000a";
  const char* kEdited = "01980000-0000-7000-8000-00000000000b";
  const char* kGone = "01980000-0000-7000-8000-00000000000c";
  Inbox inbox(*store);
  REQUIRE(inbox.apply({kEpoch, {row(kStays), row(kEdited), row(kGone)}, "c1", false}).ok());
  REQUIRE(store->patch(kEdited, R"({"note":"甲"})").ok());
  REQUIRE(inbox.restart().ok());
  REQUIRE(inbox.apply({kEpoch, {row(kStays)}, "c2", true}).ok());
  CHECK((*store->get(kGone)).has_value());  // the pull has not ended yet
  REQUIRE(inbox.apply({kEpoch, {}, "c3", false}).ok());
  CHECK((*store->get(kStays)).has_value());
  CHECK((*store->get(kEdited)).has_value());
  CHECK_FALSE((*store->get(kGone)).has_value());
}

TEST_CASE("what a record had before its rules were so strict keeps no edit away") {
  County county;
  const auto store = county.phone();
  Change old;
  old.kind = "household";
  old.id = "01980000-0000-7000-8000-000000000001";
  old.body = R"({"address":"堤村 1 号","phone":"无","note":"甲"})";
  pull(*store, old);
  CHECK(store->patch(old.id, R"({"note":"乙"})").ok());
  CHECK(store->patch(old.id, R"({"phone":"没有"})").error().field == "/phone");
  CHECK(store->patch(old.id, R"({"address":null})").error().field == "/address");
  CHECK((*store->get(old.id))->body == R"({"address":"堤村 1 号","note":"乙","phone":"无"})");
}

TEST_CASE("what a restored platform says of a kind counts, though its numbers have gone back with it") {
  County county;
  const auto store = county.phone();
  pull(*store, schema("river_patrol", kRiverPatrol));
  Change restored = schema("river_patrol", river_patrol(R"("maxLength":2)"));
  restored.version = kFirstVersion + 4;
  REQUIRE(Inbox(*store).restart().ok());
  REQUIRE(Inbox(*store).apply({kEpoch + 1, {restored}, "d1", false}).ok());
  const Capture three{.kind = "river_patrol", .body = R"({"river":"滏阳河"})", .photos = {}, .id = {}};
  CHECK_FALSE(store->capture(three).ok());
}

TEST_CASE("a kind that the platform takes back is gone, though the row says no more of it") {
  County county;
  const auto store = county.phone();
  const auto known = store->kinds()->size();
  pull(*store, schema("river_patrol", kRiverPatrol));
  REQUIRE(store->kinds()->size() == known + 1);
  Change gone = schema("river_patrol", "");
  gone.deleted = true;
  pull(*store, gone);
  CHECK(store->kinds()->size() == known);
}

TEST_CASE("what one process pulled the other knows, and the index is none the worse") {
  County county;
  const auto first = county.phone();
  const auto second = county.open_again();
  Change patrol;
  patrol.kind = "river_patrol";
  patrol.id = "01980000-0000-7000-8000-000000000001";
  patrol.version = kFirstVersion + 6;
  patrol.body = R"({"river":"滏阳河"})";
  Change kind = schema("river_patrol", kRiverPatrol);
  kind.version = kFirstVersion + 5;
  REQUIRE(Inbox(*second).apply({kEpoch, {kind, patrol}, "c9", false}).ok());
  SECTION("as a list of kinds") { CHECK(first->kinds()->size() == second->kinds()->size()); }
  SECTION("as the schema of a form") { CHECK(first->schema("river_patrol").ok()); }
  SECTION("as a report of that kind") {
    CHECK(first->capture({.kind = "river_patrol", .body = R"({"river":"滏"})", .photos = {}, .id = {}}).ok());
  }
  SECTION("as words of the index") {
    REQUIRE(first->maintain(std::chrono::seconds(1)).ok());
    Filter filter;
    filter.search = "滏阳";
    CHECK(second->list(filter)->size() == 1);
  }
}

TEST_CASE("a record that came before its schema is found by its words once that is here") {
  County county;
  const auto store = county.phone();
  Change patrol;
  patrol.kind = "river_patrol";
  patrol.id = make_id(county.clock, system_random()).text();
  patrol.body = R"({"river":"滏阳河"})";
  pull(*store, patrol);
  REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
  Filter filter;
  filter.search = "滏阳";
  CHECK(store->list(filter)->empty());
  pull(*store, schema("river_patrol", kRiverPatrol), "c10");
  CHECK(store->list(filter)->size() == 1);
  REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
  CHECK(store->list(filter)->size() == 1);
}

TEST_CASE("a report that was saved is answered for when its form has become stricter meanwhile") {
  County county;
  const auto store = county.phone();
  pull(*store, schema("river_patrol", kRiverPatrol));
  Capture capture{.kind = "river_patrol", .body = R"({"river":"滏阳河"})", .photos = {}, .id = store->new_id()};
  const auto first = store->capture(capture);  // and the shell dies before it hears
  REQUIRE(first.ok());
  std::string stricter = kRiverPatrol;
  stricter.replace(stricter.find(R"(["river"])"), 9, R"(["river","level_mm"])");
  pull(*store, schema("river_patrol", stricter), "c10");
  const auto again = store->capture(capture);
  CHECK(again.ok());
  if (again) CHECK(again->captured_at_ms == first->captured_at_ms);
}
