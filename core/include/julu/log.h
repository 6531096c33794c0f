// What the library tells whoever looks after a phone: few lines, of codes, counts and ids only, never of what a worker
// entered. Thread rule: every function from any thread; the sink is called on the thread that tells, under no lock
// that another call needs, and may call the library; what it throws is dropped.
#pragma once

#include <functional>
#include <string_view>

namespace julu {

enum class LogLevel { info, warning, error };
using LogSink = std::function<void(LogLevel, std::string_view line)>;

/// For the whole process; nothing is told before, and again after an empty one. A line under way may still come.
void set_log(LogSink sink);

void log(LogLevel level, std::string_view line);

}  // namespace julu
