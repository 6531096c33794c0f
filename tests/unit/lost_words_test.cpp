// A restore has taken words of the worker's from the county, which has shown the record as it was before: until the
// county has said what it holds they stand on the phone, and what is said meanwhile goes behind them.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/inbox.h>
#include <julu/limits.h>
#include <julu/outbox.h>

#include "base/json.h"
#include "county.h"
#include "domain/merge.h"
#include "store/core.h"
#include "store/own_words.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

/// A phone whose household the county has, and of which it backed up no more.
class BackedUp {
 protected:
  BackedUp() {
    county.publish_key(*store);
    id = store->capture({"household", backup.dump(), {}, {}}).value().id;
    deliver();
    backed_up_version = version - 1;
  }

  void deliver() { REQUIRE(county.apply_all(*store, version) > 0); }
  void edit(const char* patch) { REQUIRE(store->patch(id, patch).ok()); }

  Change row() const { return {"household", id, backed_up_version, false, false, backup.dump(), {}, {}, {}}; }

  void restore() {
    version = (kEpoch + 1) << 32;
    REQUIRE(Outbox(*store).note_ping({kEpoch + 1, county.clock.now_ms(), 0}).ok());
    REQUIRE(Inbox(*store).apply({kEpoch + 1, {}, "a", false}).ok());
    REQUIRE(Inbox(*store).apply({kEpoch + 1, {row()}, "b", false}).ok());
  }

  /// The county holds none of today but the creation.
  void reconciled() {
    constexpr std::int64_t kDayMs = 86'400'000;
    const std::int64_t day = county.clock.now_ms() / kDayMs;
    const Id creation = parse_id(store->history(id)->front().op_id).value();
    REQUIRE(Outbox(*store).reconcile({{day, {creation}}, {day + 1, {creation}}}).ok());
  }

  std::vector<OutgoingOp> due() { return Outbox(*store).next_ops(20, 1 << 20).value(); }
  Json shown() { return Json::parse((*store->get(id))->body); }
  static Json said(const OutgoingOp& op) { return Json::parse(op.canonical)["body"]; }

  const Json backup{{"address", "堤村 1 号"}};
  County county;
  std::unique_ptr<Store> store = county.phone();
  std::string id;
  std::int64_t version = kFirstVersion;
  std::int64_t backed_up_version = 0;
};

}  // namespace

TEST_CASE_METHOD(BackedUp, "what the worker said stays on the screen while a restored county is asked for it",
                 "[lost]") {
  edit(R"({"note":"甲"})");
  deliver();
  restore();
  CHECK(shown()["note"] == "甲");
  reconciled();
  CHECK(shown()["note"] == "甲");
  deliver();
  CHECK(shown()["note"] == "甲");
}

TEST_CASE_METHOD(BackedUp, "a record that the worker deleted does not come back with a restore", "[lost]") {
  REQUIRE(store->remove(id).ok());
  deliver();
  restore();
  const auto edited = store->patch(id, R"({"note":"甲"})");
  REQUIRE_FALSE(edited.ok());
  CHECK(edited.error().code == ErrorCode::record_deleted);
  reconciled();
  const auto again = due();
  REQUIRE(again.size() == 1);
  CHECK(again[0].verb == Verb::remove);
}

TEST_CASE_METHOD(BackedUp, "an edit stands behind what a restore took, which goes again before the county is asked",
                 "[lost]") {
  edit(R"({"note":"甲"})");
  edit(R"({"note":"乙"})");
  deliver();
  restore();
  edit(R"({"note":"丙"})");
  REQUIRE(due().size() == 1);
  REQUIRE(Outbox(*store).settle(due(), {answer_of(OpStatus::held, "after-unknown")}, std::nullopt).ok());
  const auto again = due();
  REQUIRE(again.size() == 1);  // what was held waits a little
  CHECK(said(again[0]) == Json{{"note", "乙"}});
  REQUIRE(Outbox(*store).settle(again, {answer_of(OpStatus::held, "after-unknown")}, std::nullopt).ok());
  REQUIRE(due().size() == 1);
  CHECK(said(due()[0]) == Json{{"note", "甲"}});
  county.clock.advance(limits::backoff_cap_ms);
  CHECK(due().size() == 3);
  deliver();
  CHECK(store->conflicts()->empty());
  CHECK(shown()["note"] == "丙");
}

