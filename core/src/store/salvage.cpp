// What can be read of a damaged file goes into a new one; the damaged one stays as it is. The device enrols anew after
// it, because nobody can tell which ops of its chain were lost (openapi.yaml `EnrolByAssertion`).
#include <algorithm>
#include <map>
#include <set>

#include <julu/log.h>

#include "store/photos.h"
#include "store/records.h"

namespace julu::store {
namespace {

constexpr const char* kReadOp =
    "SELECT seq, place, chain, number, op_id, record, verb, urgency, status, attempts, next_attempt_ms, wait_max_ms, after,"
    " base_version, successor, photo, version, folded, receipt, hash, link, problem, base_values, canonical"
    " FROM op WHERE seq = ?1";
constexpr const char* kWriteOp =
    "INSERT INTO op (seq, place, chain, number, op_id, record, verb, urgency, status, attempts, next_attempt_ms,"
    " wait_max_ms, after, base_version, successor, photo, version, folded, receipt, hash, link, problem,"
    " base_values, canonical) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,"
    " ?20, ?21, ?22, ?23, ?24)";
constexpr const char* kReadRecord =
    "SELECT id, kind, body, base, base_version, base_epoch, state, base_state, deleted, base_deleted, captured_at_ms, changed"
    " FROM record WHERE id = ?1";
constexpr const char* kWriteRecord =
    "INSERT OR IGNORE INTO record (id, kind, body, base, base_version, base_epoch, state, base_state, deleted, base_deleted,"
    " captured_at_ms, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
constexpr const char* kReadPhoto =
    "SELECT id, sha256, length_bytes, original_sha256, width, height, here, own, uploaded, thumbnail_sent, upload_url, urgency"
    " FROM photo WHERE id = ?1 AND sha256 = ?2";
// A damaged page of the index is none of the table's.
constexpr const char* kFindPhoto[] = {"SELECT id FROM photo WHERE sha256 = ?1",
                                      "SELECT id FROM photo NOT INDEXED WHERE sha256 = ?1"};
constexpr const char* kWritePhoto =
    "INSERT OR IGNORE INTO photo (id, sha256, length_bytes, original_sha256, width, height, here, own, uploaded,"
    " thumbnail_sent, upload_url, urgency) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
constexpr const char* kReceipted = "SELECT 1 FROM op WHERE photo = ?1 AND status = 1";
// What its row says may be as old as the rest; its bytes are those of its hash.
constexpr const char* kWholePhoto =
    "UPDATE photo SET here = 1, length_bytes = (SELECT sum(length(bytes)) FROM chunk"
    " WHERE chunk.id BETWEEN ?1 << 26 AND (?1 + 1 << 26) - 1) WHERE id = ?1";

// From both ends: the way to a single row goes through the pages of others, and a long one lies on pages of its own.
constexpr const char* kReadCatalog[] = {
    "SELECT kind, id, version, epoch, body FROM catalog WHERE +kind IN ('schema', 'flow') AND problem IS NULL"
    " ORDER BY kind, id",
    "SELECT kind, id, version, epoch, body FROM catalog WHERE +kind IN ('schema', 'flow') AND problem IS NULL"
    " ORDER BY kind DESC, id DESC"};
constexpr const char* kWriteCatalog =
    "INSERT OR IGNORE INTO catalog (kind, id, version, epoch, body) VALUES (?1, ?2, ?3, ?4, ?5)";
// Exactly this one: a look for its neighbours goes to pages that may be damaged. Where it is not found, it may be that
// there is none behind the last, and the hash tells.
constexpr const char* kReadChunk = "SELECT bytes FROM chunk WHERE id = (?1 << 26) + ?2";

// Of each record, what hangs on it; every row by itself.
struct Side {
  const char* read;
  const char* write;
};
constexpr Side kSides[] = {
    {"SELECT record, sha256, role, action, place, op FROM attachment WHERE record = ?1",
     "INSERT OR IGNORE INTO attachment (record, sha256, role, action, place, op) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    {"SELECT id, record, number, action, state, actor, at_ms, body FROM action WHERE record = ?1",
     "INSERT OR IGNORE INTO action (id, record, number, action, state, actor, at_ms, body)"
     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    {"SELECT record, at_ms, what, detail FROM history WHERE record = ?1 ORDER BY id",
     "INSERT INTO history (record, at_ms, what, detail) VALUES (?1, ?2, ?3, ?4)"},
    {"SELECT record, field, base, local, remote, at_ms FROM conflict WHERE record = ?1",
     "INSERT OR IGNORE INTO conflict (record, field, base, local, remote, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
};

// Each of these stands in `spare` too, by its triggers.
constexpr const char* kMeta[] = {"identity",          "device_key",       "consent_at_ms",   "chain",
                                 "first_device",      "first_device_key", "new_device_key",  "epoch",
                                 "safe_before_ms",    "clock_offset_ms",  "confirming",      "reconcile_at_ms",
                                 "reconcile_wait_ms", "server_seen_ms",   "server_ahead_ms", "server_seen_at_ms",
                                 "confirmed_ms"};

// The damaged file. An error leaves a connection that fails for ever, so each begins anew after one. A worn disk may
// give at another try what it did not give at the first.
class Wreck {
 public:
  Wreck(const Store::Options& options, int generation) : options_(options), generation_(generation) {}

  int generation() const { return generation_; }

  /// What `look` finds, or nothing where it cannot be read. Errors: of opening the file.
  template <class Look>
  auto read(Look&& look) -> Result<std::optional<typename std::decay_t<decltype(*look(std::declval<Connection&>()))>>> {
    using Found = std::decay_t<decltype(*look(std::declval<Connection&>()))>;
    constexpr int kTries = 3;
    for (int attempt = 0; attempt < kTries; ++attempt) {
      if (db_ == nullptr) JULU_CHECK(open());
      auto found = look(*db_);
      if (found) return std::optional<Found>(std::move(*found));
      db_.reset();
    }
    ++failures_;
    return std::optional<Found>();
  }
  /// Where its list of tables or its first page cannot be read, those of a fresh file stand in. Errors: of opening it;
  /// store_key where nothing can be read so either.
  Result<void> find_tables() {
    if (db_ != nullptr) return {};
    const Result<void> opened = open();
    if (opened && db_->integer("SELECT count(*) FROM sqlite_schema")) return {};
    if (opened) {
      JULU_TRY(const auto salt, db_->text("PRAGMA cipher_salt"));
      if (stands(fresh_schema(options_, salt.value_or(""), Lost::tables))) return {};
      stand_in_.reset();
      return open();
    }
    const ErrorCode why = opened.error().code;
    if (why != ErrorCode::store_key && why != ErrorCode::store_corrupt) return opened;
    needs_stand_in_ = true;
    const std::string salt = salt_of(options_.key);
    // The log may have a first page that is whole.
    FreshSchema salt_alone;
    salt_alone.pages.salt = salt;
    if (options_.encrypted && stands(salt_alone)) return {};
    for (const Lost lost : {Lost::first_page, Lost::both}) {
      if (stands(fresh_schema(options_, salt, lost))) return {};
    }
    stand_in_.reset();
    db_.reset();
    return opened;
  }
  bool needs_stand_in() const { return needs_stand_in_; }
  /// How often a page that could not be read ended it.
  int failures() const { return failures_; }
  /// The one row that `sql` gives; empty: none, or it cannot be read.
  template <class... Keys>
  Result<std::vector<Value>> row(const char* sql, const Keys&... keys) {
    JULU_TRY(auto found, read([&](Connection& db) -> Result<std::vector<Value>> {
               Query one = db.query(sql, keys...);
               JULU_TRY(const bool there, one.step());
               return there ? one.values() : std::vector<Value>();
             }));
    return std::move(found).value_or(std::vector<Value>());
  }
  /// Every row that `sql` gives until it fails.
  Result<std::vector<std::vector<Value>>> rows(const char* sql, const std::optional<Id>& key = std::nullopt) {
    std::vector<std::vector<Value>> found, most;
    JULU_CHECK(read([&](Connection& db) -> Result<bool> {
      if (found.size() > most.size()) most.swap(found);
      found.clear();
      Query row = key ? db.query(sql, *key) : db.query(sql);
      for (;;) {
        JULU_TRY(const bool there, row.step());
        if (!there) return true;
        found.push_back(row.values());
      }
    }));
    return found.size() < most.size() ? most : found;
  }

 private:
  // Until there is a second version of the schema, a stand-in is of the file's own.
  bool stands(Result<FreshSchema> made) {
    if (!made) return false;
    stand_in_ = std::move(made->pages);
    if (!open()) return false;
    const auto version = db_->integer("PRAGMA schema_version");
    return version && (made->version == 0 || *version == made->version) && shows_a_table();
  }

  // Under another key none does. A page without a cipher may look like an empty one by chance.
  bool shows_a_table() {
    for (const char* sql :
         {"SELECT 1 FROM meta LIMIT 1", "SELECT 1 FROM record LIMIT 1", "SELECT 1 FROM op LIMIT 1",
          "SELECT 1 FROM history LIMIT 1", "SELECT 1 FROM catalog LIMIT 1", "SELECT 1 FROM photo LIMIT 1",
          "SELECT 1 FROM attachment LIMIT 1", "SELECT 1 FROM searched LIMIT 1", "SELECT 1 FROM spare LIMIT 1"}) {
      const auto looked = read([&](Connection& db) -> Result<bool> { return db.query(sql).step(); });
      if (looked && *looked && (**looked || options_.encrypted)) return true;
    }
    return false;
  }

  Result<void> open() {
    db_.reset();
    JULU_TRY(db_, open_database(options_, generation_, Opening::damaged, stand_in_ ? &*stand_in_ : nullptr));
    return {};
  }

  const Store::Options& options_;
  int generation_;
  int failures_ = 0;
  bool needs_stand_in_ = false;
  std::optional<StandIn> stand_in_;
  std::unique_ptr<Connection> db_;
};

class Salvaging {
 public:
  Salvaging(Wreck& wreck, Connection& db) : wreck_(wreck), db_(db) {}

  Result<void> run(std::int64_t now_ms) {
    JULU_CHECK(wreck_.find_tables());
    JULU_CHECK(take_meta());
    JULU_CHECK(take_catalog());
    JULU_CHECK(take_ops());
    JULU_CHECK(take_records());
    for (const Hash& photo : photos_) JULU_CHECK(take_photo(photo, Named::by_op));
    for (const auto& [photo, attached] : shown_) {
      if (!photos_.contains(photo)) JULU_CHECK(take_photo(photo, attached ? Named::by_lost_op : Named::by_others));
    }
    // Whoever follows the feed looks at everything again: of what was lost nobody knows how far it had come, but that
    // it stood between the same two leaps as the rest.
    JULU_TRY(const auto highest, db_.integer("SELECT max(changed) FROM record"));
    const std::int64_t leaps = std::max<std::int64_t>(wreck_.generation(), highest.value_or(0) / kChangesLeap + 1);
    JULU_CHECK(db_.run(
        "UPDATE record SET changed = ?1 + place FROM (SELECT id AS placed, row_number() OVER (ORDER BY changed, id)"
        " AS place FROM record) WHERE id = placed",
        mutant(Mutant::changes_begin_anew) ? 0 : leaps * kChangesLeap));
    // Last, because what is here keeps its number, and these take the next ones.
    for (const auto& [photo, was_up] : lost_) JULU_CHECK(lose_photo(photo, was_up));
    const Json told{
        {"at_ms", now_ms}, {"ops", unsent_}, {"ops_unreadable", unreadable_}, {"photos_lost", photos_lost_}};
    JULU_CHECK(set_meta(db_, "salvage", told.dump()));
    JULU_CHECK(set_meta(db_, "salvaged_raw", std::int64_t{1}));
    JULU_CHECK(set_meta(db_, "generation", std::int64_t{1}));  // the pull that follows is a full one, and sweeps
    return set_meta(db_, "forked", std::int64_t{1});
  }

 private:
  Result<void> take_meta() {
    for (const char* name : kMeta) {
      const std::string_view which(name);
      const int failures = wreck_.failures();
      JULU_TRY(auto row, wreck_.row("SELECT name, value FROM meta WHERE name = ?1", name));
      // What is not there is not: the copy may be older, where writes were lost.
      if (row.empty() ? wreck_.failures() > failures : !is_sound(which, row.back())) {
        JULU_TRY(row, wreck_.row("SELECT name, value FROM spare WHERE name = ?1", name));
      }
      const bool here = !row.empty();
      const bool sound = here && is_sound(which, row.back());
      if (!sound && (which == "identity" || which == "device_key")) return Error{ErrorCode::store_corrupt, name, {}};
      if (here)
        JULU_CHECK(
            db_.insert("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value", row));
    }
    return {};
  }

  // What a record means has to be known when it is said again, which is before the next pull.
  Result<void> take_catalog() {
    for (const char* sql : kReadCatalog) {
      JULU_TRY(const auto rows, wreck_.rows(sql));
      for (const auto& row : rows) JULU_CHECK(db_.insert(kWriteCatalog, row));
    }
    return {};
  }

  // What the new file could not be opened with is not worth one.
  static bool is_sound(std::string_view name, const Value& value) {
    if (name == "device_key") {
      const auto* key = std::get_if<std::vector<char>>(&value);
      return key != nullptr && key->size() == std::tuple_size_v<PrivateKey>;
    }
    if (name != "identity") return true;
    const auto* text = std::get_if<std::string>(&value);
    return text != nullptr && parse_identity(*text).ok();
  }

  // The last number that the table or one of its indexes still shows.
  Result<std::int64_t> last_seq() {
    std::int64_t last = 0;
    const char* table = "SELECT seq FROM op NOT INDEXED ORDER BY seq";
    for (const char* sql :
         {"SELECT max(seq) FROM op", table, "SELECT seq FROM op INDEXED BY op_record ORDER BY record, place",
          "SELECT seq FROM op INDEXED BY op_queue WHERE status = 0 ORDER BY urgency, place"}) {
      const int failures = wreck_.failures();
      JULU_TRY(const auto found, wreck_.rows(sql));
      if (sql == table) ops_torn_ = wreck_.failures() > failures;
      for (const auto& row : found) {
        if (const auto* seq = std::get_if<std::int64_t>(&row.front())) last = std::max(last, *seq);
      }
    }
    return last;
  }

  Result<void> take_ops() {
    JULU_TRY(const std::int64_t last, last_seq());
    for (std::int64_t seq = 1; seq <= last; ++seq) JULU_CHECK(take_op(seq));
    // A copy of what the device is may be older than its ops.
    JULU_CHECK(
        db_.run("INSERT INTO meta SELECT 'chain', max(chain) FROM op HAVING max(chain) > 0"
                " ON CONFLICT DO UPDATE SET value = max(value, excluded.value)"));
    // Where nothing shows any more how many there were, it is one at least.
    if (mutant(Mutant::loss_not_told))
      unreadable_ = 0;
    else if (ops_torn_)
      unreadable_ = std::max<std::int64_t>(unreadable_, 1);
    return queue_what_was_replaced();
  }

  // The newest op of those that a lost one was to replace goes again; if the lost one was delivered, the platform says
  // so.
  Result<void> queue_what_was_replaced() {
    JULU_CHECK(db_.run(
        "UPDATE op SET successor = (SELECT max(seq) FROM op AS newest WHERE newest.successor = op.successor"
        "   AND newest.status = 3)"
        " WHERE status = 3 AND successor NOT IN (SELECT seq FROM op)"
        " AND seq <> (SELECT max(seq) FROM op AS newest WHERE newest.successor = op.successor AND newest.status = 3)"));
    // A lost number is given out again, so what named it names 0, which is nobody's.
    JULU_CHECK(db_.run("UPDATE op SET successor = 0 WHERE status = 4 AND successor NOT IN (SELECT seq FROM op)"));
    return db_.run(
        "UPDATE op SET status = 0, successor = 0, next_attempt_ms = 0 WHERE status = 3"
        " AND successor NOT IN (SELECT seq FROM op)");
  }

  // Only an op whose bytes are those that it was made of.
  Result<void> take_op(std::int64_t seq) {
    JULU_TRY(const auto row, wreck_.read([&](Connection& db) -> Result<std::vector<Value>> {
      Query op = db.query(kReadOp, seq);
      JULU_TRY(const bool there, op.step());
      if (!there || sha256(op.text(23)) != op.hash(19)) return std::vector<Value>();
      const int status = static_cast<int>(op.integer(8));
      unsent_ += status == kStatusQueued || status == kStatusParked ? 1 : 0;
      records_.insert(op.id(5));
      if (!op.is_null(15)) photos_.insert(op.hash(15));
      return op.values();
    }));
    if (!row || row->empty()) {
      ++unreadable_;
      return {};
    }
    if (const auto* receipt = std::get_if<std::int64_t>(&row->at(18))) JULU_CHECK(take_receipt(*receipt));
    return db_.insert(kWriteOp, *row);
  }

  Result<void> take_receipt(std::int64_t id) {
    if (!receipts_.insert(id).second) return {};
    JULU_TRY(
        const auto row,
        wreck_.row(
            "SELECT id, device, key_id, epoch, server_time_ms, signature, seen_ms, items FROM receipt WHERE id = ?1",
            id));
    if (row.empty()) return {};
    return db_.insert("INSERT INTO receipt VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", row);
  }

  Result<void> take_records() {
    // From both ends: what lies behind a page that cannot be read shows from the other.
    for (const char* sql : {"SELECT id FROM record ORDER BY id", "SELECT id FROM record ORDER BY id DESC"}) {
      JULU_TRY(const auto ids, wreck_.rows(sql));
      for (const auto& row : ids) {
        const auto* raw = std::get_if<std::vector<char>>(&row.front());
        Id id;
        if (raw == nullptr || raw->size() != id.bytes.size()) continue;
        std::copy(raw->begin(), raw->end(), id.bytes.begin());
        records_.insert(id);
      }
    }
    for (const Id& id : records_) {
      JULU_TRY(const auto row, wreck_.rows(kReadRecord, id));
      for (const auto& record : row) JULU_CHECK(db_.insert(kWriteRecord, record));
      if (row.empty()) JULU_CHECK(remember_record(db_, id));
      for (const Side& side : kSides) {
        JULU_TRY(const auto hanging, wreck_.rows(side.read, id));
        for (const auto& one : hanging) JULU_CHECK(db_.insert(side.write, one));
        if (&side == &kSides[0]) remember_photos(hanging);
      }
    }
    return db_.run("UPDATE attachment SET op = 0 WHERE op > 0 AND op NOT IN (SELECT seq FROM op)");
  }

  // An attachment names its photo even where the op that attached it is lost. What a person gave up is nowhere else.
  void remember_photos(const std::vector<std::vector<Value>>& attachments) {
    for (const auto& attachment : attachments) {
      const auto* raw = std::get_if<std::vector<char>>(&attachment.at(1));
      Hash hash{};
      if (raw == nullptr || raw->size() != hash.size()) continue;
      std::copy(raw->begin(), raw->end(), hash.begin());
      const auto* op = std::get_if<std::int64_t>(&attachment.at(5));
      if (op != nullptr && *op < 0)
        photos_.insert(hash);
      else
        shown_[hash] |= op != nullptr && *op > 0;
    }
  }

  Result<std::vector<Value>> find_photo(const Hash& hash) {
    for (const char* find : kFindPhoto) {
      JULU_TRY(const auto id, wreck_.row(find, hash));
      if (!id.empty()) return wreck_.row(kReadPhoto, std::get<std::int64_t>(id.front()), hash);
    }
    return std::vector<Value>();
  }

  // Without an op the photo's row has to say that it is ours; where that is lost too, the platform says whether it has
  // what the lost op brought. What is somebody else's comes again from there.
  enum class Named { by_op, by_lost_op, by_others };
  Result<void> take_photo(const Hash& hash, Named named) {
    JULU_TRY(const auto photo, find_photo(hash));
    bool whole = !photo.empty();
    const bool own = whole && photo.at(7) == Value(std::int64_t{1});
    if (!own && (named == Named::by_others || (named == Named::by_lost_op && whole))) return {};
    const bool was_up = whole ? photo.at(8) == Value(std::int64_t{1}) : named == Named::by_lost_op;
    if (whole) {
      const std::int64_t id = std::get<std::int64_t>(photo.front());
      JULU_CHECK(db_.insert(kWritePhoto, photo));
      if (own && was_up && photo.at(6) == Value(std::int64_t{0})) {
        JULU_TRY(const bool purged, take_thumbnail(id, hash));
        if (purged) return {};
      }
      JULU_TRY(whole, take_bytes(id, hash));
      JULU_CHECK(whole ? db_.run(kWholePhoto, id) : db_.run("DELETE FROM photo WHERE id = ?1", id));
    }
    // The platform may have what had gone up, and says so.
    if (!whole) lost_.push_back({hash, was_up});
    return {};
  }

  // Of what was delivered and purged it is all that there is to bring; the bytes are not asked for again.
  Result<bool> take_thumbnail(std::int64_t id, const Hash& hash) {
    JULU_TRY(const auto receipted, db_.integer(kReceipted, hash));
    JULU_TRY(const auto thumbnail, wreck_.row("SELECT photo, bytes FROM thumbnail WHERE photo = ?1", id));
    if (!receipted || thumbnail.empty()) return false;
    JULU_CHECK(db_.insert("INSERT INTO thumbnail VALUES (?1, ?2)", thumbnail));
    JULU_CHECK(db_.run("UPDATE photo SET has_thumbnail = 1 WHERE id = ?1", id));
    return true;
  }

  Result<bool> take_bytes(std::int64_t id, const Hash& hash) {
    ChunkSink sink(db_, id);
    Sha256 sum;
    for (std::int64_t offset = 0;;) {
      JULU_TRY(const auto piece, wreck_.read([&](Connection& db) -> Result<std::string> {
        Query chunk = db.query(kReadChunk, id, offset);
        JULU_TRY(const bool there, chunk.step());
        return there ? std::string(chunk.bytes(0)) : std::string();
      }));
      if (!piece || piece->empty()) break;
      sum.update(*piece);
      offset += static_cast<std::int64_t>(piece->size());
      JULU_CHECK(sink.write({reinterpret_cast<const std::uint8_t*>(piece->data()), piece->size()}));
    }
    JULU_CHECK(sink.finish());
    if (sum.finish() == hash) return true;
    JULU_CHECK(drop_chunks(db_, id));
    return false;
  }

  // What was delivered comes back from the platform; what was not is shown with the reason.
  Result<void> lose_photo(const Hash& hash, bool was_up) {
    JULU_TRY(const auto receipted, db_.integer(kReceipted, hash));
    const bool delivered = receipted || was_up;
    JULU_CHECK(db_.run(
        "INSERT INTO photo (id, sha256, length_bytes, here, own, problem) SELECT coalesce(max(id), 0) + 1, ?1, 0, 0, 0, ?2"
        " FROM photo",
        hash, delivered ? std::optional<std::string>() : problem_text(ErrorCode::photo_damaged, "lost", "", "", "")));
    if (delivered) return {};
    ++photos_lost_;
    return db_.run("UPDATE op SET status = 2, problem = ?2 WHERE photo = ?1 AND status = 0", hash,
                   problem_text(ErrorCode::photo_damaged, "lost", "", "", ""));
  }

  Wreck& wreck_;
  Connection& db_;
  std::set<Id> records_;
  std::set<Hash> photos_;       // of ops
  std::map<Hash, bool> shown_;  // of attachments; true: which an op of ours made
  std::vector<std::pair<Hash, bool>> lost_;
  std::set<std::int64_t> receipts_;
  std::int64_t unsent_ = 0;
  std::int64_t unreadable_ = 0;
  bool ops_torn_ = false;
  std::int64_t photos_lost_ = 0;
};

}  // namespace

Result<std::optional<Error>> salvage(const Store::Options& options, int damaged) {
  Clock& clock = options.clock != nullptr ? *options.clock : system_clock();
  Wreck wreck(options, damaged);
  // Before the next file is made: it would have a wrong key for good.
  if (!file_exists(database_path(options.directory, damaged + 1), options.vfs)) {
    const auto found = wreck.find_tables();
    if (!found && found.error().code != ErrorCode::store_corrupt) return found.error();
  }
  const auto next = open_database(options, damaged + 1, Opening::create);
  if (!next) return judged_key(next.error(), options, damaged + 1);
  const auto& db = *next;
  JULU_TRY(auto transaction, Transaction::begin(*db));
  JULU_TRY(const auto version, db->integer("PRAGMA user_version"));
  if (version.value_or(0) > 0) return std::optional<Error>();
  JULU_CHECK(make_tables(*db));
  const auto salvaged = Salvaging(wreck, *db).run(clock.now_ms());
  if (!salvaged && salvaged.error().code == ErrorCode::store_corrupt) return std::optional(salvaged.error());
  JULU_CHECK(salvaged);
  JULU_CHECK(transaction.commit());
  log(LogLevel::error, "store salvaged into file " + std::to_string(damaged + 1));
  return std::optional<Error>();
}

Error judged_key(const Error& error, const Store::Options& options, int generation) {
  if (error.code != ErrorCode::store_key) return error;
  Wreck wreck(options, generation);
  const auto found = wreck.find_tables();
  if (!found) return found.error();
  // What reads well by now was not read before.
  const Error of_the_disk{ErrorCode::io, error.field, error.detail};
  if (!wreck.needs_stand_in()) return of_the_disk;
  const auto again = open_database(options, generation, Opening::there);
  if (again || again.error().code != ErrorCode::store_key) return again ? of_the_disk : again.error();
  return Error{ErrorCode::store_corrupt, "directory", "sqlite first page"};
}

}  // namespace julu::store
