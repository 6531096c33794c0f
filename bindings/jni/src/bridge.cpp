#include "bridge.h"

#include <algorithm>
#include <memory>
#include <new>

#include <pthread.h>

namespace julu::jni {

Known known;

namespace {

pthread_key_t attached;  // set on threads that were attached here, so that their end detaches them
pthread_once_t attached_once = PTHREAD_ONCE_INIT;

void make_key() {
  pthread_key_create(&attached, [](void* vm) { static_cast<JavaVM*>(vm)->DetachCurrentThread(); });
}

}  // namespace

JNIEnv* env_here() noexcept {
  void* env = nullptr;
  const jint state = known.vm->GetEnv(&env, JNI_VERSION_1_6);
  if (state == JNI_OK) return static_cast<JNIEnv*>(env);
  if (state != JNI_EDETACHED) return nullptr;
#if defined(__ANDROID__)
  JNIEnv* made = nullptr;
  if (known.vm->AttachCurrentThreadAsDaemon(&made, nullptr) != JNI_OK) return nullptr;
#else
  void* made = nullptr;
  if (known.vm->AttachCurrentThreadAsDaemon(&made, nullptr) != JNI_OK) return nullptr;
#endif
  pthread_once(&attached_once, make_key);
  pthread_setspecific(attached, known.vm);
  return static_cast<JNIEnv*>(made);
}

void Global::drop(void* context) {
  const std::unique_ptr<Global> gone(static_cast<Global*>(context));
  if (gone == nullptr) return;
  if (JNIEnv* env = env_here()) env->DeleteGlobalRef(gone->object_);
}

Global* keep(JNIEnv* env, jobject object) {
  if (object == nullptr) return nullptr;
  auto kept = std::make_unique<Global>(env, object);
  if (kept->object() == nullptr) throw Pending{};
  return kept.release();
}

bool threw(JNIEnv* env) noexcept {
  if (!env->ExceptionCheck()) return false;
  env->ExceptionClear();
  return true;
}

Bytes::Bytes(JNIEnv* env, jbyteArray array) : given_(array != nullptr) {
  if (!given_) return;
  bytes_.resize(static_cast<std::size_t>(env->GetArrayLength(array)));
  env->GetByteArrayRegion(array, 0, static_cast<jsize>(bytes_.size()), reinterpret_cast<jbyte*>(bytes_.data()));
  check_java(env);
}

// A key does not stay behind in freed memory.
Bytes::~Bytes() {
  if (bytes_.size() != JULU_KEY_BYTES) return;
  volatile char* at = bytes_.data();
  for (std::size_t i = 0; i < bytes_.size(); ++i) at[i] = 0;
}

const std::uint8_t* Bytes::key(JNIEnv* env) const {
  if (!given_) return nullptr;
  if (bytes_.size() != JULU_KEY_BYTES) raise(env, JULU_ERROR_BAD_ARGUMENT, "key", "length");
  return reinterpret_cast<const std::uint8_t*>(bytes_.data());
}

jbyteArray to_java(JNIEnv* env, const char* bytes, std::size_t length) {
  jbyteArray array = env->NewByteArray(static_cast<jsize>(length));
  if (array == nullptr) throw Pending{};
  env->SetByteArrayRegion(array, 0, static_cast<jsize>(length), reinterpret_cast<const jbyte*>(bytes));
  return array;
}

jbyteArray to_java(JNIEnv* env, julu_buf& bytes) {
  const std::unique_ptr<julu_buf, decltype(&julu_buf_free)> taken(&bytes, julu_buf_free);
  return to_java(env, bytes.data, bytes.length);
}

jlongArray to_java(JNIEnv* env, const jlong* numbers, jsize count) {
  jlongArray array = env->NewLongArray(count);
  if (array == nullptr) throw Pending{};
  env->SetLongArrayRegion(array, 0, count, numbers);
  return array;
}

void raise(JNIEnv* env, const julu_error& error) {
  jbyteArray field = to_java(env, error.field, std::char_traits<char>::length(error.field));
  jbyteArray detail = to_java(env, error.detail, std::char_traits<char>::length(error.detail));
  jobject made = env->CallStaticObjectMethod(known.exception, known.exception_of, error.code, field, detail);
  check_java(env);
  env->Throw(static_cast<jthrowable>(made));
  throw Pending{};
}

void raise(JNIEnv* env, std::int32_t code, const char* field, const char* detail) {
  auto error = sized<julu_error>();
  error.code = code;
  const std::string_view names[] = {field, detail};
  names[0].copy(error.field, sizeof(error.field) - 1);
  names[1].copy(error.detail, sizeof(error.detail) - 1);
  raise(env, error);
}

void tell_internal(JNIEnv* env) noexcept {
  try {
    if (!env->ExceptionCheck()) raise(env, JULU_ERROR_INTERNAL, "", "memory");
  } catch (...) {
    // In Java by now, or Java has no memory to say it with, and has said that.
  }
}

}  // namespace julu::jni
