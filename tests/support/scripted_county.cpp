#include "scripted_county.h"

#include <stdexcept>

#include <zlib.h>
#include <nlohmann/json.hpp>

namespace julu::test {
namespace {

using Json = nlohmann::json;

std::string inflated(const std::string& bytes) {
  z_stream stream{};
  inflateInit2(&stream, MAX_WBITS + 16);
  std::string out(8 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string path_of(const std::string& url) { return url.substr(url.find('/', url.find("://") + 3)); }

// As a platform does it: evidence put together again, what is not hashed taken out.
Hash hash_of(Json op, Json evidence) {
  evidence.update(op.value("evidence", Json::object()));
  op["evidence"] = evidence;
  op.erase("seq");
  op.erase("upload_url");
  return sha256(op.dump());
}

std::string from_base64(std::string text) {
  while (!text.empty() && text.back() == '=') text.pop_back();
  return parse_base64url(text).value_or("");
}

std::string metadata(const std::string& text, const std::string& key) {
  const auto at = text.find(key + " ");
  if (at == std::string::npos) return {};
  const auto from = at + key.size() + 1;
  return from_base64(text.substr(from, text.find(',', from) - from));
}

}  // namespace

ScriptedCounty::ScriptedCounty()
    : store(county.phone()),
      transport(county.clock, [this](const Request& request) { return answer(request); }),
      syncer(std::make_unique<Syncer>(*store, transport)) {
  const Json key = Json::parse(county.receipt_key_row().body);
  const Json row{{"kind", "receipt-key"}, {"id", "k1"}, {"version", kFirstVersion + 1}, {"body", key}};
  pages.push_back(pull_page(row.dump(), "k1:" + std::to_string(kFirstVersion + 1) + "\n"));
}

std::string ScriptedCounty::pull_page(const std::string& changes, const std::string& lines, bool more) const {
  return R"({"epoch":1,"changes":[)" + changes + R"(],"next":"c)" + std::to_string(pages.size() + 1) + R"(","more":)" +
         (more ? "true" : "false") + R"(,"checksum":")" + hex(sha256(lines)) + "\"}";
}

SyncOutcome ScriptedCounty::run(std::chrono::milliseconds at_most) {
  SyncOptions options;
  options.at_most = at_most;
  const auto outcome = syncer->run(options);
  if (!outcome) throw std::runtime_error(std::string(name(outcome.error().code)) + " " + outcome.error().detail);
  return *outcome;
}

std::string ScriptedCounty::report(const std::string& text, std::vector<PhotoInput> photos) {
  Capture capture;
  capture.kind = "incident";
  capture.body = R"({"category":"drainage","text":")" + text + "\"}";
  capture.photos = std::move(photos);
  const auto saved = store->capture(capture);
  if (!saved) throw std::runtime_error(std::string(name(saved.error().code)));
  return saved->id;
}

std::size_t ScriptedCounty::asked(const std::string& method, const std::string& path_start) const {
  std::size_t count = 0;
  for (const Request& request : transport.asked) {
    if (request.method == method && path_of(request.url).starts_with(path_start)) ++count;
  }
  return count;
}

std::optional<Response> ScriptedCounty::answer(const Request& request) {
  if (instead) {
    if (auto other = instead(request)) return other;
  }
  Response response = judge(request);
  return after ? after(request, std::move(response)) : std::optional(std::move(response));
}

Response ScriptedCounty::judge(const Request& request) {
  const std::string path = path_of(request.url);
  if (path.starts_with("/v1/ping")) return ping(request);
  if (path.starts_with("/v1/token")) {
    return reply(200, R"({"access_token":")" + token + R"(","token_type":"Bearer","expires_in":900})");
  }
  if (header(request.headers, "authorization") != "Bearer " + token) return problem(401, "unauthorized");
  if (path == "/v1/push") return push(request);
  if (path.starts_with("/v1/pull")) return pull();
  if (path.starts_with("/v1/photos")) return photos(request);
  return problem(404, "not-found");
}

Response ScriptedCounty::ping(const Request& request) const {
  const std::string nonce = request.url.substr(request.url.find("n=") + 2);
  const Json limits{{"ops", 500}, {"bytes", 1 << 20}, {"photo_bytes", 32 << 20}};
  const Json body{{"n", nonce},          {"epoch", kEpoch},  {"time_ms", 1'795'500'000'000},
                  {"safe_before_ms", 0}, {"limits", limits}, {"photos", "/v1/photos"}};
  return reply(200, body.dump());
}

std::string ScriptedCounty::text_of(const Request& request) {
  return header(request.headers, "Content-Encoding") == "gzip" ? inflated(request.body) : request.body;
}

Response ScriptedCounty::push(const Request& request) {
  const std::string text = text_of(request);
  if (chokes_on && chokes_on(text)) return problem(400, "bad-request");
  const Json body = Json::parse(text);
  if (body["ops"].size() > ops_max) return problem(413, "too-large");
  std::vector<OutgoingOp> ops;
  std::vector<OpResult> results;
  Json rows = Json::array();
  for (const Json& op : body["ops"]) {
    const std::string id = op["op_id"];
    const bool known = applied.contains(id);
    const bool attach = op["verb"] == "attach";
    if (!known) applied[id] = attach ? version_ : ++version_;
    OutgoingOp sent;
    sent.op_id = *parse_id(id);
    sent.hash = hash_of(op, body["evidence"]);
    OpResult result;
    result.status = known ? OpStatus::duplicate : OpStatus::applied;
    result.version = applied[id];
    rows.push_back({{"op_id", id}, {"status", known ? "duplicate" : "applied"}, {"version", result.version}});
    ops.push_back(std::move(sent));
    results.push_back(std::move(result));
  }
  batches.push_back(ops.size());
  const Receipt receipt = county.sign(body["device"], ops, results);
  const Json signed_by{{"key_id", receipt.key_id},
                       {"epoch", receipt.epoch},
                       {"server_time_ms", receipt.server_time_ms},
                       {"sig", base64url(std::span<const std::uint8_t>(receipt.signature))}};
  const Json answer{{"epoch", kEpoch}, {"holds", applied.size()}, {"results", rows}, {"receipt", signed_by}};
  return reply(200, answer.dump());
}

Response ScriptedCounty::pull() {
  if (pages.empty()) {
    return reply(200, R"({"epoch":1,"changes":[],"next":"end","more":false,"checksum":")" + hex(sha256("")) + "\"}");
  }
  std::string page = pages.front();
  pages.erase(pages.begin());
  return reply(200, std::move(page));
}

