// Kinds as data: the four that ship, what a body is refused for, and schemas that must never reach the compiler.
#include "domain/schema.h"

#include <catch2/catch_test_macros.hpp>

#include <julu/limits.h>

#include "domain/schema_subset.h"
#include "support/schema_file.h"

using julu::ErrorCode;
using julu::Json;
using julu::Kind;
using julu::Lang;

namespace {

constexpr const char* kHousehold = "0190a000-0000-7000-8000-000000000001";

std::shared_ptr<const Kind> kind(const std::string& id) {
  auto loaded = Kind::load(julu::test::schema_file("records/" + id + ".schema.json"));
  INFO((loaded.ok() ? "" : loaded.error().field));
  REQUIRE(loaded);
  return *loaded;
}

void check_refused(const Kind& kind, const Json& body, ErrorCode code, const std::string& field) {
  INFO(field);
  const auto result = kind.check(body);
  REQUIRE_FALSE(result.ok());
  CHECK(julu::name(result.error().code) == julu::name(code));
  CHECK(result.error().field == field);
}

std::string schema_with(const std::string& members) {
  return R"({"x-kind":"k","x-shape":"document","type":"object")" + (members.empty() ? "" : "," + members) + "}";
}

std::string refused_schema(const std::string& text) {
  const auto loaded = Kind::load(text);
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().code == ErrorCode::schema_invalid);
  return loaded.error().field;
}

Json repeated(const char* text, int count) {
  std::string made;
  for (int i = 0; i < count; ++i) made += text;
  return made;
}

}  // namespace

TEST_CASE("the four kinds that ship are of three shapes", "[schema]") {
  CHECK(kind("incident")->shape() == julu::Shape::case_);
  CHECK(kind("incident")->flow() == "incident");
  CHECK(kind("household")->shape() == julu::Shape::document);
  CHECK(kind("person")->shape() == julu::Shape::document);
  CHECK(kind("visit")->shape() == julu::Shape::log);
  CHECK(kind("visit")->flow().empty());
  CHECK(kind("visit")->title(Lang::zh) == "走访");
  CHECK(kind("visit")->title(Lang::en) == "Visit");
}

TEST_CASE("every field that ships has a title in both languages and a place in the form", "[schema]") {
  for (const char* id : {"incident", "household", "person", "visit"}) {
    const auto loaded = kind(id);
    for (const auto& field : loaded->fields()) {
      INFO(id << field.path);
      CHECK_FALSE(field.title_zh.empty());
      CHECK_FALSE(field.title_en.empty());
      CHECK(field.order > 0);
      CHECK(field.order < 1000);
    }
  }
}

TEST_CASE("fields come in the order of the form and know their annotations", "[schema]") {
  const auto household = kind("household");
  CHECK(household->fields()[0].path == "/household_no");
  CHECK(household->fields()[1].path == "/address");
  CHECK(household->fields()[1].required);
  CHECK(household->field("/tags")->merge == julu::MergeRule::union_);
  CHECK(household->field("/note")->merge == julu::MergeRule::latest);
  CHECK(household->field("/house/area_dm2")->merge == julu::MergeRule::ask);
  CHECK(household->field("/head_name")->search == "name");
  CHECK(household->field("/head_name")->sensitive);
  CHECK(household->field("/nowhere") == nullptr);
  CHECK(kind("person")->field("/household")->ref == "household");
  CHECK(kind("person")->field("/id_number")->format == "id_number");
}

