// Push and photos beside bare libcurl PUTs of the same bodies to a server that throws them away.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <curl/curl.h>
#include <httplib.h>
#include <unistd.h>

#include <julu/enrol.h>
#include <julu/syncer.h>

#include "bench.h"
#include "bodies.h"
#include "county.h"
#include "jpeg.h"
#include "platform_process.h"

namespace julu::bench {
namespace {

using test::Folder;
using test::PlatformProcess;

constexpr int kPhotos = 40;

void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "bench: %s failed\n", what);
  std::exit(2);
}

/// A server that takes any PUT and keeps nothing.
class Sink {
 public:
  Sink() {
    server_.Put(".*", [](const httplib::Request&, httplib::Response& reply, const httplib::ContentReader& body) {
      body([](const char*, std::size_t) { return true; });
      reply.status = 204;
    });
    server_.set_tcp_nodelay(true);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~Sink() {
    server_.stop();
    thread_.join();
  }
  int port() const { return port_; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

int put_all(int port, const std::vector<std::string>& bodies) {
  CURL* easy = curl_easy_init();
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/photo";
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  for (const std::string& body : bodies) {
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());
    require(curl_easy_perform(easy) == CURLE_OK, "PUT");
  }
  curl_slist_free_all(headers);
  curl_easy_cleanup(easy);
  return static_cast<int>(bodies.size());
}

struct Phone {
  explicit Phone(PlatformProcess& platform) {
    platform.add_worker("W-0412");
    EnrolOptions options;
    options.platform = platform.url();
    options.code = platform.code("W-0412");
    options.root = folder.file("root");
    options.encrypted = test::has_cipher();
    options.consent_at_ms = system_clock().now_ms();
    const auto device = enrol(options);
    require(device.ok(), "enrol");
    Store::Options open;
    open.directory = device->directory;
    open.encrypted = options.encrypted;
    auto opened = Store::open(open);
    require(opened.ok(), "open");
    store = std::move(*opened);
  }

  SyncOutcome sync() {
    const auto transport = curl_transport({.platform = store->identity().platform, .ca_file = {}, .pinned_key = {}});
    Syncer syncer(*store, *transport);
    const auto outcome = syncer.run();
    require(outcome.ok(), "sync");
    return *outcome;
  }

  Folder folder;
  std::unique_ptr<Store> store;
};

void capture_photo(Phone& phone, std::uint64_t seed, std::vector<std::string>* bodies) {
  const std::string bytes = test::make_jpeg_of_about(300 * 1024, seed);
  const auto saved = phone.store->capture({.kind = "incident",
                                           .body = R"({"category":"drainage","text":"村东头排水沟堵了"})",
                                           .photos = {{.path = phone.folder.write("photo.jpg", bytes), .role = "near"}},
                                           .id = {}});
  require(saved.ok(), "capture");
  if (bodies == nullptr) return;
  bodies->push_back(bytes);
  bodies->push_back(phone.store->thumbnail(saved->photos.front()).value());
}

bool bench_photos() {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  Sink sink;
  phone.sync();
  std::uint64_t seed = 500;
  std::printf("photos of 300 KB to the platform on loopback, with their thumbnails\n");
  std::vector<std::vector<std::string>> sets(static_cast<std::size_t>(kRounds));
  std::size_t round = 0;
  std::vector<double> ours;
  const auto rates = race({{"bare libcurl PUT of the same bodies to a sink",
                            [&] {
                              std::vector<std::string> bodies;
                              for (int i = 0; i < kPhotos; ++i) capture_photo(phone, ++seed, &bodies);
                              require(phone.store->maintain(std::chrono::seconds(60)).ok(), "maintain");
                              sets[round] = std::move(bodies);
                              const double time = seconds([&] { put_all(sink.port(), sets[round]); });
                              const double sync_time =
                                  seconds([&] { require(phone.sync().end == SyncEnd::all_delivered, "delivery"); });
                              ours.push_back(time / sync_time);
                              ++round;
                              return kPhotos;
                            }}});
  static_cast<void>(rates);
  std::sort(ours.begin(), ours.end());
  std::printf("  photos delivered with receipts ÷ bare PUTs, five rounds: %.2f … %.2f\n", ours.front(), ours.back());
  return verdict("photos to the platform ÷ bare PUTs", ours[ours.size() / 2], 0.5);
}

bool bench_push() {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  phone.sync();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    require(phone.store->capture({.kind = "incident", .body = body_600(i), .photos = {}, .id = {}}).ok(), "capture");
  }
  const std::int64_t before = platform.proxy->bytes_up();
  const SyncOutcome outcome = phone.sync();
  const double bytes = static_cast<double>(platform.proxy->bytes_up() - before) / 1000;
  require(outcome.end == SyncEnd::all_delivered, "delivery of 1,000");
  std::printf("push of 1,000 text incidents of 600 bytes\n  %lld requests in all, %.0f bytes of request each, headers included\n",
              static_cast<long long>(outcome.requests), bytes);
  const bool few = outcome.push_requests <= 4;
  std::printf("%s push requests for 1,000 incidents: %lld (wanted: at most 4)\n", few ? "ok  " : "LOW ",
              static_cast<long long>(outcome.push_requests));
  return verdict("250 bytes ÷ request bytes of an incident", 250 / bytes, 1.0) && few;
}

std::int64_t resident_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atoll(line.c_str() + 6);
  }
  return 0;
}

bool bench_memory() {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  for (std::uint64_t i = 0; i < 200; ++i) capture_photo(phone, 9000 + i, nullptr);
  const std::string directory = phone.store->identity().worker;
  std::int64_t most = 0;
  phone.sync();
  const std::int64_t idle = resident_kb();
  for (std::uint64_t i = 0; i < 200; ++i) capture_photo(phone, 19000 + i, nullptr);
  const auto transport = curl_transport({.platform = phone.store->identity().platform, .ca_file = {}, .pinned_key = {}});
  Syncer syncer(*phone.store, *transport);
  SyncOptions options;
  options.progress = [&](const SyncProgress&) { most = std::max(most, resident_kb()); };
  require(syncer.run(options).ok(), "sync");
  most = std::max(most, resident_kb());
  const double above = static_cast<double>(most - idle) / 1024;
  std::printf("memory while 200 photos of 300 KB are synced: %.1f MB above idle (idle %.1f MB)\n", above,
              static_cast<double>(idle) / 1024);
  return verdict("24 MB ÷ memory above idle", above <= 0 ? 24 : 24 / above, 1.0);
}

}  // namespace

bool bench_transfer() {
  const bool photos = bench_photos();
  const bool push = bench_push();
  return bench_memory() && photos && push;
}

}  // namespace julu::bench
