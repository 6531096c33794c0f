// The same bytes by prepared INSERTs through the same cipher: what any store on SQLite costs at the least. Thread rule:
// one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "store/sqlite.h"

namespace julu::bench {

std::unique_ptr<store::Connection> open_database(const std::string& path, bool keyed);

class BareStore {
 public:
  explicit BareStore(const std::string& path);
  /// Rows of `body_600` with two indexes, one a transaction; returns `count`.
  int texts(int count, std::uint64_t& seed);
  /// The same rows in one transaction, as the page of a pull brings them.
  int page(int count, std::uint64_t& seed);
  /// One BLOB a transaction; returns how many.
  int photos(const std::vector<std::string>& photos);
  /// What the host does while it is idle.
  void settle();

 private:
  std::unique_ptr<store::Connection> db_;
};

}  // namespace julu::bench
