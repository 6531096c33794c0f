#include "gateway.h"

#include "world.h"

namespace julu::sim {

// This request alone, or for up to an hour or a day; all there is, or one path.
void Gateway::draw() {
  Random& random = world_.upsets();
  constexpr int kStatuses[] = {403, 404, 409};
  constexpr const char* kPaths[] = {"",           "",         "",          "/v1/push",      "/v1/push",
                                    "/v1/photos", "/v1/pull", "/v1/token", "/v1/reconcile", "/v1/devices"};
  constexpr std::uint64_t kWords = 5;
  status_ = kStatuses[random.below(std::size(kStatuses))];
  words_ = random.below(kWords);
  path_ = kPaths[random.below(std::size(kPaths))];
  const std::uint64_t mood = random.below(16);
  const std::uint64_t longest_ms = mood < 8 ? 1 : mood < 15 ? kHourMs : 24 * kHourMs;
  until_ms_ = world_.now_ms() + static_cast<std::int64_t>(random.below(longest_ms));
}

Response Gateway::answer() const {
  Response response;
  response.status = status_;
  switch (words_) {
    case 0:
      response.headers = {{"Content-Type", "text/html"}};
      response.body = "<html><body>访问被拒绝</body></html>";
      break;
    case 1:
      response.headers = {{"Content-Type", "application/problem+json"}};
      response.body = R"({"type":"about:blank","title":"Forbidden"})";
      break;
    case 2:
      response.headers = {{"Content-Type", "application/problem+json"}};
      response.body = R"({"type":"https://gateway.example/problems/blocked","title":"Blocked"})";
      break;
    case 3:
      response.headers = {{"Content-Type", "application/json"}};
      response.body = R"({"message":"no Route matched with those values"})";
      break;
    default: break;
  }
  return response;
}

std::optional<Response> Gateway::stop(const Request& request) {
  if (world_.calm()) return std::nullopt;
  if (world_.now_ms() < until_ms_) {
    if (request.url.find(path_) == std::string::npos) return std::nullopt;
    return answer();
  }
  if (!world_.befalls(Fault::gateway)) return std::nullopt;
  draw();
  return answer();
}

}  // namespace julu::sim
