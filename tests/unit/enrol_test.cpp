// An activation code becomes an identity, once, whatever the network does on the way.
#include <functional>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <nlohmann/json.hpp>

#include <julu/enrol.h>
#include <julu/limits.h>
#include <julu/store.h>

#include "county.h"
#include "scripted_transport.h"
#include "tls_server.h"

using namespace julu;
using namespace julu::test;

namespace {

using Json = nlohmann::json;

struct Desk {
  Desk() : transport(clock, [this](const Request& request) { return answer(request); }) {
    options.platform = "http://127.0.0.1:1/";
    options.code = " 7f3k-92qm-x4ht";
    options.root = folder.file("root");
    options.encrypted = has_cipher();
    options.consent_at_ms = 1'795'500'000'000;
    options.transport = &transport;
    options.clock = &clock;
    options.random = random.get();
  }

  std::optional<Response> answer(const Request& request) {
    if (instead) {
      if (auto other = instead(request)) return other;
    }
    if (request.method == "GET") {
      const std::string nonce = request.url.substr(request.url.find("n=") + 2);
      return reply(200, R"({"n":")" + nonce + R"(","epoch":1,"time_ms":1795500000000})");
    }
    asked.push_back(Json::parse(request.body));
    const Json body{{"device", device},
                    {"worker", "W-0412"},
                    {"name", "网格员 W-0412"},
                    {"role", "worker"},
                    {"grids", {"130529200203001"}},
                    {"origins", {"http://127.0.0.1:1"}},
                    {"root_key", base64url(std::string(32, 'k'))}};
    return lost-- > 0 ? no_reply() : reply(200, body.dump());
  }

  Folder folder;
  ManualClock clock;
  std::unique_ptr<Random> random = seeded_random(3);
  ScriptedTransport transport;
  EnrolOptions options;
  std::function<std::optional<Response>(const Request&)> instead;
  std::vector<Json> asked;
  std::string device = "d-1";
  int lost = 0;
};

}  // namespace

TEST_CASE("an enrolment proves its key and leaves a store that opens") {
  Desk desk;
  const auto device = enrol(desk.options);
  REQUIRE(device.ok());
  CHECK(device->identity.worker == "W-0412");
  CHECK(device->identity.platform == "http://127.0.0.1:1");
  const Json& asked = desk.asked.at(0);
  CHECK(asked["code"] == "7F3K92QMX4HT");
  const auto key = parse_public_key(asked["public_key"].get<std::string>());
  const auto proof = parse_signature(asked["proof"].get<std::string>());
  REQUIRE(key.has_value());
  REQUIRE(proof.has_value());
  const std::string signed_text = R"({"aud":"http://127.0.0.1:1","code":"7F3K92QMX4HT","public_key":")" +
                                  asked["public_key"].get<std::string>() + "\"}";
  CHECK(verify(*key, signed_text, *proof));
  Store::Options open;
  open.directory = device->directory;
  open.encrypted = desk.options.encrypted;
  CHECK(Store::open(open).ok());
}

TEST_CASE("a lost answer is asked for again with the same key") {
  Desk desk;
  desk.lost = 1;
  const auto first = enrol(desk.options);
  REQUIRE_FALSE(first.ok());
  CHECK(first.error().code == ErrorCode::offline);
  CHECK(enrol(desk.options).ok());
  CHECK(desk.asked.at(0) == desk.asked.at(1));
}

TEST_CASE("who died before hearing that it was done asks again with the same code, and has it") {
  Desk desk;
  std::map<std::string, std::string> used;  // by the code: the key that it was used for, as a platform keeps it
  desk.instead = [&](const Request& request) -> std::optional<Response> {
    if (request.method == "GET") return std::nullopt;
    const Json body = Json::parse(request.body);
    const auto& key = body["public_key"].get_ref<const std::string&>();
    const bool free = used.emplace(body["code"], key).first->second == key;
    return free ? std::nullopt : std::optional(problem(403, "code-used"));
  };
  const auto first = enrol(desk.options);
  REQUIRE(first.ok());
  SECTION("the first of this phone") {}
  SECTION("a later one of the same store") {
    desk.options.code = "8AAA-BBBB-CCCC";
    desk.device = "d-2";
    REQUIRE(enrol(desk.options).ok());
  }
  const auto again = enrol(desk.options);
  REQUIRE(again.ok());
  CHECK(again->directory == first->directory);
  CHECK(enrolments(desk.options.root)->size() == 1);
}

TEST_CASE("nothing goes out before consent, to a clear-text address, or with half a code") {
  Desk desk;
  EnrolOptions options = desk.options;
  options.consent_at_ms = 0;
  CHECK(enrol(options).error().code == ErrorCode::consent_missing);
  options = desk.options;
  options.code = "7F3K-92Q";
  CHECK(enrol(options).error().field == "/code");
  options = desk.options;
  options.platform = "http://county.example";
  CHECK(enrol(options).error().field == "/platform");
  options.platform = "https://county.example:65536";
  CHECK(enrol(options).error().field == "/platform");
  options.platform = "https://county.example/julu";
  CHECK(enrol(options).error().field == "/platform");
  CHECK(desk.transport.asked.empty());
}

