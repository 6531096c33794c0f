// julu_demo: the whole job with real processes, real files and a real loopback network, and a comparison at the end of
// what the device was told with what the platform holds. Thread rule: one thread; the proxy has its own.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <julu/random.h>

#include "../console.h"
#include "compare.h"
#include "county.h"
#include "phone.h"
#include "scene.h"

namespace {

using namespace julu;
using namespace julu::demo;
using desk::bytes_text;
namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

constexpr int kExitUsage = 64, kExitNoInput = 66;  // as julu's
constexpr int kCaptureKills = 5;
constexpr int kSyncKills = 4;
constexpr int kCuts = 3;
constexpr int kSyncsMax = 40;       // without kills and cuts one or two are enough
constexpr int kResultPollMs = 100;  // the platform's unit works a moment after it got the report
constexpr int kResultPollsMax = 100;

struct Options {
  std::vector<std::string> photos;
  bool json = false, keep = false;
  std::uint64_t seed = 0;
};

// With --json the story goes to stderr, so that stdout is the one line.
class Story {
 public:
  explicit Story(bool json) : out_(json ? stderr : stdout) {}
  void say(const std::string& text) {
    fmt::print(out_, "{}\n", text);
    std::fflush(out_);
  }
  void step(const std::string& text) {
    const auto now = Steady::now();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_).count();
    last_ = now;
    say(fmt::format("{} {}  {:>5.1f} 秒", kNumbers[number_++ % 10], desk::padded(text, 84),
                    static_cast<double>(ms) / 1e3));
  }

 private:
  static constexpr const char* kNumbers[10] = {"①", "②", "③", "④", "⑤", "⑥", "⑦", "⑧", "⑨", "⑩"};
  std::FILE* out_;
  Steady::time_point last_ = Steady::now();
  std::size_t number_ = 0;
};

// A folder of our own under $TMPDIR, gone at the end.
class Folder {
 public:
  explicit Folder(bool keep) : keep_(keep) {
    const char* temporary = std::getenv("TMPDIR");
    path_ = std::string(temporary != nullptr && *temporary != '\0' ? temporary : "/tmp") + "/julu-demo-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder");
  }
  ~Folder() {
    std::error_code ignored;
    if (!keep_) fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool keep_;
};

std::string program(const char* variable, const std::string& beside) {
  if (const char* named = std::getenv(variable); named != nullptr && *named != '\0') return named;
  const std::string path = (fs::read_symlink("/proc/self/exe").parent_path() / beside).lexically_normal();
  if (!fs::exists(path)) throw std::runtime_error("no program " + path + "; name it in " + variable);
  return path;
}

