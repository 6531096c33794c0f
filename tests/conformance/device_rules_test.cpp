// openapi.yaml /v1/ping, /v1/devices, /v1/token: ping, enrolment, tokens.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "office.h"

using namespace julu;
using namespace julu::test;

TEST_CASE("ping echoes the nonce and says epoch, time, limits and where photos go") {
  Office office;
  const Answer ping = office.ask({"GET", "/v1/ping", {}, {}, {{"n", "4711"}}, {}});
  REQUIRE(ping.status == 200);
  CHECK(ping.body["n"] == "4711");
  CHECK(ping.body["epoch"] == 1);
  CHECK(ping.body["time_ms"] == office.clock.now_ms());
  CHECK(ping.body["safe_before_ms"] == 0);
  CHECK(ping.body["limits"]["ops"] == 500);
  CHECK(ping.body["limits"]["bytes"] == 1 << 20);
  CHECK(ping.body["limits"]["photo_bytes"].is_number_integer());
  CHECK(ping.body["photos"] == "/v1/photos");
  CHECK(office.ask({"GET", "/v1/ping", {}, {}, {}, {}}).status == 400);
  CHECK(office.ask({"GET", "/v1/ping", {}, {}, {{"n", std::string(65, 'x')}}, {}}).status == 400);
}

TEST_CASE("a restore is a new epoch, and a backup says what survives it") {
  Office office;
  const auto began_ms = office.clock.now_ms();
  office.clock.advance(1000);
  CHECK_FALSE(office.platform->note_backup(office.clock.now_ms() + 1));
  REQUIRE(office.platform->note_backup(began_ms));
  office.platform->new_epoch();
  office.restart();
  const Answer ping = office.ask({"GET", "/v1/ping", {}, {}, {{"n", "1"}}, {}});
  CHECK(ping.body["epoch"] == 2);
  CHECK(ping.body["safe_before_ms"] == began_ms);
}

TEST_CASE("a backup that an administrator notes beside the running platform is known at the next ping") {
  Office office;
  const auto began_ms = office.clock.now_ms();
  office.clock.advance(1000);
  REQUIRE(office.open()->note_backup(began_ms));
  CHECK(office.ask({"GET", "/v1/ping", {}, {}, {{"n", "1"}}, {}}).body["safe_before_ms"] == began_ms);
}

TEST_CASE("a code enrols the device that proves its key, and says what it needs to know") {
  Office office;
  const Device device(office, "W-0412", "worker");
  CHECK(device.identity["worker"] == "W-0412");
  CHECK(device.identity["role"] == "worker");
  CHECK(device.identity["grids"] == Json{kGrid});
  CHECK(device.identity["origins"] == Json{kAddress});
  CHECK(parse_public_key(device.identity["root_key"].get<std::string>()).has_value());
}

TEST_CASE("a worker's words are UTF-8, as all that goes out is") {
  Office office;
  CHECK_THROWS(office.platform->add_worker("W-1", "\xFF", "worker", {kGrid}, {"03"}));
  CHECK_THROWS(office.platform->add_worker("W-1\xFF", "网格员", "worker", {kGrid}, {"03"}));
}

TEST_CASE("the same code and key get the same answer until a token has been used") {
  Office office;
  Device device(office, "W-1");
  device.key = make_private_key(*office.random);
  const std::string code = office.code("W-1");
  const Answer first = device.enrol(code);
  REQUIRE(first.status == 200);
  CHECK(device.enrol(code).body["device"] == first.body["device"]);
  SECTION("another key is refused") {
    device.key = make_private_key(*office.random);
    const Answer other = device.enrol(code);
    CHECK(other.status == 403);
    CHECK(other.type() == "code-refused");
  }
  SECTION("also when the code has ended meanwhile") {
    office.clock.advance(std::int64_t{400} * 24 * 3600 * 1000);
    CHECK(device.enrol(code).body["device"] == first.body["device"]);
  }
  SECTION("a token that was used burns it, one that was only given does not") {
    device.identity = first.body;
    device.sign_in();
    CHECK(device.enrol(code).status == 200);
    REQUIRE(device.pull().status == 200);
    CHECK(device.enrol(code).status == 403);
  }
}

