// Photos in the store: in with the report or not at all, stored once, out as they are.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <julu/limits.h>

#include "county.h"
#include "jpeg.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

Capture with_photos(std::vector<PhotoInput> photos) {
  return {.kind = "incident", .body = R"({"category":"drainage","text":"堵"})", .photos = std::move(photos), .id = {}};
}

std::string bytes_of(Store& store, const std::string& sha256) {
  std::string bytes;
  const auto read = store.read_photo(sha256, [&](std::string_view part) {
    bytes += part;
    return true;
  });
  REQUIRE(read.ok());
  return bytes;
}

}  // namespace

TEST_CASE("a photo that needs no change comes out byte for byte") {
  County county;
  auto store = county.phone();
  const std::string jpeg = make_jpeg_of_about(300 * 1024, 1);
  const auto saved = store->capture(with_photos({{county.folder.write("a.jpg", jpeg), "near"}}));
  REQUIRE(saved.ok());
  REQUIRE(saved->photos.size() == 1);
  CHECK(saved->photos[0] == hex(sha256(jpeg)));
  CHECK(bytes_of(*store, saved->photos[0]) == jpeg);
  const auto record = **store->get(saved->id);
  REQUIRE(record.photos.size() == 1);
  CHECK(record.photos[0].role == "near");
  CHECK(record.photos[0].here);
  CHECK_FALSE(record.photos[0].delivered);
}

TEST_CASE("a report asked for again is the same, whatever was added to it since and however photos are taken in now") {
  County county;
  auto store = county.phone();
  Capture capture = with_photos({{county.folder.write("a.jpg", make_jpeg({.orientation = 6})), "near"}});
  capture.id = "01980000-0000-7000-8000-000000000001";
  const auto first = store->capture(capture);
  REQUIRE(first.ok());
  county.clock.advance(1);
  const PhotoInput later{county.folder.write("b.jpg", make_jpeg({.seed = 2, .noise = true})), "far"};
  REQUIRE(store->attach(capture.id, {later}).ok());
  const auto again = store->capture(capture);
  REQUIRE(again.ok());
  CHECK(again->photos == first->photos);
  capture.photos.push_back(later);
  CHECK(store->capture(capture).error().code == ErrorCode::id_conflict);
  capture.photos.pop_back();
  store.reset();
  auto options = county.options();
  options.photo_quality = 40;
  store = *Store::open(options);
  const auto other_quality = store->capture(capture);
  REQUIRE(other_quality.ok());
  CHECK(other_quality->photos == first->photos);
}

TEST_CASE("a photo comes in by a descriptor or as bytes as well as by its name, and by one of them only") {
  County county;
  auto store = county.phone();
  const std::string jpeg = make_jpeg_of_about(20 * 1024, 1);
  const std::string path = county.folder.write("a.jpg", jpeg);
  const int fd = ::open(path.c_str(), O_RDONLY);
  REQUIRE(fd >= 0);
  REQUIRE(::lseek(fd, 100, SEEK_SET) == 100);  // it is read from its start all the same
  const auto by_fd = store->capture(with_photos({{.role = "near", .fd = fd}}));
  const auto by_bytes = store->capture(with_photos({{.role = "near", .bytes = jpeg}}));
  REQUIRE(by_fd.ok());
  REQUIRE(by_bytes.ok());
  CHECK(by_fd->photos == by_bytes->photos);
  CHECK(bytes_of(*store, by_fd->photos[0]) == jpeg);
  CHECK(::fcntl(fd, F_GETFD) >= 0);  // it is the shell's still
  ::close(fd);

  const auto closed = store->capture(with_photos({{.role = "near", .fd = fd}}));
  CHECK(closed.error().code == ErrorCode::photo_missing);
  const auto empty = store->capture(with_photos({{.role = "near", .bytes = std::string_view("")}}));
  CHECK(empty.error().code == ErrorCode::photo_empty);
  const auto both = store->capture(with_photos({{.path = path, .role = "near", .bytes = jpeg}}));
  CHECK(both.error().code == ErrorCode::bad_argument);
  CHECK(both.error().field == "/photos/0");
  const auto none = store->capture(with_photos({{.role = "near"}}));
  CHECK(none.error().code == ErrorCode::photo_missing);
}

