// Nobody is asked which of their own two words stands: the later one does. After a restore the county may have either,
// or none, and the phone may have shown the record without the first when the second was written.
#include <catch2/catch_test_macros.hpp>

#include <julu/inbox.h>
#include <julu/outbox.h>

#include "base/json.h"
#include "county.h"
#include "jpeg.h"
#include "store/own_words.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;
using namespace nlohmann::literals;

namespace {

constexpr const char* kAddress = "堤村 1 号";

std::string body_of(const std::string& support) {
  Json body{{"address", kAddress}};
  if (!support.empty()) body["support"] = support;
  return body.dump();
}

/// A phone whose household the county has.
class Household {
 protected:
  Household() {
    county.publish_key(*store);
    id = store->capture({"household", body_of(""), {}, {}}).value().id;
  }

  void deliver() { REQUIRE(county.apply_all(*store, version) > 0); }

  void deliver_one(const OutgoingOp& op) {
    OpResult taken = answer_of(OpStatus::applied);
    taken.version = ++version;
    const auto receipt = county.sign(store->identity().device, {op}, {taken}, epoch);
    REQUIRE(Outbox(*store).settle({op}, {taken}, receipt, std::nullopt, epoch).ok());
  }

  void say(const std::string& support) {
    REQUIRE(store->patch(id, Json{{"support", support}}.dump()).ok());
    county.clock.advance(60 * 1000);
  }

  Change row(const std::string& support, std::int64_t its_version) const {
    return {"household", id, its_version, false, false, body_of(support), {}, {}, {}};
  }

  OpResult stale(const std::string& support, std::int64_t its_version) const {
    OpResult result = answer_of(OpStatus::stale);
    result.current = row(support, its_version);
    return result;
  }

  /// The platform was restored, and shows the record so.
  void restored(const std::string& support) {
    epoch += 1;
    version = epoch << 32;
    Outbox outbox(*store);
    REQUIRE(outbox.note_ping({epoch, county.clock.now_ms(), 0}).ok());
    const auto page = Inbox(*store).apply({epoch, {}, "r" + std::to_string(epoch), false});
    REQUIRE(page.ok());
    REQUIRE(Inbox(*store).apply({epoch, {row(support, ++version)}, "s" + std::to_string(epoch), false}).ok());
  }

  /// 甲, which a restore takes from sight, and then 乙.
  void say_twice() {
    deliver();
    say("甲");
    deliver();
    restored("");
    REQUIRE(support().empty());
    say("乙");
  }

  /// It has lost all but the creation.
  void reconciled() {
    constexpr std::int64_t kDayMs = 86'400'000;
    const std::int64_t day = county.clock.now_ms() / kDayMs;
    const Id creation = parse_id(store->history(id)->front().op_id).value();
    REQUIRE(Outbox(*store).reconcile({{day, {creation}}, {day + 1, {creation}}}).ok());
  }

  std::vector<OutgoingOp> due() {
    REQUIRE(Outbox(*store).due_now().ok());
    return Outbox(*store).next_ops(10, 1 << 20).value();
  }

  void settle(const std::vector<OutgoingOp>& sent, const std::vector<OpResult>& results) {
    REQUIRE(Outbox(*store).settle(sent, results, std::nullopt, std::nullopt, epoch).ok());
  }

  std::string support() const { return Json::parse((*store->get(id))->body).value("support", std::string()); }

  County county;
  std::unique_ptr<Store> store = county.phone();
  std::string id;
  std::int64_t epoch = kEpoch;
  std::int64_t version = kFirstVersion;
};

}  // namespace

TEST_CASE_METHOD(Household, "an edit of a field that is asked about answers the question", "[own]") {
  deliver();
  say("甲");
  settle(due(), {stale("乙", ++version)});
  REQUIRE(store->conflicts()->size() == 1);
  SECTION("of the same field") { say("丙"); }
  SECTION("not of another, nor by a form that says again what it had shown") {
    REQUIRE(store->patch(id, R"({"note":"丁","support":"乙"})").ok());
    CHECK(store->conflicts()->size() == 1);
    return;
  }
  CHECK(store->conflicts()->empty());
  CHECK(support() == "丙");
  CHECK(store->history(id)->back().what == "resolved");
  CHECK(store->history(id)->back().detail == R"({"support":"丙"})");
}

TEST_CASE_METHOD(Household, "a word goes over the earlier one that a restore had taken from sight", "[own]") {
  say_twice();
  reconciled();
  SECTION("where both go again together") {
    settle(due(), {stale("", version + 1), answer_of(OpStatus::held, "after-unknown")});
  }
  SECTION("where the earlier one was taken before") {
    const auto sent = due();
    REQUIRE(sent.size() == 2);
    deliver_one(sent[0]);
    settle({sent[1]}, {stale("甲", version)});
  }
  CHECK(store->conflicts()->empty());
  CHECK(support() == "乙");
}

