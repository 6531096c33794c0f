#include "enrolled.h"

namespace julu::test {

Enrolled::Enrolled(const std::string& worker, std::shared_ptr<PlatformProcess> its_county)
    : county(its_county != nullptr ? std::move(its_county) : std::make_shared<PlatformProcess>(JUHAOBAN_PROGRAM)) {
  platform.add_worker(worker);
  const std::string url = platform.url();
  const std::string code = platform.code(worker);
  const std::string root = folder.file("root");
  auto options = sized<julu_enrol_options>();
  options.flags = has_cipher() ? 0 : JULU_UNENCRYPTED;
  options.platform = t(url);
  options.code = t(code);
  options.root = t(root);
  options.key = key;
  options.consent_at_ms = 1;
  julu_buf device{};
  auto error = sized<julu_error>();
  const std::int32_t enrolled = julu_enrol(&options, &device, &error);
  INFO(error.detail);
  REQUIRE(enrolled == JULU_OK);
  directory_ = nlohmann::json::parse(taken(device)).at("directory");
  open();
}

}  // namespace julu::test
