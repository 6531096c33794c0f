// Makes this phone known to the platform, once, with the activation code that the township handed out. Thread rule:
// blocks the calling thread; of two in one root the second is told `busy`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <julu/enrolment.h>
#include <julu/identity.h>
#include <julu/result.h>
#include <julu/transport.h>

namespace julu {

struct EnrolOptions {
  std::string platform = {};
  std::string code = {};  ///< as it was handed out; hyphens, spaces and case do not matter
  std::string root = {};
  StoreKey key{};
  bool encrypted = true;                      ///< as in Store::Options
  std::int64_t consent_at_ms = 0;             ///< when the worker consented; nothing goes out before
  std::chrono::milliseconds at_most{60'000};  ///< a day at most
  Transport* transport = nullptr;             ///< libcurl when null
  std::string ca_file = {};                   ///< of libcurl, as in CurlOptions; so is the next
  std::string pinned_key = {};
  Clock* clock = nullptr;
  Random* random = nullptr;
  std::string vfs = {};
};

struct Device {
  std::string directory;  ///< what Store::open takes
  Identity identity;
};

/// Ok: the identity is on disk and the store is ready. A lost reply costs nothing: ask again with the same code and the
/// same key; what was begun under another key is thrown away. A worker of this platform who is here already goes on
/// with the same store: it becomes the new device, also while others have it open, and what is unsent goes under that
/// one. So a device that was revoked, or that a restore made unknown, asks with a new code. Errors: consent_missing,
/// enrolment_refused (field "/code"), offline, captive_portal, tls, limited, server, app_too_old, bad_reply,
/// bad_argument, encryption_unavailable, busy (another enrolment is on its way in this root), sync_in_progress (that
/// store's Syncer is at work: ask again), store_key (field "key": that store has another key; nothing was touched, and
/// under the right key it takes another code; where that key is gone for good, move the store's directory out of the
/// root and ask again with the same code), store_newer, and those of the disk.
Result<Device> enrol(const EnrolOptions& options);

}  // namespace julu
