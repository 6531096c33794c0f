// Opening, configuring and upgrading the file.
#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "julu_embedded.h"
#include "store/core.h"
#include "store/sum.h"

namespace julu::store {
namespace {

constexpr std::int64_t kSchemaVersion = 1;

std::string_view embedded(std::string_view path) {
  for (const auto& file : julu_embedded::files()) {
    if (file.path == path) return file.text;
  }
  return {};
}

Error error_of(int number) {
  if (number == ENOENT || number == ENOTDIR) return Error{ErrorCode::store_missing, "directory", {}};
  if (number == EACCES || number == EPERM || number == EROFS) return Error{ErrorCode::permission, "directory", {}};
  if (number == ENOSPC || number == EDQUOT) return Error{ErrorCode::disk_full, "directory", {}};
  return Error{ErrorCode::io, "directory", "errno " + std::to_string(number)};
}

// A file that is there already says its own salt.
bool is_new(const std::string& path, const std::string& vfs) {
  std::error_code missing;
  return !vfs.empty() || std::filesystem::file_size(path, missing) == 0 || missing;
}

// Says why a file cannot be opened, and makes a new one with its mode, before SQLite makes the WAL with the same. A
// file that is there is never opened here: closing it would drop every POSIX lock that this process holds on it, and
// another process that ends would then take itself for the last one and remove the WAL from under us.
Result<void> prepare_file(const std::string& path, bool create) {
  if (create) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0 && errno != EEXIST) return error_of(errno);
    if (fd >= 0) ::close(fd);
  }
  if (::access(path.c_str(), R_OK | W_OK) != 0) return error_of(errno);
  return {};
}

}  // namespace

std::string database_path(const std::string& directory, int generation) {
  const std::string name = generation == 1 ? "julu.db" : "julu-" + std::to_string(generation) + ".db";
  return (std::filesystem::path(directory) / name).string();
}

std::string damage_mark(const std::string& database_path) { return database_path + "-damaged"; }

int generation_in_use(const Store::Options& options) {
  int generation = 1;
  while (file_exists(damage_mark(database_path(options.directory, generation)), options.vfs)) ++generation;
  return generation;
}

Result<std::unique_ptr<Connection>> open_database(const Store::Options& options, int generation, Opening how,
                                                  const StandIn* stand_in) {
  const bool create = how == Opening::create;
  const std::string path = database_path(options.directory, generation);
  Connection::Options connection;
  if (options.encrypted && create && is_new(path, options.vfs)) connection.salt = salt_of(options.key);
  if (options.vfs.empty()) JULU_CHECK(prepare_file(path, create));
  connection.path = path;
  connection.vfs = options.vfs;
  connection.create = create;
  connection.read_only = connection.damaged = how == Opening::damaged;
  connection.stand_in = stand_in;
  if (stand_in != nullptr) {
    connection.clear_head = stand_in->clear_head;
    connection.salt = stand_in->salt;
  }
  if (options.encrypted) connection.key = options.key;
  return Connection::open(connection);
}

namespace {

struct Unreadable {
  std::vector<std::int64_t> places;  // of the file, then of its log
  bool all = false;
};

Result<Unreadable> unreadable(const std::string& path, const std::string& vfs) {
  constexpr std::int64_t kPiece = 4096;
  Unreadable found;
  std::int64_t pieces = 0;
  for (const std::string& name : {path, path + "-wal"}) {
    if (name != path && !file_exists(name, vfs)) continue;
    JULU_TRY(const SideFile file, SideFile::open(name, vfs, false));
    JULU_TRY(const std::int64_t size, file.size());
    std::array<char, kPiece> piece;
    for (std::int64_t offset = 0; offset < size; offset += kPiece, ++pieces) {
      if (!file.read(piece, offset)) found.places.push_back(pieces);
    }
  }
  found.all = pieces > 0 && static_cast<std::int64_t>(found.places.size()) == pieces;
  return found;
}

}  // namespace

// A page that could not be read is taken for a damaged one: by SQLCipher, which sees what a failed read leaves in
// memory, and by SQLite, whose Unix VFS says of EIO that the file system is corrupt. What is damaged stays so, a place
// that the disk gives no more too.
Result<bool> is_damaged(const Store::Options& options, int generation) {
  constexpr int kLooks = 2;
  std::vector<std::int64_t> before;
  for (int look = 0; look < kLooks; ++look) {
    {
      const auto db = open_database(options, generation, Opening::there);
      if (!db && db.error().code != ErrorCode::store_corrupt) return db.error();
      const auto said = db ? (*db)->text("PRAGMA integrity_check(1)") : Result<std::optional<std::string>>(db.error());
      if (said && *said == "ok") return false;
      if (!said && said.error().code != ErrorCode::store_corrupt) return said.error();
    }
    JULU_TRY(auto now, unreadable(database_path(options.directory, generation), options.vfs));
    if (now.all || (look > 0 && now.places != before)) return Error{ErrorCode::io, {}, "read"};
    before = std::move(now.places);
  }
  return true;
}

