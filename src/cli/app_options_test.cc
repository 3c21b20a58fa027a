// SPDX-License-Identifier: Apache-2.0
//
// What floors are told of an application's configuration, where that is more than copying.
#include "cli/app_options.h"

#include <gtest/gtest.h>

#include "cli/app_commands.h"
#include "cli/plan.h"

namespace remuda::cli {
namespace {

using gateway::KeyBy;

TEST(AppOptions, AHashNeedsAKeyAndACookieGoesFirst) {
  config::App app;
  app.model = config::AppModel::kRemote;
  app.sticky_cookie = "session";
  app.hash_key = "client";
  gateway::AppOptions options = app_options(app, {});
  EXPECT_EQ(options.sticky_cookie, "session");
  EXPECT_EQ(options.key_by, KeyBy::kNothing) << "nothing is hashed";
  app.balance = config::Balance::kHash;
  options = app_options(app, {});
  EXPECT_EQ(options.sticky_cookie, "session");
  EXPECT_EQ(options.key_by, KeyBy::kClient);
  app.hash_key = "cookie:basket";
  options = app_options(app, {});
  EXPECT_EQ(options.key_by, KeyBy::kCookie);
  EXPECT_EQ(options.key_cookie, "basket");
  app.hash_key = "path";
  EXPECT_EQ(app_options(app, {}).key_by, KeyBy::kPath);
}

TEST(AppOptions, ProcessesShareAQueueButNobodyIsLeftWithoutOne) {
  config::Config config;
  config.workers.processes = 4;
  config::App& app = config.apps.emplace_back();
  for (const auto& [whole, part] : {std::pair{100U, 25U}, {2U, 1U}, {0U, 0U}}) {
    app.queue = whole;
    EXPECT_EQ(group_options(config, 0).queue, part);
    EXPECT_EQ(farm_options(config, 0).queue, part);
    EXPECT_EQ(admission_limits(app, config.workers).queue, part);
  }
  EXPECT_EQ(pool_options(config).processes, 4U);
}

config::Config shop(config::AppModel model) {
  config::Config config;
  config.server.loaders.text = "/lib/remuda";
  config::App& app = config.apps.emplace_back();
  app.name = "shop";
  app.type = config::AppType::kWsgi;
  app.model = model;
  app.root.text = "/srv/shop";
  app.interpreter.text = "/usr/bin/python3";
  app.entry_point = "shop.wsgi:application";
  app.threads = 4;
  return config;
}

TEST(AppOptions, ALoaderRunsWhatIsInRoot) {
  config::Config config = shop(config::AppModel::kPool);
  const Command command = command_of(config, config.apps[0]);
  EXPECT_EQ(command.program, "/usr/bin/python3");
  EXPECT_EQ(command.arguments, (std::vector<std::string>{"/lib/remuda/python/remuda_wsgi.py", "--entry-point",
                                                         "shop.wsgi:application", "--threads", "4"}));
  EXPECT_EQ(environment_of(config, config.apps[0]), std::vector<std::string>{"PWD=/srv/shop"});
  config.server.dev = true;
  EXPECT_EQ(environment_of(config, config.apps[0]),
            (std::vector<std::string>{"PWD=/srv/shop", "REMUDA_DEV=1"}));
  const auto rules = spawner_rules(config);
  ASSERT_EQ(rules.size(), 1U);
  EXPECT_EQ(rules[0].directory, "/srv/shop");
  EXPECT_EQ(rules[0].root, "");
  EXPECT_EQ(rules[0].outlives, spawner::Outlives::kWorker);
}

TEST(AppOptions, SettingsOfPhpAreItsArguments) {
  config::Config config = shop(config::AppModel::kPool);
  config::App& app = config.apps[0];
  app.type = config::AppType::kPhp;
  app.arguments = {"-d", "a=b"};
  app.ini = {{"memory_limit", "256M"}};
  app.program.text = "/lib/remuda/php/remuda-php";
  EXPECT_EQ(command_of(config, app).arguments,
            (std::vector<std::string>{"-d", "a=b", "-D", "memory_limit=256M"}));
  app.program.text = "/usr/bin/php-cgi";
  EXPECT_EQ(command_of(config, app).arguments,
            (std::vector<std::string>{"-d", "a=b", "-d", "memory_limit=256M"}));
}

TEST(AppOptions, NoPathIsLookedUpInTheSourceOfAnApplication) {
  const config::Config config = shop(config::AppModel::kFork);
  config::Route route;
  route.path = "/app/";
  const gateway::AppOptions options = app_options(config.apps[0], route);
  EXPECT_EQ(options.root, "");
  EXPECT_EQ(options.mount, "/app");
  EXPECT_FALSE(script_names(config.apps[0]).looked_up);
}

TEST(AppOptions, TemplatesAreOfForkAndOfPoolsThatALoaderRuns) {
  using spawner::TemplateFor;
  config::Config config = shop(config::AppModel::kPool);
  config::App& app = config.apps[0];
  EXPECT_EQ(template_rules(config, app).covers, TemplateFor::kApplication);
  EXPECT_EQ(template_rules(config, app).fork_serves, spawner::ForkServes::kMany);
  app.preloaded.enabled = false;
  EXPECT_EQ(template_rules(config, app).covers, TemplateFor::kNone);
  app.model = config::AppModel::kFork;
  EXPECT_EQ(template_rules(config, app).covers, TemplateFor::kApplication);
  app.model = config::AppModel::kExec;
  EXPECT_EQ(template_rules(config, app).covers, TemplateFor::kNone);
  app.type = config::AppType::kCgi;
  app.model = config::AppModel::kFork;
  EXPECT_EQ(template_rules(config, app).covers, TemplateFor::kEachProgram);
  EXPECT_EQ(template_rules(config, app).fork_serves, spawner::ForkServes::kOneRequest);
  EXPECT_EQ(template_rules(config, app).loaders, "/lib/remuda");
}

}  // namespace
}  // namespace remuda::cli
