#include "office.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include <zlib.h>

namespace julu::test {
namespace {

class Body final : public juhaoban::BodyReader {
 public:
  Body(const std::string& bytes, std::optional<std::size_t> cut_at) : bytes_(bytes), cut_at_(cut_at) {}
  bool read(const std::function<bool(std::string_view)>& take) override {
    constexpr std::size_t kPiece = 64 * 1024;
    const std::size_t end = std::min(cut_at_.value_or(bytes_.size()), bytes_.size());
    for (std::size_t at = 0; at < end; at += kPiece) {
      if (!take(std::string_view(bytes_).substr(at, std::min(kPiece, end - at)))) return true;
    }
    return end == bytes_.size();
  }

 private:
  const std::string& bytes_;
  std::optional<std::size_t> cut_at_;
};

std::string part(const Json& json) { return base64url(std::string_view(json.dump())); }

std::string base64(std::string_view bytes) {
  std::string text = base64url(bytes);
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  return text.append((4 - text.size() % 4) % 4, '=');
}

}  // namespace

std::string Answer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

Office::Office() : random(seeded_random(20261124)), disk(*random) { restart(); }

std::unique_ptr<juhaoban::Platform> Office::open() {
  juhaoban::Options options;
  options.data = "platform";
  options.vfs = disk.vfs();
  options.address = kAddress;
  options.clock = &clock;
  options.random = random.get();
  options.published = published;
  return std::make_unique<juhaoban::Platform>(options);
}

void Office::restart() {
  platform.reset();
  platform = open();
}

Answer Office::ask(const Asked& asked) {
  Body body(asked.body, asked.cut_at);
  const juhaoban::Reply reply = platform->handle({asked.method, asked.path, asked.query, asked.headers}, body);
  Answer answer{reply.status, {}, reply.body, Json::parse(reply.body, nullptr, false)};
  if (answer.body.is_discarded()) answer.body = nullptr;
  for (auto [name, value] : reply.headers) {
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    answer.headers[name] = value;
  }
  return answer;
}

std::string Office::code(const std::string& worker, const std::string& role, const std::vector<std::string>& grids) {
  platform->add_worker(worker, "网格员", role, grids, {"堤村乡 03 网格"});
  std::string code = platform->add_code(worker, "");
  std::erase(code, '-');
  return code;
}

std::vector<Json> Office::held(const std::string& type) {
  std::vector<Json> items;
  platform->dump([&](const Json& item) {
    if (item.at("type") == type) items.push_back(item);
  });
  return items;
}

Device::Device(Office& office_, const std::string& worker, const std::string& role,
               const std::vector<std::string>& grids)
    : office(office_), key(make_private_key(*office.random)) {
  const Answer enrolled = enrol(office.code(worker, role, grids));
  if (enrolled.status != 200) throw std::runtime_error("enrolment: " + enrolled.bytes);
  identity = enrolled.body;
  sign_in();
}

Answer Device::enrol(const std::string& code) {
  Json body{{"code", code}, {"public_key", base64url(public_key(key))}};
  Json proven = body;
  proven["aud"] = kAddress;
  body["proof"] = base64url(std::span<const std::uint8_t>(sign(key, proven.dump())));
  return office.ask({"POST", "/v1/devices", body.dump(), {}, {}, {}});
}

std::string Device::assertion(const Json& changes, const std::string& alg) {
  const std::int64_t now_s = office.clock.now_ms() / 1000;
  Json claims{{"iss", identity["device"]}, {"sub", identity["device"]}, {"aud", kAddress}, {"iat", now_s},
              {"exp", now_s + 300},        {"jti", new_id(office)}};
  claims.merge_patch(changes);
  const std::string text = part({{"alg", alg}, {"typ", "JWT"}}) + "." + part(claims);
  return text + "." + base64url(std::span<const std::uint8_t>(sign(key, text)));
}

Answer Device::ask_token(const std::string& jwt) {
  const std::string form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + jwt;
  return office.ask({"POST", "/v1/token", form, {{"content-type", "application/x-www-form-urlencoded"}}, {}, {}});
}

void Device::sign_in() {
  const Answer answer = ask_token(assertion());
  if (answer.status != 200) throw std::runtime_error("token: " + answer.bytes);
  token = answer.body.at("access_token");
}

Answer Device::ask(Asked asked) {
  asked.headers.emplace("authorization", "Bearer " + token);
  return office.ask(asked);
}

Answer Device::push(const std::vector<Json>& ops) {
  return ask({"POST", "/v1/push", Json{{"device", identity["device"]}, {"ops", ops}}.dump(), {}, {}, {}});
}

Json Device::send(const Json& op) {
  const Answer answer = push({op});
  if (answer.status != 200) throw std::runtime_error("push: " + answer.bytes);
  return answer.body.at("results").at(0);
}

Answer Device::pull(const std::string& cursor, int limit) {
  std::map<std::string, std::string> query{{"limit", std::to_string(limit)}};
  if (!cursor.empty()) query["cursor"] = cursor;
  return ask({"GET", "/v1/pull", {}, {}, query, {}});
}

std::map<std::string, Json> Device::pull_all() {
  std::map<std::string, Json> rows;
  std::string cursor;
  for (bool more = true; more;) {
    const Answer page = pull(cursor, 3);
    for (const Json& row : page.body.at("changes")) rows[row.at("id")] = row;
    cursor = page.body.at("next");
    more = page.body.at("more");
  }
  return rows;
}

Json Device::op(const std::string& verb, const std::string& record, const std::string& kind, const Json& body) {
  Json op{{"op_id", new_id(office)},
          {"seq", made.size() + 1},
          {"record", record},
          {"kind", kind},
          {"verb", verb},
          {"body", body},
          {"captured_at_ms", office.clock.now_ms()},
          {"evidence", {{"boot_id", "boot-1"}, {"monotonic_ms", 5000}}}};
  made.push_back(op);
  return op;
}

Json Device::incident(const std::string& text) {
  return op("create", new_id(office), "incident", {{"category", "drainage"}, {"text", text}});
}

Answer Device::upload(const std::string& bytes, const std::string& name, const std::string& value) {
  const std::string about = value.empty() ? hex_of(bytes) : value;
  return ask({"POST",
              "/v1/photos",
              bytes,
              {{"tus-resumable", "1.0.0"},
               {"upload-length", std::to_string(bytes.size())},
               {"upload-metadata", name + " " + base64(about)},
               {"content-type", "application/offset+octet-stream"}},
              {},
              {}});
}

Json Device::attach(const std::string& record, const std::string& bytes, const std::string& role) {
  return op("attach", record, "incident", {{"photo", hex_of(bytes)}, {"length_bytes", bytes.size()}, {"role", role}});
}

Json Device::head(const Json& voids) {
  Hash link = sha256(identity["device"].get<std::string>());
  for (const Json& one : made) {
    Sha256 next;
    next.update(std::span<const std::uint8_t>(link)).update(std::span<const std::uint8_t>(hash_of(one)));
    link = next.finish();
  }
  Json head{{"device", identity["device"]}, {"seq", made.size()}, {"link", hex(link)}, {"voids", voids}};
  head["sig"] = base64url(std::span<const std::uint8_t>(sign(key, head.dump())));
  head.erase("device");
  return head;
}

std::string new_id(Office& office) {
  std::string text = hex(std::span<const std::uint8_t>(make_private_key(*office.random))).substr(0, 32);
  text[12] = '7';
  text[16] = '8';
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, "-");
  return text;
}

