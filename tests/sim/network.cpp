#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "phone.h"

namespace julu::sim {
namespace {

using nlohmann::json;

constexpr std::uint64_t kSlowMsMax = 120'000;      // in one direction
constexpr std::uint64_t kLateMsMax = 20 * 60'000;  // a token lives for 15 minutes: what comes later is refused

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
  if (request.url.ends_with("/v1/token")) ++phone_.token_requests;
  phone_.bound_requests();
  const bool ours = request.url.starts_with(std::string(kPlatform) + "/");
  if (!ours) {
    world_.violate("a token goes to no foreign origin", (carries_token(request) ? "with a token: " : "") + request.url);
  }
  std::int64_t way_ms = 20 + static_cast<std::int64_t>(world_.below(180));
  std::int64_t back_ms = 0;
  if (world_.strikes(Fault::slow)) {
    way_ms = static_cast<std::int64_t>(world_.below(kSlowMsMax));
    back_ms = static_cast<std::int64_t>(ways_->below(kSlowMsMax));
  }
  const std::int64_t now = world_.now_ms();
  const std::int64_t patience_ms = now + request.timeout.count();
  Travelling one{++last_id_, now + way_ms, back_ms, patience_ms, std::move(request)};
  if (one.arrives_ms > patience_ms) {
    come_too_late(one.request, one.arrives_ms);
    one.arrives_ms = patience_ms;
    one.reply = no_reply();
  }
  travelling_.push_back(std::move(one));
  return last_id_;
}

// The phone has turned away by then, and the platform cannot know.
void Network::come_too_late(const Request& request, std::int64_t at_ms) {
  if (!signal) return;
  if (is_push(request)) {
    for (std::string& op : ops_of_push(request)) world_.late_ops.insert(std::move(op));
  }
  Server& server = world_.server;
  world_.at(at_ms, [&server, request] {
    if (!server.down()) static_cast<void>(server.serve(request, -1));
  });
}

void Network::cancel(std::uint64_t request) {
  for (const Travelling& one : travelling_) {
    if (one.id == request && one.back_ms > 0 && !one.reply) come_too_late(one.request, one.arrives_ms);
  }
  std::erase_if(travelling_, [&](const Travelling& one) { return one.id == request; });
}

std::optional<Transport::Completion> Network::wait(std::chrono::milliseconds at_most) {
  const auto next = std::min_element(travelling_.begin(), travelling_.end(),
                                     [](const auto& a, const auto& b) { return a.arrives_ms < b.arrives_ms; });
  if (phone_.disk.stopped() && next != travelling_.end()) {
    // The process is gone; what still runs of it only has to come to its end.
    const std::uint64_t id = next->id;
    travelling_.erase(next);
    return Completion{id, no_reply()};
  }
  const std::int64_t left_ms = next == travelling_.end() ? at_most.count() : next->arrives_ms - world_.now_ms();
  world_.advance(std::clamp<std::int64_t>(left_ms, 1, std::max<std::int64_t>(1, at_most.count())));
  if (next == travelling_.end() || left_ms > at_most.count()) return std::nullopt;
  if (!next->reply && next->back_ms > 0) {
    const std::uint64_t id = next->id;
    Response reply = carry(next->request);  // in between others may have come and gone
    const auto one = std::find_if(travelling_.begin(), travelling_.end(), [&](const auto& t) { return t.id == id; });
    if (one == travelling_.end()) return std::nullopt;
    const std::int64_t there_ms = world_.now_ms() + one->back_ms;
    one->reply = there_ms > one->patience_ms ? no_reply() : std::move(reply);
    one->arrives_ms = std::max(world_.now_ms() + 1, std::min(there_ms, one->patience_ms));
    return std::nullopt;
  }
  const Travelling arrived = std::move(*next);
  travelling_.erase(next);
  if (arrived.reply) return heard(arrived, *arrived.reply);
  Response response = carry(arrived.request);
  world_.advance(10 + static_cast<std::int64_t>(world_.below(100)));
  return heard(arrived, std::move(response));
}

// The ops of a push, or the photo whose bytes go.
std::vector<std::string> carried_by(const Request& request) {
  if (is_push(request)) return ops_of_push(request);
  if (request.method == "PATCH") return {request.url};
  const std::string photo = header(request.headers, "Upload-Metadata");
  return photo.empty() ? std::vector<std::string>() : std::vector<std::string>{photo};
}

// An op or a photo that the platform wants to be spared does not come before its time. A clock that jumps and a phone
// with a new id begin anew.
void Network::look_at_waits(const Request& request) {
  if (waits_.empty() || phone_.forked || world_.plan().rate(Fault::wall_clock) > 0) return;
  for (const std::string& one : carried_by(request)) {
    const auto until = waits_.find(one);
    if (until != waits_.end() && world_.now_ms() < until->second) world_.violate("Retry-After is kept to", one);
  }
}

// The ops for which the platform has no time now, and how long not. Of a reply that was cut short nothing is known.
std::map<std::string, std::int64_t> busy_ops(const Response& reply) {
  std::map<std::string, std::int64_t> waits;
  if (reply.body.find(R"("status":"retry")") == std::string::npos) return waits;
  const json body = json::parse(reply.body, nullptr, false);
  if (!body.is_object()) return waits;
  for (const json& result : body["results"]) {
    if (result["status"] == "retry") waits[result["op_id"]] = result["retry_after_ms"];
  }
  return waits;
}

// What the phone was not patient enough to hear binds it to nothing.
Transport::Completion Network::heard(const Travelling& one, Response reply) {
  const std::string wait = header(reply.headers, "Retry-After");
  if (!wait.empty()) {
    const std::int64_t until_ms = world_.now_ms() + std::stoll(wait) * 1000;
    phone_.spared_until_ms = std::max<std::int64_t>(phone_.spared_until_ms, until_ms);
    for (std::string& carried : carried_by(one.request)) waits_[std::move(carried)] = until_ms;
  }
  // Where a receipt may be doubted the phone asks again at once, for all of a push.
  const Plan& plan = world_.plan();
  const bool doubted =
      plan.rate(Fault::wrong_receipt) + plan.rate(Fault::unknown_receipt_key) + plan.rate(Fault::key_rotated) > 0;
  for (const auto& [op, wait_ms] : busy_ops(reply)) {
    const std::int64_t until_ms = world_.now_ms() + wait_ms;
    phone_.spared_until_ms = std::max(phone_.spared_until_ms, until_ms);
    if (!doubted) waits_[op] = until_ms;
  }
  return {one.id, std::move(reply)};
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
  // So late that nobody waits for it any more, and past the front, which may have thought otherwise in between.
  if (world_.strikes(Fault::late_copy)) {
    const bool also_now = world_.below(2) == 0;
    if (is_push(request)) {
      for (std::string& op : ops_of_push(request)) world_.late_ops.insert(std::move(op));
    }
    world_.at(world_.now_ms() + static_cast<std::int64_t>(world_.below(kLateMsMax)),
              [&server, request] { static_cast<void>(server.serve(request, -1)); });
    if (!also_now) return no_reply();
  }
  auto refused = server.front(request);
  look_at_waits(request);
  if (refused) return *std::move(refused);
  if (world_.strikes(Fault::cut_request)) {
    // Nothing of the body, one byte, all but one, or somewhere between.
    const auto size = static_cast<std::int64_t>(request.body.size());
    const std::int64_t places[] = {0, std::min<std::int64_t>(1, size), std::max<std::int64_t>(0, size - 1),
                                   static_cast<std::int64_t>(world_.below(static_cast<std::uint64_t>(size) + 1))};
    const std::int64_t place = places[world_.below(4)];
    if (size > 0) static_cast<void>(server.serve(request, place));
    return no_reply();
  }
  if (auto kept = kept_for(request)) return *std::move(kept);
  Response response = server.serve(request, -1);
  if (world_.strikes(Fault::doubled)) {
    Response second = server.serve(request, -1);
    if (world_.below(2) == 0) response = std::move(second);
  }
  if (world_.strikes(Fault::lost_reply)) {
    keep_lost(request, response);
    return no_reply();
  }
  server.tamper(request, response);
  if (response.status == 200 && request.url.find("/v1/pull") != std::string::npos) {
    world_.versions.saw_page(response.body);
  }
  if (world_.strikes(Fault::cut_reply)) {
    keep_lost(request, response);
    return cut_short(std::move(response));
  }
  return response;
}

void Network::keep_lost(const Request& request, const Response& reply) {
  if (world_.plan().rate(Fault::replayed_reply) == 0 || !is_push(request) || reply.status != 200) return;
  kept_[ops_of_push(request)] = reply;
  if (world_.plan().rate(Fault::platform_restored) == 0 || !world_.server.has_backup()) return;
  if (ways_->below(2) == 0) return;
  // What took the reply may be the end of the platform as it was. It comes back from its backup and signs nobody in for
  // some minutes; the worker, who saw nothing go, presses now and then.
  constexpr std::int64_t kMinuteMs = 60'000;
  const std::int64_t restored_ms = world_.now_ms() + static_cast<std::int64_t>(ways_->below(kMinuteMs));
  world_.at(restored_ms, [this] {
    if (world_.calm()) return;
    world_.server.restore_backup();
    world_.server.refuse_tokens_for(3 * kMinuteMs);
    world_.note(-1, "platform restored after a lost reply");
  });
  for (const std::int64_t minutes : {1, 10, 11}) {
    world_.at(restored_ms + minutes * kMinuteMs, [this] {
      if (!world_.calm()) phone_.press_sync();
    });
  }
}

// A proxy between may know a request again and answer it with the reply that was lost: of before a restore, maybe.
std::optional<Response> Network::kept_for(const Request& request) {
  if (kept_.empty() || world_.calm() || !is_push(request)) return std::nullopt;
  const std::vector<std::string> ops = ops_of_push(request);
  if (!kept_.contains(ops)) return std::nullopt;
  auto kept = kept_.extract(ops);
  ++world_.tally.faults[name(Fault::replayed_reply)];
  world_.server.tamper(request, kept.mapped());
  return std::move(kept.mapped());
}

// As CurlTransport gives it: where the reply's length was announced, or it was chunked, nothing of it is left; where a
// proxy took the length away, the end of the connection passes for the end of the reply.
Response Network::cut_short(Response whole) {
  const std::size_t size = whole.body.size();
  if (size == 0 || world_.below(2) == 0) return no_reply();
  const std::size_t places[] = {0, 1, size - 1, static_cast<std::size_t>(world_.below(size))};
  whole.body.resize(places[world_.below(4)]);
  return whole;
}

}  // namespace julu::sim
