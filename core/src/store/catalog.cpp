#include "store/catalog.h"

#include <algorithm>
#include <mutex>

#include <julu/limits.h>

#include "domain/codes.h"
#include "julu_embedded.h"
#include "store/records.h"

namespace julu::store {
namespace {

// Of a schema or flow that this version of the app cannot use, beside the one that it goes on with: the next version of
// the app may.
constexpr const char* kNext = "-next";

// A schema is parsed once a process, however many stores and pages bring it: kinds and flows never change.
template <class T>
Result<std::shared_ptr<const T>> parsed(std::string_view text) {
  static std::mutex mutex;
  static std::map<Hash, std::shared_ptr<const T>> known;
  const Hash hash = sha256(text);
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(hash); found != known.end()) return found->second;
  JULU_TRY(std::shared_ptr<const T> loaded, T::load(text));
  if (known.size() >= limits::schemas_parsed_max) known.clear();
  known.emplace(hash, loaded);
  return loaded;
}

struct Loaded {
  std::map<std::string, std::shared_ptr<const Kind>, std::less<>> kinds;
  std::map<std::string, std::shared_ptr<const Flow>, std::less<>> flows;
};

Result<void> load_built_in(Loaded& loaded) {
  for (const auto& file : julu_embedded::files()) {
    if (file.path.starts_with("records/")) {
      JULU_TRY(auto kind, parsed<Kind>(file.text));
      loaded.kinds[kind->id()] = kind;
    } else if (file.path.starts_with("flows/")) {
      JULU_TRY(auto flow, parsed<Flow>(file.text));
      loaded.flows[flow->id()] = flow;
    }
  }
  return {};
}

// None: the row's body is no key, or that of another row.
std::optional<ReceiptKey> parse_receipt_key(const std::string& id, const Json& body) {
  const auto key = parse_public_key(text_member(body, "public_key"));
  const Json* from = at_pointer(body, "/not_before_ms");
  if (!key || text_member(body, "key_id") != id || from == nullptr || !from->is_number_integer()) return std::nullopt;
  ReceiptKey out;
  out.key_id = id;
  out.key = *key;
  out.not_before_ms = from->get<std::int64_t>();
  for (const char* end : {"/not_after_ms", "/revoked_at_ms"}) {
    const Json* at = at_pointer(body, end);
    const std::int64_t ms = at != nullptr && at->is_number_integer() ? at->get<std::int64_t>() : 0;
    if (ms > 0) out.not_after_ms = out.not_after_ms == 0 ? ms : std::min(out.not_after_ms, ms);
  }
  return out;
}

// The signature covers the body without `sig`, in canonical form.
bool is_vouched(Json body, const PublicKey& root) {
  const auto signature = parse_signature(text_member(body, "sig"));
  body.erase("sig");
  return signature && verify(root, canonical(body), *signature);
}

// Why the row cannot be used; empty when it can.
std::string problem_of(const Core& core, const Change& change) {
  if (!change.unusable.empty()) return change.unusable;
  if (change.kind == "schema") {
    const auto kind = parsed<Kind>(change.body);
    if (!kind) return std::string(name(kind.error().code)) + " " + kind.error().field;
    if ((*kind)->id() != change.id) return "schema_invalid /$id";
  } else if (change.kind == "flow") {
    const auto flow = parsed<Flow>(change.body);
    if (!flow) return std::string(name(flow.error().code)) + " " + flow.error().field;
  } else if (change.kind == "codes") {
    const auto id = check_codes(change.body);
    if (!id) return std::string(name(id.error().code)) + " " + id.error().field;
    if (*id != change.id) return "schema_invalid /id";
  } else if (change.kind == "receipt-key") {
    const auto body = parse_reply(change.body);
    const bool good = body && parse_receipt_key(change.id, *body) && is_vouched(*body, core.identity().root_key);
    if (!good) return "receipt_invalid";
  }
  return {};
}

Result<void> put(Connection& db, const std::string& kind, const Change& change, std::int64_t epoch,
                 const std::string& problem) {
  return db.run(
      "INSERT INTO catalog (kind, id, version, epoch, body, problem) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
      " ON CONFLICT DO UPDATE SET version = excluded.version, epoch = excluded.epoch, body = excluded.body,"
      " problem = excluded.problem WHERE excluded.epoch > epoch OR excluded.version >= version",
      kind, change.id, change.version, epoch, change.body, problem.empty() ? std::optional<std::string>() : problem);
}

// A revocation stays, also when a restore of the platform has forgotten it, or takes the whole row away.
Result<bool> is_revoked_before(Connection& db, const Change& change) {
  const auto revoked_at = [](const std::string& body) {
    const Json json = Json::parse(body, nullptr, false);
    const Json* at = at_pointer(json, "/revoked_at_ms");
    const std::int64_t ms = at != nullptr && at->is_number_integer() ? at->get<std::int64_t>() : 0;
    return ms > 0 ? ms : limits::integer_max;
  };
  JULU_TRY(const auto known, db.text("SELECT body FROM catalog WHERE kind = 'receipt-key' AND id = ?1"
                                     " AND problem IS NULL",
                                     change.id));
  const bool gone = change.deleted || change.removed;
  return known && revoked_at(*known) < (gone ? limits::integer_max : revoked_at(change.body));
}

#define JULU_PROVEN_AFTER \
  "status = 1 AND receipt IN (SELECT id FROM receipt WHERE key_id = ?1 AND server_time_ms >= ?2)"

// What a key vouched for after it was in other hands proves nothing: the platform is asked again, and signs with
// another.
Result<void> ask_again_for(Core& core, Connection& db, const std::string& key_id) {
  JULU_TRY(const auto key, receipt_key(db, key_id));
  if (!key || key->not_after_ms == 0) return {};
  std::vector<std::pair<std::int64_t, Id>> unproven;
  {
    Query row =
        db.query("SELECT seq, record FROM op WHERE " JULU_PROVEN_AFTER " ORDER BY seq", key_id, key->not_after_ms);
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) break;
      unproven.emplace_back(row.integer(0), row.id(1));
    }
  }
  for (const auto& [seq, record] : unproven) JULU_CHECK(prove_again(core, db, seq));
  for (const auto& [seq, record] : unproven) JULU_CHECK(lay(core, db, record));
  return {};
}