TEST_CASE("a captive portal never sees the code, and a refused code is named") {
  Desk desk;
  desk.instead = [](const Request&) { return reply(200, "<html></html>"); };
  const Error portal = enrol(desk.options).error();
  CHECK(portal.code == ErrorCode::captive_portal);
  CHECK(message(portal, Lang::zh).find("请稍后再登记一次") != std::string::npos);  // nothing does it by itself
  CHECK(message(portal, Lang::en).find("enrol again later") != std::string::npos);
  desk.instead = [](const Request&) {
    Response endless;
    endless.failure = ErrorCode::too_large;
    return endless;
  };
  CHECK(enrol(desk.options).error().code == ErrorCode::captive_portal);
  CHECK(desk.asked.empty());
  desk.instead = [](const Request& request) -> std::optional<Response> {
    if (request.method == "POST") return problem(403, "code-refused");
    return std::nullopt;
  };
  const auto refused = enrol(desk.options);
  CHECK(refused.error().code == ErrorCode::enrolment_refused);
  CHECK(refused.error().field == "/code");
}

TEST_CASE("a code that a gateway does not let pass is not refused: the worker asks again with the same") {
  Desk desk;
  const Response stopped = GENERATE(reply(403, "<html>访问被拒绝</html>", {{"Content-Type", "text/html"}}),
                                    problem(403, "about:blank"), reply(400, {}), reply(422, "{}"));
  desk.instead = [&](const Request& request) -> std::optional<Response> {
    return request.method == "POST" ? std::optional(stopped) : std::nullopt;
  };
  CHECK(enrol(desk.options).error().code == ErrorCode::bad_reply);
  desk.instead = nullptr;
  CHECK(enrol(desk.options).ok());
}

TEST_CASE("an enrolment over libcurl trusts the CA file and the pinned key that it was given, and no others") {
  const TlsServer server("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  const TlsServer other("");
  const Folder folder;
  const std::string ca = folder.write("ca.pem", server.certificate());
  const auto enrolled = [&](const std::string& ca_file, const std::string& pinned_key) {
    EnrolOptions options;
    options.platform = server.url();
    options.code = "7F3K-92QM-X4HT";
    options.root = folder.file("root");
    options.encrypted = has_cipher();
    options.consent_at_ms = 1;
    options.ca_file = ca_file;
    options.pinned_key = pinned_key;
    return enrol(options).error().code;
  };
  CHECK(enrolled(ca, {}) == ErrorCode::server);  // it was heard
  CHECK(enrolled(ca, server.pin()) == ErrorCode::server);
  CHECK(enrolled(ca, other.pin()) == ErrorCode::tls);
  CHECK(enrolled({}, server.pin()) == ErrorCode::tls);
  CHECK(enrolled(folder.file("none.pem"), {}) == ErrorCode::tls);
}

TEST_CASE("an enrolment for as long as it takes ends within a day") {
  Desk desk;
  ScriptedTransport silent(desk.clock, [](const Request&) { return std::nullopt; });
  EnrolOptions options = desk.options;
  options.transport = &silent;
  options.at_most = std::chrono::milliseconds::max();
  const std::int64_t begun = desk.clock.monotonic_ms();
  CHECK(enrol(options).error().code == ErrorCode::offline);
  CHECK(desk.clock.monotonic_ms() - begun == limits::call_ms_max);
  desk.options.at_most = std::chrono::milliseconds::max();
  CHECK(enrol(desk.options).ok());
}

TEST_CASE("an enrolment that gets no answer ends in its time") {
  Desk desk;
  desk.transport.answer_ms = 40'000;  // ping comes, the answer to the code would come too late
  const std::int64_t begun = desk.clock.monotonic_ms();
  desk.options.at_most = std::chrono::seconds(30);
  CHECK(enrol(desk.options).error().code == ErrorCode::offline);
  CHECK(desk.clock.monotonic_ms() - begun <= 40'000);
}

TEST_CASE("an address has one spelling, and one that the platform does not go by is named as such") {
  Desk desk;
  desk.options.platform = "HTTP://LocalHost:80/";
  std::string asked_at;
  desk.instead = [&](const Request& request) -> std::optional<Response> {
    if (request.method == "GET") asked_at = request.url.substr(0, request.url.find("/v1"));
    return request.method == "POST" ? std::optional(problem(403, "proof-refused")) : std::nullopt;
  };
  const auto refused = enrol(desk.options);
  CHECK(asked_at == "http://localhost");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::bad_argument);
  CHECK(refused.error().field == "/platform");
}
