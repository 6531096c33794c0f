// What a store's file holds, row by row. Thread rule: one thread.
#pragma once

#include "site.h"

namespace julu::crash {

struct Contents {
  Hash rows{};  ///< of every row that matters to a promise
  bool photos_whole = true;
};
/// Throws when they cannot be read.
Contents contents_of(SimDisk& disk, bool encrypted);

}  // namespace julu::crash
