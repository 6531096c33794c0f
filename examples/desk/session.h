// One call of `julu`: the options that every command knows, the store that it opens, and how it answers. Data goes to
// stdout, everything else to stderr. Thread rule: one thread.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <julu/enrolment.h>
#include <julu/result.h>
#include <julu/store.h>
#include <nlohmann/json.hpp>

namespace julu::desk {

using Json = nlohmann::json;

/// en only when the locale says so; Chinese is the house's language.
Lang lang_of_environment();

class Session {
 public:
  bool json = false;
  Lang lang = Lang::zh;
  std::string data;          ///< --data
  std::string worker;        ///< --worker
  std::string key_file;      ///< --key-file
  std::function<int()> job;  ///< what the parsed command line asks for

  const char* pick(const char* zh, const char* en) const { return lang == Lang::zh ? zh : en; }
  /// The same with places to fill in, as fmt has them.
  template <class... Args>
  std::string fill(const char* zh, const char* en, const Args&... args) const {
    return fmt::format(fmt::runtime(pick(zh, en)), args...);
  }

  std::string root() const;
  std::string key_path() const;
  /// 32 bytes as 64 hex digits in a file that nobody else may read. One is not made beside stores that want another.
  /// Errors: permission, store_key, store_missing.
  Result<StoreKey> key(bool make_when_missing) const;
  /// The one worker's store, or the one that --worker names. Notes what damage has taken from it.
  Result<std::unique_ptr<Store>> open();
  /// The stores before the one in `directory` that nobody could read any more: they are kept beside it.
  std::vector<std::string> set_aside(const std::string& directory) const;
  std::vector<std::string> set_aside() const { return set_aside(directory_); }
  /// Says where those are and what to do, when there are any.
  void note_set_aside(const std::string& directory) const;
  /// Writes down that sensitive values are about to be shown (which, not what): unmasked.jsonl beside the store. They
  /// may be shown only when it is on disk.
  Result<void> log_unmasking(const Store& store, std::string_view command, std::string_view record) const;

  /// A line of data. Here as in `note`, control characters become blanks: text of others is in it.
  void print(std::string_view text) const;
  void print_json(const Json& object) const;
  /// A message for the person, on stderr.
  void note(std::string_view text) const;
  /// Says what happened and what to do, and gives the exit status. `shown_field` is what the person called the field.
  int fail(const Error& error, const std::string& shown_field = {}, const std::string& hint = {}) const;
  int fail(ErrorCode code, const std::string& field, const std::string& hint = {}) const;

 private:
  Result<std::unique_ptr<Store>> open_at(const std::string& directory) const;
  void note_losses(Store& store) const;
  Error not_opened(const Error& error) const;
  Error which_of(const std::vector<Enrolled>& all) const;
  std::string sentence_for(const Error& error) const;
  std::string advice_for(const Error& error) const;
  std::string word_for(const std::string& pointer) const;
  std::string directory_;  // of the store that is open
};

/// A refusal in the terminal's own words, which `Session::fail` says in place of the library's sentence.
Error own_words(ErrorCode code, std::string field, std::string_view words);
/// What errno says: permission, disk_full or io.
Error error_of(int number, std::string field);
/// What nothing has foreseen: output that cannot be written says its errno, anything else is internal.
Error error_of(const std::exception& thrown);

/// JSON text of what a person typed. Errors: text_encoding with the pointer of the text.
Result<std::string> text_of(const Json& json);
/// What --body says: @FILE is what stands in it, "-" what comes by stdin. Errors: bad_argument, permission, io.
Result<std::string> body_typed(const Session& session, const std::string& typed);
/// Ok: `path` is a file. Errors: bad_argument, which names `option` and the path.
Result<void> file_there(const Session& session, const char* option, const std::string& path);
/// The object that a person typed as JSON; `{}` for nothing. Nothing: it is none, or this would not be all of it (a key
/// twice, a number that no double holds, too deep), and core, given the text as it is, refuses it and names the field.
std::optional<Json> object_of(const std::string& typed);
/// Core's refusal of such a text: --body is named where no field in it is.
Error in_body(Error error);

/// The home folder as '~'.
std::string short_path(const std::string& path);

}  // namespace julu::desk
