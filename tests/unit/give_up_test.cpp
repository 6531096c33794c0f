// What the platform refused and a person gives up: it is not sent any more, all else goes on, and it can still be seen.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/inbox.h>
#include <julu/outbox.h>

#include "county.h"
#include "jpeg.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

struct Refusing {
  Refusing() { county.publish_key(*store); }

  PhotoInput photo(unsigned seed) {
    return {county.folder.write("a.jpg", make_jpeg_of_about(50 * 1024, seed)), "near"};
  }

  Saved capture(const char* kind, const char* body, std::vector<PhotoInput> photos = {}) {
    const auto saved = store->capture({kind, body, std::move(photos), {}});
    REQUIRE(saved.ok());
    return *saved;
  }

  Saved delivered(const char* kind, const char* body) {
    Saved saved = capture(kind, body);
    REQUIRE(county.apply_all(*store, version) == 1);
    return saved;
  }

  /// All that is due; photos wait for their bytes.
  void refuse() {
    const auto ops = *outbox.next_ops(10, 1 << 20);
    std::vector<OpResult> results(ops.size());
    for (OpResult& result : results) {
      result.status = OpStatus::rejected;
      result.problem = {"flow", "已办结", {}, {}};
    }
    REQUIRE(outbox.settle(ops, results, std::nullopt).ok());
  }

  /// All that is due gets an answer of its own; returns what it was.
  std::vector<OutgoingOp> answer(const std::vector<OpStatus>& statuses) {
    const auto ops = *outbox.next_ops(10, 1 << 20);
    REQUIRE(ops.size() == statuses.size());
    std::vector<OpResult> results(ops.size());
    for (std::size_t i = 0; i < ops.size(); ++i) results[i].status = statuses[i];
    REQUIRE(outbox.settle(ops, results, std::nullopt).ok());
    return ops;
  }

  Record get(const Saved& saved) { return **store->get(saved.id); }

  std::int64_t given_up(const Saved& saved) {
    const auto history = *store->history(saved.id);
    return std::count_if(history.begin(), history.end(), [](const auto& e) { return e.standing == "given_up"; });
  }

  void check_nothing_waits() {
    const auto status = *store->status();
    CHECK(status.unsent_ops == 0);
    CHECK(status.parked_ops == 0);
    CHECK(status.unsent_photos == 0);
    CHECK(outbox.next_ops(10, 1 << 20)->empty());
    CHECK(!status.next_attempt_ms);
  }

  County county;
  std::unique_ptr<Store> store = county.phone();
  Outbox outbox{*store};
  std::int64_t version = kFirstVersion;
};

constexpr const char* kIncident = R"({"category":"drainage","text":"村东头排水沟堵了"})";

}  // namespace

TEST_CASE("a step that was refused can be given up, and another taken from where the case stands") {
  Refusing phone;
  const Saved saved = phone.delivered("incident", kIncident);
  const auto act = [&](const char* note, std::vector<PhotoInput> photos) {
    return phone.store->act(saved.id, "withdraw", std::string(R"({"note":")") + note + "\"}", photos).ok();
  };
  REQUIRE(act("自己清了", {phone.photo(1)}));
  phone.refuse();
  CHECK(phone.get(saved).delivery == Delivery::parked);
  REQUIRE(phone.store->give_up(saved.id).ok());

  phone.check_nothing_waits();
  CHECK(phone.get(saved).delivery == Delivery::delivered);
  CHECK(phone.get(saved).state == "reported");
  REQUIRE(act("又清了", {}));
  const auto ops = *phone.outbox.next_ops(10, 1 << 20);
  REQUIRE(ops.size() == 1);
  CHECK(ops[0].canonical.find("last_action") == std::string::npos);
  CHECK(phone.county.apply_all(*phone.store, phone.version) == 1);
  CHECK(phone.get(saved).state == "withdrawn");
}

