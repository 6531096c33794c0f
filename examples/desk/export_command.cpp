// export: all records as JSON Lines, or one kind as a table for a spreadsheet. Sensitive values are masked unless asked
// for, and asking is written down.
#include <algorithm>
#include <memory>

#include <unistd.h>

#include "commands.h"
#include "console.h"
#include "form.h"
#include "output.h"

namespace julu::desk {
namespace {

struct Export {
  std::string kind, out;
  bool csv = false, unmask = false;
};

// A spreadsheet takes digits for a number, rounds an ID number and drops a leading zero; behind a tab they stay text.
bool would_be_changed(std::string_view text) {
  const bool digits = std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
  return digits && (text.size() > 11 || (text.size() > 1 && text.front() == '0'));
}

std::string csv_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

// RFC 4180, and no NUL, where many a program takes the text to end. A leading formula sign would be run by spreadsheet
// programs, so it is put behind an apostrophe.
std::string csv_cell(std::string text) {
  std::erase(text, '\0');
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos) text.insert(0, "'");
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return csv_quoted(text);
}

std::string csv_text(const std::string& text) {
  return would_be_changed(text) ? csv_quoted("\t" + text) : csv_cell(text);
}

std::string csv_head(const Session& session, const Form& form) {
  std::string line = std::string("\xEF\xBB\xBF") + session.pick("编号,登记时间,状态", "id,saved,state");
  for (const Field& field : form.fields()) {
    if (!field.schema.contains("properties")) line += "," + csv_cell(field.label(session.lang));
  }
  return line + "\r\n";
}

std::string csv_line(const Session& session, Store& store, const Form& form, const Record& record, const Json& body) {
  std::string line =
      record.id + "," + time_text(record.captured_at_ms, true) + "," + csv_cell(state_text(session, store, record));
  for (const Field& field : form.fields()) {
    if (field.schema.contains("properties")) continue;
    const Json::json_pointer pointer(field.pointer);
    if (!body.contains(pointer)) {
      line += ",";
      continue;
    }
    const std::string shown = form.shown(field, body[pointer], session.lang);
    const bool typed = body[pointer].is_string() || body[pointer].is_array();  // a list of one looks like its item
    line += "," + (typed ? csv_text(shown) : csv_cell(shown));
  }
  return line + "\r\n";
}

Result<std::int64_t> write_records(const Session& session, Store& store, const Export& wanted, const std::string& kind,
                                   Output& out) {
  // A terminal gets no control characters of what others wrote, as from `print`.
  const bool terminal = wanted.out.empty() && ::isatty(STDOUT_FILENO) == 1;
  const auto write = [&](const std::string& text) { out.write(terminal ? clean_lines(text) : text); };
  std::int64_t count = 0;
  std::string form_of;
  Form form("{}");
  Filter filter;
  filter.kind = kind;
  filter.limit = 200;
  if (wanted.csv) {
    JULU_TRY(const std::string schema, store.schema(kind));
    write(csv_head(session, Form(schema)));
  }
  const auto listed = each_record(store, filter, [&](const Record& record) {
    if (form_of != record.kind) {
      const auto schema = store.schema(record.kind);
      form = Form(schema ? *schema : "{}");
      form_of = record.kind;
    }
    Json body = Json::parse(record.body, nullptr, false);
    if (!wanted.unmask) body = form.masked(std::move(body));
    if (wanted.csv) {
      write(csv_line(session, store, form, record, body));
    } else {
      Json object = record_json(store, record);
      object["captured_at"] = iso_time(record.captured_at_ms);
      object["body"] = std::move(body);
      write(object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    }
    ++count;
    return out.write({});
  });
  if (!listed) return listed.error();
  return count;
}

int run_export(Session& session, const Export& wanted) {
  if (wanted.csv && wanted.kind.empty()) {
    return session.fail(ErrorCode::bad_argument, "--kind",
                        session.pick("表格一次只能导出一个种类。", "A table holds one kind."));
  }
  if (wanted.csv && session.json && wanted.out.empty()) {
    return session.fail(
        ErrorCode::bad_argument, "-o",
        session.pick("用 --json 时，表格请用 -o 写入文件。", "With --json, name a file for the table with -o."));
  }
  return with_store(session, [&](Store& store) {
    const auto kind = kind_of(store, wanted.kind);
    if (!kind) return session.fail(kind.error(), wanted.kind);
    if (wanted.unmask) {
      if (const auto logged = session.log_unmasking(store, "export", wanted.kind); !logged)
        return session.fail(logged.error());
    }
    Output out(wanted.out);
    const auto count = write_records(session, store, wanted, *kind, out);
    if (!count) return session.fail(count.error());
    const auto bytes = out.finish();
    if (!bytes) return session.fail(bytes.error());
    if (session.json && !wanted.out.empty())
      session.print_json(Json{{"file", wanted.out}, {"records", *count}, {"bytes", *bytes}});
    session.note(session.fill("已导出 {} 条", *count == 1 ? "Exported {} record" : "Exported {} records", *count));
    return 0;
  });
}

}  // namespace

void add_output(CLI::App* command, std::string& out, const char* about) {
  command->add_option_function<std::string>(
      "-o,--output", [&out](const std::string& typed) { out = typed == "-" ? "" : typed; }, about);
}

void add_export_command(CLI::App& app, Session& session) {
  auto wanted = std::make_shared<Export>();
  CLI::App* command =
      app.add_subcommand("export", session.pick("导出：每行一个 JSON，或表格", "export as JSON Lines or CSV"));
  command->add_option("--kind", wanted->kind,
                      session.pick("种类：事件、住户、人口、走访（或代码）", "kind, by id or name"));
  add_output(command, wanted->out, session.pick("文件；不写或写 - 则到标准输出", "file; stdout for - or without"));
  command->add_flag("--csv", wanted->csv, session.pick("表格（CSV，需要 --kind）", "CSV (needs --kind)"));
  command->add_flag("--unmask", wanted->unmask,
                    session.pick("导出完整信息（会留下查看记录）", "unmasked (this is logged)"));
  command->callback([&session, wanted] { session.job = [&session, wanted] { return run_export(session, *wanted); }; });
}

}  // namespace julu::desk
