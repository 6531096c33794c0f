// Who this store is to the platform: the chain its ops stand on, and how a device that forked, or that the platform
// knows no more, goes on under a new id.
#include <julu/outbox.h>

#include <algorithm>

#include "store/core.h"

namespace julu {
namespace store {

Result<Core::ChainEnd> Core::chain_end(Connection& db) {
  ChainEnd end;
  JULU_TRY(end.chain, meta_integer(db, "chain"));
  JULU_CHECK(heed_identity(db));
  constexpr const char* kFirst = "SELECT number, link FROM op ORDER BY seq DESC LIMIT 1";
  constexpr const char* kLater =
      "SELECT number, link FROM op WHERE chain = ?1 AND chain > 0 ORDER BY number DESC LIMIT 1";
  Query last = end.chain == 0 ? db.query(kFirst) : db.query(kLater, end.chain);
  JULU_TRY(const bool there, last.step());
  end.number = there ? last.integer(0) : 0;
  end.link = there ? last.hash(1) : first_link(identity().device);
  return end;
}

Result<void> Core::become(Connection& db, const Identity& identity, const PrivateKey& key) {
  JULU_TRY(const std::int64_t chain, meta_integer(db, "chain"));
  JULU_TRY(const std::int64_t forked, meta_integer(db, "forked"));
  // Who follows the feed may have come further than the copy that the file was restored from, and sees all again.
  for (const char* sql : {"UPDATE record SET changed = changed + ?1", "UPDATE gone SET changed = changed + ?1"}) {
    if (forked != 0) JULU_CHECK(db.run(sql, kChangesLeap));
  }
  JULU_CHECK(set_meta(db, "chain", chain + 1));
  JULU_CHECK(save_identity(db, identity));
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  JULU_CHECK(set_meta(db, "device_key", Blob{bytes}));
  JULU_CHECK(db.run("DELETE FROM meta WHERE name IN ('new_device_key', 'forked', 'holds_missing', 'holds_explained')"));
  std::vector<std::pair<std::int64_t, Hash>> pending;
  {
    Query row = db.query("SELECT seq, hash FROM op WHERE status IN (0, 2, 3) ORDER BY seq");
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) break;
      pending.emplace_back(row.integer(0), row.hash(1));
    }
  }
  Hash link = first_link(identity.device);
  std::int64_t number = 0;
  for (const auto& [seq, hash] : pending) {
    if (mutant(Mutant::fork_keeps_chain)) break;
    link = next_link(link, hash);
    JULU_CHECK(db.run("UPDATE op SET chain = ?2, number = ?3, link = ?4, next_attempt_ms = 0 WHERE seq = ?1", seq,
                      chain + 1, ++number, link));
  }
  return {};
}

namespace {

// Another worker's or another county's answer would mix what belongs to two.
Result<void> check_same_worker(const Identity& known, const Identity& identity) {
  if (identity.worker != known.worker) return Error{ErrorCode::bad_reply, "/worker", {}};
  if (identity.root_key != known.root_key) return Error{ErrorCode::bad_reply, "/root_key", {}};
  return {};
}

// Durable before it is used: a lost reply is asked for again with the same key.
Result<PrivateKey> new_key(Core& core, Connection& db) {
  JULU_TRY(const auto known, meta_text(db, "new_device_key"));
  PrivateKey key{};
  if (known && known->size() == key.size()) {
    std::copy(known->begin(), known->end(), key.begin());
    return key;
  }
  key = make_private_key(core.random());
  if (mutant(Mutant::new_key_forgotten)) return key;
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  JULU_CHECK(set_meta(db, "new_device_key", Blob{bytes}));
  return key;
}

}  // namespace
}  // namespace store

using namespace store;

Result<bool> Outbox::is_forked() const {
  return store_.core_->read([&](Connection& db) -> Result<bool> {
    JULU_TRY(const std::int64_t forked, meta_integer(db, "forked"));
    return forked != 0;
  });
}

Result<std::string> Outbox::first_device() const {
  return store_.core_->read([&](Connection& db) -> Result<std::string> {
    JULU_TRY(const auto device, meta_text(db, "first_device"));
    return device.value_or("");
  });
}

Result<Signature> Outbox::sign_as_first_device(std::string_view message) const {
  return store_.core_->read([&](Connection& db) -> Result<Signature> {
    JULU_TRY(const auto bytes, meta_text(db, "first_device_key"));
    PrivateKey key{};
    if (!bytes || bytes->size() != key.size()) return Error{ErrorCode::internal, "first_device_key", {}};
    std::copy(bytes->begin(), bytes->end(), key.begin());
    return julu::sign(key, message);
  });
}

Result<PublicKey> Outbox::new_device_key() {
  Core& core = *store_.core_;
  return core.write([&](Connection& db) -> Result<PublicKey> {
    JULU_CHECK(set_meta(db, "forked", std::int64_t{1}));
    JULU_TRY(const PrivateKey key, new_key(core, db));
    return public_key(key);
  });
}

Result<Signature> Outbox::sign_with_new_key(std::string_view message) {
  Core& core = *store_.core_;
  return core.write([&](Connection& db) -> Result<Signature> {
    JULU_TRY(const PrivateKey key, new_key(core, db));
    return julu::sign(key, message);
  });
}

Result<void> Outbox::become(const Identity& identity) {
  Core& core = *store_.core_;
  const auto became = core.write([&](Connection& db) -> Result<void> {
    JULU_CHECK(core.heed_identity(db));
    const Identity known = core.identity();
    JULU_CHECK(check_same_worker(known, identity));
    // The device that was enrolled with a code can vouch for a new one even when a restore has made the later ones
    // unknown.
    JULU_CHECK(
        db.run("INSERT OR IGNORE INTO meta SELECT 'first_device_key', value FROM meta WHERE name = 'device_key'"));
    JULU_CHECK(db.run("INSERT OR IGNORE INTO meta VALUES ('first_device', ?1)", known.device));
    JULU_TRY(const PrivateKey key, new_key(core, db));
    return core.become(db, identity, key);
  });
  JULU_CHECK(became);
  return core.read([&](Connection& db) { return core.reload_identity(db); });
}

Result<void> Outbox::become_by_code(const Identity& identity, const PrivateKey& key, const std::string& begun_for) {
  Core& core = *store_.core_;
  const auto became = core.write([&](Connection& db) -> Result<void> {
    JULU_CHECK(core.heed_identity(db));
    const Identity known = core.identity();
    if (identity.device == known.device) return {};  // asked again, after it had been
    JULU_CHECK(check_same_worker(known, identity));
    // From here on this is the one that a code was used for; those before it may be unknown, or revoked.
    JULU_CHECK(db.run("DELETE FROM meta WHERE name IN ('first_device', 'first_device_key')"));
    JULU_CHECK(set_meta(db, "begun_for", begun_for));
    return core.become(db, identity, key);
  });
  JULU_CHECK(became);
  return core.read([&](Connection& db) { return core.reload_identity(db); });
}

}  // namespace julu
