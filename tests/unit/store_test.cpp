// What a worker relies on: what was said to be saved is there, once, whatever is asked again.
#include <filesystem>
#include <fstream>

#include <catch2/catch_test_macros.hpp>

#include <julu/enrolment.h>
#include <julu/limits.h>

#include "county.h"
#include "sim_disk.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

Capture incident(std::string text = "村东头排水沟堵了") {
  Capture capture;
  capture.kind = "incident";
  capture.body = R"({"category":"drainage","text":")" + text + "\"}";
  return capture;
}

/// Just this record is found; none when `id` is empty.
void check_found(Store& store, const std::string& words, const std::string& id) {
  CAPTURE(words);
  Filter filter;
  filter.search = words;
  const auto found = store.list(filter);
  REQUIRE(found.ok());
  REQUIRE(found->size() == (id.empty() ? 0 : 1));
  if (!id.empty()) CHECK(found->front().id == id);
}

}  // namespace

TEST_CASE("a captured incident is there after the store is opened again") {
  County county;
  std::string id;
  {
    auto store = county.phone();
    const auto saved = store->capture(incident());
    REQUIRE(saved.ok());
    id = saved->id;
  }
  auto store = county.open_again();
  const auto record = store->get(id);
  REQUIRE(record.ok());
  REQUIRE(record->has_value());
  CHECK((*record)->delivery == Delivery::saved);
  CHECK((*record)->state == "reported");
  CHECK((*record)->body == R"({"category":"drainage","text":"村东头排水沟堵了"})");
  CHECK(store->find_id(*store->short_id(id)).value() == id);
}

TEST_CASE("the same capture asked twice is one record, and other content under its id is refused") {
  County county;
  auto store = county.phone();
  Capture capture = incident();
  capture.id = "01980000-0000-7000-8000-000000000001";
  const auto first = store->capture(capture);
  county.clock.advance(60'000);
  const auto second = store->capture(capture);
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(first->captured_at_ms == second->captured_at_ms);
  CHECK(store->list({})->size() == 1);
  capture.body = R"({"category":"drainage","text":"别的内容"})";
  const auto other = store->capture(capture);
  REQUIRE_FALSE(other.ok());
  CHECK(other.error().code == ErrorCode::id_conflict);
  CHECK(store->status()->unsent_ops == 1);
}

TEST_CASE("bad input names its field and writes nothing") {
  County county;
  auto store = county.phone();
  const auto refused = [&](const std::string& body, ErrorCode code, const std::string& field) {
    Capture capture;
    capture.kind = "incident";
    capture.body = body;
    const auto saved = store->capture(capture);
    REQUIRE_FALSE(saved.ok());
    CHECK(saved.error().code == code);
    CHECK(saved.error().field == field);
    CHECK(store->status()->records == 0);
  };
  refused(R"({"text":"没有类别"})", ErrorCode::field_missing, "/category");
  refused("{\"category\":\"road\",\"text\":\"\xFF\xFE\"}", ErrorCode::text_encoding, "/text");
  refused(R"({"category":"road","text":"x","n":1e400})", ErrorCode::number_range, "/n");
  refused(R"({"category":"road","text":"x","n":0.1})", ErrorCode::number_range, "/n");
  refused(R"({"category":"road","text":"x","n":18446744073709551616})", ErrorCode::number_range, "/n");
  refused(R"({"category":"road","text":"x","名字":1})", ErrorCode::key_not_ascii, "/名字");
  std::string long_text;
  for (int i = 0; i < 50'000; ++i) long_text += "长";
  refused(R"({"category":"road","text":")" + long_text + "\"}", ErrorCode::field_too_long, "/text");
  for (int i = 50'000; i < 200'000; ++i) long_text += "长";  // more than a whole body may have
  refused(R"({"category":"road","text":")" + long_text + "\"}", ErrorCode::field_too_long, "/text");
}

TEST_CASE("rare characters and NUL come back as they were typed") {
  County county;
  auto store = county.phone();
  const auto saved = store->capture(incident("𠮷 😀 \\u0000 end"));
  REQUIRE(saved.ok());
  CHECK((*store->get(saved->id))->body == R"({"category":"drainage","text":"𠮷 😀 \u0000 end"})");
}

