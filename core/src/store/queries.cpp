// What a shell shows: records with what became of them, their history, and what changed.
#include <algorithm>
#include <array>
#include <cctype>

#include <julu/store.h>

#include "store/catalog.h"
#include "store/records.h"
#include "store/search.h"

namespace julu {

using namespace store;

namespace {

struct Problems {
  std::optional<Error> error;
  std::string text;
};

Problems parse_problem(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  Problems out;
  if (!json.is_object()) return out;
  out.error = Error{error_code(text_member(json, "code")), text_member(json, "pointer"), text_member(json, "type")};
  // The platform names a place in the operation; the body is all that a form knows.
  constexpr std::string_view kBody = "/body";
  if (out.error->field.starts_with("/body/")) out.error->field.erase(0, kBody.size());
  if (out.error->code == ErrorCode::rejected) {
    if (out.error->detail == "flow") out.error->code = ErrorCode::step_not_allowed;
    if (out.error->detail == "schema") out.error->code = ErrorCode::field_invalid;
  }
  out.text = text_member(json, "title");
  const std::string detail = text_member(json, "detail");
  if (!detail.empty()) out.text += (out.text.empty() ? "" : "：") + detail;
  return out;
}

// Status is derived from receipts and nothing else.
Result<void> add_delivery(Connection& db, const Id& id, Record& record) {
  Query row = db.query(
      "SELECT op.status, op.problem, receipt.server_time_ms FROM op LEFT JOIN receipt ON receipt.id = op.receipt"
      " WHERE op.record = ?1 ORDER BY op.seq",
      id);
  bool any = false;
  bool waiting = false;
  bool parked = false;
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) break;
    const auto status = static_cast<int>(row.integer(0));
    any = any || status != kStatusGivenUp;
    waiting = waiting ||
              (!mutant(Mutant::waiting_shown_delivered) && (status == kStatusQueued || status == kStatusMadeAgain));
    if (status == kStatusReceipted) record.delivered_at_ms = std::max(record.delivered_at_ms, row.integer(2));
    if (status == kStatusParked && !parked) {
      parked = true;
      Problems problems = parse_problem(row.text(1));
      record.problem = problems.error;
      record.problem_text = problems.text;
    }
  }
  record.delivery = parked ? Delivery::parked : waiting ? Delivery::saved : any ? Delivery::delivered : Delivery::none;
  if (record.delivery == Delivery::delivered) {
    JULU_TRY(const std::int64_t confirming, meta_integer(db, "confirming"));
    if (confirming != 0) record.delivery = Delivery::confirming;
  }
  if (record.delivery != Delivery::delivered) record.delivered_at_ms = 0;
  return {};
}

Result<void> add_photos(Connection& db, const Id& id, Record& record) {
  Query row = db.query(
      "SELECT a.sha256, a.role, a.action, photo.length_bytes, photo.here, a.op, op.status FROM attachment AS a"
      " JOIN photo ON photo.sha256 = a.sha256 LEFT JOIN op ON op.seq = a.op WHERE a.record = ?1 ORDER BY a.place",
      id);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return {};
    RecordPhoto photo;
    photo.sha256 = hex(row.hash(0));
    photo.role = row.text(1);
    if (!row.is_null(2)) photo.action = row.id(2).text();
    photo.length_bytes = row.integer(3);
    photo.here = row.integer(4) != 0;
    // The platform's own, or receipted; one that names an op which is not there is neither.
    const bool receipted = !row.is_null(6) && row.integer(6) == kStatusReceipted;
    photo.delivered = row.is_null(5) || receipted || (mutant(Mutant::photo_shown_too_early) && record.version > 0);
    record.photos.push_back(std::move(photo));
  }
}

