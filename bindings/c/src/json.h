// The core's results as the JSON that julu.h documents. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <julu/enrol.h>
#include <julu/store.h>

namespace julu::c {

using Json = nlohmann::json;

/// What is not UTF-8 comes out as U+FFFD: the platform may have said it.
std::string dump(const Json& value);
Json json_of(const Identity& identity);
Json json_of(const Device& device);
Json json_of(const Record& record);
Json json_of(const HistoryEntry& entry);
Json json_of(const ConflictField& conflict);
template <class T>
std::string dump_list(const std::vector<T>& list) {
  Json array = Json::array();
  for (const T& one : list) array.push_back(json_of(one));
  return dump(array);
}

/// Of julu_store_list. Errors: json_syntax, field_invalid naming the member.
Result<Filter> parse_filter(const std::string& text);

}  // namespace julu::c
