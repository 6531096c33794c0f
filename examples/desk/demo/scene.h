// What the grid worker of the demo finds on one morning: made-up households and people, visits, incidents with photos.
// The same every time. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace julu::demo {

struct Task {
  std::string kind;
  std::string id;  ///< of our own, so that a killed capture can be asked for again
  nlohmann::json body;
  std::vector<std::string> photos;  ///< "role=path"
};

/// 6 households, 20 people, 15 visits and 12 incidents, over which the photos are spread.
std::vector<Task> morning(const std::vector<std::string>& photo_files);

}  // namespace julu::demo
