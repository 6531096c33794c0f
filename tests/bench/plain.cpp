#include "plain.h"

#include <algorithm>
#include <chrono>

#include <julu/store.h>

void* julu_plain_open(const char* directory, const std::uint8_t* key) {
  julu::Store::Options options;
  options.directory = directory;
  options.encrypted = key != nullptr;
  if (key != nullptr) std::copy_n(key, options.key.size(), options.key.begin());
  auto store = julu::Store::open(options);
  return store ? store->release() : nullptr;
}

std::int64_t julu_plain_captures(void* store, const char* kind, const char* body, const char* id, std::int32_t count) {
  auto& julu_store = *static_cast<julu::Store*>(store);
  const auto from = std::chrono::steady_clock::now();
  for (std::int32_t i = 0; i < count; ++i) {
    if (!julu_store.capture({.kind = kind, .body = body, .photos = {}, .id = id})) return -1;
  }
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - from).count();
}

void julu_plain_close(void* store) { delete static_cast<julu::Store*>(store); }
