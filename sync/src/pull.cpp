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
constexpr std::int64_t kSlowPageMs = 5'000;   // in less, twice as long: ten seconds are not much to lose

}  // namespace

// The run ends, unless it has something else to carry.
Syncer::Run::Step Syncer::Run::no_news(Error why) {
  news_failed_ = true;
  return stop(SyncEnd::left, std::move(why));
}

Result<Syncer::Run::Step> Syncer::Run::pull() {
  news_failed_ = false;
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
  if (++full_pulls_ > kFullPullsMax) return no_news(Error{ErrorCode::bad_reply, "/cursor", {}});
  if (!told_by_inbox && !mutant(Mutant::cursor_kept_after_410)) JULU_CHECK(inbox_.restart());
  return Step::go;
}

Result<Syncer::Run::Step> Syncer::Run::pull_page(bool& more) {
  JULU_TRY(const std::string cursor, inbox_.cursor());
  Request request;
  request.method = "GET";
  request.url = address("/v1/pull?limit=" + std::to_string(state_.link.pull_rows));
  if (!cursor.empty()) request.url += "&cursor=" + percent_encoded(cursor);
  request.headers = {{"Accept", "application/json"}};
  JULU_TRY(const Exchange exchange, call(std::move(request)));
  if (exchange.answer != Answer::ok) {
    const bool gone = exchange.answer == Answer::refused && exchange.response.status == 410;
    if (gone && !is_page(exchange.response)) return begin_full_pull(false);
    const bool smaller = state_.link.pull_rows > 1;
    // A page that broke, or did not fit the run, is asked for in smaller pieces: by this run or the next.
    if (exchange.was_too_long()) state_.link.pull_rows = std::max<std::size_t>(1, state_.link.pull_rows / 4);
    if (exchange.reply_too_large() && smaller) return Step::go;
    if (exchange.retry_after_ms > 0) outcome_.next_attempt_ms = clock_.now_ms() + exchange.retry_after_ms;
    news_failed_ = exchange.answer != Answer::stopped && exchange.answer != Answer::wait;
    return stop_for(exchange);
  }
  const std::size_t times = exchange.took_ms < kQuickPageMs ? 4 : exchange.took_ms < kSlowPageMs ? 2 : 1;
  state_.link.pull_rows = std::min(limits::pull_rows, state_.link.pull_rows * times);
  const auto page = wire::decode_pull(exchange.response.body);
  if (!page) return no_news(page.error());
  JULU_TRY(const Step step, check_epoch(page->epoch));
  if (step == Step::stop) return step;
  // More of the same place would be asked for ever.
  if (page->more && page->next == cursor) return no_news(Error{ErrorCode::bad_reply, "/next", {}});
  const auto applied = inbox_.apply(*page);
  if (!applied) {
    // What the county has to tell can wait; the upkeep that comes now may make room.
    if (applied.error().code == ErrorCode::disk_full) return no_news(applied.error());
    return applied.error();
  }
  outcome_.records_changed += applied->changed;
  for (const std::string& refused : applied->refused) log(LogLevel::warning, "not usable here: " + refused);
  if (applied->restart) return begin_full_pull(true);
  more = page->more;
  return Step::go;
}

}  // namespace julu
