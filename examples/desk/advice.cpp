// What would be right in place of what was entered: sentences for refusals of a field.
#include <algorithm>
#include <cctype>
#include <set>

#include <julu/error.h>
#include <julu/limits.h>

#include "commands.h"
#include "console.h"
#include "form.h"

namespace julu::desk {
namespace {

// The field at fault, or the one that what is at fault stands in, such as the list of an item.
const Field* field_at(const Form& form, std::string place) {
  for (; place.starts_with('/'); place.resize(place.rfind('/'))) {
    if (const Field* field = form.find(place)) return field;
  }
  return nullptr;
}

Json value_at(const std::string& body, const std::string& pointer) {
  const Json whole = Json::parse(body, nullptr, false);
  if (!whole.is_object() || !pointer.starts_with('/')) return nullptr;
  const Json::json_pointer place(pointer);
  return whole.contains(place) ? whole[place] : Json();
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

// Digits and letters as an input method for Chinese writes them: U+FF10 to U+FF5A.
bool has_full_width(std::string_view text) {
  for (std::size_t at = text.find("\xEF\xBC"); at != std::string_view::npos; at = text.find("\xEF\xBC", at + 1)) {
    if (at + 2 < text.size() && static_cast<unsigned char>(text[at + 2]) >= 0x90) return true;
  }
  return text.find("\xEF\xBD") != std::string_view::npos;
}

std::string id_number_advice(const Session& session, std::string text) {
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  text.erase(text.find_last_not_of(' ') + 1);
  if (has_full_width(text)) {
    return session.pick("请用半角数字填写，如 0123，不用 ０１２３。",
                        "Plain digits such as 0123, not the full-width ０１２３.");
  }
  if (text.find_first_of(" -") != std::string::npos)
    return session.pick("中间不要有空格或短横，连着写。", "Without blanks or hyphens between the digits.");
  const auto count = std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; });
  if (count != 18) return session.fill("应为 18 位，现在是 {} 位。", "It has 18 digits; here are {}.", count);
  if (text.size() != 18 || !all_digits(std::string_view(text).substr(0, 17)) ||
      (!all_digits(text.substr(17)) && text[17] != 'X' && text[17] != 'x'))
    return session.pick("前 17 位只能是数字，最后一位是数字或 X。",
                        "The first 17 are digits, the last one is a digit or X.");
  if (!time_of(text.substr(6, 4) + "-" + text.substr(10, 2) + "-" + text.substr(12, 2))) {
    return session.pick("请核对第 7 到 14 位的出生日期，没有这一天。",
                        "Check digits 7 to 14, the date of birth: there is no such day.");
  }
  return session.pick("请逐位核对，末位校验码不符。",
                      "Check the digits one by one: the last one does not fit the others.");
}

std::string date_advice(const Session& session, const std::string& text) {
  constexpr std::string_view kForm = "0000-00-00";
  bool formed = text.size() == kForm.size();
  for (std::size_t i = 0; formed && i < kForm.size(); ++i)
    formed = kForm[i] == '0' ? std::isdigit(static_cast<unsigned char>(text[i])) != 0 : text[i] == '-';
  if (!formed) return session.pick("请按 2026-11-24 这样填写日期。", "A date such as 2026-11-24.");
  if (!time_of(text)) return session.pick("没有这一天，请核对。", "There is no such day: check it.");
  return session.pick("日期不在允许的范围内，请核对年份。", "The date is out of range: check the year.");
}

std::string list_advice(const Session& session, const Field& field, const Json& list) {
  if (!list.is_array()) return {};
  std::set<Json> seen;
  for (const Json& item : list) {
    if (!seen.insert(item).second && field.schema.value("uniqueItems", false) && item.is_string())
      return session.fill("“{}”重复了，只写一次。", "“{}” stands twice: once is enough.",
                          fitted(item.get<std::string>(), 40));
  }
  const auto most = field.schema.value("maxItems", std::size_t{0});
  if (most > 0 && list.size() > most) return session.fill("最多 {} 项。", "{} items at most.", most);
  return {};
}

std::string number_advice(const Session& session, const Field& field) {
  const bool ranged = field.schema.contains("minimum") && field.schema.contains("maximum");
  if (const std::size_t scale = scale_of(field.schema); scale > 0) {
    const std::string range =
        ranged ? session.fill("{} 到 {} 的", " from {} to {}", scaled_text(field.schema["minimum"], scale),
                              scaled_text(field.schema["maximum"], scale))
               : std::string();
    return session.fill("请填{}数，如 37.2，小数最多 {} 位。", "A number{}, such as 37.2, with at most {} decimals.",
                        range, scale);
  }
  if (ranged) {
    return session.fill("请填 {} 到 {} 的整数。", "A whole number from {} to {}.",
                        field.schema["minimum"].get<std::int64_t>(), field.schema["maximum"].get<std::int64_t>());
  }
  return session.pick("请填整数，如 4。", "A whole number, such as 4.");
}

// Of values that no code list names.
std::string enum_advice(const Session& session, const Json& values) {
  std::string names;
  for (const Json& value : values)
    names += (names.empty() ? "" : comma(session.lang)) + (value.is_string() ? value.get<std::string>() : value.dump());
  return session.pick("可选：", "One of: ") + names;
}

std::string invalid_advice(const Session& session, const Form& form, const Field& field, const Json& value) {
  const std::string type = field.schema.value("type", "");
  const std::string format = field.schema.value("x-format", "");
  const std::string text = value.is_string() ? value.get<std::string>() : std::string();
  if (field.schema.contains("x-codes")) {
    return session.pick("可选：", "One of: ") + code_choices(field.schema["x-codes"].get<std::string>(), session.lang);
  }
  if (field.schema.contains("enum")) return enum_advice(session, field.schema["enum"]);
  if (field.is_time())
    return session.pick("请按 2026-11-20 10:00 这样填写时间（北京时间）。",
                        "A time such as 2026-11-20 10:00 (UTC+08:00).");
  if (type == "integer") return number_advice(session, field);
  if (type == "boolean") return session.pick("请填 是 或 否。", "Yes or no.");
  if (type == "object") {
    return session.fill("“{}”要分项填写：{}", "“{}” is filled in by its parts: {}", field.label(session.lang),
                        form.inner(field, session.lang));
  }
  if (type == "array") return list_advice(session, field, value);
  if (format == "date") return date_advice(session, text);
  if (format == "id_number") return id_number_advice(session, text);
  if (format == "phone")
    return session.pick("请填电话号码：数字，可带区号、空格和短横，如 0319-4320000。",
                        "A phone number: digits, with blanks and hyphens if you like, such as 0319-4320000.");
  return {};
}

std::string too_long_advice(const Session& session, const Form& form, const Error& error, const Field& field) {
  const bool item = form.find(error.field) == nullptr;
  const Json& schema = item && field.schema.contains("items") ? field.schema["items"] : field.schema;
  if (!schema.contains("maxLength")) return {};
  const auto most = schema["maxLength"].get<std::int64_t>();
  return item ? session.fill("每项最多 {} 个字。", "{} characters an item at most.", most)
              : session.fill("最多 {} 个字。", "{} characters at most.", most);
}

std::string advice(const Session& session, const Form& form, const Error& error, const std::string& body) {
  const Field* field = field_at(form, error.field);
  if (field == nullptr) return {};
  if (error.code == ErrorCode::field_too_long) return too_long_advice(session, form, error, *field);
  if (error.code == ErrorCode::field_missing && error.field.rfind('/') == 0) {
    const std::string names = form.one_of(session.lang);
    return names.empty() ? names : session.fill("{} 填一项即可。", "One of these is enough: {}.", names);
  }
  if (error.code != ErrorCode::field_invalid) return {};
  return invalid_advice(session, form, *field, value_at(body, field->pointer));
}

}  // namespace

