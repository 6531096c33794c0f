#include "camera.h"

#include "folder.h"
#include "jpeg.h"

namespace julu::sim {

std::string Camera::take(Random& random) {
  static const test::Folder folder;
  test::JpegSpec spec;
  spec.width = 48;
  spec.height = 32;
  spec.noise = random.below(3) == 0;
  if (random.below(12) == 0) {
    spec.width = 320;
    spec.height = 240;
    spec.noise = true;
  }
  spec.seed = random.next();
  return folder.write("photo.jpg", test::make_jpeg(spec));
}

Camera& camera() {
  static Camera one;
  return one;
}

}  // namespace julu::sim
