#include "platform.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>

#include <zlib.h>

#include "juhaoban_embedded.h"

namespace juhaoban {
namespace {

constexpr std::int64_t kEpochMax = (1LL << 21) - 1;
constexpr std::size_t kNonceMax = 64;

std::string_view embedded(std::string_view path) {
  for (const auto& file : juhaoban_embedded::files()) {
    if (file.path.ends_with(path)) return file.text;
  }
  return {};
}

class Inflater {
 public:
  Inflater() { inflateInit2(&stream_, 15 + 16); }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// False: not gzip, or more than `bytes_max` comes out.
  bool add(std::string_view piece, std::string& out, std::size_t bytes_max) {
    std::array<char, 32 * 1024> buffer;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    while (stream_.avail_in > 0 && !ended) {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream_.avail_out = static_cast<uInt>(buffer.size());
      const int rc = inflate(&stream_, Z_NO_FLUSH);
      if (rc != Z_OK && rc != Z_STREAM_END) return false;
      out.append(buffer.data(), buffer.size() - stream_.avail_out);
      if (out.size() > bytes_max) return false;
      ended = rc == Z_STREAM_END;
    }
    return true;
  }
  bool ended = false;

 private:
  z_stream stream_{};
};

bool depth_is_bounded(std::string_view text, int depth_max) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_string) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        in_string = false;
    } else if (text[i] == '"') {
      in_string = true;
    } else if (text[i] == '{' || text[i] == '[') {
      if (++depth > depth_max) return false;
    } else if (text[i] == '}' || text[i] == ']') {
      --depth;
    }
  }
  return true;
}

}  // namespace

