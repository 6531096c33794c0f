// See json.h. The body parser is a SAX handler, so that a bound or a bad value is refused where it stands, with the
// pointer of the field, and a key given twice is seen at all. Thread rule: pure functions.
#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <utf8proc.h>

#include <julu/limits.h>

namespace julu {
namespace {

constexpr int kOutOfRangeNumber = 406;  // nlohmann's id for a number that no double holds

// Text of these code points alone is in NFC already: starters that no composition touches. Anything else is given to
// utf8proc, which also says so when nothing changes, but slowly.
bool is_surely_nfc(std::uint32_t c) {
  return c < 0x300 || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0x3001 && c <= 0x3029) || (c >= 0x3041 && c <= 0x3096) ||
         (c >= 0xFF00 && c <= 0xFFEF) || (c >= 0x2010 && c <= 0x2027);
}

bool needs_normalising(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto b = static_cast<unsigned char>(text[i]);
    if (b < 0x80) {
      ++i;
    } else if (b < 0xE0) {
      if (b >= 0xCC) return true;  // U+0300 and above
      i += 2;
    } else if (b < 0xF0 && i + 2 < text.size()) {
      const auto c = static_cast<std::uint32_t>((b & 0x0F) << 12 | (text[i + 1] & 0x3F) << 6 | (text[i + 2] & 0x3F));
      if (!is_surely_nfc(c)) return true;
      i += 3;
    } else {
      return true;
    }
  }
  return false;
}

}  // namespace

void normalise_nfc(std::string& text) {
  if (!needs_normalising(text)) return;
  utf8proc_uint8_t* made = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &made, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(made, &std::free);
  if (length >= 0) text.assign(reinterpret_cast<const char*>(made), static_cast<std::size_t>(length));
}

namespace {

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// Position of the first byte that is not UTF-8; npos when all is. Asked only after the parser has failed.
std::size_t bad_utf8_at(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    utf8proc_int32_t c = 0;
    const auto n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + i),
                                    static_cast<utf8proc_ssize_t>(text.size() - i), &c);
    if (n <= 0) return i;
    i += static_cast<std::size_t>(n);
  }
  return std::string_view::npos;
}

// Builds the value while it checks it. Returning false stops the parser at once.
class BodyReader {
 public:
  explicit BodyReader(std::string_view text) : text_(text) {}

  Result<Json> finish(bool parsed) {
    if (error_) return *error_;
    if (!parsed) return Error{ErrorCode::json_syntax, pointer(), ""};
    return std::move(root_);
  }

