// What the clerk's terminal says to what was mistyped: what is wrong with it, and what to type instead.
#include <catch2/catch_test_macros.hpp>

#include <sys/stat.h>

#include "desk.h"

using namespace julu::test;
using nlohmann::json;

namespace {

// A clerk's refused commands, by their message.
struct Mistyping : Desk {
  using Desk::Desk;
  std::string message(const std::vector<std::string>& words, int status) const {
    const Ended ended = run_json(words);
    INFO(ended.text);
    CHECK(ended.status == status);
    const json last = ended.last();
    return last.is_object() && last.contains("error") ? last["error"].value("message", "") : "";
  }
  bool says(const std::vector<std::string>& words, int status, const std::string& what) const {
    const std::string text = message(words, status);
    UNSCOPED_INFO(text);
    return text.find(what) != std::string::npos;
  }
};

std::string many(const char* text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("a value that is refused is told by what is wrong with it") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Mistyping desk(platform);
  const auto person = [&](const std::string& option, const std::string& value, const std::string& what) {
    return desk.says({"person", "--name", "张三", option, value}, 65, what);
  };
  CHECK(person("--id-number", "13052919", "应为 18 位，现在是 8 位"));
  CHECK(person("--id-number", "１３０５２９１９０００１０１００１６", "请用半角数字"));
  CHECK(person("--id-number", "一三零五二九", "现在是 6 位"));
  CHECK(person("--id-number", many("一", 18), "只能是数字"));
  CHECK(person("--id-number", "13052919900101001A", "只能是数字"));
  CHECK(person("--id-number", "1305291900010100166", "应为 18 位，现在是 19 位"));
  CHECK(person("--id-number", "130529 19000101 0016", "中间不要有空格"));
  CHECK(person("--id-number", "130529199013010016", "第 7 到 14 位"));
  CHECK(person("--id-number", "130529190001010017", "末位校验码不符"));
  CHECK(person("--birth-date", "昨天", "2026-11-24 这样"));
  CHECK(person("--birth-date", "2023-02-30", "没有这一天"));
  CHECK(person("--birth-date", "1700-01-01", "核对年份"));
  CHECK(person("--phone", "没有", "电话号码"));
  CHECK(person("--set", "标签=独居,独居", "“独居”重复了"));
  CHECK(person("--set", "标签=" + many("长", 33), "每项最多 32 个字"));
  CHECK(person("--set", "职业=" + many("长", 31), "最多 30 个字"));
  CHECK(person("--relation", "孩子他妈", "不符合要求，请修改（与户主关系）。\n可选：本人、户主、配偶"));
  CHECK(desk.says({"person", "--name", "张三", "--set", "职业"}, 64, "字段=值"));
  CHECK(desk.says({"household", "--address", "堤村", "--set", "住房=平房"}, 65, "、间数、"));
  CHECK(desk.says({"household", "--address", "堤村", "--set", "坐标系=WGS84"}, 65, "可选：WGS-84、GCJ-02、BD-09"));
  CHECK(desk.says({"visit"}, 65, "走访记录、走访目的 填一项即可"));
  CHECK(desk.says({"report", "--category", "道路", "--text", "坑", "--photo", "旁边=" + desk.photo("a.jpg")}, 64,
                  "近景、远景、参照物、处置前、处置后"));
  CHECK(desk.run_json({"status"}).last().at("records") == 0);
}

TEST_CASE("a position and an area are typed and shown in degrees and square metres") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Mistyping desk(platform);
  const std::vector<std::string> words{"household", "--address", "堤村 1 号", "--set"};
  const auto with = [&](const char* set) {
    std::vector<std::string> all = words;
    all.emplace_back(set);
    return all;
  };
  CHECK(desk.says(with("纬度=137.2"), 65, "请填-90 到 90 的数，如 37.2，小数最多 7 位"));
  CHECK(desk.says(with("纬度=北"), 65, "请填-90 到 90 的数"));
  CHECK(desk.says(with("建筑面积=120.505"), 65, "小数最多 2 位"));
  std::vector<std::string> both = with("纬度=-37.2");
  both.insert(both.end(), {"--set", "建筑面积（平方米）=120"});
  const std::string id = desk.run_json(both).last().at("id");
  const json body = desk.run_json({"show", id, "--unmask"}).last().at("body");
  CHECK(body.at("location").at("lat_e7") == -372'000'000);
  CHECK(body.at("house").at("area_dm2") == 12'000);
  const std::string shown = desk.run({"show", id, "--unmask"}).text;
  CHECK(shown.find("-37.2\n") != std::string::npos);
  CHECK(shown.find("120\n") != std::string::npos);
}

TEST_CASE("a rating wants a score or words") {
  PlatformProcess platform(JUHAOBAN_PROGRAM, true);
  const Mistyping desk(platform);
  const std::string id = desk.run_json({"report", "--category", "排水", "--text", "坑"}).last().at("id");
  for (int i = 0; i < 2; ++i) REQUIRE(desk.run({"sync"}).status == 0);
  CHECK(desk.says({"act", id, "评价"}, 65, "julu act"));
  CHECK(desk.says({"act", id, "评价", "--score", "6"}, 64, "--score"));
  REQUIRE(desk.run({"act", id, "评价", "--score", "5"}).status == 0);
  CHECK(desk.run({"history", id}).text.find("评分：5") != std::string::npos);
}

TEST_CASE("a record that is not there is told by what was typed, and an edit that cannot be by what can") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Mistyping desk(platform);
  CHECK(desk.says({"person", "--name", "张三", "--household", "zzzz"}, 66, "找不到住户 zzzz"));
  CHECK(desk.says({"person", "--edit", "zzzz", "--name", "张三"}, 66, "找不到人口 zzzz"));
  const std::string person = desk.run_json({"person", "--name", "张三"}).last().at("id");
  CHECK(desk.says({"person", "--edit", person}, 64, "julu person --help"));
  const std::string incident = desk.run_json({"report", "--category", "道路", "--text", "坑"}).last().at("id");
  CHECK(desk.says({"record", "incident", "--edit", incident, "--set", "text=大坑"}, 65, "julu act"));
  CHECK(desk.says({"remove", incident}, 65, "julu act"));
  const std::string visit = desk.run_json({"visit", "--text", "看望"}).last().at("id");
  CHECK(desk.says({"record", "visit", "--edit", visit, "--set", "text=又看望"}, 65, "另记一条"));
}

