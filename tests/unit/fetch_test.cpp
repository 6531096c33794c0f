// Photos of others on links that break: they come piece by piece, and nobody takes the pieces for the photo.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>

#include <julu/limits.h>

#include "jpeg.h"
#include "scripted_county.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

const std::string kRecord = "01980000-0000-7000-8000-000000000001";

struct Asked {
  std::optional<std::int64_t> first, last;  // of the Range; none: all of it
};

Asked asked_by(const Request& request) {
  const std::string range = header(request.headers, "Range");
  Asked asked;
  if (!range.starts_with("bytes=")) return asked;
  const std::size_t dash = range.find('-');
  asked.first = std::stoll(range.substr(6, dash - 6));
  asked.last = std::stoll(range.substr(dash + 1));
  return asked;
}

/// A county in which another worker's report shows one photo of `bytes`, which a test may give in any other way.
struct Giver {
  explicit Giver(std::size_t length = 300 * 1024) : jpeg(make_jpeg_of_about(length, 7)), given(jpeg) {
    c.instead = [this](const Request& request) -> std::optional<Response> {
      if (request.method != "GET" || request.url.find("/v1/photos/") == std::string::npos) return std::nullopt;
      asked.push_back(asked_by(request));
      if (before) before();
      auto response = answer ? answer(asked.back()) : std::nullopt;
      if (!response) response = give(asked.back());
      const auto bytes = static_cast<std::int64_t>(response->body.size());
      bytes_asked += bytes;
      if (bytes_per_ms > 0) c.county.clock.advance(bytes / bytes_per_ms);
      if (bytes > cut_after || response->body.size() > request.reply_bytes_max)
        return no_reply(bytes > cut_after ? ErrorCode::offline : ErrorCode::too_large);
      return response;
    };
    report();
  }

  Response give(const Asked& range) const {
    if (!range.first || !takes_ranges) return reply(200, given, {{"Content-Type", "image/jpeg"}});
    const auto whole = static_cast<std::int64_t>(given.size());
    if (*range.first >= whole) return problem(416, "range");
    const std::int64_t last = std::min(*range.last, whole - 1);
    return part(*range.first, last, whole);
  }
  Response part(std::int64_t first, std::int64_t last, std::int64_t whole) const {
    const std::string range =
        "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(whole);
    return reply(206, given.substr(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first + 1)),
                 {{"Content-Type", "image/jpeg"}, {"Content-Range", range}});
  }

  void report() {
    page(R"("body":{"category":"drainage","text":"堵"},"photos":[{"photo":")" + hash() + R"(","length_bytes":)" +
         std::to_string(jpeg.size()) + R"(,"role":"near"}])");
  }
  void page(const std::string& members) {
    const std::string version = std::to_string(++version_);
    c.pages.push_back(
        c.pull_page(R"({"kind":"incident","id":")" + kRecord + R"(","version":)" + version + "," + members + "}",
                    kRecord + ":" + version + "\n"));
  }
  /// Runs until the photo is here; how many that took, or 0.
  int runs_until_here(int most) {
    for (int run = 1; run <= most; ++run) {
      c.run();
      if (is_here()) return run;
      c.county.clock.advance(limits::backoff_cap_ms);
    }
    return 0;
  }
  /// A run that a dead link ends after so many pieces.
  void fetch_some(int pieces) {
    answer = [pieces](const Asked&) mutable { return pieces-- > 0 ? std::nullopt : std::optional(no_reply()); };
    c.run();
    answer = nullptr;
    c.county.clock.advance(limits::backoff_cap_ms);
    REQUIRE(bytes_kept() > 0);
    REQUIRE_FALSE(is_here());
  }

  std::string hash() const { return hex(sha256(jpeg)); }
  bool is_here() {
    std::string bytes;
    const auto read = c.store->read_photo(hash(), [&](std::string_view piece) {
      bytes += piece;
      return true;
    });
    if (read.ok()) CHECK(bytes == jpeg);
    return read.ok();
  }
  std::int64_t rows(const char* sql) const { return database_of(c.county)->integer(sql).value().value_or(-1); }
  std::int64_t bytes_kept() const { return rows("SELECT coalesce(sum(length(bytes)), 0) FROM chunk"); }
  /// What the first look of a boot finds.
  bool fits() {
    c.county.clock.reboot("boot-2");
    return c.county.open_again()->maintain(std::chrono::seconds(5)).ok();
  }

  ScriptedCounty c;
  std::string jpeg;
  std::string given;                                            ///< what the platform has of it
  std::function<std::optional<Response>(const Asked&)> answer;  ///< instead of that
  std::function<void()> before;                                 ///< each answer
  bool takes_ranges = true;
  std::int64_t cut_after = limits::photo_bytes_max;  ///< bytes of an answer; what is longer never comes
  std::int64_t bytes_per_ms = 0;                     ///< of the link; 0: no limit
  std::vector<Asked> asked;
  std::int64_t bytes_asked = 0;  ///< of all answers, those that never came included

 private:
  std::int64_t version_ = kFirstVersion + 100;
};

}  // namespace