TEST_CASE("a record is delivered only when a valid receipt covers it") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture(incident());
  Outbox outbox(*store);
  const auto ops = *outbox.next_ops(10, 1 << 20);
  REQUIRE(ops.size() == 1);
  std::vector<OpResult> results(1);
  results[0].status = OpStatus::applied;
  results[0].version = kFirstVersion + 1;

  SECTION("without a receipt it stays saved") {
    CHECK_FALSE(outbox.settle(ops, results, std::nullopt).ok());
    CHECK((*store->get(saved->id))->delivery == Delivery::saved);
  }
  SECTION("a wrong signature changes nothing") {
    Receipt receipt = county.sign(store->identity().device, ops, results);
    receipt.signature[3] ^= 1;
    const auto settled = outbox.settle(ops, results, receipt);
    REQUIRE_FALSE(settled.ok());
    CHECK(settled.error().code == ErrorCode::receipt_invalid);
    CHECK((*store->get(saved->id))->delivery == Delivery::saved);
  }
  SECTION("a receipt for another version changes nothing") {
    Receipt receipt = county.sign(store->identity().device, ops, results);
    results[0].version += 1;
    CHECK_FALSE(outbox.settle(ops, results, receipt).ok());
  }
  SECTION("a key not known yet asks for a pull") {
    Receipt receipt = county.sign(store->identity().device, ops, results);
    receipt.key_id = "k2";
    CHECK(outbox.settle(ops, results, receipt)->receipt_key_unknown);
    CHECK((*store->get(saved->id))->delivery == Delivery::saved);
  }
  SECTION("a receipt of an older epoch proves nothing") {
    REQUIRE(outbox.note_ping({kEpoch + 1, county.clock.now_ms(), 0}).ok());
    REQUIRE(outbox.settle(ops, results, county.sign(store->identity().device, ops, results)).ok());
    CHECK((*store->get(saved->id))->delivery == Delivery::saved);
  }
  SECTION("a valid one delivers it") {
    REQUIRE(outbox.settle(ops, results, county.sign(store->identity().device, ops, results)).ok());
    CHECK((*store->get(saved->id))->delivery == Delivery::delivered);
    CHECK(store->history(saved->id)->front().receipt_key == "k1");
    CHECK(outbox.counts()->ops == 0);
  }
}

TEST_CASE("a reply that comes twice settles once") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture(incident());
  Outbox outbox(*store);
  const auto ops = *outbox.next_ops(10, 1 << 20);
  REQUIRE(ops.size() == 1);
  std::vector<OpResult> results(1);
  results[0].status = OpStatus::applied;
  results[0].version = kFirstVersion + 1;
  const Receipt receipt = county.sign(store->identity().device, ops, results);
  REQUIRE(outbox.settle(ops, results, receipt).ok());
  const auto history = store->history(saved->id)->size();
  static_cast<void>(outbox.settle(ops, results, receipt));
  CHECK((*store->get(saved->id))->delivery == Delivery::delivered);
  CHECK((*store->get(saved->id))->version == kFirstVersion + 1);
  CHECK(store->history(saved->id)->size() == history);
  CHECK(outbox.counts()->ops == 0);
  CHECK(store->list({})->size() == 1);
}

TEST_CASE("a refused op is parked with its reason and goes again when a person says so") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const auto saved = store->capture(incident());
  Outbox outbox(*store);
  auto ops = *outbox.next_ops(10, 1 << 20);
  std::vector<OpResult> results(1);
  results[0].status = OpStatus::rejected;
  results[0].problem = {"schema", "类别不存在", "", "/category"};
  REQUIRE(outbox.settle(ops, results, std::nullopt).ok());
  auto record = **store->get(saved->id);
  CHECK(record.delivery == Delivery::parked);
  CHECK(record.problem->field == "/category");
  CHECK(record.problem_text == "类别不存在");
  CHECK(outbox.next_ops(10, 1 << 20)->empty());
  CHECK(store->history(saved->id)->back().standing == "refused");

  REQUIRE(store->resend(saved->id).ok());
  const auto again = *outbox.next_ops(10, 1 << 20);
  REQUIRE(again.size() == 1);
  CHECK(again[0].op_id != ops[0].op_id);
  CHECK(again[0].canonical.find("\"replaces\":[\"" + ops[0].op_id.text() + "\"]") != std::string::npos);
  std::int64_t version = kFirstVersion;
  CHECK(county.apply_all(*store, version) == 1);
  CHECK((*store->get(saved->id))->delivery == Delivery::delivered);
  CHECK(store->history(saved->id)->back().standing == "delivered");
}

