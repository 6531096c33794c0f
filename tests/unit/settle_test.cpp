// What comes of a reply where something was sent again meanwhile: each thing is done once, and nothing stays refused
// that was done.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/inbox.h>
#include <julu/limits.h>
#include <julu/outbox.h>

#include "base/json.h"
#include "county.h"
#include "jpeg.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

Capture incident() { return {"incident", R"({"category":"drainage","text":"村东头排水沟堵了"})", {}, {}}; }

/// A case that the leader has accepted and resolved, as a pull brings it.
Change resolved_case(County& county) {
  return {"incident",
          make_id(county.clock, system_random()).text(),
          kFirstVersion + 1,
          false,
          false,
          incident().body,
          "resolved",
          {{make_id(county.clock, system_random()), 1, "accept", "L-1", "leader", "", 1, "accepted", "{}"},
           {make_id(county.clock, system_random()), 2, "resolve", "L-1", "leader", "", 1, "resolved", "{}"}},
          {}};
}

OpResult refused_as(const char* type) {
  OpResult result;
  result.status = OpStatus::rejected;
  result.problem = {type, {}, {}, {}};
  return result;
}

/// A report whose text the county has, and whose photo it has not.
struct PhotoLeft {
  PhotoLeft() {
    county.publish_key(*store);
    Capture capture = incident();
    capture.photos = {{county.folder.write("a.jpg", make_jpeg_of_about(100 * 1024, 1)), "near"}};
    saved = *store->capture(capture);
    REQUIRE(county.apply_all(*store, version) == 1);
  }

  County county;
  std::unique_ptr<Store> store = county.phone();
  Outbox outbox{*store};
  std::int64_t version = kFirstVersion;
  Saved saved;
};

}  // namespace

TEST_CASE("a report sent again that had arrived after all is one report, and its first receipt ends it") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture(incident());
  Outbox outbox(*store);
  std::vector<OutgoingOp> made;
  std::vector<OpResult> refused(1);
  refused[0].status = OpStatus::rejected;
  const auto refuse_and_resend = [&] {
    const auto ops = *outbox.next_ops(10, 1 << 20);
    REQUIRE(ops.size() == 1);
    made.push_back(ops[0]);
    REQUIRE(outbox.settle(ops, refused, std::nullopt).ok());
    REQUIRE(store->resend(saved->id).ok());
  };
  refuse_and_resend();
  SECTION("sent again once") {}
  SECTION("sent again twice") { refuse_and_resend(); }

  const auto last = *outbox.next_ops(10, 1 << 20);
  REQUIRE(last.size() == 1);
  std::vector<OpResult> stale(1);
  stale[0].status = OpStatus::stale;
  stale[0].current =
      Change{"incident", saved->id, kFirstVersion + 1, false, false, incident().body, "reported", {}, {}};
  stale[0].applied = {made.back().op_id};
  REQUIRE(outbox.settle(last, stale, std::nullopt).ok());
  CHECK((*store->get(saved->id))->delivery == Delivery::saved);
  const auto ops = *outbox.next_ops(10, 1 << 20);
  REQUIRE(ops.size() == 1);
  CHECK(ops[0].op_id == made.back().op_id);
  std::int64_t version = kFirstVersion;
  CHECK(county.apply_all(*store, version) == 1);
  CHECK((*store->get(saved->id))->delivery == Delivery::delivered);
  CHECK(store->status()->unsent_records == 0);
}

TEST_CASE_METHOD(PhotoLeft, "a step sent again while it was on its way is done once") {
  REQUIRE(outbox.park_photo(*parse_hash(saved.photos.at(0)), {"too-large", {}, {}, {}}).ok());
  REQUIRE(store->act(saved.id, "withdraw", R"({"note":"已清理"})").ok());
  const auto first = *outbox.next_ops(10, 1 << 20);
  REQUIRE(first.size() == 1);
  REQUIRE(store->resend(saved.id).ok());

  std::vector<OpResult> applied(1);
  applied[0].status = OpStatus::applied;
  applied[0].version = ++version;
  REQUIRE(outbox.settle(first, applied, county.sign(store->identity().device, first, applied)).ok());
  const auto second = *outbox.next_ops(10, 1 << 20);
  REQUIRE(second.size() == 1);
  std::vector<OpResult> stale(1);
  stale[0].status = OpStatus::stale;
  stale[0].current = Change{"incident", saved.id, version, false, false, incident().body, "withdrawn", {}, {}};
  stale[0].applied = {first[0].op_id};
  REQUIRE(outbox.settle(second, stale, std::nullopt).ok());
  const auto last = *outbox.next_ops(10, 1 << 20);
  REQUIRE(last.size() == 1);
  CHECK(last[0].op_id == first[0].op_id);
  CHECK(county.apply_all(*store, version) == 1);
  CHECK(outbox.counts()->parked == 0);
  CHECK(outbox.counts()->photos == 1);
  const auto history = *store->history(saved.id);
  const auto done = [](const HistoryEntry& e) { return e.action == "withdraw" && e.standing == "delivered"; };
  CHECK(std::count_if(history.begin(), history.end(), done) == 1);
}

