#include "session.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <julu/crypto.h>
#include <julu/enrolment.h>
#include <julu/limits.h>

#include "console.h"
#include "exit_status.h"
#include "form.h"

namespace julu::desk {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOwnWords = "in own words: ";
constexpr const char* kEmpty = "empty";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::write(fd, bytes.data(), bytes.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

Result<StoreKey> read_key(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? Error{ErrorCode::store_missing, {}, {}} : error_of(errno, "key-file");
  struct stat about {};
  char text[80];
  const bool known = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  const ssize_t got = known ? ::read(fd, text, sizeof text) : -1;
  ::close(fd);
  if (known && (about.st_mode & 077) != 0) return Error{ErrorCode::permission, "key-file", "readable by others"};
  std::string_view digits(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!digits.empty() && (digits.back() == '\n' || digits.back() == '\r' || digits.back() == ' '))
    digits.remove_suffix(1);
  const auto key = parse_hash(digits);
  if (!key) return Error{ErrorCode::store_key, "key-file", known && about.st_size == 0 ? kEmpty : ""};
  return StoreKey{*key};
}

// Durable before anything is locked with it: a store whose key is lost is lost. The file has its name only once it is
// whole, and who makes one at the same time finds it there.
Result<StoreKey> make_key(const std::string& path) {
  StoreKey key{};
  system_random().fill(std::as_writable_bytes(std::span(key)));
  std::error_code failed;
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty() && !fs::exists(folder)) {
    fs::create_directories(folder, failed);
    if (failed) return error_of(failed.value(), "key-file");
    fs::permissions(folder, fs::perms::owner_all, failed);
  }
  std::string unfinished = path + ".XXXXXX";
  const int fd = ::mkostemp(unfinished.data(), O_CLOEXEC);  // 0600
  if (fd < 0) return error_of(errno, "key-file");
  const bool made = write_all(fd, hex(key) + "\n") && ::fsync(fd) == 0 && ::link(unfinished.c_str(), path.c_str()) == 0;
  const int number = errno;
  ::close(fd);
  ::unlink(unfinished.c_str());
  if (!made && number == EEXIST) return read_key(path);
  if (!made) return error_of(number, "key-file");
  const int folder_fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd >= 0) {
    ::fsync(folder_fd);
    ::close(folder_fd);
  }
  return key;
}

// An empty file is what a process left that was killed while it made the key, before one was made under another name:
// nothing was ever locked with it. Whoever takes it away holds it, so that nobody takes the next one for it.
void take_away_empty(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return;
  struct stat held {};
  struct stat named {};
  if (::flock(fd, LOCK_EX) == 0 && ::fstat(fd, &held) == 0 && S_ISREG(held.st_mode) && held.st_size == 0 &&
      ::lstat(path.c_str(), &named) == 0 && named.st_dev == held.st_dev && named.st_ino == held.st_ino)
    ::unlink(path.c_str());
  ::close(fd);
}

}  // namespace

Error own_words(ErrorCode code, std::string field, std::string_view words) {
  return Error{code, std::move(field), std::string(kOwnWords).append(words)};
}

Error error_of(int number, std::string field) {
  const ErrorCode code = number == EACCES || number == EPERM || number == EROFS ? ErrorCode::permission
                         : number == ENOSPC || number == EDQUOT                 ? ErrorCode::disk_full
                                                                                : ErrorCode::io;
  return Error{code, std::move(field), "errno " + std::to_string(number)};
}

Error error_of(const std::exception& thrown) {
  const auto* system = dynamic_cast<const std::system_error*>(&thrown);
  if (system == nullptr) return Error{ErrorCode::internal, {}, {}};
  return error_of(system->code().value(), "");
}

Lang lang_of_environment() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const std::string value = environment(name);
    if (!value.empty()) return value.starts_with("en") ? Lang::en : Lang::zh;
  }
  return Lang::zh;
}

std::string Session::root() const {
  if (!data.empty()) return data;
  if (const std::string named = environment("JULU_DATA"); !named.empty()) return named;
  if (const std::string shared = environment("XDG_DATA_HOME"); shared.starts_with("/")) return shared + "/julu";
  return environment("HOME") + "/.local/share/julu";
}

std::string Session::key_path() const { return key_file.empty() ? root() + "/key" : key_file; }

