// A value or an Error. Public functions return it and throw nothing of their own; what a host's function (observer,
// progress, sink) throws, and std::bad_alloc, goes through them, and what was committed by then stays. Thread rule: a
// plain value.
#pragma once

#include <cassert>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <julu/error.h>

namespace julu {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  template <class U>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::decay_t<U>, Error> &&
           !std::is_same_v<std::decay_t<U>, Result>) Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  explicit operator bool() const { return ok(); }
  bool ok() const { return state_.index() == 0; }

  /// The caller has checked; asking for the wrong one is a broken invariant.
  T& value() & {
    assert(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    assert(ok());
    return std::get<0>(state_);
  }
  T value() && {
    assert(ok());
    return std::get<0>(std::move(state_));
  }  // by value: `for (x : *list())` is safe
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    assert(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  explicit operator bool() const { return ok(); }
  bool ok() const { return !error_; }
  const Error& error() const {
    assert(!ok());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace julu

// Hands an error on to the caller: `JULU_TRY(auto x, f());` or `JULU_CHECK(f());`.
#define JULU_CONCAT2(a, b) a##b
#define JULU_CONCAT(a, b) JULU_CONCAT2(a, b)
#define JULU_TRY_AS(result, declaration, ...) \
  auto result = (__VA_ARGS__);                \
  if (!result) return result.error();         \
  declaration = std::move(*result)
#define JULU_TRY(declaration, ...) JULU_TRY_AS(JULU_CONCAT(julu_result_, __LINE__), declaration, __VA_ARGS__)
#define JULU_CHECK(...)                                                          \
  do {                                                                           \
    if (auto julu_check = (__VA_ARGS__); !julu_check) return julu_check.error(); \
  } while (false)
