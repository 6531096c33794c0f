#include <algorithm>

#include "phone.h"

namespace julu::sim {
namespace {

Response no_reply() {
  Response response;
  response.failure = ErrorCode::offline;
  return response;
}

bool carries_token(const Request& request) { return !header(request.headers, "Authorization").empty(); }

}  // namespace

std::uint64_t Network::submit(Request request) {
  ++phone_.requests;
  ++world_.tally.requests;
  const bool ours = request.url.starts_with(std::string(kPlatform) + "/");
  if (!ours) {
    world_.violate("a token goes to no foreign origin", (carries_token(request) ? "with a token: " : "") + request.url);
  }
  request_ = std::move(request);
  left_ms_ = 20 + static_cast<std::int64_t>(world_.below(180));
  if (world_.strikes(Fault::slow)) left_ms_ = static_cast<std::int64_t>(world_.below(120'000));
  return ++id_;
}

void Network::cancel(std::uint64_t) { request_.reset(); }

std::optional<Transport::Completion> Network::wait(std::chrono::milliseconds at_most) {
  if (phone_.disk.stopped()) {
    // The process is gone; what still runs of it only has to come to its end.
    request_.reset();
    Response response = no_reply();
    return Completion{id_, std::move(response)};
  }
  const std::int64_t step = request_ ? std::min(left_ms_, at_most.count()) : at_most.count();
  world_.advance(std::max<std::int64_t>(step, 1));
  left_ms_ -= step;
  if (!request_ || left_ms_ > 0) return std::nullopt;
  const Request request = std::move(*request_);
  request_.reset();
  Response response = carry(request);
  world_.advance(10 + static_cast<std::int64_t>(world_.below(100)));
  return Completion{id_, std::move(response)};
}

Response Network::carry(const Request& request) {
  Server& server = world_.server;
  if (!signal || server.down() || world_.strikes(Fault::lost_request)) return no_reply();
  if (world_.strikes(Fault::captive_portal)) {
    Response response;
    response.status = world_.below(3) == 0 ? 511 : world_.below(2) == 0 ? 302 : 200;
    response.headers = {{"Content-Type", "text/html"}};
    response.body = "<html>登录上网</html>";
    return response;
  }
  if (auto refused = server.front(request)) return *std::move(refused);
  if (world_.strikes(Fault::cut_request)) {
    // Nothing of the body, one byte, all but one, or somewhere between.
    const auto size = static_cast<std::int64_t>(request.body.size());
    const std::int64_t places[] = {0, std::min<std::int64_t>(1, size), std::max<std::int64_t>(0, size - 1),
                                   static_cast<std::int64_t>(world_.below(static_cast<std::uint64_t>(size) + 1))};
    const std::int64_t place = places[world_.below(4)];
    if (size > 0) static_cast<void>(server.serve(request, place));
    return no_reply();
  }
  if (world_.strikes(Fault::late_copy)) {
    const auto later = static_cast<std::int64_t>(world_.below(6 * 3'600'000));
    world_.at(world_.now_ms() + later, [&server, request] { static_cast<void>(server.serve(request, -1)); });
  }
  Response response = server.serve(request, -1);
  if (world_.strikes(Fault::doubled)) {
    Response second = server.serve(request, -1);
    if (world_.below(2) == 0) response = std::move(second);
  }
  if (world_.strikes(Fault::lost_reply)) return no_reply();
  server.tamper(request, response);
  return response;
}

}  // namespace julu::sim
