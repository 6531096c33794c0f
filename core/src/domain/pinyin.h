// The first letters of how Chinese names are read. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace julu::domain {

/// "张三" → "zs". A name whose first character is read otherwise as a surname gives both, "单雄信" → "sxx dxx"; what
/// has no Chinese character gives nothing. By the Unicode CLDR, for the 20,902 characters from U+4E00 to U+9FA5.
std::string initials(std::string_view name);

}  // namespace julu::domain
