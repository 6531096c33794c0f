// After the platform was restored from a backup: what it lost comes back by itself, nothing that still stands is asked
// of a person, and what comes from the copy before is not believed.
#include <algorithm>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/inbox.h>
#include <julu/limits.h>
#include <julu/outbox.h>

#include "base/json.h"
#include "scripted_county.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr std::int64_t kDayMs = 86'400'000;

PingFacts ping_of(County& county, std::int64_t epoch) { return {epoch, county.clock.now_ms(), 0}; }

/// The platform holds nothing of today but `held`.
std::int64_t reconciled(County& county, Outbox& outbox, const std::vector<Id>& held = {}) {
  const std::int64_t day = county.clock.now_ms() / kDayMs;
  return outbox.reconcile({{day, held}, {day + 1, held}}).value();
}

std::string household(Store& store) {
  return store.capture({"household", R"({"address":"堤村 1 号"})", {}, {}}).value().id;
}

/// A phone whose household the county has.
class Delivered {
 protected:
  Delivered() {
    county.publish_key(*store);
    id = household(*store);
    REQUIRE(county.apply_all(*store, version) == 1);
  }

  County county;
  std::unique_ptr<Store> store = county.phone();
  std::string id;
  std::int64_t version = kFirstVersion;
};

}  // namespace

TEST_CASE_METHOD(Delivered,
                 "an edit of a record that a restore may have taken waits until the platform has said what it holds") {
  Outbox outbox(*store);
  REQUIRE(outbox.note_ping(ping_of(county, kEpoch + 1)).ok());
  REQUIRE(store->patch(id, R"({"note":"甲"})").ok());
  answer_all(county, *store, answer_of(OpStatus::rejected, "not-found"));
  CHECK(store->status()->parked_ops == 0);
  CHECK(store->status()->unsent_records == 1);

  REQUIRE(reconciled(county, outbox) == 1);
  REQUIRE(outbox.due_now().ok());
  CHECK(verbs_due(*store) == std::vector<Verb>{Verb::create, Verb::patch});
}

TEST_CASE_METHOD(Delivered,
                 "an edit of a record that a restore took waits also when this very reply is the first to tell of it") {
  REQUIRE(store->patch(id, R"({"note":"甲"})").ok());
  Outbox outbox(*store);
  const auto sent = *outbox.next_ops(10, 1 << 20);
  const OpResult refused = answer_of(OpStatus::rejected, "not-found");
  SECTION("by its epoch") { REQUIRE(outbox.settle(sent, {refused}, std::nullopt, std::nullopt, kEpoch + 1).ok()); }
  SECTION("by what it holds") { REQUIRE(outbox.settle(sent, {refused}, std::nullopt, 0, kEpoch).ok()); }
  CHECK(store->status()->parked_ops == 0);
  CHECK(store->status()->confirming);
}

TEST_CASE_METHOD(Delivered, "who follows the changes is told that a delivery is being confirmed, and that it is") {
  Outbox outbox(*store);
  std::int64_t token = store->changes_since(0)->token;
  const auto told_of = [&] {
    const Changes changes = store->changes_since(token).value();
    token = changes.token;
    return changes.records;
  };
  REQUIRE(outbox.note_ping(ping_of(county, kEpoch + 1)).ok());
  CHECK((*store->get(id))->delivery == Delivery::confirming);
  CHECK(told_of() == std::vector<std::string>{id});
  const Id creation = parse_id(store->history(id)->front().op_id).value();
  REQUIRE(reconciled(county, outbox, {creation}) == 0);
  CHECK((*store->get(id))->delivery == Delivery::delivered);
  CHECK(told_of() == std::vector<std::string>{id});
}

TEST_CASE_METHOD(Delivered,
                 "a platform that was restored is told how far the phone's chain of what it has signed for goes") {
  REQUIRE(store->patch(id, R"({"note":"甲"})").ok());
  const auto head = Outbox(*store).reckoning()->head;
  REQUIRE(head.has_value());
  CHECK(head->seq == 1);
  const Hash creation = parse_hash(store->history(id)->front().hash).value();
  CHECK(head->link == next_link(first_link(store->identity().device), creation));
}