Result<void> keep(Core& core, Connection& db, const Change& change, std::int64_t epoch, const std::string& problem) {
  if (!problem.empty()) {
    JULU_TRY(const auto good, db.integer("SELECT count(*) FROM catalog WHERE kind = ?1 AND id = ?2 AND problem IS NULL",
                                         change.kind, change.id));
    if (good.value_or(0) > 0) {
      const Json detail{{"kind", change.kind}, {"problem", problem}};
      JULU_CHECK(add_history(db, Id{}, core.clock().now_ms(), "refused", detail));
      return change.kind == "receipt-key" ? Result<void>() : put(db, change.kind + kNext, change, epoch, problem);
    }
  } else {
    JULU_CHECK(db.run("DELETE FROM catalog WHERE kind = ?1 AND id = ?2", change.kind + kNext, change.id));
  }
  if (change.kind == "receipt-key") {
    JULU_TRY(const bool revoked, is_revoked_before(db, change));
    if (revoked) return {};
  }
  if (change.deleted || change.removed) {
    return db.run("DELETE FROM catalog WHERE kind = ?1 AND id = ?2", change.kind, change.id);
  }
  if (change.kind == "schema") {
    // Of what the words of a record are, the index knew something else.
    JULU_TRY(const auto known, db.text("SELECT body FROM catalog WHERE kind = 'schema' AND id = ?1", change.id));
    if (known != change.body) JULU_CHECK(set_meta(db, "indexed_to", std::int64_t{0}));
  }
  JULU_CHECK(put(db, change.kind, change, epoch, problem));
  return change.kind == "receipt-key" && problem.empty() ? ask_again_for(core, db, change.id) : Result<void>();
}

}  // namespace

