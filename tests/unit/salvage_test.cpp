// A file that the card or the machine has damaged: set aside, and all that can be read of it carried over.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <fstream>
#include <set>

#include <julu/inbox.h>
#include <julu/limits.h>
#include <julu/outbox.h>

#include "county.h"
#include "jpeg.h"
#include "store/sqlite.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

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

}  // namespace

TEST_CASE("a file that has lost everything is damaged, now and the next time") {
  County county;
  county.phone();
  std::filesystem::resize_file(county.directory() + "/julu.db", 0);
  for (int i = 0; i < 2; ++i) {
    const auto opened = Store::open(county.options());
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == ErrorCode::store_corrupt);
  }
}

TEST_CASE("a wrong key given while a damaged file waits to be mended is not that of the new one") {
  if (!has_cipher()) return;
  County county;
  fill(county, 1);
  set_aside(county);
  Store::Options wrong = county.options();
  wrong.key.fill(0x11);
  SECTION("where no new one is there") {}
  SECTION("where making it was cut off before its first byte") {
    std::ofstream(county.directory() + "/julu-2.db").flush();
  }
  const auto refused = Store::open(wrong);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::store_key);
  CHECK(county.open_again()->list({})->size() == 1);
}

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

TEST_CASE("who follows the feed is told of everything again also where its numbers had leapt for a fork") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  for (const char* body : {R"({"address":"测试村 1 号"})", R"({"address":"测试村 2 号"})"})
    REQUIRE(store->capture({"household", body, {}, {}}).ok());
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 2);  // nothing of them is laid anew
  store.reset();
  lose(county, "UPDATE record SET changed = changed + 1000000000");
  store = county.open_again();
  const std::int64_t token = store->changes_since(0)->token;
  store.reset();
  set_aside(county);
  store = county.open_again();
  for (int more = 0; more < 9; ++more) REQUIRE(store->capture({"visit", R"({"text":"走访"})", {}, {}}).ok());
  CHECK(store->changes_since(token)->records.size() == 2 + 9);
}

TEST_CASE("who has the file open is told when another process has set it aside") {
  County county;
  fill(county, 10);
  const auto first = county.open_again();
  set_aside(county);
  const auto second = county.open_again();
  const Error error = first->list({}).error();
  CHECK(error.code == ErrorCode::store_corrupt);
  CHECK(error.detail == "set aside");
  CHECK(second->list({}).ok());
}

