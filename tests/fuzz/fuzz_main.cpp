// libFuzzer's entry: one program for all targets, `--target=NAME` chooses.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "target.h"

namespace {

const julu::fuzz::Target* chosen = nullptr;

}  // namespace

extern "C" {

int LLVMFuzzerInitialize(int* count, char*** words);
int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

__attribute__((visibility("default"))) int LLVMFuzzerInitialize(int* count, char*** words) {
  constexpr std::string_view kOption = "--target=";
  for (int i = 1; i < *count; ++i) {
    const std::string_view word = (*words)[i];
    if (word.starts_with(kOption)) chosen = julu::fuzz::find_target(word.substr(kOption.size()));
  }
  if (chosen != nullptr) return 0;
  for (const auto& target : julu::fuzz::targets()) std::fprintf(stderr, "--target=%s\n", target.name.data());
  std::exit(2);
}

__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
}
