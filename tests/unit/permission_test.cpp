// No permission: said as such, naming what, and nothing is lost. In a child that is nobody in particular, because an
// administrator may do everything.
#include <filesystem>

#include <catch2/catch_test_macros.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <julu/enrolment.h>

#include "county.h"
#include "jpeg.h"

using namespace julu;
using namespace julu::test;

namespace {

namespace fs = std::filesystem;
constexpr int kStillRoot = 77;
constexpr int kThrew = 78;
constexpr uid_t kNobody = 65534;

int as_nobody(int (*work)()) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) ::_exit(kStillRoot);
    try {
      ::_exit(work());
    } catch (...) {
      ::_exit(kThrew);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Each step that does not hold returns its number.
int meet_locked_files() {
  County county;
  auto store = county.phone();
  const Capture report{.kind = "incident", .body = R"({"category":"road","text":"路断了"})", .photos = {}, .id = {}};
  const auto saved = store->capture(report);
  if (!saved) return 1;

  Capture with_photo = report;
  with_photo.photos.push_back({county.folder.write("a.jpg", make_jpeg_of_about(30 * 1024, 1)), "near"});
  fs::permissions(with_photo.photos[0].path, fs::perms::none);
  const auto refused = store->capture(with_photo);
  if (refused.ok() || refused.error().code != ErrorCode::permission || refused.error().field != "/photos/0") return 2;
  if (store->status()->records != 1) return 3;
  store.reset();

  const fs::path file = county.directory() + "/julu.db";
  fs::permissions(file, fs::perms::none);
  const auto locked = Store::open(county.options());
  if (locked.ok() || locked.error().code != ErrorCode::permission) return 4;
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  for (const char* stays : {"-wal", "-shm"}) fs::remove(file.string() + stays);
  fs::permissions(county.directory(), fs::perms::owner_read | fs::perms::owner_exec);
  const auto shut = Store::open(county.options());  // no room for a WAL
  fs::permissions(county.directory(), fs::perms::owner_all);
  if (shut.ok() || shut.error().code != ErrorCode::permission || shut.error().field != "directory") return 7;
  store = county.open_again();
  if (!store->get(saved->id).value()) return 5;

  fs::permissions(county.folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  Enrolment::Options options;
  options.root = county.folder.file("another");
  options.key = county.key;
  options.encrypted = has_cipher();
  options.platform = "http://127.0.0.1:1";
  options.consent_at_ms = county.clock.now_ms();
  const auto begun = Enrolment::begin(options);
  fs::permissions(county.folder.path(), fs::perms::owner_all);
  if (begun.ok() || begun.error().code != ErrorCode::permission) return 6;
  return 0;
}

}  // namespace

TEST_CASE("without permission a photo, a store and an enrolment say so, and what was saved stays") {
  const int result = as_nobody(&meet_locked_files);
  if (result == kStillRoot) SKIP("this machine lets no test be somebody else");
  CHECK(result == 0);
}