Result<StoreKey> Session::key(bool make_when_missing) const {
  const std::string path = key_path();
  // Before the key: another process that enrols now makes its key first.
  const auto all = enrolments(root());
  const bool nothing_locked = make_when_missing && all && all->empty();
  auto key = read_key(path);
  if (nothing_locked && !key && key.error().detail == kEmpty) {
    take_away_empty(path);
    key = read_key(path);
  }
  if (!key && key.error().detail == "readable by others") {
    return own_words(ErrorCode::permission, "key-file",
                     fill("密钥文件 {0} 别人也能读，所以没有用它。\n请运行：chmod 600 {0}",
                          "Others may read the key file {0}, so it was not used.\nRun: chmod 600 {0}", path));
  }
  if (key || key.error().code != ErrorCode::store_missing) return key;
  // Where the stores are, a new key would pass for theirs.
  const bool own_place = !key_file.empty();
  if (nothing_locked || (make_when_missing && own_place)) return make_key(path);
  return own_words(ErrorCode::store_missing, "key-file",
                   fill("找不到密钥文件 {}，没有它打不开这里的数据。\n请放回原处，或用 --key-file 指定。",
                        "The key file {} is not there; without it nobody opens the data here.\nPut it back, or name "
                        "it with --key-file.",
                        short_path(path)));
}

Result<std::unique_ptr<Store>> Session::open_at(const std::string& directory) const {
  JULU_TRY(const StoreKey key, this->key(false));
  Store::Options options;
  options.directory = directory;
  options.key = key;
  return Store::open(options);
}

// A worker of two platforms is there under two names; which is meant only they can tell, by what is in them.
Error Session::which_of(const std::vector<Enrolled>& all) const {
  std::string lines;
  for (const Enrolled& one : all) {
    lines += "\n--worker " + one.worker;
    const auto store = open_at(one.directory);
    const auto status = store ? (*store)->status() : Result<Status>(store.error());
    if (!status) continue;
    lines += fill("  未上传 {} 条，上次同步 {}", "  {} not uploaded, last sync {}", status->unsent_records,
                  status->last_sync_ms > 0 ? time_text(status->last_sync_ms) : pick("从未", "never"));
  }
  return own_words(ErrorCode::bad_argument, "--worker",
                   fill("这台电脑登记过不止一位，请用 --worker 指定：{}",
                        "More than one is enrolled here; name one with --worker:{}", lines));
}

Result<std::unique_ptr<Store>> Session::open() {
  JULU_TRY(const std::vector<Enrolled> all, enrolments(root()));
  const std::string wanted = worker.empty() ? environment("JULU_WORKER") : worker;
  std::string names;
  for (const Enrolled& one : all) {
    names += (names.empty() ? "" : comma(lang)) + one.worker;
    if (wanted.empty() || one.worker == wanted) directory_ = one.directory;
  }
  if (wanted.empty() && all.size() > 1) return which_of(all);
  if (all.empty()) return Error{ErrorCode::store_missing, {}, {}};
  if (directory_.empty()) {
    return own_words(
        ErrorCode::store_missing, "--worker",
        fill("这台电脑没有登记过 {}，登记过的是 {}。", "{} is not enrolled here; enrolled: {}.", wanted, names));
  }
  auto store = open_at(directory_);
  if (!store) return not_opened(store.error());
  note_losses(**store);
  note_set_aside(directory_);
  use_lists_of(**store);
  return store;
}

// Of what cannot be opened no later command knows more.
Error Session::not_opened(const Error& error) const {
  if (error.code == ErrorCode::store_corrupt) {
    return own_words(
        error.code, {},
        fill("数据文件损坏，读不出来；它原样留在 {}。\n请向乡镇中心要新的激活码，运行 julu init "
             "--platform 平台地址 --code 激活码，再把没有上传过的重新登记。",
             "The data file is damaged and could not be read; it is left as it is in {}.\nAsk the township "
             "for a new activation code, run julu init --platform URL --code CODE, and enter again what "
             "was not uploaded.",
             short_path(directory_)));
  }
  if (error.code == ErrorCode::store_key && error.field != "key-file") {
    return own_words(error.code, "key-file",
                     fill("密钥 {} 打不开这里的数据；数据没有改动。\n请用 --key-file 指定登记时的密钥文件。",
                          "The key {} does not open the data here; nothing was changed.\nName the key file of the "
                          "enrolment with --key-file.",
                          short_path(key_path())));
  }
  return error;
}

