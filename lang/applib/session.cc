// SPDX-License-Identifier: Apache-2.0
//
// See session.h. FastCGI 1.0, sections 3 to 6, as an application meets them.
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

namespace remuda::app {
namespace {

constexpr size_t kLeastSpace = 8 * 1024;  // receiving into less wastes system calls

bool is_named(const Bytes& name, const char* wanted) {
  return name.size == strlen(wanted) && memcmp(name.data, wanted, name.size) == 0;
}

}  // namespace

Session::~Session() {
  lost();
  hub_.blocks.drop(block_);
  unlink();
}

// --- receiving

Session::Space Session::space() {
  if (broken_ || paused_) return {nullptr, 0};
  if (block_ != nullptr && Block::kSize - filled_ < kLeastSpace) {
    hub_.blocks.drop(block_);
    block_ = nullptr;
  }
  if (block_ == nullptr) {
    block_ = hub_.blocks.take();
    if (block_ == nullptr) {
      fail();
      return {nullptr, 0};
    }
    block_->references = 1;
    filled_ = 0;
  }
  return {block_->bytes + filled_, Block::kSize - filled_};
}

void Session::received(size_t size) {
  char* at = block_->bytes + filled_;
  filled_ += size;
  parse(at, at + size);
  if (block_->references == 1) give_back();
}

void Session::rest() {
  if (block_ != nullptr && block_->references == 1 && active_.empty()) give_back();
}

void Session::give_back() {
  hub_.blocks.give(block_);
  block_ = nullptr;
}

void Session::parse(char* at, char* end) {
  while (!broken_) {
    const RecordReader::Event event = reader_.next(at, end);
    switch (event.kind) {
      case RecordReader::Kind::kMore: return;
      case RecordReader::Kind::kContent: content(event.data, event.size); break;
      case RecordReader::Kind::kEnd: record_complete(); break;
      case RecordReader::Kind::kBroken: fail(); break;
    }
  }
}

void Session::content(char* data, size_t size) {
  const RecordHeader& header = reader_.header();
  const bool stream = header.type == RecordType::kParams || header.type == RecordType::kStdin ||
                      header.type == RecordType::kData;
  if (!stream || header.id == 0) {
    const size_t kept = size < kSmall - small_size_ ? size : kSmall - small_size_;
    memcpy(small_ + small_size_, data, kept);
    small_size_ += kept;
    return;
  }
  Request* request = find(header.id);
  if (request == nullptr) return;
  if (header.type == RecordType::kParams) {
    params_content(*request, data, size);
  } else {
    input(*request, header.type == RecordType::kData ? Stream::kData : Stream::kBody, data, size);
  }
}

void Session::record_complete() {
  const RecordHeader& header = reader_.header();
  if (header.id == 0) {
    management_complete();
    small_size_ = 0;
    return;
  }
  Request* request = find(header.id);
  switch (header.type) {
    case RecordType::kBeginRequest:
      if (request != nullptr || header.content != 8) return fail();
      begin_request();
      break;
    case RecordType::kAbortRequest:
      if (request != nullptr) abort(*request);
      break;
    case RecordType::kParams:
      if (request != nullptr && header.content == 0) params_complete(*request);
      break;
    case RecordType::kStdin:
      if (request != nullptr && header.content == 0) input_over(*request, Stream::kBody);
      break;
    case RecordType::kData:
      if (request != nullptr && header.content == 0) input_over(*request, Stream::kData);
      break;
    default: fail();  // a management record with an id, or one that only applications send
  }
  small_size_ = 0;
}

void Session::management_complete() {
  switch (reader_.header().type) {
    case RecordType::kGetValues: return get_values();
    case RecordType::kBeginRequest:
    case RecordType::kAbortRequest:
    case RecordType::kEndRequest:
    case RecordType::kParams:
    case RecordType::kStdin:
    case RecordType::kStdout:
    case RecordType::kStderr:
    case RecordType::kData: return fail();  // application records have an id
    default: return unknown_type();
  }
}

// --- management

void Session::get_values() {
  const Limits& limits = hub_.limits;
  const bool multiplexes = limits.multiplexes && limits.concurrency > 1;
  struct Value {
    const char* name;
    uint32_t value;
  };
  const Value values[] = {{"FCGI_MAX_CONNS", limits.connections},
                          {"FCGI_MAX_REQS", limits.concurrency},
                          {"FCGI_MPXS_CONNS", multiplexes ? 1U : 0U}};
  bool asked[3] = {};
  Param pair;
  for (char* at = small_; at < small_ + small_size_ && decode_pair(at, small_ + small_size_, pair);) {
    for (int i = 0; i < 3; ++i) asked[i] = asked[i] || is_named(pair.name, values[i].name);
  }
  char answer[128];
  size_t size = 0;
  for (int i = 0; i < 3; ++i) {
    if (!asked[i]) continue;
    char number[16];
    const int digits = snprintf(number, sizeof(number), "%u", values[i].value);
    size += static_cast<size_t>(snprintf(answer + size, sizeof(answer) - size, "%c%c%s%s",
                                         static_cast<int>(strlen(values[i].name)), digits, values[i].name,
                                         number));
  }
  const size_t padding = padding_of(size);
  char* place = out_.reply(kHeaderSize + size + padding);
  if (place == nullptr) return fail();
  encode_header({.type = RecordType::kGetValuesResult,
                 .content = static_cast<uint16_t>(size),
                 .padding = static_cast<uint8_t>(padding)},
                place);
  memcpy(place + kHeaderSize, answer, size);
  memset(place + kHeaderSize + size, 0, padding);
  mark_dirty();
}

void Session::unknown_type() {
  char* place = out_.reply(kHeaderSize + 8);
  if (place == nullptr) return fail();
  encode_header({.type = RecordType::kUnknownType, .content = 8}, place);
  memset(place + kHeaderSize, 0, 8);
  place[kHeaderSize] = static_cast<char>(reader_.header().type);
  mark_dirty();
}

// --- requests

Request* Session::find(uint16_t id) {
  Request* request = by_id_[id % kBuckets];
  while (request != nullptr && request->id != id) request = request->next;
  return request;
}

void Session::insert(Request& request) {
  Request*& bucket = by_id_[request.id % kBuckets];
  request.next = bucket;
  bucket = &request;
  active_.push(request);
  if (++count_ > 1) spills_ = true;
}

void Session::forget(Request& request) {
  Request** place = &by_id_[request.id % kBuckets];
  while (*place != &request) place = &(*place)->next;
  *place = request.next;
  static_cast<Link<ActiveTag>&>(request).unlink();
  --count_;
  paused_ = false;
  const bool all = request.params_done && request.stream(Stream::kBody).ended() &&
                   (request.role != Role::kFilter || request.stream(Stream::kData).ended());
  if (!all) leftover_ = true;
}

void Session::refuse(uint16_t id, ProtocolStatus why) {
  char* place = out_.reply(kEndRequestSize);
  if (place == nullptr) return fail();
  encode_end_request(id, 0, why, place);
  mark_dirty();
}

void Session::begin_request() {
  const uint16_t id = reader_.header().id;
  const auto role =
      static_cast<uint16_t>(static_cast<uint8_t>(small_[0]) << 8 | static_cast<uint8_t>(small_[1]));
  const bool keep = (small_[2] & kKeepConnection) != 0;
  if (!keep) close_after_ = true;
  const bool known = role >= 1 && role <= 3 && (hub_.limits.roles & 1U << (role - 1)) != 0;
  ProtocolStatus trouble = ProtocolStatus::kComplete;
  Request* request = nullptr;
  if (!known) {
    trouble = ProtocolStatus::kUnknownRole;
  } else if (count_ > 0 && !hub_.limits.multiplexes) {
    trouble = ProtocolStatus::kCannotMultiplex;
  } else if (hub_.ending || (request = hub_.begin()) == nullptr) {
    trouble = ProtocolStatus::kOverloaded;
  }
  if (trouble != ProtocolStatus::kComplete) {
    leftover_ = true;
    return refuse(id, trouble);
  }
  request->session = this;
  request->id = id;
  request->role = static_cast<Role>(role);
  insert(*request);
}

void Session::params_content(Request& request, char* data, size_t size) {
  if (request.params_done || request.params_too_large) return;
  if (request.params_size + size > hub_.limits.params) {
    request.params_too_large = true;
    return;
  }
  const bool copied = !request.params_copy.empty();
  if (request.params_data == nullptr) {
    request.params_data = data;
    request.params_block = block_;
    ++block_->references;
  } else if (copied || request.params_data + request.params_size != data) {
    Array<char>& copy = request.params_copy;
    if (!copied && !copy.append(request.params_data, request.params_size)) return fail();
    if (!copy.append(data, size)) return fail();
    hub_.blocks.drop(request.params_block);
    request.params_block = nullptr;
  }
  request.params_size += size;
}

void Session::params_complete(Request& request) {
  if (request.params_done) return;
  request.params_done = true;
  if (request.params_too_large) return answer(request, "Status: 431 Request Header Fields Too Large\r\n\r\n");
  if (!request.params_copy.empty()) {
    if (!request.params_copy.reserve(request.params_size + 1)) return fail();
    request.params_data = request.params_copy.data();
  }
  switch (request.params.decode(request.params_data, request.params_size)) {
    case Params::Outcome::kDone: break;
    case Params::Outcome::kMalformed: return answer(request, "Status: 400 Bad Request\r\n\r\n");
    case Params::Outcome::kNoMemory: return fail();
  }
  if (request.role == Role::kAuthorizer) request.stream(Stream::kBody).end();  // section 6.3: it has none
  request.state = Request::State::kWaiting;
  hub_.tell(request, kBegin);
}

void Session::abort(Request& request) {
  if (request.aborted) return;
  if (request.state == Request::State::kHeld) {
    request.aborted = true;
    out_.drop(request);
    return hub_.tell(request, kAborted);
  }
  refuse(request.id, ProtocolStatus::kComplete);
  forget(request);
  hub_.release(request);
}

// --- input

void Session::input(Request& request, Stream stream, char* data, size_t size) {
  Incoming& input = request.stream(stream);
  if (input.ended() || input.error() != 0 || request.aborted) return;
  const bool full = input.cost() >= hub_.limits.input_memory;
  if (input.spilling() || (full && spills_)) {
    input.spill(data, size, hub_.limits.input_disk);
  } else {
    if (input.append(*block_, data, size, request.params_block) != 0) return fail();
    paused_ = paused_ || (!spills_ && input.cost() >= hub_.limits.input_memory);
  }
  ++request.arrivals;
  hub_.tell(request, kReadable);
}

void Session::input_over(Request& request, Stream stream) {
  request.stream(stream).end();
  ++request.arrivals;
  hub_.tell(request, kReadable);
}

void Session::must_go_on() {
  if (!paused_) return;
  spills_ = true;
  paused_ = false;
}

void Session::has_read(Request& request) {
  const size_t low = hub_.limits.input_memory / 2;
  if (request.stream(Stream::kBody).cost() <= low && request.stream(Stream::kData).cost() <= low)
    paused_ = false;
}

// --- output

void Session::write(Request& request, Chunk* chunk) {
  close_record(*chunk, request.id);
  out_.push(request, chunk);
  mark_dirty();
}

Chunk* Session::add_end(Request& request, Chunk* last, uint32_t status) {
  const size_t size = kHeaderSize + (request.wrote_log ? kHeaderSize : 0) + kEndRequestSize;
  if (last != nullptr && last->filled > kHeaderSize) {
    close_record(*last, request.id);
  } else if (last != nullptr) {
    last->filled = 0;
  }
  if (last != nullptr && last->room() < size) {
    out_.push(request, last);
    last = nullptr;
  }
  if (last == nullptr) last = hub_.chunks.take();
  if (last == nullptr) return nullptr;
  char* at = last->bytes + last->filled;
  last->filled += static_cast<uint32_t>(size);
  encode_header({.type = RecordType::kStdout, .id = request.id}, at);
  at += kHeaderSize;
  if (request.wrote_log) {
    encode_header({.type = RecordType::kStderr, .id = request.id}, at);
    at += kHeaderSize;
  }
  encode_end_request(request.id, status, ProtocolStatus::kComplete, at);
  return last;
}

void Session::finish(Request& request, Chunk* last, uint32_t status) {
  forget(request);
  mark_dirty();
  if (request.aborted && last != nullptr) last->filled = 0;
  last = add_end(request, last, status);
  if (last == nullptr) {
    out_.drop(request);
    hub_.release(request);
    return fail();
  }
  if (request.whole.empty()) {
    out_.push_small(last);
  } else {
    out_.push(request, last);
  }
  out_.end(request);
}

void Session::answer(Request& request, const char* text) {
  Chunk* chunk = hub_.chunks.take();
  if (chunk == nullptr) return fail();
  chunk->stream = static_cast<uint8_t>(RecordType::kStdout);
  const size_t size = strlen(text);
  memcpy(chunk->bytes + kHeaderSize, text, size);
  chunk->filled = static_cast<uint32_t>(kHeaderSize + size);
  finish(request, chunk, 1);
}

// --- ends

void Session::refuse_unbegun() {
  for (Request*& bucket : by_id_) {
    for (Request* request = bucket; request != nullptr;) {
      Request* next = request->next;
      if (request->state == Request::State::kReceiving) {
        refuse(request->id, ProtocolStatus::kOverloaded);
        forget(*request);
        hub_.release(*request);
      }
      request = next;
    }
  }
}

void Session::lost() {
  out_.clear();
  while (Request* request = active_.front()) {
    const bool held = request->state == Request::State::kHeld;
    forget(*request);
    request->session = nullptr;
    if (!held) {
      hub_.release(*request);
    } else if (!request->aborted) {
      request->aborted = true;
      hub_.tell(*request, kAborted);
    }
  }
  unlink();
}

}  // namespace remuda::app
