// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a FastCGI connection, in pieces and with a program whose doings the input chooses as well:
// what comes out must be records that a server understands, and memory stays within the limits.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

namespace remuda::app {
namespace {

[[noreturn]] void fail() { abort(); }

class Program {
 public:
  explicit Program(const uint8_t* choices, size_t size) : choices_(choices), size_(size) {
    hub_.limits.roles = 7;
    hub_.limits.most_requests = 16;
    hub_.limits.params = 4096;
    hub_.limits.input_memory = 1024;
    hub_.limits.input_disk = 8192;
    hub_.limits.concurrency = choice() % 2 + 1;
    hub_.limits.multiplexes = choice() % 8 != 0;
    hub_.tells_aborts = true;
  }

  void run(const uint8_t* bytes, size_t size) {
    while (size > 0 && !session_.broken()) {
      const Session::Space space = session_.space();
      if (space.size == 0 && !session_.broken()) session_.must_go_on();
      size_t piece = choice() + 1U;
      if (piece > size) piece = size;
      if (space.size < piece) piece = space.size;
      if (piece > 0) {
        memcpy(space.data, bytes, piece);
        session_.received(piece);
      }
      bytes += piece;
      size -= piece;
      act();
    }
    session_.lost();
    act();
    while (held_count_ > 0) finish(held_[--held_count_]);
    if (hub_.active != 0) fail();
  }

 private:
  uint8_t choice() { return at_ < size_ ? choices_[at_++] : 0; }

  void act() {
    while (Request* news = hub_.news.pop()) {
      const bool is_new = (news->news & kBegin) != 0;
      news->news = 0;
      if (!is_new) continue;
      news->state = Request::State::kHeld;
      check_params(*news);
      if (held_count_ == 16) fail();
      held_[held_count_++] = news;
    }
    const uint8_t what = choice();
    if (held_count_ > 0) work(held_[what % held_count_], what >> 4);
    if (what % 3 == 0) send();
  }

  void check_params(const Request& request) {
    for (size_t i = 0; i < request.params.count(); ++i) {
      const Param& param = request.params.at(i);
      if (param.value.data[param.value.size] != '\0') fail();
      if (request.params.find(param.name.data, param.name.size) == nullptr) fail();
    }
  }

  void work(Request*& request, int how) {
    if (how < 4) {
      Incoming& input = request->stream(how % 2 == 0 ? Stream::kBody : Stream::kData);
      const Bytes front = input.front(hub_.blocks);
      input.skip(front.size / 2 + 1, hub_.blocks);
      session_.has_read(*request);
    } else if (how < 8 && request->session != nullptr && !request->aborted) {
      if (Chunk* chunk = hub_.chunks.take()) {
        chunk->stream = static_cast<uint8_t>(how % 2 == 0 ? RecordType::kStdout : RecordType::kStderr);
        request->wrote_log = request->wrote_log || how % 2 != 0;
        chunk->filled = static_cast<uint32_t>(kHeaderSize + choice() + 1U);
        memset(chunk->bytes, 'x', chunk->filled);
        session_.write(*request, chunk);
      }
    } else if (how < 12) {
      Request* finished = request;
      request = held_[--held_count_];
      finish(finished);
    }
  }

  void finish(Request* request) {
    if (request->session == nullptr) return hub_.release(*request);
    session_.finish(*request, nullptr, 0);
  }

  void send() {
    iovec pieces[Outgoing::kPieces];
    const int count = session_.out().gather(pieces);
    size_t size = 0;
    for (int i = 0; i < count; ++i) {
      for (size_t k = 0; k < pieces[i].iov_len; ++k) check(static_cast<char*>(pieces[i].iov_base) + k);
      size += pieces[i].iov_len;
    }
    session_.out().sent(size);
  }

  // What is sent is read by the same reader that servers' records are read by.
  void check(char* at) {
    char* const end = at + 1;
    for (;;) {
      const RecordReader::Event event = reader_.next(at, end);
      if (event.kind == RecordReader::Kind::kBroken) fail();
      if (event.kind == RecordReader::Kind::kMore) return;
      if ((reader_.header().content + reader_.header().padding) % 8 != 0) fail();
    }
  }

  const uint8_t* choices_;
  size_t size_;
  size_t at_ = 0;
  Hub hub_;
  Session session_{hub_};
  RecordReader reader_;
  Request* held_[17] = {};
  size_t held_count_ = 0;
};

}  // namespace
}  // namespace remuda::app

// The first byte says how many of the bytes that follow are the program's choices.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t choices = data[0] < size - 1 ? data[0] : size - 1;
  remuda::app::Program program(data + 1, choices);
  program.run(data + 1 + choices, size - 1 - choices);
  return 0;
}
