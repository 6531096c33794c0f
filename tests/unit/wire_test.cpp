// What the platform's words may look like, and what is made of words that are not the protocol's.
#include <catch2/catch_test_macros.hpp>

#include <zlib.h>
#include <nlohmann/json.hpp>

#include <julu/limits.h>

#include "tus.h"
#include "url.h"
#include "wire.h"

using namespace julu;

namespace {

using Json = nlohmann::json;

OutgoingOp op(int number, const std::string& evidence) {
  OutgoingOp op;
  op.seq = number;
  op.op_id = *parse_id("01980000-0000-7000-8000-00000000000" + std::to_string(number));
  op.record = op.op_id;
  op.canonical = R"({"body":{"text":"沟"},"captured_at_ms":1,"evidence":)" + evidence +
                 R"(,"kind":"incident","op_id":")" + op.op_id.text() + R"(","record":")" + op.op_id.text() +
                 R"(","verb":"create"})";
  op.hash = sha256(op.canonical);
  return op;
}

std::string result(const OutgoingOp& op, const std::string& rest = R"("status":"applied","version":7)") {
  return R"({"op_id":")" + op.op_id.text() + "\"," + rest + "}";
}

std::string push_reply(const std::string& results, const std::string& rest = "") {
  return R"({"epoch":1,"holds":2,"results":[)" + results + "]" + rest + "}";
}

std::string page(const std::string& changes, const std::string& lines) {
  return R"({"epoch":1,"changes":[)" + changes + R"(],"next":"c2","more":false,"checksum":")" + hex(sha256(lines)) +
         "\"}";
}

std::string inflated(const std::string& bytes) {
  z_stream stream{};
  inflateInit2(&stream, MAX_WBITS + 16);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

}  // namespace

TEST_CASE("evidence that all ops share travels once and hashes as before when it is put back") {
  const std::vector<OutgoingOp> ops{op(1, R"({"boot_id":"b","clock_offset_ms":5,"monotonic_ms":1})"),
                                    op(2, R"({"boot_id":"b","monotonic_ms":2})")};
  const auto text = wire::encode_push("device-1", ops);
  REQUIRE(text.ok());
  const Json body = Json::parse(*text);
  CHECK(body["device"] == "device-1");
  CHECK(body["evidence"] == Json{{"boot_id", "b"}});
  for (std::size_t i = 0; i < ops.size(); ++i) {
    Json sent = body["ops"][i];
    CHECK(sent["seq"] == ops[i].seq);
    CHECK_FALSE(sent.contains("upload_url"));
    Json evidence = body["evidence"];
    evidence.update(sent["evidence"]);
    sent["evidence"] = evidence;
    sent.erase("seq");
    CHECK(sha256(sent.dump()) == ops[i].hash);
  }
}

TEST_CASE("a gzip body holds the same bytes") {
  const std::string text(200'000, 'x');
  const std::string coded = wire::gzip(text);
  CHECK(coded.size() < 2'000);
  CHECK(inflated(coded) == text);
}

TEST_CASE("a push reply is believed only when it names each op in order") {
  const std::vector<OutgoingOp> ops{op(1, "{}"), op(2, "{}")};
  const auto good = wire::decode_push(push_reply(result(ops[0]) + "," + result(ops[1])), ops);
  REQUIRE(good.ok());
  CHECK(good->results[1].version == 7);
  CHECK_FALSE(good->receipt.has_value());

  const auto refused = [&](const std::string& body) {
    const auto reply = wire::decode_push(body, ops);
    REQUIRE_FALSE(reply.ok());
    CHECK(reply.error().code == ErrorCode::bad_reply);
  };
  refused(push_reply(result(ops[1]) + "," + result(ops[0])));
  refused(push_reply(result(ops[0])));
  refused(push_reply(result(ops[0]) + "," + result(ops[1]) + "," + result(ops[1])));
  refused(push_reply(result(ops[0]) + "," + result(ops[1], R"("status":"done","version":7)")));
  refused(push_reply(result(ops[0]) + "," + result(ops[1], R"("status":"applied")")));
  refused(push_reply(result(ops[0]) + "," + result(ops[1], R"("status":"applied","version":7.5)")));
  refused(push_reply(result(ops[0]) + "," + result(ops[1], R"("status":"applied","version":9007199254740992)")));
  refused(push_reply(result(ops[0]) + "," + result(ops[1]), R"(,"receipt":{"key_id":"k"})"));
  refused("[]");
  refused("");
  refused("{\"epoch\":1,\"holds\":0,\"results\":[\"\xFF\"]}");
}

TEST_CASE("a stale result brings the platform's row, a refused one its reason") {
  const std::vector<OutgoingOp> ops{op(1, "{}"), op(2, "{}")};
  const auto answered = [&](const Id& record) {
    const std::string current = R"({"kind":"incident","id":")" + record.text() +
                                R"(","version":9,"body":{"b":1,"a":[true]},"state":"accepted"})";
    const std::string applied = R"(,"applied":[")" + ops[1].op_id.text() + "\"]";
    const std::string refused = R"("status":"rejected","problem":{"type":"schema","title":"t","pointer":"/text"})";
    return wire::decode_push(push_reply(result(ops[0], R"("status":"stale","current":)" + current + applied) + "," +
                                        result(ops[1], refused)),
                             ops);
  };
  const auto reply = answered(ops[0].record);
  REQUIRE(reply.ok());
  CHECK(answered(ops[1].record).error().code == ErrorCode::bad_reply);  // what is another record's is not this one's
  REQUIRE(reply->results[0].current.has_value());
  CHECK(reply->results[0].current->body == R"({"a":[true],"b":1})");
  CHECK(reply->results[0].applied == std::vector<Id>{ops[1].op_id});
  CHECK(reply->results[1].problem.type == "schema");
  CHECK(reply->results[1].problem.pointer == "/text");
}