TEST_CASE("what one reply refuses after it had an earlier edit made again is refused no more than its new making") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture({"household", R"({"address":"堤村 1 号"})", {}, {}});
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->patch(saved->id, R"({"note":"甲"})").ok());
  REQUIRE(store->patch(saved->id, R"({"note":"乙"})").ok());
  Outbox outbox(*store);
  const auto ops = *outbox.next_ops(10, 1 << 20);
  REQUIRE(ops.size() == 2);
  std::vector<OpResult> results(2);
  results[0].status = OpStatus::stale;
  results[0].current =
      Change{"household", saved->id, ++version, false, false, R"({"address":"堤村 2 号"})", {}, {}, {}};
  results[1].status = OpStatus::rejected;
  results[1].problem = {"scope", {}, {}, {}};
  REQUIRE(outbox.settle(ops, results, std::nullopt).ok());
  CHECK(outbox.counts()->parked == 0);
  CHECK(county.apply_all(*store, version) == 2);
  CHECK((*store->get(saved->id))->delivery == Delivery::delivered);
  CHECK((*store->get(saved->id))->body == R"({"address":"堤村 2 号","note":"乙"})");
}

TEST_CASE("a platform to which every edit or every photo is stale is asked ever less often") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture({"household", R"({"address":"堤村 1 号"})", {}, {}});
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  Outbox outbox(*store);
  std::vector<Id> applied;
  SECTION("an edit") { REQUIRE(store->patch(saved->id, R"({"note":"甲"})").ok()); }
  SECTION("an edit that it says it has") {
    REQUIRE(store->patch(saved->id, R"({"note":"甲"})").ok());
    applied = {outbox.next_ops(1, 1 << 20)->at(0).op_id};
  }
  SECTION("a photo") {
    const std::string photo = county.folder.write("a.jpg", make_jpeg_of_about(20 * 1024, 1));
    const auto attached = store->attach(saved->id, {{photo, "near"}});
    REQUIRE(attached.ok());
    REQUIRE(outbox.photo_uploaded(outbox.next_photos(1)->at(0).sha256, "/v1/photos/up-1").ok());
  }
  const std::int64_t begun = county.clock.now_ms();
  for (int making = 0; making < 20; ++making) {
    auto ops = *outbox.next_ops(10, 1 << 20);
    if (ops.empty()) {
      CHECK(making >= 2);  // another phone's edit is no reason to wait
      const std::int64_t next = outbox.counts()->next_attempt_ms.value();
      CHECK(next - county.clock.now_ms() <= limits::backoff_cap_ms);
      county.clock.advance(next - county.clock.now_ms());
      ops = *outbox.next_ops(10, 1 << 20);
    }
    REQUIRE(!ops.empty());
    ++version;
    OpResult stale;
    stale.status = OpStatus::stale;
    stale.current = Change{"household", saved->id, version, false, false, R"({"address":"堤村 2 号"})", {}, {}, {}};
    stale.applied = applied;
    REQUIRE(outbox.settle(ops, std::vector<OpResult>(ops.size(), stale), std::nullopt).ok());
  }
  CHECK(county.clock.now_ms() - begun > 60'000);
}

TEST_CASE("a photo that is refused parks its op also where damage took what says whose it is") {
  County county;
  const std::string photo = county.folder.write("a.jpg", make_jpeg_of_about(100 * 1024, 1));
  std::string sha256;
  {
    const auto store = county.phone();
    county.publish_key(*store);
    Capture capture = incident();
    capture.photos = {{photo, "near"}};
    sha256 = store->capture(capture)->photos.at(0);
    std::int64_t version = kFirstVersion;
    REQUIRE(county.apply_all(*store, version) == 1);
  }
  {
    const auto db = database_of(county);
    auto transaction = store::Transaction::begin(*db);
    REQUIRE(db->run("DELETE FROM attachment").ok());
    REQUIRE(transaction->commit().ok());
  }
  const auto store = county.open_again();
  Outbox outbox(*store);
  REQUIRE(outbox.park_photo(*parse_hash(sha256), {"too-large", {}, {}, {}}).ok());
  CHECK(outbox.counts()->ops == 0);
  CHECK(outbox.counts()->parked == 1);
}

