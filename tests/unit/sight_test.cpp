// What a worker is shown of a record: its past in order, what search finds, and what the feed tells of it.
#include <fstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/limits.h>

#include "jpeg.h"
#include "scripted_county.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
const std::string kHousehold = "01980000-0000-7000-8000-000000000001";
const std::string kOther = "01980000-0000-7000-8000-000000000002";

Capture incident() {
  return {.kind = "incident", .body = R"({"category":"drainage","text":"堵"})", .photos = {}, .id = {}};
}

Change household(const std::string& id, const std::string& body, std::int64_t version) {
  Change change;
  change.kind = "household";
  change.id = id;
  change.version = kFirstVersion + version;
  change.body = body;
  return change;
}

void pull(Store& store, std::vector<Change> changes) {
  static int page = 0;
  REQUIRE(Inbox(store).apply({kEpoch, std::move(changes), "p" + std::to_string(++page), false}).ok());
}

std::vector<std::string> past_of(Store& store, const std::string& id) {
  std::vector<std::string> past;
  const auto history = store.history(id);
  REQUIRE(history.ok());
  for (const HistoryEntry& entry : *history) past.push_back(entry.action.empty() ? entry.what : entry.action);
  return past;
}

ChangeAction step(const std::string& id, std::int64_t number, const std::string& action, const std::string& state,
                  std::int64_t at_ms) {
  ChangeAction made;
  made.id = *parse_id(id);
  made.number = number;
  made.action = action;
  made.state = state;
  made.at_ms = at_ms;
  made.body = R"({"action":")" + action + "\"}";
  return made;
}

std::vector<std::string> found(Store& store, const std::string& words, const std::string& kind) {
  Filter filter;
  filter.search = words;
  filter.kind = kind;
  filter.limit = 2;
  std::vector<std::string> ids;
  for (;;) {
    const auto page = store.list(filter);
    REQUIRE(page.ok());
    for (const Record& record : *page) ids.push_back(record.id);
    if (page->size() < 2) return ids;
    filter.before = ids.back();
  }
}

}  // namespace

TEST_CASE("the past of a report is in the order in which it happened, whatever the clocks said") {
  County county;
  const auto store = county.phone();
  const auto saved = store->capture(incident());
  REQUIRE(saved.ok());
  SECTION("its own clock was set back") {
    county.clock.advance(-kHourMs);
    REQUIRE(store->act(saved->id, "withdraw", R"({"note":"看错了"})").ok());
    CHECK(past_of(*store, saved->id) == std::vector<std::string>{"create", "withdraw"});
  }
  SECTION("its own clock was wrong by years when it was made") {
    const std::int64_t wrong = county.clock.now_ms();
    const auto made = store->capture({.kind = "household", .body = R"({"address":"二"})", .photos = {}, .id = {}});
    county.clock.set_wall(wrong - 1000 * 24 * kHourMs);
    REQUIRE(store->patch(made->id, R"({"note":"乙"})").ok());
    county.clock.advance(kHourMs);
    pull(*store, {household(made->id, R"({"address":"三"})", 2)});
    county.clock.advance(kHourMs);
    pull(*store, {household(made->id, R"({"address":"四"})", 3)});
    CHECK(past_of(*store, made->id) == std::vector<std::string>{"create", "patch", "pulled"});
  }
  SECTION("its own clock is fast, and others' steps bring their own times") {
    const std::int64_t now = county.clock.now_ms();
    const auto rated = store->act(saved->id, "withdraw", R"({"note":"看错了"})");
    REQUIRE(rated.ok());
    const std::string own = store->history(saved->id)->back().op_id;
    Change change;
    change.kind = "incident";
    change.id = saved->id;
    change.version = kFirstVersion + 9;
    change.body = incident().body;
    change.state = "accepted";
    change.actions = {step("01980000-0000-7000-8000-00000000000a", 1, "accept", "accepted", now - kHourMs),
                      step("01980000-0000-7000-8000-00000000000b", 2, "return", "returned", now + kHourMs),
                      step(own, 3, "withdraw", "withdrawn", now),
                      step("01980000-0000-7000-8000-00000000000c", 4, "accept", "accepted", now - 2 * kHourMs)};
    pull(*store, {change});
    CHECK(past_of(*store, saved->id) == std::vector<std::string>{"create", "accept", "return", "withdraw", "accept"});
  }
}

