/*
 * julu.h: Julu Core for C, and for every language that can call C. The offline-first store of a grid worker's phone
 * and the engine that carries it to the county platform.
 *
 * Rules that hold for every function:
 *
 *  1. Handles are numbers (kind, slot, generation); 0 is none. One that was closed, is of another kind or was made up
 *     gives JULU_ERROR_CLOSED. Closing is safe at any time, also while other threads are inside a call: those calls
 *     end as usual, and the object goes with the last of them. Closing twice does nothing.
 *  2. Any function may be called from any thread. Only one julu_sync_run of a sync runs at a time.
 *  3. A struct begins with its size: set `size` to sizeof and the rest to zero before filling it in. A newer library
 *     reads and writes no more of an older caller's struct than that. In an array the first one's size is the stride,
 *     and nothing is read beyond it: all are of one header, and a size that is no multiple of the struct's alignment is
 *     bad_argument.
 *  4. Text goes in as julu_text: UTF-8, borrowed for the call, NUL bytes allowed. {NULL, 0} is "not given".
 *  5. Bytes come out as julu_buf. They are yours until julu_buf_free, which also takes an empty one. One NUL, not
 *     counted, follows the last byte. On an error a julu_buf is empty.
 *  6. A function that can fail returns a code of julu_error_codes.h, JULU_OK on success, and fills in `error` when that
 *     is not NULL. No other way of failing exists: no exception leaves the library, and no null or nonsense crashes it,
 *     as long as pointers that are not NULL point to what their type says.
 *  7. A callback comes on the thread named where it is declared, under no lock of the library: it may call any function
 *     again (julu_store_suspend says BUSY to one of a run of that store). It must return: no longjmp, no exception.
 *  8. `release`, where a callback has one, is called once with its `context`, on any thread, after the last callback.
 *  9. "Durable" means that a power cut straight after the return loses nothing.
 * 10. A child that fork() made without exec has no handles and opens nothing if its parent had a store open. SIGPIPE
 *     is never raised by the library.
 * 11. JSON that comes out holds at least the members named here; later versions add some. Times are UTC milliseconds
 *     since 1970 (…_ms).
 *
 * A record id is a UUID in text form, of version 7 (RFC 9562): lists and their pages go by the time in it. A photo is
 * named by the SHA-256 of its bytes, 64 hexadecimal digits.
 */
#ifndef JULU_H
#define JULU_H

#include <stddef.h>
#include <stdint.h>

#include "julu_error_codes.h"

#if defined(_WIN32)
#define JULU_API
#else
#define JULU_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Versions, memory, errors ---------------------------------------------------------------------------------- */

/**
 * Grows when something is added. A caller built against a lower one goes on working. 2: ca_file and pinned_key of
 * julu_enrol_options; julu_store_give_up, julu_store_new_id; ids that are not of version 7 are refused, as lists never
 * had a place for them.
 */
#define JULU_ABI_VERSION 2

typedef uint64_t julu_handle;
typedef julu_handle julu_store;
typedef julu_handle julu_sync;
typedef julu_handle julu_transport;

typedef struct julu_text {
  const char* data;
  size_t length; /**< bytes */
} julu_text;

typedef struct julu_buf {
  char* data;
  size_t length; /**< bytes */
} julu_buf;

typedef struct julu_error {
  uint32_t size;
  int32_t code;     /**< of julu_error_codes.h */
  char field[128];  /**< a JSON pointer into what was given ("/text", "/photos/0") or an option's name; may be empty */
  char detail[256]; /**< ids, codes and numbers only, never what a worker entered */
} julu_error;

enum { JULU_LANG_ZH = 0, JULU_LANG_EN = 1 };

/** What the library was built as; a caller checks that it is at least its own JULU_ABI_VERSION. */
JULU_API uint32_t julu_abi_version(void);
/** "0.1.0". */
JULU_API const char* julu_version(void);

JULU_API void julu_buf_free(julu_buf* buf);

/** The permanent name, such as "photo_format"; "unknown" for a number that is none. */
JULU_API const char* julu_error_name(int32_t code);
/**
 * 1: the same call may succeed by just being made again later (the network is back, there is room, the phone is
 * unlocked); 0: something else comes first (another input, a sync, a sign-in, a newer app), as the sentence says.
 */
