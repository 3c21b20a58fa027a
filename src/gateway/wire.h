// SPDX-License-Identifier: Apache-2.0
//
// Wire: how bytes travel over a lease. The exchange driver has one for its application and knows nothing else
// of CGI, FastCGI or SCGI: it acquires a Lease, asks converse() for a Conversation over it, and begins it.
//
//     CgiWire       Lease::pipes()      a process started for the request
//     FastcgiWire   Lease::endpoint()   connections kept, shared by requests where the application
//     multiplexes ScgiWire      Lease::endpoint()   a connection for each request
//     HttpWire      Lease::endpoint()   connections kept, one request at a time on each
//
// One for an application and loop, made by the composition; outlives its Conversations, which may outlive
// their exchanges.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "apps/source.h"
#include "gateway/app_log.h"
#include "gateway/conversation.h"
#include "gateway/wire/http_request.h"
#include "loop/time.h"

namespace remuda::gateway {

// Whether an application is told several requests over one connection.
enum class Multiplex : uint8_t {
  kAuto,  // if it says that it can (FCGI_MPXS_CONNS=1)
  kOn,    // it is known to
  kOff,
};

// What becomes of a request whose client has left.
enum class ClientGone : uint8_t {
  kAbort,   // the application is told to stop, as far as its wire has a word for it
  kFinish,  // it works on, its answer is dropped
};

// Of wires that take fields: whether Authorization is among them.
enum class PassAuthorization : uint8_t { kNo, kYes };

// What the wires need to know of an application; the composition translates the configuration into it. A
// duration of zero is no limit.
struct WireOptions {
  std::string name;  // of the application
  Multiplex multiplex = Multiplex::kAuto;
  ClientGone on_client_gone = ClientGone::kAbort;
  loop::Duration connect_timeout = std::chrono::seconds(5);
  loop::Duration send_timeout = std::chrono::seconds(30);  // nothing goes to it or comes from it
  loop::Duration first_byte_timeout{};                     // from the end of the request's parameters
  loop::Duration read_timeout = std::chrono::seconds(60);  // between two pieces of an answer
  loop::Duration time_limit = std::chrono::seconds(60);    // from begin() to the last byte
  uint64_t response_buffer = 256 * 1024;  // bytes of one answer held in memory for a client that is slow
  uint64_t response_spill = 1024ULL * 1024 * 1024;  // then on disk; then the application waits
  std::string spool_directory = "/tmp";             // for the disk
  // Of a program that was started for the request: its output, held open by others after it has exited.
  loop::Duration exit_grace = std::chrono::seconds(5);
  uint64_t errors_limit = 1024 * 1024;  // of standard error that is logged for one request, bytes
  // Of an application that speaks HTTP.
  size_t head_limit = 64 * 1024;                              // of an answer's head, bytes
  loop::Duration upgraded_idle_time = std::chrono::hours(1);  // after a 101, without a byte either way
  wire::Forwarded forwarded = wire::Forwarded::kReplace;
  PassAuthorization pass_authorization = PassAuthorization::kYes;
};

// How a request's body reaches the application.
enum class BodyBy : uint8_t {
  kConversation,  // begin() is given it
  kDescriptor,    // a file or a pipe that acquire() is told of: what is in a pipe is begin()'s
};

// What an application is told of a request.
enum class Takes : uint8_t {
  kVariables,  // CGI's meta-variables; a body's length is known
  kFields,     // Question::head
};

class Wire {
 public:
  virtual ~Wire() = default;

  virtual Takes takes() const { return Takes::kVariables; }

  virtual BodyBy takes_body() const { return BodyBy::kConversation; }

  // Takes the lease; nothing has been sent before begin(). The views of `question` are used in begin() at the
  // latest, its `data` until stop_input() has returned.
  virtual std::shared_ptr<Conversation> converse(std::unique_ptr<apps::Lease> lease,
                                                 const Question& question) = 0;

  // What it keeps open between requests, and nothing else runs below this: spawned by the composition beside
  // the requests. Until it is cancelled.
  virtual loop::Task<void> run() { co_return; }
};

}  // namespace remuda::gateway
