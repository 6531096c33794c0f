// The checks at rest.
#include "model.h"

namespace julu::walk {
namespace {

using nlohmann::json;

void check_at_rest(Handset& phone, Findings& findings) {
  const auto status = phone.store().status();
  findings.look("status", status);
  if (!status || (status->unsent_ops == 0 && status->parked_ops == 0 && status->unsent_photos == 0)) return;
  findings.violate(phone.worker() + " comes to no rest: operations " + std::to_string(status->unsent_ops) +
                   ", parked " + std::to_string(status->parked_ops) + ", photos " +
                   std::to_string(status->unsent_photos));
}

std::optional<Record> shown(Handset& phone, const std::string& id, bool has_to_be, Findings& findings) {
  const auto record = phone.store().get(id);
  if (record && *record) return **record;
  if (has_to_be) findings.violate("not shown on the phone of " + phone.worker() + ": " + id);
  return std::nullopt;
}

void check_same(Handset& phone, const Record& record, const json& held, Findings& findings) {
  const json body = json::parse(record.body);
  if (body == held.at("body")) return;
  findings.violate("the phone of " + phone.worker() + " and the county differ: " + record.id + "\n  shown  " +
                   body.dump() + "\n  county " + held.at("body").dump());
}

void check_words(const std::string& id, const Expected& expected, const json& held, const Record& record,
                 Findings& findings) {
  if (held.at("body") != expected.body)
    findings.violate("words lost: " + id + "\n  county " + held.at("body").dump() + "\n  said   " +
                     expected.body.dump());
  std::set<std::pair<std::string, std::string>> photos;
  for (const RecordPhoto& photo : record.photos) {
    if (photo.delivered) photos.insert({photo.sha256, photo.role});
  }
  if (photos != expected.photos)
    findings.violate("photos delivered: " + std::to_string(photos.size()) + " of " +
                     std::to_string(expected.photos.size()) + " on " + id);
  if (record.delivery != Delivery::delivered) findings.violate("not delivered: " + id);
}

}  // namespace

void add_photos(Expected& expected, const Saved& saved, const std::vector<PhotoInput>& photos) {
  for (std::size_t i = 0; i < photos.size(); ++i) expected.photos.insert({saved.photos[i], photos[i].role});
}

void leave_out_unseen(json& patch, const json& seen) {
  for (auto member = patch.begin(); member != patch.end();) {
    const bool is_seen = seen.is_object() && seen.contains(member.key());
    bool says_nothing = member->is_null() && !is_seen;
    if (member->is_object() && !member->empty()) {
      leave_out_unseen(*member, is_seen ? seen.at(member.key()) : json());
      says_nothing = member->empty();
    }
    member = says_nothing ? patch.erase(member) : std::next(member);
  }
}

void check_one_worker(const Model& model, Front& front, Handset& phone, Findings& findings) {
  check_at_rest(phone, findings);
  const auto questions = phone.store().conflicts();
  findings.look("conflicts", questions);
  if (questions) {
    for (const ConflictField& question : *questions)
      findings.violate("a question left about one's own words: " + question.record + question.field);
  }
  const json held = front.records();
  for (const auto& [id, expected] : model) {
    const auto record = shown(phone, id, !expected.given_up, findings);
    if (!held.contains(id)) {
      if (!expected.given_up) findings.violate("not at the county: " + expected.kind + " " + id);
      continue;
    }
    const bool gone = held.at(id).value("deleted", false);
    if (!expected.given_up && gone != expected.deleted)
      findings.violate((gone ? "deleted, though nobody did: " : "not deleted: ") + id);
    if (gone || !record) continue;
    check_same(phone, *record, held.at(id), findings);
    if (!expected.given_up) check_words(id, expected, held.at(id), *record, findings);
  }
}

void check_two_workers(const Model& model, Front& front, const std::vector<Handset*>& phones, Findings& findings) {
  for (Handset* phone : phones) check_at_rest(*phone, findings);
  const json held = front.records();
  for (const auto& [id, expected] : model) {
    if (!expected.given_up && !held.contains(id)) findings.violate("not at the county: " + expected.kind + " " + id);
  }
  for (const auto& [id, record] : held.items()) {
    if (record.value("deleted", false)) continue;
    for (Handset* phone : phones) {
      const auto there = shown(*phone, id, true, findings);
      if (there) check_same(*phone, *there, record, findings);
    }
  }
}

}  // namespace julu::walk
