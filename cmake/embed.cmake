# Run by julu_embed: writes OUT.h and OUT.cpp with the text of each of FILES (below ROOT) as a constant.
string(REPLACE "|" ";" files "${FILES}")
file(WRITE ${OUT}.h "#pragma once
#include <span>
#include <string_view>
namespace ${NAMESPACE} {
struct File { std::string_view path; std::string_view text; };
std::span<const File> files();
}
")
set(body "#include \"${NAMESPACE}.h\"\nnamespace ${NAMESPACE} {\nnamespace {\n")
set(table "")
set(n 0)
foreach(path IN LISTS files)
  file(READ ${ROOT}/${path} hex HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" escaped "${hex}")
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  # Adjacent short literals: one very long literal is more than some compilers take.
  string(REGEX REPLACE "(................................................................)" "\\1\"\n\"" escaped "${escaped}")
  string(APPEND body "constexpr char kText${n}[] = \"${escaped}\";\n")
  string(APPEND table "  {\"${path}\", {kText${n}, ${size}}},\n")
  math(EXPR n "${n} + 1")
endforeach()
string(APPEND body "constexpr File kFiles[] = {\n${table}};\n}\nstd::span<const File> files() { return kFiles; }\n}\n")
file(WRITE ${OUT}.cpp "${body}")
