#include <julu/enrolment.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <julu/crypto.h>
#include <julu/outbox.h>
#include <julu/store.h>

#include "store/core.h"

namespace julu {

using namespace store;

namespace {

namespace fs = std::filesystem;

constexpr const char* kUnfinished = ".enrolling";
constexpr const char* kDamaged = ".damaged-";  // no worker's folder has a dot

Error disk_error(const std::error_code& why, const char* field) {
  if (why == std::errc::permission_denied || why == std::errc::read_only_file_system) {
    return Error{ErrorCode::permission, field, {}};
  }
  if (why == std::errc::not_a_directory || why == std::errc::file_exists) {
    return Error{ErrorCode::bad_argument, field, {}};
  }
  if (why == std::errc::no_space_on_device || why.value() == EDQUOT) return Error{ErrorCode::disk_full, field, {}};
  return Error{ErrorCode::io, field, "errno " + std::to_string(why.value())};
}

// A folder of the worker's label; anything that a file system could mind becomes '_'.
std::string folder_name(const std::string& worker) {
  std::string name;
  for (const char c : worker.substr(0, 64)) {
    const auto byte = static_cast<unsigned char>(c);
    name += std::isalnum(byte) != 0 || c == '-' || c == '_' || byte >= 0x80 ? c : '_';
  }
  return name.empty() ? "worker" : name;
}

// One enrolment a root at a time, whichever thread or process: two would put two identities into one folder.
class RootLock {
 public:
  static Result<std::unique_ptr<RootLock>> take(const std::string& root) {
    const int folder = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return disk_error(std::error_code(errno, std::generic_category()), "root");
    std::unique_ptr<RootLock> lock(new RootLock(folder));
    const bool taken = ::flock(folder, LOCK_EX | LOCK_NB) == 0;
    // Where the file system knows no such lock the shell has to see to it.
    if (!taken && errno == EWOULDBLOCK) return Error{ErrorCode::busy, "root", {}};
    return lock;
  }
  ~RootLock() {
    ::flock(folder_, LOCK_UN);  // a child that was forked meanwhile has it too
    ::close(folder_);
  }
  RootLock(const RootLock&) = delete;
  RootLock& operator=(const RootLock&) = delete;

 private:
  explicit RootLock(int folder) : folder_(folder) {}
  int folder_;
};

std::string hash_of(const Enrolment::Options& options) { return hex(sha256(options.platform + "\n" + options.code)); }

Store::Options store_in(const std::string& directory, const Enrolment::Options& options) {
  Store::Options store;
  store.directory = directory;
  store.key = options.key;
  store.encrypted = options.encrypted;
  store.clock = options.clock;
  store.random = options.random;
  store.vfs = options.vfs;
  return store;
}

/// The key that this code has enrolled a store here with. Who died before hearing of it asks again.
std::optional<PrivateKey> finished_key(const Enrolment::Options& options) {
  const auto all = enrolments(options.root);
  for (const Enrolled& one : all ? *all : std::vector<Enrolled>()) {
    const Store::Options store = store_in(one.directory, options);
    const auto db = open_database(store, generation_in_use(store), Opening::there);
    if (!db) continue;
    const auto begun_for = meta_text(**db, "begun_for");
    const auto known = meta_text(**db, "device_key");
    PrivateKey key{};
    if (!begun_for || *begun_for != hash_of(options) || !known || !*known || (*known)->size() != key.size()) continue;
    std::copy((*known)->begin(), (*known)->end(), key.begin());
    return key;
  }
  return std::nullopt;
}

class Unfinished final : public Enrolment {
 public:
  Unfinished(Options options, std::string directory, PrivateKey key, std::unique_ptr<RootLock> lock,
             std::unique_ptr<Connection> db)
      : options_(std::move(options)),
        directory_(std::move(directory)),
        key_(key),
        lock_(std::move(lock)),
        db_(std::move(db)) {}

  PublicKey public_key() const override { return julu::public_key(key_); }
  Signature sign(std::string_view message) const override { return julu::sign(key_, message); }

