// Search that fits Chinese: every character is a word of the index, so one or two characters find. Thread rule: under
// the lock of the Connection's owner.
#pragma once

#include <functional>
#include <set>
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

/// Records whose text has all words, indexed or not yet, page by page, within one snapshot.
class Search {
 public:
  /// `kind`: of these alone; empty: of all.
  static Result<Search> begin(Core& core, Connection& db, const std::string& query, const std::string& kind);
  /// Newest first, at most `limit`, older than `before` unless nil.
  Result<std::vector<Id>> next(Connection& db, const Id& before, int limit) const;

 private:
  std::string expression_, kind_;
  std::set<Id> changed_;  // the index may hold their former text
  std::set<Id, std::greater<>> fresh_;
};

}  // namespace julu::store
