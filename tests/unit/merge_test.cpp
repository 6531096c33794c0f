// Three-way merge by field: two people, one record, nothing overwritten in silence.
#include "domain/merge.h"

#include <random>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "support/schema_file.h"

using julu::Json;
using julu::Merged;

namespace {

std::shared_ptr<const julu::Kind> household() {
  auto loaded = julu::Kind::load(julu::test::schema_file("records/household.schema.json"));
  REQUIRE(loaded);
  return *loaded;
}

Merged merged(const Json& base, const Json& patch, const Json& remote, const julu::Kind* kind = nullptr) {
  return julu::merge(julu::base_values_for(base, patch), patch, remote, kind);
}

// A small alphabet of fields and values, so that edits meet often. Never an empty object: RFC 7396 cannot say it.
class Bodies {
 public:
  explicit Bodies(std::uint32_t seed) : engine_(seed) {}

  Json body() {
    Json made = Json::object();
    for (const char* key : {"a", "b", "c", "d"}) {
      if (below(3) != 0) made[key] = value();
    }
    Json inner = Json::object();
    for (const char* key : {"x", "y", "z"}) {
      if (below(3) != 0) inner[key] = value();
    }
    if (!inner.empty()) made["o"] = inner;
    return made;
  }

  Json edited(Json body) {
    const Json other = this->body();
    for (const char* path : {"/a", "/b", "/c", "/d", "/o/x", "/o/y", "/o/z"}) {
      if (below(4) == 0) copy(path, other, body);
    }
    if (body.contains("o") && body["o"].empty()) body.erase("o");
    return body;
  }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine_() % n); }
  Json value() {
    const std::uint32_t kind = below(3);
    if (kind == 0) return below(3);
    if (kind == 1) return std::string(1, static_cast<char>('p' + below(3)));
    return Json::array({below(2), "i"});
  }
  static void copy(const std::string& path, const Json& from, Json& to) {
    const Json* value = julu::at_pointer(from, path);
    const bool inner = path.size() > 2;
    if (inner && !to.contains("o")) {
      if (value == nullptr) return;
      to["o"] = Json::object();
    }
    Json& holder = inner ? to["o"] : to;
    const std::string key(1, path.back());
    if (value != nullptr)
      holder[key] = *value;
    else
      holder.erase(key);
  }

  std::mt19937 engine_;
};

std::optional<Json> at(const Json& body, const std::string& path) {
  const Json* value = julu::at_pointer(body, path);
  return value == nullptr ? std::nullopt : std::optional<Json>(*value);
}

