// What a run does when something has gone back in time: the platform to a backup, or this device to a copy of itself.
#include <julu/limits.h>

#include "assertion.h"
#include "run.h"

namespace julu {

// Asks what the platform still holds; what is missing goes again with the next push.
Result<Syncer::Run::Step> Syncer::Run::reconcile() {
  JULU_TRY(const bool needed, outbox_.needs_reconcile());
  if (!needed) return Step::go;
  JULU_TRY(Reckoning reckoning, outbox_.reckoning());
  std::optional<Signature> signature;
  if (reckoning.head) {
    JULU_TRY(signature, outbox_.sign(wire::head_text(identity_.device, *reckoning.head)));
  }
  const auto ask = [&] {
    return call(posted("/v1/reconcile", wire::encode_reconcile(identity_.device, reckoning, signature)));
  };
  JULU_TRY(Exchange exchange, ask());
  if (exchange.response.status == 415 && state_.gzip) {
    state_.gzip = false;
    JULU_TRY(exchange, ask());
  }
  if (exchange.response.status == 413 && reckoning.head) {
    // The chain of a long life is too long to be told; what is missing shows without it.
    reckoning.head.reset();
    signature.reset();
    JULU_TRY(exchange, ask());
  }
  if (exchange.answer == Answer::stopped) return Step::stop;
  failure_ = Error{exchange.why, {}, exchange.problem.type};
  if (exchange.answer == Answer::ok) {
    const auto differ = wire::decode_reconcile(exchange.response.body);
    if (differ) {
      JULU_TRY(const Step step, check_epoch(differ->epoch));
      if (step == Step::stop) return step;
      failure_.reset();
      JULU_CHECK(outbox_.reconcile(differ->days));
      return Step::go;
    }
    failure_ = differ.error();
  }
  // What was never sent does not wait for what may have to go again.
  JULU_CHECK(outbox_.reconcile_later(exchange.retry_after_ms));
  return exchange.answer == Answer::link ? stop_for(exchange) : Step::go;
}

// The same worker under a new device id, without a code: vouched for by the old key, or, when a restore has made that
// unknown, by the one that the code was used for.
Result<Syncer::Run::Step> Syncer::Run::enrol_anew() {
  JULU_TRY(const PublicKey key, outbox_.new_device_key());
  const std::int64_t platform_ms = ping_.facts.time_ms + (clock_.monotonic_ms() - pinged_at_ms_);
  JULU_TRY(const std::string first, outbox_.first_device());
  const bool voucher_is_not_first = !first.empty();
  const std::string voucher = unknown_ ? first : identity_.device;
  const Signer sign = [this](std::string_view text) {
    return unknown_ ? outbox_.sign_as_first_device(text) : outbox_.sign(text);
  };
  JULU_TRY(const Exchange exchange, send_assertion([&]() -> Result<Request> {
             JULU_TRY(const std::string assertion,
                      make_assertion(voucher, identity_.platform, platform_ms, random_, sign, key));
             JULU_TRY(const Signature proof,
                      outbox_.sign_with_new_key(wire::fork_proof_text(identity_.platform, assertion, key)));
             Request request;
             request.method = "POST";
             request.url = address("/v1/devices");
             request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
             request.body = wire::encode_fork(assertion, key, proof);
             return request;
           }));
  switch (exchange.answer) {
    case Answer::ok: break;
    case Answer::stopped: return Step::stop;
    case Answer::refused:
      if (exchange.response.status == 426) return stop(SyncEnd::app_too_old, Error{ErrorCode::app_too_old, {}, {}});
      if (exchange.problem.type == "device-refused")
        return stop(SyncEnd::device_refused, Error{ErrorCode::device_refused, {}, {}});
      if (exchange.problem.type == "invalid-grant" && !unknown_ && voucher_is_not_first) {
        unknown_ = true;
        return enrol_anew();
      }
      // Nobody is left to vouch: it takes a new code.
      if (exchange.problem.type == "invalid-grant")
        return stop(SyncEnd::sign_in, Error{ErrorCode::unauthorized, {}, exchange.problem.type});
      return stop(SyncEnd::left, Error{ErrorCode::device_forked, {}, exchange.problem.type});
    case Answer::link:
    case Answer::wait:
    case Answer::server: return defer_all_due(exchange);
  }
  const auto identity = wire::decode_enrolment(exchange.response.body, identity_.platform);
  if (!identity) return stop(SyncEnd::left, identity.error());
  const auto became = outbox_.become(*identity);
  if (!became && became.error().code == ErrorCode::bad_reply) return stop(SyncEnd::left, became.error());
  if (!became) return became.error();
  JULU_TRY(identity_, outbox_.identity());
  state_.token.clear();
  return Step::go;
}

}  // namespace julu