TEST_CASE_METHOD(Household, "but not over what somebody else has written since", "[own]") {
  say_twice();
  reconciled();
  settle(due(), {stale("丁", version + 1), answer_of(OpStatus::held, "after-unknown")});
  CHECK(support() == "丁");
  CHECK(store->conflicts()->size() == 1);
}

TEST_CASE_METHOD(Household, "what may have been made on a lost word waits until the platform has said what it holds",
                 "[own]") {
  deliver();
  say("甲");
  deliver();
  say("乙");
  epoch += 1;
  version = epoch << 32;
  settle(due(), {stale("", ++version)});
  CHECK(support() == "乙");
  CHECK(store->conflicts()->empty());
  CHECK(store->status()->unsent_records == 1);
  CHECK(store->status()->parked_ops == 0);
  reconciled();
  settle(due(), {stale("", version), answer_of(OpStatus::held, "after-unknown")});
  CHECK(support() == "乙");
  CHECK(store->conflicts()->empty());
}

TEST_CASE_METHOD(Household, "what somebody else has brought to the county again of it is no other word", "[own]") {
  const auto edit = [&](const char* address) { REQUIRE(store->patch(id, Json{{"address", address}}.dump()).ok()); };
  const auto address = [&] { return Json::parse((*store->get(id))->body)["address"]; };
  const auto county_has = [&](const char* its_address) {
    Change theirs = row("", ++version);
    theirs.body = Json{{"address", its_address}, {"note", "丁"}}.dump();
    const auto sent = due();
    std::vector<OpResult> results(sent.size(), answer_of(OpStatus::held, "after-unknown"));
    results.front() = answer_of(OpStatus::stale);
    results.front().current = theirs;
    settle(sent, results);
  };
  edit("堤村 2 号");
  SECTION("the later") {
    county_has("堤村 2 号");
    CHECK(address() == "堤村 2 号");
  }
  SECTION("the earlier, where the creation goes again with what the edit made of it") {
    settle(due(), {answer_of(OpStatus::rejected, "scope"), answer_of(OpStatus::held, "after-unknown")});
    REQUIRE(store->resend(id).ok());
    county_has(kAddress);
    CHECK(address() == "堤村 2 号");
  }
  SECTION("a later one that is not the last") {
    edit("堤村 3 号");
    county_has("堤村 2 号");
    CHECK(address() == "堤村 3 号");
  }
  SECTION("the one between two that say the same") {
    edit(kAddress);
    county_has("堤村 2 号");
    CHECK(address() == kAddress);
  }
  CHECK(store->conflicts()->empty());
}

TEST_CASE_METHOD(Household, "what is sent again goes over an earlier word that is on its way", "[own]") {
  say_twice();
  settle(due(), {answer_of(OpStatus::rejected, "scope")});
  reconciled();
  REQUIRE(store->resend(id).ok());
  CHECK(store->conflicts()->empty());
  CHECK(support() == "乙");
}

TEST_CASE_METHOD(Household, "a platform that cannot say for long what it holds is not waited for", "[own]") {
  deliver();
  say("甲");
  deliver();
  say("乙");
  epoch += 1;
  version = epoch << 32;
  ++version;
  constexpr int kTimes = 20;
  for (int i = 0; i < kTimes; ++i) {
    settle(due(), {stale("", version)});
    REQUIRE(Outbox(*store).due_now().ok());
    REQUIRE(Outbox(*store).defer_all(ErrorCode::offline, 0).ok());  // a lost push is no answer
  }
  CHECK(store->conflicts()->empty());
  settle(due(), {stale("", version)});
  CHECK(store->conflicts()->size() == 1);
}

TEST_CASE_METHOD(Household, "a word that was given up is none that stands", "[own]") {
  deliver();
  say("甲");
  deliver();
  say("乙");
  settle(due(), {answer_of(OpStatus::rejected, "scope")});
  REQUIRE(store->give_up(id).ok());
  restored("");
  reconciled();
  settle(due(), {stale("乙", version)});  // somebody else's
  CHECK(store->conflicts()->size() == 1);
}

