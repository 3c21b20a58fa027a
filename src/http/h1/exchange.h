// SPDX-License-Identifier: Apache-2.0
//
// H1Exchange: one request on one HTTP/1.1 connection, and Active, the pooled memory in which it lives.
#pragma once

#include <array>
#include <optional>

#include "http/h1/head_parser.h"
#include "http/h1/input.h"
#include "http/h1/output.h"
#include "http/h1/request_body.h"
#include "http/handler.h"

namespace remuda::http::h1 {

class H1Exchange final : public Exchange {
 public:
  H1Exchange(base::Arena& its_arena, Driver& driver, const Endpoints& endpoints, Input& input);

  loop::Task<base::Result<void>> inform(int status, const Fields& fields) override;
  void watch_client(loop::Scope& scope) override;
  void stop_watching() override;
  // Seen by the watch: nothing reaches it any more.
  bool client_has_left() const { return client_gone_; }

  // The head is complete: makes the request's body from its framing, if it has one.
  void begin_body();
  // Empties a response that cannot be sent, so that another can be made. Its stream has been stopped.
  void drop_response();

  // The exchange is over after these two: the end of the watch, if there is one, and what was kept for it.
  bool is_watching() const { return watch_.has_value(); }
  loop::Task<void> end_watch();
  void conclude();

  HeadParser parser;
  Output output;
  Record record;
  std::optional<RequestBody> body;

 private:
  loop::Task<void> wait_for_hang_up();
  loop::Task<void> ask_the_half_closed();

  Driver& driver_;
  Input& input_;
  loop::Scope* watched_ = nullptr;
  bool client_gone_ = false;
  std::optional<loop::Scope> watch_;
};

// Lent by the Driver while requests are under way on a connection.
struct Active {
  alignas(64) std::array<std::byte, 8 * 1024> received;
  std::array<std::byte, 4 * 1024> arena_block;
  std::array<char, 2 * 1024> head;
  std::array<std::byte, 16 * 1024> stream;
};

}  // namespace remuda::http::h1