TEST_CASE("a step that needs a note is not taken without one") {
  County county;
  const auto store = county.phone();
  const auto saved = store->capture(incident());
  for (const char* body : {"", "{}", R"({"note":""})"}) {
    const auto step = store->act(saved->id, "resolve_on_spot", body);
    CHECK(step.error().code == ErrorCode::field_missing);
    CHECK(step.error().field == "/note");
  }
  CHECK(store->act(saved->id, "resolve_on_spot", R"({"note":"已疏通"})").ok());
}

TEST_CASE("one bad record never stops the others, and its own later edits wait behind it") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  Capture household;
  household.kind = "household";
  household.body = R"({"address":"堤村 1 号"})";
  const auto bad = store->capture(household);
  const auto good = store->capture(incident());
  Outbox outbox(*store);
  const auto ops = *outbox.next_ops(10, 1 << 20);
  std::vector<OpResult> results(2);
  results[0].status = OpStatus::rejected;
  results[1].status = OpStatus::applied;
  results[1].version = kFirstVersion + 1;
  REQUIRE(outbox.settle(ops, results, county.sign(store->identity().device, ops, results)).ok());
  CHECK((*store->get(good->id))->delivery == Delivery::delivered);
  REQUIRE(store->patch(bad->id, R"({"note":"改"})").ok());
  CHECK(outbox.next_ops(10, 1 << 20)->empty());
  REQUIRE(store->resend(bad->id).ok());
  CHECK(outbox.next_ops(10, 1 << 20)->size() == 2);
}

