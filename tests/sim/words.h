// The workers' words: each call that saves something carries a text of its own, so that whatever holds the text can be
// traced to that call. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace julu::sim {

struct Word {
  enum class How { create, patch, step, wordless };
  How how = How::create;
  int phone = 0;
  std::int64_t number = 0;  ///< of the phone's words
  int worker = 0;
  std::string kind;
  std::string record;  ///< of a creation: known once it was told
  std::string field;   ///< of a household or person: where it stands
  std::string seen;    ///< the word that stood there on the screen when the worker wrote this one
  bool with_photo = false;
  bool told = false;  ///< that it is saved; otherwise the call was cut off
};
using Words = std::map<std::string, Word>;

std::string make_word(int phone, long long number);
/// All that stand in a text, in its order.
std::vector<std::string> words_in(std::string_view text);
/// The first; empty: none.
std::string word_in(std::string_view text);

}  // namespace julu::sim