Result<std::optional<Record>> load_record(Core& core, Connection& db, const Id& id) {
  JULU_TRY(const auto row, find_record(db, id));
  if (!row) return std::optional<Record>();
  Record record;
  record.id = id.text();
  record.kind = row->kind;
  record.body = row->body;
  record.state = row->state;
  record.deleted = row->deleted;
  record.version = row->base_version;
  record.captured_at_ms = row->captured_at_ms;
  if (const auto kind = core.kind(row->kind)) {
    const auto name_of = [&](const std::string& list, const std::string& code) { return code_name(db, list, code); };
    record.title = kind->summary(Json::parse(row->body, nullptr, false), name_of);
    if (const auto flow = core.flow_of(*kind)) {
      record.state_title_zh = flow->label(row->state, Lang::zh);
      record.state_title_en = flow->label(row->state, Lang::en);
    }
  }
  JULU_CHECK(add_delivery(db, id, record));
  JULU_CHECK(add_photos(db, id, record));
  JULU_TRY(const auto conflicts, db.integer("SELECT count(*) FROM conflict WHERE record = ?1", id));
  record.in_conflict = conflicts.value_or(0) > 0;
  return std::optional(std::move(record));
}

// Ids of the next rows, newest first, of those that may fit.
Result<std::vector<Id>> next_ids(Connection& db, const Filter& filter, const Id& before, int limit) {
  std::vector<Id> ids;
  const char* sql =
      "SELECT id FROM record WHERE (?1 IS NULL OR id < ?1) AND (?2 = '' OR kind = ?2)"
      " ORDER BY id DESC LIMIT ?3";
  // Most records of a phone are delivered, and the few others are not looked for among them.
  if (filter.delivery == Delivery::saved && !mutant(Mutant::waiting_shown_delivered))
    sql =
        "SELECT id FROM record WHERE (?1 IS NULL OR id < ?1) AND (?2 = '' OR kind = ?2) AND id IN (SELECT record"
        " FROM op WHERE status = 0 UNION SELECT record FROM op WHERE successor IS NOT NULL AND status = 3)"
        " ORDER BY id DESC LIMIT ?3";
  if (filter.delivery == Delivery::parked)
    sql =
        "SELECT id FROM record WHERE (?1 IS NULL OR id < ?1) AND (?2 = '' OR kind = ?2) AND id IN (SELECT record"
        " FROM op WHERE status = 2) ORDER BY id DESC LIMIT ?3";
  Query row = db.query(sql, before.is_nil() ? std::optional<Id>() : before, filter.kind, limit);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return ids;
    ids.push_back(row.id(0));
  }
}

bool fits(const Record& record, const Filter& filter) {
  // A deletion that was refused waits for a person, who has to see it.
  if (record.deleted && !filter.deleted_too && record.delivery != Delivery::parked) return false;
  if (!filter.kind.empty() && record.kind != filter.kind) return false;
  return !filter.delivery || record.delivery == *filter.delivery;
}

bool is_hex(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// The index on `changed` holds every id and nothing large.
constexpr const char* kIdsEndingWith =
    "SELECT id FROM record INDEXED BY record_changed WHERE lower(hex(id)) LIKE '%' || ?1 LIMIT 2";

}  // namespace

std::string_view name(Delivery delivery) {
  switch (delivery) {
    case Delivery::none: return "none";
    case Delivery::saved: return "saved";
    case Delivery::delivered: return "delivered";
    case Delivery::parked: return "parked";
    case Delivery::confirming: return "confirming";
  }
  return "unknown";
}

Result<std::optional<Record>> Store::get(const std::string& id) {
  const auto parsed = parse_id(id);
  if (!parsed) return Error{ErrorCode::bad_argument, "/id", {}};
  return core_->read([&](Connection& db) { return load_record(*core_, db, *parsed); });
}

