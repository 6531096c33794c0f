// Real phones against a real platform process. Thread rule: one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <julu/enrol.h>
#include <julu/store.h>
#include <julu/syncer.h>

#include "platform_process.h"

namespace julu::test {

StoreKey test_key();

/// Enrols over the wire; throws when it fails. Returns the store's directory.
std::string enrol_phone(PlatformProcess& platform, const Folder& folder, const std::string& worker,
                        const std::string& role = "worker");
std::unique_ptr<Store> open_phone(const std::string& directory);
/// One run with everything due now.
Result<SyncOutcome> sync_once(Store& store);
/// Runs until nothing is left or `runs` are over; throws on an error.
SyncOutcome sync_to_the_end(Store& store, int runs = 40);

/// What a phone was told is saved, by record id.
struct ToldRecord {
  std::vector<std::string> photos;  ///< hashes
  std::string body;                 ///< hash of what was captured
};
using Told = std::map<std::string, ToldRecord>;
/// Of a record's body, however it is written.
std::string hash_of_body(const std::string& json);
/// A phone's line: "saved ID BODY PHOTO…".
void add_line(Told& told, const std::string& line);

/// What stands at the platform against what was told and what `store` has sent: each record once with its body and
/// photos, each operation once with its hash, and nothing else.
struct Comparison {
  std::vector<std::string> lost, doubled, foreign, damaged;
  bool clean() const { return lost.empty() && doubled.empty() && foreign.empty() && damaged.empty(); }
};
Comparison compare(PlatformProcess& platform, Store& store, const Told& told);

}  // namespace julu::test
