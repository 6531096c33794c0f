#include "county.h"

#include <stdexcept>

#include <julu/crypto.h>
#include <julu/enrolment.h>

#include <sqlite3.h>

namespace julu::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(std::string(name(result.error().code)) + " " + result.error().detail);
  return std::move(*result);
}

void must(const Result<void>& result) {
  if (!result) throw std::runtime_error(std::string(name(result.error().code)) + " " + result.error().detail);
}

}  // namespace

bool has_cipher() {
  sqlite3* db = nullptr;
  bool found = false;
  if (sqlite3_open(":memory:", &db) == SQLITE_OK) {
    const auto row = [](void* out, int, char**, char**) {
      *static_cast<bool*>(out) = true;
      return 0;
    };
    sqlite3_exec(db, "PRAGMA cipher_version", row, &found, nullptr);
  }
  sqlite3_close(db);
  return found;
}

County::County() : random(seeded_random(7)) {
  key.fill(0x5A);
  root_key = make_private_key(*random);
  signing_key = make_private_key(*random);
}

Store::Options County::options(const std::string& worker) {
  Store::Options options;
  options.directory = directory(worker);
  options.key = key;
  options.encrypted = has_cipher();
  options.clock = &clock;
  options.random = random.get();
  return options;
}

Store::Options County::enrolled(const std::string& vfs) {
  Enrolment::Options enrolment;
  enrolment.root = "root";
  enrolment.key = key;
  enrolment.encrypted = has_cipher();
  enrolment.platform = "https://county.example";
  enrolment.consent_at_ms = clock.now_ms();
  enrolment.clock = &clock;
  enrolment.random = random.get();
  enrolment.vfs = vfs;
  Identity identity;
  identity.device = "device-W-0412";
  identity.worker = "W-0412";
  identity.root_key = public_key(root_key);
  must(must(Enrolment::begin(std::move(enrolment)))->finish(identity));
  Store::Options made = options();
  made.directory = "root";
  made.vfs = vfs;
  return made;
}

std::unique_ptr<Store> County::phone(const std::string& worker, const std::string& role) {
  Enrolment::Options options;
  options.root = folder.file("root");
  options.key = key;
  options.encrypted = has_cipher();
  options.platform = "http://127.0.0.1:1";
  options.consent_at_ms = clock.now_ms();
  options.random = random.get();
  auto enrolment = must(Enrolment::begin(options));
  Identity identity;
  identity.platform = options.platform;
  identity.device = "device-" + worker;
  identity.worker = worker;
  identity.role = role;
  identity.grids = {"130529200203001"};
  identity.origins = {options.platform, "https://photos.example"};
  identity.root_key = public_key(root_key);
  static_cast<void>(must(enrolment->finish(identity)));
  return open_again(worker);
}

std::unique_ptr<Store> County::open_again(const std::string& worker) { return must(Store::open(options(worker))); }

Change County::receipt_key_row(std::int64_t revoked_at_ms) const {
  std::string start = R"({"key_id":"k1","not_before_ms":1,"public_key":")" + base64url(public_key(signing_key)) + "\"";
  if (revoked_at_ms != 0) start += ",\"revoked_at_ms\":" + std::to_string(revoked_at_ms);
  Change change;
  change.kind = "receipt-key";
  change.id = "k1";
  change.version = kFirstVersion + 1;
  change.body = start + R"(,"sig":")" + base64url(julu::sign(root_key, start + "}")) + "\"}";
  return change;
}

Change County::pull_household(Store& store, const std::string& body) {
  Change theirs;
  theirs.kind = "household";
  theirs.id = make_id(clock, system_random()).text();
  theirs.version = kFirstVersion + 1;
  theirs.body = body;
  PulledPage page;
  page.epoch = kEpoch;
  page.changes.push_back(theirs);
  page.next = "c1";
  must(Inbox(store).apply(page));
  return theirs;
}

void County::publish_key(Store& store) {
  PulledPage page;
  page.epoch = kEpoch;
  page.changes.push_back(receipt_key_row());
  page.next = "c1";
  must(Inbox(store).apply(page).ok() ? Result<void>() : Result<void>(Error{}));
}

Receipt County::sign(const std::string& device, const std::vector<OutgoingOp>& ops,
                     const std::vector<OpResult>& results, std::int64_t epoch) const {
  Receipt receipt{"k1", epoch, 1'795'500'001'000 + ahead_ms, {}};
  std::vector<ReceiptItem> items;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (results[i].status == OpStatus::applied || results[i].status == OpStatus::duplicate) {
      items.push_back({ops[i].op_id, ops[i].hash, results[i].version});
    }
  }
  receipt.signature = julu::sign(signing_key, signed_text(device, receipt, items));
  return receipt;
}

std::size_t County::apply_all(Store& store, std::int64_t& version) {
  Outbox outbox(store);
  const auto ops = must(outbox.next_ops(500, 1 << 20));
  std::vector<OpResult> results(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    results[i].status = OpStatus::applied;
    results[i].version = ops[i].verb == Verb::attach ? version : ++version;
  }
  if (ops.empty()) return 0;
  static_cast<void>(must(outbox.settle(ops, results, sign(store.identity().device, ops, results))));
  return ops.size();
}

}  // namespace julu::test
