// Photos on their way out: not a byte lost, not one sent where tokens may not go.
#include <algorithm>
#include <map>
#include <set>

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

/// A report with one photo of more than 64 KiB, so that it travels in pieces on a link not known yet.
std::string report_with_photo(ScriptedCounty& c) {
  const std::string path = c.county.folder.write("large.jpg", make_jpeg_of_about(300 * 1024, 1));
  return c.report("村东头排水沟堵了", {{path, "near"}});
}

/// What the platform holds of the one photo that was captured.
std::string held_photo(const ScriptedCounty& c) {
  std::string bytes;
  for (const auto& [location, upload] : c.uploads) {
    if (!upload.sha256.empty() && static_cast<std::int64_t>(upload.bytes.size()) == upload.length) bytes = upload.bytes;
  }
  return bytes;
}

std::string own_photo(ScriptedCounty& c, const std::string& record) {
  std::string bytes;
  const auto photos = (*c.store->get(record))->photos;
  REQUIRE(photos.size() == 1);
  REQUIRE(c.store
              ->read_photo(photos[0].sha256,
                           [&](std::string_view part) {
                             bytes += part;
                             return true;
                           })
              .ok());
  return bytes;
}

bool is_thumbnail(const Request& request) { return header(request.headers, "Upload-Metadata").starts_with("thumb_of"); }
bool is_photo(const Request& request) { return header(request.headers, "Upload-Metadata").starts_with("sha256"); }

/// Reports with a photo each; by the first thumbnail the Syncer learns how quick the link is.
void reports_with_photos(ScriptedCounty& c, std::uint64_t count, std::uint64_t seed = 40) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string path = c.county.folder.write("photo.jpg", make_jpeg_of_about(60 * 1024, seed + i));
    c.report("路灯坏了", {{path, "near"}});
  }
}

std::size_t thumbnails_asked(const ScriptedCounty& c) {
  return static_cast<std::size_t>(std::count_if(c.transport.asked.begin(), c.transport.asked.end(), is_thumbnail));
}

}  // namespace

TEST_CASE("on a quick link photos go without their thumbnails, some of them at once") {
  ScriptedCounty c;
  reports_with_photos(c, 6);
  c.transport.answer_ms = 10;
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(outcome.photos_sent == 6);
  CHECK(thumbnails_asked(c) == 1);
  CHECK(c.transport.most_waiting == limits::photos_in_flight_max);
}

TEST_CASE("on a weak link the thumbnails of all come first, and one request travels at a time") {
  ScriptedCounty c;
  reports_with_photos(c, 4);
  c.transport.answer_ms = 4'000;
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(thumbnails_asked(c) == 4);
  CHECK(c.transport.most_waiting == 1);
  const auto& asked = c.transport.asked;
  const auto first_photo = std::find_if(asked.begin(), asked.end(), is_photo);
  CHECK(std::none_of(first_photo, asked.end(), is_thumbnail));
}

TEST_CASE("of several photos on their way the one that fails is put off by itself") {
  ScriptedCounty c;
  reports_with_photos(c, 6);
  c.transport.answer_ms = 10;
  int photos = 0;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (is_photo(request) && ++photos == 2) return problem(500, "server");
    return std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::left);
  CHECK(outcome.photos_sent == 5);
  CHECK(outcome.photos_left == 1);
  CHECK(photos == 6);
  REQUIRE(c.syncer->hint().ok());
  CHECK(c.run().end == SyncEnd::all_delivered);
}

TEST_CASE("a token that ends under several photos is renewed once") {
  ScriptedCounty c;
  reports_with_photos(c, 6);
  c.transport.answer_ms = 10;
  int photos = 0;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (is_photo(request) && ++photos == 1) c.token = "token-2";
    return std::nullopt;
  };
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(c.asked("POST", "/v1/token") == 2);
}

