// list, show and photo: what is here and what became of it.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "commands.h"
#include "console.h"
#include "exit_status.h"
#include "form.h"
#include "output.h"

namespace julu::desk {
namespace {

constexpr std::size_t kPhotoDigits = 12;  // of a hash, where people see it
constexpr int kLabelColumnsMax = 32;

struct Looked {
  std::string id, kind, search, before, out;
  int limit = 50;
  bool unsent = false, deleted = false, unmask = false, thumbnail = false;
};

int list(Session& session, const Looked& looked) {
  return with_store(session, [&](Store& store) {
    const auto kind = kind_of(store, looked.kind);
    if (!kind) return session.fail(kind.error(), looked.kind);
    Filter filter;
    filter.kind = *kind;
    filter.search = looked.search;
    if (!looked.before.empty()) {
      const auto before = whole_id(store, looked.before);
      if (!before) return session.fail(before.error(), looked.before);
      filter.before = *before;
    }
    filter.limit = std::clamp(looked.limit, 1, 200);
    filter.deleted_too =
        looked.deleted || looked.unsent;  // a removal that waits, or what was refused because the county has deleted it
    Table table({session.pick("编号", "id"), session.pick("种类", "kind"), session.pick("时间", "time"),
                 session.pick("状态", "state"), session.pick("摘要", "summary")});
    int shown = 0;
    bool parked = false;
    std::string more_before;  // the last one of those that fit, when there are more
    std::string last;
    const auto listed = each_record(store, filter, [&](const Record& record) {
      if (looked.unsent && record.delivery != Delivery::saved && record.delivery != Delivery::parked) return true;
      if (shown == looked.limit) {
        more_before = last;
        return false;
      }
      ++shown;
      last = record.id;
      parked = parked || record.delivery == Delivery::parked;
      if (session.json) {
        session.print_json(record_json(store, record));
      } else {
        table.add({short_of(store, record.id), kind_title(store, record.kind, session.lang),
                   time_text(record.captured_at_ms), state_text(session, store, record), record.title});
      }
      return true;
    });
    if (!listed) return session.fail(listed.error());
    if (!session.json && table.empty()) session.note(session.pick("没有记录。", "No records."));
    if (!session.json && !table.empty()) session.print(table.text(terminal_columns(STDOUT_FILENO)));
    if (!more_before.empty()) {
      session.note(session.fill("只列出了 {0} 条，还有更多：接着看用 --before {1}，或用 --limit 多列几条",
                                "only {0} are listed and there are more: --before {1} goes on, --limit lists more",
                                shown, short_of(store, more_before)));
    }
    if (!session.json && looked.unsent && parked) {
      session.note(
          session.pick("未被接受的：julu show 编号 看原因；julu resend 编号 重新发送，julu give-up 编号 不再发送",
                       "what was refused: julu show ID says why; julu resend ID sends it again, julu give-up "
                       "ID does not"));
    }
    return 0;
  });
}

// Masked unless asked for, and asking is written down first.
Result<Json> visible_body(const Session& session, Store& store, const Record& record, const Form& form, bool unmask) {
  Json body = Json::parse(record.body, nullptr, false);
  if (!body.is_object()) body = Json::object();
  if (!unmask) return form.masked(std::move(body));
  JULU_CHECK(session.log_unmasking(store, "show", record.id));
  return body;
}

using Rows = std::vector<std::pair<std::string, std::string>>;

Rows field_rows(const Session& session, Store& store, const Form& form, const Json& body) {
  Rows rows;
  for (const Field& field : form.fields()) {
    const Json::json_pointer pointer(field.pointer);
    if (field.schema.contains("properties") || !body.contains(pointer)) continue;
    rows.emplace_back(field.label(session.lang), value_text(session, store, form, field.pointer, body[pointer]));
  }
  for (const auto& [name, value] : body.items()) {
    if (form.find(name) == nullptr)
      rows.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return rows;
}

// The photo itself has been here and was let go since the county has it: no sync brings it again.
bool preview_stays(Store& store, const RecordPhoto& photo) {
  return !photo.here && photo.delivered && store.thumbnail(photo.sha256).ok();
}

void print_photos(const Session& session, Store& store, const Record& record, int label_columns) {
  const auto role = [&](const RecordPhoto& photo) {
    return fitted(code_label("photo-role", photo.role, session.lang), kLabelColumnsMax);
  };
  int number = 0, role_columns = 0;
  for (const RecordPhoto& photo : record.photos) role_columns = std::max(role_columns, width(role(photo)));
  // Where nothing waits, a photo that did not go was given up.
  const bool waits = record.delivery == Delivery::saved || record.delivery == Delivery::parked;
  const char* not_there = waits ? session.pick("未上传", "not uploaded") : session.pick("已放弃", "given up");
  for (const RecordPhoto& photo : record.photos) {
    const char* not_here = preview_stays(store, photo)
                               ? session.pick("  （平台存有原图，本机只留缩略图）",
                                              "  (the platform has it; only the thumbnail is kept here)")
                               : session.pick("  （还未下载）", "  (not fetched yet)");
    session.print(fmt::format("{}  {}  {}  {}  {}",
                              padded(fmt::format("{} {}", session.pick("照片", "photo"), ++number), label_columns),
                              padded(role(photo), role_columns), padded(bytes_text(photo.length_bytes), 8),
                              photo.sha256.substr(0, kPhotoDigits),
                              photo.delivered ? session.pick("已送达", "delivered") : not_there) +
                  (photo.here ? "" : not_here));
  }
}

// What only a person can do now.
void say_ways_on(const Session& session, Store& store, const Form& form, const Record& record) {
  const std::string id = short_of(store, record.id);
  if (is_refused_for_good(record)) {
    session.note(only_give_up(session, store, record));
  } else if (record.delivery == Delivery::parked) {
    if (const std::string text = refusal_advice(session, form, record, id); !text.empty()) session.note(text);
    session.note(session.fill("未被接受的内容：重新发送用 julu resend {0}，不再发送用 julu give-up {0}",
                              "what was refused: julu resend {0} sends it again, julu give-up {0} does not", id));
  }
  if (record.delivery == Delivery::none && record.deleted && record.version == 0) {
    session.note(session.fill("填过的内容都在全过程里：julu history {} --unmask",
                              "what was entered is kept: julu history {} --unmask", id));
  }
  if (record.in_conflict) {
    session.note(
        session.fill("有字段两边都改过：见 julu conflicts，用 julu resolve {} 字段 选定",
                     "fields were changed on both sides: see julu conflicts, decide with julu resolve {} FIELD", id));
  }
}

int show(Session& session, const Looked& looked) {
  return with_store(session, [&](Store& store) {
    const auto record = record_of(store, looked.id);
    if (!record) return session.fail(record.error(), looked.id);
    const auto schema = store.schema(record->kind);
    const Form form(schema ? *schema : "{}");
    const auto body = visible_body(session, store, *record, form, looked.unmask);
    if (!body) return session.fail(body.error());
    if (session.json) {
      Json object = record_json(store, *record);
      object["body"] = *body;
      session.print_json(object);
      return 0;
    }
    session.print(clean_line(kind_title(store, record->kind, session.lang)) + "  " + record->id);
    Rows rows{{session.pick("状态", "state"), state_text(session, store, *record)}};
    if (record->delivery == Delivery::parked && !record->state.empty())
      rows.emplace_back(session.pick("当前状态", "case now"), case_state(session, *record));
    rows.emplace_back(session.pick("登记时间", "saved"), time_text(record->captured_at_ms, true));
    if (record->delivered_at_ms > 0)
      rows.emplace_back(session.pick("送达时间", "delivered"), time_text(record->delivered_at_ms, true));
    for (auto& row : field_rows(session, store, form, *body)) rows.push_back(std::move(row));
    int columns = 14;
    for (const auto& [label, text] : rows) columns = std::max(columns, std::min(width(label), kLabelColumnsMax));
    for (const auto& [label, text] : rows)
      session.print(padded(clean_line(label), columns) + "  " + fitted(text, 4000));
    print_photos(session, store, *record, columns);
    say_ways_on(session, store, form, *record);
    return 0;
  });
}

Result<std::int64_t> write_photo(const Session& session, Store& store, const RecordPhoto& photo,
                                 const std::string& path, bool thumbnail) {
  Output out(path);
  if (thumbnail) {
    JULU_TRY(const auto small, store.thumbnail(photo.sha256));
    out.write(small);
    return out.finish();
  }
  const auto read = store.read_photo(photo.sha256, [&](std::string_view bytes) { return out.write(bytes); });
  if (!read && read.error().code == ErrorCode::photo_unknown && preview_stays(store, photo)) {
    return own_words(ErrorCode::photo_unknown, read.error().field,
                     session.fill("平台存有这张照片的原图，本机只留缩略图：julu photo {} --thumb",
                                  "The platform has this photo; only the thumbnail is kept here: julu photo {} --thumb",
                                  photo.sha256.substr(0, kPhotoDigits)));
  }
  // What was stopped because it could not be written is no fault of the store.
  if (!read && out.write({})) return read.error();
  return out.finish();
}

// The photo whose hash begins so, as `show` prints it.
Result<RecordPhoto> photo_beginning(const Session& session, Store& store, const std::string& digits) {
  std::map<std::string, RecordPhoto> found;
  Filter filter;
  filter.limit = 200;
  filter.deleted_too = true;
  JULU_CHECK(each_record(store, filter, [&](const Record& record) {
    for (const RecordPhoto& photo : record.photos) {
      if (photo.sha256.starts_with(digits)) found.emplace(photo.sha256, photo);
    }
    return found.size() < 2;
  }));
  if (found.empty()) {
    return own_words(
        ErrorCode::photo_unknown, "/id",
        session.fill("没有照片 {}。照片的编号是 julu show 里的 12 位，记录的编号见 julu list。",
                     "There is no photo {}. Photos go by the 12 digits in julu show, records by the ids in "
                     "julu list.",
                     digits));
  }
  if (found.size() > 1) return Error{ErrorCode::bad_argument, "/id", "several photos begin so"};
  return found.begin()->second;
}

// One photo by its hash, or those of a record.
Result<std::vector<RecordPhoto>> wanted_photos(const Session& session, Store& store, const std::string& typed) {
  const bool hex = std::all_of(typed.begin(), typed.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  const auto record = record_of(store, typed);
  if (!record && record.error().code == ErrorCode::record_unknown && hex && typed.size() >= kPhotoDigits) {
    JULU_TRY(RecordPhoto photo, photo_beginning(session, store, typed));
    photo.role = "photo";
    return std::vector{std::move(photo)};
  }
  if (!record) return record.error();
  if (record->photos.empty()) return Error{ErrorCode::photo_unknown, {}, "no photos"};
  return record->photos;
}

// A role may come from others: in a name it is letters and digits, and no folder.
std::string in_file_name(std::string role) {
  std::replace_if(
      role.begin(), role.end(), [](unsigned char c) { return std::isalnum(c) == 0 && c != '_' && c != '-'; }, '_');
  return role;
}

int photo(Session& session, const Looked& looked) {
  return with_store(session, [&](Store& store) {
    const auto wanted = wanted_photos(session, store, looked.id);
    if (!wanted) return session.fail(wanted.error(), looked.id);
    std::error_code failed;
    const bool folder = std::filesystem::is_directory(looked.out, failed);
    if (wanted->size() > 1 && !folder) {
      const bool missing = !looked.out.empty() && !std::filesystem::exists(looked.out, failed);
      return session.fail(own_words(
          ErrorCode::bad_argument, "-o",
          session.fill(
              "这条记录有 {} 张照片，请用 -o 指定一个目录{}；只要一张用 julu photo 照片编号（见 julu show）。",
              "The record has {} photos: name a folder with -o{}; one of them by its digits in julu show.",
              wanted->size(),
              missing ? session.pick("（没有这个目录，请先建立）", " (there is no such folder: make it first)") : "")));
    }
    if (looked.out.empty() && (session.json || isatty(STDOUT_FILENO) == 1)) {
      return session.fail(ErrorCode::bad_argument, "-o", session.pick("请用 -o 指定文件。", "Name a file with -o."));
    }
    int number = 0;
    for (const RecordPhoto& photo : *wanted) {
      const std::string name =
          fmt::format("{:02}-{}-{}.jpg", ++number, in_file_name(photo.role), photo.sha256.substr(0, kPhotoDigits));
      const std::string path = folder ? looked.out + "/" + name : looked.out;
      const auto written = write_photo(session, store, photo, path, looked.thumbnail);
      const bool of_output = !written && (written.error().field == "-o" || written.error().field == "stdout");
      if (!written) return session.fail(written.error(), of_output ? "" : looked.id);
      if (session.json && !path.empty())
        session.print_json(Json{{"sha256", photo.sha256}, {"file", path}, {"bytes", *written}});
      if (!session.json && !path.empty()) session.note(path);
    }
    return 0;
  });
}

void run_as_job(CLI::App* command, Session& session, const std::shared_ptr<Looked>& looked,
                int (*job)(Session&, const Looked&)) {
  command->callback(
      [&session, looked, job] { session.job = [&session, looked, job] { return job(session, *looked); }; });
}

}  // namespace

int with_store(Session& session, const std::function<int(Store&)>& work) {
  const auto store = session.open();
  if (!store) return session.fail(store.error());
  return work(**store);
}

std::string short_of(Store& store, const std::string& id) {
  const auto short_id = store.short_id(id);
  return short_id ? *short_id : id;
}

Result<std::string> whole_id(Store& store, const std::string& typed) {
  auto id = store.find_id(typed);
  // What is no id at all is the id of nothing.
  if (!id && id.error().code == ErrorCode::bad_argument && id.error().detail.empty()) {
    return Error{ErrorCode::record_unknown, "/id", {}};
  }
  return id;
}

Result<std::string> kind_of(Store& store, const std::string& typed) {
  if (typed.empty()) return typed;
  JULU_TRY(const auto kinds, store.kinds());
  for (const std::string& kind : kinds) {
    JULU_TRY(const std::string schema, store.schema(kind));
    const Form form(schema);
    if (typed == kind || typed == form.title(Lang::zh) || typed == form.title(Lang::en)) return kind;
  }
  return Error{ErrorCode::kind_unknown, "--kind", {}};
}

std::string kind_title(Store& store, const std::string& kind, Lang lang) {
  static std::map<std::string, std::string> known;
  std::string& title = known[kind];
  if (title.empty()) {
    const auto schema = store.schema(kind);
    title = schema ? Form(*schema).title(lang) : kind;
  }
  return title;
}

Result<Record> record_of(Store& store, const std::string& typed) {
  JULU_TRY(const std::string id, whole_id(store, typed));
  JULU_TRY(auto record, store.get(id));
  if (!record) return Error{ErrorCode::record_unknown, "/id", {}};
  return *std::move(record);
}

std::string value_text(const Session& session, Store& store, const Form& form, const std::string& pointer,
                       const Json& value) {
  if (value.is_null()) return session.pick("（空）", "(none)");
  const Field* field = form.find(pointer);
  if (field == nullptr) return value.is_string() ? value.get<std::string>() : value.dump();
  if (field->schema.contains("x-ref") && value.is_string()) {
    const auto named = store.get(value.get<std::string>());
    const auto id = named && *named ? store.short_id((*named)->id) : value.get<std::string>();
    if (id) return *id;
  }
  return form.shown(*field, value, session.lang);
}

std::string case_state(const Session& session, const Record& record) {
  const std::string& title = session.lang == Lang::zh ? record.state_title_zh : record.state_title_en;
  return title.empty() ? record.state : title;
}

bool is_refused_for_good(const Record& record) {
  return record.delivery == Delivery::parked && record.deleted && record.problem && record.problem->detail == "deleted";
}

std::string only_give_up(const Session& session, Store& store, const Record& record) {
  return session.fill("平台已删除这条记录，未被接受的内容不能再发送：用 julu give-up {} 放弃",
                      "the platform has deleted the record, so what was refused cannot go any more: julu give-up {}",
                      short_of(store, record.id));
}

std::string state_text(const Session& session, Store& store, const Record& record) {
  const std::string state = case_state(session, record);
  std::string text;
  switch (record.delivery) {
    case Delivery::none:
      text = record.version > 0 ? session.pick("平台下发", "from the platform") : session.pick("已放弃", "given up");
      break;
    case Delivery::saved: text = session.pick("已保存 · 未上传", "saved · not uploaded"); break;
    case Delivery::delivered: text = session.pick("已送达", "delivered"); break;
    case Delivery::confirming: text = session.pick("已送达 · 正在复核", "delivered · being confirmed"); break;
    case Delivery::parked: {
      const auto schema = store.schema(record.kind);
      text = session.pick("未被接受：", "refused: ") + refusal_text(session, Form(schema ? *schema : "{}"), record);
      break;
    }
  }
  if (!state.empty() && record.delivery != Delivery::parked && record.version > 0) text += " · " + state;
  if (record.in_conflict) text += session.pick(" · 有冲突", " · conflict");
  if (record.deleted) text += session.pick(" · 已删除", " · deleted");
  return text;
}

Json record_json(Store& store, const Record& record) {
  Json photos = Json::array();
  for (const RecordPhoto& photo : record.photos) {
    Json one{{"sha256", photo.sha256},
             {"role", photo.role},
             {"length_bytes", photo.length_bytes},
             {"here", photo.here},
             {"delivered", photo.delivered}};
    if (!photo.action.empty()) one["action"] = photo.action;
    photos.push_back(std::move(one));
  }
  Json object{{"id", record.id},
              {"short", short_of(store, record.id)},
              {"kind", record.kind},
              {"title", record.title},
              {"delivery", std::string(name(record.delivery))},
              {"version", record.version},
              {"deleted", record.deleted},
              {"in_conflict", record.in_conflict},
              {"captured_at_ms", record.captured_at_ms},
              {"delivered_at_ms", record.delivered_at_ms},
              {"photos", std::move(photos)}};
  if (!record.state.empty()) {
    object["state"] = record.state;
    object["state_title_zh"] = record.state_title_zh;
    object["state_title_en"] = record.state_title_en;
  }
  if (record.problem) {
    object["problem"] = {{"code", std::string(name(record.problem->code))},
                         {"field", record.problem->field},
                         {"type", record.problem->detail},
                         {"text", record.problem_text}};
  }
  return object;
}

Result<void> each_record(Store& store, Filter filter, const std::function<bool(const Record&)>& each) {
  for (;;) {
    JULU_TRY(const std::vector<Record> page, store.list(filter));
    for (const Record& record : page) {
      if (!each(record)) return {};
    }
    if (static_cast<int>(page.size()) < filter.limit) return {};
    filter.before = page.back().id;
  }
}

void add_look_commands(CLI::App& app, Session& session) {
  auto looked = std::make_shared<Looked>();
  CLI::App* command = app.add_subcommand("list", session.pick("列出记录，最新的在前", "list records, newest first"));
  command->add_option("--kind", looked->kind,
                      session.pick("种类：事件、住户、人口、走访（或代码）", "kind, by id or name"));
  command->add_option("--search", looked->search, session.pick("按文字查找", "words or characters of the text"));
  command->add_option("--limit", looked->limit, session.pick("最多列几条（默认 50）", "at most (50)"))
      ->check(CLI::Range(1, 100'000));
  command->add_option("--before", looked->before,
                      session.pick("从这条记录往前（更早的），写编号", "only those older than this record, by its id"));
  command->add_flag("--unsent", looked->unsent, session.pick("只列未上传和未被接受的", "only what is not delivered"));
  command->add_flag("--deleted", looked->deleted,
                    session.pick("连已删除的和已放弃的也列出", "what is deleted or given up too"));
  run_as_job(command, session, looked, list);

  command = app.add_subcommand(
      "show", session.pick("一条记录的全部内容（敏感信息已遮盖）", "one record, sensitive values masked"));
  command->add_option("id", looked->id, session.pick("编号", "id"))->required();
  command->add_flag("--unmask", looked->unmask,
                    session.pick("显示完整信息（会留下查看记录）", "show all (this is logged)"));
  run_as_job(command, session, looked, show);

  command = app.add_subcommand("photo", session.pick("取出照片", "write a photo to a file"));
  command
      ->add_option("id", looked->id,
                   session.pick("照片的 SHA-256（show 里的 12 位即可），或记录编号",
                                "SHA-256 of a photo (the 12 digits in show will do), or a record's id"))
      ->required();
  add_output(command, looked->out,
             session.pick("文件或目录；不写或写 - 则到标准输出", "file or folder; stdout for - or without"));
  command->add_flag("--thumb", looked->thumbnail, session.pick("缩略图", "the thumbnail"));
  run_as_job(command, session, looked, photo);
}

}  // namespace julu::desk
