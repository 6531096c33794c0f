// The administrator's command line of the reference platform.
#include <algorithm>
#include <filesystem>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto.h"
#include "database.h"
#include "desk.h"

using namespace julu::test;

namespace {

struct Said {
  int status;
  std::string text;
};

Said administer(std::vector<std::string> words) {
  words.insert(words.begin(), JUHAOBAN_PROGRAM);
  Process process(words, "exec timeout 20 \"$@\" 2>&1");
  std::string text = process.read_all();
  return {process.wait(), std::move(text)};
}

}  // namespace

TEST_CASE("a port that is taken is refused, and so is one that is none") {
  PlatformProcess platform(JUHAOBAN_PROGRAM, false, PlatformProcess::Way::direct);
  const std::string url = platform.url();
  const Folder folder;
  const auto serve = [&](const std::string& port) {
    return administer({"serve", "--data", folder.file("other"), "--port", port});
  };
  const Said taken = serve(url.substr(url.rfind(':') + 1));
  CHECK(taken.status == 69);
  CHECK(taken.text.find("端口被占用") != std::string::npos);
  CHECK(serve("70000").text.find("65535") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.file("other")));
}

TEST_CASE("a command about a county that is not there makes none") {
  const Folder folder;
  const std::string nowhere = folder.file("nowhere");
  for (const auto& words : {std::vector<std::string>{"dump"},
                            {"new-epoch"},
                            {"note-backup", "--began", "1"},
                            {"revoke", "--device", "D"},
                            {"admit", "--device", "D"},
                            {"add-code", "--worker", "W-0412"}}) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--data", nowhere});
    const Said said = administer(all);
    INFO(said.text);
    CHECK(said.status == 66);
    CHECK(said.text.find(nowhere) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(nowhere));
  }
}

TEST_CASE("a backup is noted with the time at which it began, which has come") {
  const Folder folder;
  const std::string data = folder.file("county");
  REQUIRE(administer({"add-worker", "--data", data, "--worker", "W-1", "--name", "甲", "--grid", "13"}).status == 0);
  CHECK(administer({"note-backup", "--data", data}).text.find("--began") != std::string::npos);
  CHECK(administer({"note-backup", "--data", data, "--began", "9000000000000"}).status == 64);
  CHECK(administer({"note-backup", "--data", data, "--began", "1700000000000"}).status == 0);
}

TEST_CASE("a code that no phone takes is not handed out, and none to nobody") {
  const Folder folder;
  const std::string data = folder.file("county");
  REQUIRE(administer({"add-worker", "--data", data, "--worker", "W-1", "--name", "甲", "--grid", "130529200203001"})
              .status == 0);
  const auto code = [&](const std::string& worker, const std::string& wanted) {
    return administer({"add-code", "--data", data, "--worker", worker, "--code", wanted});
  };
  CHECK(code("W-1", "abc").status == 64);
  CHECK(code("W-1", "abcd-efgh-ijk").text.find("12 到 64 个") != std::string::npos);
  CHECK(code("W-1", "abcd-efgh-ijkm").text == "abcd-efgh-ijkm\n");
  const Said nobody = code("W-2", "abcd-efgh-ijkm");
  CHECK(nobody.status == 66);
  CHECK(nobody.text == "juhaoban: 没有这位工作人员：W-2\n");
}

TEST_CASE("a code that somebody has or had is given to nobody else, and to its worker as long as it is unused") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const auto code = [&](const std::string& worker) {
    return administer(
        {"add-code", "--data", platform.folder.file("platform"), "--worker", worker, "--code", "abcd-efgh-ijkm"});
  };
  const auto refused = [&](const std::string& worker) {
    const Said said = code(worker);
    INFO(said.text);
    CHECK(said.status == 64);
    return said.text == "juhaoban: 这个激活码已发给别人或已用过，请换一个\n";
  };
  platform.add_worker("W-1");
  platform.add_worker("W-2");
  CHECK(code("W-1").status == 0);
  CHECK(code("W-1").status == 0);
  CHECK(refused("W-2"));
  if (!has_cipher()) return;
  const Folder folder;
  CHECK(run_to_end({JULU_PROGRAM, "--json", "--data", folder.path(), "init", "--platform", platform.url(), "--code",
                    "abcd-efgh-ijkm"})
            .find("\"W-1\"") != std::string::npos);
  CHECK(refused("W-1"));
  CHECK(refused("W-2"));
}

