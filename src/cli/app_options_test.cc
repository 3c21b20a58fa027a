// SPDX-License-Identifier: Apache-2.0
//
// What floors are told of an application's configuration, where that is more than copying.
#include "cli/app_options.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace remuda::cli
