// Enrolment's durable halves.
#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <utility>

#include <julu/enrolment.h>
#include <julu/outbox.h>

#include "county.h"
#include "wreck.h"

using namespace julu;
using namespace julu::test;

namespace {

Enrolment::Options options_in(const Folder& folder) {
  Enrolment::Options options;
  options.root = folder.file("root");
  options.encrypted = has_cipher();
  options.platform = "http://127.0.0.1:1";
  options.consent_at_ms = 1;
  return options;
}

// A second enrolment in the folder of a county's phones.
Enrolment::Options second_of(County& county) {
  auto options = options_in(county.folder);
  options.key = county.key;
  options.clock = &county.clock;
  options.random = county.random.get();
  return options;
}

Identity new_device(const Store& store) {
  Identity identity = store.identity();
  identity.device = "device-2";
  return identity;
}

void report(Store& store) {
  REQUIRE(
      store.capture({.kind = "incident", .body = R"({"category":"drainage","text":"堵了"})", .photos = {}, .id = {}})
          .ok());
}

}  // namespace

TEST_CASE("nothing is made before consent") {
  const Folder folder;
  auto options = options_in(folder);
  options.consent_at_ms = 0;
  CHECK(Enrolment::begin(options).error().code == ErrorCode::consent_missing);
  CHECK(enrolments(options.root)->empty());
}

TEST_CASE("an enrolment that was interrupted goes on with the same key") {
  const Folder folder;
  const PublicKey first = (*Enrolment::begin(options_in(folder)))->public_key();
  const auto again = Enrolment::begin(options_in(folder));
  REQUIRE(again.ok());
  CHECK((*again)->public_key() == first);
  CHECK(verify(first, "text", (*again)->sign("text")));
}

TEST_CASE("an enrolment that failed under one key can be made under another") {
  if (!has_cipher()) SKIP("no key in this build");
  const Folder folder;
  auto options = options_in(folder);
  const PublicKey first = (*Enrolment::begin(options))->public_key();
  options.key.fill(7);
  const auto again = Enrolment::begin(options);
  REQUIRE(again.ok());
  CHECK((*again)->public_key() != first);
}

TEST_CASE("an enrolment whose file was damaged meanwhile begins anew") {
  const Folder folder;
  const auto options = options_in(folder);
  REQUIRE(Enrolment::begin(options).ok());
  const std::string file = options.root + "/.enrolling/julu.db";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  const auto again = Enrolment::begin(options);
  REQUIRE(again.ok());
  Identity identity;
  identity.device = "device-1";
  identity.worker = "W-0412";
  CHECK((*again)->finish(identity).ok());
}

TEST_CASE("of two enrolments on one root at once the second is told so") {
  const Folder folder;
  const auto first = Enrolment::begin(options_in(folder));
  REQUIRE(first.ok());
  CHECK(Enrolment::begin(options_in(folder)).error().code == ErrorCode::busy);
  Identity identity;
  identity.device = "d-1";
  identity.worker = "W-1";
  REQUIRE((*first)->finish(identity).ok());
  CHECK(Enrolment::begin(options_in(folder)).ok());
}

TEST_CASE("each worker gets a folder of their own, listed without opening a store") {
  County county;
  county.phone("W-0001");
  county.phone("W-0002");
  const auto found = enrolments(county.folder.file("root"));
  REQUIRE(found.ok());
  REQUIRE(found->size() == 2);
  CHECK(found->at(0).worker == "W-0001");
  CHECK(found->at(1).directory == county.directory("W-0002"));
  CHECK(enrolments(county.folder.file("nowhere"))->empty());
}