TEST_CASE("a report takes as many photos as a call may bring, and of one more nothing is saved") {
  County county;
  auto store = county.phone();
  std::vector<std::string> jpegs;
  for (int i = 0; i <= limits::photos_per_call_max; ++i) jpegs.push_back(make_jpeg_of_about(2'000, i));
  std::vector<PhotoInput> photos;
  for (const std::string& jpeg : jpegs) photos.push_back({.role = "near", .bytes = jpeg});
  const auto refused = store->capture(with_photos(photos));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::bad_argument);
  CHECK(refused.error().field == "/photos");
  CHECK(store->list({})->empty());
  photos.pop_back();
  const auto saved = store->capture(with_photos(photos));
  REQUIRE(saved.ok());
  CHECK((**store->get(saved->id)).photos.size() == limits::photos_per_call_max);
}

TEST_CASE("a large photo is made smaller before it is stored") {
  County county;
  auto store = county.phone();
  JpegSpec spec;
  spec.width = 4000;
  spec.height = 3000;
  spec.gps = true;
  spec.orientation = 6;
  const auto saved = store->capture(with_photos({{county.folder.write("a.jpg", make_jpeg(spec)), "near"}}));
  REQUIRE(saved.ok());
  const std::string stored = bytes_of(*store, saved->photos[0]);
  CHECK(hex(sha256(stored)) == saved->photos[0]);
  CHECK(stored.find("Exif") == std::string::npos);
}

TEST_CASE("one bad photo refuses the whole report, named by its place, and nothing of it is kept") {
  County county;
  auto store = county.phone();
  const std::string good = county.folder.write("good.jpg", make_jpeg_of_about(50 * 1024, 2));
  const std::string whole = make_jpeg_of_about(50 * 1024, 3);
  const auto refused = [&](const std::string& path, ErrorCode code) {
    const auto saved = store->capture(with_photos({{good, "near"}, {path, "far"}}));
    REQUIRE_FALSE(saved.ok());
    CHECK(saved.error().code == code);
    CHECK(saved.error().field == "/photos/1");
    CHECK(store->status()->records == 0);
    CHECK(store->status()->unsent_photos == 0);
  };
  refused(county.folder.file("not-there.jpg"), ErrorCode::photo_missing);
  refused(county.folder.path(), ErrorCode::photo_missing);
  REQUIRE(::mkfifo(county.folder.file("pipe.jpg").c_str(), 0600) == 0);
  refused(county.folder.file("pipe.jpg"), ErrorCode::photo_missing);  // and not waited for
  refused(county.folder.write("empty.jpg", ""), ErrorCode::photo_empty);
  refused(county.folder.write("cut.jpg", whole.substr(0, whole.size() / 2)), ErrorCode::photo_damaged);
  refused(county.folder.write("pdf.jpg", "%PDF-1.7 not a photo at all"), ErrorCode::photo_format);
  refused(county.folder.write("p.png", "\x89PNG\r\n\x1a\n0000IHDR"), ErrorCode::photo_format);
  refused(county.folder.write("p.heic", std::string("\0\0\0\x18"
                                                    "ftypheic",
                                                    12) +
                                            "rest"),
          ErrorCode::photo_format);
  refused(county.folder.write("big.jpg", whole + std::string(limits::photo_bytes_max, 'x')),
          ErrorCode::photo_too_large);
  const std::string huge = county.folder.write("60mb.jpg", whole);
  std::filesystem::resize_file(huge, 60 << 20);
  refused(huge, ErrorCode::photo_too_large);
  std::string wide = make_jpeg({.width = 64, .height = 48});
  REQUIRE(wide.size() < 2048);
  const std::size_t frame = wide.find("\xFF\xC0");
  REQUIRE(frame != std::string::npos);
  wide.replace(frame + 5, 4, "\x9C\x40\x9C\x40");  // 40,000 × 40,000
  refused(county.folder.write("wide.jpg", wide), ErrorCode::photo_too_large);
  std::string lying = make_jpeg({.width = 64, .height = 48, .orientation = 6, .gps = true});
  lying.replace(lying.find("Exif") - 2, 2, "\xFF\xFF");  // a segment longer than the file
  refused(county.folder.write("lying.jpg", lying), ErrorCode::photo_damaged);
}

TEST_CASE("the same photo is stored once, whoever names it") {
  County county;
  auto store = county.phone();
  const std::string path = county.folder.write("a.jpg", make_jpeg_of_about(100 * 1024, 4));
  const auto first = store->capture(with_photos({{path, "near"}, {path, "far"}}));
  const auto second = store->capture(with_photos({{path, "near"}}));
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(first->photos[0] == second->photos[0]);
  CHECK(store->status()->unsent_photos == 1);
  CHECK((*store->get(first->id))->photos.size() == 2);
  CHECK(bytes_of(*store, second->photos[0]).size() > 50 * 1024);
}

TEST_CASE("an attach goes only after its photo's bytes are at the platform") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const std::string path = county.folder.write("a.jpg", make_jpeg_of_about(100 * 1024, 5));
  const auto saved = store->capture(with_photos({{path, "near"}}));
  Outbox outbox(*store);
  std::int64_t version = kFirstVersion;
  CHECK(county.apply_all(*store, version) == 1);
  CHECK((*store->get(saved->id))->delivery == Delivery::saved);
  auto photos = outbox.next_photos(9).value();
  REQUIRE(photos.size() == 1);
  CHECK(photos[0].thumbnail);
  const std::string small = outbox.read_thumbnail(photos[0].sha256).value();
  CHECK(small.size() <= limits::thumbnail_bytes_max);
  CHECK_FALSE(small.empty());
  CHECK_FALSE(outbox.next_photos(9, photos[0].length_bytes)->front().thumbnail);
  CHECK(outbox.next_photos(9, photos[0].length_bytes - 1)->front().thumbnail);
  REQUIRE(outbox.thumbnail_sent(photos[0].sha256).ok());
  photos = outbox.next_photos(9).value();
  REQUIRE(photos.size() == 1);
  CHECK_FALSE(photos[0].thumbnail);
  CHECK(outbox.read_photo(photos[0].sha256, 1000, 500)->size() == 500);
  REQUIRE(outbox.photo_uploaded(photos[0].sha256).ok());
  CHECK(county.apply_all(*store, version) == 1);
  CHECK((*store->get(saved->id))->delivery == Delivery::delivered);
  CHECK((*store->get(saved->id))->photos[0].delivered);
}

