#include "lying.h"

#include <cstdio>
#include <exception>
#include <set>
#include <sstream>

#include "contents.h"
#include "examine.h"
#include "store/core.h"

namespace julu::crash {
namespace {

constexpr std::int64_t kShown = 3;

/// The first ones arrived, or most did, or few: what a cache does that is cut off.
Fates drawn(const Cuts& cuts, Random& random) {
  Fates fates(cuts.loose(), '1');
  const std::uint64_t mood = random.below(3);
  const std::uint64_t until = random.below(fates.size() + 1);
  const std::uint64_t lost = mood == 1 ? 1 : 8;  // of sixteen
  for (std::size_t i = 0; i < fates.size(); ++i) {
    if (mood == 0 ? i >= until : random.below(16) < lost) fates[i] = '0';
  }
  return fates;
}

// What the store does not look at when it is opened, and why it need not. The words of the search are made of the
// records, which are right: a word may not be found, and what the index itself cannot make sense of shows when it is
// searched. A page that belongs to nothing is lost space.
bool is_harmless(const std::string& wrong) {
  if (wrong.empty() || wrong.find("malformed inverted index for FTS5 table main.search") != std::string::npos)
    return true;
  std::istringstream lines(wrong);
  std::string line;
  std::getline(lines, line);
  if (line != "integrity_check: *** in database main ***") return false;
  while (std::getline(lines, line)) {
    if (!line.ends_with(": never used")) return false;
  }
  return true;
}

class Liar {
 public:
  Liar(const Scenario& scenario, const Recording& recording, bool encrypted, std::uint64_t seed)
      : scenario_(scenario), recording_(recording), encrypted_(encrypted), random_(seeded_random(seed)) {
    SimDisk::Image start = recording.start.phone;
    start.erase(std::string(kStoreFile) + "-wal");  // what its checkpoint was to move is lost with all the rest
    remember(start);
    Cuts honest(recording.start.phone, recording.journal, kPhone);
    for (std::size_t step = 0; step <= recording.journal.size(); ++step) {
      honest.move_to(step);
      remember(honest.all());
    }
  }

  void cut(Lies& lies) {
    Cuts lying(recording_.start.phone, recording_.journal, kPhone, true);
    lying.move_to(recording_.journal.size() - random_->below(recording_.journal.size() / 2 + 1));
    const Fates fates = drawn(lying, *random_);
    const Moment moment{lying.image(fates), recording_.start.platform, recording_.ended_ms, {}};
    Site site(moment, encrypted_, 1);
    site.clock.reboot("boot-after");
    ++lies.states;
    if (const auto opened = Store::open(site.options()); !opened) {
      ++lies.refused;
      return;
    } else {
      static_cast<void>((*opened)->maintain(std::chrono::milliseconds(0)));
    }
    if (site.phone.image().contains(store::damage_mark(kStoreFile))) {
      ++lies.aside;
      return;
    }
    bool photos_whole = true;
    const std::string wrong = wrong_with(site, moment, photos_whole);
    if (wrong.empty()) {
      ++(photos_whole ? lies.older : lies.photos);
      return;
    }
    if (++lies.silent > kShown) return;
    std::printf("VIOLATION in \"%s\" on a lying disk: %s; of its writes %s\n", scenario_.name.c_str(), wrong.c_str(),
                fates.c_str());
  }

 private:
  // Of a store that opened as if nothing were.
  std::string wrong_with(Site& site, const Moment& moment, bool& photos_whole) {
    try {
      const Contents left = contents_of(site.phone, encrypted_);
      if (!past_.contains(left.rows)) return "a state that never was, and nothing shows";
      photos_whole = left.photos_whole;
    } catch (const std::exception& unreadable) {
      return unreadable.what();
    }
    const std::string wrong = photos_whole ? look_through(scenario_, moment, encrypted_) : "";
    return is_harmless(wrong) ? "" : wrong;
  }

  void remember(const SimDisk::Image& image) {
    SimDisk disk(*random_);
    disk.restore(image);
    past_.insert(contents_of(disk, encrypted_).rows);
  }

  const Scenario& scenario_;
  const Recording& recording_;
  bool encrypted_;
  std::unique_ptr<Random> random_;
  std::set<Hash> past_;
};

}  // namespace

void Lies::add(const Lies& other) {
  states += other.states;
  older += other.older;
  refused += other.refused;
  aside += other.aside;
  photos += other.photos;
  silent += other.silent;
}

Lies cut_lying(const Scenario& scenario, const Recording& recording, int cuts, bool encrypted, std::uint64_t seed) {
  Liar liar(scenario, recording, encrypted, seed);
  Lies lies;
  for (int i = 0; i < cuts; ++i) liar.cut(lies);
  return lies;
}

}  // namespace julu::crash
