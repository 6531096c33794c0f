// The device of the demo: real `julu` processes over one folder, some of them killed. What it was told is saved is kept
// here, in memory, and is the measure of everything. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "process.h"
#include "proxy.h"
#include "scene.h"

namespace julu::demo {

using Json = nlohmann::json;

struct Answer {
  int status = 0;
  std::vector<Json> lines;
};

/// What `julu` refused, in its own words.
struct Refused : std::runtime_error {
  Refused(int status_, const std::string& said) : std::runtime_error(said), status(status_) {}
  int status;
};

/// What a `julu` that ended well said it had saved.
struct Told {
  Task task;
  std::vector<std::string> photos;  ///< SHA-256 of the copies to be sent
  std::int64_t photo_bytes = 0;
};

class Phone {
 public:
  /// `program`: the path of julu; everything it keeps goes under `folder`.
  Phone(std::string program, std::string folder, Proxy& proxy);

  Answer init(const std::string& code);
  /// Told saved when it returns; throws when it was not saved, Refused when it cannot be.
  void capture(const Task& task);
  /// Kills the capture after `after_us`. True: it was killed before it had answered.
  bool capture_killed(const Task& task, std::int64_t after_us);
  Answer sync_once();
  /// Kills the sync when `more_bytes` more have gone up; before it is dead at most twice as many do. True: it was
  /// killed before it had ended.
  bool sync_killed(std::int64_t more_bytes);

  const std::map<std::string, Told>& told() const { return told_; }
  /// What has to go up at least for every photo to be there: the same photo goes once.
  std::int64_t photo_bytes() const;
  /// Every record here, newest first.
  std::vector<Json> records();
  /// The record's ops, with their receipts.
  std::vector<Json> history(const std::string& id);
  /// SHA-256 of a photo's bytes as they are read back; empty when they are not here.
  std::string photo_hash(const std::string& sha256);

 private:
  std::vector<std::string> command(std::vector<std::string> words) const;
  Answer run(std::vector<std::string> words);
  std::vector<std::string> capture_words(const Task& task) const;

  std::string program_, folder_, errors_;
  Proxy& proxy_;
  std::map<std::string, Told> told_;
};

}  // namespace julu::demo
