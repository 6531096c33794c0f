#include "kill_run.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <set>

#include "phones.h"

namespace julu::test {
namespace {

constexpr int kKillsOfOnePhone = 200;
constexpr std::uint64_t kCaptureUs = 60'000;  // a phone captures for at most so long before it dies
constexpr std::uint64_t kSyncUs = 100'000;    // at first; then what it takes to meet one that is still at work
constexpr int kStartsAKill = 10;              // of phones, at most
constexpr std::uint64_t kStartUs = 15'000;    // what a phone takes to its first word; a slower build gets as much more

/// How many times slower than that the phones of this build begin.
std::uint64_t slowness(const std::vector<std::string>& words) {
  const auto begun = std::chrono::steady_clock::now();
  Process phone(words);
  static_cast<void>(phone.read_line());
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
  return 1 + static_cast<std::uint64_t>(took.count()) / kStartUs;
}

struct Death {
  std::vector<std::string> lines;  // that it had said
  bool killed = false;             // it had not ended by itself
};

/// Lets a phone run for a random time within `most_us` and kills it.
Death run_and_kill(const std::vector<std::string>& words, Random& random, std::uint64_t most_us) {
  Process phone(words);
  Death death{phone.read_for(static_cast<std::int64_t>(random.below(most_us))), false};
  phone.kill();
  death.killed = phone.wait() == 128 + SIGKILL;
  // What it had said before it died may still be in the pipe.
  while (auto line = phone.read_line(0)) death.lines.push_back(*std::move(line));
  return death;
}

class OnePhone {
 public:
  OnePhone(const KillRun& run, Random& random, KillReport& report)
      : run_(run),
        random_(random),
        report_(report),
        platform_(run.platform_program),
        directory_(enrol_phone(platform_, folder_, "W-0412")) {}

  void kill_often(int kills) {
    const std::uint64_t slower = slowness({run_.phone_program, "sync", directory_});
    std::uint64_t sync_us = kSyncUs * slower;
    int killed = 0;
    for (int i = 0; killed < kills; ++i) {
      if (i == kills * kStartsAKill) return wrong("phones end by themselves, and are not killed");
      if (i % 5 == 2 || i % 5 == 4) {
        const bool met = run_and_kill({run_.phone_program, "sync", directory_}, random_, sync_us).killed;
        sync_us = met ? sync_us * 9 / 8 : std::max(sync_us * 3 / 4, kStartUs * slower);
        report_.sync_kills += met ? 1 : 0;
        killed += met ? 1 : 0;
        continue;
      }
      const std::string seed = std::to_string(random_.below(1'000'000'000));
      const std::vector<std::string> words{run_.phone_program, "capture", directory_, pictures_.path(), seed, "1000"};
      const Death death = run_and_kill(words, random_, kCaptureUs * slower);
      for (const std::string& line : death.lines) add_line(told_, line);
      report_.capture_kills += death.killed ? 1 : 0;
      killed += death.killed ? 1 : 0;
      look();
    }
    finish();
  }

 private:
  void wrong(const std::string& what) { report_.wrong.push_back(what); }

  // Reads never see half a capture.
  void look() {
    const auto store = open_phone(directory_);
    for (const auto& [id, told] : told_) {
      const auto record = store->get(id);
      const std::set<std::string> distinct(told.photos.begin(), told.photos.end());
      if (!record || !*record)
        wrong("told, and not there: " + id);
      else if ((*record)->photos.size() != distinct.size())
        wrong("not with all its photos: " + id);
      else if (hash_of_body((*record)->body) != told.body)
        wrong("with another body: " + id);
    }
  }

  // A record may be durable although the phone died before it could say so: it was captured, and it arrives too.
  void add_untold(Store& store) {
    Filter all;
    all.limit = 500;
    for (;;) {
      const auto page = store.list(all).value();
      for (const Record& record : page) {
        const auto [told, untold] = told_.try_emplace(record.id);
        if (!untold) continue;
        told->second.body = hash_of_body(record.body);
        for (const RecordPhoto& photo : record.photos) told->second.photos.push_back(photo.sha256);
      }
      if (page.size() < 500) return;
      all.before = page.back().id;
    }
  }

  void finish() {
    const auto store = open_phone(directory_);
    add_untold(*store);
    if (sync_to_the_end(*store).end != SyncEnd::all_delivered) wrong("the phone never comes to the end of its queue");
    const Comparison result = compare(platform_, *store, told_);
    for (const std::string& id : result.lost) wrong("lost: " + id);
    for (const std::string& id : result.doubled) wrong("doubled: " + id);
    for (const std::string& id : result.foreign) wrong("never captured: " + id);
    for (const std::string& id : result.damaged) wrong("damaged: " + id);
    for (const auto& [id, told] : told_) {
      ++report_.records;
      report_.photos += told.photos.size();
      if ((*store->get(id))->delivery != Delivery::delivered) wrong("not shown as delivered: " + id);
    }
  }

  const KillRun& run_;
  Random& random_;
  KillReport& report_;
  PlatformProcess platform_;
  Folder folder_;
  Folder pictures_;
  std::string directory_;
  Told told_;
};

}  // namespace

KillReport run_kills(const KillRun& run) {
  const auto random = seeded_random(run.seed);
  KillReport report;
  for (int left = run.kills; left > 0; left -= kKillsOfOnePhone) {
    OnePhone(run, *random, report).kill_often(std::min(left, kKillsOfOnePhone));
  }
  return report;
}

}  // namespace julu::test