std::vector<std::string> shipped_photos() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(JULU_DEMO_PHOTOS)) {
    if (entry.path().extension() == ".jpg") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Demo {
 public:
  Demo(Options options, Story& story)
      : options_(std::move(options)),
        story_(story),
        folder_(options_.keep),
        random_(seeded_random(options_.seed)),
        county_(program("JUHAOBAN_BIN", "../platform/juhaoban"), folder_.path() + "/platform", proxy_),
        phone_(program("JULU_BIN", "julu"), folder_.path() + "/phone", proxy_) {}

  bool run();

 private:
  void enrol();
  void capture();
  std::int64_t some_bytes(std::int64_t most, std::int64_t share);
  void break_syncs();
  void sync_to_the_end();
  void bring_results_back();
  std::int64_t count_results();
  void print_table();
  void print_json(const Verdict& verdict, bool ok);

  Options options_;
  Story& story_;
  Folder folder_;
  std::unique_ptr<Random> random_;
  Proxy proxy_;
  County county_;
  Phone phone_;
  std::int64_t results_ = 0;
  int capture_kills_ = 0, sync_kills_ = 0;
  std::map<std::string, std::string> ops_;  // our operations, op id → SHA-256
};

void Demo::enrol() {
  county_.add_worker("W-0412", "网格员 W-0412");
  const std::string code = county_.activation_code("W-0412");
  county_.start();
  story_.step(fmt::format("启动参考平台“巨好办”（自带 SQLite），地址 http://127.0.0.1:{}", proxy_.port()));
  const Answer answer = phone_.init(code);
  if (answer.status != 0) throw std::runtime_error("julu init ended with " + std::to_string(answer.status));
  story_.step(fmt::format("登记设备：{}，激活码 {}", answer.lines.at(0).value("name", ""), code));
}

void Demo::capture() {
  county_.stop();
  const std::vector<Task> tasks = morning(options_.photos);
  std::size_t photos = 0;
  std::int64_t fastest_us = 1'000'000;
  std::vector<std::size_t> kills;
  // The last tasks are the incidents with photos: the longest transactions, the worst moments to die.
  for (int i = 0; i < kCaptureKills; ++i) kills.push_back(tasks.size() - 1 - static_cast<std::size_t>(i) * 2);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    photos += tasks[i].photos.size();
    if (std::find(kills.begin(), kills.end(), i) != kills.end()) {
      const auto after_us = static_cast<std::int64_t>(random_->below(static_cast<std::uint64_t>(fastest_us)));
      if (phone_.capture_killed(tasks[i], after_us)) ++capture_kills_;
    }
    const auto begun = Steady::now();
    phone_.capture(tasks[i]);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - begun).count();
    if (!tasks[i].photos.empty()) fastest_us = std::min<std::int64_t>(fastest_us, took);
  }
  story_.step(
      fmt::format("平台停机，离线登记 {} 条（事件 12、住户 6、人口 20、走访 15），照片 {} 张", tasks.size(), photos));
  story_.say(fmt::format("   其间登记进程被 SIGKILL {} 次；用同一编号再登记一次，各只有一条", capture_kills_));
}

// Some bytes, at least one: up to `most`, and up to a `share`th part of all the photos.
std::int64_t Demo::some_bytes(std::int64_t most, std::int64_t share) {
  most = std::min(most, phone_.photo_bytes() / share);
  return 1 + static_cast<std::int64_t>(random_->below(static_cast<std::uint64_t>(std::max<std::int64_t>(most, 1))));
}

