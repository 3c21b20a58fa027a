// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a packet, in every direction: decoding ends, stays inside the packet, and what decodes encodes
// to the same bytes again.
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "spawner/keeping.h"
#include "spawner/protocol.h"

using namespace remuda::spawner;

namespace {

void check_same(std::span<const std::byte> packet, const std::vector<std::byte>& again) {
  CHECK(again.size() == packet.size());
  CHECK(std::memcmp(again.data(), packet.data(), again.size()) == 0);
}

void check_replies(std::span<const std::byte> packet) {
  while (!packet.empty()) {
    const auto before = packet;
    const auto reply = decode_reply(packet);
    if (!reply) return;
    std::vector<std::byte> again;
    encode(*reply, again);
    check_same(before.first(before.size() - packet.size()), again);
  }
}

struct Encoder {
  std::vector<std::byte>& packet;

  void operator()(const Spawn& spawn) const {
    encode_head(spawn, spawn.environment.size(), packet);
    const auto* const bytes = reinterpret_cast<const std::byte*>(spawn.environment.data());
    packet.insert(packet.end(), bytes, bytes + spawn.environment.size());
  }
  void operator()(const auto& record) const { encode(record, packet); }
};

void check_requests(std::span<const std::byte> packet) {
  while (!packet.empty()) {
    const auto before = packet;
    const auto request = decode_request(packet);
    if (!request) return;
    CHECK(descriptors_of(*request) <= 3);
    std::vector<std::byte> again;
    std::visit(Encoder{again}, *request);
    check_same(before.first(before.size() - packet.size()), again);
  }
}

void check_keeping(std::span<const std::byte> packet) {
  std::vector<std::byte> again;
  if (const auto channel = decode_new_channel(packet)) {
    encode(*channel, again);
    check_same(packet, again);
  }
  again.clear();
  if (const auto notice = decode_notice(packet)) {
    std::visit(Encoder{again}, *notice);
    check_same(packet, again);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span packet(reinterpret_cast<const std::byte*>(data), size);
  check_replies(packet);
  check_requests(packet);
  check_keeping(packet);
  return 0;
}
