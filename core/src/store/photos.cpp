#include "store/photos.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace julu::store {
namespace {

constexpr int kOffsetBits = 26;  // of limits::photo_bytes_max and one more
static_assert(limits::photo_bytes_max < (1LL << kOffsetBits));

// A chunk is found by the offset of its first byte; chunks may have any length.
std::int64_t chunk_id(std::int64_t photo, std::int64_t offset) { return (photo << kOffsetBits) | offset; }

}  // namespace

Result<std::unique_ptr<domain::ByteSource>> open_photo(const PhotoInput& input) {
  const int ways = (input.path.empty() ? 0 : 1) + (input.fd < 0 ? 0 : 1) + (input.bytes.data() == nullptr ? 0 : 1);
  if (ways > 1) return Error{ErrorCode::bad_argument, {}, "one of path, fd and bytes"};
  if (input.bytes.data() != nullptr) return std::make_unique<BytesSource>(input.bytes);
  return input.fd < 0 ? FileSource::open(input.path) : FileSource::open(input.fd);
}

Result<std::unique_ptr<domain::ByteSource>> FileSource::open(const std::string& path) {
  // A pipe without a writer would hold up the open for ever; for a file it changes nothing.
  return of(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

Result<std::unique_ptr<domain::ByteSource>> FileSource::open(int fd) {
  JULU_TRY(auto source, of(::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
  JULU_CHECK(source->rewind());
  return source;
}

Result<std::unique_ptr<domain::ByteSource>> FileSource::of(int fd) {
  std::FILE* file = fd < 0 ? nullptr : ::fdopen(fd, "rb");
  if (fd >= 0 && file == nullptr) ::close(fd);
  struct stat about {};
  if (file == nullptr) {
    const bool none = errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG || errno == EBADF;
    if (none) return Error{ErrorCode::photo_missing, {}, {}};
    if (errno == EACCES || errno == EPERM) return Error{ErrorCode::permission, {}, {}};
    return Error{ErrorCode::io, {}, "errno " + std::to_string(errno)};
  }
  std::unique_ptr<domain::ByteSource> source(new FileSource(file));
  // A folder, a pipe or a device opens too, and may never end.
  if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) return Error{ErrorCode::photo_missing, {}, {}};
  std::setvbuf(file, nullptr, _IONBF, 0);  // the readers bring large buffers of their own
  return source;
}

Result<std::size_t> FileSource::read(std::span<std::uint8_t> out) {
  const std::size_t got = std::fread(out.data(), 1, out.size(), file_.get());
  if (got < out.size() && std::ferror(file_.get()) != 0) return Error{ErrorCode::io, {}, {}};
  return got;
}

Result<void> FileSource::rewind() {
  if (std::fseek(file_.get(), 0, SEEK_SET) != 0) return Error{ErrorCode::io, {}, {}};
  return {};
}

Result<std::size_t> BytesSource::read(std::span<std::uint8_t> out) {
  const std::size_t got = std::min(out.size(), bytes_.size() - at_);
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), got, out.begin());
  at_ += got;
  return got;
}

Result<void> BytesSource::rewind() {
  at_ = 0;
  return {};
}

Result<std::size_t> ChunkSource::read(std::span<std::uint8_t> out) {
  JULU_TRY(const std::string bytes, read_range(db_, photo_, offset_, out.size()));
  std::copy(bytes.begin(), bytes.end(), out.begin());
  offset_ += static_cast<std::int64_t>(bytes.size());
  return bytes.size();
}

Result<void> ChunkSource::rewind() {
  offset_ = 0;
  return {};
}

Result<void> ChunkSink::write(std::span<const std::uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  // A photo that came in one piece goes to the store as it is; small pieces are collected.
  if (pending_.empty() && text.size() >= limits::photo_chunk_bytes / 4 && text.size() <= limits::photo_chunk_bytes) {
    return put(text);
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view part = text.substr(at, limits::photo_chunk_bytes - pending_.size());
    pending_.append(part);
    at += part.size();
    if (pending_.size() == limits::photo_chunk_bytes) JULU_CHECK(finish());
  }
  return {};
}

Result<void> ChunkSink::finish() {
  if (pending_.empty()) return {};
  JULU_CHECK(put(pending_));
  pending_.clear();
  return {};
}

Result<void> ChunkSink::put(std::string_view bytes) {
  JULU_CHECK(db_.run("INSERT INTO chunk VALUES (?1, ?2)", chunk_id(photo_, offset_), Blob{bytes}));
  offset_ += static_cast<std::int64_t>(bytes.size());
  return {};
}

Result<void> drop_chunks(Connection& db, std::int64_t photo) {
  return db.run("DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2", chunk_id(photo, 0), chunk_id(photo + 1, 0) - 1);
}

Result<std::int64_t> stored_bytes(Connection& db, std::int64_t photo) {
  Query row = db.query("SELECT id, length(bytes) FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1",
                       chunk_id(photo, 0), chunk_id(photo + 1, 0) - 1);
  JULU_TRY(const bool there, row.step());
  return there ? row.integer(0) - chunk_id(photo, 0) + row.integer(1) : 0;
}

Result<std::int64_t> next_photo_id(Connection& db) {
  JULU_TRY(const auto last, db.integer("SELECT max(id) FROM photo"));
  return last.value_or(0) + 1;
}

namespace {

class NoSink final : public domain::ByteSink {
 public:
  Result<void> write(std::span<const std::uint8_t>) override { return {}; }
};

Result<domain::PhotoFacts> take_in(Core& core, const PhotoInput& input, domain::ByteSink& sink) {
  JULU_TRY(const auto source, open_photo(input));
  domain::PhotoPolicy policy;
  policy.long_edge_px = core.options().photo_long_edge_px;
  policy.quality = core.options().photo_quality;
  return domain::take_in(*source, policy, sink);
}

// A disk may have changed the bytes here, as the platform found out: a photo that is offered again comes in their
// place.
Result<void> forget_damaged(Connection& db, std::int64_t photo, const Hash& sha256) {
  JULU_TRY(const auto refused,
           db.integer("SELECT 1 FROM photo WHERE id = ?1 AND here = 1 AND problem IS NOT NULL", photo));
  if (!refused) return {};
  JULU_TRY(const bool whole, has_hash(db, photo, sha256));
  if (whole) return {};
  return db.run("UPDATE photo SET here = 0, uploaded = 0, upload_url = NULL WHERE id = ?1", photo);
}

}  // namespace

Result<bool> has_hash(Connection& db, std::int64_t photo, const Hash& sha256) {
  Sha256 sum;
  for (std::int64_t offset = 0;;) {
    JULU_TRY(const std::string bytes, read_range(db, photo, offset, limits::photo_chunk_bytes));
    if (bytes.empty()) return sum.finish() == sha256;
    sum.update(bytes);
    offset += static_cast<std::int64_t>(bytes.size());
  }
}

Result<bool> is_photo(Core& core, Connection& db, const PhotoInput& input, const Hash& sha256) {
  NoSink nowhere;
  JULU_TRY(const domain::PhotoFacts facts, take_in(core, input, nowhere));
  if (facts.sha256 == sha256) return true;
  // Taken in under other options.
  JULU_TRY(const auto from,
           db.integer("SELECT 1 FROM photo WHERE sha256 = ?1 AND original_sha256 = ?2", sha256, facts.original_sha256));
  return from.has_value();
}

Result<TakenPhoto> take_photo(Core& core, Connection& db, const PhotoInput& input, int urgency) {
  JULU_TRY(const std::int64_t photo, next_photo_id(db));
  ChunkSink sink(db, photo);
  JULU_TRY(const domain::PhotoFacts facts, take_in(core, input, sink));
  JULU_CHECK(sink.finish());
  const TakenPhoto taken{facts.sha256, facts.length_bytes, input.role};

  JULU_TRY(const auto known, db.integer("SELECT id FROM photo WHERE sha256 = ?1", facts.sha256));
  if (known) {
    JULU_CHECK(forget_damaged(db, *known, facts.sha256));
    JULU_TRY(const auto here, db.integer("SELECT here FROM photo WHERE id = ?1", *known));
    if (here == 1) {
      JULU_CHECK(drop_chunks(db, mutant(Mutant::known_photo_dropped) ? *known : photo));
    } else {
      JULU_CHECK(drop_chunks(db, *known));  // what has come of it as somebody else's
      JULU_CHECK(db.run("UPDATE chunk SET id = id - ?1 + ?2 WHERE id BETWEEN ?1 AND ?3", chunk_id(photo, 0),
                        chunk_id(*known, 0), chunk_id(photo + 1, 0) - 1));
    }
    // A row without bytes knows of them what others said, or nothing; what fetching was to wait for, sending is not.
    JULU_CHECK(db.run(
        "UPDATE photo SET here = 1, own = 1, urgency = min(urgency, ?2), length_bytes = ?3, original_sha256 = ?4,"
        " width = ?5, height = ?6, problem = iif(here = 1, problem, NULL), attempts = iif(own = 1, attempts, 0),"
        " next_attempt_ms = iif(own = 1, next_attempt_ms, 0) WHERE id = ?1",
        *known, urgency, mutant(Mutant::known_photo_length_lost) ? 0 : facts.length_bytes, facts.original_sha256,
        facts.width, facts.height));
    return taken;
  }
  const bool small = facts.length_bytes <= static_cast<std::int64_t>(limits::thumbnail_bytes_max);
  JULU_CHECK(db.run(
      "INSERT INTO photo (id, sha256, length_bytes, original_sha256, width, height, here, own, thumbnail_sent, urgency)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, 1, ?7, ?8)",
      photo, facts.sha256, facts.length_bytes, facts.original_sha256, facts.width, facts.height, small, urgency));
  return taken;
}

Result<std::string> read_range(Connection& db, std::int64_t photo, std::int64_t offset, std::size_t bytes_max) {
  std::string out;
  while (out.size() < bytes_max) {
    const std::int64_t at = offset + static_cast<std::int64_t>(out.size());
    Query row = db.query("SELECT id, bytes FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1",
                         chunk_id(photo, 0), chunk_id(photo, at));
    JULU_TRY(const bool there, row.step());
    if (!there) return out;
    const std::string_view bytes = row.bytes(1);
    const auto skip = static_cast<std::size_t>(chunk_id(photo, at) - row.integer(0));
    if (skip >= bytes.size()) return out;
    out.append(bytes.substr(skip, bytes_max - out.size()));
  }
  return out;
}

Result<std::string> make_thumbnail(Connection& db, std::int64_t photo) {
  JULU_TRY(auto stored, db.text("SELECT bytes FROM thumbnail WHERE photo = ?1", photo));
  if (stored) return *std::move(stored);
  // What is small enough already is its own thumbnail; of a photo of somebody else's the size is not known.
  JULU_TRY(const auto small,
           db.integer("SELECT 1 FROM photo WHERE id = ?1 AND length_bytes <= ?2 AND width <= ?3"
                      " AND height <= ?3",
                      photo, static_cast<std::int64_t>(limits::thumbnail_bytes_max), domain::kThumbnailEdge));
  if (small) return read_range(db, photo, 0, limits::thumbnail_bytes_max);
  ChunkSource source(db, photo);
  const auto made = domain::thumbnail(source);
  if (!made) {
    // A photo that decodes no further than its header is still delivered whole; it only has no small picture.
    if (made.error().code == ErrorCode::photo_damaged || made.error().code == ErrorCode::photo_too_large) {
      return std::string();
    }
    return made.error();
  }
  return std::string(made->begin(), made->end());
}

}  // namespace julu::store
