// What the clerk's terminal says to what was mistyped: what is wrong with it, and what to type instead.
#include <catch2/catch_test_macros.hpp>

#include <sys/stat.h>

#include "desk.h"

using namespace julu::test;
using nlohmann::json;

namespace {

// A clerk's refused commands, by their message.
struct Mistyping : Desk {
  using Desk::Desk;
  std::string message(const std::vector<std::string>& words, int status) const {
    const Ended ended = run_json(words);
    INFO(ended.text);
    CHECK(ended.status == status);
    const json last = ended.last();
    return last.is_object() && last.contains("error") ? last["error"].value("message", "") : "";
  }
  bool says(const std::vector<std::string>& words, int status, const std::string& what) const {
    const std::string text = message(words, status);
    UNSCOPED_INFO(text);
    return text.find(what) != std::string::npos;
  }
};

}  // namespace

TEST_CASE("what is wrong with the key or the folder names the option and the path") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Mistyping desk(platform);
  const std::string key = desk.folder.file("data/key");
  REQUIRE(::chmod(key.c_str(), 0644) == 0);
  const std::string open = desk.message({"list"}, 77);
  CHECK(open.find("chmod 600 " + key) != std::string::npos);
  CHECK(open.find("请授权") == std::string::npos);
  REQUIRE(::chmod(key.c_str(), 0600) == 0);
  const std::string other = desk.folder.write("other", std::string(63, '0'));
  REQUIRE(::chmod(other.c_str(), 0600) == 0);
  CHECK(desk.says({"--key-file", other, "list"}, 77, "--key-file " + other));
  Process elsewhere({JULU_PROGRAM, "--data", other, "list"}, kWithErrors);
  CHECK(elsewhere.read_all().find("--data " + other) != std::string::npos);
}