TEST_CASE("a run that is cancelled gives up all that is on its way, and the next begins it again") {
  ScriptedCounty c;
  reports_with_photos(c, 6);
  c.transport.answer_ms = 10;
  c.transport.on_wait = [&] {
    if (c.transport.most_waiting == limits::photos_in_flight_max) c.syncer->cancel();
  };
  CHECK(c.run().end == SyncEnd::cancelled);
  CHECK(c.transport.cancelled >= 2);
  c.transport.on_wait = nullptr;
  CHECK(c.run().end == SyncEnd::all_delivered);
  std::size_t photos = 0;
  for (const auto& [location, upload] : c.uploads) photos += upload.sha256.empty() ? 0 : 1;
  CHECK(photos >= 6);
}

TEST_CASE("a pause that the platform asked for in a reply that is here when the run ends is kept to") {
  ScriptedCounty c;
  reports_with_photos(c, 4);
  c.transport.answer_ms = 10;
  std::size_t photos = 0;
  int waits = 0;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (is_photo(request)) {
      if (++photos == 2) {
        c.report("井盖丢失", {});
        c.county.clock.advance(300);  // the queue is looked at again
        c.transport.on_wait = [&] {
          if (++waits == 3) c.syncer->cancel();  // both photos are answered by then
        };
      }
      return reply(429, "", {{"Retry-After", "600"}});
    }
    return std::nullopt;
  };
  CHECK(c.run().end == SyncEnd::cancelled);
  REQUIRE(photos == 2);
  c.transport.on_wait = nullptr;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    photos += is_photo(request) ? 1 : 0;
    return std::nullopt;
  };
  c.run();
  CHECK(photos == 2);  // nor do the other two go
  c.county.clock.advance(600'000);
  CHECK(c.run().end == SyncEnd::all_delivered);
}

TEST_CASE("a photo goes after the text and its thumbnail, and its receipt ends the report") {
  ScriptedCounty c;
  const std::string id = report_with_photo(c);
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(outcome.ops_delivered == 2);
  CHECK(outcome.photos_sent == 1);
  const std::string bytes = own_photo(c, id);
  CHECK(held_photo(c) == bytes);
  CHECK(outcome.photo_bytes_sent == static_cast<std::int64_t>(bytes.size()));
  std::vector<std::string> order;
  for (const Request& request : c.transport.asked) {
    const std::string about = header(request.headers, "Upload-Metadata");
    if (is(request, "POST", "/v1/push")) order.push_back("push");
    if (about.starts_with("thumb_of")) order.push_back("thumbnail");
    if (about.starts_with("sha256")) order.push_back("photo");
  }
  CHECK(order == std::vector<std::string>{"push", "thumbnail", "photo", "push"});
  CHECK((*c.store->get(id))->delivery == Delivery::delivered);
}

TEST_CASE("an upload that broke goes on at the byte the platform has") {
  ScriptedCounty c;
  const std::string id = report_with_photo(c);
  c.takes_bytes_at_creation = false;
  int patches = 0;
  c.after = [&](const Request& request, Response response) -> std::optional<Response> {
    // The platform has the bytes; the phone never hears of it.
    if (request.method == "PATCH" && request.body.size() > limits::thumbnail_bytes_max && ++patches == 2) {
      return no_reply();
    }
    return response;
  };
  c.transport.answer_ms = 4'000;  // a slow link: small pieces
  CHECK(c.run().failure->code == ErrorCode::offline);
  REQUIRE(c.syncer->hint().ok());
  const std::size_t heads = c.asked("HEAD", "/v1/photos");
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(c.asked("HEAD", "/v1/photos") == heads + 1);
  CHECK(held_photo(c) == own_photo(c, id));
  std::size_t sent = 0;
  for (const Request& request : c.transport.asked) {
    if (request.method == "PATCH" && request.body.size() > limits::thumbnail_bytes_max) sent += request.body.size();
  }
  CHECK(sent == held_photo(c).size());
}

