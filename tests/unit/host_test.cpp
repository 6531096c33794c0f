// What a host app asks beside its data: to let go while it sleeps, and to be told how it goes.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <julu/enrolment.h>
#include <julu/log.h>

#include "county.h"
#include "store/sqlite.h"

using namespace julu;
using namespace julu::test;

namespace {

Capture incident(std::string text = "村东头排水沟堵了") {
  return {.kind = "incident", .body = R"({"category":"drainage","text":")" + text + "\"}"};
}

/// How often `key` stands in the memory of this process, the stack aside, which is the test's own; nothing where a
/// sanitizer makes the memory too large to look at.
std::optional<int> times_held(const StoreKey& key) {
  std::vector<std::string_view> memory;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t from = 0, to = 0;
    char rights[5]{};
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, rights) != 3) return std::nullopt;
    if (std::strcmp(rights, "rw-p") != 0 || line.find("[stack") != std::string::npos) continue;
    if (to - from > std::uintptr_t{1} << 30) return std::nullopt;
    memory.emplace_back(reinterpret_cast<const char*>(from), to - from);
  }
  const std::string_view wanted(reinterpret_cast<const char*>(key.data()), key.size());
  int times = 0;
  for (const std::string_view part : memory) {
    for (auto at = part.find(wanted); at != std::string_view::npos; at = part.find(wanted, at + 1)) ++times;
  }
  return times;
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

TEST_CASE("of a suspended store nobody can read the key out of this process") {
  County county;
  Enrolment::Options enrolment;
  enrolment.root = county.folder.file("plain");
  enrolment.encrypted = false;  // such a store is as careful with a key that it does not need
  enrolment.platform = "https://county.example";
  enrolment.consent_at_ms = county.clock.now_ms();
  enrolment.random = county.random.get();
  Identity identity;
  identity.device = "d-1";
  identity.worker = "W-0412";
  identity.root_key = public_key(county.root_key);
  Store::Options options = county.options();
  options.directory = Enrolment::begin(enrolment).value()->finish(identity).value();
  options.encrypted = false;
  county.random->fill(std::as_writable_bytes(std::span(options.key)));
  const auto store = Store::open(options).value();
  const auto awake = times_held(options.key);
  if (!awake) SKIP("the memory of this process cannot be looked at");
  CHECK(*awake > 0);
  REQUIRE(store->suspend().ok());
  CHECK(times_held(options.key).value() == 0);

  store::Connection::Options file;
  file.path = options.directory + "/julu.db";
  REQUIRE(store::Connection::open(file).value()->run("DELETE FROM meta WHERE name = 'identity'").ok());
  REQUIRE_FALSE(store->resume(options.key).ok());
  CHECK(store->status().error().code == ErrorCode::suspended);
  CHECK(times_held(options.key).value() == 0);
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