Response ScriptedCounty::photos(const Request& request) {
  const std::string path = path_of(request.url);
  Headers headers{{"Tus-Resumable", "1.0.0"}};
  if (request.method == "POST") {
    const std::string about = header(request.headers, "Upload-Metadata");
    ScriptedUpload upload;
    if (metadata(about, "thumb_of").empty()) upload.sha256 = metadata(about, "sha256");
    upload.length = std::stoll(header(request.headers, "Upload-Length"));
    if (takes_bytes_at_creation) upload.bytes = request.body;
    const std::string location = "/v1/photos/up-" + std::to_string(uploads.size() + 1);
    headers.emplace_back("Location", location);
    if (!request.body.empty()) headers.emplace_back("Upload-Offset", std::to_string(upload.bytes.size()));
    uploads[location] = std::move(upload);
    return reply(201, {}, headers);
  }
  const auto at = uploads.find(path);
  if (at == uploads.end()) return problem(404, "not-found");
  ScriptedUpload& upload = at->second;
  if (request.method == "PATCH") {
    if (std::stoull(header(request.headers, "Upload-Offset")) != upload.bytes.size()) return problem(409, "offset");
    upload.bytes += request.body;
  } else {
    headers.emplace_back("Upload-Length", std::to_string(upload.length));
  }
  headers.emplace_back("Upload-Offset", std::to_string(upload.bytes.size()));
  return reply(request.method == "HEAD" ? 200 : 204, {}, headers);
}

}  // namespace julu::test
