// The record that every benchmark of text uses: 600 bytes with 60 Chinese characters that no two share. Thread rule:
// pure.
#pragma once

#include <cstdint>
#include <string>

namespace julu::bench {

std::string body_600(std::uint64_t seed);

}  // namespace julu::bench
