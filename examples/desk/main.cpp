// julu: the clerk's terminal. Each call opens the store, does one thing and ends; a call that is killed leaves what was
// saved as it was. Thread rule: one thread, and one that watches for Ctrl-C while syncing.
#include <cerrno>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "commands.h"
#include "exit_status.h"
#include "interrupt.h"

namespace {

using namespace julu;
using namespace julu::desk;

// Texts of the command line itself are needed before it is parsed.
void look_ahead(int count, char** words, Session& session) {
  session.lang = lang_of_environment();
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--json") session.json = true;
    if (word == "--lang" && i + 1 < count) session.lang = std::string_view(words[i + 1]) == "en" ? Lang::en : Lang::zh;
    if (word.starts_with("--lang=")) session.lang = word == "--lang=en" ? Lang::en : Lang::zh;
  }
}

void add_common_options(CLI::App& app, Session& session, std::string& lang) {
  app.add_flag("--json", session.json, session.pick("每行输出一个 JSON 对象", "one JSON object a line"));
  app.add_option("--lang", lang, session.pick("语言：zh 或 en", "zh or en"))->check(CLI::IsMember({"zh", "en"}));
  app.add_option("--data", session.data,
                 session.pick("数据目录（默认 $JULU_DATA，其次 $XDG_DATA_HOME/julu，再次 ~/.local/share/julu）",
                              "data folder ($JULU_DATA, else $XDG_DATA_HOME/julu, else ~/.local/share/julu)"));
  app.add_option("--worker", session.worker,
                 session.pick("登记了多人时，用哪一位", "which worker, when several are enrolled"));
  app.add_option("--key-file", session.key_file,
                 session.pick("密钥文件（默认 数据目录/key）", "key file (default: key in the data folder)"));
}

// The parser pads by bytes, so what stands in the left column of a help text stays ASCII; what it would add there in
// words of its own goes behind the description.
class Formatter : public CLI::Formatter {
 public:
  explicit Formatter(const Session& session) : session_(session) {}
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0 || option->get_type_name().empty()) return {};
    const bool many = option->get_expected_max() == CLI::detail::expected_max_vector_size;
    return " " + option->get_type_name() + (many ? " ..." : "");
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    if (option->get_required()) text += session_.pick("（必填）", " (needed)");
    for (const CLI::Option* other : option->get_excludes())
      text += session_.fill("（不能与 {} 同用）", " (not with {})", other->get_name());
    return text;
  }

 private:
  const Session& session_;
};

void word_help(CLI::App& app, const Session& session) {
  const auto formatter = std::make_shared<Formatter>(session);
  app.formatter(formatter);
  for (CLI::App* command : app.get_subcommands({})) command->formatter(formatter);
  if (session.lang == Lang::en) return;
  constexpr std::pair<const char*, const char*> kLabels[] = {
      {"Usage", "用法"}, {"OPTIONS", "选项"}, {"SUBCOMMAND", "命令"}, {"Positionals", "参数"}};
  for (const auto& [word, chinese] : kLabels) formatter->label(word, chinese);
  for (CLI::App* command : app.get_subcommands({})) {
    command->group("命令");
    for (CLI::Option* option : command->get_options()) option->group("选项");
  }
  for (CLI::Option* option : app.get_options()) option->group("选项");
}

// What a command calls by position has names of its own in the help.
std::string chinese_name(const std::string& name) {
  constexpr std::pair<std::string_view, const char*> kNames[] = {
      {"id", "编号"}, {"action", "步骤"}, {"field", "字段"}, {"kind", "种类"}};
  for (const auto& [word, chinese] : kNames) {
    if (word == name) return chinese;
  }
  return name;
}

// The parser ends with what would be right: "… not in range 1 to 86400", "… not in {zh,en}".
std::string chinese_range(const std::string& english) {
  const std::size_t range = english.rfind(" not in range "), set = english.rfind(" not in {");
  if (range != std::string::npos) {
    std::string text = english.substr(range + 14);
    const std::size_t to = text.find(" to ");
    if (to != std::string::npos) text.replace(to, 4, " 到 ");
    return "的值要在 " + text + " 之间";
  }
  if (set != std::string::npos) return "的值要是 " + english.substr(set + 8) + " 之一";
  return "的值不在可选范围内";
}

