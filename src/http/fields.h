// SPDX-License-Identifier: Apache-2.0
//
// Fields: the header or trailer section of one message (RFC 9110 section 5), in the order of the wire.
//
// Names and values are views into memory that outlives the section: the receive buffer, the request's arena,
// or static text. Known names carry an id (known_names.h); the first and last entry of every id are found
// without a search, so looking up a known name costs one load, and adding a field never allocates unless the
// section outgrows its inline room (then the arena gives more, up to the limit that the reader enforces).
// Names compare without regard to case. One request, one thread.
#pragma once

#include <array>
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
  explicit Fields(base::Arena& arena) : arena_(arena), entries_(inline_) {}
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  void add(KnownName name, std::string_view value);                          // the canonical spelling is used
  void add(std::string_view name, std::string_view value);                   // looks the name up
  void add(KnownName known, std::string_view name, std::string_view value);  // name as spelled by the sender

  // The first value of that name; empty and false if there is none.
  bool has(KnownName name) const { return first_[index(name)] != 0; }
  std::string_view get(KnownName name) const;
  // How many fields of that name there are.
  size_t count(KnownName name) const;
  // Values of that name in order: for (const Field* f = fields.first(n); f; f = fields.next(*f)).
  const Field* first(KnownName name) const;
  const Field* next(const Field& field) const;

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

  base::Arena& arena_;
  Field* entries_;
  size_t size_ = 0;
  size_t capacity_ = kInline;
  std::array<uint16_t, kKnownNames> first_{};  // index + 1
  std::array<uint16_t, kKnownNames> last_{};
  Field inline_[kInline];
};

}  // namespace remuda::http
