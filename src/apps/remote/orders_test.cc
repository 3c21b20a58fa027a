// SPDX-License-Identifier: Apache-2.0
//
// What commands have changed of a farm, and the farm of the worker that comes after.
#include "apps/remote/orders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "apps/remote/farm.h"
#include "apps/remote/farm_control.h"
#include "loop/backend/deterministic.h"

namespace remuda::apps::remote {
namespace {

using testing::ElementsAre;

base::Peer peer(std::string_view text) { return *base::parse_peer(text); }

class OrdersTest : public testing::Test {
 protected:
  OrdersTest() {
    std::string name = (std::filesystem::temp_directory_path() / "orders-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ + "/farm.0.blog.peers";
  }
  ~OrdersTest() override { std::filesystem::remove_all(directory_); }

  FarmOptions options() {
    FarmOptions options{.name = "blog"};
    for (const char* text : {"10.0.0.1:9000", "10.0.0.2:9000 weight=2", "app.example.org:9000"})
      options.peers.push_back(peer(text));
    return options;
  }
  std::vector<std::string> peers_of(const Farm& farm) {
    std::vector<std::string> all;
    for (const PeerStatus& each : farm.status(loop_.now()).peers)
      all.push_back(each.address + " " + std::string(to_string(each.state)));
    return all;
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  std::string directory_;
  std::string path_;
};

TEST_F(OrdersTest, AreLinesThatAreReadBack) {
  const Orders orders{.peers = {peer("10.0.0.1:9000 weight=2 concurrency=3"), peer("unix:/run/php.sock")},
                      .draining = {"[::1]:9000"}};
  EXPECT_EQ(to_text(orders),
            "peer 10.0.0.1:9000 weight=2 concurrency=3\npeer unix:/run/php.sock\ndrain [::1]:9000\n");
  EXPECT_EQ(parse_orders(to_text(orders)), orders);
  EXPECT_EQ(parse_orders("peer x\nanything\n\npeer 10.0.0.1:9"), Orders());
}

TEST_F(OrdersTest, AreKeptInAFile) {
  const OrdersFile file(path_);
  EXPECT_FALSE(file.read());
  const Orders orders{.peers = {peer("10.0.0.1:9000")}, .draining = {}};
  ASSERT_TRUE(file.write({}));
  ASSERT_TRUE(file.write(orders));
  EXPECT_EQ(file.read(), orders);
  EXPECT_EQ(OrdersFile(directory_ + "/none/x").write(orders).error().code, ENOENT);
  EXPECT_TRUE(OrdersFile().write(orders));
}

TEST_F(OrdersTest, HoldForTheWorkerThatComesAfter) {
  {
    Farm farm(options());
    farm.keep_orders(OrdersFile(path_));
    FarmControl control(farm, loop_);
    farm.resolved(peer("app.example.org:9000"), std::vector{peer("10.0.0.5:1"), peer("10.0.0.6:1")}, loop_);
    EXPECT_TRUE(control.remove_peer("10.0.0.1:9000"));
    EXPECT_TRUE(control.remove_peer("10.0.0.2:9000"));
    EXPECT_TRUE(control.add_peer("10.0.0.2:9000 weight=5"));
    EXPECT_TRUE(control.add_peer("10.0.0.3:9000"));
    EXPECT_TRUE(control.drain_peer("10.0.0.3:9000"));
    EXPECT_TRUE(control.drain_peer("10.0.0.6:9000"));
    EXPECT_EQ(control.add_peer("x").error().code, EINVAL);
  }
  Farm farm(options());
  farm.keep_orders(OrdersFile(path_));
  farm.keep_orders(OrdersFile(path_));  // each loop says so
  EXPECT_THAT(peers_of(farm),
              ElementsAre("10.0.0.2:9000 up", "10.0.0.3:9000 draining", "app.example.org:9000 down"));
  EXPECT_EQ(farm.status(loop_.now()).peers[0].weight, 5U);
  farm.resolved(peer("app.example.org:9000"), std::vector{peer("10.0.0.5:1"), peer("10.0.0.6:1")}, loop_);
  EXPECT_THAT(peers_of(farm), ElementsAre("10.0.0.2:9000 up", "10.0.0.3:9000 draining", "10.0.0.5:9000 up",
                                          "10.0.0.6:9000 draining"));
}

TEST_F(OrdersTest, WhatCannotBeKeptIsSaid) {
  Farm farm(options());
  farm.keep_orders(OrdersFile(directory_ + "/none/x"));
  FarmControl control(farm, loop_);
  EXPECT_EQ(control.drain_peer("10.0.0.1:9000").error().code, EIO);
  EXPECT_EQ(peers_of(farm)[0], "10.0.0.1:9000 draining");
}

}  // namespace
}  // namespace remuda::apps::remote
