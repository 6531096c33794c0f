#include "platform_process.h"

#include <sstream>
#include <stdexcept>

namespace julu::test {

PlatformProcess::PlatformProcess(std::string program, bool auto_triage, Way way)
    : program_(std::move(program)), auto_triage_(auto_triage), way_(way), port_(free_port()) {
  proxy = std::make_unique<Proxy>(port_);
  start();
}

void PlatformProcess::start() {
  std::vector<std::string> words{
      program_, "serve", "--data", folder.file("platform"), "--port", std::to_string(port_), "--address", url()};
  if (auto_triage_) words.emplace_back("--auto-triage");
  process_.emplace(words);
  const auto line = process_->read_line();
  if (!line || line->find("http://") == std::string::npos) throw std::runtime_error("the platform did not start");
}

void PlatformProcess::stop() {
  if (!process_) return;
  process_->terminate();
  process_->wait();
  process_.reset();
}

void PlatformProcess::kill() {
  if (!process_) return;
  process_->kill();
  process_->wait();
  process_.reset();
}

void PlatformProcess::add_worker(const std::string& worker, const std::string& role, const std::string& grid) {
  run_to_end({program_, "add-worker", "--data", folder.file("platform"), "--worker", worker, "--name", worker, "--role",
              role, "--grid", grid, "--grid-name", "03"});
}

std::string PlatformProcess::code(const std::string& worker) {
  std::string code = run_to_end({program_, "add-code", "--data", folder.file("platform"), "--worker", worker});
  while (!code.empty() && code.back() == '\n') code.pop_back();
  return code;
}

std::vector<nlohmann::json> PlatformProcess::dump() {
  std::istringstream lines(run_to_end({program_, "dump", "--data", folder.file("platform"), "--json"}));
  std::vector<nlohmann::json> items;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) items.push_back(nlohmann::json::parse(line));
  }
  return items;
}

std::vector<nlohmann::json> PlatformProcess::dump(const std::string& type) {
  std::vector<nlohmann::json> items = dump();
  std::erase_if(items, [&](const nlohmann::json& item) { return item.at("type") != type; });
  return items;
}

void PlatformProcess::new_epoch() { run_to_end({program_, "new-epoch", "--data", folder.file("platform")}); }

}  // namespace julu::test
