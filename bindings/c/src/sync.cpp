// Syncs, and transports of the host's own.
#include <condition_variable>
#include <deque>
#include <map>

#include <julu/limits.h>

#include "objects.h"

using namespace julu;
using namespace julu::c;

namespace {

julu_text text_of(std::string_view text) { return {text.data(), text.size()}; }

// What a host says went wrong; a number that is none of ours is the network's.
ErrorCode failure_of(std::int32_t told) {
  const auto code = static_cast<ErrorCode>(told);
  return told != JULU_OK && name(code) != "unknown" ? code : ErrorCode::offline;
}

/// Hands requests to the host and its replies back. What the host says too late, or twice, nobody hears.
class HostTransport final : public Transport {
 public:
  explicit HostTransport(const julu_transport_options& host) : host_(host) {}
  ~HostTransport() override {
    if (host_.release != nullptr) host_.release(host_.context);
  }

  std::uint64_t submit(Request request) override {
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mutex_);
      id = ++last_;
      reply_bytes_max_[id] = request.reply_bytes_max;
    }
    std::int32_t refused = closed_ ? JULU_ERROR_OFFLINE : JULU_OK;
    if (refused == JULU_OK) refused = begin(id, request);
    if (refused != JULU_OK) {
      Response response;
      response.failure = failure_of(refused);
      complete(id, std::move(response));
    }
    return id;
  }

  void cancel(std::uint64_t id) override {
    Response response;
    response.failure = ErrorCode::cancelled;
    if (complete(id, std::move(response)) && host_.cancel != nullptr) host_.cancel(host_.context, id);
  }

  std::optional<Completion> wait(std::chrono::milliseconds at_most) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, at_most, [this] { return !completed_.empty() || woken_; });
    woken_ = false;
    if (completed_.empty()) return std::nullopt;
    Completion next = std::move(completed_.front());
    completed_.pop_front();
    return next;
  }

  void wake() override {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }

  /// False when nobody waits for this request.
  bool complete(std::uint64_t id, Response response) {
    const std::lock_guard lock(mutex_);
    const auto waiting = reply_bytes_max_.find(id);
    if (waiting == reply_bytes_max_.end()) return false;
    if (response.body.size() > waiting->second) {
      response = Response{};
      response.failure = ErrorCode::too_large;
    }
    reply_bytes_max_.erase(waiting);
    completed_.push_back({id, std::move(response)});
    changed_.notify_all();
    return true;
  }

  void close() {
    std::vector<std::uint64_t> waiting;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      for (const auto& [id, bytes] : reply_bytes_max_) waiting.push_back(id);
    }
    for (const std::uint64_t id : waiting) {
      Response response;
      response.failure = ErrorCode::offline;
      complete(id, std::move(response));
    }
  }

 private:
  std::int32_t begin(std::uint64_t id, const Request& request) {
    std::vector<julu_header> headers;
    for (const auto& [name, value] : request.headers) headers.push_back({text_of(name), text_of(value)});
    julu_request told{};
    told.size = sizeof(told);
    told.header_count = static_cast<std::uint32_t>(headers.size());
    told.method = text_of(request.method);
    told.url = text_of(request.url);
    told.headers = headers.data();
    told.body = text_of(request.body);
    told.reply_bytes_max = request.reply_bytes_max;
    told.timeout_ms = request.timeout.count();
    return host_.submit(host_.context, id, &told);
  }

  const julu_transport_options host_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::size_t> reply_bytes_max_;  // of those under way
  std::deque<Completion> completed_;
  bool woken_ = false;
  std::atomic<bool> closed_ = false;
};

// As they would stand on the wire, so that headers without any text end too; libcurl's are counted so.
bool headers_fit(const julu_response& given) {
  constexpr std::size_t kBetween = 4;  // ": " and the end of the line
  std::size_t left = limits::header_bytes_max;
  for (std::uint32_t i = 0; i < given.header_count; ++i) {
    for (const std::size_t bytes : {given.headers[i].name.length, given.headers[i].value.length, kBetween}) {
      if (bytes > left) return false;
      left -= bytes;
    }
  }
  return true;
}

Result<Response> response_of(const julu_response& given) {
  Response response;
  response.status = given.status;
  response.body_bytes_sent = given.body_bytes_sent;
  if (given.status == 0 || given.failure != JULU_OK) {
    response.status = 0;
    response.failure = failure_of(given.failure);
    return response;
  }
  if (given.headers == nullptr && given.header_count > 0) return Error{ErrorCode::bad_argument, "headers", "null"};
  if (!headers_fit(given)) {
    response.status = 0;
    response.failure = ErrorCode::bad_reply;
    return response;
  }
  for (std::uint32_t i = 0; i < given.header_count; ++i) {
    JULU_TRY(std::string header, text(given.headers[i].name, "headers"));
    JULU_TRY(std::string value, text(given.headers[i].value, "headers"));
    response.headers.emplace_back(std::move(header), std::move(value));
  }
  JULU_TRY(response.body, text(given.body, "body"));
  return response;
}

julu_progress progress_of(const SyncProgress& now) {
  julu_progress told{};
  told.size = sizeof(told);
  told.ops_done = now.ops_done;
  told.ops_total = now.ops_total;
  told.thumbnails_done = now.thumbnails_done;
  told.thumbnails_total = now.thumbnails_total;
  told.photos_done = now.photos_done;
  told.photos_total = now.photos_total;
  told.bytes_done = now.bytes_done;
  told.bytes_total = now.bytes_total;
  return told;
}

