#include "wreck.h"

#include <fstream>
#include <optional>

#include <catch2/catch_test_macros.hpp>

#include "store/sqlite.h"

namespace julu::test {

void lose(County& county, const char* sql) {
  store::Connection::Options options;
  options.path = county.directory() + "/julu.db";
  options.key = county.options().encrypted ? std::optional(county.key) : std::nullopt;
  const auto db = store::Connection::open(options);
  REQUIRE(db.ok());
  REQUIRE((*db)->run(sql).ok());
}

void set_aside(const County& county) { std::ofstream(county.directory() + "/julu.db-damaged") << "!"; }

std::vector<Verb> verbs_due(Store& store) {
  std::vector<Verb> verbs;
  const auto due = Outbox(store).next_ops(50, 1 << 20);
  REQUIRE(due.ok());
  for (const OutgoingOp& op : *due) verbs.push_back(op.verb);
  return verbs;
}

void answer_all(County& county, Store& store, const OpResult& result) {
  Outbox outbox(store);
  const auto due = outbox.next_ops(50, 1 << 20);
  REQUIRE(due.ok());
  const std::vector<OpResult> results(due->size(), result);
  REQUIRE(outbox.settle(*due, results, county.sign(store.identity().device, *due, results), std::nullopt).ok());
}

}  // namespace julu::test
