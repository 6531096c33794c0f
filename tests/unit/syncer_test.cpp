// Texts and changes, under everything that a network and a platform can do to them.
#include <atomic>
#include <filesystem>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/crypto.h>
#include <julu/limits.h>
#include <julu/outbox.h>

#include "jpeg.h"
#include "scripted_county.h"

using namespace julu;
using namespace julu::test;

namespace {

bool is(const Request& request, const std::string& method, const std::string& path) {
  return request.method == method && request.url.find(path) != std::string::npos;
}

/// Delivers a report to a platform that says in the same reply that it holds less than it has signed for.
SyncOutcome run_with_a_loss(ScriptedCounty& c) {
  c.report("村东头排水沟堵了");
  c.after = [](const Request& request, Response response) -> std::optional<Response> {
    const auto at = response.body.find(R"("holds":1)");
    if (is(request, "POST", "/v1/push") && at != std::string::npos) response.body[at + 8] = '0';
    return response;
  };
  SyncOutcome outcome = c.run();
  c.after = nullptr;
  REQUIRE(c.store->status()->confirming);
  return outcome;
}

}  // namespace

TEST_CASE("reports are delivered against a receipt, and the run says so") {
  ScriptedCounty c;
  const std::string id = c.report("村东头排水沟堵了");
  c.report("路灯坏了");
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(outcome.ops_delivered == 2);
  CHECK(outcome.ops_left == 0);
  CHECK_FALSE(outcome.failure.has_value());
  CHECK_FALSE(outcome.next_attempt_ms.has_value());
  CHECK(c.batches == std::vector<std::size_t>{2});
  CHECK((*c.store->get(id))->delivery == Delivery::delivered);
}

TEST_CASE("a sync ends with some upkeep, which a host may never find the time for") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  const auto has_ballast = [&] { return std::filesystem::exists(c.county.directory() + "/ballast"); };
  CHECK_FALSE(has_ballast());
  SECTION("of which the worker who ends it waits for nothing") {
    const std::atomic<bool> stop{true};
    SyncOptions options;
    options.stop = &stop;
    CHECK(c.syncer->run(options)->end == SyncEnd::cancelled);
    CHECK_FALSE(has_ballast());
  }
  SECTION("delivered or not") {
    const bool online = GENERATE(true, false);
    if (!online) c.instead = [](const Request&) { return no_reply(); };
    c.run();
    CHECK(has_ballast());
  }
}

TEST_CASE("a lost reply doubles nothing") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  bool lost = false;
  c.after = [&](const Request& request, Response response) -> std::optional<Response> {
    if (!lost && is(request, "POST", "/v1/push")) {
      lost = true;
      return no_reply();
    }
    return response;
  };
  const SyncOutcome first = c.run();
  CHECK(first.end == SyncEnd::left);
  CHECK(first.failure->code == ErrorCode::offline);
  CHECK(first.next_attempt_ms.has_value());
  REQUIRE(c.syncer->hint().ok());
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(c.applied.size() == 1);
}

TEST_CASE("a captive portal gets no token and no report") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  c.instead = [](const Request&) { return reply(200, "<html>welcome</html>", {{"Content-Type", "text/html"}}); };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::left);
  CHECK(outcome.failure->code == ErrorCode::captive_portal);
  CHECK(outcome.ops_left == 1);
  REQUIRE(c.transport.asked.size() == 1);
  CHECK(header(c.transport.asked[0].headers, "Authorization").empty());
}

TEST_CASE("offline is an outcome with a next attempt") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  c.instead = [](const Request&) { return no_reply(); };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.failure->code == ErrorCode::offline);
  CHECK(outcome.next_attempt_ms.value() >= c.county.clock.now_ms());
  CHECK(outcome.requests == 1);
}

TEST_CASE("after an outage a report goes no later than its photo, and nobody asks without a pause") {
  ScriptedCounty c;
  c.run();
  const std::string photo = c.county.folder.write("a.jpg", make_jpeg_of_about(40 * 1024, 1));
  for (int outages = 0; outages < 6; ++outages) {
    const std::string id = c.report("村东头排水沟堵了", {{photo, "near"}});
    c.instead = [](const Request&) { return no_reply(); };
    c.county.clock.advance(c.run().next_attempt_ms.value() - c.county.clock.now_ms());
    c.run();
    CHECK(Outbox(*c.store).counts()->next_attempt_ms.value() > c.county.clock.now_ms());
    c.instead = nullptr;
    const std::int64_t next = Outbox(*c.store).counts()->next_attempt_ms.value();
    c.county.clock.advance(next - c.county.clock.now_ms());
    CHECK(c.run().end == SyncEnd::all_delivered);
    CHECK((*c.store->get(id))->delivery == Delivery::delivered);
  }
}