TEST_CASE_METHOD(Delivered, "what the platform knows no more once it has said what it holds is for a person") {
  REQUIRE(store->patch(id, R"({"note":"甲"})").ok());
  answer_all(county, *store, answer_of(OpStatus::rejected, "not-found"));
  CHECK(store->status()->parked_ops == 1);
}

TEST_CASE_METHOD(Delivered, "an earlier word of the worker's that a restore took does not go over the later one") {
  REQUIRE(store->patch(id, R"({"note":"甲","support":"丙"})").ok());
  Outbox outbox(*store);
  const Id earlier = outbox.next_ops(10, 1 << 20)->front().op_id;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->patch(id, R"({"note":"乙"})").ok());
  const Id later = outbox.next_ops(10, 1 << 20)->front().op_id;
  REQUIRE(county.apply_all(*store, version) == 1);

  const Id creation = [&] {
    const auto history = store->history(id).value();
    return parse_id(history.front().op_id).value();
  }();
  REQUIRE(reconciled(county, outbox, {creation, later}) == 1);
  const auto again = *outbox.next_ops(10, 1 << 20);
  REQUIRE(again.size() == 1);
  CHECK(again[0].op_id == earlier);
  OpResult stale = answer_of(OpStatus::stale);
  stale.current =
      Change{"household", id, version + 1, false, false, R"({"address":"堤村 1 号","note":"乙"})", {}, {}, {}};
  REQUIRE(outbox.settle(again, {stale}, std::nullopt).ok());
  const auto made = *outbox.next_ops(10, 1 << 20);
  REQUIRE(made.size() == 1);
  CHECK(made[0].canonical.find(R"("body":{"support":"丙"})") != std::string::npos);
  CHECK((*store->get(id))->body == R"({"address":"堤村 1 号","note":"乙","support":"丙"})");
}

TEST_CASE_METHOD(Delivered, "a word after the later one still goes when the earlier one gives way to that") {
  REQUIRE(store->patch(id, R"({"support":"甲"})").ok());
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->patch(id, R"({"support":"乙"})").ok());
  Outbox outbox(*store);
  const Id later = outbox.next_ops(10, 1 << 20)->front().op_id;
  REQUIRE(county.apply_all(*store, version) == 1);
  const Id creation = parse_id(store->history(id)->front().op_id).value();
  REQUIRE(reconciled(county, outbox, {creation, later}) == 1);
  answer_all(county, *store, answer_of(OpStatus::rejected, "bad-request"));
  REQUIRE(store->patch(id, R"({"support":"丙"})").ok());
  REQUIRE(store->resend(id).ok());

  const auto again = *outbox.next_ops(10, 1 << 20);
  REQUIRE(again.size() == 2);
  OpResult stale = answer_of(OpStatus::stale);
  stale.current =
      Change{"household", id, version + 1, false, false, R"({"address":"堤村 1 号","support":"乙"})", {}, {}, {}};
  SECTION("and goes over nothing else") {
    REQUIRE(outbox.settle(again, {stale, answer_of(OpStatus::held, "after-unknown")}, std::nullopt).ok());
    CHECK((*store->get(id))->body == R"({"address":"堤村 1 号","support":"丙"})");
    const auto made = *outbox.next_ops(10, 1 << 20);
    REQUIRE(made.size() == 2);
    CHECK(made[0].canonical.find(R"("body":{"support":"丙"})") != std::string::npos);
    CHECK(store->conflicts()->empty());
  }
  SECTION("but asks where somebody else has spoken meanwhile") {
    stale.current->body = R"({"address":"堤村 1 号","support":"丁"})";
    REQUIRE(outbox.settle(again, {stale, answer_of(OpStatus::held, "after-unknown")}, std::nullopt).ok());
    CHECK(store->conflicts()->size() == 1);
  }
}

TEST_CASE("what was receipted meanwhile is not refused by an older reply") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const std::string id = household(*store);
  Outbox outbox(*store);
  const auto sent = *outbox.next_ops(10, 1 << 20);
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(outbox.settle(sent, {answer_of(OpStatus::rejected, "scope")}, std::nullopt).ok());
  CHECK((*store->get(id))->delivery == Delivery::delivered);
}

