// Photos by tus 1.0.0 (core, creation, creation-with-upload, termination), and the way back to whoever may see them.
// An upload belongs to the worker that created it; to others it is not there.
#include <algorithm>
#include <cstdlib>

#include "platform.h"

namespace juhaoban {
namespace {

constexpr std::size_t kPieceBytes = 512 * 1024;
constexpr std::int64_t kUploadLifeMs = 7LL * 24 * 3600 * 1000;
// Of one worker, what no record names: so many photos, as many thumbnails apart from them, and so many announced bytes.
constexpr std::int64_t kUnattachedMax = 2000;
constexpr std::int64_t kUnattachedBytesMax = 4LL << 30;
constexpr std::int64_t kThumbnailBytesMax = 8 * 1024;

Reply tus_reply(int status, std::int64_t offset) {
  return {status,
          {{"Tus-Resumable", "1.0.0"}, {"Upload-Offset", std::to_string(offset)}, {"Cache-Control", "no-store"}},
          {}};
}

std::int64_t number_of(const std::string& text) {
  const bool digits = !text.empty() && text.size() <= 12 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? std::atoll(text.c_str()) : -1;
}

// "name base64,name base64"
std::map<std::string, std::string> metadata_of(const std::string& header) {
  std::map<std::string, std::string> metadata;
  for (std::size_t at = 0; at < header.size();) {
    const std::size_t end = std::min(header.find(',', at), header.size());
    std::string pair = header.substr(at, end - at);
    pair.erase(0, pair.find_first_not_of(' '));
    const std::size_t space = pair.find(' ');
    if (space != std::string::npos) metadata[pair.substr(0, space)] = from_base64(pair.substr(space + 1)).value_or("");
    at = end + 1;
  }
  return metadata;
}

struct Range {
  std::int64_t first = 0, last = 0;
};

// One range, as a phone asks for it: from a start to an end or to the last byte. Any other is as good as none.
std::optional<Range> range_of(const std::string& header, std::int64_t whole) {
  const std::size_t dash = header.find('-');
  if (!header.starts_with("bytes=") || dash == std::string::npos) return std::nullopt;
  const std::int64_t first = number_of(header.substr(6, dash - 6));
  const std::string end = header.substr(dash + 1);
  const std::int64_t last = end.empty() ? whole - 1 : std::min(number_of(end), whole - 1);
  if (first < 0 || (first < whole && last < first)) return std::nullopt;
  return Range{first, last};
}

// tus 1.0.0 has its version in every reply; to a HEAD it is all that can be told from a gateway's 404.
Reply gone() {
  Reply reply = problem_reply(404, "not-found", "没有这个上传");
  reply.headers.emplace_back("Tus-Resumable", "1.0.0");
  return reply;
}

}  // namespace

std::optional<Platform::Upload> Platform::find_upload(const Caller& caller, const std::string& id) {
  Rows rows = db_->query(
      "SELECT length_bytes, offset_bytes, sha256, thumb_of, complete FROM upload WHERE id = ?1 AND worker = ?2"
      " AND (complete = 1 OR created_at_ms > ?3)",
      id, caller.worker, now_ms() - kUploadLifeMs);
  if (!rows.next()) return std::nullopt;
  return Upload{id, rows.text(2), rows.text(3), rows.integer(0), rows.integer(1), rows.integer(4) != 0};
}

Reply Platform::create_upload(const Caller& caller, const Request& request, BodyReader& body) {
  const std::int64_t length = number_of(header_of(request, "upload-length"));
  if (length <= 0) return problem_reply(400, "bad-request", "缺少 Upload-Length");
  auto metadata = metadata_of(header_of(request, "upload-metadata"));
  if (length > (metadata["thumb_of"].empty() ? kPhotoBytesMax : kThumbnailBytesMax)) {
    return problem_reply(413, "too-large", "照片过大");
  }
  Upload upload;
  upload.id = random_text(18);
  upload.length = length;
  upload.sha256 = metadata["sha256"];
  upload.thumb_of = metadata["thumb_of"];
  {
    const std::lock_guard lock(mutex_);
    drop_what_is_over(caller);
    if (!may_upload(caller, !upload.thumb_of.empty(), length)) {
      Reply limited = problem_reply(429, "limited", "没有记录引用的照片过多");
      limited.headers.emplace_back("Retry-After", "3600");
      return limited;
    }
    if (header_of(request, "content-type") != "application/offset+octet-stream") {
      db_->run("INSERT INTO upload VALUES (?1, ?2, ?3, 0, ?4, ?5, 0, ?6)", upload.id, caller.worker, length,
               upload.sha256, upload.thumb_of, now_ms());
      Reply reply = tus_reply(201, 0);
      reply.headers.emplace_back("Location", "/v1/photos/uploads/" + upload.id);
      return reply;
    }
  }
  Reply reply = take_bytes(caller, upload, body);
  if (reply.status == 204) {
    reply.status = 201;
    reply.headers.emplace_back("Location", "/v1/photos/uploads/" + upload.id);
  }
  return reply;
}

// Uploads of the worker that no record has named in their time.
void Platform::drop_what_is_over(const Caller& caller) {
  constexpr std::size_t kDroppedAtOnce = 20;
  std::vector<std::string> over;
  {
    Rows rows = db_->query(
        "SELECT id FROM upload WHERE worker = ?1 AND created_at_ms <= ?2 AND NOT EXISTS (SELECT 1 FROM attachment"
        " WHERE photo = CASE thumb_of WHEN '' THEN sha256 ELSE thumb_of END)",
        caller.worker, now_ms() - kUploadLifeMs);
    while (over.size() < kDroppedAtOnce && rows.next()) over.push_back(rows.text(0));
  }
  if (over.empty()) return;
  Transaction transaction(*db_, false);
  for (const std::string& id : over) drop_upload(id);
  transaction.commit();
}

// Thumbnails go ahead of their photos: were they counted with them, many would leave no room for the photos themselves.
bool Platform::may_upload(const Caller& caller, bool thumbnail, std::int64_t bytes) {
  Rows rows = db_->query(
      "SELECT count(*), sum(length_bytes) FROM upload WHERE worker = ?1 AND created_at_ms > ?2 AND (thumb_of <> '') = ?3"
      " AND NOT EXISTS (SELECT 1 FROM attachment WHERE photo = CASE thumb_of WHEN '' THEN sha256 ELSE thumb_of END)",
      caller.worker, now_ms() - kUploadLifeMs, thumbnail);
  rows.next();
  return rows.integer(0) < kUnattachedMax && rows.integer(1) + bytes <= kUnattachedBytesMax;
}

void Platform::drop_upload(const std::string& id) {
  db_->run("DELETE FROM chunk WHERE upload = ?1", id);
  db_->run("DELETE FROM upload WHERE id = ?1", id);
}

Reply Platform::head_upload(const Caller& caller, const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto upload = find_upload(caller, id);
  if (!upload) return gone();
  Reply reply = tus_reply(200, upload->offset);
  reply.headers.emplace_back("Upload-Length", std::to_string(upload->length));
  return reply;
}

Reply Platform::patch_upload(const Caller& caller, const Request& request, const std::string& id, BodyReader& body) {
  std::optional<Upload> upload;
  {
    const std::lock_guard lock(mutex_);
    upload = find_upload(caller, id);
  }
  if (!upload) return gone();
  if (!header_of(request, "content-encoding").empty())
    return problem_reply(415, "unsupported-coding", "照片不可再压缩");
  if (header_of(request, "content-type") != "application/offset+octet-stream") {
    return problem_reply(415, "unsupported-coding", "内容类型有误");
  }
  if (number_of(header_of(request, "upload-offset")) != upload->offset) {
    return problem_reply(409, "offset", "续传位置不符", "/upload-offset");
  }
  return take_bytes(caller, *upload, body);
}

// Pieces are written as they come, each in its own transaction, and the lock is free while the next is waited for:
// whatever arrived before a cut is kept. They are not synced one by one: the push that attaches a photo is, and its
// sync covers what was committed before. What a power cut took of an upload until then is uploaded again. An upload
// becomes complete in the transaction that stores its last bytes, and only when the hash of all is the announced one.
Reply Platform::take_bytes(const Caller& caller, Upload upload, BodyReader& body) {
  const bool fresh = upload.offset == 0;
  Hasher hasher;  // of what comes; that is all of it when it begins at the beginning
  std::string pending;
  pending.reserve(static_cast<std::size_t>(std::min<std::int64_t>(upload.length - upload.offset, kPieceBytes)));
  bool fits = true;
  bool alone = true;  // nobody else writes here: an earlier request that was cut may still be storing what it got
  const auto flush = [&] {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*db_, false);
    if (fresh) {
      db_->run("INSERT OR IGNORE INTO upload VALUES (?1, ?2, ?3, 0, ?4, ?5, 0, ?6)", upload.id, caller.worker,
               upload.length, upload.sha256, upload.thumb_of, now_ms());
    }
    alone = write_piece(upload, pending);
    std::optional<Reply> failed;
    if (alone && upload.offset == upload.length) {
      failed = finish_upload(upload, fresh ? hasher.hex() : stored_hash(upload.id));
    }
    transaction.commit();
    pending.clear();
    return failed;
  };
  std::optional<Reply> failed;
  body.read([&](std::string_view piece) {
    if (upload.offset + static_cast<std::int64_t>(pending.size() + piece.size()) > upload.length) {
      fits = false;
      return false;
    }
    hasher.add(piece);
    pending += piece;
    if (pending.size() >= kPieceBytes) failed = flush();
    return alone && !failed;
  });
  if (fits && alone && !failed && !pending.empty()) failed = flush();
  if (failed) return *failed;
  if (!alone) return problem_reply(409, "offset", "续传位置不符");
  if (!fits) return problem_reply(413, "too-large", "内容超出声明的长度");
  return tus_reply(204, upload.offset);
}

