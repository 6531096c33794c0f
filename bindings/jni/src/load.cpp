// What happens when the JVM loads the library: versions compared, classes found, methods registered.
#include <iterator>

#include "bridge.h"

#include "natives.inc"

namespace julu::jni {
namespace {

// Finds classes and members; after the first that is missing the JVM has its exception and nothing more is asked.
class Finder {
 public:
  explicit Finder(JNIEnv* env) : env_(env) {}

  jclass find(const char* name) {
    if (!ok_) return nullptr;
    jclass local = env_->FindClass(name);
    ok_ = local != nullptr;
    return local;
  }
  jclass keep(const char* name) {
    jclass local = find(name);
    return local == nullptr ? nullptr : static_cast<jclass>(env_->NewGlobalRef(local));
  }
  jmethodID method(jclass type, const char* name, const char* signature) {
    if (!ok_) return nullptr;
    jmethodID found = env_->GetMethodID(type, name, signature);
    ok_ = found != nullptr;
    return found;
  }
  jmethodID static_method(jclass type, const char* name, const char* signature) {
    if (!ok_) return nullptr;
    jmethodID found = env_->GetStaticMethodID(type, name, signature);
    ok_ = found != nullptr;
    return found;
  }
  jfieldID field(jclass type, const char* name, const char* signature) {
    if (!ok_) return nullptr;
    jfieldID found = env_->GetFieldID(type, name, signature);
    ok_ = found != nullptr;
    return found;
  }
  bool ok() const { return ok_; }

 private:
  JNIEnv* env_;
  bool ok_ = true;
};

bool find_all(JNIEnv* env) {
  Finder in(env);
  known.exception = in.keep("cn/julu/core/JuluException");
  known.exception_of = in.static_method(known.exception, "of", "(I[B[B)Lcn/julu/core/JuluException;");
  known.saved = in.keep("cn/julu/core/Saved");
  known.saved_new = in.method(known.saved, "<init>", "([BJJ[B)V");
  known.bytes = in.keep("[B");
  jclass photo = in.find("cn/julu/core/Callbacks$PhotoIn");
  known.photo_source = in.field(photo, "source", "I");
  known.photo_role = in.field(photo, "role", "[B");
  known.photo_path = in.field(photo, "path", "[B");
  known.photo_descriptor = in.field(photo, "descriptor", "I");
  known.photo_read = in.method(photo, "read", "([B)I");
  known.photo_write = in.method(in.find("cn/julu/core/Callbacks$PhotoOut"), "write", "([B)I");
  known.key_ask = in.method(in.find("cn/julu/core/Callbacks$Key"), "ask", "([B)I");
  known.progress = in.method(in.find("cn/julu/core/Callbacks$Progress"), "progress", "([J)V");
  known.wake = in.method(in.find("cn/julu/core/Callbacks$Wake"), "wake", "()V");
  known.log = in.method(in.find("cn/julu/core/Callbacks$Log"), "log", "(I[B)V");
  jclass host = in.find("cn/julu/core/Callbacks$Host");
  known.host_submit = in.method(host, "submit", "(J[B[B[[B[BJJ)I");
  known.host_cancel = in.method(host, "cancel", "(J)V");
  return in.ok();
}

// A jar of one version beside a library of another is told of at once, in words.
bool is_new_enough(JNIEnv* env, jclass natives) {
  jfieldID wanted = env->GetStaticFieldID(natives, "ABI", "I");
  if (wanted == nullptr) return false;
  if (static_cast<std::uint32_t>(env->GetStaticIntField(natives, wanted)) <= julu_abi_version()) return true;
  jclass error = env->FindClass("java/lang/UnsatisfiedLinkError");
  if (error != nullptr) env->ThrowNew(error, "libjulu_jni is older than its Java classes");
  return false;
}

}  // namespace
}  // namespace julu::jni

extern "C" {

JNIEXPORT jint JNI_OnLoad(JavaVM* vm, void*) {
  using namespace julu::jni;
  void* got = nullptr;
  if (vm->GetEnv(&got, JNI_VERSION_1_6) != JNI_OK) return JNI_ERR;
  auto* env = static_cast<JNIEnv*>(got);
  known.vm = vm;
  jclass natives = env->FindClass("cn/julu/core/Native");
  if (natives == nullptr || !is_new_enough(env, natives) || !find_all(env)) return JNI_ERR;
  if (env->RegisterNatives(natives, kNatives, static_cast<jint>(std::size(kNatives))) != JNI_OK) return JNI_ERR;
  return JNI_VERSION_1_6;
}

JNIEXPORT void JNI_OnUnload(JavaVM* vm, void*) {
  using namespace julu::jni;
  void* env = nullptr;
  if (vm->GetEnv(&env, JNI_VERSION_1_6) != JNI_OK) return;
  for (jclass type : {known.exception, known.saved, known.bytes}) static_cast<JNIEnv*>(env)->DeleteGlobalRef(type);
}
}
