// java_photos DIR COUNT BYTES: so many different JPEGs of about so many bytes, for the Java tests.
#include <cstdlib>
#include <fstream>
#include <string>

#include "jpeg.h"

int main(int count, char** words) {
  if (count != 4) return 64;
  for (int i = 0; i < std::atoi(words[2]); ++i) {
    std::ofstream file(std::string(words[1]) + "/" + std::to_string(i) + ".jpg", std::ios::binary);
    file << julu::test::make_jpeg_of_about(std::strtoul(words[3], nullptr, 10), static_cast<std::uint64_t>(i));
    if (!file.flush()) return 1;
  }
  return 0;
}