TEST_CASE("steps that stand on one that is given up go with it; a photo that was added later does not") {
  Refusing phone;
  const Saved saved = phone.delivered("incident", kIncident);
  REQUIRE(phone.store->act(saved.id, "withdraw", R"({"note":"甲"})", {phone.photo(1)}).ok());
  phone.refuse();
  REQUIRE(phone.store->act(saved.id, "resolve_on_spot", R"({"note":"乙"})", {phone.photo(2)}).ok());
  REQUIRE(phone.store->attach(saved.id, {phone.photo(3)}).ok());
  CHECK(phone.store->status()->parked_ops == 5);
  REQUIRE(phone.store->give_up(saved.id).ok());
  CHECK(phone.given_up(saved) == 4);
  CHECK(phone.store->status()->parked_ops == 0);
  CHECK(phone.store->status()->unsent_ops == 1);
  CHECK(phone.store->status()->unsent_photos == 1);
  CHECK(phone.get(saved).photos.size() == 3);
}

TEST_CASE("an edit that was refused can be given up: the record shows what is left, and later edits go") {
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"堤村 1 号"})");
  REQUIRE(phone.store->patch(saved.id, R"({"note":"甲"})", {phone.photo(1)}).ok());
  phone.refuse();
  phone.county.clock.advance(1000);
  REQUIRE(phone.store->attach(saved.id, {phone.photo(3)}).ok());
  REQUIRE(phone.store->patch(saved.id, R"({"support":"乙"})", {phone.photo(2)}).ok());
  REQUIRE(phone.store->give_up(saved.id).ok());
  CHECK(phone.get(saved).body == R"({"address":"堤村 1 号","support":"乙"})");
  const auto ops = *phone.outbox.next_ops(10, 1 << 20);
  REQUIRE(ops.size() == 1);
  CHECK(ops[0].canonical.find(R"("body":{"support":"乙"})") != std::string::npos);
  CHECK(phone.store->status()->unsent_photos == 2);
  CHECK(phone.county.apply_all(*phone.store, phone.version) == 1);
}

TEST_CASE("a later edit of the field that is given up stands on what was there before, and is in no conflict") {
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"堤村 1 号","house":{"floors":1,"rooms":2}})");
  const auto edit = [&](const char* body) { REQUIRE(phone.store->patch(saved.id, body).ok()); };
  edit(R"({"house":{"rooms":3},"support":"甲"})");
  phone.refuse();
  SECTION("another value") {
    edit(R"({"support":"乙"})");
    edit(R"({"house":{"rooms":4},"note":"丙"})");
    REQUIRE(phone.store->give_up(saved.id).ok());
    CHECK(phone.get(saved).body ==
          R"({"address":"堤村 1 号","house":{"floors":1,"rooms":4},"note":"丙","support":"乙"})");
  }
  SECTION("the same value again") {
    edit(R"({"house":{"rooms":3},"support":"甲"})");
    REQUIRE(phone.store->give_up(saved.id).ok());
    CHECK(phone.get(saved).body == R"({"address":"堤村 1 号","house":{"floors":1,"rooms":3},"support":"甲"})");
    const auto ops = *phone.outbox.next_ops(10, 1 << 20);
    REQUIRE(ops.size() == 1);
    CHECK(ops[0].canonical.find(R"("body":{"house":{"rooms":3},"support":"甲"})") != std::string::npos);
  }
  CHECK(phone.store->conflicts()->empty());
  while (phone.county.apply_all(*phone.store, phone.version) > 0) continue;
  CHECK(phone.get(saved).delivery == Delivery::delivered);
}

