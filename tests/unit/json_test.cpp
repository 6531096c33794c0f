// The boundary where text becomes values: what is refused, and which field is named.
#include "base/json.h"

#include <string>

#include <catch2/catch_test_macros.hpp>

#include <julu/limits.h>

using julu::ErrorCode;
using julu::Json;

namespace {

julu::Error refused(std::string_view text) {
  const auto result = julu::parse_body(text);
  REQUIRE_FALSE(result.ok());
  return result.error();
}

void check_refused(std::string_view text, ErrorCode code, const std::string& field) {
  INFO(text);
  const auto error = refused(text);
  CHECK(julu::name(error.code) == julu::name(code));
  CHECK(error.field == field);
}

std::string nested(int depth, const std::string& core) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += "{\"a\":";
  text += core;
  return text.append(static_cast<std::size_t>(depth), '}');
}

}  // namespace

TEST_CASE("a report's body is read and made canonical", "[json]") {
  const auto body =
      julu::parse_body(R"( { "text" : "排水沟堵了", "category":"drainage", "n": -5, "l":[1,{"b":true,"a":null}] } )");
  REQUIRE(body);
  CHECK(julu::canonical(*body) == R"({"category":"drainage","l":[1,{"a":null,"b":true}],"n":-5,"text":"排水沟堵了"})");
}

TEST_CASE("a number that is not a safe integer is refused by name", "[json]") {
  check_refused(R"({"house":{"area":0.1}})", ErrorCode::number_range, "/house/area");
  check_refused(R"({"a":[1,2,1.0]})", ErrorCode::number_range, "/a/2");
  check_refused(R"({"a":1e400})", ErrorCode::number_range, "/a");
  check_refused(R"({"a":1e2})", ErrorCode::number_range, "/a");
  check_refused(R"({"x":{},"a":18446744073709551616})", ErrorCode::number_range, "/a");
  check_refused(R"({"a":9007199254740992})", ErrorCode::number_range, "/a");
  check_refused(R"({"a":-9007199254740992})", ErrorCode::number_range, "/a");
  CHECK(julu::parse_body(R"({"a":9007199254740991,"b":-9007199254740991,"c":-0})"));
}

TEST_CASE("a key given twice is refused by name, at any depth", "[json]") {
  check_refused(R"({"text":"a","text":"b"})", ErrorCode::json_syntax, "/text");
  check_refused(R"({"l":[0,{"k":1,"k":1}]})", ErrorCode::json_syntax, "/l/1/k");
  check_refused(R"({"a":1,"\u0061":2})", ErrorCode::json_syntax, "/a");
}

TEST_CASE("a key that is not ASCII or too long is refused in the object that holds it", "[json]") {
  check_refused(R"({"名":1})", ErrorCode::key_not_ascii, "/名");
  check_refused(R"({"house":{"a":1,"\u00e9":1}})", ErrorCode::key_not_ascii, "/house/é");
  const std::string longest(julu::limits::key_bytes_max, 'k');
  CHECK(julu::parse_body("{\"" + longest + "\":1}"));
  check_refused("{\"" + longest + "k\":1}", ErrorCode::key_not_ascii, "");
}

TEST_CASE("text that is not UTF-8 is refused by field", "[json]") {
  check_refused("{\"a\":1,\"text\":\"\xff\"}", ErrorCode::text_encoding, "/text");
  check_refused("{\"place\":{\"text\":\"\xe6\x9d\"}}", ErrorCode::text_encoding, "/place/text");
  check_refused("{\"text\":\"\xed\xa0\x80\"}", ErrorCode::text_encoding, "/text");
  check_refused("{\"text\":\"\xc0\x80\"}", ErrorCode::text_encoding, "/text");
  check_refused(R"({"text":"\ud800"})", ErrorCode::text_encoding, "/text");
  check_refused(R"({"text":"\udc00x"})", ErrorCode::text_encoding, "/text");
  check_refused("{\"text\":\"a\",\"\xff\":1}", ErrorCode::text_encoding, "");
}

