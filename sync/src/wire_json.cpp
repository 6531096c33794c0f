// Bounds first, then nlohmann's parser, then types. Thread rule: pure functions.
#include "wire_json.h"

#include <julu/limits.h>

namespace julu::wire {
namespace {

bool depth_within(std::string_view text, int depth_max) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) return false;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return true;
}

}  // namespace

Error broken(std::string_view member) { return Error{ErrorCode::bad_reply, "/" + std::string(member), {}}; }

Result<Json> parse_object(std::string_view text) {
  if (text.size() > limits::reply_bytes_max) return Error{ErrorCode::bad_reply, {}, "bytes"};
  if (!depth_within(text, limits::reply_depth_max)) return Error{ErrorCode::bad_reply, {}, "depth"};
  Json value = Json::parse(text.begin(), text.end(), nullptr, false);
  if (value.is_discarded() || !value.is_object()) return Error{ErrorCode::bad_reply, {}, "syntax"};
  return value;
}

const Json* find(const Json& object, const char* member) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(member);
  return at == object.end() ? nullptr : &*at;
}

std::optional<std::string> text(const Json& object, const char* member) {
  const Json* value = find(object, member);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get_ref<const std::string&>();
}

std::optional<std::int64_t> integer(const Json& object, const char* member) {
  const Json* value = find(object, member);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t{limits::integer_max}) {
    return std::nullopt;
  }
  const auto number = value->get<std::int64_t>();
  if (number < -limits::integer_max) return std::nullopt;
  return number;
}

std::optional<bool> boolean(const Json& object, const char* member) {
  const Json* value = find(object, member);
  if (value == nullptr || !value->is_boolean()) return std::nullopt;
  return value->get<bool>();
}

Result<std::string> need_text(const Json& object, const char* member, std::size_t bytes_max) {
  auto found = text(object, member);
  if (!found || found->empty() || found->size() > bytes_max) return broken(member);
  return std::move(*found);
}

Result<std::int64_t> need_integer(const Json& object, const char* member, std::int64_t least) {
  const auto found = integer(object, member);
  if (!found || *found < least) return broken(member);
  return *found;
}

Result<std::int64_t> need_epoch(const Json& object) {
  constexpr std::int64_t kEpochMax = (1 << 21) - 1;  // versions are epoch · 2^32 + n
  JULU_TRY(const std::int64_t epoch, need_integer(object, "epoch", 1));
  if (epoch > kEpochMax) return broken("epoch");
  return epoch;
}

Result<Id> need_id(const Json& object, const char* member) {
  const auto found = text(object, member);
  const auto id = found ? parse_id(*found) : std::nullopt;
  if (!id) return broken(member);
  return *id;
}

Result<Hash> need_hash(const Json& object, const char* member) {
  const auto found = text(object, member);
  const auto hash = found ? parse_hash(*found) : std::nullopt;
  if (!hash) return broken(member);
  return *hash;
}

std::string shortened(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text;
}

}  // namespace julu::wire
