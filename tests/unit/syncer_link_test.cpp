// Links that turn slow, break, or have somebody else's word on them: what was learned of them gets everything through.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/limits.h>

#include "base/json.h"
#include "jpeg.h"
#include "scripted_county.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

bool is(const Request& request, const std::string& method, const std::string& path) {
  return request.method == method && request.url.find(path) != std::string::npos;
}

bool is_photo(const Request& request) { return header(request.headers, "Upload-Metadata").starts_with("sha256"); }

std::string report_with_photo(ScriptedCounty& c, std::uint64_t seed, std::size_t bytes = 300 * 1024) {
  return c.report("路灯坏了", {{c.county.folder.write("photo.jpg", make_jpeg_of_about(bytes, seed)), "near"}});
}

bool is_delivered(const ScriptedCounty& c, const std::string& id) {
  return (*c.store->get(id))->delivery == Delivery::delivered;
}

}  // namespace

TEST_CASE("a photo gets through a link that has turned slow, however short the host's runs are") {
  const bool by_cancel = GENERATE(false, true);
  const bool takes_bytes_at_creation = GENERATE(true, false);
  const std::int64_t slow = GENERATE(10, 2);
  CAPTURE(by_cancel, takes_bytes_at_creation, slow);
  constexpr std::int64_t kRunMs = 25'000;
  ScriptedCounty c;
  c.takes_bytes_at_creation = takes_bytes_at_creation;
  std::int64_t bytes_per_ms = 500, left_ms = kRunMs;
  // A proxy passes on what it has all of.
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (request.body.size() < 1024 || request.url.find("/v1/photos") == std::string::npos) return std::nullopt;
    const std::int64_t takes_ms = static_cast<std::int64_t>(request.body.size()) / bytes_per_ms;
    c.county.clock.advance(std::min(takes_ms, left_ms));
    left_ms -= takes_ms;
    if (left_ms > 0) return std::nullopt;
    if (by_cancel) c.syncer->cancel();
    return no_reply();
  };
  const std::chrono::milliseconds at_most = by_cancel ? std::chrono::minutes(10) : std::chrono::seconds(25);
  report_with_photo(c, 1);
  REQUIRE(c.run(at_most).end == SyncEnd::all_delivered);
  bytes_per_ms = slow;
  const std::string id = report_with_photo(c, 2);
  int runs = 0;
  for (; runs < 40 && !is_delivered(c, id); ++runs) {
    left_ms = kRunMs;
    c.run(at_most);
    c.county.clock.advance(limits::backoff_cap_ms);
  }
  CHECK(is_delivered(c, id));
  CHECK(runs <= (slow == 10 ? 8 : 24));
}