TEST_CASE("a photo of somebody else's comes over a link that breaks after every 100 KB") {
  Giver giver;
  giver.cut_after = 100 * 1024;
  const int runs = giver.runs_until_here(8);
  CHECK(runs > 0);
  CHECK(runs <= 3);
  CHECK(giver.bytes_asked < static_cast<std::int64_t>(giver.jpeg.size()) * 3 / 2);
  CHECK(giver.fits());
}

TEST_CASE("no piece of a photo is longer than a row of it, and on a slow link no longer than what it carries") {
  const bool slow = GENERATE(true, false);
  CAPTURE(slow);
  Giver giver(1'200'000);
  if (slow) giver.bytes_per_ms = 5;
  giver.c.run(std::chrono::hours(1));
  REQUIRE(giver.is_here());
  std::int64_t longest = 0;
  for (const Asked& asked : giver.asked) longest = std::max(longest, *asked.last - *asked.first + 1);
  CHECK(giver.asked.front().last == limits::chunk_bytes_min - 1);
  if (slow) {
    CHECK(longest < 2 * limits::chunk_bytes_min);
  } else {
    CHECK(longest <= static_cast<std::int64_t>(limits::photo_chunk_bytes));
    CHECK(giver.asked.size() < 6);
  }
  CHECK(giver.bytes_asked == static_cast<std::int64_t>(giver.jpeg.size()));
}

