// The one file that knows libjpeg. Its errors leave by longjmp, so every function that it may jump out of holds plain
// values only; buffers and sinks belong to the caller.
#include "domain/image.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <jpeglib.h>

#include <julu/limits.h>

#include "domain/jpeg_walk.h"

namespace julu::domain {
namespace {

// Most photos that need no change fit, and are then read once.
constexpr std::size_t kReadBytes = 512 * 1024;

struct Jump {
  jpeg_error_mgr base;  // first: libjpeg knows only this
  std::jmp_buf target;
};

[[noreturn]] void on_error(j_common_ptr info) { std::longjmp(reinterpret_cast<Jump*>(info->err)->target, 1); }
void on_message(j_common_ptr info, int level) {
  if (level < 0) ++info->err->num_warnings;
}
void on_output(j_common_ptr) {}

void set_up(Jump& jump) {
  jpeg_std_error(&jump.base);
  jump.base.error_exit = &on_error;
  jump.base.emit_message = &on_message;
  jump.base.output_message = &on_output;
}

/// RGB, rows from the top, no gaps.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;
};

// Sums source rows into target rows by the area that each covers: a box filter for any ratio at or below 1.
class Shrink {
 public:
  Shrink(int from_width, int from_height, int to_width, int to_height)
      : from_width_(from_width), from_height_(from_height), sums_(static_cast<std::size_t>(to_width) * 3) {
    picture.width = to_width;
    picture.height = to_height;
    picture.rgb.resize(sums_.size() * static_cast<std::size_t>(to_height));
    if (!same_size()) place_columns();
  }

  void row(const std::uint8_t* rgb) {
    if (same_size()) {
      std::copy_n(rgb, sums_.size(), picture.rgb.begin() + static_cast<std::ptrdiff_t>(sums_.size()) * from_row_);
      ++from_row_;
      return;
    }
    // In units of 1/to_height of a source row, this row reaches from `top` to `bottom`.
    const std::int64_t top = std::int64_t{from_row_} * picture.height;
    const std::int64_t bottom = top + picture.height;
    ++from_row_;
    std::int64_t at = top;
    while (at < bottom && to_row_ < picture.height) {
      const std::int64_t end = (std::int64_t{to_row_} + 1) * from_height_;
      const std::int64_t part = std::min(bottom, end) - at;
      add(rgb, static_cast<float>(part) / static_cast<float>(from_height_));
      at += part;
      if (at == end) put();
    }
  }

  Picture picture;

 private:
  struct Column {
    int first = 0;
    std::vector<float> weights;
  };

  bool same_size() const { return picture.width == from_width_ && picture.height == from_height_; }

  void place_columns() {
    const double step = static_cast<double>(from_width_) / picture.width;
    for (int x = 0; x < picture.width; ++x) {
      const double left = x * step;
      const double right = std::min(left + step, static_cast<double>(from_width_));
      Column column;
      column.first = static_cast<int>(left);
      for (int i = column.first; i < from_width_ && i < right; ++i) {
        const double cover = std::min<double>(i + 1, right) - std::max<double>(i, left);
        column.weights.push_back(static_cast<float>(cover / step));
      }
      columns_.push_back(std::move(column));
    }
  }

  void add(const std::uint8_t* rgb, float weight) {
    float* sum = sums_.data();
    for (const Column& column : columns_) {
      const std::uint8_t* pixel = rgb + static_cast<std::ptrdiff_t>(column.first) * 3;
      float r = 0;
      float g = 0;
      float b = 0;
      for (const float w : column.weights) {
        r += w * pixel[0];
        g += w * pixel[1];
        b += w * pixel[2];
        pixel += 3;
      }
      *sum++ += weight * r;
      *sum++ += weight * g;
      *sum++ += weight * b;
    }
  }

  void put() {
    std::uint8_t* out = picture.rgb.data() + sums_.size() * static_cast<std::size_t>(to_row_);
    for (float& sum : sums_) {
      *out++ = static_cast<std::uint8_t>(std::clamp(sum + 0.5F, 0.0F, 255.0F));
      sum = 0;
    }
    ++to_row_;
  }