Reply json_reply(int status, const Json& body) {
  return {status, {{"Content-Type", "application/json"}}, body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

Reply problem_reply(int status, const std::string& type, const std::string& title, const std::string& pointer) {
  Json body{{"type", type}, {"title", title}, {"status", status}};
  if (!pointer.empty()) body["pointer"] = pointer;
  Reply reply = json_reply(status, body);
  reply.headers[0].second = "application/problem+json";
  return reply;
}

std::optional<std::string> whole_body(const Request& request, BodyReader& body, std::size_t bytes_max, bool accept_gzip,
                                      Reply& reply) {
  const std::string coding = header_of(request, "content-encoding");
  const bool gzip = coding == "gzip";
  if ((gzip && !accept_gzip) || (!gzip && !coding.empty() && coding != "identity")) {
    reply = problem_reply(415, "unsupported-coding", "不支持的内容编码");
    reply.headers.emplace_back("Accept-Encoding", accept_gzip ? "gzip" : "identity");
    return std::nullopt;
  }
  std::string text;
  Inflater inflater;
  bool fits = true;
  const bool whole = body.read([&](std::string_view piece) {
    if (gzip) {
      fits = inflater.add(piece, text, bytes_max);
    } else {
      text += piece;
      fits = text.size() <= bytes_max;
    }
    return fits;
  });
  if (!fits && text.size() > bytes_max) {
    reply = problem_reply(413, "too-large", "请求过大");
  } else if (!fits || !whole || (gzip && !inflater.ended)) {
    reply = problem_reply(400, "bad-request", "请求不完整");
  } else {
    return text;
  }
  return std::nullopt;
}

std::optional<Json> parse_object(const std::string& text, int depth_max) {
  if (!depth_is_bounded(text, depth_max)) return std::nullopt;
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t integer_of(const Json& object, const char* name, std::int64_t otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

std::string header_of(const Request& request, const char* name) {
  const auto found = request.headers.find(name);
  return found != request.headers.end() ? found->second : std::string();
}

Platform::Platform(Options options) : options_(std::move(options)) {
  const bool on_disk = options_.vfs.empty();
  if (on_disk) {
    std::filesystem::create_directories(options_.data);
    std::filesystem::permissions(options_.data, std::filesystem::perms::owner_all);
  }
  db_ = std::make_unique<Database>(options_.data + "/platform.db", options_.vfs);
  db_->script(embedded("schema.sql"));
  const std::string vault = options_.data + "/vault.db";
  vault_ = std::make_unique<Database>(vault, options_.vfs);
  if (on_disk) {
    using std::filesystem::perms;
    std::filesystem::permissions(vault, perms::owner_read | perms::owner_write);
  }
  open_vault();
  publish_catalog();
}

// The epoch and the keys live apart from the database, so that no backup of it holds them. The root key signs the
// receipt keys and is needed for nothing else: a real platform keeps it offline.
void Platform::open_vault() {
  vault_->script(
      "CREATE TABLE IF NOT EXISTS vault (name TEXT PRIMARY KEY, value ANY);"
      "CREATE TABLE IF NOT EXISTS receipt_key (number INTEGER PRIMARY KEY, secret BLOB, not_before_ms INTEGER,"
      " not_after_ms INTEGER)");
  Transaction transaction(*vault_);
  vault_->run("INSERT OR IGNORE INTO vault VALUES ('epoch', 1)");
  epoch_ = *vault_->integer("SELECT value FROM vault WHERE name = 'epoch'");
  std::string first;  // of the receipt keys
  for (const auto& [name, key] : {std::pair{"root_key", &root_key_}, std::pair{"receipt_key", &first}}) {
    if (const auto kept = vault_->text("SELECT value FROM vault WHERE name = ?1", name)) {
      *key = *kept;
      continue;
    }
    key->assign(32, '\0');
    options_.random->fill(std::as_writable_bytes(std::span(*key)));
    vault_->run("INSERT INTO vault VALUES (?1, ?2)", name, Bytes{*key});
  }
  vault_->run("INSERT OR IGNORE INTO receipt_key VALUES (1, ?1, 1, 0)", Bytes{first});
  transaction.commit();
  load_receipt_keys();
}

void Platform::load_receipt_keys() {
  receipt_keys_.clear();
  Rows rows = vault_->query("SELECT number, secret, not_before_ms, not_after_ms FROM receipt_key ORDER BY number");
  while (rows.next())
    receipt_keys_.push_back({"r" + std::to_string(rows.integer(0)), rows.text(1), rows.integer(2), rows.integer(3)});
}

// The time of one ends where that of the next begins. A clock that was set back finds the one of then.
const Platform::ReceiptKey& Platform::receipt_key_at(std::int64_t time_ms) const {
  auto key = receipt_keys_.rbegin();
  while (key->not_before_ms > time_ms && std::next(key) != receipt_keys_.rend()) ++key;
  return *key;
}

void Platform::rotate_receipt_key() {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = now_ms();
  if (now <= receipt_keys_.back().not_before_ms) throw std::runtime_error("the clock was set back");
  std::string secret(32, '\0');
  options_.random->fill(std::as_writable_bytes(std::span(secret)));
  Transaction transaction(*vault_);
  vault_->run("UPDATE receipt_key SET not_after_ms = ?1 WHERE not_after_ms = 0", now);
  vault_->run("INSERT INTO receipt_key SELECT max(number) + 1, ?1, ?2, 0 FROM receipt_key", Bytes{secret}, now);
  transaction.commit();
  load_receipt_keys();
  Transaction publishing(*db_);
  publish_receipt_keys();
  publishing.commit();
}

void Platform::publish_receipt_keys() {
  for (const ReceiptKey& one : receipt_keys_) {
    Json key{{"key_id", one.id},
             {"public_key", to_base64url(public_key_of(one.secret))},
             {"not_before_ms", one.not_before_ms}};
    if (one.not_after_ms > 0) key["not_after_ms"] = one.not_after_ms;
    key["sig"] = to_base64url(sign(root_key_, jcs(key)));
    publish("receipt-key", one.id, key);
  }
}

void Platform::publish_catalog() {
  const auto take_kind = [&](const Json& json) {
    kinds_[text_of(json, "x-kind")] = {json, text_of(json, "x-shape"), text_of(json, "x-flow")};
  };
  for (const auto& file : juhaoban_embedded::files()) {
    const Json json = Json::parse(file.text, nullptr, false);
    if (file.path.find("records/") != std::string_view::npos) {
      take_kind(json);
    } else if (file.path.find("flows/") != std::string_view::npos) {
      flows_[text_of(json, "flow")] = json;
    }
  }
  for (const auto& [kind, id, body] : options_.published) {
    if (kind == "schema") take_kind(body);
    if (kind == "flow") flows_[id] = body;
  }
  Transaction transaction(*db_);
  for (const auto& [id, kind] : kinds_) publish("schema", id, kind.schema);
  for (const auto& [id, flow] : flows_) publish("flow", id, flow);
  publish("settings", "settings", Json{{"quota", false}, {"check_in", false}});
  for (const auto& [kind, id, body] : options_.published) publish(kind, id, body);
  publish_receipt_keys();
  transaction.commit();
}

void Platform::publish(const std::string& kind, const std::string& id, const Json& body) {
  const std::string text = body.dump();
  if (db_->text("SELECT body FROM catalog WHERE kind = ?1 AND id = ?2", kind, id) == text) return;
  const auto version = db_->integer("SELECT version FROM catalog WHERE kind = ?1 AND id = ?2", kind, id);
  const std::int64_t next = std::max(version.value_or(0), epoch_ << 32) + 1;
  db_->run("INSERT OR REPLACE INTO catalog VALUES (?1, ?2, ?3, ?4)", kind, id, next, text);
  touch(kind, id);
}

Reply Platform::handle(const Request& request, BodyReader& body) {
  try {
    return route(request, body);
  } catch (const DatabaseError& error) {
    if (!error.is_disk_full) return problem_reply(500, "server", "平台出错");
    // No request would fare better, and none is at fault: halving batches would find nothing.
    Reply later = problem_reply(503, "unavailable", "平台存储已满，请稍后再试");
    later.headers.emplace_back("Retry-After", "300");
    return later;
  } catch (const std::exception&) {
    // Each call has said of its request what is wrong with it. What else fails is no request's fault: a phone parks
    // what was refused and comes again with what met an error here.
    return problem_reply(500, "server", "平台出错");
  }
}

Reply Platform::route(const Request& request, BodyReader& body) {
  const std::string& path = request.path;
  const std::string& method = request.method;
  if (path == "/v1/ping" && method == "GET") return ping(request);
  if (path == "/v1/devices" && method == "POST") return enrol(request, body);
  if (path == "/v1/token" && method == "POST") return token(request, body);
  if (path == "/v1/photos" && method == "OPTIONS") {
    return {204,
            {{"Tus-Resumable", "1.0.0"},
             {"Tus-Version", "1.0.0"},
             {"Tus-Extension", "creation,creation-with-upload,termination"},
             {"Tus-Max-Size", std::to_string(kPhotoBytesMax)}},
            {}};
  }
  const std::optional<Caller> caller = caller_of(request);
  if (!caller) return problem_reply(401, "unauthorized", "请重新登录");
  const bool tus = path.starts_with("/v1/photos") && method != "GET";
  if (tus && header_of(request, "tus-resumable") != "1.0.0") {
    Reply other = problem_reply(412, "tus-version", "只支持 tus 1.0.0");
    other.headers.emplace_back("Tus-Version", "1.0.0");
    return other;
  }
  if (path == "/v1/push" && method == "POST") return push(*caller, request, body);
  if (path == "/v1/pull" && method == "GET") return pull(*caller, request);
  if (path == "/v1/reconcile" && method == "POST") return reconcile(*caller, request, body);
  if (path == "/v1/photos" && method == "POST") return create_upload(*caller, request, body);
  constexpr std::string_view kUploads = "/v1/photos/uploads/";
  if (path.starts_with(kUploads)) {
    const std::string id = path.substr(kUploads.size());
    if (method == "HEAD") return head_upload(*caller, id);
    if (method == "PATCH") return patch_upload(*caller, request, id, body);
    if (method == "DELETE") return delete_upload(*caller, id);
  }
  constexpr std::string_view kPhotos = "/v1/photos/";
  if (path.starts_with(kPhotos) && method == "GET") return get_photo(*caller, request, path.substr(kPhotos.size()));
  return problem_reply(404, "not-found", "没有这个地址");
}

Reply Platform::ping(const Request& request) {
  const auto nonce = request.query.find("n");
  if (nonce == request.query.end() || nonce->second.empty() || nonce->second.size() > kNonceMax) {
    return problem_reply(400, "bad-request", "缺少 n", "/n");
  }
  const std::lock_guard lock(mutex_);
  // Read each time: an administrator notes a backup beside the running server.
  const auto safe_before_ms = vault_->integer("SELECT value FROM vault WHERE name = 'safe_before_ms'");
  return json_reply(200, {{"n", nonce->second},
                          {"epoch", epoch_},
                          {"time_ms", now_ms()},
                          {"safe_before_ms", safe_before_ms.value_or(0)},
                          {"limits", {{"ops", kOpsMax}, {"bytes", kBytesMax}, {"photo_bytes", kPhotoBytesMax}}},
                          {"photos", "/v1/photos"}});
}

std::string Platform::random_text(std::size_t bytes) {
  std::string raw(bytes, '\0');
  options_.random->fill(std::as_writable_bytes(std::span(raw)));
  return to_base64url(raw);
}

bool Platform::note_backup(std::int64_t began_ms) {
  const std::lock_guard lock(mutex_);
  if (began_ms > now_ms()) return false;
  vault_->run("INSERT OR REPLACE INTO vault VALUES ('safe_before_ms', ?1)", began_ms);
  return true;
}

void Platform::new_epoch() {
  const std::lock_guard lock(mutex_);
  if (epoch_ >= kEpochMax) throw std::runtime_error("no epoch is left");
  vault_->run("UPDATE vault SET value = ?1 WHERE name = 'epoch'", epoch_ + 1);
  ++epoch_;
}

}  // namespace juhaoban
