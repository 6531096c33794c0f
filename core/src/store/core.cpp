#include "store/core.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include <julu/log.h>

namespace julu::store {
namespace {

std::string ballast_path(const Store::Options& options) {
  return (std::filesystem::path(options.directory) / "ballast").string();
}

// It stands in the canonical text of every op, where nothing may need escaping.
std::string safe_boot_id(std::string id) {
  std::erase_if(id, [](unsigned char c) { return std::isalnum(c) == 0 && c != '-'; });
  return id.substr(0, limits::key_bytes_max);
}

}  // namespace

Result<Identity> parse_identity(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Error{ErrorCode::store_corrupt, "identity", {}};
  Identity identity;
  const auto root = parse_public_key(json.value("root_key", ""));
  if (!root) return Error{ErrorCode::store_corrupt, "identity", {}};
  identity.root_key = *root;
  identity.platform = json.value("platform", "");
  identity.device = json.value("device", "");
  identity.worker = json.value("worker", "");
  identity.name = json.value("name", "");
  identity.role = json.value("role", "");
  identity.grids = json.value("grids", std::vector<std::string>());
  identity.grid_names = json.value("grid_names", std::vector<std::string>());
  identity.origins = json.value("origins", std::vector<std::string>());
  return identity;
}

Result<std::unique_ptr<Core>> Core::open(const Store::Options& options) {
  std::unique_ptr<Core> core(new Core());
  core->options_ = options;
  core->clock_ = options.clock != nullptr ? options.clock : &system_clock();
  core->random_ = options.random != nullptr ? options.random : &system_random();
  core->boot_id_ = safe_boot_id(core->clock_->boot_id());
  core->lease_owner_ = make_id(*core->clock_, *core->random_).text();
  core->generation_ = generation_in_use(options);
  // Where the disk is full, even reading needs some room: SQLite's -shm.
  const auto load = [&] {
    const Teller teller(*core);
    return core->with_room([&] { return guarded([&] { return core->load(); }); });
  };
  Result<void> loaded = load();
  // What is said of the key `load` has judged: it may be of the file before this one.
  if (!loaded && loaded.error().code != ErrorCode::store_key) loaded = core->judged(loaded.error());
  // Of a file that gives nothing, another that is as empty would be made at every open.
  if (!loaded && loaded.error().code == ErrorCode::store_corrupt && !core->beyond_salvage_) {
    JULU_CHECK(core->with_room([&] { return make_mark(core->damage_mark_, options.vfs); }));
    ++core->generation_;
    core->damage_noted_ = false;
    loaded = load();
  }
  if (!loaded) return loaded.error();
  log(LogLevel::info, "store open, file " + std::to_string(core->generation_));
  return core;
}

Result<void> Core::load() {
  reader_.reset();
  writer_.reset();
  damage_mark_ = damage_mark(database_path(options_.directory, generation_));
  if (generation_ > 1) {  // it may have been cut off
    JULU_TRY(const auto refused, salvage(options_, generation_ - 1));
    beyond_salvage_ = refused.has_value();
    if (refused) return *refused;
  }
  auto opened = open_database(options_, generation_, Opening::there);
  if (!opened) return judged_key(opened.error(), options_, generation_);
  writer_ = *std::move(opened);
  // An enrolment leaves no file without its tables: this one has lost them, and new ones would hide that.
  JULU_TRY(const auto version, writer_->integer("PRAGMA user_version"));
  if (version.value_or(0) == 0) return Error{ErrorCode::store_corrupt, "directory", "empty"};
  JULU_CHECK(migrate(*writer_));
  JULU_TRY(reader_, open_database(options_, generation_, Opening::there));
  JULU_CHECK(reload_identity(*writer_));
  JULU_CHECK(load_catalog(*writer_));
  // A full disk keeps nobody out for a form.
  if (const auto anew = reconsider_catalog(); !anew && anew.error().code != ErrorCode::disk_full) return anew.error();
  return generation_ > 1 ? write([this](Connection& db) { return lay_salvaged(*this, db); }) : Result<void>();
}

Result<void> Core::check_awake() const {
  return writer_ != nullptr ? Result<void>() : Error{ErrorCode::suspended, {}, {}};
}

Result<void> Core::suspend() {
  const std::scoped_lock lock(write_mutex_, read_mutex_);
  reader_.reset();
  writer_.reset();
  wipe(options_.key);
  return {};
}

Result<void> Core::resume(const StoreKey& key) {
  const Teller teller(*this);
  return with_room([&] { return open_again(key); });
}

Result<void> Core::open_again(const StoreKey& key) {
  const std::scoped_lock lock(write_mutex_, read_mutex_);
  if (writer_ != nullptr) return {};
  JULU_CHECK(check_in_use());
  Store::Options options = options_;
  options.key = key;
  auto opened = open_database(options, generation_, Opening::there);
  if (!opened) {
    return note_damage(judged(opened.error(), options));
  }
  auto writer = *std::move(opened);
  JULU_TRY(reader_, open_database(options, generation_, Opening::there));
  options_.key = key;
  // Another process may have gone on meanwhile.
  Result<void> loaded = reload_identity(*writer);
  if (loaded) loaded = load_catalog(*writer);
  if (!loaded) {
    reader_.reset();
    const Error error = judged(loaded.error());
    wipe(options_.key);  // still suspended
    return error;
  }
  writer_ = std::move(writer);
  return {};
}

Result<void> Core::check_in_use() const {
  if (!file_exists(damage_mark_, options_.vfs)) return {};
  return Error{ErrorCode::store_corrupt, "directory", "set aside"};
}

Error Core::judged(const Error& error, const Store::Options& options) const {
  if (error.code == ErrorCode::store_key) return judged_key(error, options, generation_);
  const bool in_doubt = error.code == ErrorCode::store_corrupt &&
                        (error.detail == Connection::kPageRefused || error.detail == Connection::kMalformed);
  if (!in_doubt) return error;
  const auto damaged = is_damaged(options, generation_);
  if (!damaged) return judged_key(damaged.error(), options, generation_);
  return *damaged ? error : Error{ErrorCode::io, error.field, error.detail};
}

Error Core::note_damage(const Error& error) {
  // Only what SQLite finds in its pages: JSON of another type is one row's fault, and no reason to leave the file.
  if (error.code != ErrorCode::store_corrupt || !error.detail.starts_with("sqlite ")) return error;
  return mark_damaged(error);
}

Error Core::mark_damaged(const Error& error) {
  if (damage_noted_.exchange(true)) return error;
  if (const auto made = with_room([&] { return make_mark(damage_mark_, options_.vfs); }); !made) {
    damage_noted_ = false;
    return made.error();  // without it the next open mends nothing
  }
  damage_ = error.detail;
  damage_untold_ = true;
  return error;
}

void Core::tell() {
  if (ballast_untold_.exchange(false)) log(LogLevel::warning, "disk full: the ballast was given back");
  if (!damage_untold_.exchange(false)) return;
  log(LogLevel::error, "store damaged: " + damage_ + "; the next open sets the file aside");
}

Result<void> Core::look_for_mixed_pages() {
  const Teller teller(*this);
  const std::lock_guard lock(write_mutex_);
  JULU_CHECK(check_awake());
  if (looked_) return {};
  // Held until the mark is made: who waits for it must not write to this file any more.
  const auto lock_of_file = Transaction::begin(*writer_);
  Result<bool> checked = lock_of_file ? check_sum(*writer_, clock_->boot_id()) : Result<bool>(lock_of_file.error());
  if (!checked) checked = judged(checked.error());
  if (!checked && checked.error().code == ErrorCode::store_corrupt) return mark_damaged(checked.error());
  if (!checked) return checked.error();
  looked_ = true;
  newly_checked_ = *checked;
  return {};
}

Core::~Core() {
  wipe(options_.key);
  wipe(device_key_);
}

Result<void> Core::reload_identity(Connection& db) {
  JULU_TRY(const auto text, meta_text(db, "identity"));
  if (!text) return Error{ErrorCode::store_missing, "identity", {}};
  JULU_TRY(Identity identity, parse_identity(*text));
  JULU_TRY(const auto key, meta_text(db, "device_key"));
  if (!key || key->size() != device_key_.size()) return Error{ErrorCode::store_corrupt, "device_key", {}};
  JULU_TRY(const std::int64_t chain, meta_integer(db, "chain"));
  const std::lock_guard lock(identity_mutex_);
  identity_ = std::move(identity);
  std::copy(key->begin(), key->end(), device_key_.begin());
  chain_ = chain;
  return {};
}

Result<void> Core::heed_identity(Connection& db) {
  JULU_TRY(const std::int64_t chain, meta_integer(db, "chain"));
  {
    const std::lock_guard lock(identity_mutex_);
    if (chain == chain_) return {};
  }
  return reload_identity(db);
}

Identity Core::identity() const {
  const std::lock_guard lock(identity_mutex_);
  return identity_;
}

Signature Core::sign(std::string_view message) const {
  const std::lock_guard lock(identity_mutex_);
  return julu::sign(device_key_, message);
}

Moment Core::moment(Connection& db) {
  Moment moment;
  moment.captured_at_ms = std::max<std::int64_t>(0, clock_->now_ms());  // a clock without power may stand before 1970
  moment.evidence.boot_id = boot_id_;
  moment.evidence.monotonic_ms = clock_->monotonic_ms();
  const auto offset = db.integer("SELECT value FROM meta WHERE name = 'clock_offset_ms'");
  if (offset) moment.evidence.clock_offset_ms = *offset;
  return moment;
}

Result<Enqueued> Core::enqueue(Connection& db, const Moment& moment, const NewOp& op) {
  Op full;
  full.op_id = mutant(Mutant::op_id_reused) && !op.replaces.empty() ? op.replaces.front() : make_id(*clock_, *random_);
  full.record = op.record;
  full.kind = op.kind;
  full.verb = op.verb;
  full.body = op.body;
  full.base_version = op.base_version;
  full.replaces = op.replaces;
  full.refs = op.refs;
  full.captured_at_ms = moment.captured_at_ms;
  full.evidence = moment.evidence;
  JULU_TRY(const ChainEnd end, chain_end(db));
  JULU_TRY(const auto last, db.integer("SELECT max(seq) FROM op"));
  const std::int64_t seq = last.value_or(0) + 1;
  if (op.after) {
    Query after = db.query("SELECT op_id FROM op WHERE seq = ?1", *op.after);
    JULU_TRY(const bool row, after.step());
    if (!row) return Error{ErrorCode::internal, "after", {}};
    full.after = after.id(0);
  }
  const std::string text = canonical(full);
  const Hash hash = sha256(mutant(Mutant::op_hash_of_other_bytes) ? op.body : text);
  const Hash link = next_link(end.link, hash);
  std::optional<std::string_view> base_values;
  if (!op.base_values.empty()) base_values = op.base_values;
  JULU_CHECK(db.run(
      "INSERT INTO op (seq, op_id, record, verb, urgency, after, base_version, photo, hash, link, base_values, canonical,"
      " chain, number, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
      seq, full.op_id, full.record, static_cast<int>(full.verb), op.urgency, op.after, op.base_version, op.photo, hash,
      link, base_values, text, end.chain, end.number + (mutant(Mutant::number_skipped) && seq % 16 == 0 ? 2 : 1),
      op.place.value_or(seq)));
  return Enqueued{seq, full.op_id};
}

Result<std::int64_t> newest_change(Connection& db) {
  JULU_TRY(const auto newest, db.integer("SELECT max(coalesce((SELECT max(changed) FROM record), 0),"
                                         " coalesce((SELECT max(changed) FROM gone), 0))"));
  return newest.value_or(0);
}

Result<std::int64_t> Core::next_change(Connection& db) {
  JULU_TRY(const std::int64_t last, newest_change(db));
  // Of what was in a damaged file there may be no row left to go on from.
  const std::int64_t least = mutant(Mutant::changes_begin_anew) ? 0 : (generation_ - 1) * kChangesLeap;
  return std::max(last, least) + 1;
}

void Core::observe(std::function<void()> wake) {
  const std::lock_guard lock(wake_mutex_);
  wake_.swap(wake);  // the old one goes after the lock: with it, what its host gave, and that may call the store
}

void Core::woke() {
  std::function<void()> wake;
  {
    const std::lock_guard lock(wake_mutex_);
    wake = wake_;
  }
  if (wake) wake();
}

// Past the bound a capture pays for one checkpoint itself: the phone that never idles must not fill up. On a nearly
// full disk the bound is lower: what the log holds twice is the room of the reports to come.
void Core::relieve_wal() {
  const std::int64_t bytes = writer_->wal_bytes();
  if (bytes > limits::wal_bytes_max || (bytes > limits::wal_bytes_low_disk && !has_room_for_others()))
    static_cast<void>(writer_->checkpoint(true));
}

bool Core::release_ballast() {
  auto ballast = SideFile::open(ballast_path(options_), options_.vfs, false);
  if (!ballast) return false;
  if (const auto size = ballast->size(); !size || *size == 0 || !ballast->truncate(0)) return false;
  ballast_untold_ = true;
  return true;
}

bool Core::low_disk() const {
  const auto ballast = SideFile::open(ballast_path(options_), options_.vfs, false);
  if (!ballast) return false;
  const auto size = ballast->size();
  return size && *size < limits::ballast_bytes;
}

bool Core::has_room_for_others() const {
  if (low_disk()) return false;
  if (!options_.vfs.empty()) return true;  // it does not tell
  std::error_code unknown;
  const auto space = std::filesystem::space(options_.directory, unknown);
  return unknown || space.available >= limits::free_bytes_min;
}

void Core::make_ballast() {
  constexpr std::int64_t kPiece = 64 * 1024;  // SQLite's Unix VFS writes less than 128 KB at once
  auto ballast = SideFile::open(ballast_path(options_), options_.vfs, true);
  if (!ballast) return;
  if (const auto size = ballast->size(); !size || *size >= limits::ballast_bytes) return;
  Result<void> made = ballast->truncate(0);
  const std::string piece(static_cast<std::size_t>(kPiece), '\0');
  for (std::int64_t written = 0; made && written < limits::ballast_bytes;) {
    const auto end = ballast->size();
    if (!end || *end != written) break;  // given back meanwhile: it is short, and that shows
    made = ballast->write(piece, written);
    written += kPiece;
  }
  if (made) made = ballast->sync();
  if (!made) static_cast<void>(ballast->truncate(0));  // half of it would only be in the way
}

}  // namespace julu::store
