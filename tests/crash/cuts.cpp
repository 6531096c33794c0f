#include "cuts.h"

#include <algorithm>

namespace julu::crash {
namespace {

using Step = SimDisk::Step;
constexpr std::size_t kSector = 512;  // what a disk writes whole

}  // namespace

Cuts::Cuts(const SimDisk::Image& start, const Journal& journal, int disk, bool lying)
    : start_(start), journal_(journal), disk_(disk), lying_(lying) {
  for (const auto& [name, contents] : start_) {
    names_[name] = files_.size();
    files_.push_back({name, contents.bytes, true, false, false});
  }
}

void Cuts::move_to(std::size_t step) {
  if (step < at_) {
    Cuts anew(start_, journal_, disk_, lying_);
    at_ = 0;
    files_ = std::move(anew.files_);
    names_ = std::move(anew.names_);
    loose_.clear();
  }
  for (; at_ < step; ++at_) {
    if (journal_[at_].disk == disk_) take(at_);
  }
}

std::size_t Cuts::file_of(const std::string& name) {
  const auto found = names_.find(name);
  if (found != names_.end()) return found->second;
  names_[name] = files_.size();
  files_.push_back({name, {}, false, false, false});
  return files_.size() - 1;
}

void Cuts::take(std::size_t step) {
  const Step& done = journal_[step];
  const std::size_t file = file_of(done.file);
  if (done.kind == Step::Kind::sync) {
    if (!lying_) make_durable(file);
    return;
  }
  loose_.push_back({step, file});
  if (done.kind != Step::Kind::remove) return;
  files_[file].removed = true;
  names_.erase(done.file);
}

// The first sync of a new file syncs its directory too, as SQLite does: its name is durable then, and so are removals.
void Cuts::make_durable(std::size_t file) {
  const bool directory = !files_[file].named_durably;
  files_[file].named_durably = true;
  std::erase_if(loose_, [&](const Loose& loose) {
    const Step& done = journal_[loose.step];
    if (done.kind == Step::Kind::remove) {
      if (directory) files_[loose.file].removed_durably = true;
      return directory;
    }
    if (loose.file != file && !files_[loose.file].removed_durably) return false;
    write(files_[loose.file].bytes, done, '1');
    return true;
  });
}

void Cuts::write(std::string& bytes, const Step& step, char fate) {
  const auto offset = static_cast<std::size_t>(step.offset);
  if (step.kind == Step::Kind::truncate) {
    bytes.resize(offset);
    return;
  }
  std::size_t size = step.bytes.size();
  if (fate > '1') size = size / kSector * static_cast<std::size_t>(fate - '1') / 8 * kSector;
  if (offset + size > bytes.size()) bytes.resize(offset + size);
  std::copy_n(step.bytes.begin(), size, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

bool Cuts::can_tear(std::size_t loose) const {
  const Step& step = journal_[loose_[loose].step];
  return step.kind == Step::Kind::write && step.bytes.size() > kSector;
}

SimDisk::Image Cuts::image(const Fates& fates) const {
  std::vector<bool> gone(files_.size());
  for (std::size_t i = 0; i < files_.size(); ++i) gone[i] = files_[i].removed;
  for (std::size_t i = 0; i < loose_.size(); ++i) {
    if (journal_[loose_[i].step].kind == Step::Kind::remove && fates[i] == '0') gone[loose_[i].file] = false;
  }
  SimDisk::Image image;
  std::vector<std::string*> at(files_.size(), nullptr);
  for (std::size_t i = 0; i < files_.size(); ++i) {
    // Where the removal was lost, the name still means the older file.
    if (gone[i] || image.contains(files_[i].name)) continue;
    SimDisk::Contents& contents = image[files_[i].name];
    contents.bytes = files_[i].bytes;
    at[i] = &contents.bytes;
  }
  for (std::size_t i = 0; i < loose_.size(); ++i) {
    const Step& step = journal_[loose_[i].step];
    std::string* bytes = at[loose_[i].file];
    if (bytes != nullptr && fates[i] != '0' && step.kind != Step::Kind::remove) write(*bytes, step, fates[i]);
  }
  return image;
}

}  // namespace julu::crash
