// What must be true when the county has come to rest.
#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include <julu/limits.h>
#include <nlohmann/json.hpp>

#include "effect.h"
#include "holdings.h"
#include "overwritten.h"
#include "phone.h"
#include "shown.h"
#include "store/core.h"

namespace julu::sim {
namespace {

using nlohmann::json;
using store::Connection;

class PhoneCheck {
 public:
  PhoneCheck(World& world, Phone& phone, const County& county)
      : world_(world), phone_(phone), county_(county), worker_(worker_of(phone.worker)) {
    db_ = open_phone(world, phone);
  }

  void run(Accounts& accounts) {
    accounts.known.insert(phone_.ops_at_risk.begin(), phone_.ops_at_risk.end());
    if (phone_.gone) return;
    if (db_ == nullptr) return fail("a store can be read", "");
    const auto integrity = db_->text("PRAGMA integrity_check");
    const bool sound = integrity && *integrity && **integrity == "ok";
    if (!sound && phone_.unsound) return world_.note(phone_.number, "damage that nobody came upon");
    if (!sound) return fail("no page of a store is damaged", "");
    ops_ = read_ops(*db_);
    check_effect_is_one(world_, phone_, ops_, county_.ops);
    check_chain();
    for (const OwnOp& op : ops_) {
      accounts.known.insert(worker_ + op.id);
      accounts.texts[worker_ + op.id] = op.canonical;
      if (op.status == store::kStatusQueued || op.status == store::kStatusParked) accounts.waiting.insert(op.canonical);
      check_op(op);
    }
    note_what_gave_way(*db_, worker_, accounts);
    check_receipts();
    check_all_shown();
    if (!phone_.unsound) {
      check_screens(world_, phone_);
      static_cast<void>(check_inbox(world_, phone_));
    }
    check_catalog();
    for (const Told& told : phone_.told) check_told(told, accounts);
    check_records();
    if (!phone_.damaged) {
      check_conflicts();
      check_choices(world_, phone_);
    }
    check_photos();
    world_.tally.ops += static_cast<std::int64_t>(ops_.size());
  }

 private:
  void fail(const std::string& invariant, const std::string& detail) {
    world_.violate(invariant, "phone " + std::to_string(phone_.number) + " " + detail);
  }

  void check_chain() {
    std::int64_t seq = 0;
    for (const OwnOp& op : ops_) {
      if (op.seq != ++seq && phone_.salvages == 0) return fail("seq is gapless", "after " + std::to_string(seq - 1));
      if (hex(sha256(op.canonical)) != op.hash) return fail("an op's bytes never change", op.id);
    }
    // The numbers that the platform sees, on the chain of the device that this store is now.
    const std::string device = phone_.store().identity().device;
    Hash link = first_link(device);
    std::int64_t number = 0;
    store::Query row = db_->query(
        "SELECT number, hash, link FROM op WHERE chain = (SELECT value FROM meta WHERE name = 'chain'"
        " UNION ALL SELECT 0 LIMIT 1) ORDER BY number");
    for (;;) {
      const auto there = row.step();
      if (!there || !*there) return;
      link = next_link(link, row.hash(1));
      if (row.integer(0) != ++number)
        return fail("a device's numbers are gapless", device + " before " + std::to_string(row.integer(0)));
      if (row.hash(2) != link) return fail("each link covers all before it", device + " at " + std::to_string(number));
    }
  }

  void check_op(const OwnOp& op) {
    const auto held = county_.ops.find(worker_ + op.id);
    const bool is_held = held != county_.ops.end();
    if (is_held && held->second.hash != op.hash) fail("the county holds what was captured", op.id);
    if (op.status == store::kStatusReceipted && !is_held) {
      fail("delivered means that the county holds it",
           op.id + " version " + std::to_string(op.version.value_or(0)) + " " + op.canonical);
    }
    if (op.status == store::kStatusReceipted && is_held) check_effect(op);
    if (op.status == store::kStatusReceipted && !op.receipt) fail("delivered is never shown without a receipt", op.id);
    if (op.status == store::kStatusQueued && !is_behind_parked(op)) fail("nothing is left in the queue", op.id);
    if (op.status == store::kStatusMadeAgain) check_made_again(op);
    if (!phone_.damaged && op.canonical.find(kWithPhoto) != std::string::npos && !has_photo(op))
      fail("no record without the photo it was given with", op.id);
    if (op.status == store::kStatusParked) check_parked(op, is_held);
  }

