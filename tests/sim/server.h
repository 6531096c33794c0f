// The county's side: the reference platform's own logic on a disk of its own, and the front that stands before it and
// fails. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <julu/identity.h>
#include <julu/transport.h>

#include "database.h"
#include "gateway.h"
#include "platform.h"
#include "sim_disk.h"

namespace julu::sim {

class World;

inline constexpr std::int64_t kStartMs = 1'795'500'000'000;  // 2026-11-24
inline constexpr const char* kData = "county";               // the platform's folder
inline constexpr const char* kStore = "phone";               // each phone's folder, on its own disk
inline constexpr const char* kPlatform = "https://county.example";
inline constexpr int kWorkers = 20;
inline constexpr const char* kGrids[] = {"130529200203001", "130529200203002"};  // under one village
/// The first worker leads the grid of all the others.
std::string worker_of(int phone);

/// What a phone gets for an activation code.
struct NewDevice {
  Identity identity;
  PrivateKey key;
};

bool is_push(const Request& request);
/// Inflated.
std::string body_of_push(const Request& request);
/// The op ids of a push.
std::vector<std::string> ops_of_push(const Request& request);

class ServerClock final : public Clock {
 public:
  explicit ServerClock(const std::int64_t& now) : now_(now) {}
  std::int64_t now_ms() override { return now_ + offset_ms; }
  std::int64_t monotonic_ms() override { return now_; }
  std::string boot_id() override { return "server"; }
  std::int64_t offset_ms = 0;

 private:
  const std::int64_t& now_;
};

class Server {
 public:
  Server(World& world, const std::int64_t& now, std::uint64_t seed);

  void start(const test::SimDisk::Image& image);
  /// `cut_after`: so many bytes of the body arrive, then nothing; negative: all of it.
  Response serve(const Request& request, std::int64_t cut_after);
  /// Before the platform sees anything: a refusal of the front, if the plan strikes.
  std::optional<Response> front(const Request& request);
  /// What becomes of a reply on its way out.
  void tamper(const Request& request, Response& response);

  void restart();
  void cut_power();
  void back_up();
  /// The backup comes back, under a new epoch.
  void restore_backup();
  void drop_tokens();
  void refuse_tokens_for(std::int64_t ms);
  /// So full that only `room` bytes more fit, until somebody makes room: who works at the platform itself does.
  void fill_disk(std::int64_t room);
  void make_room() { disk.set_capacity(0); }
  /// A new version of the forms: they ask for one more thing, need it, or need it no more.
  void publish_next();
  /// The forms of this kind need this field now, or did once.
  bool needs(const std::string& kind, const std::string& pointer) const { return needed_.contains(kind + pointer); }
  bool needed_once(const std::string& kind, const std::string& pointer) const {
    return needed_once_.contains(kind + pointer);
  }
  bool has_needed_more(const std::string& kind) const {
    const auto first = needed_once_.lower_bound(kind + "/");
    return first != needed_once_.end() && first->starts_with(kind + "/");
  }
  void relax();
  void rotate_key();
  void set_revoked(const std::string& device, bool revoked);
  /// The leader hands out an activation code, and it is used.
  NewDevice new_device(int phone);
  /// From one of the two grids to the other; the leader, whose they are, stays.
  void move_worker(int phone);
  /// What a worker saw, but did not make, may have left the scope and come back: one was moved, or what a restore took
  /// from the county was brought again by one who was.
  bool may_leave_scope(int phone) const {
    return moved_.contains(worker_of(phone)) || (was_restored() && !moved_.empty());
  }
  bool down() const;
  bool poisoned(const std::string& op_id) const;
  bool parks_poison(const std::string& op_id) const;
  bool was_restored() const { return restores_ > 0; }
  int restores() const { return restores_; }
  /// The version of each of these records; what it does not hold, or not in this worker's scope, is left out.
  std::map<std::string, std::int64_t> versions_of(const std::vector<std::string>& records, int phone);
  /// It holds the record as somebody else's, out of this worker's scope.
  bool is_out_of_scope(const std::string& record, int phone);
  std::int64_t epoch() const { return 1 + restores_; }
  /// It has applied this op of the phone's worker.
  bool holds(const std::string& op_id, int phone);
  bool has_backup() const { return backup_.has_value(); }
  bool has_signed(const std::string& signature) const { return signed_.contains(signature); }

  ServerClock clock;

 private:
  void open();
  /// The county's database from beside, as long as the platform runs.
  juhaoban::Database& books();
  std::optional<Response> poison(const Request& request);
  void publish(const std::string& kind, const std::string& field, bool needed);
  /// Its process ends, or its power, at one of its next steps or before its reply is given.
  void serve_and_die(const Request& request, std::int64_t cut_after);
  /// Perhaps with fewer rows of a pull, or with no time for one op of a push.
  Response answer(const Request& request, std::int64_t cut_after);
  Response answer_but_for_one(Request request);
  bool reconciles() const;

  World& world_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<Random> disk_random_;

 public:
  test::SimDisk disk;
  std::unique_ptr<juhaoban::Platform> platform;

 private:
  std::optional<juhaoban::Database> books_;
  Gateway gateway_;
  std::int64_t down_until_ms_ = 0;
  std::int64_t dead_until_ms_ = 0;  // nobody has started it again
  std::int64_t tokens_refused_until_ms_ = 0;
  std::optional<test::SimDisk::Image> backup_;
  int restores_ = 0;
  std::vector<juhaoban::Published> published_;
  std::set<std::string> needed_, needed_once_;  // kind and pointer
  std::set<std::string> moved_;                 // workers
  std::set<std::string> signed_;                // the signature of every receipt given
};

/// Bytes as they come over the wire, ending early when they were cut.
class CutBody final : public juhaoban::BodyReader {
 public:
  CutBody(std::string_view bytes, std::int64_t cut_after)
      : bytes_(cut_after < 0 ? bytes : bytes.substr(0, static_cast<std::size_t>(cut_after))), whole_(cut_after < 0) {}
  bool read(const std::function<bool(std::string_view)>& take) override;

 private:
  std::string_view bytes_;
  bool whole_;
};

/// What the platform makes of a request of which `cut_after` bytes of the body arrive; negative: all of them.
Response ask(juhaoban::Platform& platform, const Request& request, std::int64_t cut_after);

/// A network without faults: each request is answered in its turn.
class StraightTransport final : public Transport {
 public:
  explicit StraightTransport(juhaoban::Platform& platform) : platform_(platform) {}
  std::uint64_t submit(Request request) override;
  void cancel(std::uint64_t request) override;
  std::optional<Completion> wait(std::chrono::milliseconds at_most) override;
  void wake() override {}

  std::function<void(const Request&)> on_submit;

 private:
  juhaoban::Platform& platform_;
  std::map<std::uint64_t, Request> under_way_;
  std::uint64_t last_ = 0;
};

/// The platform with its workers, and each worker's freshly enrolled phone; made once.
struct Template {
  test::SimDisk::Image platform;
  std::vector<test::SimDisk::Image> phones;
};
/// `small_pages`: the platform's file has pages of 4 KB instead of its own 16, whose writing takes a sixth of a seed's
/// time.
const Template& template_of(bool encrypted, bool small_pages);
StoreKey store_key();

}  // namespace julu::sim
