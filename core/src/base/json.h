// JSON at the boundary: what workers' shells and the platform hand in becomes bounded, checked values, and values
// become the canonical text that is hashed. Internal: no public header includes it. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <julu/result.h>

namespace julu {

/// Objects are sorted by key, so that the canonical order of ASCII keys is the order of the map.
using Json = nlohmann::json;

/// The body of a record: I-JSON (RFC 7493) with integers only, ASCII keys, no key twice, an object at the top, text in
/// NFC. Bounded by limits::body_bytes_max, body_depth_max and key_bytes_max. Every error names the field's pointer:
/// text_encoding, json_syntax (a key twice, too), number_range, key_not_ascii, too_deep, field_too_long (the whole
/// body).
Result<Json> parse_body(std::string_view text);

/// Unicode NFC, as every text of a body is kept.
void normalise_nfc(std::string& text);

/// What the platform answered, or any other JSON that is not a record's body: bounded by limits::reply_bytes_max and
/// reply_depth_max, both before anything is parsed. bad_reply.
Result<Json> parse_reply(std::string_view text);

/// What a row of the store holds, which the store wrote itself: an empty object where there is nothing, or where damage
/// left something else.
Json stored_object(std::string_view text);

/// Whether no bracket outside a string is nested deeper than this: what stands before any parser that recurses.
bool depth_within(std::string_view text, int depth_max);

/// RFC 8785 for values with integers and ASCII keys: what is hashed and signed.
std::string canonical(const Json& value);

/// RFC 7396. A null member removes; anything but an object replaces.
Json apply_merge_patch(Json target, const Json& patch);

/// The smallest merge patch that makes `to` of `from`; both are objects without null members.
Json merge_patch_between(const Json& from, const Json& to);

/// One segment of a JSON pointer, escaped (RFC 6901): `~` → `~0`, `/` → `~1`.
std::string pointer_segment(std::string_view key);

/// The member at a JSON pointer, or null when there is none. Never throws.
const Json* at_pointer(const Json& value, std::string_view pointer);
Json* at_pointer(Json& value, std::string_view pointer);

/// A member of an object as text, or empty when it is absent or no string.
std::string text_member(const Json& object, const char* key);

}  // namespace julu
