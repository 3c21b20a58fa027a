// SPDX-License-Identifier: Apache-2.0
//
// Connection: an HTTP/1.1 connection to an application, with one request at a time on it.
//
//     Connections (one Endpoint)  1 ---- n  Connection  1 ---- 0..1  Stream (one request)
//
// It is used again when the answer has ended as its framing says, the whole request has gone out before, and
// nothing has come behind it: what comes without having been asked for could be taken for the next answer, so
// it ends the connection. Holds itself (Channel) and is held by its Connections and by its stream's
// conversation. One loop, one thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "apps/endpoint.h"
#include "gateway/channel.h"
#include "gateway/wire/http_response.h"

namespace remuda::gateway::proxy {

class Connections;

// One request, as its connection sees it. The last call is request_ended() or connection_ended().
class Stream {
 public:
  // The first bytes of an answer, of which nothing may be to be given on yet.
  virtual void heard() = 0;
  virtual void output(std::string_view bytes) = 0;
  virtual void switched() = 0;
  virtual void request_ended() = 0;
  virtual void connection_ended(const ChannelEnd& end) = 0;
  // Whether everything that belongs to the request has been appended.
  virtual bool has_said_all() const = 0;

 protected:
  ~Stream() = default;
};

class Connection final : public Channel {
 public:
  Connection(ChannelGround& ground, apps::Endpoint& endpoint, Connections& owner, size_t head_limit);

  // A request is about to be appended. The stream stays until its last call.
  void attach(Stream& stream, wire::HttpAsked asked);

  bool is_idle() const { return stream_ == nullptr; }
  // Whether it is to serve another request after this one.
  bool keeps() const { return keep_ && served_ + 1 < rules_.requests; }

  // Nothing more is asked on it; closed at once if it is idle.
  void retire();
  // The owner goes.
  void disown() { owner_ = nullptr; }
  // Says that nothing more will be sent, once everything has been.
  loop::Task<void> end_sending();

 private:
  void received(std::string_view bytes) override;
  void closed(const ChannelEnd& end) override;
  loop::Time silence_deadline() const override;
  void silent() override { close(); }
  void take_end(std::string_view rest);
  bool may_rest(std::string_view rest) const;

  Connections* owner_;
  const apps::KeepRules rules_;
  wire::HttpResponseDecoder decoder_;
  Stream* stream_ = nullptr;
  bool keep_;
  bool heard_ = false;  // since the request was attached
  uint64_t served_ = 0;
  loop::Time idle_since_{};
};

}  // namespace remuda::gateway::proxy
