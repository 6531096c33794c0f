// The front before the reference platform.
#include "front.h"

#include <map>

#include "scripted_transport.h"
#include "server.h"

namespace julu::walk {
namespace {

using nlohmann::json;

bool is_of_platform(const std::string& file) { return file.find("platform.db") != std::string::npos; }

json refusal(const json& op, const std::string& type) {
  return {{"op_id", op.at("op_id")},
          {"status", type == "busy" ? "retry" : "rejected"},
          {"problem", {{"type", type}, {"title", "no"}}}};
}

}  // namespace

Front::Front(test::ManualClock& clock, Random& random, Random& secret)
    : clock_(clock), random_(random), secret_(secret), disk_(secret) {
  open();
  platform_->add_worker("W-1", "王", "worker", {sim::kGrids[0]}, {"03"});
  platform_->add_worker("W-2", "李", "worker", {sim::kGrids[0]}, {"03"});
}

void Front::open() {
  juhaoban::Options options;
  options.data = sim::kData;
  options.vfs = disk_.vfs();
  options.address = sim::kPlatform;
  options.clock = &clock_;
  options.random = &secret_;
  platform_ = std::make_unique<juhaoban::Platform>(options);
}

json Front::records() {
  json all = json::object();
  platform_->dump([&](const json& item) {
    if (item.at("type") == "record") all[item.at("id").get<std::string>()] = item;
  });
  return all;
}

void Front::restore() {
  test::SimDisk::Image image = disk_.image();
  std::erase_if(image, [](const auto& file) { return is_of_platform(file.first); });
  for (const auto& [name, contents] : *backup_) {
    if (is_of_platform(name)) image[name] = contents;
  }
  platform_.reset();
  disk_.restore(std::move(image));
  open();
  platform_->new_epoch();
  applied_.clear();
  platform_->dump([&](const json& item) {
    if (item.at("type") == "op") applied_.insert(item.at("op_id").get<std::string>());
  });
}

std::optional<Response> Front::ask(const Request& request) {
  if (strikes(rates.lost_requests)) return test::no_reply();
  std::optional<Response> response;
  if (rates.refused_ops > 0 && sim::is_push(request)) response = push_with_refusals(request);
  if (!response) {
    response = sim::ask(*platform_, request, -1);
    if (sim::is_push(request) && response->status == 200) note_applied(json::parse(response->body));
  }
  if (strikes(rates.lost_replies)) return test::no_reply();
  return response;
}

void Front::note_applied(const json& answer) {
  for (const json& one : answer.at("results")) {
    if (one.at("status") == "applied" || one.at("status") == "duplicate")
      applied_.insert(one.at("op_id").get<std::string>());
  }
}

// Some operations never come before the platform; it is said to have refused them, or to have no time now.
std::optional<Response> Front::push_with_refusals(const Request& request) {
  json body = json::parse(sim::body_of_push(request));
  const json ops = body.at("ops");
  json passed_on = json::array();
  std::map<std::size_t, json> refused;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (!applied_.contains(ops[i].at("op_id").get<std::string>()) && strikes(rates.refused_ops)) {
      const char* const kTypes[] = {"scope", "schema", "busy", "busy"};
      refused[i] = refusal(ops[i], kTypes[random_.below(4)]);
    } else {
      passed_on.push_back(ops[i]);
    }
  }
  if (refused.empty()) return std::nullopt;
  body["ops"] = passed_on;
  Request passed = request;
  std::erase_if(passed.headers, [](const auto& header) { return header.first == "Content-Encoding"; });
  passed.body = body.dump();
  Response response = sim::ask(*platform_, passed, -1);
  if (response.status != 200) return response;
  json answer = json::parse(response.body);
  note_applied(answer);
  json results = json::array();
  std::size_t next = 0;
  for (std::size_t i = 0; i < ops.size(); ++i)
    results.push_back(refused.contains(i) ? refused.at(i) : answer.at("results").at(next++));
  answer["results"] = results;
  response.body = answer.dump();
  return response;
}

}  // namespace julu::walk
