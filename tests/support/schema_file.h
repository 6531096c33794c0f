// Reads the repository's own schema files, so that tests hold the data that ships. Thread rule: none, tests only.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace julu::test {

/// The text of a file below schema/. Throws when it is not there, which fails the test.
inline std::string schema_file(const std::string& path) {
  std::ifstream file(std::string(JULU_SCHEMA_DIR) + "/" + path, std::ios::binary);
  if (!file) throw std::runtime_error("no schema file " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace julu::test
