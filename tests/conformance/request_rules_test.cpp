// openapi.yaml: what is answered to a request as a whole, and the bounds of bodies.
#include <catch2/catch_test_macros.hpp>

#include "office.h"

using namespace julu;
using namespace julu::test;

TEST_CASE("after any 4xx nothing of the batch is applied") {
  Office office;
  Device device(office, "W-1");
  Json bad = device.incident();
  SECTION("an op without an id") { bad.erase("op_id"); }
  SECTION("an id that is none") { bad["op_id"] = "1234"; }
  SECTION("a place that is none") { bad["seq"] = 0; }
  SECTION("a body that is no object") { bad["body"] = "text"; }
  SECTION("evidence that is no object") { bad["evidence"] = 7; }
  SECTION("replaced ids that are none") { bad["replaces"] = {1, 2}; }
  const Answer answer = device.push({device.incident(), bad});
  CHECK(answer.status == 400);
  CHECK(answer.body["pointer"] == "/ops/1");
  CHECK(office.held("record").empty());
  CHECK(office.held("op").empty());
}

TEST_CASE("a body that is no JSON object, cut or too deep is refused whole") {
  Office office;
  Device device(office, "W-1");
  const auto status = [&](Asked asked) {
    asked.method = "POST";
    asked.path = "/v1/push";
    return device.ask(std::move(asked)).status;
  };
  CHECK(status({.body = "not json"}) == 400);
  CHECK(status({.body = "[]"}) == 400);
  CHECK(status({.body = "{\"device\":\"\xFF\"}"}) == 400);
  CHECK(status({.body = R"({"device":"x","ops":[{"n":1e400}]})"}) == 400);
  CHECK(status({.body = std::string(33, '[') + std::string(33, ']')}) == 400);
  CHECK(status({.body = R"({"device":"x","ops":[]})", .cut_at = 10}) == 400);
  CHECK(status({.body = std::string(10 << 20, '[')}) == 413);
}

TEST_CASE("evidence is three known members in at most 1 KB, of a batch as of an op, or the batch is refused") {
  Office office;
  Device device(office, "W-1");
  const auto push = [&](const Json& of_batch, const Json& of_op) {
    Json op = device.incident();
    op["evidence"] = of_op;
    const Json batch{{"device", device.identity["device"]}, {"evidence", of_batch}, {"ops", {op}}};
    return device.ask({"POST", "/v1/push", batch.dump(), {}, {}, {}});
  };
  const Json most{{"boot_id", std::string(1024 - std::string(R"({"boot_id":""})").size(), 'x')}};
  const Json good{{"boot_id", "b"}, {"monotonic_ms", 7}, {"clock_offset_ms", -3}};
  CHECK(push(most, good).status == 200);
  CHECK(push(good, most).status == 200);
  for (const Json& bad : {Json{{"boot_id", most["boot_id"].get<std::string>() + "x"}}, Json{{"boot_id", 7}},
                          Json{{"monotonic_ms", "7"}}, Json{{"clock_offset_ms", 0.5}}, Json(7)}) {
    CAPTURE(bad.dump());
    const Answer of_batch = push(bad, good);
    CHECK(of_batch.status == 400);
    CHECK(of_batch.body["pointer"] == "/evidence");
    const Answer of_op = push(good, bad);
    CHECK(of_op.status == 400);
    CHECK(of_op.body["pointer"] == "/ops/0");
  }
}

TEST_CASE("one batch is at most 500 ops and 1 MiB, inflated or not, and is refused before it is whole in memory") {
  Office office;
  Device device(office, "W-1");
  std::vector<Json> many;
  for (int i = 0; i < 501; ++i) many.push_back(device.incident());
  const Answer too_many = device.push(many);
  CHECK(too_many.status == 413);
  CHECK(too_many.type() == "too-large");
  CHECK(office.held("op").empty());
  const std::string bomb = gzipped(std::string(64 << 20, ' '));
  REQUIRE(bomb.size() < 128 * 1024);
  CHECK(device.ask({"POST", "/v1/push", bomb, {{"content-encoding", "gzip"}}, {}, {}}).status == 413);
}

