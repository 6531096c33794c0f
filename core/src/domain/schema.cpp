// See schema.h. The one file that includes valijson, which never sees a schema outside the subset and never throws
// past this file. Lengths, uniqueness and formats are checked here: valijson counts a string up to its first NUL only
// and compares all pairs of an array. Thread rule: a Kind is immutable.
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 reports std::regex, which valijson pulls in, when sanitizers are on; no pattern ever reaches it.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "domain/schema.h"

#include <algorithm>
#include <array>
#include <exception>
#include <set>

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <julu/id.h>

#include "domain/pinyin.h"
#include "domain/schema_subset.h"
#include "domain/validators.h"

namespace julu {
namespace {

constexpr std::size_t kSummaryCharacters = 60;  // one line of a list on a phone

// What valijson is given: words that decide, none that only describe.
constexpr std::array<std::string_view, 10> kValidating{
    "type",     "properties", "additionalProperties", "items", "enum", "const", "minimum", "maximum",
    "minItems", "maxItems"};

// Required members are our own to find (`missing`), but for those of a list's items.
Json for_valijson(const Json& schema, bool of_items = false) {
  Json made = Json::object();
  if (of_items && schema.contains("required")) made["required"] = schema["required"];
  for (const std::string_view word : kValidating) {
    const auto value = schema.find(word);
    if (value == schema.end()) continue;
    Json& copy = made[std::string(word)];
    if (word == "properties") {
      copy = Json::object();
      for (const auto& [name, member] : value->items()) copy[name] = for_valijson(member, of_items);
    } else {
      copy = word == "items" ? for_valijson(*value, true) : *value;
    }
  }
  return made;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string first_characters(std::string_view text, std::size_t count) {
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end) {
    if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80 && ++seen > count) break;
  }
  return std::string(text.substr(0, end));
}

bool flag(const Json& schema, const char* word) {
  const auto value = schema.find(word);
  return value != schema.end() && value->is_boolean() && value->get<bool>();
}

// `minLength` and its like; `otherwise` when the schema has none.
std::int64_t bound(const Json& schema, const char* word, std::int64_t otherwise) {
  const auto value = schema.find(word);
  return value != schema.end() && value->is_number_integer() ? value->get<std::int64_t>() : otherwise;
}

std::vector<std::string> names(const Json& schema, const char* word) {
  const auto value = schema.find(word);
  return value == schema.end() ? std::vector<std::string>() : value->get<std::vector<std::string>>();
}

MergeRule merge_rule(std::string_view word) {
  if (word == "latest") return MergeRule::latest;
  return word == "union" ? MergeRule::union_ : MergeRule::ask;
}

std::string first_type(const Json& schema) {
  const auto type = schema.find("type");
  if (type == schema.end()) return {};
  return type->is_array() ? type->front().get<std::string>() : type->get<std::string>();
}

bool is_sensitive_within(const Json& schema) {
  if (flag(schema, "x-sensitive")) return true;
  const auto items = schema.find("items");
  if (items != schema.end() && is_sensitive_within(*items)) return true;
  const auto members = schema.find("properties");
  return members != schema.end() && std::any_of(members->begin(), members->end(), is_sensitive_within);
}

FieldInfo field_of(const Json& schema, const std::string& name, const std::string& path, bool required) {
  FieldInfo field;
  field.path = path;
  field.name = name;
  field.title_zh = text_member(schema, "x-title-zh");
  field.title_en = text_member(schema, "x-title");
  field.type = first_type(schema);
  field.order = static_cast<int>(std::clamp<std::int64_t>(bound(schema, "x-order", 1'000'000), 0, 1'000'000));
  field.required = required;
  field.merge = merge_rule(text_member(schema, "x-merge"));
  // What a list's items are may be said on the items. It is one field: what is sensitive in them makes all of it so.
  const auto items = schema.find("items");
  field.sensitive = flag(schema, "x-sensitive") || (items != schema.end() && is_sensitive_within(*items));
  const auto word = [&](const char* key) {
    std::string value = text_member(schema, key);
    return value.empty() && items != schema.end() ? text_member(*items, key) : value;
  };
  field.format = word("x-format");
  field.ref = word("x-ref");
  field.search = word("x-search");
  field.codes = word("x-codes");
  return field;
}

// What lies within a sensitive object is sensitive too.
void collect(const Json& schema, const std::string& path, bool sensitive, std::vector<FieldInfo>& fields) {
  const auto members = schema.find("properties");
  if (members == schema.end()) return;
  const auto required = names(schema, "required");
  std::vector<FieldInfo> here;
  for (const auto& [name, member] : members->items()) {
    const bool needed = std::find(required.begin(), required.end(), name) != required.end();
    here.push_back(field_of(member, name, path + "/" + pointer_segment(name), needed));
    here.back().sensitive |= sensitive;
  }
  std::stable_sort(here.begin(), here.end(), [](const auto& a, const auto& b) { return a.order < b.order; });
  for (FieldInfo& field : here) {
    const std::string name = field.name, below = field.path;
    const bool hidden = field.sensitive;
    fields.push_back(std::move(field));
    collect((*members)[name], below, hidden, fields);
  }
}

// Calls `visit` with each string of a value: itself, or those within.
template <class Visit>
void each_text(const Json& value, Visit&& visit) {
  if (value.is_string()) visit(value.get_ref<const std::string&>());
  if (value.is_structured()) {
    for (const Json& child : value) each_text(child, visit);
  }
}

// A number has no half to show and a position no harmless digit.
Json masked_value(std::string_view format, const Json& value) {
  if (value.is_string()) return mask(format, value.get_ref<const std::string&>());
  if (value.is_array()) {
    Json made = Json::array();
    for (const Json& item : value) made.push_back(masked_value(format, item));
    return made;
  }
  if (value.is_object()) {
    Json made = Json::object();
    for (const auto& [key, member] : value.items()) made[key] = masked_value("", member);
    return made;
  }
  return value.is_null() ? value : Json("***");
}

// Lengths and uniqueness, where valijson is wrong or slow, and unknown members, which it does not name.
Result<void> check_sizes(const Json& schema, const Json& value, const std::string& at) {
  if (value.is_string()) {
    const auto length = static_cast<std::int64_t>(characters(value.get_ref<const std::string&>()));
    if (length > bound(schema, "maxLength", length)) return Error{ErrorCode::field_too_long, at, ""};
    if (length < bound(schema, "minLength", 0)) return Error{ErrorCode::field_invalid, at, ""};
  } else if (value.is_array()) {
    if (flag(schema, "uniqueItems") && std::set<Json>(value.begin(), value.end()).size() != value.size()) {
      return Error{ErrorCode::field_invalid, at, ""};
    }
    const auto items = schema.find("items");
    for (std::size_t i = 0; items != schema.end() && i < value.size(); ++i) {
      JULU_CHECK(check_sizes(*items, value[i], at + "/" + std::to_string(i)));
    }
  } else if (value.is_object()) {
    const auto members = schema.find("properties");
    if (members == schema.end()) return {};
    const auto others = schema.find("additionalProperties");
    const bool closed = others != schema.end() && *others == false;
    for (const auto& [name, member] : value.items()) {
      const auto known = members->find(name);
      if (known == members->end() && !closed) continue;
      const std::string here = at + "/" + pointer_segment(name);
      if (known == members->end()) return Error{ErrorCode::field_invalid, here, ""};
      JULU_CHECK(check_sizes(*known, member, here));
    }
  }
  return {};
}

}  // namespace

