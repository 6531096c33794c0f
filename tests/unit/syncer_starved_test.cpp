// What is refused, or gets no answer, for ever holds up nothing else.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <set>

#include "jpeg.h"
#include "scripted_county.h"

using namespace julu;
using namespace julu::test;

namespace {

constexpr std::int64_t kHostComesEveryMs = 16LL * 60 * 1000;  // all that was put off is due again by then

bool is_for(const Request& request, std::string_view path) { return request.url.find(path) != std::string::npos; }

bool is_creation(const Request& request) { return header(request.headers, "Upload-Metadata").starts_with("sha256"); }

Response page(int status) { return reply(status, "<html>", {{"Content-Type", "text/html"}}); }

void report_with_photo(ScriptedCounty& c, std::uint64_t seed, std::size_t bytes = 60 * 1024) {
  c.report("路灯坏了", {{c.county.folder.write("p.jpg", make_jpeg_of_about(bytes, seed)), "near"}});
}

/// Runs of a host that comes by itself, as WorkManager does; what they delivered and sent.
struct Visits {
  std::int64_t ops = 0, photos = 0;
  SyncOutcome last;
  Visits(ScriptedCounty& c, int runs) {
    for (int i = 0; i < runs; ++i) {
      c.county.clock.advance(kHostComesEveryMs);
      last = c.run();
      ops += last.ops_delivered;
      photos += last.photos_sent;
    }
  }
};

}  // namespace

TEST_CASE("operations that fail one after another hold up none of those behind them") {
  ScriptedCounty c;
  const int bad = GENERATE(4, 8, 20);
  const bool a_500 = GENERATE(true, false);
  CAPTURE(bad, a_500);
  for (int i = 0; i < bad; ++i) c.report("坏的" + std::to_string(i));
  for (int i = 0; i < 40; ++i) c.report("好的" + std::to_string(i));
  c.instead = [&](const Request& request) -> std::optional<Response> {
    const bool refused =
        is_for(request, "/v1/push") && ScriptedCounty::text_of(request).find("坏的") != std::string::npos;
    if (!refused) return std::nullopt;
    return a_500 ? problem(500, "server") : page(403);
  };
  const Visits visits(c, 6);
  CHECK(visits.ops == 40);
  CHECK(visits.last.ops_left == bad);
  CHECK(visits.last.ops_parked == 0);
}

TEST_CASE("a platform that fails on all pushes is not asked more than some times a run, and news comes") {
  ScriptedCounty c;
  for (int i = 0; i < 60; ++i) c.report("报告" + std::to_string(i));
  c.instead = [&](const Request& request) {
    return is_for(request, "/v1/push") ? std::optional(problem(500, "server")) : std::nullopt;
  };
  const Visits first(c, 1);
  const std::size_t pulls = c.asked("GET", "/v1/pull");
  const Visits visits(c, 1);
  CHECK(visits.last.end == SyncEnd::left);
  CHECK(visits.last.ops_left == 60);
  CHECK(visits.last.push_requests <= 16);
  CHECK(c.asked("GET", "/v1/pull") > pulls);
}

TEST_CASE("an upload whose address is dead holds up no other photo, and is begun anew in the end") {
  ScriptedCounty c;
  c.takes_bytes_at_creation = false;
  c.transport.answer_ms = 10'000;
  report_with_photo(c, 1, 300 * 1024);
  int pieces = 0;
  c.instead = [&](const Request& request) {
    return request.method == "PATCH" && ++pieces >= 2 ? std::optional(no_reply()) : std::nullopt;
  };
  c.run();
  REQUIRE(pieces >= 2);
  std::string dead;
  for (const auto& [location, upload] : c.uploads) {
    if (!upload.sha256.empty()) dead = location;
  }
  for (std::uint64_t seed = 10; seed < 15; ++seed) report_with_photo(c, seed);
  c.transport.answer_ms = 100;
  const Response word = GENERATE(reply(405), problem(500, "server"), reply(423), page(302));
  CAPTURE(word.status);
  c.instead = [&](const Request& request) { return request.url.ends_with(dead) ? std::optional(word) : std::nullopt; };
  CHECK(Visits(c, 3).photos == 5);
  const bool a_redirect = word.status == 302;  // a portal's: nobody has spoken of the upload
  CHECK(Visits(c, 40).photos == (a_redirect ? 0 : 1));
}

