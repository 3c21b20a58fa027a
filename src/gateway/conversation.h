// SPDX-License-Identifier: Apache-2.0
//
// Conversation: one request being answered by one lease, whatever the wire, from acquire to the end of the
// process's part, which may come after the exchange's. The exchange driver (app_handler) knows nothing else.
//
//     begin(body)   the request goes out; the body is pumped while somebody reads what is answered
//     read()        the answer in CGI's form (header block, empty line, content), pulled: its back-pressure
//     is the
//                   application's, as far as the wire has any
//     ended()       after read() has returned 0 or failed: how it went, and whether the request may be sent
//     again let_go()      nobody will read on
//
//     CgiConversation   pipes of a process        FastcgiConversation, ScgiConversation   connections
//
// Shared by the exchange and by its own stories, which are children of the loop's root scope. The exchange
// calls stop_input() before it ends, because the request's body ends with it. One loop, one thread.
#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "apps/source.h"
#include "http/body.h"
#include "http/message.h"
#include "loop/loop.h"

namespace remuda::gateway {

// How an answer ended, for deciding and for people.
struct Verdict {
  enum class Kind : uint8_t {
    kWhole,     // the application ended its answer as its wire says that it should
    kNotBegun,  // provably nobody has begun to work on it: it may be sent again, whatever the method
    kUnknown,   // the connection or process was gone before the first byte: may be sent again if it is
                // idempotent
    kBroken,    // anything else: what was sent already cannot be taken back
  };
  Kind kind = Kind::kWhole;
  int status = 0;  // for the client if nothing has been sent: 500, 502, 503, 504
  std::string
      trouble;  // one line; empty when all is well. Of kWhole: how it ended, should no answer have come
  std::string said{};  // the last line that it wrote to standard error for this request; may be empty
};

class Conversation {
 public:
  virtual ~Conversation() = default;

  // Starts its stories. `body` may be null.
  virtual void begin(http::Body* body) = 0;

  // At least one byte, 0 at the end of the answer. ETIMEDOUT when `deadline` passed (and nothing is lost);
  // EIO when the conversation was stopped.
  virtual loop::Task<base::Result<size_t>> read(std::span<std::byte> into,
                                                loop::Time deadline = loop::kNever) = 0;

  // The pump has ended when this returns.
  virtual loop::Task<void> stop_input() = 0;

  // Nobody will read on. kPaid: what is owed to the client has been sent, the application may finish, what it
  // still writes is dropped; kOwed: it is stopped, as far as its wire has a word for it.
  enum class Debt : uint8_t { kPaid, kOwed };
  virtual void let_go(Debt debt) = 0;

  // Whether a 101 may be answered. After one, read() gives what the application says in the other protocol,
  // and these two are for what it is told: send() ends when there is room for more, end_sending() when it has
  // all been sent, and says that nothing follows.
  virtual bool may_switch() const { return false; }
  virtual loop::Task<base::Result<void>> send(std::span<const std::byte> /*bytes*/) {
    co_return base::failure(ENOTSUP, "send to an application");
  }
  virtual loop::Task<void> end_sending() { co_return; }

  // Nothing that it answers will be used: stops it at once. `why` is static text.
  virtual void give_up(std::string_view why) = 0;

  // After read() has returned 0 or failed, or after give_up(). Waits at most so long for what makes it
  // certain (a process's end).
  virtual loop::Task<Verdict> ended(loop::Duration most) = 0;

  // Cancelled by a client that left (ECONNRESET), the time limit (ETIMEDOUT), remuda kill (ECANCELED).
  virtual loop::Scope& scope() = 0;
  // Why it was stopped: one of those, or 0.
  virtual int stopped() const = 0;
  // Why the request's body ended early; 0 if it did not.
  virtual int body_error() const = 0;
  // For the log, in place of what the verdict says.
  virtual void set_trouble(std::string_view trouble) = 0;
  virtual apps::Journey& journey() = 0;
  // Who answers: Endpoint::id(), for StartRequest::avoid; 0: a process of its own.
  virtual uint64_t endpoint() const = 0;
};

// What there is to be said to an application, in every wire's terms. Views outlive the conversation's
// begin().
struct Question {
  enum class Role : uint8_t { kResponder, kAuthorizer, kFilter };
  Role role = Role::kResponder;
  std::string_view variables;           // "NAME=value\0" one after the other, CONTENT_LENGTH exact
  http::Body* data = nullptr;           // of a filter: the file's bytes, after the request's body
  uint64_t request = 0;                 // its number in the logs
  const http::Request* head = nullptr;  // as it came; of wires that take fields, `variables` stand above them
  const http::Body* body = nullptr;     // what begin() is given
};

}  // namespace remuda::gateway
