// Links that turn slow, break, or have somebody else's word on them: what was learned of them gets everything through.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/limits.h>

#include "base/json.h"
#include "jpeg.h"
#include "scripted_county.h"

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
  CAPTURE(by_cancel, took_ms);
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
  for (int run = 0; run < 12; ++run) c.run(at_most);
  REQUIRE(asked.size() > 1);
  // One that was hardly on its way says nothing of the link.
  CHECK((asked[1] < asked[0]) == (took_ms > 10'000));
  CHECK((c.applied.size() == 60) == (took_ms > 10'000));
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
