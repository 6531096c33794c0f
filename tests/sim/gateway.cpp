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

// From some hours to two days.
std::optional<Response> Gateway::stop_narrow(const Request& request) {
  const int rate = world_.plan().rate(Fault::narrow_front);
  if (narrow_random_ == nullptr) narrow_random_ = seeded_random(world_.plan().seed * 1000 + 800);
  if (world_.now_ms() >= narrow_until_ms_) {
    if (rate == 0 || narrow_random_->below(10'000) >= static_cast<std::uint64_t>(rate)) return std::nullopt;
    constexpr std::size_t kLongest[] = {300, 900, 3'000, 20'000};
    bars_ = static_cast<Bars>(narrow_random_->below(static_cast<std::uint64_t>(Bars::count_)));
    longest_ = kLongest[narrow_random_->below(std::size(kLongest))];
    const std::uint64_t longest_h = narrow_random_->below(4) == 0 ? 48 : 6;
    narrow_until_ms_ = world_.now_ms() + static_cast<std::int64_t>(narrow_random_->below(longest_h * kHourMs));
  }
  const auto bar = [&](int status) {
    ++world_.tally.faults[name(Fault::narrow_front)];
    Response response;
    response.status = status;
    response.headers = {{"Content-Type", "text/html"}};
    response.body = "<html><body>" + std::to_string(status) + "</body></html>";
    return std::optional(response);
  };
  const bool is_photo = request.url.find("/v1/photos") != std::string::npos;
  switch (bars_) {
    case Bars::long_bodies: return request.body.size() > longest_ ? bar(413) : std::nullopt;
    case Bars::long_photos: return is_photo && request.body.size() > longest_ ? bar(413) : std::nullopt;
    case Bars::codings: return header(request.headers, "Content-Encoding") == "gzip" ? bar(415) : std::nullopt;
    case Bars::old_apps: return bar(426);
    case Bars::count_: break;
  }
  return std::nullopt;
}

std::optional<Response> Gateway::stop(const Request& request) {
  if (world_.calm()) return std::nullopt;
  if (auto stopped = stop_narrow(request)) return stopped;
  if (world_.now_ms() < until_ms_) {
    if (request.url.find(path_) == std::string::npos) return std::nullopt;
    return answer();
  }
  if (!world_.befalls(Fault::gateway)) return std::nullopt;
  draw();
  return answer();
}

}  // namespace julu::sim