JULU_API int32_t julu_error_is_retryable(int32_t code);
/** One sentence for a person: what happened and what to do, with the field named when `field` is given. */
JULU_API int32_t julu_error_message(int32_t code, julu_text field, int32_t lang, julu_buf* out);

/** How many handles are open: 0 at the end of a program that closes what it opens. */
JULU_API int32_t julu_live_handles(void);

enum { JULU_LOG_INFO = 0, JULU_LOG_WARNING = 1, JULU_LOG_ERROR = 2 };
typedef void (*julu_log_fn)(void* context, int32_t level, const char* line, size_t length);
typedef void (*julu_release_fn)(void* context);
/** Few lines for whoever looks after a phone: codes, counts, ids. On the thread that tells. NULL ends it. */
JULU_API int32_t julu_set_log(julu_log_fn fn, void* context, julu_release_fn release);

/* ---- Keys and enrolment ---------------------------------------------------------------------------------------- */

enum { JULU_KEY_BYTES = 32, JULU_KEY_NOT_NOW = 1 };
/**
 * Writes the raw 256-bit key of the store and returns 0; JULU_KEY_NOT_NOW while the keystore is locked (the call fails
 * with JULU_ERROR_LOCKED and can be tried again), any other number on failure. On the thread of the call that needs it.
 */
typedef int32_t (*julu_key_fn)(void* context, uint8_t key[JULU_KEY_BYTES]);

enum { JULU_UNENCRYPTED = 1 }; /* flags: a store without a key, for tests and builds without a cipher */

typedef struct julu_enrol_options {
  uint32_t size;
  uint32_t flags;
  julu_text platform;       /**< scheme://host[:port]; http on loopback only */
  julu_text code;           /**< the activation code as it was handed out */
  julu_text root;           /**< the folder under which each worker's store gets its own */
  const uint8_t* key;       /**< JULU_KEY_BYTES bytes */
  int64_t consent_at_ms;    /**< when the worker consented; nothing goes out before */
  int64_t at_most_ms;       /**< 0: a minute; a day at most, as in julu_sync_run */
  julu_transport transport; /**< 0: libcurl, with the next two */
  julu_text ca_file;        /**< a PEM bundle; not given: libcurl's own default, which
                                 a phone may not have */
  julu_text pinned_key;     /**< "sha256//base64…"; not given: none */
} julu_enrol_options;

/**
 * Makes this phone known to the platform, once. `device`: {"directory", "identity"} (identity as julu_store_identity).
 * Ok: durable; `directory` is what julu_store_open takes. A lost reply costs nothing: ask again with the same code and
 * the same key; what was begun under another key is thrown away. A worker of this platform who is here already goes on
 * with the same store: it becomes the new device, also while it is open, and what is unsent goes under that one. So a
 * device that was revoked, or that a restore made unknown, asks with a new code. Errors: consent_missing,
 * enrolment_refused ("/code"), offline, captive_portal, tls, limited, server, bad_reply, too_large, app_too_old,
 * encryption_unavailable, busy (another enrolment is on its way in this root), sync_in_progress (that store is being
 * synced: ask again), store_key ("key": that store has another key; nothing was touched, and under the right key it
 * takes another code; where that key is gone for good, move the store's directory out of the root and ask again),
 * store_newer, bad_argument, the disk's.
 */
JULU_API int32_t julu_enrol(const julu_enrol_options* options, julu_buf* device, julu_error* error);
/**
 * Who is on this phone, without opening a store: [{"worker", "directory"}]. `worker` is the name of the folder: the
 * worker's id with what a file system minds replaced, and the device's end where another platform's worker had that
 * name first.
 */
JULU_API int32_t julu_enrolments(julu_text root, julu_buf* out, julu_error* error);

/* ---- The store ------------------------------------------------------------------------------------------------- */

typedef struct julu_store_options {
  uint32_t size;
  uint32_t flags;
  julu_text directory;
  const uint8_t* key; /**< JULU_KEY_BYTES bytes, or NULL and key_fn */
  julu_key_fn key_fn; /**< asked at open and at resume; kept until the store is closed */
  void* key_context;
  julu_release_fn key_release;
  int32_t photo_long_edge_px; /**< 320 to 16384; 0: 1920; else bad_argument */
  int32_t photo_quality;      /**< 1 to 100; 0: 82; else bad_argument */
} julu_store_options;

