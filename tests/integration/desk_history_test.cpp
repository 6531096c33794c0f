// What the clerk's terminal keeps and tells of a record: everything that was entered, however it ended.
#include <catch2/catch_test_macros.hpp>

#include "desk.h"
#include "terminal.h"

using namespace julu::test;
using nlohmann::json;

namespace {

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// A household that the platform refuses: it names somebody else's grid.
std::string refused_household(const Desk& desk) {
  const std::string id = desk.run_json({"household", "--address", "堤村 9 号", "--head-name", "王小二", "--phone",
                                        "13800000001", "--set", "所属网格=999999999"})
                             .last()
                             .at("id");
  REQUIRE(desk.run({"sync", "--once"}).status == 65);
  return id;
}

}  // namespace

TEST_CASE("what was entered and given up can be read back, masked, and whole by who asks for it") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string id = refused_household(desk);
  const std::string digits = id.substr(id.size() - 4);
  REQUIRE(desk.run({"household", "--edit", id, "--note", "院里有狗"}).status == 0);
  CHECK(desk.run({"give-up", id}).text.find("julu history " + digits + " --unmask") != std::string::npos);
  CHECK(desk.run({"show", id}, kWithErrors).text.find("julu history " + digits + " --unmask") != std::string::npos);
  CHECK(desk.run({"list"}).text.find(digits) == std::string::npos);
  CHECK(desk.run({"list", "--deleted"}).text.find(digits) != std::string::npos);
  const std::string masked = desk.run({"history", id}, kWithErrors).text;
  CHECK(masked.find("住址：堤村 9 号；所属网格：999999999；户主姓名：王*；联系电话：138****0001") != std::string::npos);
  CHECK(masked.find("备注：院里有狗") != std::string::npos);
  CHECK(masked.find("王小二") == std::string::npos);
  CHECK(masked.find("julu history " + digits + " --unmask") != std::string::npos);
  const std::string whole = desk.run({"history", id, "--unmask"}, kWithErrors).text;
  CHECK(whole.find("户主姓名：王小二；联系电话：13800000001") != std::string::npos);
  CHECK(whole.find("--unmask") == std::string::npos);
  CHECK(lines_of(read_file(desk.folder.file("data/W-0412/unmasked.jsonl"))) == 1);
}

TEST_CASE("a reply is told to its end, in the width of the terminal") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const Desk leader(platform, "W-0100", "leader");
  const std::string id = desk.report_to(leader);
  std::string reply = "经现场查看";
  for (int i = 0; i < 30; ++i) reply += "，第" + std::to_string(i) + "处已修";
  reply += "，完毕";
  REQUIRE(leader.run({"act", id, "受理"}).status == 0);
  REQUIRE(leader.run({"act", id, "办结", "--note", reply}).status == 0);
  REQUIRE(leader.run({"sync"}).status == 0);
  REQUIRE(desk.run({"sync"}).status == 0);
  CHECK(desk.run({"history", id}).text.find(reply) != std::string::npos);

  Terminal terminal;
  Process shown = desk.start({"history", id},
                             kNoLocale + "exec >" + terminal.path() + "; stty cols 100 <&1; exec \"$@\" </dev/null");
  const std::string text = terminal.read_all();
  CHECK(shown.wait() == 0);
  CHECK(text.find("完毕") != std::string::npos);
  CHECK(text.find("…") == std::string::npos);
  CHECK(lines_of(text) > 8);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 150);  // 100 columns of Chinese
}

