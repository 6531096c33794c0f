// The two durable halves of an enrolment: the key pair before the platform is asked, the identity after it answered.
// The call between them is sync's (enrol.h). Thread rule: one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <julu/clock.h>
#include <julu/identity.h>
#include <julu/random.h>
#include <julu/result.h>

namespace julu {

class Enrolment {
 public:
  struct Options {
    std::string root;  ///< the folder under which each worker's store gets a folder of its own
    StoreKey key{};
    bool encrypted = true;           ///< as in Store::Options
    std::string platform;            ///< scheme://host[:port]
    std::string code;                ///< what the platform is asked with; only a hash of it is kept
    std::int64_t consent_at_ms = 0;  ///< when the worker consented; 0 is the error consent_missing
    Clock* clock = nullptr;          ///< the machine's when null
    Random* random = nullptr;        ///< the machine's when null
    std::string vfs;                 ///< SQLite VFS name; the default when empty
  };
  /// When it returns, the key pair is on disk: a lost reply can be asked for again with the same key. An enrolment
  /// begun earlier in this root and not finished is taken up again with the keys that it made for this platform and
  /// code; those for others (another worker's code, perhaps) stay beside them. One under another store key goes.
  /// Errors: consent_missing, bad_argument, encryption_unavailable, busy (one is on its way in this root), and those of
  /// the disk.
  static Result<std::unique_ptr<Enrolment>> begin(Options options);
  virtual ~Enrolment() = default;

  virtual PublicKey public_key() const = 0;
  virtual Signature sign(std::string_view message) const = 0;
  /// Makes the identity durable and gives the store its own directory, which it returns. A worker of this platform and
  /// root key who has a store in this root goes on with that one: it becomes the new device, what is unsent with new
  /// numbers under its old ids, and its directory is returned; what was begun is dropped. One that is damaged
  /// beyond reading is kept beside the new store, as NAME.damaged-DEVICE. After an error it can be asked again, from
  /// `begin` on. Errors: bad_reply, store_key (field "key": the store of that name has another key; neither is
  /// touched), sync_in_progress (that store's Syncer is at work), store_newer, and those of the disk.
  virtual Result<std::string> finish(const Identity& identity) = 0;
};

struct Enrolled {
  std::string worker;  ///< name of the folder: the worker's id with what a file system minds replaced, and the device's
                       ///< end where another platform's worker had that name first
  std::string directory;
};

/// Who is on this phone, without opening a store. An empty list when the root does not exist.
Result<std::vector<Enrolled>> enrolments(const std::string& root);

}  // namespace julu
