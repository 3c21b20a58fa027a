// SPDX-License-Identifier: Apache-2.0
//
// Every record there and back; every cut and every lie about a size refused.
#include "spawner/protocol.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace remuda::spawner {
namespace {

using namespace std::string_view_literals;

std::vector<std::byte> spawn_packet(std::string_view program, std::string_view environment) {
  std::vector<std::byte> packet;
  encode_head({.id = 7, .app = 3, .input = Input::kGiven, .program = program}, environment.size(), packet);
  const auto* const bytes = reinterpret_cast<const std::byte*>(environment.data());
  packet.insert(packet.end(), bytes, bytes + environment.size());
  return packet;
}

TEST(Protocol, SpawnThereAndBack) {
  const auto packet = spawn_packet("/srv/cgi/hello", "A=1\0B=2\0"sv);
  std::span<const std::byte> rest = packet;
  const auto request = decode_request(rest);
  ASSERT_TRUE(request);
  EXPECT_TRUE(rest.empty());
  const auto& spawn = std::get<Spawn>(*request);
  EXPECT_EQ(spawn.id, 7U);
  EXPECT_EQ(spawn.app, 3U);
  EXPECT_EQ(spawn.program, "/srv/cgi/hello");
  EXPECT_EQ(spawn.program.data()[spawn.program.size()], '\0');
  EXPECT_EQ(spawn.environment, "A=1\0B=2\0"sv);
  EXPECT_EQ(descriptors_of(*request), 3U);
}

TEST(Protocol, EveryCutIsRefused) {
  const auto packet = spawn_packet("/srv/cgi/hello", "A=1\0"sv);
  for (size_t size = 0; size < packet.size(); ++size) {
    std::span<const std::byte> cut(packet.data(), size);
    EXPECT_FALSE(decode_request(cut)) << size;
  }
}

TEST(Protocol, StrayZerosAreRefused) {
  const auto in_program = spawn_packet("/srv\0/x"sv, "A=1\0"sv);
  std::span<const std::byte> rest = in_program;
  EXPECT_FALSE(decode_request(rest));
  const auto no_end = spawn_packet("/srv/x", "A=1"sv);
  rest = no_end;
  EXPECT_FALSE(decode_request(rest));
}

TEST(Protocol, OtherVersionIsRefused) {
  auto packet = spawn_packet("/srv/x", "A=1\0"sv);
  packet[0] = std::byte{99};
  std::span<const std::byte> rest = packet;
  EXPECT_FALSE(decode_request(rest));
}

TEST(Protocol, SeveralRepliesInOnePacket) {
  std::vector<std::byte> packet;
  encode(Reply(Hello{4}), packet);
  encode(Reply(Started{.id = 1, .pid = 100, .times = {10, 20, 0}}), packet);
  encode(Reply(Exited{.id = 1, .pid = 100, .status = 256, .times = {10, 20, 30}, .usage = {1, 2, 3}}),
         packet);
  encode(Reply(Failed{.id = 2, .error = 13, .step = Step::kExec, .times = {}, .detail = "why"}), packet);
  encode(Reply(Pong{5}), packet);
  std::span<const std::byte> rest = packet;
  EXPECT_EQ(std::get<Hello>(*decode_reply(rest)).generation, 4U);
  EXPECT_EQ(std::get<Started>(*decode_reply(rest)).times.started, 20);
  const auto exited = std::get<Exited>(*decode_reply(rest));
  EXPECT_EQ(exited.status, 256);
  EXPECT_EQ(exited.usage.max_resident_kib, 3);
  const auto failed = std::get<Failed>(*decode_reply(rest));
  EXPECT_EQ(failed.step, Step::kExec);
  EXPECT_EQ(failed.detail, "why");
  EXPECT_EQ(std::get<Pong>(*decode_reply(rest)).token, 5U);
  EXPECT_TRUE(rest.empty());
  EXPECT_FALSE(decode_reply(rest));
}

TEST(Protocol, RequestsAndRepliesAreNotMixedUp) {
  std::vector<std::byte> packet;
  encode(Ping{1}, packet);
  std::span<const std::byte> rest = packet;
  EXPECT_FALSE(decode_reply(rest));
  rest = packet;
  EXPECT_TRUE(decode_request(rest));
}

TEST(Protocol, AnInstanceHasALabel) {
  std::vector<std::byte> packet;
  encode_head({.id = 7, .app = 3, .input = Input::kListener, .label = "blog.1.sock"}, 0, packet);
  std::span<const std::byte> rest = packet;
  const auto request = decode_request(rest);
  ASSERT_TRUE(request);
  EXPECT_EQ(std::get<Spawn>(*request).label, "blog.1.sock");
  EXPECT_EQ(descriptors_of(*request), 3U);
}

TEST(Protocol, APlainProgramHasNoLabelAndNoIdOfTheSpawners) {
  std::vector<std::byte> packet;
  encode_head({.id = 7, .program = "/x", .label = "blog"}, 0, packet);
  std::span<const std::byte> rest = packet;
  EXPECT_FALSE(decode_request(rest));
  packet.clear();
  encode_head({.id = kFirstInheritedId, .program = "/x"}, 0, packet);
  rest = packet;
  EXPECT_FALSE(decode_request(rest));
}

TEST(Protocol, TooLongALabelIsRefused) {
  const std::string label(kMaxLabel + 1, 'x');
  std::vector<std::byte> packet;
  encode_head({.id = 7, .input = Input::kListener, .label = label}, 0, packet);
  std::span<const std::byte> rest = packet;
  EXPECT_FALSE(decode_request(rest));
}

TEST(Protocol, InheritedAndMeasuredThereAndBack) {
  std::vector<std::byte> packet;
  encode(Reply(Inherited{.id = kFirstInheritedId + 2,
                         .app = 1,
                         .pid = 77,
                         .times = {1, 2, 0},
                         .end_is_told = true,
                         .label = "blog"}),
         packet);
  encode(Reply(Measured{.token = 5, .error = 0, .resident = 3, .proportional = 2, .unique = 1}), packet);
  std::span<const std::byte> rest = packet;
  const auto first = decode_reply(rest);
  ASSERT_TRUE(first);
  const auto& inherited = std::get<Inherited>(*first);
  EXPECT_EQ(inherited.pid, 77);
  EXPECT_EQ(inherited.times.started, 2);
  EXPECT_TRUE(inherited.end_is_told);
  EXPECT_EQ(inherited.label, "blog");
  const auto second = decode_reply(rest);
  ASSERT_TRUE(second);
  EXPECT_EQ(std::get<Measured>(*second).proportional, 2U);
  EXPECT_TRUE(rest.empty());
}

TEST(Protocol, RenewalAndTemplatesThereAndBack) {
  std::vector<std::byte> packet;
  encode(Renew{.token = 4, .app = 2}, packet);
  encode(Measure{.token = 5, .id = 0, .pid = 88}, packet);
  std::span<const std::byte> rest = packet;
  EXPECT_EQ(std::get<Renew>(*decode_request(rest)).app, 2U);
  EXPECT_EQ(std::get<Measure>(*decode_request(rest)).pid, 88);
  EXPECT_TRUE(rest.empty());
  packet.clear();
  const std::string why(kMaxDetail + 100, 'y');
  encode(Reply(Renewed{.token = 4, .error = 10, .detail = why}), packet);
  encode(Reply(TemplateState{.app = 2,
                             .generation = 3,
                             .state = TemplateState::State::kReady,
                             .pid = 9,
                             .began = 10,
                             .ready = 11,
                             .program = "/srv/x",
                             .detail = "import 1.0 ms"}),
         packet);
  encode(Reply(TemplateSaid{.app = 2, .text = "hello"}), packet);
  rest = packet;
  EXPECT_EQ(std::get<Renewed>(*decode_reply(rest)).detail.size(), kMaxDetail);
  const auto state = std::get<TemplateState>(*decode_reply(rest));
  EXPECT_EQ(state.state, TemplateState::State::kReady);
  EXPECT_EQ(state.ready, 11);
  EXPECT_EQ(state.program, "/srv/x");
  EXPECT_EQ(std::get<TemplateSaid>(*decode_reply(rest)).text, "hello");
  EXPECT_TRUE(rest.empty());
}

}  // namespace
}  // namespace remuda::spawner
