// Replies as the phone reads them: whatever comes is a typed value or a typed error.
#include <algorithm>

#include <julu/limits.h>

#include "target.h"
#include "tus.h"
#include "url.h"
#include "wire.h"
#include "wire_json.h"

namespace julu::fuzz {
namespace {

// Ops that the reply names, so that an input need not know ids to get past the check of them.
std::vector<OutgoingOp> ops_named_in(std::string_view reply) {
  std::vector<OutgoingOp> ops;
  const auto value = wire::parse_object(reply);
  const wire::Json* results = value ? wire::find(*value, "results") : nullptr;
  if (results == nullptr || !results->is_array()) return ops;
  for (const wire::Json& row : *results) {
    OutgoingOp op;
    op.op_id = parse_id(wire::text(row, "op_id").value_or("")).value_or(Id{});
    ops.push_back(std::move(op));
  }
  return ops;
}

}  // namespace

void push_reply(std::string_view input) {
  const auto ops = ops_named_in(input);
  const auto reply = wire::decode_push(input, ops);
  if (!succeeded(reply)) return;
  require(reply->results.size() == ops.size(), "one result an op");
  for (const OpResult& result : reply->results) {
    require(result.retry_after_ms >= 0 && result.retry_after_ms <= limits::retry_after_ms_max, "a wait is bounded");
    require(result.problem.type.size() <= limits::key_bytes_max, "a problem's type is bounded");
  }
}

void pull_reply(std::string_view input) {
  static_cast<void>(succeeded(wire::decode_pull(input)));
  // The checksum is no obstacle to somebody who means harm, so it is none here.
  auto value = wire::parse_object(input);
  wire::Json* changes = value && value->contains("changes") ? &(*value)["changes"] : nullptr;
  if (changes == nullptr || !changes->is_array()) return;
  std::string lines;
  for (const wire::Json& row : *changes) {
    lines +=
        wire::text(row, "id").value_or("") + ":" + std::to_string(wire::integer(row, "version").value_or(0)) + "\n";
  }
  (*value)["checksum"] = hex(sha256(lines));
  const auto page = wire::decode_pull(value->dump());
  if (!succeeded(page)) return;
  require(page->changes.size() == changes->size(), "no row is dropped in silence");
  for (const Change& change : page->changes) {
    require(change.body.empty() || wire::Json::accept(change.body), "a body is JSON");
  }
}

void small_reply(std::string_view input) {
  static_cast<void>(succeeded(wire::decode_ping(input, "n")));
  if (const auto identity = wire::decode_enrolment(input, "https://county.example"); succeeded(identity)) {
    for (const std::string& origin : identity->origins) {
      require(is_origin(origin) && is_confidential(origin), "a token goes to confidential origins alone");
    }
  }
  static_cast<void>(succeeded(wire::decode_token(input)));
  static_cast<void>(succeeded(wire::decode_reconcile(input)));
  Response response;
  response.body = input;
  const Problem problem = wire::decode_problem(response);
  require(problem.title.size() <= 1024 && problem.detail.size() <= 1024, "what is shown is bounded");
}

// Parts: the address that was asked, then a value for each header.
void reply_headers(std::string_view input) {
  const auto values = parts(input);
  const std::string asked(values.front());
  const std::string value(values.back());
  Response response;
  for (const char* name : {"Upload-Offset", "upload-length", "LOCATION", "Retry-After"}) {
    response.headers.emplace_back(name, value);
  }
  if (values.size() > 2) response.headers.emplace_back("Date", std::string(values[1]));
  require(tus::offset(response).value_or(0) >= 0, "an offset is no less than 0");
  require(tus::length(response).value_or(0) >= 0, "a length is no less than 0");
  const std::int64_t wait = wire::retry_after_ms(response, 1'795'500'000'000);
  require(wait >= 0 && wait <= limits::retry_after_ms_max, "a wait is bounded");
  if (const auto location = tus::location(asked, response)) {
    const auto origin = origin_of(*location);
    require(origin.has_value(), "a location is an address");
    require(is_origin(*origin) && origin_of(*origin) == origin, "an origin is the origin of itself");
    const bool foreign = origin_of(asked) && origin != origin_of(asked);
    require(!foreign || value.find("//") != std::string::npos, "a path alone leads to nobody else");
  }
  if (is_origin(asked)) require(origin_of(asked).has_value(), "an origin has one");
  const std::string encoded = percent_encoded(value);
  require(encoded.find_first_of(" \r\n&=?#/") == std::string::npos, "nothing of a value is left to read as more");
}

}  // namespace julu::fuzz
