// Three-way merge by field (core/README.md "What came of a push"): the platform compares versions
// only, and what to do about a difference is decided here. Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "domain/schema.h"

namespace julu {

/// The three values of one field; empty where the field is absent.
struct Conflict {
  std::string field;  ///< JSON pointer
  std::optional<Json> base, local, remote;
};

struct Merged {
  Json patch = Json::object();      ///< RFC 7396: what is still to be sent against `remote`; empty when nothing is
  std::vector<Conflict> conflicts;  ///< for a person; the remote value stays current and the patch leaves it alone
  std::vector<Conflict> given_up;   ///< values that lost by rule, for the history
};

/// A field is a leaf: objects are entered member by member, arrays are one value. `base_values` holds the touched
/// fields as they were when the op was made (`base_values_for`). `kind` may be null: then every rule is `ask`.
Merged merge(const Json& base_values, const Json& patch, const Json& remote, const Kind* kind);

/// The part of `body` that the patch touches, in the shape of the body.
Json base_values_for(const Json& body, const Json& patch);

}  // namespace julu
