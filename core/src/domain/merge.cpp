// See merge.h. The patch is walked leaf by leaf; each leaf is judged by its three values alone, so that edits of
// different fields never meet. Thread rule: pure functions.
#include "domain/merge.h"

#include <set>
#include <utility>

#include <julu/mutant.h>

namespace julu {
namespace {

const Json* member(const Json* object, const std::string& key) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto at = object->find(key);
  return at == object->end() ? nullptr : &*at;
}

std::optional<Json> copy(const Json* value) { return value == nullptr ? std::nullopt : std::optional<Json>(*value); }

bool same(const std::optional<Json>& a, const std::optional<Json>& b) {
  return a.has_value() == b.has_value() && (!a || *a == *b);
}

bool can_hold(const Json* value) { return value == nullptr || value->is_object(); }

// The rule of the field, or of the nearest one around it that the schema names.
MergeRule rule_of(const Kind* kind, std::string_view path) {
  while (kind != nullptr && !path.empty()) {
    if (const FieldInfo* field = kind->field(path)) return field->merge;
    path = path.substr(0, path.rfind('/'));
  }
  return MergeRule::ask;
}

// Three-way union of sets: what either side added, without what either side took out; remote's order first.
std::optional<Json> united(const Conflict& field) {
  for (const auto* value : {&field.base, &field.local, &field.remote}) {
    if (*value && !(*value)->is_array()) return std::nullopt;
  }
  const auto items = [](const std::optional<Json>& value) {
    return value ? std::set<Json>(value->begin(), value->end()) : std::set<Json>();
  };
  const auto base = items(field.base), local = items(field.local), remote = items(field.remote);
  Json made = Json::array();
  if (field.remote) {
    for (const Json& item : *field.remote) {
      if (base.count(item) == 0 || local.count(item) != 0) made.push_back(item);
    }
  }
  if (field.local) {
    std::set<Json> added;
    for (const Json& item : *field.local) {
      if (base.count(item) == 0 && remote.count(item) == 0 && added.insert(item).second) made.push_back(item);
    }
  }
  return made;
}

class Merging {
 public:
  explicit Merging(const Kind* kind) : kind_(kind) {}

  // Returns the patch of this object for what stands at `remote` (null: absent).
  Json object(const Json* base, const Json& patch, const Json* remote, const std::string& at) {
    Json made = Json::object();
    for (const auto& [key, value] : patch.get_ref<const Json::object_t&>()) {
      const std::string here = at + "/" + pointer_segment(key);
      const Json* b = member(base, key);
      const Json* r = member(remote, key);
      if (value.is_object() && !value.empty() && can_hold(b) && can_hold(r)) {
        Json inner = object(b, value, r, here);
        if (!inner.empty()) made[key] = std::move(inner);
        continue;
      }
      Conflict field{here, copy(b), std::nullopt, copy(r)};
      if (!value.is_null()) field.local = value.is_object() ? apply_merge_patch(b ? *b : Json(), value) : value;
      if (const auto winner = judge(std::move(field))) put(made, key, *winner, r);
    }
    return made;
  }

  Merged merged;

 private:
  // The value to send, itself empty for a removal; nothing when remote stays as it is.
  std::optional<std::optional<Json>> judge(Conflict field) {
    if (same(field.local, field.remote) || same(field.local, field.base)) return std::nullopt;
    if (same(field.remote, field.base)) return std::move(field.local);
    if (mutant(Mutant::merge_overwrites)) return std::move(field.local);
    const MergeRule rule = rule_of(kind_, field.field);
    if (rule == MergeRule::latest || mutant(Mutant::merge_takes_local)) {
      auto local = field.local;
      merged.given_up.push_back(std::move(field));
      return local;
    }
    if (rule == MergeRule::union_) {
      if (auto set = united(field)) {
        // A set that both took away stays away.
        if (set->empty() && !field.local) return std::optional<Json>();
        if (same(set, field.remote)) return std::nullopt;
        return set;
      }
    }
    merged.conflicts.push_back(std::move(field));
    return std::nullopt;
  }

  // A merge patch lays an object on what is there, so one that shall stand instead of another goes as the difference.
  static void put(Json& made, const std::string& key, const std::optional<Json>& value, const Json* remote) {
    if (!value) {
      made[key] = nullptr;
    } else if (value->is_object() && remote != nullptr && remote->is_object()) {
      made[key] = merge_patch_between(*remote, *value);
    } else {
      made[key] = *value;
    }
  }

  const Kind* kind_;
};

}  // namespace

Merged merge(const Json& base_values, const Json& patch, const Json& remote, const Kind* kind) {
  Merging merging(kind);
  if (patch.is_object()) merging.merged.patch = merging.object(&base_values, patch, &remote, "");
  return std::move(merging.merged);
}

Json base_values_for(const Json& body, const Json& patch) {
  Json values = Json::object();
  if (!body.is_object() || !patch.is_object()) return values;
  for (const auto& [key, value] : patch.get_ref<const Json::object_t&>()) {
    const Json* before = member(&body, key);
    if (before == nullptr) continue;
    // An object stays an object, even an empty one: that it was there is part of the base.
    const bool inside = value.is_object() && !value.empty() && before->is_object();
    values[key] = inside ? base_values_for(*before, value) : *before;
  }
  return values;
}

}  // namespace julu
