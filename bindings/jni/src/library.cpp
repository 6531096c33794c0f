// Versions, errors, the log and enrolment.
#include "bridge.h"

namespace julu::jni {
namespace {

void on_line(void* context, std::int32_t level, const char* line, std::size_t length) {
  JNIEnv* env = env_here();
  if (env == nullptr) return;
  const Frame frame(env, 4);
  if (!frame) return;
  try {
    env->CallVoidMethod(static_cast<Global*>(context)->object(), known.log, level, to_java(env, line, length));
  } catch (const Pending&) {
    // No memory for a line of the log: it is not told.
  }
  threw(env);
}

}  // namespace

jbyteArray version(JNIEnv* env, jclass) {
  return enter(env, [&] {
    const std::string_view text = julu_version();
    return to_java(env, text.data(), text.size());
  });
}

jboolean is_retryable(JNIEnv*, jclass, jint code) { return julu_error_is_retryable(code) != 0; }

jbyteArray error_message(JNIEnv* env, jclass, jint code, jbyteArray field, jint lang) {
  return ask(env, [&](julu_buf* out, julu_error* error) {
    error->code = julu_error_message(code, Bytes(env, field).text(), lang, out);
    return error->code;
  });
}

jint live_handles(JNIEnv*, jclass) { return julu_live_handles(); }

void set_log(JNIEnv* env, jclass, jobject log) {
  enter(env, [&] {
    Global* kept = keep(env, log);
    auto error = sized<julu_error>();
    error.code = julu_set_log(kept == nullptr ? nullptr : on_line, kept, Global::drop);
    check(env, error.code, error);
  });
}

jbyteArray enrol(JNIEnv* env, jclass, jbyteArray platform, jbyteArray code, jbyteArray root, jbyteArray key, jint flags,
                 jlong consent_at_ms, jlong at_most_ms, jlong transport, jbyteArray ca_file, jbyteArray pinned_key) {
  return ask(env, [&](julu_buf* out, julu_error* error) {
    const Bytes platform_bytes(env, platform);
    const Bytes code_bytes(env, code);
    const Bytes root_bytes(env, root);
    const Bytes key_bytes(env, key);
    const Bytes ca_file_bytes(env, ca_file);
    const Bytes pinned_key_bytes(env, pinned_key);
    auto options = sized<julu_enrol_options>();
    options.flags = static_cast<std::uint32_t>(flags);
    options.platform = platform_bytes.text();
    options.code = code_bytes.text();
    options.root = root_bytes.text();
    options.key = key_bytes.key(env);
    options.consent_at_ms = consent_at_ms;
    options.at_most_ms = at_most_ms;
    options.transport = static_cast<julu_transport>(transport);
    options.ca_file = ca_file_bytes.text();
    options.pinned_key = pinned_key_bytes.text();
    return julu_enrol(&options, out, error);
  });
}

jbyteArray enrolments(JNIEnv* env, jclass, jbyteArray root) {
  return ask(env,
             [&](julu_buf* out, julu_error* error) { return julu_enrolments(Bytes(env, root).text(), out, error); });
}

}  // namespace julu::jni