  Result<std::string> finish(const Identity& identity) override {
    if (options_.vfs.empty()) {
      JULU_TRY(auto directory, go_on(identity));
      if (directory) return *std::move(directory);
    }
    JULU_TRY(auto transaction, Transaction::begin(*db_));
    JULU_CHECK(save_identity(*db_, identity));
    JULU_CHECK(db_->run("DELETE FROM meta WHERE name GLOB 'begun_for ?*'"));
    JULU_CHECK(transaction.commit());
    JULU_CHECK(db_->checkpoint(true));
    db_.reset();
    if (!options_.vfs.empty()) return directory_;

    std::error_code failed;
    fs::path target = fs::path(options_.root) / folder_name(identity.worker);
    const std::string suffix = identity.device.substr(identity.device.size() > 8 ? identity.device.size() - 8 : 0);
    if (beyond_salvage_) {
      fs::rename(target, target.string() + kDamaged + suffix, failed);
      if (failed) return disk_error(failed, "root");
    }
    if (fs::exists(target, failed)) target += "-" + suffix;
    fs::rename(directory_, target, failed);
    if (failed) return disk_error(failed, "root");
    sync_folder(options_.root);
    lock_.reset();
    return target.string();
  }

 private:
  struct Here {
    std::string directory;
    std::unique_ptr<Store> store;
  };

  // The store that this worker of this platform has here already.
  Result<std::optional<Here>> store_here(const Identity& identity) {
    const std::string name = folder_name(identity.worker);
    JULU_TRY(const std::vector<Enrolled> all, enrolments(options_.root));
    std::optional<Error> refused;
    std::optional<Here> newest;
    std::int64_t newest_sync_ms = -1;
    for (const Enrolled& one : all) {
      if (one.worker != name && !one.worker.starts_with(name + "-")) continue;
      auto store = Store::open(store_in(one.directory, options_));
      if (store) {
        const Identity known = (*store)->identity();
        const bool same = known.worker == identity.worker && known.platform == identity.platform &&
                          known.root_key == identity.root_key;
        // An app of before gave a second enrolment a store of its own; the one in use goes on.
        JULU_TRY(const Status status, (*store)->status());
        if (same && status.last_sync_ms > newest_sync_ms) {
          newest_sync_ms = status.last_sync_ms;
          newest = Here{one.directory, *std::move(store)};
        }
        continue;
      }
      const ErrorCode why = store.error().code;
      const bool beyond_reading = why == ErrorCode::store_corrupt || why == ErrorCode::store_missing;
      if (why != ErrorCode::store_key && !beyond_reading) return store.error();
      beyond_salvage_ = beyond_salvage_ || (why == ErrorCode::store_corrupt && one.worker == name);
      // A folder whose name only begins so may be another worker's, under a key of theirs.
      if (why == ErrorCode::store_key && one.worker == name) refused = Error{why, "key", {}};
    }
    if (!newest && refused) return *std::move(refused);
    return newest;
  }

  // Makes the store that is here already the new device, where there is one. It has the key then, so what was begun can
  // go; cut off before that, the next asks with the same key and finds it done.
  Result<std::optional<std::string>> go_on(const Identity& identity) {
    for (bool again = false;; again = true) {
      JULU_TRY(auto here, store_here(identity));
      if (!here) return std::optional<std::string>();
      Outbox outbox(*here->store);
      Result<void> became = outbox.acquire_lease();  // no Syncer may send as the old one meanwhile
      if (became) {
        became = outbox.become_by_code(identity, key_, hash_of(options_));
        outbox.release_lease();
      }
      if (became) {
        db_.reset();
        std::error_code ignored;
        fs::remove_all(directory_, ignored);
        lock_.reset();
        return std::optional(std::move(here->directory));
      }
      // Found damaged just now: opened again, it is set aside and what can be read is saved.
      if (again || became.error().code != ErrorCode::store_corrupt) return became.error();
    }
  }

