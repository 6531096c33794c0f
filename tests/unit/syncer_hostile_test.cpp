// Answers that no platform should give: whatever they are, the queue stays whole, and an honest answer ends it.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/limits.h>

#include "jpeg.h"
#include "scripted_county.h"

using namespace julu;
using namespace julu::test;

namespace {

struct Hostile {
  const char* what;
  Response response;
};

std::vector<Hostile> hostile_answers() {
  Response cut = reply(200, R"({"epoch":1,"res)");
  cut.failure = ErrorCode::offline;  // the connection closed in the middle
  return {
      {"a page with 200", reply(200, "<html>welcome</html>", {{"Content-Type", "text/html"}})},
      {"10 MB of [", reply(200, std::string(10 << 20, '['))},
      {"as many [ as a reply may have", reply(200, std::string(limits::reply_bytes_max, '['))},
      {"nothing", reply(200)},
      {"a connection that closes in the middle", cut},
      {"members of other types",
       reply(200, R"({"epoch":"1","results":{},"changes":7,"next":[],"access_token":{},"n":1})")},
      {"numbers that no integer holds", reply(200, R"({"epoch":1e400,"holds":18446744073709551616,"results":[]})")},
      {"bytes that are no text", reply(200, "{\"epoch\":\"\xFF\xFE\"}")},
  };
}

// Of a gateway that stands before the platform: nothing here is the platform's word.
Response refusal(int status, int words) {
  switch (words) {
    case 0: return reply(status, "<html>访问被拒绝</html>", {{"Content-Type", "text/html"}});
    case 1: return problem(status, "about:blank");
    case 2: return problem(status, "https://gateway.example/problems/blocked");
    case 3: return reply(status, R"({"message":"no Route matched with those values"})");
    default: return reply(status, {}, {});
  }
}

}  // namespace

TEST_CASE("an answer that is none, to any call, loses and doubles nothing") {
  const char* path = GENERATE("/v1/ping", "/v1/token", "/v1/push", "/v1/pull", "/v1/photos");
  for (const Hostile& hostile : hostile_answers()) {
    CAPTURE(path, hostile.what);
    ScriptedCounty c;
    const std::string photo = c.county.folder.write("a.jpg", make_jpeg_of_about(100 * 1024, 1));
    const std::string id = c.report("村东头排水沟堵了", {{photo, "near"}});
    c.instead = [&](const Request& request) -> std::optional<Response> {
      if (request.url.find(path) == std::string::npos) return std::nullopt;
      return hostile.response;
    };
    const SyncOutcome outcome = c.run();
    CHECK(outcome.end != SyncEnd::all_delivered);
    CHECK(outcome.ops_parked == 0);
    CHECK((*c.store->get(id))->delivery == Delivery::saved);
    c.instead = nullptr;
    c.county.clock.advance(limits::backoff_cap_ms);
    CHECK(c.run().end == SyncEnd::all_delivered);
    CHECK((*c.store->get(id))->delivery == Delivery::delivered);
    CHECK(c.applied.size() == 2);
  }
}

TEST_CASE("who is not the platform refuses no op, whatever it is asked and answers") {
  const char* path = GENERATE("/v1/ping", "/v1/token", "/v1/push", "/v1/pull", "/v1/photos", "/v1/");
  const int status = GENERATE(400, 403, 404, 409, 422);
  for (int words = 0; words < 5; ++words) {
    CAPTURE(path, status, words);
    ScriptedCounty c;
    const std::string photo = c.county.folder.write("a.jpg", make_jpeg_of_about(100 * 1024, 1));
    c.report("村东头排水沟堵了", {{photo, "near"}});
    for (int i = 0; i < 4; ++i) c.report("第" + std::to_string(i) + "条");
    c.instead = [&](const Request& request) -> std::optional<Response> {
      if (request.url.find(path) == std::string::npos) return std::nullopt;
      return refusal(status, words);
    };
    const SyncOutcome outcome = c.run();
    CHECK(outcome.end == SyncEnd::left);
    CHECK(outcome.ops_parked == 0);
    CHECK(outcome.ops_left > 0);
    CHECK(outcome.next_attempt_ms.has_value());
    c.instead = nullptr;
    c.county.clock.advance(limits::backoff_cap_ms);
    CHECK(c.run().end == SyncEnd::all_delivered);
    CHECK(c.applied.size() == 6);
  }
}

TEST_CASE("an op that a gateway does not let pass waits by itself, and those around it are delivered") {
  ScriptedCounty c;
  for (int i = 0; i < 20; ++i) c.report("第" + std::to_string(i) + "条");
  const std::string stopped = c.report("坏的");
  c.instead = [&](const Request& request) -> std::optional<Response> {
    const bool in_it = request.url.ends_with("/v1/push") && c.text_of(request).find(stopped) != std::string::npos;
    return in_it ? std::optional(refusal(403, 0)) : std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.ops_delivered == 20);
  CHECK(outcome.ops_parked == 0);
  CHECK(outcome.ops_left == 1);
  CHECK(outcome.next_attempt_ms.has_value());
  CHECK((*c.store->get(stopped))->delivery == Delivery::saved);
}

TEST_CASE("an answer to one report that is too long for a phone holds up no other") {
  ScriptedCounty c;
  const std::string first = c.report("甲");
  const std::string second = c.report("乙");
  c.after = [](const Request& request, Response response) -> std::optional<Response> {
    const bool of_first = ScriptedCounty::text_of(request).find("甲") != std::string::npos;
    if (request.url.find("/v1/push") == std::string::npos || !of_first) return response;
    Response too_long;
    too_long.failure = ErrorCode::too_large;
    return too_long;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.ops_delivered == 1);
  CHECK((*c.store->get(second))->delivery == Delivery::delivered);
  CHECK((*c.store->get(first))->delivery == Delivery::saved);
  CHECK(outcome.next_attempt_ms.has_value());
  c.after = nullptr;
  c.county.clock.advance(limits::backoff_cap_ms);
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(c.applied.size() == 2);
}
