// SPDX-License-Identifier: Apache-2.0
//
// See the header. The order in deliver() matters: a resumed story may close the descriptor, even reuse its
// number, so the state is looked up again by generation before each of the three slots.
#include "loop/backend/epoll.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "loop/backend/system_calls.h"
#include "loop/loop.h"

namespace remuda::loop {

namespace {

constexpr uint64_t kWakeTag = UINT64_MAX;

uint64_t tag(int fd, uint32_t generation) {
  return static_cast<uint64_t>(generation) << 32 | static_cast<uint32_t>(fd);
}

bool reads(OperationKind kind) {
  switch (kind) {
    case OperationKind::kAccept:
    case OperationKind::kReceive:
    case OperationKind::kReceiveMessage:
    case OperationKind::kRead:
    case OperationKind::kPollReadable: return true;
    default: return false;
  }
}

// Timeouts and events wait for their deadline or for somebody else; anything else is a mistake that should
// not wait for ever.
bool start_without_descriptor(Operation& operation) {
  const bool needs_none = operation.kind == OperationKind::kTimeout ||
                          operation.kind == OperationKind::kEvent ||
                          operation.kind == OperationKind::kOffload;
  operation.result = needs_none ? 0 : -EBADF;
  return !needs_none;
}

bool only_polls(OperationKind kind) {
  return kind == OperationKind::kPollReadable || kind == OperationKind::kPollWritable ||
         kind == OperationKind::kPollHangUp;
}

int timeout_ms(Time now, Time until) {
  if (until == kNever) return -1;
  if (until <= now) return 0;
  const auto rounded_up = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  return static_cast<int>(std::min<int64_t>(rounded_up, 60'000));
}

}  // namespace

base::Result<std::unique_ptr<EpollBackend>> EpollBackend::create() {
  base::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return base::failure_from_errno("epoll_create1");
  base::Fd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return base::failure_from_errno("eventfd");
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeTag}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) < 0)
    return base::failure_from_errno("epoll_ctl");
  return std::unique_ptr<EpollBackend>(new EpollBackend(std::move(epoll), std::move(wake)));
}

EpollBackend::Descriptor& EpollBackend::descriptor(int fd) {
  const auto index = static_cast<size_t>(fd);
  if (index >= descriptors_.size()) [[unlikely]]
    descriptors_.resize(std::max(index + 1, descriptors_.size() * 3 / 2));
  Descriptor& state = descriptors_[index];
  if (!state.used) [[unlikely]] {
    state.used = true;
    ++open_descriptors_;
  }
  return state;
}

bool EpollBackend::start(Operation& operation) {
  if (operation.fd < 0) return start_without_descriptor(operation);
  Descriptor& state = descriptor(operation.fd);
  if (operation.kind == OperationKind::kAccept) state.listener = true;
  const bool known_to_block = operation.kind == OperationKind::kPollHangUp
                                  ? state.registered && !state.gone  // epoll says it, asked or not
                                  : reads(operation.kind) && state.drained && !state.hung_up;
  if (!known_to_block && attempt(operation, state)) return true;
  const int error = (operation.asked.flags & kTryOnly) != 0 ? EAGAIN : wait_for(operation, state);
  if (error == 0) return false;
  operation.result = -error;
  return true;
}

// True: done, result is set. False: it would block.
bool EpollBackend::attempt(Operation& operation, Descriptor& state) {
  ++counts_.performed;
  const int64_t result = perform(operation);
  if (result == -EAGAIN) {
    if (reads(operation.kind)) state.drained = true;
    return false;
  }
  const bool stream_read =
      operation.kind == OperationKind::kReceive || operation.kind == OperationKind::kRead;
  if (stream_read) state.drained = result >= 0 && static_cast<size_t>(result) < operation.asked.length;
  if (state.wake_one && result >= 0 && state.accepted < kAcceptedATurn) ++state.accepted;
  operation.result = result;
  return true;
}

// 0, or the errno with which the operation fails because it cannot be waited for.
int EpollBackend::wait_for(Operation& operation, Descriptor& state) {
  Operation** slot = nullptr;
  uint32_t interest = 0;
  if (operation.kind == OperationKind::kPollHangUp) {
    slot = &state.hang_up;
    interest = EPOLLRDHUP;
  } else if (reads(operation.kind)) {
    slot = &state.reading;
    interest = EPOLLIN;
  } else {
    slot = &state.writing;
    interest = EPOLLOUT;
  }
  CHECK(*slot == nullptr);
  if (state.accepted >= kAcceptedATurn) unregister(operation.fd, state);
  if (const int error = subscribe(operation.fd, state, interest); error != 0) return error;
  *slot = &operation;
  return 0;
}