TEST_CASE_METHOD(Delivered, "a deletion that was refused is among what waits for a person") {
  REQUIRE(store->remove(id).ok());
  answer_all(county, *store, answer_of(OpStatus::rejected, "scope"));
  Filter refused;
  refused.delivery = Delivery::parked;
  REQUIRE(store->list(refused)->size() == 1);
  CHECK(store->list(refused)->front().deleted);
}

TEST_CASE_METHOD(Delivered, "deleting what somebody else has deleted asks nobody") {
  REQUIRE(store->remove(id).ok());
  OpResult stale = answer_of(OpStatus::stale);
  stale.current = Change{"household", id, version + 1, true, false, R"({"address":"堤村 1 号"})", {}, {}, {}};
  answer_all(county, *store, stale);
  CHECK(store->status()->parked_ops == 0);
  CHECK(store->status()->unsent_records == 0);
  CHECK(verbs_due(*store).empty());
}

TEST_CASE("a record delivered while everything is pulled anew stays, also when the pull does not know it yet") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Inbox inbox(*store);
  REQUIRE(inbox.restart().ok());
  const std::string id = household(*store);
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(inbox.apply({kEpoch, {}, "c2", false}).ok());
  CHECK(store->get(id)->has_value());
  REQUIRE(inbox.restart().ok());
  REQUIRE(inbox.apply({kEpoch, {}, "c3", false}).ok());
  CHECK_FALSE(store->get(id)->has_value());
}

TEST_CASE("a receipt key that was revoked stays so, though the platform has forgotten it") {
  County county;
  const auto store = county.phone();
  const auto pull = [&](Change row, std::int64_t epoch, const std::string& cursor) {
    row.version += epoch << 32;
    REQUIRE(Inbox(*store).restart().ok());
    REQUIRE(Inbox(*store).apply({epoch, {std::move(row)}, cursor, false}).ok());
  };
  pull(county.receipt_key_row(5), kEpoch, "c1");
  pull(county.receipt_key_row(), kEpoch + 1, "c2");
  household(*store);
  Outbox outbox(*store);
  const auto sent = *outbox.next_ops(10, 1 << 20);
  OpResult applied = answer_of(OpStatus::applied);
  applied.version = kFirstVersion + 9;
  const Receipt receipt = county.sign(store->identity().device, sent, {applied}, kEpoch + 1);
  const auto settled = outbox.settle(sent, {applied}, receipt);
  REQUIRE_FALSE(settled.ok());
  CHECK(settled.error().code == ErrorCode::receipt_invalid);
}

TEST_CASE_METHOD(Delivered,
                 "what a key vouched for after it was in other hands is not delivered until another vouches for it") {
  const auto revoke = [&](std::int64_t at_ms, std::int64_t number) {
    Change row = county.receipt_key_row(at_ms);
    row.version += number;
    REQUIRE(Inbox(*store).apply({kEpoch, {std::move(row)}, "c" + std::to_string(number), false}).ok());
  };
  revoke(1'795'500'001'001, 2);  // the receipt is from before
  CHECK((*store->get(id))->delivery == Delivery::delivered);
  revoke(1'795'500'001'000, 3);
  CHECK((*store->get(id))->delivery != Delivery::delivered);
  CHECK(verbs_due(*store) == std::vector<Verb>{Verb::create});
}

TEST_CASE_METHOD(Delivered,
                 "an edit that is to be proven again does not go over what somebody else has written since") {
  const char* theirs = R"({"address":"堤村 2 号"})";
  Change row = county.receipt_key_row(1'795'500'001'000);
  row.version += 9;
  const Change changed{"household", id, version + 1, false, false, theirs, {}, {}, {}};
  REQUIRE(Inbox(*store).apply({kEpoch, {changed}, "c2", false}).ok());
  REQUIRE(Inbox(*store).apply({kEpoch, {row}, "c3", false}).ok());
  CHECK((*store->get(id))->delivery != Delivery::delivered);
  CHECK((*store->get(id))->body == theirs);
}