// False: somebody else has written here meanwhile.
bool Platform::write_piece(Upload& upload, std::string_view piece) {
  if (db_->integer("SELECT offset_bytes FROM upload WHERE id = ?1", upload.id) != upload.offset) return false;
  db_->run("INSERT INTO chunk VALUES (?1, ?2, ?3)", upload.id, upload.offset, Bytes{piece});
  upload.offset += static_cast<std::int64_t>(piece.size());
  db_->run("UPDATE upload SET offset_bytes = ?2 WHERE id = ?1", upload.id, upload.offset);
  return true;
}

std::string Platform::stored_hash(const std::string& upload) {
  Hasher hasher;
  Rows rows = db_->query("SELECT bytes FROM chunk WHERE upload = ?1 ORDER BY offset_bytes", upload);
  while (rows.next()) hasher.add(rows.text(0));
  return hasher.hex();
}

std::optional<Reply> Platform::finish_upload(Upload& upload, const std::string& hash) {
  if (!upload.sha256.empty() && hash != upload.sha256) {
    drop_upload(upload.id);
    return problem_reply(460, "checksum", "内容与声明的哈希不符");
  }
  db_->run("UPDATE upload SET complete = 1, sha256 = ?2 WHERE id = ?1", upload.id, hash);
  return std::nullopt;
}

