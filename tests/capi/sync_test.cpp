// Enrolment, sync and transports through julu.h, against a real platform.
#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <julu/enrolment.h>
#include <julu/limits.h>
#include <julu/transport.h>

#include "enrolled.h"
#include "tls_server.h"

using namespace julu::test;
using nlohmann::json;

namespace {

/// A host that carries the library's requests with a client and a thread of its own.
class Host {
 public:
  explicit Host(const std::string& platform)
      : client_(julu::curl_transport({.platform = platform, .ca_file = {}, .pinned_key = {}})) {
    auto options = sized<julu_transport_options>();
    options.submit = submit;
    options.cancel = cancel;
    options.context = this;
    options.release = [](void* context) { ++static_cast<Host*>(context)->released; };
    REQUIRE(julu_transport_open(&options, &handle, nullptr) == JULU_OK);
    thread_ = std::thread([this] { carry(); });
  }
  ~Host() {
    ending_ = true;
    client_->wake();
    thread_.join();
  }

  julu_transport handle = 0;
  std::atomic<int> released = 0;
  std::atomic<int> requests = 0;
  std::atomic<bool> deaf = false;  // takes requests and answers none

 private:
  static std::int32_t submit(void* context, std::uint64_t id, const julu_request* asked) {
    auto& self = *static_cast<Host*>(context);
    ++self.requests;
    if (self.deaf) return JULU_OK;
    julu::Request request;
    request.method.assign(asked->method.data, asked->method.length);
    request.url.assign(asked->url.data, asked->url.length);
    for (std::uint32_t i = 0; i < asked->header_count; ++i) {
      const julu_header& header = asked->headers[i];
      request.headers.emplace_back(std::string(header.name.data, header.name.length),
                                   std::string(header.value.data, header.value.length));
    }
    if (asked->body.length > 0) request.body.assign(asked->body.data, asked->body.length);
    request.reply_bytes_max = asked->reply_bytes_max;
    request.timeout = std::chrono::milliseconds(asked->timeout_ms);
    const std::lock_guard lock(self.mutex_);
    self.ids_[self.client_->submit(std::move(request))] = id;
    self.client_->wake();
    return JULU_OK;
  }
  static void cancel(void* context, std::uint64_t id) {
    auto& self = *static_cast<Host*>(context);
    const std::lock_guard lock(self.mutex_);
    for (const auto& [theirs, ours] : self.ids_) {
      if (ours == id) self.client_->cancel(theirs);
    }
  }

  void carry() {
    while (!ending_) {
      std::optional<julu::Transport::Completion> done;
      std::uint64_t id = 0;
      {
        const std::lock_guard lock(mutex_);
        done = client_->wait(std::chrono::milliseconds(1));
        if (done) id = ids_.at(done->request);
      }
      if (done) tell(id, done->response);
    }
  }

  void tell(std::uint64_t id, const julu::Response& response) {
    std::vector<julu_header> headers;
    for (const auto& [name, value] : response.headers) headers.push_back({t(name), t(value)});
    auto told = sized<julu_response>();
    told.status = response.status;
    told.failure = response.failure ? static_cast<std::int32_t>(*response.failure) : JULU_OK;
    told.header_count = static_cast<std::uint32_t>(headers.size());
    told.headers = headers.data();
    told.body = t(response.body);
    told.body_bytes_sent = response.body_bytes_sent;
    julu_transport_complete(handle, id, &told, nullptr);
  }

