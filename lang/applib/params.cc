// SPDX-License-Identifier: Apache-2.0
//
// See params.h.
#include "params.h"

#include <string.h>

namespace remuda::app {
namespace {

// A length of section 3.4: false when its bytes are not all there.
bool decode_length(char*& at, const char* end, size_t& length) {
  if (at == end) return false;
  const auto first = static_cast<uint8_t>(*at);
  if (first < 0x80) {
    length = first;
    ++at;
    return true;
  }
  if (end - at < 4) return false;
  length = 0;
  for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<uint8_t>(at[i]);
  length &= 0x7fffffff;
  at += 4;
  return true;
}

size_t chain_of(const char* name, size_t size) {
  if (size == 0) return 0;
  const auto letter = [name](size_t index) { return static_cast<size_t>(static_cast<uint8_t>(name[index])); };
  return (size * 7 + letter(0) * 3 + letter(size - 1) * 5 + letter(size / 2)) % 64;
}

}  // namespace

bool decode_pair(char*& at, char* end, Param& pair) {
  char* next = at;
  size_t name = 0;
  size_t value = 0;
  if (!decode_length(next, end, name) || !decode_length(next, end, value)) return false;
  // Each is below 2^31 and size_t has 64 bits or the sum is compared in pieces: no overflow either way.
  const auto left = static_cast<size_t>(end - next);
  if (name > left || value > left - name) return false;
  pair = {{next, name}, {next + name, value}};
  at = next + name + value;
  return true;
}

Params::Outcome Params::decode(char* bytes, size_t size) {
  char* at = bytes;
  char* const end = bytes + size;
  char* last = nullptr;  // where the zero byte of the pair before goes, when this pair's lengths are known
  while (at < end) {
    Param pair;
    if (!decode_pair(at, end, pair)) return Outcome::kMalformed;
    if (last != nullptr) *last = '\0';
    last = at;
    if (!add(pair.name, pair.value)) return Outcome::kNoMemory;
  }
  if (last != nullptr) *last = '\0';
  return Outcome::kDone;
}

bool Params::add(Bytes name, Bytes value) {
  uint32_t& chain = chains_[chain_of(name.data, name.size)];
  if (!entries_.push({{name, value}, chain})) return false;
  chain = static_cast<uint32_t>(entries_.size());
  return true;
}

void Params::clear() {
  entries_.clear();
  memset(chains_, 0, sizeof(chains_));
}

const Param* Params::find(const char* name, size_t size) const {
  for (uint32_t next = chains_[chain_of(name, size)]; next != 0; next = entries_[next - 1].next) {
    const Param& param = entries_[next - 1].param;
    if (param.name.size == size && memcmp(param.name.data, name, size) == 0) return &param;
  }
  return nullptr;
}

}  // namespace remuda::app