TEST_CASE("the end of a run's time leaves what came, and the next run goes on behind it") {
  Giver giver;
  giver.before = [&] { giver.c.county.clock.advance(10'000); };
  CHECK(giver.c.run(std::chrono::seconds(15)).end == SyncEnd::all_delivered);
  const std::int64_t kept = giver.bytes_kept();
  CHECK(kept == limits::chunk_bytes_min);
  giver.asked.clear();
  giver.before = nullptr;
  giver.c.run();  // at once: what moves on has no pause
  REQUIRE_FALSE(giver.asked.empty());
  CHECK(giver.asked.front().first == kept);
  CHECK(giver.is_here());
}

TEST_CASE("a piece that no run of the host's has time for gets smaller") {
  Giver giver;
  giver.answer = [&](const Asked& range) -> std::optional<Response> {
    if (*range.last - *range.first < 40'000) return std::nullopt;
    giver.c.county.clock.advance(20'000);
    giver.c.syncer->cancel();
    return no_reply();
  };
  CHECK(giver.runs_until_here(8) > 0);
}

TEST_CASE("a photo whose pieces make another one is begun anew, and nothing of them stays") {
  Giver giver;
  giver.given[1000] = static_cast<char>(giver.given[1000] ^ 1);
  SECTION("the platform has put it right meanwhile") {
    giver.fetch_some(1);
    giver.given = giver.jpeg;
    CHECK(giver.runs_until_here(1) == 1);
  }
  SECTION("it never does") {
    giver.c.run();
    CHECK_FALSE(giver.is_here());
    CHECK(giver.bytes_kept() == 0);
    CHECK(giver.bytes_asked <= 2 * static_cast<std::int64_t>(giver.jpeg.size()));
    const std::size_t before = giver.asked.size();
    giver.c.county.clock.advance(limits::withheld_photo_ms / 2);
    giver.c.run();
    CHECK(giver.asked.size() == before);  // it would be the same again
    giver.given = giver.jpeg;
    giver.c.county.clock.advance(limits::withheld_photo_ms);
    CHECK(giver.runs_until_here(1) == 1);
  }
  CHECK(giver.fits());
}

TEST_CASE("a platform that knows no ranges gives all of it") {
  Giver giver;
  SECTION("from the first request on") {}
  SECTION("behind some pieces") { giver.fetch_some(1); }
  giver.takes_ranges = false;
  const std::size_t before = giver.asked.size();
  CHECK(giver.runs_until_here(1) == 1);
  CHECK(giver.asked.size() == before + 1);
  CHECK(giver.bytes_kept() == static_cast<std::int64_t>(giver.jpeg.size()));
  CHECK(giver.fits());
}

TEST_CASE("a range that is not the one asked for is not believed, and the photo is begun anew") {
  Giver giver;
  const auto length = static_cast<std::int64_t>(giver.jpeg.size());
  giver.fetch_some(1);
  const std::int64_t kept = giver.bytes_kept();
  bool odd = true;
  Response instead;
  SECTION("no such range") { instead = problem(416, "range"); }
  SECTION("of the beginning") { instead = giver.part(0, 999, length); }
  SECTION("of another length in all") { instead = giver.part(kept, kept + 999, length - 1); }
  SECTION("behind the end") {
    instead = giver.part(kept, length - 1, length);
    instead.body += "more";
    instead.headers.back().second = "bytes 65536-" + std::to_string(length + 3) + "/" + std::to_string(length);
  }
  SECTION("not named") { instead = reply(206, giver.jpeg.substr(65536), {}); }
  SECTION("no numbers") { instead = reply(206, giver.jpeg.substr(65536), {{"Content-Range", "bytes all/all"}}); }
  SECTION("too large a number") {
    instead = reply(206, "x", {{"Content-Range", "bytes 65536-65536/99999999999999999999"}});
  }
  giver.answer = [&](const Asked&) { return std::exchange(odd, false) ? std::optional(instead) : std::nullopt; };
  const std::size_t before = giver.asked.size();
  CHECK(giver.runs_until_here(1) == 1);
  CHECK(giver.asked.size() <= before + 8);
  CHECK(giver.fits());
}

TEST_CASE("what a proxy lets through of a piece is kept, and an empty one is a link that broke") {
  Giver giver;
  std::int64_t left = 0;
  SECTION("half of it") { left = 2; }
  SECTION("nothing") {
    giver.fetch_some(1);
    left = 0;
  }
  const std::int64_t kept = giver.bytes_kept();
  bool cut = true;
  giver.answer = [&](const Asked& range) -> std::optional<Response> {
    if (!std::exchange(cut, false)) return std::nullopt;
    Response response = giver.give(range);
    response.body.resize(left > 0 ? response.body.size() / static_cast<std::size_t>(left) : 0);
    return response;
  };
  giver.asked.clear();
  CHECK(giver.runs_until_here(2) > 0);
  CHECK(giver.asked.at(1).first == (left > 0 ? limits::chunk_bytes_min / left : kept));
  CHECK(giver.bytes_asked <= static_cast<std::int64_t>(giver.jpeg.size()));
}

TEST_CASE("a platform that never gives the range asked for is asked for all of it, once a run") {
  Giver giver;
  SECTION("and gives it") {
    giver.answer = [&](const Asked& range) {
      return range.first ? std::optional(problem(416, "range")) : std::nullopt;
    };
    CHECK(giver.runs_until_here(1) == 1);
    CHECK(giver.asked.size() == 2);
  }
  SECTION("and does not") {
    giver.answer = [&](const Asked&) { return problem(416, "range"); };
    giver.c.run();
    CHECK(giver.asked.size() <= 6);
    CHECK_FALSE(giver.is_here());
  }
}

TEST_CASE("a length that the platform does not say is the record's") {
  Giver giver;
  giver.answer = [&](const Asked& range) {
    Response response = giver.give(range);
    std::string& named = response.headers.back().second;
    named = named.substr(0, named.find('/')) + "/*";
    return response;
  };
  CHECK(giver.runs_until_here(1) == 1);
  CHECK(giver.bytes_asked == static_cast<std::int64_t>(giver.jpeg.size()));
}

TEST_CASE("a photo comes by the length that the county says last") {
  Giver giver;
  giver.c.pages.clear();
  const auto said = [&](std::size_t length) {
    giver.page(R"("body":{"category":"drainage","text":"堵"},"photos":[{"photo":")" + giver.hash() +
               R"(","length_bytes":)" + std::to_string(length) + R"(,"role":"near"}])");
  };
  said(giver.jpeg.size() / 2);
  giver.c.run();
  CHECK_FALSE(giver.is_here());
  said(giver.jpeg.size());
  giver.c.county.clock.advance(2 * limits::withheld_photo_ms);
  CHECK(giver.runs_until_here(1) == 1);
  CHECK(giver.fits());
}

TEST_CASE("a photo of others that is longer than one may be is not asked for, and costs nothing") {
  Giver giver;
  giver.c.pages.clear();
  giver.page(R"("body":{"category":"drainage","text":"堵"},"photos":[{"photo":")" + giver.hash() +
             R"(","length_bytes":)" + std::to_string(limits::photo_bytes_max + 1) + R"(,"role":"near"}])");
  CHECK(giver.runs_until_here(3) == 0);
  CHECK(giver.asked.empty());
}

