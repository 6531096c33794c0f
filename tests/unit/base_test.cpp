// The ground: ids, hashes, signatures, error names, and the canonical text that everything is hashed by.
#include <algorithm>
#include <iterator>
#include <new>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include <julu/crypto.h>
#include <julu/id.h>
#include <julu/identity.h>
#include <julu/op.h>
#include <julu/receipt.h>

#include "clocks.h"

using namespace julu;

TEST_CASE("a store key leaves nothing behind in the memory that it had") {
  alignas(StoreKey) unsigned char room[sizeof(StoreKey)];
  auto* key = new (room) StoreKey{};
  key->fill(0x5A);
  {
    const StoreKey copy = *key;
    CHECK(copy == *key);
  }
  key->~StoreKey();
  CHECK(std::all_of(std::begin(room), std::end(room), [](unsigned char byte) { return byte == 0; }));
}

TEST_CASE("ids are UUIDv7, sort by time and survive their text") {
  test::ManualClock clock;
  const auto random = seeded_random(1);
  const Id first = make_id(clock, *random);
  clock.advance(1);
  const Id second = make_id(clock, *random);
  CHECK(first < second);
  CHECK(first.text().size() == 36);
  CHECK(first.text()[14] == '7');
  CHECK(parse_id(first.text()) == first);
  CHECK_FALSE(parse_id("not an id").has_value());
  CHECK_FALSE(parse_id(first.text() + "0").has_value());
}

TEST_CASE("a seeded random is the same sequence everywhere") {
  const auto random = seeded_random(42);
  const std::uint64_t first = random->next();
  CHECK(seeded_random(42)->next() == first);
  CHECK(seeded_random(43)->next() != first);
  for (int i = 0; i < 1000; ++i) CHECK(random->below(7) < 7);
  CHECK(random->below(0) == 0);
}

TEST_CASE("SHA-256 and Ed25519 give the vectors of FIPS 180-4 and RFC 8032") {
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const auto seed = parse_hash("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  REQUIRE(seed.has_value());
  CHECK(hex(public_key(*seed)) == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const Signature signature = sign(*seed, "");
  CHECK(hex(signature).starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"));
  CHECK(verify(public_key(*seed), "", signature));
  CHECK_FALSE(verify(public_key(*seed), "x", signature));
}

TEST_CASE("base64url has one text for one value") {
  CHECK(base64url(std::string_view("\xFF\xEF\xFE")) == "_-_-");
  CHECK(parse_base64url("_-_-") == std::string("\xFF\xEF\xFE"));
  CHECK(base64url(std::string_view("a")) == "YQ");
  CHECK(parse_base64url("YQ") == "a");
  CHECK_FALSE(parse_base64url("YR").has_value());
  CHECK_FALSE(parse_base64url("YQ==").has_value());
  CHECK_FALSE(parse_base64url("Y").has_value());
}

TEST_CASE("the canonical text of an op has its members in order and is what its hash covers") {
  Op op;
  op.op_id = *parse_id("01980000-0000-7000-8000-000000000001");
  op.record = *parse_id("01980000-0000-7000-8000-000000000002");
  op.after = *parse_id("01980000-0000-7000-8000-000000000003");
  op.replaces = {*parse_id("01980000-0000-7000-8000-000000000004")};
  op.refs = {*parse_id("01980000-0000-7000-8000-000000000005")};
  op.kind = "household";
  op.verb = Verb::patch;
  op.body = R"({"note":"甲"})";
  op.captured_at_ms = 1795500000000;
  op.evidence = {"boot-1", 5000, -120};
  CHECK(
      canonical(op) ==
      R"({"after":"01980000-0000-7000-8000-000000000003","body":{"note":"甲"},"captured_at_ms":1795500000000,)"
      R"("evidence":{"boot_id":"boot-1","clock_offset_ms":-120,"monotonic_ms":5000},"kind":"household",)"
      R"("op_id":"01980000-0000-7000-8000-000000000001","record":"01980000-0000-7000-8000-000000000002",)"
      R"("refs":["01980000-0000-7000-8000-000000000005"],"replaces":["01980000-0000-7000-8000-000000000004"],"verb":"patch"})");
}

TEST_CASE("every error has a permanent name and a sentence in both languages") {
  std::set<std::string_view> names;
  for (int number = 0; number < 100; ++number) {
    const auto code = static_cast<ErrorCode>(number);
    if (name(code) == "unknown") continue;
    CHECK(names.insert(name(code)).second);
    CHECK(error_code(name(code)) == code);
    CHECK_FALSE(sentence(code, Lang::zh).empty());
    CHECK_FALSE(sentence(code, Lang::en).empty());
  }
  CHECK(names.size() > 50);
  CHECK(message({ErrorCode::field_missing, "/text", ""}, Lang::zh) == "还有必填项没有填写（/text）。");
  CHECK(message({ErrorCode::io, "/photos/0", ""}, Lang::en) ==
        "Reading or writing the disk failed (/photos/0). Try again.");
}

TEST_CASE("a verb that is none, as a damaged file may hold, has no name of another") {
  CHECK(name(Verb::remove) == "delete");
  CHECK(name(static_cast<Verb>(77)) == "unknown");
  CHECK(name(static_cast<Verb>(-1)) == "unknown");
}
