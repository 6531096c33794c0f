// After the platform was restored: what answered ops may be gone, and which of them go again (core/README.md
// "After the platform was restored").
#include <julu/outbox.h>

#include <algorithm>
#include <map>
#include <set>

#include "store/catalog.h"
#include "store/records.h"

namespace julu {
namespace store {
namespace {

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
constexpr std::int64_t kChinaMs = 8LL * 3600 * 1000;  // days are those of UTC+08:00

// Receipted ops by day; days since 1970 in UTC+08:00.
constexpr const char* kReceipted =
    "SELECT (json_extract(canonical, '$.captured_at_ms') + ?1) / ?2 AS day, hash, op_id, seq FROM op WHERE status = 1"
    " ORDER BY day, hash";

}  // namespace

Result<void> prove_again(Core& core, Connection& db, std::int64_t seq) {
  JULU_TRY(const Core::ChainEnd end, core.chain_end(db));
  JULU_TRY(const auto chain, db.integer("SELECT chain FROM op WHERE seq = ?1", seq));
  if (chain != end.chain) {
    // It was a former device's; from here on it is this one's.
    Hash hash{};
    {
      Query row = db.query("SELECT hash FROM op WHERE seq = ?1", seq);
      JULU_CHECK(row.step());
      hash = row.hash(0);
    }
    JULU_CHECK(db.run("UPDATE op SET chain = ?2, number = ?3, link = ?4 WHERE seq = ?1", seq, end.chain, end.number + 1,
                      next_link(end.link, hash)));
  }
  return db.run(
      "UPDATE op SET status = 0, receipt = NULL, version = NULL, attempts = 0, next_attempt_ms = 0"
      " WHERE seq = ?1",
      seq);
}

namespace {

Result<void> send_once_more(Core& core, Connection& db, std::int64_t seq) {
  JULU_CHECK(prove_again(core, db, seq));
  JULU_CHECK(db.run("UPDATE op SET folded = 0 WHERE seq = ?1", seq));  // the platform's row holds it no more
  JULU_CHECK(db.run("UPDATE action SET number = NULL WHERE id = (SELECT op_id FROM op WHERE seq = ?1)", seq));
  return db.run(
      "UPDATE photo SET uploaded = 0, next_attempt_ms = 0 WHERE own = 1 AND here = 1 AND sha256 = (SELECT photo FROM op WHERE seq = ?1)",
      seq);
}

}  // namespace

Result<void> send_lost_again(Core& core, Connection& db, const Id& record, std::int64_t seq) {
  JULU_TRY(const auto version, db.integer("SELECT version FROM op WHERE seq = ?1 AND status = 1", seq));
  if (!version) return {};
  JULU_TRY(const std::vector<OpRow> ops, ops_of(db, record));
  for (const OpRow& op : ops) {
    const bool after_it = op.version && *op.version >= *version && epoch_of(*op.version) == epoch_of(*version);
    if (op.status != kStatusReceipted || op.verb == Verb::attach || !after_it) continue;
    JULU_CHECK(send_once_more(core, db, op.seq));
  }
  return {};
}

namespace {

Result<std::optional<ChainHead>> head_of(Core& core, Connection& db) {
  JULU_TRY(const Core::ChainEnd end, core.chain_end(db));
  JULU_TRY(const auto open,
           db.integer("SELECT min(number) FROM op WHERE chain = ?1 AND status IN (0, 2, 3)", end.chain));
  ChainHead head;
  head.seq = open ? *open - 1 : end.number;
  if (head.seq == 0) return std::optional<ChainHead>();
  {
    Query row = db.query("SELECT link FROM op WHERE chain = ?1 AND number = ?2", end.chain, head.seq);
    JULU_TRY(const bool there, row.step());
    if (!there) return Error{ErrorCode::internal, "chain", {}};
    head.link = row.hash(0);
  }
  Query row = db.query(
      "SELECT number, op_id, hash FROM op WHERE chain = ?1 AND status IN (3, 4) AND number <= ?2"
      " ORDER BY number",
      end.chain, head.seq);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return std::optional(std::move(head));
    head.voids.push_back({row.integer(0), row.id(1), row.hash(2)});
  }
}

// What has a receipt is shown otherwise from here on, and whoever follows the changes looks again.
Result<void> set_confirming(Core& core, Connection& db, bool confirming) {
  JULU_CHECK(set_meta(db, "confirming", std::int64_t{confirming}));
  if (mutant(Mutant::confirming_not_told)) return {};
  JULU_TRY(const std::int64_t next, core.next_change(db));
  return db.run(
      "UPDATE record SET changed = ?1 + place FROM (SELECT id, row_number() OVER (ORDER BY changed) - 1 AS place"
      " FROM record WHERE EXISTS (SELECT 1 FROM op WHERE op.record = record.id AND op.status = 1)) AS shown"
      " WHERE record.id = shown.id",
      next);
}

// A county of phones must not ask all at once.
Result<void> ask_later(Core& core, Connection& db, std::int64_t retry_after_ms) {
  const auto spread =
      static_cast<std::int64_t>(core.random().below(static_cast<std::uint64_t>(limits::reconcile_spread_ms)));
  const std::int64_t wait = std::min(retry_after_ms, limits::retry_after_ms_max) + spread;
  JULU_CHECK(set_meta(db, "reconcile_wait_ms", wait));
  return set_meta(db, "reconcile_at_ms", core.clock().now_ms() + wait);
}

// What the platform counts too few of this device's ops and says that it holds all the same, another copy of this phone
// has brought there again. It is not asked about any more.
Result<void> explain_missing(Core& core, Connection& db, const std::vector<std::int64_t>& gone) {
  JULU_TRY(const Core::ChainEnd end, core.chain_end(db));
  JULU_TRY(std::int64_t left, meta_integer(db, "holds_missing"));
  for (const std::int64_t seq : gone) {
    JULU_TRY(const auto chain, db.integer("SELECT chain FROM op WHERE seq = ?1", seq));
    if (chain == end.chain) --left;
  }
  return set_meta(db, "holds_explained", std::max<std::int64_t>(0, left));
}

}  // namespace

Result<std::int64_t> asks_at(Connection& db, std::int64_t now_ms) {
  JULU_TRY(const std::int64_t at, meta_integer(db, "reconcile_at_ms"));
  JULU_TRY(const std::int64_t wait, meta_integer(db, "reconcile_wait_ms"));
  return at > now_ms + wait ? now_ms : at;  // later than it was ever to be: the clock was set
}

Result<void> begin_confirming(Core& core, Connection& db) {
  JULU_TRY(const std::int64_t already, meta_integer(db, "confirming"));
  if (already != 0) return {};
  JULU_CHECK(set_confirming(core, db, true));
  return ask_later(core, db, 0);
}

Result<void> note_holds(Core& core, Connection& db, std::int64_t holds, bool judged) {
  JULU_TRY(const Core::ChainEnd end, core.chain_end(db));
  JULU_TRY(const auto queued, db.integer("SELECT count(*) FROM op WHERE chain = ?1 AND status = 0", end.chain));
  JULU_TRY(const auto parked, db.integer("SELECT count(*) FROM op WHERE chain = ?1 AND status = 2", end.chain));
  JULU_TRY(const auto closed, db.integer("SELECT count(*) FROM op WHERE chain = ?1 AND status IN (3, 4)", end.chain));
  const std::int64_t receipted = end.number - queued.value_or(0) - parked.value_or(0) - closed.value_or(0);
  const std::int64_t missing = std::max<std::int64_t>(0, receipted - holds);
  JULU_TRY(const std::int64_t explained, meta_integer(db, "holds_explained"));
  if (judged && missing < explained) JULU_CHECK(set_meta(db, "holds_explained", missing));
  if (missing <= explained) return {};
  JULU_CHECK(set_meta(db, "holds_missing", missing));
  return begin_confirming(core, db);
}

}  // namespace store

