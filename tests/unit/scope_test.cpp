// Photos of others: asked for while a record in scope names them, and gone from the phone with the last that does.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>

#include <julu/limits.h>

#include "jpeg.h"
#include "scripted_county.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

const std::string kFirst = "01980000-0000-7000-8000-000000000001";
const std::string kSecond = "01980000-0000-7000-8000-000000000002";

std::string photo_row(const std::string& jpeg) {
  return R"({"photo":")" + hex(sha256(jpeg)) + R"(","length_bytes":)" + std::to_string(jpeg.size()) +
         R"(,"role":"near"})";
}

/// A county in which others report: `held` is what it gives of photos, `status` what it says of all others.
struct Others {
  Others() {
    c.instead = [this](const Request& request) -> std::optional<Response> {
      const auto at = request.url.find("/v1/photos/");
      if (request.method != "GET" || at == std::string::npos) return std::nullopt;
      asked.push_back(request.url.substr(at + 11, 64));
      for (const std::string& jpeg : held) {
        if (hex(sha256(jpeg)) == asked.back()) return reply(200, jpeg, {{"Content-Type", "image/jpeg"}});
      }
      return problem(status, "not-found");
    };
  }

  void report(const std::string& id, const std::vector<std::string>& jpegs) {
    std::string photos;
    for (const std::string& jpeg : jpegs) photos += (photos.empty() ? "" : ",") + photo_row(jpeg);
    change(id, R"("body":{"category":"drainage","text":"堵"},"photos":[)" + photos + "]");
  }
  void remove(const std::string& id) { change(id, R"("removed":true)"); }
  void change(const std::string& id, const std::string& members) {
    const std::string version = std::to_string(++version_);
    c.pages.push_back(
        c.pull_page(R"({"kind":"incident","id":")" + id + R"(","version":)" + version + "," + members + "}",
                    id + ":" + version + "\n"));
  }
  std::int64_t times_asked(const std::string& jpeg) const {
    return std::count(asked.begin(), asked.end(), hex(sha256(jpeg)));
  }
  bool is_here(const std::string& jpeg) {
    std::string bytes;
    const auto read = c.store->read_photo(hex(sha256(jpeg)), [&](std::string_view part) {
      bytes += part;
      return true;
    });
    return read.ok() && bytes == jpeg;
  }
  std::int64_t rows(const char* sql) const { return database_of(c.county)->integer(sql).value().value_or(-1); }

  ScriptedCounty c;
  std::vector<std::string> held;
  int status = 404;
  std::vector<std::string> asked;

 private:
  std::int64_t version_ = kFirstVersion + 100;
};

std::vector<std::string> jpegs(std::uint64_t count) {
  std::vector<std::string> made;
  for (std::uint64_t i = 0; i < count; ++i) made.push_back(make_jpeg_of_about(40 * 1024, 70 + i));
  return made;
}

}  // namespace

TEST_CASE("photos that the platform does not give keep no other away, and wait for a day") {
  for (const int status : {403, 404, 410}) {
    CAPTURE(status);
    Others with;
    with.status = status;
    const auto photos = jpegs(4);
    with.report(kFirst, photos);
    with.held = {photos[3]};
    CHECK(with.c.run().end == SyncEnd::all_delivered);
    CHECK(with.is_here(photos[3]));
    CHECK(with.asked.size() == 4);
    with.c.county.clock.advance(limits::withheld_photo_ms - 3'600'000);
    with.c.run();
    CHECK(with.asked.size() == 4);
    with.c.county.clock.advance(3'600'000);
    with.c.run();
    CHECK(with.asked.size() == 7);
  }
}

TEST_CASE("a platform that fails is still left alone after three photos") {
  Others others;
  others.status = 500;
  others.report(kFirst, jpegs(5));
  others.c.run();
  CHECK(others.asked.size() == 3);
}

TEST_CASE("a photo that was waited for as somebody else's goes up at once when the worker has it too") {
  Others others;
  const std::string jpeg = jpegs(1).front();
  others.report(kFirst, {jpeg});
  others.c.run();
  REQUIRE(others.times_asked(jpeg) == 1);
  others.c.report("堵", {{others.c.county.folder.write("own.jpg", jpeg), "near"}});
  CHECK(others.c.run().end == SyncEnd::all_delivered);
  CHECK(std::any_of(others.c.uploads.begin(), others.c.uploads.end(),
                    [&](const auto& upload) { return upload.second.sha256 == hex(sha256(jpeg)); }));
}