int fail_entered(const Session& session, Error error, const Form* form, const std::vector<PhotoInput>& photos,
                 const std::string& body) {
  const Field* known = form != nullptr ? field_at(*form, error.field) : nullptr;
  // How long a code may be helps nobody who typed a name that is none.
  const bool coded = known != nullptr && known->schema.contains("x-codes");
  // Nor does "shorten it" whoever has typed a digit of the number twice.
  const bool numbered = known != nullptr && known->schema.value("x-format", "") == "id_number";
  if ((coded || numbered) && error.code == ErrorCode::field_too_long) error.code = ErrorCode::field_invalid;
  std::string field = known != nullptr ? known->label(session.lang) : error.field;
  std::string hint = form != nullptr ? advice(session, *form, error, body) : std::string();
  if (error.field == "/photos" && photos.size() > static_cast<std::size_t>(limits::photos_per_call_max)) {
    hint = session.fill("一次最多 {} 张照片，这里有 {} 张；其余的用 julu attach 补充。",
                        "{} photos at a time at most; here are {}. julu attach adds the others.",
                        limits::photos_per_call_max, photos.size());
  }
  if (error.field == "/id" && error.code == ErrorCode::bad_argument) {
    field = "--id";
    hint = session.pick("要写第 7 版 UUID，如 01890a5d-ac96-774b-bcce-b302099a8057；也可以不写，由程序编号。",
                        "A UUID of version 7, such as 01890a5d-ac96-774b-bcce-b302099a8057; without --id one is made.");
  }
  for (std::size_t i = 0; i < photos.size(); ++i) {
    const std::string pointer = "/photos/" + std::to_string(i);
    if (error.field == pointer) field = photos[i].path;
    if (error.field == pointer && photos[i].path == "-")
      hint = session.pick("照片要写文件名，不能从标准输入读。", "A photo comes from a file, not from stdin.");
    if (error.field != pointer + "/role") continue;
    field = "--photo " + photos[i].role + "=" + photos[i].path;
    hint = session.pick("角色可选：", "The role is one of: ") + code_choices("photo-role", session.lang);
  }
  return session.fail(error, field, hint);
}

