// Small real JPEG files. A worker sometimes takes the same picture again. Thread rule: one thread.
#pragma once

#include <array>
#include <string>

#include <julu/random.h>

#include "folder.h"

namespace julu::sim {

class Camera {
 public:
  std::string take(Random& random);

 private:
  static constexpr std::uint64_t kPictures = 600;
  test::Folder folder_;
  std::array<std::string, kPictures> taken_;
};
Camera& camera();

}  // namespace julu::sim