  bool null() { return put(Json()); }
  bool boolean(bool value) { return put(Json(value)); }
  bool number_integer(std::int64_t value) {
    if (value < -limits::integer_max || value > limits::integer_max) return refuse_value(ErrorCode::number_range);
    return put(Json(value));
  }
  bool number_unsigned(std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(limits::integer_max)) return refuse_value(ErrorCode::number_range);
    return put(Json(static_cast<std::int64_t>(value)));
  }
  bool number_float(double, const std::string&) { return refuse_value(ErrorCode::number_range); }
  bool string(std::string& value) {
    normalise_nfc(value);
    return put(Json(std::move(value)));
  }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    Level& level = stack_.back();
    // A key too long to say is named by the object that holds it.
    if (name.size() > limits::key_bytes_max) return refuse(ErrorCode::key_not_ascii, "");
    if (!is_ascii(name)) {
      level.key = &name;
      return refuse(ErrorCode::key_not_ascii, "");
    }
    auto [at, fresh] = level.container->get_ref<Json::object_t&>().try_emplace(std::move(name));
    level.key = &at->first;
    level.slot = &at->second;
    return fresh || refuse(ErrorCode::json_syntax, "key twice");
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& problem) {
    if (problem.id == kOutOfRangeNumber) return refuse_value(ErrorCode::number_range);
    // A lone surrogate escape is text that no UTF-8 holds.
    const bool encoding =
        bad_utf8_at(text_) < position || std::string_view(problem.what()).find("surrogate") != std::string_view::npos;
    return refuse_value(encoding ? ErrorCode::text_encoding : ErrorCode::json_syntax);
  }

 private:
  struct Level {
    Json* container = nullptr;
    const std::string* key = nullptr;  // of the member whose value is being read
    Json* slot = nullptr;              // where its value goes
  };

  bool put(Json&& value) {
    if (stack_.empty()) return refuse(ErrorCode::json_syntax, "not an object");
    Level& level = stack_.back();
    if (level.container->is_array()) {
      level.container->get_ref<Json::array_t&>().push_back(std::move(value));
    } else {
      *level.slot = std::move(value);
      level.key = nullptr;
    }
    return true;
  }

  bool open(Json&& container) {
    if (stack_.empty()) {
      if (!container.is_object()) return refuse(ErrorCode::json_syntax, "not an object");
      root_ = std::move(container);
      stack_.push_back({&root_, nullptr, nullptr});
      return true;
    }
    if (stack_.size() >= static_cast<std::size_t>(limits::body_depth_max)) return refuse_value(ErrorCode::too_deep);
    Level& parent = stack_.back();
    if (parent.container->is_array()) {
      auto& items = parent.container->get_ref<Json::array_t&>();
      items.push_back(std::move(container));
      stack_.push_back({&items.back(), nullptr, nullptr});
    } else {
      *parent.slot = std::move(container);
      stack_.push_back({parent.slot, nullptr, nullptr});
    }
    return true;
  }

  bool close() {
    stack_.pop_back();
    if (!stack_.empty()) stack_.back().key = nullptr;
    return true;
  }

  std::string pointer() const {
    std::string text;
    for (const Level& level : stack_) {
      if (level.container->is_object()) {
        if (level.key != nullptr) text += "/" + pointer_segment(*level.key);
      } else {
        const bool inside = &level != &stack_.back();  // then the element itself is in the array already
        text += "/" + std::to_string(level.container->size() - (inside ? 1 : 0));
      }
    }
    return text;
  }

  bool refuse(ErrorCode code, std::string detail) {
    if (!error_) error_ = Error{code, pointer(), std::move(detail)};
    return false;
  }
  bool refuse_value(ErrorCode code) { return refuse(code, ""); }

  std::string_view text_;
  Json root_;
  std::vector<Level> stack_;
  std::optional<Error> error_;
};

void append_quoted(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, from, i - from);
    from = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out.append("\\u00").append(1, kHex[c >> 4]).append(1, kHex[c & 0xF]);
    }
  }
  out.append(text, from, text.size() - from);
  out += '"';
}

template <class Number>
void append_number(std::string& out, Number value) {
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_canonical(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object: {
      char separator = '{';
      for (const auto& [key, member] : value.get_ref<const Json::object_t&>()) {
        out += separator;
        append_quoted(out, key);
        out += ':';
        append_canonical(out, member);
        separator = ',';
      }
      out += separator == '{' ? "{}" : "}";
      return;
    }
    case Json::value_t::array: {
      char separator = '[';
      for (const Json& item : value.get_ref<const Json::array_t&>()) {
        out += separator;
        append_canonical(out, item);
        separator = ',';
      }
      out += separator == '[' ? "[]" : "]";
      return;
    }
    case Json::value_t::string: return append_quoted(out, value.get_ref<const std::string&>());
    case Json::value_t::boolean: out += value.get<bool>() ? "true" : "false"; return;
    case Json::value_t::number_integer: return append_number(out, value.get<std::int64_t>());
    case Json::value_t::number_unsigned: return append_number(out, value.get<std::uint64_t>());
    case Json::value_t::number_float: return append_number(out, value.get<double>());
    case Json::value_t::null:
    case Json::value_t::binary:
    case Json::value_t::discarded: out += "null"; return;
  }
}