TEST_CASE("an attach that stands behind a report that waits is not due before it") {
  ScriptedCounty c;
  const std::string photo = c.county.folder.write("a.jpg", make_jpeg_of_about(40 * 1024, 1));
  c.report("村东头排水沟堵了", {{photo, "near"}});
  Outbox outbox(*c.store);
  REQUIRE(outbox.defer(*outbox.next_ops(10, 1 << 20), ErrorCode::offline, 60'000).ok());
  REQUIRE(outbox.photo_uploaded(outbox.next_photos(1)->at(0).sha256).ok());
  CHECK(outbox.next_ops(10, 1 << 20)->empty());
  CHECK(outbox.counts()->next_attempt_ms == c.county.clock.now_ms() + 60'000);
}

TEST_CASE("an expired token is renewed once") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  CHECK(c.run().end == SyncEnd::all_delivered);
  c.report("路灯坏了");
  c.token = "token-2";
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(c.asked("POST", "/v1/token") == 2);
}

TEST_CASE("a token is not carried past its end, and lasts until then") {
  ScriptedCounty c;
  const auto tokens_after = [&](std::int64_t ms) {
    c.county.clock.advance(ms);
    c.report("路灯坏了");
    CHECK(c.run().end == SyncEnd::all_delivered);
    return c.asked("POST", "/v1/token");
  };
  CHECK(tokens_after(0) == 1);
  CHECK(tokens_after(800'000) == 1);
  CHECK(tokens_after(100'000) == 2);
}

TEST_CASE("a token that ends again and again in a long run is renewed each time") {
  ScriptedCounty c;
  for (int i = 0; i < 4; ++i) c.report("村东头排水沟堵了");
  c.ops_max = 1;
  int tokens = 1;
  c.after = [&](const Request& request, Response response) -> std::optional<Response> {
    if (is(request, "POST", "/v1/push") && response.status == 200) c.token = "token-" + std::to_string(++tokens);
    return response;
  };
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(c.applied.size() == 4);
}

TEST_CASE("a token that is refused twice asks for a new sign-in and keeps the queue") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (is(request, "POST", "/v1/push")) return problem(401, "unauthorized");
    return std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::sign_in);
  CHECK(outcome.failure->code == ErrorCode::unauthorized);
  CHECK(outcome.ops_left == 1);
  CHECK(outcome.next_attempt_ms == c.county.clock.now_ms() + limits::refused_wait_ms);
  CHECK(c.asked("POST", "/v1/push") == 2);
}

TEST_CASE("an assertion that the network sent twice is refused once, and the next one signs in") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  std::vector<std::string> assertions;
  const std::size_t refusals = GENERATE(1U, 2U);
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is(request, "POST", "/v1/token")) return std::nullopt;
    assertions.push_back(request.body);
    return assertions.size() <= refusals ? std::optional(problem(400, "invalid-grant")) : std::nullopt;
  };
  CHECK(c.run().end == (refusals == 1 ? SyncEnd::all_delivered : SyncEnd::sign_in));
  REQUIRE(assertions.size() == 2);
  CHECK(assertions[0] != assertions[1]);
}

TEST_CASE("a refused device stops sending and keeps its queue") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (is(request, "POST", "/v1/token")) return problem(403, "device-refused");
    return std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::device_refused);
  CHECK(outcome.ops_left == 1);
  CHECK(outcome.next_attempt_ms == c.county.clock.now_ms() + limits::refused_wait_ms);
  CHECK(c.asked("POST", "/v1/push") == 0);
}

TEST_CASE("a wrong clock is named as such") {
  ScriptedCounty c;
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (is(request, "POST", "/v1/token")) return problem(400, "clock-skew");
    return std::nullopt;
  };
  CHECK(c.run().failure->code == ErrorCode::clock_skew);
}

TEST_CASE("a forked device and an old app are named, and sending stops") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  int status = 409;
  std::string type = "device-forked";
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (is(request, "POST", "/v1/push")) return problem(status, type);
    return std::nullopt;
  };
  SECTION("forked: it asks for a new id, and sends nothing while it gets none") {
    CHECK(c.run().failure->code == ErrorCode::device_forked);
    REQUIRE(c.syncer->hint().ok());
    CHECK(c.run().failure->code == ErrorCode::device_forked);
    CHECK(c.asked("POST", "/v1/devices") == 2);
    CHECK(c.asked("POST", "/v1/push") == 1);
  }
  SECTION("too old") {
    status = 426;
    type = "app-too-old";
    CHECK(c.run().end == SyncEnd::app_too_old);
    CHECK(c.asked("POST", "/v1/push") == 1);
  }
}

