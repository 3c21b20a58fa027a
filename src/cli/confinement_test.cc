// SPDX-License-Identifier: Apache-2.0
//
// What belongs to whom: what a strict application is shown, what of others is hidden from it.
#include "cli/confinement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace remuda::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class ConfinementTest : public testing::Test {
 protected:
  ConfinementTest() {
    for (const char* name : {"shop/uploads", "blog", "releases/one", "lib"})
      std::filesystem::create_directories(place_ + "/" + name);
    config_.server.run_directory.text = "/run/remuda";
    config_.server.loaders.text = place_ + "/lib";
    add("shop", "shop");
  }
  ~ConfinementTest() override { std::filesystem::remove_all(place_); }

  config::App& add(const std::string& name, const std::string& root) {
    config::App& app = config_.apps.emplace_back();
    app.name = name;
    app.root.text = root.starts_with('/') ? root : at(root);
    return app;
  }
  config::App& shop() { return config_.apps.front(); }
  std::string at(const std::string& name) const { return place_ + "/" + name; }
  spawner::ConfinementRules strict() {
    shop().sandbox = config::Sandbox::kStrict;
    return confinement_rules(config_, shop());
  }

  const std::string place_ = std::filesystem::canonical(testing::TempDir()).string() + "/remuda-confinement";
  config::Config config_;
};

TEST_F(ConfinementTest, IsAsMuchAsIsAskedFor) {
  EXPECT_EQ(confinement_rules(config_, shop()).filter, spawner::Filter::kNone);
  shop().sandbox = config::Sandbox::kDefault;
  const auto rules = confinement_rules(config_, shop());
  EXPECT_EQ(rules.filter, spawner::Filter::kSystemCalls);
  EXPECT_EQ(rules.files, spawner::FileView::kWhole);
  EXPECT_EQ(rules.network, spawner::NetworkView::kWhole);
  EXPECT_EQ(strict().files, spawner::FileView::kOwn);
}

TEST_F(ConfinementTest, ShowsWhatIsItsOwnAndHidesWhatIsOthers) {
  add("blog", "blog");
  shop().writable = {{at("shop/uploads")}};
  const auto view = strict().view;
  EXPECT_THAT(view.shown, ElementsAre(at("shop"), at("lib")));
  EXPECT_THAT(view.writable, ElementsAre(at("shop/uploads")));
  EXPECT_THAT(view.hidden, ElementsAre(at("blog"), "/run/remuda"));
}

TEST_F(ConfinementTest, HidesTheConfigurationWhereverItIs) {
  config_.file = "remuda.toml";
  config_.identity = at("shop/remuda.toml");
  EXPECT_THAT(strict().view.hidden, Contains(at("shop/remuda.toml")));
}

TEST_F(ConfinementTest, HidesNothingThatHoldsItOrLiesInIt) {
  add("around", place_);
  add("inside", "shop/uploads");
  EXPECT_THAT(strict().view.hidden, ElementsAre("/run/remuda"));
}

TEST_F(ConfinementTest, HidesNothingThatEveryProgramNeeds) {
  add("tools", "/usr/lib");
  add("all", "/");
  config::App& php = add("php", "");
  php.root.text.clear();
  php.program.text = "/usr/bin/env";
  EXPECT_THAT(strict().view.hidden, ElementsAre("/run/remuda"));
}

TEST_F(ConfinementTest, ShowsWhatMayBeReadAndNothingAroundIt) {
  add("blog", "blog");
  std::filesystem::create_directories(at("blog/public"));
  shop().readable = {{at("blog/public")}};
  const auto view = strict().view;
  EXPECT_THAT(view.shown, Contains(at("blog/public")));
  EXPECT_THAT(view.hidden, Contains(at("blog")));
}

TEST_F(ConfinementTest, ShowsWhereALinkIsAsWellAsWhereItLeads) {
  std::filesystem::create_symlink("one", at("releases/current"));
  shop().root.text = at("releases/current");
  EXPECT_THAT(strict().view.shown, ElementsAre(at("releases"), at("releases/one"), at("lib")));
}

TEST_F(ConfinementTest, PassesVariablesByNameAndByTheBeginningOfNames) {
  setenv("REMUDA_TEST_A", "1", 1);
  setenv("REMUDA_TEST_B", "2", 1);
  EXPECT_THAT(passed_environment(shop()), IsEmpty());
  shop().pass_environment = {"REMUDA_TEST_*"};
  EXPECT_THAT(passed_environment(shop()), Contains("REMUDA_TEST_A=1"));
  shop().environment = {{"REMUDA_TEST_A", "said"}};
  EXPECT_THAT(passed_environment(shop()), ElementsAre("REMUDA_TEST_B=2"));
  shop().pass_environment = {"REMUDA_TEST"};
  EXPECT_THAT(passed_environment(shop()), Not(Contains("REMUDA_TEST_B=2")));
}

TEST_F(ConfinementTest, IsDescribed) {
  EXPECT_THAT(describe_confinement(shop()), IsEmpty());
  shop().sandbox = config::Sandbox::kStrict;
  shop().network = config::Network::kOff;
  shop().writable = {{"/srv/uploads"}};
  EXPECT_THAT(
      describe_confinement(shop()),
      ElementsAre("system calls that no web application needs are denied",
                  "writes to its own /tmp, /var/tmp and /dev/shm (256MiB each), /srv/uploads; all else "
                  "is read-only",
                  "sees nothing of other applications, /home, /root, other users' processes, or this "
                  "configuration",
                  "has no network"));
}

}  // namespace
}  // namespace remuda::cli