TEST_CASE("who follows the feed is told of what comes after a salvage that found no record") {
  County county;
  fill(county, 60);
  const std::int64_t token = county.open_again()->changes_since(0, limits::page_rows_max)->token;
  for (const char* sql : {"DELETE FROM op", "DELETE FROM record", "DELETE FROM history"}) lose(county, sql);
  set_aside(county);
  const auto store = county.open_again();
  REQUIRE(store->list({})->empty());
  const auto saved = store->capture({"incident", R"({"category":"drainage","text":"堵"})", {}, {}});
  const auto changes = store->changes_since(token, limits::page_rows_max);
  REQUIRE(changes->records.size() == 1);
  CHECK(changes->records.front() == saved->id);
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

TEST_CASE("the device that the code was used for still vouches when the file was mended") {
  County county;
  std::string device;
  Signature word{};
  {
    const auto store = county.phone();
    Outbox outbox(*store);
    device = store->identity().device;
    word = outbox.sign("a word").value();
    REQUIRE(outbox.new_device_key().ok());
    Identity another = store->identity();
    another.device = "d-again";
    REQUIRE(outbox.become(another).ok());
  }
  set_aside(county);
  const auto store = county.open_again();
  REQUIRE(store->status()->salvage);
  REQUIRE(Outbox(*store).first_device().value() == device);
  const auto again = Outbox(*store).sign_as_first_device("a word");
  REQUIRE(again.ok());
  CHECK(*again == word);
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
  const auto files = [&] {
    const std::filesystem::directory_iterator all(county.directory());
    return std::distance(begin(all), end(all));
  };
  const auto open = [&] {
    const auto opened = Store::open(county.options());
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == ErrorCode::store_corrupt);
    CHECK(opened.error().field == "identity");
  };
  open();
  const auto first = files();
  open();
  open();
  CHECK(files() == first);
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

TEST_CASE("whichever page of a file is damaged, the store opens and gives what its sound part names") {
  County county;
  const Told told = fill(county, 11);
  const std::string path = county.directory() + "/julu.db";
  const std::string whole = read_file(path);
  int salvaged = 0;
  const auto pages = static_cast<std::int64_t>(whole.size()) / kPage;
  for (std::int64_t page = 0; page < pages; ++page) {
    for (const auto& entry : std::filesystem::directory_iterator(county.directory())) {
      if (entry.path().filename() != "ballast") std::filesystem::remove(entry.path());
    }
    std::ofstream(path, std::ios::binary) << whole;
    damage(path, page, 1);
    const auto opened = Store::open(county.options());
    INFO("page " << page);
    REQUIRE(opened.ok());
    if (const auto status = (*opened)->status(); status && status->salvage) {
      ++salvaged;
      check_saved(**opened, told);
    }
  }
  CHECK(salvaged > 0);
}

TEST_CASE("a damaged first page is no wrong key, and a wrong key no damaged page") {
  County county;
  const Told told = fill(county, 12);
  const std::string path = county.directory() + "/julu.db";
  auto held = county.open_again();
  REQUIRE(held->suspend().ok());
  SECTION("alone") { damage(path, 0, 1); }
  SECTION("with those behind it") { damage(path, 0, 4); }
  SECTION("with the list of tables") {
    const auto pages = static_cast<std::int64_t>(read_file(path).size()) / kPage;
    std::int64_t list = 0;
    {
      const auto db = database_of(county);
      list = *db->integer("SELECT max(rootpage) FROM sqlite_schema").value();
    }
    damage(path, 0, 1);
    damage(path, list, std::min<std::int64_t>(pages - list, 2));
  }
  const std::string before = read_file(path);
  if (has_cipher()) {
    Store::Options wrong = county.options();
    wrong.key.fill(0x11);
    CHECK(Store::open(wrong).error().code == ErrorCode::store_key);
    CHECK(held->resume(wrong.key).error().code == ErrorCode::store_key);
    CHECK((read_file(path) == before));
    CHECK(!std::filesystem::exists(path + "-damaged"));
  }
  CHECK(held->resume(county.key).error().code == ErrorCode::store_corrupt);
  auto store = county.open_again();
  REQUIRE((*store->status()).salvage);
  check_saved(*store, told);
  CHECK((read_file(path) == before));
  store.reset();
  damage(county.directory() + "/julu-2.db", 0, 1);  // and the next one
  check_saved(*county.open_again(), told);
}

TEST_CASE("a first page that is whole in the log alone is found there") {
  County county;
  fill(county, 13);
  auto held = county.open_again();  // so that the log stays
  const auto late = held->capture({"incident", R"({"category":"drainage","text":"村东头排水沟堵了"})", {}, {}});
  REQUIRE(late.ok());
  const std::string copy = county.folder.file("copy");
  std::filesystem::create_directory(copy);
  for (const char* name : {"/julu.db", "/julu.db-wal"})
    std::filesystem::copy_file(county.directory() + name, copy + name);
  damage(copy + "/julu.db", 0, 1);
  std::ofstream(copy + "/julu.db-damaged") << "x";
  Store::Options options = county.options();
  options.directory = copy;
  const auto store = Store::open(options);
  REQUIRE(store.ok());
  CHECK((*store)->get(late->id)->has_value());
  CHECK((*store)->status()->unsent_ops == held->status()->unsent_ops);
}

TEST_CASE("who the device is and what it has to ask outlive the page that says it") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture({"incident", R"({"category":"drainage","text":"村东头排水沟堵了"})", {}, {}});
  REQUIRE(saved.ok());
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(Outbox(*store).note_ping({kEpoch + 1, county.clock.now_ms(), 0}).ok());
  REQUIRE(store->status()->confirming);
  const std::string device = store->identity().device;
  store.reset();
  std::int64_t meta = 0;
  {
    const auto db = database_of(county);
    meta = *db->integer("SELECT rootpage FROM sqlite_schema WHERE name = 'meta'").value();
  }
  damage(county.directory() + "/julu.db", meta - 1, 1);
  store = county.open_again();
  REQUIRE(store->status()->salvage);
  CHECK(store->status()->confirming);  // the restore may have taken the report
  CHECK(store->identity().device == device);
  CHECK(store->get(saved->id)->has_value());
}

TEST_CASE("damage that only the commit comes upon sets the file aside at the next open") {
  County county;
  const Told told = fill(county, 60);
  const std::int64_t ops_root =
      database_of(county)->integer("SELECT rootpage FROM sqlite_schema WHERE name = 'op'").value().value();
  damage(county.directory() + "/julu.db", ops_root - 1, 1);
  {
    const auto store = county.open_again();
    const auto leased = Outbox(*store).acquire_lease();  // no op is read for it but the one that carries the sum
    REQUIRE_FALSE(leased.ok());
    REQUIRE(leased.error().code == ErrorCode::store_corrupt);
  }
  const auto store = county.open_again();
  check_saved(*store, told);
}