/**
 * Brings an older file up to date first. Errors: store_missing, store_key, locked, store_corrupt, store_newer,
 * encryption_unavailable, permission, busy, disk_full, io. The file is left as it was on an error.
 * store_corrupt from any call: close the store and open it, which sets the file aside and saves what can be read
 * (julu_status: salvaged_…); resume does not.
 */
JULU_API int32_t julu_store_open(const julu_store_options* options, julu_store* out, julu_error* error);
JULU_API void julu_store_close(julu_store store);

/**
 * For an app that goes to sleep: ends the syncs of this store, waits for the calls under way, and lets go of the file:
 * no lock is held, another process may open it. Of julu_store_read_photo and julu_store_maintain it waits for the piece
 * that they are at, and they end there as suspended. Until julu_store_resume, what needs the file fails with
 * JULU_ERROR_SUSPENDED; julu_store_identity, _kinds, _schema and _observe and julu_sync_open do not. Errors: busy from
 * a callback of a run of this store, and when such a callback does not return within 5 seconds, as one cannot that
 * waits for this; the run ends all the same.
 */
JULU_API int32_t julu_store_suspend(julu_store store, julu_error* error);
/** Asks key_fn again; `key` may be given instead. Errors: as julu_store_open; it mends no damaged file. */
JULU_API int32_t julu_store_resume(julu_store store, const uint8_t* key, julu_error* error);

enum { JULU_PHOTO_PATH = 0, JULU_PHOTO_FD = 1, JULU_PHOTO_STREAM = 2 };
/** Fills `buffer` with up to `capacity` bytes and returns how many, 0 at the end, -1 on failure. On the call's thread.
 */
typedef int64_t (*julu_read_fn)(void* context, void* buffer, size_t capacity);
/** Takes the next `length` bytes and returns 0, or another number to stop. On the call's thread. */
typedef int32_t (*julu_write_fn)(void* context, const void* bytes, size_t length);

/** A photo going in. JPEG only, at most 32 MB, read during the call and not needed afterwards. */
typedef struct julu_photo {
  uint32_t size;
  int32_t source; /**< JULU_PHOTO_… : which of the following is used */
  julu_text role; /**< near, far, reference, handle_before, handle_after; not given: near */
  julu_text path;
  int32_t fd;        /**< of a regular file, read from its start; stays the caller's, its position moves */
  julu_read_fn read; /**< read to its end before anything is written, all of a call at most 128 MB together: a photo
                        more is photo_too_large */
  void* context;
} julu_photo;

enum { JULU_PHOTOS_MAX = 64 }; /* of one call; a record may get more by later ones */

typedef struct julu_saved {
  uint32_t size;
  int32_t photo_count;
  int64_t captured_at_ms;
  int64_t photo_bytes;
  char id[40];
  char photos[JULU_PHOTOS_MAX][65]; /**< names of the copies that are sent, in order */
} julu_saved;

/** A UUID of version 7 for the next capture, by the store's clock; nothing is written. A suspended store gives one too.
 */
JULU_API int32_t julu_store_new_id(julu_store store, julu_buf* out, julu_error* error);
/**
 * The first record of a report. `body`: a JSON object of the kind's schema. `id`: one of julu_store_new_id or another
 * UUID of version 7 of the caller's own, so that it may ask again after it died: the same id with the same content
 * gives the first answer, with other content id_conflict. Ok: record, photos, operations and history are durable,
 * together. On an error nothing was written and the error names the field. `saved` may be NULL, here and below.
 */
JULU_API int32_t julu_store_capture(julu_store store, julu_text kind, julu_text body, const julu_photo* photos,
                                    size_t photo_count, julu_text id, julu_saved* saved, julu_error* error);
/**
 * Changes fields of a document by a JSON merge patch (RFC 7396), and adds photos. Ok: durable. Errors: record_unknown,
 * record_deleted (these two in act, attach and remove too), shape_mismatch for another kind.
 */
JULU_API int32_t julu_store_patch(julu_store store, julu_text id, julu_text body, const julu_photo* photos,
                                  size_t photo_count, julu_saved* saved, julu_error* error);
/**
 * A step of a case; `body` holds the note and what the flow asks. Ok: durable. Errors: step_not_allowed,
 * shape_mismatch.
 */
JULU_API int32_t julu_store_act(julu_store store, julu_text id, julu_text action, julu_text body,
                                const julu_photo* photos, size_t photo_count, julu_saved* saved, julu_error* error);
