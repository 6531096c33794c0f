// The checks of GB 11643, GB 32100 and friends, and what a screen shows by default.
#include "domain/validators.h"

#include <catch2/catch_test_macros.hpp>

TEST_CASE("an ID number is right only with its check character and a calendar birth date", "[validators]") {
  CHECK(julu::is_id_number("130529190001010016"));
  CHECK(julu::is_id_number("13052919000101018X"));
  CHECK(julu::is_id_number("13052919000101018x"));
  CHECK(julu::is_id_number("11010519491231002X"));
  CHECK_FALSE(julu::is_id_number("130529190001010017"));
  CHECK_FALSE(julu::is_id_number("130529190002300016"));
  CHECK_FALSE(julu::is_id_number("13052919000101001"));
  CHECK_FALSE(julu::is_id_number("1305291900010100166"));
  CHECK_FALSE(julu::is_id_number("13052919000101001 "));
  CHECK_FALSE(julu::is_id_number(""));
  CHECK_FALSE(julu::is_id_number("张30529190001010016"));
}

TEST_CASE("every changed digit of an ID number is noticed", "[validators]") {
  const std::string good = "130529190001010016";
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (char c = '0'; c <= '9'; ++c) {
      std::string other = good;
      other[i] = c;
      CHECK(julu::is_id_number(other) == (other == good));
    }
  }
}

TEST_CASE("an ID number tells sex and birth date", "[validators]") {
  CHECK(julu::sex_of_id_number("130529190001010016") == "1");
  CHECK(julu::sex_of_id_number("13052919000101018X") == "2");
  CHECK(julu::birth_date_of_id_number("11010519491231002X") == "1949-12-31");
  CHECK(julu::sex_of_id_number("1").empty());
  CHECK(julu::birth_date_of_id_number("110105194912310021").empty());
}

TEST_CASE("a credit code that fails its check warns and is stored all the same", "[validators]") {
  CHECK(julu::is_credit_code("91110000101623741K"));
  CHECK(julu::is_credit_code("91130529MA0000000L"));
  CHECK_FALSE(julu::is_credit_code("91110000101623741L"));
  CHECK_FALSE(julu::is_credit_code("91110000I01623741K"));
  CHECK_FALSE(julu::is_credit_code("9111000010162374"));
  CHECK(julu::format_allows("credit_code", "91110000101623741L"));
  CHECK_FALSE(julu::format_looks_right("credit_code", "91110000101623741L"));
}

TEST_CASE("a date is a day of the calendar", "[validators]") {
  CHECK(julu::is_date("2026-02-28"));
  CHECK(julu::is_date("2024-02-29"));
  CHECK(julu::is_date("2000-02-29"));
  for (const char* bad : {"2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-1-01", "20260101",
                          "2026-01-00", "2026/01/01", "0000-01-01", "2026-01-01 ", "２026-01-0"}) {
    CHECK_FALSE(julu::is_date(bad));
  }
}

TEST_CASE("phones are taken as people write them", "[validators]") {
  for (const char* good : {"13800000000", "0319-4321000", "+86 138 0000 0000", "110", "13800000000/13900000000"}) {
    CHECK(julu::is_phone(good));
  }
  for (const char* bad : {"", "12", "张三", "1380000000a", "-- --"}) CHECK_FALSE(julu::is_phone(bad));
  CHECK(julu::is_phone(std::string(50, '1')));
  CHECK_FALSE(julu::is_phone(std::string(51, '1')));
}

TEST_CASE("division codes warn, and an unknown format allows all", "[validators]") {
  CHECK(julu::is_division("130529"));
  CHECK(julu::is_division("130529200203"));
  CHECK(julu::is_division("130529200203001"));
  CHECK_FALSE(julu::is_division("1305292"));
  CHECK(julu::format_allows("division", "unheard of"));
  CHECK(julu::format_allows("of the future", "anything"));
  CHECK_FALSE(julu::format_allows("id_number", "130529190001010017"));
}

TEST_CASE("values are stored in one form", "[validators]") {
  CHECK(julu::normalise("id_number", " 13052919000101018x\n") == "13052919000101018X");
  CHECK(julu::normalise("phone", " 13800000000 ") == "13800000000");
  CHECK(julu::normalise("", " as it is ") == " as it is ");
  CHECK(julu::normalise("name", "  ").empty());
}

TEST_CASE("a screen shows the masked form by default", "[validators]") {
  CHECK(julu::mask("id_number", "130529190001010016") == "130529********0016");
  CHECK(julu::mask("phone", "13800000000") == "138****0000");
  CHECK(julu::mask("name", "张三") == "张*");
  CHECK(julu::mask("name", "欧阳小小") == "欧*");
  CHECK(julu::mask("", "1") == "***");
  CHECK(julu::mask("phone", "12345") == "****");
  CHECK(julu::mask("id_number", "张三的身份证号码是很长的") == "****");
  CHECK(julu::mask("id_number", "").empty());
}