TEST_CASE_METHOD(BackedUp, "an edit that is made again stands behind the worker's earlier ones that are still to come",
                 "[lost]") {
  edit(R"({"note":"甲"})");
  deliver();
  restore();
  reconciled();  // the first goes again, and gets no answer yet
  edit(R"({"note":"乙"})");
  const auto sent = due();
  REQUIRE(sent.size() == 2);
  OpResult stale = answer_of(OpStatus::stale);
  stale.current = row();
  REQUIRE(Outbox(*store).settle(sent, {answer_of(OpStatus::retry, "busy"), stale}, std::nullopt).ok());
  CHECK(store->conflicts()->empty());
  county.clock.advance(limits::backoff_cap_ms);
  const auto again = due();
  REQUIRE(again.size() == 2);
  CHECK(said(again[1]) == Json{{"note", "乙"}});
  CHECK(Json::parse(again[1].canonical)["after"] == again[0].op_id.text());
}

namespace {

/// Ops of one record as a phone has them after many makings.
class Makings {
 protected:
  void add(std::int64_t place, int status, const char* said, const char* made_on,
           std::optional<std::int64_t> successor = {}) {
    store::OpRow op;
    op.seq = static_cast<std::int64_t>(ops.size()) + 1;
    op.place = place;
    op.verb = Verb::patch;
    op.status = status;
    op.canonical = R"({"body":)" + std::string(said) + "}";
    op.base_values = made_on;
    op.successor = successor;
    if (status == store::kStatusReceipted) op.version = kFirstVersion + op.seq;
    ops.push_back(op);
  }

