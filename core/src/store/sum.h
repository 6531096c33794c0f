// One number for all rows of the file, kept up by every transaction: pages that a disk mixed, old ones with new, belong
// to no moment of it. Thread rule: under the lock of the Connection's owner.
#pragma once

#include <string>

#include "store/sqlite.h"

namespace julu::store {

/// From here on each row that `db` writes changes what its transactions put down as the sum. Before the first of them,
/// and where tables are made; costs a millisecond once.
Result<void> keep_sum(Connection& db);
/// Adds `changed` to what is put down. In the caller's transaction.
Result<void> put_sum(Connection& db, std::int64_t changed);
/// Once a boot, because only a machine that lost its power leaves such pages: are the rows those of the sum, the
/// indexes those of the rows, and the photos as long as they should be? A boot without a name is always another one.
/// True: `set_checked` is due, with the next thing that is written. In the caller's transaction. Errors: store_corrupt.
Result<bool> check_sum(Connection& db, const std::string& boot);
Result<void> set_checked(Connection& db, const std::string& boot);

}  // namespace julu::store