TEST_CASE_METHOD(Household, "where a word stood an object may stand after it", "[own]") {
  deliver();
  REQUIRE(store->patch(id, R"({"extra":"甲"})").ok());
  REQUIRE(store->patch(id, R"({"extra":{"one":"乙"}})").ok());
  const OpResult held = answer_of(OpStatus::held, "after-unknown");
  settle(due(), {stale("丁", ++version), held});
  CHECK(due().size() == 2);
  settle(due(), {answer_of(OpStatus::rejected, "scope"), held});
  REQUIRE(store->resend(id).ok());
  CHECK(Json::parse((*store->get(id))->body)["extra"] == Json{{"one", "乙"}});
}

TEST_CASE_METHOD(Household, "what somebody has put back is asked about where another word of theirs had been seen",
                 "[own]") {
  deliver();
  say("甲");
  REQUIRE(store->patch(id, R"({"note":"另"})").ok());
  deliver_one(due().front());
  REQUIRE(Inbox(*store).apply({epoch, {row("丁", ++version)}, "c1", false}).ok());
  REQUIRE(support() == "丁");
  say("戊");
  settle(due(), {stale("甲", ++version), answer_of(OpStatus::held, "after-unknown")});
  CHECK(store->conflicts()->size() == 1);
}

TEST_CASE_METHOD(Household, "an earlier word does not come back over a later one that the county has without a receipt",
                 "[own]") {
  deliver();
  say("甲");
  deliver();
  say("乙");
  settle(due(), {stale("乙", ++version)});
  reconciled();
  const auto is_shown = [&] {
    CHECK(support() == "乙");
    CHECK(store->conflicts()->empty());
  };
  is_shown();
  settle(due(), {answer_of(OpStatus::rejected, "bad-request"), answer_of(OpStatus::held, "after-unknown")});
  is_shown();
  SECTION("when it is sent again") {
    REQUIRE(store->resend(id).ok());
    is_shown();
    for (const OutgoingOp& op : due()) CHECK(op.canonical.find("甲") == std::string::npos);
  }
  SECTION("nor is the later one lost when it is given up") {
    REQUIRE(store->give_up(id).ok());
    is_shown();
  }
}

TEST_CASE_METHOD(Household, "what is sent again gives way to the later word that the county took all the same",
                 "[own]") {
  deliver();
  say("甲");
  say("乙");
  settle(due(), {answer_of(OpStatus::rejected, "scope"), answer_of(OpStatus::held, "after-unknown")});
  REQUIRE(Inbox(*store).apply({epoch, {row("乙", ++version)}, "c1", false}).ok());
  REQUIRE(store->resend(id).ok());
  CHECK(store->conflicts()->empty());
  CHECK(support() == "乙");
}

TEST_CASE_METHOD(Household, "nor does an earlier word go over the later one where nobody is asked", "[own]") {
  deliver();
  REQUIRE(store->patch(id, R"({"note":"甲"})").ok());
  REQUIRE(store->patch(id, R"({"note":"乙"})").ok());
  OpResult stale = answer_of(OpStatus::stale);
  stale.current = row("", ++version);
  stale.current->body = R"({"address":"堤村 1 号","note":"乙"})";
  settle(due(), {stale, answer_of(OpStatus::held, "after-unknown")});
  for (const OutgoingOp& op : due()) CHECK(op.canonical.find("甲") == std::string::npos);
  for (const HistoryEntry& entry : *store->history(id)) CHECK(entry.what != "given_up");
}

namespace {

/// A photo of the household was refused; an edit that came to the county after that, whose answer was lost, and a later
/// one go again with it when the worker sends the photo again.
class Resent : public Household {
 protected:
  void refuse_a_photo() {
    const std::string photo = county.folder.write("a.jpg", make_jpeg_of_about(20 * 1024, 1));
    const auto attached = store->attach(id, {{photo, "near"}});
    REQUIRE(attached.ok());
    REQUIRE(Outbox(*store).park_photo(*parse_hash(attached->photos.front()), {"too-large", {}, {}, {}}).ok());
  }
  void edit(const std::string& patch) {
    REQUIRE(store->patch(id, patch).ok());
    county.clock.advance(60 * 1000);
  }
  /// `body`: what the county holds by the edit that it took without a word.
  void resend_over(const std::string& lost_edit, const std::string& later_edit, const std::string& body) {
    refuse_a_photo();
    edit(lost_edit);
    const auto arrived = due();
    REQUIRE(arrived.size() == 1);
    edit(later_edit);
    REQUIRE(store->resend(id).ok());
    auto again = due();
    REQUIRE(again.size() == 2);
    OpResult stale = answer_of(OpStatus::stale);
    stale.current = row("", ++version);
    stale.current->body = body;
    stale.applied = {arrived.front().op_id};
    settle(again, {stale, answer_of(OpStatus::held, "after-unknown")});
  }
  Json shown() const { return Json::parse((*store->get(id))->body); }
};

}  // namespace

