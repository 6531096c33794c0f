// openapi.yaml /v1/photos, verb `attach`: tus 1.0.0, whose upload it is, and what a receipt of an attach proves.
#include <catch2/catch_test_macros.hpp>

#include "office.h"

using namespace julu;
using namespace julu::test;

namespace {

std::string bytes_of(std::size_t size, char first = 'a') {
  std::string bytes(size, first);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(static_cast<std::size_t>(first) + i * 31 % 27);
  return bytes;
}

Answer create(Device& device, std::size_t length, Headers headers = {}) {
  headers.emplace("tus-resumable", "1.0.0");
  headers.emplace("upload-length", std::to_string(length));
  return device.ask({"POST", "/v1/photos", {}, headers, {}, {}});
}

Answer on_upload(Device& device, const std::string& method, const std::string& location, std::size_t offset = 0,
                 const std::string& bytes = {}, std::optional<std::size_t> cut_at = {}) {
  Headers headers{{"tus-resumable", "1.0.0"}};
  if (method == "PATCH") {
    headers["upload-offset"] = std::to_string(offset);
    headers["content-type"] = "application/offset+octet-stream";
  }
  return device.ask({method, location, bytes, headers, {}, cut_at});
}

}  // namespace

TEST_CASE("an upload is created, continued at its offset and asked for, as tus 1.0.0 says") {
  Office office;
  Device device(office, "W-1");
  const Answer options = office.ask({"OPTIONS", "/v1/photos", {}, {}, {}, {}});
  CHECK(options.status == 204);
  CHECK(options.header("tus-version") == "1.0.0");
  CHECK(options.header("tus-extension").find("creation") != std::string::npos);
  const std::string bytes = bytes_of(300'000);
  const Answer made = create(device, bytes.size());
  REQUIRE(made.status == 201);
  const std::string location = made.header("location");
  CHECK(location.size() >= std::string("/v1/photos/").size() + 22);  // 128 random bits
  CHECK(on_upload(device, "PATCH", location, 0, bytes.substr(0, 100'000)).header("upload-offset") == "100000");
  const Answer wrong = on_upload(device, "PATCH", location, 5, bytes.substr(5));
  CHECK(wrong.status == 409);
  const Answer head = on_upload(device, "HEAD", location);
  CHECK(head.status == 200);
  CHECK(head.header("upload-offset") == "100000");
  CHECK(head.header("upload-length") == "300000");
  CHECK(head.header("cache-control") == "no-store");
  CHECK(on_upload(device, "PATCH", location, 100'000, bytes.substr(100'000)).status == 204);
  CHECK(office.held("photo").at(0)["sha256_actual"] == hex_of(bytes));
}

TEST_CASE("what came before a cut is kept, in a continuation and in a creation with its bytes") {
  Office office;
  Device device(office, "W-1");
  const std::string bytes = bytes_of(900'000);
  const Answer made = create(device, bytes.size());
  on_upload(device, "PATCH", made.header("location"), 0, bytes, 700'000);
  const std::size_t at = std::stoul(on_upload(device, "HEAD", made.header("location")).header("upload-offset"));
  CHECK(at == 700'000);
  CHECK(on_upload(device, "PATCH", made.header("location"), at, bytes.substr(at)).status == 204);
  CHECK(office.held("photo").at(0)["sha256_actual"] == hex_of(bytes));
}

TEST_CASE("other versions of tus, coded bytes, and more than was announced are refused") {
  Office office;
  Device device(office, "W-1");
  CHECK(create(device, 100, {{"tus-resumable", "0.2.2"}}).status == 412);
  CHECK(create(device, 100, {{"tus-resumable", "0.2.2"}}).header("tus-version") == "1.0.0");
  CHECK(create(device, 0).status == 400);
  CHECK(create(device, 1 << 30).status == 413);
  const std::string location = create(device, 100).header("location");
  CHECK(on_upload(device, "PATCH", location, 0, bytes_of(101)).status == 413);
  CHECK(device
            .ask({"PATCH",
                  location,
                  bytes_of(10),
                  {{"tus-resumable", "1.0.0"},
                   {"upload-offset", "0"},
                   {"content-type", "application/offset+octet-stream"},
                   {"content-encoding", "gzip"}},
                  {},
                  {}})
            .status == 415);
  CHECK(device.ask({"PATCH", location, bytes_of(10), {{"tus-resumable", "1.0.0"}, {"upload-offset", "0"}}, {}, {}})
            .status == 415);
  CHECK(on_upload(device, "HEAD", location).header("upload-offset") == "0");
}

TEST_CASE("an upload belongs to the worker that created it; to others it is not there") {
  Office office;
  Device own(office, "W-1");
  Device other(office, "W-2");
  const std::string location = create(own, 100).header("location");
  CHECK(on_upload(other, "HEAD", location).status == 404);
  CHECK(on_upload(other, "PATCH", location, 0, bytes_of(100)).status == 404);
  CHECK(on_upload(other, "DELETE", location).status == 404);
  CHECK(on_upload(own, "HEAD", location).header("upload-offset") == "0");
  CHECK(on_upload(own, "DELETE", location).status == 204);
  CHECK(on_upload(own, "HEAD", location).status == 404);
}

TEST_CASE("bytes that nothing names have an end and a quota") {
  Office office;
  Device device(office, "W-1");
  const std::string begun = create(device, 100).header("location");
  const std::string whole = device.upload(bytes_of(200)).header("location");
  office.clock.advance(std::int64_t{8} * 24 * 3600 * 1000);
  device.sign_in();
  REQUIRE(create(device, 100).status == 201);
  CHECK(on_upload(device, "HEAD", begun).status == 404);
  CHECK(on_upload(device, "HEAD", whole).status == 404);
  CHECK(device.send(device.incident())["status"] == "applied");
  Answer last;
  for (int i = 0; i < 2100 && last.status != 429; ++i) last = device.upload(bytes_of(20 + static_cast<std::size_t>(i)));
  CHECK(last.status == 429);
}

TEST_CASE("thumbnails have a quota of their own, and photos one of bytes too") {
  Office office;
  Device device(office, "W-1");
  SECTION("thumbnails take no photo's place") {
    Answer last;
    int thumbnails = 0;
    for (; thumbnails < 2100 && last.status != 429; ++thumbnails)
      last = device.upload("small", "thumb_of", hex_of(std::to_string(thumbnails)));
    CHECK(last.status == 429);
    CHECK(thumbnails == 2001);
    CHECK(device.upload(bytes_of(200)).status == 201);
  }
  SECTION("bytes that were announced count") {
    Answer last;
    int photos = 0;
    for (; photos < 200 && last.status != 429; ++photos) last = create(device, 32 << 20);
    CHECK(last.status == 429);
    CHECK(photos == 129);
    CHECK(device.upload("small", "thumb_of", hex_of("a photo")).status == 201);
  }
}

TEST_CASE("an attach is applied when the bytes are here, and held until then") {
  Office office;
  Device device(office, "W-1");
  const Json incident = device.incident();
  const auto version = device.send(incident)["version"];
  const std::string bytes = bytes_of(50'000);
  const Json attach = device.attach(incident["record"], bytes);
  const Json held = device.send(attach);
  CHECK(held["status"] == "held");
  CHECK(held.at("problem").at("type") == "bytes-missing");
  REQUIRE(device.upload(bytes).status == 201);
  const Answer answer = device.push({attach});
  CHECK(answer.body["results"][0]["status"] == "applied");
  CHECK(answer.body["results"][0]["version"] == version);
  CHECK(receipt_holds(device, answer.body, {attach}));
  const Json row = device.pull_all().at(incident["record"]);
  CHECK(row["photos"][0]["photo"] == hex_of(bytes));
  CHECK(row["version"] == version);
  CHECK(device.send(attach)["status"] == "duplicate");
}

TEST_CASE("an attach that names no photo is refused, and bytes of another worker do not count") {
  Office office;
  Device device(office, "W-1");
  Device other(office, "W-2");
  const Json incident = device.incident();
  REQUIRE(device.send(incident)["status"] == "applied");
  const Json refused = device.send(device.op("attach", incident["record"], "incident", {{"role", "near"}}));
  CHECK(refused["status"] == "rejected");
  CHECK(refused.at("problem").at("pointer") == "/body/photo");
  const std::string bytes = bytes_of(1000);
  REQUIRE(other.upload(bytes).status == 201);
  CHECK(device.send(device.attach(incident["record"], bytes))["status"] == "held");
}

TEST_CASE("bytes that are not those of the announced hash are dropped") {
  Office office;
  Device device(office, "W-1");
  const Answer answer = device.upload(bytes_of(1000), "sha256", hex_of("something else"));
  CHECK(answer.status == 460);
  CHECK(answer.type() == "checksum");
  CHECK(office.held("photo").empty());
}

TEST_CASE("a photo is fetched by whoever may see a record that names it, whole, in part or small") {
  Office office;
  Device device(office, "W-1");
  Device leader(office, "L-1", "leader");
  Device stranger(office, "W-9", "worker", {"130529999"});
  const std::string bytes = bytes_of(50'000);
  const std::string small = bytes_of(3'000, 'b');
  const std::string path = "/v1/photos/" + hex_of(bytes);
  const Json incident = device.incident();
  REQUIRE(device.send(incident)["status"] == "applied");
  REQUIRE(device.upload(small, "thumb_of", hex_of(bytes)).status == 201);
  REQUIRE(device.upload(bytes).status == 201);
  CHECK(leader.ask({"GET", path, {}, {}, {}, {}}).status == 404);  // no record names it yet
  REQUIRE(device.send(device.attach(incident["record"], bytes))["status"] == "applied");
  CHECK(leader.ask({"GET", path, {}, {}, {}, {}}).bytes == bytes);
  CHECK(leader.ask({"GET", path, {}, {}, {{"size", "thumb"}}, {}}).bytes == small);
  const Answer part = leader.ask({"GET", path, {}, {{"range", "bytes=40000-"}}, {}, {}});
  CHECK(part.status == 206);
  CHECK(part.bytes == bytes.substr(40'000));
  CHECK(part.header("content-range") == "bytes 40000-49999/50000");
  const Answer piece = leader.ask({"GET", path, {}, {{"range", "bytes=10000-19999"}}, {}, {}});
  CHECK(piece.status == 206);
  CHECK(piece.bytes == bytes.substr(10'000, 10'000));
  CHECK(piece.header("content-range") == "bytes 10000-19999/50000");
  CHECK(leader.ask({"GET", path, {}, {{"range", "bytes=49999-99999"}}, {}, {}}).bytes == bytes.substr(49'999));
  CHECK(leader.ask({"GET", path, {}, {{"range", "bytes=50000-"}}, {}, {}}).status == 416);
  for (const char* other : {"bytes=-5", "bytes=5-4", "bytes=0-1,4-5", "bytes=a-b", "lines=1-2"}) {
    CHECK(leader.ask({"GET", path, {}, {{"range", other}}, {}, {}}).bytes == bytes);
  }
  CHECK(stranger.ask({"GET", path, {}, {}, {}, {}}).status == 404);
  CHECK(leader.ask({"GET", "/v1/photos/" + hex_of("none"), {}, {}, {}, {}}).status == 404);
}

TEST_CASE("a piece of a photo is the same whichever rows hold it, and a photo that has lost a row is not there") {
  Office office;
  Device device(office, "W-1");
  const std::string bytes = bytes_of(1'300'000);  // three rows
  const Json incident = device.incident();
  REQUIRE(device.send(incident)["status"] == "applied");
  REQUIRE(device.upload(bytes).status == 201);
  REQUIRE(device.send(device.attach(incident["record"], bytes))["status"] == "applied");
  const auto get = [&](std::size_t first, std::size_t last) {
    const std::string range = "bytes=" + std::to_string(first) + "-" + std::to_string(last);
    return device.ask({"GET", "/v1/photos/" + hex_of(bytes), {}, {{"range", range}}, {}, {}});
  };
  for (const std::size_t first : {0UL, 1UL, 524'287UL, 524'288UL, 600'000UL, 1'048'576UL, 1'299'999UL}) {
    for (const std::size_t size : {1UL, 2UL, 300'000UL, 700'000UL}) {
      CAPTURE(first, size);
      CHECK(get(first, first + size - 1).bytes == bytes.substr(first, size));
    }
  }
  juhaoban::Database("platform/platform.db", office.disk.vfs()).run("DELETE FROM chunk WHERE offset_bytes > 0");
  CHECK(get(100, 199).bytes == bytes.substr(100, 100));
  CHECK(get(600'000, 600'099).status == 404);
  // What the disk lost comes anew.
  const Json held = device.send(device.attach(incident["record"], bytes, "far"));
  CHECK(held.dump().find("bytes-missing") != std::string::npos);
  REQUIRE(device.upload(bytes).status == 201);
  CHECK(get(600'000, 600'099).bytes == bytes.substr(600'000, 100));
  CHECK(device.send(device.attach(incident["record"], bytes, "far"))["status"] == "applied");
}

TEST_CASE("a thumbnail is at most 8 KB, and only the worker who holds a photo gives it one") {
  Office office;
  Device device(office, "W-1");
  Device other(office, "W-2");
  const std::string bytes = bytes_of(50'000);
  CHECK(device.upload(bytes_of(8193), "thumb_of", hex_of(bytes)).status == 413);
  REQUIRE(other.upload(bytes_of(100, 'x'), "thumb_of", hex_of(bytes)).status == 201);
  const Json incident = device.incident();
  REQUIRE(device.send(incident)["status"] == "applied");
  REQUIRE(device.upload(bytes).status == 201);
  REQUIRE(device.send(device.attach(incident["record"], bytes))["status"] == "applied");
  // Nobody who may has given one: the photo itself stands for it.
  CHECK(device.ask({"GET", "/v1/photos/" + hex_of(bytes), {}, {}, {{"size", "thumb"}}, {}}).bytes == bytes);
}