std::vector<std::string> Session::set_aside(const std::string& directory) const {
  std::vector<std::string> found;
  const fs::path path(directory);
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), failed)) {
    if (entry.path().filename().string().starts_with(path.filename().string() + ".damaged-"))
      found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

void Session::note_set_aside(const std::string& directory) const {
  for (const std::string& kept : set_aside(directory)) {
    note(fill(
        "先前的数据文件损坏，读不出来，原样保存在 {}。\n没有上传过的要重新登记；都登记好后把这个文件夹移到别处，就不再提示。",
        "An earlier data file is damaged and could not be read; it is kept in {}.\nEnter again what was not "
        "uploaded; once that is done, move the folder elsewhere and this is not said again.",
        short_path(kept)));
  }
}

// Again with every command: nothing tells whether anybody has read it yet.
void Session::note_losses(Store& store) const {
  const auto status = store.status();
  if (!status || !status->salvage) return;
  const Salvage& salvage = *status->salvage;
  if (salvage.ops_unreadable + salvage.photos_lost == 0) return;
  note(fill(
      "数据文件损坏过（{}）：有 {} 项读不出，丢失照片 {} 张。\n请先 julu sync，再核对 julu list：缺的记录重新登记，"
      "缺的照片用 julu attach 补充。",
      "The data file was damaged ({}): items that could not be read: {}, photos lost: {}.\nRun julu sync, then look "
      "through julu list: enter again what is missing, and add missing photos with julu attach.",
      time_text(salvage.at_ms, true), salvage.ops_unreadable, salvage.photos_lost));
}

void Session::print(std::string_view text) const {
  fmt::print(stdout, "{}{}", clean_lines(text), text.ends_with('\n') ? "" : "\n");
}

void Session::print_json(const Json& object) const {
  fmt::print(stdout, "{}\n", object.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void Session::note(std::string_view text) const { std::fprintf(stderr, "%s\n", clean_lines(text).c_str()); }

// What to type next, for what a person can put right here.
std::string Session::advice_for(const Error& error) const {
  struct Known {
    const char *detail, *zh, *en;
  };
  constexpr Known kKnown[] = {
      {"several records end so", "有多条记录的编号以此结尾，请多写几位。", "Several ids end so: give more digits."},
      {"several photos begin so", "有多张照片以此开头，请写全 64 位。", "Several photos begin so: give all 64 digits."},
      {"no such folder", "没有这个目录，请先建立。", "There is no such folder: make it first."},
      {"is a folder", "这是一个目录，请写上文件名。", "This is a folder: name a file in it."},
      {"no photos", "这条记录没有照片。", "The record has no photos."},
  };
  for (const Known& known : kKnown) {
    if (error.detail == known.detail) return pick(known.zh, known.en);
  }
  if (error.code == ErrorCode::store_missing) {
    return pick("先运行：julu init --platform 平台地址 --code 激活码", "First: julu init --platform URL --code CODE");
  }
  if (error.code == ErrorCode::record_unknown && error.field == "/id") {
    return pick("编号见 julu list，写最后几位即可（至少四位）。",
                "Ids are in julu list; the last four digits or more will do.");
  }
  if (error.code == ErrorCode::kind_unknown) {
    return pick("现有：事件、住户、人口、走访；其他种类由平台下发。",
                "Known: incident, household, person, visit; others come from the platform.");
  }
  return {};
}

// What is no field of a form is called so by the commands' help; a path says which one it is.
std::string Session::word_for(const std::string& pointer) const {
  struct Known {
    const char *pointer, *zh, *en;
  };
  constexpr Known kKnown[] = {
      {"/id", "编号", "id"},       {"/note", "说明", "note"}, {"/action", "步骤", "step"},
      {"/field", "字段", "field"}, {"/kind", "种类", "kind"}, {"/photos", "照片", "photos"},
  };
  for (const Known& known : kKnown) {
    if (pointer == known.pointer) return pick(known.zh, known.en);
  }
  if (pointer == "key-file") return "--key-file " + short_path(key_path());
  if (pointer == "root" || pointer == "directory") return "--data " + short_path(root());
  constexpr std::string_view kPhoto = "/photos/";
  std::size_t number = 0;
  const char* end = pointer.data() + pointer.size();
  if (pointer.starts_with(kPhoto) && std::from_chars(pointer.data() + kPhoto.size(), end, number).ec == std::errc())
    return fill("照片 {}", "photo {}", number + 1);
  return pointer;
}

// The library's sentences speak to who has just entered something and sees a screen.
std::string Session::sentence_for(const Error& error) const {
  const bool full = error.code == ErrorCode::disk_full;
  const bool output = error.field == "stdout" || error.field == "-o";
  if (output && (full || error.code == ErrorCode::io)) {
    return fill(
        "结果没有写出来（{}）：{}。要保存的都已保存，不必重新登记。",
        "The result could not be written ({}): {}. What there was to save is saved and need not be entered again.",
        error.field, full ? pick("存储空间不足", "the disk is full") : pick("写入失败", "writing failed"));
  }
  if (full) {
    return pick(
        "存储空间不足，这个命令没有做完。先前保存的内容不会丢失；清理空间后请再执行一次。",
        "The disk is full, and the command was not done. What was saved before is safe: free some space, then run "
        "it again.");
  }
  if (error.code == ErrorCode::store_corrupt) {
    return pick("数据文件有损坏，这个命令没有做完。请再执行一次：会自动修复，原文件不会删除。",
                "The data file is damaged, and the command was not done. Run it again: the file mends itself, and the "
                "damaged one is kept.");
  }
  return message(error, lang);
}

int Session::fail(const Error& error, const std::string& shown_field, const std::string& hint) const {
  Error shown = error;
  shown.field = shown_field.empty() || shown_field == error.field ? word_for(error.field) : shown_field;
  const bool own = error.detail.starts_with(kOwnWords);
  std::string text = own ? error.detail.substr(kOwnWords.size()) : sentence_for(shown);
  // This process ends now: nothing tries again by itself.
  const std::string later = pick("稍后自动重试", "trying again later");
  if (const std::size_t at = text.find(later); at != std::string::npos) {
    text.replace(at, later.size(), pick("请稍后再试", "try again later"));
  }
  const std::string advice = !hint.empty() ? hint : own ? std::string() : advice_for(error);
  if (!advice.empty()) text += "\n" + advice;
  note(text);
  if (json) {
    Json object{{"code", std::string(name(error.code))}, {"field", error.field}, {"message", text}};
    if (!shown_field.empty()) object["shown_field"] = shown_field;
    if (!error.detail.empty() && !own) object["detail"] = error.detail;
    try {
      print_json(Json{{"error", object}});
    } catch (const std::system_error&) {
      // stdout takes nothing, which may be what went wrong; stderr has it.
    }
  }
  return exit_status(error.code);
}

int Session::fail(ErrorCode code, const std::string& field, const std::string& hint) const {
  return fail(Error{code, field, {}}, {}, hint);
}

Result<void> Session::log_unmasking(const Store& store, std::string_view command, std::string_view record) const {
  const Json line{
      {"at_ms", store.clock().now_ms()}, {"worker", store.identity().worker}, {"command", command}, {"record", record}};
  const int fd = ::open((directory_ + "/unmasked.jsonl").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return error_of(errno, "unmasked.jsonl");
  const bool written = write_all(fd, line.dump() + "\n");
  const int number = errno;
  ::close(fd);
  if (!written) return error_of(number, "unmasked.jsonl");
  return {};
}

Result<std::string> text_of(const Json& json) {
  const auto dumped = [](const Json& value) -> std::optional<std::string> {
    try {
      return value.dump();
    } catch (const Json::exception&) {
      return std::nullopt;
    }
  };
  if (auto text = dumped(json)) return *std::move(text);
  const Json flat = json.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    if (!dumped(value) || !dumped(pointer)) return Error{ErrorCode::text_encoding, pointer, {}};
  }
  return Error{ErrorCode::text_encoding, {}, {}};
}

Result<void> file_there(const Session& session, const char* option, const std::string& path) {
  std::error_code failed;
  const auto status = fs::status(path, failed);
  if (fs::exists(status) && !fs::is_directory(status)) return {};
  return own_words(ErrorCode::bad_argument, option,
                   session.fill("没有文件 {}（{}）。", "There is no file {} ({}).", path, option));
}

Result<std::string> body_typed(const Session& session, const std::string& typed) {
  if (typed != "-" && !typed.starts_with('@')) return typed;
  const bool named = typed != "-";
  if (named) JULU_CHECK(file_there(session, "--body", typed.substr(1)));
  std::FILE* file = named ? std::fopen(typed.c_str() + 1, "rbe") : stdin;
  if (file == nullptr) return error_of(errno, "--body");
  // One byte more than a body may have is enough for core to refuse it.
  std::string text(limits::body_bytes_max + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  const int number = std::ferror(file) != 0 ? errno : 0;
  if (named) std::fclose(file);
  if (number != 0) return error_of(number, "--body");
  return text;
}

std::optional<Json> object_of(const std::string& typed) {
  if (typed.empty()) return Json::object();
  std::vector<std::set<std::string>> open;  // the keys of each object that is being read
  bool whole = true;
  const auto look = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) whole = open.back().insert(parsed.get<std::string>()).second && whole;
    whole = whole && depth <= limits::body_depth_max;
    return true;
  };
  Json object = Json::parse(typed, look, false);
  if (!whole || !object.is_object()) return std::nullopt;
  return object;
}

Error in_body(Error error) {
  const bool of_text = error.code >= ErrorCode::text_encoding && error.code <= ErrorCode::field_too_long;
  if (of_text && error.field.empty()) error.field = "--body";
  return error;
}

std::string short_path(const std::string& path) {
  const std::string home = environment("HOME");
  if (home.size() > 1 && path.starts_with(home + "/")) return "~" + path.substr(home.size());
  return path;
}

}  // namespace julu::desk
