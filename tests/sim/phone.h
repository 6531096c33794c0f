// One worker's phone: the real store and Syncer, a clock and a disk that misbehave, and a worker who taps at it.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <julu/store.h>
#include <julu/syncer.h>

#include "choices.h"
#include "sim_disk.h"
#include "store/sqlite.h"
#include "world.h"

namespace julu::sim {

class PhoneClock final : public Clock {
 public:
  PhoneClock(const World& world, std::string name) : world_(world), name_(std::move(name)) {}
  std::int64_t now_ms() override { return world_.now_ms() + offset_ms; }
  std::int64_t monotonic_ms() override { return world_.now_ms() - booted_ms; }
  std::string boot_id() override { return name_ + "-" + std::to_string(boots); }

  std::int64_t offset_ms = 0;
  std::int64_t booted_ms = 0;
  int boots = 1;

 private:
  const World& world_;
  std::string name_;
};

/// The phone's way to the county, with everything that can happen on it. Several requests may travel at once; they
/// arrive in the order of their times.
class Network final : public Transport {
 public:
  Network(World& world, Phone& phone, std::uint64_t seed) : world_(world), phone_(phone), ways_(seeded_random(seed)) {}
  std::uint64_t submit(Request request) override;
  void cancel(std::uint64_t request) override;
  std::optional<Completion> wait(std::chrono::milliseconds at_most) override;
  void wake() override {}

  /// What the platform said about waiting no longer holds.
  void forget_waits() { waits_.clear(); }

  bool signal = true;

 private:
  struct Travelling {
    std::uint64_t id = 0;
    std::int64_t arrives_ms = 0;   // the request at the platform, then the reply at the phone
    std::int64_t back_ms = 0;      // the way of the reply, where it is slow
    std::int64_t patience_ms = 0;  // until then the phone waits
    Request request;
    std::optional<Response> reply = {};
  };
  Response carry(const Request& request);
  Response cut_short(Response whole);
  void keep_lost(const Request& request, const Response& reply);
  std::optional<Response> kept_for(const Request& request);
  void come_too_late(const Request& request, std::int64_t at_ms);
  void look_at_waits(const Request& request);
  Completion heard(const Travelling& one, Response reply);

  World& world_;
  Phone& phone_;
  std::vector<Travelling> travelling_;
  std::uint64_t last_id_ = 0;
  std::unique_ptr<Random> ways_;                       // apart, so that a slow reply changes no other draw
  std::map<std::vector<std::string>, Response> kept_;  // by the ops of a push: replies that never reached the phone
  std::map<std::string, std::int64_t> waits_;          // op ids, and until when the platform wants to be spared them
};

/// How the text of a report begins that was given with a photo.
inline constexpr std::string_view kWithPhoto = "村东头排水沟堵了，见照片 ";

/// What a worker was told is saved.
struct Told {
  std::string record;
  std::string kind;
  std::string marker;  ///< a text that stands in the body and nowhere else, unless it is `wordless`
  std::vector<std::string> photos;
  bool create = false;
  bool at_risk = false;   ///< the file was damaged after it was saved
  bool in_row = false;    ///< but the record's row could still be read, and holds it unsent
  bool wordless = false;  ///< photos alone, or a choice for what stood already: no text says it
};

/// As long as it lives, whoever looks into the phone's file from beside finds it readable.
class Spared {
 public:
  explicit Spared(test::SimDisk& disk) : disk_(disk) { disk_.spare_reads(true); }
  ~Spared() { disk_.spare_reads(false); }
  Spared(const Spared&) = delete;
  Spared& operator=(const Spared&) = delete;

 private:
  test::SimDisk& disk_;
};

class Phone {
 public:
  Phone(World& world, int number, int worker, const test::SimDisk::Image& image);
  ~Phone();

  void tap();   ///< the worker does something
  void deed();  ///< and something rarer: a choice, a correction, a photo alone, a search
  /// The inbox is gone through, where somebody has the time; see deed(). True when anything was chosen.
  bool clear_inbox();
  void capture_photo_report();
  void sync();
  /// The worker types a new activation code.
  void enrol_anew();
  /// The worker presses the button, and again when it did not help.
  void press_sync();
  /// "Send again", also while a sync runs.
  void press_resend();
  void upkeep();
  /// The app goes to the background, also in the middle of a sync, and comes back within hours.
  void nap();
  void wake();
  /// The process or the machine dies: now, or at its next step when it is in the middle of something.
  void die(test::SimDisk::Stop how);
  bool open();
  /// Its file is damaged while it is off; it comes back as after a kill.
  void damage();
  /// The worker looks at all there is, so that damage shows.
  void look_at_everything();
  /// What was copied with its storage.
  void take_after(const Phone& original);
  /// Its id at the platform; empty when it is not open.
  std::string device() const { return store_ == nullptr ? std::string() : store_->identity().device; }
  bool is_open() const { return store_ != nullptr; }
  Store& store() { return *store_; }
  Store::Options options() const;
  void close();
  /// By what the last sync said; a minute where it said nothing.
  std::int64_t due_in_ms();
  /// Nothing is left to send that could be sent.
  bool quiet();
  /// What the platform refused goes again, once, or the worker gives it up. True when there was any.
  bool resend_parked();

