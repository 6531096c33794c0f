// Photos between Java's streams and julu.h. Thread rule: for the time of one call, on its thread.
#pragma once

#include <deque>
#include <vector>

#include "bridge.h"

namespace julu::jni {

/// What a call's photos are read from.
class Photos {
 public:
  /// Throws Pending.
  Photos(JNIEnv* env, jobjectArray photos);
  const julu_photo* data() const { return list_.data(); }
  std::size_t size() const { return list_.size(); }

 private:
  struct Source {
    JNIEnv* env;
    jobject photo;
    jbyteArray chunk;
  };
  static std::int64_t read(void* context, void* buffer, std::size_t capacity);
  julu_photo photo(JNIEnv* env, jobject from);

  std::vector<julu_photo> list_;
  std::deque<Bytes> texts_;
  std::deque<Source> sources_;
};

}  // namespace julu::jni