TEST_CASE("of an object that was given up each later edit stands on what was there before of its own part") {
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"堤村 1 号"})");
  const auto edit = [&](const char* body) { REQUIRE(phone.store->patch(saved.id, body).ok()); };
  edit(R"({"house":{"structure":"甲"}})");
  phone.refuse();
  edit(R"({"house":{"rooms":3}})");
  edit(R"({"house":{"structure":"乙"}})");
  REQUIRE(phone.store->give_up(saved.id).ok());
  CHECK(phone.store->conflicts()->empty());
  CHECK(phone.get(saved).body == R"({"address":"堤村 1 号","house":{"rooms":3,"structure":"乙"}})");
  while (phone.county.apply_all(*phone.store, phone.version) > 0) continue;
  CHECK(phone.get(saved).body == R"({"address":"堤村 1 号","house":{"rooms":3,"structure":"乙"}})");
  phone.check_nothing_waits();
}

TEST_CASE("nobody is asked about a word that they gave up, and which the county has taken unheard") {
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"堤村 1 号"})");
  REQUIRE(phone.store->patch(saved.id, R"({"support":"甲"})").ok());
  const Change shown{
      "household", saved.id, phone.version += 1, false, false, R"({"address":"堤村 1 号","support":"甲"})", {}, {}, {}};
  REQUIRE(Inbox(*phone.store).apply({kEpoch, {shown}, "a", false}).ok());
  phone.refuse();
  REQUIRE(phone.store->patch(saved.id, R"({"support":"乙"})").ok());
  REQUIRE(phone.store->give_up(saved.id).ok());
  CHECK(phone.store->conflicts()->empty());
  CHECK(phone.get(saved).body == R"({"address":"堤村 1 号","support":"乙"})");
  while (phone.county.apply_all(*phone.store, phone.version) > 0) continue;
  CHECK(phone.get(saved).body == R"({"address":"堤村 1 号","support":"乙"})");
  phone.check_nothing_waits();
}

TEST_CASE("what somebody else says is theirs, though the worker had said it before and given it up") {
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"堤村 1 号","support":"甲"})");
  REQUIRE(phone.store->patch(saved.id, R"({"support":"乙"})").ok());
  phone.refuse();
  REQUIRE(phone.store->give_up(saved.id).ok());
  REQUIRE(phone.store->patch(saved.id, R"({"support":"丙"})").ok());
  OpResult stale = answer_of(OpStatus::stale);
  stale.current = Change{
      "household", saved.id, phone.version += 1, false, false, R"({"address":"堤村 1 号","support":"乙"})", {}, {}, {}};
  answer_all(phone.county, *phone.store, stale);
  REQUIRE(phone.store->conflicts()->size() == 1);
  CHECK(phone.store->conflicts()->at(0).remote == R"("乙")");
}

TEST_CASE("an edit that waits before a refused one goes as it is, and what follows stands on it") {
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"堤村 1 号"})");
  for (const char* body : {R"({"note":"甲"})", R"({"support":"乙"})", R"({"note":"丙"})"})
    REQUIRE(phone.store->patch(saved.id, body).ok());
  const auto ops = phone.answer({OpStatus::retry, OpStatus::rejected, OpStatus::held});
  REQUIRE(phone.store->give_up(saved.id).ok());
  CHECK(phone.get(saved).body == R"({"address":"堤村 1 号","note":"丙"})");
  CHECK(phone.store->conflicts()->empty());
  REQUIRE(phone.outbox.due_now().ok());
  const auto left = *phone.outbox.next_ops(10, 1 << 20);
  REQUIRE(left.size() == 2);
  CHECK(left[0].op_id == ops[0].op_id);
  CHECK(left[1].canonical.find("\"after\":\"" + ops[0].op_id.text()) != std::string::npos);
}

