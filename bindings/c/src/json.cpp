#include "json.h"

#include <julu/limits.h>

namespace julu::c {
namespace {

// Text that holds JSON becomes a value of it; empty is absent.
Json value_of(const std::string& text) {
  if (text.empty()) return nullptr;
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

Result<Delivery> delivery_of(const std::string& word) {
  for (const auto delivery :
       {Delivery::none, Delivery::saved, Delivery::delivered, Delivery::parked, Delivery::confirming}) {
    if (name(delivery) == word) return delivery;
  }
  return Error{ErrorCode::field_invalid, "/delivery", {}};
}

}  // namespace

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json json_of(const Identity& identity) {
  return {{"platform", identity.platform},
          {"device", identity.device},
          {"worker", identity.worker},
          {"name", identity.name},
          {"role", identity.role},
          {"grids", identity.grids},
          {"grid_names", identity.grid_names}};
}

Json json_of(const Device& device) { return {{"directory", device.directory}, {"identity", json_of(device.identity)}}; }

Json json_of(const Record& record) {
  Json problem;
  if (record.problem) {
    problem = {{"code", static_cast<std::int32_t>(record.problem->code)},
               {"name", name(record.problem->code)},
               {"field", record.problem->field},
               {"detail", record.problem->detail}};
  }
  Json photos = Json::array();
  for (const RecordPhoto& photo : record.photos) {
    photos.push_back({{"sha256", photo.sha256},
                      {"role", photo.role},
                      {"action", photo.action},
                      {"length_bytes", photo.length_bytes},
                      {"here", photo.here},
                      {"delivered", photo.delivered}});
  }
  return {{"id", record.id},
          {"kind", record.kind},
          {"body", value_of(record.body)},
          {"title", record.title},
          {"state", record.state},
          {"state_title_zh", record.state_title_zh},
          {"state_title_en", record.state_title_en},
          {"delivery", name(record.delivery)},
          {"problem", std::move(problem)},
          {"problem_text", record.problem_text},
          {"deleted", record.deleted},
          {"in_conflict", record.in_conflict},
          {"version", record.version},
          {"captured_at_ms", record.captured_at_ms},
          {"delivered_at_ms", record.delivered_at_ms},
          {"photos", std::move(photos)}};
}

Json json_of(const HistoryEntry& entry) {
  return {{"at_ms", entry.at_ms},      {"what", entry.what},   {"actor", entry.actor},
          {"action", entry.action},    {"state", entry.state}, {"detail", value_of(entry.detail)},
          {"op_id", entry.op_id},      {"hash", entry.hash},   {"receipt_key", entry.receipt_key},
          {"standing", entry.standing}};
}

Json json_of(const ConflictField& conflict) {
  return {{"record", conflict.record},           {"field", conflict.field},
          {"base", value_of(conflict.base)},     {"local", value_of(conflict.local)},
          {"remote", value_of(conflict.remote)}, {"at_ms", conflict.at_ms}};
}

Result<Filter> parse_filter(const std::string& text) {
  Filter filter;
  if (text.empty()) return filter;
  if (text.size() > limits::filter_bytes_max) return Error{ErrorCode::field_too_long, {}, {}};
  // Members are plain values, so what is nested is refused before anything recurses into it.
  const Json given = Json::parse(
      text, [](int depth, Json::parse_event_t, Json&) { return depth < 3; }, false);
  if (!given.is_object()) return Error{ErrorCode::json_syntax, {}, {}};
  for (const auto& [key, value] : given.items()) {
    const Error invalid{ErrorCode::field_invalid, "/" + key, {}};
    if ((key == "kind" || key == "search" || key == "before" || key == "delivery") && value.is_string()) {
      const auto& word = value.get_ref<const std::string&>();
      if (key == "kind") filter.kind = word;
      if (key == "search") filter.search = word;
      if (key == "before") filter.before = word;
      if (key == "delivery") {
        JULU_TRY(filter.delivery, delivery_of(word));
      }
    } else if (key == "limit" && value.is_number_integer()) {
      const auto limit = value.get<std::int64_t>();
      if (limit < 1 || limit > limits::page_rows_max) return invalid;
      filter.limit = static_cast<int>(limit);
    } else if (key == "deleted_too" && value.is_boolean()) {
      filter.deleted_too = value.get<bool>();
    } else {
      return invalid;
    }
  }
  return filter;
}

}  // namespace julu::c
