// SPDX-License-Identifier: Apache-2.0
//
// The parts of Fields that are not on every request's way: growing, removing, list members.
#include "http/fields.h"

#include <memory>

#include "base/ascii.h"
#include "base/check.h"

namespace remuda::http {

size_t Fields::count(KnownName name) const {
  size_t found = 0;
  for (const Field* field = first(name); field != nullptr; field = next(*field)) ++found;
  return found;
}

const Field* Fields::find(std::string_view name) const {
  if (const KnownName known = find_known_name(name); known != KnownName::kOther) return first(known);
  for (const Field& field : all()) {
    if (field.known == KnownName::kOther && base::equal_ignoring_case(field.name, name)) return &field;
  }
  return nullptr;
}

bool Fields::list_has(KnownName name, std::string_view token) const {
  for (const Field* field = first(name); field != nullptr; field = next(*field)) {
    std::string_view rest = field->value;
    std::string_view member;
    while (base::next_list_member(rest, member)) {
      if (base::equal_ignoring_case(member, token)) return true;
    }
  }
  return false;
}

void Fields::remove(KnownName name) {
  if (!has(name)) return;
  const size_t before = size_;
  size_ = 0;
  first_.fill(0);
  for (size_t i = 0; i < before; ++i) {
    const Field field = entries_[i];
    if (field.known != name) add(field.known, field.name, field.value);
  }
}

void Fields::clear() {
  size_ = 0;
  first_.fill(0);
}

void Fields::grow() {
  const size_t capacity = capacity_ * 2;
  CHECK(size_ < kMost);
  auto* const entries = static_cast<Field*>(arena_.allocate(capacity * sizeof(Field), alignof(Field)));
  std::uninitialized_copy_n(entries_, size_, entries);
  entries_ = entries;
  capacity_ = capacity;
}

void remove_conditions(Fields& fields) {
  for (const KnownName name :
       {KnownName::kRange, KnownName::kIfRange, KnownName::kIfMatch, KnownName::kIfNoneMatch,
        KnownName::kIfModifiedSince, KnownName::kIfUnmodifiedSince}) {
    fields.remove(name);
  }
}

}  // namespace remuda::http
