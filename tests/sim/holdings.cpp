#include "holdings.h"

#include <algorithm>

#include "phone.h"
#include "store/core.h"

namespace julu::sim {

using nlohmann::json;

std::map<std::string, HeldOp> read_held(const std::string& vfs) {
  std::map<std::string, HeldOp> held;
  juhaoban::Database db(std::string(kData) + "/platform.db", vfs);
  auto rows = db.query("SELECT worker, op_id, hash, version, record, verb FROM op");
  while (rows.next())
    held[rows.text(0) + rows.text(1)] = {rows.text(2), rows.integer(3), rows.text(4), rows.text(0), rows.text(5)};
  return held;
}

County read_county(const std::string& vfs) {
  County county;
  county.ops = read_held(vfs);
  juhaoban::Database db(std::string(kData) + "/platform.db", vfs);
  {
    auto rows = db.query("SELECT id, body, version, deleted, grid, creator, state FROM record");
    while (rows.next()) {
      const std::string id = rows.text(0);
      county.records[id] = json::parse(rows.text(1));
      county.versions[id] = rows.integer(2);
      county.deleted[id] = rows.integer(3) != 0;
      county.grids[id] = rows.text(4);
      county.creators[id] = rows.text(5);
      county.states[id] = rows.text(6);
    }
  }
  {
    auto rows = db.query(
        "SELECT upload.sha256, chunk.bytes, upload.id FROM upload JOIN chunk ON chunk.upload = upload.id"
        " WHERE complete = 1 AND thumb_of = '' ORDER BY upload.id, chunk.offset_bytes");
    std::string upload, hash, bytes;
    const auto finish = [&] {
      if (!upload.empty() && hex(sha256(bytes)) == hash) county.photos.insert(hash);
      bytes.clear();
    };
    while (rows.next()) {
      if (rows.text(2) != upload) finish();
      upload = rows.text(2);
      hash = rows.text(0);
      bytes += rows.text(1);
    }
    finish();
  }
  {
    auto rows = db.query("SELECT worker, grids FROM worker");
    while (rows.next()) county.scopes[rows.text(0)] = json::parse(rows.text(1)).get<std::vector<std::string>>();
  }
  {
    auto rows = db.query("SELECT record, photo, role FROM attachment");
    while (rows.next()) {
      county.attached.insert(rows.text(0) + rows.text(1));
      county.hung.insert(rows.text(0) + rows.text(1) + rows.text(2));
    }
  }
  {
    auto rows = db.query("SELECT record, id, detail FROM action");
    while (rows.next()) {
      county.steps.insert(rows.text(0) + rows.text(1));
      county.said[rows.text(0) + rows.text(1)] = rows.text(2);
    }
  }
  auto rows = db.query("SELECT kind, id, body FROM catalog");
  while (rows.next()) {
    const json body = json::parse(rows.text(2));
    county.catalog[rows.text(0) + " " + rows.text(1)] = body;
    if (rows.text(0) != "receipt-key") continue;
    county.receipt_keys[rows.text(1)] = {rows.text(1), parse_public_key(body["public_key"].get<std::string>()).value(),
                                         body["not_before_ms"], body.value("not_after_ms", std::int64_t{0})};
  }
  return county;
}

std::unique_ptr<store::Connection> open_phone(const World& world, const Phone& phone) {
  store::Connection::Options options;
  options.path = store::database_path("phone", store::generation_in_use(phone.options()));
  options.vfs = phone.disk.vfs();
  if (world.plan().encrypted) options.key = store_key();
  auto opened = store::Connection::open(options);
  return opened ? std::move(*opened) : nullptr;
}

std::vector<OwnOp> read_ops(store::Connection& db) {
  std::vector<OwnOp> ops;
  store::Query row = db.query(
      "SELECT seq, op_id, record, hash, canonical, problem, status, version, receipt, successor, place FROM op ORDER BY seq");
  for (;;) {
    const auto there = row.step();
    if (!there || !*there) return ops;
    OwnOp op;
    op.seq = row.integer(0);
    op.id = row.id(1).text();
    op.record = row.id(2).text();
    op.hash = hex(row.hash(3));
    op.canonical = row.text(4);
    op.problem = row.text(5);
    op.status = static_cast<int>(row.integer(6));
    op.version = row.maybe_integer(7);
    op.receipt = row.maybe_integer(8);
    op.successor = row.maybe_integer(9);
    op.place = row.integer(10);
    ops.push_back(std::move(op));
  }
}

const OwnOp* find_op(const std::vector<OwnOp>& ops, std::optional<std::int64_t> seq) {
  if (!seq) return nullptr;
  const auto found = std::lower_bound(ops.begin(), ops.end(), *seq,
                                      [](const OwnOp& op, std::int64_t wanted) { return op.seq < wanted; });
  return found != ops.end() && found->seq == *seq ? &*found : nullptr;
}

}  // namespace julu::sim