bool in_conflict(const Merged& merged, const std::string& path) {
  for (const auto& conflict : merged.conflicts) {
    if (conflict.field == path) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("edits of different fields both survive", "[merge]") {
  const Json base{{"address", "1"}, {"phone", "110"}, {"house", {{"rooms", 3}, {"use", "01"}}}};
  const Json remote{{"address", "2"}, {"phone", "110"}, {"house", {{"rooms", 3}, {"use", "02"}}}};
  const auto result = merged(base, {{"phone", "120"}, {"house", {{"rooms", 4}}}}, remote);
  CHECK(result.patch == Json{{"phone", "120"}, {"house", {{"rooms", 4}}}});
  CHECK(result.conflicts.empty());
  CHECK(julu::apply_merge_patch(remote, result.patch) ==
        Json{{"address", "2"}, {"phone", "120"}, {"house", {{"rooms", 4}, {"use", "02"}}}});
}

TEST_CASE("the same edit by two people vanishes", "[merge]") {
  const auto result = merged({{"phone", "110"}}, {{"phone", "120"}, {"note", nullptr}}, {{"phone", "120"}});
  CHECK(result.patch.empty());
  CHECK(result.conflicts.empty());
  CHECK(result.given_up.empty());
}

TEST_CASE("two values for one field wait for a person, and the platform's stays current", "[merge]") {
  const auto result = merged({{"phone", "110"}, {"x", 1}}, {{"phone", "120"}, {"x", 2}}, {{"phone", "119"}, {"x", 1}});
  CHECK(result.patch == Json{{"x", 2}});
  REQUIRE(result.conflicts.size() == 1);
  CHECK(result.conflicts[0].field == "/phone");
  CHECK(result.conflicts[0].base == Json("110"));
  CHECK(result.conflicts[0].local == Json("120"));
  CHECK(result.conflicts[0].remote == Json("119"));
}

TEST_CASE("a removal against a change is a conflict with an absent value", "[merge]") {
  const auto removed_here = merged({{"phone", "110"}}, {{"phone", nullptr}}, {{"phone", "119"}});
  REQUIRE(removed_here.conflicts.size() == 1);
  CHECK_FALSE(removed_here.conflicts[0].local.has_value());
  CHECK(removed_here.patch.empty());
  const auto removed_there = merged({{"phone", "110"}}, {{"phone", "120"}}, Json::object());
  REQUIRE(removed_there.conflicts.size() == 1);
  CHECK_FALSE(removed_there.conflicts[0].remote.has_value());
}

TEST_CASE("a field that only this worker removed is removed", "[merge]") {
  CHECK(merged({{"phone", "110"}}, {{"phone", nullptr}}, {{"phone", "110"}}).patch == Json{{"phone", nullptr}});
}

TEST_CASE("a patch that repeats the old value does not undo the other's edit", "[merge]") {
  const auto result = merged({{"phone", "110"}}, {{"phone", "110"}}, {{"phone", "119"}});
  CHECK(result.patch.empty());
  CHECK(result.conflicts.empty());
}

TEST_CASE("latest keeps the worker's value and remembers the other", "[merge]") {
  const auto kind = household();
  const auto result = merged({{"note", "a"}}, {{"note", "b"}}, {{"note", "c"}}, kind.get());
  CHECK(result.patch == Json{{"note", "b"}});
  CHECK(result.conflicts.empty());
  REQUIRE(result.given_up.size() == 1);
  CHECK(result.given_up[0].remote == Json("c"));
  CHECK(merged({{"note", "a"}}, {{"note", "b"}}, {{"note", "c"}}).conflicts.size() == 1);
}

TEST_CASE("sets unite: additions of both, removals of either", "[merge]") {
  const auto kind = household();
  const auto tags = [](Json list) { return Json{{"tags", std::move(list)}}; };
  auto result = merged(tags({"a", "b", "c"}), tags({"a", "b", "mine"}), tags({"b", "c", "theirs"}), kind.get());
  CHECK(result.patch == tags({"b", "theirs", "mine"}));
  CHECK(result.conflicts.empty());
  result = merged(Json::object(), tags({"mine", "same"}), tags({"same", "theirs"}), kind.get());
  CHECK(result.patch == tags({"same", "theirs", "mine"}));
  result = merged(tags({"a"}), {{"tags", nullptr}}, tags({"a", "theirs"}), kind.get());
  CHECK(result.patch == tags({"theirs"}));
  result = merged(tags({"a", "b"}), {{"tags", nullptr}}, tags({"a"}), kind.get());
  CHECK(result.patch == Json{{"tags", nullptr}});
  result = merged(tags({"a"}), tags({"a", "mine"}), Json::object(), kind.get());
  CHECK(result.patch == tags({"mine"}));
  CHECK(merged(tags({"a"}), tags({"b"}), {{"tags", "odd"}}, kind.get()).conflicts.size() == 1);
}

TEST_CASE("an object against a plain value is judged as a whole", "[merge]") {
  const auto result = merged({{"house", "brick"}}, {{"house", {{"rooms", 3}}}}, {{"house", "brick"}});
  CHECK(julu::apply_merge_patch({{"house", "brick"}}, result.patch) == Json{{"house", {{"rooms", 3}}}});
  const auto other = merged({{"house", {{"rooms", 3}}}}, {{"house", {{"rooms", 4}}}}, {{"house", "brick"}});
  CHECK(other.patch.empty());
  REQUIRE(other.conflicts.size() == 1);
  CHECK(other.conflicts[0].field == "/house");
}

TEST_CASE("removing an object that somebody changed inside is a conflict", "[merge]") {
  const Json base{{"house", {{"rooms", 3}, {"use", "01"}}}};
  CHECK(merged(base, {{"house", nullptr}}, base).patch == Json{{"house", nullptr}});
  const auto result = merged(base, {{"house", nullptr}}, {{"house", {{"rooms", 4}, {"use", "01"}}}});
  CHECK(result.patch.empty());
  CHECK(result.conflicts.size() == 1);
}

TEST_CASE("base values are those of the touched fields alone", "[merge]") {
  const Json body{{"a", 1}, {"b", {{"x", 1}, {"y", 2}}}, {"c", "t"}, {"d", Json::object()}};
  CHECK(julu::base_values_for(body, {{"b", {{"x", 5}, {"n", 1}}}, {"c", nullptr}, {"new", 1}}) ==
        Json{{"b", {{"x", 1}}}, {"c", "t"}});
  CHECK(julu::base_values_for(body, {{"b", nullptr}}) == Json{{"b", {{"x", 1}, {"y", 2}}}});
  CHECK(julu::base_values_for(body, Json::object()).empty());
}

TEST_CASE("random edits: no field is lost, none is touched by the wrong side, and merging again changes nothing",
          "[merge]") {
  for (std::uint32_t seed = 1; seed <= 20'000; ++seed) {
    Bodies bodies(seed);
    const Json base = bodies.body();
    const Json local = bodies.edited(base);
    const Json remote = bodies.edited(base);
    const Json patch = julu::merge_patch_between(base, local);
    const auto result = merged(base, patch, remote);
    const Json after = julu::apply_merge_patch(remote, result.patch);
    for (const char* path : {"/a", "/b", "/c", "/d", "/o/x", "/o/y", "/o/z"}) {
      const auto b = at(base, path), l = at(local, path), r = at(remote, path);
      const auto left = at(after, path);
      const bool inner = std::string_view(path).starts_with("/o");
      const bool asked = in_conflict(result, path) || (inner && in_conflict(result, "/o"));
      const bool right = l == b || asked ? left == r : (r == b || l == r) && left == l;
      if (!right) FAIL("seed " << seed << " field " << path);
    }
    const auto again = merged(base, patch, after);
    if (julu::apply_merge_patch(after, again.patch) != after) FAIL("not idempotent, seed " << seed);
    const auto sent_again = merged(remote, result.patch, remote);
    if (sent_again.patch != result.patch) FAIL("not stable, seed " << seed);
  }
  SUCCEED();
}
