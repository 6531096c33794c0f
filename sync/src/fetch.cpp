// Photos of others, piece by piece: what came before a link broke is kept, and the next request goes on behind it.
#include <algorithm>
#include <charconv>

#include <julu/limits.h>

#include "run.h"

namespace julu {
namespace {

constexpr int kFetchFailuresMax = 3;  // in a row: then it is not the photos

// Says nothing of the other photos. A page is a gateway's.
bool is_withheld(const Response& response) {
  return (response.status == 403 || response.status == 404 || response.status == 410) && !is_page(response);
}

struct ContentRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t whole = 0;  // 0: not said
};

// RFC 9110 §14.4: "bytes 0-499/1234", or "*" for what the server does not know.
std::optional<ContentRange> content_range(std::string_view text) {
  const auto number = [&](char end) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto [at, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || value < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(at - text.data()));
    if (end == 0) return text.empty() ? std::optional(value) : std::nullopt;
    if (!text.starts_with(end)) return std::nullopt;
    text.remove_prefix(1);
    return value;
  };
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const auto first = number('-');
  const auto last = first ? number('/') : std::nullopt;
  if (!last) return std::nullopt;
  const auto whole = text == "*" ? std::optional<std::int64_t>(0) : number(0);
  return whole ? std::optional(ContentRange{*first, *last, *whole}) : std::nullopt;
}

Error not_the_photo(const Hash& sha256) { return Error{ErrorCode::photo_damaged, {}, hex(sha256)}; }

}  // namespace

Result<Syncer::Run::Step> Syncer::Run::fetch_wanted() {
  for (;;) {
    if (must_end()) return Step::stop;
    JULU_TRY(const Step carried, carry_new());
    if (carried == Step::stop) return carried;
    JULU_TRY(const auto wanted, inbox_.next_wanted_photo());
    if (!wanted) return Step::go;
    // Once its pieces were of no use, it may be the ranges.
    const bool in_pieces = !begun_anew_.contains(wanted->sha256);
    JULU_TRY(const Exchange exchange, ask_photo(*wanted, in_pieces ? state_.link.piece_bytes : 0));
    if (exchange.answer != Answer::ok) {
      const bool no_range = exchange.answer == Answer::refused && exchange.response.status == 416;
      if (no_range && begun_anew_.insert(wanted->sha256).second) {
        JULU_CHECK(inbox_.drop_pieces(wanted->sha256));
        moving_.reset();
        continue;
      }
      JULU_TRY(const Step step, fetch_failed(wanted->sha256, exchange));
      if (step == Step::stop) return step;
      continue;
    }
    const auto kept = keep_photo(*wanted, exchange.response);
    if (kept) {
      fetch_failures_ = 0;
      moving_ = wanted->sha256;
      continue;
    }
    // The worker's own reports are through; the upkeep that comes now may make room.
    if (kept.error().code == ErrorCode::disk_full) return stop(SyncEnd::left, kept.error());
    if (kept.error().code != ErrorCode::photo_damaged) return kept.error();
    moving_.reset();
    if (in_pieces && exchange.response.status == 206) {
      begun_anew_.insert(wanted->sha256);
      continue;
    }
    // In pieces and as a whole: it is what the platform holds, and asking soon again brings the same.
    JULU_CHECK(inbox_.defer_wanted(wanted->sha256, kept.error().code, limits::withheld_photo_ms));
    if (++fetch_failures_ >= kFetchFailuresMax) return stop(SyncEnd::left, kept.error());
  }
}

// What the worker captured meanwhile goes before the next piece: all of a photo may take many minutes.
Result<Syncer::Run::Step> Syncer::Run::carry_new() {
  JULU_TRY(Step step, push_between());
  if (step == Step::stop || photos_wait()) return step;
  JULU_TRY(const auto photos, outbox_.next_photos(1));
  if (photos.empty()) return Step::go;
  JULU_TRY(step, send_photos());
  return step == Step::stop ? Result<Step>(step) : push_due();
}