  int from_width_;
  int from_height_;
  std::vector<float> sums_;
  std::vector<Column> columns_;
  int from_row_ = 0;
  int to_row_ = 0;
};

// What libjpeg reads from. It never jumps: at the end it hands out an end marker and remembers that.
struct SourceManager {
  jpeg_source_mgr base;  // first
  ByteSource* source = nullptr;
  std::array<std::uint8_t, 64 * 1024> buffer;
  std::optional<Error> error;
  bool ran_dry = false;
};

boolean fill_input(j_decompress_ptr info) {
  auto* manager = reinterpret_cast<SourceManager*>(info->src);
  auto got = manager->source->read(manager->buffer);
  std::size_t size = 0;
  if (got) {
    size = *got;
  } else {
    manager->error = got.error();
  }
  if (size == 0) {
    manager->ran_dry = true;
    manager->buffer[0] = 0xFF;
    manager->buffer[1] = JPEG_EOI;
    size = 2;
  }
  manager->base.next_input_byte = manager->buffer.data();
  manager->base.bytes_in_buffer = size;
  return TRUE;
}

void skip_input(j_decompress_ptr info, long count) {
  auto* manager = reinterpret_cast<SourceManager*>(info->src);
  while (count > static_cast<long>(manager->base.bytes_in_buffer)) {
    count -= static_cast<long>(manager->base.bytes_in_buffer);
    fill_input(info);
    if (manager->ran_dry) return;
  }
  if (count <= 0) return;
  manager->base.next_input_byte += count;
  manager->base.bytes_in_buffer -= static_cast<std::size_t>(count);
}

void nothing(j_decompress_ptr) {}

// libjpeg goes over all coefficients for each scan of a progressive picture, and a scan of nothing takes ten bytes.
void stop_many_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > limits::photo_scans_max) on_error(info);
}

struct Decoder {
  jpeg_decompress_struct info;
  Jump jump;
  SourceManager source;
  jpeg_progress_mgr progress;
};

bool is_decodable(std::int64_t width, std::int64_t height, bool several_scans) {
  return std::max(width, height) <= limits::photo_side_max &&
         width * height <= (several_scans ? limits::photo_scans_pixels_max : limits::photo_pixels_max);
}

int scaled(int size, int eighths) { return (size * eighths + 7) / 8; }

// False: libjpeg gave up.
bool start(Decoder& d, int long_edge_px) {
  if (setjmp(d.jump.target) != 0) return false;
  jpeg_create_decompress(&d.info);
  d.info.src = &d.source.base;
  d.info.progress = &d.progress;
  if (jpeg_read_header(&d.info, TRUE) != JPEG_HEADER_OK) return false;
  if (!is_decodable(d.info.image_width, d.info.image_height, jpeg_has_multiple_scans(&d.info) != 0)) return false;
  const int longest = static_cast<int>(std::max(d.info.image_width, d.info.image_height));
  unsigned eighths = 8;
  while (eighths > 1 && scaled(longest, static_cast<int>(eighths) - 1) >= long_edge_px) --eighths;
  d.info.scale_num = eighths;
  d.info.scale_denom = 8;
  const bool four = d.info.jpeg_color_space == JCS_CMYK || d.info.jpeg_color_space == JCS_YCCK;
  d.info.out_color_space = four ? JCS_CMYK : JCS_RGB;
  d.info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&d.info);
  return true;
}

// Adobe writes CMYK upside down.
void cmyk_to_rgb(const std::uint8_t* from, std::uint8_t* to, int width, bool inverted) {
  for (int x = 0; x < width; ++x, from += 4, to += 3) {
    const int k = inverted ? from[3] : 255 - from[3];
    for (int c = 0; c < 3; ++c) {
      const int ink = inverted ? from[c] : 255 - from[c];
      to[c] = static_cast<std::uint8_t>(ink * k / 255);
    }
  }
}

bool read_rows(Decoder& d, Shrink& shrink, std::uint8_t* line, std::uint8_t* rgb) {
  if (setjmp(d.jump.target) != 0) return false;
  while (d.info.output_scanline < d.info.output_height) {
    JSAMPROW rows[1] = {line};
    if (jpeg_read_scanlines(&d.info, rows, 1) != 1 || d.source.ran_dry) return false;
    if (d.info.out_color_space == JCS_CMYK) {
      cmyk_to_rgb(line, rgb, static_cast<int>(d.info.output_width), d.info.saw_Adobe_marker != 0);
      shrink.row(rgb);
    } else {
      shrink.row(line);
    }
  }
  return true;
}

