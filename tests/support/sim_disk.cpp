#include "sim_disk.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

#include <sqlite3.h>

namespace julu::test {
namespace {

constexpr std::int64_t kSector = 512;  // what a disk writes whole
constexpr int kLocks = SQLITE_SHM_NLOCK;

struct Handle;

/// What the handles of one file share, as processes on one machine do.
struct Shared {
  std::vector<std::unique_ptr<char[]>> regions;
  int region_bytes = 0;
  std::array<int, kLocks> readers{};
  std::array<Handle*, kLocks> writer{};
  std::vector<Handle*> handles;
};

struct Handle : sqlite3_file {
  SimDisk::State* disk;
  std::string* name;
  Shared* shared;
  std::int64_t generation;
  int lock;
  std::uint8_t shm_shared;  // bits of slots held
  std::uint8_t shm_exclusive;
  bool delete_on_close;
};

}  // namespace

struct SimDisk::State {
  explicit State(Random& its_random) : random(its_random) {}

  Random& random;
  std::string vfs_name;
  sqlite3_vfs vfs{};
  Image files;
  std::map<std::string, std::unique_ptr<Shared>> shared;
  std::int64_t generation = 1;  // handles of an older one are dead
  std::int64_t steps = 0;
  std::int64_t stop_step = -1;
  Stop stop_how = Stop::none;
  bool stopped = false;
  bool lying = false;
  std::int64_t order = 0;
  std::int64_t capacity = 0;
  std::int64_t fail_from = 0, fail_until = 0;
  std::int64_t reads_good = 0, reads_bad = 0;
  bool reads_spared = false;
  std::string worn_file;
  std::int64_t worn_offset = -1;
  std::int64_t total = 0;
  std::vector<Step>* journal = nullptr;
  int number = 0;
  std::int64_t look_step = 0;
  std::function<void()> look;

  void note(Step::Kind kind, const std::string& name, std::int64_t offset = 0, std::string bytes = {}) {
    if (journal != nullptr) journal->push_back({number, kind, name, offset, std::move(bytes)});
    if (look == nullptr || steps < look_step) return;
    std::exchange(look, nullptr)();
  }

  bool dead(const Handle& handle) const { return stopped || handle.generation != generation; }

  /// True: this step must not happen; `rc` says what the caller hears.
  bool refused(const Handle* handle, int& rc) {
    if (stopped || (handle != nullptr && handle->generation != generation)) {
      rc = SQLITE_IOERR;
      return true;
    }
    ++steps;
    if (steps == stop_step) {
      stopped = true;
      rc = SQLITE_IOERR;
      return true;
    }
    if (steps >= fail_from && steps < fail_until) {
      rc = SQLITE_IOERR;
      return true;
    }
    return false;
  }

  bool read_fails() {
    if (reads_bad == 0 || reads_spared) return false;
    std::int64_t& left = reads_good > 0 ? reads_good : reads_bad;
    const bool fails = reads_good == 0;
    --left;
    return fails;
  }

  bool is_worn(const std::string& name, std::int64_t offset, std::int64_t size) const {
    return offset <= worn_offset && worn_offset < offset + size && name == worn_file;
  }

  Contents& contents(const std::string& name) { return files[name]; }

  void put(Contents& file, const char* bytes, std::int64_t size, std::int64_t offset) {
    Write write;
    write.order = ++order;
    write.offset = offset;
    write.size_before = static_cast<std::int64_t>(file.bytes.size());
    write.bytes.assign(bytes, static_cast<std::size_t>(size));
    const std::int64_t end = offset + size;
    if (offset < write.size_before) {
      write.before = file.bytes.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
    }
    if (end > write.size_before) {
      file.bytes.resize(static_cast<std::size_t>(end));
      total += end - write.size_before;
    }
    std::memcpy(file.bytes.data() + offset, bytes, static_cast<std::size_t>(size));
    file.unsynced.push_back(std::move(write));
  }

  void cut_to(Contents& file, std::int64_t size) {
    Write write;
    write.order = ++order;
    write.offset = size;
    write.size_before = static_cast<std::int64_t>(file.bytes.size());
    if (size < write.size_before) write.before = file.bytes.substr(static_cast<std::size_t>(size));
    file.bytes.resize(static_cast<std::size_t>(size));
    if (size == 0) file.bytes.shrink_to_fit();  // not to be taken for memory of whoever closes it
    total += size - write.size_before;
    file.unsynced.push_back(std::move(write));
  }

