// What waits for something that will not come: damage, a refusal or a restore took it, or it goes under another name.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/inbox.h>
#include <julu/outbox.h>

#include "base/json.h"
#include "county.h"
#include "jpeg.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

struct Phone {
  Phone() { county.publish_key(*store); }

  Saved capture(const char* kind, const char* body) {
    const auto saved = store->capture({kind, body, {}, {}});
    REQUIRE(saved.ok());
    return *saved;
  }
  Saved delivered(const char* kind, const char* body) {
    Saved saved = capture(kind, body);
    REQUIRE(apply() == 1);
    return saved;
  }
  std::size_t apply() { return county.apply_all(*store, version); }
  PhotoInput photo() { return {county.folder.write("a.jpg", make_jpeg_of_about(20'000, 1)), "near"}; }
  void photo_goes_up() {
    Outbox outbox(*store);
    REQUIRE(outbox.photo_uploaded(outbox.next_photos(1)->at(0).sha256, "").ok());
  }
  std::vector<OutgoingOp> due() { return *Outbox(*store).next_ops(50, 1 << 20); }

  /// One answer for each op that is due; a `type` makes it a problem.
  struct Answer {
    OpStatus status;
    const char* type = "";
  };
  void answer(const std::vector<Answer>& answers) {
    const auto ops = due();
    REQUIRE(ops.size() == answers.size());
    std::vector<OpResult> results(ops.size());
    for (std::size_t i = 0; i < ops.size(); ++i) {
      results[i].status = answers[i].status;
      results[i].problem.type = answers[i].type;
      if (answers[i].status == OpStatus::applied) results[i].version = ++version;
    }
    settle(ops, results);
  }
  void settle(const std::vector<OutgoingOp>& ops, const std::vector<OpResult>& results) {
    const auto receipt = county.sign(store->identity().device, ops, results);
    REQUIRE(Outbox(*store).settle(ops, results, receipt, std::nullopt).ok());
  }
  /// The file comes back without what `sql` takes.
  void damage(const std::vector<const char*>& sql) {
    store.reset();
    for (const char* one : sql) lose(county, one);
    set_aside(county);
    store = county.open_again();
    county.publish_key(*store);
  }
  Record get(const Saved& saved) { return **store->get(saved.id); }
  Json body(const Saved& saved) { return Json::parse(get(saved).body); }

  County county;
  std::unique_ptr<Store> store = county.phone();
  std::int64_t version = kFirstVersion;
};

constexpr const char* kHousehold = R"({"address":"测试村 1 号","note":"甲"})";
constexpr const char* kIncident = R"({"category":"drainage","text":"堵"})";

}  // namespace

TEST_CASE("an edit behind a refused one is not made over it: the worker's last word stays the last") {
  Phone phone;
  const Saved saved = phone.delivered("household", kHousehold);
  REQUIRE(phone.store->patch(saved.id, R"({"phone":"13800000000"})").ok());
  REQUIRE(phone.store->patch(saved.id, R"({"note":"乙"})").ok());
  REQUIRE(phone.store->patch(saved.id, R"({"note":"甲"})").ok());
  phone.answer({{OpStatus::retry}, {OpStatus::rejected, "rule"}, {OpStatus::held, "after-unknown"}});
  REQUIRE(Outbox(*phone.store).due_now().ok());
  OpResult stale;
  stale.status = OpStatus::stale;
  stale.current = Change{"household", saved.id, kFirstVersion + 50, false, false, kHousehold, "", {}, {}};
  phone.settle(phone.due(), {stale});
  phone.version = kFirstVersion + 60;
  CHECK(phone.apply() == 1);
  CHECK(phone.due().empty());
  REQUIRE(phone.store->resend(saved.id).ok());
  CHECK(phone.due().back().canonical.find(R"("note":"甲")") != std::string::npos);
  CHECK(phone.apply() == 2);
  CHECK(phone.body(saved)["note"] == "甲");
  CHECK(phone.body(saved)["phone"] == "13800000000");
  CHECK(phone.store->conflicts()->empty());
}

TEST_CASE("a photo goes on where what it stood after was made again, and the county has never heard of either") {
  Phone phone;
  const Saved saved = phone.delivered("household", kHousehold);
  REQUIRE(phone.store->patch(saved.id, R"({"note":"记下"})", {phone.photo()}).ok());
  REQUIRE(phone.store->patch(saved.id, R"({"note":"再记"})").ok());
  const auto edits = phone.due();
  REQUIRE(phone.apply() == 2);
  phone.photo_goes_up();
  phone.store.reset();
  const bool is_left = GENERATE(true, false);  // what the edit was made again as
  CAPTURE(is_left);
  const std::string successor = std::to_string(is_left ? edits[1].row : 99);
  lose(phone.county, ("UPDATE op SET status = 4, successor = " + successor + " WHERE seq = 2").c_str());
  phone.store = phone.county.open_again();
  phone.answer({{OpStatus::held, "after-unknown"}});

  const auto due = phone.due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].verb == Verb::attach);
  CHECK(due[0].canonical.find(edits[0].op_id.text()) == std::string::npos);
  CHECK((due[0].canonical.find(edits[1].op_id.text()) != std::string::npos) == is_left);
  CHECK(phone.apply() == 1);
  CHECK(phone.get(saved).photos.at(0).delivered);
}

TEST_CASE("a photo whose edit is lost goes alone; what waits behind a refused edit keeps to its own fields") {
  Phone phone;
  const Saved saved = phone.delivered("household", kHousehold);
  REQUIRE(phone.store->patch(saved.id, R"({"note":"乙"})", {phone.photo()}).ok());
  phone.damage({"DELETE FROM op WHERE verb = 1"});
  phone.answer({{OpStatus::rejected, "rule"}});  // the edit, said again from the record
  REQUIRE(phone.store->patch(saved.id, R"({"phone":"13800000000"})").ok());
  phone.photo_goes_up();
  phone.answer({{OpStatus::held, "after-unknown"}});
  REQUIRE(phone.due().size() == 1);
  CHECK(phone.due()[0].verb == Verb::attach);
  CHECK(phone.apply() == 1);
  REQUIRE(phone.store->give_up(saved.id).ok());
  REQUIRE(phone.due().size() == 1);
  CHECK(phone.due()[0].canonical.find("乙") == std::string::npos);
  CHECK(phone.apply() == 1);
  CHECK(phone.body(saved) == Json::parse(R"({"address":"测试村 1 号","note":"甲","phone":"13800000000"})"));
}

TEST_CASE("a photo names the step that it came with as that was sent again") {
  Phone phone;
  const Saved saved = phone.delivered("incident", kIncident);
  REQUIRE(phone.store->act(saved.id, "withdraw", R"({"note":"报重了"})", {phone.photo()}).ok());
  phone.answer({{OpStatus::rejected, "rule"}});
  REQUIRE(phone.store->resend(saved.id).ok());
  REQUIRE(phone.apply() == 1);
  phone.photo_goes_up();
  REQUIRE(phone.due().size() == 1);
  const std::string step = phone.get(saved).photos.at(0).action;
  phone.damage({"DELETE FROM op WHERE seq = (SELECT max(seq) FROM op)"});  // the photo's second making
  const auto due = phone.due();
  std::vector<OpResult> results(due.size());
  for (OpResult& result : results) {
    result.status = OpStatus::held;
    result.problem.type = "action-unknown";
  }
  phone.settle(due, results);
  REQUIRE(phone.due().size() == 1);  // its first making; what stands for it in the record waits its turn
  CHECK(phone.due()[0].canonical.find(R"("action":")" + step) != std::string::npos);
  REQUIRE(Outbox(*phone.store).due_now().ok());
  CHECK(phone.apply() > 0);
  CHECK(phone.due().empty());
  CHECK(phone.get(saved).photos.at(0).action == step);
  CHECK(phone.get(saved).photos.at(0).delivered);
}

TEST_CASE("a step whose second making is lost goes as it was first, and once") {
  Phone phone;
  const Saved saved = phone.delivered("incident", kIncident);
  REQUIRE(phone.store->act(saved.id, "withdraw", R"({"note":"报重了"})").ok());
  const Id first = phone.due().at(0).op_id;
  phone.answer({{OpStatus::rejected, "rule"}});
  REQUIRE(phone.store->resend(saved.id).ok());
  phone.damage({"DELETE FROM op WHERE seq = (SELECT max(seq) FROM op)"});
  REQUIRE(phone.due().size() == 1);
  CHECK(phone.due()[0].op_id == first);
  CHECK(phone.get(saved).state == "withdrawn");
  SECTION("which the county takes") {
    CHECK(phone.apply() == 1);
    CHECK(phone.get(saved).state == "withdrawn");
  }
  SECTION("or it has the second already, which a pull brings") {
    phone.answer({{OpStatus::rejected, "replaced"}});
    CHECK(phone.get(saved).state == "reported");
    REQUIRE(phone.store->act(saved.id, "withdraw", R"({"note":"报重了"})").ok());
    CHECK(phone.due().at(0).canonical.find("last_action") == std::string::npos);
  }
  CHECK(phone.store->status()->parked_ops == 0);
}

TEST_CASE("a creation that is said again goes before what was left of the record") {
  Phone phone;
  SECTION("also before edits that were sent again") {
    const Saved saved = phone.capture("household", kHousehold);
    REQUIRE(phone.store->patch(saved.id, R"({"note":"乙"})").ok());
    phone.answer({{OpStatus::rejected, "rule"}, {OpStatus::held, "after-unknown"}});
    REQUIRE(phone.store->resend(saved.id).ok());
    phone.damage({"DELETE FROM op WHERE seq < (SELECT max(seq) FROM op)"});
    // The edit that is left, and what only the record's row still said.
    phone.answer({{OpStatus::held, "after-unknown"}, {OpStatus::held, "after-unknown"}});
  }
  SECTION("and a photo waits for it") {
    const auto saved = phone.store->capture({"household", kHousehold, {phone.photo()}, {}});
    REQUIRE(saved.ok());
    phone.photo_goes_up();
    phone.damage({"DELETE FROM op WHERE verb = 0"});
    phone.answer({{OpStatus::retry}, {OpStatus::held, "after-unknown"}});
  }
  REQUIRE(Outbox(*phone.store).due_now().ok());
  const auto due = phone.due();
  REQUIRE(due.size() >= 2);
  CHECK(due[0].verb == Verb::create);
  CHECK(due[1].canonical.find(R"("after":")" + due[0].op_id.text()) != std::string::npos);
  CHECK(phone.apply() == due.size());
  CHECK(phone.store->status()->unsent_ops == 0);
}

TEST_CASE("a number that damage freed names no other record's operation") {
  Phone phone;
  const Saved saved = phone.delivered("household", kHousehold);
  REQUIRE(phone.store->patch(saved.id, R"({"note":"乙"})", {phone.photo()}).ok());
  REQUIRE(phone.apply() == 1);
  phone.damage({"UPDATE op SET status = 4, successor = 4 WHERE seq = 2"});
  phone.photo_goes_up();
  const Saved other = phone.capture("incident", kIncident);  // takes the number 4
  phone.answer({{OpStatus::held, "after-unknown"}, {OpStatus::retry}});
  REQUIRE(phone.due().size() == 1);
  CHECK(phone.due()[0].verb == Verb::attach);
  CHECK(phone.due()[0].canonical.find(R"("after")") == std::string::npos);
  CHECK(phone.apply() == 1);
  CHECK(phone.get(other).delivery == Delivery::saved);
}

TEST_CASE("what cannot be said again, as its kind is not known, holds up nothing else") {
  Phone phone;
  const Saved saved = phone.capture("household", kHousehold);
  REQUIRE(phone.store->patch(saved.id, R"({"note":"乙"})").ok());
  phone.damage({"DELETE FROM op WHERE verb = 0", "UPDATE record SET kind = 'x-well'"});
  const Saved other = phone.capture("incident", kIncident);
  phone.answer({{OpStatus::held, "after-unknown"}, {OpStatus::applied}});
  CHECK(phone.get(other).delivery == Delivery::delivered);
  CHECK(phone.store->status()->unsent_ops == 1);
}

TEST_CASE("a photo that had gone up is asked for before it is called lost") {
  Phone phone;
  const auto saved = phone.store->capture({"household", kHousehold, {phone.photo()}, {}});
  REQUIRE(saved.ok());
  REQUIRE(phone.apply() == 1);
  phone.photo_goes_up();
  // Its operation is lost and its bytes were tidied away; or its bytes are damaged.
  const bool tidied = GENERATE(true, false);
  CAPTURE(tidied);
  if (tidied) {
    phone.damage({"DELETE FROM op WHERE verb = 3", "DELETE FROM chunk", "UPDATE photo SET here = 0"});
  } else {
    phone.damage({"UPDATE chunk SET bytes = zeroblob(length(bytes))"});
  }
  CHECK(phone.store->status()->parked_ops == 0);
  REQUIRE(phone.due().size() == 1);
  CHECK(phone.due()[0].verb == Verb::attach);
  SECTION("and is there") {
    CHECK(phone.apply() == 1);
    CHECK(phone.get(*saved).photos.at(0).delivered);
  }
  SECTION("or not") {
    phone.answer({{OpStatus::held, "bytes-missing"}});
    CHECK(phone.get(*saved).delivery == Delivery::parked);
  }
}
