// The reference platform as anybody may ask it. Parts: requests in the form of HTTP/1.1, without a version; one without
// an Authorization header comes from an enrolled device. $upload, $photo and $device stand for what is there.
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "assertion.h"
#include "clocks.h"
#include "platform.h"
#include "sim_disk.h"
#include "target.h"
#include "wire.h"

namespace julu::fuzz {
namespace {

constexpr const char* kAddress = "https://county.example";
constexpr std::string_view kPhotoBytes = "not a photo, but bytes";

class WholeBody final : public juhaoban::BodyReader {
 public:
  explicit WholeBody(std::string_view bytes) : bytes_(bytes) {}
  bool read(const std::function<bool(std::string_view)>& take) override {
    if (!bytes_.empty()) take(bytes_);
    return true;
  }

 private:
  std::string_view bytes_;
};

class County {
 public:
  static County& instance() {
    static County county;
    return county;
  }

  /// As it was after it was set up.
  std::unique_ptr<juhaoban::Platform> open() {
    disk_.restore(image_);
    clock_ = std::make_unique<test::ManualClock>();
    random_ = seeded_random(5);
    return start();
  }

  std::string token, device, upload, photo;

 private:
  County()
      : disk_random_(seeded_random(3)),
        disk_(*disk_random_),
        clock_(std::make_unique<test::ManualClock>()),
        random_(seeded_random(4)) {
    const auto platform = start();
    platform->add_worker("W-0412", "王芳", "worker", {"130529200203001"}, {"张村一格"});
    enrol(*platform);
    photo = hex(sha256(kPhotoBytes));
    upload = begin_upload(*platform, kPhotoBytes.size() + 1);
    ask(*platform, "PATCH", "/v1/photos/uploads/" + begin_upload(*platform, kPhotoBytes.size()),
        std::string(kPhotoBytes), {{"upload-offset", "0"}, {"content-type", "application/offset+octet-stream"}});
    image_ = disk_.image();
  }

  std::unique_ptr<juhaoban::Platform> start() {
    juhaoban::Options options;
    options.data = "county";
    options.vfs = disk_.vfs();
    options.address = kAddress;
    options.clock = clock_.get();
    options.random = random_.get();
    return std::make_unique<juhaoban::Platform>(options);
  }

  juhaoban::Reply ask(juhaoban::Platform& platform, const char* method, const std::string& path,
                      const std::string& body, std::map<std::string, std::string> headers) {
    headers.emplace("authorization", "Bearer " + token);
    headers.emplace("tus-resumable", "1.0.0");
    WholeBody whole(body);
    auto reply = platform.handle({method, path, {}, std::move(headers)}, whole);
    if (reply.status >= 300)
      std::fprintf(stderr, "%s %s %d %s\n", method, path.c_str(), reply.status, reply.body.c_str());
    require(reply.status < 300, "the county that inputs begin with can be set up");
    return reply;
  }

  void enrol(juhaoban::Platform& platform) {
    const PrivateKey key = make_private_key(*random_);
    const PublicKey known = public_key(key);
    const std::string code = platform.add_code("W-0412", "ABCDEFGHJKLM");
    const Signature proof = julu::sign(key, wire::enrolment_proof_text(kAddress, code, known));
    const auto enrolled = ask(platform, "POST", "/v1/devices", wire::encode_enrolment(code, known, proof), {});
    device = nlohmann::json::parse(enrolled.body).at("device");
    const auto assertion =
        make_assertion(device, kAddress, clock_->now_ms(), *random_,
                       [&](std::string_view text) -> Result<Signature> { return julu::sign(key, text); });
    const auto granted = ask(platform, "POST", "/v1/token", wire::encode_token_request(*assertion), {});
    token = nlohmann::json::parse(granted.body).at("access_token");
  }

  std::string begin_upload(juhaoban::Platform& platform, std::size_t length) {
    const auto reply = ask(platform, "POST", "/v1/photos", {}, {{"upload-length", std::to_string(length)}});
    const std::string location = header(reply.headers, "Location");
    return location.substr(location.rfind('/') + 1);
  }

  std::unique_ptr<Random> disk_random_;
  test::SimDisk disk_;
  std::unique_ptr<test::ManualClock> clock_;
  std::unique_ptr<Random> random_;
  test::SimDisk::Image image_;
};

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

juhaoban::Request parse(std::string_view& text, const County& county) {
  juhaoban::Request request;
  std::string_view first = take_line(text);
  const std::size_t space = first.find(' ');
  request.method = first.substr(0, space);
  first.remove_prefix(space == std::string_view::npos ? first.size() : space + 1);
  const std::size_t mark = first.find('?');
  request.path = first.substr(0, mark);
  for (std::size_t at = mark; at != std::string_view::npos;) {
    const std::size_t end = first.find('&', at + 1);
    const std::string_view pair = first.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
    const std::size_t is = std::min(pair.find('='), pair.size());
    request.query[std::string(pair.substr(0, is))] = pair.substr(std::min(is + 1, pair.size()));
    at = end;
  }
  for (std::string_view line = take_line(text); !line.empty(); line = take_line(text)) {
    const std::size_t colon = std::min(line.find(": "), line.size());
    request.headers[std::string(line.substr(0, colon))] = line.substr(std::min(colon + 2, line.size()));
  }
  request.headers.emplace("authorization", "Bearer " + county.token);
  return request;
}

}  // namespace

void platform_requests(std::string_view input) {
  County& county = County::instance();
  const auto platform = county.open();
  for (const auto part : parts(input)) {
    std::string text = replaced(std::string(part), "$upload", county.upload);
    text = replaced(replaced(std::move(text), "$photo", county.photo), "$device", county.device);
    std::string_view left = text;
    const auto request = parse(left, county);
    WholeBody body(left);
    const auto reply = platform->handle(request, body);
    require(reply.status >= 200 && reply.status < 500, "no request is the platform's own failure");
    if (header(reply.headers, "Content-Type").find("json") != std::string::npos) {
      require(nlohmann::json::accept(reply.body), "what says that it is JSON is");
    }
  }
  // Whatever one device sent, the others still read what it left.
  WholeBody none("");
  const auto page = platform->handle({"GET", "/v1/pull", {}, {{"authorization", "Bearer " + county.token}}}, none);
  require(page.status == 200, "a pull is answered");
  require(wire::decode_pull(page.body).ok(), "a phone can read what is pulled");
}

}  // namespace julu::fuzz