TEST_CASE("a body may be gzip, and another coding is refused with the one that is spoken") {
  Office office;
  Device device(office, "W-1");
  const Json op = device.incident();
  const std::string text = Json{{"device", device.identity["device"]}, {"ops", {op}}}.dump();
  const Answer other = device.ask({"POST", "/v1/push", text, {{"content-encoding", "br"}}, {}, {}});
  CHECK(other.status == 415);
  CHECK(other.header("accept-encoding") == "gzip");
  const Answer coded = device.ask({"POST", "/v1/push", gzipped(text), {{"content-encoding", "gzip"}}, {}, {}});
  REQUIRE(coded.status == 200);
  CHECK(coded.body["results"][0]["status"] == "applied");
  const std::string cut = gzipped(text).substr(0, 60);
  CHECK(device.ask({"POST", "/v1/push", cut, {{"content-encoding", "gzip"}}, {}, {}}).status == 400);
}

TEST_CASE("a push speaks for its own device alone") {
  Office office;
  Device first(office, "W-1");
  Device second(office, "W-2");
  const Answer answer = first.ask({"POST",
                                   "/v1/push",
                                   Json{{"device", second.identity["device"]}, {"ops", {first.incident()}}}.dump(),
                                   {},
                                   {},
                                   {}});
  CHECK(answer.status == 403);
  CHECK(office.held("op").empty());
}

TEST_CASE("a place of the chain used again with another op is a fork, and nothing is applied") {
  Office office;
  Device device(office, "W-1");
  CHECK(device.send(device.incident())["status"] == "applied");
  Json again = device.incident("另一件");
  SECTION("in a later batch") { again["seq"] = 1; }
  SECTION("in one batch") {
    Json twin = device.incident("第三件");
    twin["seq"] = again["seq"];
    const Answer answer = device.push({again, twin});
    CHECK(answer.status == 409);
    CHECK(office.held("op").size() == 1);
    return;
  }
  const Answer answer = device.push({device.incident("新的"), again});
  CHECK(answer.status == 409);
  CHECK(answer.type() == "device-forked");
  CHECK(office.held("op").size() == 1);
}

TEST_CASE("a platform whose disk is full asks to be spared, keeps what it holds, and goes on when there is room") {
  Office office;
  Device device(office, "W-1");
  const Json before = device.incident("一");
  REQUIRE(device.send(before)["status"] == "applied");
  office.disk.set_capacity(office.disk.used());
  const Json op = device.incident("二");
  const Answer answer = device.push({op});
  CHECK(answer.status == 503);
  CHECK(answer.type() == "unavailable");
  CHECK_FALSE(answer.header("retry-after").empty());
  CHECK(device.upload(std::string(100'000, 'x')).status == 503);
  CHECK(office.held("op").size() == 1);
  CHECK(device.pull_all().contains(before["record"]));
  office.disk.set_capacity(0);
  CHECK(device.send(op)["status"] == "applied");
}

TEST_CASE("what the platform itself fails at is its own error and no request's: a phone would park what was refused") {
  Office office;
  Device device(office, "W-1");
  juhaoban::Database other("platform/platform.db", office.disk.vfs());
  other.run("UPDATE worker SET grids = 'no JSON'");
  const Json op = device.incident();
  const Answer answer = device.push({op});
  CHECK(answer.status == 500);
  CHECK(answer.type() == "server");
  other.run("UPDATE worker SET grids = '[\"130529200203001\"]'");
  CHECK(device.send(op)["status"] == "applied");
}

TEST_CASE("an upload that was held up leaves the next receipt as durable as any") {
  Office office;
  Device device(office, "W-1");
  REQUIRE(device.send(device.incident("一"))["status"] == "applied");
  {
    juhaoban::Database other("platform/platform.db", office.disk.vfs());
    other.run("BEGIN IMMEDIATE");  // an administrator's command beside the server
    CHECK(device.upload("照片").status == 500);
    other.run("ROLLBACK");
  }
  REQUIRE(device.send(device.incident("二"))["status"] == "applied");
  office.disk.cut_power([](std::size_t) { return false; });
  office.restart();
  CHECK(office.held("op").size() == 2);
}
