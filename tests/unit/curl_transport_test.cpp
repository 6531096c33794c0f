// libcurl against a real socket: what comes back, what is refused, and how a request ends.
#include <atomic>
#include <csignal>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include <julu/transport.h>

#include "wire.h"

using namespace julu;

namespace {

/// Answers each connection's first request with what the test says, on a free port of this machine.
class OneShotServer {
 public:
  explicit OneShotServer(std::string answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 4) == 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~OneShotServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    if (held_ >= 0) ::close(held_);
  }
  std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }

  std::string asked;  ///< read it after the completion

 private:
  void serve() {
    for (;;) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      read_request(connection);
      if (answer_.empty()) {
        held_ = connection;  // silence
        continue;
      }
      ::send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      ::shutdown(connection, SHUT_WR);
      char rest[4096];
      while (::recv(connection, rest, sizeof rest, 0) > 0) {
      }
      ::close(connection);
    }
  }

  void read_request(int connection) {
    std::string text;
    char part[4096];
    std::size_t wanted = std::string::npos;
    while (text.size() < wanted) {
      const auto got = ::recv(connection, part, sizeof part, 0);
      if (got <= 0) break;
      text.append(part, static_cast<std::size_t>(got));
      if (text.front() == '\x16') break;  // a TLS greeting has no end that is known here
      const auto head = text.find("\r\n\r\n");
      if (wanted != std::string::npos || head == std::string::npos) continue;
      const auto length = text.find("Content-Length: ");
      wanted = head + 4 + (length == std::string::npos ? 0 : std::stoul(text.substr(length + 16)));
    }
    asked = text;
  }

  std::string answer_;
  int listener_ = -1;
  int held_ = -1;
  int port_ = 0;
  std::thread thread_;
};

Request request(const std::string& method, const std::string& url) {
  Request request;
  request.method = method;
  request.url = url;
  request.reply_bytes_max = 1024;
  request.timeout = std::chrono::seconds(20);
  return request;
}

Response ask(Transport& transport, Request asked) {
  const std::uint64_t id = transport.submit(std::move(asked));
  const auto completion = transport.wait(std::chrono::seconds(20));
  REQUIRE(completion.has_value());
  CHECK(completion->request == id);
  return completion->response;
}

}  // namespace

