// history: everything that happened to a record, and what each event said. Sensitive values are masked unless asked
// for, and asking is written down.
#include <map>
#include <memory>

#include <unistd.h>

#include "commands.h"
#include "console.h"
#include "form.h"

namespace julu::desk {
namespace {

struct Asked {
  std::string id;
  bool unmask = false;
};

constexpr int kValueColumns = 40, kSummaryColumns = 160;

std::string word(const Json& detail, const char* member) {
  const auto found = detail.find(member);
  return found != detail.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string receipt_text(const Session& session, const HistoryEntry& entry) {
  if (!entry.receipt_key.empty()) return session.pick("有", "yes");
  if (entry.standing == "refused") return session.pick("未被接受", "refused");
  if (entry.standing == "replaced") return session.pick("已被后续操作代替", "replaced by a later one");
  if (entry.standing == "given_up") return session.pick("已放弃", "given up");
  return entry.hash.empty() ? "" : session.pick("未上传", "not yet");
}

// Words for the details of one record's events, and the details themselves for a program.
class Teller {
 public:
  Teller(const Session& session, Store& store, const Form& form, bool unmask)
      : session_(session), store_(store), form_(form), unmask_(unmask), whole_(unmask || session.json) {}

  /// Nothing in it is cut.
  Json detail(const HistoryEntry& entry) {
    Json detail = Json::parse(entry.detail, nullptr, false);
    if (!detail.is_object()) return Json::object();
    if (entry.what == "append" || entry.what == "attach") return detail;
    if (entry.what == "pulled") {
      for (const char* side : {"from", "to"}) {
        if (detail.contains(side)) detail[side] = visible(detail[side]);
      }
      return detail;
    }
    if (entry.what != "given_up") return visible(detail);
    const std::string field = word(detail, "field");
    for (const auto& [name, value] : detail.items()) {
      if (name != "field" && name != "kept") value = visible_at(field, value);
    }
    return detail;
  }

  std::string text(const HistoryEntry& entry) {
    const Json detail = Json::parse(entry.detail, nullptr, false);
    if (!detail.is_object()) return {};
    if (entry.what == "append") return step(detail);
    if (entry.what == "attach") return code_label("photo-role", word(detail, "role"), session_.lang);
    if (entry.what == "pulled" && detail.contains("to") && detail["to"].is_null())
      return session_.pick("已被删除", "deleted");
    if (entry.what == "pulled")
      return cut(changes(detail.value("from", Json::object()), detail.value("to", Json::object())));
    if (entry.what == "given_up") return cut(lost(detail));
    return cut(values(detail));
  }
  /// Something was masked or cut on the way.
  bool kept_back() const { return kept_back_; }

 private:
  // A line of a list is for finding what is looked for; who wants to read it all asks for that.
  std::string cut(const std::string& text) { return whole_ ? text : fit(text, kSummaryColumns); }

  std::string fit(const std::string& text, int columns) {
    kept_back_ = kept_back_ || width(text) > columns;
    return fitted(text, columns);
  }

  Json visible(const Json& body) {
    if (unmask_ || !body.is_object()) return body;
    Json masked = form_.masked(body);
    kept_back_ = kept_back_ || masked != body;
    return masked;
  }

  // One value of the field.
  Json visible_at(const std::string& pointer, const Json& value) {
    if (value.is_null() || !pointer.starts_with('/')) return value;
    const Json::json_pointer place(pointer);
    Json body = Json::object();
    body[place] = value;
    return visible(body)[place];
  }

  std::string one(const std::string& pointer, const Json& value) {
    const std::string text = value_text(session_, store_, form_, pointer, value);
    return whole_ ? text : fit(text, kValueColumns);
  }

  void add(std::string& text, const std::string& label, const std::string& value) const {
    text += (text.empty() ? "" : session_.pick("；", "; ")) + label + session_.pick("：", ": ") + value;
  }

  // A step's note, which is never cut, and what else came with it, such as the score of a rating.
  std::string step(const Json& detail) const {
    std::string text = word(detail, "note");
    for (const auto& [name, value] : detail.items()) {
      if (name == "note" || name == "action" || name == "last_action" || value.is_null()) continue;
      add(text, name == "score" ? session_.pick("评分", "score") : name,
          value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    return text;
  }

  // The fields that a new record or an edit names, in the form's order; those that the form does not know come last.
  std::string values(const Json& said) {
    const Json body = visible(said);
    std::string text;
    each_field(body, [&](const std::string& pointer, const std::string& label) {
      const Json& value = body[Json::json_pointer(pointer)];
      add(text, label, value.is_null() ? session_.pick("（清除）", "(cleared)") : one(pointer, value));
    });
    return text;
  }

  std::string changes(const Json& from, const Json& to) {
    const Json before = visible(from), after = visible(to);
    Json both = from;
    both.merge_patch(to);
    std::string text;
    each_field(both, [&](const std::string& pointer, const std::string& label) {
      const Json::json_pointer place(pointer);
      const auto at = [&](const Json& body) { return body.contains(place) ? body[place] : Json(); };
      if (at(from) != at(to)) add(text, label, one(pointer, at(before)) + " → " + one(pointer, at(after)));
    });
    return text;
  }

  std::string lost(const Json& detail) {
    const std::string pointer = word(detail, "field");
    const auto at = [&](const char* member) { return visible_at(pointer, detail.value(member, Json())); };
    std::string text;
    const bool mine_kept = word(detail, "kept") == "local";
    add(text, form_.label(pointer, session_.lang),
        mine_kept ? session_.fill("用我填的 {}，没用平台的 {}", "mine {} is kept, the platform's {} is not",
                                  one(pointer, at("local")), one(pointer, at("remote")))
                  : session_.fill("用平台的 {}，没用我填的 {}", "the platform's {} is kept, mine {} is not",
                                  one(pointer, at("remote")), one(pointer, at("local"))));
    return text;
  }

  template <class Each>
  void each_field(const Json& body, const Each& each) const {
    for (const Field& field : form_.fields()) {
      const Json::json_pointer place(field.pointer);
      if (!body.contains(place)) continue;
      if (field.schema.contains("properties") && body[place].is_object()) continue;  // its members follow
      each(field.pointer, field.label(session_.lang));
    }
    for (const auto& [name, value] : body.items()) {
      if (form_.find("/" + name) == nullptr) each((Json::json_pointer() / name).to_string(), name);
    }
  }

  const Session& session_;
  Store& store_;
  const Form& form_;
  bool unmask_, whole_;
  bool kept_back_ = false;
};

Json entry_json(const std::string& record, const HistoryEntry& entry, Teller& teller) {
  return {{"id", record},
          {"at_ms", entry.at_ms},
          {"what", entry.what},
          {"actor", entry.actor},
          {"action", entry.action},
          {"state", entry.state},
          {"op_id", entry.op_id},
          {"hash", entry.hash},
          {"receipt_key", entry.receipt_key},
          {"standing", entry.standing},
          {"note", teller.text(entry)},
          {"detail", teller.detail(entry)}};
}

int history(Session& session, const Asked& asked) {
  return with_store(session, [&](Store& store) {
    const auto record = record_of(store, asked.id);
    if (!record) return session.fail(record.error(), asked.id);
    const auto entries = store.history(record->id);
    if (!entries) return session.fail(entries.error());
    if (asked.unmask) {
      if (const auto logged = session.log_unmasking(store, "history", record->id); !logged)
        return session.fail(logged.error());
    }
    const auto schema = store.schema(record->kind);
    const Form form(schema ? *schema : "{}");
    Teller teller(session, store, form, asked.unmask);
    Table table({session.pick("时间", "time"), session.pick("事项", "event"), session.pick("经手", "by"),
                 session.pick("之后状态", "state"), session.pick("回执", "receipt"), session.pick("说明", "note")});
    for (const HistoryEntry& entry : *entries) {
      if (session.json) {
        session.print_json(entry_json(record->id, entry, teller));
        continue;
      }
      const bool ours = !entry.hash.empty();
      table.add({time_text(entry.at_ms, true), event_text(session, entry),
                 ours ? session.pick("本人", "me") : entry.actor,
                 entry.state.empty() ? "" : state_label(entry.state, session.lang), receipt_text(session, entry),
                 teller.text(entry)});
    }
    if (session.json) return 0;
    if (table.empty()) {
      session.note(session.fill("没有本机的操作记录：这条记录由平台下发，内容见 julu show {}",
                                "nothing was done to it here: the record came from the platform, see julu show {}",
                                short_of(store, record->id)));
      return 0;
    }
    session.print(table.whole(terminal_columns(STDOUT_FILENO)));
    if (teller.kept_back()) {
      session.note(session.fill("完整内容用 julu history {} --unmask 看（会留下查看记录）",
                                "julu history {} --unmask shows all of it (this is logged)",
                                short_of(store, record->id)));
    }
    return 0;
  });
}

}  // namespace

std::string event_text(const Session& session, const HistoryEntry& entry) {
  if (entry.what == "append") return action_label(entry.action, session.lang);
  static const std::map<std::string, std::pair<const char*, const char*>> kWords = {
      {"create", {"登记", "saved"}},          {"patch", {"修改", "changed"}},
      {"attach", {"照片", "photo"}},          {"delete", {"删除", "deleted"}},
      {"pulled", {"平台更新", "pulled"}},     {"given_up", {"两处都改了", "both changed"}},
      {"resolved", {"冲突已定", "resolved"}}, {"removed", {"移出负责范围", "out of scope"}},
  };
  const auto found = kWords.find(entry.what);
  return found == kWords.end() ? entry.what : session.pick(found->second.first, found->second.second);
}

void add_history_command(CLI::App& app, Session& session) {
  auto asked = std::make_shared<Asked>();
  CLI::App* command =
      app.add_subcommand("history", session.pick("一条记录的全过程", "everything that happened to a record"));
  command->add_option("id", asked->id, session.pick("编号", "id"))->required();
  command->add_flag("--unmask", asked->unmask,
                    session.pick("显示完整内容（会留下查看记录）", "all that was entered (this is logged)"));
  command->callback([&session, asked] { session.job = [&session, asked] { return history(session, *asked); }; });
}

}  // namespace julu::desk
