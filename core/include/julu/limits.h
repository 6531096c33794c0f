// Every bound of what comes in, is kept or waits, with its unit and the reason for the number. A new one has a
// test at the limit and one past it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace julu::limits {

// Text and JSON that comes in.
inline constexpr std::size_t body_bytes_max = 256 * 1024;     // a record's body; the longest national form is 6 KB
inline constexpr int body_depth_max = 8;                      // objects within objects of a record; same as for schemas
inline constexpr int reply_depth_max = 32;                    // JSON of the platform, checked before it is parsed
inline constexpr std::size_t reply_bytes_max = 8 << 20;       // a reply after decompression
inline constexpr std::size_t header_bytes_max = 64 * 1024;    // a reply's headers: 8 times a proxy's usual buffer
inline constexpr std::size_t key_bytes_max = 64;              // one member name
inline constexpr std::int64_t integer_max = (1LL << 53) - 1;  // RFC 7493: what every JSON reader holds exactly
inline constexpr std::size_t schema_bytes_max = 128 * 1024;   // a record schema of the platform
inline constexpr int schema_depth_max = 8;                    // as of the bodies that it describes
inline constexpr std::size_t schema_nodes_max = 4096;         // bounds the work of one validation
inline constexpr std::size_t schemas_parsed_max = 64;         // and as many flows: twice what a county has
inline constexpr std::size_t filter_bytes_max = 64 * 1024;    // JSON of a list's filter; a search is a few words

// Photos.
inline constexpr std::int64_t photo_bytes_max = 32 << 20;      // a 108-megapixel phone JPEG is about 25 MB
inline constexpr std::int64_t photo_pixels_max = 120'000'000;  // baseline, decoded while reading
inline constexpr std::int64_t photo_scans_pixels_max =
    16'000'000;                              // in several scans, progressive or not: libjpeg holds 2 bytes × 3 of each
inline constexpr int photo_scans_max = 100;  // of a progressive picture; encoders write some 10
inline constexpr int photo_side_max = 16384;          // 200 megapixels are 16,320 wide
inline constexpr std::size_t exif_entries_max = 512;  // of a directory that are looked at; a real one has some dozens
inline constexpr std::size_t thumbnail_bytes_max = 8 * 1024;  // fits one 2G round trip of some seconds
inline constexpr int photos_per_call_max = 64;                // of one capture or edit, whose answer names each
inline constexpr std::int64_t streamed_bytes_max =
    4 * photo_bytes_max;  // of one call's streams, held in memory together: 16 photos of 8 MB
inline constexpr std::size_t photo_chunk_bytes = 512 * 1024;  // one row: few rows a photo, little memory a read

// The store.
inline constexpr std::int64_t wal_bytes_max = 32 << 20;        // past it the next capture checkpoints after its commit
inline constexpr std::int64_t wal_bytes_low_disk = 512 << 10;  // the same where less than free_bytes_min are free
inline constexpr std::int64_t ballast_bytes = 2 << 20;         // one report with photos
inline constexpr std::uint64_t free_bytes_min = 64 << 20;      // of the disk: less is kept for the worker's own photos
inline constexpr std::int64_t others_photo_bytes_max = 256 << 20;  // beyond, the oldest go and their thumbnails stay
inline constexpr int busy_ms_max = 10'000;              // another process writing a large photo on a slow card
inline constexpr std::int64_t lease_ms = 30'000;        // a dead Syncer blocks the next no longer
inline constexpr std::int64_t suspend_wait_ms = 5'000;  // for a run's end; more than that a phone does not give an app
inline constexpr int page_rows_max = 500;               // one page of a list
inline constexpr std::int64_t reconcile_spread_ms = 5 * 60 * 1000;  // 2,800 phones ask within five minutes, not at once
inline constexpr std::int64_t server_step_ms =
    24LL * 3600 * 1000;  // how much faster than this phone's clock a platform's may go, in all
inline constexpr std::int64_t op_keep_ms = 90LL * 24 * 3600 * 1000;  // core/README.md "What is purged"
inline constexpr std::int64_t call_ms_max =
    24LL * 3600 * 1000;  // a run, an enrolment, upkeep: "as long as it takes" is a day, and no sum of times overflows

// The wire.
inline constexpr std::size_t batch_ops_max = 500;        // a receipt of 500 items verifies in well under 1 ms
inline constexpr std::size_t batch_bytes_max = 1 << 20;  // request bytes before compression
inline constexpr std::size_t pull_rows = 500;            // as many as a push carries; written in one transaction
inline constexpr std::size_t pull_rows_slow = 50;        // on a link whose ping is slow
inline constexpr int redirects_max = 0;                  // a redirect would carry the token elsewhere
inline constexpr std::int64_t backoff_base_ms = 2'000;   // a worker still looks on
inline constexpr std::int64_t backoff_cap_ms =
    15 * 60 * 1000;  // a link that is back is used within a quarter of an hour
inline constexpr std::int64_t retry_after_ms_max =
    24LL * 3600 * 1000;  // no word of a platform keeps a report for longer than a day
inline constexpr std::int64_t refused_wait_ms = 24LL * 3600 * 1000;  // an app too old, a refused device: no sooner
inline constexpr std::int64_t withheld_photo_ms =
    24LL * 3600 * 1000;  // of somebody else's, when the platform has none for us: it leaves scope, or is lost
inline constexpr std::int64_t request_timeout_ms = 60'000;  // no byte moved for so long: the link is dead
inline constexpr std::int64_t connect_timeout_ms = 20'000;  // TCP and TLS: four round trips, of seconds each on 2G
inline constexpr std::int64_t assertion_ms = 240'000;       // the platform takes at most 5 minutes
inline constexpr std::int64_t chunk_bytes_min = 64 * 1024;  // asked of a link that is slow or not known yet
// Of a photo, whichever way it goes. GPRS at its weakest, some 8 kbit/s, carries it within the 25 s that a phone may
// give to work in the background.
inline constexpr std::int64_t piece_bytes_min = 16 * 1024;
inline constexpr std::int64_t chunk_bytes_max = 4 << 20;
inline constexpr std::int64_t chunk_target_ms = 20'000;  // so much is lost at most when a link dies
inline constexpr std::int64_t quick_photo_ms = 1'000;    // a photo there in less needs no thumbnail ahead of it
inline constexpr std::size_t photos_in_flight_max = 3;   // of quick ones: one travels, one is stored, one is read
inline constexpr std::int64_t upkeep_ms = 200;           // of Store::maintain, at the end of a sync
inline constexpr std::size_t url_bytes_max = 2048;       // what every proxy takes
inline constexpr std::size_t cursor_bytes_max = 2048;    // it stands in a URL
inline constexpr std::size_t small_reply_bytes_max =
    64 * 1024;  // of a ping, a problem: a longer one is a page for people
inline constexpr std::size_t enrolment_bytes_max = 256 * 1024;  // its reply: identity with the names of all grids
inline constexpr std::size_t code_bytes_min = 8;   // of an activation code: 60 bits in a 32-letter alphabet are 12
inline constexpr std::size_t code_bytes_max = 64;  // what a person may have to type
inline constexpr std::size_t token_bytes_max = 8 * 1024;   // a JWT with everything in it has some 2 KB
inline constexpr std::size_t label_bytes_max = 256;        // a worker's name, a grid's name
inline constexpr std::size_t labels_max = 256;             // a county has 47 departments and a leader 10 grids
inline constexpr std::size_t sentence_bytes_max = 1024;    // of a problem: shown to a person, kept with the op
inline constexpr std::size_t reconcile_days_max = 40'000;  // a century

}  // namespace julu::limits
