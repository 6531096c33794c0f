#include "compare.h"

#include <set>

namespace julu::demo {
namespace {

// A photo of a record: its hash and its role. One photo may well stand for two things, near and far.
using Placed = std::pair<std::string, std::string>;

struct Held {
  std::vector<const Json*> records;
  std::multiset<Placed> photos;  ///< of the record itself, not of later steps
  std::int64_t creates = 0;
};

bool is_system_kind(const std::string& kind) {
  static const std::set<std::string> kKinds{"schema", "codes", "calendar", "settings", "receipt-key", "flow"};
  return kKinds.contains(kind);
}

std::map<std::string, Held> held_records(const std::vector<Json>& platform) {
  std::map<std::string, Held> held;
  for (const Json& item : platform) {
    const std::string type = item.value("type", "");
    if (type == "record" && !is_system_kind(item.value("kind", ""))) {
      Held& one = held[item.value("id", "")];
      one.records.push_back(&item);
      for (const Json& photo : item.value("photos", Json::array())) {
        if (!photo.contains("action") || photo["action"].is_null())
          one.photos.emplace(photo.value("photo", ""), photo.value("role", ""));
      }
    }
    if (type == "op" && item.value("verb", "") == "create") ++held[item.value("record", "")].creates;
  }
  return held;
}

std::set<Placed> placed(const Told& told) {
  std::set<Placed> photos;
  for (std::size_t i = 0; i < told.photos.size(); ++i) {
    const std::string& typed = told.task.photos.at(i);
    photos.emplace(told.photos[i], typed.substr(0, typed.find('=')));
  }
  return photos;
}

// Every operation of the device once at the platform, with the hash that it has on the device, and no other.
void compare_ops(const std::map<std::string, std::string>& ops, const std::vector<Json>& platform, Verdict& verdict) {
  std::map<std::string, std::string> there;
  for (const Json& item : platform) {
    if (item.value("type", "") != "op") continue;
    const std::string op_id = item.value("op_id", "");
    if (!there.emplace(op_id, item.value("hash", "")).second || !ops.contains(op_id)) {
      ++verdict.duplicated;
      verdict.complaints.push_back("操作重复 " + op_id);
    }
  }
  for (const auto& [op_id, hash] : ops) {
    const auto found = there.find(op_id);
    if (found != there.end() && found->second == hash) continue;
    ++verdict.lost;
    verdict.complaints.push_back((found == there.end() ? "平台没有操作 " : "操作的哈希不同 ") + op_id);
  }
}

// Nothing of a record, another body, or a photo that is not there whole is lost.
void compare_one(const Told& told, const Held& held, const std::map<std::string, std::string>& bytes,
                 Verdict& verdict) {
  const auto lost = [&](const std::string& what) {
    ++verdict.lost;
    verdict.complaints.push_back(what + " " + told.task.id);
  };
  if (held.records.empty()) {
    lost("平台没有");
    return;
  }
  const Json& record = *held.records.front();
  const bool same = record.value("kind", "") == told.task.kind && record.value("body", Json()) == told.task.body;
  if (!same) lost("内容不同");
  bool whole = same;
  for (const Placed& wanted : placed(told)) {
    const std::string& photo = wanted.first;
    const auto there = bytes.find(photo);
    if (held.photos.contains(wanted) && there != bytes.end() && there->second == photo) {
      ++verdict.photos_delivered;
    } else {
      lost("照片不在平台 " + photo.substr(0, 12));
      whole = false;
    }
    if (held.photos.count(wanted) > 1) {
      ++verdict.duplicated;
      verdict.complaints.push_back("照片重复 " + photo.substr(0, 12) + " " + told.task.id);
    }
  }
  if (held.records.size() > 1 || held.creates > 1) {
    ++verdict.duplicated;
    verdict.complaints.push_back("记录重复 " + told.task.id);
  }
  if (whole) ++verdict.delivered;
}

}  // namespace

std::map<std::string, std::string> platform_photos(const std::vector<Json>& platform) {
  std::map<std::string, std::string> bytes;
  for (const Json& item : platform) {
    if (item.value("type", "") == "photo") bytes[item.value("sha256", "")] = item.value("sha256_actual", "");
  }
  return bytes;
}

Verdict compare(const std::map<std::string, Told>& told, const std::map<std::string, std::string>& ops,
                const std::vector<Json>& platform) {
  Verdict verdict;
  compare_ops(ops, platform, verdict);
  const std::map<std::string, Held> held = held_records(platform);
  const auto bytes = platform_photos(platform);
  for (const auto& [id, one] : told) {
    ++verdict.captured;
    verdict.photos += static_cast<std::int64_t>(placed(one).size());
    verdict.photo_bytes += one.photo_bytes;
    const auto there = held.find(id);
    compare_one(one, there == held.end() ? Held{} : there->second, bytes, verdict);
  }
  // The platform was empty before: what nobody was told of came twice under another id.
  for (const auto& [id, one] : held) {
    if (one.records.empty() || told.contains(id)) continue;
    ++verdict.duplicated;
    verdict.complaints.push_back("平台多出 " + id);
  }
  return verdict;
}

}  // namespace julu::demo
