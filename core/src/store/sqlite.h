// SQLite, made safe: statements prepared once and bound, errors typed. The one place that knows sqlite3.h. Thread
// rule: a Connection belongs to whoever holds its owner's lock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <julu/crypto.h>
#include <julu/id.h>
#include <julu/identity.h>
#include <julu/result.h>

struct sqlite3;
struct sqlite3_file;
struct sqlite3_stmt;

namespace julu::store {

class Connection;

/// Bytes to bind as a BLOB; text binds as TEXT.
struct Blob {
  std::string_view bytes;
};
inline Blob blob(const Id& id) { return {{reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()}}; }
inline Blob blob(const Hash& hash) { return {{reinterpret_cast<const char*>(hash.data()), hash.size()}}; }

/// Any value, when a row is carried over as it is.
using Value = std::variant<std::nullptr_t, std::int64_t, std::string, std::vector<char>>;

/// A file beside the database, through the VFS that it is in; an empty name is the system's own. Closed with the
/// object. Errors: disk_full, io.
class SideFile {
 public:
  /// Made when it is not there and `create` says so, with mode 0600.
  static Result<SideFile> open(const std::string& path, const std::string& vfs, bool create);
  SideFile(SideFile&&) = default;
  SideFile& operator=(SideFile&&) = delete;  // the name has to outlive the file
  Result<std::int64_t> size() const;
  /// Behind the end it reads zeros. Errors: io.
  Result<void> read(std::span<char> into, std::int64_t offset) const;
  Result<void> write(std::string_view bytes, std::int64_t offset);
  Result<void> truncate(std::int64_t size);
  Result<void> sync();

 private:
  struct Close {
    void operator()(sqlite3_file* file) const;
  };
  SideFile() = default;
  std::unique_ptr<std::string> name_;  // the VFS keeps a pointer to it
  std::unique_ptr<sqlite3_file, Close> file_;
};
bool file_exists(const std::string& path, const std::string& vfs);
/// One byte, durable with its name, mode 0600; to a VFS an empty file is none. Ok when it is there already.
Result<void> make_mark(const std::string& path, const std::string& vfs);
/// What was made or renamed in this folder of the system's own is durable, as far as its file system can; that it
/// cannot is no error, as it is none to SQLite.
void sync_folder(const std::string& path);

/// One run of a prepared statement. Views from `text` and `bytes` live until the next step or the end of the object.
class Query {
 public:
  Query(Query&& other) noexcept;
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  Query& operator=(Query&&) = delete;
  ~Query();

  /// True: a row is there.
  Result<bool> step();
  /// Steps to the end.
  Result<void> run();
  /// The first column of all rows.
  Result<std::vector<Id>> ids();

  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  std::string_view bytes(int column) const { return text(column); }
  bool is_null(int column) const;
  Id id(int column) const;
  Hash hash(int column) const;
  std::optional<std::int64_t> maybe_integer(int column) const;
  /// Of the whole row.
  std::vector<Value> values() const;

 private:
  friend class Connection;
  Query(Connection& db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}

  void bind(int at, std::int64_t value);
  void bind(int at, std::string_view value);
  void bind(int at, Blob value);
  void bind(int at, std::nullptr_t);
  void bind(int at, const Id& id) { bind(at, blob(id)); }
  void bind(int at, const Hash& hash) { bind(at, blob(hash)); }
  void bind(int at, int value) { bind(at, static_cast<std::int64_t>(value)); }
  void bind(int at, bool value) { bind(at, static_cast<std::int64_t>(value)); }
  void bind(int at, const std::string& value) { bind(at, std::string_view(value)); }
  void bind(int at, const char* value) { bind(at, std::string_view(value)); }
  void bind(int at, const std::vector<char>& value) { bind(at, Blob{{value.data(), value.size()}}); }
  template <class T>
  void bind(int at, const std::optional<T>& value) {
    if (value) {
      bind(at, *value);
    } else {
      bind(at, nullptr);
    }
  }

