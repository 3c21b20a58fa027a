// SPDX-License-Identifier: Apache-2.0
//
// A peer that takes nothing more may have answered before it went: a failed send ends the sending, and the
// reader finds out what there is.
#include "gateway/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

namespace remuda::gateway {

namespace {

bool is_local_socket(int socket) {
  int domain = AF_UNSPEC;
  socklen_t length = sizeof domain;
  return ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX;
}

}  // namespace

loop::Task<void> run_channels(loop::Scope& scope) {
  loop::Event never(scope.loop());
  co_await never.wait(loop::kNever);
  scope.cancel();
  co_await scope.join();
}

Channel::Channel(ChannelGround& ground, apps::Endpoint& endpoint)
    : ground_(ground), endpoint_(endpoint), scope_(ground.loop, &ground.scope), changed_(ground.loop) {}

void Channel::start() {
  if (!std::exchange(started_, true)) ground_.scope.spawn(run(shared_from_this()));
}

loop::Task<void> Channel::run(std::shared_ptr<Channel> self) {
  Channel& channel = *self;
  co_await channel.scope_.run(channel.connect());
  if (channel.socket_.get() >= 0) {
    channel.changed_.notify_all();
    channel.flush(Flush::kNow);
    co_await channel.scope_.run(channel.read());
  }
  channel.closing_ = true;
  channel.scope_.cancel();
  co_await channel.scope_.join();
  channel.socket_.reset();
  channel.changed_.notify_all();
  channel.closed(channel.end_);
}

loop::Task<void> Channel::connect() {
  auto socket = co_await endpoint_.connect(loop().now() + ground_.connect_timeout);
  connected_ = true;
  if (!socket) co_return end(ChannelEnd::When::kConnecting, socket.error().code);
  socket_ = std::move(*socket);
  local_ = is_local_socket(socket_.get());
}

void Channel::end(ChannelEnd::When when, int error) {
  if (!ended_) end_ = {when, error, ""};
  ended_ = true;
}

void Channel::close(int error, const char* trouble) {
  if (closing_) return;
  end(connected_ ? ChannelEnd::When::kOpen : ChannelEnd::When::kConnecting, error == 0 ? ECANCELED : error);
  end_.trouble = trouble;
  closing_ = true;
  scope_.cancel();
}

// --- receiving

loop::Task<void> Channel::read() {
  while (!closing_) {
    const auto got = co_await receive();
    if (!got && got.error().code == EAGAIN) continue;
    if (!got || *got == 0) co_return end(ChannelEnd::When::kOpen, got ? 0 : got.error().code);
    moved_at_ = loop().now();
    received({reinterpret_cast<const char*>(ground_.scratch.data()), *got});
  }
}

// EAGAIN: nothing came, look again.
loop::Task<base::Result<size_t>> Channel::receive() {
  while (paused_ > 0) {
    if (auto waited = co_await changed_.wait(loop::kNever); !waited)
      co_return std::unexpected(waited.error());
  }
  const auto ready = co_await loop().readable(socket_.get(), silence_deadline());
  if (ready) co_return co_await loop().receive_now(socket_.get(), ground_.scratch);
  if (ready.error().code != ETIMEDOUT) co_return std::unexpected(ready.error());
  if (loop().now() >= silence_deadline()) silent();
  co_return base::failure(EAGAIN, "receive");
}

bool Channel::has_news() const {
  char octet = 0;
  const ssize_t got = ::recv(socket_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || errno == ECONNRESET || errno == EPIPE;
}

void Channel::resume() {
  if (--paused_ == 0) changed_.notify_all();
}

bool Channel::is_cut() const {
  char octet = 0;
  const ssize_t got = ::recv(socket_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && (errno == ECONNRESET || errno == EPIPE));
}

// --- sending

void Channel::flush(Flush how) {
  if (writing_ || !is_open() || output_.empty()) return;
  writing_ = true;
  scope_.spawn(write(how));
}

loop::Task<void> Channel::write(Flush how) {
  if (how == Flush::kTogether) co_await loop().yield();
  while (!output_.empty() && !closing_) {
    output_.swap(sending_);
    const auto sent = co_await send_pending();
    sending_.clear();
    sending_at_ = 0;
    if (sending_.capacity() > kKept) sending_ = std::string();
    changed_.notify_all();
    if (!sent) {
      const int error = sent.error().code;
      end(ChannelEnd::When::kSending, error);
      // Its answer, or the end, is still to be read.
      const bool gone = error == EPIPE || error == ECONNRESET;
      if (!gone) close();
      co_return;
    }
  }
  writing_ = false;
}

loop::Task<base::Result<void>> Channel::send_pending() {
  moved_at_ = loop().now();
  while (sending_at_ < sending_.size()) {
    iovec piece{sending_.data() + sending_at_, sending_.size() - sending_at_};
    const msghdr message{.msg_iov = &piece, .msg_iovlen = 1};
    const auto count = co_await loop().send_message(socket_.get(), message, 0, send_deadline());
    if (!count && count.error().code == ETIMEDOUT && loop().now() < send_deadline()) continue;
    if (!count) co_return std::unexpected(count.error());
    moved_at_ = loop().now();
    sending_at_ += *count;
    sent_ += *count;
  }
  co_return base::Result<void>();
}

// Whoever answers before it has taken everything is at work (FastCGI section 6.1), and so may be who is not
// listened to.
loop::Time Channel::send_deadline() {
  if (paused_ > 0) moved_at_ = loop().now();
  return moved_at_ + ground_.send_timeout;
}

loop::Task<base::Result<void>> Channel::opened() {
  while (!is_open()) {
    if (closing_) co_return base::failure(EPIPE, "connect");
    if (auto waited = co_await changed_.wait(loop::kNever); !waited) co_return waited;
  }
  co_return base::Result<void>();
}

loop::Task<base::Result<void>> Channel::room() {
  while (!closing_ && !ended_) {
    if (!is_full()) co_return base::Result<void>();
    if (auto waited = co_await changed_.wait(loop::kNever); !waited) co_return waited;
  }
  co_return base::failure(EPIPE, "send");
}

}  // namespace remuda::gateway