// What the parser has to say, in the person's language.
std::string parse_text(const Session& session, const CLI::ParseError& error) {
  const std::string english = error.what();
  const std::string first = english.substr(0, english.find_first_of(" :"));
  // What stands behind an option that is full is left over: there is too much only where the option stands twice.
  if (english.find(": At Most ") != std::string::npos)
    return session.fill("{} 写了不止一次", "{} was given more than once", first);
  if (session.lang == Lang::en) return english;
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return first.starts_with("A") ? "没有写命令" : "缺少 " + chinese_name(first);
  }
  if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr) return first + " 不能与另一个选项同时用";
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) return first + " 后面没有写内容";
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) return first + " " + chinese_range(english);
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr)
    return "值的写法不对" + english.substr(english.find(':'));
  return english;
}

// What was typed and belongs nowhere: an option that is none comes before what is missing, since it was meant for that.
std::optional<std::string> surplus_text(const Session& session, const CLI::App& app, const CLI::ParseError& error) {
  const auto surplus = app.remaining(true);
  if (surplus.empty()) return std::nullopt;
  // A word that is no command is what was meant to be one; the parser only says that a command is missing.
  if (app.get_subcommands().empty()) return session.pick("没有这个命令 ", "no such command ") + surplus.front();
  for (const std::string& word : surplus) {
    if (word.starts_with("-")) return session.pick("没有这个选项 ", "no such option ") + word.substr(0, word.find('='));
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return std::nullopt;
  std::string text = session.pick("多余的内容", "not expected:");
  for (const std::string& word : surplus) text += " " + word;
  return text;
}

int usage_error(const Session& session, const CLI::App& app, const CLI::ParseError& error) {
  const auto surplus = surplus_text(session, app, error);
  const std::string what = surplus ? *surplus : parse_text(session, error);
  session.note(session.pick("命令有误：", "Cannot understand the command: ") + what);
  session.note(session.pick("用法见 julu --help 或 julu 命令 --help", "See julu --help, or julu COMMAND --help"));
  if (session.json) {
    session.print_json(Json{{"error", {{"code", "bad_argument"}, {"field", ""}, {"message", what}}}});
  }
  return kExitUsage;
}

int run(Session& session, int count, char** words) {
  CLI::App app(session.pick("julu：村镇文员的终端。离线也能登记，联网后上传；已保存的内容不会丢失。",
                            "julu: the clerk's terminal. Works offline, uploads when it can; what was saved is safe."),
               "julu");
  std::string lang;
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_flag("-h,--help", session.pick("帮助", "help"));
  app.set_version_flag("--version", "julu " JULU_VERSION, session.pick("版本", "version"));
  add_common_options(app, session, lang);
  add_sync_commands(app, session);
  add_capture_commands(app, session);
  add_look_commands(app, session);
  add_history_command(app, session);
  add_change_commands(app, session);
  add_export_command(app, session);
  word_help(app, session);
  try {
    app.parse(count, words);
  } catch (const CLI::Success& asked) {
    app.exit(asked);  // writes the help or the version
    std::cout.flush();
    return std::fflush(stdout) == 0 && std::cout ? 0 : session.fail(error_of(errno, "stdout"));
  } catch (const CLI::ParseError& error) {
    return usage_error(session, app, error);
  }
  const int status = session.job();
  const bool said = std::ferror(stdout) != 0;  // by whoever was writing
  if (std::fflush(stdout) == 0 || said) return status;
  if (status == 0) return session.fail(error_of(errno, "stdout"));
  session.note(session.pick("结果没有写出来（stdout）。先前保存的内容不会丢失。",
                            "The result could not be written (stdout). What was saved before is safe."));
  return status;
}

}  // namespace

int main(int count, char** words) {
  Session session;
  try {
    look_ahead(count, words, session);
    install_interrupt(session.lang);
    return run(session, count, words);
  } catch (const std::exception& thrown) {
    // Output that cannot be written (a full disk behind stdout) and want of memory end here; the store is untouched.
    Error error = error_of(thrown);
    const bool output = std::ferror(stdout) != 0;
    if (output) error.field = "stdout";
    return session.fail(error, {}, output ? "" : thrown.what());
  }
}
