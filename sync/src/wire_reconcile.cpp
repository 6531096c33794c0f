// What both sides hold, by day. Thread rule: pure functions.
#include "wire.h"

#include <array>
#include <cstdio>
#include <span>

#include <julu/limits.h>

#include "wire_json.h"

namespace julu::wire {
namespace {

// The civil date of a day number (proleptic Gregorian calendar), as "2026-11-24".
std::string date_of(std::int64_t day) {
  const std::int64_t shifted = day + 719'468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const std::int64_t in_era = shifted - era * 146'097;
  const std::int64_t year = (in_era - in_era / 1460 + in_era / 36'524 - in_era / 146'096) / 365;
  const std::int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * in_year + 2) / 153;
  const std::int64_t number = month < 10 ? month + 3 : month - 9;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02d", static_cast<int>(year + era * 400 + (number <= 2 ? 1 : 0)),
                static_cast<int>(number), static_cast<int>(in_year - (153 * month + 2) / 5 + 1));
  return text.data();
}

std::optional<std::int64_t> day_of(const std::string& date) {
  int year = 0;
  int month = 0;
  int day = 0;
  char end = 0;
  if (std::sscanf(date.c_str(), "%4d-%2d-%2d%c", &year, &month, &day, &end) != 3) return std::nullopt;
  if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  const std::int64_t y = year - (month <= 2 ? 1 : 0);
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t in_era = y - era * 400;
  const std::int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146'097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719'468;
}

Json head_value(const ChainHead& head) {
  Json voids = Json::array();
  for (const ChainHead::Void& gone : head.voids) voids.push_back({gone.seq, gone.op_id.text(), hex(gone.hash)});
  return {{"seq", head.seq}, {"link", hex(head.link)}, {"voids", std::move(voids)}};
}

}  // namespace

std::string head_text(std::string_view device, const ChainHead& head) {
  // RFC 8785: the members stand sorted, and nothing in them is escaped.
  Json value = head_value(head);
  value["device"] = device;
  return value.dump();
}

std::string encode_reconcile(std::string_view device, const Reckoning& reckoning, const std::optional<Signature>& sig) {
  Json days = Json::array();
  for (const Reckoning::Day& day : reckoning.days) days.push_back({date_of(day.day), day.ops, hex(day.hash)});
  Json body{{"device", device}, {"days", std::move(days)}};
  if (reckoning.head && sig) {
    body["head"] = head_value(*reckoning.head);
    body["head"]["sig"] = base64url(std::span<const std::uint8_t>(*sig));
  }
  return body.dump();
}

Result<Reconciled> decode_reconcile(std::string_view body) {
  JULU_TRY(const Json value, parse_object(body));
  Reconciled told;
  JULU_TRY(told.epoch, need_epoch(value));
  const Json* differ = find(value, "differ");
  if (differ == nullptr || !differ->is_array() || differ->size() > limits::reconcile_days_max) return broken("differ");
  for (const Json& item : *differ) {
    HeldDay held;
    const auto day = day_of(text(item, "day").value_or(""));
    const Json* ops = find(item, "ops");
    if (!day || ops == nullptr || !ops->is_array()) return broken("differ");
    held.day = *day;
    for (const Json& op : *ops) {
      const auto id = op.is_string() ? parse_id(op.get_ref<const std::string&>()) : std::nullopt;
      if (!id) return broken("differ");
      held.ops.push_back(*id);
    }
    told.days.push_back(std::move(held));
  }
  return told;
}

}  // namespace julu::wire
