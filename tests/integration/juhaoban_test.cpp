// The administrator's command line of the reference platform.
#include <filesystem>

#include <catch2/catch_test_macros.hpp>

#include "platform_process.h"

using namespace julu::test;

namespace {

struct Said {
  int status;
  std::string text;
};

Said juhaoban(std::vector<std::string> words) {
  words.insert(words.begin(), JUHAOBAN_PROGRAM);
  Process process(words, "exec timeout 20 \"$@\" 2>&1");
  std::string text = process.read_all();
  return {process.wait(), std::move(text)};
}

}  // namespace

TEST_CASE("a port that is taken is refused, and so is one that is none") {
  PlatformProcess platform(JUHAOBAN_PROGRAM, false, PlatformProcess::Way::direct);
  const std::string url = platform.url();
  const Folder folder;
  const auto serve = [&](const std::string& port) {
    return juhaoban({"serve", "--data", folder.file("other"), "--port", port});
  };
  const Said taken = serve(url.substr(url.rfind(':') + 1));
  CHECK(taken.status == 69);
  CHECK(taken.text.find("端口被占用") != std::string::npos);
  CHECK(serve("70000").text.find("65535") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.file("other")));
}

TEST_CASE("a command about a county that is not there makes none") {
  const Folder folder;
  const std::string nowhere = folder.file("nowhere");
  for (const auto& words : {std::vector<std::string>{"dump"},
                            {"new-epoch"},
                            {"note-backup"},
                            {"revoke", "--device", "D"},
                            {"admit", "--device", "D"},
                            {"add-code", "--worker", "W-0412"}}) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--data", nowhere});
    const Said said = juhaoban(all);
    INFO(said.text);
    CHECK(said.status == 66);
    CHECK(said.text.find(nowhere) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(nowhere));
  }
}
