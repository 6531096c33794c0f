#include "store/sqlite.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <julu/limits.h>
#include <julu/mutant.h>

#include "store/sum.h"

namespace julu::store {
namespace {

// A page that SQLCipher refuses fails every later read of its transaction with an error that has no words of its own.
bool is_of_a_page(sqlite3* db) {
  return db != nullptr && std::strcmp(sqlite3_errmsg(db), sqlite3_errstr(SQLITE_ERROR)) == 0;
}

ErrorCode code_of(sqlite3* db, int rc) {
  switch (rc & 0xFF) {
    case SQLITE_FULL: return ErrorCode::disk_full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorCode::busy;
    case SQLITE_CORRUPT: return ErrorCode::store_corrupt;
    case SQLITE_ERROR: return is_of_a_page(db) ? ErrorCode::store_corrupt : ErrorCode::internal;
    case SQLITE_NOTADB: return ErrorCode::store_key;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return ErrorCode::permission;
    default: break;
  }
  const int system = db != nullptr ? sqlite3_system_errno(db) : 0;
  switch (rc & 0xFF) {
    case SQLITE_IOERR:
      if (system == ENOSPC || system == EDQUOT) return ErrorCode::disk_full;
      return ErrorCode::io;
    case SQLITE_CANTOPEN:
      if (system == EACCES || system == EPERM || system == EROFS) return ErrorCode::permission;
      if (system == ENOENT) return ErrorCode::store_missing;
      if (system == ENOSPC || system == EDQUOT) return ErrorCode::disk_full;
      return ErrorCode::io;
    default: return ErrorCode::internal;
  }
}

// The extended code and nothing else: SQLite's messages may quote values.
Error error_of(sqlite3* db, int rc) {
  const int extended = db != nullptr ? sqlite3_extended_errcode(db) : rc;
  const ErrorCode code = code_of(db, rc);
  return Error{code, code == ErrorCode::permission ? "directory" : "", "sqlite " + std::to_string(extended)};
}

// Measured on 2 cores with SQLCipher 4.6 (./run bench capture): against 8192-byte pages, 4096 commits a third more text
// captures and 4 % fewer photos; HMAC-SHA256 beats SHA512 where the processor has SHA instructions, as phones do.
constexpr const char* kCipherPragmas[] = {
    "PRAGMA cipher_page_size = 4096",
    "PRAGMA cipher_hmac_algorithm = HMAC_SHA256",
    "PRAGMA cipher_kdf_algorithm = PBKDF2_HMAC_SHA256",
};

constexpr const char* kPragmas[] = {
    "PRAGMA secure_delete = OFF",  // pages are ciphertext
    "PRAGMA temp_store = MEMORY",     "PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF",
    "PRAGMA recursive_triggers = ON",  // what REPLACE takes away has to leave the sum
    "PRAGMA synchronous = FULL",      "PRAGMA fullfsync = ON",    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA wal_autocheckpoint = 0",  // Store::maintain checkpoints, off the capture path
};

void append(std::string& text, sqlite3_value* value) {
  const int type = sqlite3_value_type(value);
  text += static_cast<char>('0' + type);
  if (type == SQLITE_INTEGER) {
    text += std::to_string(sqlite3_value_int64(value)) + ' ';
    return;
  }
  const auto* data = static_cast<const char*>(sqlite3_value_blob(value));
  const auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
  text += std::to_string(size) + ' ';
  if (data != nullptr) text.append(data, size);
}

void add_to_sum(sqlite3_context* context, int count, sqlite3_value** values) {
  std::string text;
  for (int i = 0; i < count; ++i) append(text, values[i]);
  const Hash hash = sha256(text);
  std::int64_t number = 0;
  std::memcpy(&number, hash.data(), sizeof number);
  *static_cast<std::int64_t*>(sqlite3_user_data(context)) ^= number;
}

}  // namespace

Query::Query(Query&& other) noexcept : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)) {}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Result<bool> Query::step() {
  if (statement_ == nullptr) return db_.failure(sqlite3_errcode(db_.db_));
  const int rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return db_.failure(rc);
}

