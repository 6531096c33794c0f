// The county platform of openapi.yaml, as small as it can be: `handle` takes a request and gives a reply, over a
// database, a clock and randomness that are handed in. No HTTP here; http_main.cpp carries the bytes. Thread rule:
// `handle` may be called from any thread; it works one at a time, and waits for bodies outside its lock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <julu/clock.h>
#include <julu/random.h>

#include "crypto.h"
#include "database.h"

namespace juhaoban {

struct Request {
  std::string method;
  std::string path;                            ///< without the query, decoded
  std::map<std::string, std::string> query;    ///< decoded
  std::map<std::string, std::string> headers;  ///< names in lower case
};

/// A request's body, which may end early at any byte.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  /// Hands each piece to `take` until the end or until it returns false. False: the body ended early.
  virtual bool read(const std::function<bool(std::string_view)>& take) = 0;
};

struct Reply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// A row of the catalog: a schema, a flow, a code list, …
struct Published {
  std::string kind, id;
  Json body;
};

struct Options {
  std::string data;     ///< folder of database, keys and epoch
  std::string vfs;      ///< SQLite VFS name; the default when empty
  std::string address;  ///< scheme://host[:port] that phones enrol at
  bool auto_triage = false;
  bool accept_gzip = true;
  std::vector<Published> published;  ///< beside what is built in, or in its place
  julu::Clock* clock = &julu::system_clock();
  julu::Random* random = &julu::system_random();
};

class Platform {
 public:
  /// Makes keys, epoch and tables that are not there yet. Throws DatabaseError or std::runtime_error.
  explicit Platform(Options options);

  Reply handle(const Request& request, BodyReader& body);

  // For the administrator.
  /// Throws std::invalid_argument for what is not UTF-8, as no reply could carry it, and for a name that no phone
  /// takes.
  void add_worker(const std::string& worker, const std::string& name, const std::string& role,
                  const std::vector<std::string>& grids, const std::vector<std::string>& grid_names);
  /// Returns the activation code; `wanted` is taken when not empty. Empty: no such worker. Throws std::invalid_argument
  /// for a code that another worker has or that was used; the same worker's, unused, is good for as long again.
  std::string add_code(const std::string& worker, const std::string& wanted);
  bool has_workers();
  /// A device with all that came of it, and of what it came, by fork. False: no such device.
  bool revoke(const std::string& device, bool revoked = true);
  /// A backup was made whose snapshot began at `began_ms`, and no older one will be restored: what was answered before
  /// then survives any restore. False: that time has not come yet.
  bool note_backup(std::int64_t began_ms);
  /// After a restore from a backup, or a failover to a replica that may lag.
  void new_epoch();
  /// From now on another key signs receipts, and the time of the one before is over. Throws std::runtime_error when the
  /// clock stands before the beginning of that one.
  void rotate_receipt_key();
  /// All it holds, one JSON object an item.
  void dump(const std::function<void(const Json&)>& item);

 private:
  struct Caller {
    std::string device, worker, name, role;
    std::vector<std::string> grids;
  };
  struct Record {
    std::string id, kind, grid, creator, state;
    std::int64_t version = 0;
    bool deleted = false;
    Json body;
    std::int64_t created_at_ms = 0;
  };
  struct Kind {
    Json schema;
    std::string shape, flow;
  };
  /// What a judged op comes to.
  struct Verdict {
    Json result;
    std::string hash;
    bool applied = false;
  };
  struct Assertion {
    std::string device;
    Json claims;
  };
  struct StreamRow {
    std::int64_t position = 0;
    std::string kind, id;       ///< kind is empty for a record
    std::string grid, creator;  ///< of a record
    bool moved = false;
  };
  struct ReceiptKey {
    std::string id, secret;
    std::int64_t not_before_ms = 0, not_after_ms = 0;  ///< 0: its time is not over
  };
  struct Upload {
    std::string id, sha256, thumb_of;
    std::int64_t length = 0, offset = 0;
    bool complete = false;
  };

  Reply route(const Request& request, BodyReader& body);

  // One function a call.
  Reply ping(const Request& request);
  Reply enrol(const Request& request, BodyReader& body);
  Reply token(const Request& request, BodyReader& body);
  Reply push(const Caller& caller, const Request& request, BodyReader& body);
  Reply pull(const Caller& caller, const Request& request);
  Reply reconcile(const Caller& caller, const Request& request, BodyReader& body);
  Reply create_upload(const Caller& caller, const Request& request, BodyReader& body);
  Reply head_upload(const Caller& caller, const std::string& id);
  Reply patch_upload(const Caller& caller, const Request& request, const std::string& id, BodyReader& body);
  Reply delete_upload(const Caller& caller, const std::string& id);
  Reply get_photo(const Caller& caller, const Request& request, const std::string& sha256);

