// Code lists, of schema/codes or the platform's: what a code is called. Thread rule: a pure function.
#pragma once

#include <string>
#include <string_view>

#include <julu/result.h>

namespace julu {

/// `{id, version, source, title_zh, items:[{code, zh, en}]}`, each code once. Ok: its id. Errors: schema_invalid with a
/// pointer inside the file.
Result<std::string> check_codes(std::string_view json);

}  // namespace julu
