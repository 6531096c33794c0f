#include "server.h"

#include <algorithm>

#include <zlib.h>

#include <julu/enrol.h>
#include <julu/limits.h>
#include <nlohmann/json.hpp>

#include "store/core.h"
#include "world.h"

namespace julu::sim {
namespace {

using nlohmann::json;

std::string unzip(const std::string& bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return {};
  std::string out;
  std::string piece(64 * 1024, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  for (int state = Z_OK; state == Z_OK && out.size() <= limits::batch_bytes_max;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(piece, 0, piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  return out;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

juhaoban::Request arrived(const Request& request) {
  juhaoban::Request out;
  out.method = request.method;
  const std::string_view url = std::string_view(request.url).substr(std::string_view(kPlatform).size());
  const std::size_t mark = url.find('?');
  out.path = unescape(url.substr(0, mark));
  for (std::size_t at = mark; at != std::string_view::npos;) {
    const std::size_t end = url.find('&', at + 1);
    const std::string_view pair = url.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
    const std::size_t is = pair.find('=');
    if (is != std::string_view::npos) out.query[unescape(pair.substr(0, is))] = unescape(pair.substr(is + 1));
    at = end;
  }
  for (const auto& [name, value] : request.headers) {
    std::string lower = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    out.headers[lower] = value;
  }
  return out;
}

Response problem(int status, const std::string& type, Headers headers = {}) {
  headers.emplace_back("Content-Type", "application/problem+json");
  Response response;
  response.status = status;
  response.headers = std::move(headers);
  response.body = R"({"type":")" + type + R"("})";
  return response;
}

bool is_api(const Request& request) {
  return is_push(request) || request.url.find("/v1/pull") != std::string::npos || request.url.ends_with("/v1/token");
}

}  // namespace

bool is_push(const Request& request) { return request.url.ends_with("/v1/push"); }

std::string body_of_push(const Request& request) {
  const bool coded = header(request.headers, "Content-Encoding") == "gzip";
  return coded ? unzip(request.body) : request.body;
}

std::vector<std::string> ops_of_push(const Request& request) {
  const json batch = json::parse(body_of_push(request), nullptr, false);
  std::vector<std::string> ids;
  for (const json& op : batch.value("ops", json::array())) ids.push_back(op.value("op_id", ""));
  return ids;
}

std::string worker_of(int phone) {
  const std::string digits = std::to_string(1000 + phone);
  return "W-" + digits.substr(1);
}

bool CutBody::read(const std::function<bool(std::string_view)>& take) {
  constexpr std::size_t kPiece = 16 * 1024;
  for (std::size_t at = 0; at < bytes_.size(); at += kPiece) {
    if (!take(bytes_.substr(at, kPiece))) return true;
  }
  return whole_;
}

Response ask(juhaoban::Platform& platform, const Request& request, std::int64_t cut_after) {
  CutBody body(request.body, cut_after);
  juhaoban::Reply reply = platform.handle(arrived(request), body);
  Response response;
  response.status = reply.status;
  response.headers = std::move(reply.headers);
  if (request.method != "HEAD") response.body = std::move(reply.body);
  return response;
}

std::uint64_t StraightTransport::submit(Request request) {
  if (on_submit) on_submit(request);
  under_way_.emplace(++last_, std::move(request));
  return last_;
}

void StraightTransport::cancel(std::uint64_t request) { under_way_.erase(request); }

std::optional<Transport::Completion> StraightTransport::wait(std::chrono::milliseconds) {
  if (under_way_.empty()) return std::nullopt;
  const auto next = under_way_.extract(under_way_.begin());
  return Completion{next.key(), ask(platform_, next.mapped(), -1)};
}

Server::Server(World& world, const std::int64_t& now, std::uint64_t seed)
    : clock(now),
      world_(world),
      random_(seeded_random(seed + 12)),
      disk_random_(seeded_random(seed + 11)),
      disk(*disk_random_),
      gateway_(world) {}

void Server::open() {
  juhaoban::Options options;
  options.data = kData;
  options.vfs = disk.vfs();
  options.address = kPlatform;
  options.clock = &clock;
  options.random = random_.get();
  options.published = published_;
  books_.reset();
  platform.reset();
  platform = std::make_unique<juhaoban::Platform>(options);
}

void Server::start(const test::SimDisk::Image& image) {
  disk.restore(image);
  open();
}

bool Server::down() const { return world_.now_ms() < std::max(down_until_ms_, dead_until_ms_) && !world_.calm(); }

Response Server::serve(const Request& request, std::int64_t cut_after) {
  const bool dead = world_.now_ms() < dead_until_ms_ && !world_.calm();
  if (!dead && !world_.befalls(Fault::platform_dies)) return answer(request, cut_after);
  if (!dead) serve_and_die(request, cut_after);
  Response none;
  none.failure = ErrorCode::offline;
  return none;
}

bool Server::poisoned(const std::string& op_id) const {
  const int rate = world_.plan().rate(Fault::poison_op);
  if (rate == 0) return false;
  const Hash hash = sha256(op_id + std::to_string(world_.plan().seed));
  return hash[0] * 256 + hash[1] < rate * 2;
}

bool Server::parks_poison(const std::string& op_id) const { return sha256(op_id)[2] % 2 == 0; }

std::optional<Response> Server::poison(const Request& request) {
  if (world_.calm() || world_.plan().rate(Fault::poison_op) == 0 || !is_push(request)) return std::nullopt;
  for (const std::string& id : ops_of_push(request)) {
    if (!poisoned(id)) continue;
    ++world_.tally.faults[name(Fault::poison_op)];
    return parks_poison(id) ? problem(400, "bad-request") : problem(500, "server");
  }
  return std::nullopt;
}

bool Server::reconciles() const {
  constexpr std::int64_t kDayMs = 24 * 3'600'000;
  const std::int64_t day = (world_.now_ms() - kStartMs) / kDayMs;
  return world_.calm() || world_.plan().rate(Fault::reconcile_down) == 0 || day % 4 == 3;
}

std::optional<Response> Server::front(const Request& request) {
  if (auto stopped = gateway_.stop(request)) return stopped;
  const bool with_token = !header(request.headers, "Authorization").empty();
  if (with_token && world_.now_ms() < tokens_refused_until_ms_ && !world_.calm()) return problem(401, "unauthorized");
  if (auto poisoned = poison(request)) return poisoned;
  if (request.url.ends_with("/v1/reconcile") && !reconciles()) {
    ++world_.tally.faults[name(Fault::reconcile_down)];
    return problem(500, "server");
  }
  if (world_.strikes(Fault::refused_status)) {
    // Up to two hours, or up to the day that a phone believes at most.
    const std::uint64_t longest_s = world_.below(4) == 0 ? 24 * 3600 : 2 * 3600;
    const std::string wait = std::to_string(world_.below(longest_s));
    switch (world_.below(8)) {
      case 0: return problem(500, "server");
      case 1: return problem(503, "busy", {{"Retry-After", wait}});
      case 2: return problem(429, "limited", {{"Retry-After", wait}});
      case 3: return problem(426, "upgrade");
      case 4:
        if (world_.below(4) == 0)
          tokens_refused_until_ms_ = world_.now_ms() + static_cast<std::int64_t>(world_.below(3'600'000));
        return problem(401, "unauthorized");
      case 5: return problem(502, "gateway");
      case 6: return problem(408, "timeout");
      default: return problem(503, "busy");
    }
  }
  const bool is_photo = header(request.headers, "Upload-Metadata").starts_with("sha256");
  if ((is_push(request) || is_photo) && world_.strikes(Fault::too_large)) return problem(413, "too-large");
  const bool coded = header(request.headers, "Content-Encoding") == "gzip";
  if (coded && world_.strikes(Fault::coding_refused)) return problem(415, "unsupported-coding");
  return std::nullopt;
}

void Server::tamper(const Request& request, Response& response) {
  if (response.status == 200 && is_push(request)) {
    constexpr std::string_view kMember = R"("sig":")";
    const std::size_t at = response.body.find(kMember);
    if (at != std::string::npos) {
      const std::size_t from = at + kMember.size();
      signed_.insert(response.body.substr(from, response.body.find('"', from) - from));
    }
    const bool wrong = world_.strikes(Fault::wrong_receipt);
    const bool unknown = world_.strikes(Fault::unknown_receipt_key);
    if (wrong || unknown) {
      json body = json::parse(response.body, nullptr, false);
      if (!body.contains("receipt")) return;
      if (wrong) body["receipt"]["sig"] = std::string(86, 'A');
      if (unknown) body["receipt"]["key_id"] = "r9";
      response.body = body.dump();
    }
  }
  if (response.status == 201 && world_.strikes(Fault::foreign_location)) {
    for (auto& [name, value] : response.headers) {
      if (name == "Location") value = "https://elsewhere.example/up/1";
    }
  }
  const bool is_photo = request.method == "GET" && request.url.find("/v1/photos/") != std::string::npos;
  if (is_photo && response.status < 300 && !response.body.empty() && world_.strikes(Fault::damaged_photo)) {
    response.body[static_cast<std::size_t>(world_.below(response.body.size()))] ^= 1;
  }
  if (is_api(request) && response.status == 200 && world_.strikes(Fault::captive_portal)) {
    response.headers = {{"Content-Type", "text/html"}};
    response.body = "<html>登录上网</html>";
  }
}

void Server::restart() {
  disk.kill();
  open();
  down_until_ms_ = world_.now_ms() + static_cast<std::int64_t>(world_.below(3'600'000));
}

void Server::cut_power() {
  // The power goes before the connections close.
  disk.cut_power(world_.random());
  open();
  down_until_ms_ = world_.now_ms() + static_cast<std::int64_t>(world_.below(3'600'000));
}

void Server::back_up() {
  make_room();
  platform->note_backup(clock.now_ms());  // the image is taken at the same instant
  backup_ = disk.image();
}

void Server::set_revoked(const std::string& device, bool revoked) {
  make_room();
  platform->revoke(device, revoked);
}

void Server::move_worker(int phone) {
  if (phone == 0) return;
  const std::string worker = worker_of(phone);
  moved_.insert(worker);
  const auto grids = books().text("SELECT grids FROM worker WHERE worker = ?1", worker);
  const bool first = grids && grids->find(kGrids[0]) != std::string::npos;
  make_room();
  platform->add_worker(worker, worker, "worker", {kGrids[first ? 1 : 0]}, {"测试网格"});
}

void Server::restore_backup() {
  if (!backup_) return;
  make_room();
  test::SimDisk::Image image = disk.image();
  // The vault is not in the backup: it stays as it is.
  std::erase_if(image, [](const auto& file) { return file.first.find("platform.db") != std::string::npos; });
  for (const auto& [name, contents] : *backup_) {
    if (name.find("platform.db") != std::string::npos) image[name] = contents;
  }
  disk.restore(std::move(image));
  open();
  platform->new_epoch();
  ++restores_;
}

juhaoban::Database& Server::books() {
  if (!books_) books_.emplace(std::string(kData) + "/platform.db", disk.vfs());
  return *books_;
}

std::map<std::string, std::int64_t> Server::versions_of(const std::vector<std::string>& records, int phone) {
  std::map<std::string, std::int64_t> versions;
  for (const std::string& id : records) {
    const auto version = books().integer(
        "SELECT version FROM record, worker WHERE id = ?1 AND worker = ?2 AND (creator = worker OR EXISTS"
        " (SELECT 1 FROM json_each(grids) WHERE instr(record.grid, value) = 1))",
        id, worker_of(phone));
    if (version) versions[id] = *version;
  }
  return versions;
}

bool Server::is_out_of_scope(const std::string& record, int phone) {
  return books().integer("SELECT 1 FROM record WHERE id = ?1 AND creator <> ?2", record, worker_of(phone)) &&
         versions_of({record}, phone).empty();
}

bool Server::holds(const std::string& op_id, int phone) {
  return books().integer("SELECT 1 FROM op WHERE worker = ?1 AND op_id = ?2", worker_of(phone), op_id).has_value();
}

void Server::drop_tokens() {
  make_room();
  books().run("DELETE FROM token");
}

void Server::refuse_tokens_for(std::int64_t ms) { tokens_refused_until_ms_ = world_.now_ms() + ms; }

StoreKey store_key() {
  StoreKey key{};
  key.fill(0x5A);
  return key;
}

namespace {

// On a disk of its own, over a network without faults.
Identity enrol_on(test::SimDisk& phone, juhaoban::Platform& platform, const std::string& worker, bool encrypted,
                  Clock& clock, Random& random) {
  StraightTransport transport(platform);
  EnrolOptions enrolment;
  enrolment.platform = kPlatform;
  enrolment.code = platform.add_code(worker, "");
  enrolment.root = kStore;
  enrolment.key = store_key();
  enrolment.encrypted = encrypted;
  enrolment.consent_at_ms = clock.now_ms();
  enrolment.transport = &transport;
  enrolment.clock = &clock;
  enrolment.random = &random;
  enrolment.vfs = phone.vfs();
  const auto device = enrol(enrolment);
  if (device) return device->identity;
  std::fprintf(stderr, "sim: enrolment failed: %s %s\n", std::string(name(device.error().code)).c_str(),
               device.error().detail.c_str());
  std::abort();
}

Template make_template(bool encrypted, bool small_pages) {
  Template made;
  const std::int64_t now = kStartMs;
  ServerClock clock(now);
  const auto random = seeded_random(7);
  test::SimDisk disk(*random);
  juhaoban::Options options;
  options.data = kData;
  options.vfs = disk.vfs();
  options.address = kPlatform;
  options.clock = &clock;
  options.random = random.get();
  store::Connection::Options small;  // a file keeps the pages that it has
  small.path = std::string(kData) + "/platform.db";
  small.vfs = disk.vfs();
  small.create = true;
  if (small_pages && !store::Connection::open(small)) std::abort();
  {
    juhaoban::Platform platform(options);
    for (int i = 0; i < kWorkers; ++i) {
      const std::string role = i == 0 ? "leader" : "worker";
      // Some share households, some do not.
      const std::string grid = i == 0 ? "1305292002" : kGrids[i % 4 == 3 ? 1 : 0];
      platform.add_worker(worker_of(i), worker_of(i), role, {grid}, {"测试网格"});
      test::SimDisk phone(*random);
      enrol_on(phone, platform, worker_of(i), encrypted, clock, *random);
      made.phones.push_back(phone.image());
    }
  }
  made.platform = disk.image();
  return made;
}

}  // namespace

NewDevice Server::new_device(int phone) {
  make_room();
  test::SimDisk spare(*random_);
  NewDevice made;
  made.identity = enrol_on(spare, *platform, worker_of(phone), false, clock, *random_);
  Store::Options options;
  options.directory = kStore;
  options.encrypted = false;
  options.vfs = spare.vfs();
  const auto db = store::open_database(options, 1, store::Opening::there);
  if (!db) std::abort();
  const auto key = (*db)->text("SELECT value FROM meta WHERE name = 'device_key'");
  if (!key || !*key || (*key)->size() != made.key.size()) std::abort();
  std::copy((*key)->begin(), (*key)->end(), made.key.begin());
  return made;
}

const Template& template_of(bool encrypted, bool small_pages) {
  static std::map<std::pair<bool, bool>, Template> made;
  const std::pair key(encrypted, small_pages);
  if (!made.contains(key)) made.emplace(key, make_template(encrypted, small_pages));
  return made.at(key);
}

}  // namespace julu::sim
