// What a worker says in a step. Each word is said once, so that it can be found again.
#include "walk.h"

namespace julu::walk {

using nlohmann::json;

std::string Walk::kind_of_people() { return below(3) == 0 ? "person" : "household"; }

// Of a field that no form names: nested, with members that come and go.
json Walk::nested_value() {
  switch (below(5)) {
    case 0: return nullptr;
    case 1: return json{{"one", word()}};
    case 2: return json{{"one", word()}, {"two", json{{"deep", word()}}}};
    case 3: return json{{"one", nullptr}, {"three", word()}};
    default: return json{{"two", json{{"deep", nullptr}, {"other", word()}}}};
  }
}

json Walk::plain_value() {
  if (below(3) == 0) return nullptr;
  if (below(2) == 0) return json::array({word(), word()});
  return word();
}

void Walk::change_house(json& patch) {
  if (below(5) == 0)
    patch["house"] = nullptr;
  else if (below(3) == 0)
    patch["house"] = json{{"structure", word()}};
  else
    patch["house"] = json{{"rooms", static_cast<int>(below(9))}};
}

json Walk::some_patch(const std::string& kind) {
  const bool is_household = kind == "household";
  json patch = json::object();
  const auto count = 1 + below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    switch (below(9)) {
      case 0: patch["note"] = word(); break;
      case 1: patch[is_household ? "support" : "other_name"] = below(4) == 0 ? json() : json(word()); break;
      case 2: patch["x1"] = nested_value(); break;
      case 3: patch["x2"] = plain_value(); break;
      case 4:
        if (is_household) change_house(patch);
        break;
      case 5:
        if (is_household) patch["address"] = word();
        break;
      case 6:
        if (is_household && below(3) == 0) patch["tags"] = json::array({word(), "t"});
        break;
      case 7: patch["x1"] = json{{"one", word()}}; break;
      default: patch["x2"] = word(); break;
    }
  }
  return patch;
}

std::vector<PhotoInput> Walk::some_photos() {
  std::vector<PhotoInput> photos;
  if (below(4) != 0) return photos;
  const char* const kRoles[] = {"near", "far"};
  const auto count = 1 + below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    PhotoInput photo;
    photo.bytes = pictures_[below(pictures_.size())];
    photo.role = kRoles[below(2)];
    photos.push_back(photo);
  }
  return photos;
}

std::optional<std::string> Walk::some_record(const std::string& kind) {
  std::vector<std::string> ids;
  for (const auto& [id, expected] : model_) {
    if (kind.empty() || expected.kind == kind) ids.push_back(id);
  }
  if (ids.empty()) return std::nullopt;
  return ids[below(ids.size())];
}

}  // namespace julu::walk
