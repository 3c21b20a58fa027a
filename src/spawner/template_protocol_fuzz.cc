// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a packet of a template, or for one: decoding ends, stays inside, and what decodes encodes to
// the same bytes again.
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "spawner/template_protocol.h"

using namespace remuda::spawner;

namespace {

void check_same(std::span<const std::byte> packet, const std::vector<std::byte>& again) {
  CHECK(again.size() == packet.size());
  CHECK(std::memcmp(again.data(), packet.data(), again.size()) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span packet(reinterpret_cast<const std::byte*>(data), size);
  std::vector<std::byte> again;
  if (const auto record = decode_template(packet)) {
    encode(*record, again);
    check_same(packet, again);
  }
  again.clear();
  if (const auto fork = decode_fork(packet)) {
    encode(*fork, again);
    check_same(packet, again);
  }
  return 0;
}