  // What the county signed for, it did.
  void check_effect(const OwnOp& op) {
    const json said = json::parse(op.canonical);
    const std::string verb = said.at("verb");
    if (verb == "append" && !county_.steps.contains(op.record + op.id))
      fail("a delivered step is at the county", op.id);
    if (verb == "attach" && !county_.hung.contains(op.record + said.at("body").at("photo").get<std::string>() +
                                                   said.at("body").at("role").get<std::string>()))
      fail("a delivered photo hangs on its record", op.id);
    if (verb != "create" || said.at("kind") == "household") return;  // which others edit
    const json& held = county_.records.at(op.record);
    const std::vector<std::string>& edited = fields_of(said.at("kind"));
    for (const auto& [field, value] : said.at("body").items()) {
      // check_overwritten follows these.
      if (field == "tags" || std::find(edited.begin(), edited.end(), field) != edited.end()) continue;
      if (held.value(field, json()) != value) fail("the county holds what was captured", op.id + " " + field);
    }
  }

  // Told of or not: a capture that was cut off is there whole or not at all. A photo that was attached later is not it.
  bool has_photo(const OwnOp& op) const {
    const auto moment_of = [](const OwnOp& one) { return json::parse(one.canonical).value("captured_at_ms", json()); };
    return std::any_of(ops_.begin(), ops_.end(), [&](const OwnOp& other) {
      return other.record == op.record && other.canonical.find(R"("verb":"attach")") != std::string::npos &&
             moment_of(other) == moment_of(op);
    });
  }

  bool is_behind_parked(const OwnOp& op) const {
    return std::any_of(ops_.begin(), ops_.end(), [&](const OwnOp& other) {
      return other.record == op.record && std::tie(other.place, other.seq) < std::tie(op.place, op.seq) &&
             other.status == store::kStatusParked;
    });
  }

  // It waits for its successor's receipt, which a parked successor does not have.
  void check_made_again(const OwnOp& op) {
    const OwnOp* successor = find_op(ops_, op.successor);
    const bool waits =
        successor != nullptr && (successor->status == store::kStatusParked ||
                                 (successor->status == store::kStatusQueued && is_behind_parked(*successor)));
    if (!waits) fail("what was made again is closed by its successor", op.id + all_of(op.record));
  }

  // What the phone has to say of a record, and the county, for who reads a violation.
  std::string all_of(const std::string& record) const {
    std::string text;
    for (const OwnOp& op : ops_) {
      if (op.record != record) continue;
      text += "\n  " + std::to_string(op.seq) + " status " + std::to_string(op.status) + " successor " +
              std::to_string(op.successor.value_or(0)) + " " + op.canonical + " " + op.problem;
    }
    const auto held = county_.records.find(record);
    return text + "\n  the county holds " + (held == county_.records.end() ? "nothing" : held->second.dump());
  }

  void check_parked(const OwnOp& op, bool is_held) {
    const json problem = json::parse(op.problem, nullptr, false);
    const std::string type = problem.is_object() ? problem.value("type", "") : "";
    world_.note(phone_.number, "parked " + type);
    if (!is_explained(op, type))
      fail("what is parked has a reason that a fault explains", op.id + " " + op.problem + " " + op.canonical);
    // Judged too early it was refused; a second messenger that came late, a copy of the phone or of the request, found
    // the county ready. The next word on it, resending included, tells.
    const bool second_messenger = phone_.forked || world_.late_ops.contains(op.id);
    if (is_held && !second_messenger)
      fail("what the county holds is not shown as refused", op.id + " " + type + " " + op.canonical);
  }

