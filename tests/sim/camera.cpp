#include "camera.h"

#include "jpeg.h"

namespace julu::sim {

// One in twelve is larger than a thumbnail may be.
std::string Camera::take(Random& random) {
  const auto picture = static_cast<std::size_t>(random.below(kPictures));
  if (taken_[picture].empty()) {
    test::JpegSpec spec;
    const bool large = picture % 12 == 0;
    spec.width = large ? 320 : 48;
    spec.height = large ? 240 : 32;
    spec.noise = large || picture % 3 == 0;
    spec.seed = picture + 1;
    taken_[picture] = folder_.write(std::to_string(picture) + ".jpg", test::make_jpeg(spec));
  }
  return taken_[picture];
}

Camera& camera() {
  static Camera one;
  return one;
}

}  // namespace julu::sim
