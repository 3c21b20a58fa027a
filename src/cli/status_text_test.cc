// SPDX-License-Identifier: Apache-2.0
//
// The text of a busy server, letter by letter.
#include "cli/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/testing/fake_control.h"

namespace remuda::cli {
namespace {

using admin::testing::busy_server;
using admin::testing::forked_site;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(StatusText, OverviewOfABusyServer) {
  EXPECT_EQ(status_text(busy_server(), StatusDetail::kOverview),
            R"(remuda 0.1.0, supervisor 100, worker 102, up 1d02h
12 connections now, 900 accepted, on 2 loops
12300 requests: 12000 2xx, 40 3xx, 250 4xx, 7 5xx, 3 unanswered; sent 2.9 GiB, received 5.0 MiB

blog  fastcgi, pool: 2 instances (1 ready, 1 draining), 1 busy
  8123 requests, 2 failed, 1 retried; 9 starts
  queue: 2 of 100 waiting, the first for 120ms; 8124 admitted after 0.5ms on average; dropped: 4 queue full, 1 timed out, 2 client left
   PID  STATE       AGE  REQUESTS  BUSY       RSS       PSS       USS  SHARED    CPU  NOW
  4242  ready     2h05m      8000   1/1  80.0 MiB  31.5 MiB  20.0 MiB     75%  1m02s  POST /wp-login.php (app, 340ms)
  4250  draining    45s       123   0/1         -         -         -       -  800ms  memory: 312 MiB above 256 MiB

shop  fastcgi, remote: 2 peers (1 up, 1 down)
  50 requests
  PEER                 STATE  WEIGHT  BUSY  REQUESTS  FAILURES  NOW
  10.0.0.7:9000        up          2     1        50         0  GET /cart (reply, 2.0s)
  unix:/run/shop.sock  down        1     0         0         3  connect: Connection refused; next try in 1.5s

wiki  fastcgi, pool: no instance
  0 requests; 3 starts, 3 failed
  queue: 0 of 50 waiting; dropped: 17 nobody to answer
  trouble: instances do not start: exited with status 1
    0 ms  fork
    3 ms  exec /srv/wiki/run
    21 ms  exited with status 1
)");
}

TEST(StatusText, TemplatesAndWhatOneMoreInstanceCosts) {
  EXPECT_EQ(templates_text(forked_site(), StatusDetail::kOverview),
            R"(  template generation 3: ready, pid 812, loaded in 310ms, 4m00s old, 21.0 MiB PSS
  template generation 4: failed, 5s ago
    exited with status 1
    | SyntaxError: invalid syntax
  one more instance costs about 2.0 MiB
)");
  EXPECT_THAT(templates_text(forked_site(), StatusDetail::kAll), HasSubstr("    import django 220.0 ms\n"));
  EXPECT_EQ(templates_text({}, StatusDetail::kAll), "");
}

TEST(StatusText, OneApplicationWithAllItsRequests) {
  admin::Snapshot server = busy_server();
  server.apps.resize(1);
  EXPECT_EQ(status_text(server, StatusDetail::kAll), R"(remuda 0.1.0, supervisor 100, worker 102, up 1d02h
12 connections now, 900 accepted, on 2 loops
12300 requests: 12000 2xx, 40 3xx, 250 4xx, 7 5xx, 3 unanswered; sent 2.9 GiB, received 5.0 MiB

blog  fastcgi, pool: 2 instances (1 ready, 1 draining), 1 busy
  8123 requests, 2 failed, 1 retried; 9 starts
  queue: 2 of 100 waiting, the first for 120ms; 8124 admitted after 0.5ms on average; dropped: 4 queue full, 1 timed out, 2 client left
   PID  STATE       AGE  REQUESTS  BUSY       RSS       PSS       USS  SHARED    CPU  NOW
  4242  ready     2h05m      8000   1/1  80.0 MiB  31.5 MiB  20.0 MiB     75%  1m02s  POST /wp-login.php (app, 340ms)
  4250  draining    45s       123   0/1         -         -         -       -  800ms  memory: 312 MiB above 256 MiB
  REQUEST           PHASE    AGE  BY    WHAT
  0000000000c0ffee  app    340ms  4242  POST /wp-login.php
  0000000000c0fff0  queue  120ms        GET /
  size
    memory 2.0 GiB / 31.5 MiB = 65
)");
}

TEST(StatusText, APeerThatSeveralWorkersSeeIsOne) {
  using State = apps::PeerStatus::State;
  admin::Snapshot server{.version = "0.1.0",
                         .supervisor = 1,
                         .workers = {{.pid = 2, .loops = 1}, {.pid = 3, .loops = 1}},
                         .apps = {}};
  server.apps.push_back({.name = "shop", .type = "fastcgi", .model = "remote"});
  for (const State state : {State::kUp, State::kDown}) {
    server.apps[0].peers.push_back({.address = "10.0.0.7:9000", .state = State::kUp});
    server.apps[0].peers.push_back({.address = "10.0.0.8:9000", .state = state});
  }
  EXPECT_THAT(status_text(server, StatusDetail::kOverview), HasSubstr("2 peers (2 up, 1 down)"));
}

TEST(StatusText, AnIdleServer) {
  admin::Snapshot server{
      .version = "0.1.0", .supervisor = 1, .workers = {{.pid = 2, .loops = 1}}, .apps = {}};
  server.apps.push_back({.name = "cgi", .type = "cgi", .model = "exec"});
  server.apps.push_back({.name = "blog", .type = "fastcgi", .model = "pool"});
  EXPECT_EQ(status_text(server, StatusDetail::kOverview), R"(remuda 0.1.0, supervisor 1, worker 2, up 0s
0 connections now, 0 accepted, on 1 loop
0 requests; sent 0 B, received 0 B

cgi  cgi, exec: 0 requests now
  0 requests

blog  fastcgi, pool: no instance
  0 requests
)");
}

TEST(StatusText, SeveralRequestsAtOneInstance) {
  admin::Snapshot server = busy_server();
  apps::AppStatus& blog = server.apps[0];
  blog.live[1].endpoint = 7;
  EXPECT_EQ(current_request(blog, 7), "POST /wp-login.php (app, 340ms) and 1 more");
  EXPECT_EQ(current_request(blog, 8), "");
  EXPECT_EQ(current_request(blog, 0), "");
}

TEST(StatusText, RequestsOfProgramsThatAreStartedForEach) {
  admin::Snapshot server = busy_server();
  apps::AppStatus cgi{.name = "cgi", .type = "cgi", .model = "exec"};
  for (uint64_t i = 0; i < 25; ++i) {
    cgi.live.push_back({.request = i,
                        .method = "GET",
                        .target = "/slow",
                        .phase = apps::Phase::kApplication,
                        .age = std::chrono::seconds(i)});
  }
  server.apps = {cgi};
  const std::string overview = status_text(server, StatusDetail::kOverview);
  EXPECT_THAT(overview, HasSubstr("cgi  cgi, exec: 25 requests now\n"));
  EXPECT_THAT(overview,
              HasSubstr("  0000000000000018  app     24s  GET /slow\n"));  // the oldest stands first
  EXPECT_THAT(overview, HasSubstr("  and 5 more\n"));
  EXPECT_THAT(status_text(server, StatusDetail::kAll), Not(HasSubstr("more\n")));
}

TEST(StatusText, NoByteFromOutsideReachesTheTerminal) {
  admin::Snapshot server = busy_server();
  for (apps::AppStatus& app : server.apps) {
    app.name = app.trouble = "\x1b[2J";
    app.journey = app.sizing = {"\x1b]0;x\a"};
    for (auto& live : app.live) live.target = live.method = "\x1b[2J";
    for (auto& its : app.instances) its.why = "\x1b[2J";
    for (auto& its : app.peers) its.address = its.trouble = "\x1b[2J";
  }
  server.version = "\x1b[2J";
  for (const StatusDetail detail : {StatusDetail::kOverview, StatusDetail::kAll}) {
    EXPECT_THAT(status_text(server, detail), Not(HasSubstr("\x1b")));
    EXPECT_THAT(status_text(server, detail), Not(HasSubstr("\a")));
  }
}

}  // namespace
}  // namespace remuda::cli