Result<void> Query::run() {
  for (;;) {
    JULU_TRY(const bool row, step());
    if (!row) return {};
  }
}

Result<std::vector<Id>> Query::ids() {
  std::vector<Id> all;
  for (;;) {
    JULU_TRY(const bool there, step());
    if (!there) return all;
    all.push_back(id(0));
  }
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Query::text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string_view() : std::string_view(data, static_cast<std::size_t>(size));
}

bool Query::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

Id Query::id(int column) const {
  Id id;
  const std::string_view raw = bytes(column);
  if (raw.size() == id.bytes.size()) std::memcpy(id.bytes.data(), raw.data(), raw.size());
  return id;
}

Hash Query::hash(int column) const {
  Hash hash{};
  const std::string_view raw = bytes(column);
  if (raw.size() == hash.size()) std::memcpy(hash.data(), raw.data(), raw.size());
  return hash;
}

std::optional<std::int64_t> Query::maybe_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

std::vector<Value> Query::values() const {
  std::vector<Value> row;
  for (int i = 0; i < sqlite3_column_count(statement_); ++i) {
    const std::string_view raw = sqlite3_column_type(statement_, i) == SQLITE_INTEGER ? std::string_view() : text(i);
    switch (sqlite3_column_type(statement_, i)) {
      case SQLITE_INTEGER: row.emplace_back(integer(i)); break;
      case SQLITE_TEXT: row.emplace_back(std::string(raw)); break;
      case SQLITE_BLOB: row.emplace_back(std::vector<char>(raw.begin(), raw.end())); break;
      default: row.emplace_back(nullptr); break;
    }
  }
  return row;
}

void Query::bind(int at, std::int64_t value) { sqlite3_bind_int64(statement_, at, value); }

