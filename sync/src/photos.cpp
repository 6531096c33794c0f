// Photos on their way out: thumbnails first, then bytes, with everything urgent let in between.
#include <algorithm>

#include <julu/limits.h>

#include "run.h"
#include "tus.h"

namespace julu {
namespace {

constexpr std::size_t kAttachesTogether = 32;  // one push for many attach ops; a run's last ones go at its end
constexpr std::int64_t kLookEveryMs = 250;     // the queue is read again; far less than a person notices
constexpr std::int64_t kPullEveryMs = 60'000;  // news should not wait for the last photo on a slow link
constexpr int kTooMany = 429;                  // RFC 6585

bool is_of_the_photo(ErrorCode code) {
  const auto number = static_cast<int>(code);
  return number >= static_cast<int>(ErrorCode::photo_missing) && number <= static_cast<int>(ErrorCode::photo_unknown);
}

}  // namespace

// What a photo may measure to be there within limits::quick_photo_ms; nothing while the link is not known.
std::int64_t Syncer::Run::quick_bytes() const {
  return static_cast<std::int64_t>(state_.bytes_per_ms * static_cast<double>(limits::quick_photo_ms));
}

Result<Syncer::Run::Step> Syncer::Run::send_photos() {
  Result<Step> step = carry_photos();
  // What the end of the run finds on its way is begun again by the next, but not before the time that a reply names
  // which is here already.
  for (const Flight& flight : flights_) {
    const bool landed = calls_.at(flight.call).response.has_value();
    const Exchange exchange = landed ? take_reply(flight.call) : give_up(flight.call);
    const OutgoingPhoto& photo = flight.upload.photo;
    bytes_went(photo.length_bytes, exchange);
    if (exchange.answer != Answer::wait || exchange.retry_after_ms <= 0) continue;
    auto deferred = outbox_.defer_photo(photo.sha256, exchange.why, exchange.retry_after_ms);
    if (deferred && is_platform(photos_url_)) deferred = outbox_.defer_photos(exchange.retry_after_ms);
    if (step && !deferred) step = deferred.error();
  }
  flights_.clear();
  return step;
}

// On a quick link the next photo is read while others travel; on a weak one they go one by one.
Result<Syncer::Run::Step> Syncer::Run::carry_photos() {
  for (;;) {
    if (must_end()) return Step::stop;
    JULU_TRY(Step step, look_around());
    if (step == Step::stop) return step;
    std::optional<OutgoingPhoto> photo;
    if (!photos_wait()) {
      JULU_TRY(photo, next_photo());
    }
    if (!photo && flights_.empty()) return Step::go;
    if (photo && may_fly(*photo) && flights_.size() < limits::photos_in_flight_max) {
      JULU_TRY(step, take_off(*photo));
    } else if (!flights_.empty()) {
      JULU_TRY(step, land_next());
    } else if (photo->thumbnail) {
      JULU_TRY(step, send_thumbnail(*photo));
    } else {
      JULU_TRY(step, send_photo(*photo));
    }
    if (step == Step::stop) return step;
    JULU_CHECK(report_progress(false));
  }
}

// What does not wait for the photos: new captures and news.
Result<Syncer::Run::Step> Syncer::Run::look_around() {
  JULU_TRY(Step step, push_between());
  if (step == Step::stop) return step;
  const std::int64_t pull_every_ms = std::min<std::int64_t>(kPullEveryMs, options_.at_most.count() / 3);
  if (clock_.monotonic_ms() - pulled_at_ms_ >= pull_every_ms) {
    JULU_TRY(step, pull());
    if (step == Step::stop && !news_failed_) return step;
    if (step == Step::stop) {
      // No reason for the photos to wait. If it is one, they show it; and the pull behind them tells of the news.
      end_.reset();
      pulled_at_ms_ = clock_.monotonic_ms();
    }
  }
  return Step::go;
}

// The first that is due and not on its way. On a slow link what failed is due again before the next one is through: it
// goes behind what this run has not tried, and is not what tells whether the others fare better.
Result<std::optional<OutgoingPhoto>> Syncer::Run::next_photo() {
  const bool no_thumbnails = clock_.monotonic_ms() < state_.thumbnails_from_ms;
  const std::int64_t without = no_thumbnails ? limits::photo_bytes_max : quick_bytes();
  JULU_TRY(auto photos, outbox_.next_photos(flights_.size() + failed_photos_.size() + 1, without));
  std::optional<OutgoingPhoto> again;
  for (OutgoingPhoto& photo : photos) {
    const bool flies = std::any_of(flights_.begin(), flights_.end(),
                                   [&](const Flight& flight) { return flight.upload.photo.sha256 == photo.sha256; });
    if (flies) continue;
    if (!failed_photos_.contains(photo.sha256)) return std::optional(std::move(photo));
    if (!again && photo_failures_ + 1 < kPhotoFailuresMax) again = std::move(photo);
  }
  return again;
}

// New captures go before the next photo; attach ops wait for company unless they are urgent.
Result<Syncer::Run::Step> Syncer::Run::push_between() {
  const std::int64_t now_ms = clock_.monotonic_ms();
  if (pushing_ || now_ms < look_again_ms_) return Step::go;
  look_again_ms_ = now_ms + kLookEveryMs;
  JULU_TRY(const auto ops, outbox_.next_ops(kAttachesTogether, limits::batch_bytes_max));
  const bool now = ops.size() >= kAttachesTogether || std::any_of(ops.begin(), ops.end(), [](const OutgoingOp& op) {
                     return op.verb != Verb::attach || op.urgency == 0;
                   });
  return now ? push_due() : Result<Step>(Step::go);
}

Result<Syncer::Run::Step> Syncer::Run::photo_failed(const Hash& sha256, ErrorCode why, std::int64_t retry_after_ms) {
  JULU_CHECK(outbox_.defer_photo(sha256, why, retry_after_ms));
  failure_ = Error{why, {}, {}};
  failed_photos_.insert(sha256);
  ++photo_failures_;
  return Step::go;
}

Result<Syncer::Run::Step> Syncer::Run::photo_failed(const Hash& sha256, const Exchange& exchange) {
  if (exchange.answer == Answer::stopped) return Step::stop;
  // The platform itself asks for a pause.
  if (exchange.answer == Answer::wait && exchange.retry_after_ms > 0 && is_platform(photos_url_)) {
    JULU_CHECK(outbox_.defer_photo(sha256, exchange.why, exchange.retry_after_ms));
    JULU_CHECK(outbox_.defer_photos(exchange.retry_after_ms));
    outcome_.next_attempt_ms = clock_.now_ms() + exchange.retry_after_ms;
    return stop_for(exchange);
  }
  JULU_TRY(const Step step, photo_failed(sha256, exchange.why, exchange.retry_after_ms));
  // One other is tried, since it may be this upload's address alone. News may go too: a dead link shows there.
  if (exchange.answer == Answer::link || exchange.answer == Answer::wait)
    photo_failures_ = std::max(photo_failures_, kPhotoFailuresMax - 1);
  return step;
}

// A thumbnail is a courtesy: it may fail, and its photo goes all the same.
Result<Syncer::Run::Step> Syncer::Run::send_thumbnail(const OutgoingPhoto& photo) {
  auto thumbnail = outbox_.read_thumbnail(photo.sha256);
  if (!thumbnail && !is_of_the_photo(thumbnail.error().code)) return thumbnail.error();
  if (thumbnail && !thumbnail->empty()) {
    const auto bytes = static_cast<std::int64_t>(thumbnail->size());
    Request request = tus::creation(
        photos_url_, bytes,
        {{"thumb_of", hex(photo.sha256)}, {"sha256", hex(sha256(*thumbnail))}, {"filetype", "image/jpeg"}});
    if (creation_takes_body_) tus::give_body(request, *thumbnail);
    JULU_TRY(Exchange exchange, call(std::move(request)));
    if (body_refused(exchange)) return send_thumbnail(photo);
    const auto taken = tus::offset(exchange.response);
    if (exchange.answer == Answer::ok && taken.value_or(0) < bytes) {
      // A server without creation-with-upload.
      const auto location = tus::location(photos_url_, exchange.response);
      if (location && may_carry_token(*location)) {
        const auto from = static_cast<std::size_t>(taken.value_or(0));
        JULU_TRY(exchange, call(tus::patch(*location, taken.value_or(0), thumbnail->substr(from))));
      }
    }
    if (exchange.response.status == kTooMany) {
      // Of thumbnails: photos are counted apart, and may go without (openapi.yaml).
      const std::int64_t wait_ms = exchange.retry_after_ms > 0 ? exchange.retry_after_ms : limits::backoff_cap_ms;
      state_.thumbnails_from_ms = clock_.monotonic_ms() + wait_ms;
      return Step::go;
    }
    const bool may_go_later =
        exchange.answer == Answer::stopped || exchange.answer == Answer::link || exchange.answer == Answer::wait;
    if (may_go_later) return photo_failed(photo.sha256, exchange);
    if (exchange.answer == Answer::ok) measure(bytes, exchange.took_ms);
  }
  JULU_CHECK(outbox_.thumbnail_sent(photo.sha256));
  ++progress_.thumbnails_done;
  return Step::go;
}

Result<Syncer::Run::Step> Syncer::Run::send_photo(const OutgoingPhoto& photo) {
  if (photo.length_bytes > ping_.photo_bytes_max) {
    JULU_CHECK(outbox_.park_photo(photo.sha256, {"too-large", {}, {}, {}}));
    return Step::go;
  }
  Upload upload;
  upload.photo = photo;
  if (!photo.upload_url.empty() && !may_carry_token(photo.upload_url)) upload.photo.upload_url.clear();
  return carry_on(upload, Advance{Step::go, true});
}

Result<Syncer::Run::Step> Syncer::Run::carry_on(Upload& upload, Result<Advance> advance) {
  progress_.thumbnails_total = progress_.thumbnails_done;  // all are behind us
  for (;;) {
    if (!advance && is_of_the_photo(advance.error().code)) {
      return photo_failed(upload.photo.sha256, advance.error().code, 0);
    }
    if (!advance) return advance.error();
    if (!advance->more) return advance->step;
    if (upload.photo.upload_url.empty()) {
      advance = begin_upload(upload);
    } else if (!upload.asked) {
      advance = ask_offset(upload);
    } else if (upload.offset < upload.photo.length_bytes) {
      JULU_TRY(const Step step, push_between());
      if (step == Step::stop) return step;
      advance = send_chunk(upload);
    } else {
      return uploaded(upload.photo);
    }
  }
}

Result<Syncer::Run::Step> Syncer::Run::take_off(const OutgoingPhoto& photo) {
  JULU_TRY(const Step step, sign_in());
  if (step == Step::stop) return step;
  Flight flight;
  flight.token = state_.token;
  flight.upload.photo = photo;
  Result<Request> request = creation(flight.upload, true);
  if (!request) return carry_on(flight.upload, request.error());
  request->headers.emplace_back("Authorization", "Bearer " + flight.token);
  flight.call = begin(*std::move(request));
  flights_.push_back(std::move(flight));
  return Step::go;
}

// The first whose reply is here. Each is settled by itself, and the rest of its way, if there is more, it goes alone.
Result<Syncer::Run::Step> Syncer::Run::land_next() {
  const auto landed = [this](const Flight& flight) { return calls_.at(flight.call).response.has_value(); };
  auto at = std::find_if(flights_.begin(), flights_.end(), landed);
  while (at == flights_.end()) {
    if (must_end()) return Step::stop;
    JULU_TRY(const Step step, push_between());
    if (step == Step::stop) return step;
    JULU_CHECK(wait_a_little());
    at = std::find_if(flights_.begin(), flights_.end(), landed);
  }
  Flight flight = std::move(*at);
  flights_.erase(at);
  Exchange exchange = take_reply(flight.call);
  const bool again = wants_another_token(exchange, photos_url_, flight.token);
  bytes_went(flight.upload.photo.length_bytes, exchange);
  if (again) return carry_on(flight.upload, Advance{Step::go, true});
  return carry_on(flight.upload, begun(flight.upload, true, exchange));
}

Result<Syncer::Run::Step> Syncer::Run::uploaded(const OutgoingPhoto& photo) {
  JULU_CHECK(outbox_.photo_uploaded(photo.sha256, photo.upload_url));
  photo_failures_ = 0;
  ++outcome_.photos_sent;
  return Step::go;
}

}  // namespace julu
