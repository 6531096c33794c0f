// Operations on their way out: batches, and what to do when a whole batch gets no usable answer.
#include <algorithm>

#include <julu/limits.h>
#include <julu/mutant.h>

#include "run.h"

namespace julu {
namespace {

constexpr std::size_t kGzipFrom = 512;        // below, the coding saves less than a packet
constexpr std::size_t kWindowMin = 4 * 1024;  // some ops; a lone op goes whatever its size
constexpr std::int64_t kSlowPushMs = 10'000;  // a longer push is more than a dying link should lose
constexpr std::int64_t kQuickPushMs = 2'000;
// One bad op among limits::batch_ops_max is found by nine halvings, each with a half that succeeds. So many failures
// without a success mean some bad ones in a row, or that it is not the ops: one drawn from the others tells.
constexpr int kFailuresInARowMax = 12;

std::size_t bytes_of(const std::vector<OutgoingOp>& ops) {
  std::size_t bytes = 0;
  for (const OutgoingOp& op : ops) bytes += op.canonical.size();
  return bytes;
}

}  // namespace

std::size_t Syncer::Run::window() const { return std::min(state_.link.window_bytes, ping_.bytes_max); }

void Syncer::Run::grow_window(std::int64_t took_ms) {
  if (took_ms > kSlowPushMs) shrink_window(state_.link.window_bytes);
  if (took_ms < kQuickPushMs)
    state_.link.window_bytes = std::min(state_.link.window_bytes * 4, limits::batch_bytes_max);
}

void Syncer::Run::shrink_window(std::size_t bytes) {
  state_.link.window_bytes = std::max(kWindowMin, std::min(state_.link.window_bytes, bytes) / 2);
}

Result<Syncer::Run::Step> Syncer::Run::push_due() {
  struct Pushing {
    bool& flag;
    ~Pushing() { flag = false; }
  } const pushing{pushing_ = true};
  std::optional<Id> last_first;
  std::size_t last_size = 0;
  for (;;) {
    if (must_end()) return Step::stop;
    if (push_failed_) return Step::go;
    JULU_TRY(auto ops, outbox_.next_ops(ping_.ops_max, window()));
    if (ops.empty()) return Step::go;
    if (window() < ping_.bytes_max) {
      // On a slow link an emergency does not wait for what would share its batch.
      const int urgency = ops.front().urgency;
      const auto other = std::find_if(ops.begin(), ops.end(), [&](const auto& op) { return op.urgency != urgency; });
      ops.erase(other, ops.end());
    }
    // The same ops due again at once: something answers "later" without a delay. The next round or run asks again.
    if (last_first == ops.front().op_id && last_size == ops.size()) return Step::go;
    last_first = ops.front().op_id;
    last_size = ops.size();
    const bool again = state_.failed_batch == ops.front().op_id;
    JULU_TRY(const Step step, push_batch({std::move(ops), again}));
    if (step == Step::stop) return step;
  }
}

Result<Syncer::Run::Exchange> Syncer::Run::post_ops(const std::vector<OutgoingOp>& ops) {
  JULU_TRY(std::string body, wire::encode_push(identity_.device, ops));
  ++outcome_.push_requests;
  return call(posted("/v1/push", std::move(body)));
}

Request Syncer::Run::posted(const char* path, std::string body) const {
  Request request;
  request.method = "POST";
  request.url = address(path);
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  if (state_.gzip && body.size() >= kGzipFrom) {
    if (std::string coded = wire::gzip(body); !coded.empty()) {
      body = std::move(coded);
      request.headers.emplace_back("Content-Encoding", "gzip");
    }
  }
  request.body = std::move(body);
  return request;
}

Result<Syncer::Run::Step> Syncer::Run::put_off(const std::vector<OutgoingOp>& ops, ErrorCode why,
                                               std::int64_t retry_after_ms) {
  JULU_CHECK(outbox_.defer(ops, why, retry_after_ms));
  return Step::go;
}

Result<Syncer::Run::Step> Syncer::Run::push_batch(Batch batch) {
  std::erase_if(batch.ops, [this](const OutgoingOp& op) { return drawn_.contains(op.op_id); });
  if (batch.ops.empty()) return Step::go;
  JULU_TRY(const Exchange exchange, post_ops(batch.ops));
  // One that by itself is too long for the link, or for the host's runs, is not to be the first of every run.
  const bool unheard = exchange.was_too_long() && exchange.response.status == 0 && !exchange.reply_too_large();
  const bool is_long = batch.ops.size() == 1 && bytes_of(batch.ops) > kWindowMin;
  if (unheard && is_long && exchange.took_ms >= kSlowPushMs) JULU_CHECK(put_off(batch.ops, ErrorCode::offline, 0));
  switch (exchange.answer) {
    case Answer::ok: return settle(std::move(batch), exchange);
    case Answer::stopped:
      if (exchange.was_too_long()) shrink_window(bytes_of(batch.ops));
      return Step::stop;
    case Answer::refused: return push_refused(std::move(batch), exchange);
    case Answer::server: return push_failed(std::move(batch), exchange);
    case Answer::link:
      if (exchange.reply_too_large()) {  // what is too long is said of some op of them, and the link is alive
        Exchange failed = exchange;
        failed.answer = Answer::server;
        return split(std::move(batch), failed);
      }
      // Perhaps the link is dead, perhaps the batch is too long for it: a smaller one is tried next.
      shrink_window(bytes_of(batch.ops));
      state_.failed_batch = batch.ops.front().op_id;
      break;
    case Answer::wait: break;
  }
  return defer_all_due(exchange);  // photos too, or they would go first next time
}

// Once may be chance; twice is the batch.
Result<Syncer::Run::Step> Syncer::Run::push_failed(Batch batch, const Exchange& exchange) {
  if (batch.again || batch.ops.size() == 1) return split(std::move(batch), exchange);
  state_.failed_batch = batch.ops.front().op_id;
  batch.again = true;
  return push_batch(std::move(batch));
}

Result<Syncer::Run::Step> Syncer::Run::push_refused(Batch batch, const Exchange& exchange) {
  switch (exchange.response.status) {
    case 413: {
      shrink_window(bytes_of(batch.ops));
      // What is too large for a gateway that bounds bodies so is no fault of an op's.
      Exchange failed = exchange;
      const bool small = bytes_of(batch.ops) <= static_cast<std::size_t>(limits::piece_bytes_min);
      if (exchange.problem.type.empty() && small) failed.answer = Answer::server;
      return split(std::move(batch), failed);
    }
    case 415:
      if (state_.gzip) {
        state_.gzip = false;
        return push_batch(std::move(batch));
      }
      break;
    case 400:
    case 403:
    case 409:
    case 422: {
      // Without a word of the platform's nobody has judged the ops: somebody before it speaks, and parks none. One that
      // is never let pass is found all the same.
      Exchange failed = exchange;
      if (exchange.problem.type.empty()) failed.answer = Answer::server;
      return split(std::move(batch), failed);
    }
    default: break;
  }
  // Not about these ops: the address or something on the way is wrong, and waiting is all that can be done.
  JULU_CHECK(put_off(batch.ops, exchange.why, exchange.retry_after_ms));
  return stop_for(exchange);
}

Result<Syncer::Run::Step> Syncer::Run::split(Batch batch, const Exchange& exchange) {
  if (++failures_in_a_row_ == kFailuresInARowMax) {
    JULU_TRY(const Step step, push_drawn(batch.ops.front().op_id));
    if (step == Step::stop) return step;
  }
  if (failures_in_a_row_ >= kFailuresInARowMax) {
    push_failed_ = true;
    failure_ = Error{exchange.why, {}, exchange.problem.type};
    return put_off(batch.ops, exchange.why, exchange.retry_after_ms);
  }
  if (batch.ops.size() <= (mutant(Mutant::halving_stops_at_two) ? 2 : 1)) {
    failure_ = Error{exchange.why, {}, exchange.problem.type};
    if (exchange.answer != Answer::refused) return put_off(batch.ops, exchange.why, exchange.retry_after_ms);
    Problem problem = exchange.problem;
    if (problem.type.empty()) problem.type = "too-large";
    JULU_CHECK(outbox_.park(batch.ops.front(), problem));
    return Step::go;
  }
  const auto middle = batch.ops.begin() + static_cast<std::ptrdiff_t>(batch.ops.size() / 2);
  Batch first{{std::make_move_iterator(batch.ops.begin()), std::make_move_iterator(middle)}, true};
  Batch second{{std::make_move_iterator(middle), std::make_move_iterator(batch.ops.end())}, true};
  JULU_TRY(const Step step, push_batch(std::move(first)));
  if (step == Step::stop) return step;
  if (push_failed_) return put_off(second.ops, exchange.why, exchange.retry_after_ms);
  return push_batch(std::move(second));
}

// Where it goes through, it is the ops: the halving goes on, without it.
Result<Syncer::Run::Step> Syncer::Run::push_drawn(const Id& failed) {
  JULU_TRY(auto due, outbox_.next_ops(ping_.ops_max, window()));
  std::erase_if(due, [&](const OutgoingOp& op) { return op.op_id == failed; });
  if (due.empty()) return Step::go;
  Batch alone;
  alone.ops.push_back(std::move(due[random_.below(due.size())]));
  const Id drawn = alone.ops.front().op_id;
  JULU_TRY(const Step step, push_batch(std::move(alone)));
  if (failures_in_a_row_ == 0) drawn_.insert(drawn);
  return step;
}

Result<Syncer::Run::Step> Syncer::Run::settle(Batch batch, const Exchange& exchange) {
  // A failed batch, not a refused one: nobody said anything about the ops.
  const auto failed = [&](ErrorCode why) {
    Exchange made = exchange;
    made.answer = Answer::server;
    made.why = why;
    return made;
  };
  const auto reply = wire::decode_push(exchange.response.body, batch.ops);
  if (!reply) return push_failed(std::move(batch), failed(reply.error().code));
  JULU_TRY(const Step step, check_epoch(reply->epoch));
  if (step == Step::stop) {
    JULU_CHECK(put_off(batch.ops, ErrorCode::bad_reply, 0));
    return step;
  }
  const auto settled = outbox_.settle(batch.ops, reply->results, reply->receipt, reply->holds, reply->epoch);
  // A key that is not known here, or of which the county may have said more since.
  const bool of_its_key = settled ? settled->receipt_key_unknown : settled.error().field == "/receipt/key_id";
  if (of_its_key && !key_pulled_) {
    key_pulled_ = true;
    JULU_TRY(const Step pulled, pull());
    if (pulled == Step::stop) return pulled;
    return push_batch(std::move(batch));
  }
  if (!settled && settled.error().code == ErrorCode::receipt_invalid) {
    return split(std::move(batch), failed(ErrorCode::receipt_invalid));
  }
  if (!settled) return settled.error();
  if (settled->receipt_key_unknown) {
    JULU_CHECK(put_off(batch.ops, ErrorCode::receipt_invalid, 0));
    return stop(SyncEnd::left, Error{ErrorCode::receipt_invalid, "/receipt/key_id", {}});
  }
  failures_in_a_row_ = 0;
  state_.failed_batch.reset();
  grow_window(exchange.took_ms);
  outcome_.ops_delivered += settled->receipted;
  JULU_CHECK(report_progress(false));
  return Step::go;
}

}  // namespace julu
