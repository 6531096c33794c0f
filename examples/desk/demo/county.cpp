#include "county.h"

#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace julu::demo {
namespace {

constexpr int kReadyMs = 20'000;
constexpr int kCommandMs = 60'000;

}  // namespace

County::County(std::string program, std::string folder, Proxy& proxy)
    : program_(std::move(program)), folder_(std::move(folder)), errors_(folder_ + ".log"), proxy_(proxy) {}

std::string County::run(std::vector<std::string> words) {
  words.insert(words.begin(), program_);
  Process process(words, errors_);
  std::string out = process.read_all(kCommandMs);
  if (const int status = process.wait(); status != 0) {
    throw std::runtime_error("juhaoban " + words[1] + " ended with " + std::to_string(status) + ", see " + errors_);
  }
  return out;
}

void County::add_worker(const std::string& worker, const std::string& name) {
  run({"add-worker", "--data", folder_, "--worker", worker, "--name", name, "--role", "worker", "--grid",
       "130529200203001", "--grid-name", "堤村乡 03 网格"});
}

std::string County::activation_code(const std::string& worker) {
  std::string code = run({"add-code", "--data", folder_, "--worker", worker});
  while (!code.empty() && (code.back() == '\n' || code.back() == '\r')) code.pop_back();
  return code;
}

void County::start() {
  const std::string address = "http://127.0.0.1:" + std::to_string(proxy_.port());
  process_ = std::make_unique<Process>(std::vector<std::string>{program_, "serve", "--data", folder_, "--port", "0",
                                                                "--address", address, "--auto-triage"},
                                       errors_);
  const auto line = process_->read_line(kReadyMs);
  const std::size_t at = line ? line->find("http://127.0.0.1:") : std::string::npos;
  const int port = at == std::string::npos ? 0 : std::atoi(line->c_str() + at + 17);
  if (port == 0) throw std::runtime_error("juhaoban did not start, see " + errors_);
  proxy_.forward_to(port);
}

void County::stop() {
  if (!process_) return;
  proxy_.forward_to(0);
  process_->terminate();
  if (!process_->ended_within_us(std::int64_t{kReadyMs} * 1000)) process_->kill();
  process_->wait();
  process_.reset();
}

std::vector<Json> County::dump() {
  std::istringstream lines(run({"dump", "--data", folder_, "--json"}));
  std::vector<Json> items;
  for (std::string line; std::getline(lines, line);) {
    Json item = Json::parse(line, nullptr, false);
    if (item.is_object()) items.push_back(std::move(item));
  }
  return items;
}

}  // namespace julu::demo