/** Adds photos to any record. Ok: durable. Errors: bad_argument ("/photos") without one. */
JULU_API int32_t julu_store_attach(julu_store store, julu_text id, const julu_photo* photos, size_t photo_count,
                                   julu_saved* saved, julu_error* error);
/** Deletes a document. Ok: durable. Errors: shape_mismatch for another kind. */
JULU_API int32_t julu_store_remove(julu_store store, julu_text id, julu_saved* saved, julu_error* error);
/** Sends again what the platform refused, as it stands now. Ok: durable. Errors: record_unknown. */
JULU_API int32_t julu_store_resend(julu_store store, julu_text id, julu_error* error);
/**
 * Gives up for good what the platform refused of a record, the photos that came with it, and the later steps of a case;
 * the history keeps it. Later edits go on without it; a record that the county never took or has deleted is shown as
 * deleted. Ok: durable. Errors: record_unknown.
 */
JULU_API int32_t julu_store_give_up(julu_store store, julu_text id, julu_error* error);

/**
 * One record, or an empty buffer when there is none: {"id", "kind", "body": {…}, "title", "state", "state_title_zh",
 * "state_title_en", "delivery": "none"|"saved"|"delivered"|"parked"|"confirming", "problem": null|{"code", "name",
 * "field", "detail"}, "problem_text", "deleted", "in_conflict", "version", "captured_at_ms", "delivered_at_ms",
 * "photos": [{"sha256", "role", "action", "length_bytes", "here", "delivered"}]}. `body` is unmasked: mask fields with
 * x-sensitive before showing it.
 */
JULU_API int32_t julu_store_get(julu_store store, julu_text id, julu_buf* out, julu_error* error);
/**
 * An array of records as above, newest first. `filter`: {"kind", "search", "delivery", "before", "limit",
 * "deleted_too"}, each may be left out; `before` is a record's id, for the next page; `limit` is 1 to 500. Not given:
 * the newest 50.
 */
JULU_API int32_t julu_store_list(julu_store store, julu_text filter, julu_buf* out, julu_error* error);
/** The one record whose id ends with `short_id`, 4 characters or more. Errors: record_unknown, bad_argument. */
JULU_API int32_t julu_store_find_id(julu_store store, julu_text short_id, julu_buf* out, julu_error* error);
JULU_API int32_t julu_store_short_id(julu_store store, julu_text id, julu_buf* out, julu_error* error);
/** [{"at_ms", "what", "actor", "action", "state", "detail", "op_id", "hash", "receipt_key", "standing"}], oldest first.
 */
JULU_API int32_t julu_store_history(julu_store store, julu_text id, julu_buf* out, julu_error* error);
/**
 * Where two people wrote one field: [{"record", "field", "base", "local", "remote", "at_ms"}]; a value absent: null.
 * julu_store_resolve ends it, and so does a patch that changes the field.
 */
JULU_API int32_t julu_store_conflicts(julu_store store, julu_buf* out, julu_error* error);
/**
 * A person's choice: `value` (JSON; not given: absent) becomes the field's value, by a patch. Ok: durable. Errors:
 * record_unknown ("/field" when it is in no conflict), and those of a patch.
 */
JULU_API int32_t julu_store_resolve(julu_store store, julu_text id, julu_text field, julu_text value,
                                    julu_error* error);

/** A photo coming out: to a new file (0600, removed again on failure), a descriptor, or a function. */
typedef struct julu_photo_out {
  uint32_t size;
  int32_t target; /**< JULU_PHOTO_… */
  julu_text path;
  int32_t fd;
  julu_write_fn write;
  void* context;
} julu_photo_out;
/** Errors: photo_unknown, cancelled when the function stops it, suspended (in its middle too), the file's own. */
JULU_API int32_t julu_store_read_photo(julu_store store, julu_text sha256, const julu_photo_out* out,
                                       julu_error* error);
/**
 * A JPEG of at most 8 KB, derived when first asked for; empty for a photo that decodes no further than its header.
 * Errors: photo_unknown.
 */
JULU_API int32_t julu_store_thumbnail(julu_store store, julu_text sha256, julu_buf* out, julu_error* error);

