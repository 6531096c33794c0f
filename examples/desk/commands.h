// The commands of `julu`, a file for each group. Each function adds its commands to the command line; what is chosen
// becomes the session's job. Thread rule: one thread.
#pragma once

#include <CLI/CLI.hpp>

#include <julu/store.h>

#include "form.h"
#include "session.h"

namespace julu::desk {

void add_capture_commands(CLI::App& app, Session& session);  // report household person visit record
void add_change_commands(CLI::App& app, Session& session);   // act attach remove conflicts resolve resend give-up
void add_look_commands(CLI::App& app, Session& session);     // list show photo
void add_history_command(CLI::App& app, Session& session);   // history
void add_export_command(CLI::App& app, Session& session);    // export
void add_sync_commands(CLI::App& app, Session& session);     // init sync status maintain

/// -o of a command: the file, or nothing for stdout, which "-" is too.
void add_output(CLI::App* command, std::string& out, const char* about);
/// "role=path" or "path". A file of that whole name wins, so that '=' may stand in a file's name.
PhotoInput photo_input(const std::string& typed);
std::vector<PhotoInput> photo_inputs(const std::vector<std::string>& typed);

/// Puts what a person typed for a field into `body` (Form::put); where it names another record, by its whole id.
Result<void> enter(const Session& session, Store& store, const Form& form, Json& body, const std::string& name,
                   const std::string& text);

/// Says what was done, "已保存", and to what: "已保存  事件 7c31  照片 2 张（0.9 MB）      未上传 1 条". And when it
/// waits behind what the platform refused of the record. `photos`: as they were given, of which each is kept once.
int say_saved(const Session& session, Store& store, const Saved& saved, const std::vector<PhotoInput>& photos,
              const std::string& done, const std::string& what);
/// A failure in what was entered, with the field as the person knows it, its label or the photo's path, and what would
/// be right there. `body`: the text that was refused, when there was one.
int fail_entered(const Session& session, Error error, const Form* form, const std::vector<PhotoInput>& photos,
                 const std::string& body = {});
/// The refusal of an edit or a removal by a kind that knows none: what it has instead.
enum class Verb { edit, remove };
Error no_such_way(const Session& session, const Form& form, Verb verb, const Error& refused);
/// Why the platform refused what is parked of a record, and the field: in the platform's words where they are in the
/// person's language or nothing else is known.
std::string refusal_text(const Session& session, const Form& form, const Record& record);
/// What would make the platform take it, for the record of this short id; empty where nobody knows.
std::string refusal_advice(const Session& session, const Form& form, const Record& record, const std::string& id);
/// For whom a step is refused that should be theirs: who they are came with the enrolment.
const char* new_role_advice(const Session& session);
/// Notes codes in `body` that are kept, since lists are open, though no list here has them.
void note_unknown_codes(const Session& session, const Form& form, const std::string& body);
void note_unknown_roles(const Session& session, const std::vector<PhotoInput>& photos);

/// Opens the store and calls `work`; answers for what cannot be opened.
int with_store(Session& session, const std::function<int(Store&)>& work);
/// The shortest id that will do; the whole one when the store does not say.
std::string short_of(Store& store, const std::string& id);
/// The whole id for a short one.
Result<std::string> whole_id(Store& store, const std::string& typed);
Result<Record> record_of(Store& store, const std::string& typed);
/// "修改", or the step's name: what happened to a record.
std::string event_text(const Session& session, const HistoryEntry& entry);
std::string kind_title(Store& store, const std::string& kind, Lang lang);
/// The kind that a person calls so, by its id or its title; empty for empty. Errors: kind_unknown.
Result<std::string> kind_of(Store& store, const std::string& typed);

/// One value of a field as a person reads it, another record by its short id.
std::string value_text(const Session& session, Store& store, const Form& form, const std::string& pointer,
                       const Json& value);

/// "已派单": where a case stands; empty for what is none.
std::string case_state(const Session& session, const Record& record);
/// What was refused of it can only be given up: the platform has deleted the record. And the sentence that says so.
bool is_refused_for_good(const Record& record);
std::string only_give_up(const Session& session, Store& store, const Record& record);
/// "已送达 · 已派单", "已保存 · 未上传", "未被接受：…".
std::string state_text(const Session& session, Store& store, const Record& record);
Json record_json(Store& store, const Record& record);
/// Calls `each` for every record that fits, newest first, page by page, until it says false.
Result<void> each_record(Store& store, Filter filter, const std::function<bool(const Record&)>& each);

}  // namespace julu::desk