  Connection& db_;
  sqlite3_stmt* statement_;  // null: preparing failed, and every step says so
};

/// What is read of a file in the place of its own bytes: its first page, and what lies from `offset` on. Either may be
/// empty: the file's own is read.
struct StandIn {
  std::string first_page;
  std::int64_t offset = 0;
  std::string bytes;
  std::string salt;         ///< as in Connection::Options
  bool clear_head = false;  ///< so too
};

class Connection {
 public:
  struct Options {
    std::string path;
    std::string vfs;
    std::optional<StoreKey> key;
    bool create = false;
    bool read_only = false;
    bool damaged = false;  ///< to read what is left, with `read_only`: that the file is too short is no reason not to
    const StandIn* stand_in = nullptr;  ///< outlives the connection
    std::string salt;                   ///< of the key, in hexadecimal; empty: as the file says, of a new one drawn
    bool clear_head = false;  ///< of the first page what says how to read the file is no ciphertext; needs a salt
  };
  /// Opens, keys and configures; the first page has been read when it returns. Errors: store_missing, store_key,
  /// store_corrupt, encryption_unavailable, permission, disk_full, io, busy.
  static Result<std::unique_ptr<Connection>> open(const Options& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// A constant of the program, cached by its address: `sql` must be a literal.
  template <class... Values>
  Query query(const char* sql, const Values&... values) {
    Query q(*this, prepare(sql));
    int at = 0;
    if (q.statement_ != nullptr) (q.bind(++at, values), ...);
    return q;
  }
  template <class... Values>
  Result<void> run(const char* sql, const Values&... values) {
    return query(sql, values...).run();
  }
  Result<void> insert(const char* sql, const std::vector<Value>& row);
  /// The first column of the first row; absent when there is no row or it is NULL.
  template <class... Values>
  Result<std::optional<std::int64_t>> integer(const char* sql, const Values&... values) {
    Query q = query(sql, values...);
    JULU_TRY(const bool row, q.step());
    if (!row) return std::optional<std::int64_t>();
    return q.maybe_integer(0);
  }
  template <class... Values>
  Result<std::optional<std::string>> text(const char* sql, const Values&... values) {
    Query q = query(sql, values...);
    JULU_TRY(const bool row, q.step());
    if (!row || q.is_null(0)) return std::optional<std::string>();
    return std::optional<std::string>(q.text(0));
  }

  /// Several statements of a .sql file.
  Result<void> script(std::string_view sql);
  std::int64_t last_row_id() const;
  std::int64_t changes() const;
  /// SQL has `summed(…)`, which adds a number for the values it is given to a sum, bit by bit: what is added a second
  /// time is taken away. Here is what has come together since the last call.
  std::int64_t take_sum() { return std::exchange(sum_, 0); }
  bool keeps_sum() const { return keeps_sum_; }
  void set_keeps_sum() { keeps_sum_ = true; }
  /// A statement has failed since the last call. What it did was undone without the sum, so its transaction has to be
  /// undone too.
  bool take_failure() { return std::exchange(failed_, false); }
  bool in_transaction() const;
  /// False: commits stay atomic and in order, and the last ones may be lost with the power; true: each is durable.
  Result<void> set_durable(bool durable);
  /// Moves what it can of the WAL into the file without waiting for anybody; `truncate` also gives the WAL's space
  /// back.
  Result<void> checkpoint(bool truncate);
  std::int64_t wal_bytes() const;
  /// The detail of a store_corrupt that SQLCipher has no words for: a page was refused, or could not be read.
  static constexpr const char* kPageRefused = "sqlite 1";
  /// The detail of a store_corrupt that SQLite says of a malformed page, and of one that its Unix VFS could not read.
  static constexpr const char* kMalformed = "sqlite 11";
  /// Ok: each byte of the file and its WAL can be read, whatever it says. Errors: io.
  Result<void> read_through() const;
  bool encrypted() const { return encrypted_; }
  /// The bytes of the file behind `offset`, as they are on the disk.
  Result<std::string> raw_bytes(std::int64_t offset) const;

 private:
  friend class Query;
  struct Overlay;
  Connection(sqlite3* db, std::string path);
  void lay_over(const StandIn& stand_in);
  static Result<std::unique_ptr<Connection>> open_once(const Options& options);
  sqlite3_stmt* prepare(const char* sql);
  Error failure(int rc);
  Result<void> configure(const Options& options);
  Result<void> unlock(const Options& options);

  sqlite3* db_;
  std::string path_;
  bool encrypted_ = false;
  std::int64_t sum_ = 0;
  bool keeps_sum_ = false;
  bool failed_ = false;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  std::unique_ptr<Overlay> overlay_;
};

/// BEGIN IMMEDIATE … COMMIT, with the sum of what it changed (sum.h); rolled back unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Connection& db);
  /// To read in: until its end nothing is seen of what others commit.
  static Result<Transaction> snapshot(Connection& db);
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// Ok: durable. Errors: internal, when a statement has failed and the body went on.
  Result<void> commit();

 private:
  explicit Transaction(Connection& db) : db_(&db) {}
  Connection* db_;
};

}  // namespace julu::store