TEST_CASE("an update of the platform, a value that was not taken and a decision name their fields") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk first(platform, "W-0001", "clerk");
  const Desk second(platform, "W-0002", "clerk");
  const std::string id =
      first.run_json({"household", "--address", "堤村 1 号", "--phone", "13800000001"}).last().at("id");
  CHECK(first.run({"sync"}).status == 0);
  CHECK(second.run({"sync"}).status == 0);
  CHECK(
      first.run({"household", "--edit", id, "--address", "甲巷", "--phone", "13800000002", "--note", "甲记"}).status ==
      0);
  CHECK(second.run({"household", "--edit", id, "--address", "乙巷", "--note", "乙记"}).status == 0);
  CHECK(first.run({"sync"}).status == 0);
  CHECK(second.run({"sync"}).status == 0);
  CHECK(second.run({"resolve", id, "住址", "--value", "丙巷"}).status == 0);
  const std::string text = second.run({"history", id}).text;
  INFO(text);
  const auto told = [&](const std::string& event, const std::string& what) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.find(event) != std::string::npos && line.find(what) != std::string::npos) return true;
    }
    return false;
  };
  CHECK(told("平台更新", "住址：堤村 1 号 → 甲巷；联系电话：138****0001 → 138****0002"));
  CHECK(told("两处都改了", "住址：用平台的 甲巷，没用我填的 乙巷"));
  CHECK(told("两处都改了", "备注：用我填的 乙记，没用平台的 甲记"));
  CHECK(told("冲突已定", "住址：丙巷"));
  CHECK(second.run({"history", id, "--unmask"}).text.find("13800000001 → 13800000002") != std::string::npos);
}

TEST_CASE("the score of a rating is told with its note") {
  PlatformProcess platform(JUHAOBAN_PROGRAM, true);
  const Desk desk(platform);
  const std::string id = desk.run_json({"report", "--category", "道路", "--text", "坑"}).last().at("id");
  REQUIRE(desk.run({"sync"}).status == 0);
  REQUIRE(desk.run({"sync"}).status == 0);
  REQUIRE(desk.run({"act", id, "评价", "--note", "修得好", "--body", R"({"score":5})"}).status == 0);
  CHECK(desk.run({"history", id}).text.find("修得好；评分：5\n") != std::string::npos);
}

TEST_CASE("a long list says that there is more and where it goes on") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  for (int i = 0; i < 4; ++i)
    REQUIRE(desk.run({"household", "--address", "堤村 " + std::to_string(i) + " 号"}).status == 0);
  const std::string third = desk.run_json({"list", "--limit", "2"}).last().at("id");
  const std::string hint = "--before " + third.substr(third.size() - 4);
  const Ended cut = desk.run({"list", "--limit", "2"}, kWithErrors);
  CHECK(cut.text.find("还有更多") != std::string::npos);
  CHECK(cut.text.find(hint) != std::string::npos);
  CHECK(desk.run_json({"list", "--limit", "2"}, kPlain + " 2>&1 >/dev/null").text.find(hint) != std::string::npos);
  const Ended rest = desk.run({"list", "--before", third.substr(third.size() - 4)}, kWithErrors);
  CHECK(rest.status == 0);
  CHECK(rest.text.find("堤村 1 号") != std::string::npos);
  CHECK(rest.text.find("堤村 0 号") != std::string::npos);
  CHECK(rest.text.find("堤村 2 号") == std::string::npos);
  CHECK(rest.text.find("还有更多") == std::string::npos);
  CHECK(desk.run({"list", "--limit", "4"}, kWithErrors).text.find("还有更多") == std::string::npos);
}

TEST_CASE("a list of what was refused names the ways on, and an edit of such a record says that it waits") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"household", "--address", "堤村 1 号"}).status == 0);
  CHECK(desk.run({"list", "--unsent"}, kWithErrors).text.find("julu resend") == std::string::npos);
  const std::string id = refused_household(desk);
  const std::string listed = desk.run({"list", "--unsent"}, kWithErrors).text;
  for (const char* way : {"julu show 编号", "julu resend 编号", "julu give-up 编号"}) {
    INFO(way);
    CHECK(listed.find(way) != std::string::npos);
  }
  const std::string resend = "julu resend " + id.substr(id.size() - 4);
  const std::vector<std::string> mend{"household", "--edit", id, "--set", "所属网格="};
  CHECK(desk.run(mend, kWithErrors).text.find(resend) != std::string::npos);
  CHECK(desk.run_json(mend).last().at("parked") == true);
  REQUIRE(desk.run({"resend", id}).status == 0);
  CHECK(desk.run({"household", "--edit", id, "--note", "好"}, kWithErrors).text.find("julu resend") ==
        std::string::npos);
  CHECK(desk.run({"sync"}).status == 0);
}