Result<std::vector<Record>> Store::list(const Filter& filter) {
  if (filter.limit < 1 || filter.limit > limits::page_rows_max) return Error{ErrorCode::bad_argument, "limit", {}};
  Id before;
  if (!filter.before.empty()) {
    const auto parsed = parse_id(filter.before);
    if (!parsed) return Error{ErrorCode::bad_argument, "before", {}};
    before = *parsed;
  }
  return core_->read([&](Connection& db) -> Result<std::vector<Record>> {
    std::vector<Record> records;
    std::optional<Search> search;
    if (!filter.search.empty()) {
      std::string words = filter.search;
      normalise_nfc(words);
      JULU_TRY(search, Search::begin(*core_, db, words, filter.kind));
    }
    for (;;) {
      JULU_TRY(const std::vector<Id> ids,
               search ? search->next(db, before, filter.limit) : next_ids(db, filter, before, filter.limit));
      for (const Id& id : ids) {
        JULU_TRY(auto record, load_record(*core_, db, id));
        if (record && fits(*record, filter)) records.push_back(*std::move(record));
        if (static_cast<int>(records.size()) == filter.limit) return records;
      }
      if (static_cast<int>(ids.size()) < filter.limit) return records;
      before = ids.back();
    }
  });
}

Result<std::string> Store::find_id(const std::string& short_id) {
  std::string digits;
  for (const char c : short_id) {
    if (c != '-') digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (digits.size() < 4 || digits.size() > 32 || !is_hex(digits)) return Error{ErrorCode::bad_argument, "/id", {}};
  return core_->read([&](Connection& db) -> Result<std::string> {
    Query row = db.query(kIdsEndingWith, digits);
    JULU_TRY(const bool there, row.step());
    if (!there) return Error{ErrorCode::record_unknown, "/id", {}};
    const std::string id = row.id(0).text();
    JULU_TRY(const bool second, row.step());
    if (second) return Error{ErrorCode::bad_argument, "/id", "several records end so"};
    return id;
  });
}

Result<std::string> Store::short_id(const std::string& id) {
  const auto parsed = parse_id(id);
  if (!parsed) return Error{ErrorCode::bad_argument, "/id", {}};
  std::string digits = parsed->text();
  std::erase(digits, '-');
  return core_->read([&](Connection& db) -> Result<std::string> {
    JULU_TRY(const auto alike, db.query("SELECT id FROM record INDEXED BY record_changed WHERE substr(id, -2) ="
                                        " substr(?1, -2) AND id <> ?1",
                                        *parsed)
                                   .ids());
    std::size_t length = 4;
    for (const Id& one : alike) {
      std::string other = one.text();
      std::erase(other, '-');
      while (digits.compare(digits.size() - length, length, other, digits.size() - length, length) == 0) ++length;
    }
    return digits.substr(digits.size() - length);
  });
}

namespace {

// By the number of an op's status.
constexpr std::array<const char*, 5> kStandings{"waiting", "delivered", "refused", "replaced", "given_up"};
static_assert(kStatusQueued == 0 && kStatusReceipted == 1 && kStatusParked == 2 && kStatusMadeAgain == 3 &&
              kStatusGivenUp == 4);

// What happened, in the order in which it did as far as that is known: clocks may have been set in between.
struct Told {
  HistoryEntry entry;
  std::int64_t number = 0;  // of a case's step, by the platform; 0: none
};

Result<std::vector<Told>> own_ops(Connection& db, const Id& record) {
  std::vector<Told> told;
  Query row = db.query(
      "SELECT op.op_id, op.verb, op.hash, op.canonical, receipt.key_id, action.state, op.status, op.successor,"
      " coalesce(action.number, 0) FROM op"
      " LEFT JOIN receipt ON receipt.id = op.receipt LEFT JOIN action ON action.id = op.op_id"
      " WHERE op.record = ?1 ORDER BY op.seq",
      record);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return told;
    const OpText op = parse_op(std::string(row.text(3)));
    HistoryEntry& entry = told.emplace_back(Told{{}, row.integer(8)}).entry;
    entry.at_ms = op.moment.captured_at_ms;
    entry.what = name(static_cast<Verb>(row.integer(1)));
    entry.action = text_member(op.body, "action");
    if (entry.what != "append") entry.action.clear();
    entry.state = row.text(5);
    entry.detail = op.body.is_null() ? "{}" : canonical(op.body);
    entry.op_id = row.id(0).text();
    entry.hash = hex(row.hash(2));
    entry.receipt_key = row.text(4);
    const bool replaced = row.integer(6) == kStatusGivenUp && !row.is_null(7);
    entry.standing = kStandings.at(static_cast<std::size_t>(replaced ? kStatusMadeAgain : row.integer(6)));
  }
}

Result<std::vector<Told>> steps_of_others(Connection& db, const Id& record) {
  std::vector<Told> told;
  Query row = db.query(
      "SELECT at_ms, action, state, actor, body, id, number FROM action WHERE record = ?1 AND number IS NOT NULL"
      " AND NOT EXISTS (SELECT 1 FROM op WHERE op.record = action.record AND op.op_id = action.id) ORDER BY number",
      record);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return told;
    HistoryEntry& entry = told.emplace_back(Told{{}, row.integer(6)}).entry;
    entry.at_ms = row.integer(0);
    entry.what = "append";
    entry.action = row.text(1);
    entry.state = row.text(2);
    const Json actor = Json::parse(row.text(3), nullptr, false);
    entry.actor = text_member(actor, "name");
    if (entry.actor.empty()) entry.actor = text_member(actor, "id");
    entry.detail = row.text(4);
    entry.op_id = row.id(5).text();
  }
}

