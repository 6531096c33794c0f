// The sum is the exclusive or of a hash of each row, so that it does not matter in which order they were written. It is
// for accidents: who can forge a row can forge the sum. What a statement did that was undone alone, without its
// transaction, would stay in the sum: a transaction in which one failed cannot be committed.
#include "store/sum.h"

#include <vector>

#include "store/core.h"

namespace julu::store {
namespace {

// Left out: `chunk`, whose bytes have the photo's own hash, and the words of the search, which are made of the records
// and dear to go through. The sum itself stands in the newest op, because each capture writes that page anyway; in
// `meta` until there is an op.
constexpr const char* kTables =
    "SELECT t.name, group_concat(c.name), group_concat('OLD.' || c.name), group_concat('NEW.' || c.name)"
    " FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c"
    " WHERE t.type = 'table' AND t.name NOT IN ('chunk', 'search') AND t.name NOT GLOB 'search_*'"
    " AND NOT (t.name = 'op' AND c.name = 'sum') GROUP BY t.name";
constexpr const char* kSumOfOp = "SELECT sum FROM op WHERE sum IS NOT NULL ORDER BY seq DESC LIMIT 1";
// Of the same tables: `chunk` has no index, and its check would read every photo.
constexpr const char* kBadIndex =
    "SELECT c.integrity_check FROM sqlite_schema AS t JOIN pragma_integrity_check(t.name) AS c WHERE t.type = 'table'"
    " AND t.name NOT IN ('chunk', 'search') AND t.name NOT GLOB 'search_*' AND c.integrity_check <> 'ok' LIMIT 1";
// That check does not mind what an index of some rows has too many.
constexpr const char* kPartialIndexes =
    "SELECT name, tbl_name, substr(sql, instr(sql, ' WHERE ')) FROM sqlite_schema WHERE type = 'index' AND sql LIKE"
    " '% WHERE %'";
// A chunk's length is in the row's head: no photo is read for it. One of others that is not here may have come in part.
constexpr const char* kBadPhoto =
    "SELECT 1 FROM photo WHERE (here = 1 OR own = 1) AND length_bytes * here <> (SELECT coalesce(sum(length(bytes)), 0) FROM chunk"
    " WHERE chunk.id BETWEEN photo.id << 26 AND (photo.id + 1 << 26) - 1)"
    " UNION ALL SELECT 1 FROM chunk WHERE NOT EXISTS (SELECT 1 FROM photo WHERE photo.id = chunk.id >> 26) LIMIT 1";

struct Table {
  std::string name, columns, before, after;
};

Result<std::vector<Table>> tables_of(Connection& db) {
  std::vector<Table> tables;
  Query row = db.query(kTables);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return tables;
    tables.push_back(
        {std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2)), std::string(row.text(3))});
  }
}

Result<std::int64_t> sum_put_down(Connection& db) {
  JULU_TRY(const auto of_op, db.integer(kSumOfOp));
  return of_op ? *of_op : meta_integer(db, "sum");
}

Result<std::int64_t> sum_of_rows(Connection& db) {
  JULU_TRY(const auto tables, tables_of(db));
  for (const Table& table : tables) {
    std::string sql = "SELECT summed('" + table.name + "', " + table.columns + ") FROM " + table.name;
    if (table.name == "meta") sql += " WHERE name <> 'sum'";
    JULU_CHECK(db.script(sql));
  }
  return db.take_sum();
}

// What is summed twice is nothing: each index beside its table.
Result<std::string> sql_of_counts(Connection& db) {
  std::string sql;
  Query row = db.query(kPartialIndexes);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return sql;
    const std::string name(row.text(0)), table(row.text(1)), where(row.text(2));
    for (const std::string& by : {"INDEXED BY " + name, std::string("NOT INDEXED")}) {
      sql += "SELECT summed('" + name + "', count(*)) FROM " + table + " " + by + where + ";";
    }
  }
}

// Of a page that could not be read the check tells as of a damaged one: `judged` tells them apart.
Result<void> check_indexes(Connection& db) {
  JULU_TRY(const auto bad, db.text(kBadIndex));
  return bad ? Error{ErrorCode::store_corrupt, {}, Connection::kMalformed} : Result<void>();
}

Result<void> check_rows(Connection& db) {
  JULU_CHECK(check_indexes(db));
  JULU_TRY(const auto counts, sql_of_counts(db));
  JULU_CHECK(db.script(counts));
  if (db.take_sum() != 0) return Error{ErrorCode::store_corrupt, {}, "index"};
  JULU_TRY(const std::int64_t should, sum_put_down(db));
  JULU_TRY(const std::int64_t is, sum_of_rows(db));
  if (is != should) return Error{ErrorCode::store_corrupt, {}, "sum"};
  JULU_TRY(const auto bad_photo, db.integer(kBadPhoto));
  if (bad_photo) return Error{ErrorCode::store_corrupt, {}, "photo"};
  return {};
}

}  // namespace

Result<void> keep_sum(Connection& db) {
  if (db.keeps_sum()) return {};
  JULU_TRY(const auto tables, tables_of(db));
  for (const auto& [name, columns, before, after] : tables) {
    const std::string old_row = "summed('" + name + "', " + before + ")";
    const std::string new_row = "summed('" + name + "', " + after + ")";
    const auto trigger = [&, &table = name](const char* when, const std::string& event, const std::string& what) {
      return "CREATE TEMP TRIGGER sum_" + table + when + " AFTER " + event + " ON main." + table + " BEGIN SELECT " +
             what + "; END;";
    };
    JULU_CHECK(db.script(trigger("_insert", "INSERT", new_row) + trigger("_delete", "DELETE", old_row) +
                         trigger("_update", "UPDATE OF " + columns, old_row + ", " + new_row)));
  }
  if (!tables.empty()) db.set_keeps_sum();
  return {};
}

Result<void> put_sum(Connection& db, std::int64_t changed) {
  JULU_TRY(const std::int64_t before, sum_put_down(db));
  JULU_CHECK(db.run("UPDATE op SET sum = ?1 WHERE seq = (SELECT max(seq) FROM op)", before ^ changed));
  if (db.changes() == 0) JULU_CHECK(set_meta(db, "sum", before ^ changed));
  db.take_sum();  // it is not itself among what it sums up
  return {};
}

Result<bool> check_sum(Connection& db, const std::string& boot) {
  JULU_TRY(const auto checked, meta_text(db, "checked_boot"));
  if (checked == boot && boot != kUnknownBoot) return false;
  JULU_CHECK(check_rows(db));
  return boot != kUnknownBoot;
}

Result<void> set_checked(Connection& db, const std::string& boot) { return set_meta(db, "checked_boot", boot); }

}  // namespace julu::store
