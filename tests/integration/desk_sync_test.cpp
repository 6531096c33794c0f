// The clerk's way to the platform when it is not the happy one: who is enrolled twice, who was revoked, a sync that
// breaks off.
#include <filesystem>

#include <catch2/catch_test_macros.hpp>

#include "desk.h"
#include "small_disk.h"

using namespace julu::test;
using nlohmann::json;

TEST_CASE("who enrols a second time hears who is here already, and goes on with the same data") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  const std::string device = desk.run_json({"status"}).last().at("device");
  const Ended again = desk.run({"init", "--platform", platform.url(), "--code", platform.code("W-0412")}, kWithErrors);
  CHECK(again.status == 0);
  CHECK(again.text.find("已登记过 W-0412") != std::string::npos);
  CHECK(again.text.find("原有数据接着用，在") != std::string::npos);
  CHECK(again.text.find("--worker") == std::string::npos);
  CHECK(desk.run_json({"status"}).last().at("device") != device);
  CHECK(desk.run({"sync"}).status == 0);
  CHECK(platform.dump("record").size() == 1);
}

TEST_CASE("who enrols where no platform answers is told so, and nothing is made") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string url = platform.url(), code = platform.code("W-0412");
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  platform.kill();
  const Ended offline = desk.run({"init", "--platform", url, "--code", code}, kWithErrors);
  CHECK(offline.status == 69);
  CHECK(offline.text.find("平台") != std::string::npos);
  CHECK(desk.run_json({"status"}).last().at("unsent_ops") == 1);
}

TEST_CASE("where a second worker enrols, a worker has to be named from now on") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  platform.add_worker("W-0413");
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  const Ended other = desk.run({"init", "--platform", platform.url(), "--code", platform.code("W-0413")}, kWithErrors);
  CHECK(other.status == 0);
  CHECK(other.text.find("已登记过 W-0412") != std::string::npos);
  CHECK(other.text.find("--worker W-0413") != std::string::npos);
  const Ended bare = desk.run_json({"list"});
  CHECK(bare.status == 64);
  const std::string message = bare.last().at("error").at("message");
  CHECK(message.find("--worker W-0412  未上传 1 条，上次同步 从未\n") != std::string::npos);
  CHECK(message.find("--worker W-0413  未上传 0 条") != std::string::npos);
  CHECK(desk.run({"--worker", "W-0412", "sync"}).status == 0);
}

TEST_CASE("what a revoked device has saved waits, and goes on when it is admitted again") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  const std::string device = desk.run_json({"status"}).last().at("device");
  const std::vector<std::string> of_it{"--data", platform.folder.file("platform"), "--device", device};
  const auto administrator = [&](const std::string& command) {
    std::vector<std::string> words{JUHAOBAN_PROGRAM, command};
    words.insert(words.end(), of_it.begin(), of_it.end());
    Process process(words, "exec \"$@\" 2>&1");
    process.read_all();
    return process.wait();
  };
  REQUIRE(administrator("revoke") == 0);
  const Ended refused = desk.run({"sync", "--once"}, kWithErrors);
  CHECK(refused.status == 77);
  CHECK(refused.text.find("管理员重新启用") != std::string::npos);
  SECTION("by the administrator") { REQUIRE(administrator("admit") == 0); }
  SECTION("by a new code") {
    REQUIRE(desk.run({"init", "--platform", platform.url(), "--code", platform.code("W-0412")}).status == 0);
  }
  CHECK(desk.run({"sync", "--once"}).status == 0);
  CHECK(platform.dump("record").size() == 1);
}