TEST_CASE("the note of somebody else's step stands in the past, wherever the platform says it") {
  ScriptedCounty c;
  const std::string said_twice = GENERATE(R"(,"body":{"action":"accept","note":"已派人"})", "");
  const std::string step = R"({"id":"01980000-0000-7000-8000-000000000003","number":1,"action":"accept","at_ms":1,)"
                           R"("note":"已派人","state":"accepted")" +
                           said_twice + "}";
  c.pages.push_back(c.pull_page(R"({"kind":"incident","id":")" + kOther + R"(","version":4294967400,)" +
                                    R"("body":{"category":"drainage","text":"堵"},"actions":[)" + step + "]}",
                                kOther + ":4294967400\n"));
  c.run();
  const auto past = *c.store->history(kOther);
  REQUIRE(past.size() == 1);
  CHECK(past[0].detail.find("已派人") != std::string::npos);
}

TEST_CASE("nothing of a record that left the scope stays on the phone") {
  County county;
  const auto store = county.phone();
  pull(*store, {household(kHousehold, R"({"address":"堤村 1 号","note":"旧"})", 1)});
  pull(*store, {household(kHousehold, R"({"address":"堤村 1 号","note":"新"})", 2)});
  REQUIRE_FALSE(store->history(kHousehold)->empty());
  Change gone = household(kHousehold, "", 3);
  gone.removed = true;
  pull(*store, {gone});
  CHECK_FALSE(store->get(kHousehold)->has_value());
  CHECK(store->history(kHousehold)->empty());
}

TEST_CASE("that somebody else deleted a record stands in its past") {
  County county;
  const auto store = county.phone();
  pull(*store, {household(kHousehold, R"({"address":"堤村 1 号"})", 1)});
  Change deleted = household(kHousehold, R"({"address":"堤村 1 号"})", 2);
  deleted.deleted = true;
  pull(*store, {deleted});
  const auto history = store->history(kHousehold);
  REQUIRE(history->size() == 1);
  CHECK(history->front().what == "pulled");
  CHECK(history->front().detail.find(R"("to":null)") != std::string::npos);
}

TEST_CASE("the arrival of a photo is told of each record that shows it") {
  County county;
  const auto store = county.phone();
  const std::string jpeg = make_jpeg({});
  std::vector<Change> changes = {household(kHousehold, R"({"address":"甲"})", 1),
                                 household(kOther, R"({"address":"乙"})", 2)};
  for (Change& change : changes) {
    change.photos.push_back({sha256(jpeg), static_cast<std::int64_t>(jpeg.size()), "near", std::nullopt});
  }
  pull(*store, changes);
  const std::int64_t token = store->changes_since(0)->token;
  REQUIRE(Inbox(*store).store_photo(sha256(jpeg), jpeg).ok());
  const auto told = store->changes_since(token, 1);
  REQUIRE(told->records.size() == 1);
  CHECK(told->more);
  CHECK(store->changes_since(told->token)->records.size() == 1);
}

TEST_CASE("who follows the feed sees all again when the file was restored from a copy") {
  County county;
  auto store = county.phone();
  for (int i = 0; i < 2; ++i) REQUIRE(store->capture(incident()).ok());
  const auto rest = [&] {
    REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
    store.reset();
  };
  rest();
  const std::string path = county.directory() + "/julu.db";
  const std::string copy = read_file(path);
  store = county.open_again();
  for (int i = 0; i < 3; ++i) REQUIRE(store->capture(incident()).ok());
  const std::int64_t token = store->changes_since(0)->token;
  rest();
  std::ofstream(path, std::ios::binary) << copy;
  store = county.open_again();
  CHECK(store->changes_since(token)->records.size() == 2);
  // Its numbers pass the token before the county finds that the chain has forked.
  for (int i = 0; i < 4; ++i) REQUIRE(store->capture(incident()).ok());
  CHECK(store->changes_since(token)->records.size() == 1);
  Outbox outbox(*store);
  REQUIRE(outbox.new_device_key().ok());
  Identity identity = store->identity();
  identity.device = "d-again";
  REQUIRE(outbox.become(identity).ok());
  CHECK(store->changes_since(token)->records.size() == 6);
}

