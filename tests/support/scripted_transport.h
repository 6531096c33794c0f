// A transport without a network: each request is answered by a function, in virtual time. Thread rule: one thread, but
// `wake` may come from any.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <julu/transport.h>

#include "clocks.h"

namespace julu::test {

class ScriptedTransport final : public Transport {
 public:
  /// Nothing: no answer ever comes.
  using Answer = std::function<std::optional<Response>(const Request&)>;

  ScriptedTransport(ManualClock& clock, Answer answer) : clock_(clock), answer_(std::move(answer)) {}

  std::uint64_t submit(Request request) override {
    const std::uint64_t id = ++last_id_;
    asked.push_back(request);
    waiting_.push_back({id, answer_(request)});
    auto& response = waiting_.back().second;
    if (response && request.reply_bytes_max > 0 && response->body.size() > request.reply_bytes_max) {
      response = Response{};
      response->failure = ErrorCode::too_large;
    }
    return id;
  }

  void cancel(std::uint64_t request) override {
    ++cancelled;
    for (auto& [id, response] : waiting_) {
      if (id != request) continue;
      response = Response{};
      response->failure = ErrorCode::cancelled;
    }
  }

  std::optional<Completion> wait(std::chrono::milliseconds at_most) override {
    if (on_wait) on_wait();
    most_waiting = std::max(most_waiting, waiting_.size());
    const auto next =
        std::find_if(waiting_.begin(), waiting_.end(), [](const auto& one) { return one.second.has_value(); });
    if (next == waiting_.end()) {
      clock_.advance(at_most.count());
      return std::nullopt;
    }
    clock_.advance(answer_ms);
    Completion completion{next->first, *std::move(next->second)};
    waiting_.erase(next);
    return completion;
  }

  void wake() override {}

  std::vector<Request> asked;
  int cancelled = 0;
  std::size_t most_waiting = 0;   ///< requests on their way at once, at the most
  std::int64_t answer_ms = 20;    ///< what every answer takes
  std::function<void()> on_wait;  ///< before each wait

 private:
  ManualClock& clock_;
  Answer answer_;
  std::deque<std::pair<std::uint64_t, std::optional<Response>>> waiting_;
  std::uint64_t last_id_ = 0;
};

/// A reply that never came.
inline Response no_reply(ErrorCode why = ErrorCode::offline) {
  Response response;
  response.failure = why;
  return response;
}

inline Response reply(int status, std::string body = {}, Headers headers = {{"Content-Type", "application/json"}}) {
  Response response;
  response.status = status;
  response.headers = std::move(headers);
  response.body = std::move(body);
  return response;
}

inline Response problem(int status, const std::string& type, Headers headers = {}) {
  headers.emplace_back("Content-Type", "application/problem+json");
  return reply(status, R"({"type":")" + type + R"(","title":"x","status":)" + std::to_string(status) + "}",
               std::move(headers));
}

}  // namespace julu::test
