// The clerk's terminal as a clerk uses it: real processes, what they print and how they end.
#include <csignal>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <sys/stat.h>

#include <julu/crypto.h>
#include <julu/outbox.h>
#include <julu/store.h>

#include "desk.h"

using namespace julu::test;
using nlohmann::json;

namespace {

std::string short_of(const std::string& id) { return id.substr(id.size() - 12); }

}  // namespace

TEST_CASE("a clerk reports offline, syncs later and sees it delivered") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  platform.stop();
  const Ended saved = desk.run(
      {"report", "--category", "排水", "--text", "村东头排水沟堵了", "--photo", "near=" + desk.photo("a.jpg")});
  CHECK(saved.status == 0);
  CHECK(saved.text.find("已保存") != std::string::npos);
  CHECK(desk.run({"sync", "--once"}).status == 75);
  platform.start();
  const Ended synced = desk.run({"sync"});
  CHECK(synced.status == 0);
  CHECK(synced.text.find("已送达 1 条，均有平台回执；上传照片 1 张") != std::string::npos);
  const Ended listed = desk.run({"list"});
  CHECK(listed.text.find("已送达") != std::string::npos);
  CHECK(listed.text.find("村东头排水沟堵了") != std::string::npos);
  const json item = desk.run_json({"list"}).last();
  CHECK(item.at("kind") == "incident");
  const std::string id = item.at("id");
  const Ended history = desk.run({"history", id.substr(id.size() - 4)});
  CHECK(history.status == 0);
  const Ended exported = desk.run({"export"});
  CHECK(json::parse(exported.text.substr(0, exported.text.find('\n')), nullptr, false).is_object());
}

TEST_CASE("bad input ends with its own status and names what is wrong") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const Ended missing = desk.run_json({"report", "--category", "road", "--text", "坑", "--photo", "near=/nowhere.jpg"});
  CHECK(missing.status == 66);
  CHECK(missing.last().at("error").at("code") == "photo_missing");
  const Ended pdf = desk.run_json(
      {"report", "--category", "road", "--text", "坑", "--photo", "near=" + desk.folder.write("b.jpg", "%PDF-1.4")});
  CHECK(pdf.status == 65);
  CHECK(pdf.last().at("error").at("code") == "photo_format");
  CHECK(desk.run_json({"person", "--name", "张三", "--id-number", "130529190001010017"}).status == 65);
  CHECK(desk.run({"no-such-command"}).status == 64);
  CHECK(desk.run_json({"status"}).status == 0);
  CHECK(desk.run_json({"list"}).text.empty());
}

