// Who may call: enrolment by code or by the old key of a forked device, and short-lived tokens (RFC 7523).
#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "platform.h"

namespace juhaoban {
namespace {

constexpr std::int64_t kCodeLifeMs = 30LL * 24 * 3600 * 1000;
constexpr std::int64_t kTokenLifeMs = 15 * 60 * 1000;
constexpr std::int64_t kAssertionLifeS = 300;
constexpr std::int64_t kSkewS = 60;
constexpr std::int64_t kAttemptsAMinute = 60;
constexpr std::size_t kBodyMax = 16 * 1024;

Reply revoked_reply() { return problem_reply(403, "device-refused", "设备已停用"); }
Reply refused() { return problem_reply(403, "code-refused", "激活码无效、已使用或已过期", "/code"); }

std::vector<std::string> texts(const std::string& json) { return Json::parse(json).get<std::vector<std::string>>(); }

bool is_utf8(const std::string& text) {
  try {
    return !Json(text).dump().empty();
  } catch (const Json::type_error&) {
    return false;
  }
}

// More of a worker or a grid no phone takes at its enrolment.
constexpr std::size_t kWordBytesMax = 64;

// application/x-www-form-urlencoded
std::map<std::string, std::string> form_of(const std::string& text) {
  std::map<std::string, std::string> form;
  std::string name;
  std::string value;
  bool in_value = false;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || text[i] == '&') {
      form[name] = value;
      name.clear();
      value.clear();
      in_value = false;
    } else if (text[i] == '=' && !in_value) {
      in_value = true;
    } else {
      char c = text[i] == '+' ? ' ' : text[i];
      if (c == '%' && i + 2 < text.size()) {
        std::string digits = text.substr(i + 1, 2);
        for (char& digit : digits) digit = static_cast<char>(std::tolower(static_cast<unsigned char>(digit)));
        const auto byte = from_hex(digits);
        if (byte) c = byte->front();
        i += 2;
      }
      (in_value ? value : name) += c;
    }
  }
  return form;
}

}  // namespace

Platform::Caller Platform::load_caller(const std::string& device) {
  Rows rows = db_->query(
      "SELECT device.worker, worker.name, worker.role, worker.grids FROM device JOIN worker USING (worker)"
      " WHERE device = ?1",
      device);
  Caller caller;
  if (!rows.next()) return caller;
  return {device, rows.text(0), rows.text(1), rows.text(2), texts(rows.text(3))};
}

// Role and scope are read at each call, never from the token.
std::optional<Platform::Caller> Platform::caller_of(const Request& request) {
  const std::string header = header_of(request, "authorization");
  if (!header.starts_with("Bearer ")) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto device = db_->text(
      "SELECT device FROM token JOIN device USING (device) WHERE token = ?1 AND expires_ms > ?2 AND revoked = 0",
      sha256_hex(header.substr(7)), now_ms());
  if (!device) return std::nullopt;
  if (db_->integer("SELECT signed_in FROM device WHERE device = ?1", *device) == 0) {
    db_->run("UPDATE device SET signed_in = 1 WHERE device = ?1", *device);
  }
  return load_caller(*device);
}