TEST_CASE("photos that are never taken hold up none behind them") {
  ScriptedCounty c;
  c.transport.answer_ms = 100;
  for (std::uint64_t seed = 10; seed < 18; ++seed) report_with_photo(c, seed);
  std::set<std::string> refused;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is_creation(request)) return std::nullopt;
    const std::string photo(header(request.headers, "Upload-Metadata"));
    if (refused.size() < 3) refused.insert(photo);
    return refused.contains(photo) ? std::optional(page(403)) : std::nullopt;
  };
  CHECK(Visits(c, 4).photos == 5);
}

TEST_CASE("a gateway's bound on bodies parks no small report") {
  ScriptedCounty c;
  for (int i = 0; i < 20; ++i) c.report("报告" + std::to_string(i));
  bool bounded = true;
  c.instead = [&](const Request& request) {
    return bounded && is_for(request, "/v1/push") ? std::optional(page(413)) : std::nullopt;
  };
  const Visits during(c, 3);
  CHECK(during.last.ops_parked == 0);
  CHECK(during.last.end == SyncEnd::left);
  bounded = false;
  CHECK(Visits(c, 2).ops == 20);
}

TEST_CASE("a text that was cut in the middle of an emoji holds up no news") {
  ScriptedCounty c;
  const std::string id = "01980000-0000-7000-8000-000000000001";
  const auto [cut, as_read] = GENERATE(std::pair(R"(\ud83d)", "�"), std::pair(R"(\ude00)", "�"),
                                       std::pair(R"(\uD83Dx)", "�x"), std::pair(R"(\ud83d\ud83d\ude00)", "�😀"));
  c.pages = {c.pull_page(R"({"kind":"household","id":")" + id + R"(","version":4294967301,"body":{"address":"堤村)" +
                             cut + R"( \\ud83d 1 号"}})",
                         id + ":4294967301\n")};
  CHECK(c.run().end == SyncEnd::all_delivered);
  const auto record = c.store->get(id).value();
  REQUIRE(record);
  CHECK(record->body.find("堤村" + std::string(as_read) + R"( \\ud83d 1 号)") != std::string::npos);
}

TEST_CASE("a gateway's page that says gone takes no cursor away") {
  ScriptedCounty c;
  c.run();
  c.instead = [&](const Request& request) {
    return is_for(request, "/v1/pull") ? std::optional(page(410)) : std::nullopt;
  };
  CHECK(Visits(c, 1).last.end == SyncEnd::left);
  c.instead = nullptr;
  CHECK(Visits(c, 1).last.end == SyncEnd::all_delivered);
  const auto pulls_anew = std::count_if(c.transport.asked.begin(), c.transport.asked.end(), [](const Request& request) {
    return is_for(request, "/v1/pull") && !is_for(request, "cursor=");
  });
  CHECK(pulls_anew == 1);  // the first of all
}

TEST_CASE("a step without a body is a step, also where it is said as null") {
  ScriptedCounty c;
  const std::string id = c.report("沟堵了");
  c.run();
  c.pages = {
      c.pull_page(R"({"kind":"incident","id":")" + id +
                      R"(","version":4294967310,"body":{"category":"drainage","text":"沟堵了"},"state":"accepted",)"
                      R"("actions":[{"id":"01980000-0000-7000-8000-0000000000a1","number":1,"action":"accept",)"
                      R"("state":"accepted","at_ms":1,"body":null}]})",
                  id + ":4294967310\n")};
  REQUIRE(c.syncer->hint().ok());
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK((**c.store->get(id)).state == "accepted");
}
