// SPDX-License-Identifier: Apache-2.0
//
// Tests of the sentences about a configuration.
#include "cli/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remuda::cli {
namespace {

std::string workers(uint32_t processes, uint32_t threads, uint32_t connections) {
  config::Workers made;
  made.processes = processes;
  made.threads = threads;
  made.connections = connections;
  return describe_workers(made);
}

TEST(Describe, NamesTheClassicModels) {
  EXPECT_EQ(workers(1, 4, 20000), "event driven: 1 process, 4 event loops and 20000 connections in each");
  EXPECT_EQ(workers(8, 1, 1), "prefork: 8 processes, 1 event loop and 1 connection in each");
  EXPECT_EQ(workers(1, 64, 1), "thread pool: 1 process, 64 event loops and 1 connection in each");
  EXPECT_EQ(workers(2, 4, 100), "hybrid: 2 processes, 4 event loops and 100 connections in each");
  config::Workers each;
  each.start = config::Start::kPerConnection;
  each.processes = 256;
  EXPECT_EQ(describe_workers(each), "a process per connection, at most 256 at once");
}

TEST(Describe, RoutesInColumns) {
  config::Config config;
  config.apps.emplace_back().name = "git";
  config.apps[0].program.text = "/usr/bin/git";
  config::Route& app = config.routes.emplace_back();
  app.path = "/git/";
  app.host = {"a.org", "b.org"};
  app.method = {"GET"};
  app.action = config::Action::kApp;
  config.routes.emplace_back().files.root.text = "/site";
  config::Route& redirect = config.routes.emplace_back();
  redirect.action = config::Action::kRedirect;
  redirect.redirect.url = "/x";
  config.routes.emplace_back().action = config::Action::kRespond;
  EXPECT_THAT(describe_routes(config),
              testing::ElementsAre("a.org, b.org /git/ GET  application git: /usr/bin/git (cgi, exec)",
                                   "/                       files of /site",
                                   "/                       redirect (302) to /x",
                                   "/                       status 404"));
}

}  // namespace
}  // namespace remuda::cli
