// Versions, memory, errors, the log, and enrolment.
#include <cstdlib>

#include <julu/enrol.h>
#include <julu/log.h>

#include "json.h"
#include "objects.h"

using namespace julu;
using namespace julu::c;

extern "C" {

std::uint32_t julu_abi_version(void) { return JULU_ABI_VERSION; }
const char* julu_version(void) { return JULU_VERSION; }

void julu_buf_free(julu_buf* buf) {
  if (buf == nullptr) return;
  std::free(buf->data);
  *buf = julu_buf{};
}

// The names are constants of the core, each with its NUL.
const char* julu_error_name(std::int32_t code) { return name(static_cast<ErrorCode>(code)).data(); }

std::int32_t julu_error_is_retryable(std::int32_t code) { return is_retryable(static_cast<ErrorCode>(code)) ? 1 : 0; }

std::int32_t julu_error_message(std::int32_t code, julu_text field, std::int32_t lang, julu_buf* out) {
  return guard_bytes(out, nullptr, [&]() -> Result<std::string> {
    Error error{static_cast<ErrorCode>(code), {}, {}};
    JULU_TRY(error.field, text(field, "field"));
    return message(error, lang == JULU_LANG_EN ? Lang::en : Lang::zh);
  });
}

std::int32_t julu_live_handles(void) { return live_handles(); }

std::int32_t julu_set_log(julu_log_fn fn, void* context, julu_release_fn release) {
  return guard(nullptr, [&]() -> Result<void> {
    const auto callback = std::make_shared<Callback<julu_log_fn>>(fn, context, release);
    if (fn == nullptr) {
      set_log({});
    } else {
      set_log([callback](LogLevel level, std::string_view line) {
        callback->fn(callback->context, static_cast<std::int32_t>(level), line.data(), line.size());
      });
    }
    return {};
  });
}

std::int32_t julu_enrol(const julu_enrol_options* options, julu_buf* device, julu_error* error) {
  return guard_bytes(device, error, [&]() -> Result<std::string> {
    JULU_TRY(const julu_enrol_options given, read_struct(options, "options"));
    if (forked()) return Error{ErrorCode::closed, {}, "fork"};
    if (given.at_most_ms < 0) return Error{ErrorCode::bad_argument, "at_most_ms", {}};
    EnrolOptions enrolment;
    JULU_TRY(enrolment.platform, name_text(given.platform, "platform"));
    JULU_TRY(enrolment.code, name_text(given.code, "code"));
    JULU_TRY(enrolment.root, name_text(given.root, "root"));
    enrolment.encrypted = (given.flags & JULU_UNENCRYPTED) == 0;
    if (enrolment.encrypted) {
      JULU_TRY(enrolment.key, OpenStore::ask_key(given.key, nullptr));
    }
    JULU_TRY(enrolment.ca_file, option_text(given.ca_file, "ca_file"));
    JULU_TRY(enrolment.pinned_key, option_text(given.pinned_key, "pinned_key"));
    enrolment.consent_at_ms = given.consent_at_ms;
    if (given.at_most_ms > 0) enrolment.at_most = std::chrono::milliseconds(given.at_most_ms);
    std::shared_ptr<Transport> transport;
    if (given.transport != 0) {
      JULU_TRY(transport, host_transport(given.transport));
    }
    enrolment.transport = transport.get();
    JULU_TRY(const Device made, enrol(enrolment));
    return dump(json_of(made));
  });
}

std::int32_t julu_enrolments(julu_text root, julu_buf* out, julu_error* error) {
  return guard_bytes(out, error, [&]() -> Result<std::string> {
    JULU_TRY(const std::string folder, name_text(root, "root"));
    JULU_TRY(const auto there, enrolments(folder));
    Json list = Json::array();
    for (const Enrolled& one : there) list.push_back({{"worker", one.worker}, {"directory", one.directory}});
    return dump(list);
  });
}

}  // extern "C"
