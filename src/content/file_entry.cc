// SPDX-License-Identifier: Apache-2.0
//
// What an entry costs, for the cache's account.
#include "content/file_entry.h"

namespace remuda::content {

size_t FileEntry::memory() const {
  size_t bytes = sizeof(FileEntry);
  for (const Variant& variant : variants) {
    bytes += sizeof(Variant) + variant.bytes.capacity() + variant.fields.capacity() + variant.tag.capacity();
  }
  return bytes;
}

size_t FileEntry::descriptors() const {
  size_t count = 0;
  for (const Variant& variant : variants) count += variant.file ? 1 : 0;
  return count;
}

}  // namespace remuda::content