TEST_CASE("edits that a restored platform has lost with their record are whole when they are sent again") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const Change theirs = county.pull_household(*store, R"({"address":"堤村 1 号","house":{"floors":1}})");
  REQUIRE(store->patch(theirs.id, R"({"house":{"floors":2},"note":"甲"})").ok());
  REQUIRE(store->patch(theirs.id, R"({"house":{"rooms":3},"note":"乙","support":"丙"})").ok());
  std::int64_t version = kFirstVersion + 1;
  REQUIRE(county.apply_all(*store, version) == 2);
  Outbox outbox(*store);
  constexpr std::int64_t kDayMs = 86'400'000;
  const std::int64_t day = county.clock.now_ms() / kDayMs;
  REQUIRE(outbox.reconcile({{day, {}}, {day + 1, {}}}).value() == 2);
  const auto lost = *outbox.next_ops(10, 1 << 20);
  REQUIRE(lost.size() == 2);
  std::vector<OpResult> results(2);
  for (OpResult& result : results) {
    result.status = OpStatus::rejected;
    result.problem = {"scope", {}, {}, {}};
  }
  REQUIRE(outbox.settle(lost, results, std::nullopt).ok());
  REQUIRE(store->resend(theirs.id).ok());
  const auto again = *outbox.next_ops(10, 1 << 20);
  REQUIRE(again.size() == 2);
  CHECK(again[0].canonical.find(R"("body":{"house":{"floors":2,"rooms":3},"note":"乙","support":"丙"})") !=
        std::string::npos);
  CHECK(again[1].canonical.find(R"("body":{"house":{"rooms":3},"note":"乙","support":"丙"})") != std::string::npos);

  // What they changed is known yet: a platform that has gone back holds none of it, and nothing of that is a conflict.
  std::vector<OpResult> stale(2);
  stale[0].status = stale[1].status = OpStatus::stale;
  stale[0].current = stale[1].current = theirs;
  stale[0].current->version = stale[1].current->version = version + 1;
  REQUIRE(outbox.settle(again, stale, std::nullopt).ok());
  CHECK((*store->get(theirs.id))->body ==
        R"({"address":"堤村 1 号","house":{"floors":2,"rooms":3},"note":"乙","support":"丙"})");
  CHECK(store->conflicts()->empty());
}

TEST_CASE(
    "a document that the county does not hold any more is made there again, whole, when a person sends it again") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = county.pull_household(*store);
  REQUIRE(store->patch(theirs.id, R"({"note":"甲"})").ok());
  REQUIRE(store->patch(theirs.id, R"({"support":"丙"})").ok());
  Outbox outbox(*store);
  const auto sent = *outbox.next_ops(10, 1 << 20);
  std::vector<OpResult> results(2);
  results[0].status = OpStatus::rejected;
  results[0].problem = {"not-found", {}, {}, {}};
  results[1].status = OpStatus::held;
  results[1].problem = {"after-unknown", {}, {}, {}};
  REQUIRE(outbox.settle(sent, results, std::nullopt).ok());
  REQUIRE(store->resend(theirs.id).ok());
  const auto again = *outbox.next_ops(10, 1 << 20);
  REQUIRE(again.size() == 2);
  CHECK(again[0].verb == Verb::create);
  CHECK(again[0].canonical.find(R"("body":{"address":"堤村 1 号","note":"甲","support":"丙"})") != std::string::npos);
  CHECK(again[0].canonical.find("base_version") == std::string::npos);
  CHECK(again[1].canonical.find(R"("body":{"support":"丙"})") != std::string::npos);
}

TEST_CASE("an edit that a restored platform has lost is in sight again, though its record has left the scope") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = county.pull_household(*store);
  REQUIRE(store->patch(theirs.id, R"({"note":"乙"})").ok());
  std::int64_t version = theirs.version;
  REQUIRE(county.apply_all(*store, version) == 1);
  theirs.removed = true;
  theirs.version = version + 1;
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c2", false}).ok());
  REQUIRE_FALSE(store->get(theirs.id)->has_value());

  Outbox outbox(*store);
  constexpr std::int64_t kDayMs = 86'400'000;
  const std::int64_t day = county.clock.now_ms() / kDayMs;
  REQUIRE(outbox.reconcile({{day, {}}, {day + 1, {}}}).value() == 1);
  answer_all(county, *store, refused_as("scope"));
  Filter parked;
  parked.delivery = Delivery::parked;
  const auto list = *store->list(parked);
  REQUIRE(list.size() == 1);
  CHECK(list[0].id == theirs.id);
  CHECK(list[0].body == R"({"note":"乙"})");
  CHECK(store->resend(theirs.id).ok());
}