TEST_CASE("what is no text or no number is refused with its field, and nothing of it is saved") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  const std::string incident = desk.run_json({"list"}).last().at("id");
  const std::string home = desk.run_json({"household", "--address", "堤村 1 号"}).last().at("id");
  const auto refused = [&](const std::vector<std::string>& words) {
    const Ended ended = desk.run_json(words);
    INFO(ended.text);
    CHECK(ended.status == 65);
    const json error = ended.last().at("error");
    return error.at("code").get<std::string>() + " " + error.at("field").get<std::string>();
  };
  const std::string broken = "坑\xFF";
  CHECK(refused({"report", "--category", "道路", "--text", broken}) == "text_encoding /text");
  CHECK(refused({"report", "--category", "道路", "--text", "坑", "--place", broken}) == "text_encoding /place/text");
  CHECK(refused({"household", "--edit", home, "--note", broken}) == "text_encoding /note");
  CHECK(refused({"act", incident, "撤回", "--note", broken}) == "text_encoding /note");
  const auto body = [&](const std::string& text) { return refused({"report", "--body", text}); };
  CHECK(body(R"({"category":"road","text":"坑","n":1e400})") == "number_range /n");
  CHECK(body(R"({"category":"road","text":"坑","n":0.1})") == "number_range /n");
  CHECK(body(R"({"category":"road","text":"甲","text":"乙"})") == "json_syntax /text");
  CHECK(body(R"({"category":"road","place":{"text":"甲","text":"乙"}})") == "json_syntax /place/text");
  CHECK(body(R"({"category":"road","text":)") == "json_syntax /text");
  CHECK(body(R"(["road"])") == "json_syntax --body");
  CHECK(body("{\"text\":\"" + broken + "\"}") == "text_encoding /text");
  CHECK(body(R"({"text":)" + std::string(60'000, '[')).starts_with("too_deep /text/0/0/0"));
  CHECK(refused({"report", "--category", "道路", "--body", R"({"text":"甲","text":"乙"})"}) == "json_syntax /text");
  CHECK(refused({"household", "--edit", home, "--body", R"({"note":"甲","note":"乙"})"}) == "json_syntax /note");
  CHECK(refused({"act", incident, "撤回", "--body", R"({"note":"甲","note":"乙"})"}) == "json_syntax /note");
  CHECK(refused({"act", incident, "撤回", "--note", "坑", "--body", R"({"n":1e400})"}) == "number_range /n");
  CHECK(desk.run_json({"status"}).last().at("unsent_ops") == 2);
}

TEST_CASE("the key is made once, for its owner alone, and one that others can read is refused") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string key = desk.folder.file("data/key");
  struct stat about {};
  REQUIRE(::stat(key.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  REQUIRE(::chmod(key.c_str(), 0644) == 0);
  CHECK(desk.run({"list"}).status == 77);
}

TEST_CASE("a key that is gone is missed by its name, and init makes no other in its place") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string key = desk.folder.file("data/key");
  std::filesystem::rename(key, key + ".away");
  const Ended listed = desk.run_json({"list"});
  CHECK(listed.status == 66);
  CHECK(listed.last().at("error").at("message").get<std::string>().starts_with("找不到密钥文件 " + key));
  platform.add_worker("W-0413");
  const Ended again = desk.run_json({"init", "--platform", platform.url(), "--code", platform.code("W-0413")});
  CHECK(again.status == 66);
  CHECK_FALSE(std::filesystem::exists(key));
  std::filesystem::rename(key + ".away", key);
  CHECK(desk.run({"list"}).status == 0);
}

namespace {

// `julu init` of a worker in a folder that may hold anything, or nothing.
Process enrol(PlatformProcess& platform, const std::string& data, const std::string& worker,
              const std::string& script = kPlain) {
  platform.add_worker(worker);
  return Process({JULU_PROGRAM, "--data", data, "init", "--platform", platform.url(), "--code", platform.code(worker)},
                 script);
}

int status_of(Process process) {
  process.read_all();
  return process.wait();
}

}  // namespace

TEST_CASE("who is killed while the key is made leaves nothing in the way of the next") {
  if (!has_cipher()) SKIP("the clerk's store is encrypted");
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Folder folder;
  const std::string data = folder.file("data");
  SECTION("before a byte is written") {
    // Whoever writes to a file is killed by the kernel.
    CHECK(status_of(enrol(platform, data, "W-0412", kNoLocale + "ulimit -c 0; ulimit -f 0; exec \"$@\" </dev/null")) ==
          128 + SIGXFSZ);
    CHECK_FALSE(std::filesystem::exists(data + "/key"));
  }
  SECTION("by an earlier version, which left an empty file") {
    std::filesystem::create_directory(data);
    REQUIRE(::chmod(folder.write("data/key", "").c_str(), 0600) == 0);
  }
  CHECK(status_of(enrol(platform, data, "W-0412")) == 0);
  CHECK(read_file(data + "/key").size() == 65);
  CHECK(status_of(Process({JULU_PROGRAM, "--data", data, "list"}, kPlain)) == 0);
}

TEST_CASE("an empty key beside a store is refused as it is: the store wants another") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string key = desk.folder.file("data/key");
  std::filesystem::resize_file(key, 0);
  CHECK(desk.run_json({"list"}).last().at("error").at("code") == "store_key");
  platform.add_worker("W-0413");
  const Ended again = desk.run_json({"init", "--platform", platform.url(), "--code", platform.code("W-0413")});
  CHECK(again.status == 77);
  CHECK(again.last().at("error").at("code") == "store_key");
  CHECK(read_file(key).empty());
}

TEST_CASE("several who enrol at once agree on one key") {
  if (!has_cipher()) SKIP("the clerk's store is encrypted");
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Folder folder;
  const std::string data = folder.file("data");
  const std::vector<std::string> workers{"W-1", "W-2", "W-3", "W-4"};
  std::vector<Process> processes;
  for (const std::string& worker : workers) processes.push_back(enrol(platform, data, worker));
  std::vector<std::string> again;  // one enrolment at a time
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const int status = status_of(std::move(processes[i]));
    CHECK((status == 0 || status == 75));
    if (status == 75) again.push_back(workers[i]);
  }
  for (const std::string& worker : again) CHECK(status_of(enrol(platform, data, worker)) == 0);
  for (const std::string& worker : workers)
    CHECK(status_of(Process({JULU_PROGRAM, "--data", data, "--worker", worker, "list"}, kPlain)) == 0);
}

TEST_CASE("a worker who is not here is answered with who is, an address without encryption with what it wants") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const auto message = [&](const std::vector<std::string>& words, int status) {
    const Ended ended = desk.run_json(words);
    CHECK(ended.status == status);
    return ended.last().at("error").at("message").get<std::string>();
  };
  CHECK(message({"--worker", "nobody", "list"}, 66) == "这台电脑没有登记过 nobody，登记过的是 W-0412。");
  const auto init = [&](const std::string& address) {
    return message({"init", "--platform", address, "--code", "7F3K-92QM-X4HT"}, 64);
  };
  CHECK(init("http://example.com").find("要用 https://") != std::string::npos);
  CHECK(init("example.com").find("要写全") != std::string::npos);
  CHECK(init("http://127.0.0.1:65536").find("65535") != std::string::npos);
  CHECK(message({"init", "--platform", platform.url(), "--code", "7F3K-92QM-X4HT", "--ca-file", "nosuch"}, 64) ==
        "没有文件 nosuch（--ca-file）。");
  CHECK(message({"sync", "--ca-file", "nosuch"}, 64) == "没有文件 nosuch（--ca-file）。");
}

