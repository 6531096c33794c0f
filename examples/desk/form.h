// A record kind as a person meets it: labels, codes by their Chinese names, values typed on a command line, masks. All
// of it comes from the kind's schema and the store's code lists. Thread rule: a plain value.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <julu/result.h>
#include <julu/store.h>
#include <nlohmann/json.hpp>

namespace julu::desk {

using Json = nlohmann::json;

/// One field of a form, in the form's order; members of objects are fields of their own.
struct Field {
  std::string pointer;  ///< "/house/rooms"
  std::string label_zh, label_en;
  Json schema;
  bool sensitive = false;  ///< itself or what it is in

  const std::string& label(Lang lang) const { return lang == Lang::zh ? label_zh : label_en; }
  /// A moment, in milliseconds: shown and typed in UTC+08:00.
  bool is_time() const { return pointer.ends_with("_at_ms") || pointer.ends_with("_time_ms"); }
};

class Form {
 public:
  /// `schema` as Store::schema gives it.
  explicit Form(std::string_view schema);

  const std::string& kind() const { return kind_; }
  const std::string& shape() const { return shape_; }  ///< document, log or case
  const std::string& title(Lang lang) const { return lang == Lang::zh ? title_zh_ : title_en_; }
  const std::vector<Field>& fields() const { return fields_; }
  /// By pointer, by path with dots ("house.rooms"), or by label, with its unit or without. Null: the schema
  /// does not name it.
  const Field* find(std::string_view name) const;
  /// The labels that have to do with a name that is no field's; all of them when none has.
  std::string choices(std::string_view name, Lang lang) const;
  /// The labels of what a field of fields holds; empty for any other.
  std::string inner(const Field& field, Lang lang) const;
  /// The labels of those fields of which one is enough; empty when the schema knows no such choice.
  std::string one_of(Lang lang) const;
  /// What the person calls this pointer: its label, or the pointer itself.
  std::string label(std::string_view pointer, Lang lang) const;

  /// Puts a value typed as text into `body`: numbers, yes and no, times, lists with commas, codes by code or by name.
  /// Blank text is a null, which a patch takes as "remove". Errors: field_invalid with the field's pointer, or with the
  /// name that is no field's.
  Result<void> put(Json& body, std::string_view name, std::string_view text) const;

  /// Sensitive values as stars, the rest as it is.
  Json masked(Json body) const;
  /// One value as a person reads it: codes by name, yes and no, times.
  std::string shown(const Field& field, const Json& value, Lang lang) const;

 private:
  void add_fields(const Json& properties, const std::string& prefix, bool sensitive);
  std::string kind_, shape_, title_zh_, title_en_;
  std::vector<Field> fields_;
  std::vector<std::string> one_of_;  // pointers
};

/// By how many digits the integer that is stored is longer than what a person types (x-scale).
std::size_t scale_of(const Json& schema);
/// The integer as a person reads it: 372000000 with a scale of 7 is "37.2".
std::string scaled_text(const Json& value, std::size_t scale);

/// What stands between the items of a list.
const char* comma(Lang lang);

/// Nothing but blanks, the Chinese one too: typed for a field, it is nothing.
bool is_blank(std::string_view text);

/// From now on, and as long as it is open, code lists are those that this store has.
void use_lists_of(Store& store);
/// The name of a code in a list; the code itself when the list does not have it.
std::string code_label(std::string_view list, std::string_view code, Lang lang);
/// The code for what a person typed, a code or a name, in capitals or not; empty when the list has neither.
std::string code_of(std::string_view list, std::string_view typed);
/// All names of a list, for a message.
std::string code_choices(std::string_view list, Lang lang);

/// The same for a flow's actions: "受理" → "accept"; what is none stays as it is.
std::string action_of(std::string_view typed);
std::string action_label(std::string_view action, Lang lang);
/// The steps that a role may take from a state, by name; empty when there is none.
std::string action_choices(std::string_view state, std::string_view role, Lang lang);
std::string state_label(std::string_view state, Lang lang);

}  // namespace julu::desk