TEST_CASE("nobody else syncs while a long row of photos comes, each of them quickly") {
  Others others;
  others.held = jpegs(8);
  others.report(kFirst, others.held);
  const auto beside = others.c.county.open_again();
  others.c.instead = [&, answer = others.c.instead](const Request& request) {
    others.c.county.clock.advance(limits::lease_ms / 5);
    const auto lease = Outbox(*beside).acquire_lease();
    CHECK((!lease.ok() && lease.error().code == ErrorCode::sync_in_progress));
    return answer(request);
  };
  CHECK(others.c.run().end == SyncEnd::all_delivered);
  CHECK(others.is_here(others.held.back()));
}

TEST_CASE("nobody asks any more for a photo of a record that left the scope") {
  Others others;
  const auto photos = jpegs(1);
  others.status = 500;
  others.report(kFirst, photos);
  others.c.run();
  REQUIRE(others.times_asked(photos[0]) == 1);
  SECTION("as the platform says") { others.remove(kFirst); }
  SECTION("as a full pull does not say") {
    REQUIRE(Inbox(*others.c.store).restart().ok());
    others.report(kSecond, {});
  }
  others.c.county.clock.advance(limits::backoff_cap_ms);
  others.c.run();
  CHECK(others.times_asked(photos[0]) == 1);
  CHECK(others.rows("SELECT count(*) FROM photo") == 0);
}

TEST_CASE("who follows the feed is told of what left the scope, and misses nothing that comes after it") {
  Others others;
  Store& store = *others.c.store;
  others.report(kFirst, {});
  others.c.run();
  REQUIRE(store.maintain(std::chrono::seconds(5)).ok());  // the search knows it
  const std::int64_t token = store.changes_since(0)->token;
  others.remove(kFirst);
  others.c.run();
  const Changes gone = *store.changes_since(token);
  CHECK(gone.records == std::vector<std::string>{kFirst});
  CHECK_FALSE(store.get(kFirst)->has_value());
  CHECK(store.changes_since(gone.token)->records.empty());

  others.report(kSecond, {});
  others.c.run();
  CHECK(store.changes_since(gone.token)->records == std::vector<std::string>{kSecond});
  Filter filter;
  filter.search = "堵";
  CHECK(store.list(filter)->size() == 1);
  SECTION("what comes back is told of once") {
    const Changes before = *store.changes_since(0, 1);
    CHECK(before.records == std::vector<std::string>{kFirst});
    CHECK(before.more);
    others.report(kFirst, {});
    others.c.run();
    CHECK(store.changes_since(0)->records == std::vector<std::string>{kSecond, kFirst});
  }
}

TEST_CASE("a record that left the scope with work on it goes when the work is delivered") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Inbox inbox(*store);
  Change theirs;
  theirs.kind = "household";
  theirs.id = kFirst;
  theirs.version = kFirstVersion + 1;
  theirs.body = R"({"address":"堤村 1 号"})";
  REQUIRE(inbox.apply({kEpoch, {theirs}, "c1", false}).ok());
  REQUIRE(store->patch(kFirst, R"({"note":"乙"})").ok());
  const bool back = GENERATE(true, false);  // before the sections, or each would have one of the two
  CAPTURE(back);
  SECTION("as the platform says, and its past") {
    theirs.removed = true;
    REQUIRE(inbox.apply({kEpoch, {theirs}, "c2", false}).ok());
    const auto past = store->history(kFirst).value();
    CHECK(std::any_of(past.begin(), past.end(), [](const HistoryEntry& entry) { return entry.what == "removed"; }));
  }
  SECTION("as a full pull does not say") {
    REQUIRE(inbox.restart().ok());
    REQUIRE(inbox.apply({kEpoch, {}, "c2", false}).ok());
  }
  CHECK(store->get(kFirst)->has_value());
  std::int64_t version = kFirstVersion + 1;
  REQUIRE(county.apply_all(*store, version) == 1);
  CHECK(store->get(kFirst)->has_value());  // it may be in scope again: the next pull tells
  theirs.removed = false;
  theirs.version = version;
  const PulledPage page = back ? PulledPage{kEpoch, {theirs}, "c3", false} : PulledPage{kEpoch, {}, "c2", false};
  REQUIRE(inbox.apply(page).ok());
  CHECK(store->get(kFirst)->has_value() == back);
}

