#include "site.h"

#include <algorithm>
#include <stdexcept>

#include <julu/limits.h>
#include <nlohmann/json.hpp>

#include "folder.h"
#include "jpeg.h"

namespace julu::crash {
namespace {

using nlohmann::json;

constexpr std::int64_t kAnswerMs = 150;  // what every request takes
constexpr int kSyncsMax = 8;

std::string missing_photo(Store& store, const Record& record, const std::string& sha256) {
  const auto named = std::any_of(record.photos.begin(), record.photos.end(),
                                 [&](const RecordPhoto& photo) { return photo.sha256 == sha256; });
  if (!named) return "the record does not name photo " + sha256;
  Sha256 hash;
  const auto read = store.read_photo(sha256, [&](std::string_view bytes) {
    hash.update(bytes);
    return true;
  });
  if (!read || hex(hash.finish()) != sha256) return "photo " + sha256 + " is not byte for byte there";
  return {};
}

}  // namespace

void need(const Result<void>& result, const char* what) {
  if (result) return;
  throw std::runtime_error(std::string(what) + ": " + std::string(name(result.error().code)) + " " +
                           result.error().field + " " + result.error().detail);
}

Moment beginning(bool encrypted) {
  const sim::Template& made = sim::template_of(encrypted, false);
  Moment moment{made.phones[kWorker], made.platform, 0, {}};
  // Or each upkeep would begin with the many writes of it, of which the order says nothing.
  moment.phone["phone/ballast"].bytes.assign(limits::ballast_bytes, '\0');
  return moment;
}

Site::Site(const Moment& start, bool encrypted, std::uint64_t seed)
    : random(seeded_random(seed)), phone(*random), platform(*random), names(start.names), encrypted_(encrypted) {
  phone.restore(start.phone);
  platform.restore(start.platform);
  clock.advance(start.clock_ms);
}

Site::Site(Site& county_of, int worker)
    : random(seeded_random(static_cast<std::uint64_t>(worker) + 100)),
      phone(*random),
      platform(*random),
      names(county_of.names),
      encrypted_(county_of.encrypted_),
      platform_(&county_of.county()) {
  phone.restore(sim::template_of(encrypted_, false).phones[static_cast<std::size_t>(worker)]);
  clock.advance(county_of.clock.now_ms() - clock.now_ms());
}

Site::~Site() { close(); }

Store::Options Site::options() {
  Store::Options options;
  options.directory = "phone";
  options.key = sim::store_key();
  options.encrypted = encrypted_;
  options.clock = &clock;
  options.random = random.get();
  options.vfs = phone.vfs();
  return options;
}

juhaoban::Platform& Site::county() {
  if (platform_ != nullptr) return *platform_;
  juhaoban::Options options;
  options.data = sim::kData;
  options.vfs = platform.vfs();
  options.address = sim::kPlatform;
  options.clock = &clock;
  options.random = random.get();
  own_platform_ = std::make_unique<juhaoban::Platform>(options);
  platform_ = own_platform_.get();
  return *platform_;
}

void Site::open() { store_ = need(Store::open(options()), "open"); }

void Site::close() {
  store_.reset();
  way.reset();
  if (own_platform_ != nullptr) platform_ = nullptr;
  own_platform_.reset();
}

void Site::open_sound() {
  open();
  const auto looked = store_->maintain(std::chrono::milliseconds(0));
  if (looked) return;
  if (looked.error().code != ErrorCode::store_corrupt) need(looked, "maintain");
  store_.reset();
  open();
}

Moment Site::moment() {
  const auto written = [](const SimDisk& disk) {
    SimDisk::Image image;
    for (const auto& [name, contents] : disk.image()) image[name].bytes = contents.bytes;
    return image;
  };
  return {written(phone), written(platform), clock.now_ms() - test::ManualClock().now_ms(), names};
}

std::string Site::photo(int number) {
  static const test::Folder folder;
  test::JpegSpec spec;
  spec.width = 48;
  spec.height = 32;
  spec.noise = number % 2 == 1;
  if (number >= 100) spec.width = 160, spec.height = 120;  // some pages, with a thumbnail of its own
  if (number >= 200) spec.width = 480, spec.height = 320;  // more than one piece of a fetch
  spec.seed = static_cast<std::uint64_t>(number);
  if (number >= 1000)
    return folder.write("photo.jpg", test::make_jpeg_of_about(static_cast<std::size_t>(number) * 1024, 7));
  return folder.write("photo" + std::to_string(number) + ".jpg", test::make_jpeg(spec));
}

void Site::claim_record(const std::string& id, const std::string& text, const std::vector<std::string>& photos) {
  claims.push_back({"record " + id + " " + text, [id, text, photos](Store& store) -> std::string {
                      const auto record = store.get(id);
                      if (!record || !*record) return "the record is not there";
                      const bool gone = (*record)->deleted;
                      const auto history = store.history(id);
                      bool said = gone || (*record)->body.find(text) != std::string::npos;
                      for (const HistoryEntry& entry : *history)
                        said = said || entry.detail.find(text) != std::string::npos;
                      if (!said) return "its text is not there";
                      for (const std::string& photo : photos) {
                        if (std::string wrong = missing_photo(store, **record, photo); !wrong.empty()) return wrong;
                      }
                      return {};
                    }});
}

std::string Site::report(const std::string& text, const std::vector<int>& photos, const std::string& id) {
  const std::string whole = photos.empty() ? text : text + kWithPhoto;
  Capture capture{"incident", json{{"category", "drainage"}, {"text", whole}}.dump(), {}, id};
  for (const int number : photos) capture.photos.push_back({photo(number), "near"});
  const Saved saved = need(store_->capture(capture), "capture");
  claim_record(saved.id, text, saved.photos);
  return saved.id;
}

std::string Site::household(const std::string& text) {
  const json body{{"address", text}, {"grid", "130529200203001"}};
  const Saved saved = need(store_->capture({"household", body.dump(), {}, {}}), "capture");
  claim_record(saved.id, text, {});
  return saved.id;
}

void Site::patch(const std::string& id, const std::string& body, const std::vector<int>& photos) {
  std::vector<PhotoInput> inputs;
  for (const int number : photos) inputs.push_back({photo(number), "near"});
  const Saved saved = need(store_->patch(id, body, inputs), "patch");
  const json values = json::parse(body);
  claim_record(id, values.begin()->get<std::string>(), saved.photos);
}

void Site::act(const std::string& id, const std::string& action, const std::vector<int>& photos) {
  std::vector<PhotoInput> inputs;
  for (const int number : photos) inputs.push_back({photo(number), "after"});
  const Saved saved = need(store_->act(id, action, R"({"note":"做了"})", inputs), "act");
  claim_record(id, "", saved.photos);
  claims.push_back({"step " + action, [id, action](Store& store) -> std::string {
                      const auto history = store.history(id);
                      const auto is_it = [&](const HistoryEntry& entry) { return entry.action == action; };
                      if (!history || std::none_of(history->begin(), history->end(), is_it))
                        return "the step is not in the history";
                      return {};
                    }});
}

void Site::remove(const std::string& id) {
  need(store_->remove(id), "remove");
  claims.push_back({"removal of " + id, [id](Store& store) -> std::string {
                      const auto record = store.get(id);
                      return record && *record && !(*record)->deleted ? "the record is there as before" : "";
                    }});
}

SyncOutcome Site::sync() {
  if (!way) way.emplace(county());
  way->on_submit = [this](const Request&) { clock.advance(kAnswerMs); };
  Syncer syncer(*store_, *way);
  need(syncer.hint(), "hint");
  SyncOptions options;
  std::int64_t done = 0;
  options.progress = [&](const SyncProgress& progress) {
    if (progress.ops_done > done && told) told();
    done = progress.ops_done;
  };
  return need(syncer.run(options), "sync");
}

void Site::sync_to_the_end() {
  SyncOutcome outcome;
  for (int i = 0; i < kSyncsMax; ++i) {
    outcome = sync();
    const bool asks_again = store_->status()->confirming;
    if (outcome.end == SyncEnd::all_delivered && !asks_again) return;
    clock.advance(limits::reconcile_spread_ms);
  }
  throw std::runtime_error("sync never ends: " + std::to_string(outcome.ops_left) + " ops, " +
                           std::to_string(outcome.photos_left) + " photos left, end " +
                           std::to_string(static_cast<int>(outcome.end)));
}

void Site::beside(int worker, const std::function<void(Site&)>& work) {
  Site other(*this, worker);
  other.open();
  other.sync_to_the_end();
  work(other);
  other.sync_to_the_end();
}

}  // namespace julu::crash
