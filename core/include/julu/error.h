// Every way a call can fail: one permanent number, the field at fault, and a sentence in Chinese and English that
// says what happened and what to do. Thread rule: plain values, free to share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace julu {

/// Numbers are permanent and grouped by tens; a new code takes the next free number of its group.
enum class ErrorCode : std::int32_t {
  ok = 0,
  // The library itself.
  internal = 1,      ///< a broken invariant of the library's own, or no memory
  bad_argument = 2,  ///< an option or argument is out of range; `field` names it
  cancelled = 3,
  consent_missing = 4,  ///< the host has not recorded the worker's consent
  closed = 5,
  locked = 6,     ///< the host's keystore does not give the key now: the phone has not been unlocked yet
  suspended = 7,  ///< the host has suspended the store
  // What the worker entered.
  text_encoding = 10,  ///< not UTF-8
  json_syntax = 11,
  number_range = 12,  ///< not an integer within ±(2^53−1)
  key_not_ascii = 13,
  too_deep = 14,
  field_missing = 15,
  field_invalid = 16,
  field_too_long = 17,
  kind_unknown = 18,
  schema_invalid = 19,
  // Records and operations.
  id_conflict = 20,  ///< the record id was used before with other content
  record_unknown = 21,
  shape_mismatch = 22,    ///< the verb does not fit the kind's shape (a patch on a log, an action on a document)
  step_not_allowed = 23,  ///< the flow does not allow this action from this state or for this role
  record_deleted = 24,
  codes_unknown = 25,
  // Photos.
  photo_missing = 30,
  photo_empty = 31,
  photo_format = 32,     ///< not a JPEG: the shell converts HEIC, PNG and WebP
  photo_damaged = 33,    ///< truncated or not decodable
  photo_too_large = 34,  ///< bytes or pixels above the limit
  photo_unknown = 35,
  // The store on disk.
  store_missing = 40,
  store_key = 41,  ///< the key does not open this store: none of its pages
  store_corrupt = 42,
  store_newer = 43,  ///< written by a newer version of the library
  disk_full = 44,
  io = 45,
  permission = 46,
  busy = 47,  ///< another process holds the store longer than the bound
  encryption_unavailable = 48,
  store_exists = 49,
  // The way to the platform.
  offline = 50,
  captive_portal = 51,
  tls = 52,
  clock_skew = 53,
  sync_in_progress = 54,
  bad_reply = 55,  ///< the platform's answer breaks the protocol
  receipt_invalid = 56,
  server = 57,
  limited = 58,         ///< the platform asked to wait
  foreign_origin = 59,  ///< the platform named an address that tokens may not go to
  // Who may.
  unauthorized = 60,    ///< the platform does not accept this device now
  device_refused = 61,  ///< the platform has revoked this device; capture goes on
  device_forked = 62,
  app_too_old = 63,
  enrolment_refused = 64,  ///< the activation code is unknown, used or expired
  scope = 65,
  // What the platform said of one operation.
  rejected = 70,
  stale = 71,
  held = 72,
  replaced = 73,
  op_id_reused = 74,
  bytes_missing = 75,
  too_large = 76,
};

enum class Lang { zh, en };

/// A failure. `field` is a JSON pointer into what the caller gave ("/text", "/photos/0") or the name of an option;
/// empty when no one field is at fault. `detail` carries ids, codes and numbers only, never what a worker typed.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string field;
  std::string detail;
};

/// The permanent name, such as "photo_format"; "unknown" for a number that is none.
std::string_view name(ErrorCode code);

/// The code with this permanent name, or `internal`.
ErrorCode error_code(std::string_view name);

/// True: the same call may succeed by just being made again later (the network is back, there is room, the phone is
/// unlocked). False: something else comes first (another input, a sync, a sign-in, a newer app), as the sentence says.
bool is_retryable(ErrorCode code);

/// One sentence for a person: what happened and what to do.
std::string_view sentence(ErrorCode code, Lang lang);

/// `sentence` with the field named, ready to show.
std::string message(const Error& error, Lang lang);

}  // namespace julu
