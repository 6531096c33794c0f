// What is fuzzed: one function a target, each handed the bytes of one input. libFuzzer drives them (fuzz_main.cpp), and
// the plain tests run every seed and every past finding through them once (seeds_main.cpp). Thread rule: one thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <julu/result.h>

namespace julu::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
};

/// In the order of the table that `./run fuzz` prints.
std::span<const Target> targets();
/// Null when there is none of this name.
const Target* find_target(std::string_view name);

/// Aborts, naming the property, when it does not hold.
void require(bool holds, const char* property);
/// A failure that the code's contract allows: a broken invariant is never one.
void require_typed(const Error& error);
template <class T>
bool succeeded(const Result<T>& result) {
  if (!result) require_typed(result.error());
  return result.ok();
}

inline bool succeeded(const Result<void>& result) {
  if (!result) require_typed(result.error());
  return result.ok();
}

/// An input of several texts: they stand apart by a line of "%%".
std::vector<std::string_view> parts(std::string_view input);
std::string replaced(std::string text, std::string_view what, std::string_view by);

void push_reply(std::string_view input);
void pull_reply(std::string_view input);
void small_reply(std::string_view input);
void reply_headers(std::string_view input);
void json_text(std::string_view input);
void record_schema(std::string_view input);
void case_flow(std::string_view input);
void three_way_merge(std::string_view input);
void photo(std::string_view input);
void store_file(std::string_view input);
void applied_replies(std::string_view input);
void platform_requests(std::string_view input);
void c_face(std::string_view input);

}  // namespace julu::fuzz