TEST_CASE("a batch that does not fit the runs gets smaller, whether their time ends or the host ends them") {
  const bool by_cancel = GENERATE(false, true);
  const std::int64_t took_ms = GENERATE(25'000, 500);
  const bool hosts_make_a_syncer = GENERATE(false, true);
  CAPTURE(by_cancel, took_ms, hosts_make_a_syncer);
  ScriptedCounty c;
  c.run();
  for (int i = 0; i < 60; ++i) c.report(std::string(1'900, 'x'));
  std::vector<std::size_t> asked;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is(request, "POST", "/v1/push")) return std::nullopt;
    asked.push_back(Json::parse(ScriptedCounty::text_of(request)).at("ops").size());
    if (asked.back() <= 20) return std::nullopt;
    c.county.clock.advance(took_ms);
    if (by_cancel) c.syncer->cancel();
    return no_reply();
  };
  const std::chrono::milliseconds at_most =
      by_cancel ? std::chrono::milliseconds(600'000) : std::chrono::milliseconds(took_ms);
  for (int run = 0; run < 12; ++run) {
    if (hosts_make_a_syncer) c.syncer = std::make_unique<Syncer>(*c.store, c.transport);
    c.run(at_most);
  }
  REQUIRE(asked.size() > 1);
  // One that was hardly on its way says nothing of the link.
  CHECK((asked[1] < asked[0]) == (took_ms > 10'000));
  CHECK((c.applied.size() == 60) == (took_ms > 10'000));
}

TEST_CASE("one report that is too long for the link, or for the runs, holds up no other") {
  const bool by_link = GENERATE(false, true);
  const bool hosts_make_a_syncer = GENERATE(false, true);
  CAPTURE(by_link, hosts_make_a_syncer);
  ScriptedCounty c;
  c.run();
  std::string much;
  for (int i = 0; i < 1'900; ++i) much += "路";
  const std::string big = c.report(much);
  for (int i = 0; i < 3; ++i) c.report("路灯坏了");
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is(request, "POST", "/v1/push")) return std::nullopt;
    const std::string text = ScriptedCounty::text_of(request);
    if (text.find(big) == std::string::npos) return std::nullopt;
    c.county.clock.advance(by_link ? 20'000 : 25'000);
    return no_reply();
  };
  for (int run = 0; run < 20; ++run) {
    if (hosts_make_a_syncer) c.syncer = std::make_unique<Syncer>(*c.store, c.transport);
    c.run(std::chrono::seconds(by_link ? 60 : 25));
    const auto next = c.store->status()->next_attempt_ms;
    if (next) c.county.clock.advance(std::max<std::int64_t>(0, *next - c.county.clock.now_ms()));
  }
  CHECK(c.applied.size() == 3);
  CHECK_FALSE(is_delivered(c, big));
  c.instead = nullptr;
  c.county.clock.advance(limits::backoff_cap_ms);
  c.run();
  CHECK(is_delivered(c, big));
}

TEST_CASE("an emergency does not wait for photos that are on their way together") {
  ScriptedCounty c;
  c.transport.answer_ms = 10;
  report_with_photo(c, 1);
  REQUIRE(c.run().end == SyncEnd::all_delivered);
  for (std::uint64_t i = 0; i < 3; ++i) report_with_photo(c, 2 + i);
  c.after = [](const Request& request, Response response) {
    return is_photo(request) ? std::nullopt : std::optional(std::move(response));  // the link has turned slow
  };
  bool captured = false;
  std::size_t before = 0;
  c.transport.on_wait = [&] {
    if (captured || c.transport.most_waiting < limits::photos_in_flight_max) return;
    captured = true;
    before = c.applied.size();
    c.report("塌方压人");
  };
  CHECK(c.run(std::chrono::seconds(60)).end == SyncEnd::deadline);
  CHECK(c.transport.most_waiting > limits::photos_in_flight_max);
  CHECK(c.applied.size() == before + 1);
}

namespace {

/// A county with some pieces of a photo, after a link that broke.
struct Begun {
  Begun() {
    c.takes_bytes_at_creation = false;
    c.transport.answer_ms = 10'000;
    id = report_with_photo(c, 1);
    breaks_at_piece(3);
    c.run();
    c.county.clock.advance(limits::backoff_cap_ms);
    creations = c.asked("POST", "/v1/photos");
    REQUIRE(creations == 2);  // the photo and its thumbnail
  }
  void breaks_at_piece(int number) {
    c.instead = [number](const Request& request) mutable {
      return request.method == "PATCH" && --number <= 0 ? std::optional(no_reply()) : std::nullopt;
    };
  }
  /// What answers where the upload is, so often.
  void answers(const Response& response, int times) {
    c.instead = [response, times](const Request& request) mutable {
      return request.method == "HEAD" && times-- > 0 ? std::optional(response) : std::nullopt;
    };
  }
  void runs(int count) {
    for (int i = 0; i < count; ++i) {
      c.run();
      c.county.clock.advance(limits::backoff_cap_ms);
    }
  }
  bool was_begun_anew() const { return c.asked("POST", "/v1/photos") > creations; }

  ScriptedCounty c;
  std::string id;
  std::size_t creations = 0;
};

}  // namespace

TEST_CASE("what is not a photo server's word forgets no upload that has begun, until nobody says anything else") {
  Begun begun;
  const Response word = GENERATE(reply(200), reply(200, "", {}), reply(404, R"({"message":"no Route matched"})"),
                                 reply(410, "", {}), reply(404, "", {{"Content-Type", "text/html"}}));
  CAPTURE(word.status);
  SECTION("for some time") {
    begun.answers(word, 4);
    begun.runs(5);
    CHECK(is_delivered(begun.c, begun.id));
    CHECK_FALSE(begun.was_begun_anew());
  }
  SECTION("for ever") {
    begun.answers(word, 1000);
    begun.runs(20);
    CHECK(is_delivered(begun.c, begun.id));
    CHECK(begun.was_begun_anew());
  }
}

TEST_CASE("a photo server that says by itself that an upload is gone is believed at once") {
  Begun begun;
  begun.answers(GENERATE(reply(404, "", {{"Tus-Resumable", "1.0.0"}}), reply(410, "", {{"Tus-Resumable", "1.0.0"}}),
                         problem(404, "not-found"), reply(200, "", {{"Tus-Resumable", "1.0.0"}})),
                1);
  begun.runs(1);
  CHECK(is_delivered(begun.c, begun.id));
  CHECK(begun.was_begun_anew());
}

TEST_CASE("days without a network count for nothing where a page then speaks for once") {
  Begun begun;
  const bool at_ping = GENERATE(true, false);
  begun.c.instead = [at_ping](const Request& request) {
    return at_ping || request.method == "HEAD" ? std::optional(no_reply()) : std::nullopt;
  };
  begun.runs(50);
  begun.answers(reply(404, "", {{"Content-Type", "text/html"}}), 3);
  begun.runs(4);
  CHECK(is_delivered(begun.c, begun.id));
  CHECK_FALSE(begun.was_begun_anew());
}

TEST_CASE("a platform that fails is asked ever less often, though each run has a Syncer of its own") {
  ScriptedCounty c;
  c.run();
  c.instead = [](const Request&) { return problem(500, "server"); };
  const std::int64_t end_ms = c.county.clock.now_ms() + 3'600'000;
  int runs = 0;
  while (c.county.clock.now_ms() < end_ms) {
    c.syncer = std::make_unique<Syncer>(*c.store, c.transport);
    const std::int64_t next_ms = c.run().next_attempt_ms.value();
    c.county.clock.advance(std::max<std::int64_t>(next_ms - c.county.clock.now_ms(), 1));
    ++runs;
  }
  CHECK(runs < 40);
  SECTION("and at once again when a person asks") {
    REQUIRE(c.syncer->hint().ok());
    const std::int64_t wait_ms = c.run().next_attempt_ms.value() - c.county.clock.now_ms();
    CHECK(wait_ms <= limits::backoff_base_ms);
  }
  SECTION("or when it has gone well") {
    c.instead = nullptr;
    CHECK(c.run().end == SyncEnd::all_delivered);
    CHECK(Outbox(*c.store).note_run(true, {}).value() == 1);
  }
}

TEST_CASE("an upload that moves on with every run waits no longer each time") {
  Begun begun;
  for (int run = 0; run < 3; ++run) {
    begun.breaks_at_piece(2);
    begun.c.run();
    const auto row = database_of(begun.c.county)->integer("SELECT max(attempts) FROM photo");
    CHECK(row.value() == 1);
    begun.c.county.clock.advance(limits::backoff_cap_ms);
  }
}

TEST_CASE("a photo server that takes no bytes with a creation gets them by themselves") {
  const int status = GENERATE(400, 415);
  const bool quick = GENERATE(true, false);
  CAPTURE(status, quick);
  ScriptedCounty c;
  c.transport.answer_ms = quick ? 10 : 1'000;
  int refused = 0;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is(request, "POST", "/v1/photos") || request.body.empty()) return std::nullopt;
    ++refused;
    return reply(status, "", {{"Tus-Resumable", "1.0.0"}});
  };
  for (std::uint64_t i = 0; i < 5; ++i) report_with_photo(c, i, 40 * 1024);
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(outcome.photos_sent == 5);
  CHECK(refused == 1);
  const auto thumbnails = std::count_if(c.uploads.begin(), c.uploads.end(), [](const auto& one) {
    return one.second.sha256.empty() && static_cast<std::int64_t>(one.second.bytes.size()) == one.second.length;
  });
  CHECK(thumbnails >= 1);
}

TEST_CASE("a photo server that refuses whatever is created is asked once more and no oftener") {
  ScriptedCounty c;
  int asked = 0;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is_photo(request)) return std::nullopt;
    ++asked;
    return problem(400, "bad-request");
  };
  report_with_photo(c, 1, 40 * 1024);
  CHECK(c.run().photos_left == 1);
  CHECK(asked == 2);
}

TEST_CASE("a page of changes that the runs have no time for gets smaller, down to one row, and larger again") {
  ScriptedCounty c;
  c.run();
  std::int64_t row_ms = 10'000;
  int last = 0;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is(request, "GET", "/v1/pull")) return std::nullopt;
    last = std::stoi(request.url.substr(request.url.find("limit=") + 6));
    const std::int64_t takes_ms = 100 + last * row_ms;
    c.county.clock.advance(std::min<std::int64_t>(takes_ms, 25'000));
    return takes_ms < 25'000 ? std::nullopt : std::optional(no_reply());
  };
  const auto run_some = [&] {
    for (int run = 0; run < 8; ++run) c.run(std::chrono::seconds(25));
    return last;
  };
  CHECK(run_some() <= 2);
  CHECK(c.run(std::chrono::seconds(25)).end == SyncEnd::all_delivered);
  row_ms = 10;
  CHECK(run_some() >= 100);
}

TEST_CASE("news that cannot be had stop no photos") {
  ScriptedCounty c;
  c.run();
  Response answer;
  SECTION("the platform has an error") { answer = problem(500, "internal"); }
  SECTION("a row of it is none") { answer = reply(200, R"({"epoch":1,"changes":[{}],"next":"x","more":false})"); }
  SECTION("the page is lost on the way") { answer = no_reply(); }
  SECTION("no cursor is good enough") { answer = problem(410, "cursor"); }
  bool fails = true;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (fails && is(request, "GET", "/v1/pull")) return answer;
    if (is_photo(request)) c.county.clock.advance(20'000);
    return std::nullopt;
  };
  for (std::uint64_t i = 0; i < 8; ++i) report_with_photo(c, i, 40 * 1024);
  SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::left);
  CHECK(outcome.photos_sent == 8);
  CHECK(outcome.photos_left == 0);
  REQUIRE(outcome.failure);
  CHECK(outcome.next_attempt_ms.has_value());
  fails = false;
  CHECK(c.run().end == SyncEnd::all_delivered);
}

