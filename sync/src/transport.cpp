// What every transport and its users share. Thread rule: pure functions.
#include <julu/transport.h>

#include <algorithm>

#include "url.h"

namespace julu {

std::optional<std::string> platform_origin(std::string_view address) {
  while (address.ends_with('/')) address.remove_suffix(1);
  return is_origin(address) ? origin_of(address) : std::nullopt;
}

std::string header(const Headers& headers, std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (const auto& [key, value] : headers) {
    const bool same = std::equal(key.begin(), key.end(), name.begin(), name.end(),
                                 [&](char a, char b) { return lower(a) == lower(b); });
    if (same) return value;
  }
  return {};
}

}  // namespace julu
