// GET /v1/pull and POST /v1/reconcile: what changed since a cursor, and whether both sides hold the same.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <julu/mutant.h>

#include "platform.h"

namespace juhaoban {
namespace {

constexpr std::int64_t kRowsMax = 500;
constexpr std::int64_t kLookedAtMax = 2000;  // rows of the stream a request: the others wait for the lock meanwhile
constexpr std::int64_t kChinaMs = 8LL * 3600 * 1000;
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

struct Cursor {
  std::int64_t epoch = 0;
  std::int64_t position = 0;
  std::string scope;
};

// "c<epoch>.<position>.<scope>": opaque to phones.
std::optional<Cursor> parse_cursor(const std::string& text) {
  const std::size_t first = text.find('.');
  const std::size_t second = text.find('.', first + 1);
  if (text.empty() || text[0] != 'c' || first == std::string::npos || second == std::string::npos || text.size() > 80) {
    return std::nullopt;
  }
  try {
    return Cursor{std::stoll(text.substr(1)), std::stoll(text.substr(first + 1)), text.substr(second + 1)};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

// "2026-11-24" of a time in UTC+08:00 (proleptic Gregorian calendar, days since 1970-01-01).
std::string day_of(std::int64_t ms) {
  std::int64_t days = (ms + kChinaMs) / kDayMs;
  if ((ms + kChinaMs) % kDayMs < 0) --days;
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t in_era = days - era * 146097;
  const std::int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  const std::int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
  const std::int64_t shifted = (5 * in_year + 2) / 153;
  const std::int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d", static_cast<int>(year + era * 400 + (month <= 2 ? 1 : 0)),
                static_cast<int>(month), static_cast<int>(in_year - (153 * shifted + 2) / 5 + 1));
  return text;
}

bool is_safe(const Json& number) {
  const std::int64_t most = (std::int64_t{1} << 53) - 1;
  return number.is_number_integer() && number >= 0 && number <= most;
}

// [[day, count, hash], …]
bool is_days(const Json& days) {
  return days.is_array() && std::all_of(days.begin(), days.end(), [](const Json& day) {
           return day.is_array() && day.size() == 3 && day[0].is_string() && is_safe(day[1]) && day[2].is_string();
         });
}

// {seq, link, voids: [[seq, op id, hash], …], sig}
bool is_head(const Json& head) {
  if (!head.is_object() || !head.contains("seq") || !is_safe(head["seq"]) || text_of(head, "link").empty() ||
      text_of(head, "sig").empty() || !head.contains("voids") || !head["voids"].is_array())
    return false;
  return std::all_of(head["voids"].begin(), head["voids"].end(), [](const Json& gone) {
    return gone.is_array() && gone.size() == 3 && is_safe(gone[0]) && gone[1].is_string() && gone[2].is_string();
  });
}

}  // namespace

Reply Platform::pull(const Caller& caller, const Request& request) {
  const std::lock_guard lock(mutex_);
  if (options_.auto_triage) triage();
  Cursor from{epoch_, 0, scope_mark(caller)};
  if (const auto asked = request.query.find("cursor"); asked != request.query.end() && !asked->second.empty()) {
    const auto parsed = parse_cursor(asked->second);
    if (!parsed || parsed->epoch != epoch_ || parsed->scope != from.scope) {
      return problem_reply(410, "cursor-gone", "请从头拉取");
    }
    from = *parsed;
  }
  std::int64_t limit = kRowsMax;
  if (const auto asked = request.query.find("limit"); asked != request.query.end()) {
    limit = std::clamp<std::int64_t>(std::atoll(asked->second.c_str()), 1, kRowsMax);
  }
  Json changes = Json::array();
  std::string lines;
  const std::vector<StreamRow> rows = stream_after(from.position);
  bool more = static_cast<std::int64_t>(rows.size()) == kLookedAtMax;  // what lies behind them is not known
  for (const StreamRow& row : rows) {
    if (static_cast<std::int64_t>(changes.size()) == limit) {
      more = true;
      break;
    }
    from.position = row.position + (julu::mutant(julu::Mutant::cursor_skips_a_row) && row.position % 16 == 0 ? 1 : 0);
    const Json change = change_for(caller, row);
    if (change.is_null()) continue;  // another worker's
    lines += row.id + ":" + std::to_string(change["version"].get<std::int64_t>()) + "\n";
    changes.push_back(change);
  }
  return json_reply(200,
                    {{"epoch", epoch_},
                     {"changes", std::move(changes)},
                     {"next", "c" + std::to_string(epoch_) + "." + std::to_string(from.position) + "." + from.scope},
                     {"more", more},
                     {"checksum", sha256_hex(lines)}});
}

// With what decides who may see a record, so that the bodies of the others need not be read.
std::vector<Platform::StreamRow> Platform::stream_after(std::int64_t position) {
  std::vector<StreamRow> rows;
  Rows found = db_->query(
      "SELECT position, stream.kind, stream.id, grid, creator, moved FROM stream LEFT JOIN record"
      " ON stream.kind = '' AND record.id = stream.id WHERE position > ?1 ORDER BY position LIMIT ?2",
      position, kLookedAtMax);
  while (found.next()) {
    rows.push_back(
        {found.integer(0), found.text(1), found.text(2), found.text(3), found.text(4), found.integer(5) != 0});
  }
  return rows;
}

// Null when the caller is not to know of it.
Json Platform::change_for(const Caller& caller, const StreamRow& row) {
  if (!row.kind.empty()) {
    Rows found = db_->query("SELECT version, body FROM catalog WHERE kind = ?1 AND id = ?2", row.kind, row.id);
    if (!found.next()) return nullptr;
    return {{"kind", row.kind}, {"id", row.id},     {"version", found.integer(0)},
            {"deleted", false}, {"removed", false}, {"body", Json::parse(found.text(1))}};
  }
  const bool seen = in_scope(caller, row.grid, row.creator);
  if (!seen && !row.moved) return nullptr;
  const auto record = find(row.id);
  if (!record) return nullptr;
  if (seen) return change_of(*record);
  return {{"kind", record->kind}, {"id", row.id}, {"version", record->version}, {"deleted", false}, {"removed", true}};
}

Reply Platform::reconcile(const Caller& caller, const Request& request, BodyReader& body) {
  Reply reply;
  const auto text = whole_body(request, body, kBytesMax, options_.accept_gzip, reply);
  if (!text) return reply;
  const auto asked = parse_object(*text);
  if (!asked || text_of(*asked, "device") != caller.device)
    return problem_reply(400, "bad-request", "请求有误", "/device");
  const Json named = asked->value("days", Json());
  if (!is_days(named)) return problem_reply(400, "bad-request", "请求有误", "/days");
  const bool has_head = asked->contains("head");
  if (has_head && !is_head((*asked)["head"])) return problem_reply(400, "bad-request", "请求有误", "/head");
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> theirs;
  for (const Json& day : named) theirs[day[0]] = day[2];
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> days;  // day → (hash, op id)
  {
    Rows rows = db_->query("SELECT captured_at_ms, hash, op_id FROM op WHERE worker = ?1", caller.worker);
    while (rows.next()) {
      const std::string day = day_of(rows.integer(0));
      if (theirs.contains(day)) days[day].emplace_back(rows.text(1), rows.text(2));
    }
  }
  Json held = Json::array();
  Json differ = Json::array();
  for (auto& [day, ops] : days) {
    std::sort(ops.begin(), ops.end());
    std::string lines;
    Json ids = Json::array();
    for (const auto& [hash, id] : ops) {
      lines += hash + "\n";
      ids.push_back(id);
    }
    const std::string hash = sha256_hex(lines);
    held.push_back({day, ops.size(), hash});
    if (theirs[day] != hash) differ.push_back({{"day", day}, {"ops", ids}});
  }
  for (const auto& [day, hash] : theirs) {
    if (!days.contains(day)) differ.push_back({{"day", day}, {"ops", Json::array()}});
  }

  Json answer{{"epoch", epoch_},
              {"holds", db_->integer("SELECT holds FROM device WHERE device = ?1", caller.device).value_or(0)},
              {"days", held},
              {"differ", differ}};
  if (has_head) answer["chain"] = check_chain(caller, (*asked)["head"]);
  return json_reply(200, answer);
}

// Onward from the last link that was verified: a lost, altered or cloned device shows.
Json Platform::check_chain(const Caller& caller, const Json& head) {
  std::string key;
  std::string link;
  std::int64_t seq = 0;
  {
    Rows rows =
        db_->query("SELECT public_key, verified_seq, verified_link FROM device WHERE device = ?1", caller.device);
    if (!rows.next()) return {{"ok", false}, {"problem", "device"}};
    key = rows.text(0);
    seq = rows.integer(1);
    link = rows.text(2);
  }
  if (seq == 0) link = sha256_raw(caller.device);
  const Json signed_head{
      {"device", caller.device}, {"link", head["link"]}, {"seq", head["seq"]}, {"voids", head["voids"]}};
  const auto signature = from_base64url(text_of(head, "sig"));
  if (!signature || !verify(key, jcs(signed_head), *signature))
    return {{"ok", false}, {"problem", "signature"}, {"verified_seq", seq}};
  std::map<std::int64_t, std::string> voids;
  for (const Json& item : head["voids"]) voids[item[0]] = item[2];
  for (const std::int64_t last = integer_of(head, "seq"); seq < last;) {
    const auto known =
        db_->text("SELECT hash FROM place WHERE device = ?1 AND seq = ?2 AND applied = 1", caller.device, seq + 1);
    const auto given = voids.find(seq + 1);
    if (!known && given == voids.end()) return {{"ok", false}, {"problem", "missing"}, {"verified_seq", seq}};
    const auto hash = from_hex(known ? *known : given->second);
    if (!hash || hash->size() != 32) return {{"ok", false}, {"problem", "hash"}, {"verified_seq", seq}};
    link = sha256_raw(link + *hash);
    ++seq;
  }
  if (to_hex(link) != text_of(head, "link")) return {{"ok", false}, {"problem", "link"}, {"verified_seq", seq}};
  db_->run("UPDATE device SET verified_seq = ?2, verified_link = ?3 WHERE device = ?1", caller.device, seq,
           Bytes{link});
  return {{"ok", true}, {"verified_seq", seq}};
}

}  // namespace juhaoban
