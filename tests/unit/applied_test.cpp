// Edits that the county has taken unheard, or has from elsewhere, when they are made again: none goes over what others
// have said since, none is lost with a restore, and none waits for ever.
#include <catch2/catch_test_macros.hpp>

#include <julu/outbox.h>

#include "base/json.h"
#include "county.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

/// A phone whose household the county has. A gateway refuses what the county has taken, in the platform's name.
class TakenUnheard {
 protected:
  TakenUnheard() {
    county.publish_key(*store);
    id = store->capture({"household", body.dump(), {}, {}}).value().id;
    REQUIRE(county.apply_all(*store, version) == 1);
  }

  void edit(const Json& patch) { REQUIRE(store->patch(id, patch.dump()).ok()); }

  std::vector<OutgoingOp> due() {
    REQUIRE(Outbox(*store).due_now().ok());
    return Outbox(*store).next_ops(10, 1 << 20).value();
  }

  void settle(const std::vector<OpResult>& results, std::int64_t epoch = kEpoch) {
    REQUIRE(Outbox(*store).settle(due(), results, std::nullopt, std::nullopt, epoch).ok());
  }

  /// What is due, as it goes for the first time; the county takes it, and the worker sends it again.
  std::vector<OutgoingOp> refused() {
    const auto first = due();
    std::vector<OpResult> results(first.size(), answer_of(OpStatus::held, "after-unknown"));
    results[0] = answer_of(OpStatus::rejected, "scope");
    settle(results);
    REQUIRE(store->resend(id).ok());
    REQUIRE(due().size() == first.size());
    return first;
  }

  OpResult stale(const Json& now, std::vector<Id> applied, bool deleted = false) {
    OpResult result = answer_of(OpStatus::stale);
    result.current = Change{"household", id, version, deleted, false, now.dump(), {}, {}, {}};
    result.applied = std::move(applied);
    return result;
  }

  Json with(const Json& patch) const { return apply_merge_patch(body, patch); }
  static Json said(const OutgoingOp& op) { return Json::parse(op.canonical)["body"]; }

  const Json body{{"address", "堤村 1 号"}, {"support", "甲"}, {"tags", {"t"}}};
  County county;
  std::unique_ptr<Store> store = county.phone();
  std::string id;
  std::int64_t version = kFirstVersion;
};

}  // namespace

TEST_CASE_METHOD(TakenUnheard, "what somebody has put back over an edit that the county had taken stays", "[applied]") {
  edit({{"support", "乙"}});
  SECTION("of one edit") {
    const Id first = refused()[0].op_id;
    ++version;
    settle({stale(body, {first})});
  }
  SECTION("of which another carried the word when it was sent again") {
    edit({{"address", "堤村 2 号"}});
    edit({{"support", "丙"}});
    const auto first = refused();
    ++version;
    const Json now = with({{"address", "堤村 2 号"}});
    settle({stale(now, {first[0].op_id}), stale(now, {first[1].op_id}), stale(now, {first[2].op_id})});
  }
  for (const OutgoingOp& op : due()) CHECK(Json::parse(op.canonical).value("replaces", Json::array()).empty());
  CHECK(store->conflicts()->empty());
  CHECK(store->status()->parked_ops == 0);
}

TEST_CASE_METHOD(TakenUnheard, "an edit that carries a later word is asked about where its own word was put back",
                 "[applied]") {
  edit({{"support", "乙"}});
  edit({{"support", "丙"}});
  const Id first = refused()[0].op_id;  // the second the county has not
  ++version;
  settle({stale(body, {first}), answer_of(OpStatus::held, "after-unknown")});
  const auto asked = store->conflicts().value();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].field == "/support");
}

TEST_CASE_METHOD(TakenUnheard, "edits and a removal that the county had taken are not asked for twice", "[applied]") {
  edit({{"support", "乙"}});
  SECTION("one") {}
  SECTION("two") { edit({{"address", "堤村 2 号"}}); }
  REQUIRE(store->remove(id).ok());
  const auto first = refused();
  ++version;
  std::vector<OpResult> results;
  for (const OutgoingOp& op : first) results.push_back(stale(with({{"support", "乙"}}), {op.op_id}, true));
  settle(results);
  const auto again = due();
  REQUIRE(again.size() == first.size());
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(again[i].op_id == first[i].op_id);
  CHECK(store->status()->parked_ops == 0);
}

TEST_CASE_METHOD(TakenUnheard, "what was taken and waits for its receipt is not said once more", "[applied]") {
  edit({{"support", "乙"}});
  const Id first = refused()[0].op_id;
  edit({{"note", "丁"}});
  ++version;
  settle({stale(with({{"support", "乙"}}), {first}), answer_of(OpStatus::held, "after-unknown")});
  ++version;
  const auto sent = due();  // the first making again, and the second edit
  REQUIRE(sent.size() == 2);
  settle({answer_of(OpStatus::retry, "busy"), stale(with({{"support", "戊"}}), {})});
  CHECK(store->conflicts()->empty());
  const auto again = due();
  REQUIRE(again.size() == 2);
  CHECK(again[0].op_id == first);
  CHECK(said(again[1]) == Json{{"note", "丁"}});
}

TEST_CASE_METHOD(TakenUnheard, "what the county has already is said all the same: a restore may take it from there",
                 "[applied]") {
  const std::int64_t backed_up = version;
  const Json all{{"support", nullptr}, {"note", "乙"}, {"tags", {"t", "b", "a"}}};
  edit({{"support", nullptr}, {"note", "乙"}, {"tags", {"t", "a"}}});
  ++version;
  settle({stale(with(all), {})});  // of a making that it does not name, and a set to which others have added
  REQUIRE(due().size() == 1);
  CHECK(said(due()[0]) == all);
  SECTION("made again once more before that") {
    ++version;
    Json there = all;
    there["other"] = "丁";
    settle({stale(with(there), {})});
    REQUIRE(due().size() == 1);
    CHECK(said(due()[0]) == all);
  }
  SECTION("at once") {}
  SECTION("or others change it first") {
    ++version;
    settle({stale(body, {})});
    REQUIRE(due().size() == 1);
    CHECK(said(due()[0]) == Json::object());
    return;
  }
  const Id before = due()[0].op_id;
  version = backed_up;
  REQUIRE(Outbox(*store).note_ping({kEpoch + 1, county.clock.now_ms(), 0}).ok());
  REQUIRE(Outbox(*store).reconcile({}).ok());  // nothing of this phone's is lost but what it does not know
  settle({stale(body, {})}, kEpoch + 1);
  REQUIRE(due().size() == 1);
  CHECK(due()[0].op_id != before);
  CHECK(said(due()[0]) == all);
  CHECK(store->conflicts()->empty());
}
