// A batch on its way out and its results on their way in. Thread rule: pure functions.
#include "wire.h"

#include <algorithm>
#include <iterator>

#include <zlib.h>

#include <julu/limits.h>

#include "wire_pull.h"

namespace julu::wire {
namespace {

void keep_common(Json& common, const Json& evidence) {
  for (auto member = common.begin(); member != common.end();) {
    const auto same = evidence.find(member.key());
    const bool keep = same != evidence.end() && *same == *member;
    member = keep ? std::next(member) : common.erase(member);
  }
}

Problem problem_of(const Json& value) {
  Problem problem;
  problem.type = shortened(text(value, "type").value_or(""), limits::key_bytes_max);
  problem.title = shortened(text(value, "title").value_or(""), limits::sentence_bytes_max);
  problem.detail = shortened(text(value, "detail").value_or(""), limits::sentence_bytes_max);
  problem.pointer = shortened(text(value, "pointer").value_or(""), limits::sentence_bytes_max);
  return problem;
}

std::optional<OpStatus> parse_status(std::string_view word) {
  if (word == "applied") return OpStatus::applied;
  if (word == "duplicate") return OpStatus::duplicate;
  if (word == "stale") return OpStatus::stale;
  if (word == "held") return OpStatus::held;
  if (word == "rejected") return OpStatus::rejected;
  if (word == "retry") return OpStatus::retry;
  return std::nullopt;
}

Result<std::vector<Id>> decode_applied(const Json& row) {
  std::vector<Id> ids;
  const Json* list = find(row, "applied");
  if (list == nullptr || list->is_null()) return ids;
  if (!list->is_array() || list->size() > limits::batch_ops_max) return broken("applied");
  for (const Json& item : *list) {
    const auto id = item.is_string() ? parse_id(item.get_ref<const std::string&>()) : std::nullopt;
    if (!id) return broken("applied");
    ids.push_back(*id);
  }
  return ids;
}

Result<OpResult> decode_result(const Json& row, const OutgoingOp& op) {
  // A result belongs to an op by its id, not by its place alone: a list that slipped by one must not settle anything.
  JULU_TRY(const Id named, need_id(row, "op_id"));
  if (named != op.op_id) return broken("op_id");
  OpResult result;
  JULU_TRY(const std::string word, need_text(row, "status", limits::key_bytes_max));
  const auto status = parse_status(word);
  if (!status) return broken("status");
  result.status = *status;
  if (*status == OpStatus::applied || *status == OpStatus::duplicate) {
    JULU_TRY(result.version, need_integer(row, "version", 1));
  }
  if (const Json* problem = find(row, "problem")) result.problem = problem_of(*problem);
  if (*status == OpStatus::stale) {
    const Json* current = find(row, "current");
    if (current != nullptr && !current->is_null()) {
      JULU_TRY(result.current, decode_change(*current));
      // Another record's values would become this one's.
      if (parse_id(result.current->id) != op.record) return broken("current/id");
    }
    JULU_TRY(result.applied, decode_applied(row));
  }
  result.retry_after_ms =
      std::clamp<std::int64_t>(integer(row, "retry_after_ms").value_or(0), 0, limits::retry_after_ms_max);
  return result;
}

Result<std::optional<Receipt>> decode_receipt(const Json& reply) {
  const Json* value = find(reply, "receipt");
  if (value == nullptr || value->is_null()) return std::optional<Receipt>();
  Receipt receipt;
  JULU_TRY(receipt.key_id, need_text(*value, "key_id", limits::key_bytes_max));
  JULU_TRY(receipt.epoch, need_epoch(*value));
  JULU_TRY(receipt.server_time_ms, need_integer(*value, "server_time_ms", 0));
  const auto signature = parse_signature(text(*value, "sig").value_or(""));
  if (!signature) return broken("receipt/sig");
  receipt.signature = *signature;
  return std::optional(receipt);
}

}  // namespace

Result<std::string> encode_push(std::string_view device, const std::vector<OutgoingOp>& ops) {
  Json list = Json::array();
  std::optional<Json> common;
  for (const OutgoingOp& op : ops) {
    Json value = Json::parse(op.canonical, nullptr, false);
    if (value.is_discarded() || !value.is_object()) return Error{ErrorCode::internal, {}, op.op_id.text()};
    value["seq"] = op.seq;
    if (!op.upload_url.empty()) value["upload_url"] = op.upload_url;
    const Json& evidence = value["evidence"];
    if (!evidence.is_object()) return Error{ErrorCode::internal, {}, op.op_id.text()};
    if (!common)
      common = evidence;
    else
      keep_common(*common, evidence);
    list.push_back(std::move(value));
  }
  for (Json& op : list) {
    for (const auto& member : common->items()) op["evidence"].erase(member.key());
  }
  const Json body{{"device", device}, {"evidence", common.value_or(Json::object())}, {"ops", std::move(list)}};
  return body.dump();
}

std::string gzip(std::string_view bytes) {
  constexpr int kGzipWrapper = 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzipWrapper, MAX_MEM_LEVEL,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(done ? static_cast<std::size_t>(stream.total_out) : 0);
  deflateEnd(&stream);
  return out;
}

Result<PushReply> decode_push(std::string_view body, const std::vector<OutgoingOp>& sent) {
  JULU_TRY(const Json value, parse_object(body));
  PushReply reply;
  JULU_TRY(reply.epoch, need_epoch(value));
  JULU_TRY(reply.holds, need_integer(value, "holds", 0));
  const Json* results = find(value, "results");
  if (results == nullptr || !results->is_array() || results->size() != sent.size()) return broken("results");
  reply.results.reserve(sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    JULU_TRY(OpResult result, decode_result((*results)[i], sent[i]));
    reply.results.push_back(std::move(result));
  }
  JULU_TRY(reply.receipt, decode_receipt(value));
  return reply;
}

Problem decode_problem(const Response& response) {
  // Small: an error that needs more than this is a page for people, from somebody else.
  if (response.body.size() > limits::small_reply_bytes_max) return {};
  const auto value = parse_object(response.body);
  if (!value) return {};
  Problem problem = problem_of(*value);
  // Ours is a short word. RFC 9457 has URIs, "about:blank" among them: a gateway before the platform speaks.
  if (problem.type.find(':') != std::string::npos) return {};
  return problem;
}

}  // namespace julu::wire
