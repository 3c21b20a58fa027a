// SPDX-License-Identifier: Apache-2.0
//
// Connection: the story of one HTTP/1.1 connection, from accept to close. It never knows in which model of
// concurrency it runs.
//
//     run --> [ something to read? ] --no--> wait (first_byte, then idle), holding nothing but this object
//                   | yes: borrow an Active
//                   v
//               read a head --> handle --> send the response --> drain the body --> next head, if bytes are
//                   |                                                  |            left
//                refused: 4xx/5xx, linger, close              not persistent: close (or linger, close)
//
// It lives in the frame of its own coroutine. What waits for long (an idle connection) is kept small; what is
// large (buffers, the exchange) is borrowed. While it waits for a request it is in its Driver's list of idle
// connections.
#pragma once

#include "base/list.h"
#include "http/h1/driver.h"
#include "http/h1/exchange.h"
#include "http/h1/response_sender.h"

namespace remuda::http::h1 {

class Connection : public base::Link<Connection> {
 public:
  // Owns the socket.
  Connection(Driver& driver, loop::LoopFd socket, const Address& peer);
  // Into the frame of run(), before anything knows its address.
  Connection(Connection&& other) noexcept;
  ~Connection();

  // Serves the connection to its end, then closes it.
  static loop::Task<void> run(Connection self);

  // Ends the wait for the next request: what has arrived meanwhile is still answered, then it closes.
  void close_idle();
  loop::Time idle_since() const { return idle_since_; }

 private:
  enum class Next : uint8_t { kIdle, kClose, kLinger };
  enum class Head : uint8_t { kComplete, kRefused, kGivenUp };

  void close();
  void become_idle();
  loop::Task<Next> serve_available();
  loop::Task<Next> serve_request(Active& active, Input& input);
  Head judge(H1Exchange& exchange, HeadParser::Outcome outcome, Input& input);
  loop::Task<Head> read_head(H1Exchange& exchange, Input& input);
  Head head_cut_short(H1Exchange& exchange, int error);
  void refuse(H1Exchange& exchange, int status, std::string_view why);
  loop::Task<Next> answer(H1Exchange& exchange, Active& active, Input& input);
  loop::Task<Next> leave_unanswered(H1Exchange& exchange);
  loop::Task<void> make_answerable(H1Exchange& exchange, Active& active);
  Persistence wish(const H1Exchange& exchange) const;
  loop::Task<Next> answer_refused(H1Exchange& exchange, Active& active);
  loop::Task<Next> after_response(H1Exchange& exchange, Active& active, Sent sent);
  loop::Task<Next> hand_over(H1Exchange& exchange, Input& input, Sent sent);
  loop::Task<bool> drain(RequestBody& body, Active& active, uint64_t most);
  loop::Task<void> linger();
  void finish(H1Exchange& exchange, const Sent& sent);
  loop::Time patience() const;
  int socket() const { return endpoints_.socket; }

  Driver& driver_;
  loop::Time idle_since_{};
  Endpoints endpoints_;
  bool had_request_ = false;
  bool told_to_close_ = false;
};

}  // namespace remuda::http::h1
