// Reading JSON of the platform with suspicion: bounds before parsing, types before use. Every miss is bad_reply with
// the member's name and never its value. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <julu/crypto.h>
#include <julu/id.h>
#include <julu/result.h>

namespace julu::wire {

using Json = nlohmann::json;

/// An object, within limits::reply_bytes_max and limits::reply_depth_max, both checked before anything is parsed.
Result<Json> parse_object(std::string_view text);

Error broken(std::string_view member);

/// Nothing when the member is absent or has another type.
const Json* find(const Json& object, const char* member);
std::optional<std::string> text(const Json& object, const char* member);
/// RFC 7493 integers only.
std::optional<std::int64_t> integer(const Json& object, const char* member);
std::optional<bool> boolean(const Json& object, const char* member);

Result<std::string> need_text(const Json& object, const char* member, std::size_t bytes_max);
Result<std::int64_t> need_integer(const Json& object, const char* member, std::int64_t least);
Result<std::int64_t> need_epoch(const Json& object);
Result<Id> need_id(const Json& object, const char* member);
Result<Hash> need_hash(const Json& object, const char* member);

/// The text, cut at a character when it is longer.
std::string shortened(std::string text, std::size_t bytes_max);

}  // namespace julu::wire