  const int number;
  const int worker;
  World& world;
  std::unique_ptr<Random> random;
  std::unique_ptr<Random> whims;  // apart, so that what is drawn here changes nothing else
  std::unique_ptr<Random> deeds;  // as well
  std::unique_ptr<Random> disk_random;
  test::SimDisk disk;
  PhoneClock clock;
  Network network;
  std::vector<Told> told;
  std::vector<Choice> choices;  ///< all that were made, told or cut off
  std::vector<Choice> cleared;  ///< fields that were emptied, told or cut off: of `theirs`, which was in sight
  std::optional<std::int64_t> next_attempt_ms;  ///< as the last sync said
  std::set<std::string> in_doubt;               ///< records sent again while nobody knew what a restore had taken
  std::map<int, std::int64_t> copied;           ///< by phone: the last of its words that the file came with
  bool forked = false;                          ///< it is, or was copied to, another phone
  bool coded = false;                           ///< it was enrolled anew
  bool refused = false;                         ///< the last sync said that the platform does not know this device
  std::int64_t requests = 0;
  std::int64_t token_requests = 0;
  std::int64_t spared_until_ms = 0;              ///< the latest time that the platform asked it to wait for
  std::int64_t feed = 0;                         ///< how far the screens have followed the changes
  int feed_salvages = 0;                         ///< of how many files
  std::map<std::string, std::string> on_screen;  ///< record and what they show of it
  std::int64_t changes_seen = 0;                 ///< by the look at its versions
  /// It asks without end: its sync is ended.
  void bound_requests();
  bool damaged = false;  ///< its file once was
  bool unsound = false;  ///< it still is: nobody has come upon it
  bool gone = false;     ///< the damage took its identity, and the store says so
  int salvages = 0;
  /// What an op is parked for may be that damage took a photo, or of a record more than what its later edits name.
  bool is_of_damage(const std::string& type) const { return salvages > 0 && (type == "lost" || type == "schema"); }
  std::set<std::string> ops_at_risk;          ///< worker and op id, of when its file was damaged
  std::set<std::string> given_up;             ///< records of which the worker gave up what was refused
  std::unique_ptr<store::Connection> beside;  ///< a look into its file; goes when the store goes
  bool moved = false;                         ///< the last sync carried something in either direction

 private:
  /// Its app is open, awake and alive.
  bool is_at_hand() const { return store_ != nullptr && !asleep_ && !disk.stopped(); }
  void report(bool with_photo);
  void household();
  void patch();
  void person();
  void visit();
  void act();
  void remove();
  void edit_again();
  void edit_too(const std::string& id, const std::string& field);
  void edit_field(const Record& record, const std::string& field);
  void add_tag(const Record& record);
  void clear_field(const Record& record, const std::string& field);
  void correct_visit();
  void attach_alone();
  void remove_person();
  void try_what_is_forbidden();
  void look_up();
  void choose();
  void mind_inbox();
  void choose_again();
  void decide(const ConflictField& question, Choice made);
  void check_decided(const Choice& made, bool is_gone);
  std::optional<Record> own_or_others(const std::string& kind, int among);
  /// A call of the worker's begins. False: there is no app left to tap at.
  bool begins();
  void after_call();
  void note_salvage();
  bool lose_ops(std::int64_t most);
  void note_readable_rows();
  void restart();
  /// A store that says it is damaged is opened anew.
  template <class T>
  const Result<T>& heed(const Result<T>& result) {
    restart_ = restart_ || (!result && unsound && result.error().code == ErrorCode::store_corrupt);
    return result;
  }
  bool give_up(const std::string& record);
  void remember(const Result<Saved>& saved, Told told);
  /// A new record, now and then under an id of the shell's own: a shell that died in the middle asks again.
  void capture(Capture capture, Told told);
  void ask_again();
  void open_later();
  bool fill_in(Capture& capture, const Error& missing);
  void arm();
  /// `fresh`: it was saved just now, so nobody else has had a word yet.
  void check_in_sight(const Told& told, bool fresh);
  void check_in_history(const Told& told);
  void check_outcome(const SyncOutcome& outcome);
  void check_versions();
  std::string marker();
  std::string grid() const;
  std::optional<Record> any_record(const std::string& kind);
  /// Before the call that says it.
  void say(const Told& what, Word::How how, const Record* of = nullptr, const std::string& field = {});
  PhotoInput photo();

  std::optional<NewDevice> new_device_;            // what the code was used for, until the store has it
  int new_device_restores_ = 0;                    // of the county, before it was made
  std::optional<std::pair<Capture, Told>> asked_;  // and nobody heard what came of it
  std::unique_ptr<Random> looks_;                  // apart, so that who looks in changes nothing else
  std::unique_ptr<Store> store_;
  std::unique_ptr<Syncer> syncer_;
  bool restart_ = false;
  bool asleep_ = false;
  bool slept_ = false;  // in this sync
  int wakes_ = 0;       // of who watches the store
  int generation_ = 1;  // of the file in use
  int calls_ = 0;       // of ours that are on the stack: a tap may come while a sync waits
  std::int64_t markers_ = 0;
  std::int64_t requests_before_ = 0;  // this sync
  std::int64_t token_requests_before_ = 0;
  int restores_before_ = 0;
};

}  // namespace julu::sim
