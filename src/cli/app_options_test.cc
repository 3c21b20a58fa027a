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

}  // namespace
}  // namespace remuda::cli
