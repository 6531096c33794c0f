// One ping, so that no code is handed to a captive portal, and one question. The key pair is on disk before the first
// byte goes out. Thread rule: blocks the calling thread.
#include <julu/enrol.h>

#include <algorithm>

#include <julu/limits.h>

#include "assertion.h"
#include "url.h"
#include "wire.h"

namespace julu {
namespace {

// A-Z and 0-9 as they were handed out, whatever a person put between them.
std::string normalised(std::string_view code) {
  std::string out;
  for (const char c : code) {
    if (c >= 'a' && c <= 'z')
      out += static_cast<char>(c - 32);
    else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
      out += c;
  }
  return out;
}

Result<std::string> checked_platform(std::string_view address) {
  auto platform = platform_origin(address);
  if (!platform || !is_confidential(*platform)) return Error{ErrorCode::bad_argument, "/platform", {}};
  return *std::move(platform);
}

class Enroller {
 public:
  Enroller(const EnrolOptions& options, Transport& transport, std::string platform)
      : transport_(transport),
        clock_(options.clock != nullptr ? *options.clock : system_clock()),
        random_(options.random != nullptr ? *options.random : system_random()),
        platform_(std::move(platform)),
        deadline_ms_(clock_.monotonic_ms() +
                     std::clamp<std::int64_t>(options.at_most.count(), 0, limits::call_ms_max)) {}

  Result<void> ping() {
    const std::string nonce = random_name(random_);
    Request request;
    request.method = "GET";
    request.url = platform_ + "/v1/ping?n=" + nonce;
    JULU_TRY(const Response response, send(std::move(request)));
    if (response.status == 200) {
      const auto ping = wire::decode_ping(response.body, nonce);
      return ping ? Result<void>() : Result<void>(ping.error());
    }
    if (response.status == 426) return Error{ErrorCode::app_too_old, {}, {}};
    if (response.status == 429) return Error{ErrorCode::limited, {}, {}};
    if (response.status >= 500 && response.status != 511) return Error{ErrorCode::server, {}, {}};
    return Error{ErrorCode::captive_portal, {}, {}};
  }

  Result<Identity> ask(const std::string& code, const Enrolment& enrolment) {
    const PublicKey key = enrolment.public_key();
    const Signature proof = enrolment.sign(wire::enrolment_proof_text(platform_, code, key));
    Request request;
    request.method = "POST";
    request.url = platform_ + "/v1/devices";
    request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
    request.body = wire::encode_enrolment(code, key, proof);
    JULU_TRY(const Response response, send(std::move(request)));
    if (response.status >= 200 && response.status < 300) return wire::decode_enrolment(response.body, platform_);
    const std::string type = wire::decode_problem(response).type;
    const bool of_the_platform = response.status >= 500 || response.status == 426 || response.status == 429;
    if (type.empty() && !of_the_platform) return Error{ErrorCode::bad_reply, {}, {}};  // a gateway before it speaks
    switch (response.status) {
      case 403:
        // It is known to its platform by another address than the one that was given.
        if (type == "proof-refused") return Error{ErrorCode::bad_argument, "/platform", type};
        return Error{ErrorCode::enrolment_refused, "/code", type};
      case 400:
      case 422: return Error{ErrorCode::enrolment_refused, "/code", type};
      case 426: return Error{ErrorCode::app_too_old, {}, type};
      case 429: return Error{ErrorCode::limited, {}, type};
      default: break;
    }
    return Error{response.status >= 500 ? ErrorCode::server : ErrorCode::bad_reply, {}, type};
  }

 private:
  Result<Response> send(Request request) {
    request.reply_bytes_max = limits::enrolment_bytes_max;
    request.timeout = std::chrono::milliseconds(limits::request_timeout_ms);
    const std::uint64_t id = transport_.submit(std::move(request));
    for (;;) {
      const std::int64_t left = deadline_ms_ - clock_.monotonic_ms();
      if (left <= 0) {
        transport_.cancel(id);
        return Error{ErrorCode::offline, {}, {}};
      }
      auto completion = transport_.wait(std::chrono::milliseconds(left));
      if (!completion || completion->request != id) continue;
      Response& response = completion->response;
      // Whoever answers at such length is not the platform.
      if (response.failure == ErrorCode::too_large) return Error{ErrorCode::captive_portal, {}, {}};
      if (response.status == 0) return Error{response.failure.value_or(ErrorCode::offline), {}, {}};
      return std::move(response);
    }
  }

  Transport& transport_;
  Clock& clock_;
  Random& random_;
  std::string platform_;
  std::int64_t deadline_ms_;
};

Result<Device> ask_county(const EnrolOptions& options) {
  if (options.consent_at_ms <= 0) return Error{ErrorCode::consent_missing, "consent", {}};
  const std::string code = normalised(options.code);
  if (code.size() < limits::code_bytes_min || code.size() > limits::code_bytes_max)
    return Error{ErrorCode::bad_argument, "/code", {}};
  JULU_TRY(const std::string platform, checked_platform(options.platform));

  Enrolment::Options begun;
  begun.root = options.root;
  begun.key = options.key;
  begun.encrypted = options.encrypted;
  begun.platform = platform;
  begun.code = code;
  begun.consent_at_ms = options.consent_at_ms;
  begun.clock = options.clock;
  begun.random = options.random;
  begun.vfs = options.vfs;
  JULU_TRY(const auto enrolment, Enrolment::begin(std::move(begun)));

  std::unique_ptr<Transport> own;
  if (options.transport == nullptr) own = curl_transport({platform, options.ca_file, options.pinned_key});
  Transport* transport = options.transport != nullptr ? options.transport : own.get();
  if (transport == nullptr) return Error{ErrorCode::internal, {}, "transport"};

  Enroller enroller(options, *transport, platform);
  JULU_CHECK(enroller.ping());
  JULU_TRY(Identity identity, enroller.ask(code, *enrolment));
  JULU_TRY(const std::string directory, enrolment->finish(identity));
  return Device{directory, std::move(identity)};
}

}  // namespace

Result<Device> enrol(const EnrolOptions& options) {
  auto device = ask_county(options);
  if (device || !device.error().field.empty()) return device;
  return Error{device.error().code, "enrol", device.error().detail};
}

}  // namespace julu
