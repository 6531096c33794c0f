// What is due to be sent, and the lease that admits one Syncer.
#include <julu/outbox.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <unistd.h>

#include "store/catalog.h"
#include "store/records.h"

namespace julu {

using namespace store;

namespace store {

// An attach waits while its photo's bytes are on their way out. Where there is nothing to send, because they are lost
// or came from the platform, it goes, and the platform says whether it holds them.
#define JULU_MAY_GO "(op.verb <> 3 OR photo.uploaded = 1 OR photo.own IS NOT 1 OR photo.here = 0)"

// Of one edit two makings may wait: the first, which had arrived after all, for its receipt.
#define JULU_IS_EARLIER "(earlier.place, earlier.seq) < (op.place, op.seq)"

#define JULU_EARLIER_WAITS \
  "(earlier.status = 0 AND earlier.next_attempt_ms > ?1 AND earlier.next_attempt_ms <= ?1 + earlier.wait_max_ms)"

// An attach that waits for its photo's bytes has its next attempt with the photo, and what stands behind an edit that
// waits has it with that. One farther off than its wait may be
// is due now: the clock was set back.
Result<QueueCounts> what_waits(Connection& db, std::int64_t now_ms) {
  QueueCounts waiting;
  JULU_TRY(const auto parked, db.integer("SELECT count(*) FROM op WHERE status = 2"));
  Query row = db.query(
      "SELECT EXISTS (SELECT 1 FROM op AS earlier WHERE earlier.status = 2 AND earlier.record = op.record"
      "  AND " JULU_IS_EARLIER
      " AND earlier.verb <> 3) AS behind, count(*),"
      " min(CASE WHEN " JULU_MAY_GO
      "  AND NOT EXISTS (SELECT 1 FROM op AS earlier WHERE earlier.record = op.record AND " JULU_IS_EARLIER
      "   AND earlier.verb <> 3 AND " JULU_EARLIER_WAITS
      ")"
      "  THEN iif(op.next_attempt_ms > ?1 + op.wait_max_ms, 0, op.next_attempt_ms) END)"
      " FROM op LEFT JOIN photo ON photo.sha256 = op.photo WHERE op.status = 0 GROUP BY behind",
      now_ms);
  waiting.parked = parked.value_or(0);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) break;
    if (row.integer(0) != 0) {
      waiting.parked += row.integer(1);
    } else {
      waiting.ops = row.integer(1);
      waiting.next_attempt_ms = row.maybe_integer(2);
    }
  }
  Query photos = db.query(
      "SELECT count(*), coalesce(sum(length_bytes), 0),"
      " min(iif(next_attempt_ms > ?1 + wait_max_ms, 0, next_attempt_ms)) FROM photo"
      " WHERE own = 1 AND uploaded = 0 AND " JULU_WANTED_PHOTO,
      now_ms);
  JULU_CHECK(photos.step());
  waiting.photos = photos.integer(0);
  waiting.photo_bytes = photos.integer(1);
  if (const auto next = photos.maybe_integer(2)) {
    waiting.next_attempt_ms = std::min(waiting.next_attempt_ms.value_or(*next), *next);
  }
  JULU_TRY(const std::int64_t confirming, meta_integer(db, "confirming"));
  waiting.confirming = confirming != 0;
  if (waiting.confirming) {
    JULU_TRY(const std::int64_t at, asks_at(db, now_ms));
    waiting.next_attempt_ms = std::min(waiting.next_attempt_ms.value_or(at), at);
  }
  return waiting;
}

Result<std::int64_t> passed_since_server_seen(Core& core, Connection& db) {
  JULU_TRY(const std::int64_t at_ms, meta_integer(db, "server_seen_at_ms"));
  if (at_ms == 0) return std::int64_t{0};
  return std::clamp<std::int64_t>(core.clock().now_ms() - at_ms, 0, limits::op_keep_ms);
}

}  // namespace store

