// A county of one page for tests of the store alone: it enrols a phone without a network and signs receipts with keys
// of its own. Thread rule: one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <julu/inbox.h>
#include <julu/outbox.h>
#include <julu/store.h>

#include "clocks.h"
#include "folder.h"

namespace julu::test {

inline constexpr std::int64_t kEpoch = 1;
inline constexpr std::int64_t kFirstVersion = kEpoch << 32;

/// True in builds whose SQLite encrypts.
bool has_cipher();

class County {
 public:
  County();
  /// An enrolled store; its directory lies in `folder`.
  std::unique_ptr<Store> phone(const std::string& worker = "W-0412", const std::string& role = "worker");
  std::unique_ptr<Store> open_again(const std::string& worker = "W-0412");
  Store::Options options(const std::string& worker = "W-0412");
  /// An enrolled store in a VFS of its own, such as a disk in memory.
  Store::Options enrolled(const std::string& vfs);
  std::string directory(const std::string& worker = "W-0412") const { return folder.file("root/" + worker); }

  /// `revoked_at_ms`: 0 for never.
  Change receipt_key_row(std::int64_t revoked_at_ms = 0) const;
  /// A household of somebody else's, as a pull brings it.
  Change pull_household(Store& store, const std::string& body = R"({"address":"堤村 1 号"})");
  /// The receipt key reaches the phone by a pull.
  void publish_key(Store& store);
  Receipt sign(const std::string& device, const std::vector<OutgoingOp>& ops, const std::vector<OpResult>& results,
               std::int64_t epoch = kEpoch) const;
  /// Answers `applied` to all that is due, with versions from `version` on; returns how many.
  std::size_t apply_all(Store& store, std::int64_t& version);

  Folder folder;
  ManualClock clock;
  std::int64_t ahead_ms = 0;  ///< of the county's clock, when it signs
  std::unique_ptr<Random> random;
  StoreKey key{};
  PrivateKey root_key;
  PrivateKey signing_key;
};

}  // namespace julu::test
