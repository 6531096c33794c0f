// A disk in memory, as a SQLite VFS: it forgets, tears or reorders what was not synced when the power is cut, fills up
// and fails on demand. Everything it does follows from the calls made and the Random handed in. Thread rule: one
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <julu/random.h>

namespace julu::test {

/// For a program of one thread, before anything else: SQLite without locks and without counting its memory.
void use_sqlite_in_one_thread();

class SimDisk {
 public:
  /// Registers a VFS under a name of its own; `random` feeds SQLite's own random numbers (WAL salts).
  explicit SimDisk(Random& random);
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;
  const std::string& vfs() const;

  /// What has reached the disk, and what is only in its cache: bytes not synced yet, oldest first.
  struct Write {
    std::int64_t order = 0;  ///< among the writes of all files
    std::int64_t offset = 0;
    std::string bytes;   ///< empty: the file got the size `offset`
    std::string before;  ///< what stood there, or the tail that was cut off
    std::int64_t size_before = 0;
  };
  struct Contents {
    std::string bytes;  ///< as a running process reads it
    std::vector<Write> unsynced;
  };
  using Image = std::map<std::string, Contents>;
  const Image& image() const;
  /// Another disk's contents, or earlier ones of this: a backup, a clone. Open handles are dead afterwards.
  void restore(Image image);

  /// One step as it was made. From `record` on, each is added to `journal`, which several disks may share; null ends
  /// it.
  struct Step {
    enum class Kind { write, truncate, sync, remove };
    int disk = 0;  ///< the number given to `record`
    Kind kind = Kind::write;
    std::string file;
    std::int64_t offset = 0;  ///< of a write; of a truncation: the new size
    std::string bytes;
  };
  void record(std::vector<Step>* journal, int number);

  /// Steps that change the disk: writes, syncs, truncations, deletions. Counted for ever.
  std::int64_t steps() const;
  enum class Stop { none, kill, power_cut };
  /// At the step with this number (and not before it has begun) the process dies: from then on every call on an open
  /// handle fails, until `revive`. A power cut may tear the write that is under way.
  void stop_at(std::int64_t step, Stop how);
  bool stopped() const;
  Stop stop_kind() const;
  std::size_t unsynced_count() const;
  /// Ends a stop, or stops now: a kill keeps all that was written, a power cut only what `keeps` says of each unsynced
  /// write (true: it reached the disk), oldest first.
  void revive();
  void cut_power(const std::function<bool(std::size_t)>& keeps);
  /// Each unsynced write is kept, lost or torn by chance.
  void cut_power(Random& random);
  void kill();

  /// Once, after that step: what another process sees in the middle of a call. `look` reads through handles of its own
  /// and changes nothing.
  void watch(std::int64_t step, std::function<void()> look);

  /// Total bytes of all files; a write beyond it is SQLITE_FULL. 0: no bound.
  void set_capacity(std::int64_t bytes);
  std::int64_t used() const;
  /// Steps [from, until) fail with an I/O error. from == until: none.
  void fail_steps(std::int64_t from, std::int64_t until);
  /// `good` reads still succeed, then `bad` fail with an I/O error. bad == 0: none.
  void fail_reads(std::int64_t good, std::int64_t bad);
  /// From here on this page is never read again, as of a worn card.
  void wear_out(const std::string& file, std::int64_t offset);
  /// Meanwhile none fails and none counts: somebody looks who is no part of what the disk belongs to.
  void spare_reads(bool spared);
  /// Garbage over `size` bytes, as a worn card gives it back; of a file that is there and long enough.
  void damage(const std::string& file, std::int64_t offset, std::int64_t size, Random& random);
  /// A disk that lies: syncs return at once and nothing of them is true.
  void set_lying(bool lying);

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace julu::test