TEST_CASE("an upload that the platform forgot begins anew") {
  ScriptedCounty c;
  const std::string id = report_with_photo(c);
  c.transport.answer_ms = 4'000;
  bool broken = false;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!broken && request.method == "PATCH") {
      broken = true;
      c.uploads.clear();
      return no_reply();
    }
    return std::nullopt;
  };
  CHECK(c.run().end == SyncEnd::left);
  REQUIRE(c.syncer->hint().ok());
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(held_photo(c) == own_photo(c, id));
}

TEST_CASE("a gateway's page takes nothing of an upload that has begun") {
  ScriptedCounty c;
  c.takes_bytes_at_creation = false;
  const std::string id = report_with_photo(c);
  const int status = GENERATE(403, 404, 410);
  bool paged = false;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    const bool of_photo = request.method == "PATCH" && request.body.size() > limits::thumbnail_bytes_max;
    if (paged || !of_photo) return std::nullopt;
    paged = true;
    return reply(status, "<html>nginx</html>", {{"Content-Type", "text/html"}});
  };
  c.run();
  c.county.clock.advance(limits::backoff_cap_ms);
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(paged);
  CHECK(c.uploads.size() == 2);  // the photo and its thumbnail
  CHECK((*c.store->get(id))->delivery == Delivery::delivered);
}

TEST_CASE("a Location on a foreign origin is never followed") {
  ScriptedCounty c;
  report_with_photo(c);
  c.after = [](const Request& request, Response response) -> std::optional<Response> {
    if (!is(request, "POST", "/v1/photos")) return response;
    return reply(201, {}, {{"Location", "https://evil.example/up/1"}});
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::left);
  CHECK(outcome.failure->code == ErrorCode::foreign_origin);
  CHECK(outcome.ops_delivered == 1);
  CHECK(outcome.photos_left == 1);
  for (const Request& request : c.transport.asked) CHECK(request.url.starts_with("http://127.0.0.1:1/"));
}

TEST_CASE("a photo that the platform cannot take is parked with its reason, and the text is delivered") {
  ScriptedCounty c;
  const std::string id = report_with_photo(c);
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (header(request.headers, "Upload-Metadata").starts_with("sha256")) return problem(413, "too-large");
    return std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.ops_delivered == 1);
  CHECK(outcome.ops_parked == 1);
  CHECK(outcome.photos_left == 0);
  CHECK((*c.store->get(id))->delivery == Delivery::parked);
}

TEST_CASE("bytes that are not the photo go again, but are parked where the phone itself has no others") {
  ScriptedCounty c;
  const std::string id = report_with_photo(c);
  const bool damaged_here = GENERATE(true, false);
  if (damaged_here) {
    const auto db = database_of(c.county);
    REQUIRE(db->run("UPDATE chunk SET bytes = zeroblob(length(bytes)) WHERE id = (SELECT min(id) FROM chunk)").ok());
  }
  c.instead = [](const Request& request) -> std::optional<Response> {
    return is_photo(request) ? std::optional(problem(460, "checksum")) : std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.failure.has_value() != damaged_here);
  CHECK(outcome.ops_parked == (damaged_here ? 1 : 0));
  CHECK(outcome.photos_left == (damaged_here ? 0 : 1));
  CHECK((*c.store->get(id))->delivery == (damaged_here ? Delivery::parked : Delivery::saved));
  c.instead = nullptr;
  c.county.clock.advance(limits::backoff_cap_ms);
  if (damaged_here) {
    CHECK(c.run().photos_sent == 0);
    // The worker has the picture still.
    REQUIRE(c.store->attach(id, {{c.county.folder.file("large.jpg"), "near"}}).ok());
    REQUIRE(c.store->resend(id).ok());
  }
  CHECK(c.run().photos_sent == 1);
  CHECK((*c.store->get(id))->delivery == Delivery::delivered);
  CHECK(hex(sha256(held_photo(c))) == (*c.store->get(id))->photos.front().sha256);
}

