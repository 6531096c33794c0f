#include "versions.h"

#include <julu/id.h>
#include <nlohmann/json.hpp>

#include "world.h"

namespace julu::sim {

using nlohmann::json;

void Versions::saw(const std::string& record, std::int64_t version, bool deleted, const json& body,
                   const std::string& where) {
  const std::string text = deleted ? "deleted" : body.dump();
  const std::string& first = bodies_.try_emplace({record, version}, text).first->second;
  if (first == text) return;
  world_.violate("a version has one body",
                 where + " " + record + " " + std::to_string(version) + "\n  " + text + "\n  not " + first);
}

void Versions::saw_page(std::string_view page) {
  const json answer = json::parse(page, nullptr, false);
  if (!answer.is_object() || !answer.contains("changes")) return;
  for (const json& change : answer["changes"]) {
    const std::string id = change.value("id", "");
    if (!parse_id(id) || change.value("removed", false) || !change.contains("body")) continue;  // no schema, no flow
    saw(id, change.value("version", std::int64_t{0}), change.value("deleted", false), change["body"], "the county");
  }
}

}  // namespace julu::sim
