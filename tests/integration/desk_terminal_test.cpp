// The clerk's terminal as a terminal: Ctrl-C, progress, languages, columns, and the key in a place of its own.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>

#include <catch2/catch_test_macros.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "database.h"
#include "desk.h"
#include "terminal.h"

using namespace julu::test;
using nlohmann::json;

namespace {

// Stands where a platform stood, takes one connection and never answers.
class Silent {
 public:
  explicit Silent(const std::string& url) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd_, 1) != 0)
      throw std::runtime_error("no loopback port");
  }
  ~Silent() {
    ::close(client_);
    ::close(fd_);
  }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;
  /// Ok: somebody has begun to ask.
  bool asked() {
    client_ = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    char byte = 0;
    return client_ >= 0 && ::recv(client_, &byte, 1, 0) == 1;
  }

 private:
  int fd_ = -1, client_ = -1;
};

constexpr const char* kSafe = "已保存的内容不会丢失";

// Columns of text whose wide characters are all Chinese: three bytes each, and nothing else has three.
int chinese_columns(std::string_view text) {
  int sum = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) sum += byte >= 0xE0 ? 2 : 1;
  }
  return sum;
}

void all_arrived_once(PlatformProcess& platform, const Desk& desk, std::size_t records) {
  CHECK(desk.run({"sync"}).status == 0);
  CHECK(platform.dump("record").size() == records);
  CHECK(platform.dump("photo").size() == 1);
  CHECK(desk.run_json({"status"}).last().at("unsent_ops") == 0);
}

}  // namespace

namespace {

// All that a person sees who types this and answers so.
std::string at_terminal(const Desk& desk, const std::vector<std::string>& words, const std::string& answer) {
  Terminal terminal;
  terminal.type(answer);
  Process process =
      desk.start(words, kNoLocale + "exec <" + terminal.path() + " 2>" + terminal.path() + "; exec \"$@\"");
  const std::string asked = terminal.read_all();
  const std::string text = asked + process.read_all();
  INFO(text);
  CHECK(process.wait() == 0);
  return text;
}

}  // namespace

TEST_CASE("Ctrl-C while a sync waits for the platform is safe, says so and ends with 130") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑", "--photo", "near=" + desk.photo("a.jpg")}).status ==
          0);
  platform.stop();
  Process sync = desk.start({"sync"}, kWithErrors);
  const auto waits = sync.read_line();
  REQUIRE(waits);
  CHECK(waits->find("秒后") != std::string::npos);
  sync.interrupt();
  const std::string said = sync.read_all();
  CHECK(said.find(kSafe) != std::string::npos);
  CHECK(said.find("未上传 1 条") != std::string::npos);
  CHECK(sync.wait() == 130);
  platform.start();
  all_arrived_once(platform, desk, 1);
}

TEST_CASE("Ctrl-C in the middle of a request is safe, says so and ends with 130") {
  PlatformProcess platform(JUHAOBAN_PROGRAM, false, PlatformProcess::Way::direct);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑", "--photo", "near=" + desk.photo("a.jpg")}).status ==
          0);
  platform.stop();
  {
    Silent silent(platform.url());
    Process sync = desk.start({"--json", "sync"}, kWithErrors);
    REQUIRE(silent.asked());
    sync.interrupt();
    const Ended ended{.status = -1, .text = sync.read_all()};
    CHECK(ended.text.find(kSafe) != std::string::npos);
    CHECK(ended.last().at("end") == "cancelled");
    CHECK(ended.last().at("unsent") == 1);
    CHECK(sync.wait() == 130);
  }
  platform.start();
  all_arrived_once(platform, desk, 1);
}

TEST_CASE("the progress line is for terminals alone") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const auto sync = [&](const std::vector<std::string>& words, const std::string& errors_to) {
    REQUIRE(
        desk.run({"report", "--category", "道路", "--text", "坑", "--photo", "near=" + desk.photo("a.jpg")}).status ==
        0);
    return desk.start(words, kPlain + " 2>" + errors_to);
  };
  Terminal terminal;
  Process shown = sync({"sync"}, terminal.path());
  const std::string progress = terminal.read_all();
  CHECK(progress.starts_with("\r  文字 "));
  CHECK(progress.find("照片 1/1") != std::string::npos);
  CHECK(progress.ends_with(" \r"));  // wiped when it is over
  CHECK(progress.find('\n') == std::string::npos);
  CHECK(shown.read_all().starts_with("已送达 1 条"));
  CHECK(shown.wait() == 0);

  Terminal quiet;
  Process machine = sync({"--json", "sync"}, quiet.path());
  CHECK(quiet.read_all().empty());
  CHECK(machine.wait() == 0);
  Process piped = sync({"sync"}, "&1");
  CHECK(piped.read_all().find("文字") == std::string::npos);
  CHECK(piped.wait() == 0);
}

