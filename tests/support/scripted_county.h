// A platform of the smallest kind behind a ScriptedTransport: it applies every op once, signs receipts, keeps uploads,
// and does as a test tells it on the way. Thread rule: one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <julu/syncer.h>

#include "county.h"
#include "scripted_transport.h"

namespace julu::test {

struct ScriptedUpload {
  std::string sha256;  ///< of a photo; empty for a thumbnail
  std::int64_t length = 0;
  std::string bytes;
};

class ScriptedCounty {
 public:
  ScriptedCounty();
  SyncOutcome run(std::chrono::milliseconds at_most = std::chrono::minutes(10));
  /// Captures an incident; returns its id.
  std::string report(const std::string& text, std::vector<PhotoInput> photos = {});
  /// The body, inflated.
  static std::string text_of(const Request& request);
  std::size_t asked(const std::string& method, const std::string& path_start) const;

  County county;
  std::unique_ptr<Store> store;
  ScriptedTransport transport;
  std::unique_ptr<Syncer> syncer;

  /// Asked first: what it answers goes out instead, and the platform has not seen the request.
  std::function<std::optional<Response>(const Request&)> instead;
  /// Changes what the platform answered, after it acted.
  std::function<std::optional<Response>(const Request&, Response)> after;

  std::map<std::string, std::int64_t> applied;    ///< op id → version
  std::vector<std::size_t> batches;               ///< ops of each push that was judged
  std::vector<std::string> pages;                 ///< bodies for pulls to come; then an empty page
  std::map<std::string, ScriptedUpload> uploads;  ///< by location
  bool takes_bytes_at_creation = true;
  std::function<bool(const std::string&)> chokes_on;  ///< a push body that gets 400
  std::size_t ops_max = 500;                          ///< a longer push gets 413
  std::string token = "token-1";
  std::string pull_page(const std::string& changes, const std::string& lines, bool more = false) const;

 private:
  std::optional<Response> answer(const Request& request);
  Response judge(const Request& request);
  Response ping(const Request& request) const;
  Response push(const Request& request);
  Response pull();
  Response photos(const Request& request);

  std::int64_t version_ = kFirstVersion + 10;
};

}  // namespace julu::test
