// The state machine of a case, read from schema/flows: which step may follow, who may take it, what each is called.
// States are names, and names that the platform adds later are kept and shown. Thread rule: immutable, share freely.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <julu/result.h>

namespace julu {

/// One action of a case's history, in the order of the platform's numbers, own pending ones last.
struct FlowStep {
  std::string action;
  std::string state;  ///< what the platform said the state is after it; empty while only this device knows of it
};

enum class NoteRule { none, optional, required };

class Flow {
 public:
  /// schema_invalid with a pointer inside the file.
  static Result<std::shared_ptr<const Flow>> load(std::string_view flow_json);

  const std::string& id() const { return id_; }
  const std::string& json() const { return json_; }
  const std::string& initial() const { return initial_; }

  /// The state after the step. field_invalid "/action" for an action that the flow does not know, step_not_allowed
  /// when it may not follow this state or is not this role's.
  Result<std::string> next(std::string_view state, std::string_view action, std::string_view role) const;
  /// Actions that this role may take now, in the order of the file. Empty for an unknown state.
  std::vector<std::string> allowed(std::string_view state, std::string_view role) const;
  /// Whether the step needs a note, allows one, or takes none; optional for an unknown action.
  NoteRule note(std::string_view action) const;
  /// False for an unknown state: what is not known to be over is still open.
  bool is_final(std::string_view state) const;
  /// The name of a state or of an action; an unknown one is itself.
  std::string label(std::string_view state_or_action, Lang lang) const;
  /// The state that the steps lead to. The platform's state wins where it gave one; a step without one follows the
  /// file whatever the role, and one that the file does not allow changes nothing.
  std::string fold(const std::vector<FlowStep>& steps) const;

 private:
  struct State {
    std::string zh, en;
    bool final = false;
  };
  struct Action {
    std::string zh, en, to;
    std::vector<std::string> from, roles;
    NoteRule note = NoteRule::optional;
    int order = 0;
  };
  Flow() = default;
  const Action* allowed_from(std::string_view state, std::string_view action) const;

  std::string id_, json_, initial_;
  std::map<std::string, State, std::less<>> states_;
  std::map<std::string, Action, std::less<>> actions_;
  std::vector<std::string> order_;  // actions as a screen lists them
};

}  // namespace julu