TEST_CASE("the progress line stays in the terminal's width") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑", "--photo", desk.photo("a.jpg")}).status == 0);
  Terminal terminal;
  Process sync =
      desk.start({"sync"}, kNoLocale + "exec 2>" + terminal.path() + "; stty cols 30 <&2; exec \"$@\" </dev/null");
  std::istringstream shown(terminal.read_all());
  int lines = 0;
  for (std::string line; std::getline(shown, line, '\r'); ++lines) {
    if (const std::size_t cut = line.find("…"); cut != std::string::npos) line.replace(cut, 3, ".");  // one column
    CHECK(chinese_columns(line) < 30);
  }
  CHECK(lines > 1);
  sync.read_all();
  CHECK(sync.wait() == 0);
}

TEST_CASE("a person at a terminal is asked before a removal or a giving up, which names what it takes") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const auto deleted = [&](const std::string& id) { return desk.run_json({"show", id}).last().at("deleted") == true; };
  const std::string id = desk.run_json({"household", "--address", "堤村 9 号"}).last().at("id");
  const std::string refused = at_terminal(desk, {"remove", id}, "n\n");
  CHECK(refused.find("删除 住户 " + id.substr(id.size() - 4) + "  堤村 9 号？ [y/N]") != std::string::npos);
  CHECK(refused.find("没有改动") != std::string::npos);
  CHECK_FALSE(deleted(id));
  at_terminal(desk, {"remove", id}, "\n");
  CHECK_FALSE(deleted(id));
  const std::string done = at_terminal(desk, {"remove", id}, "y\n");
  CHECK(done.find("已删除  住户 " + id.substr(id.size() - 4) + "  堤村 9 号") != std::string::npos);
  CHECK(deleted(id));

  const std::string other = desk.run_json({"household", "--address", "堤村", "--set", "所属网格=9"}).last().at("id");
  REQUIRE(desk.run({"sync", "--once"}).status == 65);
  CHECK(at_terminal(desk, {"give-up", other}, "n\n").find("[y/N]") != std::string::npos);
  CHECK(desk.run_json({"list", "--unsent"}).last().at("id") == other);
  CHECK(at_terminal(desk, {"give-up", other, "--yes"}, "").find("[y/N]") == std::string::npos);
  CHECK(deleted(other));
  const std::string third = desk.run_json({"household", "--address", "堤村"}).last().at("id");
  CHECK(desk.run({"remove", third}).status == 0);  // nobody is there to be asked
  CHECK(deleted(third));
}

TEST_CASE("who gives up a refused step is asked about all that goes along with it, and told so again") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const Desk leader(platform, "W-0100", "leader");
  const std::string id = desk.report_to(leader);
  REQUIRE(leader.run({"act", id, "受理"}).status == 0);
  REQUIRE(leader.run({"sync"}).status == 0);
  REQUIRE(desk.run({"act", id, "撤回", "--photo", desk.photo("a.jpg")}).status == 0);
  REQUIRE(desk.run({"sync", "--once"}).status == 65);
  REQUIRE(leader.run({"act", id, "办结", "--note", "修好了"}).status == 0);
  REQUIRE(leader.run({"sync"}).status == 0);
  desk.run({"sync", "--once"});
  REQUIRE(desk.run({"act", id, "评价", "--note", "好", "--body", R"({"score":5})"}).status == 0);
  const std::string along = "（撤回 1 项，以及随之不再发送的 照片 1 项、评价 1 项）";
  CHECK(at_terminal(desk, {"give-up", id}, "n\n").find(along + "，不再发送？ [y/N]") != std::string::npos);
  CHECK(desk.run_json({"status"}).last().at("parked_ops") == 3);
  CHECK(at_terminal(desk, {"give-up", id}, "y\n").find("已放弃未被接受的内容" + along) != std::string::npos);
  int given_up = 0;
  std::istringstream events(desk.run_json({"history", id}).text);
  for (std::string line; std::getline(events, line);) given_up += json::parse(line).at("standing") == "given_up";
  CHECK(given_up == 3);

  const std::string home = desk.run_json({"household", "--address", "堤村", "--set", "所属网格=9"}).last().at("id");
  REQUIRE(desk.run({"sync", "--once"}).status == 65);
  REQUIRE(desk.run({"household", "--edit", home, "--note", "院里有狗"}).status == 0);
  const json whole = desk.run_json({"give-up", home}).last();
  CHECK(whole.at("refused") == 1);
  CHECK(whole.at("along") == 1);
  CHECK(desk.run_json({"status"}).last().at("parked_ops") == 0);
}

