// No value of a shared record is overwritten in silence. Thread rule: plain functions.
#pragma once

#include <string>
#include <vector>

#include "effect.h"

namespace julu::sim {

/// The text fields of a kind of record, of which each word is traced; JSON pointers without their first slash.
const std::vector<std::string>& fields_of(const std::string& kind);
/// The word that stands in such a field; empty: none.
std::string word_at(const nlohmann::json& body, const std::string& field);

/// In Accounts::gave_way: `here` was written or chosen where `there` was in sight too.
std::string choice(const std::string& worker, const std::string& record, const std::string& field,
                   const std::string& here, const std::string& there);

/// The choices that a phone has recorded.
void note_what_gave_way(store::Connection& db, const std::string& worker, Accounts& accounts);

/// Of each field of each household and person, in the order in which the county took the values: whoever wrote one had
/// seen the value before it, or the phone recorded that the other gave way; and the last one taken stands. Of a set
/// nothing goes.
void check_overwritten(World& world, const County& county, const Accounts& accounts);

}  // namespace julu::sim