TEST_CASE("a photo of others goes from the phone with the last record that names it") {
  Others others;
  const auto photos = jpegs(3);
  const std::string &alone = photos[0], &shared = photos[1], &later = photos[2];
  others.held = {alone, shared};
  others.report(kFirst, {shared, alone});
  others.report(kSecond, {shared});
  others.c.run();
  others.c.run();
  REQUIRE(others.is_here(alone));
  REQUIRE(others.is_here(shared));
  const std::string small = others.c.store->thumbnail(hex(sha256(alone))).value();

  others.remove(kFirst);
  others.c.run();
  CHECK_FALSE(others.is_here(alone));
  CHECK(others.is_here(shared));
  CHECK(others.rows("SELECT sum(length(bytes)) FROM chunk") == static_cast<std::int64_t>(shared.size()));
  CHECK(others.rows("SELECT count(*) FROM thumbnail WHERE photo NOT IN (SELECT id FROM photo)") == 0);

  // What comes next gets the number that has become free, and nothing of what had it.
  others.c.report("堵", {{others.c.county.folder.write("later.jpg", later), "near"}});
  CHECK(others.is_here(later));
  CHECK((others.c.store->thumbnail(hex(sha256(later))).value() != small));

  others.remove(kSecond);
  others.c.run();
  CHECK_FALSE(others.is_here(shared));
  CHECK(others.is_here(later));
  others.c.county.clock.reboot("boot-2");
  CHECK(others.c.county.open_again()->maintain(std::chrono::seconds(5)).ok());
}

TEST_CASE("the worker's own photos stay when their record leaves the scope") {
  Others others;
  const std::string jpeg = jpegs(1).front();
  const std::string id = others.c.report("堵", {{others.c.county.folder.write("own.jpg", jpeg), "near"}});
  SECTION("not sent yet") {}
  SECTION("delivered") { REQUIRE(others.c.run().end == SyncEnd::all_delivered); }
  const bool delivered = (*others.c.store->get(id))->delivery == Delivery::delivered;
  Change removed;
  removed.kind = "incident";
  removed.id = id;
  removed.version = kFirstVersion + 200;
  removed.removed = true;
  REQUIRE(Inbox(*others.c.store).apply({kEpoch, {removed}, "c9", false}).ok());
  CHECK((*others.c.store->get(id)).has_value() != delivered);
  CHECK(others.is_here(jpeg));
}

TEST_CASE("a photo of somebody else's that does not fit a run keeps neither the others nor the end waiting") {
  Others others;
  others.held = jpegs(3);
  others.report(kFirst, others.held);
  std::string large;
  others.c.after = nullptr;
  others.c.instead = [&, answer = others.c.instead](const Request& request) -> std::optional<Response> {
    const bool photo = request.method == "GET" && request.url.find("/v1/photos/") != std::string::npos;
    if (photo && large.empty()) large = request.url;
    if (photo && request.url == large) others.c.county.clock.advance(60'000);
    return answer(request);
  };
  CHECK(others.c.run(std::chrono::seconds(30)).end == SyncEnd::all_delivered);
  others.c.run(std::chrono::seconds(30));
  const auto here = std::count_if(others.held.begin(), others.held.end(),
                                  [&](const std::string& jpeg) { return others.is_here(jpeg); });
  CHECK(here == 2);
}

TEST_CASE("a record out of scope of which a restore took an edit goes when that is done with") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Inbox inbox(*store);
  Outbox outbox(*store);
  Change theirs = county.pull_household(*store);
  REQUIRE(store->patch(theirs.id, R"({"note":"乙"})").ok());
  std::int64_t version = kFirstVersion + 1;
  REQUIRE(county.apply_all(*store, version) == 1);
  theirs.removed = true;
  REQUIRE(inbox.apply({kEpoch, {theirs}, "c2", false}).ok());
  REQUIRE_FALSE(store->get(theirs.id)->has_value());
  REQUIRE(outbox.note_ping({kEpoch + 1, county.clock.now_ms(), 0}).ok());
  const std::int64_t day = county.clock.now_ms() / 86'400'000;
  REQUIRE(outbox.reconcile({{day, {}}, {day + 1, {}}}).value() == 1);
  OpResult result;
  SECTION("refused, and given up") {
    result.status = OpStatus::rejected;
    result.problem.type = "scope";
    answer_all(county, *store, result);
    REQUIRE(store->give_up(theirs.id).ok());
  }
  SECTION("delivered") {
    result.status = OpStatus::applied;
    result.version = ((kEpoch + 1) << 32) + 1;
    const auto ops = *outbox.next_ops(10, 1 << 20);
    REQUIRE(ops.size() == 1);
    const Receipt receipt = county.sign(store->identity().device, ops, {result}, kEpoch + 1);
    REQUIRE(outbox.settle(ops, {result}, receipt).ok());
  }
  CHECK(store->get(theirs.id)->has_value());
  REQUIRE(inbox.apply({kEpoch + 1, {}, "d1", false})->restart);
  REQUIRE(inbox.apply({kEpoch + 1, {}, "d1", false}).ok());
  CHECK_FALSE(store->get(theirs.id)->has_value());
}