TEST_CASE("one bad record is found by halving, and those around it are delivered") {
  ScriptedCounty c;
  for (int i = 0; i < 20; ++i) c.report("第" + std::to_string(i) + "条");
  const std::string bad = c.report("坏的");
  for (int i = 0; i < 20; ++i) c.report("后" + std::to_string(i) + "条");
  c.chokes_on = [&](const std::string& push) { return push.find(bad) != std::string::npos; };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.ops_delivered == 40);
  CHECK(outcome.ops_parked == 1);
  CHECK((*c.store->get(bad))->delivery == Delivery::parked);
}

TEST_CASE("bad records among good ones are all found in one run, however many they are") {
  ScriptedCounty c;
  for (int i = 0; i < 15; ++i) {
    c.report("第" + std::to_string(i) + "条");
    c.report("坏的");
  }
  c.chokes_on = [](const std::string& push) { return push.find("坏的") != std::string::npos; };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.ops_delivered == 15);
  CHECK(outcome.ops_parked == 15);
  CHECK(outcome.ops_left == 0);
}

TEST_CASE("a server that fails on everything is left alone soon, and nothing is parked") {
  ScriptedCounty c;
  for (int i = 0; i < 100; ++i) c.report("第" + std::to_string(i) + "条");
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (is(request, "POST", "/v1/push")) return problem(500, "server");
    return std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::left);
  CHECK(outcome.failure->code == ErrorCode::server);
  CHECK(outcome.ops_left == 100);
  CHECK(outcome.ops_parked == 0);
  CHECK(c.asked("POST", "/v1/push") <= 20);
}

TEST_CASE("a batch that is too large is halved until it fits") {
  ScriptedCounty c;
  for (int i = 0; i < 64; ++i) c.report("第" + std::to_string(i) + "条");
  c.ops_max = 10;
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(outcome.ops_delivered == 64);
  CHECK(outcome.ops_parked == 0);
}

TEST_CASE("a platform that takes no gzip gets none") {
  ScriptedCounty c;
  for (int i = 0; i < 5; ++i) c.report("第" + std::to_string(i) + "条");
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (header(request.headers, "Content-Encoding").empty()) return std::nullopt;
    return problem(415, "unsupported-coding");
  };
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(c.asked("POST", "/v1/push") == 2);
}

TEST_CASE("a platform that asks to wait is given the time it asked for") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (is(request, "POST", "/v1/push")) return problem(429, "limited", {{"Retry-After", "600"}});
    return std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.failure->code == ErrorCode::limited);
  CHECK(outcome.next_attempt_ms.value() >= c.county.clock.now_ms() + 599'000);
}

TEST_CASE("results of other ops than were sent settle nothing") {
  ScriptedCounty c;
  for (int i = 0; i < 3; ++i) c.report("第" + std::to_string(i) + "条");
  c.after = [](const Request& request, Response response) -> std::optional<Response> {
    if (!is(request, "POST", "/v1/push")) return response;
    const std::string word = "\"op_id\":\"0";
    for (auto at = response.body.find(word); at != std::string::npos; at = response.body.find(word, at + 1)) {
      response.body[at + word.size() - 1] = 'f';
    }
    return response;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::left);
  CHECK(outcome.ops_delivered == 0);
  CHECK(outcome.ops_parked == 0);
  CHECK(outcome.ops_left == 3);
  CHECK(outcome.failure->code == ErrorCode::bad_reply);
}

TEST_CASE("a list that lost a result settles nothing of that batch, and smaller ones go on") {
  ScriptedCounty c;
  for (int i = 0; i < 3; ++i) c.report("第" + std::to_string(i) + "条");
  c.after = [](const Request& request, Response response) -> std::optional<Response> {
    if (!is(request, "POST", "/v1/push")) return response;
    const auto from = response.body.find("\"results\":[") + 11;
    const auto end = response.body.find("},", from);
    if (end < response.body.find(']', from)) response.body.erase(from, end + 2 - from);
    return response;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(c.applied.size() == 3);
}

TEST_CASE("no valid receipt, not done") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  c.after = [](const Request& request, Response response) -> std::optional<Response> {
    if (is(request, "POST", "/v1/push")) {
      const auto at = response.body.find("\"sig\":\"") + 7;
      response.body[at] = response.body[at] == 'A' ? 'B' : 'A';
    }
    return response;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.ops_delivered == 0);
  CHECK(outcome.ops_left == 1);
  CHECK(outcome.ops_parked == 0);
  CHECK(outcome.failure->code == ErrorCode::receipt_invalid);
}

