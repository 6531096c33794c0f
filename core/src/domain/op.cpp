#include <julu/op.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace julu {
namespace {

constexpr std::array<std::string_view, 5> kVerbs{"create", "patch", "append", "attach", "delete"};

void append_ids(std::string& text, std::string_view member, const std::vector<Id>& ids) {
  if (ids.empty()) return;
  text.append(",\"").append(member).append("\":[");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    text.append(i == 0 ? "\"" : ",\"").append(ids[i].text()).append("\"");
  }
  text += ']';
}

// Only ids of ours and words of the schema stand here; a boot id is checked by whoever makes the Evidence.
void append_string(std::string& text, std::string_view member, std::string_view value) {
  text.append(",\"").append(member).append("\":\"").append(value).append("\"");
}

}  // namespace

std::string_view name(Verb verb) {
  const auto number = static_cast<std::size_t>(verb);
  return number < kVerbs.size() ? kVerbs[number] : "unknown";  // a damaged file may hold any number
}

std::string canonical(const Op& op) {
  std::string text;
  text.reserve(op.body.size() + 400);
  // Members in the order of RFC 8785: by their names' code units.
  if (op.after) text.append("\"after\":\"").append(op.after->text()).append("\"");
  if (op.base_version) {
    if (!text.empty()) text += ',';
    text.append("\"base_version\":").append(std::to_string(*op.base_version));
  }
  if (!op.body.empty()) {
    if (!text.empty()) text += ',';
    text.append("\"body\":").append(op.body);
  }
  if (!text.empty()) text += ',';
  text.append("\"captured_at_ms\":").append(std::to_string(op.captured_at_ms));
  text.append(",\"evidence\":{\"boot_id\":\"").append(op.evidence.boot_id).append("\"");
  if (op.evidence.clock_offset_ms) {
    text.append(",\"clock_offset_ms\":").append(std::to_string(*op.evidence.clock_offset_ms));
  }
  text.append(",\"monotonic_ms\":").append(std::to_string(op.evidence.monotonic_ms)).append("}");
  append_string(text, "kind", op.kind);
  append_string(text, "op_id", op.op_id.text());
  append_string(text, "record", op.record.text());
  append_ids(text, "refs", op.refs);
  append_ids(text, "replaces", op.replaces);
  append_string(text, "verb", name(op.verb));
  return "{" + text + "}";
}

Hash first_link(std::string_view device_id) { return sha256(device_id); }

Hash next_link(const Hash& previous, const Hash& op_hash) { return Sha256().update(previous).update(op_hash).finish(); }

}  // namespace julu
