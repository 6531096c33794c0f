// A phone in a process of its own, to be killed at any moment. It prints a line for whatever it was told is saved, and
// nothing before.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <julu/store.h>
#include <julu/syncer.h>

#include "county.h"
#include "jpeg.h"
#include "phones.h"

using namespace julu;

namespace {

int fail(const Error& error) {
  std::fprintf(stderr, "phone: %s %s %s\n", std::string(name(error.code)).c_str(), error.field.c_str(),
               error.detail.c_str());
  return 1;
}

std::unique_ptr<Store> open(const char* directory) {
  Store::Options options;
  options.directory = directory;
  options.key.fill(0x5A);
  options.encrypted = test::has_cipher();
  auto store = Store::open(options);
  if (!store) {
    fail(store.error());
    std::exit(1);
  }
  return std::move(*store);
}

// capture DIRECTORY PHOTO_FOLDER SEED COUNT: reports, households and visits, some with photos, which are made in a
// folder of who starts the phone: a killed process removes none.
int capture(char** words) {
  const auto store = open(words[0]);
  const std::filesystem::path photos = words[1];
  const auto random = seeded_random(std::strtoull(words[2], nullptr, 10));
  const int count = std::atoi(words[3]);
  for (int i = 0; i < count; ++i) {
    Capture capture;
    const auto which = random->below(4);
    const std::string text = std::string(words[2]) + "-" + std::to_string(i);
    capture.kind = which == 0 ? "household" : which == 1 ? "visit" : "incident";
    capture.body = which == 0   ? R"({"address":"堤村 )" + text + "\"}"
                   : which == 1 ? R"({"text":"走访 )" + text + "\"}"
                                : R"({"category":"drainage","text":"排水沟 )" + text + "\"}";
    if (which >= 2) {
      const auto pictures = random->below(3);
      for (std::uint64_t p = 0; p < pictures; ++p) {
        test::JpegSpec spec;
        spec.width = 160;
        spec.height = 120;
        spec.noise = true;
        spec.seed = random->next();
        const std::string picture = photos / std::to_string(p);
        std::ofstream(picture, std::ios::binary) << test::make_jpeg(spec);
        capture.photos.push_back({picture, "near"});
      }
    }
    const auto saved = store->capture(capture);
    if (!saved) return fail(saved.error());
    std::string line = "saved " + saved->id + " " + test::hash_of_body(capture.body);
    for (const std::string& photo : saved->photos) line += " " + photo;
    std::puts(line.c_str());
    std::fflush(stdout);
  }
  std::puts("done");
  return 0;
}

/// A line of /proc/self/status, in KB.
long memory_kb(const char* line_name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(line_name)) return std::atol(line.c_str() + std::strlen(line_name));
  }
  return 0;
}

int sync(char** words) {
  const auto store = open(words[0]);
  const auto transport = curl_transport({.platform = store->identity().platform, .ca_file = {}, .pinned_key = {}});
  Syncer syncer(*store, *transport);
  if (const auto hinted = syncer.hint(); !hinted) return fail(hinted.error());
  std::printf("idle %ld\nsyncing\n", memory_kb("VmRSS:"));
  std::fflush(stdout);
  const auto outcome = syncer.run();
  if (!outcome) return fail(outcome.error());
  std::printf("most %ld\n", memory_kb("VmHWM:"));
  std::printf("end %d left %lld %lld\n", static_cast<int>(outcome->end), static_cast<long long>(outcome->ops_left),
              static_cast<long long>(outcome->photos_left));
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count == 6 && std::strcmp(words[1], "capture") == 0) return capture(words + 2);
  if (count == 3 && std::strcmp(words[1], "sync") == 0) return sync(words + 2);
  return 64;
}
