// SPDX-License-Identifier: Apache-2.0
//
// Exchange: one request and its answer on a connection that may carry many, by HTTP/1.1 over a Unix socket.
// Never blocks: who holds it polls. The answer is read by the decoder that the gateway has for applications'
// answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "cli/advise/figures.h"
#include "gateway/wire/http_response.h"

namespace remuda::cli::advise {

class Exchange {
 public:
  using Clock = std::chrono::steady_clock;
  enum class State : uint8_t { kIdle, kSending, kReceiving, kDone, kFailed };

  explicit Exchange(const std::string& socket) : socket_(socket) {}

  // Sends the request, on a new connection where the last one does not go on. `request` outlives the
  // exchange.
  void begin(std::string_view request);
  // Goes on after poll(2) has said that the descriptor is ready.
  void go_on();

  State state() const { return state_; }
  bool is_under_way() const { return state_ == State::kSending || state_ == State::kReceiving; }
  int descriptor() const { return connection_.get(); }
  short awaited() const;  // POLLIN, POLLOUT

  // Of one that is done.
  int status() const { return status_; }
  const Content& content() const { return content_; }
  Micros took() const;
  // Of one that failed: a sentence.
  const std::string& trouble() const { return trouble_; }

 private:
  void connect();
  void send();
  void receive();
  void take(std::string_view bytes);
  void take_output(std::string_view piece);
  void take_end_of_connection();
  void finish();
  void fail(std::string trouble);

  const std::string socket_;
  base::Fd connection_;
  std::optional<gateway::wire::HttpResponseDecoder> decoder_;  // of this connection
  State state_ = State::kIdle;
  std::string_view unsent_;
  bool head_is_read_ = false;
  int status_ = 0;
  Content content_;
  Clock::time_point began_;
  Clock::time_point ended_;
  std::string trouble_;
};

}  // namespace remuda::cli::advise