  bool is_explained(const OwnOp& op, const std::string& type) const {
    const std::string verb = json::parse(op.canonical).value("verb", "");
    // A person has to decide: somebody else went another way meanwhile.
    if (type == "deleted") return world_.removals.contains(op.record);
    const bool alone = world_.phones().size() == 1 && !world_.server.was_restored() && world_.late_ops.empty();
    if (type == "flow") return verb == "append" && !alone;
    const bool moved = world_.server.may_leave_scope(phone_.worker);
    // Two copies of a phone both made it again, and the other's came first.
    const bool twins = verb == "create" && phone_.forked;
    if (type == "stale") return ((verb == "append" || verb == "delete") && !alone) || moved || twins;
    if (type == "schema" && is_of_catalog(world_, op.canonical, json::parse(op.problem), true)) return true;
    const bool restored = world_.server.was_restored();
    // What a restore took, somebody else may have made again where this worker does not look: a person stands in the
    // grid of whoever makes it.
    if (type == "scope") return moved || (restored && world_.server.is_out_of_scope(op.record, phone_.worker));
    if (type == "not-found") return restored || moved;
    return phone_.is_of_damage(type);
  }

  static std::vector<ReceiptItem> items_in(std::string_view bytes) {
    constexpr std::size_t kId = 16, kHash = 32, kVersion = 8;
    std::vector<ReceiptItem> items;
    for (; bytes.size() >= kId + kHash + kVersion; bytes.remove_prefix(kId + kHash + kVersion)) {
      ReceiptItem& item = items.emplace_back();
      std::copy_n(bytes.begin(), kId, item.op_id.bytes.begin());
      std::copy_n(bytes.begin() + kId, kHash, item.hash.begin());
      for (const char c : bytes.substr(kId + kHash, kVersion))
        item.version = (item.version << 8) | static_cast<unsigned char>(c);
    }
    return items;
  }

  void check_receipts() {
    std::map<std::int64_t, std::vector<const OwnOp*>> ops;  // made again meanwhile, an op is one of its receipt's too
    std::set<std::int64_t> proving;                         // of ops that are shown as delivered
    for (const OwnOp& op : ops_) {
      if (!op.receipt) continue;
      if (op.status == store::kStatusReceipted) proving.insert(*op.receipt);
      ops[*op.receipt].push_back(&op);
    }
    for (const auto& [id, covers] : ops) {
      store::Query row =
          db_->query("SELECT key_id, epoch, server_time_ms, signature, device, items FROM receipt WHERE id = ?1", id);
      const auto there = row.step();
      if (!there || !*there) return fail("delivered is never shown without a receipt", std::to_string(id));
      Receipt receipt{std::string(row.text(0)), row.integer(1), row.integer(2), {}};
      const std::string_view signature = row.bytes(3);
      if (signature.size() != receipt.signature.size()) return fail("a receipt is whole", std::to_string(id));
      std::copy(signature.begin(), signature.end(), receipt.signature.begin());
      if (!world_.server.has_signed(base64url(std::span<const std::uint8_t>(receipt.signature)))) {
        return fail("delivered is never shown without a valid receipt", std::to_string(id) + " was never signed");
      }
      const std::vector<ReceiptItem> covered = items_in(row.bytes(5));
      for (const OwnOp* op : covers) {
        const bool is_there = std::any_of(covered.begin(), covered.end(), [&](const ReceiptItem& item) {
          return item.op_id.text() == op->id && hex(item.hash) == op->hash && item.version == op->version;
        });
        if (!is_there) return fail("a receipt covers what it is kept for", op->id);
      }
      const auto known = county_.receipt_keys.find(receipt.key_id);
      if (known == county_.receipt_keys.end())
        return fail("a receipt is of a key that the root vouched for", receipt.key_id);
      ReceiptKey key = known->second;
      const std::int64_t at_ms = receipt.server_time_ms;
      const bool in_time = at_ms >= key.not_before_ms && (key.not_after_ms == 0 || at_ms < key.not_after_ms);
      if (!in_time && proving.contains(id))
        return fail("a receipt is of the time of its key", receipt.key_id + " " + std::to_string(at_ms));
      // A look at every signature would take a fifth of the simulator's time.
      if (!is_looked_at(id)) continue;
      if (!in_time)
        key.not_before_ms = key.not_after_ms = 0;  // it proves nothing any more, and was signed all the same
      if (!verify(receipt, row.text(4), covered, key)) {
        return fail("delivered is never shown without a valid receipt", std::to_string(id));
      }
    }
  }

