// SPDX-License-Identifier: Apache-2.0
//
// The records between the spawner and a template (docs/templates.md). Sans-I/O: bytes in, records out.
//
//     | version u16 | kind u16 | size u32 | fields |        text: length u16, then bytes; machine's own order
//
// What comes is the spawner's word; what does not decode is refused. Texts that leave are cut at kMostText.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace remuda::app {

inline constexpr uint16_t kTemplateVersion = 1;
inline constexpr size_t kMostText = 4000;
inline constexpr size_t kMostFork = 256 * 1024;  // more than a sequenced packet of the usual size carries

enum class TemplateKind : uint16_t {
  kFork = 1,
  kStep = 16,
  kWarning = 17,
  kReady = 18,
  kUnfit = 19,
  kChanged = 20,
  kRefused = 21,
  kForked = 22,
  kEnded = 23,
};

// One record that is to be sent.
class TemplateRecord {
 public:
  explicit TemplateRecord(TemplateKind kind) {
    put(kTemplateVersion);
    put(static_cast<uint16_t>(kind));
    put(uint32_t{0});
  }

  template <class T>
  TemplateRecord& put(T value) {
    memcpy(bytes_ + size_, &value, sizeof(value));
    size_ += sizeof(value);
    return *this;
  }
  TemplateRecord& text(const char* text);

  // The bytes, with their number filled in.
  const char* finished();
  size_t size() const { return size_; }

 private:
  char bytes_[kMostText + 128];
  size_t size_ = 0;
};

// What a Fork says. The texts are cut out of the packet: zero bytes are put behind them.
struct ForkRecord {
  uint64_t id = 0;
  const char* directory = nullptr;  // null: the template's own
  const char* program = nullptr;
  char* environment = nullptr;  // NAME=value\0 ...
  size_t environment_size = 0;
};

// The bytes of one packet, with room for one more behind them. False: it is no Fork.
bool decode_fork(char* packet, size_t size, ForkRecord& fork);

}  // namespace remuda::app