TEST_CASE("news of the platform from before a restore end the photos' turn too") {
  ScriptedCounty c;
  bool restored = false;
  c.after = [&](const Request& request, Response response) {
    if (restored && is(request, "GET", "/v1/ping")) {
      Json ping = Json::parse(response.body);
      ping["epoch"] = kEpoch + 1;
      response.body = ping.dump();
    }
    return std::optional(std::move(response));
  };
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is_photo(request)) return std::nullopt;
    if (!restored) return problem(500, "server");
    c.county.clock.advance(70'000);
    return std::nullopt;
  };
  for (std::uint64_t i = 0; i < 6; ++i) report_with_photo(c, i, 40 * 1024);
  c.run();
  restored = true;
  REQUIRE(c.syncer->hint().ok());
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::left);
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->field == "/epoch");
  CHECK(outcome.photos_left >= 5);
}

TEST_CASE("after a push that the link lost texts go before photos also next time") {
  ScriptedCounty c;
  c.run();
  c.report("树倒了");
  report_with_photo(c, 1);
  c.run();
  report_with_photo(c, 2);
  c.report("塌方压人");
  const Response answer = GENERATE(no_reply(), reply(503, "", {}));
  bool fails = true;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    return fails && is(request, "POST", "/v1/push") ? std::optional(answer) : std::nullopt;
  };
  const std::size_t photos = c.asked("POST", "/v1/photos");
  for (int run = 0; run < 4; ++run) {
    const SyncOutcome outcome = c.run();
    REQUIRE(outcome.next_attempt_ms);
    c.county.clock.advance(std::max<std::int64_t>(0, *outcome.next_attempt_ms - c.county.clock.now_ms()));
  }
  CHECK(c.asked("POST", "/v1/photos") == photos);
  fails = false;
  CHECK(c.run().end == SyncEnd::all_delivered);
}