  // Of everything that it has edited or made, and of what it only looks at.
  void check_all_shown() {
    if (phone_.unsound) return;
    Filter filter;
    filter.limit = limits::page_rows_max;
    filter.deleted_too = true;
    for (;;) {
      const auto list = phone_.store().list(filter);
      if (!list) return fail("a phone at rest shows what it has", std::string(julu::name(list.error().code)));
      for (const Record& record : *list) check_shown(world_, phone_, *db_, record);
      if (list->size() < static_cast<std::size_t>(filter.limit)) return;
      filter.before = list->back().id;
    }
  }

  bool is_looked_at(std::int64_t receipt) const {
    constexpr std::uint64_t kOneIn = 8;
    return (static_cast<std::uint64_t>(receipt) + world_.plan().seed) % kOneIn == 0;
  }

  // Somewhere in what the county or the phone's past holds, the worker's words stand.
  void check_told(const Told& told, Accounts& accounts) {
    const auto mine = [&](const OwnOp& op) { return op.record == told.record; };
    if (std::none_of(ops_.begin(), ops_.end(), mine)) {
      if (told.at_risk) return check_loss_is_told(told);
      return fail("what was said to be saved is there", told.kind + " " + told.marker);
    }
    // Another phone of the same worker may have brought the same value.
    const auto held = county_.records.find(told.record);
    bool found =
        told.wordless || (held != county_.records.end() && held->second.dump().find(told.marker) != std::string::npos);
    for (const OwnOp& op : ops_) {
      const bool counts = op.status == store::kStatusReceipted || op.status == store::kStatusParked ||
                          op.status == store::kStatusQueued || is_given_up(op);
      found = found || (mine(op) && counts && op.canonical.find(told.marker) != std::string::npos);
    }
    if (!found) {
      // That it was chosen is no trace of what became of it.
      store::Query row =
          db_->query("SELECT detail FROM history WHERE record = ?1 AND what <> 'resolved'", *parse_id(told.record));
      for (;;) {
        const auto there = row.step();
        if (!there || !*there) break;
        found = found || row.text(0).find(told.marker) != std::string_view::npos;
      }
    }
    // Of what gave way, damage may take the last trace.
    const bool may_be_gone = told.at_risk && (!told.in_row || world_.server.was_restored());
    if (!found && !may_be_gone && !rewritten(told)) {
      const std::string left = "phone " + std::to_string(phone_.number) + " " + told.kind + all_of(told.record);
      accounts.unseen.emplace(told.marker, Accounts::Unseen{told.record, left});
    }
    for (const std::string& photo : told.photos) {
      if (!told.at_risk) check_photo(told, photo);
    }
  }

  // By the worker, and not because another op did what it was to do.
  bool is_given_up(const OwnOp& op) const {
    return op.status == store::kStatusGivenUp && !op.successor && phone_.given_up.contains(op.record);
  }

  // Damage may take what was saved, and what it was named by; then the store says that it did.
  void check_loss_is_told(const Told& told) {
    const auto status = phone_.store().status();
    const bool said =
        status && status->salvage && (status->salvage->ops_unreadable > 0 || status->salvage->photos_lost > 0);
    if (!said && phone_.salvages < 2) fail("what damage takes is told", told.kind + " " + told.marker);
  }

  // The same worker changed the same field again before the first value was sent, whether they were told so or not.
  bool rewritten(const Told& told) const {
    const auto first = std::find_if(ops_.begin(), ops_.end(), [&](const OwnOp& op) {
      return op.record == told.record && op.canonical.find(told.marker) != std::string::npos;
    });
    if (first == ops_.end()) return false;
    const json before = json::parse(first->canonical).value("body", json::object());
    return std::any_of(ops_.begin(), ops_.end(), [&](const OwnOp& op) {
      if (op.record != told.record || op.place <= first->place) return false;
      const json after = json::parse(op.canonical);
      const std::string verb = after.value("verb", "");
      if (verb == "delete") return true;
      if (verb == "append") return false;  // a step is no later word for another
      const json body = after.value("body", json::object());
      return std::any_of(body.items().begin(), body.items().end(),
                         [&](const auto& field) { return before.contains(field.key()); });
    });
  }

