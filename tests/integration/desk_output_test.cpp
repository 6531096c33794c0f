// Where the clerk's terminal writes, and what it says when that does not go.
#include <chrono>
#include <filesystem>

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <julu/crypto.h>
#include <julu/store.h>

#include "desk.h"
#include "terminal.h"

using namespace julu::test;
using nlohmann::json;

namespace {

// A clerk with one incident that has a photo.
struct Holding : Desk {
  explicit Holding(PlatformProcess& platform) : Desk(platform) {
    const json saved =
        run_json({"report", "--category", "道路", "--text", "坑", "--photo", "near=" + photo("a.jpg")}).last();
    id = saved.at("id");
    sha256 = saved.at("photos").at(0);
  }
  std::string id, sha256;
};

std::size_t files_in(const std::string& path) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
}

}  // namespace

TEST_CASE("what is written to a file is told on one line of JSON") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Holding desk(platform);
  const std::string out = desk.folder.file("out");
  const Ended lines = desk.run_json({"export", "-o", out});
  CHECK(lines.status == 0);
  CHECK(lines.last() == json{{"file", out}, {"records", 1}, {"bytes", read_file(out).size()}});
  CHECK(read_file(out) == desk.run({"export"}).text);
  const Ended table = desk.run_json({"export", "--csv", "--kind", "incident", "-o", out});
  CHECK(table.last() == json{{"file", out}, {"records", 1}, {"bytes", read_file(out).size()}});
  const Ended photo = desk.run_json({"photo", desk.sha256, "-o", out});
  CHECK(photo.status == 0);
  CHECK(photo.last() == json{{"sha256", desk.sha256}, {"file", out}, {"bytes", read_file(out).size()}});
  CHECK(julu::hex(julu::sha256(read_file(out))) == desk.sha256);
  CHECK((desk.run({"photo", desk.sha256}).text == read_file(out)));
}

TEST_CASE("of a photo that was let go since the county has it only the thumbnail is here, and that is said") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Holding desk(platform);
  CHECK(desk.run({"show", desk.id}).text.find("缩略图") == std::string::npos);
  REQUIRE(desk.run({"sync"}).status == 0);
  const auto is_here = [&] { return desk.run_json({"show", desk.id}).last().at("photos").at(0).at("here") == true; };
  // It goes once a backup is known that began after its receipt, by what this phone has seen of the platform's time.
  for (int i = 0; i < 100 && is_here(); ++i) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    run_to_end({JUHAOBAN_PROGRAM, "note-backup", "--data", platform.folder.file("platform"), "--began",
                std::to_string(now_ms)});
    REQUIRE(desk.run({"sync"}).status == 0);
  }
  REQUIRE_FALSE(is_here());
  const std::string shown = desk.run({"show", desk.id}).text;
  INFO(shown);
  CHECK(shown.find("平台存有原图，本机只留缩略图") != std::string::npos);
  CHECK(shown.find("还未下载") == std::string::npos);
  const std::string out = desk.folder.file("out.jpg"), thumb = "julu photo " + desk.sha256.substr(0, 12) + " --thumb";
  for (const std::string& named : {desk.id, desk.sha256}) {
    const Ended refused = desk.run_json({"photo", named, "-o", out});
    CHECK(refused.status == 66);
    CHECK(refused.last().at("error").at("code") == "photo_unknown");
    CHECK(refused.last().at("error").at("message").get<std::string>().find(thumb) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(out));
  }
  CHECK(desk.run({"photo", desk.id, "--thumb", "-o", out}).status == 0);
}

TEST_CASE("what is no JSON is not mixed with it: a photo or a table wants a file") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Holding desk(platform);
  for (const auto& words : {std::vector<std::string>{"photo", desk.sha256},
                            {"photo", desk.id, "--thumb"},
                            {"export", "--csv", "--kind", "incident"}}) {
    const Ended ended = desk.run_json(words);
    CHECK(ended.status == 64);
    CHECK(ended.last().at("error").at("code") == "bad_argument");
    CHECK(ended.last().at("error").at("field") == "-o");
  }
}

