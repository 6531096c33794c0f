// openapi.yaml /v1/push: what each op comes to, and in which order it is judged.
#include <catch2/catch_test_macros.hpp>

#include "office.h"

using namespace julu;
using namespace julu::test;

namespace {

Json household(Device& device, const std::string& address = "堤村 1 号") {
  const Json op = device.op("create", new_id(device.office), "household", {{"address", address}});
  REQUIRE(device.send(op)["status"] == "applied");
  return op;
}

Json patch(Device& device, const Json& record, std::int64_t base, const Json& body) {
  Json op = device.op("patch", record["record"], record["kind"], body);
  op["base_version"] = base;
  device.made.back() = op;
  return op;
}

Json after(Device& device, const Json& before, const std::string& verb, const Json& body) {
  Json op = device.op(verb, before["record"], before["kind"], body);
  op["after"] = before["op_id"];
  device.made.back() = op;
  return op;
}

Json replacing(Json op, const std::vector<Json>& others) {
  for (const Json& other : others) op["replaces"].push_back(other["op_id"]);
  return op;
}

void check_problem(const Json& result, const std::string& status, const std::string& type) {
  CAPTURE(result.dump());
  CHECK(result["status"] == status);
  CHECK(result.at("problem").at("type") == type);
}

}  // namespace