// It is certain that syncs die and connections are cut, however busy the machine: at the last kill at most 4·2/16 of
// the photos' bytes have gone up, at the last cut 3/8 more, and a sync does not say "all delivered" before all of them
// have.
void Demo::break_syncs() {
  county_.start();
  for (int i = 0; i < kSyncKills; ++i) {
    if (phone_.sync_killed(some_bytes(90'000, 16))) ++sync_kills_;
  }
  story_.step(fmt::format("平台恢复，同步进程在上传途中被 SIGKILL {} 次，已上传照片 {}", sync_kills_,
                          bytes_text(proxy_.photo_bytes_up())));
  std::vector<std::int64_t> cuts;
  for (int i = 0; i < kCuts; ++i) cuts.push_back(some_bytes(48'000, 8));
  proxy_.cut_after_photo_bytes(cuts);
  for (int i = 0, status = -1; i < kSyncsMax && status != 0 && proxy_.cuts() < kCuts; ++i) {
    status = phone_.sync_once().status;
  }
  proxy_.cut_after_photo_bytes({});
  story_.step(
      fmt::format("网络在照片传到一半时断开 {} 次，已上传照片 {}", proxy_.cuts(), bytes_text(proxy_.photo_bytes_up())));
}

void Demo::sync_to_the_end() {
  int status = -1;
  int runs = 0;
  while (status != 0 && runs < kSyncsMax) {
    ++runs;
    status = phone_.sync_once().status;
  }
  story_.step(status == 0 ? fmt::format("接着传，{} 次同步后全部送达", runs)
                          : fmt::format("接着传，{} 次同步后仍有未送达（退出码 {}）", runs, status));
}

// A result is back when the case shows it here and the photo that proves it is here, byte for byte the platform's.
std::int64_t Demo::count_results() {
  std::int64_t back = 0;
  const auto held = platform_photos(county_.dump());
  for (const Json& record : phone_.records()) {
    if (record.value("kind", "") != "incident" || record.value("state", "") != "resolved") continue;
    bool proved = false;
    for (const Json& photo : record.value("photos", Json::array())) {
      const std::string sha256 = photo.value("sha256", "");
      if (!photo.contains("action") || !photo.value("here", false)) continue;
      const auto there = held.find(sha256);
      proved = proved || (there != held.end() && there->second == sha256 && phone_.photo_hash(sha256) == sha256);
    }
    if (proved) ++back;
  }
  return back;
}

void Demo::bring_results_back() {
  std::int64_t wanted = 0;
  for (const auto& [id, told] : phone_.told()) wanted += told.task.kind == "incident" ? 1 : 0;
  for (int i = 0; i < kResultPollsMax; ++i) {
    phone_.sync_once();
    std::int64_t resolved = 0;
    for (const Json& record : phone_.records()) resolved += record.value("state", "") == "resolved" ? 1 : 0;
    if (resolved >= wanted) {
      results_ = count_results();
      if (results_ >= wanted) break;
    }
    ::usleep(kResultPollMs * 1000);
  }
  story_.step(fmt::format("平台受理、派单、办结，结果和照片取回 {}/{}", results_, wanted));
}

void Demo::print_table() {
  const std::map<std::string, const char*> kinds{
      {"incident", "事件"}, {"household", "住户"}, {"person", "人口"}, {"visit", "走访"}};
  desk::Table table({"编号", "种类", "登记时间", "状态", "照片", "回执", "回执密钥", "摘要"});
  for (const Json& record : phone_.records()) {
    const std::string id = record.value("id", ""), kind = record.value("kind", "");
    std::int64_t ops = 0, receipted = 0;
    std::string key;
    for (const Json& entry : phone_.history(id)) {
      if (entry.value("hash", "").empty()) continue;
      ++ops;
      ops_[entry.value("op_id", "")] = entry.value("hash", "");
      const std::string by = entry.value("receipt_key", "");
      receipted += by.empty() ? 0 : 1;
      if (!by.empty()) key = by;
    }
    std::string state = record.value("delivery", "") == "delivered" ? "已送达" : "未送达";
    if (const std::string title = record.value("state_title_zh", ""); !title.empty()) state += " · " + title;
    const auto own = phone_.told().find(id);
    const std::string photos =
        own == phone_.told().end() || own->second.photos.empty() ? "" : std::to_string(own->second.photos.size());
    const auto name = kinds.find(kind);
    table.add({record.value("short", ""), name == kinds.end() ? kind : name->second,
               desk::time_text(record.value("captured_at_ms", std::int64_t{0})), state, photos,
               fmt::format("{}/{}", receipted, ops), key.substr(0, 12), record.value("title", "")});
  }
  story_.say("\n" + table.text());
}

void Demo::print_json(const Verdict& verdict, bool ok) {
  // In the order in which people read it.
  const nlohmann::ordered_json line{{"captured", verdict.captured},
                                    {"delivered", verdict.delivered},
                                    {"photos", verdict.photos},
                                    {"photos_delivered", verdict.photos_delivered},
                                    {"lost", verdict.lost},
                                    {"duplicated", verdict.duplicated},
                                    {"photo_bytes", verdict.photo_bytes},
                                    {"photo_bytes_sent", proxy_.photo_bytes_up()},
                                    {"results_back", results_},
                                    {"ok", ok}};
  fmt::print(stdout, "{}\n", line.dump());
}

bool Demo::run() {
  enrol();
  capture();
  break_syncs();
  sync_to_the_end();
  bring_results_back();
  print_table();
  county_.stop();
  const Verdict verdict = compare(phone_.told(), ops_, county_.dump());
  std::int64_t incidents = 0;
  for (const auto& [id, told] : phone_.told()) incidents += told.task.kind == "incident" ? 1 : 0;
  // Told once, here once: a killed capture must not leave a second record on the device either.
  const bool once = phone_.records().size() == phone_.told().size();
  const bool broken = capture_kills_ > 0 && sync_kills_ > 0 && proxy_.cuts() > 0;  // or nothing was shown
  const bool ok = broken && once && verdict.lost == 0 && verdict.duplicated == 0 &&
                  verdict.delivered == verdict.captured && verdict.photos_delivered == verdict.photos &&
                  results_ == incidents;
  story_.step("逐条逐哈希比对：设备被告知“已保存”的，与平台数据库里的");
  story_.say(fmt::format("   登记 {} 条，送达 {} 条；照片 {} 张，送达 {} 张；丢失 {}，重复 {}", verdict.captured,
                         verdict.delivered, verdict.photos, verdict.photos_delivered, verdict.lost,
                         verdict.duplicated));
  const double ratio = verdict.photo_bytes > 0
                           ? static_cast<double>(proxy_.photo_bytes_up()) / static_cast<double>(verdict.photo_bytes)
                           : 0;
  story_.say(fmt::format("   照片共 {}，网络上实际发送 {}（{:.2f} 倍，含被断开和被杀的部分）",
                         bytes_text(verdict.photo_bytes), bytes_text(proxy_.photo_bytes_up()), ratio));
  if (!broken) {
    story_.say(fmt::format("   ✗ 登记中杀进程 {} 次，同步中 {} 次，断网 {} 次：没有都演示到", capture_kills_,
                           sync_kills_, proxy_.cuts()));
  }
  for (const std::string& complaint : verdict.complaints) story_.say("   ✗ " + complaint);
  for (const Json& record : phone_.records()) {
    if (record.contains("problem"))
      story_.say("   ✗ 未被接受 " + record.value("id", "") + " " + record["problem"].dump());
  }
  story_.say(ok ? "   ✓ 没有丢失，没有重复" : "   ✗ 不一致");
  if (options_.keep) story_.say("   数据保留在 " + folder_.path());
  if (options_.json) print_json(verdict, ok);
  return ok;
}

}  // namespace

int main(int count, char** words) {
  Options options;
  CLI::App app("julu_demo：完整流程演示（真实进程、真实文件、本机网络）");
  app.add_option("photos", options.photos, "照片文件（JPEG）；不写则用自带的 20 张");
  app.add_flag("--json", options.json, "最后一行输出 JSON");
  app.add_flag("--keep", options.keep, "保留临时目录");
  app.add_option("--seed", options.seed, "随机种子：何时杀进程、何时断网");
  app.set_help_flag("-h,--help", "帮助");
  try {
    app.parse(count, words);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError&) {
    const auto surplus = app.remaining();
    fmt::print(stderr, "命令有误：{}\n用法见 julu_demo --help\n",
               surplus.empty() ? "--seed 后面要写一个整数" : "没有这个选项 " + surplus.front());
    return kExitUsage;
  }
  for (const std::string& photo : options.photos) {
    if (fs::is_regular_file(photo)) continue;
    fmt::print(stderr, "没有照片文件 {}\n", photo);
    return kExitNoInput;
  }
  try {
    if (options.photos.empty()) options.photos = shipped_photos();
    for (std::string& photo : options.photos) photo = fs::absolute(photo).string();
    Story story(options.json);
    return Demo(std::move(options), story).run() ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "julu_demo: {}\n", error.what());
    if (options.json) fmt::print(stdout, "{}\n", R"({"ok":false})");
    const auto* refused = dynamic_cast<const Refused*>(&error);
    return refused != nullptr ? refused->status : 1;
  }
}