TEST_CASE("a creation of our own that a restore took is not made a second time when an edit is sent again") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture({"household", R"({"address":"堤村 1 号"})", {}, {}});
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->patch(saved->id, R"({"note":"甲"})").ok());
  answer_all(county, *store, refused_as("not-found"));
  REQUIRE(store->resend(saved->id).ok());
  CHECK(verbs_due(*store) == std::vector<Verb>{Verb::patch});
}

TEST_CASE(
    "the deletion of a document that the county does not hold any more is delivered too, behind what it deletes") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = county.pull_household(*store);
  REQUIRE(store->remove(theirs.id).ok());
  answer_all(county, *store, refused_as("not-found"));
  REQUIRE(store->resend(theirs.id).ok());
  CHECK(verbs_due(*store) == std::vector<Verb>{Verb::create, Verb::remove});
  std::int64_t version = kFirstVersion + 1;
  CHECK(county.apply_all(*store, version) == 2);
  CHECK(store->get(theirs.id)->value().delivery == Delivery::delivered);
  CHECK(store->status()->unsent_records == 0);
}

TEST_CASE("a step that had arrived after all keeps the place that the platform gave it") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = resolved_case(county);
  theirs.actions.clear();
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c1", false}).ok());
  REQUIRE(store->act(theirs.id, "reopen", R"({"note":"又堵"})").ok());
  Outbox outbox(*store);
  const auto first = *outbox.next_ops(10, 1 << 20);
  std::vector<OpResult> result(1);
  result[0].status = OpStatus::rejected;
  REQUIRE(outbox.settle(first, result, std::nullopt).ok());
  REQUIRE(store->resend(theirs.id).ok());
  const Id next = make_id(county.clock, system_random());
  theirs.version += 2;
  theirs.actions = {{first[0].op_id, 1, "reopen", "W-0412", "worker", "", 1, "reopened", R"({"note":"又堵"})"},
                    {next, 2, "resolve", "L-1", "leader", "", 1, "resolved", "{}"}};
  result[0].status = OpStatus::stale;
  result[0].current = theirs;
  result[0].applied = {first[0].op_id};
  REQUIRE(outbox.settle(*outbox.next_ops(10, 1 << 20), result, std::nullopt).ok());
  std::int64_t version = theirs.version;
  REQUIRE(county.apply_all(*store, version) == 1);

  REQUIRE(store->act(theirs.id, "rate", "{}").ok());
  const auto rate = *outbox.next_ops(10, 1 << 20);
  REQUIRE(rate.size() == 1);
  CHECK(rate[0].canonical.find(R"("last_action":")" + next.text()) != std::string::npos);
}

TEST_CASE("a step names what the county holds, and no more what a restore took from it") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const Id again = make_id(county.clock, system_random());
  Change theirs = resolved_case(county);
  const Id lost = theirs.actions[1].id;
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c1", false}).ok());
  REQUIRE(store->act(theirs.id, "rate", "{}").ok());
  Outbox outbox(*store);
  const auto first = *outbox.next_ops(10, 1 << 20);
  REQUIRE(first.size() == 1);
  CHECK(first[0].canonical.find(lost.text()) != std::string::npos);

  theirs.actions[1].id = again;
  REQUIRE(Inbox(*store).restart().ok());
  REQUIRE(Inbox(*store).apply({kEpoch + 1, {theirs}, "c2", false}).ok());
  const auto history = *store->history(theirs.id);
  CHECK(std::none_of(history.begin(), history.end(), [&](const auto& e) { return e.op_id == lost.text(); }));
  std::vector<OpResult> result(1);
  SECTION("the platform knows that it was made again") {
    result[0].status = OpStatus::stale;
    result[0].current = theirs;
  }
  SECTION("the platform waits for it, and nobody may ever send it again") {
    result[0].status = OpStatus::held;
    result[0].problem.type = "action-unknown";
  }
  REQUIRE(outbox.settle(first, result, std::nullopt).ok());
  CHECK((*store->get(theirs.id))->delivery == Delivery::parked);
  REQUIRE(store->resend(theirs.id).ok());
  const auto second = *outbox.next_ops(10, 1 << 20);
  REQUIRE(second.size() == 1);
  CHECK(second[0].canonical.find(again.text()) != std::string::npos);
  CHECK(second[0].canonical.find(lost.text()) == std::string::npos);
}

