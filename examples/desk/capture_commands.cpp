// report, household, person, visit, and record for a kind that has no command of its own.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "commands.h"
#include "console.h"
#include "form.h"

namespace julu::desk {
namespace {

struct Named {
  const char* option;
  const char* field;  ///< pointer, or path with dots
  const char* zh;
  const char* en;
};

// What was typed for one record.
struct Entered {
  std::string command, kind;
  std::vector<std::pair<std::string, std::string>> values;  ///< field and text, in the order of `named`
  std::vector<std::string> sets;
  std::vector<std::string> photos;
  std::string body, id, edit;
};

constexpr Named kReport[] = {
    {"--category", "category", "类别（必填）：排水、道路、安全隐患…（或代码）", "category (needed): by name or code"},
    {"--text", "text", "情况描述（必填）", "what was found (needed)"},
    {"--urgency", "urgency", "紧急程度：一般、紧急、突发", "urgency: normal, urgent, emergency"},
    {"--place", "place.text", "地点描述", "the place in words"},
};
constexpr Named kHousehold[] = {
    {"--address", "address", "住址（必填）", "address (needed)"},
    {"--head-name", "head_name", "户主姓名", "name of the head of the household"},
    {"--head-id-number", "head_id_number", "户主身份证号", "ID number of the head"},
    {"--household-no", "household_no", "户号", "household number"},
    {"--phone", "phone", "联系电话", "phone"},
    {"--residents", "resident_count", "常住人数", "people living here"},
    {"--note", "note", "备注", "note"},
};
constexpr Named kPerson[] = {
    {"--household", "household", "所属住户编号", "id of the household"},
    {"--name", "name", "姓名（必填）", "name (needed)"},
    {"--id-number", "id_number", "公民身份号码", "citizen ID number"},
    {"--sex", "sex", "性别", "sex"},
    {"--birth-date", "birth_date", "出生日期 YYYY-MM-DD", "date of birth YYYY-MM-DD"},
    {"--relation", "relation_to_head", "与户主关系", "relation to the head"},
    {"--phone", "phone", "联系方式", "phone"},
};
constexpr Named kVisit[] = {
    {"--household", "household", "走访住户编号", "id of the household"},
    {"--purpose", "purpose", "走访目的：日常走访、信息采集…", "purpose: by name or code"},
    {"--text", "text", "走访记录", "what was found"},
    {"--needs", "needs", "诉求", "requests"},
};

// The whole id of a record that is of this kind, or has not arrived.
Result<std::string> id_of_kind(const Session& session, Store& store, const std::string& typed, const std::string& kind,
                               const std::string& field) {
  const auto id = whole_id(store, typed);
  const std::string title = kind_title(store, kind, session.lang);
  if (!id && id.error().code == ErrorCode::record_unknown) {
    return own_words(ErrorCode::record_unknown, field,
                     session.fill("找不到{0} {1}，编号见 julu list --kind {0}（写最后几位即可，至少四位）。",
                                  "There is no {0} {1}: ids are in julu list --kind {0}; the last four digits or more "
                                  "will do.",
                                  title, fitted(typed, 40)));
  }
  if (!id) return id.error();
  JULU_TRY(const auto record, store.get(*id));
  if (!record || record->kind == kind) return id;
  return own_words(ErrorCode::field_invalid, field,
                   session.fill("{} 是{}，不是{}。", "{} is of the kind {}, not {}.", short_of(store, *id),
                                kind_title(store, record->kind, session.lang), title));
}

// A null is "remove" in a patch; in a new record it is nothing.
void drop_nulls(Json& body) {
  for (auto member = body.begin(); member != body.end();) {
    if (member->is_object()) drop_nulls(*member);
    member = member->is_null() || (member->is_object() && member->empty()) ? body.erase(member) : std::next(member);
  }
}

Result<std::string> body_of(const Session& session, Store& store, const Form& form, const Entered& entered) {
  JULU_TRY(const std::string typed, body_typed(session, entered.body));
  auto body = object_of(typed);
  if (!body) return typed;
  for (const auto& [name, text] : entered.values) JULU_CHECK(enter(session, store, form, *body, name, text));
  std::map<const Field*, std::string> lists;  // what a list was given again goes to the rest of it
  for (const std::string& set : entered.sets) {
    const std::size_t equals = set.find('=');
    if (equals == std::string::npos || equals == 0) {
      return own_words(ErrorCode::bad_argument, "--set",
                       session.fill("--set 要写成 字段=值，这里只有“{}”。\n可填：{}",
                                    "--set wants field=value; here is only “{}”.\nFields: {}", fitted(set, 40),
                                    form.choices(set, session.lang)));
    }
    const std::string name = set.substr(0, equals);
    std::string text = set.substr(equals + 1);
    const Field* field = form.find(name);
    if (field != nullptr && field->schema.value("type", "") == "array" && !text.empty())
      text = lists[field] += "," + text;
    JULU_CHECK(enter(session, store, form, *body, name, text));
  }
  if (entered.edit.empty()) drop_nulls(*body);
  return text_of(*body);
}

Result<Saved> save(const Session& session, Store& store, const Form& form, const Entered& entered, std::string body,
                   const std::vector<PhotoInput>& photos) {
  if (!entered.edit.empty()) {
    JULU_TRY(const std::string id, id_of_kind(session, store, entered.edit, form.kind(), "--edit"));
    const bool empty = body == "{}";
    if (empty && photos.empty()) {
      return own_words(ErrorCode::bad_argument, "--edit",
                       session.fill("没有写要改什么，见 julu {} --help。",
                                    "Nothing to change was given: see julu {} --help.", entered.command));
    }
    auto saved = empty ? store.attach(id, photos) : store.patch(id, body, photos);
    if (!saved && saved.error().code == ErrorCode::shape_mismatch)
      return no_such_way(session, form, Verb::edit, saved.error());
    return saved;
  }
  // The library gives the first answer again; who sees 已保存 would look for the record in vain.
  const auto known = entered.id.empty() ? Result<std::optional<Record>>(std::nullopt) : store.get(entered.id);
  if (known && *known && (*known)->deleted) {
    return own_words(
        ErrorCode::record_deleted, "/id",
        session.fill("这条记录已被删除。如仍需要，请换一个 --id（或不写）另记一条。",
                     "This record has been deleted. If it is still needed, enter it under another --id, or "
                     "without one."));
  }
  Capture capture;
  capture.kind = form.kind();
  capture.body = std::move(body);
  capture.photos = photos;
  capture.id = entered.id;
  return store.capture(capture);
}

int run_capture(Session& session, const Entered& entered) {
  return with_store(session, [&](Store& store) {
    const auto kind = kind_of(store, entered.kind);
    const auto schema = kind ? store.schema(*kind) : Result<std::string>(kind.error());
    if (!schema) return session.fail(schema.error(), entered.kind);
    const Form form(*schema);
    const std::vector<PhotoInput> photos = photo_inputs(entered.photos);
    const auto body = body_of(session, store, form, entered);
    if (!body) return fail_entered(session, body.error(), &form, photos);
    const auto saved = save(session, store, form, entered, *body, photos);
    if (!saved) return fail_entered(session, in_body(saved.error()), &form, photos, *body);
    const int said = say_saved(session, store, *saved, photos, session.pick("已保存", "Saved"),
                               form.title(session.lang) + " " + short_of(store, saved->id));
    note_unknown_codes(session, form, *body);
    note_unknown_roles(session, photos);
    return said;
  });
}

void add_common(CLI::App& command, const std::shared_ptr<Entered>& entered, const Session& session, bool document) {
  command
      .add_option("--photo", entered->photos,
                  session.pick("照片：角色=文件，可多次（near 近景、far 远景…）", "photo: role=file, again for more"))
      ->allow_extra_args(false);
  command
      .add_option("--set", entered->sets,
                  session.pick("其他字段：字段=值，可多次（字段名或中文名）；列表用逗号隔开",
                               "any field: field=value, again for more; lists with commas"))
      ->allow_extra_args(false);
  command.add_option("--body", entered->body,
                     session.pick("整条记录的 JSON；@文件 从文件读，- 从标准输入读",
                                  "the record as JSON; @FILE reads a file, - stdin"));
  auto* id = command.add_option(
      "--id", entered->id,
      session.pick("自定编号（第 7 版 UUID，列表按其中的时间排序）：用同一编号再执行不会重复登记",
                   "a UUID of version 7 of your own (lists go by the time in it): asking again saves once"));
  if (!document) return;
  command
      .add_option("--edit", entered->edit,
                  session.pick("修改已有记录；值留空表示清除", "change this record; an empty value clears"))
      ->excludes(id);
}

template <std::size_t N>
void add_kind(CLI::App& app, Session& session, const char* word, const char* kind, const Named (&named)[N],
              bool document, const char* about) {
  CLI::App* command = app.add_subcommand(word, about);
  auto entered = std::make_shared<Entered>();
  entered->command = word;
  entered->kind = kind;
  auto texts = std::make_shared<std::vector<std::string>>(N);
  std::vector<CLI::Option*> options;
  for (std::size_t i = 0; i < N; ++i) {
    options.push_back(command->add_option(named[i].option, (*texts)[i], session.pick(named[i].zh, named[i].en)));
  }
  add_common(*command, entered, session, document);
  command->callback([&session, entered, texts, options, &named] {
    for (std::size_t i = 0; i < N; ++i) {
      if (options[i]->count() > 0) entered->values.emplace_back(named[i].field, (*texts)[i]);
    }
    session.job = [&session, entered] { return run_capture(session, *entered); };
  });
}

}  // namespace

PhotoInput photo_input(const std::string& typed) {
  std::error_code failed;
  const std::size_t equals = typed.find('=');
  if (equals == std::string::npos || std::filesystem::exists(typed, failed)) return {typed, "near"};
  const std::string role = typed.substr(0, equals);
  const std::string code = code_of("photo-role", role);
  return {typed.substr(equals + 1), code.empty() ? role : code};
}

std::vector<PhotoInput> photo_inputs(const std::vector<std::string>& typed) {
  std::vector<PhotoInput> photos;
  for (const std::string& one : typed) photos.push_back(photo_input(one));
  return photos;
}

Result<void> enter(const Session& session, Store& store, const Form& form, Json& body, const std::string& name,
                   const std::string& text) {
  const Field* field = form.find(name);
  if (field == nullptr) {
    return own_words(ErrorCode::field_invalid, "--set",
                     session.fill("没有“{}”这个字段。\n可填：{}", "There is no field “{}”.\nFields: {}",
                                  fitted(name, 40), form.choices(name, session.lang)));
  }
  if (!field->schema.contains("x-ref") || is_blank(text)) return form.put(body, name, text);
  const std::string kind = field->schema["x-ref"].get<std::string>();
  const auto id = id_of_kind(session, store, text, kind, field->pointer);
  if (!id) return Error{id.error().code, field->pointer, id.error().detail};
  JULU_TRY(const auto named, store.get(*id));
  if (named && named->deleted) {
    return own_words(ErrorCode::record_deleted, field->pointer,
                     session.fill("{0} {1} 已被删除或放弃，请另选一条，见 julu list --kind {0}。",
                                  "{0} {1} has been deleted or given up: choose another one, see julu list --kind {0}.",
                                  kind_title(store, kind, session.lang), short_of(store, *id)));
  }
  return form.put(body, name, *id);
}

namespace {

// What a call kept of its photos: one that was given twice for the same role is kept once.
struct Kept {
  std::vector<std::string> photos;
  std::int64_t bytes = 0;
};

Kept kept_of(const Saved& saved, const std::vector<PhotoInput>& given, const std::vector<RecordPhoto>& of_record) {
  Kept kept;
  std::set<std::pair<std::string, std::string>> seen;
  for (std::size_t i = 0; i < saved.photos.size() && i < given.size(); ++i) {
    if (!seen.emplace(saved.photos[i], given[i].role).second) continue;
    kept.photos.push_back(saved.photos[i]);
    const auto photo = std::find_if(of_record.begin(), of_record.end(),
                                    [&](const RecordPhoto& one) { return one.sha256 == saved.photos[i]; });
    if (photo != of_record.end()) kept.bytes += photo->length_bytes;
  }
  return kept;
}

}  // namespace

int say_saved(const Session& session, Store& store, const Saved& saved, const std::vector<PhotoInput>& photos,
              const std::string& done, const std::string& what) {
  const auto status = store.status();
  const auto record = store.get(saved.id);
  const bool known = record && *record;
  const bool parked = known && (*record)->delivery == Delivery::parked;
  const std::string short_id = short_of(store, saved.id);
  const std::int64_t unsent = status ? status->unsent_records : 0;
  const Kept kept = kept_of(saved, photos, known ? (*record)->photos : std::vector<RecordPhoto>());
  if (session.json) {
    Json line{{"id", saved.id},
              {"short", short_id},
              {"captured_at_ms", saved.captured_at_ms},
              {"photos", kept.photos},
              {"photo_bytes", kept.bytes}};
    if (status) line["unsent"] = unsent;
    if (parked) line["parked"] = true;
    session.print_json(line);
  } else {
    std::string text = fmt::format("{}  {}", done, what);
    if (const std::size_t count = kept.photos.size(); count > 0) {
      text += session.fill("  照片 {} 张（{}）", count == 1 ? "  {} photo ({})" : "  {} photos ({})", count,
                           bytes_text(kept.bytes));
      if (count < photos.size())
        text += session.fill("，重复的 {} 张只存一次", ", given again and kept once: {}", photos.size() - count);
    }
    if (status) text += session.fill("      未上传 {} 条", "      {} not uploaded", unsent);
    session.print(text);
  }
  if (parked) {
    session.note(session.fill("平台先前没有接受这条记录，这次的内容也要等您运行 julu resend {} 才会发送",
                              "the platform has refused this record before: what was saved now goes only after julu "
                              "resend {}",
                              short_id));
  }
  return 0;
}

void add_capture_commands(CLI::App& app, Session& session) {
  add_kind(app, session, "report", "incident", kReport, false,
           session.pick("上报事件（可带照片）", "report an incident, with photos"));
  add_kind(app, session, "household", "household", kHousehold, true,
           session.pick("登记或修改住户", "enter or change a household"));
  add_kind(app, session, "person", "person", kPerson, true, session.pick("登记或修改人口", "enter or change a person"));
  add_kind(app, session, "visit", "visit", kVisit, false, session.pick("登记走访", "log a visit"));

  CLI::App* command = app.add_subcommand("record", session.pick("登记其他种类的记录", "enter a record of any kind"));
  auto entered = std::make_shared<Entered>();
  entered->command = "record";
  command->add_option("kind", entered->kind, session.pick("种类", "kind"))->required();
  add_common(*command, entered, session, true);
  command->callback(
      [&session, entered] { session.job = [&session, entered] { return run_capture(session, *entered); }; });
}

}  // namespace julu::desk
