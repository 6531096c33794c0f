// A phone whose file is damaged: what is done to it, and what it says of itself afterwards.
#include <algorithm>

#include <julu/limits.h>

#include "phone.h"
#include "store/core.h"

namespace julu::sim {

// Set aside and salvaged: the device enrols anew, as one whose storage was copied does.
void Phone::note_salvage() {
  const int now = store::generation_in_use(options());
  if (now == generation_) return;
  salvages += now - generation_;
  generation_ = now;
  unsound = false;
  forked = true;
  note_readable_rows();
  ++world.tally.faults["salvaged"];
  world.note(number, "salvaged");
}

// Of what damage took the op, the record's row may say as much; where the platform has it, nothing has to be said.
void Phone::note_readable_rows() {
  const Spared spared(disk);
  for (Told& what : told) {
    const auto wreck = store::open_database(options(), generation_ - 1, store::Opening::damaged);
    if (!wreck) return;
    const auto said = (*wreck)->integer(
        "SELECT 1 FROM record WHERE id = ?1 AND NOT deleted AND instr(body, ?2) > 0 AND instr(coalesce(base, ''), ?2) = 0",
        *parse_id(what.record), what.marker);
    what.in_row = said && *said;
  }
}

// As a page of operations leaves them that is lost: there are few among those of photos. The later ones are mostly on
// their way; the last stays, as a damaged page too shows that there was something.
bool Phone::lose_ops(std::int64_t most) {
  const Spared spared(disk);
  const auto db = store::open_database(options(), generation_, store::Opening::there);
  if (!db) return false;
  const auto newest = (*db)->integer("SELECT max(seq) FROM op");
  if (!newest || newest->value_or(0) < 2) return false;
  const std::int64_t last = **newest - 1 - disk.steps() / 2 % std::min<std::int64_t>(**newest - 1, 8);
  const std::string mark = store::damage_mark(store::database_path(kStore, generation_));
  return (*db)->run("DELETE FROM op WHERE seq > ?1 AND seq <= ?2", last - most, last).ok() &&
         store::make_mark(mark, options().vfs).ok();
}

void Phone::damage() {
  if (store_ == nullptr || calls_ > 0) return;
  keep_ops_at_risk(world, *this);
  for (Told& what : told) {
    what.at_risk = true;
    what.in_row = false;
  }
  close();
  constexpr std::int64_t kPage = 4096;
  const std::string file = store::database_path(kStore, generation_);
  const std::int64_t pages = static_cast<std::int64_t>(disk.image().at(file).bytes.size()) / kPage;
  // Without a draw of its own for the first, so that the others stay what they were.
  const auto any = 1 + static_cast<std::int64_t>(world.below(static_cast<std::uint64_t>(pages - 1)));
  const std::int64_t first = disk.steps() % 6 == 0 ? 0 : any;
  const std::int64_t count = std::min(pages - first, 1 + static_cast<std::int64_t>(world.below(4)));
  const bool of_ops = deeds != nullptr && world.plan().deeds && disk.steps() % 2 == 0;
  if (!of_ops || !lose_ops(count)) disk.damage(file, first * kPage, count * kPage, world.random());
  damaged = unsound = true;
  world.note(number, "damaged");
  world.at(world.now_ms() + static_cast<std::int64_t>(world.below(2 * kHourMs)), [this] {
    if (store_ == nullptr) open();
  });
}

void Phone::take_after(const Phone& original) {
  told = original.told;
  copied = original.copied;
  copied[original.number] = original.markers_;
  spared_until_ms = original.spared_until_ms;
  feed = original.feed;
  feed_salvages = original.feed_salvages;
  on_screen = original.on_screen;
  coded = original.coded;
  damaged = original.damaged;
  unsound = original.unsound;
  salvages = original.salvages;
  generation_ = original.generation_;
  ops_at_risk = original.ops_at_risk;
  given_up = original.given_up;
  choices = original.choices;
  cleared = original.cleared;
}

void Phone::look_at_everything() {
  for (int look = 0; look < 3 && unsound && store_ != nullptr; ++look) {
    Filter all;
    all.limit = limits::page_rows_max;
    all.deleted_too = true;
    heed(store_->status());
    const auto list = store_->list(all);
    heed(list);
    for (const Record& record : list ? *list : std::vector<Record>()) {
      heed(store_->history(record.id));
      for (const RecordPhoto& photo : record.photos) {
        heed(store_->read_photo(photo.sha256, [](std::string_view) { return true; }));
      }
    }
    heed(store_->maintain(std::chrono::seconds(10)));
    if (!restart_) return;
    restart();
  }
}

}  // namespace julu::sim