typedef struct julu_status {
  uint32_t size;
  uint32_t flags;  /**< JULU_STATUS_… */
  int64_t records; /**< deleted ones are not counted */
  int64_t unsent_records;
  int64_t unsent_ops; /**< go by themselves */
  int64_t parked_ops; /**< wait for a person */
  int64_t unsent_photos;
  int64_t unsent_photo_bytes;
  int64_t conflicts;
  int64_t next_attempt_ms; /**< in the past: due now; -1: nothing waits */
  int64_t last_sync_ms;    /**< 0: never */
  int64_t salvaged_at_ms;  /**< the file was found damaged and mended then; 0: never. The next three belong to it: */
  int64_t salvaged_ops;
  int64_t unreadable_ops;
  int64_t lost_photos;
} julu_status;
enum {
  JULU_STATUS_CONFIRMING = 1, /* the platform was restored: it is asked what it still holds */
  JULU_STATUS_LOW_DISK = 2    /* free some space */
};
JULU_API int32_t julu_store_status(julu_store store, julu_status* out, julu_error* error);

/**
 * `ids`: a JSON array of records to ask for again, oldest change first; one that julu_store_get does not find any more
 * has left the worker's scope. Start with 0, go on with `next`, which stays good for as long as the store is
 * there: keep it with the identity's "device", and start anew when that is another one. `limit`: 1 to 500; 0: 200.
 */
JULU_API int32_t julu_store_changes_since(julu_store store, int64_t token, int32_t limit, julu_buf* ids, int64_t* next,
                                          int32_t* more, julu_error* error);
typedef void (*julu_wake_fn)(void* context);
/** After each commit, of a sync's own notes too, on the thread that committed; then ask julu_store_changes_since. NULL
 *  ends it. */
JULU_API int32_t julu_store_observe(julu_store store, julu_wake_fn fn, void* context, julu_release_fn release,
                                    julu_error* error);

/** A JSON array of the kinds known here, built in or sent by the platform. */
JULU_API int32_t julu_store_kinds(julu_store store, julu_buf* out, julu_error* error);
/** The kind's JSON Schema. Errors: kind_unknown. */
JULU_API int32_t julu_store_schema(julu_store store, julu_text kind, julu_buf* out, julu_error* error);
/**
 * A code list that a schema names with x-codes, as the platform sent it or built in: {"id", "version", "source",
 * "title_zh", "items": [{"code", "zh", "en"}, …]}, of which a platform's may lack all but id and each item's code.
 * Lists are open: a record may hold a code that is in none. Errors: codes_unknown.
 */
JULU_API int32_t julu_store_codes(julu_store store, julu_text list, julu_buf* out, julu_error* error);
/** {"platform", "device", "worker", "name", "role", "grids": […], "grid_names": […]}. */
JULU_API int32_t julu_store_identity(julu_store store, julu_buf* out, julu_error* error);
/**
 * Upkeep while the host is idle; stops within the budget but for a checkpoint of the log and making the ballast; and
 * the first of a boot reads every row first (a quarter of a second for 10,000 records). Errors: store_corrupt (then
 * close and open), suspended, those of the disk.
 */
JULU_API int32_t julu_store_maintain(julu_store store, int64_t budget_ms, julu_error* error);

/* ---- Sync ------------------------------------------------------------------------------------------------------ */

typedef struct julu_sync_options {
  uint32_t size;
  uint32_t flags;
  julu_transport transport; /**< 0: libcurl, with the next three; keep it open until the sync is closed */
  julu_text platform;       /**< where the device was enrolled, however it is spelled, or not given; another is
                                 bad_argument; not looked at with a transport */
  julu_text ca_file;        /**< a PEM bundle; not given: libcurl's own default, which
                                 a phone may not have */
  julu_text pinned_key;     /**< "sha256//base64…"; not given: none */
} julu_sync_options;

/** The store goes on living as long as a sync of it is open. */
JULU_API int32_t julu_sync_open(julu_store store, const julu_sync_options* options, julu_sync* out, julu_error* error);
/** Ends a run under way first, as julu_sync_cancel does. */
JULU_API void julu_sync_close(julu_sync sync);

typedef struct julu_progress {
  uint32_t size;
  uint32_t flags;
  int64_t ops_done, ops_total;
  int64_t thumbnails_done, thumbnails_total;
  int64_t photos_done, photos_total;
  int64_t bytes_done, bytes_total; /**< of photos */
} julu_progress;
/** On the thread of julu_sync_run, at most ten times a second. */
typedef void (*julu_progress_fn)(void* context, const julu_progress* progress);