TEST_CASE("an applied op has its version, and one receipt covers what a reply applied, in its order") {
  Office office;
  Device device(office, "W-1");
  Json bad = device.op("create", new_id(office), "incident", {{"text", "没有类别"}});
  const std::vector<Json> ops{device.incident("一"), bad, device.incident("二")};
  const Answer answer = device.push(ops);
  REQUIRE(answer.status == 200);
  REQUIRE(answer.body["results"].size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(answer.body["results"][i]["op_id"] == ops[i]["op_id"]);
  CHECK(answer.body["results"][0]["version"].get<std::int64_t>() > kEpochVersions);
  check_problem(answer.body["results"][1], "rejected", "schema");
  CHECK(answer.body["results"][1]["problem"]["pointer"] == "/category");
  CHECK(answer.body["holds"] == 2);
  CHECK(receipt_holds(device, answer.body, {ops[0], ops[2]}));
  CHECK_FALSE(receipt_holds(device, answer.body, {ops[2], ops[0]}));
  CHECK_FALSE(device.push({bad}).body.contains("receipt"));
}

TEST_CASE("the same op again is a duplicate with its first version and a receipt, whatever came between") {
  Office office;
  Device device(office, "W-1");
  const Json op = household(device);
  const auto version = office.held("record")[0]["version"].get<std::int64_t>();
  REQUIRE(device.send(patch(device, op, version, {{"note", "改"}}))["status"] == "applied");
  const Answer again = device.push({op});
  CHECK(again.body["results"][0]["status"] == "duplicate");
  CHECK(again.body["results"][0]["version"] == version);
  CHECK(receipt_holds(device, again.body, {op}));
  CHECK(office.held("op").size() == 2);
  office.restart();
  CHECK(device.send(op)["status"] == "duplicate");
}

TEST_CASE("an op id with another hash is refused, and the chain keeps the first") {
  Office office;
  Device device(office, "W-1");
  const Json op = device.incident();
  REQUIRE(device.send(op)["status"] == "applied");
  Json other = op;
  other["body"]["text"] = "别的内容";
  check_problem(device.send(other), "rejected", "op-id-reused");
  const Answer reconciled =
      device.ask({"POST",
                  "/v1/reconcile",
                  Json{{"device", device.identity["device"]}, {"days", Json::array()}, {"head", device.head()}}.dump(),
                  {},
                  {},
                  {}});
  CHECK(reconciled.body["chain"]["ok"] == true);
}

TEST_CASE("evidence that travelled once is part of every hash, an op's own laid over it") {
  Office office;
  Device device(office, "W-1");
  Json whole = device.incident();
  whole["evidence"] = {{"boot_id", "b"}, {"monotonic_ms", 7}, {"clock_offset_ms", -3}};
  Json short_form = whole;
  short_form["evidence"] = {{"monotonic_ms", 7}};
  const Json batch{{"device", device.identity["device"]},
                   {"evidence", {{"boot_id", "b"}, {"clock_offset_ms", -3}, {"monotonic_ms", 1}}},
                   {"ops", {short_form}}};
  const Answer answer = device.ask({"POST", "/v1/push", batch.dump(), {}, {}, {}});
  REQUIRE(answer.body["results"][0]["status"] == "applied");
  CHECK(receipt_holds(device, answer.body, {whole}));
}

TEST_CASE("create of an id that exists is stale, with what is there") {
  Office office;
  Device device(office, "W-1");
  const Json op = household(device);
  const Json result = device.send(device.op("create", op["record"], "household", {{"address", "另一处"}}));
  CHECK(result["status"] == "stale");
  CHECK(result["current"]["body"]["address"] == "堤村 1 号");
}

TEST_CASE("a patch applies against the current version alone, and is a merge patch") {
  Office office;
  Device device(office, "W-1");
  const Json op = household(device);
  const auto first = office.held("record")[0]["version"].get<std::int64_t>();
  const Json applied = device.send(patch(device, op, first, {{"note", "甲"}, {"head_name", "张三"}}));
  REQUIRE(applied["status"] == "applied");
  const Json stale = device.send(patch(device, op, first, {{"note", "乙"}}));
  CHECK(stale["status"] == "stale");
  CHECK(stale["current"]["version"] == applied["version"]);
  CHECK(stale["current"]["body"]["note"] == "甲");
  REQUIRE(device.send(patch(device, op, applied["version"], {{"note", nullptr}}))["status"] == "applied");
  const Json held = office.held("record")[0];
  CHECK_FALSE(held["body"].contains("note"));
  CHECK(held["body"]["head_name"] == "张三");
  CHECK(held["version"].get<std::int64_t>() > applied["version"].get<std::int64_t>());
}

TEST_CASE("a deletion compares the version like a patch, and later patches meet it as current") {
  Office office;
  Device device(office, "W-1");
  const Json op = household(device);
  const auto version = office.held("record")[0]["version"].get<std::int64_t>();
  Json removal = device.op("delete", op["record"], "household");
  removal["base_version"] = version - 1;
  CHECK(device.send(removal)["status"] == "stale");
  Json again = device.op("delete", op["record"], "household");
  again["base_version"] = version;
  const Json deleted = device.send(again);
  REQUIRE(deleted["status"] == "applied");
  const Json late = device.send(patch(device, op, deleted["version"], {{"note", "晚了"}}));
  CHECK(late["status"] == "stale");
  CHECK(late["current"]["deleted"] == true);
}

TEST_CASE("an op after another takes its version as base, and waits while it is unknown") {
  Office office;
  Device device(office, "W-1");
  const Json create = device.op("create", new_id(office), "household", {{"address", "堤村"}});
  const Json second = after(device, create, "patch", {{"note", "二"}});
  const Json third = after(device, second, "patch", {{"note", "三"}});
  CHECK(device.send(third)["status"] == "held");
  CHECK(device.send(second)["status"] == "held");
  const Answer answer = device.push({create, second, third});
  for (const Json& result : answer.body["results"]) CHECK(result["status"] == "applied");
  CHECK(office.held("record")[0]["body"]["note"] == "三");
}

TEST_CASE("what replaces another closes it for ever; one that was applied after all is named instead") {
  Office office;
  Device device(office, "W-1");
  const Json op = household(device);
  const auto version = office.held("record")[0]["version"].get<std::int64_t>();
  const Json lost = patch(device, op, version, {{"note", "一"}});
  const Json behind = after(device, lost, "patch", {{"note", "二"}});
  SECTION("it had not arrived") {
    const Json next = replacing(patch(device, op, version, {{"note", "新"}}), {lost});
    REQUIRE(device.send(next)["status"] == "applied");
    check_problem(device.send(lost), "rejected", "replaced");
    const Json stale = device.send(behind);
    CHECK(stale["status"] == "stale");
    CHECK(stale["current"]["body"]["note"] == "新");
  }
  SECTION("it had been applied") {
    REQUIRE(device.send(lost)["status"] == "applied");
    const Json next = replacing(patch(device, op, version, {{"note", "新"}}), {lost, behind});
    const Json stale = device.send(next);
    CHECK(stale["status"] == "stale");
    CHECK(stale["applied"] == Json{lost["op_id"]});
    CHECK(device.send(lost)["status"] == "duplicate");
    CHECK(device.send(behind)["status"] == "applied");  // not closed: nothing of `next` was done
  }
  SECTION("another worker's op is out of its reach") {
    Device other(office, "W-2");
    REQUIRE(other.send(replacing(patch(other, op, version, {{"note", "乙"}}), {lost}))["status"] == "applied");
    CHECK(device.send(lost)["status"] == "stale");
  }
  SECTION("a refused op closes nothing") {
    const Json next = replacing(patch(device, op, version, {{"address", 7}}), {lost});
    check_problem(device.send(next), "rejected", "schema");
    CHECK(device.send(lost)["status"] == "applied");
  }
}

TEST_CASE("scope is that of the stored record and of the body that would result, before any version is compared") {
  Office office;
  Device here(office, "W-1");
  Device there(office, "W-2", "worker", {"130529200203002"});
  const Json op = household(here);
  const auto version = office.held("record")[0]["version"].get<std::int64_t>();
  const Json foreign = there.send(patch(there, op, version - 1, {{"note", "外"}}));
  check_problem(foreign, "rejected", "scope");
  CHECK_FALSE(foreign.contains("current"));
  check_problem(there.send(there.op("create", op["record"], "household", {{"address", "抢"}})), "rejected", "scope");
  check_problem(
      here.send(here.op("create", new_id(office), "household", {{"address", "外"}, {"grid", "130529200203002"}})),
      "rejected", "scope");
  Device second(office, "W-3");
  check_problem(second.send(patch(second, op, version, {{"grid", "130529200203002"}})), "rejected", "scope");
  check_problem(second.send(patch(second, op, version - 1, {{"grid", "130529200203002"}})), "rejected", "scope");
  Device township(office, "T-1", "township", {"130529200"});
  CHECK(township.send(patch(township, op, version, {{"grid", "130529200203002"}}))["status"] == "applied");
}

TEST_CASE("a known id is answered before scope, and a closed one too") {
  Office office;
  Device device(office, "W-1");
  const Json op = household(device);
  const auto version = office.held("record")[0]["version"].get<std::int64_t>();
  const Json lost = patch(device, op, version, {{"note", "一"}});
  REQUIRE(device.send(replacing(patch(device, op, version, {{"note", "二"}}), {lost}))["status"] == "applied");
  office.platform->add_worker("W-1", "网格员", "worker", {"130529999"}, {"别处"});
  CHECK(device.send(op)["status"] == "duplicate");
  check_problem(device.send(lost), "rejected", "replaced");
}

TEST_CASE("a log knows only create, and a kind that nobody knows is refused by name") {
  Office office;
  Device device(office, "W-1");
  const Json visit = device.op("create", new_id(office), "visit", {{"text", "走访"}});
  REQUIRE(device.send(visit)["status"] == "applied");
  const auto version = office.held("record")[0]["version"].get<std::int64_t>();
  check_problem(device.send(patch(device, visit, version, {{"text", "改"}})), "rejected", "bad-op");
  check_problem(device.send(device.op("create", new_id(office), "well", {{"depth", 3}})), "rejected", "kind-unknown");
  check_problem(device.send(device.op("turn", visit["record"], "visit")), "rejected", "bad-op");
}

TEST_CASE("numbers are safe integers and keys are ASCII, or the op is refused and the rest goes on") {
  Office office;
  Device device(office, "W-1");
  std::vector<Json> ops;
  for (const Json& extra : {Json{{"n", 0.1}}, Json{{"n", 9'007'199'254'740'992}}, Json{{"n", -9'007'199'254'740'992}},
                            Json{{"n", 18'446'744'073'709'551'615U}}, Json{{"名字", 1}}}) {
    Json body{{"category", "road"}, {"text", "坑"}};
    body.update(extra);
    ops.push_back(device.op("create", new_id(office), "incident", body));
  }
  ops.push_back(device.op("create", new_id(office), "incident",
                          {{"category", "road"}, {"text", "坑"}, {"n", 9'007'199'254'740'991}}));
  const Answer answer = device.push(ops);
  REQUIRE(answer.status == 200);
  for (std::size_t i = 0; i < 5; ++i) check_problem(answer.body["results"][i], "rejected", "bad-op");
  CHECK(answer.body["results"][5]["status"] == "applied");
}

TEST_CASE("a body is at most 256 KiB, as sent and as a patch leaves it, or its op is refused and the rest goes on") {
  constexpr std::size_t kMost = 256 * 1024;
  Office office;
  Device device(office, "W-1");
  const auto sized = [&](std::size_t bytes) {
    Json body{{"address", "堤村"}, {"more", ""}};
    body["more"] = std::string(bytes - body.dump().size(), 'x');
    return device.op("create", new_id(office), "household", body);
  };
  const std::vector<Json> ops{sized(kMost), sized(kMost + 1), device.incident()};
  const Answer answer = device.push(ops);
  REQUIRE(answer.status == 200);
  CHECK(answer.body["results"][0]["status"] == "applied");
  check_problem(answer.body["results"][1], "rejected", "too-large");
  CHECK(answer.body["results"][1]["problem"]["pointer"] == "/body");
  CHECK(answer.body["results"][2]["status"] == "applied");
  const std::int64_t version = answer.body["results"][0]["version"];
  check_problem(device.send(patch(device, ops[0], version, {{"note", "再长一点"}})), "rejected", "too-large");
  CHECK(device.send(patch(device, ops[0], version, {{"more", "短"}}))["status"] == "applied");
}

TEST_CASE("a record takes steps and photos only as far as a phone can take its row in one reply") {
  constexpr std::size_t kReplyMax = 8 << 20;
  Office office;
  Device worker(office, "W-1");
  Device leader(office, "L-1", "leader");
  const Json incident = worker.incident();
  REQUIRE(worker.send(incident)["status"] == "applied");
  REQUIRE(leader.send(leader.op("append", incident["record"], "incident", {{"action", "accept"}}))["status"] ==
          "applied");
  Json last = Json::object();
  for (int i = 0; i < 60 && last.value("status", "applied") == "applied"; ++i)
    last = leader.send(leader.op("append", incident["record"], "incident",
                                 {{"action", "dispatch"}, {"note", std::string(200'000, 'x')}}));
  check_problem(last, "rejected", "too-large");
  std::string cursor;
  for (bool more = true; more;) {
    const Answer page = worker.pull(cursor, 1);
    CHECK(page.bytes.size() < kReplyMax);
    cursor = page.body["next"];
    more = page.body["more"];
  }
  REQUIRE(worker.upload("照片").status == 201);
  check_problem(worker.send(worker.attach(incident["record"], "照片", std::string(65, 'x'))), "rejected", "bad-op");
  CHECK(worker.send(worker.attach(incident["record"], "照片"))["status"] == "applied");
}

TEST_CASE("a reference may dangle, and never holds an op up") {
  Office office;
  Device device(office, "W-1");
  const std::string later = new_id(office);
  Json person = device.op("create", new_id(office), "person", {{"name", "张三"}, {"household", later}});
  person["refs"] = {later};
  CHECK(device.send(person)["status"] == "applied");
  CHECK(device.send(device.op("create", later, "household", {{"address", "堤村"}}))["status"] == "applied");
}

TEST_CASE("a step is added once, in the platform's order, when the flow and the role allow it") {
  Office office;
  Device worker(office, "W-1");
  Device leader(office, "L-1", "leader");
  const Json incident = worker.incident();
  REQUIRE(worker.send(incident)["status"] == "applied");
  const auto step = [&](Device& device, const Json& body) {
    return device.op("append", incident["record"], "incident", body);
  };
  check_problem(worker.send(step(worker, {{"action", "accept"}})), "rejected", "flow");
  check_problem(leader.send(step(leader, {{"action", "dance"}})), "rejected", "flow");
  const std::string unseen = new_id(office);
  CHECK(leader.send(step(leader, {{"action", "accept"}, {"last_action", unseen}}))["status"] == "held");
  const Json accept = step(leader, {{"action", "accept"}});
  REQUIRE(leader.send(accept)["status"] == "applied");
  CHECK(leader.send(accept)["status"] == "duplicate");
  const Json late = leader.send(step(leader, {{"action", "accept"}}));
  CHECK(late["status"] == "stale");
  CHECK(late["current"]["state"] == "accepted");
  REQUIRE(leader.send(
              step(leader, {{"action", "dispatch"}, {"last_action", accept["op_id"]}, {"note", "转水务"}}))["status"] ==
          "applied");
  const Json row = worker.pull_all().at(incident["record"]);
  CHECK(row["state"] == "dispatched");
  REQUIRE(row["actions"].size() == 2);
  CHECK(row["actions"][0]["id"] == accept["op_id"]);
  CHECK(row["actions"][1]["number"] == 2);
}

TEST_CASE("a step that names one which was made again under another id is stale: that id never comes") {
  Office office;
  Device worker(office, "W-1");
  Device leader(office, "L-1", "leader");
  Device other(office, "L-2", "leader");
  const Json incident = worker.incident();
  REQUIRE(worker.send(incident)["status"] == "applied");
  const Json first = leader.op("append", incident["record"], "incident", {{"action", "accept"}});
  Json again = leader.op("append", incident["record"], "incident", {{"action", "accept"}});
  again["replaces"] = {first["op_id"]};
  const Json next = other.op("append", incident["record"], "incident",
                             {{"action", "dispatch"}, {"last_action", first["op_id"]}, {"note", "转水务"}});
  CHECK(other.send(next)["status"] == "held");
  REQUIRE(leader.send(again)["status"] == "applied");
  const Json judged = other.send(next);
  CHECK(judged["status"] == "stale");
  CHECK(judged["current"]["actions"].at(0)["id"] == again["op_id"]);
}

TEST_CASE("an id that another worker's step already has is refused, not an error of the platform") {
  Office office;
  Device worker(office, "W-1");
  Device leader(office, "L-1", "leader");
  Device other(office, "L-2", "leader");
  const Json incident = worker.incident();
  REQUIRE(worker.send(incident)["status"] == "applied");
  const Json accept = leader.op("append", incident["record"], "incident", {{"action", "accept"}});
  REQUIRE(leader.send(accept)["status"] == "applied");
  Json same = other.op("append", incident["record"], "incident", {{"action", "dispatch"}});
  same["op_id"] = accept["op_id"];
  check_problem(other.send(same), "rejected", "op-id-reused");
}

TEST_CASE("versions of a later epoch are above all of the earlier, restores included") {
  Office office;
  Device device(office, "W-1");
  const Json op = household(device);
  const auto first = office.held("record")[0]["version"].get<std::int64_t>();
  office.platform->new_epoch();
  const Json applied = device.send(patch(device, op, first, {{"note", "后"}}));
  REQUIRE(applied["status"] == "applied");
  CHECK(applied["version"].get<std::int64_t>() > 2 * kEpochVersions);
  CHECK(device.push({op}).body["receipt"]["epoch"] == 2);
}

TEST_CASE("a new receipt key signs from its time on, and a clock that was set back finds the key of then") {
  Office office;
  Device device(office, "W-1");
  const Json first = device.incident("一");
  CHECK(receipt_holds(device, device.push({first}).body, {first}));
  office.clock.advance(1000);
  office.platform->rotate_receipt_key();
  const std::int64_t rotated_ms = office.clock.now_ms();
  const auto key = [&](const char* id) { return device.pull_all().at(id).at("body"); };
  CHECK(key("r1").at("not_after_ms") == rotated_ms);
  CHECK(key("r2").at("not_before_ms") == rotated_ms);
  CHECK_FALSE(key("r2").contains("not_after_ms"));
  const auto signed_by = [&](const Json& op) {
    const Answer answer = device.push({op});
    CHECK(receipt_holds(device, answer.body, {op}));
    return answer.body["receipt"]["key_id"].get<std::string>();
  };
  CHECK(signed_by(first) == "r2");  // a duplicate, and a receipt for it all the same
  office.restart();
  CHECK(signed_by(device.incident("二")) == "r2");
  office.clock.advance(-500);
  CHECK(signed_by(device.incident("三")) == "r1");
  CHECK_THROWS(office.platform->rotate_receipt_key());
}
