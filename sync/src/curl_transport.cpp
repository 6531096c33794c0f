// The default transport, and the only file that knows libcurl. One multi handle, driven from `wait`; nothing runs
// between waits. A transfer owns its request and reply until its completion is handed out.
#include <julu/transport.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>

#include <curl/curl.h>

#include <julu/limits.h>

#include "url.h"

namespace julu {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr long kUploadBufferBytes = 512 * 1024;  // a photo in few writes
constexpr std::size_t kIdleHandlesMax = 4;

bool start_curl() {
  static std::once_flag once;
  static bool started = false;
  std::call_once(once, [] { started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; });
  return started;
}

struct Transfer {
  std::uint64_t id = 0;
  Request request;
  Response response;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::size_t header_bytes = 0;
  std::optional<ErrorCode> refused;  // why a callback ended the transfer
  curl_off_t moved = -1;             // bytes in both directions when last looked at
  SteadyTime moved_at;
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t bytes = size * count;
  if (bytes > transfer.request.reply_bytes_max - transfer.response.body.size()) {
    transfer.refused = ErrorCode::too_large;
    return 0;
  }
  transfer.response.body.append(data, bytes);
  return bytes;
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view line(data, size * count);
  transfer.header_bytes += line.size();
  if (transfer.header_bytes > limits::header_bytes_max) {
    transfer.refused = ErrorCode::bad_reply;
    return 0;
  }
  if (line.starts_with("HTTP/")) {
    transfer.response.headers.clear();  // an interim reply came before
    return line.size();
  }
  const auto colon = line.find(':');
  if (colon != std::string_view::npos) {
    transfer.response.headers.emplace_back(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
  return line.size();
}

int on_progress(void* context, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
  auto& transfer = *static_cast<Transfer*>(context);
  const curl_off_t moved = down + up + static_cast<curl_off_t>(transfer.header_bytes);
  if (moved != transfer.moved) {
    transfer.moved = moved;
    transfer.moved_at = std::chrono::steady_clock::now();
  }
  return 0;
}

bool is_of_tls(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_UNSUPPORTED_PROTOCOL: return true;
    default: return false;
  }
}

ErrorCode failure_of(CURL* easy, CURLcode code) {
  if (is_of_tls(code)) return ErrorCode::tls;
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR: {
      // A handshake that the network cut off says nothing about certificates.
      long os_error = 0;
      curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
      return os_error != 0 ? ErrorCode::offline : ErrorCode::tls;
    }
    case CURLE_FILESIZE_EXCEEDED: return ErrorCode::too_large;
    case CURLE_URL_MALFORMAT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: return ErrorCode::bad_reply;
    default: return ErrorCode::offline;
  }
}

class CurlTransport final : public Transport {
 public:
  CurlTransport(CurlOptions options, CURLM* multi) : options_(std::move(options)), multi_(multi) {
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    // The handle closes connections as its last transfer said about signals; before the first it would take SIGPIPE
    // away from the whole process for a moment.
    if (CURL* first = curl_easy_init(); first != nullptr) {
      curl_easy_setopt(first, CURLOPT_NOSIGNAL, 1L);
      curl_multi_add_handle(multi_, first);
      curl_multi_remove_handle(multi_, first);
      curl_easy_cleanup(first);
    }
  }

  ~CurlTransport() override {
    for (auto& [easy, transfer] : active_) {
      curl_multi_remove_handle(multi_, easy);
      curl_slist_free_all(transfer->headers);
      curl_easy_cleanup(easy);
    }
    for (CURL* easy : idle_) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi_);
  }

  std::uint64_t submit(Request request) override {
    auto transfer = std::make_unique<Transfer>();
    transfer->id = ++last_id_;
    transfer->request = std::move(request);
    const auto refused = begin(*transfer);
    const std::uint64_t id = transfer->id;
    if (refused) {
      transfer->response.failure = refused;
      finish(*transfer);
    } else {
      active_.emplace(transfer->easy, std::move(transfer));
    }
    return id;
  }

  void cancel(std::uint64_t request) override {
    const auto at =
        std::find_if(active_.begin(), active_.end(), [&](const auto& entry) { return entry.second->id == request; });
    if (at != active_.end()) end(at, ErrorCode::cancelled, false);
  }

