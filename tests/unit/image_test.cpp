// Photo intake: what the camera made becomes what is sent, or a clear reason why not.
#include <algorithm>
#include <array>
#include <cstring>

#include <catch2/catch_test_macros.hpp>

#include <jpeglib.h>

#include <julu/limits.h>

#include "domain/image.h"
#include "jpeg.h"

using namespace julu;
using namespace julu::domain;
using namespace julu::test;

namespace {

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string bytes, std::size_t at_most = 1 << 20) : bytes_(std::move(bytes)), at_most_(at_most) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const std::size_t size = std::min({out.size(), bytes_.size() - at_, at_most_});
    std::memcpy(out.data(), bytes_.data() + at_, size);
    at_ += size;
    return size;
  }
  Result<void> rewind() override {
    at_ = 0;
    return {};
  }

 private:
  std::string bytes_;
  std::size_t at_most_;
  std::size_t at_ = 0;
};

class TextSink final : public ByteSink {
 public:
  Result<void> write(std::span<const std::uint8_t> part) override {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    return {};
  }
  std::string bytes;
};

struct Taken {
  PhotoFacts facts;
  std::string bytes;
};

Taken take(const std::string& jpeg, std::size_t at_most = 1 << 20) {
  TextSource source(jpeg, at_most);
  TextSink sink;
  const auto facts = take_in(source, {}, sink);
  REQUIRE(facts.ok());
  CHECK(facts->sha256 == sha256(sink.bytes));
  CHECK(facts->original_sha256 == sha256(jpeg));
  CHECK(facts->length_bytes == static_cast<std::int64_t>(sink.bytes.size()));
  return {*facts, sink.bytes};
}

ErrorCode refused(const std::string& bytes, std::string* detail = nullptr) {
  TextSource source(bytes);
  TextSink sink;
  const auto facts = take_in(source, {}, sink);
  REQUIRE_FALSE(facts.ok());
  CHECK(facts.error().field.empty());
  if (detail != nullptr) *detail = facts.error().detail;
  return facts.error().code;
}

struct Pixels {
  int width = 0;
  int height = 0;
  std::string rgb;
  std::array<int, 3> at(int x, int y) const {
    const auto i = (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) * 3;
    return {static_cast<unsigned char>(rgb[i]), static_cast<unsigned char>(rgb[i + 1]),
            static_cast<unsigned char>(rgb[i + 2])};
  }
};

Pixels decode(const std::string& jpeg) {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(jpeg.data()), jpeg.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  Pixels out;
  out.width = static_cast<int>(info.output_width);
  out.height = static_cast<int>(info.output_height);
  out.rgb.resize(static_cast<std::size_t>(out.width) * static_cast<std::size_t>(out.height) * 3);
  while (info.output_scanline < info.output_height) {
    auto* row = reinterpret_cast<JSAMPLE*>(out.rgb.data()) +
                static_cast<std::size_t>(info.output_scanline) * info.output_width * 3;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return out;
}

// r, g, b or w: the colour of the quarter, as make_jpeg painted it.
char colour(const std::array<int, 3>& c) {
  if (c[0] > 180 && c[1] > 180 && c[2] > 180) return 'w';
  if (c[0] > c[1] && c[0] > c[2]) return 'r';
  return c[1] > c[2] ? 'g' : 'b';
}

std::string quarters(const Pixels& p) {
  const int x = p.width / 4;
  const int y = p.height / 4;
  return {colour(p.at(x, y)), colour(p.at(p.width - x, y)), colour(p.at(x, p.height - y)),
          colour(p.at(p.width - x, p.height - y))};
}

}  // namespace

TEST_CASE("pixels within the policy stay untouched") {
  const std::string jpeg = make_jpeg({.width = 1920, .height = 1080});
  const Taken taken = take(jpeg);
  CHECK_FALSE(taken.facts.reencoded);
  CHECK(taken.bytes == jpeg);
  CHECK(taken.facts.width == 1920);
  CHECK(taken.facts.height == 1080);
}

