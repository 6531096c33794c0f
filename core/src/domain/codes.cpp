// See codes.h.
#include "domain/codes.h"

#include <set>

#include "base/json.h"

namespace julu {

Result<std::string> check_codes(std::string_view json) {
  const auto parsed = parse_reply(json);
  if (!parsed || !parsed->is_object()) return Error{ErrorCode::schema_invalid, "", ""};
  std::string id = text_member(*parsed, "id");
  if (id.empty()) return Error{ErrorCode::schema_invalid, "/id", ""};
  const auto items = parsed->find("items");
  if (items == parsed->end() || !items->is_array()) return Error{ErrorCode::schema_invalid, "/items", ""};
  std::set<std::string> codes;
  for (const Json& item : *items) {
    const std::string code = text_member(item, "code");
    if (code.empty() || !codes.insert(code).second) {
      return Error{ErrorCode::schema_invalid, "/items/" + std::to_string(codes.size()) + "/code", ""};
    }
  }
  return id;
}

}  // namespace julu
