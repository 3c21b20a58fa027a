// SPDX-License-Identifier: Apache-2.0
//
// Params: the name-value pairs of FastCGI, section 3.4, where they were received: names and values point into
// the bytes, and a zero byte is put after each value (over the next pair's length, which is known by then).
//
//     | length of name: 1 or 4 bytes | length of value: 1 or 4 | name | value |
//
// Of several with one name the last is found. Lookup is by a hash of length and three letters, in chains,
// made while decoding. The bytes must outlive it. Reused from request to request.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "memory.h"

namespace remuda::app {

struct Bytes {
  const char* data = nullptr;
  size_t size = 0;
};

struct Param {
  Bytes name;
  Bytes value;
};

// One pair at `at`, which moves behind it: false when it does not end before `end`, and `at` stays.
bool decode_pair(char*& at, char* end, Param& pair);

class Params {
 public:
  Params() { clear(); }

  enum class Outcome : uint8_t { kDone, kMalformed, kNoMemory };
  // All pairs of a complete stream. bytes[size] is written to as well.
  Outcome decode(char* bytes, size_t size);
  // One more; `value` has its zero byte.
  bool add(Bytes name, Bytes value);
  void clear();

  // Null: there is none.
  const Param* find(const char* name, size_t size) const;
  size_t count() const { return entries_.size(); }
  const Param& at(size_t index) const { return entries_[index].param; }

 private:
  static constexpr size_t kChains = 64;
  struct Entry {
    Param param;
    uint32_t next;  // in its chain: index + 1, 0 at the end
  };

  Array<Entry> entries_;
  uint32_t chains_[kChains];
};

}  // namespace remuda::app
