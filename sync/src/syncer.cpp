// The order of a run, and what it says of itself at the end. Thread rule: as run.h.
#include <julu/syncer.h>

#include <algorithm>

#include <julu/limits.h>
#include <julu/log.h>
#include <julu/mutant.h>

#include "assertion.h"
#include "run.h"
#include "url.h"

namespace julu {
namespace {

constexpr int kRoundsMax = 8;  // pulls that make ops due again and again are left for the next run
constexpr std::int64_t kProgressEveryMs = 100;
constexpr std::int64_t kCountEveryMs = 1000;  // a long queue takes milliseconds to count

}  // namespace

Syncer::Syncer(Store& store, Transport& transport) : state_(std::make_unique<State>(store, transport)) {}
Syncer::~Syncer() = default;

Result<SyncOutcome> Syncer::run(const SyncOptions& options) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->running) return Error{ErrorCode::sync_in_progress, {}, {}};
    state_->running = true;
    state_->cancelled = false;
  }
  // A progress function of the host's may throw.
  struct Ended {
    State& state;
    ~Ended() {
      const std::lock_guard lock(state.mutex);
      state.running = false;
    }
  } const ended{*state_};
  return Run(*state_, options).go();
}

void Syncer::cancel() {
  const std::lock_guard lock(state_->mutex);
  if (!state_->running) return;  // nothing to end, and the next run is not meant
  state_->cancelled = true;
  state_->transport.wake();
}

Result<void> Syncer::hint() {
  state_->hinted = true;
  return Outbox(state_->store).due_now();
}

Syncer::Run::Run(State& state, const SyncOptions& options)
    : state_(state),
      options_(options),
      clock_(state.store.clock()),
      random_(state.store.random()),
      outbox_(state.store),
      inbox_(state.store) {}

Result<SyncOutcome> Syncer::Run::go() {
  const std::int64_t started_ms = clock_.monotonic_ms();
  deadline_ms_ = started_ms + std::clamp<std::int64_t>(options_.at_most.count(), 0, limits::call_ms_max);
  pulled_at_ms_ = started_ms;
  if (state_.hinted.exchange(false)) {
    // Another network: what was learned of the old one is void.
    state_.failures = 0;
    state_.link = {};
    state_.is_link_noted = false;  // the hint may be on its way to what is
    state_.bytes_per_ms = 0;
    state_.chunk_bytes_max = limits::chunk_bytes_max;
    state_.piece_bytes_max = State::kPieceBytesMax;
    state_.thumbnails_from_ms = 0;
  }
  JULU_CHECK(outbox_.acquire_lease());
  lease_until_ms_ = started_ms + limits::lease_ms / 3;
  {
    struct Released {
      Outbox& outbox;
      ~Released() {
        try {
          outbox.release_lease();
        } catch (...) {
          // Without memory; it ends by itself.
        }
      }
    } const released{outbox_};
    JULU_CHECK(carry());
    if (forked_) JULU_CHECK(carry_as_another());
  }
  JULU_CHECK(keep_up());
  return outcome();
}

// A host may never find an idle moment. What was exchanged stands; a full disk is told by the call that needs room.
Result<void> Syncer::Run::keep_up() {
  if (end_ == SyncEnd::cancelled || end_ == SyncEnd::deadline) return {};
  const auto kept = state_.store.maintain(std::chrono::milliseconds(limits::upkeep_ms));
  return kept || kept.error().code != ErrorCode::store_corrupt ? Result<void>() : kept;
}