TEST_CASE("two processes use one store: both capture, and a second sync is told that one runs") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  julu::Store::Options options;
  options.directory = desk.folder.file("data/W-0412");
  options.key = {*julu::parse_hash(read_file(desk.folder.file("data/key")).substr(0, 64))};
  options.encrypted = has_cipher();
  const auto store = julu::Store::open(options);
  REQUIRE(store.ok());
  REQUIRE(julu::Outbox(**store).acquire_lease().ok());
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "另一个进程"}).status == 0);
  REQUIRE(
      (*store)
          ->capture({.kind = "incident", .body = R"({"category":"road","text":"这个进程"})", .photos = {}, .id = {}})
          .ok());
  const Ended refused = desk.run_json({"sync"});
  CHECK(refused.status == 75);
  CHECK(refused.last().at("error").at("code") == "sync_in_progress");
  CHECK((*store)->list({})->size() == 2);
  julu::Outbox(**store).release_lease();
  CHECK(desk.run({"sync"}).status == 0);
  CHECK(platform.dump("record").size() == 2);
}

TEST_CASE("what a clerk mistypes is answered with what to type instead") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  const std::string id = desk.run_json({"list", "--kind", "事件"}).last().at("id");
  const auto message = [&](std::vector<std::string> words, int status) {
    const Ended ended = desk.run_json(std::move(words));
    CHECK(ended.status == status);
    return ended.last().at("error").at("message").get<std::string>();
  };
  CHECK(message({"list", "--kind", "房屋"}, 65).find("现有：事件") != std::string::npos);
  CHECK(message({"show", "zzzz"}, 66).find("julu list") != std::string::npos);
  CHECK(message({"photo", id}, 66).find("没有照片") != std::string::npos);
  CHECK(message({"act", id, "评价"}, 65).find("现在可以：当场解决、撤回") != std::string::npos);
  CHECK(message({"household", "--address", "堤村", "--residents", "四"}, 65).find("整数") != std::string::npos);
  CHECK(message({"report", "--category", "道路", "--text", "坑", "--urgency", "soon"}, 65).find("可选：一般、") !=
        std::string::npos);
  CHECK(message({"resolve", id, "情况描述", "--mine"}, 66).find("julu conflicts") != std::string::npos);
  CHECK(message({"report", "--text"}, 64).find("--text") != std::string::npos);
  CHECK(message({"init", "--platform", "juhaoban"}, 64) == "缺少 --code");
  CHECK(desk.run_json({"resend", id}).last().at("queued") == false);
  const std::string home = desk.run_json({"household", "--address", "堤村 1 号"}).last().at("id");
  CHECK(message({"household", "--edit", home}, 64).find("没有写要改什么") != std::string::npos);
  const std::string person =
      desk.run_json({"person", "--name", "张三", "--set", "所属住户=" + short_of(home)}).last().at("id");
  CHECK(desk.run_json({"show", person}).last().at("body").at("household") == home);
  const std::string is_person = person.substr(person.size() - 4) + " 是人口，不是住户。";
  CHECK(message({"household", "--edit", person, "--address", "堤村 2 号"}, 65) == is_person);
  CHECK(message({"person", "--name", "李四", "--household", person}, 65) == is_person);
  CHECK(message({"visit", "--text", "看望", "--household", person}, 65) == is_person);
  CHECK(message({"visit", "--text", "看望", "--set", "household=" + person}, 65) == is_person);
}