TEST_CASE("a receipt under a key not known yet brings a pull and is believed then") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  c.pages.insert(c.pages.begin(), c.pull_page("", ""));
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(c.asked("POST", "/v1/push") == 2);
  CHECK(c.applied.size() == 1);
}

TEST_CASE("a receipt of a key whose time has been lengthened brings a pull and is believed then") {
  ScriptedCounty c;
  const auto key_until = [&](std::int64_t not_after_ms, std::int64_t version) {
    const std::string start = R"({"key_id":"k1","not_after_ms":)" + std::to_string(not_after_ms) +
                              R"(,"not_before_ms":1,"public_key":")" + base64url(public_key(c.county.signing_key)) +
                              "\"";
    const std::string body = start + R"(,"sig":")" + base64url(sign(c.county.root_key, start + "}")) + "\"}";
    const std::string number = std::to_string(version);
    return c.pull_page(R"({"kind":"receipt-key","id":"k1","version":)" + number + R"(,"body":)" + body + "}",
                       "k1:" + number + "\n");
  };
  c.pages = {key_until(1'795'500'000'000, kFirstVersion + 1)};
  c.run();
  c.report("村东头排水沟堵了");
  const std::size_t pulls = c.asked("GET", "/v1/pull");
  SECTION("as the county says") {
    c.pages.push_back(key_until(1'795'600'000'000, kFirstVersion + 2));
    CHECK(c.run().end == SyncEnd::all_delivered);
    CHECK(c.asked("POST", "/v1/push") == 2);
    CHECK(c.applied.size() == 1);
  }
  SECTION("but the county says nothing of it") {
    const SyncOutcome outcome = c.run();
    CHECK(outcome.ops_delivered == 0);
    CHECK(outcome.ops_left == 1);
    CHECK(outcome.failure->code == ErrorCode::receipt_invalid);
    CHECK(c.asked("POST", "/v1/push") == 2);
    CHECK(c.asked("GET", "/v1/pull") <= pulls + 2);
  }
}

TEST_CASE("a cursor that is gone is followed by a full pull, and the queue is kept") {
  ScriptedCounty c;
  CHECK(c.run().end == SyncEnd::all_delivered);
  c.report("村东头排水沟堵了");
  bool gone = true;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (gone && is(request, "GET", "cursor=")) return problem(410, "cursor-gone");
    return std::nullopt;
  };
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(c.transport.asked.back().url.find("cursor=") == std::string::npos);
}

TEST_CASE("what is captured while a long pull runs goes before its next page") {
  ScriptedCounty c;
  c.run();
  c.transport.answer_ms = 15'000;
  for (int page = 0; page < 6; ++page) c.pages.push_back(c.pull_page("", "", page < 5));
  std::size_t pulls = 0, pulls_before = 0;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (is(request, "GET", "/v1/pull") && ++pulls == 2) c.report("塌方压人");
    if (is(request, "POST", "/v1/push")) pulls_before = pulls;
    return std::nullopt;
  };
  CHECK(c.run().ops_delivered == 1);
  CHECK(pulls_before == 2);
  CHECK(pulls >= 6);
}

TEST_CASE("a page with a wrong checksum is not applied and asked for again later") {
  ScriptedCounty c;
  c.run();
  const std::string id = "01980000-0000-7000-8000-000000000001";
  c.pages.push_back(c.pull_page(R"({"kind":"incident","id":")" + id + R"(","version":4294967400,"body":{}})", "other"));
  const SyncOutcome outcome = c.run();
  CHECK(outcome.records_changed == 0);
  CHECK(outcome.end == SyncEnd::left);
  CHECK(outcome.failure->code == ErrorCode::bad_reply);
}

