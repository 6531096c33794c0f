// What the county holds and what a phone has to say of its operations, read from their databases. Thread rule: plain
// values.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <julu/receipt.h>
#include <nlohmann/json.hpp>

namespace julu::store {
class Connection;
}

namespace julu::sim {

class Phone;
class World;

struct HeldOp {
  std::string hash;
  std::int64_t version = 0;
  std::string record;
  std::string worker;
  std::string verb;
};

/// What the platform holds.
struct County {
  std::map<std::string, HeldOp> ops;  // worker + op id
  std::map<std::string, nlohmann::json> records;
  std::map<std::string, std::int64_t> versions;
  std::map<std::string, bool> deleted;
  std::map<std::string, std::string> states;
  std::map<std::string, std::string> grids;
  std::map<std::string, std::string> creators;
  std::map<std::string, std::vector<std::string>> scopes;  // grids of each worker
  std::set<std::string> photos;                            // complete and with the bytes of their hash
  std::set<std::string> attached;                          // record + photo
  std::set<std::string> hung;                              // record + photo + role
  std::set<std::string> steps;                             // record + id, of cases
  std::map<std::string, std::string> said;                 // what each of these steps says
  std::map<std::string, ReceiptKey> receipt_keys;
  std::map<std::string, nlohmann::json> catalog;  // by kind and id
};

struct OwnOp {
  std::int64_t seq = 0, place = 0;
  std::string id, record, hash, canonical, problem;
  int status = 0;
  std::optional<std::int64_t> version;
  std::optional<std::int64_t> receipt;
  std::optional<std::int64_t> successor;
};

County read_county(const std::string& vfs);
/// Of that, what it has applied.
std::map<std::string, HeldOp> read_held(const std::string& vfs);
/// A connection of our own to a phone's file; null when it does not open.
std::unique_ptr<store::Connection> open_phone(const World& world, const Phone& phone);
/// In the order of making.
std::vector<OwnOp> read_ops(store::Connection& db);
/// Parked because the county's form needs, now or once, what the phone's did not know of.
bool is_of_catalog(const World& world, const std::string& canonical, const nlohmann::json& problem, bool at_the_end);
/// Null: after damage some are missing.
const OwnOp* find_op(const std::vector<OwnOp>& ops, std::optional<std::int64_t> seq);

}  // namespace julu::sim