TEST_CASE("depth and size are refused before anything is parsed") {
  const auto nested = [](int depth, const std::string& id = "i") {
    return R"({"epoch":1,"changes":[{"kind":"k","id":")" + id + R"(","version":1,"body":{"a":)" +
           std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']') +
           R"(}}],"next":"c","more":false,"checksum":")" + hex(sha256(id + ":1\n")) + "\"}";
  };
  constexpr int kAround = 4;  // the page, its list, the row, the body
  CHECK(wire::decode_pull(nested(limits::reply_depth_max - kAround)).ok());
  const auto too_deep = wire::decode_pull(nested(limits::reply_depth_max - kAround + 1));
  REQUIRE(too_deep.ok());  // a row of the catalog holds up nothing else
  CHECK(too_deep->changes.at(0).unusable == "too_deep");
  CHECK(too_deep->changes.at(0).body == "{}");
  const char* record = "01980000-0000-7000-8000-000000000001";
  CHECK(wire::decode_pull(nested(limits::reply_depth_max - kAround, record)).ok());
  CHECK_FALSE(wire::decode_pull(nested(limits::reply_depth_max - kAround + 1, record)).ok());
  CHECK(wire::decode_pull(std::string(1'000'000, '[')).error().detail == "depth");
  CHECK(wire::decode_pull(std::string(limits::reply_bytes_max + 1, ' ')).error().detail == "bytes");
}

TEST_CASE("a cursor may have 2048 bytes, each of them percent-encoded in an address, and not one more") {
  const auto next = [](std::size_t bytes) {
    std::string text = page("", "");
    return wire::decode_pull(text.replace(text.find("c2"), 2, std::string(bytes, '+')));
  };
  REQUIRE(next(2048).ok());
  CHECK(next(2049).error().field == "/next");
  CHECK(next(0).error().field == "/next");
  const std::string asked = "https://county.example/v1/pull?limit=500&cursor=" + percent_encoded(next(2048)->next);
  CHECK(origin_of(asked) == "https://county.example");
  CHECK_FALSE(origin_of(asked + std::string(128, 'a')));
  CHECK_FALSE(origin_of("https://county.example/" + std::string(2048, 'a')));
}

TEST_CASE("a page with another checksum than its rows is not believed") {
  const std::string row = R"({"kind":"incident","id":"r1","version":3,"body":{}})";
  CHECK(wire::decode_pull(page(row, "r1:3\n")).ok());
  const auto wrong = wire::decode_pull(page(row, "r1:4\n"));
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().field == "/checksum");
}

TEST_CASE("a row brings its actions and photos whole") {
  const std::string action =
      R"({"id":"01980000-0000-7000-8000-000000000001","number":1,"action":"accept","state":"accepted","at_ms":5,)"
      R"("actor":{"id":"L-1","role":"leader","name":"网格长"},"body":{"action":"accept"}})";
  const std::string photo = R"({"photo":")" + hex(sha256("x")) + R"(","length_bytes":1,"role":"after"})";
  const std::string row =
      R"({"kind":"incident","id":"r1","version":3,"actions":[)" + action + R"(],"photos":[)" + photo + "]}";
  const auto pulled = wire::decode_pull(page(row, "r1:3\n"));
  REQUIRE(pulled.ok());
  const Change& change = pulled->changes.at(0);
  CHECK(change.actions.at(0).actor_name == "网格长");
  CHECK(change.actions.at(0).body == R"({"action":"accept"})");
  CHECK(change.photos.at(0).sha256 == sha256("x"));
}