TEST_CASE("one pixel over the policy makes it smaller") {
  const Taken taken = take(make_jpeg({.width = 1921, .height = 1080}));
  CHECK(taken.facts.reencoded);
  CHECK(taken.facts.width == 1920);
  CHECK(decode(taken.bytes).width == 1920);
  const Taken tall = take(make_jpeg({.width = 1500, .height = 4000}));
  CHECK(tall.facts.height == 1920);
  CHECK(tall.facts.width == 720);
  CHECK(quarters(decode(tall.bytes)) == "rgbw");
}

TEST_CASE("metadata is dropped and the picture is the same") {
  const std::string jpeg = make_jpeg({.width = 640, .height = 480, .orientation = 1, .gps = true});
  for (const std::size_t at_most : {std::size_t{1}, std::size_t{7}, std::size_t{1 << 20}}) {
    const Taken taken = take(jpeg, at_most);
    CHECK_FALSE(taken.facts.reencoded);
    CHECK(taken.bytes.find("Exif") == std::string::npos);
    CHECK(decode(taken.bytes).rgb == decode(jpeg).rgb);
    REQUIRE(taken.facts.place.has_value());
    CHECK(taken.facts.place->lat_e7 == 372200000);
    CHECK(taken.facts.place->lng_e7 == 1150350000);
    CHECK(taken.facts.taken_at_ms == 1795482750000);  // 09:12:30 in UTC+08:00
  }
}

TEST_CASE("of JFIF the shape of the pixels stays, its thumbnail goes, and so does what else stands under its marker") {
  const std::string jpeg = make_jpeg({});
  REQUIRE(jpeg.substr(2, 4) == std::string("\xFF\xE0\0\x10", 4));
  const std::string shape = jpeg.substr(6, 12);
  const std::string small = "\xFF\xE0" + std::string("\0\x13", 2) + shape + "\1\1rgb";
  const std::string other = "\xFF\xE0" + std::string("\0\x0C", 2) + "HEAPSECRET";
  CHECK((take(jpeg.substr(0, 2) + small + jpeg.substr(20)).bytes == jpeg));
  CHECK((take(jpeg.substr(0, 20) + other + jpeg.substr(20)).bytes == jpeg));
}

TEST_CASE("a file that somebody writes to while it is read is refused") {
  class Changing final : public ByteSource {
   public:
    explicit Changing(std::string bytes) : bytes_(std::move(bytes)) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
      const std::size_t size = std::min(out.size(), bytes_.size() - at_);
      std::memcpy(out.data(), bytes_.data() + at_, size);
      at_ += size;
      return size;
    }
    Result<void> rewind() override {
      at_ = 0;
      bytes_[bytes_.size() / 2] ^= 1;
      return {};
    }

   private:
    std::string bytes_;
    std::size_t at_ = 0;
  };
  for (const std::string& jpeg :
       {make_jpeg_of_about(700 * 1024, 4), make_jpeg({.gps = true}), make_jpeg({.width = 2400, .height = 1600})}) {
    Changing source(jpeg);
    TextSink sink;
    const auto facts = take_in(source, {}, sink);
    REQUIRE_FALSE(facts.ok());
    CHECK(facts.error().code == ErrorCode::photo_damaged);
  }
}

TEST_CASE("what stands behind the end of the picture is dropped") {
  const std::string jpeg = make_jpeg({.width = 64, .height = 48});
  CHECK(take(jpeg + "somebody's secret").bytes == jpeg);
}

TEST_CASE("every orientation comes out upright") {
  // As taken: red green / blue white. What an upright viewer sees for each orientation (TIFF 6.0).
  constexpr std::array<const char*, 9> kUpright{"", "rgbw", "grwb", "wbgr", "bwrg", "rbgw", "brwg", "wgbr", "gwrb"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const Taken taken = take(make_jpeg({.width = 320, .height = 200, .orientation = orientation}));
    CHECK(taken.facts.width == (orientation >= 5 ? 200 : 320));
    CHECK(quarters(decode(taken.bytes)) == kUpright[static_cast<std::size_t>(orientation)]);
  }
}