TEST_CASE("a body is no deeper and no longer than its limits", "[json]") {
  CHECK(julu::parse_body(nested(julu::limits::body_depth_max, "1")));
  const auto error = refused(nested(julu::limits::body_depth_max + 1, "1"));
  CHECK(error.code == ErrorCode::too_deep);
  CHECK(error.field == "/a/a/a/a/a/a/a/a");
  CHECK(refused(nested(100'000 / 5, "1")).code == ErrorCode::too_deep);
  CHECK(refused("{\"a\":" + std::string(200'000, '[')).code == ErrorCode::too_deep);
  const std::size_t room = julu::limits::body_bytes_max - 8;
  CHECK(julu::parse_body("{\"a\":\"" + std::string(room, 'x') + "\"}"));
  const auto long_one = refused(R"({"b":"short","a":")" + std::string(room + 1, 'x') + "\"}");
  CHECK(long_one.code == ErrorCode::field_too_long);
  CHECK(long_one.field == "/a");
  CHECK(refused("{\"a\":\"" + std::string(julu::limits::reply_bytes_max, 'x') + "\"}").code ==
        ErrorCode::field_too_long);
}

TEST_CASE("a body is one object and nothing else", "[json]") {
  for (const std::string_view text : {"", "[]", "1", "\"a\"", "null", "{", "{}{}", "{} x", "{\"a\":}", "{\"a\" 1}",
                                      "{'a':1}", "{\"a\":01}", "{\"a\":NaN}", "{\"a\":\"\n\"}", "{,}", "{\"a\":1,}"}) {
    INFO(text);
    CHECK(refused(text).code == ErrorCode::json_syntax);
  }
}

TEST_CASE("text is brought to NFC and nothing else is touched", "[json]") {
  const auto body =
      julu::parse_body("{\"a\":\"e\u0301\",\"b\":\"か\u3099\",\"c\":\"张三\",\"d\":\"\\u0000x\",\"e\":\"Å\"}");
  REQUIRE(body);
  CHECK((*body)["a"] == "é");
  CHECK((*body)["b"] == "が");
  CHECK((*body)["c"] == "张三");
  CHECK((*body)["d"] == std::string("\0x", 2));
  CHECK((*body)["e"] == "\u00c5");
  CHECK((*julu::parse_body(R"({"x":"\ud83d\ude00"})"))["x"] == "😀");
  CHECK((*julu::parse_body("{\"x\":\"\u212b\"}"))["x"] == "\u00c5");
  CHECK((*julu::parse_body("{\"x\":\"\uf900\"}"))["x"] == "\u8c48");
}

TEST_CASE("canonical text escapes as RFC 8785 says", "[json]") {
  const Json value{{"s", "\"\\\b\f\n\r\t\x01\x1f\x7f/é"}, {"empty", {{"o", Json::object()}, {"a", Json::array()}}}};
  CHECK(julu::canonical(value) ==
        "{\"empty\":{\"a\":[],\"o\":{}},\"s\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f/é\"}");
  CHECK(julu::canonical(Json{{"b", 1}, {"B", 2}, {"a1", 3}, {"a", 4}}) == R"({"B":2,"a":4,"a1":3,"b":1})");
}

TEST_CASE("a canonical body reads back to itself", "[json]") {
  const auto once = julu::parse_body(R"({"z":"\u0000\u001f","a":[[],{},[1,-1,0]],"m":{"n":{"o":"中"}}})");
  REQUIRE(once);
  const std::string text = julu::canonical(*once);
  const auto twice = julu::parse_body(text);
  REQUIRE(twice);
  CHECK(*twice == *once);
  CHECK(julu::canonical(*twice) == text);
}

TEST_CASE("a reply is refused before it is parsed when it is too deep or too long", "[json]") {
  CHECK(julu::parse_reply(std::string(8 << 20, '[')).error().code == ErrorCode::bad_reply);
  CHECK(julu::parse_reply(std::string(10 << 20, '[')).error().code == ErrorCode::bad_reply);
  const auto deep = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  CHECK(julu::parse_reply(deep(julu::limits::reply_depth_max)));
  CHECK_FALSE(julu::parse_reply(deep(julu::limits::reply_depth_max + 1)).ok());
  CHECK(julu::parse_reply(R"({"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[[[[[","b":0.5})"));
  CHECK(julu::parse_reply("<html>").error().code == ErrorCode::bad_reply);
  CHECK(julu::parse_reply("{\"a\":\"\xff\"}").error().code == ErrorCode::bad_reply);
  CHECK(julu::parse_reply("").error().code == ErrorCode::bad_reply);
}

TEST_CASE("a merge patch removes, replaces and lays on as RFC 7396 shows", "[json]") {
  const auto patched = [](const char* target, const char* patch) {
    return julu::canonical(julu::apply_merge_patch(Json::parse(target), Json::parse(patch)));
  };
  CHECK(patched(R"({"a":"b"})", R"({"a":"c"})") == R"({"a":"c"})");
  CHECK(patched(R"({"a":"b"})", R"({"b":"c"})") == R"({"a":"b","b":"c"})");
  CHECK(patched(R"({"a":"b","b":"c"})", R"({"a":null})") == R"({"b":"c"})");
  CHECK(patched(R"({"a":["b"]})", R"({"a":"c"})") == R"({"a":"c"})");
  CHECK(patched(R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})") == R"({"a":{"b":"d"}})");
  CHECK(patched(R"({"a":[{"b":"c"}]})", R"({"a":[1]})") == R"({"a":[1]})");
  CHECK(patched(R"({"a":"foo"})", R"("bar")") == R"("bar")");
  CHECK(patched(R"({"e":null})", R"({"a":1})") == R"({"a":1,"e":null})");
  CHECK(patched(R"([1,2])", R"({"a":"b","c":null})") == R"({"a":"b"})");
  CHECK(patched(R"({})", R"({"a":{"bb":{"ccc":null}}})") == R"({"a":{"bb":{}}})");
}

TEST_CASE("the patch between two bodies makes one of the other", "[json]") {
  const Json from = Json::parse(R"({"a":1,"b":{"c":1,"d":2},"e":[1],"g":{"x":1}})");
  const Json to = Json::parse(R"({"a":1,"b":{"c":3},"e":[1,2],"f":"n","g":5})");
  const Json patch = julu::merge_patch_between(from, to);
  CHECK(patch == Json::parse(R"({"b":{"c":3,"d":null},"e":[1,2],"f":"n","g":5})"));
  CHECK(julu::apply_merge_patch(from, patch) == to);
  CHECK(julu::merge_patch_between(to, to) == Json::object());
}

TEST_CASE("a pointer finds its member and never anything else", "[json]") {
  const Json value = Json::parse(R"({"a/b":{"~":[10,20]},"":1})");
  CHECK(*julu::at_pointer(value, "/a~1b/~0/1") == 20);
  CHECK(*julu::at_pointer(value, "/") == 1);
  CHECK(*julu::at_pointer(value, "") == value);
  for (const char* pointer : {"/a~1b/~0/2", "/a~1b/~0/-1", "/a~1b/~0/x", "/a~1b/~0/", "/b", "a", "/a~1b/~0/0/0"}) {
    CHECK(julu::at_pointer(value, pointer) == nullptr);
  }
  CHECK(julu::pointer_segment("a/b~c") == "a~1b~0c");
}