TEST_CASE(
    "an edit that waited behind a refused one is not given up with it when that was sent again and refused anew") {
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"堤村 1 号"})");
  REQUIRE(phone.store->patch(saved.id, R"({"support":"甲"})").ok());
  phone.refuse();
  REQUIRE(phone.store->patch(saved.id, R"({"note":"乙"})").ok());
  REQUIRE(phone.store->resend(saved.id).ok());
  phone.answer({OpStatus::rejected, OpStatus::held});
  REQUIRE(phone.store->give_up(saved.id).ok());
  CHECK(phone.get(saved).body == R"({"address":"堤村 1 号","note":"乙"})");
  CHECK(phone.store->conflicts()->empty());
  REQUIRE(phone.outbox.due_now().ok());
  CHECK(phone.county.apply_all(*phone.store, phone.version) == 1);
  CHECK(phone.get(saved).delivery == Delivery::delivered);
}

TEST_CASE("what is sent again behind an edit that waits stands on it, and says nothing of it") {
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"堤村 1 号"})");
  for (const char* body : {R"({"support":"甲"})", R"({"support":"乙"})"})
    REQUIRE(phone.store->patch(saved.id, body).ok());
  phone.answer({OpStatus::retry, OpStatus::rejected});
  REQUIRE(phone.store->resend(saved.id).ok());
  REQUIRE(phone.outbox.due_now().ok());
  const auto again = *phone.outbox.next_ops(10, 1 << 20);
  REQUIRE(again.size() == 2);
  // Somebody else changed another field meanwhile.
  std::vector<OpResult> stale(2);
  stale[0].status = OpStatus::stale;
  stale[0].current = Change{"household", saved.id, phone.version + 5,
                            false,       false,    R"({"address":"堤村 1 号","phone":"13800000000"})",
                            {},          {},       {}};
  stale[1].status = OpStatus::held;
  REQUIRE(phone.outbox.settle(again, stale, std::nullopt).ok());
  CHECK(phone.store->conflicts()->empty());
  CHECK(phone.get(saved).body == R"({"address":"堤村 1 号","phone":"13800000000","support":"乙"})");
}

TEST_CASE("edits of a record that the county has deleted are given up together") {
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"堤村 1 号"})");
  for (const char* body : {R"({"note":"甲"})", R"({"support":"乙"})"})
    REQUIRE(phone.store->patch(saved.id, body, {phone.photo(1)}).ok());
  const auto ops = *phone.outbox.next_ops(10, 1 << 20);
  std::vector<OpResult> results(ops.size());
  for (OpResult& result : results) result.status = OpStatus::held;
  results[0].status = OpStatus::stale;
  results[0].current = Change{"household", saved.id, phone.version + 5, true, false, "{}", {}, {}, {}};
  REQUIRE(phone.outbox.settle(ops, results, std::nullopt).ok());
  CHECK(phone.get(saved).delivery == Delivery::parked);
  REQUIRE(phone.store->give_up(saved.id).ok());
  phone.check_nothing_waits();
  CHECK(phone.get(saved).deleted);
}

TEST_CASE("who asks again for a report that was given up is told so") {
  Refusing phone;
  const Capture asked{"incident", kIncident, {}, make_id(phone.county.clock, system_random()).text()};
  const auto saved = phone.store->capture(asked);
  REQUIRE(saved.ok());
  phone.refuse();
  CHECK(phone.store->capture(asked).ok());
  SECTION("at once") {}
  SECTION("sent again, and refused again") {
    REQUIRE(phone.store->resend(saved->id).ok());
    phone.refuse();
  }
  REQUIRE(phone.store->give_up(saved->id).ok());
  const auto again = phone.store->capture(asked);
  REQUIRE(!again.ok());
  CHECK(again.error().code == ErrorCode::record_deleted);
}

