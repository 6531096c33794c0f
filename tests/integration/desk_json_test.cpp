// What the clerk's terminal says to a program: one object a line, with all that a person reads and more.
#include <map>

#include <catch2/catch_test_macros.hpp>

#include "desk.h"

using namespace julu::test;
using nlohmann::json;

namespace {

std::vector<json> lines_of(const Ended& ended) {
  CHECK(ended.status == 0);
  std::vector<json> lines;
  std::istringstream text(ended.text);
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
  return lines;
}

json only_line(const Ended& ended) {
  const std::vector<json> lines = lines_of(ended);
  REQUIRE(lines.size() == 1);
  return lines.front();
}

std::string short_of(const json& saved) {
  const std::string id = saved.at("id");
  const std::string digits = saved.at("short");
  CHECK(id.ends_with(digits));
  return digits;
}

}  // namespace

TEST_CASE("whatever saves something says on one line of JSON what, and how much waits") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const auto saved = [&](const std::vector<std::string>& words, std::size_t photos, int unsent) {
    const json line = only_line(desk.run_json(words));
    CHECK(line.at("captured_at_ms").get<std::int64_t>() > 0);
    CHECK(line.at("photos").size() == photos);
    CHECK((line.at("photo_bytes").get<std::int64_t>() > 0) == (photos > 0));
    CHECK(line.at("unsent") == unsent);
    CHECK_FALSE(line.contains("parked"));
    return line;
  };
  const json home = saved({"record", "household", "--set", "住址=堤村 1 号", "--photo", desk.photo("a.jpg", 1)}, 1, 1);
  const json incident = saved({"record", "incident", "--set", "类别=道路", "--set", "情况描述=坑"}, 0, 2);
  CHECK(saved({"attach", short_of(incident), "--photo", desk.photo("b.jpg", 2), "--photo",
               "far=" + desk.photo("c.jpg", 3)},
              2, 2)
            .at("id") == incident.at("id"));
  CHECK(saved({"act", short_of(incident), "撤回", "--note", "填错了", "--photo", desk.photo("d.jpg", 4)}, 1, 2)
            .at("id") == incident.at("id"));
  CHECK(saved({"remove", short_of(home)}, 0, 2).at("id") == home.at("id"));
  CHECK(desk.run_json({"show", home.at("id")}).last().at("deleted") == true);
  CHECK(desk.run_json({"show", incident.at("id")}).last().at("photos").size() == 3);
  CHECK(desk.run({"sync"}).status == 0);
  CHECK(platform.dump("record").size() == 2);
}

TEST_CASE("a photo given again for the same role is kept once, and that is what is told") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string photo = desk.photo("a.jpg");
  const std::vector<std::string> thrice{"report", "--category", "道路",          "--text",  "坑",           "--photo",
                                        photo,    "--photo",    "near=" + photo, "--photo", "近景=" + photo};
  const json saved = only_line(desk.run_json(thrice));
  const json kept = desk.run_json({"show", saved.at("id")}).last().at("photos");
  REQUIRE(kept.size() == 1);
  CHECK(saved.at("photos") == json::array({kept.at(0).at("sha256")}));
  CHECK(saved.at("photo_bytes") == kept.at(0).at("length_bytes"));
  const std::string text = desk.run(thrice).text;
  INFO(text);
  CHECK(text.find("  照片 1 张（") != std::string::npos);
  CHECK(text.find("重复的 2 张只存一次") != std::string::npos);
  const std::vector<std::string> both{"attach",       saved.at("id"), "--photo",
                                      "far=" + photo, "--photo",      "reference=" + photo};
  CHECK(only_line(desk.run_json(both)).at("photos").size() == 2);
  CHECK(desk.run_json({"show", saved.at("id")}).last().at("photos").size() == 3);
}