TEST_CASE("what is no JPEG is named, so that the shell can convert it") {
  std::string detail;
  CHECK(refused("") == ErrorCode::photo_empty);
  CHECK(refused("%PDF-1.7", &detail) == ErrorCode::photo_format);
  CHECK(detail == "pdf");
  CHECK(refused("\x89PNG\r\n\x1a\n", &detail) == ErrorCode::photo_format);
  CHECK(detail == "png");
  CHECK(refused(std::string("\0\0\0\x18"
                            "ftypheic",
                            12),
                &detail) == ErrorCode::photo_format);
  CHECK(detail == "heic");
  CHECK(refused("RIFF0000WEBPVP8 ", &detail) == ErrorCode::photo_format);
  CHECK(detail == "webp");
  CHECK(refused("RIFF\xF7", &detail) == ErrorCode::photo_format);  // cut off before it says more
  CHECK(detail == "unknown");
}

TEST_CASE("a picture that says it is 40,000 pixels wide is refused before anything is decoded") {
  std::string jpeg = make_jpeg({.width = 64, .height = 48});
  const std::size_t frame = jpeg.find("\xFF\xC0");
  REQUIRE(frame != std::string::npos);
  const auto set_size = [&](int width, int height) {
    jpeg[frame + 5] = static_cast<char>(height >> 8);
    jpeg[frame + 6] = static_cast<char>(height & 0xFF);
    jpeg[frame + 7] = static_cast<char>(width >> 8);
    jpeg[frame + 8] = static_cast<char>(width & 0xFF);
  };
  set_size(40'000, 40'000);
  CHECK(refused(jpeg) == ErrorCode::photo_too_large);
  set_size(limits::photo_side_max + 1, 10);
  CHECK(refused(jpeg) == ErrorCode::photo_too_large);
  set_size(12'000, 10'001);
  REQUIRE(12'000 * 10'000 == limits::photo_pixels_max);
  CHECK(refused(jpeg) == ErrorCode::photo_too_large);
  set_size(12'000, 10'000);
  CHECK(take(jpeg).facts.reencoded);  // what is not there is gray
  set_size(0, 48);
  CHECK(refused(jpeg) == ErrorCode::photo_damaged);
}

TEST_CASE("a large progressive picture is refused, a small one is taken") {
  CHECK(take(make_jpeg({.width = 2400, .height = 1600, .progressive = true})).facts.width == 1920);
  std::string jpeg = make_jpeg({.width = 64, .height = 48, .progressive = true});
  const std::size_t frame = jpeg.find("\xFF\xC2");
  REQUIRE(frame != std::string::npos);
  jpeg.replace(frame + 5, 4, "\x1F\x40\x1F\x40");  // 8,000 × 8,000
  CHECK(refused(jpeg) == ErrorCode::photo_too_large);
  REQUIRE(4'000 * 4'000 == limits::photo_scans_pixels_max);
  jpeg.replace(frame + 5, 4, "\x0F\xA1\x0F\xA0");
  CHECK(refused(jpeg) == ErrorCode::photo_too_large);
  jpeg.replace(frame + 5, 4, "\x0F\xA0\x0F\xA0");
  CHECK(take(jpeg).facts.reencoded);  // what is not there is gray
}

TEST_CASE("a large picture whose components come one after another is refused, a small one is taken") {
  CHECK(take(make_jpeg({.width = 2400, .height = 1600, .components_apart = true})).facts.width == 1920);
  std::string jpeg = make_jpeg({.width = 64, .height = 48, .components_apart = true});
  const std::size_t frame = jpeg.find("\xFF\xC0");
  REQUIRE(frame != std::string::npos);
  jpeg.replace(frame + 5, 4, "\x1F\x40\x1F\x40");  // 8,000 × 8,000: 384 MB of coefficients
  CHECK(refused(jpeg) == ErrorCode::photo_too_large);
  TextSource source(jpeg);
  const auto made = thumbnail(source);
  REQUIRE_FALSE(made.ok());
  CHECK(made.error().code == ErrorCode::photo_damaged);
}

TEST_CASE("a progressive picture of a thousand scans is refused before it takes its time") {
  const std::string jpeg = make_jpeg({.width = 64, .height = 48, .orientation = 6, .progressive = true});
  const std::size_t last = jpeg.rfind("\xFF\xDA");
  const std::string scan = jpeg.substr(last, jpeg.size() - 2 - last);
  const auto with_scans = [&](int more) {
    std::string many = jpeg.substr(0, jpeg.size() - 2);
    for (int i = 0; i < more; ++i) many += scan;
    return many + "\xFF\xD9";
  };
  CHECK(take(with_scans(50)).facts.reencoded);
  CHECK(refused(with_scans(limits::photo_scans_max)) == ErrorCode::photo_damaged);
}

