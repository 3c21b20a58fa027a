// SPDX-License-Identifier: Apache-2.0
//
// Reasons out of the error log.
#include "cli/advise/log_reasons.h"

#include <gtest/gtest.h>

namespace remuda::cli::advise {
namespace {

TEST(Reason, IsWhatTheServerSays) {
  EXPECT_EQ(
      reason_in("2026 info [supervisor 1] listening on unix:/x: 3 sent: no\n"
                "2026 warning [worker 3] request 60c5220000000003: app t: Traceback:\n"
                "2026 error [worker 3] request 60c5220000000003: app t: exited with status 1\n"
                "    program /x\n"
                "2026 warning [worker 3] request 60c5220000000003 from unix: GET /: 500 sent: the program "
                "exited with status 1 before it sent a header\n"
                "2026 warning [worker 3] request 60c5220000000004 from unix: GET /: 500 sent: another\n"),
      "the program exited with status 1 before it sent a header");
}

TEST(Reason, OrTheLastThatTheApplicationSaidOfTheFirstRequest) {
  const std::string log =
      "2026 warning [worker 3] request 60c5220000000003: app t: Traceback:\n"
      "2026 warning [worker 3] request 60c5220000000003: app t: ValueError: no: such\n"
      "2026 warning [worker 3] request 60c5220000000004: app t: other\n";
  EXPECT_EQ(reason_in(log), "ValueError: no: such");
  EXPECT_EQ(said_in(log), (std::vector<std::string>{"Traceback:", "ValueError: no: such"}));
}

TEST(Reason, MayNotBeThere) {
  EXPECT_EQ(reason_in(""), "");
  EXPECT_EQ(reason_in("2026 info [worker 3] app t: template generation 1 is loading\nrequest"), "");
  EXPECT_TRUE(said_in("] request ").empty());
}

}  // namespace
}  // namespace remuda::cli::advise
