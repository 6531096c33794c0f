#include "camera.h"

#include "jpeg.h"

namespace julu::sim {

// One in twelve is larger than a thumbnail may be, one in 48 than a piece of the slowest link.
std::string Camera::take(Random& random) {
  const auto picture = static_cast<std::size_t>(random.below(kPictures));
  if (taken_[picture].empty()) {
    test::JpegSpec spec;
    const bool large = picture % 12 == 0;
    const bool in_pieces = picture % 48 == 0;
    spec.width = in_pieces ? 480 : large ? 320 : 48;
    spec.height = in_pieces ? 320 : large ? 240 : 32;
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
