// Photos across the C face, both ways. Thread rule: one call's own.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include <julu/limits.h>
#include <julu/store.h>

#include "convert.h"

namespace julu::c {

/// The photos of one call; streams are read to their end here, so that none is read under a lock.
class PhotosIn {
 public:
  /// Errors: bad_argument and those of the stream, naming "/photos/N".
  Result<void> take(const julu_photo* photos, std::size_t count);
  const std::vector<PhotoInput>& inputs() const { return inputs_; }

 private:
  Result<PhotoInput> take_one(const julu_photo& photo);
  /// To its end. Errors: io naming "/read", photo_too_large.
  Result<std::string_view> read_stream(const julu_photo& photo);
  std::vector<PhotoInput> inputs_;
  std::deque<std::string> streamed_;  // held together until the call ends
  std::int64_t streamed_bytes_ = 0;
  std::vector<char> buffer_;
};

/// Errors: bad_argument, photo_unknown, cancelled, permission, disk_full, io.
Result<void> put_photo(Store& store, const std::string& sha256, const julu_photo_out& out);

}  // namespace julu::c
