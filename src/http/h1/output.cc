// SPDX-License-Identifier: Apache-2.0
//
// Sending: partial writes, rates, fairness. One sendfile(2) moves a fair share: smaller pieces are measurably
// dearer, larger ones keep the loop from the others for too long.
#include "http/h1/output.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

#include "http/h1/rate.h"

namespace remuda::http::h1 {

namespace {

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

loop::Duration Output::rate_patience() const {
  const Options& options = driver_.options();
  if (options.response_rate == 0) return options.response_time;
  return options.rate_grace + time_earned(bytes_, options.response_rate) - waited_;
}

bool Output::may_wait_on(const base::Error& error) {
  if (error.code != ETIMEDOUT) return false;
  const loop::Duration waited = driver_.loop().now() - began_;
  waited_ += waited;
  quiet_ += waited;
  int queued = 0;
  const uint64_t in_kernel = ::ioctl(socket_, SIOCOUTQ, &queued) == 0 ? queued : bytes_;
  const uint64_t taken = bytes_ - std::min(bytes_, in_kernel);
  if (taken > std::exchange(taken_, taken)) quiet_ = {};
  return quiet_ < driver_.options().response_time && rate_patience() > loop::Duration::zero();
}

void Output::count(size_t bytes) {
  waited_ += driver_.loop().now() - began_;
  bytes_ += bytes;
  quiet_ = {};
}

loop::Task<base::Result<void>> Output::send(std::span<iovec> pieces, int flags) {
  drop(pieces, 0);
  while (!pieces.empty()) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const auto sent = co_await send_once(message, flags);
    if (!sent && may_wait_on(sent.error())) continue;
    if (!sent) co_return client_failure(sent.error());
    count(*sent);
    drop(pieces, *sent);
  }
  co_return base::Result<void>();
}

loop::Task<base::Result<void>> Output::send_file(FileContent file) {
  auto position = static_cast<off_t>(file.offset);
  while (file.length > 0) {
    const size_t piece = std::min<uint64_t>(file.length, kFairShare);
    const auto from = static_cast<uint64_t>(position);
    if (file.warmer != nullptr && !file.warmer->is_warm(file.fd, from, piece)) {
      co_await file.warmer->warm(file.fd, from, piece);
    }
    began_ = driver_.loop().now();
    const auto sent = co_await driver_.loop().send_file(socket_, file.fd, position, piece, deadline());
    if (!sent && may_wait_on(sent.error())) continue;
    if (!sent) co_return client_failure(sent.error());
    if (*sent == 0) co_return base::failure(EIO, "the file became shorter while it was sent");
    count(*sent);
    file.length -= *sent;
    if (*sent == piece && file.length > 0) co_await driver_.loop().yield();
  }
  co_return base::Result<void>();
}

loop::Task<base::Result<void>> Output::send_interim(std::string_view head) {
  while (interim_under_way_) {
    const auto ended = co_await interim_ended_.wait(deadline());
    if (!ended) co_return ended;
  }
  if (final_) co_return base::Result<void>();
  interim_under_way_ = true;
  const uint64_t before = bytes_;
  iovec piece{const_cast<char*>(head.data()), head.size()};
  const auto result = co_await send({&piece, 1}, 0);
  interim_under_way_ = false;
  if (!result && bytes_ != before) broken_ = true;
  interim_ended_.notify_all();
  co_return result;
}

loop::Task<base::Result<void>> Output::try_interim(std::string_view head) {
  if (interim_under_way_ || final_) co_return base::Result<void>();
  iovec piece{const_cast<char*>(head.data()), head.size()};
  const msghdr message{.msg_iov = &piece, .msg_iovlen = 1};
  const auto sent = co_await driver_.loop().send_now(socket_, message, 0);
  if (!sent && sent.error().code == EAGAIN) co_return base::Result<void>();
  if (!sent) co_return client_failure(sent.error());
  bytes_ += *sent;
  if (*sent == head.size()) co_return base::Result<void>();
  broken_ = true;
  co_return base::failure(EPIPE, "an interim response was cut off");
}

loop::Task<base::Result<void>> Output::settle() {
  while (interim_under_way_) {
    const auto ended = co_await interim_ended_.wait(deadline());
    if (!ended) co_return ended;
  }
  if (broken_) co_return base::failure(EPIPE, "an interim response was cut off");
  co_return base::Result<void>();
}

}  // namespace remuda::http::h1