  Options options_;
  std::string directory_;
  PrivateKey key_;
  std::unique_ptr<RootLock> lock_;
  std::unique_ptr<Connection> db_;
  bool beyond_salvage_ = false;  // the store in the worker's folder: it is kept under another name
};

Result<void> make_folder(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed) return disk_error(failed, "root");
  fs::permissions(path, fs::perms::owner_all, failed);
  if (failed) return disk_error(failed, "root");
  return {};
}

std::string name_of_key(const std::string& begun_for) { return "begun_for " + begun_for; }

/// The enrolment that was begun here for this, with its key, or a new one. The keys that were made for other codes are
/// kept, for each may be what the platform knows already. A store in a VFS is no folder of its own, and has one key
/// whatever it was begun for.
Result<std::unique_ptr<Connection>> open_begun(const Store::Options& store, const Enrolment::Options& options,
                                               Random& random, PrivateKey& key) {
  const std::string wanted = hash_of(options);
  JULU_TRY(auto db, open_database(store, 1, Opening::create));
  JULU_CHECK(migrate(*db));
  JULU_TRY(auto transaction, Transaction::begin(*db));
  JULU_TRY(const auto known, meta_text(*db, "device_key"));
  JULU_TRY(const auto begun_for, meta_text(*db, "begun_for"));
  if (known && known->size() == key.size() && (begun_for == wanted || !store.vfs.empty())) {
    std::copy(known->begin(), known->end(), key.begin());
    return db;
  }
  if (known && begun_for) JULU_CHECK(set_meta(*db, name_of_key(*begun_for).c_str(), Blob{*known}));
  JULU_TRY(const auto kept, meta_text(*db, name_of_key(wanted).c_str()));
  if (kept && kept->size() == key.size()) {
    std::copy(kept->begin(), kept->end(), key.begin());
  } else {
    const auto finished = store.vfs.empty() ? finished_key(options) : std::nullopt;
    key = finished ? *finished : make_private_key(random);
  }
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  JULU_CHECK(set_meta(*db, "device_key", Blob{bytes}));
  JULU_CHECK(set_meta(*db, "begun_for", wanted));
  JULU_CHECK(transaction.commit());
  return db;
}

}  // namespace

Result<std::unique_ptr<Enrolment>> Enrolment::begin(Options options) {
  if (options.consent_at_ms <= 0) return Error{ErrorCode::consent_missing, "consent", {}};
  if (options.root.empty()) return Error{ErrorCode::bad_argument, "root", {}};
  const std::string directory = options.vfs.empty() ? (fs::path(options.root) / kUnfinished).string() : options.root;
  std::unique_ptr<RootLock> lock;
  if (options.vfs.empty()) {
    JULU_CHECK(make_folder(directory));
    JULU_TRY(lock, RootLock::take(options.root));
    JULU_CHECK(make_folder(directory));  // another may have just finished
  }

  const Store::Options store = store_in(directory, options);
  Random& random = options.random != nullptr ? *options.random : system_random();
  PrivateKey key{};
  auto opened = open_begun(store, options, random, key);
  const ErrorCode why = opened ? ErrorCode::ok : opened.error().code;
  if (why == ErrorCode::store_corrupt) {
    JULU_TRY(const bool damaged, is_damaged(store, 1));
    if (!damaged) return Error{ErrorCode::io, "root", opened.error().detail};
  }
  if ((why == ErrorCode::store_key || why == ErrorCode::store_corrupt) && options.vfs.empty()) {
    // Begun under another key, or damaged since: nobody can read any more what this device was to be.
    std::error_code ignored;
    fs::remove_all(directory, ignored);
    JULU_CHECK(make_folder(directory));
    opened = open_begun(store, options, random, key);
  }
  if (!opened) return opened.error();
  auto db = *std::move(opened);
  JULU_TRY(auto transaction, Transaction::begin(*db));
  JULU_CHECK(set_meta(*db, "consent_at_ms", options.consent_at_ms));
  JULU_CHECK(transaction.commit());
  return std::unique_ptr<Enrolment>(new Unfinished(std::move(options), directory, key, std::move(lock), std::move(db)));
}

Result<std::vector<Enrolled>> enrolments(const std::string& root) {
  std::vector<Enrolled> found;
  std::error_code failed;
  for (auto at = fs::directory_iterator(root, failed); !failed && at != fs::directory_iterator();
       at.increment(failed)) {
    const std::string folder = at->path().filename().string();
    if (folder == kUnfinished || folder.find(kDamaged) != std::string::npos) continue;
    std::error_code unknown;
    if (fs::exists(at->path() / "julu.db", unknown)) found.push_back({folder, at->path().string()});
  }
  if (failed && failed != std::errc::no_such_file_or_directory) return disk_error(failed, "root");
  std::sort(found.begin(), found.end(), [](const Enrolled& a, const Enrolled& b) { return a.worker < b.worker; });
  return found;
}

}  // namespace julu
