// The smallest shell in C++: enrol once, report with a photo, sync, look.
// shell PLATFORM ACTIVATION_CODE FOLDER PHOTO.jpg
#include <array>
#include <chrono>
#include <cstdio>
#include <string>

#include <julu/enrol.h>
#include <julu/store.h>
#include <julu/syncer.h>

namespace {

/// Says what happened and what to do, in Chinese.
int fail(const julu::Error& error) {
  std::fprintf(stderr, "%s\n", julu::message(error, julu::Lang::zh).c_str());
  return 1;
}

}  // namespace

int main(int count, char** words) {
  using namespace std::chrono_literals;
  if (count != 5) return std::fprintf(stderr, "shell 平台地址 激活码 数据目录 照片.jpg\n"), 64;
  const auto [url, code, dir, photo] = std::array<std::string, 4>{words[1], words[2], words[3], words[4]};
  const julu::StoreKey key{};  // a phone takes it from its keystore; a zero key is for this example only
  const std::int64_t now = julu::system_clock().now_ms();

  // once: the activation code that the township handed out; nothing goes to the network before consent
  auto device = julu::enrol({.platform = url, .code = code, .root = dir, .key = key, .consent_at_ms = now});
  if (!device) return fail(device.error());

  auto store = julu::Store::open({.directory = device->directory, .key = key});
  if (!store) return fail(store.error());
  auto saved = (*store)->capture({.kind = "incident",
                                  .body = R"({"category":"drainage","text":"村东头排水沟堵了"})",
                                  .photos = {{.path = photo, .role = "near"}}});
  if (!saved) return fail(saved.error());  // names the field; nothing was lost

  auto transport = julu::curl_transport({.platform = url});
  julu::Syncer syncer(**store, *transport);
  auto outcome = syncer.run({.at_most = 30s});  // offline is an outcome, not an exception
  if (!outcome) return fail(outcome.error());

  const auto record = (*store)->get(saved->id);
  if (!record) return fail(record.error());
  const bool delivered = (*record)->delivery == julu::Delivery::delivered;
  const bool parked = (*record)->delivery == julu::Delivery::parked;
  std::printf("%s %s %s，照片 %zu 张\n", saved->id.c_str(), (*record)->title.c_str(),
              delivered ? "已送达"
              : parked  ? "平台未接受"
                        : "已保存，稍后自动重试",
              saved->photos.size());
  if (parked && (*record)->problem) std::printf("%s\n", julu::message(*(*record)->problem, julu::Lang::zh).c_str());
  return delivered ? 0 : parked ? 65 : 75;
}