int EpollBackend::subscribe(int fd, Descriptor& state, uint32_t interest) {
  const auto wanted = static_cast<uint16_t>(state.interest | interest);
  if (state.registered && wanted == state.interest) [[likely]]
    return 0;
  uint32_t mode = EPOLLET | EPOLLRDHUP;
  if (state.listener) mode = state.wake_one ? static_cast<uint32_t>(EPOLLEXCLUSIVE) : 0U;
  epoll_event event{.events = (wanted & ~static_cast<uint32_t>(EPOLLRDHUP)) | mode,
                    .data = {.u64 = tag(fd, state.generation)}};
  const int action = state.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  ++counts_.subscribed;
  if (::epoll_ctl(epoll_.get(), action, fd, &event) < 0) return errno;
  state.registered = true;
  state.interest = wanted;
  return 0;
}

void EpollBackend::cancel(Operation& operation, int error) {
  Descriptor& state = descriptors_[static_cast<size_t>(operation.fd)];
  for (auto slot : {&Descriptor::reading, &Descriptor::writing, &Descriptor::hang_up}) {
    if (state.*slot == &operation) state.*slot = nullptr;
  }
  operation.loop->complete_soon(operation, -error);
}

void EpollBackend::cancel_reading(int fd) {
  Operation* const reading = descriptor(fd).reading;
  if (reading != nullptr) cancel(*reading, ECANCELED);
}

void EpollBackend::wait(Time now, Time until) {
  const int count = ::epoll_wait(epoll_.get(), events_.data(), kEventsATurn, timeout_ms(now, until));
  CHECK(count >= 0 || errno == EINTR);
  found_ = {events_.data(), static_cast<size_t>(std::max(count, 0))};
}

void EpollBackend::deliver() {
  for (const epoll_event& event : std::exchange(found_, {})) {
    if (event.data.u64 == kWakeTag) {
      drain_wake();
    } else {
      deliver_to(static_cast<int>(event.data.u64 & UINT32_MAX), static_cast<uint32_t>(event.data.u64 >> 32),
                 event.events);
    }
  }
}

void EpollBackend::deliver_to(int fd, uint32_t generation, uint32_t events) {
  Descriptor& state = descriptors_[static_cast<size_t>(fd)];
  if (state.generation != generation) return;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) state.hung_up = true;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) state.gone = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    state.drained = false;
    if (state.listener && state.reading == nullptr) unregister(fd, state);
    if (state.reading != nullptr) retry(fd, generation, &Descriptor::reading);
  }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) retry(fd, generation, &Descriptor::writing);
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) retry(fd, generation, &Descriptor::hang_up);
}

void EpollBackend::retry(int fd, uint32_t generation, Operation* Descriptor::* slot) {
  Descriptor& state = descriptors_[static_cast<size_t>(fd)];
  if (state.generation != generation || state.*slot == nullptr) return;
  Operation& operation = *(state.*slot);
  if (only_polls(operation.kind)) {
    operation.result = 0;
  } else if (!attempt(operation, state)) {
    return;
  }
  state.*slot = nullptr;
  operation.loop->complete_now(operation);
}

void EpollBackend::close(int fd) {
  Descriptor& state = descriptor(fd);
  CHECK(state.reading == nullptr && state.writing == nullptr && state.hang_up == nullptr);
  // Other processes hold a listener too: it would stay in epoll, and ready.
  if (state.listener) unregister(fd, state);
  const uint32_t next_generation = state.generation + 1;
  state = Descriptor();
  state.generation = next_generation;
  --open_descriptors_;
  ::close(fd);
}

int EpollBackend::end_sending(int fd) { return ::shutdown(fd, SHUT_WR) == 0 ? 0 : errno; }

bool EpollBackend::peer_ended_sending(int fd) const {
  const auto index = static_cast<size_t>(fd);
  return index < descriptors_.size() && descriptors_[index].hung_up;
}

void EpollBackend::unregister(int fd, Descriptor& state) {
  if (state.registered) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  state.registered = false;
  state.interest = 0;
  state.accepted = 0;
}

void EpollBackend::detach(int fd) {
  Descriptor& state = descriptor(fd);
  CHECK(state.reading == nullptr && state.writing == nullptr && state.hang_up == nullptr);
  unregister(fd, state);
  const bool wake_one = state.wake_one;
  const uint32_t next_generation = state.generation + 1;
  state = Descriptor();
  state.generation = next_generation;
  state.wake_one = wake_one;
  --open_descriptors_;
}

void EpollBackend::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void EpollBackend::drain_wake() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
}

void EpollBackend::set_wake_up(int listener, WakeUp wake_up) {
  descriptor(listener).wake_one = wake_up == WakeUp::kOne;
}

}  // namespace remuda::loop
