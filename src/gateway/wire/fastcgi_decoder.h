// SPDX-License-Identifier: Apache-2.0
//
// FastcgiDecoder: the records that an application sends, as events. Sans-I/O, incremental: any split of the
// bytes, and any split of a stream into records, means the same. Content is not copied and not gathered, but
// for the few short records that mean something only as a whole.
//
//     while (!bytes.empty())
//       switch (const auto event = decoder.next(bytes); event.kind) ...
//
// What breaks the protocol ends the connection (section 3.3): another version, a type that only servers send
// or that nobody knows, an application record with id 0, a management record with another, an END_REQUEST of
// a wrong size. Whether an id is in use is the connection's knowledge, not this one's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/wire/fastcgi_protocol.h"

namespace remuda::gateway::wire {

struct FastcgiEvent {
  enum class Kind : uint8_t {
    kNeedsMore,    // nothing is left of the bytes
    kOutput,       // content: a piece of STDOUT, not empty
    kErrors,       // content: a piece of STDERR, not empty
    kEnd,          // app_status, status
    kValues,       // content: the pairs of a GET_VALUES_RESULT
    kUnknownType,  // the application does not know a management record that it was sent
    kBroken,       // trouble: why, static text; nothing can be decoded any more
  };
  Kind kind = Kind::kNeedsMore;
  uint16_t request = 0;
  FastcgiStatus status = FastcgiStatus::kRequestComplete;
  uint32_t app_status = 0;
  std::string_view content{};
  const char* trouble = "";
};

class FastcgiDecoder {
 public:
  // Of a GET_VALUES_RESULT: three names of 15 bytes and their numbers are asked for.
  static constexpr size_t kLongestValues = 1024;

  // The next event. What it is made of is taken off the front of `bytes`; its content points into `bytes`, or
  // into the decoder until the next call.
  FastcgiEvent next(std::string_view& bytes);

  // Whether the connection may end here without a record being cut.
  bool between_records() const { return phase_ == Phase::kHeader && have_ == 0; }

 private:
  enum class Phase : uint8_t { kHeader, kStream, kWhole, kPadding, kBroken };
  using Bytes = std::array<char, kLongestValues>;

  bool gather(std::string_view& bytes, char* into, size_t size);
  const char* take_header();
  FastcgiEvent take_stream(std::string_view& bytes);
  FastcgiEvent take_whole();
  FastcgiEvent broken(const char* trouble);
  FastcgiEvent event(FastcgiEvent::Kind kind) const { return {.kind = kind, .request = request_}; }
  void skip_padding(std::string_view& bytes);
  uint8_t header(size_t at) const { return static_cast<uint8_t>(header_[at]); }

  Phase phase_ = Phase::kHeader;
  FastcgiType type_{};
  uint16_t request_ = 0;
  uint32_t content_left_ = 0;
  uint32_t padding_left_ = 0;
  size_t have_ = 0;  // of the header, or of what is gathered whole
  const char* trouble_ = "";
  std::array<char, kFastcgiHeaderSize> header_;
  Bytes whole_;
};

}  // namespace remuda::gateway::wire