  /// Back to what was synced; the writes that were not, in the order in which they were made.
  static std::vector<Write> undo(Contents& file) {
    for (auto write = file.unsynced.rbegin(); write != file.unsynced.rend(); ++write) {
      file.bytes.resize(static_cast<std::size_t>(write->size_before));
      std::memcpy(file.bytes.data() + write->offset, write->before.data(), write->before.size());
    }
    return std::move(file.unsynced);
  }

  static void redo(Contents& file, const Write& write, std::int64_t at_most) {
    if (write.bytes.empty()) {
      file.bytes.resize(static_cast<std::size_t>(write.offset));
      return;
    }
    const auto size = static_cast<std::size_t>(std::min(at_most, static_cast<std::int64_t>(write.bytes.size())));
    const std::size_t end = static_cast<std::size_t>(write.offset) + size;
    if (end > file.bytes.size()) file.bytes.resize(end);
    std::memcpy(file.bytes.data() + write.offset, write.bytes.data(), size);
  }

  /// `reached(i, write)`: how many bytes of it reached the disk; negative: none of it.
  void lose_power(const std::function<std::int64_t(std::size_t, const Write&)>& reached) {
    std::vector<std::pair<Contents*, Write>> all;
    for (auto& [name, file] : files) {
      for (Write& write : undo(file)) all.emplace_back(&file, std::move(write));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second.order < b.second.order; });
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::int64_t bytes = reached(i, all[i].second);
      if (bytes >= 0) redo(*all[i].first, all[i].second, bytes);
    }
    for (auto& [name, file] : files) file.unsynced.clear();
    start_anew();
  }

  void start_anew() {
    ++generation;
    stopped = false;
    stop_step = -1;
    shared.clear();
    total = 0;
    for (const auto& [name, file] : files) total += static_cast<std::int64_t>(file.bytes.size());
  }
};

namespace {

Handle& of(sqlite3_file* file) { return *static_cast<Handle*>(file); }
SimDisk::State& of(sqlite3_vfs* vfs) { return *static_cast<SimDisk::State*>(vfs->pAppData); }

int on_unlock(sqlite3_file* file, int level) {
  of(file).lock = std::min(of(file).lock, level);
  return SQLITE_OK;
}

void leave_shm(Handle& handle) {
  if (handle.generation != handle.disk->generation) return;
  for (std::size_t slot = 0; slot < kLocks; ++slot) {
    const auto bit = static_cast<std::uint8_t>(1U << slot);
    if ((handle.shm_shared & bit) != 0) --handle.shared->readers[slot];
    if (handle.shared->writer[slot] == &handle) handle.shared->writer[slot] = nullptr;
  }
  handle.shm_shared = handle.shm_exclusive = 0;
}

int on_close(sqlite3_file* file) {
  Handle& handle = of(file);
  if (handle.generation == handle.disk->generation) {
    leave_shm(handle);
    std::erase(handle.shared->handles, &handle);
    if (handle.delete_on_close) handle.disk->files.erase(*handle.name);
  }
  delete handle.name;
  return SQLITE_OK;
}

int on_read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  Handle& handle = of(file);
  if (handle.disk->dead(handle)) return SQLITE_IOERR_READ;
  // As the Unix VFS says of EIO.
  if (handle.disk->read_fails() || handle.disk->is_worn(*handle.name, offset, size)) return SQLITE_IOERR_CORRUPTFS;
  const std::string& bytes = handle.disk->contents(*handle.name).bytes;
  const auto have = static_cast<std::int64_t>(bytes.size());
  const std::int64_t got = std::clamp<std::int64_t>(have - offset, 0, size);
  if (got > 0) std::memcpy(out, bytes.data() + offset, static_cast<std::size_t>(got));
  if (got == size) return SQLITE_OK;
  std::memset(static_cast<char*>(out) + got, 0, static_cast<std::size_t>(size - got));
  return SQLITE_IOERR_SHORT_READ;
}

