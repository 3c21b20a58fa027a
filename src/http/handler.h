// SPDX-License-Identifier: Apache-2.0
//
// The handler contract: the only thing that content, gateway and module know of HTTP, whatever its version.
//
//     driver (h1, h2, h3)                    handler
//       reads the head ------------------->  handle(exchange)
//       reads more of the body <----- pull -   co_await exchange.request.body->read(...)     (sends 100
//       Continue first) writes 1xx <------------------------   co_await exchange.inform(103, fields)
//                  <------------------------   fills exchange.response, returns
//       writes the head
//       pulls response.content -- pull ---->   body.read(...)                                (as fast as the
//       client reads) tells service.finished(exchange, record); the exchange's memory is gone after that
//
// A handler may return before it has read the request's body, and its response's Body may go on reading it:
// streaming both ways. What was not read is drained within bounds or ends the connection; that is the
// driver's business.
#pragma once

#include <memory>

#include "base/arena.h"
#include "base/result.h"
#include "http/message.h"
#include "loop/scope.h"
#include "loop/task.h"

namespace remuda::http {

// The bytes of a connection whose HTTP has ended: WebSocket, CONNECT, any Upgrade.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  virtual loop::Task<base::Result<size_t>> read(std::span<std::byte> into) = 0;  // 0: the peer sends no more
  virtual loop::Task<base::Result<void>> write(std::span<const std::byte> bytes) = 0;
};

// Gets the byte stream after a 101 (RFC 9110 section 7.8) or a 2xx to CONNECT. The connection closes when
// run() ends.
class Takeover {
 public:
  virtual ~Takeover() = default;
  virtual loop::Task<void> run(ByteStream& stream) = 0;
};

// One request and its response, and what a handler may do besides filling it.
class Exchange {
 public:
  Exchange(base::Arena& its_arena, loop::Loop& its_loop)
      : request(its_arena), response(its_arena), arena(its_arena), loop(its_loop) {}
  virtual ~Exchange() = default;

  Request request;
  Response response;
  base::Arena& arena;  // lives as long as the exchange: for whatever the handler needs
  loop::Loop& loop;

  // Sends an informational response (100..199 but 101) now. Does nothing to an HTTP/1.0 client. EMSGSIZE or
  // EINVAL if it is one that cannot be sent; anything else is the client's doing.
  virtual loop::Task<base::Result<void>> inform(int status, const Fields& fields) = 0;

  // Cancels `scope` with ECONNRESET as soon as the client has gone for good. A half-closed client has not
  // gone; one that stays half-closed while nothing can be sent is asked with an interim 100 (HTTP/1.1), which
  // a client that has really left answers with a reset. Ends with the exchange, or with stop_watching().
  virtual void watch_client(loop::Scope& scope) = 0;
  virtual void stop_watching() = 0;

  // Objects with destructors that live until the exchange has ended (a body with a pipe, say).
  template <typename T, typename... Arguments>
  T* keep(Arguments&&... arguments) {
    auto owned = std::make_unique<Kept<T>>(std::forward<Arguments>(arguments)...);
    T* const object = &owned->object;
    owned->older = std::move(kept_);
    kept_ = std::move(owned);
    return object;
  }

  // Content of the request beyond this fails its body's read() with EMSGSIZE; the driver's limit unless
  // changed before the first read.
  uint64_t body_limit = UINT64_MAX;

  // What authorizers have said of this request: "NAME=value\0" one after the other, in the arena.
  // Applications that follow are told it beside their own variables.
  std::string_view variables;

  // How it went, for the log: what the handler knows and the driver cannot. Static text or arena.
  std::string_view handled_by;  // "files", "app gitweb"
  std::string_view trouble;     // why the answer is an error, one line; empty if nothing is to be said
  std::string_view details;     // lines that explain it, for the development page: how a program was started
  loop::Time handling_began{};  // the application began to work on it (after queue and start)

 protected:
  void drop_kept() { kept_.reset(); }

 private:
  struct KeptBase {
    virtual ~KeptBase() = default;
    std::unique_ptr<KeptBase> older;
  };
  template <typename T>
  struct Kept : KeptBase {
    template <typename... Arguments>
    explicit Kept(Arguments&&... arguments) : object(std::forward<Arguments>(arguments)...) {}
    T object;
  };

  std::unique_ptr<KeptBase> kept_;
};

// Answers requests. One instance serves many at once, all on one loop; owned by the composition, outlives
// them.
class Handler {
 public:
  virtual ~Handler() = default;

  // Fills exchange.response. Returning with status 0 is an error that the service answers with 500.
  virtual loop::Task<void> handle(Exchange& exchange) = 0;
};

// What became of an exchange, for the access log and the counters.
struct Record {
  int status = 0;                // sent or meant to be sent; 0: nothing was answered (the client left)
  uint64_t bytes_received = 0;   // body bytes taken from the client
  uint64_t bytes_sent = 0;       // everything written for this response, head included
  uint64_t body_bytes_sent = 0;  // the content only
  loop::Time head_read{};        // phases: request.began <= head_read <= head_sent <= ended
  loop::Time head_sent{};
  loop::Time ended{};
  bool complete = false;     // the whole response went out
  std::string_view trouble;  // why not, or why the request was refused: "bare LF in the head"
};

// What the protocol driver serves: a Handler that also turns refusals into pages and hears how each exchange
// ended.
class Service : public Handler {
 public:
  // Fills exchange.response for a request that the driver refuses (400, 408, 413, 414, 417, 431, 501, 505,
  // ...). `why` is for the log and, in development mode, the page. The request may be half empty.
  virtual void refuse(Exchange& exchange, int status, std::string_view why) = 0;

  // Called once for every request of which at least one byte was read, after its last byte was sent or given
  // up.
  virtual void finished(const Exchange& exchange, const Record& record) = 0;

  // Whether connections should end after their current response (drain, or no room for those that wait).
  virtual bool should_close() = 0;

  // The number of a new request.
  virtual uint64_t next_request_id() = 0;
};

}  // namespace remuda::http
