// What a host app asks beside its data: to let go while it sleeps, and to be told how it goes.
#include <filesystem>

#include <catch2/catch_test_macros.hpp>

#include <julu/log.h>

#include "county.h"

using namespace julu;
using namespace julu::test;

namespace {

Capture incident(std::string text = "村东头排水沟堵了") {
  return {.kind = "incident", .body = R"({"category":"drainage","text":")" + text + "\"}"};
}

}  // namespace

TEST_CASE("a suspended store holds no file, forgets the key, and goes on where it was") {
  County county;
  auto store = county.phone();
  const auto saved = store->capture(incident());
  REQUIRE(saved.ok());
  const auto held = [&] {
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const auto target = std::filesystem::read_symlink(entry.path(), gone);
      files += target.string().find(county.folder.file("")) == 0 ? 1 : 0;
    }
    return files;
  };
  CHECK(held() > 0);
  REQUIRE(store->suspend().ok());
  REQUIRE(store->suspend().ok());
  CHECK(held() == 0);
  CHECK(store->capture(incident()).error().code == ErrorCode::suspended);
  CHECK(store->get(saved->id).error().code == ErrorCode::suspended);
  CHECK(store->maintain(std::chrono::seconds(1)).error().code == ErrorCode::suspended);
  CHECK(is_retryable(ErrorCode::suspended));
  CHECK(store->identity().worker == "W-0412");
  {
    auto other = county.open_again();  // as another process would
    CHECK(other->capture(incident()).ok());
  }
  if (has_cipher()) {
    StoreKey wrong{};
    wrong.fill(0x11);
    CHECK(store->resume(wrong).error().code == ErrorCode::store_key);
    CHECK(store->get(saved->id).error().code == ErrorCode::suspended);
  }
  REQUIRE(store->resume(county.key).ok());
  REQUIRE(store->resume(county.key).ok());
  CHECK(store->get(saved->id)->has_value());
  CHECK(store->status()->records == 2);
  CHECK(store->capture(incident()).ok());
}

TEST_CASE("the log tells of codes and counts, never of what was entered, and no more once it is taken away") {
  County county;
  std::string lines;
  set_log([&](LogLevel, std::string_view line) { lines += std::string(line) + "\n"; });
  auto store = county.phone();
  REQUIRE(store->capture(incident("只有他知道")).ok());
  CHECK(lines.find("store open") != std::string::npos);
  CHECK(lines.find("只有他知道") == std::string::npos);
  set_log({});
  const std::string before = lines;
  store.reset();
  store = county.open_again();
  CHECK(lines == before);
}
