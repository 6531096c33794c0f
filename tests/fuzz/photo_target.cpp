// Photo intake: any bytes are a photo that was taken in or a typed error, within bounded time and memory.
#include <algorithm>

#include <julu/limits.h>

#include "domain/exif.h"
#include "domain/image.h"
#include "domain/jpeg_walk.h"
#include "target.h"

namespace julu::fuzz {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class Bytes final : public domain::ByteSource {
 public:
  explicit Bytes(std::string_view text) : text_(text) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const auto part = bytes_of(text_.substr(at_, out.size()));
    std::copy(part.begin(), part.end(), out.begin());
    at_ += part.size();
    return part.size();
  }
  Result<void> rewind() override {
    at_ = 0;
    return {};
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

class Kept final : public domain::ByteSink {
 public:
  Result<void> write(std::span<const std::uint8_t> part) override {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    return {};
  }
  std::string bytes;
};

void walk_in_pieces(std::string_view input, std::size_t piece) {
  domain::JpegWalk walk;
  std::vector<std::uint8_t> kept;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    if (!walk.feed(bytes_of(input.substr(at, piece)), &kept)) return;
  }
  domain::JpegWalk whole;
  std::vector<std::uint8_t> kept_whole;
  require(whole.feed(bytes_of(input), &kept_whole).ok(), "pieces make no difference to what is taken");
  require(kept == kept_whole && walk.whole() == whole.whole(), "pieces make no difference to what is kept");
}

}  // namespace

void photo(std::string_view input) {
  static_cast<void>(domain::read_exif(bytes_of(input)));
  walk_in_pieces(input, 7);
  Bytes source(input);
  static_cast<void>(succeeded(domain::thumbnail(source)));
  static_cast<void>(source.rewind());
  Kept kept;
  const auto facts = domain::take_in(source, {}, kept);
  if (!succeeded(facts)) return;
  require(facts->sha256 == sha256(kept.bytes), "the hash is of what is kept");
  require(facts->original_sha256 == sha256(input), "the other is of what came");
  require(facts->length_bytes == static_cast<std::int64_t>(kept.bytes.size()), "the length is of what is kept");
  Bytes again(kept.bytes);
  Kept kept_again;
  const auto twice = domain::take_in(again, {}, kept_again);
  require(twice.ok(), "what was taken in can be taken in");
  require(twice->sha256 == facts->sha256 && !twice->place && !twice->taken_at_ms, "nothing personal is left in it");
}

}  // namespace julu::fuzz