TEST_CASE("search of one kind finds that kind alone, indexed or not, page by page") {
  County county;
  const auto store = county.phone();
  std::vector<std::string> reports;
  for (int i = 0; i < 5; ++i) {
    county.clock.advance(1000);
    REQUIRE(store->capture({.kind = "household", .body = R"({"address":"堵村"})", .photos = {}, .id = {}}).ok());
    reports.insert(reports.begin(), store->capture(incident())->id);
    if (i == 2) REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
  }
  CHECK(found(*store, "堵", "incident") == reports);
  CHECK(found(*store, "堵", "household").size() == 5);
  CHECK(found(*store, "堵", "").size() == 10);
  REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
  CHECK(found(*store, "堵", "incident") == reports);
}

TEST_CASE("spaces of any width part the words of a search, and punctuation is none") {
  County county;
  const auto store = county.phone();
  Capture report = incident();
  report.body = R"({"category":"drainage","text":"张三家门口，堤村东头"})";
  const std::vector<std::string> there{store->capture(report)->id};
  for (const bool indexed : {false, true}) {
    if (indexed) REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
    INFO(indexed);
    for (const std::string query : {"张三 堤村", "张三\u3000堤村", "张三\u00A0堤村", "张三\r堤村", "张三 ，堤村",
                                    "门口，堤村", "门口堤村", "堤村 😀", "， 堤村"})
      CHECK(found(*store, query, "") == there);
    for (const std::string query : {"，", "😀", "三张", "张三　李四"}) CHECK(found(*store, query, "").empty());
  }
}

TEST_CASE("a person is found by the first letters of the name, a surname as it is read as one") {
  County county;
  const auto store = county.phone();
  const auto person = [&](const std::string& name) {
    return store->capture({.kind = "person", .body = R"({"name":")" + name + "\"}", .photos = {}, .id = {}})->id;
  };
  const std::vector<std::string> zhang{person("张三")}, shan{person("单雄信")}, ouyang{person("欧阳·A 明")};
  const bool indexed = GENERATE(false, true);
  if (indexed) REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
  for (const char* words : {"zs", "ZS", "z", "张", "三"}) CHECK(found(*store, words, "") == zhang);
  for (const char* words : {"sxx", "dxx", "sx"}) CHECK(found(*store, words, "person") == shan);
  CHECK(found(*store, "oym", "") == ouyang);
  CHECK(found(*store, "s", "") == shan);  // the beginning of a name, not its middle
}

TEST_CASE("a short number stands for a record that is there") {
  County county;
  const auto store = county.phone();
  const std::string id = store->capture(incident())->id;
  CHECK(store->find_id(id).value() == id);
  CHECK(store->find_id(kOther).error().code == ErrorCode::record_unknown);
  CHECK(id.ends_with(store->short_id(id).value()));
  CHECK(store->short_id(std::string(32, '%')).error().code == ErrorCode::bad_argument);
}

TEST_CASE("a short number has the fewest digits, four at least, that no other record ends with") {
  County county;
  const auto store = county.phone();
  const auto short_of = [&](const char* end) {
    return store->short_id("018f0000-0000-7000-8000-" + std::string(end)).value();
  };
  for (const char* end : {"00000012abcd", "00000112abcd", "00000019abcd", "00000000abce"}) {
    Capture capture = incident();
    capture.id = "018f0000-0000-7000-8000-" + std::string(end);
    REQUIRE(store->capture(capture).ok());
    CHECK(store->find_id(short_of(end)).value() == capture.id);
  }
  CHECK(short_of("00000012abcd") == "012abcd");
  CHECK(short_of("00000112abcd") == "112abcd");
  CHECK(short_of("00000019abcd") == "9abcd");
  CHECK(short_of("00000000abce") == "abce");
}

TEST_CASE("what waits, or was refused, is listed by itself") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    county.clock.advance(1);
    ids.push_back(store->capture(incident())->id);
  }
  Outbox outbox(*store);
  const auto ops = *outbox.next_ops(2, 1 << 20);
  std::int64_t version = kFirstVersion;
  REQUIRE(outbox.park(ops.at(0), {"schema", {}, {}, {}}).ok());
  std::vector<OpResult> applied(1);
  applied[0].status = OpStatus::applied;
  applied[0].version = ++version;
  REQUIRE(outbox.settle({ops.at(1)}, applied, county.sign(store->identity().device, {ops.at(1)}, applied)).ok());
  const auto listed = [&](std::optional<Delivery> delivery) {
    Filter filter;
    filter.delivery = delivery;
    filter.limit = 1;  // over several pages
    std::vector<std::string> found;
    for (auto page = *store->list(filter); !page.empty(); page = *store->list(filter)) {
      found.insert(found.begin(), page.front().id);
      filter.before = page.front().id;
    }
    return found;
  };
  CHECK(listed(Delivery::parked) == std::vector<std::string>{ids[0]});
  CHECK(listed(Delivery::delivered) == std::vector<std::string>{ids[1]});
  CHECK(listed(Delivery::saved) == std::vector<std::string>{ids[2], ids[3]});
  CHECK(listed(std::nullopt) == ids);
}