namespace {

// An op goes when it is due and nothing before it on its record is parked or waits. Order is kept per record only; a
// record's ops share its urgency.
#define JULU_DUE_OPS                                                                                   \
  "FROM op LEFT JOIN photo ON photo.sha256 = op.photo"                                                 \
  " WHERE op.status = 0 AND (op.next_attempt_ms <= ?1 OR op.next_attempt_ms > ?1 + op.wait_max_ms)"    \
  " AND " JULU_MAY_GO                                                                                  \
  " AND NOT EXISTS (SELECT 1 FROM op AS earlier WHERE earlier.record = op.record AND " JULU_IS_EARLIER \
  "  AND earlier.verb <> 3 AND (earlier.status = 2 OR " JULU_EARLIER_WAITS "))"
#define JULU_DUE_PHOTOS \
  "FROM photo WHERE own = 1 AND uploaded = 0 AND (next_attempt_ms <= ?1 OR next_attempt_ms > ?1 + wait_max_ms)"
constexpr const char* kDueOps =
    "SELECT op.seq, op.op_id, op.record, op.verb, op.canonical, op.hash, op.urgency, photo.upload_url, op.number"
    " " JULU_DUE_OPS " ORDER BY op.urgency, op.place LIMIT ?2";
// What goes first sets the pace: it is not to wait for what failed by itself.
constexpr const char* kAttemptsOfFirstDue =
    "SELECT coalesce((SELECT op.attempts " JULU_DUE_OPS
    " ORDER BY op.urgency, op.place LIMIT 1), (SELECT max(attempts) " JULU_DUE_PHOTOS "))";
// How often the platform has not found a photo's bytes, or an edit has waited for a lost word, is counted there, and a
// lost push must not begin it anew.
#define JULU_PROBLEM "problem = iif(json_extract(problem, '$.type') IN ('bytes-missing', 'stale'), problem, ?4)"
constexpr const char* kDeferDueOps =
    "UPDATE op SET attempts = attempts + 1, next_attempt_ms = ?2, wait_max_ms = ?3, " JULU_PROBLEM
    " WHERE seq IN (SELECT op.seq " JULU_DUE_OPS ")";
constexpr const char* kDeferDuePhotos =
    "UPDATE photo SET attempts = max(attempts, min(attempts + 1, ?4)), next_attempt_ms = ?2, wait_max_ms = ?3"
    " WHERE id IN (SELECT id " JULU_DUE_PHOTOS ")";

// The platform's time as far as this phone lets itself be told: one that runs ahead or back ages nothing here. It goes
// on as fast as this phone's own clock does, and in all at most limits::server_step_ms faster. Returns what it was at
// the ping before without that.
Result<std::int64_t> see_server_time(Core& core, Connection& db, std::int64_t time_ms) {
  JULU_TRY(const std::int64_t seen, meta_integer(db, "server_seen_ms"));
  JULU_TRY(const std::int64_t ahead, meta_integer(db, "server_ahead_ms"));
  JULU_TRY(const std::int64_t passed, passed_since_server_seen(core, db));
  const std::int64_t now_ms = core.clock().now_ms();
  // Of one that runs back nothing is seen, and the time goes on from where it was right.
  if (seen == 0 || time_ms > seen) JULU_CHECK(set_meta(db, "server_seen_at_ms", now_ms));
  if (seen == 0) {
    JULU_CHECK(set_meta(db, "server_seen_ms", time_ms));
    return time_ms;
  }
  const std::int64_t most = passed + limits::server_step_ms - ahead;
  const std::int64_t step = std::clamp<std::int64_t>(time_ms - seen, 0, most);
  JULU_CHECK(set_meta(db, "server_seen_ms", seen + step));
  JULU_CHECK(
      set_meta(db, "server_ahead_ms", std::clamp<std::int64_t>(ahead + step - passed, 0, limits::server_step_ms)));
  return seen - ahead;
}

bool process_is_gone(std::int64_t pid) {
  if (pid <= 0 || pid == ::getpid()) return false;
  return ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
}

}  // namespace

// Held for limits::lease_ms of this boot's monotonic clock. A holder that died is not waited for: its process is gone,
// or the machine has started anew.
Result<void> Outbox::acquire_lease() {
  Core& core = *store_.core_;
  if (!leased_) {
    if (!core.begin_sync()) return Error{ErrorCode::sync_in_progress, {}, {}};
    leased_ = true;
  }
  JULU_CHECK(core.look_for_mixed_pages());
  const std::string boot = core.clock().boot_id();
  return core.save([&](Connection& db) -> Result<void> {
    JULU_TRY(const auto owner, meta_text(db, "lease_owner"));
    JULU_TRY(const auto lease_boot, meta_text(db, "lease_boot"));
    JULU_TRY(const std::int64_t until, meta_integer(db, "lease_until_ms"));
    JULU_TRY(const std::int64_t pid, meta_integer(db, "lease_pid"));
    const std::int64_t now = core.clock().monotonic_ms();
    // One that ends later than any of this boot can is of another, where a system does not tell boots apart.
    const bool of_this_boot = lease_boot == boot && until - now <= limits::lease_ms;
    const bool held = owner && !owner->empty() && *owner != core.lease_owner() && of_this_boot && now < until &&
                      !process_is_gone(pid);
    if (held) return Error{ErrorCode::sync_in_progress, {}, {}};
    JULU_CHECK(core.heed_identity(db));
    JULU_CHECK(set_meta(db, "lease_owner", core.lease_owner()));
    JULU_CHECK(set_meta(db, "lease_boot", boot));
    JULU_CHECK(set_meta(db, "lease_pid", static_cast<std::int64_t>(::getpid())));
    return set_meta(db, "lease_until_ms", now + limits::lease_ms);
  });
}

