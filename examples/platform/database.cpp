#include "database.h"

#include <sqlite3.h>

namespace juhaoban {
namespace {

constexpr int kBusyMs = 10'000;  // an administrator's command beside the server

[[noreturn]] void fail(sqlite3* db) {
  const int code = sqlite3_extended_errcode(db);
  throw DatabaseError("sqlite " + std::to_string(code), (code & 0xFF) == SQLITE_FULL);
}

}  // namespace

Rows::~Rows() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
  const int rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) return true;
  if (rc != SQLITE_DONE) fail(db_);
  return false;
}

std::int64_t Rows::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Rows::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string() : std::string(bytes, static_cast<std::size_t>(size));
}

bool Rows::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
void Rows::bind(int at, std::int64_t value) { sqlite3_bind_int64(statement_, at, value); }

void Rows::bind(int at, std::string_view value) {
  sqlite3_bind_text64(statement_, at, value.data() != nullptr ? value.data() : "", value.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}

void Rows::bind(int at, Bytes value) {
  sqlite3_bind_blob64(statement_, at, value.value.data(), value.value.size(), SQLITE_STATIC);
}

Database::Database(const std::string& path, const std::string& vfs) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(path.c_str(), &db_, flags, vfs.empty() ? nullptr : vfs.c_str()) != SQLITE_OK) {
    const DatabaseError error("cannot open the database");
    sqlite3_close_v2(db_);
    throw error;
  }
  sqlite3_busy_timeout(db_, kBusyMs);
  // Large pages, as most of it is photos: a quarter of the writes. A checkpoint every 64 MB.
  script(
      "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
      "PRAGMA wal_autocheckpoint = 4000;");
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(db_);
}

sqlite3_stmt* Database::prepare(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr &&
      sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    fail(db_);
  }
  return statement;
}

void Database::script(std::string_view sql) {
  if (sqlite3_exec(db_, std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(db_);
}

void Database::set_durable(bool durable) { run(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

Transaction::Transaction(Database& db, bool durable) : db_(db), durable_(durable) {
  if (!durable_) db_.set_durable(false);
  try {
    db_.run("BEGIN IMMEDIATE");
  } catch (const DatabaseError&) {
    if (!durable_) db_.set_durable(true);
    throw;
  }
}

Transaction::~Transaction() {
  try {
    if (db_.in_transaction()) db_.run("ROLLBACK");
    if (!durable_) db_.set_durable(true);
  } catch (const DatabaseError&) {  // the connection is gone, and so is what it had not committed
  }
}

void Transaction::commit() { db_.run("COMMIT"); }

}  // namespace juhaoban
