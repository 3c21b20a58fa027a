// SPDX-License-Identifier: Apache-2.0
//
// Connections: the FastCGI connections of one loop to one Endpoint, and what has been learnt about how it
// takes them.
//
//     one request at a time    the connection that became idle last, or a new one
//     multiplexed              the first that has room, or a new one
//
// Whether it multiplexes is what it says itself (GET_VALUES), or what it is known to do (Multiplex::kOn) if
// it says nothing; a request that it refuses to multiplex ends that for good. Where it is known to, it is
// asked and tried (values_question.h) before the first request: an application that does not multiplex after
// all may lose whatever stands behind a request on its connection, without a word.
//
// Owned by the Endpoint. Its wire outlives it. One loop, one thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "apps/endpoint.h"
#include "gateway/channel.h"
#include "gateway/fastcgi/connection.h"
#include "gateway/fastcgi/curiosity.h"
#include "gateway/wire.h"
#include "gateway/wire/fastcgi_values.h"

namespace remuda::gateway::fastcgi {

// Whether it does harm to send a request on a connection that its peer may just have closed.
enum class Resend : uint8_t { kSafe, kUnsafe };

class Connections final : public apps::Connections {
 public:
  // `curiosity`: of all endpoints of the wire, which outlives this.
  Connections(ChannelGround& ground, apps::Endpoint& endpoint, Multiplex multiplex, Curiosity& curiosity);
  ~Connections() override;

  size_t idle() const override { return idle_.size(); }
  void close_idle() override;

  // A connection with room for one more request; to be started.
  std::shared_ptr<Connection> lend(Resend resend);
  // At once, or when the application has been asked what has to be known first.
  void start(Connection& connection);

  // Whether requests share connections here.
  bool multiplexes() const;
  // It refused a second request on a connection (FCGI_CANT_MPX_CONN), or says that it would.
  void refused_to_multiplex();

  // Whether GET_VALUES is to be sent now. If so, one of the others is called.
  enum class Ask : uint8_t {
    kFirst,   // before a request, and not for long: all wait for it
    kBeside,  // beside a request that has been appended
  };
  bool should_ask(Ask when);
  void answered(const wire::FastcgiValues& values);
  void asked_in_vain();

  // --- by Connection

  // Its last request has ended. False: it is to be closed.
  bool rests(Connection& connection);
  // `in_silence`: on its second request, without a word.
  void gone(Connection& connection, bool in_silence);
  // The process reads what is left of a request before the next one.
  bool reads_on() const { return reads_on_; }
  void saw_reading_on() { reads_on_ = true; }

 private:
  std::shared_ptr<Connection> lend_idle(Resend resend);
  std::shared_ptr<Connection> lend_shared();
  std::shared_ptr<Connection> connect();
  bool may_connect() const;
  void learn(const wire::FastcgiValues& values);
  void end_asking();

  ChannelGround& ground_;
  apps::Endpoint& endpoint_;
  const Multiplex multiplex_;
  Curiosity& curiosity_;
  std::vector<std::shared_ptr<Connection>> all_;
  std::vector<Connection*> idle_;  // the last is taken first
  std::optional<Ask> asking_;
  bool asked_ = false;
  bool must_not_share_ = false;
  bool keeping_works_ = false;  // a second request was answered on one
  bool reads_on_ = false;
  uint32_t hasty_ = 0;  // connections that were wanted while they settled
};

}  // namespace remuda::gateway::fastcgi
