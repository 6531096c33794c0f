#include "exit_status.h"

namespace julu::desk {

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::ok: return 0;
    case ErrorCode::bad_argument: return kExitUsage;
    case ErrorCode::cancelled: return kExitInterrupted;
    case ErrorCode::photo_missing:
    case ErrorCode::photo_unknown:
    case ErrorCode::record_unknown:
    case ErrorCode::store_missing: return kExitNoInput;
    case ErrorCode::disk_full: return kExitDiskFull;
    case ErrorCode::io:
    case ErrorCode::store_corrupt: return kExitIo;
    case ErrorCode::busy:
    case ErrorCode::sync_in_progress: return kExitNotYet;
    case ErrorCode::consent_missing:
    case ErrorCode::permission:
    case ErrorCode::store_key: return kExitPermission;
    case ErrorCode::store_newer:
    case ErrorCode::store_exists:
    case ErrorCode::encryption_unavailable: return kExitConfig;
    case ErrorCode::app_too_old: return kExitUnavailable;
    default: break;
  }
  // The numbers are grouped by tens (error.h).
  const int group = static_cast<int>(code) / 10;
  if ((group >= 1 && group <= 3) || group == 7) return kExitData;
  if (group == 5) return kExitUnavailable;
  if (group == 6) return kExitPermission;
  return kExitInternal;
}

int exit_status(const SyncOutcome& outcome) {
  switch (outcome.end) {
    case SyncEnd::all_delivered: return outcome.ops_parked > 0 ? kExitData : 0;
    case SyncEnd::left:
    case SyncEnd::deadline:
      return outcome.failure && outcome.failure->code == ErrorCode::disk_full ? kExitDiskFull : kExitNotYet;
    case SyncEnd::cancelled: return kExitInterrupted;
    case SyncEnd::sign_in:
    case SyncEnd::device_refused: return kExitPermission;
    case SyncEnd::app_too_old: return kExitUnavailable;
  }
  return kExitInternal;
}

}  // namespace julu::desk