TEST_CASE("a name that is no field's is refused with the names that are like it") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const auto message = [&](const std::string& set) {
    const Ended ended = desk.run_json({"household", "--address", "堤村", "--set", set});
    CHECK(ended.status == 65);
    return ended.last().at("error").at("message").get<std::string>();
  };
  CHECK(message("年收入=1") == "没有“年收入”这个字段。\n可填：家庭年收入（元）");
  CHECK(message("room=1") == "没有“room”这个字段。\n可填：间数");
  CHECK(message("house.roof=1").find("可填：户号、住址、") != std::string::npos);
  CHECK(message("楼层=1").find("、间数、") != std::string::npos);
  CHECK(desk.run_json({"status"}).last().at("records") == 0);
  CHECK(desk.run({"household", "--body", R"({"address":"堤村","roof":"瓦"})"}).status == 0);
  CHECK(desk.run({"household", "--address", "堤村", "--set", "家庭年收入=1"}).status == 0);  // without its unit
}

TEST_CASE("values are typed as people write them: lists, times") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const auto body = [&](std::vector<std::string> words) {
    const Ended saved = desk.run_json(std::move(words));
    REQUIRE(saved.status == 0);
    return desk.run_json({"show", "--unmask", saved.last().at("id")}).last().at("body");
  };
  const json both = {"独居", "党员"};
  CHECK(body({"person", "--name", "甲", "--set", "标签=独居", "--set", "tags=党员"}).at("tags") == both);
  CHECK(body({"person", "--name", "甲", "--set", "标签=独居,党员"}).at("tags") == both);
  CHECK(body({"person", "--name", "甲", "--set", "标签=独居、 党员 ,"}).at("tags") == both);
  CHECK(body({"person", "--name", "甲", "--set", "标签=独居，党员", "--set", "职业=农"}).at("tags") == both);
  CHECK(body({"person", "--name", "甲", "--set", "民族=汉"}).at("ethnicity") == "01");
  const auto visit = [&](const std::string& at) {
    return body({"visit", "--text", "看望", "--set", "走访时间=" + at}).at("visited_at_ms").get<std::int64_t>();
  };
  CHECK(visit("2026-11-20 10:00") == 1'795'140'000'000);
  CHECK(visit("1795140000000") == 1'795'140'000'000);
  CHECK(desk.run({"show", desk.run_json({"list", "--limit", "1"}).last().at("id")}).text.find("2026-11-20 10:00:00") !=
        std::string::npos);
  const Ended wrong = desk.run({"visit", "--text", "看望", "--set", "走访时间=昨天上午"}, kWithErrors);
  CHECK(wrong.status == 65);
  CHECK(wrong.text.find("2026-11-20 10:00 这样") != std::string::npos);
}

