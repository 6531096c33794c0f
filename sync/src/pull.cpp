// The platform's changes on their way in.
#include <algorithm>

#include <julu/limits.h>
#include <julu/log.h>
#include <julu/mutant.h>

#include "run.h"
#include "url.h"

namespace julu {
namespace {

constexpr int kFullPullsMax = 3;  // a run; a platform that never accepts its own cursors must not hold the phone

constexpr std::int64_t kQuickPageMs = 2'000;  // the next may be four times as long
constexpr std::size_t kRowsMin = 10;          // less is all headers

}  // namespace

Result<Syncer::Run::Step> Syncer::Run::pull() {
  JULU_TRY(const Step step, pull_pages(false));
  if (step == Step::go) pulled_at_ms_ = clock_.monotonic_ms();
  return step;
}

Result<Syncer::Run::Step> Syncer::Run::pull_pages(bool only_keys) {
  for (bool more = true; more;) {
    if (only_keys) {
      JULU_TRY(const bool has_keys, inbox_.has_receipt_keys());
      if (has_keys) return Step::go;
    }
    if (must_end()) return Step::stop;
    JULU_TRY(Step step, pull_page(more));
    if (step == Step::stop) return step;
    if (!only_keys && more) {
      JULU_TRY(step, push_between());
      if (step == Step::stop) return step;
    }
  }
  return Step::go;
}

Result<Syncer::Run::Step> Syncer::Run::begin_full_pull(bool told_by_inbox) {
  if (++full_pulls_ > kFullPullsMax) return stop(SyncEnd::left, Error{ErrorCode::bad_reply, "/cursor", {}});
  if (!told_by_inbox && !mutant(Mutant::cursor_kept_after_410)) JULU_CHECK(inbox_.restart());
  return Step::go;
}

Result<Syncer::Run::Step> Syncer::Run::pull_page(bool& more) {
  JULU_TRY(const std::string cursor, inbox_.cursor());
  Request request;
  request.method = "GET";
  request.url = address("/v1/pull?limit=" + std::to_string(state_.pull_rows));
  if (!cursor.empty()) request.url += "&cursor=" + percent_encoded(cursor);
  request.headers = {{"Accept", "application/json"}};
  JULU_TRY(const Exchange exchange, call(std::move(request)));
  if (exchange.answer != Answer::ok) {
    if (exchange.answer == Answer::refused && exchange.response.status == 410) return begin_full_pull(false);
    const bool smaller = state_.pull_rows > 1;
    // A page that broke, or did not fit the run, is asked for in smaller pieces: by this run or the next.
    const bool broke = exchange.answer == Answer::link || exchange.answer == Answer::stopped;
    if (broke && state_.pull_rows > kRowsMin) state_.pull_rows = std::max(kRowsMin, state_.pull_rows / 4);
    if (exchange.reply_too_large()) state_.pull_rows = std::max<std::size_t>(1, state_.pull_rows / 4);
    if (exchange.reply_too_large() && smaller) return Step::go;
    if (exchange.retry_after_ms > 0) outcome_.next_attempt_ms = clock_.now_ms() + exchange.retry_after_ms;
    return stop_for(exchange);
  }
  if (exchange.took_ms < kQuickPageMs) state_.pull_rows = std::min(limits::pull_rows, state_.pull_rows * 4);
  const auto page = wire::decode_pull(exchange.response.body);
  if (!page) return stop(SyncEnd::left, page.error());
  JULU_TRY(const Step step, check_epoch(page->epoch));
  if (step == Step::stop) return step;
  // More of the same place would be asked for ever.
  if (page->more && page->next == cursor) return stop(SyncEnd::left, Error{ErrorCode::bad_reply, "/next", {}});
  const auto applied = inbox_.apply(*page);
  if (!applied) {
    // What the county has to tell can wait; the upkeep that comes now may make room.
    if (applied.error().code == ErrorCode::disk_full) return stop(SyncEnd::left, applied.error());
    return applied.error();
  }
  outcome_.records_changed += applied->changed;
  for (const std::string& refused : applied->refused) log(LogLevel::warning, "not usable here: " + refused);
  if (applied->restart) return begin_full_pull(true);
  more = page->more;
  return Step::go;
}

}  // namespace julu
