// Ping, token and Retry-After; the larger words have files of their own. Thread rule: pure functions.
#include "wire.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include <julu/limits.h>

#include "url.h"
#include "wire_json.h"

namespace julu::wire {
namespace {

bool is_token_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7F; });
}

std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = problem == std::errc{} && end == text.data() + text.size();
  if (text.empty() || text.front() == '-' || !whole) return std::nullopt;
  return value;
}

// The one form that RFC 9110 lets a server write: "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::int64_t> http_date_ms(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(25) != " GMT") return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  const auto day = digits(text.substr(5, 2)), year = digits(text.substr(12, 4)), hour = digits(text.substr(17, 2)),
             minute = digits(text.substr(20, 2)), second = digits(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  using namespace std::chrono;
  const auto number = static_cast<unsigned>(month - kMonths.begin()) + 1;
  const year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(number),
                            std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto since = sys_days(date).time_since_epoch() + hours(*hour) + minutes(*minute) + seconds(*second);
  return duration_cast<milliseconds>(since).count();
}

}  // namespace

Result<Ping> decode_ping(std::string_view body, std::string_view nonce) {
  const auto parsed = parse_object(body);
  if (!parsed || text(*parsed, "n").value_or("") != nonce) return Error{ErrorCode::captive_portal, {}, {}};
  const Json& value = *parsed;
  Ping ping;
  JULU_TRY(ping.facts.epoch, need_epoch(value));
  JULU_TRY(ping.facts.time_ms, need_integer(value, "time_ms", 1));
  ping.facts.safe_before_ms = std::max<std::int64_t>(0, integer(value, "safe_before_ms").value_or(0));
  const Json none = Json::object();
  const Json* given = find(value, "limits");
  const Json& bounds = given != nullptr ? *given : none;
  const auto at_most = [&](const char* member, std::int64_t ours) {
    const std::int64_t theirs = integer(bounds, member).value_or(ours);
    return std::clamp<std::int64_t>(theirs, 1, ours);
  };
  ping.ops_max = static_cast<std::size_t>(at_most("ops", limits::batch_ops_max));
  ping.bytes_max = static_cast<std::size_t>(at_most("bytes", limits::batch_bytes_max));
  ping.photo_bytes_max = at_most("photo_bytes", limits::photo_bytes_max);
  ping.photos = text(value, "photos").value_or("/v1/photos");
  return ping;
}

Result<Token> decode_token(std::string_view body) {
  JULU_TRY(const Json value, parse_object(body));
  Token token;
  JULU_TRY(token.text, need_text(value, "access_token", limits::token_bytes_max));
  if (!is_token_text(token.text)) return broken("access_token");
  JULU_TRY(token.expires_in_s, need_integer(value, "expires_in", 1));
  return token;
}

std::string encode_token_request(std::string_view assertion) {
  return "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + percent_encoded(assertion);
}

std::int64_t retry_after_ms(const Response& response, std::int64_t now_ms) {
  const std::string value = header(response.headers, "Retry-After");
  if (value.empty()) return 0;
  constexpr std::int64_t kMax = limits::retry_after_ms_max;
  if (const auto seconds = digits(value)) return std::min(*seconds, kMax / 1000) * 1000;
  const auto until = http_date_ms(value);
  if (!until) return 0;
  const std::int64_t from = http_date_ms(header(response.headers, "Date")).value_or(now_ms);
  return std::clamp<std::int64_t>(*until - from, 0, kMax);
}

}  // namespace julu::wire