TEST_CASE("a step that a pull had shown and a restore took does not stand on itself when it is sent again") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = resolved_case(county);
  const Id accepted = theirs.actions[0].id;
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c1", false}).ok());
  REQUIRE(store->act(theirs.id, "rate", "{}").ok());
  Outbox outbox(*store);
  const auto sent = *outbox.next_ops(10, 1 << 20);
  REQUIRE(sent.size() == 1);
  Change whole = theirs;  // its reply was lost, and a pull brings it
  whole.version += 1;
  whole.actions.push_back({sent[0].op_id, 3, "rate", "W-0412", "worker", "", 2, "resolved", "{}"});
  REQUIRE(Inbox(*store).apply({kEpoch, {whole}, "c2", false}).ok());

  theirs.actions.pop_back();
  theirs.state = "accepted";
  REQUIRE(Inbox(*store).restart().ok());
  REQUIRE(Inbox(*store).apply({kEpoch + 1, {theirs}, "c3", false}).ok());
  std::vector<OpResult> held(1);
  held[0].status = OpStatus::held;
  held[0].problem.type = "action-unknown";
  REQUIRE(outbox.settle(sent, held, std::nullopt).ok());
  CHECK((*store->get(theirs.id))->delivery == Delivery::parked);
  SECTION("sent again") {
    REQUIRE(store->resend(theirs.id).ok());
    const auto again = *outbox.next_ops(10, 1 << 20);
    REQUIRE(again.size() == 1);
    CHECK(again[0].canonical.find(R"("last_action":")" + accepted.text()) != std::string::npos);
  }
  SECTION("given up, nothing stands on it") {
    REQUIRE(store->give_up(theirs.id).ok());
    const auto history = *store->history(theirs.id);
    CHECK(std::none_of(history.begin(), history.end(),
                       [&](const auto& e) { return e.op_id == sent[0].op_id.text() && e.standing == "delivered"; }));
  }
}

TEST_CASE("what is refused of a record that has left the scope is in sight") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const Change theirs = county.pull_household(*store);
  REQUIRE(store->patch(theirs.id, R"({"note":"甲"})").ok());
  Outbox outbox(*store);
  const auto sent = *outbox.next_ops(10, 1 << 20);
  Change gone;
  gone.kind = "household";
  gone.id = theirs.id;
  gone.removed = true;
  std::int64_t version = kFirstVersion + 1;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(Inbox(*store).apply({kEpoch, {gone}, "c2", false}).ok());
  CHECK_FALSE(*store->get(theirs.id));
  // Who wanted that proven again would queue it so.
  lose(county, "UPDATE op SET status = 0, receipt = NULL");
  const auto again = county.open_again();
  Outbox other(*again);
  REQUIRE(other.settle(sent, {refused_as("scope")}, std::nullopt).ok());
  Filter refused;
  refused.delivery = Delivery::parked;
  CHECK(again->list(refused)->size() == 1);
}

TEST_CASE("an edit sent again gives way to a newer value of somebody else's, which it has not seen") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = county.pull_household(*store);
  REQUIRE(store->patch(theirs.id, R"({"address":"堤村 2 号","support":"低保"})").ok());
  REQUIRE(store->patch(theirs.id, R"({"note":"甲"})").ok());
  answer_all(county, *store, refused_as("scope"));
  theirs.version += 1;
  theirs.body = R"({"address":"堤村 3 号"})";
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c2", false}).ok());
  REQUIRE(store->resend(theirs.id).ok());
  const auto again = *Outbox(*store).next_ops(10, 1 << 20);
  REQUIRE_FALSE(again.empty());
  CHECK(Json::parse(again[0].canonical)["body"] == Json::parse(R"({"note":"甲","support":"低保"})"));
  const auto conflicts = *store->conflicts();
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].field == "/address");
  CHECK(conflicts[0].local == R"("堤村 2 号")");
  CHECK(conflicts[0].remote == R"("堤村 3 号")");
  const Record shown = **store->get(theirs.id);
  CHECK(Json::parse(shown.body) == Json::parse(R"({"address":"堤村 3 号","note":"甲","support":"低保"})"));
}