TEST_CASE("a report with category and text is enough", "[schema]") {
  const auto incident = kind("incident");
  CHECK(incident->check({{"category", "drainage"}, {"text", "村东头排水沟堵了"}}));
  check_refused(*incident, {{"category", "drainage"}}, ErrorCode::field_missing, "/text");
  check_refused(*incident, Json::object(), ErrorCode::field_missing, "/category");
  check_refused(*incident, {{"category", "drainage"}, {"text", ""}}, ErrorCode::field_invalid, "/text");
  check_refused(*incident, {{"category", 5}, {"text", "a"}}, ErrorCode::field_invalid, "/category");
  check_refused(*incident, {{"category", "x"}, {"text", "a"}, {"urgency", "soon"}}, ErrorCode::field_invalid,
                "/urgency");
  check_refused(*incident, {{"category", "x"}, {"text", "a"}, {"location", {{"lat_e7", 900000001}}}},
                ErrorCode::field_invalid, "/location/lat_e7");
  check_refused(*incident, Json::array(), ErrorCode::field_invalid, "");
}

TEST_CASE("length is counted in characters, up to the limit and not one past it", "[schema]") {
  const auto incident = kind("incident");
  Json body{{"category", "road"}, {"text", repeated("路", 2000)}};
  CHECK(incident->check(body));
  body["text"] = repeated("路", 2001);
  check_refused(*incident, body, ErrorCode::field_too_long, "/text");
  body["text"] = "a" + std::string(1, '\0') + std::string(2000, 'b');
  check_refused(*incident, body, ErrorCode::field_too_long, "/text");
  body["text"] = "a";
  body["place"] = {{"text", repeated("路", 201)}};
  check_refused(*incident, body, ErrorCode::field_too_long, "/place/text");
}

TEST_CASE("a doorstep is asked for no more than the worker surely has", "[schema]") {
  CHECK(kind("household")->check({{"address", "堤村乡 1 号"}}));
  CHECK(kind("person")->check({{"name", "张三"}}));
  CHECK(kind("visit")->check({{"text", "家中一切正常"}}));
  CHECK(kind("visit")->check({{"purpose", "routine"}}));
  check_refused(*kind("visit"), {{"grid", "130529200203001"}}, ErrorCode::field_missing, "/text");
  check_refused(*kind("household"), Json::object(), ErrorCode::field_missing, "/address");
}

TEST_CASE("unknown fields and unknown codes are allowed, null is not", "[schema]") {
  const auto incident = kind("incident");
  CHECK(incident->check({{"category", "meteor"}, {"text", "a"}, {"x_future", {{"deep", {1, 2}}}}}));
  check_refused(*incident, {{"category", "road"}, {"text", "a"}, {"grid", nullptr}}, ErrorCode::field_invalid, "/grid");
}

TEST_CASE("formats of national standards are held, and a list is a set", "[schema]") {
  const auto person = kind("person");
  CHECK(person->check({{"name", "张三"}, {"id_number", "130529190001010016"}, {"birth_date", "1900-01-01"}}));
  check_refused(*person, {{"name", "张三"}, {"id_number", "130529190001010017"}}, ErrorCode::field_invalid,
                "/id_number");
  check_refused(*person, {{"name", "张三"}, {"birth_date", "1900-02-30"}}, ErrorCode::field_invalid, "/birth_date");
  check_refused(*person, {{"name", "张三"}, {"phone", "none"}}, ErrorCode::field_invalid, "/phone");
  check_refused(*person, {{"name", "张三"}, {"household", "17"}}, ErrorCode::field_invalid, "/household");
  check_refused(*person, {{"name", "张三"}, {"tags", {"a", "b", "a"}}}, ErrorCode::field_invalid, "/tags");
  check_refused(*person, {{"name", "张三"}, {"tags", {"a", 5}}}, ErrorCode::field_invalid, "/tags/1");
  const Json stored = person->normalised({{"name", " 张三 "}, {"id_number", "13052919000101018x"}});
  CHECK(stored == Json{{"name", "张三"}, {"id_number", "13052919000101018X"}});
}

TEST_CASE("an edit must leave a valid body", "[schema]") {
  const auto person = kind("person");
  const Json body{{"name", "张三"}, {"sex", "1"}};
  const auto patched = [&](const Json& patch) {
    return person->check_edit(body, julu::apply_merge_patch(body, patch));
  };
  CHECK(patched({{"sex", nullptr}}));
  CHECK(patched({{"name", nullptr}}).error().code == ErrorCode::field_missing);
  CHECK(patched({{"sex", "男性"}}).error().field == "/sex");
  CHECK_FALSE(patched(Json::array()).ok());
}

