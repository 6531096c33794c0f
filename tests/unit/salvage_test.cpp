// A file that the card or the machine has damaged: set aside, and all that can be read of it carried over.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <fstream>
#include <set>

#include <julu/inbox.h>
#include <julu/limits.h>
#include <julu/outbox.h>

#include "county.h"
#include "jpeg.h"
#include "store/sqlite.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr std::int64_t kPage = 4096;

/// Garbage over whole pages, the first of which is `from`.
void damage(const std::string& path, std::int64_t from, std::int64_t pages) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(from * kPage);
  for (std::int64_t i = 0; i < pages; ++i) file << std::string(kPage, static_cast<char>(0xA5 + i % 7));
}

struct Told {
  std::set<std::string> records;
  std::set<std::string> photos;
};

Told fill(County& county, int reports) {
  Told told;
  auto store = county.phone();
  for (int i = 0; i < reports; ++i) {
    Capture capture{"incident", R"({"category":"drainage","text":"第)" + std::to_string(i) + R"(处"})", {}, {}};
    if (i % 10 == 0)
      capture.photos.push_back(
          {county.folder.write("p.jpg", make_jpeg_of_about(20'000, 100 + static_cast<unsigned>(i))), "near"});
    const auto saved = store->capture(capture);
    REQUIRE(saved.ok());
    told.records.insert(saved->id);
    told.photos.insert(saved->photos.begin(), saved->photos.end());
  }
  REQUIRE(store->maintain(std::chrono::seconds(5)).ok());
  return told;
}

/// What is shown of it is as it was; the rest is counted as lost.
void check_saved(Store& store, const Told& told) {
  const auto status = store.status();
  INFO((status ? "" : name(status.error().code)) << " " << (status ? "" : status.error().detail));
  REQUIRE(status.ok());
  REQUIRE(status->salvage.has_value());
  Filter all;
  all.limit = limits::page_rows_max;
  for (const Record& record : *store.list(all)) {
    CHECK(told.records.contains(record.id));
    CHECK(record.body.find("处") != std::string::npos);
    for (const RecordPhoto& photo : record.photos) {
      std::string bytes;
      const auto read = store.read_photo(photo.sha256, [&](std::string_view piece) {
        bytes += piece;
        return true;
      });
      if (read && !bytes.empty()) {
        CHECK(hex(sha256(bytes)) == photo.sha256);
      } else {
        CHECK(record.delivery == Delivery::parked);
        CHECK(status->salvage->photos_lost > 0);
      }
    }
  }
  CHECK(status->salvage->ops <= static_cast<std::int64_t>(told.records.size() + told.photos.size()));
  // Nothing of the worker's own is shown as if it had come from the platform.
  for (const Record& record : *store.list(all)) CHECK(record.delivery != Delivery::none);
}

/// As damage leaves it, where a test needs to know what is lost.
void lose(County& county, const char* sql) {
  store::Connection::Options options;
  options.path = county.directory() + "/julu.db";
  options.key = county.options().encrypted ? std::optional(county.key) : std::nullopt;
  const auto db = store::Connection::open(options);
  REQUIRE(db.ok());
  REQUIRE((*db)->run(sql).ok());
}

/// The next open finds it damaged.
void set_aside(const County& county) { std::ofstream(county.directory() + "/julu.db-damaged") << "!"; }

std::vector<Verb> verbs_due(Store& store) {
  std::vector<Verb> verbs;
  const auto due = Outbox(store).next_ops(50, 1 << 20);
  REQUIRE(due.ok());
  for (const OutgoingOp& op : *due) verbs.push_back(op.verb);
  return verbs;
}

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

/// What the county answers to all that is due.
void answer_all(County& county, Store& store, const OpResult& result) {
  Outbox outbox(store);
  const auto due = outbox.next_ops(50, 1 << 20);
  REQUIRE(due.ok());
  const std::vector<OpResult> results(due->size(), result);
  REQUIRE(outbox.settle(*due, results, county.sign(store.identity().device, *due, results), std::nullopt).ok());
}

}  // namespace

TEST_CASE("who follows the feed over a salvage is told of everything again") {
  County county;
  const Told told = fill(county, 60);
  std::int64_t token = 0;
  {
    const auto store = county.open_again();
    county.publish_key(*store);
    std::int64_t version = kFirstVersion;
    REQUIRE(county.apply_all(*store, version) > 0);
    token = store->changes_since(0, limits::page_rows_max)->token;
  }
  set_aside(county);
  const auto store = county.open_again();
  REQUIRE(store->status()->salvage);
  CHECK(store->changes_since(token, limits::page_rows_max)->records.size() == told.records.size());
}

TEST_CASE("what left the scope while the file was being mended goes with the first pull to its end") {
  County county;
  const std::string id = "01980000-0000-7000-8000-000000000001";
  {
    const auto store = county.phone();
    Change theirs;
    theirs.kind = "household";
    theirs.id = id;
    theirs.version = kFirstVersion;
    theirs.body = R"({"address":"堤村 1 号"})";
    REQUIRE(Inbox(*store).apply({kEpoch, {theirs}, "c1", false}).ok());
  }
  set_aside(county);
  const auto store = county.open_again();
  REQUIRE(store->get(id)->has_value());
  REQUIRE(Inbox(*store).apply({kEpoch, {}, "c2", false}).ok());
  CHECK_FALSE(store->get(id)->has_value());
}

TEST_CASE("a file cut in half is set aside as it is, and what can be read goes on in a new one") {
  County county;
  const Told told = fill(county, 120);
  const std::string path = county.directory() + "/julu.db";
  std::filesystem::resize_file(path, read_file(path).size() / 2 / kPage * kPage);
  const std::string half = read_file(path);
  std::int64_t saved = 0;
  {
    auto opened = Store::open(county.options());
    REQUIRE(opened.ok());
    check_saved(**opened, told);
    saved = (*opened)->status()->salvage->ops;
    CHECK(saved > 0);
    CHECK((*opened)->capture({"incident", R"({"category":"drainage","text":"又一处"})", {}, {}}).ok());
  }
  CHECK((read_file(path) == half));
  auto again = Store::open(county.options());
  INFO((again ? "" : name(again.error().code)) << " " << (again ? "" : again.error().detail));
  REQUIRE(again.ok());
  CHECK((*again)->status()->salvage->ops == saved);
  CHECK((*again)->status()->unsent_ops == saved + 1 - (*again)->status()->parked_ops);
}

TEST_CASE("damage that shows only when a page is read is noted, and the next open mends it") {
  County county;
  const Told told = fill(county, 120);
  const std::string path = county.directory() + "/julu.db";
  const auto pages = static_cast<std::int64_t>(read_file(path).size()) / kPage;
  damage(path, pages / 2, 6);
  bool noticed = false;
  {
    auto opened = Store::open(county.options());
    REQUIRE(opened.ok());
    const auto status = (*opened)->status();
    if (status && status->salvage) return check_saved(**opened, told);
    noticed = !status;
    for (const std::string& photo : told.photos) {
      const auto read = (*opened)->read_photo(photo, [](std::string_view) { return true; });
      noticed = noticed || (!read && read.error().code == ErrorCode::store_corrupt);
    }
    for (const std::string& id : told.records) {
      const auto record = (*opened)->get(id);
      noticed = noticed || (!record && record.error().code == ErrorCode::store_corrupt);
    }
  }
  if (!has_cipher() && !noticed) return;  // garbage in the middle of a photo's bytes shows only by its hash
  REQUIRE(noticed);
  auto again = Store::open(county.options());
  REQUIRE(again.ok());
  check_saved(**again, told);
}

TEST_CASE("a store without a readable identity stays as it is, and says so") {
  County county;
  fill(county, 5);
  const std::string path = county.directory() + "/julu.db";
  const auto pages = static_cast<std::int64_t>(read_file(path).size()) / kPage;
  damage(path, 1, pages - 1);
  const std::string before = read_file(path);
  const auto opened = Store::open(county.options());
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == ErrorCode::store_corrupt);
  CHECK((read_file(path) == before));
}

TEST_CASE(
    "wherever the file was cut off, what is left goes to the county or is shown with a reason, and nothing waits") {
  County county;
  std::set<std::string> told;
  {
    auto store = county.phone();
    county.publish_key(*store);
    for (std::uint64_t i = 0; i < 12; ++i) {
      const std::string photo = county.folder.write("p.jpg", make_jpeg_of_about(20'000, i));
      const auto saved = store->capture({"incident", R"({"category":"drainage","text":"堵"})", {{photo, "near"}}, {}});
      REQUIRE(saved.ok());
      told.insert(saved->id);
    }
    REQUIRE(store->maintain(std::chrono::seconds(5)).ok());
  }
  const std::string path = county.directory() + "/julu.db";
  const std::string whole = read_file(path);
  int opened_again = 0;
  for (std::size_t size = whole.size() - kPage; size > whole.size() / 3; size -= 3 * kPage) {
    for (const auto& entry : std::filesystem::directory_iterator(county.directory())) {
      if (entry.path().filename() != "ballast") std::filesystem::remove(entry.path());
    }
    std::ofstream(path, std::ios::binary) << whole.substr(0, size);
    auto opened = Store::open(county.options());
    if (!opened) continue;  // not even the list of tables is whole
    ++opened_again;
    Store& store = **opened;
    Outbox outbox(store);
    // As a Syncer does first: the old chain is over.
    REQUIRE(outbox.new_device_key().ok());
    Identity identity = store.identity();
    identity.device = "d-again";
    REQUIRE(outbox.become(identity).ok());
    county.publish_key(store);
    std::int64_t version = kFirstVersion;
    int rounds = 0;
    for (bool more = true; more && ++rounds < 50;) {
      more = county.apply_all(store, version) > 0;
      for (const OutgoingPhoto& photo : *outbox.next_photos(50)) {
        more = true;
        if (photo.thumbnail) {
          REQUIRE(outbox.thumbnail_sent(photo.sha256).ok());
        } else {
          REQUIRE(outbox.photo_uploaded(photo.sha256, "").ok());
        }
      }
    }
    INFO("cut at " << size);
    const Status status = *store.status();
    CHECK(rounds < 50);
    CHECK(status.unsent_ops == 0);
    CHECK(status.unsent_photos == 0);
    std::int64_t seen = 0;
    for (const Record& record : *store.list({})) {
      CHECK(told.contains(record.id));
      CHECK((record.delivery == Delivery::delivered || record.delivery == Delivery::parked));
      ++seen;
    }
    CHECK(seen + status.salvage->ops_unreadable >= static_cast<std::int64_t>(told.size()));
  }
  CHECK(opened_again > 5);
}

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
  CHECK(outbox.next_ops(50, 1 << 20)->at(0).canonical.find("记下") != std::string::npos);
  std::int64_t version = kFirstVersion;
  CHECK(county.apply_all(*store, version) == 3);
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

TEST_CASE("a photo of a step that is lost goes without the step, and shows on the record itself") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture({"incident", R"({"category":"drainage","text":"堵"})", {}, {}});
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  const std::string photo = county.folder.write("p.jpg", make_jpeg_of_about(20'000, 1));
  REQUIRE(store->act(saved->id, "withdraw", "{}", {{photo, "near"}}).ok());
  store.reset();
  const bool alone = GENERATE(true, false);
  CAPTURE(alone);
  lose(county, alone ? "DELETE FROM op WHERE verb = 2" : "DELETE FROM op WHERE verb IN (2, 3)");
  set_aside(county);
  store = county.open_again();
  county.publish_key(*store);
  Outbox outbox(*store);
  REQUIRE(outbox.photo_uploaded(outbox.next_photos(1)->at(0).sha256, "").ok());
  if (alone) {
    OpResult unknown;
    unknown.status = OpStatus::held;
    unknown.problem.type = "after-unknown";
    answer_all(county, *store, unknown);
  }
  const auto due = *outbox.next_ops(50, 1 << 20);
  REQUIRE(due.size() == 1);
  CHECK(due[0].verb == Verb::attach);
  CHECK(due[0].canonical.find(R"("action")") == std::string::npos);
  CHECK(county.apply_all(*store, version) == 1);
  const auto record = store->get(saved->id)->value();
  REQUIRE(record.photos.size() == 1);
  CHECK(record.photos[0].action.empty());
  CHECK(record.photos[0].delivered);
}

TEST_CASE("a step after one that damage took names what the county has") {
  County county;
  auto store = county.phone("W-0412", "leader");
  county.publish_key(*store);
  const auto saved = store->capture({"incident", R"({"category":"drainage","text":"堵"})", {}, {}});
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->act(saved->id, "accept", "{}").ok());
  REQUIRE(store->act(saved->id, "resolve", R"({"note":"通了"})").ok());
  store.reset();
  lose(county, "DELETE FROM op WHERE verb = 2 AND seq = 2");
  set_aside(county);
  store = county.open_again();
  county.publish_key(*store);
  OpResult unknown;
  unknown.status = OpStatus::held;
  unknown.problem.type = "after-unknown";
  answer_all(county, *store, unknown);
  const auto due = *Outbox(*store).next_ops(50, 1 << 20);
  REQUIRE(due.size() == 1);
  CHECK(due[0].canonical.find(R"("note":"通了")") != std::string::npos);
  CHECK(due[0].canonical.find("last_action") == std::string::npos);
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

TEST_CASE("a file whose list of tables is damaged still gives what its sound part names") {
  County county;
  const Told told = fill(county, 11);
  const std::string path = county.directory() + "/julu.db";
  const std::string whole = read_file(path);
  int salvaged = 0;
  const auto pages = static_cast<std::int64_t>(whole.size()) / kPage;
  for (std::int64_t page = 1; page < pages; ++page) {
    for (const auto& entry : std::filesystem::directory_iterator(county.directory())) {
      if (entry.path().filename() != "ballast") std::filesystem::remove(entry.path());
    }
    std::ofstream(path, std::ios::binary) << whole;
    damage(path, page, 1);
    const auto opened = Store::open(county.options());
    INFO("page " << page);
    if (!opened) {
      // Only without its own name and key can nobody go on for a device.
      CHECK(opened.error().code == ErrorCode::store_corrupt);
      CHECK((opened.error().field == "identity" || opened.error().field == "device_key"));
    } else if (const auto status = (*opened)->status(); status && status->salvage) {
      ++salvaged;
      check_saved(**opened, told);
    }
  }
  CHECK(salvaged > 0);
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