Result<std::string> keep_in_catalog(Core& core, Connection& db, const Change& change, std::int64_t epoch) {
  // A receipt key once vouched for is not taken away by a row that is not. Of the others, what is gone needs no body.
  const bool judged = !(change.deleted || change.removed) || change.kind == "receipt-key";
  std::string problem = judged ? problem_of(core, change) : std::string();
  JULU_CHECK(keep(core, db, change, epoch, problem));
  return problem;
}

Result<std::string> codes(Connection& db, const std::string& list) {
  JULU_TRY(const auto sent,
           db.text("SELECT body FROM catalog WHERE kind = 'codes' AND id = ?1 AND problem IS NULL", list));
  if (sent) return *sent;
  for (const auto& file : julu_embedded::files()) {
    if (file.path == "codes/" + list + ".json") return std::string(file.text);
  }
  return Error{ErrorCode::codes_unknown, "/list", {}};
}

std::string code_name(Connection& db, const std::string& list, const std::string& code) {
  const auto text = codes(db, list);
  const Json file = Json::parse(text ? *text : "{}", nullptr, false);
  const Json* items = at_pointer(file, "/items");
  if (items == nullptr) return code;
  for (const Json& item : *items) {
    if (const std::string name = text_member(item, "zh"); text_member(item, "code") == code && !name.empty())
      return name;
  }
  return code;
}

Result<std::optional<ReceiptKey>> receipt_key(Connection& db, const std::string& key_id) {
  // The root's signature was checked when the row was kept.
  JULU_TRY(const auto body,
           db.text("SELECT body FROM catalog WHERE kind = 'receipt-key' AND id = ?1 AND problem IS NULL", key_id));
  if (!body) return std::optional<ReceiptKey>();
  auto key = parse_receipt_key(key_id, Json::parse(*body, nullptr, false));
  if (!key) return Error{ErrorCode::store_corrupt, "receipt-key", {}};
  return key;
}

Result<std::int64_t> newest_epoch(Connection& db) { return meta_integer(db, "epoch"); }

Result<void> note_epoch(Core& core, Connection& db, std::int64_t epoch) {
  JULU_TRY(const std::int64_t newest, newest_epoch(db));
  if (epoch <= newest) return {};
  if (newest > 0 && !mutant(Mutant::epoch_not_confirmed)) JULU_CHECK(begin_confirming(core, db));
  JULU_CHECK(db.run("DELETE FROM meta WHERE name IN ('holds_missing', 'holds_explained')"));
  return set_meta(db, "epoch", epoch);
}

Result<void> defer_photo_row(Core& core, const Hash& sha256, ErrorCode why, std::int64_t retry_after_ms) {
  return core.write([&](Connection& db) -> Result<void> {
    JULU_TRY(const auto attempts, db.integer("SELECT attempts FROM photo WHERE sha256 = ?1", sha256));
    const Wait wait = mutant(Mutant::photo_retry_never) ? Wait{limits::integer_max, limits::integer_max}
                                                        : next_wait(core, attempts.value_or(0), retry_after_ms);
    const bool answered = why == ErrorCode::bad_reply || why == ErrorCode::server;
    const std::int64_t most = answered ? limits::integer_max : kUnansweredMax;
    return db.run(
        "UPDATE photo SET attempts = max(attempts, min(attempts + 1, ?4)), next_attempt_ms = ?2, wait_max_ms = ?3 WHERE sha256 = ?1",
        sha256, wait.next_attempt_ms, wait.wait_max_ms, most);
  });
}

Result<void> Core::catalog_changed(Connection& db) {
  JULU_TRY(const std::int64_t number, meta_integer(db, "catalog"));
  JULU_CHECK(set_meta(db, "catalog", number + 1));
  return load_catalog(db);
}

