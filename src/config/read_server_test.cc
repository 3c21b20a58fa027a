// SPDX-License-Identifier: Apache-2.0
//
// Reading what the server itself is told: the mistakes in listeners, users and logs, line and column
// included.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/fake_file.h"

namespace remuda::config {
namespace {

using testing::ElementsAre;

TEST(Listeners, AreDistinctAndWellFormed) {
  EXPECT_THAT(mistakes_before_route(
                  "[[listener]]\naddress = \"127.0.0.1:80\"\n[[listener]]\naddress = \"localhost:80\""),
              ElementsAre("r.toml:4:11: listener.address: \"127.0.0.1:80\" stands twice; first at r.toml:1"));
  EXPECT_THAT(mistakes_before_route("[[listener]]\nbacklog = 5"),
              ElementsAre("r.toml:1:1: listener: address is missing; such as address = \"127.0.0.1:8080\""));
  EXPECT_THAT(
      mistakes_before_route("[[listener]]\naddress = \"8080\""),
      ElementsAre(
          "r.toml:2:11: listener.address: \"8080\": the address is missing; write \"127.0.0.1:8080\""));
}

TEST(Users, NeedRootAndExist) {
  EXPECT_THAT(
      mistakes_before_route("[server]\nuser = \"www-data\""),
      ElementsAre(
          "r.toml:2:8: server.user: only root can become another user; start as root, or leave it out"));
  EXPECT_THAT(
      mistakes_before_route("[server]\ngroup = \"www-data\""),
      ElementsAre(
          "r.toml:2:9: server.group: only root can become another user; start as root, or leave it out"));
  FakeMachine root;
  root.root = true;
  EXPECT_THAT(
      mistakes_before_route("[server]\nuser = \"nobdy\"\ngroup = \"nogrp\"", root),
      ElementsAre(
          "r.toml:2:8: server.user: there is no user \"nobdy\"; create it: adduser --system --group nobdy",
          "r.toml:3:9: server.group: there is no group \"nogrp\"; create it: addgroup --system nogrp"));
  const Config config = good("[server]\nuser = \"git\"\ngroup = \"staff\"\n" + std::string(kRoute), root);
  EXPECT_EQ(config.server.identity, (Identity{110, 50}));
}

TEST(Users, RootWithoutUserIsAWarning) {
  FakeMachine root;
  root.root = true;
  const Config config = good(kRoute, root);
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_EQ(to_string(config.warnings[0]),
            "r.toml: warning: started as root, and so are workers and applications; "
            "set server.user, for instance to \"www-data\"");
}

TEST(Logs, OfRequestsDoNotGoToSyslog) {
  EXPECT_THAT(mistakes_before_route("[log]\nerror = \"syslog\"\naccess = \"syslog\""),
              ElementsAre("r.toml:3:10: log.access: requests are not logged to syslog; \"stdout\", "
                          "\"stderr\", \"off\" or a file"));
}

TEST(Logs, NeedTheirDirectory) {
  EXPECT_THAT(
      mistakes_before_route(
          "[log]\naccess = \"/nowhere/a.log\"\nerror = \"x/e.log\"\n[server]\npid_file = \"/none/p\""),
      ElementsAre("r.toml:2:10: log.access: the directory \"/nowhere\" does not exist; create it",
                  "r.toml:3:9: log.error: the directory \"/site/x\" does not exist; create it",
                  "r.toml:5:12: server.pid_file: the directory \"/none\" does not exist; create it"));
}

}  // namespace
}  // namespace remuda::config