Result<Picture> decode(ByteSource& source, int long_edge_px) {
  const Error damaged{ErrorCode::photo_damaged, {}, "decoding"};
  auto decoder = std::make_unique<Decoder>();
  set_up(decoder->jump);
  decoder->info.err = &decoder->jump.base;
  decoder->progress.progress_monitor = &stop_many_scans;
  decoder->source.source = &source;
  decoder->source.base = {nullptr, 0, &nothing, &fill_input, &skip_input, &jpeg_resync_to_restart, &nothing};
  struct Destroy {
    void operator()(Decoder* d) const { jpeg_destroy_decompress(&d->info); }
  };
  if (!start(*decoder, long_edge_px)) {
    jpeg_destroy_decompress(&decoder->info);
    return decoder->source.error.value_or(damaged);
  }
  const std::unique_ptr<Decoder, Destroy> destroy(decoder.get());
  const int width = static_cast<int>(decoder->info.output_width);
  const int height = static_cast<int>(decoder->info.output_height);
  const double ratio = std::min(1.0, static_cast<double>(long_edge_px) / std::max(width, height));
  Shrink shrink(width, height, std::max(1, static_cast<int>(std::lround(width * ratio))),
                std::max(1, static_cast<int>(std::lround(height * ratio))));
  std::vector<std::uint8_t> line(static_cast<std::size_t>(width) * 4);
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(width) * 3);
  if (!read_rows(*decoder, shrink, line.data(), rgb.data())) {
    return decoder->source.error.value_or(damaged);
  }
  return std::move(shrink.picture);
}

// Where the pixel (x, y) of the upright picture stands in the one as it was taken (TIFF 6.0, Orientation).
Picture upright(Picture taken, int orientation) {
  if (orientation <= 1 || orientation > 8) return taken;
  const bool turned = orientation >= 5;
  Picture out;
  out.width = turned ? taken.height : taken.width;
  out.height = turned ? taken.width : taken.height;
  out.rgb.resize(taken.rgb.size());
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  std::uint8_t* to = out.rgb.data();
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x, to += 3) {
      int from_x = turned ? y : x;
      int from_y = turned ? x : y;
      if (flip_x) from_x = taken.width - 1 - from_x;
      if (flip_y) from_y = taken.height - 1 - from_y;
      const std::size_t at = (static_cast<std::size_t>(from_y) * static_cast<std::size_t>(taken.width) +
                              static_cast<std::size_t>(from_x)) *
                             3;
      std::copy_n(taken.rgb.data() + at, 3, to);
    }
  }
  return out;
}

// What libjpeg writes to. A failing sink is remembered, and the rest is thrown away.
struct SinkManager {
  jpeg_destination_mgr base;  // first
  ByteSink* sink = nullptr;
  std::array<std::uint8_t, 64 * 1024> buffer;
  std::optional<Error> error;
};

void put_bytes(SinkManager& manager, std::size_t size) {
  if (!manager.error) {
    if (auto written = manager.sink->write(std::span(manager.buffer).first(size)); !written) {
      manager.error = written.error();
    }
  }
  manager.base.next_output_byte = manager.buffer.data();
  manager.base.free_in_buffer = manager.buffer.size();
}

void begin_output(j_compress_ptr info) {
  auto* manager = reinterpret_cast<SinkManager*>(info->dest);
  manager->base.next_output_byte = manager->buffer.data();
  manager->base.free_in_buffer = manager->buffer.size();
}

boolean empty_output(j_compress_ptr info) {
  auto* manager = reinterpret_cast<SinkManager*>(info->dest);
  put_bytes(*manager, manager->buffer.size());
  return TRUE;
}

void end_output(j_compress_ptr info) {
  auto* manager = reinterpret_cast<SinkManager*>(info->dest);
  put_bytes(*manager, manager->buffer.size() - manager->base.free_in_buffer);
}

struct Encoder {
  jpeg_compress_struct info;
  Jump jump;
  SinkManager sink;
};

bool write_rows(Encoder& e, const Picture& picture, int quality) {
  if (setjmp(e.jump.target) != 0) return false;
  jpeg_create_compress(&e.info);
  e.info.dest = &e.sink.base;
  e.info.image_width = static_cast<JDIMENSION>(picture.width);
  e.info.image_height = static_cast<JDIMENSION>(picture.height);
  e.info.input_components = 3;
  e.info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&e.info);
  jpeg_set_quality(&e.info, quality, TRUE);
  jpeg_start_compress(&e.info, TRUE);
  while (e.info.next_scanline < e.info.image_height) {
    const std::size_t at = static_cast<std::size_t>(e.info.next_scanline) * static_cast<std::size_t>(picture.width) * 3;
    JSAMPROW rows[1] = {const_cast<JSAMPLE*>(picture.rgb.data() + at)};
    jpeg_write_scanlines(&e.info, rows, 1);
  }
  jpeg_finish_compress(&e.info);
  return true;
}

