// Steps of a case whose operations damage took, and which the county has or has not: none is taken twice, and none
// holds up the rest.
#include <algorithm>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include <julu/inbox.h>
#include <julu/outbox.h>

#include "base/json.h"
#include "county.h"
#include "jpeg.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr const char* kBody = R"({"category":"drainage","text":"堵"})";

/// Judges the steps of one case as openapi.yaml says: a known id, a closed one, `replaces`, `after`, the flow. "accept"
/// goes once, "dispatch" ever after it.
class CaseCounty {
 public:
  explicit CaseCounty(std::string id) : id_(std::move(id)) {}

  OpResult judge(const OutgoingOp& op) {
    if (op.verb == Verb::create) return applied();
    const Json json = Json::parse(op.canonical);
    if (known_.contains(op.op_id.text())) return with_version(OpStatus::duplicate);
    if (closed_.contains(op.op_id.text())) return answer_of(OpStatus::rejected, "replaced");
    OpResult stale = answer_of(OpStatus::stale);
    for (const Json& one : json.value("replaces", Json::array()))
      if (known_.contains(one.get<std::string>())) stale.applied.push_back(*parse_id(one.get<std::string>()));
    stale.current = Change{"incident", id_, version_, false, false, kBody, state_, steps_, {}};
    if (!stale.applied.empty()) return stale;
    const std::string after = json.value("after", "");
    if (!after.empty() && closed_.contains(after)) return stale;
    if (!after.empty() && !known_.contains(after)) return answer_of(OpStatus::held, "after-unknown");
    const std::string action = json["body"]["action"];
    if ((action == "accept") != (state_ == "reported")) return stale;
    for (const Json& one : json.value("replaces", Json::array())) closed_.insert(one.get<std::string>());
    known_.insert(op.op_id.text());
    state_ = action == "accept" ? "accepted" : "dispatched";
    const OpResult result = applied();
    const auto number = static_cast<std::int64_t>(steps_.size()) + 1;
    steps_.push_back({op.op_id, number, action, "W-0412", "leader", "", 1, state_, "{}"});
    return result;
  }

  /// The creation, which it took before.
  void knows(const OutgoingOp& op) { known_.insert(op.op_id.text()); }
  std::size_t steps() const { return steps_.size(); }

 private:
  OpResult applied() {
    ++version_;
    return with_version(OpStatus::applied);
  }
  OpResult with_version(OpStatus status) const {
    OpResult result = answer_of(status);
    result.version = version_;
    return result;
  }

  std::string id_, state_ = "reported";
  std::int64_t version_ = kFirstVersion + 1;
  std::set<std::string> known_, closed_;
  std::vector<ChangeAction> steps_;
};

/// A phone on which somebody has reported.
class Reported {
 protected:
  explicit Reported(const std::string& role = "worker") : store(county.phone("W-0412", role)) {
    county.publish_key(*store);
    id = store->capture({"incident", kBody, {}, {}}).value().id;
  }

  std::vector<OutgoingOp> due() { return Outbox(*store).next_ops(50, 1 << 20).value(); }

  void damage_takes(const std::string& where) {
    store.reset();
    lose(county, ("DELETE FROM op WHERE " + where).c_str());
    set_aside(county);
    store = county.open_again();
    county.publish_key(*store);
  }

  County county;
  std::unique_ptr<Store> store;
  std::string id;
};

/// A leader's phone with two steps of a case that wait.
class TwoSteps : protected Reported {
 protected:
  TwoSteps() : Reported("leader") {
    platform = std::make_unique<CaseCounty>(id);
    platform->knows(due().front());
    std::int64_t version = kFirstVersion;
    REQUIRE(county.apply_all(*store, version) == 1);
    REQUIRE(store->act(id, "accept", "{}").ok());
    county.clock.advance(1000);
    REQUIRE(store->act(id, "dispatch", R"({"note":"给水务"})").ok());
  }

  /// The county takes it, and nobody here hears of it.
  void taken_unheard(const OutgoingOp& op) { REQUIRE(platform->judge(op).status == OpStatus::applied); }

  /// Until nothing is due. False: the phone cannot bear an answer, or it never ends.
  bool syncs() {
    constexpr int kRounds = 8;
    for (int round = 0; round < kRounds; ++round) {
      Outbox outbox(*store);
      REQUIRE(outbox.due_now().ok());
      const auto ops = due();
      if (ops.empty()) return true;
      std::vector<OpResult> results;
      for (const OutgoingOp& op : ops) results.push_back(platform->judge(op));
      const auto receipt = county.sign(store->identity().device, ops, results);
      if (!outbox.settle(ops, results, receipt, std::nullopt).ok()) return false;
    }
    return due().empty();
  }

