// See tus.h; and one photo's way through it: begin, ask where the platform stands, send a chunk, again.
#include "tus.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <julu/limits.h>

#include "run.h"
#include "url.h"

namespace julu {
namespace tus {
namespace {

constexpr const char* kBytes = "application/offset+octet-stream";

// RFC 4648 §4, as Upload-Metadata wants it.
std::string base64(std::string_view bytes) {
  std::string text = base64url(bytes);
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  while (text.size() % 4 != 0) text += '=';
  return text;
}

std::optional<std::int64_t> number(const Response& response, std::string_view name) {
  const std::string value = header(response.headers, name);
  std::int64_t result = 0;
  const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), result);
  const bool whole = !value.empty() && problem == std::errc{} && end == value.data() + value.size();
  return whole && result >= 0 ? std::optional(result) : std::nullopt;
}

Request request(std::string method, const std::string& url) {
  Request request;
  request.method = std::move(method);
  request.url = url;
  request.headers = {{"Tus-Resumable", "1.0.0"}};
  return request;
}

}  // namespace

Request creation(const std::string& endpoint, std::int64_t length_bytes, const Metadata& metadata) {
  Request post = request("POST", endpoint);
  std::string text;
  for (const auto& [key, value] : metadata) {
    text.append(text.empty() ? "" : ",").append(key).append(" ").append(base64(value));
  }
  post.headers.emplace_back("Upload-Length", std::to_string(length_bytes));
  post.headers.emplace_back("Upload-Metadata", text);
  return post;
}

void give_body(Request& request, std::string bytes) {
  request.headers.emplace_back("Content-Type", kBytes);
  request.body = std::move(bytes);
}

Request head(const std::string& location) { return request("HEAD", location); }

Request patch(const std::string& location, std::int64_t offset, std::string bytes) {
  Request patch = request("PATCH", location);
  patch.headers.emplace_back("Upload-Offset", std::to_string(offset));
  give_body(patch, std::move(bytes));
  return patch;
}

std::optional<std::int64_t> offset(const Response& response) { return number(response, "Upload-Offset"); }
std::optional<std::int64_t> length(const Response& response) { return number(response, "Upload-Length"); }

std::optional<std::string> location(const std::string& asked, const Response& response) {
  return resolve(asked, header(response.headers, "Location"));
}

}  // namespace tus

namespace {

constexpr std::int64_t kLosableMs = 2'000;  // a creation's body is lost whole when its reply is
constexpr std::int64_t kLosableBytesMax = 1 << 20;
constexpr int kRestartsMax = 1;   // an upload that is gone is begun anew once a run
constexpr int kSurprisesMax = 3;  // offsets that the two sides do not agree on
constexpr int kChecksumMismatch = 460;
constexpr int kAttemptsMax =
    17;  // a dead link makes nine at most; where eight others failed too, a gateway's word is all

}  // namespace

Result<std::string> Syncer::Run::read_chunk(const Upload& upload, std::int64_t bytes_max) {
  const std::int64_t left = upload.photo.length_bytes - upload.offset;
  const auto wanted = static_cast<std::size_t>(std::min(bytes_max, left));
  JULU_TRY(std::string bytes, outbox_.read_photo(upload.photo.sha256, upload.offset, wanted));
  if (bytes.size() != wanted) return Error{ErrorCode::photo_damaged, {}, hex(upload.photo.sha256)};
  return bytes;
}

void Syncer::Run::bytes_went(std::int64_t bytes, const Exchange& exchange) {
  outcome_.photo_bytes_sent += exchange.response.body_bytes_sent;
  if (exchange.answer == Answer::ok) measure(bytes, exchange.took_ms);
  // Smaller pieces next time, in this run or the next.
  if (exchange.was_too_long()) state_.bytes_per_ms = std::min(state_.bytes_per_ms, rate(bytes, exchange.took_ms)) / 2;
}

Result<Syncer::Run::Exchange> Syncer::Run::send_bytes(Request request) {
  const auto bytes = static_cast<std::int64_t>(request.body.size());
  JULU_TRY(Exchange exchange, call(std::move(request)));
  bytes_went(bytes, exchange);
  return exchange;
}

