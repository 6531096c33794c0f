#include "target.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace julu::fuzz {
namespace {

constexpr std::array<Target, 13> kTargets{{{"push", &push_reply},
                                           {"pull", &pull_reply},
                                           {"reply", &small_reply},
                                           {"header", &reply_headers},
                                           {"json", &json_text},
                                           {"schema", &record_schema},
                                           {"flow", &case_flow},
                                           {"merge", &three_way_merge},
                                           {"photo", &photo},
                                           {"store", &store_file},
                                           {"apply", &applied_replies},
                                           {"platform", &platform_requests},
                                           {"c_face", &c_face}}};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target* find_target(std::string_view name) {
  const auto at = std::find_if(kTargets.begin(), kTargets.end(), [&](const Target& t) { return t.name == name; });
  return at == kTargets.end() ? nullptr : &*at;
}

void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", property);
  std::abort();
}

void require_typed(const Error& error) {
  if (error.code == ErrorCode::internal)
    std::fprintf(stderr, "field %s, %s\n", error.field.c_str(), error.detail.c_str());
  require(error.code != ErrorCode::internal, "an error that comes from outside has a code of its own");
  require(name(error.code) != "unknown", "every error has a name");
}

std::vector<std::string_view> parts(std::string_view input) {
  constexpr std::string_view kBetween = "\n%%\n";
  std::vector<std::string_view> found;
  for (std::size_t at = 0;;) {
    const std::size_t end = input.find(kBetween, at);
    found.push_back(input.substr(at, end == std::string_view::npos ? end : end - at));
    if (end == std::string_view::npos) return found;
    at = end + kBetween.size();
  }
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

}  // namespace julu::fuzz
