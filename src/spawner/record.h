// SPDX-License-Identifier: Apache-2.0
//
// How a record is written and read, field by field, whatever its protocol (protocol.h: worker and spawner;
// keeping.h: supervisor and spawner; template_protocol.h: spawner and template). Sans-I/O.
//
//     | version u16 | kind u16 | size u32 (of the whole record) | fields ... | text ... |
//
// A field that does not fit, a size that lies, bytes left over make a record malformed: Reader::good().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "spawner/protocol.h"

namespace remuda::spawner {

enum class Kind : uint16_t {
  kSpawn = 1,  // worker -> spawner
  kSignal = 2,
  kPing = 3,
  kMeasure = 4,
  kRenew = 5,
  kStarted = 16,  // spawner -> worker
  kFailed = 17,
  kExited = 18,
  kHello = 19,
  kPong = 20,
  kInherited = 21,
  kMeasured = 22,
  kRenewed = 23,
  kTemplateState = 24,
  kTemplateSaid = 25,
  kNewChannel = 32,  // supervisor -> spawner
  kKeep = 48,        // spawner -> supervisor
  kForget = 49,
};

constexpr size_t kHeadSize = 8;

class Writer {
 public:
  template <typename KindType>
  Writer(KindType kind, std::vector<std::byte>& packet, uint16_t version = kProtocolVersion)
      : packet_(packet), begin_(packet.size()) {
    static_assert(sizeof kind == 2);
    put(version);
    put(kind);
    put(uint32_t{0});
  }

  template <typename T>
  Writer& put(T value) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    return put_bytes(&value, sizeof value);
  }
  Writer& put(const StepTimes& times) { return put(times.received).put(times.started).put(times.ended); }
  Writer& put_bytes(const void* bytes, size_t size) {
    const auto* const first = static_cast<const std::byte*>(bytes);
    packet_.insert(packet_.end(), first, first + size);
    return *this;
  }
  // Its length, then itself.
  Writer& put_text(std::string_view text) {
    return put(static_cast<uint16_t>(text.size())).put_bytes(text.data(), text.size());
  }

  // `following`: bytes of the record that the caller sends himself.
  void finish(size_t following = 0) {
    const auto size = static_cast<uint32_t>(packet_.size() - begin_ + following);
    std::memcpy(packet_.data() + begin_ + 4, &size, sizeof size);
  }

 private:
  std::vector<std::byte>& packet_;
  size_t begin_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof value) {
      good_ = false;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
    return value;
  }
  StepTimes take_times() {
    StepTimes times;
    times.received = take<int64_t>();
    times.started = take<int64_t>();
    times.ended = take<int64_t>();
    return times;
  }
  bool take_flag() {
    const auto byte = take<uint8_t>();
    if (byte > 1) good_ = false;
    return byte == 1;
  }
  std::string_view take_bytes(size_t size) {
    if (!good_ || bytes_.size() < size) {
      good_ = false;
      return {};
    }
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return text;
  }
  std::string_view take_text(size_t most) {
    const auto size = take<uint16_t>();
    if (size > most) good_ = false;
    return take_bytes(size);
  }
  std::string_view take_rest() { return take_bytes(bytes_.size()); }
  // All of it was understood and nothing is left over.
  bool good() const { return good_ && bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
  bool good_ = true;
};

template <typename KindType>
struct Record {
  KindType kind;
  std::span<const std::byte> fields;
};

// Takes one record off the front of `packet`, whatever is in it.
template <typename KindType = Kind>
std::optional<Record<KindType>> take_record(std::span<const std::byte>& packet,
                                            uint16_t version = kProtocolVersion) {
  Reader head(packet.first(std::min(packet.size(), kHeadSize)));
  const auto its_version = head.take<uint16_t>();
  const auto kind = head.take<KindType>();
  const auto size = head.take<uint32_t>();
  if (!head.good() || its_version != version || size < kHeadSize || size > packet.size()) return std::nullopt;
  const Record<KindType> record{kind, packet.subspan(kHeadSize, size - kHeadSize)};
  packet = packet.subspan(size);
  return record;
}

}  // namespace remuda::spawner