TEST_CASE("an edit that changed nothing empties no field of somebody else's when it is sent again") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  Change theirs = county.pull_household(*store);
  REQUIRE(store->patch(theirs.id, R"({"address":"堤村 1 号","phone":"13800000000"})").ok());
  Outbox outbox(*store);
  REQUIRE(outbox.settle(*outbox.next_ops(10, 1 << 20), {refused_as("rule")}, std::nullopt).ok());
  theirs.version += 1;
  theirs.body = R"({"note":"拆了"})";
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c2", false}).ok());
  REQUIRE(store->resend(theirs.id).ok());
  const auto ops = *outbox.next_ops(10, 1 << 20);
  REQUIRE(ops.size() == 1);
  CHECK(ops[0].canonical.find(R"("body":{"phone":"13800000000"})") != std::string::npos);
  CHECK(store->get(theirs.id)->value().body == R"({"note":"拆了","phone":"13800000000"})");
}

TEST_CASE("what is sent again names the records that it names") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const auto home = store->capture({"household", R"({"address":"堤村 1 号"})", {}, {}});
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  const auto person = store->capture({"person", Json{{"name", "测试"}, {"household", home->id}}.dump(), {}, {}});
  REQUIRE(person.ok());
  answer_all(county, *store, refused_as("bad-request"));
  REQUIRE(store->resend(person->id).ok());
  const auto again = *Outbox(*store).next_ops(10, 1 << 20);
  REQUIRE(again.size() == 1);
  CHECK(Json::parse(again[0].canonical)["refs"] == Json::array({home->id}));
}

TEST_CASE("a choice between two values is over when the record is gone, and can be put away") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = county.pull_household(*store);
  REQUIRE(store->patch(theirs.id, R"({"address":"堤村 2 号"})").ok());
  answer_all(county, *store, refused_as("scope"));
  theirs.version += 1;
  theirs.body = R"({"address":"堤村 3 号"})";
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c2", false}).ok());
  REQUIRE(store->resend(theirs.id).ok());
  REQUIRE(store->conflicts()->size() == 1);
  theirs.version += 1;
  theirs.deleted = true;
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c3", false}).ok());
  OpResult done;
  done.status = OpStatus::applied;
  done.version = theirs.version + 1;
  answer_all(county, *store, done);
  REQUIRE(store->get(theirs.id)->value().deleted);
  CHECK(store->resolve(theirs.id, "/address", R"("堤村 2 号")").ok());
  CHECK(store->conflicts()->empty());
}

TEST_CASE_METHOD(PhotoLeft, "a photo that failed often holds up no text where nobody answers, and goes after it") {
  const bool photo_failed = GENERATE(true, false);
  CAPTURE(photo_failed);
  if (!photo_failed) REQUIRE(store->act(saved.id, "withdraw", R"({"note":"已清理"})").ok());
  for (int time = 0; time < 12; ++time) {
    if (photo_failed) {
      REQUIRE(outbox.defer_photo(*parse_hash(saved.photos.at(0)), ErrorCode::server, 0).ok());
    } else {
      REQUIRE(outbox.defer(*outbox.next_ops(10, 1 << 20), ErrorCode::server, 0).ok());
    }
    county.clock.advance(limits::backoff_cap_ms);
  }
  if (photo_failed) REQUIRE(store->capture(incident()).ok());
  REQUIRE(outbox.next_ops(10, 1 << 20)->size() == 1);
  REQUIRE(outbox.defer_all(ErrorCode::offline, 0).ok());
  std::int64_t waited = 0;
  for (; outbox.next_ops(10, 1 << 20)->empty(); waited += 100) {
    CHECK(outbox.next_photos(1)->empty());
    county.clock.advance(100);
  }
  CHECK((waited <= limits::backoff_base_ms) == photo_failed);
}

TEST_CASE("what is held together goes again together") {
  County county;
  const auto store = county.phone();
  constexpr std::size_t kReports = 5;
  for (std::size_t i = 0; i < kReports; ++i) REQUIRE(store->capture({"visit", R"({"text":"走访"})", {}, {}}).ok());
  Outbox outbox(*store);
  const auto sent = *outbox.next_ops(10, 1 << 20);
  OpResult held;
  held.status = OpStatus::held;
  REQUIRE(outbox.settle(sent, std::vector<OpResult>(kReports, held), std::nullopt).ok());
  county.clock.advance(outbox.counts()->next_attempt_ms.value() - county.clock.now_ms());
  CHECK(outbox.next_ops(10, 1 << 20)->size() == kReports);
}
