// Which body each version of a record has: one, whoever shows it and whenever, restores included. Thread rule: one
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json_fwd.hpp>

namespace julu::sim {

class World;

class Versions {
 public:
  explicit Versions(World& world) : world_(world) {}

  /// `where` saw it so.
  void saw(const std::string& record, std::int64_t version, bool deleted, const nlohmann::json& body,
           const std::string& where);
  /// All that a page of changes names.
  void saw_page(std::string_view page);

 private:
  World& world_;
  std::map<std::pair<std::string, std::int64_t>, std::string> bodies_;
};

}  // namespace julu::sim