  std::optional<Completion> wait(std::chrono::milliseconds at_most) override {
    const SteadyTime until = std::chrono::steady_clock::now() + at_most;
    for (;;) {
      perform();
      if (!done_.empty()) {
        Completion completion = std::move(done_.front());
        done_.pop_front();
        return completion;
      }
      if (woken_.exchange(false)) return std::nullopt;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0) return std::nullopt;
      // Now and then it looks for transfers that stand still.
      const auto slice = std::min<std::chrono::milliseconds::rep>(left.count(), 1000);
      curl_multi_poll(multi_, nullptr, 0, static_cast<int>(slice), nullptr);
    }
  }

  void wake() override {
    woken_ = true;
    curl_multi_wakeup(multi_);
  }

 private:
  using Active = std::map<CURL*, std::unique_ptr<Transfer>>;

  std::optional<ErrorCode> begin(Transfer& transfer) {
    const std::string& url = transfer.request.url;
    if (!origin_of(url)) return ErrorCode::bad_reply;
    if (!is_confidential(url)) return ErrorCode::tls;
    if (idle_.empty()) {
      transfer.easy = curl_easy_init();
    } else {
      transfer.easy = idle_.back();
      idle_.pop_back();
    }
    if (transfer.easy == nullptr) return ErrorCode::offline;
    set_up_connection(transfer.easy, url);
    set_up_request(transfer);
    transfer.moved_at = std::chrono::steady_clock::now();
    if (curl_multi_add_handle(multi_, transfer.easy) != CURLM_OK) {
      give_back(transfer);
      return ErrorCode::offline;
    }
    return std::nullopt;
  }

  // What matters when a transfer is given up as well: nobody waits for a name that is still being looked up.
  static void set_up_end(CURL* easy) {
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
  }

  void set_up_connection(CURL* easy, const std::string& url) const {
    set_up_end(easy);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, static_cast<long>(limits::redirects_max));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits::connect_timeout_ms));
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    if (is_loopback(url)) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (!options_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
    // The pin is the platform's; a photo server on an allowed origin of its own has another key.
    const bool is_platform = options_.platform.empty() || origin_of(url) == origin_of(options_.platform);
    if (is_platform && !options_.pinned_key.empty()) {
      curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, options_.pinned_key.c_str());
    }
  }

  static void set_up_request(Transfer& transfer) {
    CURL* easy = transfer.easy;
    const Request& request = transfer.request;
    for (const auto& [name, value] : request.headers) {
      // "Name;" is curl's form of a header without a value.
      const std::string line = value.empty() ? name + ";" : name + ": " + value;
      transfer.headers = curl_slist_append(transfer.headers, line.c_str());
    }
    transfer.headers = curl_slist_append(transfer.headers, "Expect:");  // a round trip saved
    if (header(request.headers, "Content-Type").empty()) {
      transfer.headers = curl_slist_append(transfer.headers, "Content-Type:");
    }
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
    if (request.method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method == "GET") {
      curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
      curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    } else {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
      if (request.method != "POST") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
      curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    }
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &transfer);
  }

  void perform() {
    if (active_.empty()) return;
    int running = 0;
    curl_multi_perform(multi_, &running);
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;  // the message dies with its handle
      const auto at = active_.find(message->easy_handle);
      assert(at != active_.end());
      if (code == CURLE_OK) {
        end(at, std::nullopt, true);
      } else {
        end(at, at->second->refused.value_or(failure_of(at->first, code)), true);
      }
    }
    end_what_stands_still();
  }

  void end_what_stands_still() {
    const SteadyTime now = std::chrono::steady_clock::now();
    for (auto at = active_.begin(); at != active_.end();) {
      const auto here = at++;
      const Transfer& transfer = *here->second;
      if (transfer.request.timeout.count() > 0 && now - transfer.moved_at > transfer.request.timeout) {
        end(here, ErrorCode::offline, false);
      }
    }
  }

  void end(Active::iterator at, std::optional<ErrorCode> failure, bool reuse) {
    const std::unique_ptr<Transfer> transfer = std::move(at->second);
    active_.erase(at);
    Response& response = transfer->response;
    curl_off_t sent = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    response.body_bytes_sent = sent;
    if (failure) {
      response.failure = failure;
      response.headers.clear();
      response.body.clear();
    } else {
      long status = 0;
      curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
      response.status = static_cast<int>(status);
    }
    // Or HTTP/2 ends the stream alone, and the next request stands still on the same dead connection.
    if (!reuse) curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 1L);
    curl_multi_remove_handle(multi_, transfer->easy);
    if (reuse) {
      give_back(*transfer);
    } else {
      curl_easy_cleanup(transfer->easy);
      transfer->easy = nullptr;
      curl_slist_free_all(std::exchange(transfer->headers, nullptr));
    }
    finish(*transfer);
  }

  void give_back(Transfer& transfer) {
    curl_slist_free_all(std::exchange(transfer.headers, nullptr));
    CURL* easy = std::exchange(transfer.easy, nullptr);
    if (idle_.size() >= kIdleHandlesMax) {
      curl_easy_cleanup(easy);
      return;
    }
    curl_easy_reset(easy);
    set_up_end(easy);
    idle_.push_back(easy);
  }

  void finish(Transfer& transfer) { done_.push_back({transfer.id, std::move(transfer.response)}); }

  CurlOptions options_;
  CURLM* multi_;
  Active active_;
  std::vector<CURL*> idle_;
  std::deque<Completion> done_;
  std::uint64_t last_id_ = 0;
  std::atomic<bool> woken_ = false;
};

}  // namespace

std::unique_ptr<Transport> curl_transport(const CurlOptions& options) {
  if (!start_curl()) return nullptr;
  CURLM* multi = curl_multi_init();
  if (multi == nullptr) return nullptr;
  return std::make_unique<CurlTransport>(options, multi);
}

}  // namespace julu
