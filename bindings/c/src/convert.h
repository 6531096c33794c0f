// Between the C face's plain data and the core's types. Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include <julu/result.h>

#include "julu.h"

namespace julu::c {

/// Copies what the caller's version of the struct has of it, and no more than the `room` that is known to be the
/// caller's. Errors: bad_argument naming `field`.
template <class T>
Result<T> read_struct(const T* given, const char* field, std::size_t room = sizeof(T)) {
  static_assert(std::is_trivially_copyable_v<T>);
  T copy{};
  if (given == nullptr) return Error{ErrorCode::bad_argument, field, "null"};
  if (given->size < sizeof(given->size)) return Error{ErrorCode::bad_argument, field, "size"};
  std::memcpy(&copy, given, std::min({std::size_t{given->size}, sizeof(T), room}));
  return copy;
}

/// A struct that is to be written says how large it is, or nothing would be, and zeros read as an answer. Errors:
/// bad_argument naming `field`.
template <class T>
Result<void> check_out(const T* out, const char* field) {
  if (out != nullptr && out->size < sizeof(out->size)) return Error{ErrorCode::bad_argument, field, "size"};
  return {};
}

/// Writes as much as the caller's version has room for.
template <class T>
void write_struct(T* out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (out == nullptr || out->size < sizeof(out->size)) return;
  value.size = out->size;
  std::memcpy(out, &value, std::min<std::size_t>(out->size, sizeof(T)));
}

/// Errors: bad_argument naming `field` when there is a length and nothing there.
Result<std::string> text(julu_text given, const char* field);
/// A file's name, a URL or another word that ends at a NUL elsewhere: it may hold none, and must be given.
Result<std::string> name_text(julu_text given, const char* field);
/// As name_text, and may be left out.
Result<std::string> option_text(julu_text given, const char* field);

/// Hands `bytes` to the caller. Errors: bad_argument when there is no `out`.
Result<void> give(julu_buf* out, std::string_view bytes);

/// The end of every function: fills `error` in, and gives the number.
std::int32_t fail(julu_error* error, const Error& why) noexcept;

/// Runs a function's body, which gives Result<void>. Nothing is thrown past it.
template <class Body>
std::int32_t guard(julu_error* error, Body&& body) noexcept {
  try {
    const Result<void> done = body();
    if (!done) return fail(error, done.error());
    write_struct(error, julu_error{});
    return JULU_OK;
  } catch (const std::exception& thrown) {
    return fail(error, Error{ErrorCode::internal, {}, typeid(thrown).name()});
  } catch (...) {
    return fail(error, Error{ErrorCode::internal, {}, "exception"});
  }
}

/// As `guard`, for what gives bytes: `out` is empty unless all went well.
template <class Body>
std::int32_t guard_bytes(julu_buf* out, julu_error* error, Body&& body) noexcept {
  if (out != nullptr) *out = julu_buf{};
  return guard(error, [&]() -> Result<void> {
    if (out == nullptr) return Error{ErrorCode::bad_argument, "out", "null"};
    JULU_TRY(const std::string bytes, body());
    return give(out, bytes);
  });
}

}  // namespace julu::c
