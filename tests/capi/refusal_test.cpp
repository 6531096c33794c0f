// What waits for a person, through julu.h: what the platform refused, what two phones wrote at once, and a restore.
#include "enrolled.h"

using namespace julu::test;
using nlohmann::json;

namespace {

constexpr std::string_view kElsewhere = R"({"address":"外村 1 号","grid":"130529999999001"})";

json asked(julu_store store, const std::string& id) {
  julu_buf out{};
  REQUIRE(julu_store_get(store, t(id), &out, nullptr) == JULU_OK);
  return json::parse(taken(out));
}

julu_status status_of(julu_store store) {
  auto status = sized<julu_status>();
  REQUIRE(julu_store_status(store, &status, nullptr) == JULU_OK);
  return status;
}

std::string household(julu_store store, std::string_view body) {
  auto saved = sized<julu_saved>();
  REQUIRE(julu_store_capture(store, t("household"), t(body), nullptr, 0, {}, &saved, nullptr) == JULU_OK);
  return saved.id;
}

}  // namespace

TEST_CASE("what the platform refused is shown with its reason, and goes again or is given up") {
  Enrolled phone;
  phone.open_sync();
  const std::string again = household(phone.store, kElsewhere);
  const std::string given_up = household(phone.store, kElsewhere);
  CHECK(phone.run().ops_parked == 2);
  CHECK(status_of(phone.store).parked_ops == 2);
  const json refused = asked(phone.store, again);
  INFO(refused.dump());
  CHECK(refused.at("delivery") == "parked");
  CHECK(refused.at("problem") ==
        json{{"code", JULU_ERROR_SCOPE}, {"name", "scope"}, {"field", "/grid"}, {"detail", "scope"}});
  CHECK(refused.at("problem_text") == "不在负责范围内");
  julu_buf out{};
  REQUIRE(julu_store_list(phone.store, t(R"({"delivery":"parked"})"), &out, nullptr) == JULU_OK);
  CHECK(json::parse(taken(out)).size() == 2);

  REQUIRE(julu_store_give_up(phone.store, t(given_up), nullptr) == JULU_OK);
  CHECK(asked(phone.store, given_up).at("deleted") == true);
  CHECK(status_of(phone.store).parked_ops == 1);
  phone.platform.add_worker("W-0412", "worker", "130529");  // the grid is the worker's now
  REQUIRE(julu_store_resend(phone.store, t(again), nullptr) == JULU_OK);
  CHECK(phone.run().end == JULU_END_ALL_DELIVERED);
  const json sent = asked(phone.store, again);
  CHECK(sent.at("delivery") == "delivered");
  CHECK(sent.at("problem").is_null());
  CHECK(status_of(phone.store).parked_ops == 0);
  CHECK(phone.platform.dump("record").size() == 1);
}

TEST_CASE("two phones write one field, and a person chooses") {
  Enrolled first("W-0001");
  Enrolled second("W-0002", first.county);
  first.open_sync();
  second.open_sync();
  const std::string id = household(first.store, R"({"address":"堤村 1 号"})");
  first.run();
  second.run();
  REQUIRE(julu_store_patch(first.store, t(id), t(R"({"address":"甲"})"), nullptr, 0, nullptr, nullptr) == JULU_OK);
  REQUIRE(julu_store_patch(second.store, t(id), t(R"({"address":"乙"})"), nullptr, 0, nullptr, nullptr) == JULU_OK);
  first.run();
  second.run();
  CHECK(status_of(second.store).conflicts == 1);
  CHECK(asked(second.store, id).at("in_conflict") == true);
  julu_buf out{};
  REQUIRE(julu_store_conflicts(second.store, &out, nullptr) == JULU_OK);
  json conflicts = json::parse(taken(out));
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].at("at_ms") > 0);
  conflicts[0].erase("at_ms");
  CHECK(conflicts[0] ==
        json{{"record", id}, {"field", "/address"}, {"base", "堤村 1 号"}, {"local", "乙"}, {"remote", "甲"}});

  REQUIRE(julu_store_resolve(second.store, t(id), t("/address"), t(R"("乙")"), nullptr) == JULU_OK);
  CHECK(status_of(second.store).conflicts == 0);
  CHECK(second.run().end == JULU_END_ALL_DELIVERED);
  first.run();
  CHECK(asked(first.store, id).at("body").at("address") == "乙");
}

TEST_CASE("after the platform was restored what it had receipted is confirming") {
  Enrolled phone;
  phone.open_sync();
  const std::string id = household(phone.store, R"({"address":"堤村 1 号"})");
  REQUIRE(phone.run().end == JULU_END_ALL_DELIVERED);
  CHECK(status_of(phone.store).flags == 0);
  phone.platform.kill();
  phone.platform.new_epoch();
  phone.platform.start();
  phone.run();
  CHECK((status_of(phone.store).flags & JULU_STATUS_CONFIRMING) != 0);
  CHECK(asked(phone.store, id).at("delivery") == "confirming");
}