  // Who calls.
  std::optional<Caller> caller_of(const Request& request);
  Caller load_caller(const std::string& device);
  /// Errors come back as a reply.
  std::optional<Reply> check_assertion(const std::string& jwt, Assertion& assertion);
  Reply enrolled(const std::string& device);
  Reply enrol_with_code(const Json& asked, const std::string& key);
  Reply enrol_fork(const Json& asked, const std::string& key);
  /// The device with a code that `device` came of by forks; itself when it is that.
  std::string first_of(const std::string& device);
  bool too_many_attempts();

  // Judging ops.
  std::optional<Reply> forked(const Caller& caller, const Json& ops);
  Verdict judge(const Caller& caller, const Json& op);
  Verdict judge_known(const Caller& caller, const Json& op, const std::string& hash, const std::string& known_hash,
                      std::int64_t version);
  Verdict judge_new(const Caller& caller, const Json& op, const std::string& hash);
  bool keeps_in_scope(const Caller& caller, const Json& op, const std::optional<Record>& record) const;
  Verdict judge_create(const Caller& caller, const Json& op, const std::string& hash, std::optional<Record> record);
  Verdict judge_change(const Caller& caller, const Json& op, const std::string& hash, Record record, std::int64_t base);
  Verdict judge_append(const Caller& caller, const Json& op, const std::string& hash, Record record);
  Verdict judge_attach(const Caller& caller, const Json& op, const std::string& hash, Record record);
  Verdict applied(const Caller& caller, const Json& op, const std::string& hash, std::int64_t version);
  std::int64_t row_bytes(const std::string& record);
  Verdict stale(const Caller& caller, const Record& record, const Json& applied_ids);
  void remember_place(const Caller& caller, const Json& op, const Verdict& verdict);

  // Records.
  std::optional<Record> find(const std::string& id);
  void store(const Record& record);
  std::int64_t next_version(const Record& record);
  Json change_of(const Record& record);
  bool in_scope(const Caller& caller, const std::string& grid, const std::string& creator) const;
  /// What is wrong with a body, as a problem; null when nothing is.
  Json body_problem(const std::string& kind, const Json& body) const;
  Json edit_problem(const std::string& kind, const Json& before, const Json& body) const;
  void touch(const std::string& kind, const std::string& id);
  void add_action(Record& record, const Json& action);
  void publish(const std::string& kind, const std::string& id, const Json& body);
  std::string scope_mark(const Caller& caller) const;
  std::vector<StreamRow> stream_after(std::int64_t position);
  Json change_for(const Caller& caller, const StreamRow& row);
  Json check_chain(const Caller& caller, const Json& head);

  // Photos.
  void drop_what_is_over(const Caller& caller);
  bool may_upload(const Caller& caller, bool thumbnail, std::int64_t bytes);
  void drop_upload(const std::string& id);
  std::optional<Upload> find_upload(const Caller& caller, const std::string& id);
  /// Stores what comes; returns the reply of a PATCH or of a creation with body.
  Reply take_bytes(const Caller& caller, Upload upload, BodyReader& body);
  bool write_piece(Upload& upload, std::string_view piece);
  /// Null when the bytes are what was announced.
  std::optional<Reply> finish_upload(Upload& upload, const std::string& hash);
  std::string stored_hash(const std::string& upload);
  /// From the byte `first` to the byte `last`.
  std::string bytes_of(const std::string& upload, std::int64_t first, std::int64_t last);
  /// All its bytes are here, and their hash was taken of them.
  std::optional<std::string> upload_of(const std::string& worker, const std::string& sha256);

  void triage();
  void open_vault();
  void load_receipt_keys();
  const ReceiptKey& receipt_key_at(std::int64_t time_ms) const;
  void publish_catalog();
  void publish_receipt_keys();
  std::string random_text(std::size_t bytes);
  std::int64_t now_ms() const { return options_.clock->now_ms(); }

  Options options_;
  std::mutex mutex_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<Database> vault_;  ///< epoch and keys: not in the database that is backed up
  std::int64_t epoch_ = 1;
  std::string root_key_;
  std::vector<ReceiptKey> receipt_keys_;  ///< by their times
  std::map<std::string, Kind> kinds_;
  std::map<std::string, Json> flows_;
};

Reply json_reply(int status, const Json& body);
/// RFC 9457.
Reply problem_reply(int status, const std::string& type, const std::string& title, const std::string& pointer = {});
/// The whole body, inflated when it is gzip; nullopt with `reply` set when it is too large, cut or malformed.
std::optional<std::string> whole_body(const Request& request, BodyReader& body, std::size_t bytes_max, bool accept_gzip,
                                      Reply& reply);
std::optional<Json> parse_object(const std::string& text, int depth_max = 32);
std::string text_of(const Json& object, const char* name);
std::int64_t integer_of(const Json& object, const char* name, std::int64_t otherwise = 0);
std::string header_of(const Request& request, const char* name);

inline constexpr std::size_t kOpsMax = 500;
inline constexpr std::size_t kBytesMax = 1 << 20;  // of a request body, inflated
inline constexpr std::int64_t kPhotoBytesMax = 32 << 20;

}  // namespace juhaoban
