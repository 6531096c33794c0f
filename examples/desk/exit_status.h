// What the shell that called us learns from the exit status: sysexits.h numbers, one for each class of error (the table
// is in README.md). Thread rule: pure functions.
#pragma once

#include <julu/error.h>
#include <julu/syncer.h>

namespace julu::desk {

inline constexpr int kExitUsage = 64;        ///< the command line itself
inline constexpr int kExitData = 65;         ///< what was entered, or what the platform refused
inline constexpr int kExitNoInput = 66;      ///< a photo, record or store that is not there
inline constexpr int kExitUnavailable = 69;  ///< the platform
inline constexpr int kExitInternal = 70;
inline constexpr int kExitDiskFull = 73;
inline constexpr int kExitIo = 74;
inline constexpr int kExitNotYet = 75;  ///< saved, and not yet delivered; or busy: the same call can succeed later
inline constexpr int kExitPermission = 77;
inline constexpr int kExitConfig = 78;
inline constexpr int kExitInterrupted = 130;

int exit_status(ErrorCode code);
int exit_status(const SyncOutcome& outcome);

}  // namespace julu::desk
