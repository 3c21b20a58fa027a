// SPDX-License-Identifier: Apache-2.0
//
// See template_records.h.
#include "template_records.h"

namespace remuda::app {
namespace {

constexpr size_t kHead = 8;

// Reads fields one after the other; once one is missing, all are.
struct Reader {
  char* at;
  char* end;
  bool good = true;

  template <class T>
  T get() {
    T value{};
    if (static_cast<size_t>(end - at) < sizeof(T)) {
      good = false;
      return value;
    }
    memcpy(&value, at, sizeof(T));
    at += sizeof(T);
    return value;
  }
  // A text and, moved to the place of its length, which has been read: room for the zero byte.
  const char* text() {
    const auto size = get<uint16_t>();
    if (!good || static_cast<size_t>(end - at) < size || memchr(at, 0, size) != nullptr) {
      good = false;
      return nullptr;
    }
    char* const begin = at - sizeof(uint16_t);
    memmove(begin, at, size);
    begin[size] = '\0';
    at += size;
    return size == 0 ? nullptr : begin;
  }
};

}  // namespace

TemplateRecord& TemplateRecord::text(const char* text) {
  size_t size = strlen(text);
  if (size > kMostText) size = kMostText;
  put(static_cast<uint16_t>(size));
  memcpy(bytes_ + size_, text, size);
  size_ += size;
  return *this;
}

const char* TemplateRecord::finished() {
  const auto size = static_cast<uint32_t>(size_);
  memcpy(bytes_ + 4, &size, sizeof(size));
  return bytes_;
}

bool decode_fork(char* packet, size_t size, ForkRecord& fork) {
  if (size < kHead) return false;
  Reader reader{packet, packet + size};
  const auto version = reader.get<uint16_t>();
  const auto kind = reader.get<uint16_t>();
  if (version != kTemplateVersion || kind != static_cast<uint16_t>(TemplateKind::kFork) ||
      reader.get<uint32_t>() != size) {
    return false;
  }
  fork.id = reader.get<uint64_t>();
  fork.directory = reader.text();
  fork.program = reader.text();
  fork.environment = reader.at;
  fork.environment_size = static_cast<size_t>(reader.end - reader.at);
  return reader.good && (fork.environment_size == 0 || reader.end[-1] == '\0');
}

}  // namespace remuda::app
