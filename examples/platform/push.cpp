// POST /v1/push: a batch is judged op by op in one transaction, and what was applied is signed for.
#include <julu/mutant.h>

#include "platform.h"

namespace juhaoban {
namespace {

bool is_id(const std::string& text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (hyphen ? text[i] != '-' : !hex) return false;
  }
  return true;
}

bool is_ids(const Json& op, const char* name) {
  const auto found = op.find(name);
  if (found == op.end()) return true;
  if (!found->is_array()) return false;
  for (const Json& id : *found) {
    if (!id.is_string() || !is_id(id)) return false;
  }
  return true;
}

// A time goes into pages that others pull, who take none before 1970 and no number that JSON readers round.
bool is_time(const Json& op, const char* name) {
  const std::int64_t ms = integer_of(op, name, -1);
  return ms >= 0 && ms < 1LL << 53;
}

// What is shared is put into each of 500 ops: a long one would be a batch of any size.
bool is_evidence(const Json& evidence) {
  constexpr std::size_t kBytesMax = 1024;
  const auto is = [&](const char* name, bool (Json::*type)() const noexcept) {
    return !evidence.contains(name) || (evidence[name].*type)();
  };
  return evidence.is_object() && is("boot_id", &Json::is_string) && is("monotonic_ms", &Json::is_number_integer) &&
         is("clock_offset_ms", &Json::is_number_integer) && evidence.dump().size() <= kBytesMax;
}

bool is_op(const Json& op) {
  return op.is_object() && is_id(text_of(op, "op_id")) && is_id(text_of(op, "record")) && integer_of(op, "seq") > 0 &&
         is_time(op, "captured_at_ms") && !text_of(op, "kind").empty() && !text_of(op, "verb").empty() &&
         is_ids(op, "replaces") && is_ids(op, "refs") && (!op.contains("body") || op["body"].is_object()) &&
         (!op.contains("evidence") || is_evidence(op["evidence"]));
}

// What all ops share travelled once; it is put back before anything is hashed.
void put_evidence_back(Json& ops, const Json& common) {
  for (Json& op : ops) {
    Json evidence = common;
    if (op.contains("evidence")) evidence.update(op["evidence"]);
    op["evidence"] = std::move(evidence);
  }
}

}  // namespace

Reply Platform::push(const Caller& caller, const Request& request, BodyReader& body) {
  Reply reply;
  const auto text = whole_body(request, body, kBytesMax, options_.accept_gzip, reply);
  if (!text) return reply;
  // What a step carries lies two levels deeper in a page than in a batch, and no page may be deeper than a phone reads.
  constexpr int kBatchDepthMax = 24;
  auto batch = parse_object(*text, kBatchDepthMax);
  if (!batch || !batch->contains("ops") || !(*batch)["ops"].is_array()) {
    return problem_reply(400, "bad-request", "请求有误", "/ops");
  }
  Json& ops = (*batch)["ops"];
  if (ops.size() > kOpsMax) return problem_reply(413, "too-large", "一次操作过多", "/ops");
  if (text_of(*batch, "device") != caller.device)
    return problem_reply(403, "scope", "只能以本设备的名义上报", "/device");
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (!is_op(ops[i])) return problem_reply(400, "bad-op", "操作格式有误", "/ops/" + std::to_string(i));
  }
  const Json evidence = batch->value("evidence", Json::object());
  if (!is_evidence(evidence)) return problem_reply(400, "bad-request", "请求有误", "/evidence");
  put_evidence_back(ops, evidence);

  const std::lock_guard lock(mutex_);
  Transaction transaction(*db_, !julu::mutant(julu::Mutant::receipt_before_sync));
  if (auto conflict = forked(caller, ops)) return *conflict;
  Json results = Json::array();
  Json items = Json::array();
  for (const Json& op : ops) {
    Verdict verdict = judge(caller, op);
    verdict.result["op_id"] = op["op_id"];
    if (verdict.applied) items.push_back({op["op_id"], verdict.hash, verdict.result["version"]});
    remember_place(caller, op, verdict);
    results.push_back(std::move(verdict.result));
  }
  const auto holds = db_->integer("SELECT holds FROM device WHERE device = ?1", caller.device);
  transaction.commit();

  Json answer{{"epoch", epoch_}, {"holds", holds.value_or(0)}, {"results", std::move(results)}};
  if (!items.empty()) {
    Json covered{
        {"device", caller.device}, {"epoch", epoch_}, {"items", std::move(items)}, {"server_time_ms", now_ms()}};
    const ReceiptKey& key = receipt_key_at(covered["server_time_ms"]);
    answer["receipt"] = {{"key_id", key.id},
                         {"epoch", epoch_},
                         {"server_time_ms", covered["server_time_ms"]},
                         {"sig", to_base64url(sign(key.secret, jcs(covered)))}};
  }
  return json_reply(200, answer);
}

std::optional<Reply> Platform::forked(const Caller& caller, const Json& ops) {
  std::map<std::int64_t, std::string> places;
  for (const Json& op : ops) {
    const auto seq = op["seq"].get<std::int64_t>();
    const auto known = db_->text("SELECT op_id FROM place WHERE device = ?1 AND seq = ?2", caller.device, seq);
    const std::string& first = places.try_emplace(seq, known.value_or(op["op_id"])).first->second;
    if (first != op["op_id"]) return problem_reply(409, "device-forked", "设备数据被复制或还原");
  }
  return std::nullopt;
}

void Platform::remember_place(const Caller& caller, const Json& op, const Verdict& verdict) {
  const auto seq = op["seq"].get<std::int64_t>();
  const auto known = db_->integer("SELECT applied FROM place WHERE device = ?1 AND seq = ?2", caller.device, seq);
  if (known == 1) return;  // the chain holds what was applied, whatever came under its id later
  db_->run("INSERT OR REPLACE INTO place VALUES (?1, ?2, ?3, ?4, ?5)", caller.device, seq, text_of(op, "op_id"),
           verdict.hash, verdict.applied);
  if (verdict.applied) db_->run("UPDATE device SET holds = holds + 1 WHERE device = ?1", caller.device);
}

}  // namespace juhaoban