TEST_CASE("show stands in columns however long a label is, and names another record by its short id") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string home =
      desk.run_json({"household", "--address", "堤村", "--set", "耕地面积（平方米）=3"}).last().at("id");
  const std::string shown = desk.run({"show", home}).text;
  CHECK(shown.find("\n住址                堤村\n") != std::string::npos);
  CHECK(shown.find("\n耕地面积（平方米）  3\n") != std::string::npos);
  const std::string person = desk.run_json({"person", "--name", "张三", "--household", home}).last().at("id");
  CHECK(desk.run({"show", person}).text.find("\n所属住户        " + home.substr(home.size() - 4) + "\n") !=
        std::string::npos);
}

TEST_CASE("a refusal names its field and the way to correct it, in English without Chinese, and that way works") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string id = refused_household(desk);
  const std::string digits = id.substr(id.size() - 4);
  const std::string shown = desk.run({"show", id}, kWithErrors).text;
  INFO(shown);
  CHECK(shown.find("未被接受：不在负责范围内（所属网格）\n") != std::string::npos);
  CHECK(shown.find("julu household --edit " + digits + " --set \"所属网格=…\"，再") != std::string::npos);
  CHECK(shown.find("julu resend " + digits) != std::string::npos);
  const std::string english = desk.run({"--lang", "en", "show", id}, kWithErrors).text;
  INFO(english);
  CHECK(english.find("refused: This record is outside your scope (Grid).") != std::string::npos);
  CHECK(english.find("julu household --edit " + digits + " --set \"Grid=…\", then") != std::string::npos);
  CHECK(english.find("负责") == std::string::npos);
  CHECK(desk.run({"--lang", "en", "list"}).text.find("负责") == std::string::npos);
  REQUIRE(desk.run({"household", "--edit", digits, "--set", "所属网格=130529200203001"}).status == 0);
  REQUIRE(desk.run({"resend", digits}).status == 0);
  CHECK(desk.run({"sync"}).status == 0);
  CHECK(platform.dump("record").size() == 1);
}

TEST_CASE("a step that the platform does not allow is told in English by its kind, and by whom a new code helps") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const Desk leader(platform, "W-0100", "leader");
  const std::string id = desk.report_to(leader);
  const std::string code = "新的激活码运行 julu init";
  const Ended not_mine = desk.run({"act", id, "受理"}, kWithErrors);
  CHECK(not_mine.status == 65);
  CHECK(not_mine.text.find(code) != std::string::npos);
  platform.add_worker("W-0100", "worker");  // the county knows the leader as a worker now
  REQUIRE(leader.run({"act", id, "受理"}).status == 0);
  REQUIRE(leader.run({"sync", "--once"}).status == 65);
  const std::string shown = leader.run({"show", id}, kWithErrors).text;
  INFO(shown);
  CHECK(shown.find("未被接受：此角色不能进行这一步") != std::string::npos);
  CHECK(shown.find(code) != std::string::npos);
  const std::string english = leader.run({"--lang", "en", "show", id}, kWithErrors).text;
  INFO(english);
  CHECK(english.find("refused: This step is not allowed") != std::string::npos);
  CHECK(english.find("with a new code") != std::string::npos);
  REQUIRE(leader.run({"give-up", id}).status == 0);
  REQUIRE(leader.run({"init", "--platform", platform.url(), "--code", platform.code("W-0100")}).status == 0);
  CHECK(leader.run({"act", id, "受理"}, kWithErrors).status == 65);  // here now too
}

TEST_CASE("a record that came from the platform has no history here, and that is said") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk first(platform, "W-0001", "clerk");
  const std::string id = first.run_json({"household", "--address", "堤村 1 号"}).last().at("id");
  REQUIRE(first.run({"sync"}).status == 0);
  const Desk second(platform, "W-0002", "clerk");
  REQUIRE(second.run({"sync"}).status == 0);
  const Ended told = second.run({"history", id}, kWithErrors);
  CHECK(told.status == 0);
  CHECK(told.text == "没有本机的操作记录：这条记录由平台下发，内容见 julu show " + id.substr(id.size() - 4) + "\n");
  CHECK(second.run_json({"history", id}).text.empty());
}