using namespace store;

Result<bool> Outbox::needs_reconcile() const {
  Core& core = *store_.core_;
  return core.read([&](Connection& db) -> Result<bool> {
    JULU_TRY(const std::int64_t confirming, meta_integer(db, "confirming"));
    if (confirming == 0) return false;
    const std::int64_t now = core.clock().now_ms();
    JULU_TRY(const std::int64_t at, asks_at(db, now));
    return at <= now;
  });
}

Result<void> Outbox::reconcile_later(std::int64_t retry_after_ms) {
  Core& core = *store_.core_;
  return core.write([&](Connection& db) { return ask_later(core, db, retry_after_ms); });
}

Result<Reckoning> Outbox::reckoning() {
  Core& core = *store_.core_;
  return core.write([&](Connection& db) -> Result<Reckoning> {
    Reckoning reckoning;
    Sha256 hash;
    {
      Query row = db.query(kReceipted, kChinaMs, kDayMs);
      for (;;) {
        JULU_TRY(const bool there, row.step());
        const bool next_day = !there || reckoning.days.empty() || reckoning.days.back().day != row.integer(0);
        if (next_day && !reckoning.days.empty()) reckoning.days.back().hash = hash.finish();
        if (!there) break;
        if (next_day) reckoning.days.push_back({row.integer(0), 0, {}});
        ++reckoning.days.back().ops;
        hash.update(hex(row.hash(1)) + "\n");
      }
    }
    JULU_TRY(reckoning.head, head_of(core, db));
    return reckoning;
  });
}

Result<std::int64_t> Outbox::reconcile(const std::vector<HeldDay>& differ) {
  Core& core = *store_.core_;
  return core.write([&](Connection& db) -> Result<std::int64_t> {
    std::map<std::int64_t, std::set<Id>> held;
    for (const HeldDay& day : differ) held[day.day].insert(day.ops.begin(), day.ops.end());
    std::vector<std::int64_t> gone;
    if (!held.empty() && !mutant(Mutant::reconcile_sends_nothing)) {
      Query row = db.query(
          "SELECT seq, op_id, (json_extract(canonical, '$.captured_at_ms') + ?1) / ?2 FROM op WHERE status = 1"
          " ORDER BY seq",
          kChinaMs, kDayMs);
      for (;;) {
        JULU_TRY(const bool there, row.step());
        if (!there) break;
        const auto day = held.find(row.integer(2));
        if (day != held.end() && !day->second.contains(row.id(1))) gone.push_back(row.integer(0));
      }
    }
    JULU_CHECK(explain_missing(core, db, gone));
    std::set<Id> touched;
    for (const std::int64_t seq : gone) {
      JULU_CHECK(send_once_more(core, db, seq));
      Query row = db.query("SELECT record FROM op WHERE seq = ?1", seq);
      JULU_CHECK(row.step());
      touched.insert(row.id(0));
    }
    for (const Id& record : touched) {
      JULU_CHECK(remember_record(db, record));
      JULU_CHECK(lay(core, db, record));
    }
    JULU_CHECK(set_confirming(core, db, false));
    JULU_TRY(const std::int64_t seen, meta_integer(db, "server_seen_ms"));
    JULU_CHECK(set_meta(db, "confirmed_ms", seen));
    return static_cast<std::int64_t>(gone.size());
  });
}

}  // namespace julu
