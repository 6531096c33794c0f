#include <catch2/catch_test_macros.hpp>

#include "kill_run.h"

using namespace julu::test;

TEST_CASE("200 kills in capture and sync lose nothing and double nothing") {
  const KillReport report = run_kills({JUHAOBAN_PROGRAM, PHONE_PROGRAM, 200, 20261124});
  CHECK(report.capture_kills + report.sync_kills == 200);
  CHECK(report.sync_kills >= 40);
  CHECK(report.records > 0);
  for (const std::string& wrong : report.wrong) FAIL_CHECK(wrong);
}
