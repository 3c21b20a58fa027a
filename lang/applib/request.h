// SPDX-License-Identifier: Apache-2.0
//
// Request: one request from its BEGIN record until its END has been put into the connection's order of
// sending.
//
//     kReceiving  its parameters arrive          kHeld    the program works on it
//     kWaiting    for the program to take it     kEnding  finished, what it wrote still waits for its turn
//
// Under the App's lock, but while it is held: its parameters are the program's to read, and `open` (the
// record that is being filled) the program's to write. Reused: its arrays keep their memory.
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "incoming.h"
#include "list.h"
#include "memory.h"
#include "params.h"
#include "record.h"

namespace remuda::app {

class Session;
struct Hub;
struct Request;

struct NewsTag;     // Hub::news: something to tell the program
struct SendingTag;  // Outgoing: whole records wait for their turn
struct ActiveTag;   // Session: between BEGIN and finish()

enum News : uint8_t { kBegin = 1, kReadable = 2, kWritable = 4, kAborted = 8 };
enum class Stream : uint8_t { kBody = 0, kData = 1 };

// A thread that sleeps until something happens to its request, or until there is one.
struct Waiter {
  pthread_cond_t wake;
  Request* request;  // null: it waits for a new one
  bool signalled = false;

  void signal() {
    if (!signalled) pthread_cond_signal(&wake);
    signalled = true;
  }
};

struct Request : Link<NewsTag>, Link<SendingTag>, Link<ActiveTag> {
  enum class State : uint8_t { kReceiving, kWaiting, kHeld, kEnding };

  Request* next = nullptr;  // in Hub's pool, or with the same bucket in Session
  Hub* hub = nullptr;
  Session* session = nullptr;  // null: the connection is gone, or there is none (CGI)
  uint64_t serial = 0;         // another one for each use of this memory
  uint16_t id = 0;
  Role role = Role::kResponder;
  State state = State::kReceiving;
  bool aborted = false;

  // Parameters: a view of one block as long as they lie together, else a copy.
  Block* params_block = nullptr;
  char* params_data = nullptr;
  size_t params_size = 0;
  Array<char> params_copy;
  bool params_done = false;
  bool params_too_large = false;
  Params params;

  Incoming input[2];  // by Stream
  Incoming& stream(Stream which) { return input[static_cast<size_t>(which)]; }
  uint64_t arrivals = 0;  // how often there was something new in them
  uint64_t awaited = 0;   // that a thread waits to change

  // Output: the record being filled, and whole ones before their turn.
  Chunk* open = nullptr;
  ChunkQueue whole;
  size_t queued = 0;  // bytes in `whole`
  bool wrote_log = false;

  // What the program is told of (News), what it asked to be told of, and who works on it.
  uint8_t news = 0;
  uint8_t armed = 0;
  bool in_callback = false;
  Waiter* waiter = nullptr;
  pthread_t taken_by{};
  void* context = nullptr;
};

}  // namespace remuda::app