TEST_CASE("a sync that breaks off says what has arrived and that nothing has to be entered again") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  for (std::uint64_t i = 0; i < 5; ++i) {
    REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑", "--photo", desk.photo("a.jpg", i)}).status == 0);
  }
  // Not one file may grow any more, once it is this long.
  const std::string small = kNoLocale + "trap '' XFSZ; ulimit -f 120; exec \"$@\" </dev/null";
  const json before = desk.run_json({"status"}).last();
  const Ended broken = desk.run({"sync", "--once"}, small + " 2>&1");
  INFO(broken.text);
  REQUIRE(broken.status == 74);
  const json after = desk.run_json({"status"}).last();
  const int left = after.at("unsent_records"), delivered = before.at("unsent_records").get<int>() - left;
  CHECK(broken.text.find("已送达 " + std::to_string(delivered) + " 条，未上传 " + std::to_string(left) + " 条") !=
        std::string::npos);
  CHECK(broken.text.find("不必重新登记") != std::string::npos);
  const std::string lines = desk.run_json({"sync", "--once"}, small).text;
  const json sum = json::parse(lines.substr(0, lines.find('\n')), nullptr, false);
  CHECK(sum.value("end", "") == "failed");
  CHECK(json::parse(lines.substr(lines.find('\n') + 1), nullptr, false).contains("error"));
  CHECK(desk.run({"sync"}).status == 0);
  CHECK(platform.dump("record").size() == 5);
}

namespace {

// Each step that does not hold returns its number.
int sync_on_a_full_disk(const std::string& folder) {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const std::string data = desk.folder.file("data");
  std::filesystem::copy(data, folder, std::filesystem::copy_options::recursive);
  std::filesystem::remove_all(data);
  std::filesystem::create_directory_symlink(folder, data);
  if (desk.run({"report", "--category", "道路", "--text", "坑"}).status != 0) return 1;
  if (desk.run({"maintain"}).status != 0) return 2;  // makes the ballast
  fill_disk(folder);
  const Ended full = desk.run({"sync", "--for", "30"}, kWithErrors);
  if (full.status != 73) return 3;
  if (full.text.find("再保存") != std::string::npos) return 4;
  const std::size_t said = full.text.find("存储空间不足");
  if (said == std::string::npos || full.text.find("存储空间不足", said + 1) != std::string::npos) return 5;
  if (full.text.find("清理空间后请再运行 julu sync") == std::string::npos) return 6;
  if (full.text.find("已送达 1 条") == std::string::npos) return 7;
  if (desk.run_json({"sync", "--once"}).last().at("failure") != "disk_full") return 8;
  std::filesystem::remove(folder + "/filler");
  return desk.run({"sync"}).status == 0 ? 0 : 9;
}

}  // namespace

TEST_CASE("a sync that a full disk holds up says once that all is safe, and what to do") {
  if (!has_cipher()) SKIP("the clerk's store is encrypted");
  const Folder folder;
  const int ended = on_small_disk(folder.path(), sync_on_a_full_disk);
  if (ended == kNoSmallDisk) SKIP("no file system of a test's own here");
  CHECK(ended == 0);
}

TEST_CASE("a sync tries for its time, however often nobody answered before it") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  platform.proxy->refuse(true);
  for (int i = 0; i < 10; ++i) REQUIRE(desk.run({"sync", "--once"}).status == 75);
  Process sync = desk.start({"sync", "--for", "60"}, kWithErrors);
  const auto waits = sync.read_line();
  REQUIRE(waits);
  INFO(*waits);
  CHECK(waits->find(" 秒后）") != std::string::npos);
  platform.proxy->refuse(false);
  CHECK(sync.read_all().find("已送达 1 条") != std::string::npos);
  CHECK(sync.wait() == 0);
}

TEST_CASE("what another process saves during a sync takes nothing from what was delivered") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  // `meanwhile` happens after the sync has begun and before it gets through.
  const auto sync = [&](std::vector<std::string> words, const std::vector<std::string>& meanwhile) {
    platform.proxy->refuse(true);
    Process process = desk.start(words, kWithErrors);
    const auto waits = process.read_line();
    REQUIRE(waits);
    CHECK(waits->find("秒后") != std::string::npos);
    REQUIRE(desk.run(meanwhile).status == 0);
    platform.proxy->refuse(false);
    Ended ended{.status = -1, .text = process.read_all()};
    ended.status = process.wait();
    UNSCOPED_INFO(ended.text);
    return ended;
  };
  const std::vector<std::string> report{"report", "--category", "道路", "--text", "坑"};
  const Ended during = sync({"sync"}, report);
  CHECK(during.status == 0);
  CHECK(during.text.find("已送达 1 项内容，均有平台回执      未上传 0 条") != std::string::npos);

  const std::vector<std::string> refused{"household", "--address", "堤村", "--set", "所属网格=9"};
  REQUIRE(desk.run(report).status == 0);
  const Ended told = sync({"sync"}, refused);
  CHECK(told.status == 65);
  CHECK(told.text.find("已送达 1 条，均有平台回执      未上传 1 条") != std::string::npos);
  REQUIRE(desk.run(report).status == 0);
  const Ended counted = sync({"--json", "sync"}, refused);
  CHECK(counted.last().at("records_delivered") == 1);
  CHECK(counted.last().at("ops_delivered") == 1);
  CHECK(counted.last().at("unsent") == 2);
  const Ended none = desk.run({"sync"});
  CHECK(none.text.find("还没有送达      未上传 2 条") != std::string::npos);
}