// Which member makes a body too long, for the person who has to shorten it; empty when it cannot be told.
std::string longest_member(std::string_view text) {
  if (text.size() > limits::reply_bytes_max) return {};
  BodyReader reader(text);
  const bool parsed = Json::sax_parse(text.begin(), text.end(), &reader);
  const auto body = reader.finish(parsed);
  if (!body) return body.error().field;
  std::string name;
  std::size_t most = 0;
  for (const auto& [key, value] : body->items()) {
    const std::size_t bytes = value.dump().size();
    if (bytes > most) name = pointer_segment(key);
    most = std::max(most, bytes);
  }
  return name.empty() ? name : "/" + name;
}

}  // namespace

Result<Json> parse_body(std::string_view text) {
  if (text.size() > limits::body_bytes_max) {
    return Error{ErrorCode::field_too_long, longest_member(text), std::to_string(text.size()) + " bytes"};
  }
  BodyReader reader(text);
  const bool parsed = Json::sax_parse(text.begin(), text.end(), &reader);
  return reader.finish(parsed);
}

Json stored_object(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) json = Json::object();
  return json;
}

Result<Json> parse_reply(std::string_view text) {
  if (text.size() > limits::reply_bytes_max) return Error{ErrorCode::bad_reply, "", "bytes"};
  if (!depth_within(text, limits::reply_depth_max)) return Error{ErrorCode::bad_reply, "", "depth"};
  Json value = Json::parse(text.begin(), text.end(), nullptr, false);
  if (value.is_discarded()) return Error{ErrorCode::bad_reply, "", "syntax"};
  return value;
}

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
    } else if (c == '[' || c == '{') {
      if (++depth > depth_max) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

std::string canonical(const Json& value) {
  std::string out;
  append_canonical(out, value);
  return out;
}

Json apply_merge_patch(Json target, const Json& patch) {
  if (!patch.is_object()) return patch;
  if (!target.is_object()) target = Json::object();
  for (const auto& [key, value] : patch.get_ref<const Json::object_t&>()) {
    if (value.is_null()) {
      target.erase(key);
    } else if (value.is_object()) {
      Json& member = target[key];
      member = apply_merge_patch(std::move(member), value);
    } else {
      target[key] = value;
    }
  }
  return target;
}

Json merge_patch_between(const Json& from, const Json& to) {
  if (!from.is_object() || !to.is_object()) return to;
  Json patch = Json::object();
  for (const auto& [key, value] : from.get_ref<const Json::object_t&>()) {
    if (!to.contains(key)) patch[key] = nullptr;
  }
  for (const auto& [key, value] : to.get_ref<const Json::object_t&>()) {
    const auto before = from.find(key);
    if (before == from.end()) {
      patch[key] = value;
    } else if (*before != value) {
      patch[key] = merge_patch_between(*before, value);
    }
  }
  return patch;
}

std::string pointer_segment(std::string_view key) {
  std::string text;
  text.reserve(key.size());
  for (const char c : key) {
    if (c == '~')
      text += "~0";
    else if (c == '/')
      text += "~1";
    else
      text += c;
  }
  return text;
}

const Json* at_pointer(const Json& value, std::string_view pointer) {
  const Json* at = &value;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    pointer.remove_prefix(1);
    const auto end = std::min(pointer.find('/'), pointer.size());
    std::string segment;
    for (std::size_t i = 0; i < end; ++i) {
      const bool escaped = pointer[i] == '~' && i + 1 < end && (pointer[i + 1] == '0' || pointer[i + 1] == '1');
      segment += escaped ? (pointer[++i] == '0' ? '~' : '/') : pointer[i];
    }
    pointer.remove_prefix(end);
    if (at->is_object()) {
      const auto member = at->find(segment);
      if (member == at->end()) return nullptr;
      at = &*member;
    } else if (at->is_array()) {
      std::size_t index = 0;
      const auto [last, problem] = std::from_chars(segment.data(), segment.data() + segment.size(), index);
      if (problem != std::errc{} || last != segment.data() + segment.size() || index >= at->size()) return nullptr;
      at = &(*at)[index];
    } else {
      return nullptr;
    }
  }
  return at;
}

Json* at_pointer(Json& value, std::string_view pointer) {
  return const_cast<Json*>(at_pointer(std::as_const(value), pointer));
}

std::string text_member(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto member = object.find(key);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

}  // namespace julu