TEST_CASE("a report that was refused can be given up whole: it is gone from the list, and its past is not") {
  Refusing phone;
  const Saved saved = phone.capture("incident", kIncident, {phone.photo(1)});
  REQUIRE(phone.store->act(saved.id, "withdraw", R"({"note":"自己清了"})").ok());
  phone.refuse();
  REQUIRE(phone.store->give_up(saved.id).ok());
  phone.check_nothing_waits();
  CHECK(phone.store->list({})->empty());
  CHECK(phone.get(saved).deleted);
  CHECK(phone.get(saved).delivery == Delivery::none);
  CHECK(phone.given_up(saved) == 3);
  std::string bytes;
  REQUIRE(phone.store
              ->read_photo(saved.photos.at(0),
                           [&](std::string_view piece) {
                             bytes += piece;
                             return true;
                           })
              .ok());
  CHECK(static_cast<std::int64_t>(bytes.size()) == saved.photo_bytes);
  const auto again = phone.store->act(saved.id, "withdraw", R"({"note":"又清了"})");
  REQUIRE(!again.ok());
  CHECK(again.error().code == ErrorCode::record_deleted);
}

TEST_CASE("a photo that was given up goes with another record that names it") {
  Refusing phone;
  const Saved first = phone.capture("incident", kIncident, {phone.photo(1)});
  phone.refuse();
  REQUIRE(phone.store->give_up(first.id).ok());
  const Saved second = phone.capture("incident", kIncident, {phone.photo(1)});
  CHECK(second.photos == first.photos);
  CHECK(phone.store->status()->unsent_photos == 1);
}

TEST_CASE("a photo that is there already stays delivered when the step that brought it once more is given up") {
  Refusing phone;
  const Saved saved = phone.delivered("incident", kIncident);
  REQUIRE(phone.store->attach(saved.id, {phone.photo(1)}).ok());
  REQUIRE(phone.outbox.photo_uploaded(phone.outbox.next_photos(1)->at(0).sha256, "").ok());
  REQUIRE(phone.county.apply_all(*phone.store, phone.version) == 1);
  REQUIRE(phone.store->act(saved.id, "withdraw", R"({"note":"自己清了"})", {phone.photo(1)}).ok());
  phone.refuse();
  REQUIRE(phone.store->give_up(saved.id).ok());
  const Record record = phone.get(saved);
  REQUIRE(record.photos.size() == 1);
  CHECK(record.photos[0].delivered);
  CHECK(record.photos[0].action.empty());
}

TEST_CASE("where nothing was refused nothing is given up") {
  Refusing phone;
  const Saved saved = phone.capture("incident", kIncident);
  REQUIRE(phone.store->give_up(saved.id).ok());
  CHECK(phone.get(saved).delivery == Delivery::saved);
  CHECK(phone.given_up(saved) == 0);
  const auto unknown = phone.store->give_up("01900000-0000-7000-8000-000000000001");
  REQUIRE(!unknown.ok());
  CHECK(unknown.error().code == ErrorCode::record_unknown);
  CHECK(phone.store->give_up("x").error().code == ErrorCode::bad_argument);
}

TEST_CASE("an edit after a creation that is given up says what it said, where the county has an older version") {
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"测试村 1 号"})");
  REQUIRE(phone.store->patch(saved.id, R"({"note":"甲"})").ok());
  constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
  const std::int64_t day = phone.county.clock.now_ms() / kDayMs;
  REQUIRE(phone.outbox.reconcile({{day, {}}, {day + 1, {}}}).value() == 1);  // a restore took the creation
  phone.answer({OpStatus::rejected, OpStatus::held});
  REQUIRE(phone.store->resend(saved.id).ok());
  phone.answer({OpStatus::rejected, OpStatus::held});
  REQUIRE(phone.store->give_up(saved.id).ok());
  REQUIRE(phone.outbox.due_now().ok());
  const auto ops = *phone.outbox.next_ops(10, 1 << 20);
  REQUIRE(ops.size() == 1);
  CHECK(ops[0].canonical.find(R"("body":{"note":"甲"})") != std::string::npos);
}

