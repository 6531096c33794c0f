// Enrolment's durable halves.
#include <catch2/catch_test_macros.hpp>

#include <julu/enrolment.h>

#include "county.h"

using namespace julu;
using namespace julu::test;

namespace {

Enrolment::Options options_in(const Folder& folder) {
  Enrolment::Options options;
  options.root = folder.file("root");
  options.encrypted = has_cipher();
  options.platform = "http://127.0.0.1:1";
  options.consent_at_ms = 1;
  return options;
}

}  // namespace

TEST_CASE("nothing is made before consent") {
  const Folder folder;
  auto options = options_in(folder);
  options.consent_at_ms = 0;
  CHECK(Enrolment::begin(options).error().code == ErrorCode::consent_missing);
  CHECK(enrolments(options.root)->empty());
}

TEST_CASE("an enrolment that was interrupted goes on with the same key") {
  const Folder folder;
  const PublicKey first = (*Enrolment::begin(options_in(folder)))->public_key();
  const auto again = Enrolment::begin(options_in(folder));
  REQUIRE(again.ok());
  CHECK((*again)->public_key() == first);
  CHECK(verify(first, "text", (*again)->sign("text")));
}

TEST_CASE("an enrolment that failed under one key can be made under another") {
  if (!has_cipher()) SKIP("no key in this build");
  const Folder folder;
  auto options = options_in(folder);
  const PublicKey first = (*Enrolment::begin(options))->public_key();
  options.key.fill(7);
  const auto again = Enrolment::begin(options);
  REQUIRE(again.ok());
  CHECK((*again)->public_key() != first);
}

TEST_CASE("of two enrolments on one root at once the second is told so") {
  const Folder folder;
  const auto first = Enrolment::begin(options_in(folder));
  REQUIRE(first.ok());
  CHECK(Enrolment::begin(options_in(folder)).error().code == ErrorCode::busy);
  Identity identity;
  identity.device = "d-1";
  identity.worker = "W-1";
  REQUIRE((*first)->finish(identity).ok());
  CHECK(Enrolment::begin(options_in(folder)).ok());
}

TEST_CASE("each worker gets a folder of their own, listed without opening a store") {
  County county;
  county.phone("W-0001");
  county.phone("W-0002");
  const auto found = enrolments(county.folder.file("root"));
  REQUIRE(found.ok());
  REQUIRE(found->size() == 2);
  CHECK(found->at(0).worker == "W-0001");
  CHECK(found->at(1).directory == county.directory("W-0002"));
  CHECK(enrolments(county.folder.file("nowhere"))->empty());
}

TEST_CASE("a device id that could break the signed text is refused") {
  const Folder folder;
  auto enrolment = Enrolment::begin(options_in(folder));
  REQUIRE(enrolment.ok());
  Identity identity;
  identity.device = "a\"b";
  identity.worker = "W-1";
  CHECK((*enrolment)->finish(identity).error().code == ErrorCode::bad_reply);
}

TEST_CASE("a key is refused by a build without a cipher") {
  if (has_cipher()) SKIP("this build encrypts");
  const Folder folder;
  auto options = options_in(folder);
  options.encrypted = true;
  CHECK(Enrolment::begin(options).error().code == ErrorCode::encryption_unavailable);
}
