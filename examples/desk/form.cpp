#include "form.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "console.h"
#include "desk_embedded.h"

namespace julu::desk {
namespace {

std::string text_member(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Store* lists_of = nullptr;

const Json& items(std::string_view list) {
  static std::map<std::string, Json, std::less<>> asked;
  const auto known = asked.find(list);
  if (known != asked.end()) return known->second;
  const auto text = lists_of != nullptr ? lists_of->codes(std::string(list)) : Result<std::string>("{}");
  const Json file = Json::parse(text ? *text : "{}", nullptr, false);
  return asked[std::string(list)] = file.is_object() ? file.value("items", Json::array()) : Json::array();
}

const Json& flow_part(const char* part) {
  static const Json kNone = Json::object();
  static const Json flow = Json::parse(desk_embedded::files().front().text, nullptr, false);
  return flow.is_object() && flow.contains(part) ? flow[part] : kNone;
}

std::string entry_label(const Json& entries, std::string_view key, Lang lang) {
  const auto found = entries.find(std::string(key));
  const std::string label = found == entries.end() ? "" : text_member(*found, lang == Lang::zh ? "zh" : "en");
  return label.empty() ? std::string(key) : label;
}

std::string with_dots(std::string_view pointer) {
  std::string path(pointer.substr(pointer.starts_with('/') ? 1 : 0));
  std::replace(path.begin(), path.end(), '/', '.');
  return path;
}

// Nobody minds capitals who types a word.
bool same_word(std::string_view one, std::string_view other) {
  const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [&](char a, char b) { return low(a) == low(b); });
}

std::string next_of(const std::string& list, Lang lang) { return list.empty() ? "" : comma(lang); }

std::optional<bool> yes_or_no(std::string_view text) {
  for (const auto* yes : {"true", "yes", "1", "是", "有"}) {
    if (same_word(text, yes)) return true;
  }
  for (const auto* no : {"false", "no", "0", "否", "无"}) {
    if (same_word(text, no)) return false;
  }
  return std::nullopt;
}

// "37.2" with a scale of 7 is 372000000: no digit is rounded away, and what has too many is none.
std::optional<std::string> scaled(std::string_view text, std::size_t scale) {
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  const std::string_view behind = text.substr(std::min(point + 1, text.size()));
  const bool bare = digits.find_first_of("0123456789") == std::string::npos || (point < text.size() && behind.empty());
  if (bare || behind.size() > scale || behind.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  digits.append(behind).append(scale - behind.size(), '0');
  return digits;
}

std::optional<Json> typed_value(const Json& schema, std::string_view typed) {
  const std::string type = text_member(schema, "type");
  std::string text(typed);
  if (const std::size_t scale = scale_of(schema); scale > 0) {
    const auto digits = scaled(typed, scale);
    if (!digits) return std::nullopt;
    text = *digits;
  }
  if (type == "integer") {
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return Json(number);
  }
  if (type == "boolean") {
    const auto value = yes_or_no(text);
    return value ? std::optional<Json>(*value) : std::nullopt;
  }
  if (type == "object") {
    Json value = Json::parse(text, nullptr, false);
    return value.is_object() ? std::optional<Json>(std::move(value)) : std::nullopt;
  }
  if (type == "array") {
    Json list = Json::array();
    std::string rest = text;
    for (const char* mark : {"，", "、"}) {
      for (std::size_t at = rest.find(mark); at != std::string::npos; at = rest.find(mark)) rest.replace(at, 3, ",");
    }
    for (std::size_t begin = 0; begin <= rest.size();) {
      const std::size_t end = std::min(rest.find(',', begin), rest.size());
      std::string item = rest.substr(begin, end - begin);
      item.erase(0, item.find_first_not_of(' '));
      item.erase(item.find_last_not_of(' ') + 1);
      if (!item.empty()) list.push_back(std::move(item));
      begin = end + 1;
    }
    return list;
  }
  const std::string codes = text_member(schema, "x-codes");
  if (codes.empty()) return Json(text);
  const std::string code = code_of(codes, text);
  if (!code.empty()) return Json(code);
  // Lists are open: the platform's may know a code that ours does not. A name that nobody knows is a slip of the hand.
  const bool plain = std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
  return plain ? std::optional<Json>(text) : std::nullopt;
}

// As core's lists mask them: `130529********0016`, `138****0000`, `张*`. What is too short to hide four characters, or
// is not ASCII alone, shows nothing.
std::string stars(std::string_view format, std::string_view value) {
  const auto keep = [&](std::size_t front, std::size_t back) {
    const bool ascii = std::all_of(value.begin(), value.end(), [](unsigned char c) { return c > 0 && c < 0x80; });
    if (value.size() < front + back + 4 || !ascii) return std::string("****");
    return std::string(value.substr(0, front)) + std::string(value.size() - front - back, '*') +
           std::string(value.substr(value.size() - back));
  };
  if (value.empty()) return {};
  if (format == "id_number" || format == "credit_code") return keep(6, 4);
  if (format == "phone") return keep(3, 4);
  if (format != "name") return "***";
  std::size_t first = 1;
  while (first < value.size() && (static_cast<unsigned char>(value[first]) & 0xC0) == 0x80) ++first;
  return std::string(value.substr(0, first)) + "*";
}

void mask(Json& value, std::string_view format) {
  if (value.is_string()) {
    value = stars(format, value.get_ref<const std::string&>());
  } else if (value.is_structured()) {
    for (auto& member : value) mask(member, format);
  } else if (!value.is_null()) {
    value = "***";
  }
}

}  // namespace

Form::Form(std::string_view schema) {
  const Json json = Json::parse(schema, nullptr, false);
  if (!json.is_object()) return;
  kind_ = text_member(json, "x-kind");
  shape_ = text_member(json, "x-shape");
  title_zh_ = text_member(json, "x-title-zh");
  title_en_ = text_member(json, "x-title");
  if (title_zh_.empty()) title_zh_ = kind_;
  if (title_en_.empty()) title_en_ = kind_;
  if (json.contains("properties")) add_fields(json["properties"], "", false);
  for (const Json& name : json.value("x-required-one-of", Json::array())) {
    if (name.is_string()) one_of_.push_back("/" + name.get<std::string>());
  }
}

void Form::add_fields(const Json& properties, const std::string& prefix, bool sensitive) {
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [name, schema] : properties.items())
    order.emplace_back(schema.value("x-order", std::int64_t{9999}), name);
  std::sort(order.begin(), order.end());
  for (const auto& [place, name] : order) {
    const Json& schema = properties[name];
    // A list is shown, and masked, as one.
    const std::string items = schema.value("items", Json()).dump();
    const bool hidden = schema.value("x-sensitive", false) || items.find(R"("x-sensitive":true)") != std::string::npos;
    Field field{prefix + "/" + name, text_member(schema, "x-title-zh"), text_member(schema, "x-title"), schema,
                sensitive || hidden};
    if (field.label_zh.empty()) field.label_zh = name;
    if (field.label_en.empty()) field.label_en = name;
    const bool inner = field.sensitive;
    fields_.push_back(std::move(field));
    if (schema.contains("properties")) add_fields(schema["properties"], prefix + "/" + name, inner);
  }
}

const Field* Form::find(std::string_view name) const {
  const std::string path = with_dots(name);
  const auto found = std::find_if(fields_.begin(), fields_.end(), [&](const Field& field) {
    return with_dots(field.pointer) == path || field.label_zh == name || field.label_en == name ||
           field.label_zh.substr(0, field.label_zh.find("（")) == name;
  });
  return found == fields_.end() ? nullptr : &*found;
}

std::string Form::label(std::string_view pointer, Lang lang) const {
  for (const Field& field : fields_) {
    if (field.pointer == pointer) return field.label(lang);
  }
  return std::string(pointer);
}

Result<void> Form::put(Json& body, std::string_view name, std::string_view text) const {
  const Field* field = find(name);
  if (field == nullptr) return Error{ErrorCode::field_invalid, std::string(name), {}};
  Json value = nullptr;
  if (!is_blank(text)) {
    const auto time = field->is_time() ? time_of(text) : std::nullopt;
    const auto typed = time ? std::optional<Json>(*time) : typed_value(field->schema, text);
    if (!typed) return Error{ErrorCode::field_invalid, field->pointer, {}};
    value = *typed;
  }
  try {
    body[Json::json_pointer(field->pointer)] = std::move(value);
  } catch (const Json::exception&) {
    return Error{ErrorCode::field_invalid, field->pointer, {}};
  }
  return {};
}

std::string Form::choices(std::string_view name, Lang lang) const {
  const auto alike = [&](std::string_view word) {
    return word.find(name) != std::string_view::npos || name.find(word) != std::string_view::npos;
  };
  std::string near, all;
  for (const Field& field : fields_) {
    if (field.schema.contains("properties")) continue;
    all += next_of(all, lang) + field.label(lang);
    if (alike(field.label_zh) || alike(field.label_en) || alike(with_dots(field.pointer)))
      near += next_of(near, lang) + field.label(lang);
  }
  return near.empty() ? all : near;
}

std::string Form::inner(const Field& outer, Lang lang) const {
  std::string names;
  for (const Field& field : fields_) {
    if (field.pointer.starts_with(outer.pointer + "/")) names += next_of(names, lang) + field.label(lang);
  }
  return names;
}

std::string Form::one_of(Lang lang) const {
  std::string names;
  for (const std::string& pointer : one_of_) names += next_of(names, lang) + label(pointer, lang);
  return names;
}

Json Form::masked(Json body) const {
  for (const Field& field : fields_) {
    const Json::json_pointer pointer(field.pointer);
    if (!field.sensitive || !body.contains(pointer)) continue;
    mask(body[pointer], text_member(field.schema, "x-format"));
  }
  return body;
}

std::string Form::shown(const Field& field, const Json& value, Lang lang) const {
  if (value.is_boolean()) {
    return value.get<bool>() ? (lang == Lang::zh ? "是" : "yes") : (lang == Lang::zh ? "否" : "no");
  }
  if (value.is_string()) {
    const std::string codes = text_member(field.schema, "x-codes");
    return codes.empty() ? value.get<std::string>() : code_label(codes, value.get_ref<const std::string&>(), lang);
  }
  if (value.is_number_integer() && scale_of(field.schema) > 0) return scaled_text(value, scale_of(field.schema));
  if (value.is_number_integer() && field.is_time()) return time_text(value.get<std::int64_t>(), true);
  if (value.is_array()) {
    std::string list;
    for (const Json& item : value)
      list += (list.empty()       ? ""
               : lang == Lang::zh ? "，"
                                  : ", ") +
              (item.is_string() ? item.get<std::string>() : item.dump());
    return list;
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const char* comma(Lang lang) { return lang == Lang::zh ? "、" : ", "; }

bool is_blank(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = text.starts_with("　") ? std::string_view("　").size() : 1;
    if (length == 1 && std::string_view(" \t\r\n").find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::size_t scale_of(const Json& schema) {
  const auto found = schema.find("x-scale");
  return found != schema.end() && found->is_number_unsigned() ? std::min<std::size_t>(found->get<std::size_t>(), 15)
                                                              : 0;
}

std::string scaled_text(const Json& value, std::size_t scale) {
  std::string digits = value.dump();
  const std::size_t sign = digits.starts_with('-') ? 1 : 0;
  if (digits.size() < sign + scale + 1) digits.insert(sign, sign + scale + 1 - digits.size(), '0');
  digits.insert(digits.size() - scale, ".");
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.ends_with('.')) digits.pop_back();
  return digits;
}

void use_lists_of(Store& store) { lists_of = &store; }

std::string code_label(std::string_view list, std::string_view code, Lang lang) {
  for (const Json& item : items(list)) {
    if (text_member(item, "code") != code) continue;
    const std::string label = text_member(item, lang == Lang::zh ? "zh" : "en");
    return label.empty() ? text_member(item, "zh") : label;
  }
  return std::string(code);
}

std::string code_of(std::string_view list, std::string_view typed) {
  if (typed.empty()) return {};
  for (const Json& item : items(list)) {
    for (const char* name : {"code", "zh", "en"}) {
      if (same_word(text_member(item, name), typed)) return text_member(item, "code");
    }
    if (text_member(item, "zh") == std::string(typed) + "族") return text_member(item, "code");  // 汉 for 汉族
  }
  return {};
}

std::string code_choices(std::string_view list, Lang lang) {
  std::string names;
  for (const Json& item : items(list)) {
    names += next_of(names, lang) + code_label(list, text_member(item, "code"), lang);
  }
  return names;
}

std::string action_of(std::string_view typed) {
  for (const auto& [action, about] : flow_part("actions").items()) {
    if (same_word(action, typed) || text_member(about, "zh") == typed || same_word(text_member(about, "en"), typed))
      return action;
  }
  return std::string(typed);
}

std::string action_label(std::string_view action, Lang lang) { return entry_label(flow_part("actions"), action, lang); }

std::string action_choices(std::string_view state, std::string_view role, Lang lang) {
  const auto has = [](const Json& about, const char* list, std::string_view word) {
    return about.contains(list) && std::find(about[list].begin(), about[list].end(), word) != about[list].end();
  };
  std::string names;
  for (const auto& [action, about] : flow_part("actions").items()) {
    if (!has(about, "from", state) || !has(about, "roles", role)) continue;
    names += next_of(names, lang) + action_label(action, lang);
  }
  return names;
}

std::string state_label(std::string_view state, Lang lang) { return entry_label(flow_part("states"), state, lang); }

}  // namespace julu::desk
