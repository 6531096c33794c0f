// What comes from the platform: pulled pages and the photos of results. Rows and cursor commit together. Knows the
// store and no network. Thread rule: thread-safe, as Store is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <julu/change.h>
#include <julu/result.h>

namespace julu {

class Store;

struct PulledPage {
  std::int64_t epoch = 0;
  std::vector<Change> changes;
  std::string next;  ///< the cursor after this page
  bool more = false;
};

class Inbox {
 public:
  explicit Inbox(Store& store) : store_(store) {}

  /// Empty: from the beginning.
  Result<std::string> cursor() const;
  /// Commits rows and cursor in one transaction, pending edits laid on again. Ok: durable. A page of a newer epoch
  /// starts a full pull: `restart`, ask again without a cursor. Errors: disk_full, on low_disk for all but keys.
  struct Applied {
    std::int64_t changed = 0;
    bool restart = false;
    std::vector<std::string> refused = {};  ///< of the catalog: kind, id, and why it cannot be used
  };
  Result<Applied> apply(const PulledPage& page);
  /// 410: pull from the beginning; the queue is kept.
  Result<void> restart();
  Result<bool> has_receipt_keys() const;

  /// A photo that a record in scope names and that is not here yet; absent when none is due.
  struct WantedPhoto {
    Hash sha256{};
    std::int64_t length_bytes = 0;   ///< 0: not known
    std::int64_t fetched_bytes = 0;  ///< kept of its beginning
  };
  Result<std::optional<WantedPhoto>> next_wanted_photo();
  /// All of it, whatever was kept before. Errors: photo_damaged when the bytes have another hash; nothing is stored
  /// then.
  Result<void> store_photo(const Hash& sha256, std::string_view bytes);
  /// What follows `offset` of a photo of `whole_bytes`. Ok: durable, and with the last piece the photo is here; until
  /// then no read sees any of it. Errors: photo_damaged when `offset` is not where the kept bytes end, when the piece
  /// is empty or too long, or when all pieces together have another hash; then none is kept.
  Result<void> store_piece(const Hash& sha256, std::int64_t offset, std::string_view bytes, std::int64_t whole_bytes);
  /// Lets the pieces go.
  Result<void> drop_pieces(const Hash& sha256);
  Result<void> defer_wanted(const Hash& sha256, ErrorCode why, std::int64_t retry_after_ms);

 private:
  Store& store_;
};

}  // namespace julu
