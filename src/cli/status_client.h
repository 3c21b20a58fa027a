// SPDX-License-Identifier: Apache-2.0
//
// StatusClient: one request to a worker's status socket and its answer, HTTP/1.1 over AF_UNIX. It blocks, but
// never longer than it is told: the commands have one thread and nothing else to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace remuda::cli {

struct StatusAnswer {
  int status = 0;
  std::string content;
};

struct StatusFailure {
  int code = 0;      // of errno: ENOENT, ECONNREFUSED, EACCES, ETIMEDOUT; EPROTO for what is no answer
  std::string what;  // a sentence
};

using StatusResult = std::expected<StatusAnswer, StatusFailure>;

// A request that has been sent, and whose answer may take its time (a rolling restart).
class StatusRequest {
 public:
  using Clock = std::chrono::steady_clock;

  // Connects and sends. `target` is percent-encoded where it needs to be.
  static std::expected<StatusRequest, StatusFailure> send(const std::string& socket, std::string_view method,
                                                          std::string_view target, Clock::time_point until);

  // The answer, or nothing when it has not come by then: it may be waited for again.
  std::optional<StatusResult> wait(Clock::time_point until);
  // The same, for whoever does not wait again: ETIMEDOUT.
  StatusResult result(Clock::time_point until);

 private:
  StatusRequest(base::Fd connection, std::string socket)
      : connection_(std::move(connection)), socket_(std::move(socket)) {}
  StatusFailure failure(int code, std::string_view what) const;

  base::Fd connection_;
  std::string socket_;
  std::string received_;
};

// Sends and waits; ETIMEDOUT when the answer has not come within `most`.
StatusResult ask_status(const std::string& socket, std::string_view method, std::string_view target,
                        std::chrono::milliseconds most = std::chrono::seconds(5));

// A whole response that ended with its connection; EPROTO if it is none, or not whole. Pure.
std::expected<StatusAnswer, std::string> parse_answer(std::string_view bytes);

}  // namespace remuda::cli
