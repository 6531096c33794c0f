// Choices between two values: what the inbox asks, and what comes of an answer.
#include <algorithm>
#include <map>

#include <catch2/catch_test_macros.hpp>

#include <julu/inbox.h>
#include <julu/outbox.h>

#include "base/json.h"
#include "county.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

/// Somebody else's household, which was edited on both sides.
struct Asked {
  explicit Asked(County& its_county) : county(its_county), store(its_county.phone()) {
    county.publish_key(*store);
    theirs.kind = "household";
    theirs.id = make_id(county.clock, system_random()).text();
    theirs.version = kFirstVersion + 1;
    theirs.body = R"({"address":"堤村 1 号"})";
    pull();
    REQUIRE(store->patch(theirs.id, R"({"address":"堤村 2 号"})").ok());
    they_write("堤村 3 号");
    OpResult stale;
    stale.status = OpStatus::stale;
    stale.current = theirs;
    answer_all(county, *store, stale);
    OpResult applied;
    applied.status = OpStatus::applied;
    applied.version = ++theirs.version;
    answer_all(county, *store, applied);
    REQUIRE(store->conflicts()->size() == 1);
  }

  void pull() { REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c" + std::to_string(theirs.version), false}).ok()); }
  void they_write(const std::string& address) {
    theirs.version += 1;
    theirs.body = Json{{"address", address}}.dump();
    pull();
  }

  County& county;
  std::unique_ptr<Store> store;
  Change theirs;
};

}  // namespace

TEST_CASE("the inbox shows what stands now, also where somebody has written again since", "[choice]") {
  County county;
  Asked asked(county);
  CHECK(asked.store->conflicts()->at(0).remote == R"("堤村 3 号")");
  asked.they_write("堤村 4 号");
  const ConflictField question = asked.store->conflicts()->at(0);
  CHECK(question.local == R"("堤村 2 号")");
  CHECK(question.remote == R"("堤村 4 号")");
  REQUIRE(asked.store->resolve(question.record, question.field, question.remote).ok());
  CHECK(Json::parse(asked.store->get(asked.theirs.id)->value().body)["address"] == "堤村 4 号");
}

TEST_CASE("the inbox shows nothing where somebody has taken the field away since", "[choice]") {
  County county;
  Asked asked(county);
  asked.theirs.version += 1;
  asked.theirs.body = R"({"note":"拆了"})";
  asked.pull();
  CHECK(asked.store->conflicts()->at(0).remote.empty());
}

TEST_CASE("a question and what the past tells of it outlive damage to the file", "[choice]") {
  County county;
  Asked asked(county);
  const ConflictField before = asked.store->conflicts()->at(0);
  const auto past = [&] {
    std::vector<std::string> told;
    for (const HistoryEntry& entry : *asked.store->history(asked.theirs.id)) told.push_back(entry.what + entry.detail);
    return told;
  };
  const auto told = past();
  asked.store.reset();
  set_aside(county);
  asked.store = county.open_again();
  REQUIRE(asked.store->status()->salvage);
  REQUIRE(asked.store->conflicts()->size() == 1);
  const ConflictField after = asked.store->conflicts()->at(0);
  CHECK(after.field == before.field);
  CHECK(after.local == before.local);
  CHECK(after.remote == before.remote);
  CHECK(past() == told);
}

TEST_CASE("the past says which of two values stands", "[choice]") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = county.pull_household(*store, R"({"address":"堤村 1 号","note":"甲"})");
  REQUIRE(store->patch(theirs.id, R"({"address":"堤村 2 号","note":"乙"})").ok());
  OpResult stale;
  stale.status = OpStatus::stale;
  theirs.version += 1;
  theirs.body = R"({"address":"堤村 3 号","note":"丙"})";
  stale.current = theirs;
  answer_all(county, *store, stale);
  const Json shown = Json::parse(store->get(theirs.id)->value().body);
  std::map<std::string, std::string> stands;
  for (const HistoryEntry& entry : *store->history(theirs.id)) {
    if (entry.what != "given_up") continue;
    const Json detail = Json::parse(entry.detail);
    stands[detail["field"]] = detail[detail["kept"].get<std::string>()];
  }
  // Somebody has to choose an address; of two notes the later is the better.
  CHECK(stands == std::map<std::string, std::string>{{"/address", "堤村 3 号"}, {"/note", "乙"}});
  CHECK(shown == Json{{"address", stands["/address"]}, {"note", stands["/note"]}});
}

TEST_CASE("who follows the changes is told that the choice on a deleted record is put away", "[choice]") {
  County county;
  Asked asked(county);
  asked.theirs.version += 1;
  asked.theirs.deleted = true;
  asked.pull();
  REQUIRE(asked.store->get(asked.theirs.id)->value().in_conflict);
  const std::int64_t seen = asked.store->changes_since(0)->token;
  REQUIRE(asked.store->resolve(asked.theirs.id, "/address", R"("堤村 2 号")").ok());
  CHECK_FALSE(asked.store->get(asked.theirs.id)->value().in_conflict);
  CHECK(asked.store->changes_since(seen)->records == std::vector<std::string>{asked.theirs.id});
}

TEST_CASE("of a nested field that gives way nothing is left to be sent, and nothing more is asked", "[choice]") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = county.pull_household(*store);
  REQUIRE(store->patch(theirs.id, R"({"house":{"structure":"砖"},"support":"低保"})").ok());
  OpResult refused;
  refused.status = OpStatus::rejected;
  refused.problem = {"scope", {}, {}, {}};
  answer_all(county, *store, refused);
  theirs.version += 1;
  theirs.body = R"({"address":"堤村 1 号","house":{"structure":"土"}})";
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c2", false}).ok());
  REQUIRE(store->resend(theirs.id).ok());
  const auto again = *Outbox(*store).next_ops(10, 1 << 20);
  REQUIRE(again.size() == 1);
  CHECK(Json::parse(again[0].canonical)["body"] == Json::parse(R"({"support":"低保"})"));
  REQUIRE(store->conflicts()->size() == 1);
  CHECK(store->conflicts()->at(0).field == "/house/structure");
}

TEST_CASE("an object that is chosen instead of another stands as it was chosen", "[choice]") {
  County county;
  Asked asked(county);
  asked.theirs.version += 1;
  asked.theirs.body = R"({"address":"堤村 3 号","house":{"structure":"砖"}})";
  asked.pull();
  REQUIRE(asked.store->patch(asked.theirs.id, R"({"house":null})").ok());
  OpResult stale = answer_of(OpStatus::stale);
  asked.theirs.version += 1;
  asked.theirs.body = R"({"address":"堤村 3 号","house":{"structure":"木"}})";
  stale.current = asked.theirs;
  answer_all(county, *asked.store, stale);
  const auto is_asked = [&] {
    const auto open = asked.store->conflicts().value();
    return std::any_of(open.begin(), open.end(), [](const ConflictField& one) { return one.field == "/house"; });
  };
  REQUIRE(is_asked());
  REQUIRE(asked.store->resolve(asked.theirs.id, "/house", R"({"rooms":3})").ok());
  CHECK(Json::parse(asked.store->get(asked.theirs.id)->value().body)["house"] == Json{{"rooms", 3}});
  CHECK_FALSE(is_asked());
}