TEST_CASE("a thumbnail is made of no picture that intake would refuse for its size") {
  std::string jpeg = make_jpeg({.width = 64, .height = 48, .progressive = true});
  const std::size_t frame = jpeg.find("\xFF\xC2");
  jpeg.replace(frame + 5, 4, "\x13\x88\x13\x88");  // 5000 × 5000: 150 MB of coefficients
  TextSource source(jpeg);
  const auto made = thumbnail(source);
  REQUIRE_FALSE(made.ok());
  CHECK(made.error().code == ErrorCode::photo_damaged);
}

TEST_CASE("a truncated picture is refused wherever it was cut") {
  const std::string jpeg = make_jpeg_of_about(60 * 1024, 9);
  const auto random = seeded_random(40);
  for (int i = 0; i < 40; ++i) {
    const std::size_t at = 2 + random->below(jpeg.size() - 3);
    CAPTURE(at);
    CHECK(refused(jpeg.substr(0, at)) == ErrorCode::photo_damaged);
  }
}

TEST_CASE("EXIF that lies about its length does no harm") {
  std::string jpeg = make_jpeg({.width = 640, .height = 480, .orientation = 6, .gps = true});
  const std::size_t exif = jpeg.find("Exif");
  REQUIRE(exif != std::string::npos);
  SECTION("counts and offsets that point anywhere") {
    const auto random = seeded_random(11);
    for (int i = 0; i < 500; ++i) {
      std::string broken = jpeg;
      for (int k = 0; k < 4; ++k) broken[exif + 6 + random->below(170)] = static_cast<char>(random->below(256));
      TextSource source(broken);
      TextSink sink;
      CHECK(take_in(source, {}, sink).ok());
      CHECK(sink.bytes.find("Exif") == std::string::npos);
    }
  }
  SECTION("a segment longer than the file") {
    jpeg[exif - 2] = '\xFF';
    jpeg[exif - 1] = '\xFF';
    CHECK(refused(jpeg.substr(0, 4000)) == ErrorCode::photo_damaged);
  }
}

TEST_CASE("flipped bits make a photo or an error of photos, never a crash") {
  const std::string jpeg = make_jpeg({.width = 2000, .height = 60, .orientation = 3, .noise = true});
  const auto random = seeded_random(5);
  for (int i = 0; i < 600; ++i) {
    std::string broken = jpeg;
    const std::uint64_t flips = 1 + random->below(8);
    for (std::uint64_t k = 0; k < flips; ++k) {
      const std::uint64_t bit = random->below(8);
      broken[random->below(broken.size())] ^= static_cast<char>(1 << bit);
    }
    TextSource source(broken);
    TextSink sink;
    if (const auto taken = take_in(source, {}, sink)) {
      CHECK(std::max(taken->width, taken->height) <= 1920);
      CHECK(sink.bytes.starts_with("\xFF\xD8"));
    } else {
      const ErrorCode code = taken.error().code;
      CAPTURE(name(code));
      CHECK(
          (code == ErrorCode::photo_damaged || code == ErrorCode::photo_format || code == ErrorCode::photo_too_large));
    }
  }
}

TEST_CASE("a thumbnail is at most 8 KB, whatever the picture") {
  for (const JpegSpec& spec : {JpegSpec{.width = 4000, .height = 3000, .noise = true},
                               JpegSpec{.width = 60, .height = 40}, JpegSpec{.width = 300, .height = 4000}}) {
    TextSource source(make_jpeg(spec));
    const auto small = thumbnail(source);
    REQUIRE(small.ok());
    CHECK(small->size() <= limits::thumbnail_bytes_max);
    const Pixels pixels = decode(std::string(small->begin(), small->end()));
    CHECK(std::max(pixels.width, pixels.height) <= 320);
    CHECK(quarters(pixels) == "rgbw");
  }
}