// An app of another version judges anew; what it cannot use either stays out.
Result<void> Core::reconsider_catalog() {
  std::vector<std::pair<std::string, std::string>> usable;  // kind and id
  {
    Query row = writer_->query(
        "SELECT kind, id, body FROM catalog WHERE problem IS NOT NULL AND kind IN ('schema', 'schema-next', 'flow', 'flow-next')");
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) break;
      bool fits = false;
      if (row.text(0).starts_with("schema")) {
        const auto kind = parsed<Kind>(row.text(2));
        fits = kind && (*kind)->id() == row.text(1);
      } else {
        fits = parsed<Flow>(row.text(2)).ok();
      }
      if (fits) usable.emplace_back(row.text(0), row.text(1));
    }
  }
  if (usable.empty()) return {};
  return write([&](Connection& db) -> Result<void> {
    for (const auto& [kind, id] : usable) {
      const std::string plain = kind.substr(0, kind.find('-'));
      JULU_CHECK(db.run("UPDATE OR REPLACE catalog SET kind = ?3, problem = NULL WHERE kind = ?1 AND id = ?2", kind, id,
                        plain));
    }
    JULU_CHECK(set_meta(db, "indexed_to", std::int64_t{0}));
    return catalog_changed(db);
  });
}

Result<void> Core::heed_catalog(Connection& db, bool writes) {
  return heeded(guarded([&]() -> Result<void> {
    JULU_TRY(const std::int64_t number, meta_integer(db, "catalog"));
    const bool news = writes ? number != catalog_ : number > catalog_;
    return news ? load_catalog(db, writes) : Result<void>();
  }));
}

Result<void> Core::load_catalog(Connection& db, bool older_too) {
  Loaded loaded;
  JULU_TRY(const std::int64_t number, meta_integer(db, "catalog"));
  JULU_CHECK(load_built_in(loaded));
  {
    Query row = db.query("SELECT kind, id, body FROM catalog WHERE kind IN ('schema', 'flow') AND problem IS NULL");
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) break;
      if (row.text(0) == "schema") {
        if (auto kind = parsed<Kind>(row.text(2))) loaded.kinds[std::string(row.text(1))] = *kind;
      } else if (auto flow = parsed<Flow>(row.text(2))) {
        loaded.flows[std::string(row.text(1))] = *flow;
      }
    }
  }
  const std::lock_guard lock(catalog_mutex_);
  if (!older_too && number <= catalog_) return {};
  kinds_ = std::move(loaded.kinds);
  flows_ = std::move(loaded.flows);
  catalog_ = number;
  return {};
}

std::shared_ptr<const Kind> Core::kind(const std::string& id) const {
  const std::lock_guard lock(catalog_mutex_);
  const auto found = kinds_.find(id);
  return found != kinds_.end() ? found->second : nullptr;
}

Result<std::shared_ptr<const Kind>> Core::kind_now(const std::string& id) {
  auto found = kind(id);
  if (found == nullptr) {
    JULU_CHECK(heed());
    found = kind(id);
  }
  if (found != nullptr) return found;
  JULU_TRY(const auto problem, read([&](Connection& db) {
             return db.text("SELECT problem FROM catalog WHERE kind = 'schema' AND id = ?1", id);
           }));
  return Error{ErrorCode::kind_unknown, "/kind", problem.value_or("")};
}

std::vector<std::string> Core::kinds() const {
  const std::lock_guard lock(catalog_mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, kind] : kinds_) ids.push_back(id);
  return ids;
}

std::shared_ptr<const Flow> Core::flow_of(const Kind& kind) const {
  const std::lock_guard lock(catalog_mutex_);
  const auto found = flows_.find(kind.flow());
  return found != flows_.end() ? found->second : nullptr;
}

}  // namespace julu::store
