// A clerk at the terminal: `julu` as a process on a folder of its own, enrolled at a platform. Thread rule: one thread.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "county.h"
#include "jpeg.h"
#include "platform_process.h"

namespace julu::test {

struct Ended {
  int status = -1;
  std::string text;
  /// The last line as JSON.
  nlohmann::json last() const {
    std::istringstream lines(text);
    std::string last_line;
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) last_line = line;
    }
    return nlohmann::json::parse(last_line, nullptr, false);
  }
};

/// A shell's beginning of `julu` (process.h): in Chinese, whatever the locale of who runs the tests, and with nobody at
/// the keyboard, even if who runs them is.
inline const std::string kNoLocale = "unset LC_ALL LC_MESSAGES LANG; ";
inline const std::string kPlain = kNoLocale + "exec \"$@\" </dev/null";
inline const std::string kWithErrors = kPlain + " 2>&1";

class Desk {
 public:
  explicit Desk(PlatformProcess& platform, const std::string& worker = "W-0412", const std::string& role = "worker",
                const std::vector<std::string>& more = {}) {
    if (!has_cipher()) SKIP("the clerk's store is encrypted");
    platform.add_worker(worker, role);
    std::vector<std::string> words{"init", "--platform", platform.url(), "--code", platform.code(worker)};
    words.insert(words.end(), more.begin(), more.end());
    REQUIRE(run(words).status == 0);
  }

  Process start(const std::vector<std::string>& words, const std::string& script = kPlain) const;
  Ended run(const std::vector<std::string>& words, const std::string& script = kPlain) const {
    Process process = start(words, script);
    Ended ended;
    ended.text = process.read_all();
    ended.status = process.wait();
    return ended;
  }
  Ended run_json(std::vector<std::string> words, const std::string& script = kPlain) const {
    words.insert(words.begin(), "--json");
    return run(words, script);
  }
  /// Reports a case, and `leader` has it; its id.
  std::string report_to(const Desk& leader) const {
    const std::string id = run_json({"report", "--category", "道路", "--text", "坑"}).last().at("id");
    REQUIRE(run({"sync"}).status == 0);
    REQUIRE(leader.run({"sync"}).status == 0);
    return id;
  }
  std::string photo(const std::string& name, std::uint64_t seed = 1) const {
    return folder.write(name, make_jpeg({.width = 320, .height = 240, .seed = seed, .noise = true}));
  }

  Folder folder;
};

}  // namespace julu::test