TEST_CASE("a file that cannot be written says why") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Holding desk(platform);
  const std::string folder = desk.folder.file("folder");
  REQUIRE(std::filesystem::create_directory(folder));
  const auto refused = [&](const std::vector<std::string>& words, const std::string& to) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"-o", to});
    const Ended ended = desk.run_json(all);
    CHECK(ended.status == 64);
    const json error = ended.last().at("error");
    CHECK(error.at("field") == "-o");
    return error.at("message").get<std::string>();
  };
  for (const auto& words : {std::vector<std::string>{"export"}, {"photo", desk.sha256}}) {
    CHECK(refused(words, desk.folder.file("nowhere/x")).find("没有这个目录") != std::string::npos);
    CHECK(refused(words, desk.folder.file("a.jpg/x")).find("没有这个目录") != std::string::npos);
  }
  CHECK(refused({"export"}, folder).find("这是一个目录") != std::string::npos);
  CHECK(files_in(folder) == 0);
  CHECK(files_in(desk.folder.path()) == 3);  // data, a.jpg, folder
}

TEST_CASE("a photo is had by the digits that show prints, and several want a folder that is there") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Holding desk(platform);
  const std::string digits = desk.sha256.substr(0, 12);
  REQUIRE(desk.run({"show", desk.id}).text.find(" " + digits + " ") != std::string::npos);
  CHECK((desk.run({"photo", digits}).text == desk.run({"photo", desk.sha256}).text));
  CHECK(desk.run({"photo", digits}).status == 0);
  CHECK(desk.run({"photo", std::string(12, '0')}).status == 66);
  REQUIRE(desk.run({"attach", desk.id, "--photo", desk.photo("b.jpg", 2)}).status == 0);
  const std::string folder = desk.folder.file("newdir");
  const Ended refused = desk.run_json({"photo", desk.id, "-o", folder});
  CHECK(refused.status == 64);
  CHECK(refused.last().at("error").at("message").get<std::string>().find("没有这个目录") != std::string::npos);
  CHECK(refused.last().at("error").at("message").get<std::string>().find("有 2 张照片") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder));
  REQUIRE(std::filesystem::create_directory(folder));
  CHECK(desk.run({"photo", desk.id, "-o", folder}).status == 0);
  CHECK(files_in(folder) == 2);
}

TEST_CASE("a file beside the one that is written stays who it belongs to") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Holding desk(platform);
  const std::string own = desk.folder.write("z.csv.part", "mine");
  REQUIRE(desk.run({"export", "--csv", "--kind", "incident", "-o", desk.folder.file("z.csv")}).status == 0);
  CHECK(read_file(own) == "mine");
  CHECK(files_in(desk.folder.path()) == 4);  // data, a.jpg, z.csv, z.csv.part
}

TEST_CASE("a table keeps the digits of a number that is none, and has its head even when it is empty") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const auto table = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"export", "--csv", "--kind", "person"};
    words.insert(words.end(), more.begin(), more.end());
    return desk.run(words).text;
  };
  const std::string head = table({});
  CHECK(head.find("公民身份号码") != std::string::npos);
  CHECK(head.ends_with("\r\n"));
  REQUIRE(desk.run({"person", "--name", "张三", "--id-number", "130529190001010016", "--phone", "031900000", "--set",
                    "个人年收入（元）=120000", "--set", "标签=001"})
              .status == 0);
  const std::string whole = table({"--unmask"});
  CHECK(whole.starts_with(head));
  CHECK(whole.find(",\"\t130529190001010016\",") != std::string::npos);
  CHECK(whole.find(",\"\t031900000\",") != std::string::npos);
  CHECK(whole.find(",\"\t001\"") != std::string::npos);
  CHECK(whole.find(",120000,") != std::string::npos);
  CHECK(table({}).find(",130529********0016,") != std::string::npos);
}