TEST_CASE("what an edit does not touch is not its fault", "[schema]") {
  const auto incident = kind("incident");
  const Json body{{"text", std::string(3000, 'a')}, {"place", {{"grid", 5}, {"text", "村口"}}}, {"urgency", "soon"}};
  const auto patched = [&](const Json& patch) {
    const auto checked = incident->check_edit(body, julu::apply_merge_patch(body, patch));
    return checked ? std::string("fine") : checked.error().field;
  };
  CHECK(patched({{"grid", "g1"}}) == "fine");
  CHECK(patched({{"place", {{"text", "桥头"}}}}) == "fine");
  CHECK(patched({{"place", {{"grid", 6}}}}) == "/place/grid");
  CHECK(patched({{"text", std::string(3001, 'a')}}) == "/text");
  CHECK(patched({{"text", nullptr}}) == "/text");
  CHECK(patched({{"category", "road"}, {"text", "b"}, {"urgency", "now"}}) == "/urgency");
}

TEST_CASE("references are found, sorted and named once", "[schema]") {
  const auto visit = kind("visit");
  const std::string other = "0190a000-0000-7000-8000-000000000000";
  CHECK(visit->refs({{"text", "a"}, {"household", kHousehold}, {"incident", other}, {"supersedes", other}}) ==
        std::vector<std::string>{other, kHousehold});
  CHECK(visit->refs({{"household", "nonsense"}}).empty());
}

TEST_CASE("search text holds what is searched and nothing else", "[schema]") {
  const auto household = kind("household");
  const Json body{{"address", "堤村乡 1 号"}, {"head_name", "张三"}, {"phone", "110"}, {"tags", {"独居", "低保"}}};
  CHECK(household->search_text(body) == "堤村乡 1 号\n张三\nzs\n独居\n低保");
}

TEST_CASE("a summary is one short line and shows no name in full", "[schema]") {
  const auto summary = [](const char* id, const Json& body) {
    return kind(id)->summary(body, [](const std::string& list, const std::string& code) { return list + ":" + code; });
  };
  CHECK(summary("household", {{"address", "堤村乡"}, {"head_name", "张三"}}) == "堤村乡 · 张*");
  CHECK(summary("visit", {{"purpose", "routine"}}) == "visit-purpose:routine");
  CHECK(summary("incident", {{"text", "一\n二" + std::string("\0", 1) + "三"}}) == "一 二 三");
  const auto long_line = summary("incident", {{"text", repeated("路", 2000)}});
  CHECK(long_line == repeated("路", 60).get<std::string>() + "…");
  CHECK(summary("incident", Json::object()).empty());
  CHECK(summary("incident", Json()).empty());
}

TEST_CASE("a list is masked when anything in its items is sensitive", "[schema]") {
  for (const char* items : {R"({"type":"string","x-sensitive":true,"x-format":"phone"})",
                            R"({"type":"object","properties":{"tel":{"type":"string","x-sensitive":true}}})"}) {
    const auto family =
        Kind::load(std::string(R"({"$id":"family","x-kind":"family","x-shape":"document","type":"object",)") +
                   R"("x-summary":["phones"],"properties":{"phones":{"type":"array","items":)" + items + "}}}");
    REQUIRE(family.ok());
    const Json phones = std::string_view(items).find("tel") == std::string_view::npos
                            ? Json::array({"13812345678"})
                            : Json::array({Json{{"tel", "13812345678"}}});
    const Json body{{"phones", phones}};
    CHECK((*family)->masked(body).dump().find("13812345678") == std::string::npos);
    CHECK((*family)->summary(body, {}).find("13812345678") == std::string::npos);
  }
}