TEST_CASE("a photo that was refused once and is captured again is offered again, and parked with its reason") {
  ScriptedCounty c;
  const std::string photo = c.county.folder.write("a.jpg", make_jpeg_of_about(100 * 1024, 1));
  const std::string first = c.report("村东头排水沟堵了", {{photo, "near"}});
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (header(request.headers, "Upload-Metadata").starts_with("sha256")) return problem(413, "too-large");
    return std::nullopt;
  };
  c.run();
  const std::string second = c.report("还是那里", {{photo, "near"}});
  const SyncOutcome refused = c.run();
  CHECK(refused.ops_left == 0);
  CHECK(refused.ops_parked == 2);
  CHECK((*c.store->get(first))->delivery == Delivery::parked);
  CHECK((*c.store->get(second))->delivery == Delivery::parked);

  c.instead = nullptr;
  const std::string third = c.report("又是那里", {{photo, "near"}});
  CHECK(c.run().photos_sent == 1);
  CHECK((*c.store->get(third))->delivery == Delivery::delivered);
  REQUIRE(c.store->resend(first).ok());
  REQUIRE(c.store->resend(second).ok());
  CHECK(c.run().end == SyncEnd::all_delivered);
}

TEST_CASE("a thumbnail that nobody wants never holds up its photo") {
  ScriptedCounty c;
  const std::string id = report_with_photo(c);
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (header(request.headers, "Upload-Metadata").starts_with("thumb_of")) return problem(500, "server");
    return std::nullopt;
  };
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(held_photo(c) == own_photo(c, id));
}

TEST_CASE("a thumbnail that the link lost goes ahead of its photo when the link is back") {
  ScriptedCounty c;
  report_with_photo(c);
  c.instead = [](const Request& request) { return is_thumbnail(request) ? std::optional(no_reply()) : std::nullopt; };
  CHECK(c.run().photos_sent == 0);
  c.instead = nullptr;
  REQUIRE(c.syncer->hint().ok());
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(thumbnails_asked(c) == 2);
}

TEST_CASE("photos that fail here and there, however many, keep none of the others waiting") {
  ScriptedCounty c;
  reports_with_photos(c, 10);
  c.transport.answer_ms = 10;
  std::map<std::string, bool> fails;  // every other one, whenever it is tried
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is_photo(request)) return std::nullopt;
    const bool next = fails.size() % 2 == 0;
    const auto photo = fails.try_emplace(header(request.headers, "Upload-Metadata"), next).first;
    return photo->second ? std::optional(problem(500, "server")) : std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.photos_sent == 5);
  CHECK(outcome.photos_left == 5);
}

TEST_CASE("on a slow link photos that fail go behind those that were not tried in the run") {
  ScriptedCounty c;
  reports_with_photos(c, 6);
  c.transport.answer_ms = 20'000;  // what failed is due again before the next one is through
  std::vector<std::string> order;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (!is_photo(request)) return std::nullopt;
    const std::string photo = header(request.headers, "Upload-Metadata");
    order.push_back(photo);
    const bool fails = photo == order[0] || (order.size() > 1 && photo == order[1]);
    return fails ? std::optional(problem(500, "server")) : std::nullopt;
  };
  const SyncOutcome outcome = c.run(std::chrono::minutes(30));
  CHECK(outcome.photos_sent == 4);
  CHECK(outcome.photos_left == 2);
  REQUIRE(order.size() > 6);
  CHECK(std::set<std::string>(order.begin(), order.begin() + 6).size() == 6);
  CHECK(order[6] == order[0]);  // and then their turn comes again
}

TEST_CASE(
    "a platform that takes no more thumbnails for now gets the photos, and is asked again after its pause or by hand") {
  ScriptedCounty c;
  reports_with_photos(c, 4);
  c.transport.answer_ms = 4'000;
  const Headers pause = GENERATE(Headers{{"Retry-After", "3600"}}, Headers{});
  const bool by_hand = GENERATE(false, true);
  CAPTURE(pause.size(), by_hand);
  c.instead = [&](const Request& request) {
    return is_thumbnail(request) ? std::optional(problem(429, "limited", pause)) : std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::all_delivered);
  CHECK(outcome.photos_sent == 4);
  CHECK(thumbnails_asked(c) == 1);
  reports_with_photos(c, 2, 50);
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(thumbnails_asked(c) == 1);
  c.instead = nullptr;
  if (by_hand) {
    REQUIRE(c.syncer->hint().ok());
  } else {
    c.county.clock.advance(3'600'000);
  }
  reports_with_photos(c, 2, 60);
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(thumbnails_asked(c) == 3);
}

