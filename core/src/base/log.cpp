#include <julu/log.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

namespace julu {
namespace {

struct Place {
  std::mutex mutex;
  std::shared_ptr<const LogSink> sink;
  std::atomic<bool> there = false;
};

// Lives for ever: what tells at the end of the process may come after the statics.
Place& place() {
  static auto* const one = new Place;
  return *one;
}

}  // namespace

void set_log(LogSink sink) {
  auto next = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
  const std::lock_guard lock(place().mutex);
  place().there = next != nullptr;
  place().sink.swap(next);
}

void log(LogLevel level, std::string_view line) {
  if (!place().there) return;
  std::shared_ptr<const LogSink> sink;
  {
    const std::lock_guard lock(place().mutex);
    sink = place().sink;
  }
  // What went wrong in a sink is no reason to fail what was done.
  try {
    if (sink) (*sink)(level, line);
  } catch (...) {
  }
}

}  // namespace julu