TEST_CASE("a page has at least a row and at most as many as the bound says") {
  County county;
  const auto store = county.phone();
  for (const int limit : {1, limits::page_rows_max}) {
    CHECK(store->list({.limit = limit}).ok());
    CHECK(store->changes_since(0, limit).ok());
  }
  for (const int limit : {0, -1, limits::page_rows_max + 1}) {
    CHECK(store->list({.limit = limit}).error().field == "limit");
    CHECK(store->changes_since(0, limit).error().field == "limit");
  }
}

TEST_CASE("a report under an id of the shell's own stands where its time is") {
  County county;
  const auto store = county.phone();
  Capture capture = incident();
  capture.id = store->new_id();
  CHECK(store->capture(capture)->id == capture.id);
  county.clock.advance(1000);
  const std::string later = store->capture(incident())->id;
  CHECK(store->list({})->front().id == later);
  capture.id = "f1980000-0000-4000-8000-000000000001";
  const auto refused = store->capture(capture);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::bad_argument);
  CHECK(refused.error().field == "/id");
}

TEST_CASE("a record has one spelling of its id, however it was asked for") {
  County county;
  const auto store = county.phone();
  const std::string id =
      store->capture({.kind = "household", .body = R"({"address":"甲"})", .photos = {}, .id = {}})->id;
  std::string loud = id;
  for (char& c : loud) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  CHECK(store->patch(loud, R"({"note":"x"})")->id == id);
  CHECK(store->attach(loud, {{county.folder.write("a.jpg", make_jpeg({})), "near"}})->id == id);
  CHECK(store->remove(loud)->id == id);
}

namespace {

/// The record leaves the scope, and what was signed for it proves nothing any more.
void forget_and_ask_again(County& county, Store& store, const std::string& record, std::int64_t version) {
  Change gone;
  gone.kind = "incident";
  gone.id = record;
  gone.version = version + 5;
  gone.removed = true;
  pull(store, {gone});
  CHECK_FALSE(store.get(record)->has_value());
  Change key = county.receipt_key_row(1);
  key.version += 50;
  pull(store, {key});
}

void check_refusal_in_sight(Store& store, const std::string& record) {
  Filter parked;
  parked.delivery = Delivery::parked;
  REQUIRE(store.list(parked)->size() == 1);
  CHECK(store.list(parked)->front().id == record);
  CHECK(store.status()->parked_ops == 1);
  CHECK(store.resend(record).ok());
}

}  // namespace

TEST_CASE("what is refused of a record that is not here any more is in sight, and has a way on") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture(incident());
  std::int64_t version = kFirstVersion + 10;
  REQUIRE(county.apply_all(*store, version) == 1);
  forget_and_ask_again(county, *store, saved->id, version);
  Outbox outbox(*store);
  const auto due = outbox.next_ops(10, 1 << 20);
  REQUIRE(due->size() == 1);
  REQUIRE(outbox.park(due->front(), {"bad-request", {}, {}, {}}).ok());
  check_refusal_in_sight(*store, saved->id);
}

TEST_CASE("a photo that is refused is in sight, and has a way on, where its record is not here any more") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Capture capture = incident();
  capture.photos = {{county.folder.write("p.jpg", make_jpeg_of_about(20'000, 1)), "near"}};
  const auto saved = store->capture(capture);
  REQUIRE(saved.ok());
  const Hash photo = *parse_hash(saved->photos.at(0));
  Outbox outbox(*store);
  REQUIRE(outbox.photo_uploaded(photo).ok());
  std::int64_t version = kFirstVersion + 10;
  REQUIRE(county.apply_all(*store, version) == 2);
  forget_and_ask_again(county, *store, saved->id, version);
  REQUIRE(outbox.park_photo(photo, {"too-large", {}, {}, {}}).ok());
  check_refusal_in_sight(*store, saved->id);
}
