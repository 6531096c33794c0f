// Search that fits Chinese: every character is a word of the index, so one or two characters find. Thread rule: under
// the lock of the Connection's owner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/core.h"

namespace julu::store {

/// Text as the index holds it: characters outside ASCII set apart by spaces.
std::string index_text(std::string_view text);
/// An FTS5 expression that finds texts with all words of `query`, each as a phrase; empty when it has no word.
std::string match_expression(std::string_view query);

/// Brings the index nearer to record.changed, at most `rows`. True: more is left.
Result<bool> index_some(Core& core, Connection& db, int rows);

/// Records whose text has all words, indexed or not yet, newest first, at most `limit`, older than `before` unless nil.
Result<std::vector<Id>> search_records(Core& core, Connection& db, const std::string& query, const Id& before,
                                       int limit);

}  // namespace julu::store
