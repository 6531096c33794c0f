// One run of the Syncer: a state machine over Outbox, Inbox, Transport, clock and random source, without I/O of its
// own. Split by what is carried: exchange.cpp (requests, token), push.cpp, photos.cpp, pull.cpp, fetch.cpp. Thread
// rule: one thread; only State's atomics are touched from others.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <julu/inbox.h>
#include <julu/limits.h>
#include <julu/outbox.h>
#include <julu/store.h>
#include <julu/syncer.h>

#include "wire.h"

namespace julu {

/// Lives as long as the Syncer: what one run learns for the next. Nothing of it is needed for correctness.
struct Syncer::State {
  State(Store& its_store, Transport& its_transport) : store(its_store), transport(its_transport) {}

  static constexpr auto kPieceBytesMax = static_cast<std::int64_t>(limits::photo_chunk_bytes);  // a row of it

  Store& store;
  Transport& transport;
  std::mutex mutex;  // of `running`, so that a cancel meets the run that it means
  bool running = false;
  std::atomic<bool> cancelled = false;
  std::atomic<bool> hinted = false;

  std::string token;
  std::string token_device;         // that it was given for; the store may have become another since
  std::int64_t token_until_ms = 0;  // monotonic
  std::string token_boot;
  bool gzip = true;  // until a 415
  LinkFacts link;
  bool is_link_noted = true;                               // a full disk may keep it from being
  double bytes_per_ms = 0;                                 // measured on uploads; 0: not known yet
  std::int64_t chunk_bytes_max = limits::chunk_bytes_max;  // less after a 413
  std::int64_t piece_bytes_max = kPieceBytesMax;           // less after a link that broke
  std::int64_t thumbnails_from_ms = 0;                     // monotonic; the platform takes no more of them before
  std::optional<Id> failed_batch;                          // the first op of a batch that got no usable answer
  std::int64_t failures = 0;                               // runs in a row that the network or the platform ended
};

/// For people to read, as gateways and captive portals give it.
bool is_page(const Response& response);

class Syncer::Run {
 public:
  Run(State& state, const SyncOptions& options);
  Result<SyncOutcome> go();

 private:
  /// `stop`: the run ends, and why stands in end_ and failure_.
  enum class Step { go, stop };

  enum class Answer {
    ok,       ///< 2xx
    stopped,  ///< the run must end: nothing is to be settled
    link,     ///< no reply, or somebody else's: the next request would fare no better
    wait,     ///< 429, 503: so the platform asks
    server,   ///< another 5xx
    refused,  ///< a 4xx that is about this request
  };
  struct Exchange {
    Answer answer = Answer::stopped;
    ErrorCode why = ErrorCode::ok;
    std::int64_t retry_after_ms = 0;
    std::int64_t took_ms = 0;  // or, stopped, was on its way
    Response response;
    Problem problem;
    /// More than the link carried; what was hardly on its way says nothing of it.
    bool was_too_long() const {
      constexpr std::int64_t kTellingMs = 2'000;
      return answer == Answer::link || (answer == Answer::stopped && took_ms >= kTellingMs);
    }
    bool reply_too_large() const { return response.status == 0 && response.failure == ErrorCode::too_large; }
  };

  // syncer.cpp
  Result<void> carry();
  Result<void> carry_as_another();
  Result<void> keep_up();
  Result<Step> ping();
  Result<Step> check_epoch(std::int64_t told);
  Result<Step> defer_all_due(const Exchange& exchange);
  Result<SyncOutcome> outcome();
  Result<void> report_progress(bool always);
  void tell() const;

  // exchange.cpp
  std::int64_t time_left_ms() const;
  bool must_end();
  Step stop(SyncEnd end, std::optional<Error> failure);
  Step stop_for(const Exchange& exchange);
  /// A request on its way, and its reply once it is here.
  struct Call {
    std::int64_t begun_ms = 0;
    std::int64_t took_ms = 0;
    std::int64_t body_bytes = 0;
    std::optional<Response> response;
  };
  std::uint64_t begin(Request request);
  Result<void> wait_a_little();
  Exchange take_reply(std::uint64_t call);
  Exchange give_up(std::uint64_t call);
  std::int64_t on_its_way_ms(const Call& call) const;
  Result<Exchange> send(Request request);
  Result<Exchange> call(Request request);
  Result<Exchange> send_assertion(const std::function<Result<Request>()>& make);
  bool wants_another_token(Exchange& exchange, const std::string& url, const std::string& token);
  Result<Step> sign_in();
  Result<void> renew_lease();
  void classify(Exchange& exchange);
  bool may_carry_token(const std::string& url) const;
  bool is_platform(const std::string& url) const;
  std::string address(std::string_view path) const;
  void measure(std::int64_t bytes, std::int64_t took_ms);
  static double rate(std::int64_t bytes, std::int64_t took_ms);
  static std::int64_t carried_in(double bytes_per_ms, std::int64_t ms, std::int64_t most);

  // recover.cpp
  Result<Step> reconcile();
  Result<Step> enrol_anew();

  // push.cpp
  struct Batch {
    std::vector<OutgoingOp> ops;
    bool again = false;  // a part of a batch that failed, or one that failed before
  };
  Result<Step> push_due();
  Result<Step> push_batch(Batch batch);
  Result<Step> settle(Batch batch, const Exchange& exchange);
  Result<Step> split(Batch batch, const Exchange& exchange);
  Result<Step> push_drawn(const Id& failed);
  Result<Step> push_failed(Batch batch, const Exchange& exchange);
  Result<Step> push_refused(Batch batch, const Exchange& exchange);
  Result<Step> put_off(const std::vector<OutgoingOp>& ops, ErrorCode why, std::int64_t retry_after_ms);
  Result<Exchange> post_ops(const std::vector<OutgoingOp>& ops);
  /// Coded, where it pays and the platform takes it.
  Request posted(const char* path, std::string body) const;
  std::size_t window() const;
  void grow_window(std::int64_t took_ms);
  void shrink_window(std::size_t bytes);