TEST_CASE_METHOD(Resent, "a word goes over the worker's own taking away that had arrived unheard", "[own]") {
  deliver();
  say("甲");
  deliver();
  resend_over(R"({"support":null})", R"({"support":"乙"})", body_of(""));
  CHECK(store->conflicts()->empty());
  CHECK(support() == "乙");
}

TEST_CASE_METHOD(Resent, "a taking away goes over the worker's own word that had arrived unheard", "[own]") {
  deliver();
  say("甲");
  deliver();
  resend_over(R"({"support":"乙"})", R"({"support":null})", body_of("乙"));
  CHECK(store->conflicts()->empty());
  CHECK(support().empty());
}

TEST_CASE_METHOD(Resent, "a word inside goes over the worker's own taking away of all around it", "[own]") {
  deliver();
  edit(R"({"house":{"rooms":3}})");
  deliver();
  resend_over(R"({"house":null})", R"({"house":{"rooms":4}})", body_of(""));
  CHECK(store->conflicts()->empty());
  CHECK(shown().value("/house/rooms"_json_pointer, 0) == 4);
}

TEST_CASE_METHOD(Resent, "a taking away of all goes over the worker's own word inside", "[own]") {
  deliver();
  edit(R"({"house":{"rooms":3}})");
  deliver();
  Json body = Json::parse(body_of(""));
  body["house"]["rooms"] = 4;
  resend_over(R"({"house":{"rooms":4}})", R"({"house":null})", body.dump());
  CHECK(store->conflicts()->empty());
  CHECK(!shown().contains("house"));
}

TEST_CASE_METHOD(Resent, "a word goes over the worker's own word that had arrived unheard", "[own]") {
  deliver();
  say("甲");
  deliver();
  resend_over(R"({"support":"乙"})", R"({"support":"丙"})", body_of("乙"));
  CHECK(store->conflicts()->empty());
  CHECK(support() == "丙");
}

TEST_CASE_METHOD(Resent, "an edit that is all said by the one before it is no word that gave way", "[own]") {
  deliver();
  say("甲");
  settle(due(), {answer_of(OpStatus::rejected, "scope")});
  say("乙");
  REQUIRE(store->resend(id).ok());  // both say the last now
  const auto others_edit = [&](std::size_t sent) {
    std::vector<OpResult> results(sent, answer_of(OpStatus::held, "after-unknown"));
    results.front() = answer_of(OpStatus::stale);
    results.front().current = row("", ++version);
    results.front().current->body = Json{{"address", kAddress}, {"phone", std::to_string(version)}}.dump();
    settle(due(), results);
  };
  others_edit(2);
  CHECK(support() == "乙");
  say("丙");
  CHECK(support() == "丙");
  others_edit(3);
  CHECK(store->conflicts()->empty());
  CHECK(support() == "丙");
}

TEST_CASE_METHOD(Resent, "a word that nobody refused goes on when what was sent again with it is given up", "[own]") {
  deliver();
  refuse_a_photo();
  edit(R"({"note":"甲"})");
  edit(R"({"support":"乙"})");
  const auto arrived = due();  // and the answer does not
  REQUIRE(arrived.size() == 2);
  edit(R"({"support":"丙"})");
  edit(R"({"grid":"99"})");
  REQUIRE(store->resend(id).ok());
  const auto again = due();
  REQUIRE(again.size() == 4);
  // The scope is judged before what is replaced (openapi.yaml /v1/push).
  OpResult stale = answer_of(OpStatus::stale);
  stale.current = row("乙", version += 2);
  stale.current->body = Json{{"address", kAddress}, {"note", "甲"}, {"support", "乙"}}.dump();
  stale.applied = {arrived.back().op_id};
  settle(again, {answer_of(OpStatus::rejected, "scope"), stale, answer_of(OpStatus::held, "after-unknown"),
                 answer_of(OpStatus::rejected, "scope")});
  CHECK(store->conflicts()->empty());
  CHECK(support() == "丙");
  REQUIRE(store->give_up(id).ok());
  CHECK(support() == "丙");
  bool goes = false;
  for (const OutgoingOp& op : due()) goes = goes || op.canonical.find("丙") != std::string::npos;
  CHECK(goes);
}

TEST_CASE_METHOD(Resent, "a word that goes back to what stood before goes over the worker's own one between", "[own]") {
  deliver();
  say("甲");
  deliver();
  resend_over(R"({"support":"乙"})", R"({"support":"甲"})", body_of("乙"));
  CHECK(store->conflicts()->empty());
  CHECK(support() == "甲");
  bool goes = false;
  for (const OutgoingOp& op : due()) goes = goes || op.canonical.find("甲") != std::string::npos;
  CHECK(goes);
}