struct Kind::Compiled {
  Json schema;
  std::vector<std::string> one_of;  // members of which one must be there
  valijson::Schema valijson;

  Error locate(const Json& body) const;
};

namespace {

// The first required member that is not there, outer before inner: valijson says so in words only. What was not there
// `before` either does not count.
Result<void> missing(const Json& schema, const Json& value, const Json* before, const std::string& at) {
  if (!value.is_object()) return {};
  if (before != nullptr && !before->is_object()) before = nullptr;
  for (const std::string& name : names(schema, "required")) {
    if (value.contains(name) || (before != nullptr && !before->contains(name))) continue;
    return Error{ErrorCode::field_missing, at + "/" + pointer_segment(name), ""};
  }
  const auto members = schema.find("properties");
  if (members == schema.end()) return {};
  for (const auto& [name, member] : value.items()) {
    const auto known = members->find(name);
    if (known == members->end()) continue;
    const bool was = before != nullptr && before->contains(name);
    JULU_CHECK(missing(*known, member, was ? &(*before)[name] : nullptr, at + "/" + pointer_segment(name)));
  }
  return {};
}

// Of `after` what `before` does not say as well.
Json touched(const Json& before, const Json& after) {
  Json made = Json::object();
  for (const auto& [name, value] : after.items()) {
    const auto was = before.find(name);
    if (was == before.end()) {
      made[name] = value;
    } else if (*was != value) {
      made[name] = was->is_object() && value.is_object() ? touched(*was, value) : value;
    }
  }
  return made;
}

}  // namespace

