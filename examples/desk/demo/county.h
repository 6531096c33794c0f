// The platform of the demo: real `juhaoban` processes over one folder, and what its database holds. Thread rule: one
// thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "process.h"
#include "proxy.h"

namespace julu::demo {

using Json = nlohmann::json;

class County {
 public:
  /// `program`: the path of juhaoban; everything it keeps goes under `folder`.
  County(std::string program, std::string folder, Proxy& proxy);

  void add_worker(const std::string& worker, const std::string& name);
  std::string activation_code(const std::string& worker);
  /// Ready for requests when it returns.
  void start();
  void stop();
  /// Every item of its database, one object each.
  std::vector<Json> dump();

 private:
  std::string run(std::vector<std::string> words);
  std::string program_, folder_, errors_;
  Proxy& proxy_;
  std::unique_ptr<Process> process_;
};

}  // namespace julu::demo