TEST_CASE_METHOD(Resent, "of a set nothing goes that a restore took with the word that it was made on", "[own]") {
  deliver();
  edit(R"({"tags":["甲","乙"]})");
  deliver();
  edit(R"({"tags":["甲","丙"]})");
  epoch += 1;
  version = epoch << 32;
  settle(due(), {stale("", ++version)});
  const Json tags{"甲", "丙"};
  CHECK(shown()["tags"] == tags);
  reconciled();
  settle(due(), {stale("", version), answer_of(OpStatus::held, "after-unknown")});
  CHECK(shown()["tags"] == tags);
}

TEST_CASE_METHOD(Resent, "what others have put into a set stays, however many words of the worker's own follow",
                 "[own]") {
  deliver();
  for (const char* patch : {R"({"tags":["甲"]})", R"({"tags":["甲","乙"]})", R"({"tags":["甲","丁"]})"}) edit(patch);
  OpResult answer = stale("", ++version);
  answer.current->body = Json{{"address", kAddress}, {"tags", {"丙"}}}.dump();
  const OpResult held = answer_of(OpStatus::held, "after-unknown");
  settle(due(), {answer, held, held});
  const Json tags{"丙", "甲", "丁"};
  CHECK(shown()["tags"] == tags);
  deliver();
  CHECK(shown()["tags"] == tags);
}

TEST_CASE_METHOD(Resent, "what the worker has taken out of a set does not come back with what had arrived unheard",
                 "[own]") {
  deliver();
  edit(R"({"tags":["甲"]})");
  deliver();
  Json body = Json::parse(body_of(""));
  body["tags"] = Json{"甲", "乙"};
  resend_over(R"({"tags":["甲","乙"]})", R"({"tags":["甲","丙"]})", body.dump());
  const Json tags{"甲", "丙"};
  CHECK(shown()["tags"] == tags);
}

TEST_CASE_METHOD(Resent, "of what was taken away whole a later word stands for itself alone", "[own]") {
  deliver();
  for (const char* patch : {R"({"house":{"rooms":3}})", R"({"house":null})", R"({"house":{"structure":"砖混"}})"}) {
    edit(patch);
    deliver();
  }
  // A restore took the taking away; the later word came there again from a copy of the phone.
  std::vector<Id> held;
  for (const HistoryEntry& entry : *store->history(id)) {
    if (entry.detail.find("null") == std::string::npos) held.push_back(*parse_id(entry.op_id));
  }
  REQUIRE(held.size() == 3);
  const std::int64_t day = county.clock.now_ms() / 86'400'000;
  REQUIRE(Outbox(*store).reconcile({{day, held}, {day + 1, held}}).value() == 1);
  OpResult stale = answer_of(OpStatus::stale);
  stale.current = row("", ++version);
  stale.current->body = R"({"address":"堤村 1 号","house":{"rooms":3,"structure":"砖混"}})";
  settle(due(), {stale});
  CHECK(store->conflicts()->empty());
  CHECK(shown()["house"] == Json{{"structure", "砖混"}});
  REQUIRE(due().size() == 1);
  CHECK(Json::parse(due()[0].canonical)["body"]["house"] == Json{{"rooms", nullptr}});
}

TEST_CASE("what is said once more goes over the worker's own earlier word before it, and over nobody else's", "[own]") {
  store::OpRow op;
  op.verb = Verb::patch;
  op.place = 3;
  op.canonical = R"({"body":{"note":"乙"}})";
  op.base_values = R"({"note":"乙"})";
  const std::vector<store::OpRow> ops{op};
  store::OwnWords words(ops, 0, 0);
  const Json earlier{{"note", "甲"}};
  CHECK(words.merged(ops[0], earlier, earlier, nullptr).patch == Json{{"note", "乙"}});
  CHECK(words.merged(ops[0], earlier, Json::object(), nullptr).patch == Json::object());
}

TEST_CASE_METHOD(Resent, "what the worker took away does not come back with the word that a restore took", "[own]") {
  deliver();
  edit(R"({"note":"甲"})");
  deliver();
  edit(R"({"note":null})");
  epoch += 1;
  version = epoch << 32;
  settle(due(), {stale("", ++version)});
  reconciled();
  settle(due(), {stale("", version), answer_of(OpStatus::held, "after-unknown")});
  CHECK(!shown().contains("note"));
  const auto goes = due();
  CHECK(std::any_of(goes.begin(), goes.end(),
                    [](const OutgoingOp& op) { return op.canonical.find(R"("note":null)") != std::string::npos; }));
}
