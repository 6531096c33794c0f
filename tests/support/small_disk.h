// A really full disk: a small file system of a test's own. Thread rule: one thread.
#pragma once

#include <string>

namespace julu::test {

inline constexpr int kNoSmallDisk = 77;  ///< this machine lets no test mount a file system of its own
inline constexpr int kThrew = 78;

/// Runs `work` in a child that sees `folder` as an empty file system of 8 MB; returns what it returned, or one of the
/// above.
int on_small_disk(const std::string& folder, int (*work)(const std::string&));
/// Writes `folder`/filler until nothing more goes in.
void fill_disk(const std::string& folder);

}  // namespace julu::test
