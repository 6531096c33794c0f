// `juhaoban`: the platform behind cpp-httplib, and the administrator's few commands. The one file that knows HTTP.
#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include <httplib.h>
#include <CLI/CLI.hpp>

#include "platform.h"

namespace {

using juhaoban::Options;
using juhaoban::Platform;

constexpr std::size_t kKeepAliveMax = 1'000'000;
// A connection keeps a thread as long as it is open. A phone speaks again within seconds or opens another.
constexpr std::size_t kThreads = 64;
constexpr int kKeepAliveSeconds = 5;

httplib::Server* running = nullptr;

// What is under way may end; a phone that only keeps its connection is not waited for. What was answered is on the
// disk.
constexpr unsigned kLeaveSeconds = 2;

void on_signal(int) {
  if (running != nullptr) running->stop();
  ::alarm(kLeaveSeconds);
}

void on_alarm(int) { ::_exit(0); }

// Reads to the end even when the platform has heard enough: what is left would be taken for the next request.
class HttpBody final : public juhaoban::BodyReader {
 public:
  explicit HttpBody(const httplib::ContentReader* reader) : reader_(reader) {}

  bool read(const std::function<bool(std::string_view)>& take) override {
    if (reader_ == nullptr) return true;
    const httplib::ContentReader* reader = std::exchange(reader_, nullptr);
    bool wanted = true;
    return (*reader)([&](const char* bytes, std::size_t size) {
      wanted = wanted && take({bytes, size});
      return true;
    });
  }
  void drain() {
    read([](std::string_view) { return false; });
  }

 private:
  const httplib::ContentReader* reader_;
};

void give(const juhaoban::Reply& reply, httplib::Response& to) {
  to.status = reply.status;
  std::string type = "application/octet-stream";
  for (const auto& [name, value] : reply.headers) {
    if (name == "Content-Type") {
      type = value;
    } else {
      to.set_header(name, value);
    }
  }
  if (!reply.body.empty()) to.set_content(reply.body, type);
}

void carry(Platform& platform, const httplib::Request& from, httplib::Response& to,
           const httplib::ContentReader* reader) {
  juhaoban::Request request;
  request.method = from.method;
  request.path = from.path;
  for (const auto& [name, value] : from.params) request.query[name] = value;
  for (const auto& [name, value] : from.headers) {
    std::string lower = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request.headers[lower == "x-julu-content-encoding" ? "content-encoding" : lower] = value;
  }
  HttpBody body(reader);
  juhaoban::Reply reply = platform.handle(request, body);
  body.drain();
  // The library hands over nothing of a body that is longer than any may be. Who may not ask at all hears that first.
  const bool taken_for_short = reply.status < 300 || reply.status == 400;
  if (to.status == 413 && taken_for_short) reply = juhaoban::problem_reply(413, "too-large", "请求过大");
  give(reply, to);
}

// What the library itself refuses (a method that HTTP has not, a head that is none) is a problem as any other.
void refuse(const httplib::Request&, httplib::Response& to) {
  if (to.body.empty()) give(juhaoban::problem_reply(to.status, "bad-request", "请求有误"), to);
}

void add_routes(httplib::Server& server, Platform& platform) {
  // The library would inflate bodies before the token is looked at, and cut a range out of a reply that is one already;
  // the platform does both itself.
  server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response&) {
    const_cast<httplib::Request&>(request).ranges.clear();
    auto& headers = const_cast<httplib::Request&>(request).headers;
    const auto coding = headers.find("Content-Encoding");
    if (coding != headers.end()) {
      headers.emplace("X-Julu-Content-Encoding", coding->second);
      headers.erase(headers.find("Content-Encoding"));
    }
    return httplib::Server::HandlerResponse::Unhandled;
  });
  const auto plain = [&platform](const httplib::Request& request, httplib::Response& reply) {
    carry(platform, request, reply, nullptr);
  };
  const auto with_body = [&platform](const httplib::Request& request, httplib::Response& reply,
                                     const httplib::ContentReader& reader) {
    carry(platform, request, reply, &reader);
  };
  server.Get(".*", plain);
  server.Options(".*", plain);
  server.Delete(".*", plain);
  server.Post(".*", with_body);
  server.Put(".*", with_body);
  server.Patch(".*", with_body);
  server.set_error_handler(httplib::Server::Handler(refuse));
}