TEST_CASE("a row of a receipt key that nobody vouches for revokes nothing, and none takes a revocation away") {
  County county;
  const auto store = county.phone();
  std::int64_t number = 0;
  const auto pull = [&](Change row) {
    row.version += ++number;
    REQUIRE(Inbox(*store).apply({kEpoch, {std::move(row)}, "c" + std::to_string(number), false}).ok());
  };
  Change forged = county.receipt_key_row(5);
  forged.body.replace(forged.body.find("\"revoked_at_ms\":5"), 17, "\"revoked_at_ms\":4");
  pull(forged);
  CHECK_FALSE(Inbox(*store).has_receipt_keys().value());
  pull(county.receipt_key_row());
  CHECK(Inbox(*store).has_receipt_keys().value());
  pull(county.receipt_key_row(5));
  Change gone = county.receipt_key_row(5);
  gone.deleted = true;
  pull(gone);
  pull(county.receipt_key_row());
  household(*store);
  std::int64_t version = kFirstVersion;
  CHECK_THROWS(county.apply_all(*store, version));  // receipt_invalid
}

TEST_CASE("a copy of the platform from before the restore is not believed") {
  ScriptedCounty c;
  const std::string id = c.report("村东头排水沟堵了");
  REQUIRE(c.run().end == SyncEnd::all_delivered);
  c.report("路灯坏了");
  REQUIRE(Outbox(*c.store).note_ping(ping_of(c.county, kEpoch + 1)).ok());
  const SyncOutcome outcome = c.run();  // of the first epoch still
  CHECK(outcome.end == SyncEnd::left);
  REQUIRE(outcome.failure.has_value());
  CHECK(outcome.failure->code == ErrorCode::bad_reply);
  CHECK(outcome.failure->field == "/epoch");
  CHECK(c.applied.size() == 1);

  // Only what it says it holds comes from there.
  c.county.clock.advance(limits::reconcile_spread_ms);
  c.after = [](const Request& request, Response response) -> std::optional<Response> {
    const auto at = response.body.find(R"("epoch":1)");
    if (at != std::string::npos) response.body[at + 8] = '2';
    static_cast<void>(request);
    return response;
  };
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (request.url.find("/v1/reconcile") == std::string::npos) return std::nullopt;
    Response response;
    response.status = 200;
    response.headers = {{"Content-Type", "application/json"}};
    response.body = R"({"differ":[],"epoch":1})";
    return response;
  };
  c.run();
  CHECK(c.store->status()->confirming);
  CHECK((*c.store->get(id))->delivery == Delivery::confirming);
}

TEST_CASE("an edit that a restore took and that is there again is shown, and not what had been written over it") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Change theirs = county.pull_household(*store);
  REQUIRE(store->patch(theirs.id, R"({"note":"甲"})").ok());
  std::int64_t version = theirs.version;
  REQUIRE(county.apply_all(*store, version) == 1);
  theirs.version = version + 1;
  theirs.body = R"({"note":"乙"})";
  REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c2", false}).ok());
  REQUIRE((*store->get(theirs.id))->body == R"({"note":"乙"})");
  Outbox outbox(*store);
  REQUIRE(outbox.note_ping(ping_of(county, kEpoch + 1)).ok());
  REQUIRE(reconciled(county, outbox) == 1);
  CHECK((*store->get(theirs.id))->body == R"({"note":"甲"})");
  const auto again = *outbox.next_ops(10, 1 << 20);
  OpResult applied = answer_of(OpStatus::applied);
  applied.version = ((kEpoch + 1) << 32) + 1;
  const Receipt receipt = county.sign(store->identity().device, again, {applied}, kEpoch + 1);
  REQUIRE(outbox.settle(again, {applied}, receipt).ok());
  CHECK((*store->get(theirs.id))->body == R"({"note":"甲"})");
}

