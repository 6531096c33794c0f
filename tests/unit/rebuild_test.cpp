// What becomes of a record and of its other operations when damage took one: what is left says it again.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <set>

#include <julu/inbox.h>
#include <julu/limits.h>
#include <julu/outbox.h>

#include "county.h"
#include "jpeg.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

/// A household and edits of it, none of them sent.
std::string household_with_edits(County& county, const std::vector<std::string>& edits) {
  const auto store = county.phone();
  const auto saved = store->capture({"household", R"({"address":"测试村 1 号","note":"甲"})", {}, {}});
  REQUIRE(saved.ok());
  for (const std::string& edit : edits) REQUIRE(store->patch(saved->id, edit).ok());
  return saved->id;
}

/// What is due when the damaged file was set aside.
std::vector<Verb> verbs_after(County& county) {
  set_aside(county);
  return verbs_due(*county.open_again());
}

}  // namespace

TEST_CASE("what stood after an operation that is lost goes again behind a new creation") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture({"household", R"({"address":"测试村 1 号","grid":"130529200203001"})", {}, {}});
  REQUIRE(saved.ok());
  const std::string photo = county.folder.write("p.jpg", make_jpeg_of_about(20'000, 1));
  REQUIRE(store->patch(saved->id, R"({"note":"记下"})", {{photo, "near"}}).ok());
  store.reset();
  lose(county, "DELETE FROM op WHERE verb = 0");
  store = county.open_again();
  OpResult unknown;
  unknown.status = OpStatus::held;
  unknown.problem.type = "after-unknown";
  answer_all(county, *store, unknown);

  Outbox outbox(*store);
  REQUIRE(outbox.photo_uploaded(outbox.next_photos(1)->at(0).sha256, "").ok());
  std::vector<Verb> verbs;
  for (const OutgoingOp& op : *outbox.next_ops(50, 1 << 20)) verbs.push_back(op.verb);
  CHECK(verbs == std::vector<Verb>{Verb::create, Verb::patch, Verb::attach});
  for (const std::size_t edit : {std::size_t{0}, std::size_t{1}})
    CHECK(outbox.next_ops(50, 1 << 20)->at(edit).canonical.find("记下") != std::string::npos);
  std::int64_t version = kFirstVersion;
  CHECK(county.apply_all(*store, version) == 3);
  CHECK(store->get(saved->id)->value().body.find("记下") != std::string::npos);
  CHECK(store->status()->unsent_ops == 0);
  CHECK(store->get(saved->id)->value().delivery == Delivery::delivered);
}

TEST_CASE("a photo whose operation is lost is attached again, and not shown as delivered before") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  std::vector<std::string> ids;
  for (std::uint64_t i = 0; i < 2; ++i) {
    const std::string photo = county.folder.write("p.jpg", make_jpeg_of_about(20'000, i));
    const auto saved = store->capture({"incident", R"({"category":"drainage","text":"堵"})", {{photo, "near"}}, {}});
    REQUIRE(saved.ok());
    ids.push_back(saved->id);
  }
  store.reset();
  lose(county, "DELETE FROM op");
  set_aside(county);
  store = county.open_again();
  county.publish_key(*store);
  Outbox outbox(*store);
  const auto delivered = [&] {
    std::vector<bool> each;
    for (const std::string& id : ids) each.push_back(store->get(id)->value().photos.at(0).delivered);
    return each;
  };
  std::int64_t version = kFirstVersion;
  CHECK(verbs_due(*store) == std::vector<Verb>{Verb::create, Verb::create});
  CHECK(delivered() == std::vector<bool>{false, false});
  CHECK(county.apply_all(*store, version) == 2);
  CHECK(delivered() == std::vector<bool>{false, false});
  for (const OutgoingPhoto& photo : *outbox.next_photos(5)) REQUIRE(outbox.photo_uploaded(photo.sha256, "").ok());
  CHECK(verbs_due(*store) == std::vector<Verb>{Verb::attach, Verb::attach});
  CHECK(county.apply_all(*store, version) == 2);
  CHECK(delivered() == std::vector<bool>{true, true});
  CHECK(store->status()->unsent_ops == 0);
}

namespace {

/// The county has never heard of what this waits for.
void answer_unknown(County& county, Store& store, Verb verb, const char* type) {
  Outbox outbox(store);
  std::vector<OutgoingOp> sent;
  for (const OutgoingOp& op : *outbox.next_ops(50, 1 << 20)) {
    if (op.verb == verb) sent.push_back(op);
  }
  REQUIRE(!sent.empty());
  OpResult unknown;
  unknown.status = OpStatus::held;
  unknown.problem.type = type;
  const std::vector<OpResult> results(sent.size(), unknown);
  REQUIRE(outbox.settle(sent, results, county.sign(store.identity().device, sent, results), std::nullopt).ok());
}

// A report that the county has, and a step of the worker's on it that waits.
Result<Saved> withdrawn_with_a_photo(County& county, Store& store, std::int64_t& version) {
  county.publish_key(store);
  auto saved = store.capture({"incident", R"({"category":"drainage","text":"堵"})", {}, {}});
  REQUIRE(county.apply_all(store, version) == 1);
  const std::string photo = county.folder.write("p.jpg", make_jpeg_of_about(20'000, 1));
  REQUIRE(store.act(saved->id, "withdraw", R"({"note":"报重了"})", {{photo, "near"}}).ok());
  return saved;
}

}  // namespace

TEST_CASE("a step that is lost is said again in place of the lost one, and its photo goes with it") {
  County county;
  auto store = county.phone();
  std::int64_t version = kFirstVersion;
  const auto saved = withdrawn_with_a_photo(county, *store, version);
  const std::string lost_step = Outbox(*store).next_ops(50, 1 << 20)->at(0).op_id.text();
  store.reset();
  const bool alone = GENERATE(true, false);
  CAPTURE(alone);
  lose(county, alone ? "DELETE FROM op WHERE verb = 2" : "DELETE FROM op WHERE verb IN (2, 3)");
  set_aside(county);
  store = county.open_again();
  county.publish_key(*store);
  Outbox outbox(*store);
  REQUIRE(outbox.photo_uploaded(outbox.next_photos(1)->at(0).sha256, "").ok());
  if (alone) answer_unknown(county, *store, Verb::attach, "after-unknown");
  const auto due = *outbox.next_ops(50, 1 << 20);
  REQUIRE(due.size() == 2);
  CHECK(due[0].verb == Verb::append);
  CHECK(due[0].canonical.find("报重了") != std::string::npos);
  CHECK(due[0].canonical.find(R"("replaces":[")" + lost_step) != std::string::npos);
  CHECK(due[1].verb == Verb::attach);
  const std::string step = due[0].op_id.text();
  CHECK(due[1].canonical.find(R"("action":")" + step) != std::string::npos);
  CHECK(county.apply_all(*store, version) == 2);
  const auto record = store->get(saved->id)->value();
  CHECK(record.state == "withdrawn");
  REQUIRE(record.photos.size() == 1);
  CHECK(record.photos[0].action == step);
  CHECK(record.photos[0].delivered);
  CHECK(store->status()->unsent_ops == 0);
}

TEST_CASE("a photo hangs on the report itself where damage left nothing of the step that it came with") {
  County county;
  auto store = county.phone();
  std::int64_t version = kFirstVersion;
  const auto saved = withdrawn_with_a_photo(county, *store, version);
  store.reset();
  lose(county, "DELETE FROM op WHERE verb = 2");
  lose(county, "DELETE FROM action");
  set_aside(county);
  store = county.open_again();
  county.publish_key(*store);
  Outbox outbox(*store);
  REQUIRE(outbox.photo_uploaded(outbox.next_photos(1)->at(0).sha256, "").ok());
  answer_unknown(county, *store, Verb::attach, "after-unknown");
  const auto due = *outbox.next_ops(50, 1 << 20);
  REQUIRE(due.size() == 1);
  CHECK(due[0].canonical.find(R"("action")") == std::string::npos);
  const auto record = store->get(saved->id)->value();
  REQUIRE(record.photos.size() == 1);
  CHECK(record.photos[0].action.empty());
}

TEST_CASE("a step that the county had before damage took it is not taken twice") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture({"incident", R"({"category":"drainage","text":"堵"})", {}, {}});
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->act(saved->id, "withdraw", R"({"note":"报重了"})").ok());
  const Id step = Outbox(*store).next_ops(50, 1 << 20)->at(0).op_id;
  store.reset();
  lose(county, "DELETE FROM op WHERE verb = 2");
  set_aside(county);
  store = county.open_again();
  county.publish_key(*store);
  Outbox outbox(*store);
  const auto due = *outbox.next_ops(50, 1 << 20);
  REQUIRE(due.size() == 1);
  OpResult stale;
  stale.status = OpStatus::stale;
  stale.applied = {step};
  Change current;
  current.id = saved->id;
  current.kind = "incident";
  current.version = version + 1;
  current.body = R"({"category":"drainage","text":"堵"})";
  current.state = "withdrawn";
  stale.current = current;
  REQUIRE(outbox.settle(due, {stale}, std::nullopt, std::nullopt).ok());
  CHECK(store->status()->unsent_ops == 0);
  CHECK(store->status()->parked_ops == 0);
  CHECK(store->get(saved->id)->value().state == "withdrawn");
}

TEST_CASE("a step that damage took goes before the one after it, which names it anew") {
  County county;
  auto store = county.phone("W-0412", "leader");
  county.publish_key(*store);
  const auto saved = store->capture({"incident", R"({"category":"drainage","text":"堵"})", {}, {}});
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->act(saved->id, "accept", "{}").ok());
  county.clock.advance(1000);
  REQUIRE(store->act(saved->id, "resolve", R"({"note":"通了"})").ok());
  store.reset();
  lose(county, "DELETE FROM op WHERE verb = 2 AND seq = 2");
  set_aside(county);
  store = county.open_again();
  county.publish_key(*store);
  Outbox outbox(*store);
  const auto first = *outbox.next_ops(50, 1 << 20);
  REQUIRE(first.size() == 2);
  CHECK(first[0].canonical.find("accept") != std::string::npos);
  OpResult unknown;
  unknown.status = OpStatus::held;
  unknown.problem.type = "after-unknown";
  OpResult applied;
  applied.status = OpStatus::applied;
  applied.version = ++version;
  const std::vector<OpResult> results{applied, unknown};
  REQUIRE(outbox.settle(first, results, county.sign(store->identity().device, first, results), std::nullopt).ok());
  const auto due = *outbox.next_ops(50, 1 << 20);
  REQUIRE(due.size() == 1);
  CHECK(due[0].canonical.find(R"("note":"通了")") != std::string::npos);
  CHECK(due[0].canonical.find(R"("last_action":")" + first[0].op_id.text()) != std::string::npos);
}

TEST_CASE("a photo that is not ours to send keeps nothing waiting: the county says whether it has it") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const std::string photo = county.folder.write("p.jpg", make_jpeg_of_about(20'000, 1));
  const auto saved = store->capture({"incident", R"({"category":"drainage","text":"堵"})", {{photo, "near"}}, {}});
  REQUIRE(saved.ok());
  store.reset();
  lose(county, "UPDATE photo SET own = 0");  // it came back from the county after its row was lost
  store = county.open_again();
  Outbox outbox(*store);
  REQUIRE(outbox.next_photos(5)->empty());
  REQUIRE(outbox.next_ops(50, 1 << 20)->size() == 2);
  CHECK(outbox.counts()->next_attempt_ms.has_value());
  OpResult missing;
  missing.status = OpStatus::held;
  missing.problem.type = "bytes-missing";
  answer_all(county, *store, missing);
  county.clock.advance(limits::backoff_base_ms);
  CHECK(outbox.next_photos(5)->size() == 1);  // it has not: the bytes go, as they are here
}

TEST_CASE("a photo taken again after its bytes were lost goes up whole") {
  County county;
  auto store = county.phone();
  const std::string jpeg = make_jpeg_of_about(20'000, 1);
  const std::string photo = county.folder.write("p.jpg", jpeg);
  const Capture report{"incident", R"({"category":"drainage","text":"堵"})", {{photo, "near"}}, {}};
  REQUIRE(store->capture(report).ok());
  store.reset();
  lose(county, "DELETE FROM chunk");
  lose(county, "UPDATE photo SET here = 0, own = 0, length_bytes = 0, width = NULL, height = NULL, problem = '{}'");
  store = county.open_again();
  REQUIRE(store->capture(report).ok());
  Outbox outbox(*store);
  const auto due = outbox.next_photos(5, 1 << 20);
  REQUIRE(due->size() == 1);
  CHECK(due->at(0).length_bytes == static_cast<std::int64_t>(jpeg.size()));
  CHECK(outbox.read_photo(due->at(0).sha256, 0, 1 << 20).value() == jpeg);
}

TEST_CASE("what a lost operation was to replace goes again, and is closed when the county has its successor") {
  County county;
  {
    auto store = county.phone();
    county.publish_key(*store);
    const auto saved = store->capture({"incident", R"({"category":"drainage","text":"堵"})", {}, {}});
    SECTION("made again once") {}
    SECTION("made again twice") {
      OpResult refused;
      refused.status = OpStatus::rejected;
      answer_all(county, *store, refused);
      REQUIRE(store->resend(saved->id).ok());
    }
  }
  lose(county, "UPDATE op SET status = 3, successor = 99");
  set_aside(county);
  auto store = county.open_again();
  REQUIRE(store->status()->unsent_ops == 1);
  OpResult replaced;
  replaced.status = OpStatus::rejected;
  replaced.problem.type = "replaced";
  answer_all(county, *store, replaced);
  CHECK(store->status()->unsent_ops == 0);
  CHECK(store->status()->parked_ops == 0);
  CHECK(store->status()->unsent_records == 0);
}

TEST_CASE("no later operation is taken for the lost successor of an earlier one") {
  County county;
  const Capture report{"incident", R"({"category":"drainage","text":"堵"})", {}, {}};
  {
    auto store = county.phone();
    county.publish_key(*store);
    REQUIRE(store->capture(report).ok());
  }
  lose(county, "UPDATE op SET status = 3, successor = 2");
  set_aside(county);
  auto store = county.open_again();
  OpResult replaced;
  replaced.status = OpStatus::rejected;
  replaced.problem.type = "replaced";
  const auto due = Outbox(*store).next_ops(50, 1 << 20);
  REQUIRE(due->size() == 1);
  REQUIRE(store->capture(report).ok());
  REQUIRE(Outbox(*store).settle(*due, {replaced}, std::nullopt, std::nullopt).ok());
  CHECK(store->status()->unsent_ops == 1);
  CHECK(verbs_due(*store) == std::vector<Verb>{Verb::create});
  CHECK(store->get(due->at(0).record.text())->value().delivery == Delivery::none);  // closed; it waits for nothing
}

TEST_CASE("an edit whose operation is lost is said again by the record, behind the operations that are left") {
  County county;
  const std::string id = household_with_edits(county, {R"({"note":"乙","support":"米"})", R"({"note":"丙"})"});
  SECTION("the operation of one edit") {
    lose(county, "DELETE FROM op WHERE seq = 3");
    CHECK(verbs_after(county) == std::vector<Verb>{Verb::create, Verb::patch, Verb::patch});
  }
  SECTION("those of all edits") {
    lose(county, "DELETE FROM op WHERE seq > 1");
    CHECK(verbs_after(county) == std::vector<Verb>{Verb::create, Verb::patch});
  }
  SECTION("that of the creation") {
    lose(county, "DELETE FROM op WHERE seq = 1");
    CHECK(verbs_after(county) == std::vector<Verb>{Verb::patch, Verb::patch, Verb::patch});
  }
  const auto store = county.open_again();
  CHECK(store->get(id)->value().body == R"({"address":"测试村 1 号","note":"丙","support":"米"})");
  CHECK(store->conflicts()->empty());
}

TEST_CASE("what is said again was entered when it was entered") {
  County county;
  const std::string id = household_with_edits(county, {});
  const std::int64_t entered_ms = county.clock.now_ms();
  county.clock.advance(86'400'000);
  lose(county, "DELETE FROM op");
  set_aside(county);
  const auto store = county.open_again();
  const auto due = *Outbox(*store).next_ops(50, 1 << 20);
  REQUIRE(due.size() == 1);
  CHECK(due[0].canonical.find(R"("captured_at_ms":)" + std::to_string(entered_ms)) != std::string::npos);
  CHECK(store->history(id)->front().at_ms == entered_ms);
}

TEST_CASE("where nobody can tell whether the record is older than an operation, a person is asked") {
  County county;
  const std::string id = household_with_edits(county, {R"({"house":{"rooms":3},"note":null,"support":"米"})"});
  std::set<std::string> rows;
  SECTION("the row is as old as the disk left it") {
    rows = {R"(/house  {"rooms":3})", R"(/note "甲" )", R"(/support  "米")"};
    lose(county, R"(UPDATE record SET body = '{"address":"测试村 1 号","note":"甲"}')");
  }
  SECTION("or holds an edit whose operation is lost") {
    rows = {"/house/rooms 2 3", R"(/note "乙" )", R"(/support  "米")"};
    lose(county, R"(UPDATE record SET body = '{"address":"测试村 1 号","house":{"rooms":2},"note":"乙"}')");
  }
  CHECK(verbs_after(county) == std::vector<Verb>{Verb::create, Verb::patch});
  const auto store = county.open_again();
  CHECK(store->get(id)->value().body == R"({"address":"测试村 1 号","house":{"rooms":3},"support":"米"})");
  std::set<std::string> asked;
  for (const ConflictField& field : *store->conflicts()) {
    asked.insert(field.field + " " + field.local + " " + field.remote);
  }
  CHECK(asked == rows);
  const auto history = store->history(id);
  CHECK(std::count_if(history->begin(), history->end(), [](const auto& e) { return e.what == "given_up"; }) == 3);
  // Whoever is woken by the choice finds it made and nothing left to choose.
  std::vector<std::size_t> open_when_woken;
  store->observe([&] { open_when_woken.push_back(store->conflicts()->size()); });
  REQUIRE(store->resolve(id, "/note", R"("乙")").ok());
  CHECK(open_when_woken == std::vector<std::size_t>{asked.size() - 1});
  CHECK(store->get(id)->value().body.find("乙") != std::string::npos);
}

TEST_CASE("a record that was removed stays so when the operation is lost") {
  County county;
  const std::string id = household_with_edits(county, {});
  std::int64_t version = kFirstVersion;
  std::vector<Verb> left;
  {
    const auto store = county.open_again();
    county.publish_key(*store);
    SECTION("of one that the county has") {
      REQUIRE(county.apply_all(*store, version) == 1);
      left = {Verb::remove};
    }
    SECTION("of one that it has not") { left = {Verb::create, Verb::remove}; }
    REQUIRE(store->remove(id).ok());
  }
  lose(county, "DELETE FROM op WHERE verb = 4");
  CHECK(verbs_after(county) == left);
  CHECK(county.open_again()->get(id)->value().deleted);
}

TEST_CASE("what others changed since is not taken for an edit of ours when a receipt is lost") {
  County county;
  const std::string id = household_with_edits(county, {R"({"note":"乙"})"});
  {
    const auto store = county.open_again();
    county.publish_key(*store);
    std::int64_t version = kFirstVersion;
    REQUIRE(county.apply_all(*store, version) == 2);
  }
  lose(county, R"(UPDATE record SET base_version = base_version + 1, base = '{"address":"测试村 1 号","note":"丙"}')");
  lose(county, "UPDATE record SET body = base");
  lose(county, "DELETE FROM receipt");
  CHECK(verbs_after(county) == std::vector<Verb>{Verb::create, Verb::patch});  // as they were, for their receipts
  CHECK(county.open_again()->conflicts()->empty());
}

TEST_CASE("a report of a kind that the platform brought is said again too") {
  County county;
  {
    auto store = county.phone();
    county.publish_key(*store);
    Change kind;
    kind.kind = "schema";
    kind.id = "river_patrol";
    kind.version = kFirstVersion + 5;
    kind.body = R"({"$schema":"http://json-schema.org/draft-07/schema#","type":"object","x-kind":"river_patrol",
      "x-shape":"log","x-title":"River patrol","x-title-zh":"河道巡查","properties":{"river":{"type":"string"}}})";
    REQUIRE(Inbox(*store).apply({kEpoch, {kind}, "c9", false}).ok());
    REQUIRE(store->capture({"river_patrol", R"({"river":"滏阳河"})", {}, {}}).ok());
  }
  lose(county, "DELETE FROM op");
  CHECK(verbs_after(county) == std::vector<Verb>{Verb::create});
}
