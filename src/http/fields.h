// SPDX-License-Identifier: Apache-2.0
//
// Fields: the header or trailer section of one message (RFC 9110 section 5), in the order of the wire.
//
// Names and values are views into memory that outlives the section: the receive buffer, the request's arena,
// or static text. Known names carry an id (known_names.h); the first and last entry of every id are found
// without a search, so looking up a known name costs one load, and adding a field never allocates unless the
// section outgrows its inline room (then the arena gives more, up to the limit that the reader enforces).
// Making an empty section touches only the table of first entries. Names compare without regard to case. One
// request, one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/known_names.h"

namespace remuda::http {

struct Field {
  std::string_view name;
  std::string_view value;
  KnownName known = KnownName::kOther;
  uint16_t next_of_same_name = 0;  // index + 1 of the next entry with this known name; 0: none
};

class Fields {
 public:
  static constexpr size_t kMost = 65'000;  // entries that one section can hold; readers' limits are far lower

  explicit Fields(base::Arena& arena) : arena_(arena), entries_(reinterpret_cast<Field*>(inline_)) {}
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  // The canonical spelling is used.
  void add(KnownName name, std::string_view value) { add(name, canonical_name(name), value); }
  // Looks the name up.
  void add(std::string_view name, std::string_view value) { add(find_known_name(name), name, value); }
  // `name` as the sender spelled it.
  void add(KnownName known, std::string_view name, std::string_view value) {
    if (size_ == capacity_) [[unlikely]]
      grow();
    Field* const entries = entries_;
    const size_t at = size_;
    entries[at] = Field{name, value, known, 0};
    size_ = at + 1;
    if (known != KnownName::kOther) link(entries, known, static_cast<uint16_t>(at + 1));
  }

  // Fields whose name is kOther are found by all() and find() only: for kOther these say that there is none.
  bool has(KnownName name) const { return first_[index(name)] != 0; }
  // The first value of that name; empty if there is none.
  std::string_view get(KnownName name) const {
    const Field* const field = first(name);
    return field == nullptr ? std::string_view() : field->value;
  }
  // How many fields of that name there are.
  size_t count(KnownName name) const;
  // Values of that name in order: for (const Field* f = fields.first(n); f; f = fields.next(*f)).
  const Field* first(KnownName name) const { return entry(first_[index(name)]); }
  const Field* next(const Field& field) const { return entry(field.next_of_same_name); }

  // The first field spelled so, whether known or not; null if there is none. Searches.
  const Field* find(std::string_view name) const;

  // True if a comma-separated list (over all fields of that name) has `token`, compared without case (RFC
  // 9110 5.6.1).
  bool list_has(KnownName name, std::string_view token) const;

  void remove(KnownName name);  // every field of that name; others keep their order
  void clear();

  std::span<const Field> all() const { return {entries_, size_}; }
  size_t size() const { return size_; }
  base::Arena& arena() { return arena_; }

 private:
  static constexpr size_t kInline = 24;
  static size_t index(KnownName name) { return static_cast<size_t>(name); }

  const Field* entry(uint16_t number) const { return number == 0 ? nullptr : entries_ + (number - 1); }
  // Makes entry `number` (index + 1) the last of its known name.
  void link(Field* entries, KnownName known, uint16_t number) {
    if (uint16_t& first = first_[index(known)]; first == 0) {
      first = number;
    } else {
      entries[last_[index(known)] - 1].next_of_same_name = number;
    }
    last_[index(known)] = number;
  }
  void grow();

  base::Arena& arena_;
  Field* entries_;
  size_t size_ = 0;
  size_t capacity_ = kInline;
  std::array<uint16_t, kKnownNames> first_{};  // index + 1
  std::array<uint16_t, kKnownNames> last_;     // holds only where first_ is not 0
  alignas(Field) std::byte inline_[kInline * sizeof(Field)];
};

// Takes away what makes a response depend on what the client has already: conditions and ranges (RFC 9110
// sections 13.1 and 14.2).
void remove_conditions(Fields& fields);

}  // namespace remuda::http
