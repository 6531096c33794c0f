// Choices between two values that workers make in the conflict inbox, and what has to be true of them. Thread rule:
// plain functions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace julu::sim {

class Phone;
class World;
struct Accounts;

/// What a worker chose, where.
struct Choice {
  std::string record, kind;
  std::string field;                    ///< as fields_of has it
  std::string mine, theirs;             ///< the words that the inbox showed; empty: the field holds no text
  std::string chosen;                   ///< the word that stands for them now
  std::string value;                    ///< as JSON
  bool told = false;                    ///< that it is saved; otherwise the call was cut off
  std::vector<std::string> shown = {};  ///< all words of both values, where the field is an object
};

/// The inbox shows what stands in the record beside what gave way, in the middle of its days too: who chooses has seen
/// what they write over. How much is asked.
std::size_t check_inbox(World& world, Phone& phone);

/// Of a phone at rest: both values of each question are in the history, what was answered says so there, and is not
/// asked again unless somebody else has given cause to since.
void check_choices(World& world, Phone& phone);

/// A choice was made by somebody who had both values before them, a field emptied by somebody who saw what it held.
void note_choices(const Phone& phone, Accounts& accounts);

}  // namespace julu::sim