int on_write(sqlite3_file* file, const void* in, int size, sqlite3_int64 offset) {
  Handle& handle = of(file);
  SimDisk::State& disk = *handle.disk;
  int rc = SQLITE_OK;
  const bool was_alive = !disk.dead(handle);
  const bool refused = disk.refused(&handle, rc);
  SimDisk::Contents& contents = disk.contents(*handle.name);
  if (refused && was_alive && disk.stopped) {
    // The power goes while this write is under way: it counts among the unsynced.
    if (disk.stop_how == SimDisk::Stop::power_cut) disk.put(contents, static_cast<const char*>(in), size, offset);
    return SQLITE_IOERR_WRITE;
  }
  if (refused) return SQLITE_IOERR_WRITE;
  const std::int64_t grows =
      std::max<std::int64_t>(0, offset + size - static_cast<std::int64_t>(contents.bytes.size()));
  if (disk.capacity > 0 && grows > 0 && disk.total + grows > disk.capacity) return SQLITE_FULL;
  disk.put(contents, static_cast<const char*>(in), size, offset);
  disk.note(SimDisk::Step::Kind::write, *handle.name, offset, contents.unsynced.back().bytes);
  return SQLITE_OK;
}

int on_truncate(sqlite3_file* file, sqlite3_int64 size) {
  Handle& handle = of(file);
  int rc = SQLITE_OK;
  if (handle.disk->refused(&handle, rc)) return SQLITE_IOERR_TRUNCATE;
  handle.disk->cut_to(handle.disk->contents(*handle.name), size);
  handle.disk->note(SimDisk::Step::Kind::truncate, *handle.name, size);
  return SQLITE_OK;
}

int on_sync(sqlite3_file* file, int) {
  Handle& handle = of(file);
  int rc = SQLITE_OK;
  if (handle.disk->refused(&handle, rc)) return SQLITE_IOERR_FSYNC;
  handle.disk->note(SimDisk::Step::Kind::sync, *handle.name);
  if (!handle.disk->lying) handle.disk->contents(*handle.name).unsynced.clear();
  return SQLITE_OK;
}

int on_size(sqlite3_file* file, sqlite3_int64* size) {
  Handle& handle = of(file);
  if (handle.disk->dead(handle)) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(handle.disk->contents(*handle.name).bytes.size());
  return SQLITE_OK;
}

int on_lock(sqlite3_file* file, int level) {
  Handle& handle = of(file);
  if (handle.disk->dead(handle)) return SQLITE_IOERR_LOCK;
  for (const Handle* other : handle.shared->handles) {
    if (other == &handle) continue;
    const bool blocked = level == SQLITE_LOCK_SHARED      ? other->lock >= SQLITE_LOCK_PENDING
                         : level == SQLITE_LOCK_EXCLUSIVE ? other->lock >= SQLITE_LOCK_SHARED
                                                          : other->lock >= SQLITE_LOCK_RESERVED;
    if (blocked) return SQLITE_BUSY;
  }
  handle.lock = std::max(handle.lock, level);
  return SQLITE_OK;
}

int on_check_lock(sqlite3_file* file, int* reserved) {
  *reserved = 0;
  if (of(file).generation != of(file).disk->generation) return SQLITE_IOERR_CHECKRESERVEDLOCK;
  for (const Handle* other : of(file).shared->handles) {
    if (other->lock >= SQLITE_LOCK_RESERVED) *reserved = 1;
  }
  return SQLITE_OK;
}

int on_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int on_sector_size(sqlite3_file*) { return 4096; }
int on_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }  // as the Unix VFS says

int on_shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
  Handle& handle = of(file);
  *out = nullptr;
  if (handle.disk->dead(handle)) return SQLITE_IOERR_SHMMAP;
  auto& regions = handle.shared->regions;
  const auto at = static_cast<std::size_t>(region);
  if (at >= regions.size() && extend == 0) return SQLITE_OK;
  while (at >= regions.size()) regions.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
  *out = regions[at].get();
  return SQLITE_OK;
}