Outbox::~Outbox() { leave(); }

void Outbox::leave() {
  if (leased_) store_.core_->end_sync();
  leased_ = false;
}

void Outbox::release_lease() {
  Core& core = *store_.core_;
  const struct Left {
    Outbox& outbox;
    ~Left() { outbox.leave(); }
  } left{*this};
  static_cast<void>(core.write([&](Connection& db) -> Result<void> {
    return db.run("DELETE FROM meta WHERE name = 'lease_owner' AND value = ?1", core.lease_owner());
  }));
}

Result<Identity> Outbox::identity() const { return store_.core_->identity(); }
Result<Signature> Outbox::sign(std::string_view message) const { return store_.core_->sign(message); }

Result<void> Outbox::note_ping(const PingFacts& ping) {
  Core& core = *store_.core_;
  return core.save([&](Connection& db) -> Result<void> {
    JULU_CHECK(note_epoch(core, db, ping.epoch));
    JULU_CHECK(set_meta(db, "clock_offset_ms", ping.time_ms - core.clock().now_ms()));
    JULU_TRY(const std::int64_t seen, see_server_time(core, db, ping.time_ms));
    JULU_TRY(const std::int64_t safe, meta_integer(db, "safe_before_ms"));
    // A backup that is still to come keeps nothing: a clock was wrong when it was noted, or is. And it is as old here
    // as it is there: what this phone takes for the platform's time may lag behind, by years after a wrong clock.
    const std::int64_t age_ms = ping.time_ms - ping.safe_before_ms;
    const std::int64_t told = age_ms < 0 ? 0 : std::min(ping.safe_before_ms, seen - age_ms);
    return set_meta(db, "safe_before_ms", std::max(safe, told));
  });
}

Result<std::int64_t> Outbox::newest_epoch() const {
  return store_.core_->read([](Connection& db) { return store::newest_epoch(db); });
}

Result<std::vector<OutgoingOp>> Outbox::next_ops(std::size_t ops_max, std::size_t bytes_max) {
  Core& core = *store_.core_;
  return core.read([&](Connection& db) -> Result<std::vector<OutgoingOp>> {
    std::vector<OutgoingOp> ops;
    std::size_t bytes = 0;
    Query row = db.query(kDueOps, core.clock().now_ms(), static_cast<std::int64_t>(ops_max));
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) return ops;
      bytes += row.text(4).size();
      if (!ops.empty() && bytes > bytes_max) return ops;
      OutgoingOp op;
      op.row = row.integer(0);
      op.seq = row.integer(8);
      op.op_id = row.id(1);
      op.record = row.id(2);
      op.verb = static_cast<Verb>(row.integer(3));
      op.canonical = row.text(4);
      op.hash = row.hash(5);
      op.urgency = static_cast<int>(row.integer(6));
      if (op.verb == Verb::attach) op.upload_url = row.text(7);
      ops.push_back(std::move(op));
    }
  });
}

Result<void> Outbox::defer(const std::vector<OutgoingOp>& sent, ErrorCode why, std::int64_t retry_after_ms) {
  Core& core = *store_.core_;
  return core.save([&](Connection& db) -> Result<void> {
    // One draw for all: what failed together goes together.
    std::int64_t attempts = 0;
    for (const OutgoingOp& op : sent) {
      JULU_TRY(const auto made, db.integer("SELECT attempts FROM op WHERE seq = ?1", op.row));
      attempts = std::max(attempts, made.value_or(0));
    }
    const Wait wait = next_wait(core, attempts, retry_after_ms);
    for (const OutgoingOp& op : sent) {
      JULU_CHECK(db.run("UPDATE op SET attempts = attempts + 1, next_attempt_ms = ?2, wait_max_ms = ?3, " JULU_PROBLEM
                        " WHERE seq = ?1 AND status = 0",
                        op.row, wait.next_attempt_ms, wait.wait_max_ms, problem_text(why, "", "", "", "")));
    }
    return {};
  });
}

