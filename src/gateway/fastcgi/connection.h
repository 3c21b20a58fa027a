// SPDX-License-Identifier: Apache-2.0
//
// Connection: a FastCGI connection, with as many requests on it as its application takes at once.
//
//     Connections (one Endpoint)  1 ---- n  Connection  1 ---- n  Stream (one request)
//
// It decodes what comes and gives it to the stream whose id it bears. An id is used again only after its
// END_REQUEST. A peer that breaks the protocol ends the connection and all its streams; what comes for an id
// that is not in use is ignored, but the connection is not used again then.
//
// What a process that takes one request at a time has left unread of a body comes before the next request
// there: libfcgi reads up to 8 KiB ahead, forgets that, and closes the connection for the rest, with the next
// request on it. So a connection with something unread is not lent:
//
//     rest() --unread--> settles --still unread, after a moment--> closed
//                           |----wanted---------------------------> closed, and a new one is made (one of 16
//                           |                                       is let settle first)
//                           '----read, and still open-------------> idle; nobody asks again (reads_on())
//
// The last is a process that reads the end of a body when it looks for the next request (PHP). A peer over
// TCP cannot be asked: there only a request that fits into what libfcgi reads ahead leaves the connection
// open.
//
// Holds itself (Channel) and is held by its Connections and by its streams' conversations. One loop, one
// thread.
#pragma once

#include <cstdint>
#include <vector>

#include "apps/endpoint.h"
#include "gateway/channel.h"
#include "gateway/wire/fastcgi_decoder.h"

namespace remuda::gateway::fastcgi {

class Connections;
class Connection;

// One request, as its connection sees it. The last call is request_ended() or
// connection_ended().
class Stream {
 public:
  virtual void output(std::string_view bytes) = 0;
  virtual void errors(std::string_view bytes) = 0;
  virtual void request_ended(uint32_t app_status, wire::FastcgiStatus status) = 0;
  virtual void connection_ended(const ChannelEnd& end) = 0;
  // Whether everything that belongs to the request has been appended.
  virtual bool has_said_all() const = 0;
  // Whether anything of it was a body, or a filter's data.
  virtual bool has_body() const = 0;

 protected:
  ~Stream() = default;
};

class Connection final : public Channel {
 public:
  // More than these wait behind each other too long.
  static constexpr size_t kMostAtOnce = 128;

  Connection(ChannelGround& ground, apps::Endpoint& endpoint, Connections& owner);

  // A place for one more request: its id. The stream stays until its last call, or until detach().
  uint16_t attach(Stream& stream);
  // Nothing of it was appended: it never was.
  void withdraw(uint16_t request);
  // Nobody waits for this request any more; what comes for it is dropped.
  void detach(uint16_t request);

  bool is_idle() const { return active_ == 0; }
  bool is_alone() const { return active_ == 1; }
  // Idle, and its peer has perhaps not read all of its last request.
  bool is_settling() const { return settling_; }
  // It settles to show what its peer does, and is closed then; the next request waits behind it.
  void set_aside() { keep_ = false; }
  bool has_room() const;
  // Whether it takes one more though it has no room.
  bool takes_more() const { return !is_closing() && keep_; }
  // What FCGI_KEEP_CONN is to say: who closes it.
  bool keeps() const { return keep_; }
  uint64_t served() const { return served_; }

  // Closed when its last request has ended; at once if it has none.
  void retire();
  // The owner goes.
  void disown() { owner_ = nullptr; }

 private:
  struct Place {
    Stream* stream = nullptr;
    bool taken = false;
  };

  void received(std::string_view bytes) override;
  void closed(const ChannelEnd& end) override;
  loop::Time silence_deadline() const override;
  void silent() override;
  void take(const wire::FastcgiEvent& event);
  void take_end(const wire::FastcgiEvent& event);
  Place* place_of(uint16_t request);
  bool is_deserted() const;
  void rest();
  enum class Leftover : uint8_t { kNone, kPerhaps, kTooMuch };
  Leftover leftover() const;
  bool has_unread() const;

  Connections* owner_;
  const apps::KeepRules rules_;
  wire::FastcgiDecoder decoder_;
  std::vector<Place> places_;  // by id, from 1 on
  size_t active_ = 0;
  uint64_t served_ = 0;
  bool keep_;
  bool heard_ = true;      // something came since the connection was last idle
  bool had_body_ = false;  // a request since then
  uint64_t began_at_ = 0;  // appended(), then
  bool settling_ = false;
  loop::Time idle_since_{};
};

}  // namespace remuda::gateway::fastcgi