TEST_CASE("a ping without our nonce is a captive portal, and theirs are never above our limits") {
  CHECK(wire::decode_ping("<html>", "n1").error().code == ErrorCode::captive_portal);
  CHECK(wire::decode_ping(R"({"n":"n2","epoch":1,"time_ms":5})", "n1").error().code == ErrorCode::captive_portal);
  CHECK(wire::decode_ping(R"({"n":"n1","epoch":2097152,"time_ms":5})", "n1").error().code == ErrorCode::bad_reply);
  const auto ping = wire::decode_ping(R"({"n":"n1","epoch":1,"time_ms":5,"limits":{"ops":9000,"bytes":0}})", "n1");
  REQUIRE(ping.ok());
  CHECK(ping->ops_max == limits::batch_ops_max);
  CHECK(ping->bytes_max == 1);
  CHECK(ping->photos == "/v1/photos");
}

TEST_CASE("Retry-After is seconds or a date, and bounded") {
  const auto wait = [](Headers headers) {
    Response response;
    response.headers = std::move(headers);
    return wire::retry_after_ms(response, 784'111'777'000);
  };
  CHECK(wait({}) == 0);
  CHECK(wait({{"retry-after", "120"}}) == 120'000);
  CHECK(wait({{"Retry-After", "999999999"}}) == limits::retry_after_ms_max);
  CHECK(wait({{"Retry-After", "99999999999999999999"}}) == 0);
  CHECK(wait({{"Retry-After", "-5"}}) == 0);
  CHECK(wait({{"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}}) == 10'000);
  CHECK(wait({{"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}, {"Date", "Sun, 06 Nov 1994 08:49:45 GMT"}}) == 2'000);
  CHECK(wait({{"Retry-After", "Sun, 99 Foo 1994 08:49:47 GMT"}}) == 0);
}

TEST_CASE("an address is taken apart without mercy") {
  CHECK(origin_of("https://County.Example:443/a?b") == "https://county.example");
  CHECK(origin_of("http://[::1]:8080/x") == "http://[::1]:8080");
  CHECK_FALSE(origin_of("https://good.example@evil.example/"));
  CHECK_FALSE(origin_of("https://good.example\\@evil.example/"));
  CHECK_FALSE(origin_of("ftp://good.example/"));
  CHECK_FALSE(origin_of("https://"));
  CHECK_FALSE(origin_of("https://a b/"));
  CHECK_FALSE(origin_of("https://good.example:99999999/"));
  CHECK(is_confidential("http://127.0.0.1:1/"));
  CHECK(is_confidential("http://localhost:1/"));
  CHECK_FALSE(is_confidential("http://127.0.0.1.evil.example/"));
  CHECK_FALSE(is_confidential("http://county.example/"));
  CHECK(is_origin("https://county.example/"));
  CHECK_FALSE(is_origin("https://county.example/x"));
}

TEST_CASE("a Location is absolute, or relative to what was asked") {
  const std::string asked = "https://county.example/v1/photos?x=1";
  CHECK(resolve(asked, "/files/7") == "https://county.example/files/7");
  CHECK(resolve(asked, "7") == "https://county.example/v1/7");
  CHECK(resolve(asked, "//evil.example/7") == "https://evil.example/7");
  CHECK(resolve(asked, "http://evil.example/7") == "http://evil.example/7");
  CHECK(resolve("https://county.example", "7") == "https://county.example/7");
  CHECK_FALSE(resolve(asked, ""));
  CHECK_FALSE(resolve(asked, "javascript://x"));
  CHECK_FALSE(resolve(asked, "/a\r\nHost: evil"));
}

TEST_CASE("an enrolment whose origins would carry a token in clear is refused") {
  const auto answer = [](const std::string& origin) {
    return R"({"device":"d1","worker":"W-0412","role":"worker","root_key":")" + std::string(43, 'A') +
           R"(","origins":[")" + origin + "\"]}";
  };
  const auto good = wire::decode_enrolment(answer("https://Photos.Example/"), "https://county.example");
  REQUIRE(good.ok());
  CHECK(good->origins.at(0) == "https://photos.example");
  CHECK(wire::decode_enrolment(answer("http://photos.example"), "https://county.example").error().field == "/origins");
  CHECK_FALSE(wire::decode_enrolment(R"({"device":"d1"})", "https://county.example").ok());
}

TEST_CASE("tus metadata is padded base64 and offsets are numbers") {
  const Request request = tus::creation("https://county.example/v1/photos", 9, {{"sha256", "ab"}, {"filetype", "x"}});
  CHECK(header(request.headers, "upload-metadata") == "sha256 YWI=,filetype eA==");
  Response response;
  response.headers = {{"Upload-Offset", "12x"}};
  CHECK_FALSE(tus::offset(response));
  response.headers = {{"upload-offset", "12"}};
  CHECK(tus::offset(response) == 12);
}
