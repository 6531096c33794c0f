// The platform under judgement, on a disk in memory, with a clock and randomness of the test's own; and a device that
// speaks the protocol word by word, made from openapi.yaml alone: nothing of `sync` is used, so that a mistake shared
// by both sides shows. Thread rule: one thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <julu/crypto.h>

#include "clocks.h"
#include "platform.h"
#include "sim_disk.h"

namespace julu::test {

using Json = nlohmann::json;
using Headers = std::map<std::string, std::string>;

inline constexpr const char* kAddress = "https://platform.example";
inline constexpr const char* kGrid = "130529200203001";
inline constexpr std::int64_t kEpochVersions = std::int64_t{1} << 32;

struct Answer {
  int status = 0;
  Headers headers;  ///< names in lower case
  std::string bytes;
  Json body;  ///< null when the bytes are no JSON

  std::string header(const std::string& name) const;
  /// The `type` of a problem.
  std::string type() const { return body.is_object() ? body.value("type", "") : ""; }
};

/// What a device sends; `cut_at` bytes arrive, and the connection ends.
struct Asked {
  std::string method{}, path{}, body{};
  Headers headers{};
  std::map<std::string, std::string> query{};
  std::optional<std::size_t> cut_at{};
};

class Office {
 public:
  Office();
  Answer ask(const Asked& asked);
  /// An activation code for a worker, who is made when not there yet.
  std::string code(const std::string& worker, const std::string& role = "worker",
                   const std::vector<std::string>& grids = {kGrid});
  /// Another process over the same disk, beside the first.
  std::unique_ptr<juhaoban::Platform> open();
  /// Another in its place.
  void restart();
  std::vector<Json> held(const std::string& type);

  ManualClock clock;
  std::unique_ptr<Random> random;
  SimDisk disk;
  std::vector<juhaoban::Published> published;  ///< from the next `restart` on
  std::unique_ptr<juhaoban::Platform> platform;
};

/// A device, enrolled and signed in by its constructor.
class Device {
 public:
  Device(Office& office, const std::string& worker, const std::string& role = "worker",
         const std::vector<std::string>& grids = {kGrid});

  Answer enrol(const std::string& code);
  std::string assertion(const Json& changes = Json::object(), const std::string& alg = "EdDSA");
  Answer ask_token(const std::string& jwt);
  void sign_in();

  Answer ask(Asked asked);
  Answer push(const std::vector<Json>& ops);
  /// The one result of one op.
  Json send(const Json& op);
  Answer pull(const std::string& cursor = {}, int limit = 500);
  /// All rows from the beginning, by id.
  std::map<std::string, Json> pull_all();

  /// An op with a new id and the next place in the chain.
  Json op(const std::string& verb, const std::string& record, const std::string& kind,
          const Json& body = Json::object());
  Json incident(const std::string& text = "村东头排水沟堵了");
  /// Uploads at once; returns the answer of the creation.
  Answer upload(const std::string& bytes, const std::string& name = "sha256", const std::string& value = {});
  Json attach(const std::string& record, const std::string& bytes, const std::string& role = "near");
  /// link_n over all ops made so far, and what reconcile asks with it.
  Json head(const Json& voids = Json::array());

  Office& office;
  PrivateKey key;
  Json identity;
  std::string token;
  std::vector<Json> made;  ///< every op, in the order of `seq`
};

std::string new_id(Office& office);
/// The hash of an op as openapi.yaml defines it, by the test's own hand.
Hash hash_of(Json op);
std::string hex_of(std::string_view bytes);
std::string gzipped(const std::string& text);
/// True when `reply`'s receipt is signed by the platform's receipt key over just these ops.
bool receipt_holds(Device& device, const Json& reply, const std::vector<Json>& ops);

}  // namespace julu::test