Result<void> make_tables(Connection& db) {
  JULU_CHECK(db.script(embedded("sql/0001_initial.sql")));
  JULU_CHECK(keep_sum(db));
  JULU_CHECK(set_meta(db, "cipher", db.encrypted() ? "page 4096, HMAC-SHA256" : "none, page 4096"));
  return db.script("PRAGMA user_version = 1");
}

std::string salt_of(const StoreKey& key) {
  Sha256 sum;
  sum.update("julu salt\n");
  sum.update({reinterpret_cast<const char*>(key.data()), key.size()});
  return hex(sum.finish()).substr(0, 32);
}

Result<FreshSchema> fresh_schema(const Store::Options& options, std::string salt, Lost lost) {
  Connection::Options fresh;
  fresh.path = "fresh";
  fresh.vfs = "memdb";  // SQLite's own, of bytes as they would be on a disk
  fresh.create = true;
  fresh.salt = std::move(salt);
  fresh.clear_head = lost != Lost::tables;
  if (options.encrypted) fresh.key = options.key;
  JULU_TRY(const auto db, Connection::open(fresh));
  JULU_CHECK(migrate(*db));
  FreshSchema made;
  made.pages.salt = fresh.salt;
  made.pages.clear_head = fresh.clear_head;
  JULU_TRY(const auto version, db->integer("PRAGMA schema_version"));
  made.version = version.value_or(0);
  if (lost != Lost::first_page) {
    JULU_TRY(const auto behind, db->integer("SELECT max(rootpage) * page_size FROM sqlite_schema, pragma_page_size"));
    made.pages.offset = behind.value_or(0);
    JULU_TRY(made.pages.bytes, db->raw_bytes(made.pages.offset));
  }
  if (lost == Lost::tables) return made;
  // https://www.sqlite.org/fileformat2.html#the_database_header: there may be a log, and the file is as long as it is.
  JULU_TRY(made.pages.first_page, db->raw_bytes(0));
  constexpr std::size_t kPageBytes = 4096;
  made.pages.first_page.resize(kPageBytes);
  made.pages.first_page.replace(18, 2, "\2\2");
  made.pages.first_page.replace(28, 4, 4, '\0');
  return made;
}

Result<void> migrate(Connection& db) {
  // Without a transaction first: opening is no reason to wait for a writer.
  JULU_TRY(const auto before, db.integer("PRAGMA user_version"));
  if (before == kSchemaVersion) return {};
  JULU_TRY(auto transaction, Transaction::begin(db));
  JULU_TRY(const auto version, db.integer("PRAGMA user_version"));
  if (version.value_or(0) > kSchemaVersion) {
    return Error{ErrorCode::store_newer, {}, "schema " + std::to_string(*version)};
  }
  if (version.value_or(0) == kSchemaVersion) return {};
  JULU_CHECK(make_tables(db));
  return transaction.commit();
}

Result<std::optional<std::string>> meta_text(Connection& db, const char* name) {
  return db.text("SELECT value FROM meta WHERE name = ?1", name);
}

Result<std::int64_t> meta_integer(Connection& db, const char* name) {
  JULU_TRY(const auto value, db.integer("SELECT value FROM meta WHERE name = ?1", name));
  return value.value_or(0);
}

namespace {

constexpr const char* kSetMeta = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";

}  // namespace

Result<void> set_meta(Connection& db, const char* name, std::string_view value) {
  return db.run(kSetMeta, name, value);
}
Result<void> set_meta(Connection& db, const char* name, std::int64_t value) { return db.run(kSetMeta, name, value); }
Result<void> set_meta(Connection& db, const char* name, Blob value) { return db.run(kSetMeta, name, value); }

Result<void> save_identity(Connection& db, const Identity& identity) {
  const bool plain = std::all_of(identity.device.begin(), identity.device.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
  // It stands unescaped in the text that receipts sign.
  if (identity.device.empty() || identity.device.size() > limits::key_bytes_max || !plain)
    return Error{ErrorCode::bad_reply, "/device", {}};
  const Json json{{"platform", identity.platform},
                  {"device", identity.device},
                  {"worker", identity.worker},
                  {"name", identity.name},
                  {"role", identity.role},
                  {"grids", identity.grids},
                  {"grid_names", identity.grid_names},
                  {"origins", identity.origins},
                  {"root_key", base64url(identity.root_key)}};
  return set_meta(db, "identity", json.dump());
}

Error with_field(Error error, std::string field) {
  error.field = std::move(field);
  return error;
}

}  // namespace julu::store
