// SPDX-License-Identifier: Apache-2.0
//
// Hub: what all connections of one App share: limits, memory, the queue of requests that have news for the
// program, and the sessions that have something to send. It knows no descriptor and no thread; whoever uses
// it holds the App's lock.
#pragma once

#include <stdint.h>

#include "list.h"
#include "memory.h"
#include "request.h"

namespace remuda::app {

struct DirtyTag;

struct Limits {
  uint32_t roles = 1;  // bits of remuda_app.h
  uint32_t concurrency = 1;
  uint32_t most_requests = 1024;
  uint32_t connections = 1024;
  bool multiplexes = true;
  size_t params = 1 << 20;
  size_t input_memory = 256 * 1024;
  uint64_t input_disk = 1 << 30;
  size_t output_memory = 256 * 1024;
};

struct Hub {
  Hub() : blocks(16), chunks(64) {}
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;
  ~Hub();

  // A cleared request, or null: no memory, or too many.
  Request* begin();
  // Whether a server, or the program, still has something to do for a request.
  bool busy() const { return active > finished; }
  // Its memory goes back; it is in no list afterwards.
  void release(Request& request);
  // There is something to tell. Who waits for this request is woken.
  void tell(Request& request, News news);
  // A request that a callback was about has its next news queued, if it is still the same.
  void callback_over(Request& request, uint64_t serial);

  Limits limits;
  BlockPool blocks;
  ChunkPool chunks;
  List<Request, NewsTag> news;
  List<Session, DirtyTag> dirty;
  size_t active = 0;    // requests between begin() and release(), those that only wait to be sent included
  size_t finished = 0;  // of them, those that only wait to be sent
  bool ending = false;  // what begins now is refused
  bool tells_aborts = false;

 private:
  Request* free_ = nullptr;
  uint64_t serial_ = 0;
};

}  // namespace remuda::app
