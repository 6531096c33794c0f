#include "phone.h"

#include <set>
#include <sstream>
#include <stdexcept>

#include <julu/crypto.h>

namespace julu::demo {
namespace {

constexpr int kCommandMs = 120'000;
constexpr std::int64_t kLookUs = 200;  // how often the bytes of a sync are looked at

std::vector<Json> parsed(const std::string& output) {
  std::istringstream text(output);
  std::vector<Json> lines;
  for (std::string line; std::getline(text, line);) {
    Json json = Json::parse(line, nullptr, false);
    if (json.is_object()) lines.push_back(std::move(json));
  }
  return lines;
}

}  // namespace

Phone::Phone(std::string program, std::string folder, Proxy& proxy)
    : program_(std::move(program)), folder_(std::move(folder)), errors_(folder_ + ".log"), proxy_(proxy) {}

std::vector<std::string> Phone::command(std::vector<std::string> words) const {
  words.insert(words.begin(), {program_, "--json", "--lang", "zh", "--data", folder_});
  return words;
}

Answer Phone::run(std::vector<std::string> words) {
  Process process(command(std::move(words)), errors_);
  Answer answer;
  answer.lines = parsed(process.read_all(kCommandMs));
  answer.status = process.wait();
  return answer;
}

Answer Phone::init(const std::string& code) {
  return run({"init", "--platform", "http://127.0.0.1:" + std::to_string(proxy_.port()), "--code", code});
}

std::vector<std::string> Phone::capture_words(const Task& task) const {
  std::vector<std::string> words{task.kind == "incident" ? "report" : task.kind, "--id", task.id, "--body",
                                 task.body.dump()};
  for (const std::string& photo : task.photos) {
    words.emplace_back("--photo");
    words.push_back(photo);
  }
  return words;
}

void Phone::capture(const Task& task) {
  const Answer answer = run(capture_words(task));
  if (answer.status != 0 || answer.lines.size() != 1 || answer.lines[0].value("id", "") != task.id) {
    const std::string status = std::to_string(answer.status);
    const Json error = answer.lines.empty() ? Json() : answer.lines[0].value("error", Json());
    if (!error.is_object()) throw std::runtime_error("julu " + task.kind + " 没有保存，退出码 " + status);
    throw Refused(answer.status, error.value("message", "julu 的退出码 " + status));
  }
  const Json& saved = answer.lines[0];
  told_[task.id] = {task, saved.value("photos", std::vector<std::string>{}),
                    saved.value("photo_bytes", std::int64_t{0})};
}

bool Phone::capture_killed(const Task& task, std::int64_t after_us) {
  Process process(command(capture_words(task)), errors_);
  if (process.ended_within_us(after_us)) return false;
  process.kill();
  process.wait();
  return process.read_all(0).empty();
}

Answer Phone::sync_once() { return run({"sync", "--once"}); }

bool Phone::sync_killed(std::int64_t more_bytes) {
  const std::int64_t at = proxy_.bytes_up() + more_bytes;
  proxy_.hold_after(2 * more_bytes);
  Process process(command({"sync", "--once"}), errors_);
  bool ended = false;
  while (!ended && proxy_.bytes_up() < at) ended = process.ended_within_us(kLookUs);
  if (!ended) {
    process.kill();
    process.wait();
  }
  proxy_.end_hold();
  return !ended;
}

std::int64_t Phone::photo_bytes() const {
  std::set<std::string> seen;
  std::int64_t bytes = 0;
  for (const auto& [id, told] : told_) {
    const std::size_t wanted = seen.size() + told.photos.size();
    seen.insert(told.photos.begin(), told.photos.end());
    if (seen.size() == wanted) bytes += told.photo_bytes;
  }
  return bytes;
}

std::vector<Json> Phone::records() { return run({"list", "--limit", "100000"}).lines; }

std::vector<Json> Phone::history(const std::string& id) { return run({"history", id}).lines; }

std::string Phone::photo_hash(const std::string& sha256) {
  std::vector<std::string> words = command({"photo", sha256});
  std::erase(words, "--json");  // bytes are wanted
  Process process(words, errors_);
  const std::string bytes = process.read_all(kCommandMs);
  return process.wait() == 0 ? hex(julu::sha256(bytes)) : std::string();
}

}  // namespace julu::demo