TEST_CASE("what is given up of an edit takes its own photo along and no later edit") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk first(platform, "W-0001", "clerk");
  const Desk second(platform, "W-0002", "clerk");
  const std::string home = first.run_json({"household", "--address", "堤村"}).last().at("id");
  REQUIRE(first.run({"sync"}).status == 0);
  REQUIRE(second.run({"sync"}).status == 0);
  platform.add_worker("W-0002", "clerk", "999999999");  // and so it is no household of theirs any more
  REQUIRE(
      second.run({"household", "--edit", home, "--phone", "13800000001", "--photo", second.photo("a.jpg")}).status ==
      0);
  REQUIRE(second.run({"sync", "--once"}).status == 65);
  REQUIRE(second.run({"household", "--edit", home, "--note", "院里有狗"}).status == 0);
  platform.add_worker("W-0002", "clerk");
  const json done = second.run_json({"give-up", home}).last();
  CHECK(done.at("refused") == 1);
  CHECK(done.at("along") == 1);
  CHECK(second.run({"sync"}).status == 0);
  const json body = second.run_json({"show", home}).last().at("body");
  CHECK(body.at("note") == "院里有狗");
  CHECK_FALSE(body.contains("phone"));
}

TEST_CASE("the language is the locale's, Chinese when there is none, and --lang goes first") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  const auto chinese = [&](const std::string& locale, const std::vector<std::string>& words) {
    const Ended ended = desk.run(words, kNoLocale + locale + " exec \"$@\"");
    CHECK(ended.status == 0);
    const bool in_chinese = ended.text.starts_with("编号 ");
    CHECK(in_chinese != ended.text.starts_with("id "));
    return in_chinese;
  };
  CHECK(chinese("", {"list"}));
  CHECK(chinese("LANG=C.UTF-8", {"list"}));
  CHECK(chinese("LANG=zh_CN.UTF-8", {"list"}));
  CHECK_FALSE(chinese("LANG=en_US.UTF-8", {"list"}));
  CHECK_FALSE(chinese("LC_ALL= LANG=en_US.UTF-8", {"list"}));
  CHECK_FALSE(chinese("LC_ALL=en_US.UTF-8 LANG=zh_CN.UTF-8", {"list"}));
  CHECK(chinese("LC_MESSAGES=zh_CN.UTF-8 LANG=en_US.UTF-8", {"list"}));
  CHECK_FALSE(chinese("", {"--lang", "en", "list"}));
  CHECK_FALSE(chinese("LC_ALL=zh_CN.UTF-8", {"list", "--lang=en"}));
  CHECK(chinese("LC_ALL=en_US.UTF-8", {"--lang", "zh", "list"}));
}

TEST_CASE("what is said in English counts and lists as English does") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  const auto english = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"--lang", "en"});
    return desk.run(words, kWithErrors).text;
  };
  CHECK(english({"report", "--category", "Road", "--text", "a hole", "--photo", desk.photo("a.jpg")})
            .find("  1 photo (") != std::string::npos);
  CHECK(english({"sync"}).find("Delivered 1 record, each with the platform's receipt; 1 photo sent") !=
        std::string::npos);
  CHECK(english({"export"}).find("Exported 1 record\n") != std::string::npos);
  const std::string home =
      desk.run_json({"household", "--address", "Di", "--set", "Unsafe building=Yes"}).last().at("id");
  REQUIRE(desk.run({"household", "--edit", home, "--note", "dog", "--set", "Tags=a,b"}).status == 0);
  const std::string told = english({"history", home});
  CHECK(told.find("Address: Di; Unsafe building: yes\n") != std::string::npos);
  CHECK(told.find("Tags: a, b; Note: dog\n") != std::string::npos);
}

