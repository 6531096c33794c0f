// Photos in the store: rows of chunks, streamed in and out. Thread rule: under the lock of the Connection's owner.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "domain/image.h"
#include "store/core.h"

namespace julu::store {

/// What the shell hands in, read in order. Errors: bad_argument when it is not one thing, photo_missing, permission,
/// io.
Result<std::unique_ptr<domain::ByteSource>> open_photo(const PhotoInput& input);

/// A file of the shell.
class FileSource final : public domain::ByteSource {
 public:
  static Result<std::unique_ptr<domain::ByteSource>> open(const std::string& path);
  /// Leaves `fd` to its owner.
  static Result<std::unique_ptr<domain::ByteSource>> open(int fd);
  Result<std::size_t> read(std::span<std::uint8_t> out) override;
  Result<void> rewind() override;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  static Result<std::unique_ptr<domain::ByteSource>> of(int fd);
  explicit FileSource(std::FILE* file) : file_(file) {}
  std::unique_ptr<std::FILE, Close> file_;
};

/// Bytes of the shell.
class BytesSource final : public domain::ByteSource {
 public:
  explicit BytesSource(std::string_view bytes) : bytes_(bytes) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override;
  Result<void> rewind() override;

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

/// A photo of the store, read in order.
class ChunkSource final : public domain::ByteSource {
 public:
  ChunkSource(Connection& db, std::int64_t photo) : db_(db), photo_(photo) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override;
  Result<void> rewind() override;

 private:
  Connection& db_;
  std::int64_t photo_;
  std::int64_t offset_ = 0;
};

/// Collects bytes into chunk rows of the photo `id`, from `offset` on.
class ChunkSink final : public domain::ByteSink {
 public:
  ChunkSink(Connection& db, std::int64_t photo, std::int64_t offset = 0) : db_(db), photo_(photo), offset_(offset) {}
  Result<void> write(std::span<const std::uint8_t> bytes) override;
  /// What has been collected and not written.
  Result<void> finish();

 private:
  Result<void> put(std::string_view bytes);
  Connection& db_;
  std::int64_t photo_;
  std::int64_t offset_;
  std::string pending_;
};

struct TakenPhoto {
  Hash sha256{};
  std::int64_t length_bytes = 0;
  std::string role;
};

Result<void> drop_chunks(Connection& db, std::int64_t photo);
/// Where its last chunk ends: the length of a photo that is here, what has come of one that is being fetched.
Result<std::int64_t> stored_bytes(Connection& db, std::int64_t photo);
Result<std::int64_t> next_photo_id(Connection& db);
/// Whether this file is what the photo was taken in from. Nothing is written.
Result<bool> is_photo(Core& core, Connection& db, const PhotoInput& input, const Hash& sha256);
/// Takes a file in, inside the caller's transaction. The same bytes are stored once.
Result<TakenPhoto> take_photo(Core& core, Connection& db, const PhotoInput& input, int urgency);
/// Whether the bytes here are the photo's.
Result<bool> has_hash(Connection& db, std::int64_t photo, const Hash& sha256);
/// At most `bytes_max` from `offset`.
Result<std::string> read_range(Connection& db, std::int64_t photo, std::int64_t offset, std::size_t bytes_max);
/// The thumbnail's bytes; derives it when there is none and `here`. Empty: none can be made of this photo.
Result<std::string> make_thumbnail(Connection& db, std::int64_t photo);

}  // namespace julu::store
