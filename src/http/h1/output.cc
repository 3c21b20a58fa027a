// SPDX-License-Identifier: Apache-2.0
//
// Sending: partial writes, rates, fairness.
#include "http/h1/output.h"

#include <algorithm>

namespace remuda::http::h1 {

namespace {

// One sendfile(2): smaller pieces are measurably dearer, larger ones keep the loop from the others for too
// long.
constexpr size_t kFilePiece = 512 * 1024;

// Drops the first `bytes` from `pieces`.
void drop(std::span<iovec>& pieces, size_t bytes) {
  while (!pieces.empty() && bytes >= pieces.front().iov_len) {
    bytes -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (bytes == 0) return;
  pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + bytes;
  pieces.front().iov_len -= bytes;
}

}  // namespace

std::unexpected<base::Error> Output::client_failure(const base::Error& error) {
  if (error.code == EPIPE || error.code == ECONNRESET) return base::failure(error.code, "the client left");
  if (error.code == ETIMEDOUT) return base::failure(error.code, "the client read too slowly");
  return std::unexpected(error);
}

loop::Time Output::deadline() const {
  const Options& options = driver_.options();
  const loop::Time now = driver_.loop().now();
  loop::Duration patience = options.response_time;
  if (options.response_rate != 0) {
    const auto earned = std::chrono::milliseconds(bytes_ * 1000 / options.response_rate);
    patience = std::min<loop::Duration>(patience, options.response_time + earned - waited_);
  }
  return now + patience;
}

loop::Task<base::Result<void>> Output::send(std::span<iovec> pieces, int flags) {
  drop(pieces, 0);
  while (!pieces.empty()) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const loop::Time before = driver_.loop().now();
    const auto sent = co_await send_once(message, flags);
    if (!sent) co_return client_failure(sent.error());
    waited_ += driver_.loop().now() - before;
    bytes_ += *sent;
    drop(pieces, *sent);
  }
  co_return base::Result<void>();
}

loop::Task<base::Result<void>> Output::send_file(FileContent file) {
  auto position = static_cast<off_t>(file.offset);
  while (file.length > 0) {
    const size_t piece = std::min<uint64_t>(file.length, kFilePiece);
    const auto from = static_cast<uint64_t>(position);
    if (file.warmer != nullptr && !file.warmer->is_warm(file.fd, from, piece)) {
      co_await file.warmer->warm(file.fd, from, piece);
    }
    const loop::Time before = driver_.loop().now();
    const auto sent = co_await driver_.loop().send_file(socket_, file.fd, position, piece, deadline());
    if (!sent) co_return client_failure(sent.error());
    if (*sent == 0) co_return base::failure(EIO, "the file became shorter while it was sent");
    waited_ += driver_.loop().now() - before;
    bytes_ += *sent;
    file.length -= *sent;
    if (*sent == piece && file.length > 0) co_await driver_.loop().yield();
  }
  co_return base::Result<void>();
}

}  // namespace remuda::http::h1
