// SPDX-License-Identifier: Apache-2.0
//
// RequestBody: the content of the request under way, pulled by the handler (RFC 9112 sections 6 and 7).
//
// First what came with the head, then the socket. Content of known length goes straight into the reader's
// buffer, and so do large chunks; small ones and what is between them pass through the connection's. The
// first read sends "100 Continue" if the client waits for it, has sent nothing yet, and the final response
// has not begun. Bytes after the end stay in the Input: they begin the next request.
#pragma once

#include <optional>

#include "http/body.h"
#include "http/h1/chunked.h"
#include "http/h1/driver.h"
#include "http/h1/head_parser.h"
#include "http/h1/input.h"
#include "http/h1/output.h"

namespace remuda::http::h1 {

class RequestBody final : public Body {
 public:
  RequestBody(Driver& driver, Input& input, Output& output, const Framing& framing, const uint64_t& limit,
              base::Arena& arena);

  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override;
  size_t ready() const override;
  std::optional<uint64_t> remaining() const override;
  const Fields* trailers() const override;

  // The end was reached: the next byte belongs to the next request.
  bool ended() const { return ended_; }
  // Whether the rest is worth reading in order to keep the connection.
  bool can_be_drained() const;
  uint64_t received() const { return received_; }

 private:
  loop::Task<base::Result<void>> invite();
  loop::Task<base::Result<size_t>> read_sized(std::span<std::byte> into);
  loop::Task<base::Result<size_t>> read_chunked(std::span<std::byte> into);
  loop::Task<base::Result<size_t>> receive(std::span<std::byte> into);
  loop::Task<base::Result<size_t>> fill_input();
  loop::Time deadline() const;
  std::unexpected<base::Error> fail(int code, const char* what);

  Driver& driver_;
  Input& input_;
  Output& output_;
  const uint64_t& limit_;
  uint64_t remaining_ = 0;  // of sized content
  std::optional<ChunkedDecoder> chunked_;
  Fields* trailers_ = nullptr;
  uint64_t received_ = 0;
  uint64_t since_yield_ = 0;
  loop::Duration waited_{};  // for the client, while somebody wanted to read
  bool awaits_invitation_;
  bool ended_ = false;
  base::Error failure_{};
};

}  // namespace remuda::http::h1
