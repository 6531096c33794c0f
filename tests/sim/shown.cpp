#include "shown.h"

#include <algorithm>
#include <span>

#include "phone.h"
#include "store/core.h"

namespace julu::sim {
namespace {

struct OnWay {
  int status = 0;
  bool signed_for = false;  // by a receipt that the county gave
  std::string photo, role;  // of an attach
};

std::vector<OnWay> ops_on_way(const World& world, store::Connection& db, const std::string& record) {
  std::vector<OnWay> ops;
  store::Query row = db.query(
      "SELECT op.status, receipt.signature, op.photo, iif(op.photo IS NULL, NULL, json_extract(op.canonical, '$.body.role'))"
      " FROM op LEFT JOIN receipt ON receipt.id = op.receipt"
      " WHERE op.record = ?1 ORDER BY op.seq",
      *parse_id(record));
  for (auto there = row.step(); there && *there; there = row.step()) {
    OnWay op;
    op.status = static_cast<int>(row.integer(0));
    if (!row.is_null(1)) {
      const std::string_view bytes = row.bytes(1);
      op.signed_for = world.server.has_signed(
          base64url(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size())));
    }
    if (!row.is_null(2)) op.photo = hex(row.hash(2));
    op.role = row.text(3);
    ops.push_back(std::move(op));
  }
  return ops;
}

Delivery earned(const std::vector<OnWay>& ops, bool confirming) {
  const auto any = [&](int status) {
    return std::any_of(ops.begin(), ops.end(), [&](const OnWay& op) { return op.status == status; });
  };
  if (any(store::kStatusParked)) return Delivery::parked;
  if (any(store::kStatusQueued) || any(store::kStatusMadeAgain)) return Delivery::saved;
  if (!any(store::kStatusReceipted)) return Delivery::none;
  return confirming ? Delivery::confirming : Delivery::delivered;
}

// A photo may hang on a record by an op of ours, by several, or because the county says so; in another role it is
// another, which somebody else may have hung there.
void check_photo(World& world, const Phone& phone, const std::vector<OnWay>& ops, const Record& shown,
                 const RecordPhoto& photo) {
  bool own = false, signed_for = false, open = false;
  for (const OnWay& op : ops) {
    if (op.photo != photo.sha256 || op.role != photo.role || op.status == store::kStatusGivenUp) continue;
    own = true;
    const bool receipted = op.status == store::kStatusReceipted;
    signed_for = signed_for || (receipted && op.signed_for);
    open = open || !receipted;
  }
  // Where damage took the row that said whose it is, a pull has brought it: the county's word too.
  const bool too_early = photo.delivered && own && !signed_for && phone.salvages == 0;
  const bool too_late = !photo.delivered && own && !open;
  if (too_early || too_late)
    world.violate("a photo is shown as delivered when the county has signed for it",
                  "phone " + std::to_string(phone.number) + " " + shown.id + " " + photo.sha256 +
                      (too_early ? " too early" : " not at all"));
}

void check_held(World& world, const Phone& phone, store::Connection& db, const std::string& record) {
  const auto heard = db.integer("SELECT value FROM meta WHERE name = 'epoch'");
  if (!heard || heard->value_or(0) != world.server.epoch()) return;
  store::Query row = db.query("SELECT op_id FROM op WHERE record = ?1 AND status = 1 ORDER BY seq", *parse_id(record));
  for (auto there = row.step(); there && *there; there = row.step()) {
    const std::string op = row.id(0).text();
    if (!world.server.holds(op, phone.worker))
      world.violate("what is shown as delivered is at the county",
                    "phone " + std::to_string(phone.number) + " " + record + " " + op);
  }
}

}  // namespace

void check_shown(World& world, const Phone& phone, store::Connection& db, const Record& shown) {
  const std::vector<OnWay> ops = ops_on_way(world, db, shown.id);
  const auto confirming = db.integer("SELECT value FROM meta WHERE name = 'confirming'");
  if (!confirming) return;  // the disk fails
  const Delivery wanted = earned(ops, confirming->value_or(0) != 0);
  const std::string which = "phone " + std::to_string(phone.number) + " " + shown.id + " ";
  if (shown.delivery != wanted)
    world.violate("what is shown of a delivery is what its receipts say",
                  which + std::string(name(shown.delivery)) + " not " + std::string(name(wanted)));
  const bool unsigned_one = std::any_of(
      ops.begin(), ops.end(), [](const OnWay& op) { return op.status == store::kStatusReceipted && !op.signed_for; });
  if (shown.delivery == Delivery::delivered && unsigned_one)
    world.violate("delivered is never shown without a valid receipt", which + "was never signed for");
  if ((shown.delivered_at_ms != 0) != (shown.delivery == Delivery::delivered))
    world.violate("what is delivered has a time, and nothing else", which + std::to_string(shown.delivered_at_ms));
  for (const RecordPhoto& photo : shown.photos) check_photo(world, phone, ops, shown, photo);
}

void check_shown_now(World& world, Phone& phone, const std::string& id) {
  if (phone.unsound || phone.disk.stopped()) return;
  const Spared spared(phone.disk);
  if (phone.beside == nullptr) phone.beside = open_phone(world, phone);
  if (phone.beside == nullptr) return;  // the disk is full, or failing
  std::vector<std::string> records{id};
  {
    store::Query row = phone.beside->query("SELECT record FROM op WHERE status = 1 ORDER BY receipt DESC, seq LIMIT 1");
    const auto there = row.step();
    if (there && *there) records.push_back(row.id(0).text());
  }
  for (const std::string& record : records) {
    const auto shown = phone.store().get(record);
    if (!shown || !*shown) continue;
    check_shown(world, phone, *phone.beside, **shown);
    if ((*shown)->delivery == Delivery::delivered) check_held(world, phone, *phone.beside, record);
  }
}

}  // namespace julu::sim
