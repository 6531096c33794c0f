// A restore has taken words of the worker's from the county, which has shown the record as it was before: until the
// county has said what it holds they stand on the phone, and what is said meanwhile goes behind them.
#include <catch2/catch_test_macros.hpp>

#include <julu/inbox.h>
#include <julu/limits.h>
#include <julu/outbox.h>

#include "base/json.h"
#include "county.h"

using namespace julu;
using namespace julu::test;

namespace {

OpResult answer_of(OpStatus status, const char* type = "") {
  OpResult result;
  result.status = status;
  result.problem = {type, {}, {}, {}};
  return result;
}

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