TEST_CASE("a creation that the county has taken unseen can be given up; what came after it goes on") {
  Refusing phone;
  const Saved saved = phone.capture("household", R"({"address":"测试村 1 号"})");
  REQUIRE(phone.store->patch(saved.id, R"({"note":"甲"})").ok());
  REQUIRE(phone.store->patch(saved.id, R"({"note":"乙"})").ok());
  const auto ops = *phone.outbox.next_ops(10, 1 << 20);
  std::vector<OpResult> results(3);
  results[0].status = OpStatus::rejected;
  results[1].status = OpStatus::applied;
  results[1].version = kFirstVersion + 2;
  results[2].status = OpStatus::held;
  const auto receipt = phone.county.sign(phone.store->identity().device, ops, results);
  REQUIRE(phone.outbox.settle(ops, results, receipt, std::nullopt).ok());
  REQUIRE(phone.store->give_up(saved.id).ok());
  CHECK(!phone.get(saved).deleted);
  CHECK(phone.get(saved).body == R"({"address":"测试村 1 号","note":"乙"})");
  REQUIRE(phone.outbox.due_now().ok());
  const auto due = *phone.outbox.next_ops(10, 1 << 20);
  REQUIRE(due.size() == 1);
  CHECK(due[0].canonical.find("乙") != std::string::npos);
  CHECK(due[0].canonical.find(R"("after":")" + ops[1].op_id.text()) != std::string::npos);
}

TEST_CASE("what the county has shown of a record stays its version when the creation is given up after a restore") {
  Refusing phone;
  const Saved home = phone.delivered("household", R"({"address":"堤村 1 号"})");
  REQUIRE(phone.store->patch(home.id, R"({"support":"低保"})").ok());
  REQUIRE(phone.county.apply_all(*phone.store, phone.version) == 1);
  const Record before = phone.get(home);
  // A salvage finds the creation as it was before somebody sent it again.
  lose(phone.county, "UPDATE op SET status = 2, receipt = NULL, folded = 0 WHERE verb = 0");
  REQUIRE(phone.outbox.note_ping({kEpoch + 1, phone.county.clock.now_ms(), 0}).ok());
  REQUIRE(phone.store->give_up(home.id).ok());
  CHECK(phone.get(home).version == before.version);
  CHECK(phone.get(home).body == before.body);
}

TEST_CASE("what another phone said after it had made the creation again is not written over when ours is given up") {
  const bool carried = GENERATE(false, true);
  const bool taken_out = GENERATE(false, true);
  CAPTURE(carried, taken_out);
  Refusing phone;
  const Saved saved = phone.delivered("household", R"({"address":"测试村 1 号","support":"零"})");
  REQUIRE(phone.store->patch(saved.id, R"({"support":"甲"})").ok());
  constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
  const std::int64_t day = phone.county.clock.now_ms() / kDayMs;
  REQUIRE(phone.outbox.reconcile({{day, {}}, {day + 1, {}}}).value() == 1);  // a restore took the creation
  phone.answer({OpStatus::rejected, OpStatus::held});
  if (carried) {  // the creation says what the edit said
    REQUIRE(phone.store->resend(saved.id).ok());
    phone.answer({OpStatus::rejected, OpStatus::held});
  }
  REQUIRE(phone.store->patch(saved.id, R"({"support":"乙"})").ok());
  Change theirs;
  theirs.kind = "household";
  theirs.id = saved.id;
  theirs.version = kFirstVersion + 9;
  theirs.body = taken_out ? R"({"address":"测试村 1 号"})" : R"({"address":"测试村 1 号","support":"丙"})";
  PulledPage page;
  page.epoch = kEpoch;
  page.changes.push_back(theirs);
  page.next = "c2";
  REQUIRE(Inbox(*phone.store).apply(page).ok());
  REQUIRE(phone.store->give_up(saved.id).ok());
  const auto asked = *phone.store->conflicts();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].remote == (taken_out ? "" : R"("丙")"));
  CHECK(asked[0].local == R"("乙")");
  REQUIRE(phone.outbox.due_now().ok());
  for (const auto& op : *phone.outbox.next_ops(10, 1 << 20)) CHECK(op.canonical.find("乙") == std::string::npos);
}
