// What an op comes to (openapi.yaml /v1/push), in the order: known id, closed id, scope, `after` or base.
#include <algorithm>

#include <julu/mutant.h>

#include "platform.h"

namespace juhaoban {
namespace {

constexpr std::size_t kBodyBytesMax = 256 * 1024;  // of an op and of a record: what a phone takes for one
// A record's row in a pull with its steps and photos. A phone takes replies of 8 MB; the last edit comes on top.
constexpr std::int64_t kRowBytesMax = 4 << 20;
constexpr std::int64_t kAttachmentBytesMax = 768;  // of a row: a hash, an id, a role and their names
constexpr std::size_t kRoleBytesMax = 64;

Json status(const char* word, const char* type, const char* title, const std::string& pointer = {}) {
  Json problem{{"type", type}, {"title", title}};
  if (!pointer.empty()) problem["pointer"] = pointer;
  return {{"status", word}, {"problem", problem}};
}

}  // namespace

Platform::Verdict Platform::judge(const Caller& caller, const Json& op) {
  std::string hash;
  try {
    hash = op_hash(op);
  } catch (const std::invalid_argument&) {
    return {status("rejected", "bad-op", "数字须为安全范围内的整数，字段名须为 ASCII"), sha256_hex(""), false};
  }
  const std::string id = op["op_id"];
  std::string known_hash;
  std::int64_t version = 0;
  {
    Rows rows = db_->query("SELECT hash, version FROM op WHERE worker = ?1 AND op_id = ?2", caller.worker, id);
    if (rows.next()) {
      known_hash = rows.text(0);
      version = rows.integer(1);
    }
  }
  if (!known_hash.empty() && !julu::mutant(julu::Mutant::known_op_judged_again))
    return judge_known(caller, op, hash, known_hash, version);
  if (db_->integer("SELECT 1 FROM closed WHERE worker = ?1 AND op_id = ?2", caller.worker, id)) {
    return {status("rejected", "replaced", "已由新的操作代替"), hash, false};
  }
  return judge_new(caller, op, hash);
}

Platform::Verdict Platform::judge_known(const Caller& caller, const Json& op, const std::string& hash,
                                        const std::string& known_hash, std::int64_t version) {
  if (hash != known_hash) return {status("rejected", "op-id-reused", "操作编号已用于其他内容"), hash, false};
  if (op["verb"] == "attach") {
    if (!upload_of(caller.worker, text_of(op["body"], "photo"))) {
      return {status("held", "bytes-missing", "照片尚未上传"), hash, false};
    }
  }
  return {{{"status", "duplicate"}, {"version", version}}, hash, true};
}

Platform::Verdict Platform::judge_new(const Caller& caller, const Json& op, const std::string& hash) {
  if (!kinds_.contains(op["kind"]))
    return {status("rejected", "kind-unknown", "没有这种记录类型", "/kind"), hash, false};
  if (op.value("body", Json::object()).dump().size() > kBodyBytesMax)
    return {status("rejected", "too-large", "内容过大", "/body"), hash, false};
  std::optional<Record> record = find(op["record"]);
  if (record && !in_scope(caller, record->grid, record->creator)) {
    return {status("rejected", "scope", "不在负责范围内"), hash, false};
  }
  if (!keeps_in_scope(caller, op, record)) {
    return {status("rejected", "scope", "不在负责范围内", "/body/grid"), hash, false};
  }
  Json applied_ids = Json::array();
  for (const Json& id : op.value("replaces", Json::array())) {
    if (db_->integer("SELECT 1 FROM op WHERE worker = ?1 AND op_id = ?2", caller.worker, id.get<std::string>())) {
      applied_ids.push_back(id);
    }
  }
  if (!applied_ids.empty()) {
    return record ? stale(caller, *record, applied_ids)
                  : Verdict{{{"status", "stale"}, {"applied", applied_ids}}, hash, false};
  }
  std::int64_t base = integer_of(op, "base_version", -1);
  const std::string after = text_of(op, "after");
  if (!after.empty()) {
    const auto known = db_->integer("SELECT version FROM op WHERE worker = ?1 AND op_id = ?2", caller.worker, after);
    if (known) {
      base = *known;
    } else if (record && db_->integer("SELECT 1 FROM closed WHERE worker = ?1 AND op_id = ?2", caller.worker, after)) {
      Verdict verdict = stale(caller, *record, Json::array());
      verdict.hash = hash;
      return verdict;
    } else {
      return {status("held", "after-unknown", "等待前一步"), hash, false};
    }
  }
  const std::string verb = op["verb"];
  if (verb == "create") return judge_create(caller, op, hash, std::move(record));
  if (!record) return {status("rejected", "not-found", "没有这条记录", "/record"), hash, false};
  if (verb == "append") return judge_append(caller, op, hash, *std::move(record));
  if (verb == "attach") return judge_attach(caller, op, hash, *std::move(record));
  if (verb == "patch" || verb == "delete") return judge_change(caller, op, hash, *std::move(record), base);
  return {status("rejected", "bad-op", "没有这种操作", "/verb"), hash, false};
}

// The scope of the body that would result: a new record stands in a grid of the worker's own; one that moves does too,
// or stays visible to whoever reported it.
bool Platform::keeps_in_scope(const Caller& caller, const Json& op, const std::optional<Record>& record) const {
  const std::string verb = op["verb"];
  const std::string grid = text_of(op.value("body", Json::object()), "grid");
  if (verb == "create" && !record) {
    return in_scope(caller, grid.empty() && !caller.grids.empty() ? caller.grids.front() : grid, "");
  }
  return verb != "patch" || !record || grid.empty() || in_scope(caller, grid, record->creator);
}

Platform::Verdict Platform::judge_create(const Caller& caller, const Json& op, const std::string& hash,
                                         std::optional<Record> record) {
  if (record) {
    Verdict verdict = stale(caller, *record, Json::array());
    verdict.hash = hash;
    return verdict;
  }
  const Json body = op.value("body", Json::object());
  if (const Json problem = body_problem(op["kind"], body); !problem.is_null()) {
    return {{{"status", "rejected"}, {"problem", problem}}, hash, false};
  }
  Record fresh;
  fresh.id = op["record"];
  fresh.kind = op["kind"];
  fresh.creator = caller.worker;
  fresh.grid = text_of(body, "grid");
  if (fresh.grid.empty() && !caller.grids.empty()) fresh.grid = caller.grids.front();
  fresh.body = body;
  fresh.created_at_ms = integer_of(op, "captured_at_ms");
  const Kind& kind = kinds_.at(fresh.kind);
  if (const auto flow = flows_.find(kind.flow); flow != flows_.end()) fresh.state = text_of(flow->second, "initial");
  fresh.version = next_version(fresh);
  store(fresh);
  return applied(caller, op, hash, fresh.version);
}

Platform::Verdict Platform::judge_change(const Caller& caller, const Json& op, const std::string& hash, Record record,
                                         std::int64_t base) {
  if (kinds_.at(record.kind).shape != "document") {
    return {status("rejected", "bad-op", "这种记录不能修改", "/verb"), hash, false};
  }
  if (base != record.version || record.deleted) {
    Verdict verdict = stale(caller, record, Json::array());
    verdict.hash = hash;
    return verdict;
  }
  if (op["verb"] == "delete") {
    record.deleted = true;
  } else {
    const Json before = record.body;
    record.body.merge_patch(op.value("body", Json::object()));
    if (record.body.dump().size() > kBodyBytesMax)
      return {status("rejected", "too-large", "内容过大", "/body"), hash, false};
    if (const Json problem = edit_problem(record.kind, before, record.body); !problem.is_null()) {
      return {{{"status", "rejected"}, {"problem", problem}}, hash, false};
    }
    const std::string grid = text_of(record.body, "grid");
    if (!grid.empty() && grid != record.grid) {
      record.grid = grid;
      db_->run("UPDATE record SET moved = 1 WHERE id = ?1", record.id);
    }
  }
  record.version = next_version(record);
  store(record);
  return applied(caller, op, hash, record.version);
}

Platform::Verdict Platform::judge_append(const Caller& caller, const Json& op, const std::string& hash, Record record) {
  const Kind& kind = kinds_.at(record.kind);
  const auto flow = flows_.find(kind.flow);
  const Json body = op.value("body", Json::object());
  const std::string name = text_of(body, "action");
  if (flow == flows_.end() || !flow->second["actions"].contains(name)) {
    return {status("rejected", "flow", "没有这一步", "/body/action"), hash, false};
  }
  const std::string last = text_of(body, "last_action");
  if (!last.empty() && !db_->integer("SELECT 1 FROM action WHERE id = ?1 AND record = ?2", last, record.id)) {
    // Made again under another id, it never comes under this one.
    if (!db_->integer("SELECT 1 FROM closed WHERE op_id = ?1", last)) {
      return {status("held", "action-unknown", "等待前一步"), hash, false};
    }
    Verdict verdict = stale(caller, record, Json::array());
    verdict.hash = hash;
    return verdict;
  }
  const Json& step = flow->second["actions"][name];
  const auto has = [](const Json& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
  };
  if (!has(step["roles"], caller.role)) return {status("rejected", "flow", "此角色不能进行这一步"), hash, false};
  if (db_->integer("SELECT 1 FROM action WHERE id = ?1", text_of(op, "op_id"))) {
    return {status("rejected", "op-id-reused", "操作编号已由他人使用"), hash, false};
  }
  if (!has(step["from"], record.state)) {
    Verdict verdict = stale(caller, record, Json::array());
    verdict.hash = hash;
    return verdict;
  }
  record.state = text_of(step, "to");
  const Json action{{"id", op["op_id"]},
                    {"action", name},
                    {"actor", {{"id", caller.worker}, {"role", caller.role}, {"name", caller.name}}},
                    {"at_ms", integer_of(op, "captured_at_ms")},
                    {"note", text_of(body, "note")},
                    {"state", record.state},
                    {"body", body}};
  if (row_bytes(record.id) + static_cast<std::int64_t>(action.dump().size()) > kRowBytesMax)
    return {status("rejected", "too-large", "这条记录的步骤已满", "/body"), hash, false};
  record.version = next_version(record);
  add_action(record, action);
  return applied(caller, op, hash, record.version);
}

Platform::Verdict Platform::judge_attach(const Caller& caller, const Json& op, const std::string& hash, Record record) {
  const Json body = op.value("body", Json::object());
  const std::string photo = text_of(body, "photo");
  const std::string action = text_of(body, "action");
  if (from_hex(photo).value_or("").size() != 32)
    return {status("rejected", "bad-op", "没有照片哈希", "/body/photo"), hash, false};
  if (text_of(body, "role").size() > kRoleBytesMax)
    return {status("rejected", "bad-op", "照片角色过长", "/body/role"), hash, false};
  if (row_bytes(record.id) + kAttachmentBytesMax > kRowBytesMax)
    return {status("rejected", "too-large", "这条记录的照片已满", "/body"), hash, false};
  if (!action.empty() && !db_->integer("SELECT 1 FROM action WHERE id = ?1 AND record = ?2", action, record.id)) {
    return {status("held", "action-unknown", "等待前一步"), hash, false};
  }
  if (!upload_of(caller.worker, photo) && !julu::mutant(julu::Mutant::attach_without_bytes)) {
    return {status("held", "bytes-missing", "照片尚未上传"), hash, false};
  }
  const auto place = db_->integer("SELECT count(*) FROM attachment WHERE record = ?1", record.id);
  // The length is the one that is held, whatever the op says.
  const auto length = db_->integer(
      "SELECT length_bytes FROM upload WHERE sha256 = ?1 AND worker = ?2 AND complete = 1 AND thumb_of = '' LIMIT 1",
      photo, caller.worker);
  db_->run("INSERT OR IGNORE INTO attachment VALUES (?1, ?2, ?3, ?4, ?5, ?6)", record.id, photo, text_of(body, "role"),
           action, length.value_or(0), place.value_or(0));
  touch("", record.id);
  return applied(caller, op, hash, record.version);
}

// What a record's row takes of a pull, or a little less.
std::int64_t Platform::row_bytes(const std::string& record) {
  const auto bytes = db_->integer(
      "SELECT (SELECT sum(length(CAST(body AS BLOB))) FROM record WHERE id = ?1)"
      " + (SELECT coalesce(sum(length(CAST(detail AS BLOB))), 0) FROM action WHERE record = ?1)"
      " + (SELECT count(*) FROM attachment WHERE record = ?1) * ?2",
      record, kAttachmentBytesMax);
  return bytes.value_or(0);
}

Platform::Verdict Platform::applied(const Caller& caller, const Json& op, const std::string& hash,
                                    std::int64_t version) {
  db_->run("INSERT INTO op VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", caller.worker, text_of(op, "op_id"), hash,
           text_of(op, "record"), text_of(op, "kind"), text_of(op, "verb"), version, caller.device,
           integer_of(op, "captured_at_ms"));
  for (const Json& id : op.value("replaces", Json::array())) {
    if (julu::mutant(julu::Mutant::closed_forgotten)) break;
    db_->run("INSERT OR IGNORE INTO closed VALUES (?1, ?2)", caller.worker, id.get<std::string>());
  }
  return {{{"status", "applied"}, {"version", version}}, hash, true};
}

Platform::Verdict Platform::stale(const Caller& caller, const Record& record, const Json& applied_ids) {
  Json result{{"status", "stale"}};
  if (in_scope(caller, record.grid, record.creator)) result["current"] = change_of(record);
  if (!applied_ids.empty()) result["applied"] = applied_ids;
  return {result, {}, false};
}

}  // namespace juhaoban
