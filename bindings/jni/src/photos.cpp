#include "photos.h"

#include <algorithm>
#include <string>

namespace julu::jni {
namespace {

constexpr jsize kChunkBytes = 64 * 1024;

struct Sink {
  JNIEnv* env;
  jobject out;
};

std::int32_t write_part(void* context, const void* bytes, std::size_t length) {
  const auto* sink = static_cast<const Sink*>(context);
  const Frame frame(sink->env, 4);
  if (!frame) return 1;
  try {
    jbyteArray part = to_java(sink->env, static_cast<const char*>(bytes), length);
    const jint done = sink->env->CallIntMethod(sink->out, known.photo_write, part);
    return threw(sink->env) ? 1 : done;
  } catch (const Pending&) {
    threw(sink->env);
    return 1;
  }
}

}  // namespace

Photos::Photos(JNIEnv* env, jobjectArray photos) {
  if (photos == nullptr) return;
  const jsize count = env->GetArrayLength(photos);
  // One more than the library takes is enough for it to say so; each costs references of this call's frame.
  const jsize taken = std::min<jsize>(count, JULU_PHOTOS_MAX + 1);
  if (env->EnsureLocalCapacity(4 * taken + 16) != 0) throw Pending{};
  for (jsize i = 0; i < taken; ++i) {
    jobject from = env->GetObjectArrayElement(photos, i);
    if (from == nullptr) {
      raise(env, JULU_ERROR_BAD_ARGUMENT, ("/photos/" + std::to_string(i)).c_str(), "null");
    }
    list_.push_back(photo(env, from));
  }
}

julu_photo Photos::photo(JNIEnv* env, jobject from) {
  auto photo = sized<julu_photo>();
  photo.source = env->GetIntField(from, known.photo_source);
  photo.role = texts_.emplace_back(env, static_cast<jbyteArray>(env->GetObjectField(from, known.photo_role))).text();
  photo.path = texts_.emplace_back(env, static_cast<jbyteArray>(env->GetObjectField(from, known.photo_path))).text();
  photo.fd = env->GetIntField(from, known.photo_descriptor);
  if (photo.source == JULU_PHOTO_STREAM) {
    photo.read = read;
    photo.context = &sources_.emplace_back(Source{env, from, nullptr});
  }
  return photo;
}

std::int64_t Photos::read(void* context, void* buffer, std::size_t capacity) {
  auto* source = static_cast<Source*>(context);
  JNIEnv* env = source->env;
  if (source->chunk == nullptr) {
    source->chunk = env->NewByteArray(kChunkBytes);
    if (source->chunk == nullptr) {
      threw(env);
      return -1;
    }
  }
  const jint got = env->CallIntMethod(source->photo, known.photo_read, source->chunk);
  if (threw(env) || got < 0) return -1;
  const auto bytes = std::min<jsize>({got, kChunkBytes, static_cast<jsize>(capacity)});
  env->GetByteArrayRegion(source->chunk, 0, bytes, static_cast<jbyte*>(buffer));
  if (threw(env)) return -1;
  if (bytes == 0) {
    env->DeleteLocalRef(source->chunk);
    source->chunk = nullptr;
  }
  return bytes;
}

void store_read_photo(JNIEnv* env, jclass, jlong store, jbyteArray sha256, jbyteArray path, jobject out) {
  enter(env, [&] {
    const Bytes name(env, sha256);
    const Bytes file(env, path);
    Sink sink{env, out};
    auto to = sized<julu_photo_out>();
    to.target = out == nullptr ? JULU_PHOTO_PATH : JULU_PHOTO_STREAM;
    to.path = file.text();
    to.write = write_part;
    to.context = &sink;
    auto error = sized<julu_error>();
    check(env, julu_store_read_photo(static_cast<julu_store>(store), name.text(), &to, &error), error);
  });
}

}  // namespace julu::jni
