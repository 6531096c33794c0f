// See validators.h. Thread rule: pure functions.
#include "domain/validators.h"

#include <algorithm>
#include <array>

namespace julu {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

// Years outside would be typing errors in any census.
bool is_calendar_date(int year, int month, int day) {
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1800 || year > 2200 || month < 1 || month > 12 || day < 1) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string upper(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(), [](char c) { return upper(c); });
  return made;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto from = text.find_first_not_of(kBlanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

// Bytes of the first code point of valid UTF-8.
std::size_t first_character(std::string_view text) {
  std::size_t n = text.empty() ? 0 : 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) ++n;
  return n;
}

// All but the ends as stars; a value too short for that shows nothing.
std::string keep_ends(std::string_view value, std::size_t head, std::size_t tail) {
  // A char has a sign here and none there.
  const bool ascii = std::all_of(value.begin(), value.end(), [](unsigned char c) { return c > 0 && c < 0x80; });
  if (value.size() < head + tail + 4 || !ascii) return "****";
  const std::size_t hidden = value.size() - head - tail;
  return std::string(value.substr(0, head)) + std::string(hidden, '*') + std::string(value.substr(head + hidden));
}

}  // namespace

bool is_id_number(std::string_view value) {
  constexpr std::array<int, 17> kWeights{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  constexpr std::string_view kCheck = "10X98765432";
  if (value.size() != 18 || !all_digits(value.substr(0, 17))) return false;
  if (!is_calendar_date(number(value.substr(6, 4)), number(value.substr(10, 2)), number(value.substr(12, 2)))) {
    return false;
  }
  int sum = 0;
  for (std::size_t i = 0; i < kWeights.size(); ++i) sum += (value[i] - '0') * kWeights[i];
  return kCheck[static_cast<std::size_t>(sum % 11)] == upper(value[17]);
}

bool is_credit_code(std::string_view value) {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  constexpr std::array<int, 17> kWeights{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28};
  if (value.size() != 18) return false;
  int sum = 0;
  for (std::size_t i = 0; i < kWeights.size(); ++i) {
    const auto digit = kAlphabet.find(upper(value[i]));
    if (digit == std::string_view::npos) return false;
    sum += static_cast<int>(digit) * kWeights[i];
  }
  return kAlphabet[static_cast<std::size_t>((31 - sum % 31) % 31)] == upper(value[17]);
}

bool is_date(std::string_view value) {
  if (value.size() != 10 || value[4] != '-' || value[7] != '-') return false;
  const auto year = value.substr(0, 4), month = value.substr(5, 2), day = value.substr(8, 2);
  return all_digits(year) && all_digits(month) && all_digits(day) &&
         is_calendar_date(number(year), number(month), number(day));
}

bool is_phone(std::string_view value) {
  constexpr std::string_view kOthers = " -+()/,;*#";
  const auto digits = std::count_if(value.begin(), value.end(), is_digit);
  return value.size() <= 50 && digits >= 3 && std::all_of(value.begin(), value.end(), [&](char c) {
           return is_digit(c) || kOthers.find(c) != std::string_view::npos;
         });
}

bool is_division(std::string_view value) {
  constexpr std::array<std::size_t, 6> kLengths{2, 4, 6, 9, 12, 15};
  return all_digits(value) && std::find(kLengths.begin(), kLengths.end(), value.size()) != kLengths.end();
}

std::string sex_of_id_number(std::string_view value) {
  if (!is_id_number(value)) return {};
  return (value[16] - '0') % 2 == 1 ? "1" : "2";
}

std::string birth_date_of_id_number(std::string_view value) {
  if (!is_id_number(value)) return {};
  return std::string(value.substr(6, 4)) + "-" + std::string(value.substr(10, 2)) + "-" +
         std::string(value.substr(12, 2));
}

bool format_allows(std::string_view format, std::string_view value) {
  return format == "credit_code" || format == "division" || format_looks_right(format, value);
}

bool format_looks_right(std::string_view format, std::string_view value) {
  if (format == "id_number") return is_id_number(value);
  if (format == "credit_code") return is_credit_code(value);
  if (format == "date") return is_date(value);
  if (format == "phone") return is_phone(value);
  if (format == "division") return is_division(value);
  return true;
}

std::string normalise(std::string_view format, std::string_view value) {
  if (format == "id_number" || format == "credit_code") return upper(trim(value));
  if (format == "phone" || format == "date" || format == "division" || format == "name") {
    return std::string(trim(value));
  }
  return std::string(value);
}

std::string mask(std::string_view format, std::string_view value) {
  if (value.empty()) return {};
  if (format == "id_number" || format == "credit_code") return keep_ends(value, 6, 4);
  if (format == "phone") return keep_ends(value, 3, 4);
  if (format != "name") return "***";
  return std::string(value.substr(0, first_character(value))) + "*";
}

}  // namespace julu