int serve(Options options, const std::string& host, int port, bool public_host) {
  const bool loopback = host == "127.0.0.1" || host == "localhost" || host == "::1";
  if (!loopback && !public_host) {
    std::cerr << "juhaoban: 只在本机地址上提供服务；要对外请加 --public（并在前面放 TLS）。\n";
    return 64;
  }
  httplib::Server server;
  // The library's default, SO_REUSEPORT, lets a second platform take half of the first one's phones.
  server.set_socket_options([](auto socket) {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(kKeepAliveMax);
  server.set_keep_alive_timeout(kKeepAliveSeconds);
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_payload_max_length(static_cast<std::size_t>(juhaoban::kPhotoBytesMax) + 1);
  const int bound =
      port == 0 ? server.bind_to_any_port(host.c_str()) : (server.bind_to_port(host.c_str(), port) ? port : -1);
  if (bound < 0) {
    std::cerr << "juhaoban: 端口被占用\n";
    return 69;
  }
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  const std::string address = "http://" + shown + ":" + std::to_string(bound);
  if (options.address.empty()) options.address = address;
  Platform platform(options);
  add_routes(server, platform);
  running = &server;
  std::signal(SIGTERM, on_signal);
  std::signal(SIGINT, on_signal);
  std::signal(SIGALRM, on_alarm);
  std::signal(SIGPIPE, SIG_IGN);
  std::printf("juhaoban: %s\n", address.c_str());
  // A first start, or a --data that was mistyped.
  if (!platform.has_workers())
    std::printf("juhaoban: %s 是一个空的县，还没有工作人员。第一次启动时这是正常的；以前启动过的话，请核对 --data\n",
                options.data.c_str());
  std::fflush(stdout);
  server.listen_after_bind();
  running = nullptr;
  return 0;
}

int not_there(const char* what, const std::string& named) {
  std::cerr << "juhaoban: " << what << "：" << named << "\n";
  return 66;
}

int wrong(const char* what) {
  std::cerr << "juhaoban: " << what << "\n";
  return 64;
}

// All that was asked for is in stdout now, or that is an error.
int written() {
  if (std::cout.flush()) return 0;
  std::cerr << "juhaoban: 结果没有写出来\n";
  return 74;
}

// What is wrong with the command line, in few words; `surplus` is what belongs nowhere.
std::string usage_text(const CLI::ParseError& error, const std::vector<std::string>& surplus) {
  const std::string english = error.what();
  const std::string first = english.substr(0, english.find_first_of(" :"));
  if (!surplus.empty()) return "不认识 " + surplus.front();
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    return first.starts_with("-") ? "缺少 " + first : "没有写命令";
  if (english.find(": At Most ") != std::string::npos) return first + " 写了不止一次";
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) return first + " 后面没有写内容";
  if (const std::size_t range = english.find("not in range "), to = english.find(" to ", range);
      range != std::string::npos)
    return first + " 的值要在 " + english.substr(range + 13, to - range - 13) + " 到 " + english.substr(to + 4) +
           " 之间";
  if (const std::size_t set = english.find("not in {"); set != std::string::npos)
    return first + " 的值要是 " + english.substr(set + 8, english.rfind('}') - set - 8) + " 之一";
  return first + " 的值不对";
}

// The help goes to stdout as what was asked for; all else is an error of who typed it.
int not_parsed(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() != 0)
    return wrong((usage_text(error, app.remaining(true)) + "，用法见 juhaoban --help").c_str());
  app.exit(error);
  return written();
}

// Only letters and digits count. Twelve drawn at random have the 60 bits that nobody guesses.
bool may_be_code(std::string_view code) {
  const auto count =
      std::count_if(code.begin(), code.end(), [](unsigned char c) { return c < 0x80 && std::isalnum(c) != 0; });
  return count >= 12 && count <= 64;
}

