// openapi.yaml /v1/reconcile.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "office.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr const char* kDay = "2026-11-24";  // where the test's clock stands, in UTC+08:00

Answer reconcile(Device& device, const Json& days, const Json& head = nullptr) {
  Json body{{"device", device.identity["device"]}, {"days", days}};
  if (!head.is_null()) body["head"] = head;
  return device.ask({"POST", "/v1/reconcile", body.dump(), {}, {}, {}});
}

Json day_of(const std::vector<Json>& ops) {
  std::vector<std::string> hashes;
  for (const Json& op : ops) hashes.push_back(hex(hash_of(op)) + "\n");
  std::sort(hashes.begin(), hashes.end());
  std::string lines;
  for (const std::string& one : hashes) lines += one;
  return {kDay, ops.size(), hex_of(lines)};
}

}  // namespace

TEST_CASE("equal days differ in nothing, and a day that differs is named with its ops") {
  Office office;
  Device device(office, "W-1");
  const std::vector<Json> ops{device.incident("一"), device.incident("二")};
  REQUIRE(device.push(ops).status == 200);
  const Answer same = reconcile(device, Json::array({day_of(ops)}));
  REQUIRE(same.status == 200);
  CHECK(same.body["differ"].empty());
  CHECK(same.body["holds"] == 2);
  CHECK(same.body["days"] == Json::array({day_of(ops)}));
  const Answer less = reconcile(device, Json::array({day_of({ops[0]})}));
  REQUIRE(less.body["differ"].size() == 1);
  CHECK(less.body["differ"][0]["day"] == kDay);
  CHECK(less.body["differ"][0]["ops"].size() == 2);
  const Answer lost = reconcile(device, Json::array({day_of(ops), {"2026-11-20", 1, hex_of("")}}));
  REQUIRE(lost.body["differ"].size() == 1);
  CHECK(lost.body["differ"][0]["ops"].empty());
}

TEST_CASE("a day begins at midnight in UTC+08:00") {
  Office office;
  Device device(office, "W-1");
  office.clock.set_wall(1'795'535'999'999);  // 2026-11-24 23:59:59.999
  device.sign_in();
  REQUIRE(device.send(device.incident())["status"] == "applied");
  office.clock.advance(1);
  REQUIRE(device.send(device.incident())["status"] == "applied");
  const Json named = Json::array({{kDay, 1, hex_of("")}, {"2026-11-25", 1, hex_of("")}});
  const Json days = reconcile(device, named).body["days"];
  REQUIRE(days.size() == 2);
  CHECK(days[0][0] == "2026-11-24");
  CHECK(days[1][0] == "2026-11-25");
}

TEST_CASE("an answer is about the days that were named: a new phone does not hear of all that its worker ever sent") {
  Office office;
  Device device(office, "W-1");
  const Json first = device.incident("一");
  REQUIRE(device.send(first)["status"] == "applied");
  office.clock.advance(std::int64_t{24} * 3600 * 1000);
  device.sign_in();
  REQUIRE(device.send(device.incident("二"))["status"] == "applied");
  const Answer answer = reconcile(device, Json::array({day_of({first})}));
  CHECK(answer.body["days"] == Json::array({day_of({first})}));
  CHECK(answer.body["differ"].empty());
  CHECK(reconcile(device, Json::array()).body["days"].empty());
}

TEST_CASE("a question may come as gzip") {
  Office office;
  Device device(office, "W-1");
  const Json op = device.incident();
  REQUIRE(device.send(op)["status"] == "applied");
  const std::string body = Json{{"device", device.identity["device"]}, {"days", Json::array({day_of({op})})}}.dump();
  const Answer answer = device.ask({"POST", "/v1/reconcile", gzipped(body), {{"content-encoding", "gzip"}}, {}, {}});
  REQUIRE(answer.status == 200);
  CHECK(answer.body["differ"].empty());
}