// Bound values outlive the Query by contract of Connection::query's users: a full expression, or a named object.
void Query::bind(int at, std::string_view value) {
  const char* data = value.data() != nullptr ? value.data() : "";
  sqlite3_bind_text64(statement_, at, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Query::bind(int at, Blob value) {
  // Photo chunks are large and always outlive the statement's one run; the rest is cheaper to copy than to reason
  // about.
  const bool large = value.bytes.size() > 4096;
  sqlite3_bind_blob64(statement_, at, value.bytes.data() != nullptr ? value.bytes.data() : "", value.bytes.size(),
                      large ? SQLITE_STATIC : SQLITE_TRANSIENT);
}

void Query::bind(int at, std::nullptr_t) { sqlite3_bind_null(statement_, at); }

// SQLite calls a file by a table of functions that the file names: this one is a copy of the file's own but for two.
struct Connection::Overlay {
  sqlite3_io_methods methods;  // first, so that a file that names them names this
  const sqlite3_io_methods* own;
  const StandIn* stand_in;

  static const Overlay& of(const sqlite3_file* file) { return *reinterpret_cast<const Overlay*>(file->pMethods); }
  sqlite3_int64 end() const { return stand_in->offset + static_cast<sqlite3_int64>(stand_in->bytes.size()); }

  static bool copy(std::string_view bytes, sqlite3_int64 offset, void* out, int count, sqlite3_int64 at) {
    if (at < offset || at + count > offset + static_cast<sqlite3_int64>(bytes.size())) return false;
    std::memcpy(out, bytes.data() + (at - offset), static_cast<std::size_t>(count));
    return true;
  }
  static int read(sqlite3_file* file, void* out, int count, sqlite3_int64 at) {
    const Overlay& overlay = of(file);
    const StandIn& stand_in = *overlay.stand_in;
    if (copy(stand_in.first_page, 0, out, count, at) || copy(stand_in.bytes, stand_in.offset, out, count, at))
      return SQLITE_OK;
    return overlay.own->xRead(file, out, count, at);
  }
  static int size(sqlite3_file* file, sqlite3_int64* size) {
    const int rc = of(file).own->xFileSize(file, size);
    *size = std::max(*size, of(file).end());
    return rc;
  }
};

Connection::Connection(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}

void Connection::lay_over(const StandIn& stand_in) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(db_, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  overlay_.reset(new Overlay{*file->pMethods, file->pMethods, &stand_in});
  overlay_->methods.iVersion = std::min(overlay_->methods.iVersion, 2);  // without memory-mapped reads
  overlay_->methods.xRead = Overlay::read;
  overlay_->methods.xFileSize = Overlay::size;
  file->pMethods = &overlay_->methods;
}

Result<std::unique_ptr<Connection>> Connection::open_once(const Options& options) {
  sqlite3* db = nullptr;
  int flags = options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (options.create) flags |= SQLITE_OPEN_CREATE;
  flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const char* vfs = options.vfs.empty() ? nullptr : options.vfs.c_str();
  const int rc = sqlite3_open_v2(options.path.c_str(), &db, flags, vfs);
  std::unique_ptr<Connection> connection(new Connection(db, options.path));
  if (rc != SQLITE_OK) return error_of(db, rc);
  if (options.stand_in != nullptr) connection->lay_over(*options.stand_in);
  JULU_CHECK(connection->unlock(options));
  const auto configured = connection->configure(options);
  if (configured) return connection;
  if (configured.error().code == ErrorCode::store_key) JULU_CHECK(connection->read_through());
  return configured.error();
}

// A first page that could not be read looks like a wrong key, as long as the connection lives. What is wrong stays so.
Result<std::unique_ptr<Connection>> Connection::open(const Options& options) {
  auto opened = open_once(options);
  if (!opened && opened.error().code == ErrorCode::store_key) opened = open_once(options);
  return opened;
}

Result<void> Connection::unlock(const Options& options) {
  {
    Query version = query("PRAGMA cipher_version");
    JULU_TRY(const bool row, version.step());
    encrypted_ = row && !version.text(0).empty();
  }
  if (!options.key) {
    encrypted_ = false;
    return {};
  }
  if (!encrypted_) return Error{ErrorCode::encryption_unavailable, {}, {}};
  // PRAGMA takes no bound value; 64 hexadecimal digits of ours hold nothing to escape.
  std::string digits = hex(*options.key);
  std::string pragma;
  pragma.reserve(128);  // so that no copy stays behind
  pragma.append("PRAGMA key = \"x'").append(digits).append("'\"");
  const int rc = sqlite3_exec(db_, pragma.c_str(), nullptr, nullptr, nullptr);
  for (std::string* text : {&digits, &pragma}) wipe({reinterpret_cast<std::uint8_t*>(text->data()), text->size()});
  if (rc != SQLITE_OK) return error_of(db_, rc);
  JULU_CHECK(script("PRAGMA cipher_log_level = NONE"));  // it writes to stderr, which belongs to the host
  for (const char* cipher : kCipherPragmas) JULU_CHECK(script(cipher));
  if (options.clear_head) JULU_CHECK(script("PRAGMA cipher_plaintext_header_size = 32"));
  return options.salt.empty() ? Result<void>() : script("PRAGMA cipher_salt = \"x'" + options.salt + "'\"");
}

Result<void> Connection::configure(const Options& options) {
  sqlite3_busy_timeout(db_, limits::busy_ms_max);
  if (options.damaged) {
    JULU_CHECK(script("PRAGMA writable_schema = ON"));  // so named, but what it does is to look past the size
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  } else {
    sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  }
  sqlite3_create_function_v2(db_, "summed", -1, SQLITE_UTF8 | SQLITE_INNOCUOUS, &sum_, add_to_sum, nullptr, nullptr,
                             nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  // A new plain file takes its page size here; a keyed one has it from the cipher.
  if (!encrypted_) JULU_CHECK(script("PRAGMA page_size = 4096"));
  // Before the first table; on a file that has some it would write to it each time.
  if (options.create) JULU_CHECK(script("PRAGMA auto_vacuum = INCREMENTAL"));
  for (const char* pragma : kPragmas) JULU_CHECK(script(pragma));
  if (mutant(Mutant::synchronous_normal)) JULU_CHECK(set_durable(false));
  const auto first = integer("SELECT count(*) FROM sqlite_schema");  // the first read: a wrong key shows here
  // A damaged file may still show the tables that its schema names before the damage.
  if (!first && !options.damaged) return first.error();
  if (!options.read_only) {
    JULU_CHECK(script("PRAGMA journal_mode = WAL"));
    // The log, empty, and its index stay when the last one closes: a full disk has no room to make them for a reader.
    JULU_CHECK(script("PRAGMA journal_size_limit = 0"));
    int stays = 1;
    sqlite3_file_control(db_, "main", SQLITE_FCNTL_PERSIST_WAL, &stays);
  }
  return {};
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(db_);
}

sqlite3_stmt* Connection::prepare(const char* sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) {
    assert(sqlite3_stmt_busy(found->second) == 0);
    return found->second;
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) return nullptr;
  statements_.emplace(sql, statement);
  return statement;
}

Result<void> Connection::script(std::string_view sql) {
  const int rc = sqlite3_exec(db_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return failure(rc);
  return {};
}

Error Connection::failure(int rc) {
  failed_ = true;
  return error_of(db_, rc);
}

Result<void> Connection::insert(const char* sql, const std::vector<Value>& row) {
  Query q(*this, prepare(sql));
  int at = 0;
  if (q.statement_ != nullptr) {
    for (const Value& value : row) {
      std::visit([&](const auto& v) { q.bind(++at, v); }, value);
    }
  }
  return q.run();
}

std::int64_t Connection::last_row_id() const { return sqlite3_last_insert_rowid(db_); }
std::int64_t Connection::changes() const { return sqlite3_changes64(db_); }
bool Connection::in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

Result<void> Connection::set_durable(bool durable) {
  return durable && !mutant(Mutant::synchronous_normal) ? run("PRAGMA synchronous = FULL")
                                                        : run("PRAGMA synchronous = NORMAL");
}

Result<void> Connection::checkpoint(bool truncate) {
  const int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  if (mutant(Mutant::checkpoint_without_sync)) JULU_CHECK(script("PRAGMA synchronous = OFF"));
  sqlite3_busy_timeout(db_, 0);  // a reader elsewhere is no reason to wait
  const int rc = sqlite3_wal_checkpoint_v2(db_, nullptr, mode, nullptr, nullptr);
  sqlite3_busy_timeout(db_, limits::busy_ms_max);
  if (mutant(Mutant::checkpoint_without_sync)) JULU_CHECK(set_durable(true));
  if (rc == SQLITE_OK || (rc & 0xFF) == SQLITE_BUSY || (rc & 0xFF) == SQLITE_LOCKED) return {};
  return error_of(db_, rc);
}

std::int64_t Connection::wal_bytes() const {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(db_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK || file == nullptr ||
      file->pMethods == nullptr) {
    return 0;
  }
  sqlite3_int64 size = 0;
  return file->pMethods->xFileSize(file, &size) == SQLITE_OK ? size : 0;
}

Result<void> Connection::read_through() const {
  constexpr sqlite3_int64 kPiece = 64 * 1024;
  std::vector<char> piece(kPiece);
  for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;
    if (sqlite3_file_control(db_, "main", which, &file) != SQLITE_OK || file == nullptr || file->pMethods == nullptr)
      continue;
    sqlite3_int64 size = 0;
    int rc = file->pMethods->xFileSize(file, &size);
    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += kPiece) {
      rc = file->pMethods->xRead(file, piece.data(), static_cast<int>(std::min(kPiece, size - at)), at);
    }
    if (rc != SQLITE_OK) return Error{ErrorCode::io, {}, "sqlite " + std::to_string(rc)};
  }
  return {};
}

Result<std::string> Connection::raw_bytes(std::int64_t offset) const {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(db_, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  sqlite3_int64 size = 0;
  int rc = file->pMethods->xFileSize(file, &size);
  std::string bytes(static_cast<std::size_t>(std::max<sqlite3_int64>(0, size - offset)), '\0');
  if (rc == SQLITE_OK) rc = file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), offset);
  if (rc != SQLITE_OK) return Error{ErrorCode::io, {}, "sqlite " + std::to_string(rc)};
  return bytes;
}

