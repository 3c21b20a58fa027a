// SPDX-License-Identifier: Apache-2.0
//
// What an application says of content that comes from elsewhere: which status stands in the end.
#include "server/kept_head.h"

#include <gtest/gtest.h>

#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"

namespace remuda::server {
namespace {

class KeptHeadTest : public ::testing::Test {
 public:
  // The status that is sent when the application says one and the file or route it names gives another.
  int sent(int said, int found, http::RedirectFields fields = http::RedirectFields::kKeep) {
    http::testing::FakeExchange exchange(loop_, "GET", "/");
    exchange.request.fields.add(http::KnownName::kIfNoneMatch, "If-None-Match", "\"x\"");
    exchange.request.fields.add(http::KnownName::kRange, "Range", "bytes=0-1");
    exchange.response.status = said;
    exchange.response.redirect_fields = fields;
    exchange.response.fields.add(http::KnownName::kSetCookie, "Set-Cookie", "a=b");
    KeptHead kept;
    kept.take(exchange);
    conditions_ = exchange.request.fields.has(http::KnownName::kIfNoneMatch) &&
                  exchange.request.fields.has(http::KnownName::kRange);
    exchange.response.fields.clear();
    exchange.response.status = found;
    kept.give(exchange);
    cookie_ = exchange.response.fields.has(http::KnownName::kSetCookie);
    return exchange.response.status;
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  bool conditions_ = false;
  bool cookie_ = false;
};

TEST_F(KeptHeadTest, AnOrdinaryAnswerHasTheStatusOfWhatIsFound) {
  for (const int found : {200, 206, 304, 404, 502}) {
    EXPECT_EQ(sent(200, found), found);
    EXPECT_TRUE(conditions_);
    EXPECT_TRUE(cookie_);
  }
}

TEST_F(KeptHeadTest, ARefusalStaysOneAndIsSentWhole) {
  for (const int said : {201, 203, 401, 403, 404, 500, 503}) {
    EXPECT_EQ(sent(said, 200), said);
    EXPECT_FALSE(conditions_);
    EXPECT_TRUE(cookie_);
    EXPECT_EQ(sent(said, 404), 404) << "what it names is not there";
  }
}

TEST_F(KeptHeadTest, WhatHasNoContentOfItsOwnOrIsForgottenSaysNothing) {
  for (const int said : {204, 206, 302, 304}) EXPECT_EQ(sent(said, 200), 200);
  EXPECT_EQ(sent(403, 200, http::RedirectFields::kForget), 200);
  EXPECT_FALSE(cookie_);
}

}  // namespace
}  // namespace remuda::server
