// What the Java tests need of C: threads that the JVM does not know, descriptors, signals, and captures in C++.
#include <csignal>
#include <string>
#include <thread>

#include <fcntl.h>
#include <jni.h>
#include <unistd.h>

#include "julu.h"
#include "plain.h"

namespace {

// Plain ASCII or what has no NUL and nothing outside the basic plane: test data.
std::string text_of(JNIEnv* env, jstring text) {
  const char* chars = env->GetStringUTFChars(text, nullptr);
  std::string copy = chars;
  env->ReleaseStringUTFChars(text, chars);
  return copy;
}

julu_text borrowed(const std::string& text) { return {text.data(), text.size()}; }

std::int32_t capture(jlong store, const std::string& kind, const std::string& body) {
  julu_saved saved{};
  saved.size = sizeof(saved);
  return julu_store_capture(static_cast<julu_store>(store), borrowed(kind), borrowed(body), nullptr, 0, {}, &saved,
                            nullptr);
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

NATIVE(jlong, plainOpen)(JNIEnv* env, jclass, jstring directory, jbyteArray key) {
  jbyte* bytes = key == nullptr ? nullptr : env->GetByteArrayElements(key, nullptr);
  void* store = julu_plain_open(text_of(env, directory).c_str(), reinterpret_cast<const std::uint8_t*>(bytes));
  if (bytes != nullptr) env->ReleaseByteArrayElements(key, bytes, JNI_ABORT);
  return reinterpret_cast<jlong>(store);
}

NATIVE(jlong, plainCaptures)(JNIEnv* env, jclass, jlong store, jstring kind, jstring body, jstring id, jint count) {
  return julu_plain_captures(reinterpret_cast<void*>(store), text_of(env, kind).c_str(), text_of(env, body).c_str(),
                             text_of(env, id).c_str(), count);
}

NATIVE(void, plainClose)(JNIEnv*, jclass, jlong store) { julu_plain_close(reinterpret_cast<void*>(store)); }