TEST_CASE("what lies within a sensitive object is masked in a title, and does not become one", "[schema]") {
  for (const char* summary : {R"("x-summary":["/house/street"],)", ""}) {
    const auto place =
        Kind::load(std::string(R"({"$id":"place","x-kind":"place","x-shape":"document","type":"object",)") + summary +
                   R"("properties":{"house":{"type":"object","x-sensitive":true,)" +
                   R"("properties":{"street":{"type":"string"}}}}})");
    REQUIRE(place.ok());
    CHECK((*place)->summary({{"house", {{"street", "示范村"}}}}, {}).find("示") == std::string::npos);
  }
}

TEST_CASE("sensitive values are masked, wherever they stand", "[schema]") {
  const auto masked = kind("person")->masked({{"name", "张三"},
                                              {"id_number", "130529190001010016"},
                                              {"sex", "1"},
                                              {"phone", "13800000000"},
                                              {"income_yuan", 12000},
                                              {"x_new", "kept"}});
  CHECK(masked == Json{{"name", "张*"},
                       {"id_number", "130529********0016"},
                       {"sex", "1"},
                       {"phone", "138****0000"},
                       {"income_yuan", "***"},
                       {"x_new", "kept"}});
  const auto met = kind("visit")->masked({{"persons_met", {"张三", "李四"}}, {"location", {{"lat_e7", 37}}}});
  CHECK(met == Json{{"persons_met", {"张*", "李*"}}, {"location", {{"lat_e7", "***"}}}});
}

TEST_CASE("words outside the subset are refused by pointer", "[schema]") {
  for (const char* word : {"pattern", "$ref", "format", "not", "if", "then"}) {
    CHECK(refused_schema(schema_with(R"("properties":{"a":{")" + std::string(word) + R"(":"x"}})")) ==
          "/properties/a/" + std::string(word));
  }
  for (const char* word : {"allOf", "anyOf", "oneOf", "patternProperties", "dependencies", "definitions", "contains",
                           "propertyNames", "multipleOf", "exclusiveMinimum"}) {
    CHECK(refused_schema(schema_with("\"" + std::string(word) + "\":[]")) == "/" + std::string(word));
  }
}

TEST_CASE("words of the subset with the wrong value are refused by pointer", "[schema]") {
  const auto field = [](const std::string& members) {
    return refused_schema(schema_with(R"("properties":{"a":{)" + members + "}}"));
  };
  CHECK(field(R"("type":"number")") == "/properties/a/type");
  CHECK(field(R"("type":["string","any"])") == "/properties/a/type");
  CHECK(field(R"("type":[])") == "/properties/a/type");
  CHECK(field(R"("items":[{}])") == "/properties/a/items");
  CHECK(field(R"("enum":[])") == "/properties/a/enum");
  CHECK(field(R"("maxLength":-1)") == "/properties/a/maxLength");
  CHECK(field(R"("maxLength":1.5)") == "/properties/a/maxLength");
  CHECK(field(R"("maximum":1e300)") == "/properties/a/maximum");
  CHECK(field(R"("minimum":-9007199254740993)") == "/properties/a/minimum");
  CHECK(field(R"("required":"a")") == "/properties/a/required");
  CHECK(field(R"("x-merge":"newest")") == "/properties/a/x-merge");
  CHECK(field(R"("x-search":true)") == "/properties/a/x-search");
  CHECK(field(R"("x-sensitive":"yes")") == "/properties/a/x-sensitive");
  CHECK(field(R"("additionalProperties":{})") == "/properties/a/additionalProperties");
  CHECK(refused_schema(schema_with(R"("properties":{"名":{}})")) == "/properties");
  CHECK(refused_schema(schema_with(R"("properties":[])")) == "/properties");
}