Result<void> Syncer::Run::carry() {
  if (state_.is_link_noted) {
    JULU_TRY(state_.link, outbox_.link());
  }
  JULU_TRY(identity_, outbox_.identity());
  JULU_TRY(const QueueCounts counts, outbox_.counts());
  progress_.ops_total = counts.ops;
  progress_.photos_total = progress_.thumbnails_total = counts.photos;
  progress_.bytes_total = counts.photo_bytes;
  counted_ms_ = clock_.monotonic_ms();
  JULU_CHECK(report_progress(false));  // a host hears at once that the run can be cancelled
  JULU_TRY(Step step, ping());
  if (step == Step::stop) return {};
  JULU_TRY(const bool forked, outbox_.is_forked());
  if (forked) {
    JULU_TRY(step, enrol_anew());
    if (step == Step::stop) return {};
  }
  // Without a key no receipt can be believed, and everything would go twice; the rest of the county can wait.
  JULU_TRY(step, pull_pages(true));
  if (step == Step::stop) return {};
  for (int round = 0; round < kRoundsMax; ++round) {
    for (const auto part : {&Run::reconcile, &Run::push_due, &Run::send_photos, &Run::push_due, &Run::pull}) {
      JULU_TRY(step, (this->*part)());
      if (step == Step::stop) return {};
    }
    JULU_TRY(const auto ops, outbox_.next_ops(1, 1));
    JULU_TRY(const auto photos, outbox_.next_photos(1));
    if (ops.empty() && (photos.empty() || photos_wait())) break;
  }
  exchanged_ = true;
  JULU_TRY(step, fetch_wanted());
  return {};
}

// A refusal as forked ended the first go. Once the device has a new id all of it starts over, once a run.
Result<void> Syncer::Run::carry_as_another() {
  end_.reset();
  failure_.reset();
  JULU_TRY(const Step renewed, enrol_anew());
  if (renewed == Step::stop) return {};
  return carry();
}

Result<Syncer::Run::Step> Syncer::Run::ping() {
  const std::string nonce = random_name(random_);
  Request request;
  request.method = "GET";
  request.url = address("/v1/ping?n=" + nonce);
  request.headers = {{"Accept", "application/json"}, {"Cache-Control", "no-store"}};
  request.reply_bytes_max = limits::small_reply_bytes_max;
  JULU_TRY(Exchange exchange, send(std::move(request)));
  if (exchange.answer == Answer::stopped) return Step::stop;
  if (exchange.answer == Answer::refused && exchange.response.status == 426) {
    return stop(SyncEnd::app_too_old, Error{ErrorCode::app_too_old, {}, {}});
  }
  if (exchange.answer == Answer::ok) {
    auto ping = wire::decode_ping(exchange.response.body, nonce);
    if (ping) {
      ping_ = std::move(*ping);
    } else {
      exchange.answer = Answer::link;
      exchange.why = ping.error().code;
    }
  } else if (exchange.answer == Answer::refused || exchange.reply_too_large()) {
    // Whoever answers here so is not the platform.
    exchange.answer = Answer::link;
    exchange.why = ErrorCode::captive_portal;
  }
  if (exchange.answer != Answer::ok) return defer_all_due(exchange);

  JULU_TRY(const Step step, check_epoch(ping_.facts.epoch));
  if (step == Step::stop) return step;
  // Half of the round trip had passed when the platform read its clock, about; an assertion is dated by what it read,
  // never ahead of it.
  auto facts = ping_.facts;
  facts.time_ms += exchange.took_ms / 2;
  JULU_CHECK(outbox_.note_ping(facts));
  pinged_at_ms_ = clock_.monotonic_ms();
  const auto photos = resolve(identity_.platform + "/", ping_.photos);
  photos_url_ = photos.value_or("");
  constexpr std::int64_t kQuickMs = 300;  // a round trip, name look-up and handshake included
  const bool quick = exchange.took_ms <= kQuickMs;
  LinkFacts& link = state_.link;
  if (link.window_bytes == 0) link.window_bytes = quick ? limits::batch_bytes_max : limits::chunk_bytes_min;
  if (link.piece_bytes == 0) link.piece_bytes = limits::chunk_bytes_min;
  if (link.pull_rows == 0) link.pull_rows = quick ? limits::pull_rows : limits::pull_rows_slow;
  return Step::go;
}

// Of a platform that was restored, the copy from before may still answer. What it says is no longer so.
Result<Syncer::Run::Step> Syncer::Run::check_epoch(std::int64_t told) {
  JULU_TRY(const std::int64_t newest, outbox_.newest_epoch());
  if (told >= newest || mutant(Mutant::old_receipt_believed)) return Step::go;
  return stop(SyncEnd::left, Error{ErrorCode::bad_reply, "/epoch", {}});
}