TEST_CASE("a device id that could break the signed text is refused") {
  const Folder folder;
  auto enrolment = Enrolment::begin(options_in(folder));
  REQUIRE(enrolment.ok());
  Identity identity;
  identity.device = "a\"b";
  identity.worker = "W-1";
  CHECK((*enrolment)->finish(identity).error().code == ErrorCode::bad_reply);

  County county;  // nor does a device become such a one later
  const auto store = county.phone();
  Identity another = store->identity();
  const std::string device = std::exchange(another.device, "a\"b");
  CHECK(Outbox(*store).become(another).error().code == ErrorCode::bad_reply);
  CHECK(store->identity().device == device);
}

TEST_CASE("a key is refused by a build without a cipher") {
  if (has_cipher()) SKIP("this build encrypts");
  const Folder folder;
  auto options = options_in(folder);
  options.encrypted = true;
  CHECK(Enrolment::begin(options).error().code == ErrorCode::encryption_unavailable);
}

TEST_CASE("a worker who enrols again goes on with the same store, and what is unsent has new numbers and its old ids") {
  County county;
  const auto store = county.phone();
  county.publish_key(*store);
  std::int64_t version = kFirstVersion + 10;
  report(*store);
  REQUIRE(county.apply_all(*store, version) == 1);
  report(*store);
  report(*store);
  const auto before = Outbox(*store).next_ops(10, 1 << 20).value();
  const auto directory = (*Enrolment::begin(second_of(county)))->finish(new_device(*store));
  REQUIRE(directory.ok());
  CHECK(*directory == county.directory());
  CHECK(enrolments(county.folder.file("root"))->size() == 1);
  CHECK_FALSE(std::filesystem::exists(county.folder.file("root/.enrolling")));
  const auto after = Outbox(*store).next_ops(10, 1 << 20).value();
  REQUIRE(after.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(after[i].op_id == before[i].op_id);
    CHECK(after[i].hash == before[i].hash);
    CHECK(after[i].seq == static_cast<std::int64_t>(i) + 1);
  }
  CHECK(county.open_again()->identity().device == "device-2");
  CHECK(Outbox(*store).first_device()->empty());
}

TEST_CASE("a second enrolment that was cut off after the store had become the device is finished by asking again") {
  County county;
  const auto store = county.phone();
  report(*store);
  const std::string begun = county.folder.file("root/.enrolling");
  const std::string kept = county.folder.file("kept");
  const PublicKey key = (*Enrolment::begin(second_of(county)))->public_key();
  std::filesystem::copy(begun, kept, std::filesystem::copy_options::recursive);
  REQUIRE((*Enrolment::begin(second_of(county)))->finish(new_device(*store)).ok());
  std::filesystem::rename(kept, begun);
  report(*store);
  const auto again = Enrolment::begin(second_of(county));
  REQUIRE(again.ok());
  CHECK((*again)->public_key() == key);
  CHECK((*again)->finish(new_device(*store)).value() == county.directory());
  const auto ops = Outbox(*store).next_ops(10, 1 << 20).value();
  REQUIRE(ops.size() == 2);
  CHECK(ops[1].seq == 2);
}

TEST_CASE("a store that is being sent is not made another device under its Syncer") {
  County county;
  const auto store = county.phone();
  Outbox outbox(*store);
  REQUIRE(outbox.acquire_lease().ok());
  const auto refused = (*Enrolment::begin(second_of(county)))->finish(new_device(*store));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::sync_in_progress);
  outbox.release_lease();
  CHECK((*Enrolment::begin(second_of(county)))->finish(new_device(*store)).ok());
  REQUIRE(outbox.acquire_lease().ok());
  CHECK(store->identity().device == "device-2");
  CHECK(outbox.sign("text").ok());
}

TEST_CASE("the same worker of another platform, or of one with another root key, gets a folder of their own") {
  County county;
  const auto store = county.phone();
  Identity identity = new_device(*store);
  SECTION("platform") { identity.platform = "https://other.example"; }
  SECTION("root key") { identity.root_key[0] ^= 1; }
  const auto directory = (*Enrolment::begin(second_of(county)))->finish(identity);
  REQUIRE(directory.ok());
  CHECK(*directory != county.directory());
  CHECK(county.open_again()->identity().device == store->identity().device);
  // Whoever enrols a third time finds that one too.
  identity.device = "device-3";
  CHECK((*Enrolment::begin(second_of(county)))->finish(identity).value() == *directory);
}