  void check_rest() {
    CHECK(platform->steps() == 2);
    CHECK(store->status()->unsent_records == 0);
    CHECK(store->status()->parked_ops == 0);
  }

  std::unique_ptr<CaseCounty> platform;
};

}  // namespace

TEST_CASE_METHOD(TwoSteps, "steps that the county has, and damage took here, are not taken twice") {
  for (const OutgoingOp& op : due()) taken_unheard(op);
  damage_takes("verb = 2");
  REQUIRE(syncs());
  check_rest();
}

TEST_CASE_METHOD(TwoSteps, "a step whose forerunner the county has, and damage took here, holds up nothing") {
  const OutgoingOp first = due().front();
  taken_unheard(first);
  REQUIRE(store->capture({"household", R"({"address":"堤村 1 号"})", {}, {}}).ok());
  damage_takes("seq = " + std::to_string(first.row));
  REQUIRE(syncs());
  check_rest();
}

TEST_CASE_METHOD(TwoSteps, "steps that damage took from here alone are taken once") {
  damage_takes("verb = 2");
  REQUIRE(syncs());
  check_rest();
}

TEST_CASE_METHOD(Reported, "an operation that was made three times waits for none that damage took") {
  answer_all(county, *store, answer_of(OpStatus::rejected, "scope"));
  REQUIRE(store->resend(id).ok());
  const OutgoingOp second = due().at(0);
  answer_all(county, *store, answer_of(OpStatus::rejected, "scope"));
  REQUIRE(store->resend(id).ok());
  // A copy of the second came there all the same.
  OpResult stale = answer_of(OpStatus::stale);
  stale.applied = {second.op_id};
  stale.current = Change{"incident", id, kFirstVersion + 3, false, false, kBody, "reported", {}, {}};
  answer_all(county, *store, stale);
  REQUIRE(due().at(0).op_id == second.op_id);
  damage_takes("seq = " + std::to_string(second.row));
  CHECK(store->status()->unsent_ops > 0);
  CHECK(verbs_due(*store) == std::vector<Verb>{Verb::create});
}

TEST_CASE_METHOD(Reported,
                 "what was made again, and the county has as damage took it here, is not asked about for ever") {
  std::int64_t version = kFirstVersion;
  OpResult stale = answer_of(OpStatus::stale);
  std::size_t left = 0;
  const auto made_again = [&](const std::string& record) {
    const OutgoingOp first = due().at(0);
    stale.applied = {first.op_id};
    answer_all(county, *store, answer_of(OpStatus::rejected, "scope"));
    REQUIRE(store->resend(record).ok());
    damage_takes("seq = " + std::to_string(first.row));
    REQUIRE(due().size() == 1);
  };
  SECTION("a report") {
    made_again(id);
    stale.current = Change{"incident", id, kFirstVersion + 3, false, false, kBody, "reported", {}, {}};
  }
  SECTION("a photo") {
    REQUIRE(county.apply_all(*store, version) == 1);
    const auto attached = store->attach(id, {{county.folder.write("a.jpg", make_jpeg_of_about(20 * 1024, 1)), "near"}});
    const Hash sha256 = *parse_hash(attached->photos.at(0));
    REQUIRE(Outbox(*store).photo_uploaded(sha256, "/v1/photos/up-1").ok());
    made_again(id);
    stale.current = Change{"incident", id, kFirstVersion + 3, false, false, kBody, "reported", {}, {}};
    stale.current->photos = {{sha256, 20 * 1024, "near", std::nullopt}};
  }
  SECTION("an edit") {
    REQUIRE(county.apply_all(*store, version) == 1);
    const std::string household = store->capture({"household", R"({"address":"堤村 1 号"})", {}, {}})->id;
    REQUIRE(county.apply_all(*store, version) == 1);
    REQUIRE(store->patch(household, R"({"note":"甲"})").ok());
    made_again(household);
    stale.current = Change{
        "household", household, kFirstVersion + 9, false, false, R"({"address":"堤村 1 号","note":"甲"})", {}, {}, {}};
    left = 1;  // it says nothing new, and is done under one name
  }
  answer_all(county, *store, stale);
  REQUIRE(Outbox(*store).due_now().ok());
  REQUIRE(due().size() == left);
  for (const OutgoingOp& op : due()) CHECK(op.canonical.find(stale.applied[0].text()) == std::string::npos);
  version += 20;
  CHECK(county.apply_all(*store, version) == left);
  CHECK(store->status()->unsent_records == 0);
  CHECK(store->status()->parked_ops == 0);
  const auto shown = *store->get(id);
  if (shown)
    CHECK(std::all_of(shown->photos.begin(), shown->photos.end(), [](const auto& one) { return one.delivered; }));
}

