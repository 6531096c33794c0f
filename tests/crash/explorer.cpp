#include "explorer.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string_view>

#include "examine.h"
#include "store/core.h"

namespace julu::crash {
namespace {

constexpr std::size_t kLargeCuts = 40;  // steps of a scenario of megabytes
constexpr std::size_t kLargeSubsets = 3;
constexpr std::size_t kSalvageShare = 4;   // of the subsets: a salvage is one transaction of hundreds of writes
constexpr std::size_t kLargeSteps = 3000;  // from here on only syncs and what stands around them count as history
constexpr std::int64_t kViolationsShown = 20;

std::uint64_t number_of(const SimDisk& disk, const std::string& file) {
  const auto found = disk.image().find(file);
  return found == disk.image().end() ? 0 : std::hash<std::string_view>()(found->second.bytes);
}

// The last connection to close moves the whole WAL into the file, so the file's bytes are the contents.
Result<std::uint64_t> contents_number(SimDisk& disk, const Store::Options& options, int generation) {
  const std::string file = store::database_path(options.directory, generation);
  if (!disk.image().contains(file)) return 0;
  const bool at_rest = generation < store::generation_in_use(options) && !disk.image().contains(file + "-wal");
  if (!at_rest) {
    JULU_TRY(const auto db, store::open_database(options, generation, store::Opening::there));
    JULU_TRY(const auto version, db->integer("PRAGMA user_version"));
    JULU_TRY(const auto tables, db->integer("SELECT count(*) FROM sqlite_schema"));
    // Until the first transaction there is only an empty file, which every opening makes anew.
    if (version == 0) return static_cast<std::uint64_t>(*tables);
  }
  return number_of(disk, file);
}

// The file, and the one that takes its place once it is marked.
Reopened reopen_generations(SimDisk& disk, const Store::Options& options) {
  Digest digest{};
  const int in_use = store::generation_in_use(options);
  if (in_use > static_cast<int>(digest.size())) return {{}, "the file that a salvage made is set aside"};
  if (disk.image().contains(store::database_path(options.directory, in_use + 1)))
    return {{}, "the next file is there, and the mark of the damaged one is not"};
  for (int generation = 1; generation <= in_use; ++generation) {
    const auto number = contents_number(disk, options, generation);
    if (!number) return {{}, std::string(name(number.error().code)) + " " + number.error().detail};
    // With the mark, a file that is not made yet is something else than none.
    digest.at(static_cast<std::size_t>(generation - 1)) = *number + static_cast<std::uint64_t>(generation - 1);
  }
  return {digest, {}};
}

}  // namespace

void Tally::add(const Tally& other) {
  states += other.states;
  again += other.again;
  examined += other.examined;
  violations += other.violations;
}

Reopened reopen(SimDisk& disk, int subject, bool encrypted) {
  if (subject == kPlatform) {
    const std::string folder = std::string(sim::kData) + "/";
    try {
      for (const char* name : {"platform.db", "vault.db"}) {
        juhaoban::Database(folder + name, disk.vfs()).integer("SELECT count(*) FROM sqlite_schema");
      }
    } catch (const juhaoban::DatabaseError& error) {
      return {{}, error.what()};
    }
    return {Digest{number_of(disk, folder + "platform.db"), number_of(disk, folder + "vault.db")}, {}};
  }
  Store::Options options;
  options.directory = "phone";
  options.key = sim::store_key();
  options.encrypted = encrypted;
  options.vfs = disk.vfs();
  return reopen_generations(disk, options);
}

Explorer::Explorer(const Scenario& scenario, const Recording& recording, const Settings& settings, std::string before)
    : scenario_(scenario),
      recording_(recording),
      settings_(settings),
      before_(std::move(before)),
      random_(seeded_random(settings.seed)),
      probe_(*random_),
      cuts_(scenario.subject == kPhone ? recording.start.phone : recording.start.platform, recording.journal,
            scenario.subject),
      kept_(cuts_),
      other_(scenario.subject == kPhone ? recording.start.platform : recording.start.phone, recording.journal,
             kPhone + kPlatform - scenario.subject),
      history_(recording.journal.size() + 1) {}

void Explorer::run() {
  const std::size_t steps = recording_.journal.size();
  const bool sampled = scenario_.large && steps > kLargeCuts;
  for (std::size_t step = 0; step <= steps; ++step) {
    const bool new_here =
        step == 0 || recording_.is_boundary(step) || recording_.journal[step - 1].disk == scenario_.subject;
    if (!new_here || (sampled && !recording_.is_boundary(step) && random_->below(steps) >= kLargeCuts)) continue;
    if (settings_.fresh_only) {
      cuts_.move_to(step);
      if (cuts_.loose() <= 8) continue;
    }
    cut_at(step);
  }
}

void Explorer::cut_at(std::size_t step) {
  cuts_.move_to(step);
  for (const Fates& fates : fates_at(step)) judge(step, fates);
}

// All fates where there are few, else what is likely and a sample of the rest. A fate that loses the newest write is
// one of the step before; it is new only where a promise was made in between.
std::vector<Fates> Explorer::fates_at(std::size_t step) {
  const std::size_t loose = cuts_.loose();
  const std::size_t share = scenario_.damaged ? kSalvageShare : 1;
  const std::size_t most = scenario_.large   ? kLargeSubsets
                           : before_.empty() ? std::max<std::size_t>(1, settings_.subsets / share)
                                             : std::max<std::size_t>(1, settings_.subsets_again / share);
  if (loose == 0) return {Fates()};
  const bool all_new = step == 0 || recording_.is_boundary(step);
  const std::size_t free = all_new ? loose : loose - 1;
  std::vector<Fates> fates;
  if (!settings_.fresh_only && free < 20 && (std::size_t{1} << free) <= most) {
    for (std::size_t bits = 0; bits < std::size_t{1} << free; ++bits) {
      Fates some(loose, '1');
      for (std::size_t i = 0; i < free; ++i) some[i] = (bits >> i & 1) != 0 ? '1' : '0';
      fates.push_back(some);
    }
    const std::size_t torn = std::min<std::size_t>(7, most / 8);
    for (std::size_t i = 0; i < torn && cuts_.can_tear(loose - 1); ++i) {
      fates.push_back(fates[static_cast<std::size_t>(random_->below(fates.size()))]);
      fates.back().back() = static_cast<char>('2' + i);
    }
    return fates;
  }
  if (!settings_.fresh_only) {
    fates.push_back(Fates(loose, '1'));
    fates.push_back(Fates(loose - 1, '0') + '1');
    for (std::size_t i = 0; i + 1 < loose && fates.size() < most / 2; ++i) {
      fates.push_back(Fates(loose, '1'));
      fates.back()[i] = '0';  // one lost
      fates.push_back(Fates(i + 1, '1') + Fates(loose - i - 2, '0') + '1');
    }
  }
  while (fates.size() < most) fates.push_back(drawn(loose));
  return fates;
}

Fates Explorer::drawn(std::size_t loose) {
  Fates fates(loose, '1');
  const std::uint64_t lost = 1 + random_->below(6);  // of eight
  for (std::size_t i = 0; i + 1 < loose; ++i) {
    if (random_->below(8) < lost) fates[i] = '0';
  }
  const auto torn = static_cast<std::size_t>(random_->below(2 * loose));
  if (torn < loose && cuts_.can_tear(torn)) fates[torn] = static_cast<char>('2' + random_->below(7));
  return fates;
}

Digest Explorer::passed_through(std::size_t step) {
  std::optional<Digest>& kept = history_[step];
  if (kept) return *kept;
  const bool same = step > 0 && recording_.journal[step - 1].disk != scenario_.subject;
  const bool inside = step > 0 && step < recording_.journal.size() && recording_.journal.size() > kLargeSteps &&
                      !recording_.is_boundary(step) && recording_.journal[step].kind == SimDisk::Step::Kind::write;
  if (same || inside) return *(kept = passed_through(step - 1));
  kept_.move_to(step);
  probe_.restore(kept_.all());
  const Reopened reopened = reopen(probe_, scenario_.subject, settings_.encrypted);
  kept = reopened.digest.value_or(Digest{});
  return *kept;
}

std::string Explorer::wrong_with(std::size_t step, const SimDisk::Image& image, Digest& digest) {
  probe_.restore(image);
  const Reopened reopened = reopen(probe_, scenario_.subject, settings_.encrypted);
  if (!reopened.digest) return "it does not open: " + reopened.error;
  digest = *reopened.digest;
  const std::size_t floor = recording_.floor(step);
  // What one call wrote in the place of another's frames may end that of the first, where it is byte for byte the same.
  if (floor == 0 && undone_ && *undone_ == digest) return {};
  for (std::size_t part = 0; part < digest.size(); ++part) {
    bool found = false;
    for (std::size_t at = step + 1; at-- > floor && !found;) found = passed_through(at)[part] == digest[part];
    if (found) continue;
    for (std::size_t at = 0; at < floor; ++at) {
      if (passed_through(at)[part] == digest[part])
        return "what was promised is gone: it is as at step " + std::to_string(at);
    }
    return "half of something is there";
  }
  return {};
}

void Explorer::judge(std::size_t step, const Fates& fates) {
  const SimDisk::Image image = cuts_.image(fates);
  ++tally_.states;
  if (!before_.empty()) ++tally_.again;
  Digest digest{};
  std::string wrong = wrong_with(step, image, digest);
  bool fresh = false;
  if (wrong.empty()) {
    std::vector<std::uint64_t> key{digest[0], digest[1], recording_.claims_at(step)};
    other_.move_to(step);
    key.push_back(other_.loose());
    fresh = known_.insert(key).second;
    const bool due = fresh && (before_.empty() || random_->below(settings_.examine_again_every) == 0);
    if (due || random_->below(settings_.examine_every) == 0) wrong = examine(step, image);
  }
  if (!wrong.empty()) return report(step, fates, wrong);
  if (before_.empty() && (fresh || random_->below(settings_.again_every) == 0)) cut_again(step, fates, image);
}

Moment Explorer::moment(std::size_t step, const SimDisk::Image& image) {
  other_.move_to(step);
  SimDisk::Image beside = other_.all();
  Moment moment{image, std::move(beside), recording_.ended_ms, recording_.start.names};
  if (scenario_.subject == kPlatform) std::swap(moment.phone, moment.platform);
  return moment;
}

std::vector<Claim> Explorer::promised_at(std::size_t step) const {
  const auto claims = static_cast<std::ptrdiff_t>(recording_.claims_at(step));
  return {recording_.claims.begin(), recording_.claims.begin() + claims};
}

std::string Explorer::examine(std::size_t step, const SimDisk::Image& image) {
  ++tally_.examined;
  const bool enrolled = !scenario_.enrols || recording_.marks.front().end <= step;
  return crash::examine(scenario_, moment(step, image), promised_at(step), enrolled, settings_.encrypted);
}

Recording Explorer::record_recovery(std::size_t step, const SimDisk::Image& image) {
  std::vector<Call> calls;
  if (scenario_.subject == kPlatform) {
    calls.push_back({"the platform opens", [](Site& site) { site.county(); }});
  } else if (scenario_.enrols) {
    calls.push_back({"enrol again", [](Site& site) { enrol_phone(site); }});
  }
  calls.push_back({"open again", [damaged = scenario_.damaged](Site& site) {
                     site.clock.reboot("boot-2");
                     damaged ? site.open_sound() : site.open();
                   }});
  calls.push_back({"capture after it", [](Site& site) { site.report("断电之后"); }});
  if (scenario_.subject == kPlatform) {
    // Of a sync that ends early only what it said is delivered has to last.
    calls.push_back({"sync after it", [](Site& site) { site.sync(); }, false});
  }
  calls.push_back({"close", [](Site& site) { site.close(); }});
  Recording recovery = record(moment(step, image), calls, settings_.encrypted, settings_.seed + 7);
  recovery.begin_with(promised_at(step));
  return recovery;
}

Digest Explorer::end_of_call(std::size_t step) {
  while (step < recording_.journal.size() && !recording_.is_boundary(step)) ++step;
  return passed_through(step);
}

void Explorer::cut_again(std::size_t step, const Fates& fates, const SimDisk::Image& image) {
  if (scenario_.large) return;
  const Recording recovery = record_recovery(step, image);
  Settings settings = settings_;
  settings.fresh_only = false;
  settings.seed = settings_.seed + step;
  Explorer again(scenario_, recovery, settings,
                 std::to_string(step) + "/ --subset " + (fates.empty() ? "-" : fates) + "/");
  again.undone_ = end_of_call(step);
  again.run();
  tally_.add(again.tally_);
}

void Explorer::move_to(std::size_t step, const Fates& fates) {
  const std::size_t steps = recording_.journal.size();
  if (step > steps) throw std::invalid_argument("there are " + std::to_string(steps) + " steps");
  cuts_.move_to(step);
  const std::size_t loose = cuts_.loose();
  if (fates.size() != loose) throw std::invalid_argument("at this step " + std::to_string(loose) + " writes are loose");
}

std::string Explorer::replay(std::size_t step, const Fates& fates) {
  move_to(step, fates);
  const SimDisk::Image image = cuts_.image(fates);
  Digest digest{};
  std::string wrong = wrong_with(step, image, digest);
  return wrong.empty() ? examine(step, image) : wrong;
}

std::string Explorer::replay_again(std::size_t step, const Fates& fates, std::size_t then_step,
                                   const Fates& then_fates) {
  move_to(step, fates);
  const Recording recovery = record_recovery(step, cuts_.image(fates));
  Settings settings = settings_;
  settings.seed = settings_.seed + step;
  Explorer again(scenario_, recovery, settings, "then ");
  again.undone_ = end_of_call(step);
  return again.replay(then_step, then_fates);
}

void Explorer::report(std::size_t step, const Fates& fates, const std::string& wrong) {
  if (++tally_.violations > kViolationsShown) return;
  std::string first = before_, second;
  const std::size_t slash = first.find('/');
  if (slash != std::string::npos) {
    second = first.substr(slash + 1);  // " --subset BITS/"
    first.erase(slash + 1);
  } else {
    second = " --subset ";
  }
  std::printf("VIOLATION in \"%s\" (%s): %s\n  --scenario \"%s\"%s --step %s%zu%s%s\n", scenario_.name.c_str(),
              recording_.place(step).c_str(), wrong.c_str(), scenario_.name.c_str(),
              settings_.encrypted ? " --encrypted" : "", first.c_str(), step, second.c_str(),
              fates.empty() ? "-" : fates.c_str());
}

}  // namespace julu::crash
