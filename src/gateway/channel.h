// SPDX-License-Identifier: Apache-2.0
//
// Channel: one connection to an Endpoint, as bytes: it connects, sends what is appended to its output, hands
// on what it receives, and says when and why it ended. What the bytes mean is its heirs' business.
//
//     story    run()    connect -> read until the end; then close, then closed()
//              write()  while there is output: everything that has come together in one send
//
// What it receives goes through one buffer for all channels of the loop (Scratch), so one that waits holds
// none. Whoever cannot take more pauses it: its peer then has to wait, which is back-pressure.
// Owned by its run() and by whoever else holds it; runs below the scope of its wire. One loop, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "apps/endpoint.h"
#include "loop/event.h"
#include "loop/loop.h"

namespace remuda::gateway {

// What a wire's channels on one loop share.
struct ChannelGround {
  loop::Loop& loop;
  loop::Scope& scope;  // of all channels; outlives them
  loop::Duration connect_timeout;
  loop::Duration send_timeout;
  std::array<std::byte, 64 * 1024> scratch{};
};

// How a channel ended.
struct ChannelEnd {
  enum class When : uint8_t { kConnecting, kSending, kOpen };
  When when = When::kOpen;
  int error = 0;             // 0: the peer ended it; ECANCELED: closed from here
  const char* trouble = "";  // of EBADMSG, when the peer sent what it must not: static text
};

class Channel : public std::enable_shared_from_this<Channel> {
 public:
  // `endpoint` stays until it is connected or closed().
  Channel(ChannelGround& ground, apps::Endpoint& endpoint);
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Connects; the first call does. It may end with closed(), if that fails at once.
  void start();

  bool is_open() const { return socket_.get() >= 0 && !closing_; }
  // Ends when it is open; fails when it cannot be any more.
  loop::Task<base::Result<void>> opened();

  // To append to. Goes out with the next flush(), or when it is open.
  std::string& output() { return output_; }
  // kTogether: what others append in this turn of the loop goes out in the same send.
  enum class Flush : uint8_t { kNow, kTogether };
  void flush(Flush how);
  bool has_output() const { return !output_.empty() || !sending_.empty(); }
  // Whether so much waits that nobody should append more before room() has ended.
  bool is_full() const { return output_.size() >= kEnough; }
  loop::Task<base::Result<void>> room();
  // Bytes that were appended, or sent, since it was made: whoever appends notes where that was.
  uint64_t appended() const { return sent_ + sending_.size() - sending_at_ + output_.size(); }
  uint64_t sent() const { return sent_; }

  // Nothing is received while anybody holds it back.
  void pause() { ++paused_; }
  void resume();

  // Ends it: closed() comes later, from its own story.
  void close() { close(0, ""); }
  bool is_closing() const { return closing_; }

  // Whether a stream's peer has gone already, as far as the kernel knows and the loop may not yet.
  bool is_cut() const;
  // Whether anything has come that was not received, its end included.
  bool has_news() const;
  bool is_local() const { return local_; }

 protected:
  // What came; valid during the call. A fault in it: close(EBADMSG, why).
  virtual void received(std::string_view bytes) = 0;
  // The last call, once; the descriptor is closed.
  virtual void closed(const ChannelEnd& end) = 0;
  // When it is to be closed if nothing comes; asked again after each time it passes.
  virtual loop::Time silence_deadline() const { return loop::kNever; }
  // silence_deadline() has passed. close() or not.
  virtual void silent() {}

  void close(int error, const char* trouble);
  loop::Loop& loop() { return ground_.loop; }
  // Until something was sent, or it ends.
  loop::Task<base::Result<void>> moved() { co_return co_await changed_.wait(loop::kNever); }
  // Of its socket, while it is open.
  int descriptor() const { return socket_.get(); }

 private:
  static constexpr size_t kEnough = 64 * 1024;
  static constexpr size_t kKept = 16 * 1024;  // memory that stays with a channel between requests

  static loop::Task<void> run(std::shared_ptr<Channel> self);
  loop::Task<void> connect();
  loop::Task<void> read();
  loop::Task<base::Result<size_t>> receive();
  loop::Task<void> write(Flush how);
  loop::Task<base::Result<void>> send_pending();
  loop::Time send_deadline();
  void end(ChannelEnd::When when, int error);

  ChannelGround& ground_;
  apps::Endpoint& endpoint_;
  loop::Scope scope_;
  loop::LoopFd socket_;
  bool local_ = false;
  bool connected_ = false;  // or it has failed
  bool started_ = false;
  bool closing_ = false;
  bool writing_ = false;
  unsigned paused_ = 0;
  ChannelEnd end_;
  bool ended_ = false;
  std::string output_;
  std::string sending_;
  size_t sending_at_ = 0;
  uint64_t sent_ = 0;
  loop::Time moved_at_{};  // a byte went or came, or there was something to send again
  loop::Event changed_;    // open, room, resumed, ended
};

// Until the story that awaits it is cancelled; then every channel below `scope` is closed, and has ended when
// this returns. They do not keep the loop running: no request is in an idle one.
loop::Task<void> run_channels(loop::Scope& scope);

}  // namespace remuda::gateway
