// What a worker does now and then, beside what every day brings (Phone::tap): of a random stream of its own.
#include <algorithm>

#include <julu/limits.h>
#include <nlohmann/json.hpp>

#include "camera.h"
#include "overwritten.h"
#include "phone.h"

namespace julu::sim {
namespace {

using nlohmann::json;

constexpr int kInSight = 20;  // on a screen

// Where a kind's words are to be found by a search.
bool is_found_by_search(const Record& record, const std::string& word) {
  static const std::vector<std::string> kFields = {"address", "note", "text", "tags"};  // x-search of the kinds
  const json body = json::parse(record.body, nullptr, false);
  return body.is_object() && std::any_of(kFields.begin(), kFields.end(), [&](const std::string& field) {
           return body.value(field, json()).dump().find(word) != std::string::npos;
         });
}

}  // namespace

void Phone::deed() {
  if (!is_at_hand()) return;
  if (!begins()) return after_call();
  switch (deeds->below(16)) {
    case 0:
    case 1:
    case 2: choose_again(); break;
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8: edit_again(); break;
    case 9:
    case 10:
    case 11: attach_alone(); break;
    case 12: correct_visit(); break;
    case 13: look_up(); break;
    case 14: try_what_is_forbidden(); break;
    default: remove_person(); break;
  }
  if (store_ != nullptr) static_cast<void>(check_inbox(world, *this));
  after_call();
}

// Whoever's it is, and however it stands: one of the newest.
std::optional<Record> Phone::own_or_others(const std::string& kind, int among) {
  Filter filter;
  filter.kind = kind;
  filter.limit = among;
  const auto list = store_->list(filter);
  heed(list);
  if (!list || list->empty()) return std::nullopt;
  return list->at(static_cast<std::size_t>(deeds->below(list->size())));
}

// One of few, and mostly somebody else hears of the same thing that day.
void Phone::edit_again() {
  constexpr int kAmong = 4;
  const char* kind = deeds->below(2) == 0 ? "person" : "household";
  const auto record = own_or_others(kind, kAmong);
  if (!record) return person();
  const std::vector<std::string>& fields = fields_of(kind);
  const std::string& field = fields[static_cast<std::size_t>(deeds->below(fields.size()))];
  edit_field(*record, field);
  if (deeds->below(4) == 0) return;
  Phone* rival = world.phones()[static_cast<std::size_t>(deeds->below(world.phones().size()))].get();
  const auto soon = static_cast<std::int64_t>(deeds->below(6 * kHourMs));
  world.at(world.now_ms() + soon, [rival, id = record->id, field] { rival->edit_too(id, field); });
}

void Phone::edit_too(const std::string& id, const std::string& field) {
  if (!is_at_hand()) return;
  if (begins()) {
    const auto record = store_->get(id);
    heed(record);
    if (record && *record && !(*record)->deleted) edit_field(**record, field);
  }
  after_call();
}

void Phone::edit_field(const Record& record, const std::string& field) {
  const std::uint64_t how = deeds->below(8);
  if (how == 0) return add_tag(record);
  if (how == 1 && field != "address") return clear_field(record, field);
  Told what{{}, record.kind, marker(), {}, false};
  std::vector<PhotoInput> photos;
  if (deeds->below(8) == 0) photos.push_back({camera().take(*deeds), "near"});
  say(what, Word::How::patch, &record, field);
  world.words[what.marker].with_photo = !photos.empty();
  json patch;
  patch[json::json_pointer("/" + field)] = what.marker;
  const auto saved = store_->patch(record.id, patch.dump(), photos);
  remember(saved, std::move(what));
}

// A patch says the whole of a set; that of somebody else joins it.
void Phone::add_tag(const Record& record) {
  constexpr std::size_t kTagsMax = 40;  // fewer than the schema allows, though people add at once
  Told what{{}, record.kind, marker(), {}, false};
  json tags = json::parse(record.body).value("tags", json::array());
  if (tags.size() >= kTagsMax) return;
  tags.push_back(what.marker);
  say(what, Word::How::patch, &record);
  const auto saved = store_->patch(record.id, json{{"tags", tags}}.dump());
  remember(saved, std::move(what));
}

void Phone::clear_field(const Record& record, const std::string& field) {
  Told what{{}, record.kind, marker(), {}, false};
  what.wordless = true;
  cleared.push_back({record.id, record.kind, field, {}, word_at(json::parse(record.body), field), {}, {}});
  json patch;
  patch[json::json_pointer("/" + field)] = nullptr;
  say(what, Word::How::wordless, &record);
  const auto saved = store_->patch(record.id, patch.dump());
  remember(saved, std::move(what));
}

// A visit is written once; what corrects it is another that names it.
void Phone::correct_visit() {
  const auto record = own_or_others("visit", kInSight);
  if (!record) return visit();
  Told what{{}, "visit", marker(), {}, true};
  const json body{{"text", "更正 " + what.marker}, {"grid", grid()}, {"supersedes", record->id}};
  say(what, Word::How::create);
  capture({"visit", body.dump(), {}, {}}, std::move(what));
}

// To a record that is there: the worker's own or another's, refused or not, in scope or about to leave it.
void Phone::attach_alone() {
  static const std::vector<std::string> kKinds = {"incident", "household", "person", "visit"};
  static const std::vector<std::string> kRoles = {"near", "far", "reference"};
  const auto record = own_or_others(kKinds[static_cast<std::size_t>(deeds->below(kKinds.size()))], kInSight);
  if (!record) return report(true);
  Told what{{}, record->kind, marker(), {}, false};
  what.wordless = true;
  std::vector<PhotoInput> photos;
  const std::uint64_t count = 1 + deeds->below(2);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string picture = camera().take(*deeds);
    photos.push_back({std::move(picture), kRoles[static_cast<std::size_t>(deeds->below(kRoles.size()))]});
  }
  say(what, Word::How::wordless, &*record);
  world.words[what.marker].with_photo = true;
  const int woken = wakes_;
  const auto saved = store_->attach(record->id, photos);
  if (saved && wakes_ == woken) world.violate("who watches is woken", record->id);
  remember(saved, std::move(what));
}