Hash hash_of(Json op) {
  op.erase("seq");
  op.erase("upload_url");
  return sha256(op.dump());
}

std::string hex_of(std::string_view bytes) { return hex(sha256(bytes)); }

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 1024, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

bool receipt_holds(Device& device, const Json& reply, const std::vector<Json>& ops) {
  const Json key = device.pull_all().at(reply.at("receipt").at("key_id").get<std::string>()).at("body");
  const std::int64_t signed_ms = reply.at("receipt").at("server_time_ms");
  if (signed_ms < key.at("not_before_ms") || (key.contains("not_after_ms") && signed_ms >= key["not_after_ms"]))
    return false;
  Json unsigned_key = key;
  unsigned_key.erase("sig");
  const auto root = parse_public_key(device.identity["root_key"].get<std::string>());
  if (!verify(*root, unsigned_key.dump(), *parse_signature(key.at("sig").get<std::string>()))) return false;
  Json items = Json::array();
  for (const Json& op : ops) {
    for (const Json& result : reply.at("results")) {
      if (result.at("op_id") == op.at("op_id"))
        items.push_back({op.at("op_id"), hex(hash_of(op)), result.at("version")});
    }
  }
  const Json& receipt = reply.at("receipt");
  const Json covered{{"device", device.identity["device"]},
                     {"epoch", receipt.at("epoch")},
                     {"server_time_ms", receipt.at("server_time_ms")},
                     {"items", items}};
  return verify(*parse_public_key(key.at("public_key").get<std::string>()), covered.dump(),
                *parse_signature(receipt.at("sig").get<std::string>()));
}

}  // namespace julu::test
