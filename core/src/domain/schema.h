// Record kinds as data: a JSON Schema with x- annotations becomes a Kind that checks bodies and says how a field is
// merged, searched, masked and labelled (schema/README.md "Records"). Thread rule: a Kind is immutable, share it
// freely.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace julu {

enum class Shape {
  document,  ///< created, then patched field by field
  log,       ///< written once; a correction is a new record
  case_,     ///< created once, then driven by actions through its flow
};

/// What happens when two people changed the same field.
enum class MergeRule {
  ask,     ///< a person chooses
  latest,  ///< the edit that arrives last stands
  union_,  ///< arrays as sets: additions and removals of both
};

struct FieldInfo {
  std::string path;  ///< JSON pointer, "/house/area_cm2" for a member of a nested object
  std::string name;  ///< its last segment
  std::string title_zh, title_en;
  std::string format;  ///< a validator of validators.h, or empty
  std::string ref;     ///< kind that the field names a record of, or empty
  std::string codes;   ///< the list that names its values, or empty
  std::string search;  ///< "", "text", or "name": that by its initials too
  std::string type;    ///< the first type of the schema, or empty
  int order = 0;       ///< place in a form; ties by name
  bool required = false, sensitive = false;
  MergeRule merge = MergeRule::ask;
};

class Kind {
 public:
  /// Checks the schema against the subset (schema_subset.h) before anything walks it. schema_invalid; the field is a
  /// pointer inside the schema.
  static Result<std::shared_ptr<const Kind>> load(std::string_view schema_json);
  ~Kind();
  Kind(const Kind&) = delete;
  Kind& operator=(const Kind&) = delete;

  const std::string& id() const { return id_; }
  Shape shape() const { return shape_; }
  std::string_view title(Lang lang) const { return lang == Lang::zh ? title_zh_ : title_en_; }
  /// Members of nested objects too, in the order of `x-order`.
  const std::vector<FieldInfo>& fields() const { return fields_; }
  /// By JSON pointer; null when the schema does not name it.
  const FieldInfo* field(std::string_view path) const;
  /// The schema as it came.
  const std::string& json() const { return json_; }
  /// The flow that drives a case; empty when none.
  const std::string& flow() const { return flow_; }

  /// A complete body: field_missing, field_too_long or field_invalid with the pointer of the field. Members that the
  /// schema does not name are allowed, unless it says otherwise.
  Result<void> check(const Json& body) const;
  /// An edit makes `after` of `before`. A field that was wrong or missing before and that the edit does not touch is
  /// not its fault: a platform may have taken it once, or its schema is stricter now.
  Result<void> check_edit(const Json& before, const Json& after) const;

  /// Record ids that x-ref fields name, sorted, each once.
  std::vector<std::string> refs(const Json& body) const;
  /// Text of the x-search fields, one line a field, and one of the initials of a name.
  std::string search_text(const Json& body) const;
  /// What a code of a list is called; the code itself where the list does not say.
  using NameOf = std::function<std::string(const std::string& list, const std::string& code)>;
  /// One short line for lists, from the first filled fields of `x-summary`; sensitive values come masked.
  std::string summary(const Json& body, const NameOf& name_of) const;
  /// The body with each sensitive value masked: what a screen shows by default.
  Json masked(const Json& body) const;
  /// The body with each field in its stored form (an ID number's x as X); call before `check`.
  Json normalised(Json body) const;

 private:
  struct Compiled;
  Kind();

  Result<void> judge(const Json& said, const Json& body, const Json* before) const;
  Result<void> check_formats(const Json& body) const;

  std::string id_, title_zh_, title_en_, flow_, json_;
  Shape shape_ = Shape::document;
  std::vector<FieldInfo> fields_;
  std::vector<std::string> summary_;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace julu
