// What the Java tests need of C: threads that the JVM does not know, descriptors, signals, and captures without Java.
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include <fcntl.h>
#include <jni.h>
#include <unistd.h>

#include "julu.h"

namespace {

// Plain ASCII or what has no NUL and nothing outside the basic plane: test data.
std::string text_of(JNIEnv* env, jstring text) {
  const char* chars = env->GetStringUTFChars(text, nullptr);
  std::string copy = chars;
  env->ReleaseStringUTFChars(text, chars);
  return copy;
}

julu_text borrowed(const std::string& text) { return {text.data(), text.size()}; }

std::int32_t capture(jlong store, const std::string& kind, const std::string& body, const std::string& id = {}) {
  julu_saved saved{};
  saved.size = sizeof(saved);
  return julu_store_capture(static_cast<julu_store>(store), borrowed(kind), borrowed(body), nullptr, 0, borrowed(id),
                            &saved, nullptr);
}

}  // namespace

#define NATIVE(type, name) extern "C" JNIEXPORT type JNICALL Java_cn_julu_core_Foreign_##name

NATIVE(jint, openFile)(JNIEnv* env, jclass, jstring path) {
  return ::open(text_of(env, path).c_str(), O_RDONLY | O_CLOEXEC);
}

NATIVE(void, closeFile)(JNIEnv*, jclass, jint descriptor) { ::close(descriptor); }

NATIVE(jint, captureOnThread)(JNIEnv* env, jclass, jlong store, jstring kind, jstring body) {
  std::int32_t code = 0;
  std::thread([&, a = text_of(env, kind), b = text_of(env, body)] { code = capture(store, a, b); }).join();
  return code;
}

NATIVE(jint, captureOnThreadForEver)(JNIEnv* env, jclass, jlong store, jstring kind, jstring body) {
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  std::thread([store, end = ends[1], a = text_of(env, kind), b = text_of(env, body)] {
    const std::int32_t code = capture(store, a, b);
    if (::write(end, &code, sizeof(code)) != sizeof(code)) return;
    for (;;) ::pause();
  }).detach();
  std::int32_t code = -1;
  return ::read(ends[0], &code, sizeof(code)) == sizeof(code) ? code : -1;
}

NATIVE(void, closeStoreOnThread)(JNIEnv*, jclass, jlong store) {
  std::thread([store] { julu_store_close(static_cast<julu_store>(store)); }).join();
}

NATIVE(void, defaultSigpipe)(JNIEnv*, jclass) { std::signal(SIGPIPE, SIG_DFL); }

NATIVE(jboolean, sigpipeIsDefault)(JNIEnv*, jclass) {
  struct sigaction now {};
  return ::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
}

NATIVE(jlong, timeCaptures)(JNIEnv* env, jclass, jlong store, jstring kind, jstring body, jstring id, jint count) {
  const std::string a = text_of(env, kind);
  const std::string b = text_of(env, body);
  const std::string c = text_of(env, id);
  const auto from = std::chrono::steady_clock::now();
  for (jint i = 0; i < count; ++i) {
    if (capture(store, a, b, c) != JULU_OK) return -1;
  }
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - from).count();
}
