// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a packet, in both directions: decoding ends, stays inside the packet, and what decodes encodes
// to the same bytes again.
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "spawner/protocol.h"

using namespace remuda::spawner;

namespace {

void check_replies(std::span<const std::byte> packet) {
  while (!packet.empty()) {
    const auto before = packet;
    const auto reply = decode_reply(packet);
    if (!reply) return;
    std::vector<std::byte> again;
    encode(*reply, again);
    CHECK(again.size() == before.size() - packet.size());
    CHECK(std::memcmp(again.data(), before.data(), again.size()) == 0);
  }
}

void check_requests(std::span<const std::byte> packet) {
  while (!packet.empty()) {
    const auto before = packet;
    const auto request = decode_request(packet);
    if (!request) return;
    CHECK(descriptors_of(*request) <= 3);
    const auto* const spawn = std::get_if<Spawn>(&*request);
    if (spawn == nullptr) continue;
    std::vector<std::byte> again;
    encode_head(*spawn, spawn->environment.size(), again);
    CHECK(again.size() + spawn->environment.size() == before.size() - packet.size());
    CHECK(std::memcmp(again.data(), before.data(), again.size()) == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span packet(reinterpret_cast<const std::byte*>(data), size);
  check_replies(packet);
  check_requests(packet);
  return 0;
}
