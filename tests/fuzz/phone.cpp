#include "phone.h"

#include <chrono>

#include <julu/enrolment.h>
#include <julu/inbox.h>
#include <julu/outbox.h>

#include "jpeg.h"
#include "target.h"

namespace julu::fuzz {
namespace {

constexpr const char* kDirectory = "phone";
constexpr const char* kDatabase = "phone/julu.db";
constexpr const char* kPulled = "01980000-0000-7000-8000-000000000001";

template <class T>
T made(Result<T> result) {
  require(result.ok(), "the store that inputs begin with can be made");
  return *std::move(result);
}

PulledPage first_page(const test::County& county) {
  PulledPage page;
  page.epoch = test::kEpoch;
  page.next = "c1";
  page.changes.push_back(county.receipt_key_row());
  Change household;
  household.kind = "household";
  household.id = kPulled;
  household.version = test::kFirstVersion + 2;
  household.body = R"({"address":"张村三组 12 号"})";
  page.changes.push_back(household);
  return page;
}

}  // namespace

Phone& Phone::instance() {
  static Phone phone;
  return phone;
}

Store::Options Phone::options() {
  Store::Options options;
  options.directory = kDirectory;
  options.encrypted = false;
  options.clock = &clock_;
  options.random = county.random.get();
  options.vfs = disk_.vfs();
  return options;
}

Phone::Phone() : disk_random_(seeded_random(11)), disk_(*disk_random_) {
  Enrolment::Options enrolling;
  enrolling.root = kDirectory;
  enrolling.encrypted = false;
  enrolling.platform = "https://county.example";
  enrolling.consent_at_ms = clock_.now_ms();
  enrolling.clock = &clock_;
  enrolling.random = county.random.get();
  enrolling.vfs = disk_.vfs();
  {
    auto enrolment = made(Enrolment::begin(enrolling));
    Identity identity;
    identity.platform = enrolling.platform;
    identity.device = "device-1";
    identity.worker = "W-0412";
    identity.role = "worker";
    identity.grids = {"130529200203001"};
    identity.origins = {enrolling.platform};
    identity.root_key = public_key(county.root_key);
    static_cast<void>(made(enrolment->finish(identity)));
  }
  {
    const auto store = made(Store::open(options()));
    fill(*store);
  }
  file_ = disk_.image().at(kDatabase).bytes;
}

// Something in every table: receipted, parked, pending and conflicting ops, a photo, a case's step, a pulled record.
void Phone::fill(Store& store) {
  static_cast<void>(made(Inbox(store).apply(first_page(county))));
  test::JpegSpec spec;
  spec.width = 96;
  spec.height = 64;
  const std::string picture = county.folder.write("p.jpg", test::make_jpeg(spec));
  const Saved incident =
      made(store.capture({"incident", R"({"category":"drainage","text":"村东头排水沟堵了"})", {{picture}}, {}}));
  photo = incident.photos.at(0);
  const Saved household = made(store.capture({"household", R"({"address":"李村一组 3 号"})", {}, {}}));
  const Saved visit = made(store.capture({"household", R"({"address":"李村一组 4 号"})", {}, {}}));
  std::int64_t version = test::kFirstVersion + 10;
  county.apply_all(store, version);
  static_cast<void>(made(store.patch(household.id, R"({"address":"李村一组 5 号"})")));
  static_cast<void>(made(store.patch(kPulled, R"({"address":"张村三组 13 号"})")));
  static_cast<void>(made(store.patch(visit.id, R"({"address":"李村一组 6 号"})")));
  Outbox outbox(store);
  const auto ops = made(outbox.next_ops(1, 1 << 20));
  OpResult refused;
  refused.status = OpStatus::rejected;
  refused.problem = {"scope", "不在负责范围内", {}, "/body/grid"};
  static_cast<void>(made(outbox.settle(ops, {refused}, std::nullopt)));
  PulledPage page = first_page(county);
  page.changes.erase(page.changes.begin());
  page.changes[0].version += 20;
  page.changes[0].body = R"({"address":"张村三组 14 号"})";
  page.next = "c2";
  static_cast<void>(made(Inbox(store).apply(page)));
  static_cast<void>(made(store.act(incident.id, "withdraw", R"({"note":"误报"})")));
  require(store.maintain(std::chrono::seconds(10)).ok(), "the store that inputs begin with can be made");
  records = {incident.id, household.id, visit.id, kPulled};
}

void Phone::lay(std::string file) {
  test::SimDisk::Image image;
  image[kDatabase].bytes = std::move(file);
  disk_.restore(std::move(image));
}

Result<std::unique_ptr<Store>> Phone::open() { return Store::open(options()); }

void ask_all(Store& store, const Phone& phone, void (*judge)(const Error&)) {
  const auto hear = [&](const auto& result) {
    if (!result) judge(result.error());
  };
  hear(store.status());
  hear(store.conflicts());
  hear(store.changes_since(0));
  for (const char* search : {"", "排水", "a"}) {
    Filter filter;
    filter.search = search;
    hear(store.list(filter));
  }
  for (const std::string& id : phone.records) {
    hear(store.get(id));
    hear(store.history(id));
    hear(store.short_id(id));
  }
  hear(store.read_photo(phone.photo, [](std::string_view) { return true; }));
  hear(store.thumbnail(phone.photo));
  Outbox outbox(store);
  hear(outbox.next_ops(500, 1 << 20));
  hear(outbox.next_photos(8));
  hear(outbox.reckoning());
  hear(Inbox(store).cursor());
  hear(Inbox(store).next_wanted_photo());
  const auto kinds = store.kinds();
  for (const std::string& kind : kinds ? *kinds : std::vector<std::string>()) {
    hear(store.schema(kind));
    hear(store.capture({kind, R"({"text":"一件事","address":"王村"})", {}, {}}));
  }
  hear(store.capture({"incident", R"({"category":"drainage","text":"又堵了"})", {}, {}}));
  hear(store.patch(phone.records[1], R"({"address":"改"})"));
  hear(store.act(phone.records[0], "resubmit", R"({"note":"再报"})"));
  for (const std::string& id : phone.records) {
    hear(store.resend(id));
    hear(store.give_up(id));
  }
  hear(store.maintain(std::chrono::milliseconds(50)));
}

}  // namespace julu::fuzz