namespace {

/// One of somebody else's, that the phone has pulled.
struct Household {
  Household() { county.publish_key(*store); }

  County county;
  std::unique_ptr<Store> store = county.phone();
  Inbox inbox{*store};
  Change theirs = county.pull_household(*store);
  std::int64_t version = kFirstVersion + 1;
};

std::int64_t times_removed(Store& store, const std::string& record) {
  const auto past = store.history(record).value();
  return std::count_if(past.begin(), past.end(), [](const HistoryEntry& entry) { return entry.what == "removed"; });
}

}  // namespace

TEST_CASE("that a record left the scope with work on it stands in its past once, whichever pull tells") {
  Household h;
  REQUIRE(h.store->patch(h.theirs.id, R"({"note":"乙"})").ok());
  const auto full_pull = [&](const std::string& next) {
    REQUIRE(h.inbox.restart().ok());
    REQUIRE(h.inbox.apply({kEpoch, {}, next, false}).ok());
  };
  const auto as_removed = [&](const std::string& next) {
    Change gone = h.theirs;
    gone.removed = true;
    REQUIRE(h.inbox.apply({kEpoch, {gone}, next, false}).ok());
  };
  SECTION("a row says so, then a full pull is silent") {
    as_removed("c2");
    full_pull("c3");
  }
  SECTION("a full pull is silent, then a row says so") {
    full_pull("c2");
    as_removed("c3");
  }
  SECTION("full pulls are silent, and the pulls between them") {
    full_pull("c2");
    REQUIRE(h.inbox.apply({kEpoch, {}, "c3", false}).ok());
    full_pull("c4");
  }
  CHECK(h.store->get(h.theirs.id)->has_value());
  CHECK(times_removed(*h.store, h.theirs.id) == 1);
}

TEST_CASE("a record that comes back and leaves the scope again has left it twice") {
  Household h;
  REQUIRE(h.store->patch(h.theirs.id, R"({"note":"乙"})").ok());
  for (const char* next : {"c2", "c4"}) {
    REQUIRE(h.inbox.restart().ok());
    REQUIRE(h.inbox.apply({kEpoch, {}, next, false}).ok());
    REQUIRE(h.inbox.apply({kEpoch, {h.theirs}, std::string(next) + "b", false}).ok());
  }
  CHECK(times_removed(*h.store, h.theirs.id) == 2);
}

TEST_CASE("a full pull that cannot have named a record yet takes it out of no scope, and a row that says so does") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Inbox inbox(*store);
  Outbox outbox(*store);
  std::int64_t version = kFirstVersion + 10;
  std::int64_t epoch = kEpoch;
  const std::string id =
      store->capture({.kind = "household", .body = R"({"address":"堤村 2 号"})", .photos = {}, .id = {}})->id;
  SECTION("made here, and taken while that pull was under way") {
    REQUIRE(inbox.restart().ok());
    REQUIRE(inbox.apply({kEpoch, {}, "c2", true}).ok());
    REQUIRE(county.apply_all(*store, version) == 1);
    REQUIRE(store->patch(id, R"({"note":"乙"})").ok());
  }
  SECTION("made here, and gone with a restore") {
    REQUIRE(county.apply_all(*store, version) == 1);
    REQUIRE(outbox.note_ping({++epoch, county.clock.now_ms(), 0}).ok());
    const std::int64_t day = county.clock.now_ms() / 86'400'000;
    REQUIRE(outbox.reconcile({{day, {}}, {day + 1, {}}}).value() == 1);
    REQUIRE(inbox.apply({epoch, {}, "c2", false})->restart);
  }
  REQUIRE(inbox.apply({epoch, {}, "c3", false}).ok());
  CHECK(store->get(id)->has_value());
  CHECK(times_removed(*store, id) == 0);
  Change gone;
  gone.kind = "household";
  gone.id = id;
  gone.removed = true;
  REQUIRE(inbox.apply({epoch, {gone}, "c4", false}).ok());
  CHECK(times_removed(*store, id) == 1);
}