TEST_CASE("a code that is unknown, over or tried without end is refused") {
  Office office;
  Device device(office, "W-1");
  CHECK(device.enrol("0000000000000000").type() == "code-refused");
  const std::string code = office.code("W-1");
  office.clock.advance(std::int64_t{31} * 24 * 3600 * 1000);
  CHECK(device.enrol(code).type() == "code-refused");
  Answer last;
  for (int i = 0; i < 100; ++i) last = device.enrol("000000000000" + std::to_string(1000 + i));
  CHECK(last.status == 429);
  CHECK_FALSE(last.header("retry-after").empty());
  device.key = make_private_key(*office.random);
  CHECK(device.enrol(office.code("W-1")).status == 200);
}

TEST_CASE("a proof by another key, or for another platform, enrols nobody") {
  Office office;
  const Device device(office, "W-1");
  Json body{{"code", office.code("W-1")}, {"public_key", base64url(public_key(device.key))}};
  for (const char* address : {"https://elsewhere.example", kAddress}) {
    const bool right_key = address != std::string(kAddress);
    Json proven = body;
    proven["aud"] = address;
    const PrivateKey key = right_key ? device.key : make_private_key(*office.random);
    body["proof"] = base64url(std::span<const std::uint8_t>(sign(key, proven.dump())));
    const Answer answer = office.ask({"POST", "/v1/devices", body.dump(), {}, {}, {}});
    CHECK(answer.status == 403);
    CHECK(answer.type() == "proof-refused");
    body.erase("proof");
  }
}

TEST_CASE("a forked device goes on under a new id by its old key's word, a revoked one does not") {
  Office office;
  Device device(office, "W-1");
  const PrivateKey fresh = make_private_key(*office.random);
  const std::string fresh_key = base64url(public_key(fresh));
  const auto ask = [&](const std::string& assertion) {
    Json body{{"assertion", assertion}, {"public_key", fresh_key}};
    Json proven = body;
    proven["aud"] = kAddress;
    body["proof"] = base64url(std::span<const std::uint8_t>(sign(fresh, proven.dump())));
    return office.ask({"POST", "/v1/devices", body.dump(), {}, {}, {}});
  };
  CHECK(ask(device.assertion({{"new_key", base64url(public_key(device.key))}})).status == 403);
  if (GENERATE(false, true)) {
    office.platform->revoke(device.identity["device"]);
    const Answer refused = ask(device.assertion({{"new_key", fresh_key}}));
    CHECK(refused.status == 403);
    CHECK(refused.type() == "device-refused");
    return;
  }
  const Answer forked = ask(device.assertion({{"new_key", fresh_key}}));
  REQUIRE(forked.status == 200);
  CHECK(forked.body["device"] != device.identity["device"]);
  CHECK(forked.body["worker"] == "W-1");
  CHECK(ask(device.assertion({{"new_key", fresh_key}})).body["device"] == forked.body["device"]);
}

namespace {

// `device` asks for another under the key `fresh`.
Answer fork(Device& device, const PrivateKey& fresh) {
  Json body{{"assertion", device.assertion({{"new_key", base64url(public_key(fresh))}})},
            {"public_key", base64url(public_key(fresh))}};
  Json proven = body;
  proven["aud"] = kAddress;
  body["proof"] = base64url(std::span<const std::uint8_t>(sign(fresh, proven.dump())));
  return device.office.ask({"POST", "/v1/devices", body.dump(), {}, {}, {}});
}

// The device that `parent` has become under a new key.
Device forked(const Device& parent) {
  Device child = parent;
  const PrivateKey fresh = make_private_key(*parent.office.random);
  const Answer answer = fork(child, fresh);
  REQUIRE(answer.status == 200);
  child.key = fresh;
  child.identity = answer.body;
  child.sign_in();
  return child;
}

}  // namespace