TEST_CASE("a command line that cannot be understood ends with 64 and one short line in Chinese") {
  const Folder folder;
  const auto said = [&](const std::vector<std::string>& words) {
    const Said heard = administer(words);
    CHECK(heard.status == 64);
    const std::string begin = "juhaoban: ", end = "，用法见 juhaoban --help\n";
    INFO(heard.text);
    REQUIRE(heard.text.starts_with(begin));
    REQUIRE(heard.text.ends_with(end));
    return heard.text.substr(begin.size(), heard.text.size() - begin.size() - end.size());
  };
  const std::string data = folder.file("county");
  CHECK(said({}) == "没有写命令");
  CHECK(said({"srve"}) == "不认识 srve");
  CHECK(said({"serve"}) == "缺少 --data");
  CHECK(said({"serve", "--data"}) == "--data 后面没有写内容");
  CHECK(said({"serve", "--data", data, "--data", data}) == "--data 写了不止一次");
  CHECK(said({"serve", "--data", data, "--prot", "1"}) == "不认识 --prot");
  CHECK(said({"serve", "--data", data, "--port", "70000"}) == "--port 的值要在 0 到 65535 之间");
  for (const char* none : {"0", "-1", "x"})
    CHECK(said({"note-backup", "--data", data, "--began", none}) == "--began 的值要在 1 到 9999999999999 之间");
  CHECK(said({"add-worker", "--data", data, "--worker", "W-1", "--name", "甲", "--grid", "13", "--role", "king"}) ==
        "--role 的值要是 worker,leader,township,county,clerk 之一");
  CHECK_FALSE(std::filesystem::exists(data));
  CHECK(administer({"--help"}).status == 0);
}

TEST_CASE("a worker or a grid that no phone could enrol with is not taken") {
  const Folder folder;
  const auto add_worker = [&](const std::string& worker, const std::string& grid) {
    return administer(
        {"add-worker", "--data", folder.file("county"), "--worker", worker, "--name", "甲", "--grid", grid});
  };
  for (const std::string& none : {std::string(), std::string(" "), std::string(65, 'W')}) {
    const Said said = add_worker(none, "13");
    INFO(said.text);
    CHECK(said.status == 64);
    CHECK(said.text.find("人员编号须有") != std::string::npos);
  }
  CHECK(add_worker("W-1", std::string(65, '1')).text.find("网格编码最多 64 个字节") != std::string::npos);
  CHECK(add_worker(std::string(64, 'W'), "13").status == 0);
}

TEST_CASE("a server over a county without workers says that it is empty, behind the line that it is ready with") {
  const Folder folder;
  const std::string data = folder.file("county");
  const auto lines = [&] {
    Process process({JUHAOBAN_PROGRAM, "serve", "--data", data});
    const auto ready = process.read_line();
    CHECK((ready && ready->starts_with("juhaoban: http://127.0.0.1:")));
    process.terminate();
    const std::string rest = process.read_all();
    process.wait();
    return rest;
  };
  CHECK(lines().find("juhaoban: " + data + " 是一个空的县") != std::string::npos);
  REQUIRE(administer({"add-worker", "--data", data, "--worker", "W-1", "--name", "甲", "--grid", "13"}).status == 0);
  CHECK(lines().empty());
}

TEST_CASE("a worker whose name is no text is not taken") {
  const Folder folder;
  const auto add_worker = [&](const std::string& name) {
    return administer(
               {"add-worker", "--data", folder.file("county"), "--worker", "W-1", "--name", name, "--grid", "13"})
        .status;
  };
  CHECK(add_worker("\xFF") == 64);
  CHECK(add_worker("甲") == 0);
}

TEST_CASE("an address that others reach is refused unless that is asked for") {
  const Folder folder;
  const Said said = administer({"serve", "--data", folder.file("other"), "--host", "0.0.0.0"});
  CHECK(said.status == 64);
  CHECK(said.text.find("--public") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.file("other")));
}

