// SPDX-License-Identifier: Apache-2.0
//
// FastCGI 1.0 records, section 3.3 and 8: numbers of the wire and the eight bytes before each record.
//
//     | version=1 | type | id (2) | content length (2) | padding length | 0 |  content ...  | padding ... |
//
// Pure functions of bytes. RecordReader takes a stream of any cut apart; nothing is copied and nothing is
// kept but a header that came in pieces.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace remuda::app {

enum class RecordType : uint8_t {
  kBeginRequest = 1,
  kAbortRequest = 2,
  kEndRequest = 3,
  kParams = 4,
  kStdin = 5,
  kStdout = 6,
  kStderr = 7,
  kData = 8,
  kGetValues = 9,
  kGetValuesResult = 10,
  kUnknownType = 11,
};

enum class Role : uint16_t { kResponder = 1, kAuthorizer = 2, kFilter = 3 };

enum class ProtocolStatus : uint8_t {
  kComplete = 0,
  kCannotMultiplex = 1,
  kOverloaded = 2,
  kUnknownRole = 3
};

inline constexpr size_t kHeaderSize = 8;
inline constexpr size_t kEndRequestSize = 16;  // header and body
inline constexpr size_t kMostContent = 65535;
inline constexpr uint8_t kVersion = 1;
inline constexpr uint8_t kKeepConnection = 1;  // a flag of kBeginRequest

struct RecordHeader {
  uint8_t version = kVersion;
  RecordType type = RecordType::kUnknownType;
  uint16_t id = 0;
  uint16_t content = 0;
  uint8_t padding = 0;
};

// Bytes at `from` and `to`: kHeaderSize.
RecordHeader decode_header(const char* from);
void encode_header(const RecordHeader& header, char* to);

// What makes the next record begin at a multiple of eight.
constexpr size_t padding_of(size_t content) { return (8 - content % 8) % 8; }

// kEndRequestSize bytes.
void encode_end_request(uint16_t id, uint32_t status, ProtocolStatus protocol, char* to);

class RecordReader {
 public:
  enum class Kind : uint8_t {
    kMore,     // all bytes are taken
    kContent,  // a piece of the content of the record that header() tells of; never empty
    kEnd,      // its content is complete
    kBroken,   // this is no FastCGI; nothing that follows can be understood
  };
  struct Event {
    Kind kind;
    char* data = nullptr;
    size_t size = 0;
  };

  // Takes bytes from `at`, which moves on towards `end`, until there is something to tell.
  Event next(char*& at, char* end);

  const RecordHeader& header() const { return header_; }
  // Nothing of a record has begun.
  bool between() const { return state_ == State::kHeader && have_ == 0; }

 private:
  enum class State : uint8_t { kHeader, kContent, kPadding };
  bool take_header(char*& at, char* end);

  State state_ = State::kHeader;
  uint8_t have_ = 0;  // bytes of the header
  char bytes_[kHeaderSize];
  RecordHeader header_;
  size_t left_ = 0;  // of content or padding
};

}  // namespace remuda::app