int on_shm_lock(sqlite3_file* file, int first, int count, int flags) {
  Handle& handle = of(file);
  if (handle.generation != handle.disk->generation) return SQLITE_IOERR_SHMLOCK;
  Shared& shared = *handle.shared;
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  const auto begin = static_cast<std::size_t>(first);
  const auto end = begin + static_cast<std::size_t>(count);
  if ((flags & SQLITE_SHM_LOCK) != 0) {
    for (std::size_t slot = begin; slot < end; ++slot) {
      const auto bit = static_cast<std::uint8_t>(1U << slot);
      const int other_readers = shared.readers[slot] - ((handle.shm_shared & bit) != 0 ? 1 : 0);
      const bool other_writer = shared.writer[slot] != nullptr && shared.writer[slot] != &handle;
      if (other_writer || (exclusive && other_readers > 0)) return SQLITE_BUSY;
    }
  }
  for (std::size_t slot = begin; slot < end; ++slot) {
    const auto bit = static_cast<std::uint8_t>(1U << slot);
    const bool had = (handle.shm_shared & bit) != 0;
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      if (exclusive && shared.writer[slot] == &handle) shared.writer[slot] = nullptr;
      if (!exclusive && had) --shared.readers[slot];
      if (!exclusive) handle.shm_shared = static_cast<std::uint8_t>(handle.shm_shared & ~bit);
    } else if (exclusive) {
      shared.writer[slot] = &handle;
    } else if (!had) {
      ++shared.readers[slot];
      handle.shm_shared = static_cast<std::uint8_t>(handle.shm_shared | bit);
    }
  }
  return SQLITE_OK;
}

void on_shm_barrier(sqlite3_file*) {}

int on_shm_unmap(sqlite3_file* file, int) {
  leave_shm(of(file));
  return SQLITE_OK;
}

const sqlite3_io_methods kMethods = {2,
                                     on_close,
                                     on_read,
                                     on_write,
                                     on_truncate,
                                     on_sync,
                                     on_size,
                                     on_lock,
                                     on_unlock,
                                     on_check_lock,
                                     on_control,
                                     on_sector_size,
                                     on_characteristics,
                                     on_shm_map,
                                     on_shm_lock,
                                     on_shm_barrier,
                                     on_shm_unmap,
                                     nullptr,
                                     nullptr};

