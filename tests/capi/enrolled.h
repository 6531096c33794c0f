// A phone of the tests of the C face that need a real platform. Thread rule: one thread.
#pragma once

#include <memory>
#include <string>

#include "face.h"
#include "platform_process.h"

namespace julu::test {

/// A phone enrolled through the C face at a platform, of its own if none is given. With the last phone goes the last
/// handle.
class Enrolled {
 public:
  explicit Enrolled(const std::string& worker = "W-0412", std::shared_ptr<PlatformProcess> its_county = nullptr);
  ~Enrolled() {
    julu_sync_close(sync);
    julu_store_close(store);
    if (county.use_count() == 1) CHECK(julu_live_handles() == 0);
  }
  void open() {
    auto options = sized<julu_store_options>();
    options.flags = has_cipher() ? 0 : JULU_UNENCRYPTED;
    options.directory = t(directory_);
    options.key = key;
    REQUIRE(julu_store_open(&options, &store, nullptr) == JULU_OK);
  }
  void open_sync(julu_transport transport = 0) {
    auto options = sized<julu_sync_options>();
    options.transport = transport;
    REQUIRE(julu_sync_open(store, &options, &sync, nullptr) == JULU_OK);
  }
  void capture(std::uint64_t seed, std::size_t photo_bytes = 60 * 1024) const {
    const std::string path = folder.write("a.jpg", make_jpeg_of_about(photo_bytes, seed));
    auto photo = sized<julu_photo>();
    photo.path = t(path);
    REQUIRE(julu_store_capture(store, t("incident"), t(kBody), &photo, 1, {}, nullptr, nullptr) == JULU_OK);
  }
  julu_outcome run(std::int64_t at_most_ms = 0) const {
    auto outcome = sized<julu_outcome>();
    REQUIRE(julu_sync_run(sync, at_most_ms, nullptr, nullptr, &outcome, nullptr) == JULU_OK);
    return outcome;
  }

  const std::shared_ptr<PlatformProcess> county;  ///< of one phone or of several
  PlatformProcess& platform = *county;
  Folder folder;
  std::uint8_t key[JULU_KEY_BYTES] = {0x5A};
  julu_store store = 0;
  julu_sync sync = 0;

 private:
  std::string directory_;
};

}  // namespace julu::test