  void check_photo(const Told& told, const std::string& photo) {
    bool parked = false;
    bool delivered = false;
    for (const OwnOp& op : ops_) {
      if (op.record != told.record || op.canonical.find(photo) == std::string::npos) continue;
      parked = parked || op.status == store::kStatusParked || op.status == store::kStatusQueued || is_given_up(op);
      delivered = delivered || op.status == store::kStatusReceipted;
    }
    if (parked && !delivered) return;
    if (!delivered) return fail("a photo goes with its record", photo);
    if (!county_.photos.contains(photo)) fail("a delivered photo is byte for byte at the county", photo);
    if (!county_.attached.contains(told.record + photo)) fail("a delivered photo hangs on its record", photo);
  }

  struct Shown {
    std::int64_t version = 0;
    json base, body;
    bool base_deleted = false, deleted = false;
    std::string state;
    bool pending = false;
  };

  std::map<std::string, Shown> shown() const {
    std::map<std::string, Shown> records;
    store::Query row = db_->query(
        "SELECT id, base_version, base, body, base_deleted, deleted, state, EXISTS (SELECT 1 FROM op WHERE op.record = record.id"
        " AND op.status IN (0, 2, 3)) FROM record WHERE base_version > 0");
    for (;;) {
      const auto there = row.step();
      if (!there || !*there) return records;
      records[row.id(0).text()] = {row.integer(1),
                                   json::parse(row.text(2), nullptr, false),
                                   json::parse(row.text(3), nullptr, false),
                                   row.integer(4) != 0,
                                   row.integer(5) != 0,
                                   std::string(row.text(6)),
                                   row.integer(7) != 0};
    }
  }

  void compare(const std::string& id, const Shown& here) {
    const std::int64_t version = county_.versions.at(id);
    const bool deleted = county_.deleted.at(id);
    if (here.version != version) {
      return fail("both sides hold the same version",
                  id + " " + std::to_string(here.version) + " not " + std::to_string(version));
    }
    if (here.base_deleted != deleted) return fail("both sides know of a deletion", id);
    if (!deleted && here.base != county_.records.at(id)) return fail("both sides hold the same body", id);
    if (here.pending) return;
    if (here.deleted != deleted) return fail("what is shown is what the county holds", id + " deleted");
    if (!deleted && here.body != here.base)
      return fail("what is shown is what the county holds", id + " " + here.body.dump());
    if (here.state != county_.states.at(id)) return fail("both sides are at the same step", id + " " + here.state);
  }

  // A value that gave way where a person is to choose stands in the inbox, until one has chosen.
  void check_conflicts() {
    store::Query row = db_->query(
        "SELECT record, json_extract(detail, '$.field') FROM history WHERE what = 'given_up' AND json_extract(detail, '$.field')"
        " <> '/note' AND EXISTS (SELECT 1 FROM record WHERE record.id = history.record) AND NOT EXISTS (SELECT 1 FROM conflict"
        " WHERE conflict.record = history.record AND conflict.field = json_extract(detail, '$.field')) AND NOT EXISTS"
        " (SELECT 1 FROM history AS later WHERE later.record = history.record AND later.id > history.id AND"
        " later.what = 'resolved' AND json_type(later.detail, '$' || replace(json_extract(history.detail, '$.field'), '/', '.'))"
        " IS NOT NULL)");
    for (auto there = row.step(); there && *there; there = row.step()) {
      const std::string record = row.id(0).text();
      const auto creator = county_.creators.find(record);
      if (phone_.given_up.contains(record)) continue;  // and may have been gone with its choice since
      const bool always_in_scope = creator != county_.creators.end() && creator->second == worker_;
      // What left the scope and came back has its past, and no choice left to make.
      if (world_.server.may_leave_scope(phone_.worker) && !always_in_scope) continue;
      fail("a true conflict waits for a person", record + " " + std::string(row.text(1)));
    }
  }