TEST_CASE("an export that is stopped leaves nothing of what it was writing") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  {
    julu::Store::Options options;
    options.directory = desk.folder.file("data/W-0412");
    options.key = {*julu::parse_hash(read_file(desk.folder.file("data/key")).substr(0, 64))};
    const auto store = julu::Store::open(options);
    REQUIRE(store.ok());
    for (int i = 0; i < 300; ++i)
      REQUIRE((*store)->capture({.kind = "household", .body = R"({"address":"堤村"})", .photos = {}, .id = {}}).ok());
  }
  const std::string folder = desk.folder.file("out"), out = folder + "/x.jsonl";
  using Steady = std::chrono::steady_clock;
  const auto stopped = [&](void (Process::*stop)()) {
    Process process = desk.start({"export", "--unmask", "-o", out});
    const auto until = Steady::now() + std::chrono::seconds(20);
    while (files_in(folder) == 0 && Steady::now() < until) {
    }
    (process.*stop)();
    process.read_all();
    const bool too_late = std::filesystem::remove(out);  // it was whole by then
    return process.wait() == 130 && !too_late;
  };
  for (const auto stop : {&Process::interrupt, &Process::terminate}) {
    bool once = false;
    REQUIRE(std::filesystem::create_directory(folder));
    for (int i = 0; i < 50 && !once; ++i) once = stopped(stop);
    CHECK(once);
    CHECK(files_in(folder) == 0);
    std::filesystem::remove_all(folder);
  }
}

TEST_CASE("a hyphen is stdout, and for what is to be saved stdin; an at sign a file") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Holding desk(platform);
  const auto same = [&](std::vector<std::string> words) {
    const std::string wanted = desk.run(words).text;
    words.insert(words.end(), {"-o", "-"});
    return desk.run(words, kNoLocale + "cd " + desk.folder.path() + "; exec \"$@\" </dev/null").text == wanted;
  };
  CHECK(same({"export"}));
  CHECK(same({"photo", desk.sha256}));
  CHECK_FALSE(std::filesystem::exists(desk.folder.file("-")));

  const json body{{"category", "road"}, {"text", "大坑"}, {"more", std::string(200'000, 'x')}};
  const std::string file = desk.folder.write("body.json", body.dump() + "\n");
  const auto saved = [&](const std::vector<std::string>& words) {
    const Ended ended = desk.run_json(words, kNoLocale + "exec \"$@\" <" + file);
    INFO(ended.text.substr(0, 500));
    REQUIRE(ended.status == 0);
    return desk.run_json({"show", "--unmask", ended.last().at("id")}).last().at("body") == body;
  };
  CHECK(saved({"report", "--body", "-"}));
  CHECK(saved({"report", "--body", "@" + file}));
  CHECK(desk.run({"act", desk.id, "撤回", "--body", "@" + desk.folder.write("note", R"({"note":"填错了"})")}).status ==
        0);
  CHECK(desk.run({"history", desk.id}).text.find("填错了") != std::string::npos);
  const Ended nowhere = desk.run_json({"report", "--body", "@nosuch"});
  CHECK(nowhere.status == 64);
  CHECK(nowhere.last().at("error").at("message") == "没有文件 nosuch（--body）。");
  const Ended photo = desk.run_json({"report", "--body", "@" + file, "--photo", "near=-"});
  CHECK(photo.status == 66);
  CHECK(photo.last().at("error").at("message").get<std::string>().find("不能从标准输入读") != std::string::npos);
}

TEST_CASE("a table on a terminal has no control characters in it, and nowhere a NUL") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--body", R"({"category":"road","text":"甲\u0000乙\u001b[31m\u009b"})"}).status == 0);
  const std::vector<std::string> words{"export", "--csv", "--kind", "incident"};
  CHECK(desk.run(words).text.find(",甲乙\x1b[31m\xC2\x9B,") != std::string::npos);
  Terminal terminal;
  Process shown = desk.start(words, kNoLocale + "exec >" + terminal.path() + "; exec \"$@\" </dev/null");
  const std::string text = terminal.read_all();
  CHECK(shown.wait() == 0);
  CHECK(text.find(",甲乙 [31m ,") != std::string::npos);
}

TEST_CASE("a pipe or a link is written into and stays what it is") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Holding desk(platform);
  const std::string pipe = desk.folder.file("pipe"), link = desk.folder.file("link"), file = desk.folder.file("file");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::filesystem::create_symlink(file, link);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  for (const auto& words : {std::vector<std::string>{"export"}, {"photo", desk.id, "--thumb"}}) {
    const std::string wanted = desk.run(words).text;
    std::vector<std::string> all = words;
    all.insert(all.end(), {"-o", pipe});
    CHECK(desk.run(all).status == 0);
    std::string got(wanted.size() + 1, '\0');
    got.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(reader, got.data(), got.size()), 0)));
    CHECK((got == wanted));  // bytes, not to be printed
    CHECK(std::filesystem::is_fifo(pipe));
    all.back() = link;
    CHECK(desk.run(all).status == 0);
    CHECK(std::filesystem::is_symlink(link));
    CHECK((read_file(file) == wanted));
  }
  ::close(reader);
}

