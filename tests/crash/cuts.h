// What a power cut leaves of a recorded run: for each step, what was durable, what was loose, and the disk that any
// fate of the loose writes makes. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim_disk.h"

namespace julu::crash {

using test::SimDisk;
using Journal = std::vector<SimDisk::Step>;

/// One character for each loose write or removal, oldest first: '0' it is lost, '1' it reached the disk, '2' … '8' one
/// to seven eighths of its sectors did.
using Fates = std::string;

class Cuts {
 public:
  /// Of the disk with this number in `journal`, from `start` on, all of which was durable. `lying`: no sync is true.
  Cuts(const SimDisk::Image& start, const Journal& journal, int disk, bool lying = false);

  /// Before the step `step`; 0 … journal.size().
  void move_to(std::size_t step);
  std::size_t loose() const { return loose_.size(); }
  bool can_tear(std::size_t loose) const;
  SimDisk::Image image(const Fates& fates) const;
  /// What a kill leaves: all that was written.
  SimDisk::Image all() const { return image(Fates(loose_.size(), '1')); }

 private:
  // A name may come to mean another file while the removal of the one before it is not durable.
  struct File {
    std::string name;
    std::string bytes;
    bool named_durably = true;
    bool removed = false;
    bool removed_durably = false;
  };
  struct Loose {
    std::size_t step = 0;
    std::size_t file = 0;
  };
  void take(std::size_t step);
  std::size_t file_of(const std::string& name);
  void make_durable(std::size_t file);
  static void write(std::string& bytes, const SimDisk::Step& step, char fate);

  const SimDisk::Image& start_;
  const Journal& journal_;
  int disk_;
  bool lying_;
  std::size_t at_ = 0;
  std::vector<File> files_;
  std::map<std::string, std::size_t> names_;
  std::vector<Loose> loose_;
};

}  // namespace julu::crash
