#include "words.h"

namespace julu::sim {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The place after the digits that begin at `at`; `at` itself: there are none.
std::size_t after_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// The length of the word that begins at `at`; 0: none does.
std::size_t length_of_word(std::string_view text, std::size_t at) {
  if (text[at] != 'm') return 0;
  const std::size_t middle = after_digits(text, at + 1);
  if (middle == at + 1 || middle >= text.size() || text[middle] != 'x') return 0;
  const std::size_t end = after_digits(text, middle + 1);
  if (end == middle + 1 || end >= text.size() || text[end] != 'z') return 0;
  return end + 1 - at;
}

}  // namespace

std::string make_word(int phone, long long number) {
  return "m" + std::to_string(phone) + "x" + std::to_string(number) + "z";
}

std::vector<std::string> words_in(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = length_of_word(text, at);
    if (length > 0) words.emplace_back(text.substr(at, length));
    at += length > 0 ? length : 1;
  }
  return words;
}

std::string word_in(std::string_view text) {
  const std::vector<std::string> words = words_in(text);
  return words.empty() ? std::string() : words.front();
}

}  // namespace julu::sim
