// Rows of a pull, which stale results carry too. Thread rule: pure functions.
#pragma once

#include <julu/change.h>

#include "wire_json.h"

namespace julu::wire {

Result<Change> decode_change(const Json& row);

}  // namespace julu::wire
