// SPDX-License-Identifier: Apache-2.0
//
// Every record of a template there and back; every cut, every lie about a size, every other version refused.
#include "spawner/template_protocol.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace remuda::spawner {
namespace {

using namespace std::string_view_literals;

std::vector<std::byte> packet_of(const TemplateRecord& record) {
  std::vector<std::byte> packet;
  encode(record, packet);
  return packet;
}

TEST(TemplateProtocol, AForkBringsItsEnvironment) {
  char first[] = "A=1";
  char second[] = "B=";
  char* const environment[] = {first, second, nullptr};
  std::vector<std::byte> packet;
  encode_fork(7, environment, packet);
  const auto fork = decode_fork(packet);
  ASSERT_TRUE(fork);
  EXPECT_EQ(fork->id, 7U);
  EXPECT_EQ(fork->environment, "A=1\0B=\0"sv);
  EXPECT_TRUE(fork->directory.empty());
  EXPECT_TRUE(fork->program.empty());
  std::vector<std::byte> whole;
  encode(Fork{.id = 8, .directory = "/srv", .program = "/srv/x", .environment = {}}, whole);
  EXPECT_EQ(decode_fork(whole)->program, "/srv/x");
  EXPECT_FALSE(decode_template(whole));
}

TEST(TemplateProtocol, EveryRecordThereAndBackAndNoCutOfIt) {
  const TemplateRecord records[] = {
      LoadStep{5, "import django"}, Warning{"a connection"},  Ready{6},   Unfit{"threads run"},
      Changed{"/srv/app.py"},       Refused{9, 116, "stale"}, Forked{10}, Ended{11, 256, {1, 2, 3}}};
  for (const TemplateRecord& record : records) {
    const auto packet = packet_of(record);
    const auto decoded = decode_template(packet);
    ASSERT_TRUE(decoded) << record.index();
    EXPECT_EQ(decoded->index(), record.index());
    EXPECT_EQ(packet_of(*decoded), packet);
    for (size_t size = 0; size < packet.size(); ++size)
      EXPECT_FALSE(decode_template(std::span(packet).first(size))) << record.index() << ": " << size;
    auto longer = packet;
    longer.push_back({});
    EXPECT_FALSE(decode_template(longer));
    auto other_version = packet;
    other_version[0] = std::byte{99};
    EXPECT_FALSE(decode_template(other_version));
  }
}

TEST(TemplateProtocol, TextsAreBounded) {
  const std::string text(kMaxTemplateText + 1, 'x');
  const auto cut = packet_of(Warning{text});
  EXPECT_EQ(std::get<Warning>(*decode_template(cut)).what.size(), kMaxTemplateText);
  EXPECT_LT(packet_of(Refused{1, 2, text}).size(), kTemplatePacketRoom);
  auto longer = cut;
  const auto length = static_cast<uint16_t>(text.size());
  std::memcpy(longer.data() + 8, &length, sizeof length);
  longer.push_back({});
  const auto size = static_cast<uint32_t>(longer.size());
  std::memcpy(longer.data() + 4, &size, sizeof size);
  EXPECT_FALSE(decode_template(longer));
}

TEST(TemplateProtocol, AnEnvironmentEndsInAZero) {
  std::vector<std::byte> packet;
  encode(Fork{.id = 8, .directory = {}, .program = {}, .environment = "A=1"}, packet);
  EXPECT_FALSE(decode_fork(packet));
}

}  // namespace
}  // namespace remuda::spawner
