#include "store/photos.h"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>

namespace julu::store {
namespace {

constexpr auto kChunk = static_cast<std::int64_t>(limits::photo_chunk_bytes);

std::int64_t chunk_id(std::int64_t photo, std::int64_t place) { return (photo << 16) | place; }

}  // namespace

Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path) {
  struct stat about {};
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return Error{ErrorCode::photo_missing, {}, {}};
    if (errno == EACCES || errno == EPERM) return Error{ErrorCode::permission, {}, {}};
    return Error{ErrorCode::io, {}, "errno " + std::to_string(errno)};
  }
  std::unique_ptr<FileSource> source(new FileSource(file));
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
  while (!bytes.empty()) {
    const std::size_t room = limits::photo_chunk_bytes - pending_.size();
    const std::size_t taken = std::min(room, bytes.size());
    pending_.append(reinterpret_cast<const char*>(bytes.data()), taken);
    bytes = bytes.subspan(taken);
    if (pending_.size() == limits::photo_chunk_bytes) JULU_CHECK(put());
  }
  return {};
}

Result<void> ChunkSink::finish() {
  if (pending_.empty()) return {};
  return put();
}

Result<void> ChunkSink::put() {
  JULU_CHECK(db_.run("INSERT INTO chunk VALUES (?1, ?2)", chunk_id(photo_, place_), Blob{pending_}));
  ++place_;
  pending_.clear();
  return {};
}

Result<std::int64_t> next_photo_id(Connection& db) {
  JULU_TRY(const auto last, db.integer("SELECT max(id) FROM photo"));
  return last.value_or(0) + 1;
}

Result<TakenPhoto> take_photo(Core& core, Connection& db, const PhotoInput& input, int urgency) {
  JULU_TRY(const auto source, FileSource::open(input.path));
  JULU_TRY(const std::int64_t photo, next_photo_id(db));
  ChunkSink sink(db, photo);
  domain::PhotoPolicy policy;
  policy.long_edge_px = core.options().photo_long_edge_px;
  policy.quality = core.options().photo_quality;
  JULU_TRY(const domain::PhotoFacts facts, domain::take_in(*source, policy, sink));
  JULU_CHECK(sink.finish());
  const TakenPhoto taken{facts.sha256, facts.length_bytes, input.role};

  JULU_TRY(const auto known, db.integer("SELECT id FROM photo WHERE sha256 = ?1", facts.sha256));
  if (known) {
    JULU_TRY(const auto here, db.integer("SELECT here FROM photo WHERE id = ?1", *known));
    if (here == 1) {
      JULU_CHECK(db.run("DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2", chunk_id(photo, 0), chunk_id(photo + 1, 0) - 1));
    } else {
      JULU_CHECK(db.run("UPDATE chunk SET id = id - ?1 + ?2 WHERE id BETWEEN ?1 AND ?3", chunk_id(photo, 0),
                        chunk_id(*known, 0), chunk_id(photo + 1, 0) - 1));
    }
    JULU_CHECK(db.run("UPDATE photo SET here = 1, own = 1, urgency = min(urgency, ?2) WHERE id = ?1", *known, urgency));
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
  std::int64_t place = offset / kChunk;
  auto skip = static_cast<std::size_t>(offset % kChunk);
  while (out.size() < bytes_max) {
    Query row = db.query("SELECT bytes FROM chunk WHERE id = ?1", chunk_id(photo, place));
    JULU_TRY(const bool there, row.step());
    if (!there) break;
    const std::string_view bytes = row.bytes(0);
    if (skip >= bytes.size()) break;
    const std::string_view part = bytes.substr(skip, bytes_max - out.size());
    if (out.empty()) out.reserve(std::min(bytes_max, bytes.size() * 2));
    out.append(part);
    if (skip + part.size() < limits::photo_chunk_bytes) break;  // the last chunk, or enough
    skip = 0;
    ++place;
  }
  return out;
}

Result<std::string> make_thumbnail(Connection& db, std::int64_t photo) {
  JULU_TRY(auto stored, db.text("SELECT thumbnail FROM photo WHERE id = ?1", photo));
  if (stored) return *std::move(stored);
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