// Which field it was: valijson's own path to the deepest failure it reports first.
Error Kind::Compiled::locate(const Json& body) const {
  valijson::ValidationResults results;
  valijson::Validator validator;
  validator.validate(valijson, valijson::adapters::NlohmannJsonAdapter(body), &results);
  std::string field;
  if (valijson::ValidationResults::Error first; results.popError(first)) {
    // ["<root>", "[place]", "[0]"]
    for (std::size_t i = 1; i < first.context.size(); ++i) {
      const std::string_view segment = first.context[i];
      const bool bracketed = segment.size() >= 2 && segment.front() == '[';
      field += "/" + pointer_segment(bracketed ? segment.substr(1, segment.size() - 2) : segment);
    }
  }
  return Error{ErrorCode::field_invalid, field, ""};
}

Kind::Kind() = default;
Kind::~Kind() = default;

Result<std::shared_ptr<const Kind>> Kind::load(std::string_view schema_json) {
  JULU_TRY(Json schema, parse_schema(schema_json));
  std::shared_ptr<Kind> kind(new Kind);
  kind->id_ = text_member(schema, "x-kind");
  if (kind->id_.empty()) return Error{ErrorCode::schema_invalid, "/x-kind", ""};
  kind->json_ = schema_json;
  kind->title_zh_ = text_member(schema, "x-title-zh");
  kind->title_en_ = text_member(schema, "x-title");
  if (kind->title_en_.empty()) kind->title_en_ = kind->id_;
  if (kind->title_zh_.empty()) kind->title_zh_ = kind->title_en_;
  kind->flow_ = text_member(schema, "x-flow");
  const std::string shape = text_member(schema, "x-shape");
  kind->shape_ = shape == "case" ? Shape::case_ : shape == "log" ? Shape::log : Shape::document;
  kind->summary_ = names(schema, "x-summary");
  collect(schema, "", false, kind->fields_);
  kind->compiled_ = std::make_unique<Compiled>();
  kind->compiled_->one_of = names(schema, "x-required-one-of");
  try {
    const Json cleaned = for_valijson(schema);
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(cleaned), kind->compiled_->valijson);
  } catch (const std::exception&) {
    return Error{ErrorCode::schema_invalid, "", ""};
  }
  kind->compiled_->schema = std::move(schema);
  return std::shared_ptr<const Kind>(std::move(kind));
}

const FieldInfo* Kind::field(std::string_view path) const {
  const auto at = std::find_if(fields_.begin(), fields_.end(), [&](const FieldInfo& f) { return f.path == path; });
  return at == fields_.end() ? nullptr : &*at;
}

Result<void> Kind::check(const Json& body) const { return judge(body, body, nullptr); }

Result<void> Kind::check_edit(const Json& before, const Json& after) const {
  if (!before.is_object() || !after.is_object()) return Error{ErrorCode::field_invalid, "", ""};
  return judge(touched(before, after), after, &before);
}