void Phone::remove_person() {
  const auto record = own_or_others("person", kInSight);
  if (!record || deeds->below(2) == 0) return correct_visit();
  world.removals.insert(record->id);
  const auto removed = store_->remove(record->id);
  heed(removed);
  world.note(number, removed ? "removed " + record->id : "remove refused");
}

// What a kind does not allow is refused and leaves nothing behind, whatever the phone goes through.
void Phone::try_what_is_forbidden() {
  const auto visit = own_or_others("visit", kInSight);
  const auto person = own_or_others("person", kInSight);
  const auto expect = [&](const Result<Saved>& result, ErrorCode code) {
    heed(result);
    const bool of_the_disk =
        !result && (result.error().code == ErrorCode::io || result.error().code == ErrorCode::disk_full ||
                    result.error().code == ErrorCode::store_corrupt);
    if (disk.stopped() || of_the_disk) return;
    if (result || result.error().code != code)
      world.violate("what a kind does not allow is refused",
                    result ? result->id : std::string(julu::name(result.error().code)));
  };
  const std::string word = marker();  // that must stand nowhere: nobody has said it
  if (visit) {
    expect(store_->patch(visit->id, json{{"text", word}}.dump()), ErrorCode::shape_mismatch);
    expect(store_->remove(visit->id), ErrorCode::shape_mismatch);
  }
  if (!person || person->deleted) return;  // a deletion that was refused is in sight
  expect(store_->act(person->id, "accept", json{{"note", word}}.dump()), ErrorCode::shape_mismatch);
  expect(store_->attach(person->id, {}), ErrorCode::bad_argument);
  expect(store_->patch(person->id, json{{"name", 7}}.dump()), ErrorCode::field_invalid);
}

// A search finds what was said at once, and nothing else; a record goes by the end of its id; its photos have
// thumbnails.
void Phone::look_up() {
  if (told.empty() || unsound) return;
  const Told& what = told[static_cast<std::size_t>(deeds->below(told.size()))];
  const auto record = store_->get(what.record);
  if (!record || !*record || (*record)->deleted || what.marker.empty()) return;
  Filter filter;
  filter.search = what.marker;
  const auto found = store_->list(filter);
  if (!found || disk.stopped()) return;
  const bool there =
      std::any_of(found->begin(), found->end(), [&](const Record& hit) { return hit.id == what.record; });
  if (there != is_found_by_search(**record, what.marker))
    world.violate("a search finds what is there", what.marker + (there ? " too much" : " nothing"));
  if (found->size() > (there ? 1U : 0U)) world.violate("a search finds nothing else", what.marker);
  const auto ending = store_->short_id(what.record);
  const auto id = ending ? store_->find_id(*ending) : ending;
  if (id && *id != what.record) world.violate("a record goes by the end of its id", what.record);
  for (const RecordPhoto& photo : (*record)->photos) {
    if (!photo.here) continue;
    const auto small = store_->thumbnail(photo.sha256);
    if (small && small->size() > limits::thumbnail_bytes_max) world.violate("a thumbnail is small", photo.sha256);
    if (!small && small.error().code == ErrorCode::photo_unknown)
      world.violate("a photo that is here has a thumbnail", photo.sha256);
  }
}

}  // namespace julu::sim
