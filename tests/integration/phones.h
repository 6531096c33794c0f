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

/// What a phone was told is saved: record id → hashes of its photos.
using Told = std::map<std::string, std::vector<std::string>>;
void add_line(Told& told, const std::string& line);

/// What stands at the platform against what was told, record by record and hash by hash.
struct Comparison {
  std::vector<std::string> lost, doubled, foreign, damaged;
  bool clean() const { return lost.empty() && doubled.empty() && foreign.empty() && damaged.empty(); }
};
Comparison compare(PlatformProcess& platform, const Told& told);

}  // namespace julu::test