TEST_CASE("a run ends at its deadline, and a cancelled one at once") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  bool silent = true;
  c.after = [&](const Request& request, Response response) -> std::optional<Response> {
    if (silent && is(request, "POST", "/v1/push")) return std::nullopt;
    return response;
  };
  const std::int64_t begun = c.county.clock.monotonic_ms();
  CHECK(c.run(std::chrono::seconds(5)).end == SyncEnd::deadline);
  CHECK(c.county.clock.monotonic_ms() - begun == 5'000);
  CHECK(c.transport.cancelled == 1);

  int waits = 0;
  c.transport.on_wait = [&] {
    if (++waits == 4) c.syncer->cancel();
  };
  const std::int64_t again = c.county.clock.monotonic_ms();
  CHECK(c.run().end == SyncEnd::cancelled);
  CHECK(c.county.clock.monotonic_ms() - again <= 1'000);

  c.transport.on_wait = nullptr;
  silent = false;
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(c.applied.size() == 1);
}

TEST_CASE("a platform that cannot be asked what it still holds gets what is new all the same") {
  ScriptedCounty c;
  const SyncOutcome asks_later = run_with_a_loss(c);
  CHECK(asks_later.end == SyncEnd::left);
  REQUIRE(asks_later.next_attempt_ms.has_value());
  CHECK(*asks_later.next_attempt_ms <= c.county.clock.now_ms() + limits::reconcile_spread_ms);

  const Response answer = GENERATE(problem(500, "server"), problem(404, "not-found"), problem(503, "busy"),
                                   reply(200, "[]"), reply(200, R"({"differ":7})"));
  CAPTURE(answer.status, answer.body);
  c.instead = [&](const Request& request) -> std::optional<Response> {
    return is(request, "POST", "/v1/reconcile") ? std::optional(answer) : std::nullopt;
  };
  c.county.clock.advance(limits::reconcile_spread_ms);
  const std::string urgent = c.report("有人落水");
  const SyncOutcome outcome = c.run();
  CHECK(outcome.ops_delivered == 1);
  CHECK(c.applied.size() == 2);
  CHECK(c.asked("POST", "/v1/reconcile") == 1);
  c.run();
  CHECK(c.asked("POST", "/v1/reconcile") == 1);  // not before its time
  CHECK(c.store->status()->confirming);

  c.instead = [&](const Request& request) -> std::optional<Response> {
    return is(request, "POST", "/v1/reconcile") ? std::optional(reply(200, R"({"differ":[],"epoch":2})"))
                                                : std::nullopt;
  };
  c.county.clock.advance(limits::reconcile_spread_ms);
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK_FALSE(c.store->status()->confirming);
  CHECK((*c.store->get(urgent))->delivery == Delivery::delivered);
}

TEST_CASE("a platform that asks for a pause before it says what it holds gets it") {
  ScriptedCounty c;
  run_with_a_loss(c);
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (!is(request, "POST", "/v1/reconcile")) return std::nullopt;
    return problem(503, "busy", {{"Retry-After", "7200"}});
  };
  const auto asked_after = [&](std::int64_t ms) {
    c.county.clock.advance(ms);
    c.run();
    return c.asked("POST", "/v1/reconcile");
  };
  CHECK(asked_after(limits::reconcile_spread_ms) == 1);
  CHECK(asked_after(7'190'000) == 1);
  CHECK(asked_after(10'000 + limits::reconcile_spread_ms) == 2);
}

TEST_CASE("a platform is asked without the chain where that is too long for it") {
  ScriptedCounty c;
  run_with_a_loss(c);
  std::vector<std::string> asked;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is(request, "POST", "/v1/reconcile")) return std::nullopt;
    asked.push_back(ScriptedCounty::text_of(request));
    if (asked.back().find(R"("head")") != std::string::npos) return problem(413, "too-large");
    return reply(200, R"({"differ":[],"epoch":2})");
  };
  c.county.clock.advance(limits::reconcile_spread_ms);
  c.run();
  CHECK(asked.size() == 2);
  CHECK_FALSE(c.store->status()->confirming);
}

TEST_CASE("a pull that does not fit a run is asked for in smaller pages by the next, and keeps no report waiting") {
  ScriptedCounty c;
  c.report("村东头排水沟堵了");
  c.pages.front().replace(c.pages.front().find(R"("more":false)"), 12, R"("more":true)");  // the key, and more to come
  std::vector<std::string> pages;
  c.after = [&](const Request& request, Response response) -> std::optional<Response> {
    if (!is(request, "GET", "/v1/pull")) return response;
    pages.push_back(request.url.substr(request.url.find("limit=")));
    return pages.size() == 1 ? std::optional(response) : std::nullopt;
  };
  CHECK(c.run(std::chrono::seconds(5)).end == SyncEnd::deadline);
  CHECK(c.applied.size() == 1);
  c.run(std::chrono::seconds(5));
  REQUIRE(pages.size() == 3);
  CHECK(pages[1].starts_with("limit=500&"));
  CHECK(pages[2].starts_with("limit=125&"));
}
