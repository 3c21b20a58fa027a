// SPDX-License-Identifier: Apache-2.0
//
// See hub.h.
#include "hub.h"

#include "session.h"

namespace remuda::app {

Hub::~Hub() {
  while (Request* request = free_) {
    free_ = request->next;
    request->~Request();
    ::free(request);
  }
}

Request* Hub::begin() {
  if (active >= limits.most_requests) return nullptr;
  Request* request = free_;
  if (request != nullptr) {
    free_ = request->next;
  } else {
    void* memory = malloc(sizeof(Request));
    if (memory == nullptr) return nullptr;
    request = new (memory) Request;
  }
  request->hub = this;
  request->serial = ++serial_;
  ++active;
  return request;
}

void Hub::release(Request& request) {
  if (request.state == Request::State::kEnding) --finished;
  static_cast<Link<NewsTag>&>(request).unlink();
  static_cast<Link<SendingTag>&>(request).unlink();
  static_cast<Link<ActiveTag>&>(request).unlink();
  for (Incoming& input : request.input) input.clear(blocks);
  blocks.drop(request.params_block);
  request.params_copy.clear();
  request.params.clear();
  if (request.open != nullptr) chunks.give(request.open);
  request.whole.clear(chunks);
  request.open = nullptr;
  request.params_block = nullptr;
  request.params_data = nullptr;
  request.params_size = request.queued = 0;
  request.params_done = request.params_too_large = request.aborted = request.wrote_log = false;
  request.in_callback = false;
  request.news = request.armed = 0;
  request.session = nullptr;
  request.context = nullptr;
  request.serial = 0;
  request.state = Request::State::kReceiving;
  request.next = free_;
  free_ = &request;
  --active;
}

void Hub::tell(Request& request, News what) {
  if (request.waiter != nullptr) request.waiter->signal();
  const bool wanted = what == kBegin || (what == kAborted && tells_aborts) || (request.armed & what) != 0;
  if (!wanted) return;
  request.armed &= static_cast<uint8_t>(~what);
  request.news |= what;
  if (!request.in_callback) news.push(request);
}

void Hub::callback_over(Request& request, uint64_t serial) {
  if (request.serial != serial) return;
  request.in_callback = false;
  if (request.news != 0) news.push(request);
}

}  // namespace remuda::app
