// See flow.h. Thread rule: immutable.
#include "domain/flow.h"

#include <algorithm>

#include "base/json.h"

namespace julu {
namespace {

Error refuse(const std::string& at) { return Error{ErrorCode::schema_invalid, at, ""}; }

Result<std::vector<std::string>> words(const Json& object, const char* key, const std::string& at) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_array()) return refuse(at + "/" + key);
  std::vector<std::string> list;
  for (const Json& item : *member) {
    if (!item.is_string()) return refuse(at + "/" + key);
    list.push_back(item.get<std::string>());
  }
  return list;
}

bool holds(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

Result<NoteRule> note_rule(const Json& action, const std::string& at) {
  const std::string word = text_member(action, "note");
  if (word.empty() || word == "optional") return NoteRule::optional;
  if (word == "required") return NoteRule::required;
  if (word == "none") return NoteRule::none;
  return refuse(at + "/note");
}

}  // namespace

Result<std::shared_ptr<const Flow>> Flow::load(std::string_view flow_json) {
  const auto parsed = parse_reply(flow_json);
  if (!parsed || !parsed->is_object()) return refuse("");
  std::shared_ptr<Flow> flow(new Flow);
  flow->json_ = flow_json;
  flow->id_ = text_member(*parsed, "flow");
  if (flow->id_.empty()) return refuse("/flow");
  const auto states = parsed->find("states");
  if (states == parsed->end() || !states->is_object()) return refuse("/states");
  for (const auto& [name, state] : states->items()) {
    if (!state.is_object()) return refuse("/states/" + pointer_segment(name));
    const auto final = state.find("final");
    const bool is_final = final != state.end() && final->is_boolean() && final->get<bool>();
    flow->states_.emplace(name, State{text_member(state, "zh"), text_member(state, "en"), is_final});
  }
  flow->initial_ = text_member(*parsed, "initial");
  if (flow->states_.count(flow->initial_) == 0) return refuse("/initial");
  const auto actions = parsed->find("actions");
  if (actions == parsed->end() || !actions->is_object()) return refuse("/actions");
  for (const auto& [name, action] : actions->items()) {
    const std::string at = "/actions/" + pointer_segment(name);
    Action made{
        text_member(action, "zh"), text_member(action, "en"), text_member(action, "to"), {}, {}, NoteRule::optional, 0};
    JULU_TRY(made.from, words(action, "from", at));
    JULU_TRY(made.roles, words(action, "roles", at));
    JULU_TRY(made.note, note_rule(action, at));
    if (flow->states_.count(made.to) == 0) return refuse(at + "/to");
    for (const std::string& state : made.from) {
      if (flow->states_.count(state) == 0) return refuse(at + "/from");
    }
    const auto order = action.find("order");
    if (order != action.end() && order->is_number_integer()) made.order = order->get<int>();
    flow->actions_.emplace(name, std::move(made));
    flow->order_.push_back(name);
  }
  std::stable_sort(flow->order_.begin(), flow->order_.end(), [&](const std::string& a, const std::string& b) {
    return flow->actions_.find(a)->second.order < flow->actions_.find(b)->second.order;
  });
  return std::shared_ptr<const Flow>(std::move(flow));
}

const Flow::Action* Flow::allowed_from(std::string_view state, std::string_view action) const {
  const auto at = actions_.find(action);
  return at != actions_.end() && holds(at->second.from, state) ? &at->second : nullptr;
}

Result<std::string> Flow::next(std::string_view state, std::string_view action, std::string_view role) const {
  if (actions_.find(action) == actions_.end()) return Error{ErrorCode::field_invalid, "/action", ""};
  const Action* step = allowed_from(state, action);
  if (step == nullptr) return Error{ErrorCode::step_not_allowed, "/action", "state " + std::string(state)};
  if (!holds(step->roles, role)) return Error{ErrorCode::step_not_allowed, "/action", "role " + std::string(role)};
  return step->to;
}

std::vector<std::string> Flow::allowed(std::string_view state, std::string_view role) const {
  std::vector<std::string> list;
  for (const std::string& action : order_) {
    if (const Action* step = allowed_from(state, action); step != nullptr && holds(step->roles, role)) {
      list.push_back(action);
    }
  }
  return list;
}

NoteRule Flow::note(std::string_view action) const {
  const auto at = actions_.find(action);
  return at == actions_.end() ? NoteRule::optional : at->second.note;
}

bool Flow::is_final(std::string_view state) const {
  const auto at = states_.find(state);
  return at != states_.end() && at->second.final;
}

std::string Flow::label(std::string_view state_or_action, Lang lang) const {
  std::string zh, en;
  if (const auto state = states_.find(state_or_action); state != states_.end()) {
    zh = state->second.zh;
    en = state->second.en;
  } else if (const auto action = actions_.find(state_or_action); action != actions_.end()) {
    zh = action->second.zh;
    en = action->second.en;
  }
  const std::string& asked = lang == Lang::zh ? zh : en;
  const std::string& other = lang == Lang::zh ? en : zh;
  if (!asked.empty()) return asked;
  return other.empty() ? std::string(state_or_action) : other;
}

std::string Flow::fold(const std::vector<FlowStep>& steps) const {
  std::string state = initial_;
  for (const FlowStep& step : steps) {
    if (!step.state.empty()) {
      state = step.state;
    } else if (const Action* known = allowed_from(state, step.action); known != nullptr) {
      state = known->to;
    }
  }
  return state;
}

}  // namespace julu