Result<Request> Syncer::Run::creation(Upload& upload, bool with_bytes) {
  const std::int64_t length = upload.photo.length_bytes;
  upload.offset = 0;
  Request request =
      tus::creation(photos_url_, length, {{"sha256", hex(upload.photo.sha256)}, {"filetype", "image/jpeg"}});
  if (with_bytes) {
    JULU_TRY(std::string bytes, read_chunk(upload, length));
    tus::give_body(request, std::move(bytes));
  }
  return request;
}

Result<Syncer::Run::Advance> Syncer::Run::begin_upload(Upload& upload) {
  const bool with_bytes =
      creation_takes_body_ &&
      upload.photo.length_bytes <=
          std::min(state_.chunk_bytes_max, carried_in(state_.bytes_per_ms, kLosableMs, kLosableBytesMax));
  JULU_TRY(Request request, creation(upload, with_bytes));
  JULU_TRY(const Exchange exchange, send_bytes(std::move(request)));
  return begun(upload, with_bytes, exchange);
}

Result<Syncer::Run::Advance> Syncer::Run::begun(Upload& upload, bool with_bytes, const Exchange& exchange) {
  if (exchange.answer != Answer::ok) return upload_refused(upload, exchange);
  const Hash& sha256 = upload.photo.sha256;
  const std::int64_t length = upload.photo.length_bytes;
  const auto location = tus::location(photos_url_, exchange.response);
  if (!location || !may_carry_token(*location)) {
    const ErrorCode why = location ? ErrorCode::foreign_origin : ErrorCode::bad_reply;
    creation_takes_body_ = false;  // or each try costs the bytes too
    JULU_TRY(const Step step, photo_failed(sha256, why, 0));
    return Advance{step, false};
  }
  upload.photo.upload_url = *location;
  const auto taken = tus::offset(exchange.response);
  // What went whole needs no place to go on from: its end is one commit instead of two.
  if (!with_bytes || taken != length) JULU_CHECK(outbox_.photo_location(sha256, *location));
  upload.asked = !with_bytes || (taken && *taken <= length);
  if (with_bytes && upload.asked) set_offset(upload, *taken);
  return Advance{Step::go, true};
}

// Without creation-with-upload a server may ignore the body or refuse it; which it does holds for the run.
bool Syncer::Run::body_refused(const Exchange& exchange) {
  const int status = exchange.response.status;
  const bool refused = (status == 400 || status == 415) && exchange.response.body_bytes_sent > 0;
  if (refused) creation_takes_body_ = false;
  return refused;
}

// Quick, and short enough to lose whole: it may go beside others. What was begun before is resumed alone.
bool Syncer::Run::may_fly(const OutgoingPhoto& photo) const {
  if (!creation_takes_body_ || !may_carry_token(photos_url_)) return false;
  const std::int64_t most = std::min({quick_bytes(), kLosableBytesMax, ping_.photo_bytes_max, state_.chunk_bytes_max});
  return !photo.thumbnail && photo.upload_url.empty() && photo.length_bytes <= most;
}

void Syncer::Run::set_offset(Upload& upload, std::int64_t offset) {
  const std::int64_t more = std::max<std::int64_t>(0, offset - upload.offset);
  progress_.bytes_done = std::min(progress_.bytes_total, progress_.bytes_done + more);
  upload.offset = offset;
}

Result<Syncer::Run::Advance> Syncer::Run::ask_offset(Upload& upload) {
  JULU_TRY(const Exchange exchange, call(tus::head(upload.photo.upload_url)));
  if (exchange.answer != Answer::ok) return upload_refused(upload, exchange);
  const auto offset = tus::offset(exchange.response);
  const std::int64_t length = upload.photo.length_bytes;
  if (!offset || *offset > length || tus::length(exchange.response).value_or(length) != length) {
    return begin_anew(upload, exchange);
  }
  set_offset(upload, *offset);
  upload.asked = true;
  return Advance{Step::go, true};
}