TEST_CASE("bytes that the platform has not got are uploaded anew") {
  County county;
  auto store = county.phone();
  const std::string path = county.folder.write("a.jpg", make_jpeg_of_about(20 * 1024, 6));
  REQUIRE(store->capture(with_photos({{path, "near"}})).ok());
  county.publish_key(*store);
  Outbox outbox(*store);
  std::int64_t version = kFirstVersion;
  county.apply_all(*store, version);
  const Hash hash = outbox.next_photos(1)->front().sha256;
  REQUIRE(outbox.thumbnail_sent(hash).ok());
  REQUIRE(outbox.photo_location(hash, "http://127.0.0.1:1/v1/photos/x").ok());
  REQUIRE(outbox.photo_uploaded(hash).ok());
  const auto ops = *outbox.next_ops(10, 1 << 20);
  REQUIRE(ops.size() == 1);
  std::vector<OpResult> results(1);
  results[0].status = OpStatus::held;
  results[0].problem.type = "bytes-missing";
  REQUIRE(outbox.settle(ops, results, std::nullopt).ok());
  county.clock.advance(limits::backoff_base_ms);
  const auto again = outbox.next_photos(1).value();
  REQUIRE(again.size() == 1);
  CHECK(again[0].upload_url.empty());
  CHECK(outbox.counts()->photos == 1);
}