Result<void> encode(const Picture& picture, int quality, ByteSink& sink) {
  auto encoder = std::make_unique<Encoder>();
  set_up(encoder->jump);
  encoder->info.err = &encoder->jump.base;
  encoder->sink.sink = &sink;
  encoder->sink.base = {nullptr, 0, &begin_output, &empty_output, &end_output};
  const bool written = write_rows(*encoder, picture, quality);
  jpeg_destroy_compress(&encoder->info);
  if (encoder->sink.error) return *encoder->sink.error;
  if (!written) return Error{ErrorCode::internal, {}, "encoding"};
  return {};
}

// The second reading of a file, which has to give what the first gave: somebody may write to it meanwhile.
class SecondReading final : public ByteSource {
 public:
  explicit SecondReading(ByteSource& source) : source_(source) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    JULU_TRY(const std::size_t got, source_.read(out));
    hash_.update(out.first(got));
    return got;
  }
  Result<void> rewind() override {
    hash_ = Sha256();
    return source_.rewind();
  }
  /// Reads what is left. Errors: photo_damaged.
  Result<void> must_be(const Hash& sha256) {
    std::array<std::uint8_t, 4096> rest;
    for (std::size_t got = 1; got > 0;) {
      JULU_TRY(got, read(rest));
    }
    if (hash_.finish() != sha256) return Error{ErrorCode::photo_damaged, {}, "changed while it was read"};
    return {};
  }

 private:
  ByteSource& source_;
  Sha256 hash_;
};

class HashingSink final : public ByteSink {
 public:
  explicit HashingSink(ByteSink& next) : next_(next) {}
  Result<void> write(std::span<const std::uint8_t> bytes) override {
    hash.update(bytes);
    length += static_cast<std::int64_t>(bytes.size());
    if (length > limits::photo_bytes_max) return Error{ErrorCode::photo_too_large, {}, "bytes of the copy"};
    return next_.write(bytes);
  }
  Sha256 hash;
  std::int64_t length = 0;

 private:
  ByteSink& next_;
};

class MemorySink final : public ByteSink {
 public:
  Result<void> write(std::span<const std::uint8_t> part) override {
    bytes.insert(bytes.end(), part.begin(), part.end());
    return {};
  }
  std::vector<std::uint8_t> bytes;
};

// What the file seems to be, for a shell that has to convert it.
std::string seems(std::span<const std::uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 16));
  if (text.starts_with("\x89PNG")) return "png";
  if (text.starts_with("%PDF")) return "pdf";
  if (text.starts_with("GIF8")) return "gif";
  if (text.size() < 12) return "unknown";
  if (text.starts_with("RIFF") && text.substr(8, 4) == "WEBP") return "webp";
  if (text.substr(4, 4) == "ftyp") return text.substr(8, 2) == "he" || text.substr(8, 2) == "mi" ? "heic" : "mp4";
  return "unknown";
}

Result<void> check_size(const JpegWalk& walk) {
  if (!is_decodable(walk.width, walk.height, walk.several_scans))
    return Error{ErrorCode::photo_too_large, {}, std::to_string(walk.width) + "x" + std::to_string(walk.height)};
  return {};
}

struct ReadBuffer {
  std::unique_ptr<std::uint8_t[]> bytes{
      new std::uint8_t[kReadBytes]};  // not zeroed: that would cost as much as hashing
  std::size_t size = 0;

  std::span<std::uint8_t> room() { return {bytes.get(), kReadBytes}; }
  std::span<const std::uint8_t> filled() const { return {bytes.get(), size}; }
};

// The first look: hash, structure, size. Nothing is decoded.
Result<JpegWalk> look(ByteSource& source, ReadBuffer& buffer, PhotoFacts& facts) {
  JpegWalk walk;
  Sha256 hash;
  for (;;) {
    JULU_TRY(const std::size_t got, source.read(buffer.room()));
    if (got == 0) break;
    buffer.size = got;
    const auto bytes = buffer.filled();
    const bool first = facts.original_bytes == 0;
    facts.original_bytes += static_cast<std::int64_t>(got);
    if (facts.original_bytes > limits::photo_bytes_max) return Error{ErrorCode::photo_too_large, {}, "bytes"};
    hash.update(bytes);
    if (auto fed = walk.feed(bytes, nullptr); !fed) {
      if (first && fed.error().code == ErrorCode::photo_format) return Error{ErrorCode::photo_format, {}, seems(bytes)};
      return fed.error();
    }
    JULU_CHECK(check_size(walk));
  }
  if (facts.original_bytes == 0) return Error{ErrorCode::photo_empty, {}, {}};
  if (!walk.whole()) return Error{ErrorCode::photo_damaged, {}, "incomplete"};
  facts.original_sha256 = hash.finish();
  return walk;
}