Result<Syncer::Run::Advance> Syncer::Run::send_chunk(Upload& upload) {
  // The last pieces of a run fit what is left of it.
  const std::int64_t ms = std::min(limits::chunk_target_ms, time_left_ms() / 2);
  const std::int64_t most = carried_in(state_.bytes_per_ms, ms, state_.chunk_bytes_max);
  JULU_TRY(std::string bytes, read_chunk(upload, most));
  const std::int64_t expected = upload.offset + static_cast<std::int64_t>(bytes.size());
  JULU_TRY(const Exchange exchange, send_bytes(tus::patch(upload.photo.upload_url, upload.offset, std::move(bytes))));
  if (exchange.answer != Answer::ok) return upload_refused(upload, exchange);
  const auto offset = tus::offset(exchange.response);
  if (offset == expected) {
    set_offset(upload, expected);
    // What failed before counts no more.
    if (std::exchange(upload.photo.attempts, 0) > 0)
      JULU_CHECK(outbox_.photo_location(upload.photo.sha256, upload.photo.upload_url));
    JULU_CHECK(report_progress(false));
    return Advance{Step::go, true};
  }
  return ask_again(upload, exchange);
}

// The two sides do not agree on where the upload stands: the platform is asked, but not for ever.
Result<Syncer::Run::Advance> Syncer::Run::ask_again(Upload& upload, const Exchange& exchange) {
  if (++upload.surprises > kSurprisesMax) {
    Exchange odd = exchange;
    odd.answer = Answer::refused;
    odd.why = ErrorCode::bad_reply;
    JULU_TRY(const Step step, photo_failed(upload.photo.sha256, odd));
    return Advance{step, false};
  }
  upload.asked = false;
  return Advance{Step::go, true};
}

// A tus server says its version with every reply, the platform what the problem is. Who does neither stands before
// them, and forgets no upload.
Result<Syncer::Run::Advance> Syncer::Run::begin_anew(Upload& upload, const Exchange& exchange) {
  const bool known = !header(exchange.response.headers, "Tus-Resumable").empty() || !exchange.problem.type.empty();
  if (known || upload.photo.attempts >= kAttemptsMax) {
    JULU_CHECK(outbox_.photo_location(upload.photo.sha256, {}));
    upload.photo.upload_url.clear();
    upload.offset = 0;
    upload.asked = false;
    if (++upload.restarts <= kRestartsMax) return Advance{Step::go, true};
  }
  JULU_TRY(const Step step, photo_failed(upload.photo.sha256, ErrorCode::bad_reply, exchange.retry_after_ms));
  return Advance{step, false};
}

Result<Syncer::Run::Advance> Syncer::Run::upload_refused(Upload& upload, const Exchange& exchange) {
  const bool begun = !upload.photo.upload_url.empty();
  if (!begun && body_refused(exchange)) return Advance{Step::go, true};
  if (exchange.answer == Answer::refused) {
    switch (exchange.response.status) {
      case 413: {
        // A gateway may bound bodies far below what the platform takes in all.
        if (exchange.response.body_bytes_sent > limits::piece_bytes_min) {
          state_.chunk_bytes_max = std::max(limits::piece_bytes_min, exchange.response.body_bytes_sent / 2);
          upload.asked = false;
          return Advance{Step::go, true};
        }
        Problem problem = exchange.problem;
        if (problem.type.empty()) problem.type = "too-large";
        JULU_CHECK(outbox_.park_photo(upload.photo.sha256, problem));
        return Advance{Step::go, false};
      }
      case kChecksumMismatch: {
        JULU_CHECK(outbox_.photo_location(upload.photo.sha256, {}));
        JULU_TRY(const bool whole, outbox_.is_photo_whole(upload.photo.sha256));
        if (!whole) {
          JULU_CHECK(outbox_.park_photo(upload.photo.sha256, Problem{"lost", {}, {}, {}}, ErrorCode::photo_damaged));
          return Advance{Step::go, false};
        }
        JULU_TRY(const Step step, photo_failed(upload.photo.sha256, ErrorCode::photo_damaged, 0));
        return Advance{step, false};
      }
      case 409:
        if (begun) return ask_again(upload, exchange);
        break;
      case 403:
      case 404:
      case 410:
        if (begun) return begin_anew(upload, exchange);
        break;
      default: break;
    }
  }
  // Whatever is said of this upload, it is said for good.
  if (begun && exchange.answer != Answer::stopped && upload.photo.attempts >= kAttemptsMax)
    return begin_anew(upload, exchange);
  JULU_TRY(const Step step, photo_failed(upload.photo.sha256, exchange));
  return Advance{step, false};
}

}  // namespace julu
