// SPDX-License-Identifier: Apache-2.0
//
// Connections: the FastCGI connections of one loop to one Endpoint, and what has been learnt about how it
// takes them.
//
//     one request at a time    the connection that became idle last, or a new one
//     multiplexed              the first that has room, or a new one
//
// Owned by the Endpoint. Its wire outlives it. One loop, one thread.
#pragma once

#include <memory>
#include <vector>

#include "apps/endpoint.h"
#include "gateway/channel.h"
#include "gateway/fastcgi/connection.h"
#include "gateway/wire.h"
#include "gateway/wire/fastcgi_values.h"

namespace remuda::gateway::fastcgi {

// Whether it does harm to send a request on a connection that its peer may just have closed.
enum class Resend : uint8_t { kSafe, kUnsafe };

class Connections final : public apps::Connections {
 public:
  // `asked_in_vain`: of all endpoints of the wire, which outlives this.
  Connections(ChannelGround& ground, apps::Endpoint& endpoint, Multiplex multiplex, unsigned& asked_in_vain);
  ~Connections() override;

  size_t idle() const override { return idle_.size(); }
  void close_idle() override;

  // A connection with room for one more request; a new one is to be started.
  std::shared_ptr<Connection> lend(Resend resend);

  // Whether requests share connections here.
  bool multiplexes() const;
  // It refused a second request on a connection (FCGI_CANT_MPX_CONN).
  void refused_to_multiplex();

  // Whether GET_VALUES is still to be sent. After true, one of the others is called.
  bool should_ask();
  void answered(const wire::FastcgiValues& values);
  void asked_in_vain();

  // --- by Connection

  // Its last request has ended. False: it is to be closed.
  bool rests(Connection& connection);
  // `in_silence`: on its second request, without a word.
  void gone(Connection& connection, bool in_silence);

 private:
  enum class Asking : uint8_t { kNotYet, kUnderWay, kOver };

  std::shared_ptr<Connection> lend_idle(Resend resend);
  std::shared_ptr<Connection> lend_shared();
  std::shared_ptr<Connection> connect();

  ChannelGround& ground_;
  apps::Endpoint& endpoint_;
  const Multiplex multiplex_;
  unsigned& asked_in_vain_;
  std::vector<std::shared_ptr<Connection>> all_;
  std::vector<Connection*> idle_;  // the last is taken first
  Asking asking_ = Asking::kNotYet;
  bool must_not_share_ = false;
  bool keeping_works_ = false;  // a second request was answered on one
};

}  // namespace remuda::gateway::fastcgi