TEST_CASE("a transport leaves the process's signals alone, whether it carried something or not") {
  struct sigaction before {};
  sigaction(SIGPIPE, nullptr, &before);
  std::signal(SIGPIPE, SIG_DFL);
  OneShotServer server("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
  std::atomic<bool> done = false;
  std::atomic<bool> changed = false;
  std::thread watcher([&] {
    while (!done) {
      struct sigaction now {};
      sigaction(SIGPIPE, nullptr, &now);
      if (now.sa_handler == SIG_IGN) changed = true;
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const auto transport = curl_transport({});
    if (i % 2 == 0) continue;
    Request request;
    request.url = server.url();
    transport->submit(request);
    while (!transport->wait(std::chrono::seconds(1))) {
    }
  }
  done = true;
  watcher.join();
  sigaction(SIGPIPE, &before, nullptr);
  CHECK_FALSE(changed);
}

TEST_CASE("a request arrives as it was given and its reply comes back whole") {
  OneShotServer server("HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nhello");
  const auto transport = curl_transport({server.url(), {}, {}});
  Request patch = request("PATCH", server.url("/v1/photos/1"));
  patch.headers = {{"Upload-Offset", "7"}, {"Content-Type", "application/offset+octet-stream"}};
  patch.body = std::string("a\0b", 3);
  const Response response = ask(*transport, std::move(patch));
  CHECK(response.status == 201);
  CHECK(response.body == "hello");
  CHECK(header(response.headers, "LOCATION") == "/x");
  CHECK(response.body_bytes_sent == 3);
  CHECK(server.asked.starts_with("PATCH /v1/photos/1 HTTP/1.1\r\n"));
  CHECK(server.asked.find("Upload-Offset: 7\r\n") != std::string::npos);
  CHECK(server.asked.find("Expect:") == std::string::npos);
  CHECK(server.asked.ends_with(std::string("\r\n\r\na\0b", 7)));
}

TEST_CASE("a redirect is an answer, not a way") {
  OneShotServer server("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  const auto transport = curl_transport({server.url(), {}, {}});
  CHECK(ask(*transport, request("GET", server.url())).status == 302);
}

TEST_CASE("a cookie is not kept") {
  OneShotServer server("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
  const auto transport = curl_transport({server.url(), {}, {}});
  for (int i = 0; i < 2; ++i) CHECK(ask(*transport, request("GET", server.url())).status == 200);
  CHECK(server.asked.find("ookie") == std::string::npos);
}

TEST_CASE("a reply is bounded after it was inflated") {
  const std::string bomb = wire::gzip(std::string(100'000, 'x'));
  OneShotServer server("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(bomb.size()) +
                       "\r\n\r\n" + bomb);
  const auto transport = curl_transport({server.url(), {}, {}});
  Request fits = request("GET", server.url());
  fits.reply_bytes_max = 100'000;
  CHECK(ask(*transport, fits).body.size() == 100'000);
  Request one_less = request("GET", server.url());
  one_less.reply_bytes_max = 99'999;
  const Response response = ask(*transport, one_less);
  CHECK(response.failure == ErrorCode::too_large);
  CHECK(response.status == 0);
  CHECK(response.body.empty());
}

TEST_CASE("a reply that breaks off is no reply") {
  OneShotServer server("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf");
  const auto transport = curl_transport({server.url(), {}, {}});
  const Response response = ask(*transport, request("GET", server.url()));
  CHECK(response.failure == ErrorCode::offline);
  CHECK(response.status == 0);
}

TEST_CASE("headers without end are refused") {
  std::string answer = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 2'000; ++i) answer += "X-" + std::to_string(i) + ": " + std::string(80, 'x') + "\r\n";
  OneShotServer server(answer + "Content-Length: 0\r\n\r\n");
  const auto transport = curl_transport({server.url(), {}, {}});
  CHECK(ask(*transport, request("GET", server.url())).failure == ErrorCode::bad_reply);
}

TEST_CASE("nobody at the other end is offline, and clear text beyond this machine is not sent") {
  const auto transport = curl_transport({"https://county.example", {}, {}});
  CHECK(ask(*transport, request("GET", "http://127.0.0.1:1/")).failure == ErrorCode::offline);
  CHECK(ask(*transport, request("GET", "http://county.example/")).failure == ErrorCode::tls);
  CHECK(ask(*transport, request("GET", "file:///etc/passwd")).failure == ErrorCode::bad_reply);
}

TEST_CASE("a server that speaks no TLS is a TLS failure") {
  OneShotServer server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  const auto transport = curl_transport({server.url(), {}, {}});
  CHECK(ask(*transport, request("GET", "https" + server.url().substr(4))).failure == ErrorCode::tls);
}

TEST_CASE("silence ends at the time-out, a cancelled request as cancelled, a wait by wake") {
  OneShotServer server("");
  const auto transport = curl_transport({server.url(), {}, {}});
  Request silent = request("GET", server.url());
  silent.timeout = std::chrono::milliseconds(50);
  CHECK(ask(*transport, silent).failure == ErrorCode::offline);

  const std::uint64_t id = transport->submit(request("GET", server.url()));
  std::thread waker([&] { transport->wake(); });
  CHECK_FALSE(transport->wait(std::chrono::seconds(20)).has_value());
  waker.join();
  transport->cancel(id);
  const auto completion = transport->wait(std::chrono::seconds(20));
  REQUIRE(completion.has_value());
  CHECK(completion->request == id);
  CHECK(completion->response.failure == ErrorCode::cancelled);
}