TEST_CASE("what is captured while photos travel goes before the next photo") {
  ScriptedCounty c;
  report_with_photo(c);
  c.transport.answer_ms = 300;
  bool captured = false;
  c.after = [&](const Request& request, Response response) -> std::optional<Response> {
    if (!captured && header(request.headers, "Upload-Metadata").starts_with("thumb_of")) {
      captured = true;
      c.report("路灯坏了");
    }
    return response;
  };
  CHECK(c.run().end == SyncEnd::all_delivered);
  std::size_t pushes_before_photo = 0;
  for (const Request& request : c.transport.asked) {
    if (header(request.headers, "Upload-Metadata").starts_with("sha256")) break;
    if (is(request, "POST", "/v1/push")) ++pushes_before_photo;
  }
  CHECK(pushes_before_photo == 2);
}

TEST_CASE("what is captured while one long photo travels goes before its next piece") {
  ScriptedCounty c;
  c.transport.answer_ms = 20'000;
  const std::string path = c.county.folder.write("long.jpg", make_jpeg_of_about(1'500 * 1024, 1));
  c.report("旧", {{path, "near"}});
  int pieces = 0, pieces_before = 0;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (request.method == "PATCH" && ++pieces == 2) c.report("塌方压人");
    if (is(request, "POST", "/v1/push")) pieces_before = pieces;
    return std::nullopt;
  };
  c.run();
  CHECK(pieces > 4);
  CHECK(pieces_before == 2);
}

TEST_CASE("where photos fail, whatever way, the news come all the same, and only once") {
  ScriptedCounty c;
  reports_with_photos(c, 5);
  const std::string elsewhere = "https://photos.example/v1/photos";
  const auto [url, answer, why] = GENERATE_COPY(table<std::string, Response, ErrorCode>({
      {"/v1/photos", problem(500, "server"), ErrorCode::server},
      {"/v1/photos", reply(503, "", {}), ErrorCode::server},
      {"/v1/photos", Response{}, ErrorCode::offline},
      {elsewhere, problem(401, "unauthorized"), ErrorCode::unauthorized},
      {elsewhere, reply(503, "", {{"Retry-After", "3600"}}), ErrorCode::server},
  }));
  CAPTURE(url, answer.status);
  c.after = [&, url = url](const Request& request, Response response) -> std::optional<Response> {
    if (url == elsewhere && request.url.find("/v1/ping") != std::string::npos) {
      Json ping = Json::parse(response.body);
      ping["photos"] = elsewhere;
      response.body = ping.dump();
    }
    return response;
  };
  c.instead = [url = url, answer = answer](const Request& request) -> std::optional<Response> {
    if (request.method == "POST" && request.url.find(url) != std::string::npos) return answer;
    return std::nullopt;
  };
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::left);
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->code == why);
  CHECK(outcome.ops_delivered == 5);
  CHECK(outcome.photos_left == 5);
  CHECK(c.asked("GET", "/v1/pull") == 2);  // the first is for the keys
  CHECK(*outcome.next_attempt_ms < c.county.clock.now_ms() + limits::backoff_cap_ms);
  c.instead = nullptr;
  c.after = nullptr;
  c.county.clock.advance(3'700'000);
  CHECK(c.run().end == SyncEnd::all_delivered);
}