TEST_CASE("blanks are nothing, and a refusal speaks of fields by name and numbers by their range") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const auto message = [&](const std::vector<std::string>& words, int status) {
    const Ended ended = desk.run_json(words);
    INFO(ended.text);
    CHECK(ended.status == status);
    return ended.last().at("error").at("message").get<std::string>();
  };
  for (const char* blank : {"", " ", "\t　 "}) {
    CHECK(message({"report", "--category", "道路", "--text", blank}, 65) == "还有必填项没有填写（情况描述）。");
  }
  CHECK(message({"household", "--address", "堤村", "--residents", "1000"}, 65).ends_with("请填 0 到 999 的整数。"));
  CHECK(message({"household", "--address", "堤村", "--residents", "四"}, 65).ends_with("请填 0 到 999 的整数。"));
  CHECK(message({"household", "--address", "堤村", "--set", "标签=" + std::string(33, 'x')}, 65).find("（标签）") !=
        std::string::npos);
  const std::string id = desk.run_json({"report", "--category", "道路", "--text", "坑"}).last().at("id");
  CHECK(message({"act", id, "撤回", "--note", "\xFF"}, 65).find("（说明）") != std::string::npos);
  CHECK(message({"remove", id}, 65).find('/') == std::string::npos);
  CHECK(
      message({"report", "--id", "1", "--category", "道路", "--text", "坑"}, 64).find("（--id）。\n要写第 7 版 UUID") !=
      std::string::npos);
}

TEST_CASE("sensitive values are masked unless someone asks, and that is written down") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const json saved = desk.run_json({"person", "--name", "张三", "--id-number", "130529190001010016"}).last();
  const std::string id = saved.at("id");
  const Ended masked = desk.run({"show", id});
  CHECK(masked.text.find("130529********0016") != std::string::npos);
  CHECK(masked.text.find("130529190001010016") == std::string::npos);
  CHECK(desk.run({"show", "--unmask", id}).text.find("130529190001010016") != std::string::npos);
  CHECK_FALSE(read_file(desk.folder.file("data/W-0412/unmasked.jsonl")).empty());
  const json village = desk.run_json({"person", "--name", "李四", "--phone", "87654321"}).last();
  CHECK(desk.run_json({"show", village.at("id")}).last().at("body").at("phone") == "****");
}