TEST_CASE("every waiting op has a next attempt, and a clock set back does not hide it") {
  County county;
  auto store = county.phone();
  REQUIRE(store->capture(incident()).ok());
  Outbox outbox(*store);
  const auto ops = *outbox.next_ops(10, 1 << 20);
  REQUIRE(outbox.defer(ops, ErrorCode::offline, 600'000).ok());
  CHECK(outbox.next_ops(10, 1 << 20)->empty());
  CHECK(outbox.counts()->next_attempt_ms == county.clock.now_ms() + 600'000);
  county.clock.advance(600'000);
  CHECK(outbox.next_ops(10, 1 << 20)->size() == 1);
  REQUIRE(outbox.defer(ops, ErrorCode::offline, 600'000).ok());
  county.clock.set_wall(1'000'000'000'000);
  CHECK(outbox.next_ops(10, 1 << 20)->size() == 1);
  CHECK(outbox.counts()->next_attempt_ms <= county.clock.now_ms());
  CHECK(store->status()->next_attempt_ms <= county.clock.now_ms());
}

TEST_CASE("the chain is gapless and each link covers the one before") {
  County county;
  auto store = county.phone();
  for (int i = 0; i < 5; ++i) REQUIRE(store->capture(incident()).ok());
  const auto ops = *Outbox(*store).next_ops(10, 1 << 20);
  REQUIRE(ops.size() == 5);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    CHECK(ops[i].seq == static_cast<std::int64_t>(i) + 1);
    CHECK(ops[i].hash == sha256(ops[i].canonical));
  }
}

TEST_CASE("an urgent report overtakes older ones") {
  County county;
  auto store = county.phone();
  REQUIRE(store->capture(incident()).ok());
  Capture urgent;
  urgent.kind = "incident";
  urgent.body = R"({"category":"safety","text":"塌方","urgency":"emergency"})";
  const auto saved = store->capture(urgent);
  CHECK(Outbox(*store).next_ops(1, 1 << 20)->front().record.text() == saved->id);
}

TEST_CASE("a pulled version does not lose a pending edit") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  Capture household;
  household.kind = "household";
  household.body = R"({"address":"堤村 1 号","note":"甲"})";
  const auto saved = store->capture(household);
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  REQUIRE(store->patch(saved->id, R"({"note":"乙"})").ok());

  Change theirs;
  theirs.kind = "household";
  theirs.id = saved->id;
  theirs.version = version + 1;
  theirs.body = R"({"address":"堤村 2 号","note":"甲"})";
  PulledPage page{kEpoch, {theirs}, "c2", false};
  REQUIRE(Inbox(*store).apply(page)->changed == 1);
  CHECK(Inbox(*store).apply(page)->changed == 0);  // an echo is no news
  CHECK((*store->get(saved->id))->body == R"({"address":"堤村 2 号","note":"乙"})");

  SECTION("disjoint edits merge and go again under the new version") {
    Outbox outbox(*store);
    const auto ops = *outbox.next_ops(10, 1 << 20);
    REQUIRE(ops.size() == 1);
    std::vector<OpResult> results(1);
    results[0].status = OpStatus::stale;
    results[0].current = theirs;
    REQUIRE(outbox.settle(ops, results, std::nullopt).ok());
    const auto again = *outbox.next_ops(10, 1 << 20);
    REQUIRE(again.size() == 1);
    CHECK(again[0].canonical.find("\"base_version\":" + std::to_string(theirs.version)) != std::string::npos);
    CHECK(again[0].canonical.find(R"("body":{"note":"乙"})") != std::string::npos);
    CHECK(again[0].canonical.find(ops[0].op_id.text()) != std::string::npos);
    version = theirs.version;
    CHECK(county.apply_all(*store, version) == 1);
    CHECK((*store->get(saved->id))->delivery == Delivery::delivered);
    CHECK((*store->get(saved->id))->body == R"({"address":"堤村 2 号","note":"乙"})");
  }
}

TEST_CASE("search finds a record at once, before and after it is indexed") {
  County county;
  auto store = county.phone();
  const auto saved = store->capture(incident());
  REQUIRE(store->capture(incident("路灯不亮")).ok());
  for (const bool indexed : {false, true}) {
    if (indexed) REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
    for (const char* words : {"排水", "堵", "村东头 排水"}) check_found(*store, words, saved->id);
    check_found(*store, "没有这个", "");
  }
}

TEST_CASE("search takes what was typed as it is kept") {
  County county;
  const auto store = county.phone();
  const std::string typed = "\xEF\xA7\x9C尧街";  // U+F9DC, which NFC makes 隆
  REQUIRE(store->capture({"household", R"({"address":")" + typed + R"("})", {}, {}}).ok());
  Filter filter;
  filter.search = typed;
  CHECK(store->list(filter)->size() == 1);
  REQUIRE(store->maintain({}).ok());
  CHECK(store->list(filter)->size() == 1);
}

TEST_CASE("search finds numbers with what stands between their digits, before and after they are indexed") {
  County county;
  auto store = county.phone();
  const auto saved = store->capture(incident("3-2-501 漏水，电话 0319-8812345"));
  REQUIRE(store->capture(incident("32501 无关")).ok());
  for (const bool indexed : {false, true}) {
    if (indexed) REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
    for (const char* words : {"3-2-501", "0319-88", "2-5", "3-2-501 漏水", "\"漏水\"", "漏水 -"}) {
      check_found(*store, words, saved->id);
    }
    check_found(*store, "-", "");
  }
}

TEST_CASE("search gives every hit, page by page, also where the words of some have changed since") {
  County county;
  auto store = county.phone();
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) {
    county.clock.advance(1000);
    ids.push_back(store->capture({"household", R"({"address":"堤村东街"})", {}, {}})->id);
  }
  REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
  for (const int i : {11, 10, 7}) REQUIRE(store->patch(ids[static_cast<std::size_t>(i)], R"({"address":"西头"})").ok());
  REQUIRE(store->patch(ids[1], R"({"note":"又一次"})").ok());
  std::vector<std::string> found;
  Filter filter;
  filter.search = "东街";
  filter.limit = 3;
  for (;;) {
    const auto page = *store->list(filter);
    for (const Record& record : page) found.push_back(record.id);
    if (page.size() < 3) break;
    filter.before = page.back().id;
  }
  CHECK(found == std::vector<std::string>{ids[9], ids[8], ids[6], ids[5], ids[4], ids[3], ids[2], ids[1], ids[0]});
}

TEST_CASE("two processes may use one store; the second Syncer is told that one runs") {
  County county;
  auto first = county.phone();
  auto second = county.open_again();
  REQUIRE(first->capture(incident()).ok());
  REQUIRE(second->capture(incident("另一个进程")).ok());
  CHECK(first->list({})->size() == 2);
  REQUIRE(Outbox(*first).acquire_lease().ok());
  const auto refused = Outbox(*second).acquire_lease();
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::sync_in_progress);
  SECTION("until it ends") {
    Outbox(*first).release_lease();
    CHECK(Outbox(*second).acquire_lease().ok());
  }
  SECTION("or its time is over") {
    county.clock.advance(limits::lease_ms + 1);
    CHECK(Outbox(*second).acquire_lease().ok());
  }
  SECTION("or the machine has started anew") {
    county.clock.reboot("boot-2");
    CHECK(Outbox(*second).acquire_lease().ok());
  }
  SECTION("also where a system does not tell its boots apart") {
    Outbox(*first).release_lease();
    county.clock.advance(10LL * 24 * 3600 * 1000);
    REQUIRE(Outbox(*first).acquire_lease().ok());
    county.clock.reboot(county.clock.boot_id());
    CHECK(Outbox(*second).acquire_lease().ok());
  }
}

TEST_CASE("a shell asks what changed and misses nothing") {
  County county;
  auto store = county.phone();
  int woken = 0;
  store->observe([&] { ++woken; });
  const auto first = store->capture(incident());
  const auto second = store->capture(incident("二"));
  CHECK(woken == 2);
  auto changes = *store->changes_since(0, 1);
  CHECK(changes.records == std::vector<std::string>{first->id});
  CHECK(changes.more);
  changes = *store->changes_since(changes.token);
  CHECK(changes.records == std::vector<std::string>{second->id});
  CHECK_FALSE(changes.more);
  CHECK(store->changes_since(changes.token)->records.empty());
}

TEST_CASE("a wrong key, a newer store and none at all are told apart, and the file is left as it is") {
  County county;
  {
    auto store = county.phone();
    for (int i = 0; i < 200; ++i) REQUIRE(store->capture(incident()).ok());
    REQUIRE(store->maintain(std::chrono::seconds(5)).ok());
  }
  Store::Options options = county.options();
  SECTION("a wrong key") {
    if (!has_cipher()) return;
    options.key.fill(1);
    const std::string before = read_file(county.directory() + "/julu.db");
    const auto opened = Store::open(options);
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == ErrorCode::store_key);
    CHECK(read_file(county.directory() + "/julu.db") == before);
    CHECK(Store::open(county.options()).ok());
  }
  SECTION("a store of a newer version") {
    REQUIRE(database_of(county)->script("PRAGMA user_version = 99").ok());
    const auto opened = Store::open(options);
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == ErrorCode::store_newer);
    const auto db = database_of(county);
    CHECK(db->integer("SELECT count(*) FROM record").value() == 200);
    CHECK(db->integer("PRAGMA user_version").value() == 99);
  }
  SECTION("no store at all") {
    options.directory += "-not-there";
    CHECK(Store::open(options).error().code == ErrorCode::store_missing);
  }
}