Result<void> Outbox::defer_all(ErrorCode why, std::int64_t retry_after_ms) {
  Core& core = *store_.core_;
  return core.save([&](Connection& db) -> Result<void> {
    const std::int64_t now = core.clock().now_ms();
    JULU_TRY(const auto attempts, db.integer(kAttemptsOfFirstDue, now));
    const Wait wait = next_wait(core, attempts.value_or(0), retry_after_ms);
    JULU_CHECK(db.run(kDeferDueOps, now, wait.next_attempt_ms, wait.wait_max_ms, problem_text(why, "", "", "", "")));
    return db.run(kDeferDuePhotos, now, wait.next_attempt_ms, wait.wait_max_ms, kUnansweredMax);
  });
}

Result<void> Outbox::defer_photos(std::int64_t retry_after_ms) {
  Core& core = *store_.core_;
  return core.save([&](Connection& db) -> Result<void> {
    const Wait wait = next_wait(core, 0, retry_after_ms);
    return db.run(
        "UPDATE photo SET next_attempt_ms = ?1, wait_max_ms = max(wait_max_ms, ?2) WHERE own = 1"
        " AND uploaded = 0 AND next_attempt_ms < ?1",
        wait.next_attempt_ms, wait.wait_max_ms);
  });
}

Result<void> Outbox::park(const OutgoingOp& op, const Problem& problem) {
  Core& core = *store_.core_;
  return core.save([&](Connection& db) -> Result<void> {
    JULU_CHECK(db.run("UPDATE op SET status = ?3, problem = ?2 WHERE seq = ?1 AND status = 0", op.row,
                      problem_text(ErrorCode::rejected, problem.type, problem.title, problem.detail, problem.pointer),
                      mutant(Mutant::refused_dropped) ? kStatusGivenUp : kStatusParked));
    JULU_CHECK(remember_record(db, op.record));  // out of the scope it is not here, and nobody would see it
    return lay(core, db, op.record);
  });
}

Result<QueueCounts> Outbox::counts() const {
  return store_.core_->read([&](Connection& db) { return what_waits(db, store_.core_->clock().now_ms()); });
}

Result<void> Outbox::due_now() {
  return store_.core_->write([&](Connection& db) -> Result<void> {
    JULU_CHECK(db.run("UPDATE op SET next_attempt_ms = 0 WHERE status = 0 AND next_attempt_ms > 0"));
    JULU_CHECK(db.run("DELETE FROM meta WHERE name IN ('failed_runs', 'window_bytes', 'pull_rows', 'piece_bytes')"));
    return db.run("UPDATE photo SET next_attempt_ms = 0 WHERE next_attempt_ms > 0");
  });
}

Result<LinkFacts> Outbox::link() const {
  return store_.core_->read([](Connection& db) -> Result<LinkFacts> {
    JULU_TRY(const std::int64_t window, meta_integer(db, "window_bytes"));
    JULU_TRY(const std::int64_t rows, meta_integer(db, "pull_rows"));
    JULU_TRY(const std::int64_t piece, meta_integer(db, "piece_bytes"));
    return LinkFacts{static_cast<std::size_t>(window), static_cast<std::size_t>(rows), piece};
  });
}

Result<std::int64_t> Outbox::note_run(bool failed, const LinkFacts& link) {
  Core& core = *store_.core_;
  JULU_TRY(const std::int64_t before, core.read([](Connection& db) { return meta_integer(db, "failed_runs"); }));
  JULU_TRY(const LinkFacts known, this->link());
  const std::int64_t runs = failed ? before + 1 : 0;
  if (runs == before && link == known) return runs;
  const Result<void> noted = core.write([&](Connection& db) -> Result<void> {
    JULU_CHECK(set_meta(db, "failed_runs", runs));
    JULU_CHECK(set_meta(db, "window_bytes", static_cast<std::int64_t>(link.window_bytes)));
    JULU_CHECK(set_meta(db, "pull_rows", static_cast<std::int64_t>(link.pull_rows)));
    return set_meta(db, "piece_bytes", link.piece_bytes);
  });
  if (!noted) return noted.error();
  return runs;
}

}  // namespace julu