TEST_CASE("the key may have a place of its own; it is made there for its owner alone and nowhere else is looked") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Folder keys;
  const std::string key = keys.file("new/folder/key");
  const Desk desk(platform, "W-0412", "worker", {"--key-file", key});
  struct stat about {};
  REQUIRE(::stat(key.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  CHECK(read_file(key).size() == 65);  // 64 digits and the end of the line
  CHECK_FALSE(std::filesystem::exists(desk.folder.file("data/key")));
  CHECK(desk.run({"--key-file", key, "list"}).status == 0);
  CHECK(desk.run_json({"list"}).last().at("error").at("code") == "store_missing");
  for (const auto mode : {0640, 0604}) {
    REQUIRE(::chmod(key.c_str(), static_cast<mode_t>(mode)) == 0);
    const Ended refused = desk.run_json({"--key-file", key, "list"});
    CHECK(refused.status == 77);
    CHECK(refused.last().at("error").at("code") == "permission");
    CHECK(refused.last().at("error").at("message").get<std::string>().find("chmod 600") != std::string::npos);
  }
  REQUIRE(::chmod(key.c_str(), 0600) == 0);
  CHECK(desk.run({"--key-file", key, "list"}).status == 0);
  const std::string other = keys.write("other", std::string(64, '0'));
  REQUIRE(::chmod(other.c_str(), 0600) == 0);
  CHECK(desk.run_json({"--key-file", other, "list"}).last().at("error").at("code") == "store_key");
}

TEST_CASE("a list stands in columns, whatever is wide in it") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "送达的"}).status == 0);
  REQUIRE(desk.run({"sync"}).status == 0);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "未送的"}).status == 0);
  const std::string text = desk.run({"list"}).text;
  std::istringstream lines(text);
  std::vector<std::vector<int>> columns;
  using Heads = std::vector<std::string>;  // what each column begins with
  for (const Heads& heads : {Heads{"时间", "状态", "摘要"}, {"-", "已保存", "未送的"}, {"-", "已送达", "送达的"}}) {
    std::string line;
    REQUIRE(std::getline(lines, line));
    columns.emplace_back();
    for (const std::string& head : heads) {
      const std::size_t at = line.find(head);
      REQUIRE(at != std::string::npos);
      columns.back().push_back(chinese_columns(line.substr(0, at)) - (head == "-" ? 2 : 0));  // "11-23 09:12"
    }
  }
  INFO(text);
  CHECK(columns[1] == columns[0]);
  CHECK(columns[2] == columns[0]);
}

TEST_CASE("a list is cut to its terminal and whole elsewhere, and photos stand in columns") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  std::string text;
  for (int i = 0; i < 30; ++i) text += "坑";
  const std::string id = desk.run_json({"report", "--category", "道路", "--text", text, "--photo",
                                        desk.photo("a.jpg", 1), "--photo", "handle_after=" + desk.photo("b.jpg", 2)})
                             .last()
                             .at("id");
  Terminal terminal;
  Process listing =
      desk.start({"list"}, kNoLocale + "exec >" + terminal.path() + "; stty cols 60 <&1; exec \"$@\" </dev/null");
  const std::string listed = terminal.read_all();
  CHECK(listing.wait() == 0);
  CHECK(listed.find("坑…") != std::string::npos);
  std::istringstream lines(listed);
  for (std::string line; std::getline(lines, line);) {
    line.erase(line.find_last_not_of('\r') + 1);
    if (const std::size_t cut = line.find("…"); cut != std::string::npos) line.replace(cut, 3, ".");  // one column
    CHECK(chinese_columns(line) <= 60);
  }
  CHECK(desk.run({"list"}).text.find(text) != std::string::npos);
  const std::string shown = desk.run({"--lang", "en", "show", id}).text;
  INFO(shown);
  const std::size_t near = shown.find("photo 1"), after = shown.find("photo 2");
  REQUIRE(near != std::string::npos);
  CHECK(shown.find("kB", near) - near == shown.find("kB", after) - after);
}