TEST_CASE("a photo that a restore took from one of its two places is shown in the other alone") {
  County county;
  const auto store = county.phone();
  Change theirs = county.pull_household(*store);
  const Hash photo = sha256("a photo");
  const auto pull = [&](std::int64_t epoch, const std::vector<const char*>& roles) {
    theirs.version = (epoch << 32) + 1;
    theirs.photos.clear();
    for (const char* role : roles) theirs.photos.push_back({photo, 7, role, std::nullopt});
    const PulledPage page{epoch, {theirs}, "c" + std::to_string(epoch), false};
    REQUIRE(Inbox(*store).apply(page)->restart);  // so it begins anew
    REQUIRE(Inbox(*store).apply(page).ok());
    std::vector<std::string> shown;
    const auto record = store->get(theirs.id).value();
    for (const RecordPhoto& one : record->photos) shown.push_back(one.role);
    return shown;
  };
  CHECK(pull(kEpoch + 1, {"near", "reference"}) == std::vector<std::string>{"near", "reference"});
  CHECK(pull(kEpoch + 2, {"near"}) == std::vector<std::string>{"near"});
}

TEST_CASE("what a restore took of a record is not shown, though an edit of ours was taken before the county told so") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Inbox inbox(*store);
  Change theirs = county.pull_household(*store);
  theirs.photos.push_back({sha256("a photo"), 7, "door", std::nullopt});
  ++theirs.version;
  REQUIRE(inbox.apply({kEpoch, {theirs}, "c2", false}).ok());
  REQUIRE((*store->get(theirs.id))->photos.size() == 1);
  Outbox outbox(*store);
  REQUIRE(outbox.note_ping(ping_of(county, kEpoch + 1)).ok());
  REQUIRE(store->patch(theirs.id, R"({"note":"甲"})").ok());
  const auto sent = *outbox.next_ops(10, 1 << 20);
  OpResult applied = answer_of(OpStatus::applied);
  applied.version = ((kEpoch + 1) << 32) + 1;
  const Receipt receipt = county.sign(store->identity().device, sent, {applied}, kEpoch + 1);
  REQUIRE(outbox.settle(sent, {applied}, receipt, 1, kEpoch + 1).ok());
  CHECK((*store->get(theirs.id))->photos.size() == 1);

  theirs.version = applied.version;
  theirs.photos.clear();
  const PulledPage page{kEpoch + 1, {theirs}, "d1", false};
  REQUIRE(inbox.apply(page)->restart);
  REQUIRE(inbox.apply(page).ok());
  CHECK((*store->get(theirs.id))->photos.empty());
}

TEST_CASE_METHOD(Delivered,
                 "what another copy of the phone has brought again under its own number is asked about once") {
  REQUIRE(store->patch(id, R"({"note":"甲"})").ok());
  REQUIRE(county.apply_all(*store, version) == 1);
  Outbox outbox(*store);
  const auto told = [&](std::int64_t holds) {
    REQUIRE(outbox.settle({}, {}, std::nullopt, holds, kEpoch).ok());
    return store->status()->confirming;
  };
  REQUIRE_FALSE(told(2));
  REQUIRE(told(1));
  REQUIRE(outbox.reconcile({}).value() == 0);
  CHECK_FALSE(told(1));
  SECTION("but what is missing besides is asked about") { CHECK(told(0)); }
  SECTION("and what it counts after all is not explained any more") {
    CHECK_FALSE(told(2));
    CHECK(told(1));
  }
  SECTION("nor after the next restore") {
    REQUIRE(outbox.note_ping(ping_of(county, kEpoch + 1)).ok());
    REQUIRE(outbox.reconcile({}).value() == 0);
    REQUIRE(outbox.settle({}, {}, std::nullopt, 1, kEpoch + 1).ok());
    CHECK(store->status()->confirming);
  }
}

TEST_CASE_METHOD(Delivered, "a receipt over nothing, whose signature nobody looks at, says nothing of a restore") {
  REQUIRE(store->patch(id, R"({"note":"甲"})").ok());
  const auto sent = *Outbox(*store).next_ops(10, 1 << 20);
  OpResult stale = answer_of(OpStatus::stale);
  stale.current = Change{"household", id, ++version, false, false, R"({"address":"堤村 2 号"})", {}, {}, {}};
  Receipt receipt;
  receipt.epoch = kEpoch + 100;
  REQUIRE(Outbox(*store).settle(sent, {stale}, receipt, std::nullopt, kEpoch).ok());
  Change next = *stale.current;
  next.version = ++version;
  next.body = R"({"address":"堤村 3 号"})";
  REQUIRE(Inbox(*store).apply({kEpoch, {next}, "c1", false}).ok());
  CHECK((*store->get(id))->body == R"({"address":"堤村 3 号","note":"甲"})");
}