  bool was_made_on_a_damaged_phone(const std::string& record) const {
    return std::any_of(world_.words.begin(), world_.words.end(), [&](const auto& said) {
      const Word& word = said.second;
      return word.record == record && word.how == Word::How::create &&
             world_.phones()[static_cast<std::size_t>(word.phone)]->damaged;
    });
  }

  // Both sides hold the same of everything in this worker's scope.
  void check_records() {
    const std::vector<std::string>& scope = county_.scopes.at(worker_);
    std::map<std::string, Shown> here = shown();
    std::set<std::string> hung;    // record + photo + role
    std::set<std::string> theirs;  // of these, what no op of ours has hung there: the county's word
    {
      store::Query row = db_->query("SELECT record, sha256, role, op IS NULL FROM attachment");
      for (auto there = row.step(); there && *there; there = row.step()) {
        const std::string photo = row.id(0).text() + hex(row.hash(1)) + std::string(row.text(2));
        hung.insert(photo);
        if (row.integer(3) != 0) theirs.insert(photo);
      }
    }
    std::set<std::string> steps;
    {
      store::Query row = db_->query("SELECT record, id FROM action WHERE number IS NOT NULL");
      for (auto there = row.step(); there && *there; there = row.step())
        steps.insert(row.id(0).text() + row.id(1).text());
    }
    for (const auto& [id, body] : county_.records) {
      const bool mine = county_.creators.at(id) == worker_;
      const std::string& stands_in = county_.grids.at(id);
      const bool in_grid =
          std::any_of(scope.begin(), scope.end(), [&](const std::string& grid) { return stands_in.starts_with(grid); });
      const auto found = here.find(id);
      if (!mine && !in_grid) {
        if (found != here.end() && !found->second.pending) fail("what left the scope is gone from the phone", id);
        continue;
      }
      if (found == here.end()) {
        if (!county_.deleted.at(id)) fail("the cursor never skips", "missing " + id);
        continue;
      }
      compare(id, found->second);
      for (auto photo = county_.hung.lower_bound(id); photo != county_.hung.end() && photo->starts_with(id); ++photo) {
        if (!hung.contains(*photo)) fail("both sides hang the same photos on a record", *photo);
      }
      for (auto photo = theirs.lower_bound(id); photo != theirs.end() && photo->starts_with(id); ++photo) {
        if (!county_.hung.contains(*photo))
          fail("no photo is shown as the county's that it does not hold", *photo + all_of(id));
      }
      for (auto step = county_.steps.lower_bound(id); step != county_.steps.end() && step->starts_with(id); ++step) {
        if (!steps.contains(*step)) fail("both sides know the same steps of a case", *step);
      }
      here.erase(found);
    }
    // What a restore took from the county, damage from the phone: the ops that would bring it again.
    if (phone_.salvages > 0 && world_.server.was_restored()) return;
    for (const auto& [id, record] : here) {
      // What would bring it again is not taken any more.
      if (record.pending && (world_.server.may_leave_scope(phone_.worker) || misses_in_form(id))) continue;
      // Nor what the worker gave up, which a late request had brought and a restore took, nor what damage took from
      // who had made it: a step or a photo on it is refused.
      const bool is_for_good = phone_.given_up.contains(id) || was_made_on_a_damaged_phone(id);
      if (record.pending && world_.server.was_restored() && is_for_good) continue;
      if (!county_.records.contains(id))
        fail("nothing is shown as the county's that it does not hold", id + all_of(id));
    }
  }

