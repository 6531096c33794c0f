// The incident's state machine as it ships, and code lists.
#include "domain/flow.h"

#include <algorithm>
#include <set>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "domain/codes.h"
#include "support/schema_file.h"

using julu::ErrorCode;
using julu::Lang;

namespace {

std::shared_ptr<const julu::Flow> incident() {
  auto flow = julu::Flow::load(julu::test::schema_file("flows/incident.flow.json"));
  REQUIRE(flow);
  return *flow;
}

}  // namespace

TEST_CASE("an incident goes from the report to the worker's rating", "[flow]") {
  const auto flow = incident();
  std::string state = flow->initial();
  const char* steps[][2] = {{"accept", "leader"}, {"dispatch", "township"}, {"resolve", "county"}, {"rate", "worker"}};
  for (const auto& [action, role] : steps) {
    const auto next = flow->next(state, action, role);
    REQUIRE(next);
    state = *next;
  }
  CHECK(state == "closed");
  CHECK(flow->is_final(state));
  CHECK(*flow->next("closed", "reopen", "worker") == "reopened");
}

TEST_CASE("a returned report can be submitted again", "[flow]") {
  const auto flow = incident();
  CHECK(*flow->next("reported", "return", "leader") == "returned");
  CHECK(*flow->next("returned", "resubmit", "worker") == "reported");
  CHECK(*flow->next("reported", "resolve_on_spot", "leader") == "resolved");
  CHECK(flow->note("return") == julu::NoteRule::required);
  CHECK(flow->note("accept") == julu::NoteRule::optional);
}

TEST_CASE("a step from the wrong state or by the wrong role is refused", "[flow]") {
  const auto flow = incident();
  CHECK(flow->next("closed", "accept", "leader").error().code == ErrorCode::step_not_allowed);
  CHECK(flow->next("reported", "accept", "worker").error().code == ErrorCode::step_not_allowed);
  CHECK(flow->next("reported", "dance", "leader").error().code == ErrorCode::field_invalid);
  CHECK(flow->next("of the future", "accept", "leader").error().code == ErrorCode::step_not_allowed);
}

TEST_CASE("the steps that a role may take come in the order of the file", "[flow]") {
  const auto flow = incident();
  CHECK(flow->allowed("reported", "worker") == std::vector<std::string>{"resolve_on_spot", "withdraw"});
  CHECK(flow->allowed("resolved", "worker") == std::vector<std::string>{"rate", "reopen"});
  CHECK(flow->allowed("resolved", "leader").empty());
  CHECK(flow->allowed("of the future", "leader").empty());
  CHECK(flow->allowed("reported", "nobody").empty());
}

TEST_CASE("what the platform added later is kept and shown", "[flow]") {
  const auto flow = incident();
  CHECK(flow->label("reported", Lang::zh) == "待受理");
  CHECK(flow->label("accept", Lang::en) == "Accept");
  CHECK(flow->label("under_inspection", Lang::zh) == "under_inspection");
  CHECK_FALSE(flow->is_final("under_inspection"));
  CHECK(flow->fold({}) == "reported");
  CHECK(flow->fold({{"accept", "accepted"}, {"inspect", "under_inspection"}}) == "under_inspection");
  CHECK(flow->fold({{"accept", "accepted"}, {"dispatch", ""}}) == "dispatched");
  CHECK(flow->fold({{"accept", "accepted"}, {"rate", ""}, {"dance", ""}}) == "accepted");
}

TEST_CASE("every state of the incident is reached, and every open one can be left", "[flow]") {
  const auto flow = incident();
  const char* states[] = {"reported", "accepted", "dispatched", "escalated", "returned", "resolved", "reopened"};
  for (const char* state : states) {
    std::size_t ways = 0;
    for (const char* role : {"worker", "leader", "township", "county", "clerk"}) {
      ways += flow->allowed(state, role).size();
    }
    CHECK(ways > 0);
    CHECK_FALSE(flow->is_final(state));
  }
}

TEST_CASE("a flow that leads nowhere is refused by pointer", "[flow]") {
  const auto refused = [](const char* text) {
    const auto flow = julu::Flow::load(text);
    REQUIRE_FALSE(flow.ok());
    CHECK(flow.error().code == ErrorCode::schema_invalid);
    return flow.error().field;
  };
  CHECK(refused("[]").empty());
  CHECK(refused(R"({"flow":"f","initial":"a","states":{},"actions":{}})") == "/initial");
  CHECK(refused(R"({"flow":"f","initial":"a","states":{"a":{}},"actions":{"x":{"from":["a"],"roles":[],"to":"b"}}})") ==
        "/actions/x/to");
  CHECK(refused(R"({"flow":"f","initial":"a","states":{"a":{}},"actions":{"x":{"from":["c"],"roles":[],"to":"a"}}})") ==
        "/actions/x/from");
  CHECK(refused(R"({"flow":"f","initial":"a","states":{"a":{}},"actions":{"x":5}})") == "/actions/x/from");
  CHECK(refused(R"({"flow":"f","initial":"a","states":{"a":1},"actions":{}})") == "/states/a");
}

TEST_CASE("every code list that ships can be read", "[codes]") {
  for (const char* id : {"building-use", "education", "ethnicity", "health", "incident-category", "inflow-reason",
                         "left-behind", "marital", "photo-role", "political", "relation", "rent-hazard", "rent-use",
                         "residence-match", "sex", "urgency", "visit-purpose"}) {
    CAPTURE(id);
    const std::string text = julu::test::schema_file("codes/" + std::string(id) + ".json");
    CHECK(julu::check_codes(text).value() == id);
    const auto items = nlohmann::json::parse(text).at("items");
    CHECK_FALSE(items.empty());
    // A person who types a name means one code.
    std::set<std::string> names;
    for (const auto& item : items) {
      CHECK(names.insert(item.at("zh")).second);
      CHECK(names.insert(item.at("en")).second);
    }
    CHECK_FALSE(names.contains(""));
  }
}

TEST_CASE("a code list says of a code what the standard calls it", "[codes]") {
  const auto is_called = [](const char* list, const char* code, const char* zh, const char* en) {
    const auto file = nlohmann::json::parse(julu::test::schema_file("codes/" + std::string(list) + ".json"));
    return std::any_of(file.at("items").begin(), file.at("items").end(), [&](const auto& item) {
      return item.at("code") == code && item.at("zh") == zh && item.at("en") == en;
    });
  };
  CHECK(is_called("incident-category", "drainage", "排水", "Drainage"));
  CHECK(is_called("ethnicity", "36", "毛南族", "Maonan"));
  CHECK(is_called("ethnicity", "56", "基诺族", "Jino"));
}

TEST_CASE("a code list with a code twice is refused", "[codes]") {
  CHECK(julu::check_codes(R"({"id":"x","items":[{"code":"a"},{"code":"a"}]})").error().field == "/items/1/code");
  CHECK(julu::check_codes(R"({"id":"x","items":[5]})").error().field == "/items/0/code");
  CHECK(julu::check_codes(R"({"items":[]})").error().field == "/id");
}
