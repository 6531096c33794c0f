// A code list of schema/codes or of the platform: what a code is called. Lists are open; an unknown code is kept and
// shown by itself. Thread rule: immutable, share freely.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <julu/result.h>

namespace julu {

class Codes {
 public:
  struct Item {
    std::string code, zh, en;
  };

  /// `{id, version, source, title_zh, items:[{code, zh, en?}]}`. schema_invalid with a pointer inside the file.
  static Result<std::shared_ptr<const Codes>> load(std::string_view codes_json);

  const std::string& id() const { return id_; }
  const std::string& version() const { return version_; }
  /// In the order of the file.
  const std::vector<Item>& items() const { return items_; }
  /// English falls back to Chinese, an unknown code to itself.
  std::string label(std::string_view code, Lang lang) const;
  /// The code that is written so in Chinese or English, or that is the text itself; empty when there is none.
  std::string code_of(std::string_view text) const;

 private:
  Codes() = default;

  std::string id_, version_;
  std::vector<Item> items_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

}  // namespace julu