TEST_CASE("a history has a line of JSON for each event, what was entered only for who asks for it") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string id =
      desk.run_json({"household", "--address", "堤村 1 号", "--phone", "13800000001"}).last().at("id");
  REQUIRE(desk.run({"household", "--edit", id, "--note", "院里有狗"}).status == 0);
  REQUIRE(desk.run({"attach", id, "--photo", desk.photo("a.jpg")}).status == 0);
  REQUIRE(desk.run({"sync"}).status == 0);
  REQUIRE(desk.run({"remove", id}).status == 0);
  const std::vector<json> events = lines_of(desk.run_json({"history", id}));
  std::vector<std::string> what;
  for (const json& event : events) {
    what.push_back(event.at("what"));
    CHECK(event.at("at_ms").get<std::int64_t>() > 0);
    CHECK(event.at("op_id").get<std::string>().size() == 36);
    CHECK(event.at("hash").get<std::string>().size() == 64);
    const bool last = event.at("what") == "delete";
    CHECK(event.at("standing") == (last ? "waiting" : "delivered"));
    CHECK(event.at("receipt_key").get<std::string>().empty() == last);
    for (const char* member : {"actor", "action", "state", "note"}) CHECK(event.at(member).is_string());
    CHECK(event.at("id") == id);
    CHECK(event.at("detail").is_object());
  }
  CHECK(what == std::vector<std::string>{"create", "patch", "attach", "delete"});
  CHECK(events[0].at("note").get<std::string>().find("138****0001") != std::string::npos);
  const std::vector<json> whole = lines_of(desk.run_json({"history", id, "--unmask"}));
  REQUIRE(whole.size() == events.size());
  CHECK(whole[0].at("detail").at("phone") == "13800000001");
  CHECK(events[0].at("detail").at("phone") == "138****0001");
  CHECK(events[0].at("detail").at("address") == "堤村 1 号");
  CHECK(events[1].at("detail") == json{{"note", "院里有狗"}});
}

TEST_CASE("a history cuts nothing in JSON and masks all of it, changes of others and conflicts too") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk first(platform, "W-0001", "clerk");
  const Desk second(platform, "W-0002", "clerk");
  std::string note;
  for (int i = 0; i < 80; ++i) note += "长话" + std::to_string(i);
  const std::string id =
      first.run_json({"household", "--address", "堤村 1 号", "--phone", "13800000001"}).last().at("id");
  REQUIRE(first.run({"sync"}).status == 0);
  REQUIRE(second.run({"sync"}).status == 0);
  REQUIRE(first.run({"household", "--edit", id, "--phone", "13800000002", "--note", note}).status == 0);
  REQUIRE(second.run({"household", "--edit", id, "--phone", "13800000003"}).status == 0);
  REQUIRE(first.run({"sync"}).status == 0);
  REQUIRE(second.run({"sync"}).status == 0);
  REQUIRE(second.run({"resolve", id, "联系电话", "--value", "13800000004"}).status == 0);
  REQUIRE(second.run({"sync"}).status == 0);
  const Ended masked = second.run_json({"history", id});
  CHECK(masked.text.find("1380000000") == std::string::npos);
  std::map<std::string, json> events;
  for (const json& event : lines_of(masked)) events[event.at("what")] = event;
  INFO(masked.text);
  const json& pulled = events.at("pulled");
  CHECK(pulled.at("detail").at("from").at("phone") == "138****0001");
  CHECK(pulled.at("detail").at("to").at("phone") == "138****0002");
  CHECK(pulled.at("detail").at("to").at("note") == note);
  CHECK(pulled.at("note").get<std::string>().find(note) != std::string::npos);
  CHECK(events.at("given_up").at("detail").at("field") == "/phone");
  CHECK(events.at("given_up").at("detail").at("kept") == "remote");
  CHECK(events.at("given_up").at("detail").at("base") == "138****0001");
  CHECK(events.at("given_up").at("detail").at("local") == "138****0003");
  CHECK(events.at("given_up").at("detail").at("remote") == "138****0002");
  CHECK(events.at("resolved").at("detail").at("phone") == "138****0004");
  CHECK(second.run_json({"history", id, "--unmask"}).text.find("13800000004") != std::string::npos);
}

TEST_CASE("upkeep says on one line of JSON that it is done") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  CHECK(only_line(desk.run_json({"maintain"})) == json{{"maintained", true}});
}
