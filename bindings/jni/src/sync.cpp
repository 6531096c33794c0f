// Syncs and transports of the host's own.
#include <iterator>
#include <vector>

#include "bridge.h"

namespace julu::jni {
namespace {

struct Listener {
  JNIEnv* env;
  jobject progress;
};

void on_progress(void* context, const julu_progress* now) {
  const auto* listener = static_cast<const Listener*>(context);
  JNIEnv* env = listener->env;
  const Frame frame(env, 4);
  if (!frame) return;
  const jlong numbers[] = {now->ops_done,    now->ops_total,    now->thumbnails_done, now->thumbnails_total,
                           now->photos_done, now->photos_total, now->bytes_done,      now->bytes_total};
  try {
    jlongArray told = jni::to_java(env, numbers, static_cast<jsize>(std::size(numbers)));
    env->CallVoidMethod(listener->progress, known.progress, told);
  } catch (const Pending&) {
    // No memory to tell it with: the next one may be told.
  }
  threw(env);
}

jbyteArray to_java(JNIEnv* env, julu_text text) { return jni::to_java(env, text.data, text.length); }

jobjectArray headers_of(JNIEnv* env, const julu_request& request) {
  jobjectArray words = env->NewObjectArray(static_cast<jsize>(2 * request.header_count), known.bytes, nullptr);
  if (words == nullptr) throw Pending{};
  for (jsize i = 0; i < static_cast<jsize>(2 * request.header_count); ++i) {
    const julu_header& header = request.headers[i / 2];
    jbyteArray word = to_java(env, i % 2 == 0 ? header.name : header.value);
    env->SetObjectArrayElement(words, i, word);
    env->DeleteLocalRef(word);
  }
  return words;
}

std::int32_t on_submit(void* context, std::uint64_t id, const julu_request* request) {
  JNIEnv* env = env_here();
  if (env == nullptr) return JULU_ERROR_OFFLINE;
  const Frame frame(env, 16);
  if (!frame) return JULU_ERROR_OFFLINE;
  std::int32_t done = JULU_ERROR_OFFLINE;
  try {
    jbyteArray method = to_java(env, request->method);
    jbyteArray url = to_java(env, request->url);
    jobjectArray headers = headers_of(env, *request);
    jbyteArray body = to_java(env, request->body);
    done = env->CallIntMethod(static_cast<Global*>(context)->object(), known.host_submit, static_cast<jlong>(id),
                              method, url, headers, body, static_cast<jlong>(request->reply_bytes_max),
                              static_cast<jlong>(request->timeout_ms));
  } catch (const Pending&) {
    // No memory for the request: it cannot begin.
  }
  return threw(env) ? JULU_ERROR_OFFLINE : done;
}

void on_cancel(void* context, std::uint64_t id) {
  JNIEnv* env = env_here();
  if (env == nullptr) return;
  const Frame frame(env, 4);
  if (!frame) return;
  env->CallVoidMethod(static_cast<Global*>(context)->object(), known.host_cancel, static_cast<jlong>(id));
  threw(env);
}

// A reply's headers, copied out of their byte[][].
class Headers {
 public:
  Headers(JNIEnv* env, jobjectArray words) {
    const jsize count = words == nullptr ? 0 : env->GetArrayLength(words) / 2;
    texts_.reserve(static_cast<std::size_t>(2 * count));
    for (jsize i = 0; i < 2 * count; ++i) {
      auto word = static_cast<jbyteArray>(env->GetObjectArrayElement(words, i));
      const Bytes bytes(env, word);
      const julu_text text = bytes.text();
      texts_.emplace_back(text.data == nullptr ? "" : text.data, text.length);
      env->DeleteLocalRef(word);
    }
    for (std::size_t i = 0; i < texts_.size(); i += 2) {
      list_.push_back({{texts_[i].data(), texts_[i].size()}, {texts_[i + 1].data(), texts_[i + 1].size()}});
    }
  }
  const julu_header* data() const { return list_.data(); }
  std::uint32_t size() const { return static_cast<std::uint32_t>(list_.size()); }

