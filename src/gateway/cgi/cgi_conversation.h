// SPDX-License-Identifier: Apache-2.0
//
// CgiConversation: a program that was started for one request, over its pipes, until it has ended, which may
// be after the exchange has.
//
//     live()         waits for the program's end, the time limit, or a client that left; then ends and
//     reports pump()         the request's body into the program, while somebody reads what it answers
//     read_errors()  standard error into the log
//     read()         standard output, by whoever sends the response: its back-pressure is the program's
//
// The stories run below scope_, and live(), which awaits them, below the loop's root scope.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "apps/source.h"
#include "gateway/app_log.h"
#include "gateway/conversation.h"
#include "gateway/error_lines.h"
#include "gateway/wire.h"
#include "http/body.h"
#include "loop/event.h"
#include "loop/loop.h"

namespace remuda::gateway {

class CgiConversation final : public Conversation, public std::enable_shared_from_this<CgiConversation> {
 public:
  // `log` and `options` outlive it.
  CgiConversation(loop::Loop& loop, std::unique_ptr<apps::Lease> lease, AppLog& log,
                  const WireOptions& options, uint64_t request_id);

  void begin(http::Body* body) override;
  loop::Task<base::Result<size_t>> read(std::span<std::byte> into, loop::Time deadline) override;
  loop::Task<void> stop_input() override;
  void let_go(Debt debt) override;
  void give_up(std::string_view why) override;
  loop::Task<Verdict> ended(loop::Duration most) override;

  loop::Scope& scope() override { return scope_; }
  int stopped() const override { return stopped_; }
  int body_error() const override { return body_error_; }
  void set_trouble(std::string_view trouble) override { trouble_ = trouble; }
  apps::Journey& journey() override { return lease_->journey(); }
  uint64_t endpoint() const override { return 0; }

 private:
  static loop::Task<void> live(std::shared_ptr<CgiConversation> self);
  loop::Task<void> end_program();
  loop::Task<void> end_the_rest();
  loop::Task<void> wait_for_errors();
  loop::Task<void> pump(http::Body& body);
  loop::Task<base::Result<void>> write_input(std::span<const std::byte> bytes);
  loop::Task<void> read_errors();
  loop::Task<void> drain_output();
  void take_error_line(std::string_view line);
  void wake_reader();
  Verdict verdict_of_the_stop() const;
  Verdict verdict_of_the_ending();
  apps::Outcome outcome();
  void report();

  loop::Loop& loop_;
  std::unique_ptr<apps::Lease> lease_;
  apps::Pipes& pipes_;  // the lease's
  AppLog& log_;
  const WireOptions& options_;
  const uint64_t request_id_;

  loop::Scope scope_;
  std::optional<loop::Scope> pump_scope_;
  loop::Event errors_ended_;
  ErrorLines lines_;
  uint64_t logged_ = 0;
  bool reading_errors_ = false;

  bool reading_ = false;    // somebody waits in read()
  bool answering_ = false;  // it has written something
  bool output_ended_ = false;
  bool program_ended_ = false;
  bool given_up_ = false;
  int stopped_ = 0;
  int body_error_ = 0;
  std::string trouble_;
};

}  // namespace remuda::gateway