TEST_CASE("a command that cannot be understood is told by the word at fault") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Mistyping desk(platform);
  CHECK(desk.message({"report", "--catgory", "道路", "--text", "坑"}, 64) == "没有这个选项 --catgory");
  CHECK(desk.message({"init", "--plaform=x", "--code", "y"}, 64) == "没有这个选项 --plaform");
  CHECK(desk.message({"list", "甲", "乙", "丙"}, 64) == "多余的内容 甲 乙 丙");
  CHECK(desk.message({"show"}, 64) == "缺少 编号");
  CHECK(desk.message({"act", "7c31"}, 64) == "缺少 步骤");
  CHECK(desk.message({"list", "--limit", "0"}, 64) == "--limit 的值要在 1 到 100000 之间");
  CHECK(desk.message({"report", "--text", "甲", "--text", "乙"}, 64) == "--text 写了不止一次");
  CHECK(desk.message({"--lang", "en", "report", "--text", "a", "--text", "b"}, 64) ==
        "--text was given more than once");
  CHECK(desk.message({"report", "--text"}, 64) == "--text 后面没有写内容");
  CHECK(desk.run({"--version"}).text.starts_with("julu "));
  for (const char* command : {"report", "person", "init"}) {
    for (const char* lang : {"zh", "en"}) {
      const std::string help = desk.run({"--lang", lang, command, "--help"}).text;
      CHECK(help.find("REQUIRED") == std::string::npos);
      CHECK(help.find("Excludes") == std::string::npos);
    }
  }
}

TEST_CASE("what is wrong with the key or the folder names the option and the path") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Mistyping desk(platform);
  const std::string key = desk.folder.file("data/key");
  REQUIRE(::chmod(key.c_str(), 0644) == 0);
  const std::string open = desk.message({"list"}, 77);
  CHECK(open.find("chmod 600 " + key) != std::string::npos);
  CHECK(open.find("请授权") == std::string::npos);
  REQUIRE(::chmod(key.c_str(), 0600) == 0);
  const std::string other = desk.folder.write("other", std::string(63, '0'));
  REQUIRE(::chmod(other.c_str(), 0600) == 0);
  CHECK(desk.says({"--key-file", other, "list"}, 77, "--key-file " + other));
  const std::string wrong = desk.folder.write("wrong", std::string(64, '0'));
  REQUIRE(::chmod(wrong.c_str(), 0600) == 0);
  CHECK(desk.says({"--key-file", wrong, "list"}, 77, "密钥 " + wrong + " 打不开这里的数据"));
  CHECK(desk.says({"--key-file", wrong, "list"}, 77, "用 --key-file 指定"));
  Process elsewhere({JULU_PROGRAM, "--data", other, "list"}, kWithErrors);
  CHECK(elsewhere.read_all().find("--data " + other) != std::string::npos);
}

TEST_CASE("a step is called by its code or its name in either language, in capitals or not") {
  PlatformProcess platform(JUHAOBAN_PROGRAM, true);
  const Desk desk(platform);
  for (const char* word : {"Reopen", "reopen", "REOPEN", "要求重新处理"}) {
    INFO(word);
    const std::string id = desk.run_json({"report", "--category", "DRAINAGE", "--text", "坑"}).last().at("id");
    REQUIRE(desk.run({"sync"}).status == 0);
    REQUIRE(desk.run({"sync"}).status == 0);
    CHECK(desk.run_json({"show", id}).last().at("body").at("category") == "drainage");
    CHECK(desk.run({"--lang", "en", "act", id, word, "--note", "还没修"}).status == 0);
  }
}

