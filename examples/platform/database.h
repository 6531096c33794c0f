// The one place of the platform that knows SQLite: statements prepared once, values bound. Throws DatabaseError; only
// Platform::handle catches it. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace juhaoban {

struct DatabaseError : std::runtime_error {
  explicit DatabaseError(const std::string& what, bool disk_full = false)
      : std::runtime_error(what), is_disk_full(disk_full) {}
  bool is_disk_full;
};

struct Bytes {
  std::string_view value;
};

class Rows {
 public:
  Rows(sqlite3* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  Rows(Rows&& other) noexcept : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  bool next();
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

  void bind(int at, std::int64_t value);
  void bind(int at, std::string_view value);
  void bind(int at, Bytes value);
  void bind(int at, int value) { bind(at, static_cast<std::int64_t>(value)); }
  void bind(int at, bool value) { bind(at, static_cast<std::int64_t>(value)); }
  void bind(int at, const std::string& value) { bind(at, std::string_view(value)); }
  void bind(int at, const char* value) { bind(at, std::string_view(value)); }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_;
};

class Database {
 public:
  Database(const std::string& path, const std::string& vfs);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// `sql` is a literal; its statement is kept.
  template <class... Values>
  Rows query(const char* sql, const Values&... values) {
    sqlite3_stmt* statement = prepare(sql);
    return bound(statement, values...);
  }
  template <class... Values>
  void run(const char* sql, const Values&... values) {
    Rows rows = query(sql, values...);
    while (rows.next()) {
    }
  }
  template <class... Values>
  std::optional<std::int64_t> integer(const char* sql, const Values&... values) {
    Rows rows = query(sql, values...);
    if (!rows.next() || rows.is_null(0)) return std::nullopt;
    return rows.integer(0);
  }
  template <class... Values>
  std::optional<std::string> text(const char* sql, const Values&... values) {
    Rows rows = query(sql, values...);
    if (!rows.next() || rows.is_null(0)) return std::nullopt;
    return rows.text(0);
  }
  void script(std::string_view sql);
  /// False: commits may be lost with the power, the last ones first; the next durable one keeps them all.
  void set_durable(bool durable);
  bool in_transaction() const;

 private:
  sqlite3_stmt* prepare(const char* sql);
  template <class... Values>
  Rows bound(sqlite3_stmt* statement, const Values&... values) {
    Rows rows(db_, statement);
    int at = 0;
    (rows.bind(++at, values), ...);
    return rows;
  }
  sqlite3* db_ = nullptr;
  std::map<const char*, sqlite3_stmt*> statements_;
};

/// BEGIN IMMEDIATE … COMMIT; rolled back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& db, bool durable = true);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& db_;
  bool durable_;
};

}  // namespace juhaoban
