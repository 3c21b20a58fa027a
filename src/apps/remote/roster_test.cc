// SPDX-License-Identifier: Apache-2.0
//
// Peers as they are written, and the addresses that come and go for them.
#include "apps/remote/roster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remuda::apps::remote {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

base::Peer peer(std::string_view text) { return *base::parse_peer(text); }

std::vector<std::string> texts(const std::vector<base::Peer>& peers) {
  std::vector<std::string> all;
  for (const base::Peer& each : peers) all.push_back(base::to_string(each));
  return all;
}

class RosterTest : public testing::Test {
 protected:
  Roster::Change add(std::string_view text) {
    Roster::Change change;
    added_ = roster_.add(peer(text), change) != nullptr;
    return change;
  }
  Roster::Change resolved(std::string_view name, std::vector<base::Peer> found) {
    Roster::Change change;
    roster_.resolved(name, found, change);
    return change;
  }
  Roster::Change remove(std::string_view text) {
    Roster::Change change;
    removed_ = roster_.remove(text, change);
    return change;
  }

  Roster roster_;
  bool added_ = false;
  bool removed_ = false;
};

TEST_F(RosterTest, AnAddressStandsForItself) {
  EXPECT_THAT(texts(add("10.0.0.1:9000 weight=2").added), ElementsAre("10.0.0.1:9000 weight=2"));
  EXPECT_FALSE(roster_.is_incomplete());
  add("10.0.0.1:9000");
  EXPECT_FALSE(added_);
  EXPECT_THAT(roster_.addresses_of("10.0.0.1:9000"), ElementsAre("10.0.0.1:9000"));
  EXPECT_THAT(remove("10.0.0.1:9000").removed, ElementsAre("10.0.0.1:9000"));
  EXPECT_TRUE(remove("10.0.0.1:9000").removed.empty() && !removed_);
}

TEST_F(RosterTest, ANameStandsForAllThatItWasResolvedTo) {
  EXPECT_THAT(add("app:9000 weight=3").added, IsEmpty());
  EXPECT_TRUE(roster_.is_incomplete());
  EXPECT_THAT(texts(resolved("app:9000", {peer("10.0.0.1:1"), peer("[::1]:1"), peer("10.0.0.1:1")}).added),
              ElementsAre("10.0.0.1:9000 weight=3", "[::1]:9000 weight=3"));
  EXPECT_FALSE(roster_.is_incomplete());
  const auto change = resolved("app:9000", {peer("[::1]:1"), peer("10.0.0.2:1")});
  EXPECT_THAT(texts(change.added), ElementsAre("10.0.0.2:9000 weight=3"));
  EXPECT_THAT(change.removed, ElementsAre("10.0.0.1:9000"));
  EXPECT_THAT(roster_.addresses_of("app:9000"), ElementsAre("[::1]:9000", "10.0.0.2:9000"));
  EXPECT_THAT(roster_.addresses_of("10.0.0.2:9000"), ElementsAre("10.0.0.2:9000"));
  EXPECT_THAT(remove("app:9000").removed, ElementsAre("[::1]:9000", "10.0.0.2:9000"));
}

TEST_F(RosterTest, TheLastGoodAddressesHold) {
  add("app:9000");
  resolved("app:9000", {peer("10.0.0.1:1")});
  roster_.not_resolved("app:9000", "no answer");
  EXPECT_THAT(roster_.addresses_of("app:9000"), ElementsAre("10.0.0.1:9000"));
  EXPECT_EQ(roster_.sites()[0].trouble, "no answer");
  resolved("app:9000", {peer("10.0.0.1:1")});
  EXPECT_EQ(roster_.sites()[0].trouble, "");
}

TEST_F(RosterTest, AnAddressGoesWhenNobodyHoldsIt) {
  add("10.0.0.1:9000");
  add("app:9000");
  EXPECT_THAT(resolved("app:9000", {peer("10.0.0.1:1")}).added, IsEmpty());
  EXPECT_THAT(remove("10.0.0.1:9000").removed, IsEmpty());
  EXPECT_THAT(resolved("app:9000", {peer("10.0.0.2:1")}).removed, ElementsAre("10.0.0.1:9000"));
}

TEST_F(RosterTest, WhatANameIsResolvedToLaterIsDrainedToo) {
  add("app:9000");
  resolved("app:9000", {peer("10.0.0.1:1")});
  EXPECT_TRUE(roster_.set_draining("app:9000", true));
  EXPECT_THAT(resolved("app:9000", {peer("10.0.0.1:1"), peer("10.0.0.2:1")}).drained,
              ElementsAre("10.0.0.2:9000"));
  EXPECT_FALSE(roster_.set_draining("10.0.0.9:9000", true));
}

TEST_F(RosterTest, AnAddressThatIsDrainedByItselfComesAgainDrained) {
  add("app:9000");
  resolved("app:9000", {peer("10.0.0.1:1"), peer("10.0.0.2:1")});
  EXPECT_TRUE(roster_.set_draining("10.0.0.1:9000", true));
  resolved("app:9000", {peer("10.0.0.2:1")});
  EXPECT_THAT(resolved("app:9000", {peer("10.0.0.1:1")}).drained, ElementsAre("10.0.0.1:9000"));
  resolved("app:9000", {peer("10.0.0.2:1")});
  EXPECT_TRUE(roster_.set_draining("10.0.0.1:9000", false)) << "though it is away";
  EXPECT_THAT(resolved("app:9000", {peer("10.0.0.1:1")}).drained, IsEmpty());
}

}  // namespace
}  // namespace remuda::apps::remote
