// Text that becomes records, kinds, flows and merges.
#include <algorithm>
#include <set>

#include <julu/limits.h>

#include "base/json.h"
#include "domain/codes.h"
#include "domain/flow.h"
#include "domain/merge.h"
#include "domain/schema.h"
#include "julu_fuzz_schemas.h"
#include "target.h"

namespace julu::fuzz {
namespace {

// RFC 7396 cannot say a null member, nor an empty object that stands instead of another.
Json sayable(const Json& value) {
  if (!value.is_object()) return value;
  Json made = Json::object();
  for (const auto& [key, member] : value.items()) {
    Json kept = sayable(member);
    if (!kept.is_null() && !(kept.is_object() && kept.empty())) made[key] = std::move(kept);
  }
  return made;
}

const std::vector<std::shared_ptr<const Kind>>& shipped_kinds() {
  static const auto kinds = [] {
    std::vector<std::shared_ptr<const Kind>> made;
    for (const auto& file : julu_fuzz_schemas::files()) {
      auto kind = Kind::load(file.text);
      require(kind.ok(), "a kind that ships loads");
      made.push_back(*kind);
    }
    return made;
  }();
  return kinds;
}

void use(const Kind& kind, std::string_view text) {
  auto parsed = parse_body(text);
  if (!parsed) return;
  const Json body = kind.normalised(*parsed);
  require(canonical(kind.normalised(body)) == canonical(body), "the stored form of the stored form is itself");
  const bool fine = succeeded(kind.check(body));
  require(!fine || kind.check_edit(Json::object(), body).ok(), "what makes a sound body is a sound edit");
  require(kind.check_edit(body, body).ok(), "what an edit leaves alone is not its fault");
  static_cast<void>(kind.refs(body));
  static_cast<void>(kind.search_text(body));
  const std::string line = kind.summary(body, [](const std::string&, const std::string& code) { return code; });
  require(line.size() <= 60 * 4 + 3, "a summary is one short line");
  require(std::none_of(line.begin(), line.end(), [](char c) { return c >= 0 && c < 0x20; }), "a summary is one line");
  const Json masked = kind.masked(body);
  for (const FieldInfo& field : kind.fields()) {
    const Json* shown = field.sensitive ? at_pointer(masked, field.path) : nullptr;
    const Json* kept = field.sensitive ? at_pointer(body, field.path) : nullptr;
    const bool number = shown != nullptr && kept != nullptr && kept->is_number();
    const bool hidden = shown != nullptr && shown->is_string() &&
                        shown->get_ref<const std::string&>().find_first_not_of('*') == std::string::npos;
    require(!number || hidden, "a sensitive number is not shown");
  }
}

// Pointers of all values that are no object with members.
void leaves(const Json& value, const std::string& at, std::set<std::string>& found) {
  if (!value.is_object() || value.empty()) {
    found.insert(at);
    return;
  }
  for (const auto& [key, member] : value.items()) leaves(member, at + "/" + pointer_segment(key), found);
}

bool same_at(const Json& a, const Json& b, const std::string& pointer) {
  const Json* x = at_pointer(a, pointer);
  const Json* y = at_pointer(b, pointer);
  return x == nullptr || y == nullptr ? x == y : *x == *y;
}

// Fields that one side changed, an object that came or went being all of its fields.
std::set<std::string> changed(const Json& from, const Json& to) {
  std::set<std::string> fields;
  leaves(from, "", fields);
  leaves(to, "", fields);
  fields.erase("");  // of a record without fields: it is no field
  std::erase_if(fields, [&](const std::string& field) { return same_at(from, to, field); });
  return fields;
}

bool told_of(const std::vector<Conflict>& told, const std::string& pointer) {
  return std::any_of(told.begin(), told.end(), [&](const Conflict& c) {
    return (pointer + "/").starts_with(c.field + "/") || (c.field + "/").starts_with(pointer + "/");
  });
}

bool is_union(const Kind* kind, std::string_view path) {
  for (; kind != nullptr && !path.empty(); path = path.substr(0, path.rfind('/'))) {
    if (const FieldInfo* field = kind->field(path)) return field->merge == MergeRule::union_;
  }
  return false;
}

void merge_once(const Json& base, const Json& local, const Json& remote, const Kind* kind) {
  const Json patch = merge_patch_between(base, local);
  const Json touched = base_values_for(base, patch);
  require(apply_merge_patch(base, patch) == local, "a patch between two makes the second of the first");

  const Merged alone = merge(touched, patch, base, kind);
  require(alone.conflicts.empty() && alone.given_up.empty(), "nobody else edited: nothing is in conflict");
  require(apply_merge_patch(base, alone.patch) == local, "nobody else edited: the local version stands");

  const Merged theirs = merge(Json::object(), Json::object(), remote, kind);
  require(theirs.patch.empty() && theirs.conflicts.empty(), "nothing edited here: the remote version stands");

  const Merged both = merge(touched, patch, remote, kind);
  const Json after = apply_merge_patch(remote, both.patch);
  for (const std::string& field : changed(base, local)) {
    const bool kept = same_at(after, local, field) || is_union(kind, field);
    require(kept || told_of(both.conflicts, field), "a local value that gave way is reported");
  }
  for (const std::string& field : changed(base, remote)) {
    const bool kept = same_at(after, remote, field) || is_union(kind, field);
    require(kept || told_of(both.given_up, field), "a remote value that gave way is reported");
  }
}

}  // namespace

void json_text(std::string_view input) {
  static_cast<void>(succeeded(parse_reply(input)));
  const auto body = parse_body(input);
  if (!succeeded(body)) return;
  const std::string text = canonical(*body);
  const auto again = parse_body(text);
  // Normalising may lengthen a text past the bound of a body.
  if (!again) {
    require(again.error().code == ErrorCode::field_too_long, "canonical text is a body");
    return;
  }
  require(*again == *body, "canonical text is the same value");
  require(canonical(*again) == text, "the canonical form of the canonical form is itself");
  const Json said = sayable(*body);
  const Json other = sayable(body->empty() ? Json::object() : *body->begin());
  if (!other.is_object()) return;
  require(apply_merge_patch(other, merge_patch_between(other, said)) == said, "a patch between two makes the second");
}

// Parts: a schema, then bodies. A lone part is a body for the kinds that ship.
void record_schema(std::string_view input) {
  const auto texts = parts(input);
  if (texts.size() == 1) {
    for (const auto& kind : shipped_kinds()) use(*kind, texts[0]);
  }
  const auto kind = Kind::load(texts[0]);
  if (!succeeded(kind)) return;
  for (std::size_t i = 1; i < texts.size(); ++i) use(**kind, texts[i]);
}

// Parts: a flow, then words for states, actions and roles.
void case_flow(std::string_view input) {
  const auto texts = parts(input);
  static_cast<void>(check_codes(texts[0]));
  const auto flow = Flow::load(texts[0]);
  if (!succeeded(flow)) return;
  std::vector<FlowStep> steps;
  std::string state = (*flow)->initial();
  for (std::size_t i = 1; i < texts.size(); ++i) {
    const std::string word(texts[i]);
    const auto list = (*flow)->allowed(state, "worker");
    for (const std::string& action : list) require((*flow)->next(state, action, "worker").ok(), "what is allowed goes");
    if (const auto next = (*flow)->next(state, word, "worker"); succeeded(next)) {
      require(std::find(list.begin(), list.end(), word) != list.end(), "what goes is allowed");
      state = *next;
    }
    static_cast<void>((*flow)->note(word));
    static_cast<void>((*flow)->is_final(word));
    static_cast<void>((*flow)->label(word, Lang::zh));
    steps.push_back({word, i % 3 == 0 ? word : ""});
    require(!(*flow)->fold(steps).empty(), "a case is in a state");
  }
}

// Parts: base, local and remote body.
void three_way_merge(std::string_view input) {
  const auto texts = parts(input);
  if (texts.size() != 3) return;
  std::vector<Json> bodies;
  for (const auto text : texts) {
    auto body = parse_body(text);
    if (!body) return;
    bodies.push_back(*std::move(body));
  }
  // As it may come from a platform: any patch, any base. It need not make sense, only end.
  static_cast<void>(merge(bodies[0], bodies[1], bodies[2], nullptr));
  static_cast<void>(base_values_for(bodies[0], bodies[1]));
  for (Json& body : bodies) body = sayable(body);
  merge_once(bodies[0], bodies[1], bodies[2], nullptr);
  for (const auto& kind : shipped_kinds()) merge_once(bodies[0], bodies[1], bodies[2], kind.get());
}

}  // namespace julu::fuzz
