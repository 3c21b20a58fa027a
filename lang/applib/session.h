// SPDX-License-Identifier: Apache-2.0
//
// Session: the protocol of one FastCGI connection, without its socket: received bytes go in, requests come
// out at Hub::news, what is to be sent stands in out(). Any cut of the bytes into pieces means the same.
//
//     recv into space(), received(n)  ->  records  ->  begin / params / input / abort / management
//     out().gather(), writev, out().sent(n)
//
// Under the App's lock. What breaks the protocol, or memory that is refused, makes it broken(): the
// connection is then to be closed, and its requests are told that they are aborted.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "hub.h"
#include "list.h"
#include "outgoing.h"
#include "record.h"
#include "request.h"

namespace remuda::app {

class Session : public Link<DirtyTag> {
 public:
  explicit Session(Hub& hub) : hub_(hub), out_(hub), spills_(hub.limits.concurrency > 1) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Where to receive; size 0: not now (paused()), or broken().
  struct Space {
    char* data;
    size_t size;
  };
  Space space();
  void received(size_t size);
  // Nothing is going on: the memory for receiving goes back, so that connections that idle hold none.
  void rest();
  // Nobody is at the other end any more: all requests are aborted, nothing will be sent.
  void lost();

  // A record of a request that the program holds is complete (Chunk::stream says of what).
  void write(Request& request, Chunk* chunk);
  // The program is done: `last` is its last, incomplete record or null. The request is gone afterwards.
  void finish(Request& request, Chunk* last, uint32_t status);
  // Requests that have not begun are refused, so that they are sent elsewhere.
  void refuse_unbegun();
  // The program waits for input of this connection: what nobody reads must not hold it up any longer.
  void must_go_on();
  // The program has read: receiving may go on.
  void has_read(Request& request);

  Outgoing& out() { return out_; }
  const Outgoing& out() const { return out_; }
  bool broken() const { return broken_; }
  // Receiving rests until the program has read.
  bool paused() const { return paused_; }
  // The server wants the connection closed after the answer, and there is nothing left to answer.
  bool over() const { return close_after_ && active_.empty() && out_.empty(); }
  bool idle() const { return active_.empty() && out_.empty(); }
  // Nothing of what the server has sent is missing: closing loses nothing.
  bool input_complete() const { return reader_.between() && !leftover_; }

 private:
  static constexpr size_t kBuckets = 64;
  static constexpr size_t kSmall = 1024;

  void give_back();
  void parse(char* at, char* end);
  void content(char* data, size_t size);
  void record_complete();
  void begin_request();
  void params_content(Request& request, char* data, size_t size);
  void params_complete(Request& request);
  void input(Request& request, Stream stream, char* data, size_t size);
  void input_over(Request& request, Stream stream);
  void abort(Request& request);
  void get_values();
  void unknown_type();
  void management_complete();

  Request* find(uint16_t id);
  void insert(Request& request);
  void refuse(uint16_t id, ProtocolStatus why);
  // Answers in the program's place: header lines of an error, and the end.
  void answer(Request& request, const char* text);
  Chunk* add_end(Request& request, Chunk* last, uint32_t status);
  void forget(Request& request);
  void mark_dirty() { hub_.dirty.push(*this); }
  void fail() { broken_ = true; }

  Hub& hub_;
  Outgoing out_;
  RecordReader reader_;
  Block* block_ = nullptr;
  size_t filled_ = 0;
  char small_[kSmall];  // content of a record that must be whole to be understood
  size_t small_size_ = 0;
  List<Request, ActiveTag> active_;
  Request* by_id_[kBuckets] = {};
  size_t count_ = 0;
  bool spills_;            // several requests share it: none may hold up the others
  bool leftover_ = false;  // a request was finished before all its input had come
  bool paused_ = false;
  bool close_after_ = false;
  bool broken_ = false;
};

}  // namespace remuda::app