TEST_CASE("nothing of what others wrote reaches the terminal as a control character") {
  if (!has_cipher()) SKIP("the clerk's store is encrypted");
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const std::string data = platform.folder.file("platform");
  const std::string evil = "\x1b[31m\x07\xC2\x9B";  // with the one-character form of ESC [
  const auto is_clean = [](const std::string& text) {
    INFO(text);
    CHECK(text.find("\xC2\x9B") == std::string::npos);
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return (c >= 0x20 && c != 0x7F) || c == '\n'; });
  };
  const auto add = [&](const std::string& worker, const std::string& mark) {
    run_to_end({JUHAOBAN_PROGRAM, "add-worker", "--data", data, "--worker", worker, "--name", "网格员" + mark, "--role",
                "leader", "--grid", "130529200203001", "--grid-name", "03 网格" + mark});
  };
  const Desk first(platform);
  REQUIRE(first.run({"report", "--category", "道路", "--text", "坑", "--photo", first.photo("a.jpg")}).status == 0);
  REQUIRE(first.run({"sync"}).status == 0);
  {
    juhaoban::Database county(data + "/platform.db", "");
    county.run("UPDATE attachment SET role = ?1", "near\n" + evil);
    county.run("UPDATE record SET body = ?1",
               json{{"category", "road" + evil}, {"text", "坑" + evil}, {"of\n" + evil, evil}}.dump());
  }
  add("W-0100", evil);
  const std::string mine = first.folder.file("leader");
  const auto leader = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {JULU_PROGRAM, "--data", mine});
    Process process(words, kWithErrors);
    std::string text = process.read_all();
    CHECK(process.wait() == 0);
    return text;
  };
  const std::string enrolled = leader({"init", "--platform", platform.url(), "--code", platform.code("W-0100")});
  CHECK(enrolled.find("网格员 [31m") != std::string::npos);
  CHECK(is_clean(enrolled));
  CHECK(is_clean(leader({"status"})));
  CHECK(is_clean(leader({"sync"})));
  CHECK(is_clean(leader({"list"})));
  const std::string listed = leader({"--json", "list"});
  const std::string id = json::parse(listed).at("id");
  const std::string shown = leader({"show", id});
  CHECK(shown.find("\nof  [31m") != std::string::npos);
  CHECK(shown.find("  near  [31m") != std::string::npos);
  CHECK(is_clean(shown));
  CHECK(is_clean(leader({"history", id})));
  CHECK(json::parse(listed).at("photos").at(0).at("role") == "near\n" + evil);  // a machine gets it as it is
  CHECK(is_clean(leader({"photo", id, "-o", first.folder.path()})));
}

TEST_CASE("lists fit a terminal of 40 columns and still show what each record is about") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk first(platform, "W-0001", "clerk");
  const Desk second(platform, "W-0002", "clerk");
  const std::string id = first.run_json({"household", "--address", "堤村东头大槐树下一号"}).last().at("id");
  REQUIRE(first.run({"sync"}).status == 0);
  REQUIRE(second.run({"sync"}).status == 0);
  REQUIRE(first.run({"household", "--edit", id, "--phone", "13800000001"}).status == 0);
  REQUIRE(second.run({"household", "--edit", id, "--phone", "13800000002"}).status == 0);
  REQUIRE(first.run({"sync"}).status == 0);
  REQUIRE(second.run({"sync"}).status == 0);
  for (const char* command : {"list", "conflicts"}) {
    Terminal terminal;
    Process shown = second.start(
        {command}, kNoLocale + "exec >" + terminal.path() + "; stty cols 40 <&1; exec \"$@\" </dev/null 2>/dev/null");
    const std::string text = terminal.read_all();
    CHECK(shown.wait() == 0);
    INFO(text);
    CHECK(text.find("堤村东头大槐树下一号") != std::string::npos);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      line.erase(line.find_last_not_of('\r') + 1);
      if (const std::size_t cut = line.find("…"); cut != std::string::npos) line.replace(cut, 3, ".");  // one column
      CHECK(chinese_columns(line) <= 40);
    }
  }
}
