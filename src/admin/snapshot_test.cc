// SPDX-License-Identifier: Apache-2.0
//
// Several workers are one server.
#include "admin/snapshot.h"

#include <gtest/gtest.h>

#include <set>

#include "admin/json.h"
#include "admin/testing/fake_control.h"

namespace remuda::admin {
namespace {

using namespace std::chrono_literals;

TEST(Merge, OfOneChangesNothingButTheNumbersOfEndpoints) {
  const Snapshot server = testing::busy_server();
  const Snapshot merged = merge({server});
  EXPECT_EQ(merged.apps[0].instances[0].endpoint, merged.apps[0].live[0].endpoint);
  Snapshot same = merged;
  for (size_t i = 0; i < same.apps.size(); ++i) {
    same.apps[i].instances = server.apps[i].instances;
    same.apps[i].peers = server.apps[i].peers;
    same.apps[i].live = server.apps[i].live;
  }
  EXPECT_EQ(to_json(same), to_json(server));
  EXPECT_EQ(to_json(merge({merged})), to_json(merged));
}

TEST(Merge, SumsUpWhatWorkersCount) {
  Snapshot other = testing::busy_server();
  other.workers[0].pid = 103;
  other.workers[0].uptime = 1min;
  other.apps[0].queue.longest = 5s;
  other.apps.erase(other.apps.begin() + 1);
  const Snapshot merged = merge({testing::busy_server(), other});
  ASSERT_EQ(merged.workers.size(), 2U);
  const WorkerFigures total = total_of(merged.workers);
  EXPECT_EQ(total.connections, 24U);
  EXPECT_EQ(total.uptime, 26h + 3min);
  EXPECT_EQ(all_requests(total), 2 * 12300U);
  ASSERT_EQ(merged.apps.size(), 3U);
  EXPECT_EQ(merged.apps[0].requests, 2 * 8123U);
  EXPECT_EQ(merged.apps[0].queue.waiting, 4U);
  EXPECT_EQ(merged.apps[0].queue.bound, 200U);
  EXPECT_EQ(merged.apps[0].queue.longest, 5s);
  EXPECT_EQ(merged.apps[0].queue.dropped.full, 8U);
  EXPECT_EQ(merged.apps[0].sizing.size(), 1U);
  EXPECT_EQ(merged.apps[1].peers.size(), 2U);
  EXPECT_EQ(merged.apps[2].journey.size(), 3U);
}

TEST(Merge, RequestsStayWithWhoWorksOnThem) {
  Snapshot other = testing::busy_server();
  other.apps[0].instances[0].pid = 5555;
  const Snapshot merged = merge({testing::busy_server(), other});
  std::set<uint64_t> endpoints;
  for (const apps::AppStatus& app : merged.apps) {
    for (const auto& instance : app.instances) EXPECT_TRUE(endpoints.insert(instance.endpoint).second);
    for (const auto& peer : app.peers) EXPECT_TRUE(endpoints.insert(peer.endpoint).second);
  }
  const apps::AppStatus& blog = merged.apps[0];
  ASSERT_EQ(blog.live.size(), 4U);
  EXPECT_EQ(blog.live[0].endpoint, blog.instances[0].endpoint);
  EXPECT_EQ(blog.live[1].endpoint, 0U);
  EXPECT_EQ(blog.live[2].endpoint, blog.instances[2].endpoint);
  EXPECT_EQ(blog.instances[2].pid, 5555);
}

TEST(Merge, TroubleOfAnyWorkerIsTold) {
  Snapshot healthy = testing::busy_server();
  healthy.apps[2].trouble.clear();
  healthy.apps[2].journey.clear();
  const Snapshot merged = merge({healthy, testing::busy_server()});
  EXPECT_EQ(merged.apps[2].trouble, "instances do not start: exited with status 1");
  EXPECT_EQ(merged.apps[2].journey.size(), 3U);
}

}  // namespace
}  // namespace remuda::admin