  /// On what the county has in its first epoch, where all receipts are from.
  Merged merged(std::size_t index, const Json& running) {
    return store::OwnWords(ops, kFirstVersion + 100, kEpoch).merged(ops[index], running, Json::object(), nullptr);
  }
  Json first_says() {
    std::stable_sort(ops.begin(), ops.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
    return store::OwnWords(ops, 0, kEpoch).still_said(ops[0]);
  }

  std::vector<store::OpRow> ops;
};

}  // namespace

TEST_CASE_METHOD(Makings, "a word has not given way where the worker's next one goes over it", "[lost]") {
  add(1, store::kStatusQueued, R"({"note":null})", R"({"note":"甲"})");  // as it stood when all went again
  add(2, store::kStatusMadeAgain, R"({"note":"乙"})", R"({"note":"甲"})", 4);
  add(3, store::kStatusMadeAgain, R"({"note":null})", R"({"note":"乙"})", 5);
  add(2, store::kStatusQueued, "{}", "{}");
  add(3, store::kStatusQueued, "{}", "{}");
  add(6, store::kStatusQueued, R"({"note":"丙"})", "{}");
  CHECK(first_says() == Json{{"note", nullptr}});
}

TEST_CASE_METHOD(Makings,
                 "nor does what was taken away with what it stands in where a later one has put it there again",
                 "[lost]") {
  add(1, store::kStatusQueued, R"({"house":{"rooms":5}})", R"({"house":{"rooms":8}})");
  add(2, store::kStatusMadeAgain, R"({"house":null})", R"({"house":{"rooms":8}})", 4);
  add(3, store::kStatusMadeAgain, R"({"house":{"rooms":5}})", "{}", 5);
  add(2, store::kStatusQueued, "{}", "{}");
  add(3, store::kStatusQueued, "{}", "{}");
  add(6, store::kStatusQueued, R"({"house":{"rooms":6}})", R"({"house":{"rooms":5}})");
  CHECK(first_says() == Json{{"house", {{"rooms", 5}}}});
}

TEST_CASE_METHOD(Makings, "what the county had before words of the worker's that it has lost is nobody else's word",
                 "[lost]") {
  const bool taken = GENERATE(false, true);
  add(1, taken ? store::kStatusReceipted : store::kStatusQueued, R"({"note":"乙"})", R"({"note":"甲"})");
  add(2, store::kStatusQueued, R"({"note":"丙"})", R"({"note":"乙"})");
  const Merged made = merged(1, {{"note", "甲"}});
  CHECK(made.conflicts.size() == (taken ? 1 : 0));  // whoever put it back there meant it
  CHECK(made.patch == (taken ? Json::object() : Json{{"note", "丙"}}));
}

TEST_CASE_METHOD(Makings, "what the worker put into an object after taking it away whole does not keep the rest of it",
                 "[lost]") {
  add(1, store::kStatusQueued, R"({"house":null})", R"({"house":{"rooms":8}})");
  add(2, store::kStatusQueued, R"({"house":{"structure":"砖混"}})", "{}");
  const Json both{{"house", {{"rooms", 8}, {"structure", "砖混"}}}};
  CHECK(merged(0, both).conflicts.empty());
  CHECK(merged(0, both).patch == Json{{"house", {{"rooms", nullptr}}}});
  CHECK(merged(0, {{"house", {{"rooms", 8}, {"structure", "土木"}}}}).conflicts.size() == 1);
}

TEST_CASE_METHOD(Makings, "nor do their own words in it that the county has lost", "[lost]") {
  add(1, store::kStatusQueued, R"({"house":{"rooms":8}})", R"({"house":{"rooms":5}})");
  add(2, store::kStatusQueued, R"({"house":null})", R"({"house":{"rooms":8}})");
  add(3, store::kStatusQueued, R"({"house":{"rooms":6}})", "{}");
  const Json before{{"house", {{"rooms", 5}}}};
  CHECK(merged(1, before).conflicts.empty());
  CHECK(merged(1, before).patch == Json{{"house", nullptr}});
  CHECK(merged(2, before).conflicts.empty());
  CHECK(merged(2, before).patch == Json{{"house", {{"rooms", 6}}}});
  CHECK(merged(1, {{"house", {{"rooms", 7}}}}).conflicts.size() == 1);
}

TEST_CASE_METHOD(Makings,
                 "an edit saw the ones that it stands behind, and what somebody puts back after them is a word",
                 "[lost]") {
  add(1, store::kStatusReceipted, R"({"note":"乙"})", R"({"note":"甲"})");
  add(2, store::kStatusReceipted, R"({"note":"甲"})", R"({"note":"乙"})");
  add(3, store::kStatusQueued, R"({"note":"丙"})", R"({"note":"甲"})");
  ops[0].base_version = kFirstVersion;
  ops[1].after = 1;
  ops[2].after = 2;
  CHECK(merged(2, {{"note", "乙"}}).conflicts.size() == 1);
}

TEST_CASE_METHOD(Makings, "what was closed by an operation that damage took may be at the county", "[lost]") {
  constexpr std::int64_t kLost = 0;
  add(1, store::kStatusGivenUp, R"({"note":"乙"})", R"({"note":"甲"})", kLost);
  add(2, store::kStatusQueued, R"({"note":"丙"})", R"({"note":"乙"})");
  CHECK(merged(1, {{"note", "甲"}}).conflicts.size() == 1);
}

TEST_CASE_METHOD(BackedUp, "what is sent again behind a creation says nothing that others have said", "[lost]") {
  store = county.phone("W-0413");
  county.publish_key(*store);
  id = store->capture({"household", backup.dump(), {}, {}}).value().id;
  // The county takes it, the reply is lost, and somebody adds to it.
  const Json theirs{{"address", "堤村 1 号"}, {"note", "丁"}, {"support", "丁"}};
  const Change shown{"household", id, version + 1, false, false, theirs.dump(), {}, {}, {}};
  REQUIRE(Inbox(*store).apply({kEpoch, {shown}, "c", false}).ok());
  edit(R"({"support":"甲"})");
  const auto sent = due();
  REQUIRE(sent.size() == 2);
  REQUIRE(Outbox(*store)
              .settle(sent, {answer_of(OpStatus::retry, "busy"), answer_of(OpStatus::rejected, "scope")}, std::nullopt)
              .ok());
  REQUIRE(store->resend(id).ok());
  CHECK(store->conflicts()->empty());
  REQUIRE(Outbox(*store).due_now().ok());
  const auto again = due();
  REQUIRE(again.size() == 2);
  CHECK(said(again[1]) == Json{{"support", "甲"}});
}

TEST_CASE_METHOD(BackedUp, "an object that was taken away and added to comes back with no restore", "[lost]") {
  edit(R"({"house":{"structure":"甲","rooms":3}})");
  deliver();
  edit(R"({"house":null})");
  edit(R"({"house":{"rooms":4}})");
  deliver();
  const auto history = store->history(id).value();
  std::vector<Id> held;  // of the house it knows what stood there first
  for (std::size_t i = 0; i < 2; ++i) held.push_back(parse_id(history[i].op_id).value());
  version = (kEpoch + 1) << 32;
  REQUIRE(Outbox(*store).note_ping({kEpoch + 1, county.clock.now_ms(), 0}).ok());
  constexpr std::int64_t kDayMs = 86'400'000;
  const std::int64_t day = county.clock.now_ms() / kDayMs;
  REQUIRE(Outbox(*store).reconcile({{day, held}, {day + 1, held}}).ok());
  const auto lost = due();
  REQUIRE(lost.size() == 2);
  const std::vector<OpResult> refused{answer_of(OpStatus::rejected, "scope"),
                                      answer_of(OpStatus::held, "after-unknown")};
  REQUIRE(Outbox(*store).settle(lost, refused, std::nullopt).ok());
  REQUIRE(store->resend(id).ok());
  REQUIRE(due().size() == 2);
  CHECK(said(due()[0])["house"] == Json{{"structure", nullptr}, {"rooms", 4}});
}