TEST_CASE("bytes that a disk has changed do not go up for ever, and the picture can be given again") {
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const std::string jpeg = make_jpeg_of_about(20 * 1024, 6);
  const PhotoInput photo{county.folder.write("a.jpg", jpeg), "near"};
  const auto saved = store->capture(with_photos({photo}));
  REQUIRE(saved.ok());
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  {
    const auto db = database_of(county);
    auto transaction = store::Transaction::begin(*db).value();
    REQUIRE(db->run("UPDATE chunk SET bytes = zeroblob(length(bytes))").ok());
    REQUIRE(transaction.commit().ok());
  }
  OpResult missing;
  missing.status = OpStatus::held;
  missing.problem.type = "bytes-missing";
  Outbox outbox(*store);
  for (const bool first : {true, false}) {
    REQUIRE(outbox.photo_uploaded(*parse_hash(saved->photos.front())).ok());
    answer_all(county, *store, missing);
    CHECK((*store->get(saved->id))->delivery == (first ? Delivery::saved : Delivery::parked));
    county.clock.advance(limits::backoff_base_ms);
  }
  CHECK((*store->get(saved->id))->problem.value().code == ErrorCode::photo_damaged);
  county.clock.advance(limits::retry_after_ms_max);
  CHECK(outbox.next_photos(1)->empty());
  REQUIRE(store->attach(saved->id, {photo}).ok());
  REQUIRE(store->resend(saved->id).ok());
  REQUIRE(outbox.next_photos(1)->size() == 1);
  CHECK(bytes_of(*store, saved->photos.front()) == jpeg);
  REQUIRE(outbox.photo_uploaded(*parse_hash(saved->photos.front())).ok());
  while (county.apply_all(*store, version) > 0) {
  }
  CHECK((*store->get(saved->id))->delivery == Delivery::delivered);
}

