#include "domain/pinyin.h"

#include <algorithm>

#include <utf8proc.h>

namespace julu::domain {
namespace {

#include "domain/pinyin.inc"

constexpr char32_t kFirst = 0x4E00;

char initial(char32_t character) {
  const bool known = character >= kFirst && character - kFirst < sizeof kInitials - 1;
  return known ? kInitials[character - kFirst] : '-';
}

}  // namespace

std::string initials(std::string_view name) {
  std::string usual, as_surname;
  while (!name.empty()) {
    utf8proc_int32_t point = 0;
    const auto taken = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(name.data()),
                                        static_cast<utf8proc_ssize_t>(name.size()), &point);
    if (taken <= 0) break;
    name.remove_prefix(static_cast<std::size_t>(taken));
    const auto character = static_cast<char32_t>(point);
    const char letter = initial(character);
    if (letter == '-') continue;
    const auto* surname = std::find_if(std::begin(kSurnames), std::end(kSurnames),
                                       [&](const auto& known) { return known.character == character; });
    const bool otherwise = usual.empty() && surname != std::end(kSurnames);
    if (otherwise) as_surname = surname->initial;
    if (!otherwise && !as_surname.empty()) as_surname += letter;
    usual += letter;
  }
  return as_surname.empty() ? usual : as_surname + " " + usual;
}

}  // namespace julu::domain
