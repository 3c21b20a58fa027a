// SPDX-License-Identifier: Apache-2.0
//
// Run: one lease at work for one exchange, from acquire to the end of the program, which may come after the
// exchange's.
//
//     story    live()         waits for the program's end, the time limit, or a client that left; then ends
//     and reports
//              pump()         the request's body into the program, while somebody reads what it answers
//              read_errors()  standard error into the log
//     call     read()         output, by whoever sends the response: its back-pressure is the program's
//
// Shared by the exchange and by live(), which is a child of the loop's root scope. The exchange calls
// stop_input() before it ends, because the request's body ends with it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "apps/source.h"
#include "gateway/app_handler.h"
#include "gateway/error_lines.h"
#include "http/body.h"
#include "loop/event.h"
#include "loop/loop.h"

namespace remuda::gateway {

class Run : public std::enable_shared_from_this<Run> {
 public:
  Run(loop::Loop& loop, std::unique_ptr<apps::Lease> lease, AppLog& log, const AppOptions& options,
      uint64_t request_id);

  // Starts the stories. `body` may be null.
  void begin(http::Body* body);

  // Output: at least one byte, 0 at its end. ETIMEDOUT when `deadline` passed; EIO when the run was stopped.
  loop::Task<base::Result<size_t>> read(std::span<std::byte> into, loop::Time deadline = loop::kNever);

  // The pump has ended when this returns.
  loop::Task<void> stop_input();

  // Nobody will read on. What is owed to the client has been sent: the program may finish, its output is
  // dropped; else it is ended.
  enum class Debt : uint8_t { kPaid, kOwed };
  void let_go(Debt debt);

  void terminate(std::string_view why) { lease_->terminate(why); }
  // Whether the program has ended by then.
  loop::Task<bool> wait_ended(loop::Duration most);
  // Waits for the end of the program and of its standard error.
  loop::Task<void> wait_settled(loop::Duration most);

  // Cancelled by a client that left.
  loop::Scope& scope() { return scope_; }
  apps::Journey& journey() { return lease_->journey(); }
  // Why the run was stopped: 0, ETIMEDOUT (time limit), ECONNRESET (the client left), ECANCELED.
  int stopped() const { return stopped_; }
  // Why the request's body ended early; 0 if it did not.
  int body_error() const { return body_error_; }
  bool output_ended() const { return output_ended_; }
  // For the log, in place of what the ending says.
  void set_trouble(std::string_view trouble) { trouble_ = trouble; }

 private:
  static loop::Task<void> live(std::shared_ptr<Run> self);
  loop::Task<void> end_program();
  loop::Task<void> end_the_rest();
  loop::Task<void> wait_for_errors();
  loop::Task<void> pump(http::Body& body);
  loop::Task<base::Result<void>> write_input(std::span<const std::byte> bytes);
  loop::Task<void> read_errors();
  loop::Task<void> drain_output();
  void take_error_line(std::string_view line);
  void wake_reader();
  void report();

  loop::Loop& loop_;
  std::unique_ptr<apps::Lease> lease_;
  apps::Pipes& pipes_;  // the lease's
  AppLog& log_;
  const AppOptions& options_;
  const uint64_t request_id_;

  loop::Scope scope_;
  std::optional<loop::Scope> pump_scope_;
  loop::Event errors_ended_;
  ErrorLines lines_;
  uint64_t logged_ = 0;
  bool reading_errors_ = false;

  bool reading_ = false;  // somebody waits in read()
  bool output_ended_ = false;
  bool program_ended_ = false;
  int stopped_ = 0;
  int body_error_ = 0;
  std::string trouble_;
};

}  // namespace remuda::gateway