namespace {
Result<void> of_file(int rc) {
  if (rc == SQLITE_OK) return {};
  return error_of(nullptr, rc);
}
}  // namespace

Result<SideFile> SideFile::open(const std::string& path, const std::string& vfs, bool create) {
  if (vfs.empty() && create) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0 && (errno == ENOSPC || errno == EDQUOT)) return Error{ErrorCode::disk_full, {}, "open"};
    if (fd >= 0) ::close(fd);  // SQLite makes files that others may read
  }
  sqlite3_vfs* files = sqlite3_vfs_find(vfs.empty() ? nullptr : vfs.c_str());
  if (files == nullptr) return Error{ErrorCode::io, {}, "vfs"};
  SideFile file;
  file.name_ = std::make_unique<std::string>(path + '\0');  // the name of a database ends with two zeros
  file.file_.reset(static_cast<sqlite3_file*>(::operator new(static_cast<std::size_t>(files->szOsFile))));
  file.file_->pMethods = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB | (create ? SQLITE_OPEN_CREATE : 0);
  JULU_CHECK(of_file(files->xOpen(files, file.name_->c_str(), file.file_.get(), flags, nullptr)));
  return file;
}

void SideFile::Close::operator()(sqlite3_file* file) const {
  if (file->pMethods != nullptr) file->pMethods->xClose(file);
  ::operator delete(file);
}