TEST_CASE("a code that no list here has is kept, and that is said") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const Ended kept = desk.run({"report", "--category", "drianage", "--text", "沟堵了"}, kWithErrors);
  CHECK(kept.status == 0);
  CHECK(kept.text.find("没有类别“drianage”") != std::string::npos);
  CHECK(kept.text.find("排水、道路") != std::string::npos);
  CHECK(desk.run({"report", "--category", "排水", "--text", "沟堵了"}, kWithErrors).text.find("代码表") ==
        std::string::npos);
}

TEST_CASE("a photo's role that no list here has is kept, and that is said") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string photo = desk.photo("a.jpg");
  const auto said = [&](std::vector<std::string> words, const std::string& role) {
    words.insert(words.end(), {"--photo", role + "=" + photo});
    const Ended ended = desk.run(words, kWithErrors);
    CHECK(ended.status == 0);
    return ended.text.find("没有照片角色“naer”") != std::string::npos &&
           ended.text.find("近景、远景") != std::string::npos;
  };
  CHECK(said({"report", "--category", "道路", "--text", "坑"}, "naer"));
  CHECK_FALSE(said({"report", "--category", "道路", "--text", "坑"}, "近景"));
  const std::string id = desk.run_json({"list", "--limit", "1"}).last().at("id");
  CHECK(said({"attach", id}, "naer"));
  CHECK_FALSE(said({"attach", id}, "far"));
  CHECK(said({"act", id, "撤回"}, "naer"));
}

TEST_CASE("more photos than one command takes are refused with the number that it takes") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Mistyping desk(platform);
  const std::string id = desk.run_json({"report", "--category", "道路", "--text", "坑"}).last().at("id");
  std::vector<std::string> photos;
  for (int i = 0; i < 65; ++i) photos.insert(photos.end(), {"--photo", desk.folder.file("a.jpg")});
  for (const auto& begin : {std::vector<std::string>{"report", "--category", "道路", "--text", "坑"},
                            {"attach", id},
                            {"act", id, "撤回"}}) {
    std::vector<std::string> words = begin;
    words.insert(words.end(), photos.begin(), photos.end());
    CHECK(desk.says(words, 64, "一次最多 64 张照片，这里有 65 张"));
  }
  CHECK(desk.run_json({"status"}).last().at("unsent_ops") == 1);
}

TEST_CASE("a photo that is not there is told from a record that is not there") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Mistyping desk(platform);
  for (const std::string& digits : {std::string("abcdefabcdef"), many("a", 64)}) {
    INFO(digits);
    CHECK(desk.says({"photo", digits}, 66, "没有照片 " + digits));
    CHECK(desk.says({"photo", digits}, 66, "julu show"));
  }
  CHECK(desk.says({"photo", "zzzz"}, 66, "找不到这条记录"));
  CHECK(desk.says({"photo", many("z", 64)}, 66, "找不到这条记录"));
}

TEST_CASE("a household that was deleted takes no person and no visit, and that is said") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Mistyping desk(platform);
  const std::string home = desk.run_json({"household", "--address", "甲庄"}).last().at("id");
  const std::string person = desk.run_json({"person", "--name", "张三"}).last().at("id");
  REQUIRE(desk.run({"remove", home, "--yes"}).status == 0);
  const std::string gone = "住户 " + home.substr(home.size() - 4) + " 已被删除";
  CHECK(desk.says({"person", "--name", "李四", "--household", home}, 65, gone));
  CHECK(desk.says({"person", "--edit", person, "--household", home}, 65, gone));
  CHECK(desk.says({"visit", "--text", "看望", "--household", home}, 65, gone));
  CHECK(desk.run({"person", "--edit", person, "--household", ""}).status == 0);
  CHECK(desk.run_json({"status"}).last().at("records") == 1);
}

TEST_CASE("a record that was deleted is not saved again under its id, and that is said") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Mistyping desk(platform);
  const std::string id = "01890a5d-ac96-774b-bcce-b302099a8057";
  const std::vector<std::string> words{"household", "--address", "甲庄", "--id", id};
  REQUIRE(desk.run(words).status == 0);
  CHECK(desk.run_json(words).last().at("id") == id);
  REQUIRE(desk.run({"remove", id, "--yes"}).status == 0);
  CHECK(desk.says(words, 65, "这条记录已被删除"));
  CHECK(desk.says(words, 65, "换一个 --id"));
  CHECK(desk.run_json({"list"}).text.empty());
}
