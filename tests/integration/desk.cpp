#include "desk.h"

namespace julu::test {

Process Desk::start(const std::vector<std::string>& words, const std::string& script) const {
  std::vector<std::string> all{JULU_PROGRAM, "--data", folder.file("data")};
  all.insert(all.end(), words.begin(), words.end());
  return Process(all, script);
}

}  // namespace julu::test
