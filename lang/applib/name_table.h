// SPDX-License-Identifier: Apache-2.0
//
// NameTable: what a language has made of the names of parameters, which come again with every request. Of the
// first 256 names that are not too long: clients choose those that begin with HTTP_.
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remuda_app.h"

namespace remuda::app {

// Zeroed memory is an empty one. `Known` is plain data, and zeroed when it is added. One thread, or a lock.
template <class Known>
class NameTable {
 public:
  // Null: the name is not kept.
  Known* find(const remuda_view& name) {
    Slot& slot = slot_of(name);
    return slot.name != nullptr ? &slot.known : nullptr;
  }

  // Of a name that find() has not found. Null: there is no room, or no memory.
  Known* add(const remuda_view& name) {
    if (count_ == kMost || name.size > kLongest) return nullptr;
    Slot& slot = slot_of(name);
    slot.name = static_cast<char*>(malloc(name.size + 1));
    if (slot.name == nullptr) return nullptr;
    memcpy(slot.name, name.data, name.size);
    slot.size = static_cast<uint32_t>(name.size);
    slot.hash = hash_of(name);
    slot.known = {};
    ++count_;
    return &slot.known;
  }

  // Forgets all, each after `release` had it.
  template <class Release>
  void clear(Release release) {
    for (Slot& slot : slots_) {
      if (slot.name != nullptr) release(slot.known);
      free(slot.name);
      slot.name = nullptr;
    }
    count_ = 0;
  }

 private:
  static constexpr size_t kSlots = 512;  // a power of two
  static constexpr size_t kMost = 256;
  static constexpr size_t kLongest = 256;

  struct Slot {
    char* name;  // null: free
    uint32_t size;
    uint32_t hash;
    Known known;
  };

  static uint32_t hash_of(const remuda_view& text) {
    uint32_t hash = 2166136261U;  // FNV-1a
    for (size_t i = 0; i < text.size; ++i)
      hash = (hash ^ static_cast<unsigned char>(text.data[i])) * 16777619U;
    return hash;
  }

  // Where the name is, or would be.
  Slot& slot_of(const remuda_view& name) {
    const uint32_t hash = hash_of(name);
    size_t at = hash & (kSlots - 1);
    while (slots_[at].name != nullptr && !(slots_[at].hash == hash && slots_[at].size == name.size &&
                                           memcmp(slots_[at].name, name.data, name.size) == 0)) {
      at = (at + 1) & (kSlots - 1);
    }
    return slots_[at];
  }

  Slot slots_[kSlots];
  size_t count_;
};

}  // namespace remuda::app
