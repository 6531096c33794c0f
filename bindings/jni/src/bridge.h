// Between the JVM and julu.h: text, errors, and callbacks on threads that the JVM may not know. No logic of its own.
// Thread rule: an object belongs to the thread that made it; Global and its callbacks may be on any.
#pragma once

#include <string>

#include <jni.h>

#include "julu.h"

namespace julu::jni {

/// Found once, when the library is loaded.
struct Known {
  JavaVM* vm = nullptr;
  jclass exception = nullptr;
  jmethodID exception_of = nullptr;
  jclass saved = nullptr;
  jmethodID saved_new = nullptr;
  jclass bytes = nullptr;
  jfieldID photo_source = nullptr;
  jfieldID photo_role = nullptr;
  jfieldID photo_path = nullptr;
  jfieldID photo_descriptor = nullptr;
  jmethodID photo_read = nullptr;
  jmethodID photo_write = nullptr;
  jmethodID key_ask = nullptr;
  jmethodID progress = nullptr;
  jmethodID wake = nullptr;
  jmethodID log = nullptr;
  jmethodID host_submit = nullptr;
  jmethodID host_cancel = nullptr;
};
extern Known known;

/// Thrown in C++ while an exception waits in Java; `enter` ends it.
struct Pending {};

/// The JNIEnv of this thread, which becomes a daemon of the JVM until it ends if it was not known there. Null when the
/// JVM is going away.
JNIEnv* env_here() noexcept;

/// A callback's local references; without it those of a thread that never returns to Java would pile up.
class Frame {
 public:
  Frame(JNIEnv* env, jint capacity) : env_(env), ok_(env->PushLocalFrame(capacity) == 0) {
    if (!ok_) env_->ExceptionClear();
  }
  ~Frame() {
    if (ok_) env_->PopLocalFrame(nullptr);
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  explicit operator bool() const { return ok_; }

 private:
  JNIEnv* env_;
  bool ok_;
};

/// The Java object that a callback of the library belongs to. `drop` is its julu_release_fn.
class Global {
 public:
  Global(JNIEnv* env, jobject object) : object_(env->NewGlobalRef(object)) {}
  static void drop(void* context);
  jobject object() const { return object_; }

 private:
  jobject object_;
};

/// Null for no object, which is no callback. Throws Pending.
Global* keep(JNIEnv* env, jobject object);

/// Ends a callback: what it left thrown in Java (its Java half catches all it can) is ended here. True when there was.
bool threw(JNIEnv* env) noexcept;

/// A byte[] for the time of a call; null stays "not given".
class Bytes {
 public:
  Bytes(JNIEnv* env, jbyteArray array);
  ~Bytes();
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  julu_text text() const { return {given_ ? bytes_.data() : nullptr, bytes_.size()}; }
  /// The key in it, or null when there is none. Throws Pending when it has another length.
  const std::uint8_t* key(JNIEnv* env) const;

 private:
  std::string bytes_;
  bool given_;
};

jbyteArray to_java(JNIEnv* env, const char* bytes, std::size_t length);
/// Takes the bytes over.
jbyteArray to_java(JNIEnv* env, julu_buf& bytes);
jlongArray to_java(JNIEnv* env, const jlong* numbers, jsize count);

/// Throws a JuluException in Java and Pending here.
[[noreturn]] void raise(JNIEnv* env, const julu_error& error);
[[noreturn]] void raise(JNIEnv* env, std::int32_t code, const char* field, const char* detail);
/// The same unless `code` is JULU_OK.
inline void check(JNIEnv* env, std::int32_t code, const julu_error& error) {
  if (code != JULU_OK) raise(env, error);
}
inline void check_java(JNIEnv* env) {
  if (env->ExceptionCheck()) throw Pending{};
}

template <class T>
T sized() {
  T value{};
  value.size = sizeof(T);
  return value;
}

/// Tells of a C++ exception (memory) as `internal`.
void tell_internal(JNIEnv* env) noexcept;

/// The body of each native method: nothing is thrown past it but in Java.
template <class Body>
auto enter(JNIEnv* env, Body&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (const Pending&) {
  } catch (...) {
    tell_internal(env);
  }
  return decltype(body())();
}

/// For what answers with bytes.
template <class Ask>
jbyteArray ask(JNIEnv* env, Ask&& asked) noexcept {
  return enter(env, [&] {
    julu_buf out{};
    auto error = sized<julu_error>();
    check(env, asked(&out, &error), error);
    return to_java(env, out);
  });
}

}  // namespace julu::jni