Result<void> Kind::judge(const Json& said, const Json& body, const Json* before) const {
  const Compiled& compiled = *compiled_;
  if (!body.is_object()) return Error{ErrorCode::field_invalid, "", ""};
  JULU_CHECK(check_sizes(compiled.schema, said, ""));
  JULU_CHECK(missing(compiled.schema, body, before, ""));
  try {
    valijson::Validator validator;
    if (!validator.validate(compiled.valijson, valijson::adapters::NlohmannJsonAdapter(said), nullptr)) {
      return compiled.locate(said);
    }
  } catch (const std::exception&) {
    return Error{ErrorCode::field_invalid, "", ""};
  }
  const auto has_one = [&](const Json& object) {
    return std::any_of(compiled.one_of.begin(), compiled.one_of.end(),
                       [&](const std::string& name) { return object.contains(name); });
  };
  if (!compiled.one_of.empty() && !has_one(body) && (before == nullptr || has_one(*before))) {
    return Error{ErrorCode::field_missing, "/" + pointer_segment(compiled.one_of.front()), ""};
  }
  return check_formats(said);
}

Result<void> Kind::check_formats(const Json& body) const {
  for (const FieldInfo& field : fields_) {
    if (field.format.empty() && field.ref.empty()) continue;
    const Json* value = at_pointer(body, field.path);
    if (value == nullptr) continue;
    bool fine = true;
    each_text(*value, [&](const std::string& text) {
      if (!format_allows(field.format, text)) fine = false;
      if (!field.ref.empty() && !parse_id(text)) fine = false;
    });
    if (!fine) return Error{ErrorCode::field_invalid, field.path, ""};
  }
  return {};
}

std::vector<std::string> Kind::refs(const Json& body) const {
  std::set<std::string> found;
  for (const FieldInfo& field : fields_) {
    const Json* value = field.ref.empty() ? nullptr : at_pointer(body, field.path);
    if (value == nullptr) continue;
    each_text(*value, [&](const std::string& text) {
      if (const auto id = parse_id(text)) found.insert(id->text());
    });
  }
  return {found.begin(), found.end()};
}

std::string Kind::search_text(const Json& body) const {
  std::string lines;
  for (const FieldInfo& field : fields_) {
    const Json* value = field.search.empty() ? nullptr : at_pointer(body, field.path);
    if (value == nullptr) continue;
    each_text(*value, [&](const std::string& text) {
      lines.append(lines.empty() ? "" : "\n").append(text);
      if (field.search != "name") return;
      if (const std::string letters = domain::initials(text); !letters.empty()) lines.append("\n").append(letters);
    });
  }
  return lines;
}

std::string Kind::summary(const Json& body, const NameOf& name_of) const {
  std::string line;
  const auto add = [&](const FieldInfo* field, const Json& value) {
    const Json shown = field != nullptr && field->sensitive ? masked_value(field->format, value) : value;
    const std::string codes = field != nullptr && !field->sensitive ? field->codes : std::string();
    each_text(shown, [&](const std::string& text) {
      line.append(line.empty() ? "" : " · ").append(codes.empty() ? text : name_of(codes, text));
    });
  };
  for (const std::string& name : summary_) {
    const std::string path = name.starts_with('/') ? name : "/" + pointer_segment(name);
    if (const Json* value = at_pointer(body, path)) add(field(path), *value);
  }
  for (auto f = fields_.begin(); line.empty() && f != fields_.end(); ++f) {
    const Json* value = f->sensitive || !f->ref.empty() || f->type != "string" ? nullptr : at_pointer(body, f->path);
    if (value != nullptr) add(&*f, *value);
  }
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';  // one line, and no NUL in it
  }
  std::string shown = first_characters(line, kSummaryCharacters);
  if (shown.size() < line.size()) shown += "…";
  return shown;
}

Json Kind::masked(const Json& body) const {
  Json made = body;
  for (const FieldInfo& field : fields_) {
    Json* value = field.sensitive ? at_pointer(made, field.path) : nullptr;
    if (value != nullptr) *value = masked_value(field.format, *value);
  }
  return made;
}

Json Kind::normalised(Json body) const {
  for (const FieldInfo& field : fields_) {
    Json* value = field.format.empty() ? nullptr : at_pointer(body, field.path);
    if (value == nullptr || !value->is_string()) continue;
    *value = normalise(field.format, value->get_ref<const std::string&>());
  }
  return body;
}

}  // namespace julu
