// SPDX-License-Identifier: Apache-2.0
//
// Connection: the story of one HTTP/1.1 connection, from accept to close. It never knows in which model of
// concurrency it runs.
//
//     serve --> [ something to read? ] --no--> wait (first_byte, then idle), holding nothing but this object
//                   | yes: borrow an Active
//                   v
//               read a head --> handle --> send the response --> drain the body --> next head, if bytes are
//               left
//                   |                                                  |
//                refused: 4xx/5xx, linger, close              not persistent: close
//
// What waits for long (an idle connection) is kept small; what is large (buffers, the exchange) is borrowed.
#pragma once

#include "base/list.h"
#include "http/h1/driver.h"
#include "http/h1/exchange.h"
#include "http/h1/response_sender.h"

namespace remuda::http::h1 {

class Connection : public base::Link<Connection> {
 public:
  Connection(Driver& driver, loop::LoopFd socket, Address peer);

  loop::Task<void> serve();

  // Ends the wait for the next request, if that is what it is doing.
  void close_if_idle();
  bool is_idle() const { return idle_; }
  loop::Time idle_since() const { return idle_since_; }

 private:
  enum class Next : uint8_t { kIdle, kClose, kLinger };

  loop::Task<Next> serve_available();
  loop::Task<Next> serve_request(Active& active, Input& input);
  loop::Task<bool> read_head(H1Exchange& exchange, Input& input);
  loop::Task<Next> answer(H1Exchange& exchange, Active& active);
  loop::Task<Next> after_response(H1Exchange& exchange, Active& active, Sent sent);
  loop::Task<Next> hand_over(H1Exchange& exchange, Input& input);
  loop::Task<bool> drain(RequestBody& body, Active& active);
  loop::Task<void> linger();
  void refuse(H1Exchange& exchange, int status, std::string_view why);
  void finish(H1Exchange& exchange, const Sent& sent);
  loop::Time patience() const;

  Driver& driver_;
  loop::LoopFd socket_;
  Endpoints endpoints_;
  loop::Time idle_since_{};
  bool had_request_ = false;
  bool idle_ = false;
};

}  // namespace remuda::http::h1