TEST_CASE("the chain is followed from the last link that was verified, and voids fill what was never applied") {
  Office office;
  Device device(office, "W-1");
  const std::vector<Json> ops{device.incident("一"), device.incident("二")};
  REQUIRE(device.push(ops).status == 200);
  CHECK(reconcile(device, Json::array(), device.head()).body["chain"] == Json{{"ok", true}, {"verified_seq", 2}});
  const Json given_up = device.incident("作废");
  const Json third = device.incident("三");
  REQUIRE(device.send(third)["status"] == "applied");
  const Answer missing = reconcile(device, Json::array(), device.head());
  CHECK(missing.body["chain"]["ok"] == false);
  CHECK(missing.body["chain"]["problem"] == "missing");
  CHECK(missing.body["chain"]["verified_seq"] == 2);
  const Json voids = Json::array({{3, given_up["op_id"], hex(hash_of(given_up))}});
  CHECK(reconcile(device, Json::array(), device.head(voids)).body["chain"] == Json{{"ok", true}, {"verified_seq", 4}});
}

TEST_CASE("a head that is not signed by the device, or is another chain's, is named") {
  Office office;
  Device device(office, "W-1");
  REQUIRE(device.push({device.incident()}).status == 200);
  Json head = device.head();
  SECTION("another signature") {
    head["seq"] = 0;
    CHECK(reconcile(device, Json::array(), head).body["chain"]["problem"] == "signature");
  }
  SECTION("another link") {
    Json other{{"device", device.identity["device"]}, {"seq", 1}, {"link", hex_of("x")}, {"voids", Json::array()}};
    other["sig"] = base64url(std::span<const std::uint8_t>(sign(device.key, other.dump())));
    other.erase("device");
    CHECK(reconcile(device, Json::array(), other).body["chain"]["problem"] == "link");
  }
  CHECK(reconcile(device, Json::array(), device.head()).body["chain"]["ok"] == true);
}

TEST_CASE("what a forked device had applied is a duplicate under its new id, and counts in its holds and chain") {
  Office office;
  Device old(office, "W-1");
  const Json op = old.incident();
  REQUIRE(old.send(op)["status"] == "applied");
  Device fresh(office, "W-1");
  Json same = op;
  same["seq"] = 1;
  fresh.made.push_back(same);
  const Answer answer = fresh.push({same});
  CHECK(answer.body["results"][0]["status"] == "duplicate");
  CHECK(answer.body["holds"] == 1);
  CHECK(reconcile(fresh, Json::array(), fresh.head()).body["chain"]["ok"] == true);
  CHECK(office.held("op").size() == 1);
}

TEST_CASE("a malformed question is a 400 and changes nothing") {
  Office office;
  Device device(office, "W-1");
  REQUIRE(device.push({device.incident()}).status == 200);
  for (const Json& days : {Json("x"), Json::array({1}), Json::array({Json::array({kDay})}), Json::array({{kDay, 1, 7}}),
                           Json::array({{kDay, "1", hex_of("")}})}) {
    const Answer answer = reconcile(device, days);
    CHECK(answer.status == 400);
    CHECK(answer.body["pointer"] == "/days");
  }
  const Json head = device.head();
  for (const Json& wrong :
       {Json{{"voids", 7}}, Json{{"voids", {{1, 2, 3}}}}, Json{{"voids", {{1, "x"}}}}, Json{{"voids", nullptr}},
        Json{{"seq", "1"}}, Json{{"seq", 0.5}}, Json{{"link", 1}}, Json{{"sig", nullptr}}}) {
    Json bad = head;
    bad.merge_patch(wrong);
    CAPTURE(bad.dump());
    const Answer answer = reconcile(device, Json::array(), bad);
    CHECK(answer.status == 400);
    CHECK(answer.body["pointer"] == "/head");
  }
  CHECK(reconcile(device, Json::array(), "x").status == 400);
  CHECK(reconcile(device, Json::array(), device.head()).body["chain"]["ok"] == true);
}
