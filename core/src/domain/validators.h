// Checks and masks for values that national standards define. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace julu {

/// Citizen identification number, GB 11643: 18 characters, a calendar birth date, the ISO 7064 check character. Lower
/// case x counts as X; the prefix need not be in today's list of divisions.
bool is_id_number(std::string_view value);

/// Unified social credit code, GB 32100. Genuine codes that fail are reported: show a warning, never refuse.
bool is_credit_code(std::string_view value);

/// "2026-02-28": a calendar date between 1800 and 2200.
bool is_date(std::string_view value);

/// One number or several, as people write them: at most 50 (GB/T 31000) of digits and " -+()/,;*#", 3 digits or more.
bool is_phone(std::string_view value);

/// GB/T 2260 code and its extensions: 2, 4, 6, 9 or 12 digits, or 15 for a grid.
bool is_division(std::string_view value);

/// Sex and birth date as an ID number carries them; empty when it is not one. Sex by GB/T 2261.1: "1" or "2".
std::string sex_of_id_number(std::string_view value);
std::string birth_date_of_id_number(std::string_view value);

/// Whether a value may be stored under an `x-format`. An unknown format allows all, and so does one that only warns.
bool format_allows(std::string_view format, std::string_view value);

/// Whether the value looks right; false asks for a warning. Differs from format_allows for credit_code and division.
bool format_looks_right(std::string_view format, std::string_view value);

/// The stored form: an ID number and a credit code in upper case, the other formats without outer blanks.
std::string normalise(std::string_view format, std::string_view value);

/// What a screen shows until the worker unmasks: `130529********0016`, `138****0000`, `张*`. A number too short to
/// hide anything is all stars; any other format shows nothing.
std::string mask(std::string_view format, std::string_view value);

}  // namespace julu