/*
 * How a run ended. All delivered: nothing is left that goes by itself; what the platform refused (ops_parked) was not
 * delivered and waits for a person. It maps to WorkManager's success, left and deadline to retry; cancelled: as the
 * host wishes; sign_in and device_refused: tell the person, try again no sooner than the next day's work; app_too_old:
 * update.
 */
enum {
  JULU_END_ALL_DELIVERED = 0,
  JULU_END_LEFT = 1,
  JULU_END_DEADLINE = 2,
  JULU_END_CANCELLED = 3,
  JULU_END_SIGN_IN = 4,
  JULU_END_DEVICE_REFUSED = 5,
  JULU_END_APP_TOO_OLD = 6
};

typedef struct julu_outcome {
  uint32_t size;
  int32_t end;     /**< JULU_END_… */
  int32_t failure; /**< the error code why something is left, when one cause is known; else 0 */
  uint32_t flags;
  int64_t ops_delivered; /**< receipted in this run */
  int64_t ops_left;
  int64_t ops_parked; /**< in all, waiting for a person */
  int64_t photos_sent;
  int64_t photos_left;
  int64_t photo_bytes_sent; /**< sent again ones included */
  int64_t records_changed;  /**< by pulls */
  int64_t requests;
  int64_t next_attempt_ms; /**< in the past: due now; -1: nothing waits */
} julu_outcome;

/**
 * Carries the queue to the platform and its changes back, on this thread. Offline is an outcome, not an error. Errors:
 * sync_in_progress, suspended, store_corrupt (then close the store and open it), and those of the disk. What was
 * delivered before an error or the deadline stays delivered. `at_most_ms` 0: ten minutes; a day at most.
 */
JULU_API int32_t julu_sync_run(julu_sync sync, int64_t at_most_ms, julu_progress_fn progress, void* context,
                               julu_outcome* out, julu_error* error);
/** Ends a run under way within a second; none: does nothing. */
JULU_API int32_t julu_sync_cancel(julu_sync sync, julu_error* error);
/** The network came or changed: what waits for its next attempt goes at once. */
JULU_API int32_t julu_sync_hint(julu_sync sync, julu_error* error);

/* ---- A transport of the host's own ------------------------------------------------------------------------------ */

typedef struct julu_header {
  julu_text name;
  julu_text value;
} julu_header;

typedef struct julu_request {
  uint32_t size;
  uint32_t header_count;
  julu_text method;
  julu_text url; /**< absolute */
  const julu_header* headers;
  julu_text body;
  uint64_t reply_bytes_max; /**< after decompression; the host may stop there, the library refuses what is more */
  int64_t timeout_ms;       /**< without a byte moving in either direction */
} julu_request;

typedef struct julu_response {
  uint32_t size;
  int32_t status;  /**< 0: no complete reply, and `failure` says why */
  int32_t failure; /**< JULU_ERROR_OFFLINE, _TLS, _TOO_LARGE, _CANCELLED or _BAD_REPLY */
  uint32_t header_count;
  const julu_header* headers; /**< 64 KB together, 4 bytes of each line for what stands between; more: bad_reply */
  julu_text body;
  int64_t body_bytes_sent; /**< of the request's body, as far as known */
} julu_response;

typedef struct julu_transport_options {
  uint32_t size;
  uint32_t flags;
  /**
   * Begins a request; what it points to lives until the function returns. Follow no redirect, add no cookie, take gzip.
   * Return 0, or an error code when it cannot begin. The reply goes to julu_transport_complete, from any thread. On the
   * thread of julu_sync_run or julu_enrol.
   */
  int32_t (*submit)(void* context, uint64_t request_id, const julu_request* request);
  /** Nobody waits for it any more; may be NULL. On the same thread. */
  void (*cancel)(void* context, uint64_t request_id);
  void* context;
  julu_release_fn release;
} julu_transport_options;

/** A transport serves one run or one enrolment at a time: of two at once each would take the other's replies. */
JULU_API int32_t julu_transport_open(const julu_transport_options* options, julu_transport* out, julu_error* error);
/** One that nobody waits for any more does nothing. The response is copied. */
JULU_API int32_t julu_transport_complete(julu_transport transport, uint64_t request_id, const julu_response* response,
                                         julu_error* error);
/** What a sync still waits for fails as offline; close the sync first and let its run end, and it ends as cancelled. */
JULU_API void julu_transport_close(julu_transport transport);

#ifdef __cplusplus
}
#endif

#endif /* JULU_H */