TEST_CASE("a worker whose store has another key is told so, and neither is touched") {
  if (!has_cipher()) SKIP("no key in this build");
  County county;
  const auto store = county.phone();
  report(*store);
  auto options = second_of(county);
  options.key.fill(1);
  const PublicKey key = (*Enrolment::begin(options))->public_key();
  const auto refused = (*Enrolment::begin(options))->finish(new_device(*store));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::store_key);
  CHECK(refused.error().field == "key");
  CHECK((*Enrolment::begin(options))->public_key() == key);
  CHECK(county.open_again()->identity().device == "device-W-0412");
}

TEST_CASE("a store that nobody can read any more does not keep its worker from another") {
  County county;
  county.phone();
  const std::string file = county.directory() + "/julu.db";
  std::filesystem::remove(file + "-wal");
  std::filesystem::resize_file(file, 0);
  Identity identity = county.phone("W-0001")->identity();
  identity.worker = "W-0412";
  const auto directory = (*Enrolment::begin(second_of(county)))->finish(identity);
  REQUIRE(directory.ok());
  CHECK(*directory == county.directory());
  CHECK(enrolments(county.folder.file("root"))->size() == 2);
  const std::string kept = county.directory() + ".damaged-" + identity.device.substr(identity.device.size() - 8);
  CHECK(std::filesystem::exists(kept + "/julu.db"));
}

TEST_CASE("a key made for one code is not what another is asked with") {
  const Folder folder;
  auto options = options_in(folder);
  options.code = "7F3K92QMX4HT";
  const PublicKey first = (*Enrolment::begin(options))->public_key();
  CHECK((*Enrolment::begin(options))->public_key() == first);
  options.code = "8F3K92QMX4HT";
  const PublicKey second = (*Enrolment::begin(options))->public_key();
  CHECK(second != first);
  options.platform = "http://127.0.0.1:2";
  CHECK((*Enrolment::begin(options))->public_key() != second);
  // The platform may have given a device to each; the reply was lost, and then a letter was mistyped.
  options.platform = options_in(folder).platform;
  CHECK((*Enrolment::begin(options))->public_key() == second);
  options.code = "7F3K92QMX4HT";
  CHECK((*Enrolment::begin(options))->public_key() == first);
}

TEST_CASE("of the keys that were made for other codes none is left in the store") {
  County county;
  auto options = second_of(county);
  options.code = "7F3K92QMX4HT";
  static_cast<void>(Enrolment::begin(options));
  options.code = "8F3K92QMX4HT";
  Identity identity;
  identity.device = "device-2";
  identity.worker = "W-0412";
  identity.root_key = public_key(county.root_key);
  REQUIRE((*Enrolment::begin(options))->finish(identity).ok());
  const auto db = database_of(county);
  CHECK(db->integer("SELECT count(*) FROM meta WHERE length(value) = 32 AND name <> 'device_key'").value() == 0);
}

TEST_CASE("what a file's pages are made with stands in it, and is so") {
  County county;
  static_cast<void>(county.phone());
  const auto db = database_of(county);
  const auto cipher = db->text("SELECT value FROM meta WHERE name = 'cipher'").value();
  CHECK(cipher == (has_cipher() ? "page 4096, HMAC-SHA256" : "none, page 4096"));
  CHECK(db->integer("PRAGMA page_size").value() == 4096);
  if (!has_cipher()) return;
  CHECK(db->text("PRAGMA cipher_hmac_algorithm").value() == "HMAC_SHA256");
  CHECK(db->text("PRAGMA cipher_page_size").value() == "4096");
}