TEST_CASE("two clerks change one field; the second chooses, and both end the same") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk first(platform, "W-0001", "clerk");
  const Desk second(platform, "W-0002", "clerk");
  const std::string id = first.run_json({"household", "--address", "堤村 1 号"}).last().at("id");
  CHECK(first.run({"sync"}).status == 0);
  CHECK(second.run({"sync"}).status == 0);
  CHECK(first.run({"household", "--edit", id, "--address", "甲"}).status == 0);
  CHECK(second.run({"household", "--edit", id, "--address", "乙"}).status == 0);
  CHECK(first.run({"sync"}).status == 0);
  CHECK(second.run({"sync"}, kWithErrors).text.find("有 1 个字段两边都改过，见 julu conflicts") != std::string::npos);
  CHECK(second.run_json({"sync"}).last().at("conflicts") == 1);
  CHECK(second.run({"show", id}, kWithErrors).text.find("julu resolve " + id.substr(id.size() - 4)) !=
        std::string::npos);
  CHECK(second.run({"conflicts"}, kWithErrors).text.find("julu resolve 编号 字段") != std::string::npos);
  const json conflict = second.run_json({"conflicts"}).last();
  CHECK(conflict.at("field") == "/address");
  const json broken = second.run_json({"resolve", id, "/address", "--value", "乙\xFF"}).last().at("error");
  CHECK(broken.at("code") == "text_encoding");
  CHECK(broken.at("field") == "/address");
  CHECK(second.run({"resolve", id, "/address", "--mine"}).status == 0);
  CHECK(second.run({"sync"}).status == 0);
  CHECK(first.run({"sync"}).status == 0);
  CHECK(first.run({"show", id}).text.find("乙") != std::string::npos);
}

namespace {

// Two clerks who know one person and two households.
struct TwoClerks {
  explicit TwoClerks(PlatformProcess& platform)
      : first(platform, "W-0001", "clerk"), second(platform, "W-0002", "clerk") {
    home = first.run_json({"household", "--address", "堤村 1 号"}).last().at("id");
    other = first.run_json({"household", "--address", "堤村 2 号"}).last().at("id");
    id = first.run_json({"person", "--name", "张三"}).last().at("id");
    CHECK(first.run({"sync"}).status == 0);
    CHECK(second.run({"sync"}).status == 0);
  }
  /// Both change the same fields; the second one has to decide.
  void disagree(const std::vector<std::string>& firsts, const std::vector<std::string>& seconds) const {
    change(first, firsts);
    change(second, seconds);
    CHECK(first.run({"sync"}).status == 0);
    second.run({"sync"});
    REQUIRE(second.run_json({"status"}).last().at("conflicts") == firsts.size());
  }
  void change(const Desk& desk, const std::vector<std::string>& sets) const {
    std::vector<std::string> words{"person", "--edit", id};
    for (const std::string& set : sets) words.insert(words.end(), {"--set", set});
    REQUIRE(desk.run(words).status == 0);
  }

  Desk first, second;
  std::string home, other, id;
};

}  // namespace

TEST_CASE("who decides a conflict sees its values, and types another as any value; empty clears the field") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const TwoClerks clerks(platform);
  clerks.disagree({"性别=男", "联系方式=13800000001", "职业=甲", "出生日期=1900-01-01", "所属住户=" + clerks.home},
                  {"性别=未知", "联系方式=13800000002", "职业=乙", "出生日期=1900-01-02", "所属住户=" + clerks.other});
  const std::string masked = clerks.second.run({"conflicts"}).text;
  CHECK(masked.find("138****0001") != std::string::npos);
  CHECK(masked.find("13800000001") == std::string::npos);
  CHECK(masked.find(clerks.home) == std::string::npos);
  const std::string whole = clerks.second.run({"conflicts", "--unmask"}).text;
  for (const std::string& value : {std::string("13800000001"), std::string("13800000002"),
                                   "  " + clerks.other.substr(clerks.other.size() - 4) + "  ",
                                   "  " + clerks.home.substr(clerks.home.size() - 4) + "  "}) {
    INFO(value);
    CHECK(whole.find(value) != std::string::npos);
  }
  const std::string log = read_file(clerks.second.folder.file("data/W-0002/unmasked.jsonl"));
  CHECK(log.find(clerks.id) != std::string::npos);
  CHECK(std::count(log.begin(), log.end(), '\n') == 1);
  const auto resolve = [&](const std::string& field, const std::string& value) {
    return clerks.second.run_json({"resolve", clerks.id, field, "--value", value});
  };
  const Ended none = resolve("性别", "天");
  CHECK(none.status == 65);
  CHECK(none.last().at("error").at("message").get<std::string>().find("可选：未知、男、女") != std::string::npos);
  const Ended no_day = resolve("出生日期", "1900-02-30");
  CHECK(no_day.last().at("error").at("message").get<std::string>().find("没有这一天") != std::string::npos);
  CHECK(resolve("出生日期", "1900-01-03").status == 0);
  CHECK(resolve("性别", "女").status == 0);
  CHECK(resolve("联系方式", "13800000003").status == 0);
  CHECK(resolve("职业", "").status == 0);
  CHECK(resolve("所属住户", short_of(clerks.home)).status == 0);
  CHECK(clerks.second.run({"sync"}).status == 0);
  CHECK(clerks.first.run({"sync"}).status == 0);
  const json body = clerks.first.run_json({"show", "--unmask", clerks.id}).last().at("body");
  CHECK(body == json{{"name", "张三"},
                     {"sex", "2"},
                     {"birth_date", "1900-01-03"},
                     {"phone", "13800000003"},
                     {"household", clerks.home}});
}