  // photos.cpp
  static constexpr int kPhotoFailuresMax = 3;  // in a row: then it is not the photos, and they wait
  bool photos_wait() const { return photo_failures_ >= kPhotoFailuresMax; }
  Result<Step> send_photos();
  Result<Step> carry_photos();
  Result<Step> push_between();
  Result<Step> look_around();
  Result<std::optional<OutgoingPhoto>> next_photo();
  std::int64_t quick_bytes() const;
  Result<Step> send_thumbnail(const OutgoingPhoto& photo);
  Result<Step> send_photo(const OutgoingPhoto& photo);
  bool may_fly(const OutgoingPhoto& photo) const;
  bool body_refused(const Exchange& exchange);
  Result<Step> take_off(const OutgoingPhoto& photo);
  Result<Step> land_next();
  Result<Step> uploaded(const OutgoingPhoto& photo);
  Result<Step> photo_failed(const Hash& sha256, const Exchange& exchange);
  Result<Step> photo_failed(const Hash& sha256, ErrorCode why, std::int64_t retry_after_ms);

  // tus.cpp
  struct Upload {
    OutgoingPhoto photo;  // its upload_url is where we are, empty before the creation
    std::int64_t offset = 0;
    bool asked = false;  // the offset is the platform's word
    int restarts = 0;    // uploads given up and begun anew
    int surprises = 0;   // offsets that the two sides did not agree on
  };
  struct Advance {
    Step step = Step::go;
    bool more = false;  // the upload goes on
  };
  /// A photo whose creation, bytes and all, is on its way beside others.
  struct Flight {
    std::uint64_t call = 0;
    std::string token;  // that it was signed with
    Upload upload;
  };
  Result<Step> carry_on(Upload& upload, Result<Advance> advance);
  Result<Request> creation(Upload& upload, bool with_bytes);
  Result<Advance> begin_upload(Upload& upload);
  Result<Advance> begun(Upload& upload, bool with_bytes, const Exchange& exchange);
  Result<Advance> ask_offset(Upload& upload);
  Result<Advance> send_chunk(Upload& upload);
  Result<Advance> ask_again(Upload& upload, const Exchange& exchange);
  Result<Advance> begin_anew(Upload& upload, const Exchange& exchange);
  Result<Advance> upload_refused(Upload& upload, const Exchange& exchange);
  Result<std::string> read_chunk(const Upload& upload, std::int64_t bytes_max);
  Result<Exchange> send_bytes(Request request);
  void bytes_went(std::int64_t bytes, const Exchange& exchange);
  void set_offset(Upload& upload, std::int64_t offset);

  // pull.cpp
  Result<Step> pull();
  Result<Step> pull_pages(bool only_keys);
  Result<Step> pull_page(bool& more);
  Result<Step> begin_full_pull(bool told_by_inbox);
  Step no_news(Error why);

  // fetch.cpp
  Result<Step> fetch_wanted();
  Result<Step> carry_new();
  Result<Exchange> ask_photo(const Inbox::WantedPhoto& photo, std::int64_t piece_bytes);
  void piece_went(std::int64_t asked_bytes, const Exchange& exchange);
  Result<void> keep_photo(const Inbox::WantedPhoto& photo, const Response& response);
  Result<Step> fetch_failed(const Hash& sha256, const Exchange& exchange);

  State& state_;
  const SyncOptions& options_;
  Clock& clock_;
  Random& random_;
  Outbox outbox_;
  Inbox inbox_;
  Identity identity_;

  std::int64_t pinged_at_ms_ = 0;  // monotonic, as all of these
  std::int64_t deadline_ms_ = 0;
  std::int64_t lease_until_ms_ = 0;
  std::int64_t pulled_at_ms_ = 0;
  std::int64_t reported_ms_ = 0;
  std::int64_t counted_ms_ = 0;
  std::int64_t look_again_ms_ = 0;
  bool pushing_ = false;  // a push may pull, and a pull lets what is new go between its pages
  bool reported_ = false;

  std::map<std::uint64_t, Call> calls_;
  std::int64_t last_reply_ms_ = 0;
  std::vector<Flight> flights_;
  std::set<Hash> failed_photos_;

  wire::Ping ping_;
  std::string photos_url_;
  bool creation_takes_body_ = true;
  bool token_renewed_ = false;
  bool forked_ = false;
  bool unknown_ = false;  // a restore made this device id unknown: the first one vouches
  bool key_pulled_ = false;
  bool news_failed_ = false;    // the pull ended the run, and nothing but the pull
  bool exchanged_ = false;      // queue and changes went through to the end
  int failures_in_a_row_ = 0;   // of parts of a batch, without a success between
  bool push_failed_ = false;    // so many that this run pushes no more
  std::set<Id> drawn_;          // ops that went alone, out of their batch
  int photo_failures_ = 0;      // of photos, without a success between
  int full_pulls_ = 0;          // begun anew in this run
  int fetch_failures_ = 0;      // of photos of others, without a success between
  std::set<Hash> begun_anew_;   // photos of others whose pieces were of no use
  std::optional<Hash> moving_;  // the photo of others of which the last piece in this run was
  std::optional<SyncEnd> end_;
  std::optional<Error> failure_;
  SyncOutcome outcome_;
  SyncProgress progress_;
};

}  // namespace julu
