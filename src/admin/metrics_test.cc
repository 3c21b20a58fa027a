// SPDX-License-Identifier: Apache-2.0
//
// The text that Prometheus reads: its grammar, and the figures in it.
#include "admin/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "admin/testing/fake_control.h"

namespace remuda::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, SayTheFigures) {
  const std::string text = metrics_text(testing::busy_server());
  for (const char* line :
       {"\nremuda_requests_total{class=\"2xx\"} 12000\n", "\nremuda_connections 12\n",
        "\nremuda_uptime_seconds 93780\n", "\nremuda_app_requests_total{app=\"blog\"} 8123\n",
        "\nremuda_app_queue_wait_seconds_total{app=\"blog\"} 4.1\n",
        "\nremuda_app_queue_dropped_total{app=\"blog\",reason=\"full\"} 4\n",
        "\nremuda_app_instances{app=\"blog\",state=\"ready\"} 1\n",
        "\nremuda_app_memory_bytes{app=\"blog\",kind=\"pss\"} 33030144\n",
        "\nremuda_app_trouble{app=\"wiki\"} 1\n", "\nremuda_app_trouble{app=\"blog\"} 0\n",
        "\nremuda_peer_up{app=\"shop\",peer=\"unix:/run/shop.sock\"} 0\n",
        "\nremuda_peer_busy{app=\"shop\",peer=\"10.0.0.7:9000\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, SayWhatProcessesAreForkedFrom) {
  Snapshot server = testing::busy_server();
  server.apps.push_back(testing::forked_site());
  const std::string text = metrics_text(server);
  for (const char* line : {"\nremuda_app_template_state{app=\"site\",state=\"ready\"} 1\n",
                           "\nremuda_app_template_state{app=\"site\",state=\"failed\"} 1\n",
                           "\nremuda_app_template_generation{app=\"site\"} 3\n",
                           "\nremuda_app_template_loads_total{app=\"site\"} 3\n",
                           "\nremuda_app_template_failures_total{app=\"site\"} 1\n",
                           "\nremuda_app_template_load_seconds_total{app=\"site\"} 0.9\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, FollowTheGrammar) {
  const std::regex comment(R"(# (HELP|TYPE) remuda_[a-z_]+ .+)");
  const std::regex sample(R"re(remuda_[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+)re");
  std::istringstream lines(metrics_text(testing::busy_server()));
  std::set<std::string> series;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) {
      EXPECT_TRUE(std::regex_match(line, comment)) << line;
      continue;
    }
    EXPECT_TRUE(std::regex_match(line, sample)) << line;
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << "twice: " << line;
  }
  EXPECT_GT(series.size(), 50U);
}

TEST(Metrics, APeerOfSeveralWorkersIsOneSeries) {
  const std::string text = metrics_text(merge({testing::busy_server(), testing::busy_server()}));
  EXPECT_THAT(text, HasSubstr("\nremuda_peer_requests_total{app=\"shop\",peer=\"10.0.0.7:9000\"} 100\n"));
}

TEST(Metrics, LabelsAreEscaped) {
  Snapshot server = testing::busy_server();
  server.apps.resize(1);
  server.apps[0].name = "a\"b\\c\nd";
  const std::string text = metrics_text(server);
  EXPECT_THAT(text, HasSubstr("{app=\"a\\\"b\\\\c\\nd\"}"));
}

}  // namespace
}  // namespace remuda::admin
