// The part of JSON Schema draft-07 that record kinds may use, checked before the schema compiler sees a word of it:
// `pattern` and `$ref` can hang or crash a validator, and schemas come from outside. Thread rule: pure functions.
#pragma once

#include "base/json.h"

namespace julu {

/// schema_invalid with a pointer inside the schema when it uses a word, a type or a depth outside the subset:
/// type (not "number"), properties, required, additionalProperties (true or false), items (one schema), enum, const,
/// minLength, maxLength, minimum, maximum, minItems, maxItems, uniqueItems, title, description, default, $schema,
/// $id, x-*. Parses, too: the text is bounded by limits::schema_bytes_max and its depth before it is parsed.
Result<Json> parse_schema(std::string_view text);

}  // namespace julu