// Copies the picture as it is, without the segments that tell of anything else.
Result<void> copy(ByteSource& source, ReadBuffer& buffer, bool all, ByteSink& sink) {
  JpegWalk walk;
  std::vector<std::uint8_t> kept;
  for (;;) {
    JULU_TRY(buffer.size, source.read(buffer.room()));
    if (buffer.size == 0) return {};
    const auto bytes = buffer.filled();
    if (all) {
      JULU_CHECK(sink.write(bytes));
      continue;
    }
    kept.clear();
    JULU_CHECK(walk.feed(bytes, &kept));
    JULU_CHECK(sink.write(kept));
  }
}

Picture shrunk(const Picture& picture, int long_edge_px) {
  const double ratio = std::min(1.0, static_cast<double>(long_edge_px) / std::max(picture.width, picture.height));
  Shrink shrink(picture.width, picture.height, std::max(1, static_cast<int>(std::lround(picture.width * ratio))),
                std::max(1, static_cast<int>(std::lround(picture.height * ratio))));
  const std::size_t row_bytes = static_cast<std::size_t>(picture.width) * 3;
  for (int y = 0; y < picture.height; ++y) shrink.row(picture.rgb.data() + row_bytes * static_cast<std::size_t>(y));
  return std::move(shrink.picture);
}

}  // namespace

Result<PhotoFacts> take_in(ByteSource& source, const PhotoPolicy& policy, ByteSink& sink) {
  PhotoFacts facts;
  ReadBuffer buffer;
  JULU_TRY(const JpegWalk walk, look(source, buffer, facts));
  facts.width = walk.width;
  facts.height = walk.height;
  facts.taken_at_ms = walk.exif.taken_at_ms;
  facts.place = walk.exif.place;
  const bool fits = std::max(walk.width, walk.height) <= policy.long_edge_px;
  SecondReading again(source);
  if (fits && walk.exif.orientation == 1 && !walk.dropped_anything()) {
    facts.sha256 = facts.original_sha256;
    facts.length_bytes = facts.original_bytes;
    if (static_cast<std::size_t>(facts.original_bytes) == buffer.size) {
      JULU_CHECK(sink.write(buffer.filled()));
      return facts;
    }
    JULU_CHECK(again.rewind());
    JULU_CHECK(copy(again, buffer, true, sink));
    JULU_CHECK(again.must_be(facts.original_sha256));
    return facts;
  }
  JULU_CHECK(again.rewind());
  HashingSink hashing(sink);
  if (fits && walk.exif.orientation == 1) {
    JULU_CHECK(copy(again, buffer, false, hashing));
  } else {
    JULU_TRY(Picture taken, decode(again, policy.long_edge_px));
    const Picture picture = upright(std::move(taken), walk.exif.orientation);
    JULU_CHECK(encode(picture, policy.quality, hashing));
    facts.width = picture.width;
    facts.height = picture.height;
    facts.reencoded = true;
  }
  JULU_CHECK(again.must_be(facts.original_sha256));
  facts.sha256 = hashing.hash.finish();
  facts.length_bytes = hashing.length;
  return facts;
}

Result<std::vector<std::uint8_t>> thumbnail(ByteSource& source) {
  JULU_TRY(Picture picture, decode(source, kThumbnailEdge));
  constexpr std::pair<int, int> kTries[] = {
      {kThumbnailEdge, 72}, {kThumbnailEdge, 50}, {240, 50}, {240, 30}, {160, 40}, {160, 20}, {96, 20}, {48, 10}};
  for (const auto& [edge, quality] : kTries) {
    if (std::max(picture.width, picture.height) > edge) picture = shrunk(picture, edge);
    MemorySink sink;
    JULU_CHECK(encode(picture, quality, sink));
    if (sink.bytes.size() <= limits::thumbnail_bytes_max) return std::move(sink.bytes);
  }
  return Error{ErrorCode::photo_too_large, {}, "thumbnail"};
}

}  // namespace julu::domain
