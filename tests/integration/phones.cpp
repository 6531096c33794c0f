#include "phones.h"

#include <set>
#include <sstream>
#include <stdexcept>

#include "county.h"

namespace julu::test {

StoreKey test_key() {
  StoreKey key{};
  key.fill(0x5A);
  return key;
}

std::string enrol_phone(PlatformProcess& platform, const Folder& folder, const std::string& worker,
                        const std::string& role) {
  platform.add_worker(worker, role);
  EnrolOptions options;
  options.platform = platform.url();
  options.code = platform.code(worker);
  options.root = folder.file("root");
  options.key = test_key();
  options.encrypted = has_cipher();
  options.consent_at_ms = system_clock().now_ms();
  const auto device = enrol(options);
  if (!device)
    throw std::runtime_error("enrol: " + std::string(name(device.error().code)) + " " + device.error().detail);
  return device->directory;
}

std::unique_ptr<Store> open_phone(const std::string& directory) {
  Store::Options options;
  options.directory = directory;
  options.key = test_key();
  options.encrypted = has_cipher();
  auto store = Store::open(options);
  if (!store) throw std::runtime_error("open: " + std::string(name(store.error().code)));
  return std::move(*store);
}

Result<SyncOutcome> sync_once(Store& store) {
  const auto transport = curl_transport({.platform = store.identity().platform, .ca_file = {}, .pinned_key = {}});
  Syncer syncer(store, *transport);
  JULU_CHECK(syncer.hint());
  return syncer.run();
}

SyncOutcome sync_to_the_end(Store& store, int runs) {
  SyncOutcome last;
  for (int i = 0; i < runs; ++i) {
    auto outcome = sync_once(store);
    if (!outcome)
      throw std::runtime_error("sync: " + std::string(name(outcome.error().code)) + " " + outcome.error().detail);
    last = *outcome;
    if (last.end == SyncEnd::all_delivered) return last;
  }
  return last;
}

std::string hash_of_body(const std::string& json) { return hex(sha256(nlohmann::json::parse(json).dump())); }

void add_line(Told& told, const std::string& line) {
  std::istringstream words(line);
  std::string word;
  words >> word;
  if (word != "saved") return;
  std::string id;
  words >> id;
  ToldRecord& record = told[id];
  words >> record.body;
  while (words >> word) record.photos.push_back(word);
}

namespace {

struct Held {
  std::set<std::string> photos;
  std::string body;
};

/// op id → hash, of all that the phone made.
std::map<std::string, std::string> ops_of(Store& store, const Told& told) {
  std::map<std::string, std::string> ops;
  for (const auto& [id, record] : told) {
    for (const HistoryEntry& entry : store.history(id).value()) {
      if (!entry.hash.empty()) ops[entry.op_id] = entry.hash;
    }
  }
  return ops;
}

void compare_ops(const std::map<std::string, std::string>& ops, const std::map<std::string, std::string>& applied,
                 Comparison& result) {
  for (const auto& [op, hash] : ops) {
    const auto there = applied.find(op);
    if (there == applied.end())
      result.lost.push_back("operation " + op);
    else if (there->second != hash)
      result.damaged.push_back("operation " + op);
  }
  for (const auto& [op, hash] : applied) {
    if (!ops.contains(op)) result.foreign.push_back("operation " + op);
  }
}

}  // namespace

Comparison compare(PlatformProcess& platform, Store& store, const Told& told) {
  Comparison result;
  std::map<std::string, Held> held;
  std::map<std::string, std::string> bytes, applied;
  for (const auto& item : platform.dump()) {
    const std::string type = item.at("type");
    if (type == "record") {
      const std::string id = item.at("id");
      if (!parse_id(id)) continue;
      if (held.contains(id)) result.doubled.push_back(id);
      held[id].body = hash_of_body(item.at("body").dump());
      for (const auto& photo : item.value("photos", nlohmann::json::array())) held[id].photos.insert(photo.at("photo"));
    } else if (type == "photo") {
      bytes[item.at("sha256")] = item.at("sha256_actual");
    } else if (type == "op" && !applied.emplace(item.at("op_id"), item.at("hash")).second) {
      result.doubled.push_back(item.at("op_id"));
    }
  }
  for (const auto& [id, record] : told) {
    if (!held.contains(id)) {
      result.lost.push_back(id);
      continue;
    }
    if (held[id].body != record.body) result.damaged.push_back("body of " + id);
    for (const std::string& photo : record.photos) {
      if (!held[id].photos.contains(photo)) result.lost.push_back(id + " " + photo);
      if (!bytes.contains(photo) || bytes[photo] != photo) result.damaged.push_back(photo);
    }
  }
  for (const auto& [id, what] : held) {
    if (!told.contains(id)) result.foreign.push_back(id);
  }
  compare_ops(ops_of(store, told), applied, result);
  return result;
}

}  // namespace julu::test