Result<std::int64_t> SideFile::size() const {
  sqlite3_int64 size = 0;
  JULU_CHECK(of_file(file_->pMethods->xFileSize(file_.get(), &size)));
  return size;
}

Result<void> SideFile::read(std::span<char> into, std::int64_t offset) const {
  const int rc = file_->pMethods->xRead(file_.get(), into.data(), static_cast<int>(into.size()), offset);
  if (rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ) return {};
  return Error{ErrorCode::io, {}, "sqlite " + std::to_string(rc)};
}

Result<void> SideFile::write(std::string_view bytes, std::int64_t offset) {
  return of_file(file_->pMethods->xWrite(file_.get(), bytes.data(), static_cast<int>(bytes.size()), offset));
}

Result<void> SideFile::truncate(std::int64_t size) { return of_file(file_->pMethods->xTruncate(file_.get(), size)); }

Result<void> SideFile::sync() { return of_file(file_->pMethods->xSync(file_.get(), SQLITE_SYNC_FULL)); }

bool file_exists(const std::string& path, const std::string& vfs) {
  sqlite3_vfs* files = sqlite3_vfs_find(vfs.empty() ? nullptr : vfs.c_str());
  int there = 0;
  return files != nullptr && files->xAccess(files, path.c_str(), SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK &&
         there != 0;
}

void sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

Result<void> make_mark(const std::string& path, const std::string& vfs) {
  JULU_TRY(SideFile mark, SideFile::open(path, vfs, true));
  JULU_CHECK(mark.write("!", 0));
  JULU_CHECK(mark.sync());
  if (vfs.empty()) sync_folder(std::filesystem::path(path).parent_path().string());
  return {};
}

Result<Transaction> Transaction::begin(Connection& db) {
  assert(!db.in_transaction());
  JULU_CHECK(keep_sum(db));
  db.take_sum();
  db.take_failure();
  JULU_CHECK(db.run("BEGIN IMMEDIATE"));
  return Transaction(db);
}

Result<Transaction> Transaction::snapshot(Connection& db) {
  assert(!db.in_transaction());
  JULU_CHECK(db.run("BEGIN"));
  return Transaction(db);
}

Transaction::~Transaction() {
  if (db_ != nullptr && db_->in_transaction()) static_cast<void>(db_->run("ROLLBACK"));
}

Result<void> Transaction::commit() {
  if (db_->take_failure()) return Error{ErrorCode::internal, {}, "transaction"};
  if (const std::int64_t changed = db_->take_sum(); changed != 0) JULU_CHECK(put_sum(*db_, changed));
  auto done = db_->run("COMMIT");
  if (done) db_ = nullptr;
  return done;
}

}  // namespace julu::store
