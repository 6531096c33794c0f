// act, attach, remove; conflicts and resolve; resend and give-up: what a person does to a record that is there.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <set>

#include <unistd.h>

#include "commands.h"
#include "console.h"
#include "form.h"

namespace julu::desk {
namespace {

struct Wanted {
  std::string id, action, note, body, field;
  std::optional<std::string> value;
  std::optional<int> score;
  std::vector<std::string> photos;
  bool mine = false, theirs = false, yes = false;
};

using Job = int (*)(Session&, Store&, const Wanted&, const std::string& id);

int act(Session& session, Store& store, const Wanted& wanted, const std::string& id) {
  const auto typed = body_typed(session, wanted.body);
  if (!typed) return session.fail(typed.error());
  auto body = object_of(*typed);
  if (body && !wanted.note.empty()) (*body)["note"] = wanted.note;
  if (body && wanted.score) (*body)["score"] = *wanted.score;
  const auto text = body ? text_of(*body) : *typed;
  if (!text) return session.fail(text.error());
  const auto photos = photo_inputs(wanted.photos);
  const std::string action = action_of(wanted.action);
  const auto record = record_of(store, id);
  // It ends the case: not by a slip of the hand.
  if (action == "rate" && record && record->state == "resolved" && body && body->empty()) {
    return session.fail(ErrorCode::field_missing, "--score",
                        session.fill("julu act {} 评价 --score 5，5 分最满意；或者用 --note 写明意见",
                                     "julu act {} rate --score 5, the best; or say it by --note", short_of(store, id)));
  }
  const auto saved = store.act(id, action, *text, photos);
  if (!saved && saved.error().field == "/action") {
    const std::string steps =
        record ? action_choices(record->state, store.identity().role, session.lang) : std::string();
    std::string hint = steps.empty()
                           ? session.pick("您现在没有可以办理的步骤。", "There is no step for you to take now.")
                           : session.pick("现在可以：", "Now possible: ") + steps;
    if (saved.error().code == ErrorCode::step_not_allowed) hint += std::string("\n") + new_role_advice(session);
    return session.fail(saved.error(), wanted.action, hint);
  }
  if (!saved) return fail_entered(session, in_body(saved.error()), nullptr, photos);
  const int said = say_saved(session, store, *saved, photos, session.pick("已保存", "Saved"),
                             action_label(action, session.lang) + " " + short_of(store, id));
  note_unknown_roles(session, photos);
  return said;
}

int attach(Session& session, Store& store, const Wanted& wanted, const std::string& id) {
  const auto photos = photo_inputs(wanted.photos);
  const auto saved = store.attach(id, photos);
  if (!saved) return fail_entered(session, saved.error(), nullptr, photos);
  const int said = say_saved(session, store, *saved, photos, session.pick("已保存", "Saved"),
                             session.pick("补充照片 ", "photos for ") + short_of(store, id));
  note_unknown_roles(session, photos);
  return said;
}

// A person at a terminal is asked before what cannot be taken back; a script has decided already.
bool agreed(const Session& session, const Wanted& wanted, const std::string& question) {
  if (wanted.yes || session.json || ::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) return true;
  std::fprintf(stderr, "%s [y/N] ", clean_line(question).c_str());
  std::fflush(stderr);
  std::string answer;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) answer += static_cast<char>(c);
  if (answer == "y" || answer == "Y" || answer == "yes" || answer == "是") return true;
  session.note(session.pick("没有改动。", "Nothing was changed."));
  return false;
}

// "人口 7c31  张*": what a person knows the record by.
std::string called(const Session& session, Store& store, const Record& record) {
  const std::string name = kind_title(store, record.kind, session.lang) + " " + short_of(store, record.id);
  return record.title.empty() ? name : name + "  " + fitted(record.title, 60);
}

int remove(Session& session, Store& store, const Wanted& wanted, const std::string& id) {
  const auto record = record_of(store, id);
  if (!record) return session.fail(record.error());
  const auto schema = store.schema(record->kind);
  const Form form(schema ? *schema : "{}");
  const std::string name = called(session, store, *record);
  // What cannot be removed is not asked about.
  const bool asks = !record->deleted && form.shape() == "document";
  if (asks && !agreed(session, wanted, session.fill("删除 {}？", "Remove {}?", name))) return 0;
  const auto saved = store.remove(id);
  if (!saved && saved.error().code == ErrorCode::shape_mismatch)
    return session.fail(no_such_way(session, form, Verb::remove, saved.error()));
  if (!saved) return session.fail(saved.error());
  return say_saved(session, store, *saved, {}, session.pick("已删除", "Removed"), name);
}

int nothing_refused(const Session& session, const std::string& id, const char* member) {
  if (session.json) session.print_json(Json{{"id", id}, {member, false}});
  if (!session.json) session.print(session.pick("没有未被接受的内容。", "Nothing of it was refused."));
  return 0;
}

int resend(Session& session, Store& store, const Wanted&, const std::string& id) {
  const auto record = record_of(store, id);
  if (!record) return session.fail(record.error());
  if (is_refused_for_good(*record))
    return session.fail(own_words(ErrorCode::record_deleted, "/id", only_give_up(session, store, *record)));
  if (record->delivery != Delivery::parked) return nothing_refused(session, id, "queued");
  const auto queued = store.resend(id);
  if (!queued) return session.fail(queued.error());
  if (session.json) session.print_json(Json{{"id", id}, {"queued", true}});
  if (!session.json) session.print(session.pick("已重新排队，下次同步时发送。", "Queued again for the next sync."));
  return 0;
}

using Events = std::vector<HistoryEntry>;

// What goes along when what was refused of a record is given up (Store::give_up): all that waits of one that the county
// never took or has deleted, else the photos of what goes and, of a case, the steps behind it.
Events going_along(const Record& record, const Events& history) {
  const auto is = [](const char* standing) {
    return [standing](const HistoryEntry& entry) { return entry.standing == standing; };
  };
  const bool never_taken =
      std::any_of(history.begin(), history.end(),
                  [](const HistoryEntry& entry) { return entry.what == "create" && entry.standing == "refused"; }) &&
      std::none_of(history.begin(), history.end(), is("delivered"));
  const bool whole = never_taken || is_refused_for_good(record);
  Events along;
  std::set<std::string> steps;
  std::optional<std::int64_t> edited_at_ms;  // the last edit that goes
  for (const HistoryEntry& entry : history) {
    bool goes = is("waiting")(entry) && whole;
    if (entry.what == "attach" && is("waiting")(entry)) {
      const Json detail = Json::parse(entry.detail, nullptr, false);
      const std::string step = detail.is_object() ? detail.value("action", "") : "";
      goes = goes || (step.empty() ? edited_at_ms == entry.at_ms : steps.contains(step));
    }
    if (entry.what == "append" && is("waiting")(entry)) goes = goes || !steps.empty();
    if (goes) along.push_back(entry);
    if (!goes && !is("refused")(entry)) continue;
    if (entry.what == "append") steps.insert(entry.op_id);
    if (entry.what != "append" && entry.what != "attach") edited_at_ms = entry.at_ms;
  }
  return along;
}

// "评价 1 项、照片 2 项"
std::string counted(const Session& session, const Events& events) {
  std::vector<std::pair<std::string, int>> counts;
  for (const HistoryEntry& entry : events) {
    const std::string kind = event_text(session, entry);
    const auto known = std::find_if(counts.begin(), counts.end(), [&](const auto& one) { return one.first == kind; });
    if (known == counts.end())
      counts.emplace_back(kind, 1);
    else
      ++known->second;
  }
  std::string text;
  for (const auto& [kind, count] : counts)
    text += (text.empty() ? "" : comma(session.lang)) + session.fill("{} {} 项", "{}: {}", kind, count);
  return text;
}

int give_up(Session& session, Store& store, const Wanted& wanted, const std::string& id) {
  const auto record = record_of(store, id);
  if (!record) return session.fail(record.error());
  if (record->delivery != Delivery::parked) return nothing_refused(session, id, "given_up");
  const auto history = store.history(id);
  if (!history) return session.fail(history.error());
  Events refused;
  std::copy_if(history->begin(), history->end(), std::back_inserter(refused),
               [](const HistoryEntry& entry) { return entry.standing == "refused"; });
  const Events along = going_along(*record, *history);
  const std::string with_it =
      along.empty() ? std::string()
                    : session.fill("，以及随之不再发送的 {}", ", and what goes with it: {}", counted(session, along));
  const std::string what = counted(session, refused) + with_it;
  if (!agreed(session, wanted,
              session.fill("放弃 {} 未被接受的内容（{}），不再发送？", "Give up what was refused of {} ({})?",
                           called(session, store, *record), what)))
    return 0;
  const auto done = store.give_up(id);
  if (!done) return session.fail(done.error());
  if (session.json) {
    session.print_json(Json{{"id", id}, {"given_up", true}, {"refused", refused.size()}, {"along", along.size()}});
    return 0;
  }
  session.print(session.fill(
      "已放弃未被接受的内容（{}），不再发送。填过的内容都在全过程里：julu history {} --unmask",
      "What was refused is given up and not sent any more ({}). What was entered is kept: julu history {} --unmask",
      what, short_of(store, id)));
  return 0;
}

// What was typed in place of both values, as JSON text; empty means absent.
Result<std::string> typed_value(const Session& session, Store& store, const Form& form, const std::string& field,
                                const std::string& typed) {
  const Json::json_pointer pointer(field);
  Json body = Json::object();
  if (form.find(field) != nullptr) {
    JULU_CHECK(enter(session, store, form, body, field, typed));
  } else if (!typed.empty()) {
    body[pointer] = Json::accept(typed) ? Json::parse(typed) : Json(typed);
  }
  JULU_CHECK(text_of(body));
  return body.contains(pointer) && !body[pointer].is_null() ? body[pointer].dump() : std::string();
}

Result<ConflictField> conflict_of(const Session& session, Store& store, const std::string& id, const std::string& field,
                                  const std::string& called) {
  JULU_TRY(const auto all, store.conflicts());
  for (const ConflictField& conflict : all) {
    if (conflict.record == id && conflict.field == field) return conflict;
  }
  return own_words(ErrorCode::record_unknown, "/field",
                   session.fill("这条记录的“{}”没有冲突，见 julu conflicts。",
                                "“{}” of this record is not in conflict: see julu conflicts.", fitted(called, 40)));
}

int resolve(Session& session, Store& store, const Wanted& wanted, const std::string& id) {
  if (int(wanted.mine) + int(wanted.theirs) + int(wanted.value.has_value()) != 1) {
    return session.fail(ErrorCode::bad_argument, "--mine --platform --value",
                        session.pick("三者选一。", "Choose one of the three."));
  }
  const auto record = record_of(store, id);
  if (!record) return session.fail(record.error());
  const auto schema = store.schema(record->kind);
  const Form form(schema ? *schema : "{}");
  const Field* known = form.find(wanted.field);
  const std::string field = known != nullptr ? known->pointer : wanted.field;
  const auto conflict = conflict_of(session, store, id, field, wanted.field);
  if (!conflict) return session.fail(conflict.error(), wanted.field);
  const auto value = wanted.value ? typed_value(session, store, form, field, *wanted.value)
                                  : Result<std::string>(wanted.mine ? conflict->local : conflict->remote);
  const auto entered = [&] {
    Json body = Json::object();
    if (wanted.value && known != nullptr) body[Json::json_pointer(field)] = *wanted.value;
    return body.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  if (!value) return fail_entered(session, value.error(), &form, {}, entered());
  const auto done = store.resolve(id, field, *value);
  if (!done) return fail_entered(session, done.error(), &form, {}, entered());
  if (session.json) session.print_json(Json{{"id", id}, {"field", field}, {"resolved", true}});
  if (session.json) return 0;
  session.print(record->deleted ? session.pick("已选定。这条记录已删除，不再发送。",
                                               "Resolved. The record is deleted, so nothing is sent.")
                                : session.pick("已选定，下次同步时发送。", "Resolved; it goes with the next sync."));
  return 0;
}

// One of the values in a conflict, masked unless asked for.
Json value_of(const Form& form, const std::string& pointer, const std::string& value, bool unmask) {
  if (value.empty()) return nullptr;
  const Json::json_pointer place(pointer);
  Json body = Json::object();
  body[place] = Json::parse(value, nullptr, false);
  return unmask ? body[place] : form.masked(body)[place];
}

int conflicts(Session& session, bool unmask) {
  return with_store(session, [&](Store& store) {
    const auto all = store.conflicts();
    if (!all) return session.fail(all.error());
    Table table({session.pick("编号", "id"), session.pick("字段", "field"), session.pick("原值", "before"),
                 session.pick("我的", "mine"), session.pick("平台", "platform"), session.pick("摘要", "summary")});
    std::set<std::string> logged;
    bool hidden = false;
    for (const ConflictField& conflict : *all) {
      const auto record = record_of(store, conflict.record);
      if (!record) return session.fail(record.error());
      if (unmask && logged.insert(record->id).second) {
        if (const auto log = session.log_unmasking(store, "conflicts", record->id); !log)
          return session.fail(log.error());
      }
      const auto schema = store.schema(record->kind);
      const Form form(schema ? *schema : "{}");
      const Json base = value_of(form, conflict.field, conflict.base, unmask);
      const Json mine = value_of(form, conflict.field, conflict.local, unmask);
      const Json theirs = value_of(form, conflict.field, conflict.remote, unmask);
      if (session.json) {
        session.print_json(Json{{"id", conflict.record},
                                {"field", conflict.field},
                                {"base", base},
                                {"mine", mine},
                                {"platform", theirs},
                                {"at_ms", conflict.at_ms}});
        continue;
      }
      hidden = hidden || (!unmask && (base != value_of(form, conflict.field, conflict.base, true) ||
                                      mine != value_of(form, conflict.field, conflict.local, true) ||
                                      theirs != value_of(form, conflict.field, conflict.remote, true)));
      const auto text = [&](const Json& value) { return value_text(session, store, form, conflict.field, value); };
      table.add({short_of(store, conflict.record), form.label(conflict.field, session.lang), text(base), text(mine),
                 text(theirs), record->title});
    }
    if (session.json) return 0;
    if (table.empty()) session.note(session.pick("没有冲突。", "No conflicts."));
    if (table.empty()) return 0;
    session.print(table.text(terminal_columns(STDOUT_FILENO)));
    if (hidden) session.note(session.pick("加 --unmask 显示 ***", "--unmask shows ***"));
    session.note(session.pick("选定：julu resolve 编号 字段 --mine（用我的）、--platform（用平台的）或 --value 值",
                              "to decide: julu resolve ID FIELD --mine, --platform or --value VALUE"));
    return 0;
  });
}

CLI::App* add(CLI::App& app, Session& session, const std::shared_ptr<Wanted>& wanted, const char* word,
              const char* about, Job job) {
  CLI::App* command = app.add_subcommand(word, about);
  command->add_option("id", wanted->id, session.pick("编号", "id"))->required();
  command->callback([&session, wanted, job] {
    session.job = [&session, wanted, job] {
      return with_store(session, [&](Store& store) {
        const auto id = whole_id(store, wanted->id);
        if (!id) return session.fail(id.error(), wanted->id);
        return job(session, store, *wanted, *id);
      });
    };
  });
  return command;
}

}  // namespace

void add_change_commands(CLI::App& app, Session& session) {
  auto wanted = std::make_shared<Wanted>();
  const char* photo = session.pick("照片：角色=文件，可多次", "photo: role=file, again for more");

  CLI::App* command =
      add(app, session, wanted, "act", session.pick("办理流程的一步：当场解决、撤回、评价…", "a step of a case"), act);
  command->add_option("action", wanted->action, session.pick("步骤", "step"))->required();
  command->add_option("--note", wanted->note, session.pick("说明", "note"));
  command->add_option("--score", wanted->score, session.pick("评价的分数，1 到 5", "of a rating, 1 to 5"))
      ->check(CLI::Range(1, 5));
  command->add_option(
      "--body", wanted->body,
      session.pick("其他内容的 JSON；@文件 从文件读，- 从标准输入读", "more, as JSON; @FILE reads a file, - stdin"));
  command->add_option("--photo", wanted->photos, photo)->allow_extra_args(false);

  command = add(app, session, wanted, "attach", session.pick("给记录补充照片", "add photos to a record"), attach);
  command->add_option("--photo", wanted->photos, photo)->allow_extra_args(false)->required();

  const auto add_yes = [&](CLI::App* asking) {
    asking->add_flag("--yes", wanted->yes, session.pick("在终端上也不再问一遍", "do not ask, on a terminal either"));
  };
  add_yes(
      add(app, session, wanted, "remove", session.pick("删除住户或人口记录", "delete a household or person"), remove));
  add(app, session, wanted, "resend", session.pick("重新发送未被接受的记录", "send again what was refused"), resend);
  add_yes(
      add(app, session, wanted, "give-up", session.pick("放弃未被接受的内容", "give up what was refused"), give_up));

  command = app.add_subcommand("conflicts",
                               session.pick("两边都改过、需要人来决定的字段", "fields that a person has to decide"));
  auto unmask = std::make_shared<bool>(false);
  command->add_flag("--unmask", *unmask, session.pick("显示完整信息（会留下查看记录）", "show all (this is logged)"));
  command->callback([&session, unmask] { session.job = [&session, unmask] { return conflicts(session, *unmask); }; });

  command =
      add(app, session, wanted, "resolve", session.pick("确定冲突字段的取值", "decide a field in conflict"), resolve);
  command->add_option("field", wanted->field, session.pick("字段", "field"))->required();
  command->add_flag("--mine", wanted->mine, session.pick("用我的", "keep mine"));
  command->add_flag("--platform", wanted->theirs, session.pick("用平台的", "keep the platform's"));
  // The parser makes no difference between an empty text and none in an optional.
  command->add_option_function<std::string>(
      "--value", [wanted](const std::string& typed) { wanted->value = typed; },
      session.pick("用另一个值，写法同 --set；留空表示清除", "another value, typed as for --set; empty clears"));
}

}  // namespace julu::desk