TEST_CASE("a platform that asks for a pause while it takes photos gets it") {
  ScriptedCounty c;
  reports_with_photos(c, 2);
  c.instead = [](const Request& request) -> std::optional<Response> {
    if (is(request, "POST", "/v1/photos")) return reply(503, "", {{"Retry-After", "600"}});
    return std::nullopt;
  };
  const std::int64_t before = c.county.clock.now_ms();
  const SyncOutcome outcome = c.run();
  CHECK(outcome.end == SyncEnd::left);
  CHECK(c.asked("GET", "/v1/pull") == 1);
  CHECK(*outcome.next_attempt_ms >= before + 600'000);
  // Who comes before brings text and hears news.
  c.report("路灯坏了");
  c.run();
  CHECK(c.asked("POST", "/v1/photos") == 1);
  CHECK(c.asked("GET", "/v1/pull") == 2);
  CHECK(c.store->status()->unsent_photos == 2);
}

TEST_CASE("progress comes at most ten times a second and ends where the outcome does") {
  ScriptedCounty c;
  report_with_photo(c);
  std::vector<std::int64_t> at;
  SyncProgress last;
  SyncOptions options;
  options.progress = [&](const SyncProgress& progress) {
    at.push_back(c.county.clock.monotonic_ms());
    last = progress;
  };
  REQUIRE(c.syncer->run(options).ok());
  REQUIRE(at.size() >= 2);
  for (std::size_t i = 2; i < at.size(); ++i) CHECK(at[i - 1] - at[i - 2] >= 100);
  CHECK(last.ops_done == 2);
  CHECK(last.ops_total == 2);
  CHECK(last.photos_done == 1);
  CHECK(last.bytes_done == last.bytes_total);
}

TEST_CASE("no photo goes where a ping points that enrolment did not name") {
  ScriptedCounty c;
  c.transport.answer_ms = 10;
  reports_with_photos(c, 2);
  REQUIRE(c.run().end == SyncEnd::all_delivered);  // the link is known to be quick from here on
  reports_with_photos(c, 4);
  const std::size_t before = c.transport.asked.size();
  const std::string elsewhere = "https://elsewhere.example";
  c.after = [&](const Request& request, Response response) -> std::optional<Response> {
    if (request.url.find("/v1/ping") != std::string::npos) {
      Json body = Json::parse(response.body);
      body["photos"] = elsewhere + "/v1/photos";
      response.body = body.dump();
    }
    return response;
  };
  reports_with_photos(c, 1);
  CHECK(c.run().end == SyncEnd::left);
  for (std::size_t i = before; i < c.transport.asked.size(); ++i) {
    CHECK_FALSE(c.transport.asked[i].url.starts_with(elsewhere));
  }
  c.after = nullptr;
  REQUIRE(c.syncer->hint().ok());
  CHECK(c.run().end == SyncEnd::all_delivered);
}

TEST_CASE("behind a gateway that takes small bodies only a photo goes in small pieces") {
  ScriptedCounty c;
  c.transport.answer_ms = 10;
  reports_with_photos(c, 1);
  REQUIRE(c.run().end == SyncEnd::all_delivered);
  constexpr std::size_t kMost = 100'000;
  int refused = 0;
  c.instead = [&](const Request& request) -> std::optional<Response> {
    if (request.body.size() <= kMost) return std::nullopt;
    ++refused;
    return reply(413, "<html>413</html>", {{"Content-Type", "text/html"}});
  };
  const std::string id = report_with_photo(c);
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK((*c.store->get(id))->delivery == Delivery::delivered);
  CHECK(held_photo(c).size() > kMost);
  CHECK(refused == 2);  // 300 KB whole, then a half of it
}

TEST_CASE("a photo server whose framework calls an empty reply a page is still a photo server") {
  ScriptedCounty c;
  c.after = [](const Request& request, Response response) -> std::optional<Response> {
    if (request.url.find("/v1/photos") == std::string::npos) return response;
    std::erase_if(response.headers, [](const auto& one) { return one.first == "Tus-Resumable"; });
    response.headers.emplace_back("Tus-Resumable", "1.0.0");
    response.headers.insert(response.headers.begin(), {"Content-Type", "text/html; charset=utf-8"});
    return response;
  };
  const std::string id = report_with_photo(c);
  CHECK(c.run().end == SyncEnd::all_delivered);
  CHECK(held_photo(c) == own_photo(c, id));
}