TEST_CASE("an edit that the county took while everything is pulled anew keeps its record in sight") {
  Household h;
  REQUIRE(h.inbox.restart().ok());
  REQUIRE(h.inbox.apply({kEpoch, {}, "c2", true}).ok());
  REQUIRE(h.store->patch(h.theirs.id, R"({"note":"乙"})").ok());
  REQUIRE(h.county.apply_all(*h.store, h.version) == 1);
  REQUIRE(h.inbox.apply({kEpoch, {}, "c3", false}).ok());  // what was written last is not given out yet
  CHECK(h.store->get(h.theirs.id)->has_value());
}

TEST_CASE("an edit of before keeps no record in sight that has left the scope since") {
  Household h;
  Outbox outbox(*h.store);
  REQUIRE(h.store->patch(h.theirs.id, R"({"note":"乙"})").ok());
  REQUIRE(h.inbox.restart().ok());
  const auto ops = *outbox.next_ops(10, 1 << 20);
  std::vector<OpResult> results(1);
  SECTION("taken, and then the worker was moved") { results[0].status = OpStatus::applied; }
  SECTION("taken, and the reply lost, before the worker was moved") {
    results[0].status = OpStatus::duplicate;
    REQUIRE(h.inbox.apply({kEpoch, {}, "c2", true}).ok());
  }
  results[0].version = kFirstVersion + 2;
  REQUIRE(outbox.settle(ops, results, h.county.sign(h.store->identity().device, ops, results)).ok());
  CHECK(h.store->get(h.theirs.id)->has_value());
  REQUIRE(h.inbox.apply({kEpoch, {}, "c3", false}).ok());
  CHECK(h.store->get(h.theirs.id)->has_value());  // the pull may have come too early for it
  REQUIRE(h.inbox.apply({kEpoch, {}, "c3", false}).ok());
  CHECK_FALSE(h.store->get(h.theirs.id)->has_value());
}

TEST_CASE("what a full pull has named stays, whatever is heard of it before that pull ends") {
  Household h;
  REQUIRE(h.store->patch(h.theirs.id, R"({"note":"乙"})").ok());
  REQUIRE(h.inbox.restart().ok());
  REQUIRE(h.inbox.apply({kEpoch, {h.theirs}, "c2", true}).ok());
  REQUIRE(h.county.apply_all(*h.store, h.version) == 1);
  for (const bool again : {false, true}) {
    CAPTURE(again);
    REQUIRE(h.inbox.apply({kEpoch, {}, "c3", false}).ok());
    CHECK(h.store->get(h.theirs.id)->has_value());
  }
}

TEST_CASE("an open choice waits for one pull more when a full one does not name its record") {
  County county;
  const auto store = county.phone();
  Inbox inbox(*store);
  const Change theirs = county.pull_household(*store);
  {
    const auto db = database_of(county);
    auto transaction = store::Transaction::begin(*db).value();
    REQUIRE(db->run("INSERT INTO conflict SELECT id, '/phone', NULL, '1', '2', 1 FROM record").ok());
    REQUIRE(transaction.commit().ok());
  }
  REQUIRE(inbox.restart().ok());
  REQUIRE(inbox.apply({kEpoch, {}, "c2", false}).ok());
  CHECK(store->conflicts()->size() == 1);
  const bool named = GENERATE(true, false);
  CAPTURE(named);
  REQUIRE(inbox.apply({kEpoch, named ? std::vector{theirs} : std::vector<Change>(), "c3", false}).ok());
  CHECK(store->conflicts()->size() == (named ? 1U : 0U));
  CHECK(store->get(theirs.id)->has_value() == named);
  REQUIRE(inbox.apply({kEpoch, {}, "c4", false}).ok());
  CHECK(store->conflicts()->size() == (named ? 1U : 0U));
}

TEST_CASE("a report that is asked for again after it has left the scope is not made twice") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  std::int64_t version = kFirstVersion;
  Capture capture{"incident", R"({"category":"drainage","text":"堵"})", {}, store->new_id()};
  const auto first = store->capture(capture);
  REQUIRE(county.apply_all(*store, version) == 1);
  const Change gone{"incident", capture.id, version, false, true, {}, {}, {}, {}};
  REQUIRE(Inbox(*store).apply({kEpoch, {gone}, "c2", false}).ok());
  REQUIRE_FALSE(store->get(capture.id)->has_value());
  const auto again = store->capture(capture);
  REQUIRE(again.ok());
  CHECK(again->captured_at_ms == first->captured_at_ms);
  CHECK(store->status()->unsent_ops == 0);
  capture.body = R"({"category":"drainage","text":"又堵"})";
  CHECK(store->capture(capture).error().code == ErrorCode::id_conflict);
}