julu_outcome outcome_of(const SyncOutcome& outcome) {
  static_assert(static_cast<int>(SyncEnd::app_too_old) == JULU_END_APP_TOO_OLD);
  julu_outcome told{};
  told.end = static_cast<std::int32_t>(outcome.end);
  told.failure = outcome.failure ? static_cast<std::int32_t>(outcome.failure->code) : JULU_OK;
  told.ops_delivered = outcome.ops_delivered;
  told.ops_left = outcome.ops_left;
  told.ops_parked = outcome.ops_parked;
  told.photos_sent = outcome.photos_sent;
  told.photos_left = outcome.photos_left;
  told.photo_bytes_sent = outcome.photo_bytes_sent;
  told.records_changed = outcome.records_changed;
  told.requests = outcome.requests;
  told.next_attempt_ms = outcome.next_attempt_ms.value_or(-1);
  return told;
}

Result<std::shared_ptr<Transport>> transport_for(const OpenStore& store, const julu_sync_options& given) {
  if (given.transport != 0) return host_transport(given.transport);
  CurlOptions options;
  JULU_TRY(options.platform, option_text(given.platform, "platform"));
  JULU_TRY(options.ca_file, option_text(given.ca_file, "ca_file"));
  JULU_TRY(options.pinned_key, option_text(given.pinned_key, "pinned_key"));
  const std::string enrolled = store.store->identity().platform;
  // A pin on another origin than the one that requests go to would pin nothing.
  if (!options.platform.empty() && platform_origin(options.platform) != enrolled) {
    return Error{ErrorCode::bad_argument, "platform", {}};
  }
  options.platform = enrolled;
  std::shared_ptr<Transport> transport = curl_transport(options);
  if (transport == nullptr) return Error{ErrorCode::internal, "transport", {}};
  return transport;
}

}  // namespace

namespace julu::c {

Result<std::shared_ptr<Transport>> host_transport(julu_transport transport) {
  JULU_TRY(std::shared_ptr<HostTransport> host, object<HostTransport>(Kind::transport, transport));
  return std::shared_ptr<Transport>(std::move(host));
}

}  // namespace julu::c

extern "C" {

std::int32_t julu_sync_open(julu_store store, const julu_sync_options* options, julu_sync* out, julu_error* error) {
  if (out != nullptr) *out = 0;
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, open_store(store));
    if (out == nullptr) return Error{ErrorCode::bad_argument, "out", "null"};
    julu_sync_options given{};
    if (options != nullptr) {
      JULU_TRY(given, read_struct(options, "options"));
    }
    JULU_TRY(auto transport, transport_for(*open, given));
    const auto sync = std::make_shared<OpenSync>(open, std::move(transport));
    open->know(sync);
    return give_handle(Kind::sync, sync, out);
  });
}

void julu_sync_close(julu_sync sync) {
  static_cast<void>(guard(nullptr, [&]() -> Result<void> {
    const auto gone = std::static_pointer_cast<OpenSync>(take_handle(Kind::sync, sync));
    if (gone != nullptr) gone->shut();
    return {};
  }));
}

std::int32_t julu_sync_run(julu_sync sync, std::int64_t at_most_ms, julu_progress_fn progress, void* context,
                           julu_outcome* out, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, object<OpenSync>(Kind::sync, sync));
    if (at_most_ms < 0) return Error{ErrorCode::bad_argument, "at_most_ms", {}};
    JULU_CHECK(check_out(out, "out"));
    SyncOptions options;
    if (at_most_ms > 0) options.at_most = std::chrono::milliseconds(at_most_ms);
    if (progress != nullptr) {
      options.progress = [&](const SyncProgress& now) {
        const julu_progress told = progress_of(now);
        progress(context, &told);
      };
    }
    JULU_TRY(const SyncOutcome outcome, open->run(options));
    write_struct(out, outcome_of(outcome));
    return {};
  });
}

std::int32_t julu_sync_cancel(julu_sync sync, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, object<OpenSync>(Kind::sync, sync));
    open->syncer().cancel();
    return {};
  });
}

std::int32_t julu_sync_hint(julu_sync sync, julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto open, object<OpenSync>(Kind::sync, sync));
    return open->syncer().hint();
  });
}

std::int32_t julu_transport_open(const julu_transport_options* options, julu_transport* out, julu_error* error) {
  if (out != nullptr) *out = 0;
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const julu_transport_options given, read_struct(options, "options"));
    const auto transport = std::make_shared<HostTransport>(given);
    if (out == nullptr) return Error{ErrorCode::bad_argument, "out", "null"};
    if (given.submit == nullptr) return Error{ErrorCode::bad_argument, "submit", "null"};
    return give_handle(Kind::transport, transport, out);
  });
}

std::int32_t julu_transport_complete(julu_transport transport, std::uint64_t request_id, const julu_response* response,
                                     julu_error* error) {
  return guard(error, [&]() -> Result<void> {
    JULU_TRY(const auto host, object<HostTransport>(Kind::transport, transport));
    JULU_TRY(const julu_response given, read_struct(response, "response"));
    JULU_TRY(Response taken, response_of(given));
    host->complete(request_id, std::move(taken));
    return {};
  });
}

void julu_transport_close(julu_transport transport) {
  static_cast<void>(guard(nullptr, [&]() -> Result<void> {
    const auto gone = std::static_pointer_cast<HostTransport>(take_handle(Kind::transport, transport));
    if (gone != nullptr) gone->close();
    return {};
  }));
}

}  // extern "C"