namespace {

/// How many rows of `sql` a damaged file gives before the first that cannot be read; nothing when it gives all.
std::optional<std::int64_t> rows_before_damage(County& county, const char* sql) {
  store::Connection::Options options;
  options.path = county.directory() + "/julu.db";
  options.damaged = options.read_only = true;
  if (county.options().encrypted) options.key = county.key;
  const auto db = store::Connection::open(options);
  if (!db) return std::nullopt;
  store::Query row = (*db)->query(sql);
  for (std::int64_t rows = 0;; ++rows) {
    const auto there = row.step();
    if (!there) return rows;
    if (!*there) return std::nullopt;
  }
}

}  // namespace

TEST_CASE("a photo that is whole is not lost with the page of the next one") {
  constexpr int kPhotos = 3;
  County county;
  fill(county, 10 * kPhotos);
  const std::string path = county.directory() + "/julu.db";
  const std::string sound = read_file(path);
  int damaged = 0;
  for (std::int64_t page = 1; page < static_cast<std::int64_t>(sound.size()) / kPage; ++page) {
    std::filesystem::remove_all(county.directory());
    std::filesystem::create_directories(county.directory());
    std::ofstream(path, std::ios::binary) << sound;
    damage(path, page, 1);
    const auto before = rows_before_damage(county, "SELECT id FROM chunk ORDER BY id");
    if (before.value_or(0) == 0) continue;
    INFO("page " << page + 1 << ", photos before it " << *before);
    ++damaged;
    set_aside(county);
    const auto store = county.open_again();
    CHECK(store->status()->salvage->photos_lost <= kPhotos - *before);
  }
  CHECK(damaged > 0);
}

TEST_CASE("who follows the changes hears of what comes after damage took every record") {
  County county;
  std::int64_t token = 0;
  {
    const auto store = county.phone();
    for (int i = 0; i < 3; ++i) REQUIRE(store->capture({"household", R"({"address":"堤村 1 号"})", {}, {}}).ok());
    token = store->changes_since(0)->token;
  }
  lose(county, "DELETE FROM record");
  lose(county, "DELETE FROM op");
  set_aside(county);
  const auto store = county.open_again();
  const auto saved = store->capture({"household", R"({"address":"堤村 2 号"})", {}, {}});
  CHECK(store->changes_since(token)->records == std::vector<std::string>{saved->id});
}

TEST_CASE("a photo that was given up stays to be seen where damage takes the op that named it") {
  County county;
  const std::string picture = county.folder.write("p.jpg", make_jpeg_of_about(5'000, 5));
  std::string given_up;
  {
    const auto store = county.phone();
    county.publish_key(*store);
    given_up = store->capture({"visit", R"({"text":"走访"})", {}, {}})->id;
    std::int64_t version = kFirstVersion;
    REQUIRE(county.apply_all(*store, version) == 1);
    REQUIRE(store->attach(given_up, {{picture, "near"}}).ok());
    OpResult refused;
    refused.status = OpStatus::rejected;
    REQUIRE(Outbox(*store).photo_uploaded(*parse_hash(store->get(given_up)->value().photos[0].sha256)).ok());
    answer_all(county, *store, refused);
    REQUIRE(store->give_up(given_up).ok());
  }
  lose(county, "DELETE FROM op WHERE verb = 3");
  set_aside(county);
  const auto store = county.open_again();
  const auto shown = store->get(given_up)->value().photos;
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].here);
  CHECK_FALSE(shown[0].delivered);
}

TEST_CASE("who follows the feed over two salvages is told of a record of which only ops are left") {
  County county;
  std::string id;
  std::int64_t token = 0;
  {
    const auto store = county.phone();
    county.publish_key(*store);
    id = store->capture({"household", R"({"address":"堤村 1 号"})", {}, {}})->id;
    county.clock.advance(1000);
    REQUIRE(store->capture({"household", R"({"address":"堤村 2 号"})", {}, {}}).ok());
    std::int64_t version = kFirstVersion;
    REQUIRE(county.apply_all(*store, version) == 2);
  }
  set_aside(county);
  token = county.open_again()->changes_since(0)->token;
  const std::string second = county.directory() + "/julu-2.db";
  {
    store::Connection::Options options;
    options.path = second;
    options.key = county.options().encrypted ? std::optional(county.key) : std::nullopt;
    const auto db = store::Connection::open(options);
    REQUIRE(db.ok());
    REQUIRE((*db)->run("DELETE FROM record WHERE id = ?1", *parse_id(id)).ok());
  }
  std::ofstream(second + "-damaged") << "!";
  const auto store = county.open_again();
  CHECK(store->changes_since(token)->records.size() == 2);
}
