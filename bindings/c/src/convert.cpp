#include "convert.h"

#include <cstdlib>

namespace julu::c {
namespace {

// As much of the text as fits with its NUL, and no half character.
template <std::size_t N>
void copy_text(char (&to)[N], std::string_view from) {
  std::size_t length = std::min(from.size(), N - 1);
  while (length > 0 && length < from.size() && (static_cast<unsigned char>(from[length]) & 0xC0U) == 0x80U) --length;
  std::memcpy(to, from.data(), length);
  to[length] = '\0';
}

}  // namespace

Result<std::string> text(julu_text given, const char* field) {
  if (given.data == nullptr && given.length > 0) return Error{ErrorCode::bad_argument, field, "null"};
  return given.data == nullptr ? std::string() : std::string(given.data, given.length);
}

Result<std::string> option_text(julu_text given, const char* field) {
  JULU_TRY(std::string taken, text(given, field));
  if (taken.find('\0') != std::string::npos) return Error{ErrorCode::bad_argument, field, "NUL"};
  return taken;
}

Result<std::string> name_text(julu_text given, const char* field) {
  JULU_TRY(std::string taken, option_text(given, field));
  if (taken.empty()) return Error{ErrorCode::bad_argument, field, "empty"};
  return taken;
}

Result<void> give(julu_buf* out, std::string_view bytes) {
  if (out == nullptr) return Error{ErrorCode::bad_argument, "out", "null"};
  auto* data = static_cast<char*>(std::malloc(bytes.size() + 1));
  if (data == nullptr) return Error{ErrorCode::internal, {}, "memory"};
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
  data[bytes.size()] = '\0';
  *out = {data, bytes.size()};
  return {};
}

std::int32_t fail(julu_error* error, const Error& why) noexcept {
  julu_error told{};
  told.code = static_cast<std::int32_t>(why.code);
  copy_text(told.field, why.field);
  copy_text(told.detail, why.detail);
  write_struct(error, told);
  return told.code;
}

}  // namespace julu::c
