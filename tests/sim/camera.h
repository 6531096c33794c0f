// Small real JPEG files, each with bytes of its own. Thread rule: one thread.
#pragma once

#include <string>

#include <julu/random.h>

namespace julu::sim {

class Camera {
 public:
  /// The path of a photo that was just taken; it is good until the next.
  std::string take(Random& random);
};
Camera& camera();

}  // namespace julu::sim