  // A restore took it, and a form that has come since refused it as it was written then: to us, or to who made it, and
  // what we have to say of it finds nothing.
  bool misses_in_form(const std::string& record) const {
    return std::any_of(ops_.begin(), ops_.end(), [&](const OwnOp& op) {
      if (op.record != record || op.status != store::kStatusParked) return false;
      const json problem = json::parse(op.problem, nullptr, false);
      if (is_of_catalog(world_, op.canonical, problem, true)) return true;
      const std::string kind = json::parse(op.canonical).value("kind", "");
      return world_.server.was_restored() && problem.value("type", "") == "not-found" &&
             world_.server.has_needed_more(kind);
    });
  }

  // Schemas, flows, code lists, receipt keys.
  void check_catalog() {
    std::map<std::string, json> here;
    store::Query row = db_->query("SELECT kind, id, body FROM catalog");
    for (auto there = row.step(); there && *there; there = row.step())
      here[std::string(row.text(0)) + " " + std::string(row.text(1))] = json::parse(row.text(2), nullptr, false);
    for (const auto& [id, body] : county_.catalog) {
      if (here[id] != body) fail("both sides hold the same catalog", id + " " + here[id].dump());
    }
  }

  // No row names a photo whose bytes are not whole.
  void check_photos() {
    store::Query row = db_->query(
        "SELECT photo.sha256, photo.id, photo.length_bytes FROM photo WHERE here = 1 AND EXISTS"
        " (SELECT 1 FROM attachment WHERE attachment.sha256 = photo.sha256)");
    for (;;) {
      const auto there = row.step();
      if (!there || !*there) return;
      std::string bytes;
      const std::string hash = hex(row.hash(0));
      const auto read = phone_.store().read_photo(hash, [&](std::string_view piece) {
        bytes += piece;
        return true;
      });
      if (!read || hex(sha256(bytes)) != hash) return fail("no row without its photo", hash);
    }
  }

  World& world_;
  Phone& phone_;
  const County& county_;
  std::string worker_;
  std::unique_ptr<Connection> db_;
  std::vector<OwnOp> ops_;
};

// Of a damaged phone some ops cannot be read any more, while what was told to the worker is known; of one that nobody
// could salvage none can.
bool may_be_unreadable(const World& world, const std::string& key, const HeldOp& op) {
  return std::any_of(world.phones().begin(), world.phones().end(), [&](const auto& phone) {
    if ((phone->unsound || phone->gone) && key.starts_with(worker_of(phone->worker))) return true;
    return phone->damaged && std::any_of(phone->told.begin(), phone->told.end(),
                                         [&](const Told& told) { return told.record == op.record; });
  });
}

// Somebody wrote another word where they saw this one, which is no silence, and that one came to the county or was
// written over in its turn; what a pull told of it goes when the record leaves the scope.
bool is_written_over(const World& world, const County& county, const Accounts& accounts, const std::string& word) {
  return std::any_of(world.words.begin(), world.words.end(), [&](const auto& said) {
    if (said.second.seen != word) return false;
    const bool came = std::any_of(accounts.texts.begin(), accounts.texts.end(), [&](const auto& text) {
      return county.ops.contains(text.first) && text.second.find(said.first) != std::string::npos;
    });
    return came || is_written_over(world, county, accounts, said.first);
  });
}

}  // namespace

void check_world(World& world) {
  const County county = read_county(world.server.disk.vfs());
  Accounts accounts;
  for (const auto& phone : world.phones()) {
    note_choices(*phone, accounts);
    PhoneCheck(world, *phone, county).run(accounts);
  }
  for (const auto& [key, op] : county.ops) {
    if (!accounts.known.contains(key) && !may_be_unreadable(world, key, op))
      world.violate("nothing is at the county that was not captured", key);
  }
  for (const auto& [word, unseen] : accounts.unseen) {
    // Who brings the record again whole may be another, who was refused.
    const bool waits = std::any_of(
        accounts.waiting.begin(), accounts.waiting.end(), [&, &word = word, &record = unseen.record](const auto& text) {
          return text.find(word) != std::string::npos && text.find(record) != std::string::npos;
        });
    if (!waits && !is_written_over(world, county, accounts, word))
      world.violate("no value is overwritten in silence", word + " " + unseen.left);
  }
  check_effects(world, county, accounts);
  check_overwritten(world, county, accounts);
}

}  // namespace julu::sim
