// SPDX-License-Identifier: Apache-2.0
//
// Body: a stream of content that its consumer pulls. Requests and responses use the same interface, so a
// handler that relays (a proxy, a CGI program's standard input) passes bytes on with the back-pressure of the
// slower side.
//
//     while (true) {
//       Result<size_t> got = co_await body.read(buffer);   // waits; 0 is the end
//       ...
//     }
//
// read() fails with ECONNRESET when the sender left before the end, ETIMEDOUT when it was too slow, EMSGSIZE
// when it sent more than the limit, EPROTO when its framing is broken. After a failure or the end the body
// gives nothing more.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "http/fields.h"
#include "loop/task.h"

namespace remuda::http {

class Body {
 public:
  virtual ~Body() = default;

  // At least one byte, or 0 at the end. `into` is not empty.
  virtual loop::Task<base::Result<size_t>> read(std::span<std::byte> into) = 0;

  // Bytes that read() would give without waiting, as far as that is known.
  virtual size_t ready() const { return 0; }

  // Bytes that are still to come, when that is known before they have been read.
  virtual std::optional<uint64_t> remaining() const { return std::nullopt; }

  // The consumer will not read to the end (its client left). Awaited before the exchange goes, never during
  // read(): when it ends, so has whatever works on this body beside its reader, as a story that reads the
  // request's body does.
  virtual loop::Task<void> stop() { co_return; }

  // The trailer section, once read() has returned 0; null if there was none.
  virtual const Fields* trailers() const { return nullptr; }
};

}  // namespace remuda::http
