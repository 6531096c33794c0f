// Faults that came later than the others, by a stream of their own: what breaks on a phone's disk while it reads, and
// what a platform does whose disk is full or which dies in the middle of a request.
#include <nlohmann/json.hpp>

#include "holdings.h"
#include "phone.h"

namespace julu::sim {
namespace {

using Stop = test::SimDisk::Stop;

using nlohmann::json;

constexpr std::int64_t kDayMs = 24 * kHourMs;

}  // namespace

bool World::befalls(Fault fault) {
  const int rate = calm_ ? 0 : plan_.rate(fault);
  if (rate == 0 || upsets_->below(10'000) >= static_cast<std::uint64_t>(rate)) return false;
  ++tally.faults[name(fault)];
  return true;
}

void World::plan_upsets(std::int64_t day_ms) {
  const auto some_time = [&] { return day_ms + static_cast<std::int64_t>(upsets_->below(kDayMs)); };
  for (std::size_t i = 0; i < phones_.size(); ++i) {
    if (!befalls(Fault::read_error)) continue;
    Phone* p = phones_[i].get();
    const std::int64_t from_ms = some_time();
    const auto good = static_cast<std::int64_t>(upsets_->below(30));
    const auto bad = upsets_->below(4) == 0 ? 100'000 : 1 + static_cast<std::int64_t>(upsets_->below(3));
    at(from_ms, [this, p, good, bad] {
      if (calm_) return;
      p->disk.fail_reads(good, bad);
      note(p->number, "disk reads fail");
    });
    at(from_ms + static_cast<std::int64_t>(upsets_->below(6 * kHourMs)), [p] { p->disk.fail_reads(0, 0); });
  }
  if (befalls(Fault::platform_full)) {
    const std::int64_t from_ms = some_time();
    const auto room = static_cast<std::int64_t>(upsets_->below(200'000));
    at(from_ms, [this, room] {
      if (calm_) return;
      server.fill_disk(room);
      note(-1, "platform's disk full");
    });
    at(from_ms + static_cast<std::int64_t>(upsets_->below(kDayMs)), [this] { server.make_room(); });
  }
  if (plan_.rate(Fault::catalog_changed) > 0 && upsets_->below(4) == 0 && strikes_often(Fault::catalog_changed)) {
    at(some_time(), [this] {
      if (calm_) return;
      server.publish_next();
      note(-1, "catalog changed");
    });
  }
  if (plan_.rate(Fault::key_rotated) > 0 && upsets_->below(4) == 0 && strikes_often(Fault::key_rotated)) {
    at(some_time(), [this] {
      if (!calm_) server.rotate_key();
    });
  }
}

namespace {

// What the county wants to know beside what is built in, of what is written once and of what is edited.
constexpr std::pair<const char*, const char*> kAsked[] = {{"visit", "weather"}, {"household", "roof"}};

}  // namespace

void Server::publish(const std::string& kind, const std::string& field, bool needed) {
  const auto text = books().text("SELECT body FROM catalog WHERE kind = 'schema' AND id = ?1", kind);
  json schema = json::parse(*text);
  schema["x-version"] = schema["x-version"].get<int>() + 1;
  schema["properties"][field] = {{"type", "string"},       {"maxLength", 20},       {"minLength", 1},
                                 {"x-title-zh", "新增项"}, {"x-title", "One more"}, {"x-order", 200}};
  json required = json::array();
  for (const json& name : schema.value("required", json::array())) {
    if (name != field) required.push_back(name);
  }
  if (needed) required.push_back(field);
  schema["required"] = required;
  const std::string key = kind + "/" + field;
  needed ? static_cast<void>(needed_.insert(key)) : static_cast<void>(needed_.erase(key));
  if (needed) needed_once_.insert(key);
  std::erase_if(published_, [&](const auto& row) { return row.id == kind; });
  published_.push_back({"schema", kind, std::move(schema)});
}

void Server::publish_next() {
  Random& random = world_.upsets();
  make_room();
  const auto& [kind, field] = kAsked[random.below(std::size(kAsked))];
  publish(kind, field, random.below(2) == 0);
  json items = json::array();
  const std::uint64_t codes = 1 + random.below(5);
  for (std::uint64_t i = 0; i < codes; ++i)
    items.push_back({{"code", "c" + std::to_string(i)}, {"zh", "晴"}, {"en", "Fine"}});
  std::erase_if(published_, [](const auto& row) { return row.kind == "codes"; });
  published_.push_back({"codes", "weather", {{"id", "weather"}, {"version", "1"}, {"items", items}}});
  open();  // as another version of the platform's program is put in place
}

void Server::relax() {
  if (needed_.empty()) return;
  for (const auto& [kind, field] : kAsked) {
    if (needs(kind, std::string("/") + field)) publish(kind, field, false);
  }
  open();
}

void Server::rotate_key() {
  if (clock.offset_ms != 0) return;  // who looks at a wrong clock puts that right first
  make_room();
  platform->rotate_receipt_key();
  world_.note(-1, "receipt key rotated");
}

// The form that this phone has learned of asks for one more thing.
bool Phone::fill_in(Capture& capture, const Error& missing) {
  if (missing.code != ErrorCode::field_missing || !world.server.needed_once(capture.kind, missing.field)) return false;
  json body = json::parse(capture.body);
  body[missing.field.substr(1)] = "晴";
  capture.body = body.dump();
  return true;
}

bool is_of_catalog(const World& world, const std::string& canonical, const json& problem, bool at_the_end) {
  if (problem.value("type", "") != "schema") return false;
  const json said = json::parse(canonical);
  const std::string pointer = problem.value("pointer", "");
  const std::string kind = said.value("kind", "");
  const bool asked = at_the_end ? world.server.needs(kind, pointer) : world.server.needed_once(kind, pointer);
  return asked && said.value("verb", "") == "create" && !said["body"].contains(pointer.substr(1));
}

void Server::fill_disk(std::int64_t room) { disk.set_capacity(disk.used() + room); }

void Server::serve_and_die(const Request& request, std::int64_t cut_after) {
  Random& random = world_.upsets();
  const Stop how = random.below(2) == 0 ? Stop::kill : Stop::power_cut;
  // A push takes some dozen steps; what asks and changes nothing takes none, and so comes to its reply.
  const std::uint64_t most = random.below(3) == 0 ? 100 : 20;
  disk.stop_at(disk.steps() + 1 + static_cast<std::int64_t>(random.below(most)), how);
  static_cast<void>(ask(*platform, request, cut_after));
  world_.note(-1, disk.stopped() ? "platform dies within a request" : "platform dies before its reply");
  if (how == Stop::power_cut) {
    disk.cut_power(random);
  } else {
    disk.kill();
  }
  open();
  constexpr std::uint64_t kAbsentMs = 30 * 60'000;
  dead_until_ms_ = world_.now_ms() + static_cast<std::int64_t>(random.below(kAbsentMs));
}

Response Server::answer(const Request& request, std::int64_t cut_after) {
  constexpr std::string_view kLimit = "limit=";
  const std::size_t limit = request.url.find(kLimit);
  if (limit != std::string::npos && world_.befalls(Fault::short_page)) {
    Request fewer = request;
    const std::size_t from = limit + kLimit.size();
    fewer.url.replace(from, request.url.find('&', from) - from, std::to_string(1 + world_.upsets().below(4)));
    return ask(*platform, fewer, cut_after);
  }
  if (cut_after < 0 && is_push(request) && world_.befalls(Fault::busy_op)) return answer_but_for_one(request);
  return ask(*platform, request, cut_after);
}

Response Server::answer_but_for_one(Request request) {
  json batch = json::parse(body_of_push(request), nullptr, false);
  json& ops = batch["ops"];
  const std::size_t place = world_.upsets().below(ops.size());
  const std::int64_t wait_ms = 1000 + static_cast<std::int64_t>(world_.upsets().below(kHourMs));
  const json busy{{"op_id", ops[place]["op_id"]}, {"status", "retry"}, {"retry_after_ms", wait_ms}};
  ops.erase(place);
  request.body = batch.dump();
  std::erase_if(request.headers, [](const auto& header) { return header.first == "Content-Encoding"; });
  Response response = ask(*platform, request, -1);
  if (response.status != 200) return response;
  json reply = json::parse(response.body);
  reply["results"].insert(reply["results"].begin() + static_cast<std::ptrdiff_t>(place), busy);
  response.body = reply.dump();
  return response;
}

// Somebody opens the app again when it did not start because its disk failed.
void Phone::open_later() {
  if (world.plan().rate(Fault::read_error) == 0) return;
  world.at(world.now_ms() + static_cast<std::int64_t>(whims->below(2 * kHourMs)), [this] {
    if (store_ == nullptr && !world.calm()) open();
  });
}

}  // namespace julu::sim
