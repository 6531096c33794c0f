// Where the clerk's terminal writes, and what it says when that does not go.
#include <filesystem>

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <julu/crypto.h>

#include "desk.h"

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
                    "个人年收入（元）=120000"})
              .status == 0);
  const std::string whole = table({"--unmask"});
  CHECK(whole.starts_with(head));
  CHECK(whole.find(",\"\t130529190001010016\",") != std::string::npos);
  CHECK(whole.find(",\"\t031900000\",") != std::string::npos);
  CHECK(whole.find(",120000,") != std::string::npos);
  CHECK(table({}).find(",130529********0016,") != std::string::npos);
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
  };
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
