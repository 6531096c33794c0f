// A real reference platform in a process of its own, on loopback, with a folder of its own. Thread rule: one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "folder.h"
#include "process.h"
#include "proxy.h"

namespace julu::test {

class PlatformProcess {
 public:
  enum class Way { proxy, direct };
  /// `program`: the path of juhaoban. Phones reach it by `proxy`, unless `way` says that nothing stands between.
  explicit PlatformProcess(std::string program, bool auto_triage = false, Way way = Way::proxy);

  void start();
  void stop();
  void kill();
  std::string url() const { return "http://127.0.0.1:" + std::to_string(way_ == Way::proxy ? proxy->port() : port_); }
  void add_worker(const std::string& worker, const std::string& role = "worker",
                  const std::string& grid = "130529200203001");
  std::string code(const std::string& worker);
  /// What it holds, one object an item, read from its database while it is stopped or running.
  std::vector<nlohmann::json> dump();
  std::vector<nlohmann::json> dump(const std::string& type);
  void new_epoch();
  double cpu_seconds() const { return process_ ? process_->cpu_seconds() : 0; }

  Folder folder;
  std::unique_ptr<Proxy> proxy;

 private:
  std::string program_;
  bool auto_triage_;
  Way way_;
  int port_;
  std::optional<Process> process_;
};

}  // namespace julu::test