TEST_CASE_METHOD(Delivered, "of two makings the one that the county has after a restore goes for its receipt") {
  Outbox outbox(*store);
  const Id creation = parse_id(store->history(id)->front().op_id).value();
  REQUIRE(store->patch(id, R"({"note":"甲"})").ok());
  const Id first = outbox.next_ops(10, 1 << 20)->front().op_id;
  answer_all(county, *store, answer_of(OpStatus::rejected, "scope"));
  REQUIRE(store->resend(id).ok());
  REQUIRE(county.apply_all(*store, version) == 1);
  SECTION("as the same device") {}
  SECTION("as another device") {
    Identity identity = store->identity();
    identity.device += "-2";
    REQUIRE(outbox.new_device_key().ok());
    REQUIRE(outbox.become(identity).ok());
    for (int i = 0; i < 3; ++i) {
      household(*store);
      REQUIRE(county.apply_all(*store, version) == 1);
    }
  }
  REQUIRE(reconciled(county, outbox, {creation}) > 0);
  // A copy of the first came there late.
  OpResult stale = answer_of(OpStatus::stale);
  stale.applied = {first};
  stale.current =
      Change{"household", id, ++version, false, false, R"({"address":"堤村 1 号","note":"甲"})", {}, {}, {}};
  auto sent = *outbox.next_ops(10, 1 << 20);
  std::erase_if(sent, [&](const OutgoingOp& op) { return op.record.text() != id; });
  REQUIRE(outbox.settle(sent, {stale}, std::nullopt).ok());
  const auto due = *outbox.next_ops(10, 1 << 20);
  std::set<std::int64_t> numbers;
  for (const OutgoingOp& op : due) numbers.insert(op.seq);
  CHECK(numbers.size() == due.size());
  CHECK(std::any_of(due.begin(), due.end(), [&](const OutgoingOp& op) { return op.op_id == first; }));
  REQUIRE(county.apply_all(*store, version) > 0);
  // The next restore takes all.
  CHECK(reconciled(county, outbox, {creation}) > 0);
  const auto again = *outbox.next_ops(10, 1 << 20);
  CHECK(std::any_of(again.begin(), again.end(), [&](const OutgoingOp& op) { return op.op_id == first; }));
}

TEST_CASE("what a record is brought again with goes over no later word of somebody else's") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const auto theirs = county.pull_household(*store, R"({"address":"堤村 1 号","note":"甲"})");
  REQUIRE(store->patch(theirs.id, R"({"support":"送煤"})").ok());
  // A restore took it.
  answer_all(county, *store, answer_of(OpStatus::rejected, "not-found"));
  REQUIRE(store->resend(theirs.id).ok());
  const bool refused_again = GENERATE(false, true);
  if (refused_again) {
    answer_all(county, *store, answer_of(OpStatus::rejected, "scope"));
    REQUIRE(store->resend(theirs.id).ok());
  }
  Outbox outbox(*store);
  const auto whole = *outbox.next_ops(10, 1 << 20);
  REQUIRE(whole.size() == 1);
  REQUIRE(whole[0].verb == Verb::create);
  CHECK(Json::parse(whole[0].canonical)["body"] ==
        Json::parse(R"({"address":"堤村 1 号","note":"甲","support":"送煤"})"));
  // Who had made it brought it first, and has written on.
  OpResult stale = answer_of(OpStatus::stale);
  stale.current = Change{
      "household", theirs.id, theirs.version + 9, false, false, R"({"address":"堤村 2 号","note":"乙"})", {}, {}, {}};
  REQUIRE(outbox.settle(whole, {stale}, std::nullopt).ok());
  CHECK((*store->get(theirs.id))->body == R"({"address":"堤村 2 号","note":"乙","support":"送煤"})");
  CHECK(store->status()->conflicts == 0);
  REQUIRE(outbox.due_now().ok());
  const auto next = *outbox.next_ops(10, 1 << 20);
  REQUIRE(next.size() == 1);
  CHECK(Json::parse(next[0].canonical)["body"] == Json::parse(R"({"support":"送煤"})"));
}
