// See schema_subset.h. The walk is bounded by the depth that was counted before parsing. Thread rule: pure functions.
#include "domain/schema_subset.h"

#include <algorithm>
#include <array>
#include <string>

#include <julu/limits.h>

namespace julu {
namespace {

constexpr std::array<std::string_view, 6> kTypes{"object", "array", "string", "integer", "boolean", "null"};
constexpr std::array<std::string_view, 3> kShapes{"document", "log", "case"};
constexpr std::array<std::string_view, 3> kMergeRules{"ask", "latest", "union"};
constexpr std::array<std::string_view, 2> kSearches{"text", "name"};
constexpr std::array<std::string_view, 4> kTexts{"title", "description", "$schema", "$id"};
constexpr std::array<std::string_view, 4> kCounts{"minLength", "maxLength", "minItems", "maxItems"};
constexpr std::array<std::string_view, 2> kFlags{"x-index", "x-sensitive"};
constexpr std::array<std::string_view, 6> kNames{"x-title", "x-title-zh", "x-format", "x-codes", "x-ref", "x-flow"};
constexpr std::array<std::string_view, 2> kNameLists{"x-summary", "x-required-one-of"};

template <class Words>
bool is_one_of(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

template <class Words>
bool is_word_of(const Words& words, const Json& value) {
  return value.is_string() && is_one_of(words, value.get_ref<const std::string&>());
}

bool is_integer(const Json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(limits::integer_max);
  return value.is_number_integer() && value.get<std::int64_t>() >= -limits::integer_max;
}

bool is_count(const Json& value) { return is_integer(value) && (value.is_number_unsigned() || value >= 0); }

bool is_name_list(const Json& value) {
  if (!value.is_array()) return false;
  return std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_string(); });
}

bool is_type(const Json& value) {
  if (value.is_string()) return is_word_of(kTypes, value);
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& item) { return is_word_of(kTypes, item); });
}

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= limits::key_bytes_max &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 0x1F && c < 0x7F; });
}

// It stands in the text of each operation as it is.
bool is_kind(const Json& value) {
  if (!value.is_string()) return false;
  const auto& name = value.get_ref<const std::string&>();
  return is_key(name) && name.find_first_of("\"\\") == std::string::npos;
}

// An enum or a default of thousands is work for every check, so everything counts.
std::size_t nodes_of(const Json& value) {
  std::size_t nodes = 1;
  if (value.is_structured()) {
    for (const Json& child : value) nodes += nodes_of(child);
  }
  return nodes;
}

class Walk {
 public:
  static Result<void> schema(const Json& node, const std::string& at, int depth) {
    if (depth > limits::schema_depth_max || !node.is_object()) return refuse(at);
    for (const auto& [word, value] : node.items()) {
      const std::string here = at + "/" + pointer_segment(word);
      if (!is_key(word)) return refuse(at);
      if (word == "properties") {
        JULU_CHECK(properties(value, here, depth));
      } else if (word == "items") {
        JULU_CHECK(schema(value, here, depth + 1));
      } else if (!allows(word, value)) {
        return refuse(here);
      }
    }
    return {};
  }

 private:
  static Error refuse(std::string at) { return Error{ErrorCode::schema_invalid, std::move(at), ""}; }

  static Result<void> properties(const Json& members, const std::string& at, int depth) {
    if (!members.is_object()) return refuse(at);
    for (const auto& [name, member] : members.items()) {
      if (!is_key(name)) return refuse(at);
      JULU_CHECK(schema(member, at + "/" + pointer_segment(name), depth + 1));
    }
    return {};
  }

  // Words that hold no schema. The x- words that the engine reads are held to their types; others are anybody's.
  static bool allows(std::string_view word, const Json& value) {
    if (word == "type") return is_type(value);
    if (word == "required") return is_name_list(value);
    if (word == "additionalProperties" || word == "uniqueItems") return value.is_boolean();
    if (word == "enum") return value.is_array() && !value.empty();
    if (word == "const" || word == "default") return true;
    if (word == "minimum" || word == "maximum" || word == "x-order") return is_integer(value);
    if (word == "x-kind") return is_kind(value);
    if (is_one_of(kTexts, word) || is_one_of(kNames, word)) return value.is_string();
    if (is_one_of(kCounts, word) || word == "x-scale") return is_count(value);
    if (is_one_of(kFlags, word)) return value.is_boolean();
    if (is_one_of(kNameLists, word)) return is_name_list(value);
    if (word == "x-shape") return is_word_of(kShapes, value);
    if (word == "x-merge") return is_word_of(kMergeRules, value);
    if (word == "x-search") return is_word_of(kSearches, value);
    return word.starts_with("x-");
  }
};

}  // namespace

Result<Json> parse_schema(std::string_view text) {
  if (text.size() > limits::schema_bytes_max) return Error{ErrorCode::schema_invalid, "", "bytes"};
  // A level of the schema is two levels of text: `properties` and the field.
  if (!depth_within(text, 2 * limits::schema_depth_max + 2)) return Error{ErrorCode::schema_invalid, "", "depth"};
  Json schema = Json::parse(text.begin(), text.end(), nullptr, false);
  if (schema.is_discarded()) return Error{ErrorCode::schema_invalid, "", "syntax"};
  if (nodes_of(schema) > limits::schema_nodes_max) return Error{ErrorCode::schema_invalid, "", "nodes"};
  JULU_CHECK(Walk::schema(schema, "", 1));
  if (!schema.contains("x-shape")) return Error{ErrorCode::schema_invalid, "/x-shape", ""};
  const auto type = schema.find("type");
  if (type == schema.end() || *type != "object") return Error{ErrorCode::schema_invalid, "/type", ""};
  return schema;
}

}  // namespace julu
