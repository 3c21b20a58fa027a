// SPDX-License-Identifier: Apache-2.0
//
// EndpointConversation: what every wire over a connection has in common: time limits, the body pumped in, the
// answer kept for a client that is slow, the client that leaves, and when the lease is given back. Its heirs
// say how a request is written and what comes back.
//
//     story    live()   until the stream is over, or somebody stops it; then the lease goes back
//              pump()   the body, and a filter's data, onto the channel, as fast as that takes them
//              store()  what the client does not take, to the disk
//
// A client that takes nothing holds back the application, but not on a connection that others share: there
// the disk has to keep up, with an overdraft in memory and a moment's pause, or this request ends alone.
//
// "Over": the application has ended the request, or the connection has ended: the lease is not needed any
// more. Until then it is held, even if nobody waits for the answer, because the process is busy. Shared by
// the exchange and its stories. One loop, one thread.
#pragma once

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/channel.h"
#include "gateway/conversation.h"
#include "gateway/error_lines.h"
#include "gateway/inbox.h"
#include "gateway/wire.h"
#include "loop/event.h"

namespace remuda::gateway {

// What the conversations of a wire on one loop share. Outlives them.
struct ConversationGround {
  loop::Loop& loop;
  loop::Offload& offload;
  AppLog& log;
  const WireOptions& options;
};

class EndpointConversation : public Conversation, public std::enable_shared_from_this<EndpointConversation> {
 public:
  EndpointConversation(ConversationGround& ground, std::unique_ptr<apps::Lease> lease,
                       const Question& question);
  ~EndpointConversation() override;

  void begin(http::Body* body) final;
  loop::Task<base::Result<size_t>> read(std::span<std::byte> into, loop::Time deadline) final;
  loop::Task<void> stop_input() final;
  void let_go(Debt debt) final;
  void give_up(std::string_view why) final;
  loop::Task<Verdict> ended(loop::Duration most) final;
  loop::Scope& scope() final { return scope_; }
  int stopped() const final { return stopped_; }
  int body_error() const final { return body_error_; }
  void set_trouble(std::string_view trouble) final { trouble_ = trouble; }
  apps::Journey& journey() final;
  uint64_t endpoint() const final { return endpoint_; }

 protected:
  enum class Input : uint8_t { kBody, kData };

  // --- what heirs do

  // Finds a channel and appends everything that comes before the body. Null: over() was called.
  virtual Channel* attach(const Question& question) = 0;
  virtual void append(Input input, std::string_view bytes, std::string& out) = 0;
  virtual void append_end(Input input, std::string& out) = 0;
  // Tells the application to stop, as far as the wire has a word for it; over() comes later.
  virtual void abort() = 0;
  // Nobody waits for the application any more: over() comes now or soon.
  virtual void leave() = 0;
  // Whether others use the connection as well.
  virtual bool is_shared() const { return false; }
  // Whether ending the process would end others' requests.
  virtual bool is_process_shared() const { return is_shared(); }
  // The stream is over, the lease is about to be given back.
  virtual loop::Task<void> settle() { co_return; }

  // --- what they tell

  void take_output(std::string_view bytes);
  // An answer has begun, although nothing of it is output yet.
  void take_first_bytes();
  // A 101: no answer is waited for any more, and either side may be silent for long.
  void expect_passage();
  // The client said something, which keeps up what has switched.
  void note_movement() { quiet_since_ = loop_.now(); }
  void take_errors(std::string_view bytes);
  // The stream is over. The first call counts.
  void over(Verdict verdict, apps::Outcome outcome);
  // Closes the channel although the application may be at work. Where that takes one request at a time, the
  // lease is held until it accepts a connection again.
  void abandon();
  // The same as over(), for a channel that ended before its time. `began`: the channel's appended() at
  // attach().
  void lost(const ChannelEnd& end, const Channel& channel, uint64_t began);

  bool is_over() const { return over_; }
  bool is_input_complete() const { return input_complete_; }
  bool has_answered() const { return answered_; }
  ConversationGround& ground() { return ground_; }
  apps::Lease& lease() { return *lease_; }
  const Question& question() const { return question_; }
  // Until over, or the deadline.
  loop::Task<void> wait_over(loop::Time deadline);

 private:
  static loop::Task<void> live(std::shared_ptr<EndpointConversation> self);
  loop::Task<void> part();
  loop::Time part_deadline() const;
  loop::Task<void> wait_until_free();
  loop::Task<bool> knock(loop::Time deadline);
  void give_back();
  void drop_answer();
  void stop(int reason, std::string_view why);
  bool is_stopped() const { return stopped_ != 0 || body_error_ != 0 || silent_; }
  bool timed_out() const { return stopped_ == ETIMEDOUT || silent_; }
  void stop_for_silence();

  void start_input(http::Body* body);
  loop::Task<void> pump(http::Body* body);
  loop::Task<bool> pump_from(http::Body& body, Input input);
  void end_input();
  void flush();
  void fail_body(int error);

  static loop::Task<void> store(std::shared_ptr<EndpointConversation> self);
  void keep(std::string_view bytes);
  void stop_keeping(std::string_view why);
  loop::Task<void> watch_disk();
  void hold_back();
  void stop_holding_back();
  loop::Duration quiet_limit() const;
  loop::Time quiet_deadline() const;
  void take_error_line(std::string_view line);
  Verdict stopped_verdict() const;
  apps::Journey& own_journey();

  ConversationGround& ground_;
  loop::Loop& loop_;
  const WireOptions& options_;
  std::unique_ptr<apps::Lease> lease_;
  const Question question_;
  const uint64_t endpoint_;
  Channel* channel_ = nullptr;  // while not over

  loop::Scope scope_;
  std::optional<loop::Scope> pump_scope_;
  loop::Event arrived_;       // bytes, the end, or a new deadline
  loop::Event over_changed_;  // over_
  loop::Time began_{};
  loop::Time quiet_since_{};  // neither side has moved anything

  Inbox inbox_;
  std::span<std::byte> reading_;  // of a read() that waits
  size_t got_ = 0;                // put there
  bool answered_ = false;         // a byte came
  bool passing_ = false;          // it has switched to another protocol
  bool dropping_ = false;
  bool holding_back_ = false;
  bool watching_disk_ = false;
  loop::Time held_back_since_{};
  bool pumping_ = false;
  bool input_complete_ = false;
  bool over_ = false;
  int stopped_ = 0;
  int body_error_ = 0;
  bool silent_ = false;    // the application sent nothing for too long
  bool paid_ = false;      // its client has been given all of the answer
  bool given_up_ = false;  // by the exchange; else somebody cancelled the scope
  bool must_stop_ = false;
  bool abandoned_ = false;
  Verdict verdict_;
  apps::Outcome outcome_ = apps::Outcome::kGivenUp;
  std::string trouble_;
  ErrorLines lines_;
  uint64_t error_bytes_ = 0;
  std::unique_ptr<apps::Journey> journey_;  // once somebody wants it, or the lease has gone with trouble
};

}  // namespace remuda::gateway
