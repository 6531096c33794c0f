// A record as the platform holds it: one row of a pull, or the `current` of a stale result. JSON stays text here so
// that no JSON library shows. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <julu/crypto.h>
#include <julu/id.h>

namespace julu {

struct ChangeAction {
  Id id;                    ///< the id of the op that appended it
  std::int64_t number = 0;  ///< the platform's order, from 1
  std::string action;
  std::string actor_id, actor_role, actor_name;
  std::int64_t at_ms = 0;
  std::string state;  ///< the case's state after it
  std::string body;   ///< JSON text, the note in it
};

struct ChangePhoto {
  Hash sha256{};
  std::int64_t length_bytes = 0;
  std::string role;
  std::optional<Id> action;  ///< the action it belongs to
};

struct Change {
  std::string kind;
  std::string id;  ///< a UUID for records; a short name for schema, codes, calendar, settings, receipt-key, flow
  std::int64_t version = 0;
  bool deleted = false;
  bool removed = false;  ///< left the worker's scope
  std::string body;      ///< JSON text; empty when absent
  std::string state;     ///< of a case
  std::vector<ChangeAction> actions;
  std::vector<ChangePhoto> photos;
  std::int64_t created_at_ms = 0;
  std::string unusable = {};  ///< of the catalog: why there is no body
};

}  // namespace julu
