// Push, photos and pull beside bare libcurl: the same bodies to a server that throws them away, the same pages from one
// that has them ready.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#include <curl/curl.h>
#include <fcntl.h>
#include <httplib.h>
#include <unistd.h>

#include <julu/enrol.h>
#include <julu/syncer.h>

#include "bare_store.h"
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

/// A server that takes any PUT and keeps nothing, and gives `page` to any GET.
class Sink {
 public:
  Sink() {
    server_.Put(".*", [](const httplib::Request&, httplib::Response& reply, const httplib::ContentReader& body) {
      body([](const char*, std::size_t) { return true; });
      reply.status = 204;
    });
    server_.Get(".*", [this](const httplib::Request&, httplib::Response& reply) {
      reply.set_content(page, "application/json");
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

  std::string page;

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

double cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

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

std::size_t keep_body(char* bytes, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(bytes, size * count);
  return size * count;
}

void get_page(int port) {
  CURL* easy = curl_easy_init();
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/page";
  std::string body;
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &keep_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  require(curl_easy_perform(easy) == CURLE_OK && !body.empty(), "GET");
  curl_easy_cleanup(easy);
}

struct Phone {
  explicit Phone(PlatformProcess& platform, const std::string& worker = "W-0412") {
    platform.add_worker(worker);
    EnrolOptions options;
    options.platform = platform.url();
    options.code = platform.code(worker);
    options.root = folder.file("root");
    options.key.fill(0x5A);  // the key of phone_main.cpp
    options.encrypted = test::has_cipher();
    options.consent_at_ms = system_clock().now_ms();
    const auto device = enrol(options);
    require(device.ok(), "enrol");
    Store::Options open;
    open.directory = device->directory;
    open.key = options.key;
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
}

/// What the bytes of a photo cost whoever keeps two durable copies of them, one of which is encrypted: read through the
/// cipher, carried, hashed by the receiver, written durably there. In milliseconds.
struct Floor {
  double read_ms = 0, carry_ms = 0, hash_ms = 0, write_ms = 0;
  double all_ms() const { return read_ms + carry_ms + hash_ms + write_ms; }
};

Floor floor_of(Phone& phone, const std::vector<std::string>& bodies, double carry_ms) {
  Floor floor;
  floor.carry_ms = carry_ms;
  const auto each = [&](auto&& work) {
    return seconds([&] {
             for (const std::string& body : bodies) work(body);
           }) *
           1000 / static_cast<double>(bodies.size());
  };
  std::vector<std::string> names;
  floor.hash_ms = each([&](const std::string& body) { names.push_back(hex(sha256(body))); });
  std::size_t at = 0;
  floor.read_ms = each([&](const std::string&) {
    require(phone.store->read_photo(names[at++], [](std::string_view) { return true; }).ok(), "read");
  });
  const int fd =
      ::open(phone.folder.file("floor").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  floor.write_ms = each([&](const std::string& body) {
    require(::write(fd, body.data(), body.size()) == static_cast<ssize_t>(body.size()) && ::fdatasync(fd) == 0,
            "write");
  });
  ::close(fd);
  return floor;
}

bool bench_photos() {
  PlatformProcess platform(JUHAOBAN_PROGRAM, false, PlatformProcess::Way::direct);
  Phone phone(platform);
  Sink sink;
  phone.sync();
  std::uint64_t seed = 500;
  std::printf("photos of 300 KB to the platform on loopback\n");
  std::vector<double> ours;
  std::vector<double> bare_ms;
  std::vector<double> ours_ms;
  std::vector<double> of_floor;
  Floor floor;
  double phone_cpu = 0;
  double platform_cpu = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::string> bodies;
    for (int i = 0; i < kPhotos; ++i) capture_photo(phone, ++seed, &bodies);
    require(phone.store->maintain(std::chrono::seconds(60)).ok(), "maintain");
    const double bare = seconds([&] { put_all(sink.port(), bodies); });
    const double phone_before = cpu_seconds();
    const double platform_before = platform.cpu_seconds();
    const double delivered = seconds([&] { require(phone.sync().end == SyncEnd::all_delivered, "delivery"); });
    phone_cpu += cpu_seconds() - phone_before;
    platform_cpu += platform.cpu_seconds() - platform_before;
    floor = floor_of(phone, bodies, bare * 1000 / kPhotos);
    of_floor.push_back(floor.all_ms() * kPhotos / 1000 / delivered);
    ours.push_back(bare / delivered);
    bare_ms.push_back(bare * 1000 / kPhotos);
    ours_ms.push_back(delivered * 1000 / kPhotos);
  }
  for (auto* list : {&ours, &bare_ms, &ours_ms, &of_floor}) std::sort(list->begin(), list->end());
  std::printf(
      "  bare libcurl PUT to a sink                                   %.2f ms a photo  (%.2f … %.2f)\n"
      "  delivered with receipts                                      %.2f ms a photo  (%.2f … %.2f)\n",
      bare_ms[2], bare_ms.front(), bare_ms.back(), ours_ms[2], ours_ms.front(), ours_ms.back());
  constexpr double kAll = kPhotos * kRounds / 1000.0;
  std::printf("  processor time of a delivery: phone %.2f ms a photo, platform %.2f ms\n", phone_cpu / kAll,
              platform_cpu / kAll);
  std::printf(
      "  its bytes alone, one step after another: read through the cipher %.2f, PUT %.2f, SHA-256 %.2f, write and sync %.2f ms\n",
      floor.read_ms, floor.carry_ms, floor.hash_ms, floor.write_ms);
  const bool near_floor = verdict("those steps ÷ a photo delivered", of_floor[of_floor.size() / 2], 0.5);
  return verdict("photos to the platform ÷ bare PUTs", ours[ours.size() / 2], 0.5) && near_floor;
}

/// libcurl, but that it keeps the last page of records that came.
class PageKeeper final : public Transport {
 public:
  explicit PageKeeper(const std::string& platform)
      : curl_(curl_transport({.platform = platform, .ca_file = {}, .pinned_key = {}})) {}
  std::uint64_t submit(Request request) override {
    const bool is_pull = request.url.find("/v1/pull") != std::string::npos;
    const std::uint64_t name = curl_->submit(std::move(request));
    if (is_pull) pull_ = name;
    return name;
  }
  void cancel(std::uint64_t request) override { curl_->cancel(request); }
  std::optional<Completion> wait(std::chrono::milliseconds at_most) override {
    auto done = curl_->wait(at_most);
    if (done && done->request == pull_ && done->response.body.size() > page.size()) page = done->response.body;
    return done;
  }
  void wake() override { curl_->wake(); }

  std::string page;

 private:
  std::unique_ptr<Transport> curl_;
  std::uint64_t pull_ = 0;
};

// In a process of its own: what this one has generated and freed would hide the growth.
bool bench_memory() {
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  for (std::uint64_t i = 0; i < 200; ++i) capture_photo(phone, 9000 + i, nullptr);
  const std::string directory = phone.folder.file("root/W-0412");
  phone.store.reset();
  test::Process process({PHONE_PROGRAM, "sync", directory});
  double idle = 0;
  double most = 0;
  while (const auto line = process.read_line(600'000)) {
    if (line->starts_with("idle ")) idle = std::atof(line->c_str() + 5) / 1024;
    if (line->starts_with("most ")) most = std::atof(line->c_str() + 5) / 1024;
  }
  require(process.wait() == 0 && idle > 0 && most > 0, "sync of 200 photos");
  std::printf("memory while 200 photos of 300 KB are synced: %.1f MB at the most, %.1f MB idle\n", most, idle);
  return verdict("24 MB ÷ memory above idle", 24 / std::max(0.1, most - idle), 1.0);
}

}  // namespace

// At the least the bytes go over the wire and each end writes its rows, two transactions of 500.
bool bench_push() {
  constexpr int kOps = 1000;
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  Phone phone(platform);
  phone.sync();
  Sink sink;
  BareStore bare(phone.folder.file("bare.db"));
  std::uint64_t seed = 0;
  std::uint64_t bare_seed = 0;
  std::vector<double> ratios;
  std::vector<double> ours_us;
  std::vector<double> bare_us;
  std::vector<double> request_bytes;
  double phone_cpu = 0;
  double platform_cpu = 0;
  SyncOutcome outcome;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kOps; ++i) {
      const std::string body = body_600(++seed);
      require(phone.store->capture({.kind = "incident", .body = body, .photos = {}, .id = {}}).ok(), "capture");
    }
    const std::int64_t before = platform.proxy->bytes_up();
    const double phone_before = cpu_seconds();
    const double platform_before = platform.cpu_seconds();
    const double pushed = seconds([&] { outcome = phone.sync(); });
    phone_cpu += cpu_seconds() - phone_before;
    platform_cpu += platform.cpu_seconds() - platform_before;
    const std::int64_t sent = platform.proxy->bytes_up() - before;
    require(outcome.end == SyncEnd::all_delivered, "delivery of 1,000");
    const double least = seconds([&] {
      put_all(sink.port(), {2, std::string(static_cast<std::size_t>(sent / 2), 'x')});
      for (int page = 0; page < 4; ++page) bare.page(kOps / 2, bare_seed);
    });
    ratios.push_back(least / pushed);
    ours_us.push_back(pushed * 1e6 / kOps);
    bare_us.push_back(least * 1e6 / kOps);
    request_bytes.push_back(static_cast<double>(sent) / kOps);
  }
  for (auto* list : {&ratios, &ours_us, &bare_us, &request_bytes}) std::sort(list->begin(), list->end());
  std::printf(
      "push of 1,000 text incidents of 600 bytes\n"
      "  bare libcurl PUTs and INSERTs at both ends, same cipher      %.0f µs an incident  (%.0f … %.0f)\n"
      "  delivered with receipts, and pulled back                     %.0f µs an incident  (%.0f … %.0f)\n"
      "  processor time: phone %.0f µs an incident, platform %.0f µs\n"
      "  %lld requests in all, %.0f bytes of request each, headers included\n",
      bare_us[2], bare_us.front(), bare_us.back(), ours_us[2], ours_us.front(), ours_us.back(),
      phone_cpu * 1e6 / kOps / kRounds, platform_cpu * 1e6 / kOps / kRounds, static_cast<long long>(outcome.requests),
      request_bytes[2]);
  const bool few = outcome.push_requests <= 4;
  std::printf("%s push requests for 1,000 incidents: %lld (wanted: at most 4)\n", few ? "ok  " : "LOW ",
              static_cast<long long>(outcome.push_requests));
  note("push ÷ bare PUTs and INSERTs", ratios[2]);
  return verdict("250 bytes ÷ request bytes of an incident", 250 / request_bytes[2], 1.0) && few;
}

// A new phone's first pull of everything in its grid. The upkeep at the end of a run, which has a bound of its own, is
// part of it.
void bench_pull() {
  constexpr int kPage = 500;
  constexpr int kPages = 20;
  constexpr double kAll = kPage * kPages / 1e6;
  PlatformProcess platform(JUHAOBAN_PROGRAM, false, PlatformProcess::Way::direct);
  {
    Phone writer(platform);
    for (std::uint64_t i = 0; i < kPage * kPages; ++i) {
      require(writer.store->capture({.kind = "incident", .body = body_600(i), .photos = {}, .id = {}}).ok(), "capture");
    }
    require(writer.sync().end == SyncEnd::all_delivered, "delivery of 10,000");
  }
  Sink sink;
  std::uint64_t bare_seed = 0;
  std::vector<double> ratios;
  std::vector<double> bare_us;
  std::vector<double> ours_us;
  double phone_cpu = 0;
  double platform_cpu = 0;
  for (int round = 0; round < kRounds; ++round) {
    Phone reader(platform, "W-" + std::to_string(1000 + round));
    PageKeeper transport(platform.url());
    const double phone_before = cpu_seconds();
    const double platform_before = platform.cpu_seconds();
    const double pulled = seconds([&] {
      Syncer syncer(*reader.store, transport);
      const auto outcome = syncer.run();
      require(outcome.ok() && outcome->records_changed >= kPage * kPages, "pull of 10,000");
    });
    phone_cpu += cpu_seconds() - phone_before;
    platform_cpu += platform.cpu_seconds() - platform_before;
    sink.page = transport.page;
    BareStore bare(reader.folder.file("bare.db"));
    const double least = seconds([&] {
      for (int page = 0; page < kPages; ++page) {
        get_page(sink.port());
        bare.page(kPage, bare_seed);
      }
    });
    ratios.push_back(least / pulled);
    bare_us.push_back(least / kAll);
    ours_us.push_back(pulled / kAll);
  }
  for (auto* list : {&ratios, &bare_us, &ours_us}) std::sort(list->begin(), list->end());
  std::printf(
      "first pull of 10,000 incidents of 600 bytes, in pages of %d, %zu bytes each\n"
      "  bare libcurl GET of a page and INSERTs, same cipher          %.0f µs a record  (%.0f … %.0f)\n"
      "  pulled, merged, in the feed                                  %.0f µs a record  (%.0f … %.0f)\n"
      "  processor time: phone %.0f µs a record, platform %.0f µs\n",
      kPage, sink.page.size(), bare_us[2], bare_us.front(), bare_us.back(), ours_us[2], ours_us.front(), ours_us.back(),
      phone_cpu / kRounds / kAll, platform_cpu / kRounds / kAll);
  note("pull ÷ bare GETs and INSERTs", ratios[2]);
}

bool bench_photos_carried() {
  const bool photos = bench_photos();
  return bench_memory() && photos;
}

}  // namespace julu::bench
