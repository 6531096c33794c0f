// How bytes travel: one asynchronous request and its completion. CurlTransport is the default; a host may bring its
// own. Thread rule: used from the thread that runs the Syncer, but `wake` may come from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <julu/error.h>

namespace julu {

using Headers = std::vector<std::pair<std::string, std::string>>;  ///< names in any case

struct Request {
  std::string method;
  std::string url;  ///< absolute
  Headers headers;
  std::string body;
  std::size_t reply_bytes_max = 0;      ///< after decompression; more is the failure too_large
  std::chrono::milliseconds timeout{};  ///< without a byte moving in either direction
};

struct Response {
  int status = 0;  ///< 0: no complete reply; `failure` says why
  Headers headers;
  std::string body;
  std::optional<ErrorCode> failure;  ///< offline, tls, too_large, cancelled, bad_reply
  std::int64_t body_bytes_sent = 0;  ///< of the request's body, as far as known
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// Begins a request and names it; the completion comes from `wait`.
  virtual std::uint64_t submit(Request request) = 0;
  /// The request ends as `cancelled`, or has ended already.
  virtual void cancel(std::uint64_t request) = 0;
  struct Completion {
    std::uint64_t request = 0;
    Response response;
  };
  /// The next completion, or nothing when `at_most` has passed or `wake` was called.
  virtual std::optional<Completion> wait(std::chrono::milliseconds at_most) = 0;
  /// Ends a `wait` under way, from any thread.
  virtual void wake() = 0;
};

struct CurlOptions {
  std::string platform = {};    ///< its origin; http is taken on loopback only
  std::string ca_file = {};     ///< a PEM bundle; libcurl's own default when empty
  std::string pinned_key = {};  ///< curl's form, "sha256//base64…"; none when empty
};

/// The one spelling of a platform's address, which the platform compares with its own: scheme and host in lower case,
/// no port where it is the scheme's own, no slash at the end. Nothing when the text is no address of just an origin.
std::optional<std::string> platform_origin(std::string_view address);

/// libcurl: HTTP/2 where offered, connections kept, no redirects, gzip replies. Null when libcurl cannot start.
std::unique_ptr<Transport> curl_transport(const CurlOptions& options);

/// Of a header name in any case; empty when absent.
std::string header(const Headers& headers, std::string_view name);

}  // namespace julu
