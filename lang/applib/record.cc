// SPDX-License-Identifier: Apache-2.0
//
// See record.h.
#include "record.h"

#include <string.h>

namespace remuda::app {
namespace {

uint8_t byte(const char* from) { return static_cast<uint8_t>(*from); }
uint16_t pair(const char* from) { return static_cast<uint16_t>(byte(from) << 8 | byte(from + 1)); }
char low(size_t number) { return static_cast<char>(number & 0xff); }

}  // namespace

RecordHeader decode_header(const char* from) {
  return {byte(from), static_cast<RecordType>(byte(from + 1)), pair(from + 2), pair(from + 4),
          byte(from + 6)};
}

void encode_header(const RecordHeader& header, char* to) {
  to[0] = low(header.version);
  to[1] = low(static_cast<uint8_t>(header.type));
  to[2] = low(header.id >> 8);
  to[3] = low(header.id);
  to[4] = low(header.content >> 8);
  to[5] = low(header.content);
  to[6] = low(header.padding);
  to[7] = 0;
}

void encode_end_request(uint16_t id, uint32_t status, ProtocolStatus protocol, char* to) {
  encode_header({.type = RecordType::kEndRequest, .id = id, .content = 8}, to);
  to[8] = low(status >> 24);
  to[9] = low(status >> 16);
  to[10] = low(status >> 8);
  to[11] = low(status);
  to[12] = low(static_cast<uint8_t>(protocol));
  memset(to + 13, 0, 3);
}

bool RecordReader::take_header(char*& at, char* end) {
  if (have_ == 0 && static_cast<size_t>(end - at) >= kHeaderSize) {
    header_ = decode_header(at);
    at += kHeaderSize;
    return true;
  }
  while (at < end && have_ < kHeaderSize) bytes_[have_++] = *at++;
  if (have_ < kHeaderSize) return false;
  header_ = decode_header(bytes_);
  have_ = 0;
  return true;
}

RecordReader::Event RecordReader::next(char*& at, char* end) {
  for (;;) {
    const auto here = static_cast<size_t>(end - at);
    const size_t taken = here < left_ ? here : left_;
    switch (state_) {
      case State::kHeader:
        if (!take_header(at, end)) return {Kind::kMore};
        if (header_.version != kVersion) return {Kind::kBroken};
        state_ = State::kContent;
        left_ = header_.content;
        break;
      case State::kContent:
        if (left_ == 0) {
          state_ = State::kPadding;
          left_ = header_.padding;
          return {Kind::kEnd};
        }
        if (taken == 0) return {Kind::kMore};
        at += taken;
        left_ -= taken;
        return {Kind::kContent, at - taken, taken};
      case State::kPadding:
        at += taken;
        left_ -= taken;
        if (left_ > 0) return {Kind::kMore};
        state_ = State::kHeader;
        break;
    }
  }
}

}  // namespace remuda::app
