// Requests of a run: time bounds, the token, and what an answer means for the rest of the run.
#include <algorithm>

#include <julu/limits.h>
#include <julu/mutant.h>

#include "assertion.h"
#include "run.h"
#include "url.h"

namespace julu {
namespace {

constexpr std::int64_t kLookMs = 200;             // cancel is seen within this, whatever the transport does
constexpr std::int64_t kTokenMarginMs = 30'000;   // a request may travel that long with it
constexpr std::int64_t kMeasuredBytesMin = 1024;  // less says nothing of the link
constexpr int kCaptivePortalStatus = 511;         // RFC 6585: network authentication required

}  // namespace

// A tus server says its version on every reply, on an empty one of a type that its framework put there too.
bool is_page(const Response& response) {
  return header(response.headers, "Content-Type").starts_with("text/html") &&
         header(response.headers, "Tus-Resumable").empty();
}

std::int64_t Syncer::Run::time_left_ms() const {
  return std::max<std::int64_t>(0, deadline_ms_ - clock_.monotonic_ms());
}

bool Syncer::Run::must_end() {
  if (end_) return true;
  if (state_.cancelled || (options_.stop != nullptr && *options_.stop)) {
    end_ = SyncEnd::cancelled;
  } else if (time_left_ms() == 0) {
    end_ = SyncEnd::deadline;
  }
  return end_.has_value();
}

Syncer::Run::Step Syncer::Run::stop(SyncEnd end, std::optional<Error> failure) {
  if (!end_) end_ = end;
  if (failure) failure_ = std::move(failure);
  return Step::stop;
}

Syncer::Run::Step Syncer::Run::stop_for(const Exchange& exchange) {
  if (exchange.answer == Answer::stopped) return Step::stop;
  return stop(SyncEnd::left, Error{exchange.why, {}, exchange.problem.type});
}

std::string Syncer::Run::address(std::string_view path) const { return identity_.platform + std::string(path); }

bool Syncer::Run::may_carry_token(const std::string& url) const {
  const auto origin = origin_of(url);
  if (!origin) return false;
  if (origin == origin_of(identity_.platform) || mutant(Mutant::token_anywhere)) return true;
  return std::any_of(identity_.origins.begin(), identity_.origins.end(),
                     [&](const std::string& allowed) { return origin_of(allowed) == origin; });
}

bool Syncer::Run::is_platform(const std::string& url) const { return origin_of(url) == origin_of(identity_.platform); }

double Syncer::Run::rate(std::int64_t bytes, std::int64_t took_ms) {
  return static_cast<double>(bytes) / static_cast<double>(std::max<std::int64_t>(1, took_ms));
}

void Syncer::Run::measure(std::int64_t bytes, std::int64_t took_ms) {
  if (bytes < kMeasuredBytesMin) return;
  const double now = rate(bytes, took_ms);
  state_.bytes_per_ms = state_.bytes_per_ms == 0 ? now : (state_.bytes_per_ms + now) / 2;
}

std::int64_t Syncer::Run::carried_in(double bytes_per_ms, std::int64_t ms, std::int64_t most) {
  return std::clamp(static_cast<std::int64_t>(bytes_per_ms * static_cast<double>(ms)), limits::piece_bytes_min, most);
}

// Wherever it waits: a photo, or a row of quick replies, may take longer than the lease lives.
Result<void> Syncer::Run::renew_lease() {
  const std::int64_t now = clock_.monotonic_ms();
  if (now < lease_until_ms_) return {};
  lease_until_ms_ = now + limits::lease_ms / 3;
  JULU_CHECK(outbox_.acquire_lease());
  // While this process slept past its lease, another may have made the store another device: what is on its way here
  // is the old one's.
  JULU_TRY(const Identity identity, outbox_.identity());
  if (identity.device != identity_.device) return Error{ErrorCode::sync_in_progress, {}, "another device"};
  return {};
}

std::uint64_t Syncer::Run::begin(Request request) {
  if (request.reply_bytes_max == 0) request.reply_bytes_max = limits::reply_bytes_max;
  request.timeout = std::chrono::milliseconds(limits::request_timeout_ms);
  Call call;
  call.begun_ms = clock_.monotonic_ms();
  call.body_bytes = static_cast<std::int64_t>(request.body.size());
  ++outcome_.requests;
  const std::uint64_t id = state_.transport.submit(std::move(request));
  calls_[id] = std::move(call);
  return id;
}

// Until the reply before this one, the link was busy with that.
std::int64_t Syncer::Run::on_its_way_ms(const Call& call) const {
  return clock_.monotonic_ms() - std::max(call.begun_ms, last_reply_ms_);
}

// One look at the transport; a reply that came stands in its call.
Result<void> Syncer::Run::wait_a_little() {
  auto completion = state_.transport.wait(std::chrono::milliseconds(std::min(kLookMs, time_left_ms())));
  JULU_CHECK(renew_lease());
  if (!completion) return {};
  const auto at = calls_.find(completion->request);
  if (at == calls_.end()) return {};  // one that an earlier run gave up
  Call& call = at->second;
  call.took_ms = on_its_way_ms(call);
  last_reply_ms_ = clock_.monotonic_ms();
  call.response = std::move(completion->response);
  return {};
}

Syncer::Run::Exchange Syncer::Run::take_reply(std::uint64_t call) {
  const auto at = calls_.find(call);
  Exchange exchange;
  exchange.took_ms = at->second.took_ms;
  exchange.response = *std::move(at->second.response);
  if (exchange.response.status != 0) exchange.response.body_bytes_sent = at->second.body_bytes;
  calls_.erase(at);
  classify(exchange);
  return exchange;
}

Syncer::Run::Exchange Syncer::Run::give_up(std::uint64_t call) {
  Exchange exchange;
  exchange.took_ms = on_its_way_ms(calls_.at(call));
  state_.transport.cancel(call);
  calls_.erase(call);
  return exchange;
}

Result<Syncer::Run::Exchange> Syncer::Run::send(Request request) {
  if (must_end()) return Exchange{};
  const std::uint64_t id = begin(std::move(request));
  while (!calls_.at(id).response) {
    if (must_end()) return give_up(id);
    if (const auto waited = wait_a_little(); !waited) {
      give_up(id);
      return waited.error();
    }
  }
  return take_reply(id);
}

void Syncer::Run::classify(Exchange& exchange) {
  const Response& response = exchange.response;
  const int status = response.status;
  const auto set = [&](Answer answer, ErrorCode why) {
    exchange.answer = answer;
    exchange.why = why;
  };
  exchange.retry_after_ms = 0;
  // What is too large is the reply: nothing that a worker could make smaller.
  if (exchange.reply_too_large()) return set(Answer::link, ErrorCode::bad_reply);
  if (status == 0) return set(Answer::link, response.failure.value_or(ErrorCode::offline));
  if (status == kCaptivePortalStatus || (status < 400 && (status < 200 || status >= 300 || is_page(response)))) {
    return set(Answer::link, ErrorCode::captive_portal);
  }
  if (status < 300) return set(Answer::ok, ErrorCode::ok);
  exchange.problem = wire::decode_problem(response);
  exchange.retry_after_ms = wire::retry_after_ms(response, clock_.now_ms());
  if (status == 429 || status == 503) {
    return set(Answer::wait, status == 429 ? ErrorCode::limited : ErrorCode::server);
  }
  if (status >= 500) return set(Answer::server, ErrorCode::server);
  const bool of_the_way = status == 405 || status == 407 || status == 408;  // a proxy or a wrong address speaks
  if (of_the_way) return set(Answer::link, ErrorCode::bad_reply);
  set(Answer::refused, ErrorCode::bad_reply);
}

// With the token.
Result<Syncer::Run::Exchange> Syncer::Run::call(Request request) {
  Exchange exchange;
  if (!may_carry_token(request.url)) {
    exchange.answer = Answer::refused;
    exchange.why = ErrorCode::foreign_origin;
    return exchange;
  }
  for (;;) {
    JULU_TRY(const Step signed_in, sign_in());
    if (signed_in == Step::stop) {
      exchange.answer = Answer::stopped;
      return exchange;
    }
    Request signed_request = request;
    const std::string token = state_.token;
    signed_request.headers.emplace_back("Authorization", "Bearer " + token);
    JULU_TRY(exchange, send(std::move(signed_request)));
    if (exchange.answer == Answer::ok && is_platform(request.url)) token_renewed_ = false;  // it was good till now
    if (!wants_another_token(exchange, request.url, token)) return exchange;
  }
}

// True: to be sent once more. What ends a run whatever was asked is settled here.
bool Syncer::Run::wants_another_token(Exchange& exchange, const std::string& url, const std::string& token) {
  if (exchange.answer != Answer::refused) return false;
  const int status = exchange.response.status;
  if (status == 401 && token != state_.token) return true;  // another call has brought a new one meanwhile
  if (status == 401 && (!token_renewed_ || mutant(Mutant::refresh_loop))) {
    token_renewed_ = true;
    state_.token.clear();
    return true;
  }
  if (status == 401 && !is_platform(url)) {
    exchange.answer = Answer::wait;  // a server of photos that knows no token of ours says nothing of the worker
    exchange.why = ErrorCode::unauthorized;
    return false;
  }
  if (status == 401) {
    state_.token.clear();
    stop(SyncEnd::sign_in, Error{ErrorCode::unauthorized, {}, exchange.problem.type});
  } else if (status == 403 && exchange.problem.type == "device-refused") {
    stop(SyncEnd::device_refused, Error{ErrorCode::device_refused, {}, {}});
  } else if (status == 409 && exchange.problem.type == "device-forked" && !mutant(Mutant::fork_not_seen)) {
    forked_ = true;
    stop(SyncEnd::left, Error{ErrorCode::device_forked, {}, {}});
  } else if (status == 426) {
    stop(SyncEnd::app_too_old, Error{ErrorCode::app_too_old, {}, {}});
  }
  if (end_) exchange.answer = Answer::stopped;
  return false;
}

// The platform takes an assertion once, and what carries a request may send it a second time when its connection ended
// without a reply (libcurl does). So a refusal is believed of the second assertion only.
Result<Syncer::Run::Exchange> Syncer::Run::send_assertion(const std::function<Result<Request>()>& make) {
  JULU_TRY(Request first, make());
  JULU_TRY(Exchange exchange, send(std::move(first)));
  if (exchange.answer != Answer::refused || exchange.problem.type != "invalid-grant") return exchange;
  JULU_TRY(Request second, make());
  return send(std::move(second));
}

Result<Syncer::Run::Step> Syncer::Run::sign_in() {
  const std::int64_t now = clock_.monotonic_ms();
  const bool of_this_device = state_.token_device == identity_.device && state_.token_boot == clock_.boot_id();
  if (!state_.token.empty() && of_this_device && now < state_.token_until_ms) return Step::go;
  // The platform's time now: what ping said, and what has passed since.
  const std::int64_t platform_ms =
      mutant(Mutant::assertion_by_phone_clock) ? clock_.now_ms() : ping_.facts.time_ms + (now - pinged_at_ms_);
  JULU_TRY(const Exchange exchange, send_assertion([&]() -> Result<Request> {
             JULU_TRY(const std::string assertion,
                      make_assertion(identity_.device, identity_.platform, platform_ms, random_,
                                     [this](std::string_view text) { return outbox_.sign(text); }));
             Request request;
             request.method = "POST";
             request.url = address("/v1/token");
             request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
             request.body = wire::encode_token_request(assertion);
             return request;
           }));
  switch (exchange.answer) {
    case Answer::ok: break;
    case Answer::refused: {
      const std::string& type = exchange.problem.type;
      // Only the platform says that the worker has to sign in anew.
      if (type.empty() && exchange.response.status != 401) return defer_all_due(exchange);
      if (type == "clock-skew") return stop(SyncEnd::left, Error{ErrorCode::clock_skew, {}, {}});
      if (type == "device-refused") return stop(SyncEnd::device_refused, Error{ErrorCode::device_refused, {}, {}});
      if (exchange.response.status == 426) return stop(SyncEnd::app_too_old, Error{ErrorCode::app_too_old, {}, {}});
      if (type == "invalid-grant" && !unknown_) {
        JULU_TRY(const std::string first, outbox_.first_device());
        forked_ = unknown_ = !first.empty();
      }
      return stop(SyncEnd::sign_in, Error{ErrorCode::unauthorized, {}, type});
    }
    case Answer::stopped: return Step::stop;
    case Answer::link:
    case Answer::wait:
    case Answer::server: return defer_all_due(exchange);
  }
  const auto token = wire::decode_token(exchange.response.body);
  if (!token) return stop(SyncEnd::left, token.error());
  state_.token = token->text;
  state_.token_device = identity_.device;
  state_.token_boot = clock_.boot_id();
  const std::int64_t lives_ms = std::min<std::int64_t>(token->expires_in_s, 24 * 3600) * 1000;
  state_.token_until_ms = now + std::max(lives_ms / 2, lives_ms - kTokenMarginMs);
  return Step::go;
}

}  // namespace julu
