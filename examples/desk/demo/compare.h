// What the device was told is saved against what the platform's database holds: record by record, hash by hash, never
// by counters. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "phone.h"

namespace julu::demo {

struct Verdict {
  std::int64_t captured = 0, delivered = 0;
  std::int64_t photos = 0, photos_delivered = 0;
  std::int64_t lost = 0, duplicated = 0;
  std::int64_t photo_bytes = 0;
  std::vector<std::string> complaints;
};

/// `ops`: the device's own operations as its history has them, op id → SHA-256.
Verdict compare(const std::map<std::string, Told>& told, const std::map<std::string, std::string>& ops,
                const std::vector<Json>& platform);

/// SHA-256 as stored → SHA-256 of the bytes that the platform really holds.
std::map<std::string, std::string> platform_photos(const std::vector<Json>& platform);

}  // namespace julu::demo