TEST_CASE("what was refused because the county deleted the record is listed, and can only be given up") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const TwoClerks clerks(platform);
  REQUIRE(clerks.first.run({"remove", clerks.id}).status == 0);
  CHECK(clerks.first.run({"list", "--unsent"}).text.find("已保存 · 未上传 · 已删除") != std::string::npos);
  clerks.change(clerks.second, {"职业=乙"});
  REQUIRE(clerks.first.run({"sync"}).status == 0);
  CHECK(clerks.first.run({"list", "--unsent"}).text.empty());
  CHECK(clerks.second.run({"sync"}).status == 65);
  const json listed = clerks.second.run_json({"list", "--unsent"}).last();
  REQUIRE(listed.is_object());
  CHECK(listed.at("id") == clerks.id);
  CHECK(listed.at("deleted") == true);
  const std::string shown = clerks.second.run({"show", clerks.id}, kWithErrors).text;
  CHECK(shown.find("julu give-up") != std::string::npos);
  CHECK(shown.find("julu resend") == std::string::npos);
  CHECK(clerks.second.run({"list", "--unsent"}).text.find("未被接受：平台已删除这条记录") != std::string::npos);
  const Ended again = clerks.second.run_json({"resend", clerks.id});
  CHECK(again.status == 65);
  CHECK(shown.find(again.last().at("error").at("message").get<std::string>()) != std::string::npos);
  CHECK(clerks.second.run({"give-up", clerks.id}).status == 0);
  CHECK(clerks.second.run({"list", "--unsent"}).text.empty());
  CHECK(clerks.second.run({"sync"}).status == 0);
}

TEST_CASE("the photos of a record line up, whatever they show") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string id =
      desk.run_json({"report", "--category", "道路", "--text", "坑", "--photo", "near=" + desk.photo("a.jpg", 1),
                     "--photo", "handle_after=" + desk.photo("b.jpg", 2)})
          .last()
          .at("id");
  std::istringstream shown(desk.run({"--lang", "en", "show", id}).text);
  std::set<std::size_t> columns;
  int photos = 0;
  for (std::string line; std::getline(shown, line);) {
    if (!line.starts_with("photo ")) continue;
    columns.insert(line.find("not uploaded"));
    ++photos;
  }
  CHECK(photos == 2);
  CHECK(columns.size() == 1);
}

TEST_CASE("a field in no conflict is told apart from a record that is not there") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string id = desk.run_json({"person", "--name", "张三"}).last().at("id");
  const Ended ended = desk.run_json({"resolve", id, "联系方式", "--mine"});
  CHECK(ended.status == 66);
  CHECK(ended.last().at("error").at("message") == "这条记录的“联系方式”没有冲突，见 julu conflicts。");
}