int run(int count, char** words) {
  const CLI::Range kMoment(std::int64_t{1}, std::int64_t{9'999'999'999'999});  // milliseconds, until 2286
  CLI::App app{"juhaoban — 参考县级平台 (the reference county platform)"};
  app.require_subcommand(1);
  Options options;
  std::string host = "127.0.0.1";
  int port = 0;
  bool public_host = false, json = false;
  std::int64_t began_ms = 0;
  std::string worker, name, role = "worker", code, device;
  std::vector<std::string> grids, grid_names;
  const auto with_data = [&](const char* word, const char* help) {
    CLI::App* command = app.add_subcommand(word, help);
    command->add_option("--data", options.data, "数据目录 (folder of database and keys)")->required();
    return command;
  };
  CLI::App* serving = with_data("serve", "提供服务 (serve)");
  serving->add_option("--host", host, "监听地址，默认本机")->capture_default_str();
  serving->add_option("--port", port, "端口，0 为任意空闲端口")->capture_default_str()->check(CLI::Range(0, 65'535));
  serving->add_option("--address", options.address, "手机登记时用的地址 (what phones enrol at)");
  serving->add_flag("--auto-triage", options.auto_triage, "扮演网格长和部门 (play leader and department)");
  serving->add_flag("--public", public_host, "允许非本机地址");
  CLI::App* add_worker = with_data("add-worker", "添加工作人员");
  add_worker->add_option("--worker", worker, "人员编号，如 W-0412")->required();
  add_worker->add_option("--name", name, "姓名")->required();
  add_worker->add_option("--role", role, "角色")
      ->capture_default_str()
      ->check(CLI::IsMember({"worker", "leader", "township", "county", "clerk"}));
  add_worker->add_option("--grid", grids, "网格编码，可多个")->required();
  add_worker->add_option("--grid-name", grid_names, "网格名称，与编码同序");
  CLI::App* add_code = with_data("add-code", "发放激活码");
  add_code->add_option("--worker", worker, "人员编号")->required();
  add_code->add_option("--code", code, "自定激活码，默认随机");
  CLI::App* dump = with_data("dump", "列出平台持有的全部内容");
  dump->add_flag("--json", json, "每行一个 JSON 对象（总是如此）");
  CLI::App* epoch = with_data("new-epoch", "从备份恢复之后");
  CLI::App* backed_up = with_data("note-backup", "备份已做完，更早的备份不再使用");
  backed_up->add_option("--began", began_ms, "备份开始的时间（毫秒）")->required()->check(kMoment);
  CLI::App* revoke = with_data("revoke", "停用设备");
  CLI::App* admit = with_data("admit", "重新启用停用的设备");
  for (CLI::App* command : {revoke, admit}) command->add_option("--device", device, "设备编号")->required();
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return not_parsed(app, error);
  }
  if (serving->parsed()) return serve(options, host, port, public_host);
  // Only who begins a county makes its folder; all else is about one that is there.
  if (!add_worker->parsed() && !std::filesystem::exists(options.data + "/platform.db"))
    return not_there("这里没有平台数据", options.data);
  if (!code.empty() && !may_be_code(code)) return wrong("激活码要有 12 到 64 个英文字母和数字，如 7F3K-92QM-X4HT-6PWD");
  Platform platform(options);
  if (add_worker->parsed()) platform.add_worker(worker, name, role, grids, grid_names);
  if (add_code->parsed()) {
    const std::string added = platform.add_code(worker, code);
    if (added.empty()) return not_there("没有这位工作人员", worker);
    std::cout << added << "\n";
  }
  if (epoch->parsed()) platform.new_epoch();
  if ((revoke->parsed() || admit->parsed()) && !platform.revoke(device, revoke->parsed()))
    return not_there("没有这台设备", device);
  if (backed_up->parsed() && !platform.note_backup(began_ms)) return wrong("备份开始的时间还没有到");
  if (dump->parsed()) platform.dump([](const juhaoban::Json& item) { std::cout << item.dump() << "\n"; });
  return written();
}

}  // namespace

int main(int count, char** words) {
  try {
    return run(count, words);
  } catch (const std::invalid_argument& error) {
    return wrong(error.what());
  } catch (const std::exception& error) {
    std::cerr << "juhaoban: " << error.what() << "\n";
    return 74;
  }
}