TEST_CASE(
    "data that nobody can read any more is kept and named at the new code and by every command, as long as it is there") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑", "--photo", desk.photo("a.jpg")}).status == 0);
  std::filesystem::resize_file(desk.folder.file("data/W-0412/julu.db"), 8192);
  const Ended broken = desk.run({"list"}, kWithErrors);
  CHECK(broken.status == 74);
  CHECK(broken.text.find("新的激活码，运行 julu init") != std::string::npos);
  CHECK(broken.text.find("应用") == std::string::npos);
  CHECK(broken.text.find("identity") == std::string::npos);

  const std::vector<std::string> init{"init", "--platform", platform.url(), "--code", platform.code("W-0412")};
  const Ended again = desk.run(init, kWithErrors);
  INFO(again.text);
  CHECK(again.status == 0);
  const std::string kept = desk.folder.file("data/W-0412.damaged-");
  for (const std::string& text :
       {again.text, desk.run({"list"}, kWithErrors).text, desk.run({"status"}, kWithErrors).text}) {
    CHECK(text.find("读不出") != std::string::npos);
    CHECK(text.find(kept) != std::string::npos);
    CHECK(text.find("没有上传过的要重新登记") != std::string::npos);
  }
  const auto told = desk.run({"--json", "status"}).last().at("set_aside");
  REQUIRE(told.size() == 1);
  CHECK(told.at(0).get<std::string>().starts_with(kept));
  CHECK(again.text.find("接着用") == std::string::npos);
  CHECK(again.text.find("--worker") == std::string::npos);
  CHECK(desk.run({"--lang", "en", "list"}, kWithErrors).text.find("could not be read") != std::string::npos);
  CHECK(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  const Ended third = desk.run({"init", "--platform", platform.url(), "--code", platform.code("W-0412")}, kWithErrors);
  CHECK(third.text.find("原有数据接着用") != std::string::npos);
  CHECK(third.text.find(kept) != std::string::npos);

  for (const auto& entry : std::filesystem::directory_iterator(desk.folder.file("data"))) {
    if (entry.path().string().starts_with(kept)) std::filesystem::rename(entry.path(), desk.folder.file("elsewhere"));
  }
  REQUIRE(std::filesystem::exists(desk.folder.file("elsewhere/julu.db")));
  CHECK(desk.run({"list"}, kWithErrors).text.find("读不出") == std::string::npos);
}

TEST_CASE("after a restored platform a sync says how long it waits, and what to do when its time is up") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  REQUIRE(desk.run({"sync"}).status == 0);
  platform.stop();
  platform.new_epoch();
  platform.start();
  const Ended once = desk.run({"sync", "--once"}, kWithErrors);
  INFO(once.text);
  CHECK(once.status == 75);
  CHECK(once.text.find("平台恢复过备份") != std::string::npos);
  CHECK(once.text.find("请稍后再运行 julu sync") != std::string::npos);
  CHECK(desk.run({"--lang", "en", "sync", "--once"}, kWithErrors).text.find("run `julu sync` again later") !=
        std::string::npos);
  Process sync = desk.start({"sync", "--for", "3600"}, kWithErrors);
  const auto waits = sync.read_line();
  REQUIRE(waits);
  CHECK(waits->find("平台恢复过备份") != std::string::npos);
  CHECK(waits->find(" 秒后）") != std::string::npos);
  sync.interrupt();
  sync.read_all();
  CHECK(sync.wait() == 130);
}
