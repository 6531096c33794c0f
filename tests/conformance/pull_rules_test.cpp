// openapi.yaml /v1/pull: what a worker gets to see, page by page.
#include <catch2/catch_test_macros.hpp>

#include "office.h"

using namespace julu;
using namespace julu::test;

TEST_CASE("a first pull brings receipt key, schemas and flows, and every page has its checksum") {
  Office office;
  Device device(office, "W-1");
  std::string cursor;
  std::map<std::string, std::string> kinds;
  for (bool more = true; more;) {
    const Answer page = device.pull(cursor, 2);
    REQUIRE(page.status == 200);
    CHECK(page.body["epoch"] == 1);
    CHECK(page.body["changes"].size() <= 2);
    std::string lines;
    for (const Json& row : page.body["changes"]) {
      lines += row["id"].get<std::string>() + ":" + row["version"].dump() + "\n";
      kinds[row["id"]] = row["kind"];
    }
    CHECK(page.body["checksum"] == hex_of(lines));
    cursor = page.body["next"];
    more = page.body["more"];
  }
  CHECK(kinds.at("r1") == "receipt-key");
  for (const char* kind : {"incident", "household", "person", "visit"}) CHECK(kinds.contains(kind));
}

TEST_CASE("a cursor gives what changed since, each row once and as it is now") {
  Office office;
  Device device(office, "W-1");
  const std::string before = [&] {
    const Answer page = device.pull();
    return page.body["next"].get<std::string>();
  }();
  const Json first = device.incident("一");
  const Json second = device.incident("二");
  REQUIRE(device.push({first, second}).status == 200);
  const Answer page = device.pull(before);
  REQUIRE(page.body["changes"].size() == 2);
  CHECK(page.body["changes"][0]["id"] == first["record"]);
  CHECK(page.body["changes"][0]["body"]["text"] == "一");
  CHECK(page.body["changes"][0]["created_by"] == "W-1");
  CHECK(device.pull(page.body["next"]).body["changes"].empty());
  CHECK(device.pull(before).body["changes"].size() == 2);
  office.restart();
  CHECK(device.pull(page.body["next"]).body["changes"].empty());
}

TEST_CASE("a worker sees own grids and own reports, a township all grids that begin with its code") {
  Office office;
  Device here(office, "W-1");
  Device there(office, "W-2", "worker", {"130529200203002"});
  Device township(office, "T-1", "township", {"130529200"});
  const Json op = here.incident();
  REQUIRE(here.send(op)["status"] == "applied");
  CHECK(here.pull_all().contains(op["record"]));
  CHECK_FALSE(there.pull_all().contains(op["record"]));
  CHECK(township.pull_all().contains(op["record"]));
}

TEST_CASE("a record that leaves a worker's scope comes as removed without its body, one that enters comes whole") {
  Office office;
  Device maker(office, "T-1", "township", {"130529200"});
  Device here(office, "W-1");
  Device there(office, "W-2", "worker", {"130529200203002"});
  const std::string id = new_id(office);
  REQUIRE(maker.send(maker.op("create", id, "household", {{"address", "堤村"}, {"grid", kGrid}}))["status"] ==
          "applied");
  const Json row = here.pull_all().at(id);
  const std::string here_cursor = here.pull().body["next"];
  const std::string there_cursor = there.pull().body["next"];
  Json move = maker.op("patch", id, "household", {{"grid", "130529200203002"}});
  move["base_version"] = row["version"];
  REQUIRE(maker.send(move)["status"] == "applied");
  const Json left = here.pull(here_cursor).body["changes"];
  REQUIRE(left.size() == 1);
  CHECK(left[0]["removed"] == true);
  CHECK_FALSE(left[0].contains("body"));
  const Json entered = there.pull(there_cursor).body["changes"];
  REQUIRE(entered.size() == 1);
  CHECK(entered[0]["removed"] == false);
  CHECK(entered[0]["body"]["address"] == "堤村");
}

TEST_CASE("a cursor is gone after a new epoch, a change of grids or role, or when it is none") {
  Office office;
  Device device(office, "W-1");
  const std::string cursor = device.pull().body["next"];
  std::string asked = cursor;
  SECTION("a new epoch") { office.platform->new_epoch(); }
  SECTION("other grids") { office.platform->add_worker("W-1", "网格员", "worker", {"130529200203002"}, {"别处"}); }
  SECTION("another role") { office.platform->add_worker("W-1", "网格员", "leader", {kGrid}, {"03"}); }
  SECTION("no cursor of ours") { asked = "what?"; }
  SECTION("a very long one") { asked = cursor + std::string(4000, 'x'); }
  const Answer gone = device.pull(asked);
  CHECK(gone.status == 410);
  CHECK(gone.type() == "cursor-gone");
  CHECK(device.pull().status == 200);
}

TEST_CASE("what is not the caller's is passed over unread, and a bounded number of rows a request") {
  Office office;
  Device device(office, "W-1");
  {
    juhaoban::Database other("platform/platform.db", office.disk.vfs());
    other.script(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
        " INSERT INTO record SELECT 'far-' || i, 'incident', '999', 'W-9', 1, 0, 0, '', 'no JSON', 1 FROM n;"
        "INSERT INTO stream (kind, id) SELECT '', id FROM record");
  }
  const Json op = device.incident();
  REQUIRE(device.send(op)["status"] == "applied");
  std::string cursor;
  std::vector<std::size_t> sizes;
  std::string last;
  for (bool more = true; more && sizes.size() < 10;) {
    const Answer page = device.pull(cursor);
    REQUIRE(page.status == 200);
    REQUIRE(page.body["next"] != cursor);
    sizes.push_back(page.body["changes"].size());
    if (sizes.back() > 0) last = page.body["changes"].back()["id"];
    cursor = page.body["next"];
    more = page.body["more"];
  }
  REQUIRE(sizes.size() == 3);
  CHECK(sizes[1] == 0);
  CHECK(last == op["record"]);
}

TEST_CASE("a deleted record stays in the stream as deleted") {
  Office office;
  Device device(office, "W-1");
  const std::string id = new_id(office);
  const Json created = device.send(device.op("create", id, "household", {{"address", "堤村"}}));
  Json removal = device.op("delete", id, "household");
  removal["base_version"] = created["version"];
  REQUIRE(device.send(removal)["status"] == "applied");
  CHECK(device.pull_all().at(id)["deleted"] == true);
}

TEST_CASE("what the county publishes in place of a built-in schema is pulled by all and held to") {
  Office office;
  Device device(office, "W-1");
  const std::string cursor = device.pull().body["next"];
  Json schema = device.pull_all().at("visit").at("body");
  schema["properties"]["weather"] = {{"type", "string"}, {"maxLength", 20}};
  schema["required"] = {"weather"};
  office.published = {{"schema", "visit", schema}, {"codes", "weather", {{"id", "weather"}}}};
  office.restart();
  const Answer page = device.pull(cursor);
  REQUIRE(page.body["changes"].size() == 2);
  CHECK(page.body["changes"][0]["body"] == schema);
  CHECK(page.body["changes"][1]["kind"] == "codes");
  const Json older = device.send(device.op("create", new_id(office), "visit", {{"text", "走访"}}));
  CHECK(older["status"] == "rejected");
  CHECK(older["problem"]["type"] == "schema");
  CHECK(older["problem"]["pointer"] == "/weather");
  office.restart();
  CHECK(device.pull(page.body["next"]).body["changes"].empty());
}