// `piece_bytes` of it behind what is here; 0: all of it.
Result<Syncer::Run::Exchange> Syncer::Run::ask_photo(const Inbox::WantedPhoto& photo, std::int64_t piece_bytes) {
  Request request;
  request.method = "GET";
  request.url = address("/v1/photos/" + hex(photo.sha256) + "?size=full");
  // Who knows no ranges gives all of it.
  const std::int64_t longest = photo.length_bytes > 0 ? photo.length_bytes : limits::photo_bytes_max;
  // What is no photo may be longer than a small one, and has to be heard.
  request.reply_bytes_max = static_cast<std::size_t>(
      std::clamp<std::int64_t>(longest, limits::small_reply_bytes_max, limits::photo_bytes_max));
  if (piece_bytes > 0) {
    const std::int64_t first = photo.fetched_bytes;
    const std::int64_t last = std::min(first + piece_bytes, std::max(longest, first + 1)) - 1;
    request.headers = {{"Range", "bytes=" + std::to_string(first) + "-" + std::to_string(last)}};
  }
  JULU_TRY(Exchange exchange, call(std::move(request)));
  if (exchange.response.status == 206 && exchange.response.body.empty()) {
    exchange.answer = Answer::link;  // behind a proxy that takes the length away, a link that breaks looks so
    exchange.why = ErrorCode::bad_reply;
  }
  if (piece_bytes > 0) piece_went(piece_bytes, exchange);
  return exchange;
}

// As much as the link carries in limits::chunk_target_ms, and what it did not carry is halved.
void Syncer::Run::piece_went(std::int64_t asked_bytes, const Exchange& exchange) {
  const auto bytes = static_cast<std::int64_t>(exchange.response.body.size());
  if (exchange.was_too_long()) {
    state_.piece_bytes_max = std::max(limits::piece_bytes_min, asked_bytes / 2);
    state_.link.piece_bytes = std::min(asked_bytes, state_.piece_bytes_max);
  } else if (exchange.response.status == 206 && bytes >= asked_bytes) {  // the rest of a photo says little of the link
    state_.link.piece_bytes = carried_in(rate(bytes, exchange.took_ms), limits::chunk_target_ms,
                                         std::min(2 * asked_bytes, state_.piece_bytes_max));
  }
}

// Errors: photo_damaged when this, or all of it together, is not the photo; nothing of it is kept then.
Result<void> Syncer::Run::keep_photo(const Inbox::WantedPhoto& photo, const Response& response) {
  if (response.status != 206) return inbox_.store_photo(photo.sha256, response.body);
  const auto range = content_range(header(response.headers, "Content-Range"));
  const std::int64_t whole = range && range->whole > 0 ? range->whole : photo.length_bytes;
  const auto bytes = static_cast<std::int64_t>(response.body.size());
  // Fewer than it says: the link broke behind such a proxy, and what came is what it is.
  const bool fits = range && range->first == photo.fetched_bytes && range->last < whole &&
                    bytes <= range->last - range->first + 1 && (photo.length_bytes == 0 || whole == photo.length_bytes);
  if (fits) return inbox_.store_piece(photo.sha256, photo.fetched_bytes, response.body, whole);
  JULU_CHECK(inbox_.drop_pieces(photo.sha256));
  return not_the_photo(photo.sha256);
}

Result<Syncer::Run::Step> Syncer::Run::fetch_failed(const Hash& sha256, const Exchange& exchange) {
  // It goes on at once where it came some way in this run.
  const bool moves = moving_ == sha256;
  if (exchange.answer == Answer::stopped) {
    // The next run begins with another one: of this one not even a piece may fit a run.
    if (exchange.was_too_long() && !moves) JULU_CHECK(inbox_.defer_wanted(sha256, ErrorCode::offline, 0));
    return Step::stop;
  }
  if (exchange.answer == Answer::link && !exchange.reply_too_large() && moves) return stop_for(exchange);
  const bool withheld = exchange.answer == Answer::refused && is_withheld(exchange.response);
  // One that is longer than any may be costs all that it may be each time.
  if (withheld || exchange.reply_too_large()) {
    JULU_CHECK(inbox_.defer_wanted(sha256, exchange.why, limits::withheld_photo_ms));
    return Step::go;
  }
  JULU_CHECK(inbox_.defer_wanted(sha256, exchange.why, exchange.retry_after_ms));
  const bool of_the_photo = exchange.answer == Answer::refused || exchange.answer == Answer::server;
  if (of_the_photo && ++fetch_failures_ < kFetchFailuresMax) return Step::go;
  return stop_for(exchange);
}

}  // namespace julu