TEST_CASE("a damaged data file is mended by itself, that is said, and what was saved of it is delivered") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Desk desk(platform);
  // Enough photos that what is cut off is theirs: SQLite reads no table once a page of its own list of tables is gone.
  for (std::uint64_t i = 0; i < 12; ++i) {
    REQUIRE(desk.run({"report", "--category", "排水", "--text", "第" + std::to_string(i) + "处", "--photo",
                      "near=" + desk.photo("a.jpg", i)})
                .status == 0);
  }
  REQUIRE(desk.run({"maintain"}).status == 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(desk.folder.file("data"))) {
    if (entry.is_regular_file())
      CHECK((entry.status().permissions() & std::filesystem::perms(077)) == std::filesystem::perms::none);
  }
  const std::string file = desk.folder.file("data/W-0412/julu.db");
  REQUIRE(std::filesystem::exists(file));
  std::filesystem::resize_file(file, std::filesystem::file_size(file) * 3 / 4 / 4096 * 4096);
  CHECK(desk.run({"list"}, kWithErrors).text.find("数据文件损坏过") != std::string::npos);
  const json status = desk.run_json({"status"}).last();
  REQUIRE(status.contains("salvage"));
  CHECK(status["salvage"]["ops"].get<int>() + status["salvage"]["ops_unreadable"].get<int>() > 0);
  const std::string lost = "有 " + status["salvage"]["ops_unreadable"].dump() + " 项读不出，丢失照片 " +
                           status["salvage"]["photos_lost"].dump() + " 张。\n请先 julu sync";
  for (const auto& words : {std::vector<std::string>{"status"}, {"list"}, {"export"}, {"sync", "--once"}}) {
    const std::string text = desk.run(words, kWithErrors).text;
    INFO(text);
    CHECK(text.find(lost) != std::string::npos);
  }
  CHECK(desk.run_json({"list"}).text.find("读不出") == std::string::npos);
  desk.run({"sync"});
  const json after = desk.run_json({"status"}).last();
  CHECK(after["unsent_ops"] == 0);
  CHECK(after["device"] != status["device"]);  // nobody can tell which of its numbers were used
  const auto rows = platform.dump("record");
  const auto incidents =
      std::count_if(rows.begin(), rows.end(), [](const json& row) { return row.value("kind", "") == "incident"; });
  CHECK(incidents == status["records"].get<int>());
}

TEST_CASE("a step that comes too late is refused with its reason, and can be given up; the case goes on") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const Desk leader(platform, "W-0100", "leader");
  const std::string id = desk.report_to(leader);
  REQUIRE(leader.run({"act", id, "受理"}).status == 0);
  REQUIRE(leader.run({"sync"}).status == 0);
  REQUIRE(desk.run({"act", id, "撤回", "--note", "自己填了", "--photo", desk.photo("a.jpg")}).status == 0);
  const Ended late = desk.run({"sync", "--once"});
  INFO(late.text);
  const Ended shown = desk.run({"show", id}, kWithErrors);
  CHECK(shown.text.find("未被接受：") != std::string::npos);
  CHECK(shown.text.find("julu give-up") != std::string::npos);
  CHECK(shown.text.find("当前状态        已受理") != std::string::npos);
  CHECK(desk.run_json({"status"}).last().at("parked_ops") == 2);

  const Ended done = desk.run({"give-up", id});
  CHECK(done.status == 0);
  CHECK(done.text.find("已放弃") != std::string::npos);
  CHECK(desk.run_json({"give-up", id}).last().at("given_up") == false);
  CHECK(desk.run_json({"status"}).last().at("parked_ops") == 0);
  CHECK(desk.run({"sync"}).status == 0);
  const std::string after = desk.run({"show", id}).text;
  CHECK(after.find("已送达 · 已受理") != std::string::npos);
  CHECK(after.find("已放弃") != std::string::npos);  // the photo of the step
  CHECK(after.find("未上传") == std::string::npos);
  CHECK(desk.run({"history", id}).text.find("已放弃") != std::string::npos);
}
