// Runs every seed and every past finding through its target once, without a fuzzer. The photos among the seeds are made
// here, too, because nobody writes a JPEG by hand.
//   fuzz_seeds FOLDER             where each target has a folder of its name
//   fuzz_seeds --photos FOLDER    writes the seeds of the target photo
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "folder.h"
#include "jpeg.h"
#include "target.h"

namespace fs = std::filesystem;

namespace {

void write_photos(const fs::path& folder) {
  julu::test::JpegSpec spec;
  spec.width = 24;
  spec.height = 16;
  const auto write = [&](const char* name) {
    std::ofstream(folder / name, std::ios::binary) << julu::test::make_jpeg(spec);
  };
  write("plain.jpg");
  spec.progressive = true;
  write("progressive.jpg");
  spec.progressive = false;
  spec.orientation = 6;
  spec.gps = true;
  write("turned.jpg");
}

std::vector<fs::path> seeds_in(const fs::path& folder) {
  std::vector<fs::path> seeds;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) seeds.push_back(entry.path());
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

}  // namespace

int main(int count, char** words) {
  const bool photos = count == 3 && std::string_view(words[1]) == "--photos";
  if (!photos && count != 2) return 2;
  if (photos) {
    write_photos(words[2]);
    return 0;
  }
  bool all_have_seeds = true;
  for (const auto& target : julu::fuzz::targets()) {
    const auto seeds = seeds_in(fs::path(words[1]) / target.name);
    for (const fs::path& seed : seeds) {
      std::printf("%s %s\n", target.name.data(), seed.filename().c_str());
      std::fflush(stdout);  // the last line names the seed that a crash came from
      target.run(julu::test::read_file(seed.string()));
    }
    target.run("");
    all_have_seeds = all_have_seeds && !seeds.empty();
  }
  return all_have_seeds ? 0 : 1;
}
