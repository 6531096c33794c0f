// --auto-triage: plays the grid leader and the department, so that a phone sees its reports come back resolved.
#include "juhaoban_embedded.h"
#include "platform.h"

namespace juhaoban {
namespace {

std::string_view result_photo() {
  for (const auto& file : juhaoban_embedded::files()) {
    if (file.path.ends_with("result.jpg")) return file.text;
  }
  return {};
}

// A UUID made of the case's id and the step, so that the same step never happens twice.
std::string step_id(const std::string& record, const std::string& step) {
  std::string hex = sha256_hex(record + step).substr(0, 32);
  hex[12] = '8';
  hex[16] = '8';
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

}  // namespace

void Platform::triage() {
  std::vector<std::string> ids;
  {
    Rows rows = db_->query("SELECT id FROM record WHERE kind = 'incident' AND state = 'reported' AND deleted = 0");
    while (rows.next()) ids.push_back(rows.text(0));
  }
  if (ids.empty()) return;
  struct Step {
    const char *action, *state, *id, *name, *role, *note;
  };
  constexpr Step kSteps[] = {{"accept", "accepted", "L-0041", "网格长", "leader", "情况属实，受理"},
                             {"dispatch", "dispatched", "L-0041", "网格长", "leader", "转县水务部门处理"},
                             {"resolve", "resolved", "D-0012", "县水务部门", "county", "已清淤疏通，恢复排水"}};
  const std::string photo = sha256_hex(result_photo());
  const auto length = static_cast<std::int64_t>(result_photo().size());
  Transaction transaction(*db_);
  if (!upload_of("D-0012", photo)) {
    const std::string upload = random_text(18);
    db_->run("INSERT INTO upload VALUES (?1, 'D-0012', ?2, ?2, ?3, '', 1, ?4)", upload, length, photo, now_ms());
    db_->run("INSERT INTO chunk VALUES (?1, 0, ?2)", upload, Bytes{result_photo()});
  }
  for (const std::string& id : ids) {
    Record record = *find(id);
    std::string last;
    for (const Step& step : kSteps) {
      last = step_id(id, step.action);
      record.state = step.state;
      record.version = next_version(record);
      add_action(record, {{"id", last},
                          {"action", step.action},
                          {"actor", {{"id", step.id}, {"role", step.role}, {"name", step.name}}},
                          {"at_ms", now_ms()},
                          {"note", step.note},
                          {"state", step.state},
                          {"body", {{"action", step.action}, {"note", step.note}}}});
    }
    const auto place = db_->integer("SELECT count(*) FROM attachment WHERE record = ?1", id);
    db_->run("INSERT OR IGNORE INTO attachment VALUES (?1, ?2, 'handle_after', ?3, ?4, ?5)", id, photo, last, length,
             place.value_or(0));
  }
  transaction.commit();
}

void Platform::dump(const std::function<void(const Json&)>& item) {
  const std::lock_guard lock(mutex_);
  {
    Rows rows = db_->query("SELECT worker, op_id, hash, record, kind, verb, version, device FROM op ORDER BY rowid");
    while (rows.next()) {
      item({{"type", "op"},
            {"worker", rows.text(0)},
            {"op_id", rows.text(1)},
            {"hash", rows.text(2)},
            {"record", rows.text(3)},
            {"kind", rows.text(4)},
            {"verb", rows.text(5)},
            {"version", rows.integer(6)},
            {"device", rows.text(7)}});
    }
  }
  std::vector<std::string> ids;
  {
    Rows rows = db_->query("SELECT id FROM record ORDER BY id");
    while (rows.next()) ids.push_back(rows.text(0));
  }
  for (const std::string& id : ids) {
    Json change = change_of(*find(id));
    change["type"] = "record";
    item(change);
  }
  std::vector<std::pair<std::string, Json>> photos;
  {
    Rows rows = db_->query("SELECT id, sha256, length_bytes, worker FROM upload WHERE complete = 1 AND thumb_of = ''");
    while (rows.next()) {
      photos.push_back(
          {rows.text(0),
           {{"type", "photo"}, {"sha256", rows.text(1)}, {"length_bytes", rows.integer(2)}, {"worker", rows.text(3)}}});
    }
  }
  for (auto& [upload, photo] : photos) {
    photo["sha256_actual"] = stored_hash(upload);
    item(photo);
  }
}

}  // namespace juhaoban
