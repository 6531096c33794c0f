// A store's file that the card has damaged, and what of it has to go on in the next one. Thread rule: one thread.
#pragma once

#include <string>

#include "site.h"

namespace julu::crash {

/// Garbage over one page of the store's file: the newest one after which `sql` gives some of its rows, and then an
/// error. Throws when there is none.
void damage_rows(Site& site, const char* sql);

/// What the file that was set aside still gives and the one in use does not hold; nothing when all is there.
std::string left_behind(Site& site);

}  // namespace julu::crash