TEST_CASE("a platform that never finds a photo's bytes is not sent them as soon as it can be") {
  const auto lost = GENERATE(0, 1, 2);  // every other push of it: alone, or with all that is due
  CAPTURE(lost);
  County county;
  auto store = county.phone();
  county.publish_key(*store);
  const std::string path = county.folder.write("a.jpg", make_jpeg_of_about(20 * 1024, 1));
  REQUIRE(store->capture(with_photos({{path, "near"}})).ok());
  std::int64_t version = kFirstVersion;
  REQUIRE(county.apply_all(*store, version) == 1);
  Outbox outbox(*store);
  const std::int64_t begun = county.clock.now_ms();
  constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
  int uploads = 0, pushes = 0;
  while (county.clock.now_ms() < begun + 3 * kDayMs) {
    const auto photos = *outbox.next_photos(1);
    if (!photos.empty()) {
      ++uploads;
      REQUIRE(outbox.photo_uploaded(photos.front().sha256).ok());
    }
    const auto ops = *outbox.next_ops(10, 1 << 20);
    if (!ops.empty() && lost > 0 && ++pushes % 2 == 1) {
      REQUIRE((lost == 1 ? outbox.defer(ops, ErrorCode::offline, 0) : outbox.defer_all(ErrorCode::offline, 0)).ok());
    } else if (!ops.empty()) {
      std::vector<OpResult> missing(ops.size());
      for (OpResult& result : missing) {
        result.status = OpStatus::held;
        result.problem.type = "bytes-missing";
      }
      REQUIRE(outbox.settle(ops, missing, std::nullopt).ok());
    }
    county.clock.advance(60'000);
  }
  CHECK(uploads > 3);
  CHECK(uploads <= 12);
}

TEST_CASE("upkeep makes the small picture of a photo of ours before it is sent as well as after") {
  const bool sent = GENERATE(false, true);
  const auto budget = GENERATE(std::chrono::milliseconds(5'000), std::chrono::milliseconds::max());
  CAPTURE(sent, budget.count());
  County county;
  auto store = county.phone();
  const std::string path = county.folder.write("a.jpg", make_jpeg_of_about(100 * 1024, 7));
  const auto saved = store->capture(with_photos({{path, "near"}}));
  REQUIRE(saved.ok());
  if (sent) REQUIRE(Outbox(*store).photo_uploaded(*parse_hash(saved->photos.front())).ok());
  REQUIRE(store->maintain(budget).ok());
  store.reset();
  lose(county, "DELETE FROM chunk");  // from here on nothing can be derived
  store = county.open_again();
  CHECK_FALSE(store->thumbnail(saved->photos.front()).value().empty());
}

TEST_CASE("a photo that the platform wants to be spared is not due because its report is sent again") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  const auto saved =
      store->capture(with_photos({{county.folder.write("a.jpg", make_jpeg_of_about(20 * 1024, 1)), "near"}}));
  Outbox outbox(*store);
  REQUIRE(outbox.defer_photo(*parse_hash(saved->photos.front()), ErrorCode::limited, 600'000).ok());
  OpResult refused;
  refused.status = OpStatus::rejected;
  refused.problem.type = "scope";
  answer_all(county, *store, refused);
  REQUIRE(store->resend(saved->id).ok());
  CHECK(outbox.next_photos(1)->empty());
  county.clock.advance(600'000);
  CHECK(outbox.next_photos(1)->size() == 1);
}

// The policy may be as large as limits::photo_side_max and the quality 100 (store.h), and then the copy that is made is
// longer than the original.
TEST_CASE("a copy that comes out longer than a photo may be is refused, and is in nobody's way") {
  County county;
  county.phone().reset();
  auto options = county.options();
  options.photo_long_edge_px = limits::photo_side_max;
  options.photo_quality = 100;
  auto store = *Store::open(options);
  JpegSpec spec;
  spec.width = 9500;
  spec.height = 9000;
  spec.quality = 40;
  spec.orientation = 6;
  spec.noise = true;
  const std::string jpeg = make_jpeg(spec);
  REQUIRE(static_cast<std::int64_t>(jpeg.size()) <= limits::photo_bytes_max);
  const auto saved = store->capture(with_photos({{.role = "near", .bytes = jpeg}}));
  REQUIRE_FALSE(saved.ok());
  CHECK(saved.error().code == ErrorCode::photo_too_large);
  CHECK(store->capture(with_photos({{.role = "near", .bytes = make_jpeg_of_about(20 * 1024, 4)}})).ok());
  CHECK(store->maintain(std::chrono::milliseconds(1)).ok());
}

TEST_CASE("who asks again for a report of which a photo was sent again meanwhile gets the first answer") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  Capture capture = with_photos({{county.folder.write("a.jpg", make_jpeg_of_about(20 * 1024, 1)), "near"}});
  capture.id = store->new_id();
  const auto first = store->capture(capture);
  REQUIRE(first.ok());
  std::int64_t version = kFirstVersion;
  SECTION("the report is there, the photo was refused") {
    REQUIRE(county.apply_all(*store, version) == 1);
    Outbox outbox(*store);
    REQUIRE(outbox.park_photo(*parse_hash(first->photos.front()), {"too-large", {}, {}, {}}).ok());
    REQUIRE(store->resend(capture.id).ok());
  }
  SECTION("the report was refused") {
    OpResult refused;
    refused.status = OpStatus::rejected;
    refused.problem.type = "schema";
    answer_all(county, *store, refused);
    REQUIRE(store->resend(capture.id).ok());
  }
  const auto again = store->capture(capture);
  REQUIRE(again.ok());
  CHECK(again->photos == first->photos);
}

TEST_CASE("a photo that went up wakes who shows how many are left") {
  County county;
  const auto store = county.phone();
  const auto saved =
      store->capture(with_photos({{county.folder.write("a.jpg", make_jpeg_of_about(9'000, 1)), "near"}}));
  REQUIRE(saved.ok());
  std::vector<std::int64_t> left;
  store->observe([&] { left.push_back(store->status()->unsent_photos); });
  REQUIRE(Outbox(*store).photo_uploaded(*parse_hash(saved->photos[0]), "").ok());
  CHECK(left == std::vector<std::int64_t>{0});
}
