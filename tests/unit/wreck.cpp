#include "wreck.h"

#include <fstream>

#include <catch2/catch_test_macros.hpp>

namespace julu::test {

void damage(const std::string& path, std::int64_t from, std::int64_t pages) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(from * kPage);
  for (std::int64_t i = 0; i < pages; ++i) file << std::string(kPage, static_cast<char>(0xA5 + i % 7));
}

std::unique_ptr<store::Connection> database_of(const County& county) {
  store::Connection::Options options;
  options.path = county.directory() + "/julu.db";
  if (has_cipher()) options.key = county.key;
  auto db = store::Connection::open(options);
  REQUIRE(db.ok());
  return *std::move(db);
}

void lose(const County& county, const char* sql) { REQUIRE(database_of(county)->run(sql).ok()); }

void set_aside(const County& county) { std::ofstream(county.directory() + "/julu.db-damaged") << "!"; }

std::vector<Verb> verbs_due(Store& store) {
  std::vector<Verb> verbs;
  const auto due = Outbox(store).next_ops(50, 1 << 20);
  REQUIRE(due.ok());
  for (const OutgoingOp& op : *due) verbs.push_back(op.verb);
  return verbs;
}

OpResult answer_of(OpStatus status, const char* type) {
  OpResult result;
  result.status = status;
  result.problem = {type, {}, {}, {}};
  return result;
}

void answer_all(County& county, Store& store, const OpResult& result) {
  Outbox outbox(store);
  const auto due = outbox.next_ops(50, 1 << 20);
  REQUIRE(due.ok());
  const std::vector<OpResult> results(due->size(), result);
  REQUIRE(outbox.settle(*due, results, county.sign(store.identity().device, *due, results), std::nullopt).ok());
}

}  // namespace julu::test
