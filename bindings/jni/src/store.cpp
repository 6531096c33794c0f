// The store's methods.
#include "photos.h"

namespace julu::jni {
namespace {

std::int32_t on_key(void* context, std::uint8_t key[JULU_KEY_BYTES]) {
  constexpr std::int32_t kFailed = 2;
  JNIEnv* env = env_here();
  if (env == nullptr) return kFailed;
  const Frame frame(env, 4);
  if (!frame) return kFailed;
  jbyteArray into = env->NewByteArray(JULU_KEY_BYTES);
  std::int32_t done = kFailed;
  if (into != nullptr) {
    done = env->CallIntMethod(static_cast<Global*>(context)->object(), known.key_ask, into);
    if (!env->ExceptionCheck()) {
      env->GetByteArrayRegion(into, 0, JULU_KEY_BYTES, reinterpret_cast<jbyte*>(key));
      const jbyte zeros[JULU_KEY_BYTES] = {};
      env->SetByteArrayRegion(into, 0, JULU_KEY_BYTES, zeros);
    }
  }
  return threw(env) ? kFailed : done;
}

void on_wake(void* context) {
  JNIEnv* env = env_here();
  if (env == nullptr) return;
  const Frame frame(env, 4);
  if (!frame) return;
  env->CallVoidMethod(static_cast<Global*>(context)->object(), known.wake);
  threw(env);
}

jobject to_java(JNIEnv* env, const julu_saved& saved) {
  std::string photos;
  for (std::int32_t i = 0; i < saved.photo_count; ++i) photos += saved.photos[i];
  jbyteArray id = jni::to_java(env, saved.id, std::char_traits<char>::length(saved.id));
  jbyteArray names = jni::to_java(env, photos.data(), photos.size());
  jobject made = env->NewObject(known.saved, known.saved_new, id, static_cast<jlong>(saved.captured_at_ms),
                                static_cast<jlong>(saved.photo_bytes), names);
  check_java(env);
  return made;
}

/// capture, patch, act, attach and remove: what they take differs, what they give is one.
template <class Write>
jobject write(JNIEnv* env, Write&& written) noexcept {
  return enter(env, [&] {
    auto saved = sized<julu_saved>();
    auto error = sized<julu_error>();
    check(env, written(&saved, &error), error);
    return to_java(env, saved);
  });
}

/// What gives nothing back.
template <class Call>
void call(JNIEnv* env, Call&& called) noexcept {
  enter(env, [&] {
    auto error = sized<julu_error>();
    check(env, called(&error), error);
  });
}

julu_store of(jlong store) { return static_cast<julu_store>(store); }

}  // namespace

jlong store_open(JNIEnv* env, jclass, jbyteArray directory, jbyteArray key, jobject source, jint flags,
                 jint long_edge_px, jint quality) {
  return enter(env, [&] {
    const Bytes directory_bytes(env, directory);
    const Bytes key_bytes(env, key);
    auto options = sized<julu_store_options>();
    options.flags = static_cast<std::uint32_t>(flags);
    options.directory = directory_bytes.text();
    options.key = key_bytes.key(env);
    options.photo_long_edge_px = long_edge_px;
    options.photo_quality = quality;
    options.key_context = keep(env, source);
    options.key_fn = options.key_context == nullptr ? nullptr : on_key;
    options.key_release = Global::drop;
    julu_store store = 0;
    auto error = sized<julu_error>();
    check(env, julu_store_open(&options, &store, &error), error);
    return static_cast<jlong>(store);
  });
}

void store_close(JNIEnv*, jclass, jlong store) { julu_store_close(of(store)); }

void store_suspend(JNIEnv* env, jclass, jlong store) {
  call(env, [&](julu_error* error) { return julu_store_suspend(of(store), error); });
}

void store_resume(JNIEnv* env, jclass, jlong store, jbyteArray key) {
  call(env, [&](julu_error* error) {
    const Bytes bytes(env, key);
    return julu_store_resume(of(store), bytes.key(env), error);
  });
}

jobject store_capture(JNIEnv* env, jclass, jlong store, jbyteArray kind, jbyteArray body, jobjectArray photos,
                      jbyteArray id) {
  return write(env, [&](julu_saved* saved, julu_error* error) {
    const Photos in(env, photos);
    return julu_store_capture(of(store), Bytes(env, kind).text(), Bytes(env, body).text(), in.data(), in.size(),
                              Bytes(env, id).text(), saved, error);
  });
}

jobject store_patch(JNIEnv* env, jclass, jlong store, jbyteArray id, jbyteArray body, jobjectArray photos) {
  return write(env, [&](julu_saved* saved, julu_error* error) {
    const Photos in(env, photos);
    return julu_store_patch(of(store), Bytes(env, id).text(), Bytes(env, body).text(), in.data(), in.size(), saved,
                            error);
  });
}

jobject store_act(JNIEnv* env, jclass, jlong store, jbyteArray id, jbyteArray action, jbyteArray body,
                  jobjectArray photos) {
  return write(env, [&](julu_saved* saved, julu_error* error) {
    const Photos in(env, photos);
    return julu_store_act(of(store), Bytes(env, id).text(), Bytes(env, action).text(), Bytes(env, body).text(),
                          in.data(), in.size(), saved, error);
  });
}

jobject store_attach(JNIEnv* env, jclass, jlong store, jbyteArray id, jobjectArray photos) {
  return write(env, [&](julu_saved* saved, julu_error* error) {
    const Photos in(env, photos);
    return julu_store_attach(of(store), Bytes(env, id).text(), in.data(), in.size(), saved, error);
  });
}

jobject store_remove(JNIEnv* env, jclass, jlong store, jbyteArray id) {
  return write(env, [&](julu_saved* saved, julu_error* error) {
    return julu_store_remove(of(store), Bytes(env, id).text(), saved, error);
  });
}

void store_resend(JNIEnv* env, jclass, jlong store, jbyteArray id) {
  call(env, [&](julu_error* error) { return julu_store_resend(of(store), Bytes(env, id).text(), error); });
}

void store_give_up(JNIEnv* env, jclass, jlong store, jbyteArray id) {
  call(env, [&](julu_error* error) { return julu_store_give_up(of(store), Bytes(env, id).text(), error); });
}

void store_resolve(JNIEnv* env, jclass, jlong store, jbyteArray id, jbyteArray field, jbyteArray value) {
  call(env, [&](julu_error* error) {
    return julu_store_resolve(of(store), Bytes(env, id).text(), Bytes(env, field).text(), Bytes(env, value).text(),
                              error);
  });
}

jbyteArray store_get(JNIEnv* env, jclass, jlong store, jbyteArray id) {
  return ask(env, [&](julu_buf* out, julu_error* error) {
    return julu_store_get(of(store), Bytes(env, id).text(), out, error);
  });
}

jbyteArray store_list(JNIEnv* env, jclass, jlong store, jbyteArray filter) {
  return ask(env, [&](julu_buf* out, julu_error* error) {
    return julu_store_list(of(store), Bytes(env, filter).text(), out, error);
  });
}

jbyteArray store_find_id(JNIEnv* env, jclass, jlong store, jbyteArray short_id) {
  return ask(env, [&](julu_buf* out, julu_error* error) {
    return julu_store_find_id(of(store), Bytes(env, short_id).text(), out, error);
  });
}

jbyteArray store_short_id(JNIEnv* env, jclass, jlong store, jbyteArray id) {
  return ask(env, [&](julu_buf* out, julu_error* error) {
    return julu_store_short_id(of(store), Bytes(env, id).text(), out, error);
  });
}

jbyteArray store_new_id(JNIEnv* env, jclass, jlong store) {
  return ask(env, [&](julu_buf* out, julu_error* error) { return julu_store_new_id(of(store), out, error); });
}

jbyteArray store_history(JNIEnv* env, jclass, jlong store, jbyteArray id) {
  return ask(env, [&](julu_buf* out, julu_error* error) {
    return julu_store_history(of(store), Bytes(env, id).text(), out, error);
  });
}

jbyteArray store_conflicts(JNIEnv* env, jclass, jlong store) {
  return ask(env, [&](julu_buf* out, julu_error* error) { return julu_store_conflicts(of(store), out, error); });
}

jbyteArray store_thumbnail(JNIEnv* env, jclass, jlong store, jbyteArray sha256) {
  return ask(env, [&](julu_buf* out, julu_error* error) {
    return julu_store_thumbnail(of(store), Bytes(env, sha256).text(), out, error);
  });
}

jlongArray store_status(JNIEnv* env, jclass, jlong store) {
  return enter(env, [&] {
    auto status = sized<julu_status>();
    auto error = sized<julu_error>();
    check(env, julu_store_status(of(store), &status, &error), error);
    const jlong numbers[] = {status.records,
                             status.unsent_records,
                             status.unsent_ops,
                             status.parked_ops,
                             status.unsent_photos,
                             status.unsent_photo_bytes,
                             status.conflicts,
                             status.next_attempt_ms,
                             status.last_sync_ms,
                             status.salvaged_at_ms,
                             status.salvaged_ops,
                             status.unreadable_ops,
                             status.lost_photos,
                             status.flags & JULU_STATUS_CONFIRMING,
                             status.flags & JULU_STATUS_LOW_DISK};
    return jni::to_java(env, numbers, static_cast<jsize>(std::size(numbers)));
  });
}

jbyteArray store_changes_since(JNIEnv* env, jclass, jlong store, jlong token, jint limit, jlongArray next) {
  return enter(env, [&] {
    julu_buf ids{};
    std::int64_t told = 0;
    std::int32_t more = 0;
    auto error = sized<julu_error>();
    check(env, julu_store_changes_since(of(store), token, limit, &ids, &told, &more, &error), error);
    jbyteArray answer = jni::to_java(env, ids);
    const jlong numbers[] = {told, more};
    env->SetLongArrayRegion(next, 0, 2, numbers);
    return answer;
  });
}

void store_observe(JNIEnv* env, jclass, jlong store, jobject wake) {
  call(env, [&](julu_error* error) {
    Global* kept = keep(env, wake);
    return julu_store_observe(of(store), kept == nullptr ? nullptr : on_wake, kept, Global::drop, error);
  });
}

jbyteArray store_kinds(JNIEnv* env, jclass, jlong store) {
  return ask(env, [&](julu_buf* out, julu_error* error) { return julu_store_kinds(of(store), out, error); });
}

jbyteArray store_schema(JNIEnv* env, jclass, jlong store, jbyteArray kind) {
  return ask(env, [&](julu_buf* out, julu_error* error) {
    return julu_store_schema(of(store), Bytes(env, kind).text(), out, error);
  });
}

jbyteArray store_codes(JNIEnv* env, jclass, jlong store, jbyteArray list) {
  return ask(env, [&](julu_buf* out, julu_error* error) {
    return julu_store_codes(of(store), Bytes(env, list).text(), out, error);
  });
}

jbyteArray store_identity(JNIEnv* env, jclass, jlong store) {
  return ask(env, [&](julu_buf* out, julu_error* error) { return julu_store_identity(of(store), out, error); });
}

void store_maintain(JNIEnv* env, jclass, jlong store, jlong budget_ms) {
  call(env, [&](julu_error* error) { return julu_store_maintain(of(store), budget_ms, error); });
}

}  // namespace julu::jni