Result<std::vector<Told>> kept(Connection& db, const Id& record) {
  std::vector<Told> told;
  Query row = db.query("SELECT at_ms, what, detail FROM history WHERE record = ?1 ORDER BY id", record);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return told;
    HistoryEntry& entry = told.emplace_back().entry;
    entry.at_ms = row.integer(0);
    entry.what = row.text(1);
    entry.detail = row.text(2);
  }
}

// Each list keeps its order; between the two the clocks decide, but for what has a number in both, and that nothing was
// done to a record before it was there.
std::vector<Told> merged(std::vector<Told> a, std::vector<Told> b) {
  std::vector<Told> all;
  std::int64_t latest_a = 0, latest_b = 0;
  std::size_t i = 0, j = 0;
  // What is known without a clock.
  const auto a_is_known_to_come_first = [&]() -> std::optional<bool> {
    if (i == a.size()) return false;
    if (j == b.size() || a[i].entry.what == "create") return true;
    const auto next = std::find_if(a.begin() + static_cast<std::ptrdiff_t>(i), a.end(),
                                   [](const Told& told) { return told.number > 0; });
    if (next != a.end() && b[j].number > next->number) return true;
    if (b[j].number > 0 && a[i].number > b[j].number) return false;
    return std::nullopt;
  };
  while (i < a.size() || j < b.size()) {
    const std::optional<bool> known = a_is_known_to_come_first();
    const bool first = known ? *known : std::max(latest_a, a[i].entry.at_ms) <= std::max(latest_b, b[j].entry.at_ms);
    Told& next = first ? a[i++] : b[j++];
    std::int64_t& latest = first ? latest_a : latest_b;
    if (!known) latest = std::max(latest, next.entry.at_ms);  // nor must one wrong clock move what follows
    all.push_back(std::move(next));
  }
  return all;
}

}  // namespace

Result<std::vector<HistoryEntry>> Store::history(const std::string& id) {
  const auto record = parse_id(id);
  if (!record) return Error{ErrorCode::bad_argument, "/id", {}};
  return core_->read([&](Connection& db) -> Result<std::vector<HistoryEntry>> {
    JULU_TRY(std::vector<Told> own, own_ops(db, *record));
    JULU_TRY(std::vector<Told> others, steps_of_others(db, *record));
    JULU_TRY(std::vector<Told> notes, kept(db, *record));
    std::vector<HistoryEntry> entries;
    for (Told& told : merged(merged(std::move(own), std::move(notes)), std::move(others))) {
      entries.push_back(std::move(told.entry));
    }
    return entries;
  });
}