bool Platform::too_many_attempts() {
  db_->run("DELETE FROM attempt WHERE at_ms < ?1 OR at_ms > ?2", now_ms() - 60'000, now_ms());
  if (db_->integer("SELECT count(*) FROM attempt").value_or(0) >= kAttemptsAMinute) return true;
  db_->run("INSERT INTO attempt VALUES (?1)", now_ms());
  return false;
}

Reply Platform::enrol(const Request& request, BodyReader& body) {
  Reply reply;
  const auto text = whole_body(request, body, kBodyMax, options_.accept_gzip, reply);
  if (!text) return reply;
  const auto asked = parse_object(*text);
  if (!asked) return problem_reply(400, "bad-request", "请求有误");
  const auto key = from_base64url(text_of(*asked, "public_key"));
  const auto proof = from_base64url(text_of(*asked, "proof"));
  const char* const voucher = asked->contains("assertion") ? "assertion" : "code";
  const Json proven{
      {"aud", options_.address}, {"public_key", text_of(*asked, "public_key")}, {voucher, text_of(*asked, voucher)}};
  if (!key || !proof || !verify(*key, jcs(proven), *proof)) {
    return problem_reply(403, "proof-refused", "设备密钥证明无效", "/proof");
  }
  const std::lock_guard lock(mutex_);
  Transaction transaction(*db_);
  reply = asked->contains("assertion") ? enrol_fork(*asked, *key) : enrol_with_code(*asked, *key);
  transaction.commit();
  return reply;
}

Reply Platform::enrol_with_code(const Json& asked, const std::string& key) {
  const std::string code = sha256_hex(text_of(asked, "code"));
  std::string worker;
  std::string used_by;
  {
    Rows rows = db_->query(
        "SELECT worker, device FROM code WHERE code = ?1 AND (expires_ms > ?2 OR device IS NOT NULL)", code, now_ms());
    if (!rows.next()) {
      if (!too_many_attempts()) return refused();
      Reply limited = problem_reply(429, "limited", "尝试过多，请稍后再试");
      limited.headers.emplace_back("Retry-After", "60");
      return limited;
    }
    worker = rows.text(0);
    used_by = rows.text(1);
  }
  if (!used_by.empty()) {
    // The same code and key get the same answer until a token has been used: a lost reply burns nothing.
    const auto same = db_->integer(
        "SELECT count(*) FROM device WHERE device = ?1 AND public_key = ?2 AND signed_in = 0 AND revoked = 0", used_by,
        Bytes{key});
    return same == 1 ? enrolled(used_by) : refused();
  }
  const std::string device = "d-" + random_text(12);
  db_->run("INSERT INTO device (device, worker, public_key) VALUES (?1, ?2, ?3)", device, worker, Bytes{key});
  db_->run("UPDATE code SET device = ?2 WHERE code = ?1", code, device);
  return enrolled(device);
}

// A store that was copied or restored goes on under a new device, vouched for by the old key.
Reply Platform::enrol_fork(const Json& asked, const std::string& key) {
  Assertion assertion;
  if (auto failed = check_assertion(text_of(asked, "assertion"), assertion)) return *failed;
  if (text_of(assertion.claims, "new_key") != to_base64url(key)) {
    return problem_reply(403, "proof-refused", "新密钥与断言不符", "/assertion");
  }
  const std::string worker = load_caller(assertion.device).worker;
  {
    // A lost reply is asked for again with the same key.
    Rows rows =
        db_->query("SELECT device, revoked FROM device WHERE public_key = ?1 AND worker = ?2 ORDER BY revoked LIMIT 1",
                   Bytes{key}, worker);
    if (rows.next()) return rows.integer(1) == 0 ? enrolled(rows.text(0)) : revoked_reply();
  }
  const std::string device = "d-" + random_text(12);
  db_->run("INSERT INTO device (device, worker, public_key) VALUES (?1, ?2, ?3)", device, worker, Bytes{key});
  db_->run("INSERT INTO fork VALUES (?1, ?2)", device, first_of(assertion.device));
  return enrolled(device);
}

Reply Platform::enrolled(const std::string& device) {
  const Caller caller = load_caller(device);
  const auto names = db_->text("SELECT grid_names FROM worker WHERE worker = ?1", caller.worker);
  return json_reply(200, {{"device", device},
                          {"worker", caller.worker},
                          {"name", caller.name},
                          {"role", caller.role},
                          {"grids", caller.grids},
                          {"grid_names", texts(names.value_or("[]"))},
                          {"origins", {options_.address}},
                          {"root_key", to_base64url(public_key_of(root_key_))},
                          {"epoch", epoch_},
                          {"time_ms", now_ms()}});
}

// EdDSA only, the key found by the registered subject and never taken from the header.
std::optional<Reply> Platform::check_assertion(const std::string& jwt, Assertion& assertion) {
  const Reply invalid = problem_reply(400, "invalid-grant", "断言无效");
  const std::size_t first = jwt.find('.');
  const std::size_t second = jwt.rfind('.');
  if (first == std::string::npos || first == second) return invalid;
  const auto header = parse_object(from_base64url(jwt.substr(0, first)).value_or(""));
  const auto claims = parse_object(from_base64url(jwt.substr(first + 1, second - first - 1)).value_or(""));
  const auto signature = from_base64url(jwt.substr(second + 1));
  if (!header || !claims || !signature || text_of(*header, "alg") != "EdDSA") return invalid;
  const std::string device = text_of(*claims, "sub");
  std::string key;
  bool revoked = false;
  {
    Rows rows = db_->query("SELECT public_key, revoked FROM device WHERE device = ?1", device);
    if (!rows.next()) return invalid;
    key = rows.text(0);
    revoked = rows.integer(1) != 0;
  }
  if (!verify(key, jwt.substr(0, second), *signature)) return invalid;
  if (revoked) return revoked_reply();
  if (text_of(*claims, "iss") != device || text_of(*claims, "aud") != options_.address) return invalid;
  const std::int64_t now = now_ms() / 1000;
  const std::int64_t issued = integer_of(*claims, "iat");
  const std::int64_t expires = integer_of(*claims, "exp");
  if (expires <= now || issued > now + kSkewS || expires > issued + kAssertionLifeS) {
    return problem_reply(400, "clock-skew", "断言时间不符");
  }
  const std::string jti = text_of(*claims, "jti");
  db_->run("DELETE FROM assertion WHERE expires_ms < ?1", now_ms() - 3'600'000);
  if (jti.size() < 16 || db_->integer("SELECT 1 FROM assertion WHERE jti = ?1", jti)) return invalid;
  db_->run("INSERT INTO assertion VALUES (?1, ?2)", jti, expires * 1000);
  assertion = {device, *claims};
  return std::nullopt;
}

Reply Platform::token(const Request& request, BodyReader& body) {
  Reply reply;
  const auto text = whole_body(request, body, kBodyMax, options_.accept_gzip, reply);
  if (!text) return reply;
  const auto form = form_of(*text);
  const auto grant = form.find("grant_type");
  const auto jwt = form.find("assertion");
  if (grant == form.end() || grant->second != "urn:ietf:params:oauth:grant-type:jwt-bearer" || jwt == form.end()) {
    return problem_reply(400, "unsupported-grant-type", "不支持的授权类型");
  }
  const std::lock_guard lock(mutex_);
  Transaction transaction(*db_);
  Assertion assertion;
  if (auto failed = check_assertion(jwt->second, assertion)) return *failed;
  const std::string bearer = random_text(32);
  db_->run("DELETE FROM token WHERE expires_ms < ?1", now_ms());
  db_->run("INSERT INTO token VALUES (?1, ?2, ?3)", sha256_hex(bearer), assertion.device, now_ms() + kTokenLifeMs);
  transaction.commit();
  reply = json_reply(200, {{"access_token", bearer}, {"token_type", "Bearer"}, {"expires_in", kTokenLifeMs / 1000}});
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

void Platform::add_worker(const std::string& worker, const std::string& name, const std::string& role,
                          const std::vector<std::string>& grids, const std::vector<std::string>& grid_names) {
  std::vector<std::string> texts{worker, name, role};
  texts.insert(texts.end(), grids.begin(), grids.end());
  texts.insert(texts.end(), grid_names.begin(), grid_names.end());
  if (!std::all_of(texts.begin(), texts.end(), is_utf8))
    throw std::invalid_argument("人员编号、姓名和网格须为 UTF-8 文字");
  if (worker.find_first_not_of(" \t\r\n") == std::string::npos || worker.size() > kWordBytesMax)
    throw std::invalid_argument("人员编号须有 1 到 64 个字节，如 W-0412");
  if (std::any_of(grids.begin(), grids.end(), [](const auto& grid) { return grid.size() > kWordBytesMax; }))
    throw std::invalid_argument("网格编码最多 64 个字节");
  const std::lock_guard lock(mutex_);
  db_->run("INSERT OR REPLACE INTO worker VALUES (?1, ?2, ?3, ?4, ?5)", worker, name, role, Json(grids).dump(),
           Json(grid_names).dump());
}

std::string Platform::add_code(const std::string& worker, const std::string& wanted) {
  constexpr std::string_view kLetters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";  // none that looks like another
  const std::lock_guard lock(mutex_);
  if (!db_->integer("SELECT 1 FROM worker WHERE worker = ?1", worker)) return {};
  std::string shown = wanted;
  for (std::size_t i = 0; wanted.empty() && i < 16; ++i) {
    if (i > 0 && i % 4 == 0) shown += '-';
    shown += kLetters[options_.random->below(kLetters.size())];
  }
  std::string code;
  for (const char c : shown) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) code += static_cast<char>(std::toupper(c));
  }
  // Somebody has it in hand already, or a device came of it.
  if (db_->integer("SELECT 1 FROM code WHERE code = ?1 AND (worker <> ?2 OR device IS NOT NULL)", sha256_hex(code),
                   worker))
    throw std::invalid_argument("这个激活码已发给别人或已用过，请换一个");
  db_->run("INSERT OR REPLACE INTO code (code, worker, expires_ms) VALUES (?1, ?2, ?3)", sha256_hex(code), worker,
           now_ms() + kCodeLifeMs);
  return shown;
}

bool Platform::has_workers() {
  const std::lock_guard lock(mutex_);
  return db_->integer("SELECT 1 FROM worker LIMIT 1").has_value();
}

std::string Platform::first_of(const std::string& device) {
  return db_->text("SELECT first FROM fork WHERE device = ?1", device).value_or(device);
}

// The whole line: each of its keys could vouch for the next, and a copy of a lost phone may be any of them.
bool Platform::revoke(const std::string& device, bool revoked) {
  const std::lock_guard lock(mutex_);
  if (!db_->integer("SELECT 1 FROM device WHERE device = ?1", device)) return false;
  db_->run("UPDATE device SET revoked = ?2 WHERE device = ?1 OR device IN (SELECT device FROM fork WHERE first = ?1)",
           first_of(device), revoked);
  return true;
}

}  // namespace juhaoban
