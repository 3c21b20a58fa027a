// SPDX-License-Identifier: Apache-2.0
//
// What is written is read back; what others write is read as far as it goes.
#include "admin/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/testing/fake_control.h"

namespace remuda::admin {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Json, ASnapshotIsReadBackWhole) {
  const std::string text = to_json(testing::busy_server());
  const auto read = parse_snapshot(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), text);
  ASSERT_EQ(read->apps.size(), 3U);
  EXPECT_EQ(read->workers[0].requests[2], 12000U);
  EXPECT_EQ(read->apps[0].instances[1].why, "memory: 312 MiB above 256 MiB");
  EXPECT_EQ(read->apps[1].peers[1].state, apps::PeerStatus::State::kDown);
  EXPECT_EQ(read->apps[0].live[0].phase, apps::Phase::kApplication);
}

TEST(Json, TellsOfTemplates) {
  Snapshot server = testing::busy_server();
  server.apps.push_back(testing::forked_site());
  const std::string text = to_json(server);
  const auto read = parse_snapshot(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), text);
  ASSERT_EQ(read->apps.back().templates.size(), 2U);
  EXPECT_EQ(read->apps.back().templates[1].state, apps::TemplateStatus::State::kFailed);
  EXPECT_EQ(read->apps.back().template_counters.loads, 3U);
  EXPECT_THAT(text, HasSubstr("\"shared_percent\": 95"));
  EXPECT_THAT(text, HasSubstr("\"one_more_bytes\": 2097152"));
  const Snapshot both = merge({*read, *read});
  EXPECT_EQ(both.apps.back().templates.size(), 2U) << "workers hear of the same templates";
  EXPECT_EQ(both.apps.back().template_counters.loads, 3U);
}

TEST(Json, NamesWhoWorksOnARequest) {
  const std::string text = to_json(testing::busy_server());
  EXPECT_THAT(text, HasSubstr("\"request\": \"0000000000c0ffee\""));
  EXPECT_THAT(text, HasSubstr("\"by\": 4242"));
  EXPECT_THAT(text, HasSubstr("\"by\": \"10.0.0.7:9000\""));
  EXPECT_THAT(text, HasSubstr("\"by\": null"));
}

TEST(Json, BytesThatAreNoUtf8AreReplaced) {
  Snapshot server = testing::busy_server();
  server.apps[0].live[0].target = "/\xff\"\n";
  const auto read = parse_snapshot(to_json(server));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->apps[0].live[0].target, "/\xEF\xBF\xBD\"\n");
}

TEST(Json, WhatIsMissingOrOfAnotherTypeIsZero) {
  const auto read = parse_snapshot(
      R"({"version": 3, "supervisor_pid": -4, "workers": {}, "apps": [{"name": "a", "queue": [],
          "requests": "many", "instances": [{"pid": 7, "state": "resting", "age_ms": 1e300}, 5],
          "live": [{"request": "no number"}]}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->version, "");
  EXPECT_EQ(read->supervisor, 0);
  ASSERT_EQ(read->apps.size(), 1U);
  ASSERT_EQ(read->apps[0].instances.size(), 2U);
  EXPECT_EQ(read->apps[0].instances[0].pid, 7);
  EXPECT_EQ(read->apps[0].instances[0].state, apps::InstanceStatus::State::kStarting);
  EXPECT_EQ(read->apps[0].live[0].request, 0U);
}

TEST(Json, DurationsBeyondAllBoundsAreCut) {
  const auto read = parse_snapshot(R"({"workers": [{"uptime_ms": 18446744073709551615}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->workers[0].uptime, 24h * 365 * 100);
}

TEST(Json, OnlyAnObjectIsASnapshot) {
  for (const char* text : {"", "[]", "{", "7", "\"x\"", "{\"version\": \"0.1.0\""}) {
    EXPECT_FALSE(parse_snapshot(text)) << text;
    EXPECT_FALSE(parse_restart_report(text)) << text;
    EXPECT_EQ(parse_sentence(text), "") << text;
  }
}

TEST(Json, ReportsAndSentences) {
  const auto report = parse_restart_report(to_json(apps::RestartReport{.replaced = 1, .lines = {"a", "b"}}));
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->succeeded);
  EXPECT_EQ(report->replaced, 1U);
  EXPECT_THAT(report->lines, ElementsAre("a", "b"));
  EXPECT_EQ(parse_sentence(error_json("it is so")), "it is so");
  EXPECT_EQ(parse_sentence(done_json("it is done")), "it is done");
}

TEST(Json, RequestsAreWrittenAsTheLogsDo) {
  EXPECT_EQ(request_text(0xc0ffee), "0000000000c0ffee");
  EXPECT_EQ(parse_request("0000000000c0ffee"), 0xc0ffeeU);
  EXPECT_EQ(parse_request("C0FFEE"), 0xc0ffeeU);
  EXPECT_EQ(parse_request("0xc0ffee"), 0xc0ffeeU);
  for (const char* text : {"", "0x", "c0ffee ", "-1", "+1", "12345678901234567", "pid"}) {
    EXPECT_FALSE(parse_request(text)) << text;
  }
}

}  // namespace
}  // namespace remuda::admin