int on_open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  SimDisk::State& disk = of(vfs);
  Handle& handle = of(file);
  handle.pMethods = nullptr;
  const std::string path = name != nullptr ? name : "temporary-" + std::to_string(++disk.order);
  const bool there = disk.files.contains(path);
  if (!there && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
  if (disk.stopped) return SQLITE_IOERR;
  handle.disk = &disk;
  handle.name = new std::string(path);
  auto& shared = disk.shared[path];
  if (shared == nullptr) shared = std::make_unique<Shared>();
  handle.shared = shared.get();
  handle.shared->handles.push_back(&handle);
  handle.generation = disk.generation;
  handle.lock = SQLITE_LOCK_NONE;
  handle.shm_shared = handle.shm_exclusive = 0;
  handle.delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  disk.contents(path);
  handle.pMethods = &kMethods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int on_delete(sqlite3_vfs* vfs, const char* name, int) {
  SimDisk::State& disk = of(vfs);
  int rc = SQLITE_OK;
  if (disk.refused(nullptr, rc)) return SQLITE_IOERR_DELETE;
  const auto file = disk.files.find(name);
  if (file == disk.files.end()) return SQLITE_IOERR_DELETE_NOENT;
  disk.total -= static_cast<std::int64_t>(file->second.bytes.size());
  disk.files.erase(file);
  disk.note(SimDisk::Step::Kind::remove, name);
  return SQLITE_OK;
}

// As the Unix VFS says: an empty file is none.
int on_access(sqlite3_vfs* vfs, const char* name, int, int* out) {
  const auto file = of(vfs).files.find(name);
  *out = file != of(vfs).files.end() && !file->second.bytes.empty() ? 1 : 0;
  return SQLITE_OK;
}

int on_full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int on_randomness(sqlite3_vfs* vfs, int size, char* out) {
  of(vfs).random.fill(std::as_writable_bytes(std::span(out, static_cast<std::size_t>(size))));
  return size;
}

int on_sleep(sqlite3_vfs*, int microseconds) { return microseconds; }

int on_time(sqlite3_vfs*, double* julian_day) {
  *julian_day = 2461369.0;  // 2026-11-24
  return SQLITE_OK;
}

int on_last_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

void use_sqlite_in_one_thread() {
  sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

SimDisk::SimDisk(Random& random) : state_(std::make_unique<State>(random)) {
  static std::int64_t made = 0;
  state_->vfs_name = "sim-" + std::to_string(++made);
  sqlite3_vfs& vfs = state_->vfs;
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 512;
  vfs.zName = state_->vfs_name.c_str();
  vfs.pAppData = state_.get();
  vfs.xOpen = on_open;
  vfs.xDelete = on_delete;
  vfs.xAccess = on_access;
  vfs.xFullPathname = on_full_path;
  vfs.xRandomness = on_randomness;
  vfs.xSleep = on_sleep;
  vfs.xCurrentTime = on_time;
  vfs.xGetLastError = on_last_error;
  const int rc = sqlite3_vfs_register(&vfs, 0);
  assert(rc == SQLITE_OK);
  static_cast<void>(rc);
}

SimDisk::~SimDisk() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& SimDisk::vfs() const { return state_->vfs_name; }
const SimDisk::Image& SimDisk::image() const { return state_->files; }

void SimDisk::restore(Image image) {
  state_->files = std::move(image);
  state_->start_anew();
}

void SimDisk::record(std::vector<Step>* journal, int number) {
  state_->journal = journal;
  state_->number = number;
}

std::int64_t SimDisk::steps() const { return state_->steps; }

void SimDisk::watch(std::int64_t step, std::function<void()> look) {
  state_->look_step = step;
  state_->look = std::move(look);
}

void SimDisk::stop_at(std::int64_t step, Stop how) {
  state_->stop_step = step;
  state_->stop_how = how;
}

bool SimDisk::stopped() const { return state_->stopped; }

SimDisk::Stop SimDisk::stop_kind() const { return state_->stop_how; }

std::size_t SimDisk::unsynced_count() const {
  std::size_t count = 0;
  for (const auto& [name, file] : state_->files) count += file.unsynced.size();
  return count;
}

// A process that died leaves its writes to the operating system: they are not synced, but they are there.
void SimDisk::kill() { state_->start_anew(); }
void SimDisk::revive() { state_->start_anew(); }

void SimDisk::cut_power(const std::function<bool(std::size_t)>& keeps) {
  state_->lose_power(
      [&](std::size_t i, const Write& write) { return keeps(i) ? static_cast<std::int64_t>(write.bytes.size()) : -1; });
}

void SimDisk::cut_power(Random& random) {
  const std::uint64_t mood = random.below(4);  // all lost, all kept, a prefix kept, each by chance
  const std::uint64_t until = random.below(unsynced_count() + 1);
  state_->lose_power([&](std::size_t i, const Write& write) -> std::int64_t {
    const auto size = static_cast<std::int64_t>(write.bytes.size());
    if (mood == 0) return -1;
    if (mood == 1) return size;
    if (mood == 2) return i < until ? size : -1;
    const std::uint64_t fate = random.below(4);
    if (fate == 0) return -1;
    if (fate == 1 && size > kSector) {
      return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(size / kSector))) * kSector;
    }
    return size;
  });
}

void SimDisk::set_capacity(std::int64_t bytes) { state_->capacity = bytes; }
std::int64_t SimDisk::used() const { return state_->total; }

void SimDisk::fail_steps(std::int64_t from, std::int64_t until) {
  state_->fail_from = from;
  state_->fail_until = until;
}

void SimDisk::fail_reads(std::int64_t good, std::int64_t bad) {
  state_->reads_good = good;
  state_->reads_bad = bad;
}

void SimDisk::wear_out(const std::string& file, std::int64_t offset) {
  state_->worn_file = file;
  state_->worn_offset = offset;
}

void SimDisk::spare_reads(bool spared) { state_->reads_spared = spared; }

void SimDisk::damage(const std::string& file, std::int64_t offset, std::int64_t size, Random& random) {
  std::string& bytes = state_->files.at(file).bytes;
  assert(offset + size <= static_cast<std::int64_t>(bytes.size()));
  random.fill(std::as_writable_bytes(std::span(bytes.data() + offset, static_cast<std::size_t>(size))));
}

void SimDisk::set_lying(bool lying) { state_->lying = lying; }

}  // namespace julu::test
