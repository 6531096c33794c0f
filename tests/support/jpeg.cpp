#include "jpeg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <jpeglib.h>

#include <julu/random.h>

namespace julu::test {
namespace {

std::vector<std::uint8_t> pixels_of(const JpegSpec& spec) {
  const auto width = static_cast<std::size_t>(spec.width);
  const auto height = static_cast<std::size_t>(spec.height);
  std::vector<std::uint8_t> rgb(width * height * 3);
  std::uint64_t noise = spec.seed * 0x9E3779B97F4A7C15ULL + 1;
  const std::uint8_t colours[4][3] = {{220, 30, 30}, {30, 200, 40}, {30, 40, 220}, {245, 245, 245}};
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const std::uint8_t* colour = colours[(y * 2 >= height ? 2 : 0) + (x * 2 >= width ? 1 : 0)];
      for (std::size_t c = 0; c < 3; ++c) {
        int value = colour[c];
        if (spec.noise) {
          noise = noise * 6364136223846793005ULL + 1442695040888963407ULL;
          value += static_cast<int>((noise >> 33) % 96) - 48;
        } else {
          value += static_cast<int>(spec.seed % 7);  // another picture for another seed
        }
        rgb[(y * width + x) * 3 + c] = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
      }
    }
  }
  return rgb;
}

void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xFF);
}

void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xFFFF);
}

void put_entry(std::string& out, unsigned tag, unsigned type, std::uint32_t count, std::uint32_t value) {
  put16(out, tag);
  put16(out, type);
  put32(out, count);
  put32(out, value);
}

// Big-endian TIFF: directory 0 at 8, then the EXIF and GPS directories and their values at fixed places.
std::string exif_of(const JpegSpec& spec) {
  constexpr std::uint32_t kExifAt = 50;
  constexpr std::uint32_t kGpsAt = 68;
  constexpr std::uint32_t kTimeAt = 122;
  constexpr std::uint32_t kLatAt = 142;
  constexpr std::uint32_t kLngAt = 166;
  std::string tiff("MM\0\x2A\0\0\0\x08", 8);
  put16(tiff, 3);
  put_entry(tiff, 0x0112, 3, 1, static_cast<std::uint32_t>(std::max(1, spec.orientation)) << 16);
  put_entry(tiff, 0x8769, 4, 1, kExifAt);
  put_entry(tiff, 0x8825, 4, 1, kGpsAt);
  put32(tiff, 0);
  put16(tiff, 1);
  put_entry(tiff, 0x9003, 2, 20, kTimeAt);
  put32(tiff, 0);
  put16(tiff, 4);
  put_entry(tiff, 1, 2, 2, static_cast<std::uint32_t>('N') << 24);
  put_entry(tiff, 2, 5, 3, kLatAt);
  put_entry(tiff, 3, 2, 2, static_cast<std::uint32_t>('E') << 24);
  put_entry(tiff, 4, 5, 3, kLngAt);
  put32(tiff, 0);
  tiff += std::string("2026:11:24 09:12:30\0", 20);
  for (const std::uint32_t value : {37U, 1U, 13U, 1U, 12U, 1U, 115U, 1U, 2U, 1U, 6U, 1U}) put32(tiff, value);
  return std::string("Exif\0\0", 6) + tiff;
}

}  // namespace

std::string make_jpeg(const JpegSpec& spec) {
  const std::vector<std::uint8_t> rgb = pixels_of(spec);
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = static_cast<JDIMENSION>(spec.width);
  info.image_height = static_cast<JDIMENSION>(spec.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, spec.quality, TRUE);
  if (spec.progressive) jpeg_simple_progression(&info);
  static const jpeg_scan_info kApart[3] = {{1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  if (spec.components_apart) {
    info.scan_info = kApart;
    info.num_scans = 3;
  }
  jpeg_start_compress(&info, TRUE);
  if (spec.orientation != 0 || spec.gps) {
    const std::string exif = exif_of(spec);
    jpeg_write_marker(&info, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(exif.data()),
                      static_cast<unsigned>(exif.size()));
  }
  while (info.next_scanline < info.image_height) {
    JSAMPROW row =
        const_cast<JSAMPLE*>(rgb.data()) + static_cast<std::size_t>(info.next_scanline) * info.image_width * 3;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string out(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return out;
}

std::string make_jpeg_of_about(std::size_t bytes, std::uint64_t seed) {
  JpegSpec spec;
  spec.noise = true;
  spec.seed = seed;
  spec.quality = 85;
  // Noise of this kind takes about 0.55 bytes a pixel at quality 85; the first try tells exactly.
  double pixels = static_cast<double>(bytes) / 0.55;
  std::string jpeg;
  for (int i = 0; i < 4; ++i) {
    const int width = std::clamp(static_cast<int>(std::sqrt(pixels * 4 / 3)), 16, 1920);
    spec.width = width;
    spec.height = std::clamp(static_cast<int>(pixels / width), 16, 1920);
    jpeg = make_jpeg(spec);
    const double ratio = static_cast<double>(jpeg.size()) / static_cast<double>(bytes);
    if (ratio > 0.9 && ratio < 1.1) break;
    pixels /= ratio;
  }
  return jpeg;
}

}  // namespace julu::test