TEST_CASE("a schema without kind, shape or object at the top is refused", "[schema]") {
  CHECK(refused_schema(R"({"x-kind":"k","type":"object"})") == "/x-shape");
  CHECK(refused_schema(R"({"x-kind":"k","x-shape":"tree","type":"object"})") == "/x-shape");
  CHECK(refused_schema(R"({"x-shape":"log","type":"object"})") == "/x-kind");
  CHECK(refused_schema(R"({"x-kind":"k","x-shape":"log"})") == "/type");
  for (const char* text : {"", "[]", "5", "{", "\"x\"", "null"}) CHECK(refused_schema(text).empty());
  CHECK(Kind::load(schema_with("")));
  CHECK(Kind::load(schema_with(R"("x-of-the-future":{"a":[1]},"properties":{"a":{"x-format":"new"}})")));
}

TEST_CASE("depth, nodes and bytes of a schema are bounded before anything walks it", "[schema]") {
  const auto nested = [](int levels) {
    std::string text = "{}";
    for (int i = 1; i < levels; ++i) text = R"({"properties":{"a":)" + text + "}}";
    return schema_with(text.substr(1, text.size() - 2));
  };
  CHECK(Kind::load(nested(julu::limits::schema_depth_max)));
  CHECK_FALSE(Kind::load(nested(julu::limits::schema_depth_max + 1)).ok());
  CHECK_FALSE(Kind::load(nested(300)).ok());
  CHECK_FALSE(Kind::load(std::string(100'000, '[')).ok());
  const auto listed = [](std::size_t values) {
    std::string text = "\"enum\":[0";
    for (std::size_t i = 1; i < values; ++i) text += ",0";
    return schema_with(text + "]");
  };
  std::size_t most = julu::limits::schema_nodes_max;
  CHECK_FALSE(Kind::load(listed(most)).ok());
  while (!Kind::load(listed(most)).ok() && most > 0) --most;
  CHECK(most + 20 > julu::limits::schema_nodes_max);  // the others are the schema itself
  CHECK_FALSE(Kind::load(schema_with("\"title\":\"" + std::string(julu::limits::schema_bytes_max, 'x') + "\"")).ok());
}

TEST_CASE("a closed object names the member that is too much", "[schema]") {
  const auto closed =
      Kind::load(schema_with(R"("properties":{"a":{"type":["integer","null"]},"c":{"const":7},"o":{"type":"object",)"
                             R"("additionalProperties":false,"required":["n"],"properties":{"n":{}}}})"));
  REQUIRE(closed);
  CHECK((*closed)->check({{"a", nullptr}, {"c", 7}, {"o", {{"n", 1}}}}));
  check_refused(**closed, {{"o", {{"n", 1}, {"m", 2}}}}, ErrorCode::field_invalid, "/o/m");
  check_refused(**closed, {{"o", Json::object()}}, ErrorCode::field_missing, "/o/n");
  check_refused(**closed, {{"c", 8}}, ErrorCode::field_invalid, "/c");
  check_refused(**closed, {{"a", true}}, ErrorCode::field_invalid, "/a");
}

TEST_CASE("a hostile body costs no more than its size", "[schema]") {
  const auto loaded =
      Kind::load(schema_with(R"("properties":{"a":{"type":"array","uniqueItems":true,"items":{"type":"integer"}}})"));
  REQUIRE(loaded);
  Json items = Json::array();
  for (int i = 0; i < 60'000; ++i) items.push_back(i);
  CHECK((*loaded)->check({{"a", items}}));
  items.push_back(0);
  CHECK_FALSE((*loaded)->check({{"a", items}}).ok());
}

TEST_CASE("a kind whose name cannot stand in an operation as it is is refused", "[schema]") {
  const auto named = [](const Json& kind) {
    return Kind::load(Json{{"x-kind", kind}, {"x-shape", "document"}, {"type", "object"}}.dump());
  };
  CHECK(named("well.2"));
  for (const Json& kind : {Json("well\"s"), Json("a\\b"), Json("井"), Json("a\nb"), Json(""), Json(7)}) {
    const auto refused = named(kind);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::schema_invalid);
    CHECK(refused.error().field == "/x-kind");
  }
}