TEST_CASE("who revokes a device revokes its whole line by fork, and admits the whole line again") {
  Office office;
  Device first(office, "W-1");
  Device second = forked(first);
  Device third = forked(second);
  Device another(office, "W-1");
  Device* const line[] = {&first, &second, &third};
  for (const Device* named : line) {
    REQUIRE(office.platform->revoke(named->identity["device"]));
    for (Device* one : line) {
      CHECK(one->pull().status == 401);
      CHECK(one->ask_token(one->assertion()).type() == "device-refused");
      CHECK(fork(*one, make_private_key(*office.random)).type() == "device-refused");
    }
    CHECK(another.pull().status == 200);
    REQUIRE(office.platform->revoke(named->identity["device"], false));
    for (Device* one : line) CHECK(one->pull().status == 200);
  }
}

TEST_CASE("a key that is known as a revoked device's makes no fresh device") {
  Office office;
  Device gone(office, "W-1");
  Device other(office, "W-1");
  REQUIRE(office.platform->revoke(gone.identity["device"]));
  const Answer answer = fork(other, gone.key);
  CHECK(answer.status == 403);
  CHECK(answer.type() == "device-refused");
}

TEST_CASE("a token is given for an assertion that is signed, addressed, timely and new") {
  Office office;
  Device device(office, "W-1");
  const std::int64_t now_s = office.clock.now_ms() / 1000;
  const std::string good = device.assertion();
  const Answer token = device.ask_token(good);
  REQUIRE(token.status == 200);
  CHECK(token.body["token_type"] == "Bearer");
  CHECK(token.body["expires_in"].get<int>() <= 3600);
  CHECK(token.header("cache-control") == "no-store");

  const auto refused = [&](const std::string& jwt, const char* type, int status = 400) {
    const Answer answer = device.ask_token(jwt);
    CHECK(answer.status == status);
    CHECK(answer.type() == type);
  };
  refused(good, "invalid-grant");  // a jti is accepted once
  refused(device.assertion({{"aud", "https://elsewhere.example"}}), "invalid-grant");
  refused(device.assertion({{"iss", "d-other"}}), "invalid-grant");
  refused(device.assertion({{"sub", "d-other"}, {"iss", "d-other"}}), "invalid-grant");
  refused(device.assertion({{"jti", nullptr}}), "invalid-grant");
  refused(device.assertion(Json::object(), "none"), "invalid-grant");
  refused(device.assertion(Json::object(), "HS256"), "invalid-grant");
  refused(device.assertion({{"exp", now_s + 301}}), "clock-skew");
  refused(device.assertion({{"iat", now_s - 400}, {"exp", now_s - 100}}), "clock-skew");
  refused(device.assertion({{"iat", now_s + 600}, {"exp", now_s + 900}}), "clock-skew");
  refused("not.an.assertion", "invalid-grant");
  const PrivateKey own = device.key;
  device.key = make_private_key(*office.random);
  refused(device.assertion(), "invalid-grant");
  device.key = own;
  office.platform->revoke(device.identity["device"]);
  refused(device.assertion(), "device-refused", 403);
}

TEST_CASE("a token ends with its time or its device, and no call but ping goes without one") {
  Office office;
  Device device(office, "W-1");
  REQUIRE(device.pull().status == 200);
  SECTION("its time") { office.clock.advance(16 * 60 * 1000); }
  SECTION("its device") { office.platform->revoke(device.identity["device"]); }
  SECTION("another word") { device.token[0] = device.token[0] == 'A' ? 'B' : 'A'; }
  CHECK(device.pull().status == 401);
  CHECK(device.push({}).status == 401);
  for (const auto& [method, path] : {std::pair{"POST", "/v1/push"}, std::pair{"GET", "/v1/pull"},
                                     std::pair{"POST", "/v1/reconcile"}, std::pair{"POST", "/v1/photos"},
                                     std::pair{"GET", "/v1/photos/00"}, std::pair{"HEAD", "/v1/photos/uploads/x"}}) {
    CHECK(office.ask({method, path, {}, {}, {}, {}}).type() == "unauthorized");
  }
}
