// A worker's phone.
#include "handset.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <julu/enrol.h>
#include <julu/limits.h>

#include "server.h"

namespace julu::walk {
namespace {

std::runtime_error cannot(const std::string& call, const Error& error) {
  return std::runtime_error(call + ": " + std::string(name(error.code)) + " " + error.detail);
}

}  // namespace

Handset::Handset(std::string worker, const std::string& root, Front& front, test::ManualClock& clock, Random& random,
                 Findings& findings)
    : worker_(std::move(worker)),
      clock_(clock),
      random_(random),
      findings_(findings),
      transport_(clock, [&front](const Request& request) { return front.ask(request); }) {
  key_.fill(7);
  EnrolOptions options;
  options.platform = sim::kPlatform;
  options.code = front.activation_code(worker_);
  options.root = root;
  options.key = key_;
  options.encrypted = false;
  options.consent_at_ms = clock.now_ms();
  options.transport = &transport_;
  options.clock = &clock;
  options.random = &random;
  const auto device = enrol(options);
  if (!device) throw cannot("enrol", device.error());
  directory_ = device->directory;
  open();
}

void Handset::open() {
  Store::Options options;
  options.directory = directory_;
  options.key = key_;
  options.encrypted = false;
  options.clock = &clock_;
  options.random = &random_;
  auto opened = Store::open(options);
  if (!opened) throw cannot("open", opened.error());
  shell_.store = std::move(opened).value();
  shell_.syncer = std::make_unique<Syncer>(*shell_.store, transport_);
  shell_.suspended = false;
}

void Handset::open_second() {
  second_ = std::move(shell_);
  open();
}

void Handset::suspend() {
  findings_.look("suspend", store().suspend());
  shell_.suspended = true;
}

void Handset::resume() {
  findings_.look("resume", store().resume(key_));
  shell_.suspended = false;
}

void Handset::set_file_aside() {
  std::string file = directory_ + "/julu.db";
  for (int number = 2; std::filesystem::exists(file + "-damaged"); ++number)
    file = directory_ + "/julu-" + std::to_string(number) + ".db";
  std::ofstream(file + "-damaged") << "!";
  findings_.trace(worker_, "set aside", file);
}

void Handset::sync(std::chrono::milliseconds at_most) {
  static_cast<void>(shell_.syncer->hint());
  SyncOptions options;
  options.at_most = at_most;
  const auto outcome = shell_.syncer->run(options);
  if (!outcome) {
    const Error& error = outcome.error();
    findings_.violate("sync " + std::string(name(error.code)) + " " + error.field + " " + error.detail);
    return;
  }
  findings_.trace(worker_, "sync: delivered", outcome->ops_delivered, "left", outcome->ops_left, "parked",
                  outcome->ops_parked, "photos left", outcome->photos_left,
                  outcome->failure ? name(outcome->failure->code) : "");
}

std::vector<Record> Handset::parked() {
  Filter filter;
  filter.delivery = Delivery::parked;
  filter.limit = limits::page_rows_max;
  filter.deleted_too = true;
  auto found = store().list(filter);
  findings_.look("list", found);
  return found ? std::move(found).value() : std::vector<Record>();
}

}  // namespace julu::walk