TEST_CASE("opening a store writes nothing, so that a full disk does not lock the worker out") {
  County county;
  SimDisk disk(*county.random);
  const Store::Options options = county.enrolled(disk.vfs());
  disk.set_capacity(disk.used());
  const std::int64_t steps = disk.steps();
  const auto store = Store::open(options);
  REQUIRE(store.ok());
  CHECK((*store)->list({}).ok());
  CHECK(disk.steps() == steps);
}

TEST_CASE("the store's file is the worker's alone") {
  County county;
  auto store = county.phone();
  const auto mode = std::filesystem::status(county.directory() + "/julu.db").permissions();
  CHECK((mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
        std::filesystem::perms::none);
  const auto wal = std::filesystem::status(county.directory() + "/julu.db-wal").permissions();
  CHECK((wal & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
        std::filesystem::perms::none);
}

TEST_CASE("nothing that a worker typed stands readable on the disk") {
  if (!has_cipher()) return;
  County county;
  auto store = county.phone();
  REQUIRE(store->capture(incident("findable plain words")).ok());
  for (const auto& entry : std::filesystem::directory_iterator(county.directory())) {
    CHECK(read_file(entry.path().string()).find("findable") == std::string::npos);
  }
}

namespace {

// A plain store of one report, in whose file `from` became `to`.
struct DamagedStore {
  DamagedStore(const std::string& from, const std::string& to) {
    Enrolment::Options enrolling{.root = county.folder.file("plain"),
                                 .encrypted = false,  // so that the test can write into the file
                                 .platform = "http://127.0.0.1:1",
                                 .code = {},
                                 .consent_at_ms = 1,
                                 .clock = &county.clock,
                                 .random = county.random.get(),
                                 .vfs = {}};
    Identity identity;
    identity.device = "device-1";
    identity.worker = "W-0412";
    identity.role = "worker";
    identity.root_key = public_key(county.root_key);
    options = county.options();
    options.encrypted = false;
    options.directory = (*Enrolment::begin(enrolling))->finish(identity).value();
    {
      const auto store = *Store::open(options);
      id = store->capture(incident())->id;
      REQUIRE(store->maintain(std::chrono::seconds(1)).ok());
    }
    const std::string path = options.directory + "/julu.db";
    std::string bytes = read_file(path);
    REQUIRE(from.size() == to.size());
    REQUIRE(bytes.find(from) != std::string::npos);
    bytes.replace(bytes.find(from), from.size(), to);
    std::ofstream(path, std::ios::binary) << bytes;
  }

  County county;
  Store::Options options;
  std::string id;
};

}  // namespace

TEST_CASE("what is captured while the clock stands before 1970 has a time that the county takes") {
  County county;
  const auto store = county.phone();
  county.clock.set_wall(-28'800'000);
  const auto saved = store->capture(incident());
  REQUIRE(saved.ok());
  CHECK((*store->get(saved->id))->captured_at_ms == 0);
  const auto due = Outbox(*store).next_ops(1, 1 << 20);
  REQUIRE(due->size() == 1);
  CHECK(due->front().canonical.find("\"captured_at_ms\":0,") != std::string::npos);
}

TEST_CASE("a step's note that has to be there is more than blanks") {
  County county;
  const auto store = county.phone();
  const auto saved = store->capture(incident());
  Change resolved;
  resolved.kind = "incident";
  resolved.id = saved->id;
  resolved.version = kFirstVersion + 5;
  resolved.body = R"({"category":"drainage","text":"堵"})";
  resolved.state = "resolved";
  resolved.actions = {{make_id(county.clock, system_random()), 1, "resolve", "L-1", "leader", "", 1, "resolved", "{}"}};
  REQUIRE(Inbox(*store).apply({kEpoch, {resolved}, "c1", false}).ok());
  for (const std::string note : {"", " ", "　\\t", "\\n"}) {
    const auto refused = store->act(saved->id, "reopen", R"({"note":")" + note + "\"}");
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::field_missing);
    CHECK(refused.error().field == "/note");
  }
  CHECK(store->act(saved->id, "reopen", R"({"note":"还堵"})").ok());
}

TEST_CASE("JSON in a damaged file that has another type is an error, never an exception") {
  const DamagedStore whose(R"("role":"worker")", R"("role":12345678)");
  CHECK(Store::open(whose.options).error().code == ErrorCode::store_corrupt);
  const DamagedStore when(R"("monotonic_ms":5000)", R"("monotonic_ms":"00")");
  const auto store = Store::open(when.options);
  REQUIRE(store.ok());
  CHECK((*store)->history(when.id).error().code == ErrorCode::store_corrupt);
  CHECK((*store)->get(when.id).ok());
  const auto again = Store::open(when.options);
  REQUIRE(again.ok());
  CHECK_FALSE((*again)->status()->salvage);  // one row's fault is no reason to leave the file
}