TEST_CASE_METHOD(Reported, "what goes by a name that the county has for something else is sent again by its own") {
  const OutgoingOp first = due().at(0);
  answer_all(county, *store, answer_of(OpStatus::rejected, "op-id-reused"));
  REQUIRE(store->resend(id).ok());
  REQUIRE(due().size() == 1);
  CHECK(due()[0].canonical.find(first.op_id.text()) == std::string::npos);
  answer_all(county, *store, answer_of(OpStatus::rejected, "scope"));
  REQUIRE(store->resend(id).ok());
  CHECK(due()[0].canonical.find(first.op_id.text()) == std::string::npos);
  std::int64_t version = kFirstVersion;
  CHECK(county.apply_all(*store, version) == 1);
  CHECK((*store->get(id))->delivery == Delivery::delivered);
}

TEST_CASE_METHOD(Reported, "a report whose creation damage took, and whose step is left, goes whole") {
  REQUIRE(store->act(id, "withdraw", R"({"note":"已通"})").ok());
  damage_takes("verb = 0");
  CHECK((*store->get(id))->body == kBody);
  // The county has never seen it.
  answer_all(county, *store, answer_of(OpStatus::held, "after-unknown"));
  REQUIRE(Outbox(*store).due_now().ok());
  const auto whole = due();
  REQUIRE(whole.size() == 2);
  CHECK(whole[0].verb == Verb::create);
  CHECK(Json::parse(whole[0].canonical)["body"] == Json::parse(kBody));
  CHECK(whole[1].verb == Verb::append);
}

TEST_CASE_METHOD(Reported, "a step that a pull has shown keeps its name when it is sent again and given up",
                 "[steps]") {
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->act(id, "withdraw", R"({"note":"已通"})").ok());
  const Id step = due().at(0).op_id;  // the county takes it, and the reply is lost
  Change shown{"incident", id, version + 1, false, false, kBody, "withdrawn", {}, {}};
  shown.actions.push_back({step, 1, "withdraw", "W-0412", "worker", "", 1, "withdrawn", "{}"});
  REQUIRE(Inbox(*store).apply({kEpoch, {shown}, "c", false}).ok());
  answer_all(county, *store, answer_of(OpStatus::rejected, "scope"));  // by a gateway in the platform's name
  REQUIRE(store->resend(id).ok());
  answer_all(county, *store, answer_of(OpStatus::rejected, "scope"));
  REQUIRE(store->give_up(id).ok());
  const auto history = store->history(id).value();
  const auto first =
      std::find_if(history.begin(), history.end(), [&](const auto& one) { return one.op_id == step.text(); });
  REQUIRE(first != history.end());
  CHECK(first->state == "withdrawn");  // as the county has it
  CHECK((*store->get(id))->state == "withdrawn");
}

namespace {

/// A leader's phone whose case the county has.
class Led : protected Reported {
 protected:
  Led() : Reported("leader") { REQUIRE(county.apply_all(*store, version) == 1); }

  std::int64_t version = kFirstVersion;
};

}  // namespace

TEST_CASE_METHOD(Led, "a step names the one before it by what goes in its place", "[steps]") {
  REQUIRE(store->act(id, "accept", "{}").ok());
  const Id first = due().at(0).op_id;  // the county takes it, the reply is lost, and so is the step with a restore
  Change shown{"incident", id, version + 1, false, false, kBody, "accepted", {}, {}};
  shown.actions.push_back({first, 1, "accept", "W-0412", "leader", "", 1, "accepted", "{}"});
  REQUIRE(Inbox(*store).apply({kEpoch, {shown}, "c", false}).ok());
  answer_all(county, *store, answer_of(OpStatus::rejected, "scope"));  // by a gateway in the platform's name
  REQUIRE(store->resend(id).ok());
  REQUIRE(store->act(id, "dispatch", R"({"note":"给水务"})").ok());
  const auto sent = due();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].op_id != first);
  CHECK(Json::parse(sent[1].canonical)["body"]["last_action"] == sent[0].op_id.text());
}
