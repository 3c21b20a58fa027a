// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/wire/fastcgi_decoder.h"

#include <algorithm>
#include <cstring>

namespace remuda::gateway::wire {

namespace {

constexpr size_t kEndRequestSize = 8;

bool is_stream(FastcgiType type) { return type == FastcgiType::kStdout || type == FastcgiType::kStderr; }

// Static text, or null if an application may send it.
const char* fault_of(FastcgiType type, uint16_t request, size_t content) {
  switch (type) {
    case FastcgiType::kStdout:
    case FastcgiType::kStderr:
      return request == 0 ? "a record of a request's output has the request id 0" : nullptr;
    case FastcgiType::kEndRequest:
      if (request == 0) return "an END_REQUEST has the request id 0";
      return content == kEndRequestSize ? nullptr : "an END_REQUEST is not 8 bytes long";
    case FastcgiType::kGetValuesResult:
      if (request != 0) return "a GET_VALUES_RESULT has a request id";
      return content <= FastcgiDecoder::kLongestValues ? nullptr : "a GET_VALUES_RESULT is too long";
    case FastcgiType::kUnknownType:
      if (request != 0) return "an UNKNOWN_TYPE has a request id";
      return content == kEndRequestSize ? nullptr : "an UNKNOWN_TYPE is not 8 bytes long";
    default: return "a record has a type that applications do not send";
  }
}

}  // namespace

FastcgiEvent FastcgiDecoder::next(std::string_view& bytes) {
  while (true) {
    switch (phase_) {
      case Phase::kHeader:
        if (!gather(bytes, header_.data(), header_.size())) return {};
        if (const char* const trouble = take_header()) return broken(trouble);
        break;
      case Phase::kStream:
        if (content_left_ > 0) return bytes.empty() ? FastcgiEvent{} : take_stream(bytes);
        phase_ = Phase::kPadding;
        break;
      case Phase::kWhole:
        if (!gather(bytes, whole_.data(), content_left_)) return {};
        phase_ = Phase::kPadding;
        return take_whole();
      case Phase::kPadding:
        skip_padding(bytes);
        if (padding_left_ > 0) return {};
        phase_ = Phase::kHeader;
        if (bytes.empty()) return {};
        break;
      case Phase::kBroken: return broken(trouble_);
    }
  }
}

// Whether `size` bytes are together.
bool FastcgiDecoder::gather(std::string_view& bytes, char* into, size_t size) {
  const size_t taken = std::min(bytes.size(), size - have_);
  if (taken > 0) std::memcpy(into + have_, bytes.data(), taken);
  bytes.remove_prefix(taken);
  have_ += taken;
  if (have_ < size) return false;
  have_ = 0;
  return true;
}

const char* FastcgiDecoder::take_header() {
  if (header(0) != kFastcgiVersion) return "a record is not of FastCGI version 1";
  type_ = static_cast<FastcgiType>(header(1));
  request_ = static_cast<uint16_t>(header(2) << 8 | header(3));
  content_left_ = static_cast<uint32_t>(header(4)) << 8 | header(5);
  padding_left_ = header(6);
  phase_ = is_stream(type_) ? Phase::kStream : Phase::kWhole;
  return fault_of(type_, request_, content_left_);
}

FastcgiEvent FastcgiDecoder::take_stream(std::string_view& bytes) {
  using Kind = FastcgiEvent::Kind;
  FastcgiEvent result = event(type_ == FastcgiType::kStdout ? Kind::kOutput : Kind::kErrors);
  result.content = bytes.substr(0, content_left_);
  bytes.remove_prefix(result.content.size());
  content_left_ -= static_cast<uint32_t>(result.content.size());
  if (content_left_ == 0) {
    phase_ = Phase::kPadding;
    skip_padding(bytes);
  }
  return result;
}

FastcgiEvent FastcgiDecoder::take_whole() {
  using Kind = FastcgiEvent::Kind;
  if (type_ == FastcgiType::kUnknownType) return event(Kind::kUnknownType);
  if (type_ == FastcgiType::kGetValuesResult) {
    FastcgiEvent result = event(Kind::kValues);
    result.content = {whole_.data(), content_left_};
    return result;
  }
  const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(whole_[i])); };
  if (at(4) > static_cast<uint32_t>(FastcgiStatus::kUnknownRole))
    return broken("an END_REQUEST has a protocol status that does not exist");
  FastcgiEvent result = event(Kind::kEnd);
  result.app_status = at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3);
  result.status = static_cast<FastcgiStatus>(at(4));
  return result;
}

void FastcgiDecoder::skip_padding(std::string_view& bytes) {
  const size_t skipped = std::min<size_t>(bytes.size(), padding_left_);
  bytes.remove_prefix(skipped);
  padding_left_ -= static_cast<uint32_t>(skipped);
  if (padding_left_ == 0) phase_ = Phase::kHeader;
}

FastcgiEvent FastcgiDecoder::broken(const char* trouble) {
  phase_ = Phase::kBroken;
  trouble_ = trouble;
  FastcgiEvent result = event(FastcgiEvent::Kind::kBroken);
  result.trouble = trouble;
  return result;
}

}  // namespace remuda::gateway::wire