Reply Platform::delete_upload(const Caller& caller, const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto upload = find_upload(caller, id);
  if (!upload) return gone();
  if (upload->complete && db_->integer("SELECT 1 FROM attachment WHERE photo = ?1", upload->sha256)) {
    return problem_reply(409, "attached", "照片已属于一条记录");
  }
  Transaction transaction(*db_);
  drop_upload(id);
  transaction.commit();
  return tus_reply(204, 0);
}

// Complete means hashed, in the transaction that stored the bytes; here only their presence is to be seen. Bytes that
// came anew stand for those of which the disk has lost some.
#define JUHAOBAN_IS_WHOLE "length_bytes = (SELECT sum(length(bytes)) FROM chunk WHERE upload = upload.id)"

std::optional<std::string> Platform::upload_of(const std::string& worker, const std::string& sha256) {
  return db_->text(
      "SELECT id FROM upload WHERE sha256 = ?1 AND worker = ?2 AND complete = 1 AND thumb_of = ''"
      " AND " JUHAOBAN_IS_WHOLE " LIMIT 1",
      sha256, worker);
}

// Of the rows that hold it, only those of the range are read: a photo is fetched in many pieces. Less than asked for
// when the disk has lost some.
std::string Platform::bytes_of(const std::string& upload, std::int64_t first, std::int64_t last) {
  std::string bytes;
  std::int64_t skipped = 0;
  Rows rows = db_->query(
      "SELECT offset_bytes, bytes FROM chunk WHERE upload = ?1 AND offset_bytes <= ?3 AND offset_bytes >="
      " (SELECT max(offset_bytes) FROM chunk WHERE upload = ?1 AND offset_bytes <= ?2) ORDER BY offset_bytes",
      upload, first, last);
  while (rows.next()) {
    if (bytes.empty()) skipped = first - rows.integer(0);
    bytes += rows.text(1);
  }
  if (static_cast<std::int64_t>(bytes.size()) <= skipped) return {};
  return bytes.substr(static_cast<std::size_t>(skipped), static_cast<std::size_t>(last - first + 1));
}