Error no_such_way(const Session& session, const Form& form, Verb verb, const Error& refused) {
  const std::string& title = form.title(session.lang);
  const bool edit = verb == Verb::edit;
  std::string text;
  if (form.shape() == "case") {
    text = session.fill(edit ? "{}报上去就不能改：办理下一步用 julu act，补充照片用 julu attach。"
                             : "{}不能删除：要收回用 julu act 编号 撤回。",
                        edit ? "A record of the kind {} is not edited: julu act takes its next step, julu attach adds "
                               "photos."
                             : "A record of the kind {} is not removed: julu act ID withdraw takes it back.",
                        title);
  } else if (form.shape() == "log") {
    text =
        session.fill(edit ? "{}记下就不能改：请另记一条，补充照片用 julu attach。" : "{}不能删除，可以另记一条更正。",
                     edit ? "A record of the kind {} is not edited: enter another one; julu attach adds photos."
                          : "A record of the kind {} is not removed: enter another one that corrects it.",
                     title);
  }
  return text.empty() ? refused : own_words(refused.code, refused.field, text);
}

namespace {

const Field* refused_field(const Form& form, const Record& record) {
  return field_at(form, record.problem ? record.problem->field : std::string());
}

// Chinese, and what it is written with, begins at U+3000.
bool is_in(std::string_view text, Lang lang) {
  const bool chinese = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0xE3; });
  return chinese == (lang == Lang::zh);
}

}  // namespace

std::string refusal_text(const Session& session, const Form& form, const Record& record) {
  if (is_refused_for_good(record)) return session.pick("平台已删除这条记录", "the platform has deleted the record");
  if (!record.problem) return session.pick("原因不明", "no reason given");
  const Field* field = refused_field(form, record);
  const std::string label = field != nullptr ? field->label(session.lang) : std::string();
  const ErrorCode code = record.problem->code;
  const std::string& words = record.problem_text;
  if (words.empty() || (code != ErrorCode::rejected && !is_in(words, session.lang)))
    return message(Error{code, label, {}}, session.lang);
  return label.empty() ? words : words + session.fill("（{}）", " ({})", label);
}

std::string refusal_advice(const Session& session, const Form& form, const Record& record, const std::string& id) {
  if (!record.problem) return {};
  std::string text;
  const Field* field = refused_field(form, record);
  if (field != nullptr && form.shape() == "document") {
    const std::string& kind = form.kind();
    const bool named = kind == "household" || kind == "person";  // it has a command of its own
    text = session.fill("改正：julu {0} --edit {1} --set \"{2}=…\"，再 julu resend {1}",
                        "to correct it: julu {0} --edit {1} --set \"{2}=…\", then julu resend {1}",
                        named ? kind : "record " + kind, id, field->label(session.lang));
  } else if (field != nullptr) {
    text = session.fill("这种记录不能改：用 julu give-up {} 放弃，再另记一条",
                        "a record of this kind is not edited: julu give-up {}, then enter another one", id);
  }
  const ErrorCode code = record.problem->code;
  if (code == ErrorCode::scope || code == ErrorCode::step_not_allowed)
    text += (text.empty() ? "" : "\n") + std::string(new_role_advice(session));
  return text;
}

const char* new_role_advice(const Session& session) {
  return session.pick("您的身份或网格若有调整，请用新的激活码运行 julu init",
                      "if you were given another role or grid, run julu init with a new code");
}

namespace {

// A code that is kept, since lists are open, though no list here has it.
void note_if_unknown(const Session& session, const std::string& list, const std::string& code,
                     const std::string& label) {
  if (code_of(list, code) == code) return;
  session.note(session.fill("本机的代码表里没有{}“{}”，已照写的保存；表里有：{}",
                            "the code list here has no {} “{}”; it was saved as typed. The list has: {}", label,
                            fitted(code, 40), code_choices(list, session.lang)));
}

}  // namespace

void note_unknown_codes(const Session& session, const Form& form, const std::string& body) {
  for (const Field& field : form.fields()) {
    if (!field.schema.contains("x-codes")) continue;
    const Json value = value_at(body, field.pointer);
    if (value.is_string())
      note_if_unknown(session, field.schema["x-codes"].get<std::string>(), value.get<std::string>(),
                      field.label(session.lang));
  }
}

void note_unknown_roles(const Session& session, const std::vector<PhotoInput>& photos) {
  std::set<std::string> roles;
  for (const PhotoInput& photo : photos) {
    if (roles.insert(photo.role).second)
      note_if_unknown(session, "photo-role", photo.role, session.pick("照片角色", "photo role"));
  }
}

}  // namespace julu::desk
