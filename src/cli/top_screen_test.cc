// SPDX-License-Identifier: Apache-2.0
//
// What changed between two snapshots, and what fits on the screen.
#include "cli/top_screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/testing/fake_control.h"

namespace remuda::cli {
namespace {

using namespace std::chrono_literals;
using admin::Snapshot;
using admin::testing::busy_server;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Two seconds later: one core and a half are used.
Snapshot later() {
  Snapshot server = busy_server();
  server.workers[0].requests[2] += 2400;
  server.workers[0].requests[5] += 1;
  server.workers[0].bytes_sent += 4 << 20;
  apps::AppStatus& blog = server.apps[0];
  blog.requests += 2400;
  blog.queue.dropped.full += 5;
  blog.instances[0].cpu += 1000ms;
  blog.instances[0].requests += 400;
  blog.instances[1].cpu += 2000ms;
  blog.instances[1].requests += 2000;
  return server;
}

TEST(TopScreen, ABusyServer) {
  EXPECT_EQ(top_screen(busy_server(), later(), 2s, {}),
            R"(remuda 0.1.0, up 1d02h: 12 connections, 1200 requests/s, 0.5 5xx/s, 2.0 MiB/s sent

APP      CPU  REQ/S  FAILED/S  LIVE  WAITING  DROPPED/S  PROCESSES       PSS  TROUBLE
blog  150.0%   1200         0     2    2/100        2.5          2  31.5 MiB
shop       -      0         0     1      0/0          0          0         -
wiki       -      0         0     0     0/50          0          0         -  instances do not start: exited with status 1

 PID  APP   STATE        CPU  REQ/S  BUSY       PSS    AGE  NOW
4250  blog  draining  100.0%   1000   0/1         -    45s
4242  blog  ready      50.0%    200   1/1  31.5 MiB  2h05m  POST /wp-login.php (app, 340ms)
)");
}

TEST(TopScreen, NothingHappened) {
  const std::string screen = top_screen(busy_server(), busy_server(), 1s, {});
  EXPECT_THAT(screen,
              StartsWith("remuda 0.1.0, up 1d02h: 12 connections, 0 requests/s, 0 5xx/s, 0 B/s sent\n"));
  EXPECT_THAT(screen, HasSubstr("4242  blog  ready     0.0%"));
}

TEST(TopScreen, AWorkerThatWasReplacedCountsFromZero) {
  Snapshot fresh = busy_server();
  fresh.workers[0].requests = {0, 0, 10, 0, 0, 0};
  fresh.workers[0].bytes_sent = 1024;
  fresh.apps[0].requests = 8;
  fresh.apps[0].instances[0].cpu = 500ms;
  const std::string screen = top_screen(busy_server(), fresh, 1s, {});
  EXPECT_THAT(screen, StartsWith("remuda 0.1.0, up 1d02h: 12 connections, 10 requests/s"));
  EXPECT_THAT(screen, HasSubstr("50.0%"));
}

TEST(TopScreen, NewApplicationsAndInstances) {
  const std::string screen = top_screen(Snapshot{}, busy_server(), 1s, {});
  EXPECT_THAT(screen, HasSubstr("4242"));
  EXPECT_THAT(top_screen(busy_server(), Snapshot{}, 1s, {}), HasSubstr("no applications\n"));
}

TEST(TopScreen, FitsTheTerminal) {
  const std::string screen = top_screen(busy_server(), later(), 2s, {.lines = 4, .columns = 30});
  EXPECT_EQ(std::ranges::count(screen, '\n'), 4);
  for (size_t at = 0; at < screen.size();) {
    const size_t end = screen.find('\n', at);
    EXPECT_LE(end - at, 30U);
    at = end + 1;
  }
}

TEST(TopScreen, NoTimeAtAllDividesByNothing) {
  EXPECT_THAT(top_screen(busy_server(), later(), 0s, {}), Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace remuda::cli