TEST_CASE("a photo whose bytes never end is asked for once a day") {
  Giver giver;
  giver.takes_ranges = false;
  giver.given = std::string(giver.jpeg.size() * 2, 'x');
  CHECK(giver.runs_until_here(4) == 0);
  CHECK(giver.asked.size() <= 2);
}

TEST_CASE("a gateway's page hides no photo for a day, however long it is") {
  Giver giver(3 * 1024);
  bool paged = false;
  std::string page = "<html>nginx</html>";
  SECTION("short") {}
  SECTION("longer than the photo") { page.append(giver.jpeg.size(), ' '); }
  giver.answer = [&](const Asked&) -> std::optional<Response> {
    if (std::exchange(paged, true)) return std::nullopt;
    return reply(404, page, {{"Content-Type", "text/html"}});
  };
  CHECK(giver.runs_until_here(2) > 0);
}

TEST_CASE("a platform that asks for a pause before it gives a photo of others gets it") {
  Giver giver(3 * 1024);
  giver.answer = [&](const Asked&) {
    Response busy = problem(503, "busy", {{"Retry-After", "7200"}});
    busy.body.append(giver.jpeg.size(), ' ');  // longer than the photo
    return busy;
  };
  giver.c.run();
  giver.answer = nullptr;
  giver.c.county.clock.advance(7'190'000);
  giver.c.run();
  CHECK(giver.asked.size() == 1);
  giver.c.county.clock.advance(10'000);
  CHECK(giver.runs_until_here(1) == 1);
}

TEST_CASE("half a photo of others goes with the last record that names it") {
  Giver giver;
  giver.fetch_some(1);
  SECTION("as the platform says") { giver.page(R"("removed":true)"); }
  SECTION("as a full pull does not say") { REQUIRE(Inbox(*giver.c.store).restart().ok()); }
  giver.answer = [](const Asked&) { return problem(500, "server"); };
  giver.c.run();
  CHECK(giver.rows("SELECT count(*) FROM photo") == 0);
  CHECK(giver.bytes_kept() == 0);
  CHECK(giver.fits());
}

TEST_CASE("half a photo is no photo") {
  Giver giver;
  giver.fetch_some(2);
  const auto read = giver.c.store->read_photo(giver.hash(), [](std::string_view) { return true; });
  CHECK(read.error().code == ErrorCode::photo_unknown);
  CHECK(giver.c.store->thumbnail(giver.hash()).error().code == ErrorCode::photo_unknown);
  CHECK_FALSE((*giver.c.store->get(kRecord))->photos.front().here);
  CHECK(giver.fits());
  CHECK(giver.rows("SELECT count(*) FROM thumbnail") == 0);
  CHECK(giver.bytes_kept() > 0);
}

TEST_CASE("half a photo of others that the worker takes himself is whole, and goes up") {
  Giver giver;
  giver.fetch_some(2);
  giver.c.report("堵", {{giver.c.county.folder.write("own.jpg", giver.jpeg), "near"}});
  CHECK(giver.is_here());
  CHECK(giver.bytes_kept() == static_cast<std::int64_t>(giver.jpeg.size()));
  CHECK(giver.c.run().end == SyncEnd::all_delivered);
  CHECK(std::any_of(giver.c.uploads.begin(), giver.c.uploads.end(),
                    [&](const auto& upload) { return upload.second.bytes == giver.jpeg; }));
  CHECK(giver.fits());
}

TEST_CASE("half a photo survives the process, and a photo withheld meanwhile goes on behind it later") {
  Giver giver;
  giver.fetch_some(1);
  const std::int64_t kept = giver.bytes_kept();
  giver.answer = [](const Asked&) { return problem(404, "not-found"); };
  giver.c.run();
  CHECK(giver.bytes_kept() == kept);
  giver.answer = nullptr;
  giver.c.county.clock.advance(limits::withheld_photo_ms);
  giver.asked.clear();
  CHECK(giver.runs_until_here(1) == 1);
  CHECK(giver.asked.front().first == kept);
}

TEST_CASE("a capture made while a photo of others comes goes before its next piece, photo and all") {
  Giver giver;
  bool captured = false;
  std::size_t asked_then = 0;
  giver.before = [&] {
    giver.c.county.clock.advance(1'000);
    if (std::exchange(captured, true)) return;
    giver.c.report("急", {{giver.c.county.folder.write("own.jpg", make_jpeg_of_about(40 * 1024, 9)), "near"}});
    asked_then = giver.asked.size();
  };
  giver.c.after = [&](const Request& request, Response response) {
    if (request.method == "POST" && request.url.find("/v1/photos") != std::string::npos)
      CHECK(giver.asked.size() == asked_then);
    return response;
  };
  CHECK(giver.c.run().end == SyncEnd::all_delivered);
  CHECK(giver.c.applied.size() == 2);
  CHECK(giver.c.uploads.size() >= 1);
  CHECK(giver.is_here());
}

TEST_CASE("a piece is kept where the last one ended, and of no photo longer than one may be") {
  Giver giver;
  giver.fetch_some(1);
  Inbox inbox(*giver.c.store);
  const Hash hash = sha256(giver.jpeg);
  const auto length = static_cast<std::int64_t>(giver.jpeg.size());
  const auto kept = [&] { return (*inbox.next_wanted_photo())->fetched_bytes; };
  const std::int64_t end = kept();
  REQUIRE(end == limits::chunk_bytes_min);
  const auto piece = [&](std::int64_t from, std::size_t bytes) {
    return giver.jpeg.substr(static_cast<std::size_t>(from), bytes);
  };
  SECTION("as it should be") {
    CHECK(inbox.store_piece(hash, end, piece(end, 1000), limits::photo_bytes_max).ok());
    CHECK(kept() == end + 1000);
    CHECK(inbox.store_piece(hash, end + 1000, piece(end + 1000, giver.jpeg.size()), length).ok());
    CHECK(giver.is_here());
    CHECK(inbox.store_piece(hash, 0, "x", length).ok());  // what is here is not touched
    CHECK(giver.is_here());
  }
  SECTION("of a photo too long") {
    CHECK(inbox.store_piece(hash, end, piece(end, 1000), limits::photo_bytes_max + 1).error().code ==
          ErrorCode::photo_damaged);
    CHECK(kept() == 0);
  }
  SECTION("behind a gap") {
    CHECK(inbox.store_piece(hash, end + 1, piece(end + 1, 1000), length).error().code == ErrorCode::photo_damaged);
    CHECK(kept() == 0);
  }
  SECTION("once more") {
    CHECK(inbox.store_piece(hash, end - 1, piece(end - 1, 1000), length).error().code == ErrorCode::photo_damaged);
    CHECK(kept() == 0);
  }
  SECTION("past the end") {
    CHECK(inbox.store_piece(hash, end, piece(end, giver.jpeg.size()) + "x", length).error().code ==
          ErrorCode::photo_damaged);
    CHECK(kept() == 0);
  }
  SECTION("of nobody's photo") { CHECK(inbox.store_piece(sha256("none"), 0, "x", 1).ok()); }
  SECTION("nothing") {
    CHECK(inbox.store_piece(hash, end, "", length).error().code == ErrorCode::photo_damaged);
    CHECK(kept() == 0);
  }
}
