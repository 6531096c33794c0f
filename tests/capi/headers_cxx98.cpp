// julu.h is C++ of every age.
#include "julu.h"

int header_is_cxx() { return static_cast<int>(julu_abi_version()); }