Result<std::vector<ConflictField>> Store::conflicts() {
  return core_->read([&](Connection& db) -> Result<std::vector<ConflictField>> {
    std::vector<ConflictField> fields;
    Query row = db.query(
        "SELECT conflict.record, field, conflict.base, local, record.body, at_ms, remote FROM conflict"
        " LEFT JOIN record ON record.id = conflict.record ORDER BY at_ms, conflict.record, field");
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) return fields;
      // Others may have written again since: what a person chooses over is what stands.
      const Json body = Json::parse(row.text(4), nullptr, false);
      const Json* stands = at_pointer(body, row.text(1));
      fields.push_back({row.id(0).text(), std::string(row.text(1)), std::string(row.text(2)), std::string(row.text(3)),
                        stands != nullptr ? stands->dump() : std::string(), row.integer(5)});
      if (mutant(Mutant::inbox_not_renewed)) fields.back().remote = row.text(6);
    }
  });
}

Result<Status> Store::status() {
  return core_->read([&](Connection& db) -> Result<Status> {
    Status status;
    const auto count = [&](const char* sql, std::int64_t& into) -> Result<void> {
      JULU_TRY(const auto value, db.integer(sql));
      into = value.value_or(0);
      return {};
    };
    JULU_CHECK(
        count("SELECT (SELECT count(*) FROM record INDEXED BY record_changed)"
              " - (SELECT count(*) FROM record WHERE deleted = 1)",
              status.records));
    // Each of the three by its index: most ops of a phone are receipted.
    JULU_CHECK(
        count("SELECT count(*) FROM (SELECT record FROM op WHERE status = 0 UNION SELECT record FROM op WHERE"
              " status = 2 UNION SELECT record FROM op WHERE successor IS NOT NULL AND status = 3)",
              status.unsent_records));
    JULU_TRY(const QueueCounts waiting, what_waits(db, core_->clock().now_ms()));
    status.unsent_ops = waiting.ops;
    status.parked_ops = waiting.parked;
    status.next_attempt_ms = waiting.next_attempt_ms;
    JULU_CHECK(count("SELECT count(*) FROM photo WHERE own = 1 AND uploaded = 0", status.unsent_photos));
    JULU_CHECK(count("SELECT sum(length_bytes) FROM photo WHERE own = 1 AND uploaded = 0", status.unsent_photo_bytes));
    JULU_CHECK(count("SELECT count(*) FROM conflict", status.conflicts));
    JULU_CHECK(count("SELECT value FROM meta WHERE name = 'last_sync_ms'", status.last_sync_ms));
    status.confirming = waiting.confirming;
    JULU_TRY(const auto salvage, meta_text(db, "salvage"));
    if (salvage) {
      const Json told = Json::parse(*salvage, nullptr, false);
      status.salvage =
          Salvage{told.value("at_ms", std::int64_t{0}), told.value("ops", std::int64_t{0}),
                  told.value("ops_unreadable", std::int64_t{0}), told.value("photos_lost", std::int64_t{0})};
    }
    status.low_disk = core_->low_disk();
    return status;
  });
}

Result<Changes> Store::changes_since(std::int64_t token, int limit) {
  if (limit < 1 || limit > limits::page_rows_max) return Error{ErrorCode::bad_argument, "limit", {}};
  return core_->read([&](Connection& db) -> Result<Changes> {
    Changes changes;
    // Nothing here has come as far: the token is from before the file was restored from a copy, or made anew.
    JULU_TRY(const std::int64_t newest, newest_change(db));
    if (token > newest) token = 0;
    changes.token = token;
    Query row = db.query(
        "SELECT id, changed FROM record WHERE changed > ?1 UNION ALL SELECT id, changed FROM gone"
        " WHERE changed > ?1 AND NOT EXISTS (SELECT 1 FROM record WHERE record.id = gone.id)"
        " ORDER BY changed LIMIT ?2",
        token, limit + 1);
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) return changes;
      if (static_cast<int>(changes.records.size()) == limit) {
        changes.more = true;
        return changes;
      }
      changes.records.push_back(row.id(0).text());
      changes.token = row.integer(1);
    }
  });
}

}  // namespace julu