 private:
  std::vector<std::string> texts_;
  std::vector<julu_header> list_;
};

}  // namespace

jlong sync_open(JNIEnv* env, jclass, jlong store, jlong transport, jbyteArray platform, jbyteArray ca_file,
                jbyteArray pinned_key) {
  return enter(env, [&] {
    const Bytes platform_bytes(env, platform);
    const Bytes ca_file_bytes(env, ca_file);
    const Bytes pinned_key_bytes(env, pinned_key);
    auto options = sized<julu_sync_options>();
    options.transport = static_cast<julu_transport>(transport);
    options.platform = platform_bytes.text();
    options.ca_file = ca_file_bytes.text();
    options.pinned_key = pinned_key_bytes.text();
    julu_sync sync = 0;
    auto error = sized<julu_error>();
    check(env, julu_sync_open(static_cast<julu_store>(store), &options, &sync, &error), error);
    return static_cast<jlong>(sync);
  });
}

void sync_close(JNIEnv*, jclass, jlong sync) { julu_sync_close(static_cast<julu_sync>(sync)); }

jlongArray sync_run(JNIEnv* env, jclass, jlong sync, jlong at_most_ms, jobject progress) {
  return enter(env, [&] {
    Listener listener{env, progress};
    auto outcome = sized<julu_outcome>();
    auto error = sized<julu_error>();
    check(env,
          julu_sync_run(static_cast<julu_sync>(sync), at_most_ms, progress == nullptr ? nullptr : on_progress,
                        &listener, &outcome, &error),
          error);
    const jlong numbers[] = {outcome.end,         outcome.failure,          outcome.ops_delivered,
                             outcome.ops_left,    outcome.ops_parked,       outcome.photos_sent,
                             outcome.photos_left, outcome.photo_bytes_sent, outcome.records_changed,
                             outcome.requests,    outcome.next_attempt_ms};
    return jni::to_java(env, numbers, static_cast<jsize>(std::size(numbers)));
  });
}

void sync_cancel(JNIEnv* env, jclass, jlong sync) {
  enter(env, [&] {
    auto error = sized<julu_error>();
    check(env, julu_sync_cancel(static_cast<julu_sync>(sync), &error), error);
  });
}

void sync_hint(JNIEnv* env, jclass, jlong sync) {
  enter(env, [&] {
    auto error = sized<julu_error>();
    check(env, julu_sync_hint(static_cast<julu_sync>(sync), &error), error);
  });
}

jlong transport_open(JNIEnv* env, jclass, jobject host) {
  return enter(env, [&] {
    auto options = sized<julu_transport_options>();
    options.submit = host == nullptr ? nullptr : on_submit;
    options.cancel = on_cancel;
    options.context = keep(env, host);
    options.release = Global::drop;
    julu_transport transport = 0;
    auto error = sized<julu_error>();
    check(env, julu_transport_open(&options, &transport, &error), error);
    return static_cast<jlong>(transport);
  });
}

void transport_complete(JNIEnv* env, jclass, jlong transport, jlong request, jint status, jint failure,
                        jobjectArray headers, jbyteArray body, jlong body_bytes_sent) {
  enter(env, [&] {
    const Headers given(env, headers);
    const Bytes bytes(env, body);
    auto response = sized<julu_response>();
    response.status = status;
    response.failure = failure;
    response.headers = given.data();
    response.header_count = given.size();
    response.body = bytes.text();
    response.body_bytes_sent = body_bytes_sent;
    auto error = sized<julu_error>();
    check(env,
          julu_transport_complete(static_cast<julu_transport>(transport), static_cast<std::uint64_t>(request),
                                  &response, &error),
          error);
  });
}

void transport_close(JNIEnv*, jclass, jlong transport) { julu_transport_close(static_cast<julu_transport>(transport)); }

}  // namespace julu::jni