// Nobody answered: what would have gone now waits its turn, so that a host that asks "when again?" gets an answer.
Result<Syncer::Run::Step> Syncer::Run::defer_all_due(const Exchange& exchange) {
  JULU_CHECK(outbox_.defer_all(exchange.why, exchange.retry_after_ms));
  if (exchange.retry_after_ms > 0) outcome_.next_attempt_ms = clock_.now_ms() + exchange.retry_after_ms;
  return stop_for(exchange);
}

Result<SyncOutcome> Syncer::Run::outcome() {
  JULU_TRY(const QueueCounts counts, outbox_.counts());
  outcome_.ops_left = counts.ops;
  outcome_.ops_parked = counts.parked;
  outcome_.photos_left = counts.photos;
  const bool nothing_left = counts.ops == 0 && counts.photos == 0 && !counts.confirming;
  outcome_.end = end_.value_or(SyncEnd::left);
  const bool may_be_done = outcome_.end == SyncEnd::left || outcome_.end == SyncEnd::deadline;
  if (nothing_left && may_be_done && exchanged_) {
    // What went wrong on the way came right, or was only a photo of somebody else's.
    outcome_.end = SyncEnd::all_delivered;
    failure_.reset();
  }
  outcome_.failure = failure_;
  const bool ended_by_failure = outcome_.end == SyncEnd::left && failure_.has_value();
  // A host may make a Syncer for each run. A store that cannot be written to is no reason to say less.
  const auto noted = outbox_.note_run(ended_by_failure, state_.hinted ? LinkFacts() : state_.link);
  state_.is_link_noted = noted.ok();
  state_.failures = noted ? *noted : ended_by_failure ? state_.failures + 1 : 0;

  std::optional<std::int64_t> next = counts.next_attempt_ms;
  if (ended_by_failure) {
    // Photos that never had their turn are still due; the host should wait as the failed request has to.
    const int doublings = static_cast<int>(std::min<std::int64_t>(state_.failures - 1, 16));
    const std::int64_t most = std::min(limits::backoff_cap_ms, limits::backoff_base_ms << doublings);
    const auto wait = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(most)));
    const std::int64_t earliest = std::max(outcome_.next_attempt_ms.value_or(0), clock_.now_ms() + wait);
    next = std::max(next.value_or(0), earliest);
  }
  const bool for_a_person = outcome_.end == SyncEnd::sign_in || outcome_.end == SyncEnd::device_refused ||
                            outcome_.end == SyncEnd::app_too_old;
  if (for_a_person) next = std::max(next.value_or(0), clock_.now_ms() + limits::refused_wait_ms);
  outcome_.next_attempt_ms = nothing_left && !ended_by_failure ? std::nullopt : next;
  JULU_CHECK(report_progress(true));
  tell();
  return outcome_;
}

void Syncer::Run::tell() const {
  const auto count = [](std::int64_t n) { return std::to_string(n); };
  const std::string_view why = failure_ ? name(failure_->code) : "nothing";
  log(failure_ ? LogLevel::warning : LogLevel::info,
      "sync ended: " + count(outcome_.ops_delivered) + " ops and " + count(outcome_.photos_sent) + " photos went, " +
          count(outcome_.ops_left) + " and " + count(outcome_.photos_left) + " left, " + count(outcome_.ops_parked) +
          " parked, " + count(outcome_.requests) + " requests, stopped by " + std::string(why));
}

Result<void> Syncer::Run::report_progress(bool always) {
  if (!options_.progress) return {};
  const std::int64_t now = clock_.monotonic_ms();
  if (!always && reported_ && now - reported_ms_ < kProgressEveryMs) return {};
  reported_ = true;
  reported_ms_ = now;
  progress_.ops_done = outcome_.ops_delivered;
  progress_.photos_done = outcome_.photos_sent;
  progress_.ops_total = std::max(progress_.ops_total, progress_.ops_done);
  progress_.photos_total = std::max(progress_.photos_total, progress_.photos_done);
  if (always || now - counted_ms_ >= kCountEveryMs) {
    // What was captured meanwhile joins the totals.
    JULU_TRY(const QueueCounts counts, outbox_.counts());
    counted_ms_ = now;
    progress_.ops_total = std::max(progress_.ops_total, progress_.ops_done + counts.ops);
    progress_.photos_total = std::max(progress_.photos_total, progress_.photos_done + counts.photos);
  }
  options_.progress(progress_);
  return {};
}

}  // namespace julu