TEST_CASE("a full disk behind stdout ends as one, whether it shows at the end or in the middle") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Holding desk(platform);
  const std::string full = kNoLocale + "exec 3>&1; exec \"$@\" 2>&3 3>&- >/dev/full";
  const auto ends_full = [&](const std::vector<std::string>& words) {
    const Ended ended = desk.run(words, full);
    INFO(ended.text);
    CHECK(ended.status == 73);
    const std::size_t said = ended.text.find("存储空间不足");
    CHECK(said != std::string::npos);
    CHECK(ended.text.find("存储空间不足", said + 1) == std::string::npos);  // once
    CHECK(ended.text.find("结果没有写出来（stdout）") != std::string::npos);
    CHECK(ended.text.find("要保存的都已保存，不必重新登记。") != std::string::npos);
    CHECK(ended.text.find("再") == std::string::npos);
    CHECK(ended.text.find("cannot") == std::string::npos);
  };
  for (const auto& words : {std::vector<std::string>{"--help"}, {"report", "--help"}, {"--version"}}) ends_full(words);
  ends_full({"list"});
  ends_full({"export"});
  ends_full({"--json", "export"});
  ends_full({"photo", desk.sha256});
  const std::string text(900, 'x');
  for (int i = 0; i < 12; ++i) REQUIRE(desk.run({"report", "--category", "道路", "--text", text}).status == 0);
  ends_full({"--json", "list"});
  ends_full({"--json", "export"});
  CHECK(desk.run({"list"}, full).status == 73);
  CHECK(desk.run({"show", "zzzz"}, full).status == 66);
  ends_full({"report", "--category", "道路", "--text", "坑"});
  platform.stop();
  const Ended sync = desk.run({"--json", "sync", "--once"}, full);
  CHECK(sync.status == 75);
  CHECK(sync.text.find("结果没有写出来（stdout）。先前保存的内容不会丢失。") != std::string::npos);
  const Ended file = desk.run_json({"export", "-o", "/dev/full"});
  CHECK(file.status == 73);
  CHECK(file.last().at("error").at("message").get<std::string>().find("结果没有写出来（-o）") == 0);
}

TEST_CASE("even what nothing has foreseen is an error in JSON") {
#if defined(JULU_EMULATOR) || defined(__SANITIZE_THREAD__)
  SKIP("what the program runs on needs threads of its own");
#endif
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Holding desk(platform);
  // No thread can begin with a stack of 128 TiB, and `sync` needs one.
  const Ended ended = desk.run_json({"sync", "--once"}, kNoLocale + "ulimit -s 137438953472; exec \"$@\" 2>/dev/null");
  CHECK(ended.status == 74);
  CHECK(ended.last().at("error").at("code") == "io");
  CHECK(desk.run({"sync"}).status == 0);
}
