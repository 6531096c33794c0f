// See codes.h. Thread rule: immutable.
#include "domain/codes.h"

#include "base/json.h"

namespace julu {

Result<std::shared_ptr<const Codes>> Codes::load(std::string_view codes_json) {
  const auto parsed = parse_reply(codes_json);
  if (!parsed || !parsed->is_object()) return Error{ErrorCode::schema_invalid, "", ""};
  std::shared_ptr<Codes> codes(new Codes);
  codes->id_ = text_member(*parsed, "id");
  if (codes->id_.empty()) return Error{ErrorCode::schema_invalid, "/id", ""};
  codes->version_ = text_member(*parsed, "version");
  const auto items = parsed->find("items");
  if (items == parsed->end() || !items->is_array()) return Error{ErrorCode::schema_invalid, "/items", ""};
  for (const Json& item : *items) {
    Item made{text_member(item, "code"), text_member(item, "zh"), text_member(item, "en")};
    const std::size_t index = codes->items_.size();
    if (made.code.empty() || !codes->index_.emplace(made.code, index).second) {
      return Error{ErrorCode::schema_invalid, "/items/" + std::to_string(index) + "/code", ""};
    }
    codes->items_.push_back(std::move(made));
  }
  return std::shared_ptr<const Codes>(std::move(codes));
}

std::string Codes::label(std::string_view code, Lang lang) const {
  const auto at = index_.find(code);
  if (at == index_.end()) return std::string(code);
  const Item& item = items_[at->second];
  if (lang == Lang::en && !item.en.empty()) return item.en;
  return item.zh.empty() ? item.code : item.zh;
}

std::string Codes::code_of(std::string_view text) const {
  if (index_.find(text) != index_.end()) return std::string(text);
  for (const Item& item : items_) {
    if (!text.empty() && (item.zh == text || item.en == text)) return item.code;
  }
  return {};
}

}  // namespace julu