Reply Platform::get_photo(const Caller& caller, const Request& request, const std::string& sha256) {
  const std::lock_guard lock(mutex_);
  bool allowed = false;
  {
    Rows rows = db_->query(
        "SELECT DISTINCT grid, creator FROM attachment JOIN record ON record.id = record WHERE photo = ?1", sha256);
    while (!allowed && rows.next()) allowed = in_scope(caller, rows.text(0), rows.text(1));
  }
  const auto size = request.query.find("size");
  const bool thumb = size != request.query.end() && size->second == "thumb";
  std::optional<std::string> upload;
  if (thumb) {
    upload = db_->text(
        "SELECT id FROM upload WHERE thumb_of = ?1 AND complete = 1 AND worker IN (SELECT worker"
        " FROM upload WHERE sha256 = ?1 AND complete = 1 AND thumb_of = '') LIMIT 1",
        sha256);
  }
  // A phone on a quick link sends no thumbnail.
  if (!upload) {
    upload = db_->text(
        "SELECT id FROM upload WHERE sha256 = ?1 AND complete = 1 AND thumb_of = ''"
        " ORDER BY " JUHAOBAN_IS_WHOLE " DESC LIMIT 1",
        sha256);
  }
  const Reply none = problem_reply(404, "not-found", "没有这张照片");
  if (!allowed || !upload) return none;
  const std::int64_t whole = *db_->integer("SELECT length_bytes FROM upload WHERE id = ?1", *upload);
  Reply reply{200, {{"Content-Type", "image/jpeg"}, {"Accept-Ranges", "bytes"}, {"Cache-Control", "private"}}, {}};
  Range range{0, whole - 1};
  if (const auto asked = range_of(header_of(request, "range"), whole)) {
    if (asked->first >= whole) return problem_reply(416, "range", "范围不符");
    range = *asked;
    reply.status = 206;
    reply.headers.emplace_back("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                                    std::to_string(range.last) + "/" + std::to_string(whole));
  }
  reply.body = bytes_of(*upload, range.first, range.last);
  return static_cast<std::int64_t>(reply.body.size()) == range.last - range.first + 1 ? reply : none;
}

}  // namespace juhaoban
