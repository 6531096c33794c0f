// What the tests of the C face have in common: an enrolled store opened through julu.h alone. Thread rule: one thread.
#pragma once

#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "county.h"
#include "jpeg.h"
#include "julu.h"

namespace julu::test {

inline julu_text t(std::string_view text) { return {text.data(), text.size()}; }
inline constexpr std::string_view kBody = R"({"category":"drainage","text":"村东头排水沟堵了"})";

template <class T>
T sized() {
  T made{};
  made.size = sizeof(T);
  return made;
}

/// Takes the bytes out and frees them.
inline std::string taken(julu_buf& buf) {
  std::string bytes(buf.data == nullptr ? "" : buf.data, buf.length);
  julu_buf_free(&buf);
  return bytes;
}

/// An enrolled phone, its store open through the C face; at the end no handle is left.
class Face {
 public:
  Face() {
    county.phone();  // enrols, and closes again
    store = open();
  }
  ~Face() {
    julu_store_close(store);
    CHECK(julu_live_handles() == 0);
  }

  julu_store_options options() {
    auto given = sized<julu_store_options>();
    directory_ = county.directory();
    given.flags = has_cipher() ? 0 : JULU_UNENCRYPTED;
    given.directory = t(directory_);
    given.key = county.key.data();
    return given;
  }
  julu_store open() {
    const julu_store_options given = options();
    julu_store opened = 0;
    auto error = sized<julu_error>();
    INFO(error.detail);
    REQUIRE(julu_store_open(&given, &opened, &error) == JULU_OK);
    return opened;
  }
  std::string capture(std::string_view body = kBody) const {
    auto saved = sized<julu_saved>();
    REQUIRE(julu_store_capture(store, t("incident"), t(body), nullptr, 0, {}, &saved, nullptr) == JULU_OK);
    return saved.id;
  }
  nlohmann::json get(const std::string& id) const {
    julu_buf out{};
    REQUIRE(julu_store_get(store, t(id), &out, nullptr) == JULU_OK);
    return nlohmann::json::parse(taken(out));
  }

  County county;
  julu_store store = 0;

 private:
  std::string directory_;
};

}  // namespace julu::test
