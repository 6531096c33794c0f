// Records, their versions and their place in the stream, and who may see them.
#include <algorithm>

#include <julu/mutant.h>

#include "platform.h"

namespace juhaoban {
namespace {

// The few words of the record schemas that a platform has to hold: types, lengths, choices, what is required.
Json field_problem(const Json& schema, const Json& value, const std::string& pointer) {
  const auto problem = [&](const char* title) {
    return Json{{"type", "schema"}, {"title", title}, {"pointer", pointer}};
  };
  const std::string type = text_of(schema, "type");
  if ((type == "string" && !value.is_string()) || (type == "integer" && !value.is_number_integer()) ||
      (type == "object" && !value.is_object()) || (type == "array" && !value.is_array()) ||
      (type == "boolean" && !value.is_boolean())) {
    return problem("类型不符");
  }
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    const auto characters = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
    if (characters > integer_of(schema, "maxLength", 1 << 30)) return problem("内容过长");
    if (characters < integer_of(schema, "minLength", 0)) return problem("不能为空");
  }
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
    return problem("不在可选范围内");
  }
  if (value.is_object() && schema.contains("properties")) {
    for (const auto& [name, field] : schema["properties"].items()) {
      if (!value.contains(name)) continue;
      if (Json found = field_problem(field, value[name], pointer + "/" + name); !found.is_null()) return found;
    }
  }
  for (const Json& name : schema.value("required", Json::array())) {
    if (!value.contains(name.get<std::string>())) {
      return {{"type", "schema"}, {"title", "缺少必填项"}, {"pointer", pointer + "/" + name.get<std::string>()}};
    }
  }
  return nullptr;
}

// Of what an edit makes anew alone: what it leaves as it was may have been taken under a milder schema.
Json changed_problem(const Json& schema, const Json& before, const Json& after, const std::string& pointer) {
  for (const Json& needed : schema.value("required", Json::array())) {
    const std::string name = needed.get<std::string>();
    if (!before.contains(name) || after.contains(name)) continue;
    return {{"type", "schema"}, {"title", "缺少必填项"}, {"pointer", pointer + "/" + name}};
  }
  const Json fields = schema.value("properties", Json::object());
  for (const auto& [name, field] : fields.items()) {
    if (!after.contains(name) || (before.contains(name) && before[name] == after[name])) continue;
    const bool within = before.contains(name) && before[name].is_object() && after[name].is_object();
    Json found = within ? changed_problem(field, before[name], after[name], pointer + "/" + name)
                        : field_problem(field, after[name], pointer + "/" + name);
    if (!found.is_null()) return found;
  }
  return nullptr;
}

}  // namespace

Json Platform::body_problem(const std::string& kind, const Json& body) const {
  return field_problem(kinds_.at(kind).schema, body, "");
}

Json Platform::edit_problem(const std::string& kind, const Json& before, const Json& body) const {
  return changed_problem(kinds_.at(kind).schema, before, body, "");
}

std::optional<Platform::Record> Platform::find(const std::string& id) {
  Rows rows = db_->query(
      "SELECT kind, grid, creator, version, deleted, state, body, created_at_ms FROM record WHERE id = ?1", id);
  if (!rows.next()) return std::nullopt;
  Record record;
  record.id = id;
  record.kind = rows.text(0);
  record.grid = rows.text(1);
  record.creator = rows.text(2);
  record.version = rows.integer(3);
  record.deleted = rows.integer(4) != 0;
  record.state = rows.text(5);
  record.body = Json::parse(rows.text(6));
  record.created_at_ms = rows.integer(7);
  return record;
}

void Platform::store(const Record& record) {
  db_->run(
      "INSERT INTO record (id, kind, grid, creator, version, deleted, state, body, created_at_ms)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE SET grid = excluded.grid,"
      " version = excluded.version, deleted = excluded.deleted, state = excluded.state, body = excluded.body",
      record.id, record.kind, record.grid, record.creator, record.version, record.deleted, record.state,
      record.body.dump(), record.created_at_ms);
  touch("", record.id);
}

// Never used twice for one record, restores included: those of epoch e start at e·2³².
std::int64_t Platform::next_version(const Record& record) {
  if (julu::mutant(julu::Mutant::version_reused)) return record.version + 1;
  return std::max(record.version, epoch_ << 32) + 1;
}

void Platform::touch(const std::string& kind, const std::string& id) {
  db_->run("DELETE FROM stream WHERE kind = ?1 AND id = ?2", kind, id);
  db_->run("INSERT INTO stream (kind, id) VALUES (?1, ?2)", kind, id);
}

void Platform::add_action(Record& record, const Json& action) {
  const auto last = db_->integer("SELECT max(number) FROM action WHERE record = ?1", record.id);
  Json detail = action;
  detail["number"] = last.value_or(0) + 1;
  if (julu::mutant(julu::Mutant::step_not_kept)) return;
  db_->run("INSERT INTO action VALUES (?1, ?2, ?3, ?4)", text_of(action, "id"), record.id, last.value_or(0) + 1,
           detail.dump());
  store(record);
}

Json Platform::change_of(const Record& record) {
  Json change{{"kind", record.kind},
              {"id", record.id},
              {"version", record.version},
              {"deleted", record.deleted},
              {"removed", false},
              {"body", record.body},
              {"created_by", record.creator},
              {"created_at_ms", record.created_at_ms}};
  if (!record.state.empty()) change["state"] = record.state;
  Json actions = Json::array();
  {
    Rows rows = db_->query("SELECT detail FROM action WHERE record = ?1 ORDER BY number", record.id);
    while (rows.next()) actions.push_back(Json::parse(rows.text(0)));
  }
  if (!actions.empty()) change["actions"] = actions;
  Json photos = Json::array();
  Rows rows = db_->query("SELECT photo, length_bytes, role, action FROM attachment WHERE record = ?1 ORDER BY place",
                         record.id);
  while (rows.next()) {
    Json photo{{"photo", rows.text(0)}, {"length_bytes", rows.integer(1)}, {"role", rows.text(2)}};
    if (const std::string action = rows.text(3); !action.empty()) photo["action"] = action;
    photos.push_back(std::move(photo));
  }
  if (!photos.empty()) change["photos"] = photos;
  return change;
}

// A worker sees their grids and what they reported; the other roles see the grids they are given. A shorter code
// covers all that begin with it.
bool Platform::in_scope(const Caller& caller, const std::string& grid, const std::string& creator) const {
  if (!creator.empty() && creator == caller.worker) return true;
  return std::any_of(caller.grids.begin(), caller.grids.end(),
                     [&](const std::string& own) { return !own.empty() && grid.starts_with(own); });
}

// Changes when role or grids do: an old cursor is then of no use.
std::string Platform::scope_mark(const Caller& caller) const {
  return sha256_hex(caller.role + Json(caller.grids).dump()).substr(0, 12);
}

}  // namespace juhaoban