  std::unique_ptr<julu::Transport> client_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::uint64_t> ids_;  // the client's to the library's
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("enrol, capture, sync through the C face: the county holds it, the phone the receipt") {
  Enrolled phone;
  auto elsewhere = sized<julu_sync_options>();
  elsewhere.platform = t("https://elsewhere.example");
  auto error = sized<julu_error>();
  CHECK(julu_sync_open(phone.store, &elsewhere, &phone.sync, &error) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(std::string(error.field) == "platform");
  const std::string with_slash = phone.platform.url() + "/";
  elsewhere.platform = t(with_slash);
  REQUIRE(julu_sync_open(phone.store, &elsewhere, &phone.sync, nullptr) == JULU_OK);
  phone.capture(1);
  phone.capture(2);
  int told = 0;
  auto outcome = sized<julu_outcome>();
  const auto progress = [](void* context, const julu_progress* now) {
    if (now->photos_total > 0) ++*static_cast<int*>(context);
  };
  REQUIRE(julu_sync_run(phone.sync, 60'000, progress, &told, &outcome, nullptr) == JULU_OK);
  CHECK(outcome.end == JULU_END_ALL_DELIVERED);
  CHECK(outcome.failure == JULU_OK);
  CHECK(outcome.photos_sent == 2);
  CHECK(outcome.next_attempt_ms == -1);
  CHECK(told > 0);
  CHECK(phone.platform.dump("record").size() == 2);
  julu_buf out{};
  REQUIRE(julu_store_list(phone.store, t(R"({"delivery":"delivered"})"), &out, nullptr) == JULU_OK);
  CHECK(json::parse(taken(out)).size() == 2);
}

TEST_CASE("a wrong code names its field, and a platform that is down is an outcome") {
  Enrolled phone;
  const std::string url = phone.platform.url();
  const std::string root = phone.folder.file("other");
  auto options = sized<julu_enrol_options>();
  options.flags = has_cipher() ? 0 : JULU_UNENCRYPTED;
  options.platform = t(url);
  options.code = t("AAAA-BBBB-CCCC-DDDD");
  options.root = t(root);
  options.key = phone.key;
  julu_buf device{};
  auto error = sized<julu_error>();
  CHECK(julu_enrol(&options, &device, &error) == JULU_ERROR_CONSENT_MISSING);
  options.consent_at_ms = 1;
  CHECK(julu_enrol(&options, &device, &error) == JULU_ERROR_ENROLMENT_REFUSED);
  CHECK(std::string(error.field) == "/code");
  CHECK(device.data == nullptr);

  phone.open_sync();
  phone.capture(1);
  phone.platform.stop();
  const julu_outcome outcome = phone.run();
  CHECK(outcome.end == JULU_END_LEFT);
  CHECK(outcome.failure == JULU_ERROR_OFFLINE);
  CHECK(outcome.next_attempt_ms > 0);
  phone.platform.start();
  REQUIRE(julu_sync_hint(phone.sync, nullptr) == JULU_OK);
  CHECK(phone.run().end == JULU_END_ALL_DELIVERED);
}

TEST_CASE("an enrolment takes a CA file and a pinned key, and those of an older caller's struct are not looked at") {
  const TlsServer server("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  const Folder folder;
  const std::string url = server.url();
  const std::string ca = folder.write("ca.pem", server.certificate());
  const std::string root = folder.file("root");
  const std::string pin = server.pin();
  const std::uint8_t key[JULU_KEY_BYTES] = {};
  auto options = sized<julu_enrol_options>();
  options.flags = has_cipher() ? 0 : JULU_UNENCRYPTED;
  options.platform = t(url);
  options.code = t("7F3K-92QM-X4HT");
  options.root = t(root);
  options.key = key;
  options.consent_at_ms = 1;
  options.ca_file = t(ca);
  options.pinned_key = t(pin);
  julu_buf device{};
  CHECK(julu_enrol(&options, &device, nullptr) == JULU_ERROR_SERVER);  // it was heard
  options.pinned_key = t("sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
  CHECK(julu_enrol(&options, &device, nullptr) == JULU_ERROR_TLS);
  options.pinned_key = t(std::string_view("sha256//\0", 9));
  auto error = sized<julu_error>();
  CHECK(julu_enrol(&options, &device, &error) == JULU_ERROR_BAD_ARGUMENT);
  CHECK(std::string(error.field) == "pinned_key");
  options.size = offsetof(julu_enrol_options, ca_file);
  CHECK(julu_enrol(&options, &device, nullptr) == JULU_ERROR_TLS);  // nobody vouches for the server
}

TEST_CASE("a transport of the host's own enrols and delivers") {
  Enrolled phone;
  Host host(phone.platform.url());
  phone.open_sync(host.handle);
  for (std::uint64_t i = 0; i < 4; ++i) phone.capture(i);
  CHECK(phone.run().end == JULU_END_ALL_DELIVERED);
  CHECK(host.requests > 4);
  CHECK(phone.platform.dump("record").size() == 4);
  julu_transport_close(host.handle);
  CHECK(host.released == 0);  // the sync still has it
  phone.capture(9);
  CHECK(phone.run().failure == JULU_ERROR_OFFLINE);
  julu_sync_close(phone.sync);
  CHECK(host.released == 1);
}

TEST_CASE("a sync takes the address that enrolment took, however it is spelled, and no other") {
  const Folder folder;
  julu::Enrolment::Options begun;
  begun.root = folder.file("root");
  begun.encrypted = has_cipher();
  begun.platform = "https://julu.example";
  begun.consent_at_ms = 1;
  julu::Identity identity;
  identity.platform = begun.platform;
  identity.device = "d";
  identity.worker = "W-0412";
  auto enrolment = julu::Enrolment::begin(begun);
  REQUIRE(enrolment);
  const auto directory = (*enrolment)->finish(identity);
  REQUIRE(directory);
  auto options = sized<julu_store_options>();
  options.flags = has_cipher() ? 0 : JULU_UNENCRYPTED;
  options.directory = t(*directory);
  options.key = begun.key.data();
  julu_store store = 0;
  REQUIRE(julu_store_open(&options, &store, nullptr) == JULU_OK);
  for (const auto& [address, expected] : std::initializer_list<std::pair<const char*, std::int32_t>>{
           {"https://julu.example", JULU_OK},
           {"https://Julu.Example:443", JULU_OK},
           {"HTTPS://JULU.EXAMPLE/", JULU_OK},
           {"http://julu.example", JULU_ERROR_BAD_ARGUMENT},
           {"https://julu.example:8443", JULU_ERROR_BAD_ARGUMENT},
           {"https://julu.example.evil.example", JULU_ERROR_BAD_ARGUMENT},
           {"https://julu.example@evil.example", JULU_ERROR_BAD_ARGUMENT},
           {"https://julu.example/v1", JULU_ERROR_BAD_ARGUMENT},
           {"julu.example", JULU_ERROR_BAD_ARGUMENT},
           {"/", JULU_ERROR_BAD_ARGUMENT}}) {
    INFO(address);
    auto elsewhere = sized<julu_sync_options>();
    elsewhere.platform = t(address);
    julu_sync sync = 0;
    auto error = sized<julu_error>();
    CHECK(julu_sync_open(store, &elsewhere, &sync, &error) == expected);
    CHECK(std::string(error.field) == (expected == JULU_OK ? "" : "platform"));
    julu_sync_close(sync);
  }
  julu_store_close(store);
  CHECK(julu_live_handles() == 0);
}

TEST_CASE("the headers of a host's reply are bounded, as those of libcurl are") {
  struct Portal {
    julu_transport handle = 0;
    std::vector<julu_header> headers;
    static std::int32_t submit(void* context, std::uint64_t id, const julu_request*) {
      auto& self = *static_cast<Portal*>(context);
      auto reply = sized<julu_response>();
      reply.status = 511;
      reply.header_count = static_cast<std::uint32_t>(self.headers.size());
      reply.headers = self.headers.data();
      return julu_transport_complete(self.handle, id, &reply, nullptr);
    }
  } portal;
  Face face;
  auto options = sized<julu_transport_options>();
  options.submit = Portal::submit;
  options.context = &portal;
  REQUIRE(julu_transport_open(&options, &portal.handle, nullptr) == JULU_OK);
  auto sync_options = sized<julu_sync_options>();
  sync_options.transport = portal.handle;
  julu_sync sync = 0;
  REQUIRE(julu_sync_open(face.store, &sync_options, &sync, nullptr) == JULU_OK);
  const auto failure = [&] {
    auto outcome = sized<julu_outcome>();
    REQUIRE(julu_sync_run(sync, 60'000, nullptr, nullptr, &outcome, nullptr) == JULU_OK);
    return outcome.failure;
  };
  const std::string room(julu::limits::header_bytes_max - std::string_view("X: \r\n").size() + 1, 'x');
  portal.headers = {{t("X"), t(std::string_view(room).substr(1))}};
  CHECK(failure() == JULU_ERROR_CAPTIVE_PORTAL);
  portal.headers = {{t("X"), t(room)}};
  CHECK(failure() == JULU_ERROR_BAD_REPLY);
  portal.headers.assign(julu::limits::header_bytes_max / 4 + 1, {});  // of no text at all
  CHECK(failure() == JULU_ERROR_BAD_REPLY);
  julu_sync_close(sync);
  julu_transport_close(portal.handle);
}

TEST_CASE("a run that waits for a host ends when it is cancelled, closed or suspended from another thread") {
  Enrolled phone;
  Host host(phone.platform.url());
  host.deaf = true;
  phone.capture(1);
  for (int way = 0; way < 3; ++way) {
    phone.open_sync(host.handle);
    const int before = host.requests;
    std::atomic<std::int32_t> end = -1;
    std::thread runner([&] {
      auto outcome = sized<julu_outcome>();
      const std::int32_t code = julu_sync_run(phone.sync, 0, nullptr, nullptr, &outcome, nullptr);
      end = code == JULU_OK ? outcome.end : -code;
    });
    while (host.requests == before) std::this_thread::yield();
    auto outcome = sized<julu_outcome>();
    CHECK(julu_sync_run(phone.sync, 0, nullptr, nullptr, &outcome, nullptr) == JULU_ERROR_SYNC_IN_PROGRESS);
    if (way == 0) CHECK(julu_sync_cancel(phone.sync, nullptr) == JULU_OK);
    if (way == 1) julu_sync_close(phone.sync);
    if (way == 2) CHECK(julu_store_suspend(phone.store, nullptr) == JULU_OK);
    runner.join();
    CHECK(end == JULU_END_CANCELLED);
    julu_sync_close(phone.sync);
  }
  REQUIRE(julu_store_resume(phone.store, phone.key, nullptr) == JULU_OK);
  phone.open_sync();
  CHECK(phone.run().end == JULU_END_ALL_DELIVERED);
  julu_transport_close(host.handle);
}

TEST_CASE("a transport or a store that is closed under a run leaves the run to end as it does") {
  Enrolled phone;
  Host host(phone.platform.url());
  host.deaf = true;
  phone.capture(1);
  phone.open_sync(host.handle);
  std::atomic<std::int32_t> failure = -1;
  std::thread runner([&] {
    auto outcome = sized<julu_outcome>();
    const std::int32_t code = julu_sync_run(phone.sync, 0, nullptr, nullptr, &outcome, nullptr);
    failure = code == JULU_OK ? outcome.failure : -code;
  });
  while (host.requests == 0) std::this_thread::yield();
  julu_store_close(phone.store);
  CHECK(julu_store_status(phone.store, nullptr, nullptr) == JULU_ERROR_CLOSED);
  julu_transport_close(host.handle);
  runner.join();
  CHECK(failure == JULU_ERROR_OFFLINE);
  julu_sync_close(phone.sync);
  CHECK(julu_live_handles() == 0);
}

TEST_CASE("two suspends at once, one of them inside a run, do not wait for each other") {
  Enrolled phone;
  struct Inside {
    Enrolled* phone;
    julu_sync idle = 0;
    std::thread other;
    std::int32_t outer = -1, inner = -1;
  } inside{&phone, 0, {}};
  phone.open_sync();
  inside.idle = std::exchange(phone.sync, 0);
  phone.open_sync();
  const auto progress = [](void* context, const julu_progress*) {
    auto& self = *static_cast<Inside*>(context);
    if (self.other.joinable()) return;
    self.other = std::thread([&self] { self.outer = julu_store_suspend(self.phone->store, nullptr); });
    // Until the other has halted the first sync; next it waits for this run.
    while (julu_sync_run(self.idle, 1, nullptr, nullptr, nullptr, nullptr) != JULU_ERROR_SYNC_IN_PROGRESS) {
    }
    self.inner = julu_store_suspend(self.phone->store, nullptr);
  };
  auto outcome = sized<julu_outcome>();
  REQUIRE(julu_sync_run(phone.sync, 0, progress, &inside, &outcome, nullptr) == JULU_OK);
  inside.other.join();
  CHECK(outcome.end == JULU_END_CANCELLED);
  CHECK(inside.inner == JULU_ERROR_BUSY);
  CHECK(inside.outer == JULU_OK);
  julu_sync_close(inside.idle);
}

TEST_CASE("inside the progress callback the store answers, and what would wait for the run says so") {
  Enrolled phone;
  phone.open_sync();
  phone.capture(1);
  struct Inside {
    Enrolled* phone;
    std::int32_t status = -1, run = -1, suspend = -1;
  } inside{&phone};
  const auto progress = [](void* context, const julu_progress*) {
    auto& self = *static_cast<Inside*>(context);
    auto status = sized<julu_status>();
    self.status = julu_store_status(self.phone->store, &status, nullptr);
    self.run = julu_sync_run(self.phone->sync, 0, nullptr, nullptr, nullptr, nullptr);
    self.suspend = julu_store_suspend(self.phone->store, nullptr);
  };
  auto outcome = sized<julu_outcome>();
  REQUIRE(julu_sync_run(phone.sync, 0, progress, &inside, &outcome, nullptr) == JULU_OK);
  CHECK(inside.status == JULU_OK);
  CHECK(inside.run == JULU_ERROR_SYNC_IN_PROGRESS);
  CHECK(inside.suspend == JULU_ERROR_BUSY);
  CHECK(outcome.end == JULU_END_ALL_DELIVERED);
}

TEST_CASE("of two syncs of one store the second to run is told that one runs") {
  Enrolled phone;
  phone.open_sync();
  phone.capture(1);
  struct Second {
    julu_sync sync = 0;
    std::int32_t told = JULU_OK;
  } second;
  REQUIRE(julu_sync_open(phone.store, nullptr, &second.sync, nullptr) == JULU_OK);
  const auto progress = [](void* context, const julu_progress*) {
    auto& other = *static_cast<Second*>(context);
    if (other.told == JULU_OK) other.told = julu_sync_run(other.sync, 0, nullptr, nullptr, nullptr, nullptr);
  };
  REQUIRE(julu_sync_run(phone.sync, 0, progress, &second, nullptr, nullptr) == JULU_OK);
  CHECK(second.told == JULU_ERROR_SYNC_IN_PROGRESS);
  CHECK(julu_sync_run(second.sync, 0, nullptr, nullptr, nullptr, nullptr) == JULU_OK);
  CHECK(phone.run().end == JULU_END_ALL_DELIVERED);
  julu_sync_close(second.sync);
}

TEST_CASE("a host that fails with a number of its own is offline") {
  Enrolled phone;
  auto options = sized<julu_transport_options>();
  options.submit = [](void*, std::uint64_t, const julu_request*) -> std::int32_t { return 12345; };
  julu_transport transport = 0;
  REQUIRE(julu_transport_open(&options, &transport, nullptr) == JULU_OK);
  phone.open_sync(transport);
  phone.capture(1);
  CHECK(phone.run().failure == JULU_ERROR_OFFLINE);
  julu_transport_close(transport);
}

TEST_CASE("a callback that waits for another thread's suspend learns that it cannot have it, and the run ends") {
  Enrolled phone;
  phone.open_sync();
  struct Inside {
    Enrolled* phone;
    std::int32_t suspend = -1;
  } inside{&phone};
  const auto progress = [](void* context, const julu_progress*) {
    auto& self = *static_cast<Inside*>(context);
    if (self.suspend >= 0) return;
    std::thread([&self] { self.suspend = julu_store_suspend(self.phone->store, nullptr); }).join();
  };
  auto outcome = sized<julu_outcome>();
  REQUIRE(julu_sync_run(phone.sync, 0, progress, &inside, &outcome, nullptr) == JULU_OK);
  CHECK(inside.suspend == JULU_ERROR_BUSY);
  CHECK(outcome.end == JULU_END_CANCELLED);
  CHECK(phone.run().end == JULU_END_ALL_DELIVERED);
  CHECK(julu_store_suspend(phone.store, nullptr) == JULU_OK);
}

TEST_CASE("with SIGPIPE at its default a server that closes in the middle of a photo is an outcome") {
  Enrolled phone;
  std::signal(SIGPIPE, SIG_DFL);
  phone.open_sync();
  for (std::uint64_t i = 0; i < 3; ++i) phone.capture(i, 600 * 1024);
  for (const std::int64_t bytes : {20'000, 300'000, 700'000}) {
    phone.platform.proxy->cut_up_after(bytes);
    phone.run(20'000);
    REQUIRE(julu_sync_hint(phone.sync, nullptr) == JULU_OK);
  }
  CHECK(phone.platform.proxy->cuts() > 0);
  phone.platform.proxy->cut_up_after(-1);
  CHECK(phone.run().photos_left == 0);
}

TEST_CASE("the log comes to the host with codes and counts") {
  std::string lines;
  const auto hear = [](void* context, std::int32_t, const char* line, std::size_t length) {
    static_cast<std::string*>(context)->append(line, length).append("\n");
  };
  REQUIRE(julu_set_log(hear, &lines, nullptr) == JULU_OK);
  {
    Enrolled phone;
    phone.open_sync();
    phone.capture(1);
    phone.run();
  }
  REQUIRE(julu_set_log(nullptr, nullptr, nullptr) == JULU_OK);
  CHECK(lines.find("sync ended: 2 ops and 1 photos went") != std::string::npos);
  CHECK(lines.find("排水沟") == std::string::npos);
}

TEST_CASE("the smallest shells in C and C++ do the main job, and say so in Chinese") {
  if (!has_cipher()) SKIP("the shells' stores are encrypted");
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Folder folder;
  const std::string photo = folder.write("a.jpg", make_jpeg({}));
  std::size_t records = 0;
  for (const std::string shell : {C_SHELL, CPP_SHELL}) {
    const std::string worker = "W-000" + std::to_string(++records);
    platform.add_worker(worker);
    const std::string said = run_to_end({shell, platform.url(), platform.code(worker), folder.file(worker), photo});
    CHECK(said.find("已送达") != std::string::npos);
    CHECK(said.find("照片 1 张") != std::string::npos);
    CHECK(platform.dump("record").size() == records);
  }
}

TEST_CASE("the smallest shells in C and C++ say so when the platform took nothing") {
  if (!has_cipher()) SKIP("the shells' stores are encrypted");
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  const Folder folder;
  const std::string photo = folder.write("a.jpg", make_jpeg({}));
  for (const std::string shell : {C_SHELL, CPP_SHELL}) {
    const std::string worker = shell == C_SHELL ? "W-0001" : "W-0002";
    platform.add_worker(worker, "worker", "");  // of no grid
    Process process({shell, platform.url(), platform.code(worker), folder.file(worker), photo});
    const std::string said = process.read_all();
    INFO(said);
    CHECK(process.wait() == 65);
    CHECK(said.find("平台未接受") != std::string::npos);
    CHECK(said.find("已送达") == std::string::npos);
  }
}

TEST_CASE("the smallest shell in C takes any words and any folder") {
  if (!has_cipher()) SKIP("the shells' stores are encrypted");
  PlatformProcess platform(JUHAOBAN_PROGRAM);
  platform.add_worker("W-0412");
  const Folder folder;
  const std::string photo = folder.write("a.jpg", make_jpeg({}));
  const std::string words = "水沟\"堵\"了 \\u0041\n\t第二处\x01";
  const std::string root = folder.file("手机 \"一\" \\u0041\n\x02");
  const std::string said = run_to_end({C_SHELL, platform.url(), platform.code("W-0412"), root, photo, words});
  CHECK(said.find("已送达") != std::string::npos);
  REQUIRE(platform.dump("record").size() == 1);
  CHECK(platform.dump("record")[0].at("body").at("text") == words);
}