namespace {

struct Answered {
  int status = 0;
  std::string type;
  nlohmann::json body;
  std::string bytes;
};

// Who waits for ten seconds waits in vain.
int connect_to(const std::string& url) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

// One request as it stands, over a connection of its own.
Answered ask(const std::string& url, const std::string& head, std::size_t body_bytes = 0) {
  const int fd = connect_to(url);
  const std::string request =
      head + "\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n" +
      std::string(body_bytes, ' ');
  for (std::string_view left = request; !left.empty();) {
    const ssize_t sent = ::send(fd, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string reply(64 * 1024, '\0');
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < reply.size(); size += static_cast<std::size_t>(std::max<ssize_t>(got, 0)))
    got = ::recv(fd, reply.data() + size, reply.size() - size, 0);
  ::close(fd);
  reply.resize(size);
  INFO(reply);
  REQUIRE(reply.starts_with("HTTP/1.1 "));
  const std::string type = "Content-Type: ";
  const std::size_t at = reply.find(type), end = reply.find("\r\n\r\n");
  REQUIRE(end != std::string::npos);
  return {std::stoi(reply.substr(9)),
          at < end ? reply.substr(at + type.size(), reply.find('\r', at) - at - type.size()) : "",
          nlohmann::json::parse(reply.substr(end + 4), nullptr, false), reply.substr(end + 4)};
}

}  // namespace

TEST_CASE("connections that nobody speaks on hold up nobody who does") {
  PlatformProcess platform(JUHAOBAN_PROGRAM, false, PlatformProcess::Way::direct);
  std::vector<int> idle;
  for (int i = 0; i < 40; ++i) idle.push_back(connect_to(platform.url()));
  CHECK(ask(platform.url(), "GET /v1/ping?n=1 HTTP/1.1").status == 200);
  for (const int fd : idle) ::close(fd);
}

TEST_CASE("what HTTP alone refuses is a problem as any other: a body beyond every limit, a method that is none here") {
  PlatformProcess platform(JUHAOBAN_PROGRAM, false, PlatformProcess::Way::direct);
  const auto problem = [&](const std::string& head, std::size_t body_bytes = 0) {
    const Answered answered = ask(platform.url(), head, body_bytes);
    CHECK(answered.type == "application/problem+json");
    REQUIRE(answered.body.is_object());
    CHECK(answered.body.at("status") == answered.status);
    return std::to_string(answered.status) + " " + answered.body.at("type").get<std::string>();
  };
  constexpr std::size_t kBeyond = 40 << 20;
  CHECK(problem("POST /v1/devices HTTP/1.1", kBeyond) == "413 too-large");
  CHECK(problem("POST /v1/token HTTP/1.1", kBeyond) == "413 too-large");
  CHECK(problem("POST /v1/devices HTTP/1.1", 20'000) == "413 too-large");
  CHECK(problem("POST /v1/push HTTP/1.1", kBeyond) == "401 unauthorized");
  CHECK(problem("PUT /v1/push HTTP/1.1") == "401 unauthorized");
  CHECK(problem("PUT /v1/push HTTP/1.1", 10) == "401 unauthorized");
  CHECK(problem("TRACE /v1/push HTTP/1.1") == "400 bad-request");
  CHECK(problem("FROB /v1/push HTTP/1.1") == "400 bad-request");
}

TEST_CASE("a photo comes over HTTP piece by piece, each of the bytes that were asked for") {
  PlatformProcess platform(JUHAOBAN_PROGRAM, false, PlatformProcess::Way::direct);
  std::string photo(50'000, '\0');
  for (std::size_t i = 0; i < photo.size(); ++i) photo[i] = static_cast<char>(i * 31 % 251);
  const std::string hash = juhaoban::sha256_hex(photo);
  {
    juhaoban::Database db(platform.folder.file("platform") + "/platform.db", "");
    db.script(
        "INSERT INTO worker VALUES ('W-1', '', 'worker', '[\"13\"]', '[]');"
        "INSERT INTO device (device, worker, public_key) VALUES ('d-1', 'W-1', '');"
        "INSERT INTO record VALUES ('r', 'incident', '13', 'W-1', 1, 0, 0, 'reported', '{}', 1)");
    db.run("INSERT INTO token VALUES (?1, 'd-1', 1 << 50)", juhaoban::sha256_hex("word"));
    db.run("INSERT INTO attachment VALUES ('r', ?1, 'near', '', 50000, 0)", hash);
    db.run("INSERT INTO upload VALUES ('u', 'W-1', 50000, 50000, ?1, '', 1, 1)", hash);
    for (const int at : {0, 20'000, 40'000}) {
      const std::string piece = photo.substr(static_cast<std::size_t>(at), 20'000);
      db.run("INSERT INTO chunk VALUES ('u', ?1, ?2)", at, juhaoban::Bytes{piece});
    }
  }
  const auto get = [&](const std::string& range) {
    return ask(platform.url(), "GET /v1/photos/" + hash + " HTTP/1.1\r\nAuthorization: Bearer word" + range);
  };
  CHECK(get("").bytes == photo);
  const Answered first = get("\r\nRange: bytes=0-15999");
  CHECK(first.status == 206);
  CHECK(first.bytes == photo.substr(0, 16'000));
  const Answered second = get("\r\nRange: bytes=16000-31999");
  CHECK(second.status == 206);
  CHECK(second.bytes == photo.substr(16'000, 16'000));
  const Answered last = get("\r\nRange: bytes=48000-63999");
  CHECK(last.status == 206);
  CHECK(last.bytes == photo.substr(48'000));
  CHECK(get("\r\nRange: bytes=50000-").status == 416);
}

TEST_CASE("what the administrator asked for and could not be written is an error") {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Desk desk(platform);
  REQUIRE(desk.run({"report", "--category", "道路", "--text", "坑"}).status == 0);
  REQUIRE(desk.run({"sync"}).status == 0);
  const std::string data = platform.folder.file("platform");
  for (const auto& words : {std::vector<std::string>{JUHAOBAN_PROGRAM, "dump", "--data", data, "--json"},
                            {JUHAOBAN_PROGRAM, "add-code", "--data", data, "--worker", "W-0412"}}) {
    Process process(words, "exec \"$@\" 2>&1 >/dev/full");
    CHECK(process.read_all().find("没有写出来") != std::string::npos);
    CHECK(process.wait() == 74);
  }
}
