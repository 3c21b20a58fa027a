// SPDX-License-Identifier: Apache-2.0
//
// The imitated kernel. Each kind of operation has a question that changes nothing (is_ready) and the deed
// (attempt); wait() asks, deliver() does. Operations are looked at in the order in which they began.
#include "loop/backend/deterministic.h"

#include <netinet/in.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "loop/loop.h"

namespace remuda::loop {

namespace {

enum class Direction : uint8_t { kReads, kWrites, kWatches, kNone };

Direction direction(OperationKind kind) {
  switch (kind) {
    case OperationKind::kAccept:
    case OperationKind::kReceive:
    case OperationKind::kReceiveMessage:
    case OperationKind::kRead:
    case OperationKind::kPollReadable: return Direction::kReads;
    case OperationKind::kPollHangUp: return Direction::kWatches;
    case OperationKind::kTimeout:
    case OperationKind::kEvent:
    case OperationKind::kOffload: return Direction::kNone;
    default: return Direction::kWrites;
  }
}

std::string key(const void* address, size_t length) { return {static_cast<const char*>(address), length}; }

std::span<const iovec> parts(const msghdr& message) { return {message.msg_iov, message.msg_iovlen}; }

}  // namespace

DeterministicBackend::~DeterministicBackend() { CHECK(pending_.empty()); }

// --- the world -------------------------------------------------------------------------------------------

int DeterministicBackend::add(Descriptor descriptor) {
  descriptors_.push_back(std::move(descriptor));
  return kFirstNumber + static_cast<int>(descriptors_.size()) - 1;
}

const DeterministicBackend::Descriptor* DeterministicBackend::find(int fd) const {
  const auto index = static_cast<size_t>(fd - kFirstNumber);
  if (fd < kFirstNumber || index >= descriptors_.size() || !descriptors_[index].open) return nullptr;
  return &descriptors_[index];
}

DeterministicBackend::Descriptor* DeterministicBackend::find(int fd) {
  return const_cast<Descriptor*>(std::as_const(*this).find(fd));
}

DeterministicBackend::Descriptor& DeterministicBackend::at(int fd) {
  Descriptor* const descriptor = find(fd);
  CHECK(descriptor != nullptr);
  return *descriptor;
}

DeterministicBackend::Ends DeterministicBackend::connection(size_t buffer) {
  const int near = add({.kind = Kind::kStream, .room = buffer});
  const int far = add({.kind = Kind::kStream, .other = near, .room = buffer});
  at(near).other = far;
  return {near, far};
}

DeterministicBackend::PipeEnds DeterministicBackend::pipe(size_t buffer) {
  const int read = add({.kind = Kind::kPipe, .sending_ended = true, .room = buffer});
  const int write = add({.kind = Kind::kPipe, .receiving_ended = true, .other = read});
  at(read).other = write;
  return {read, write};
}

int DeterministicBackend::listener() { return add({.kind = Kind::kListener}); }

int DeterministicBackend::listener(const sockaddr* address, socklen_t length) {
  const int number = listener();
  listeners_[key(address, length)] = number;
  return number;
}

int DeterministicBackend::connect_to(int listener, size_t buffer) {
  const auto [near, far] = connection(buffer);
  at(listener).queue.push_back(near);
  return far;
}

int DeterministicBackend::socket() { return add({.kind = Kind::kSocket}); }

void DeterministicBackend::make_black_hole(const sockaddr* address, socklen_t length) {
  listeners_[key(address, length)] = -1;
}

int DeterministicBackend::file(std::string contents) {
  return add({.kind = Kind::kFile, .contents = std::move(contents)});
}

int DeterministicBackend::signal() { return add({.kind = Kind::kSignal}); }

void DeterministicBackend::set_readable(int signal) { at(signal).ready = true; }

size_t DeterministicBackend::put(int end, std::string_view bytes) {
  Descriptor* const other = find(at(end).other);
  if (other == nullptr || at(end).sending_ended || at(end).reset) return 0;
  const size_t count = std::min(bytes.size(), other->room - other->contents.size());
  other->contents.append(bytes.substr(0, count));
  return count;
}

std::string DeterministicBackend::take(int end, size_t most) {
  std::string& contents = at(end).contents;
  std::string taken = contents.substr(0, most);
  contents.erase(0, taken.size());
  return taken;
}

bool DeterministicBackend::input_ended(int end) const {
  const Descriptor* const descriptor = find(end);
  return descriptor != nullptr && descriptor->receiving_ended && descriptor->contents.empty();
}

bool DeterministicBackend::is_reset(int end) const {
  const Descriptor* const descriptor = find(end);
  return descriptor != nullptr && descriptor->reset;
}

bool DeterministicBackend::is_open(int fd) const { return find(fd) != nullptr; }

void DeterministicBackend::reset(int end) {
  if (Descriptor* const other = find(at(end).other)) {
    other->reset = true;
    other->receiving_ended = true;
  }
  at(end).sending_ended = true;
}

void DeterministicBackend::after(Duration delay, std::function<void()> call) {
  script_.emplace(clock_ + delay, std::move(call));
}

void DeterministicBackend::fail_operation(size_t number, int error) {
  failing_operation_ = number;
  failure_ = error;
}

// --- Backend ---------------------------------------------------------------------------------------------

bool DeterministicBackend::start(Operation& operation) {
  loop_ = operation.loop;
  ++operations_started_;
  if (operations_started_ == failing_operation_ && inject_failure(operation)) return true;
  if (direction(operation.kind) == Direction::kNone) return false;
  Descriptor* const descriptor = find(operation.fd);
  if (descriptor == nullptr) {
    operation.result = -EBADF;
    return true;
  }
  descriptor->used = true;
  check_alone(operation);
  operation.result = attempt(operation);
  if (operation.result != -EAGAIN || (operation.asked.flags & kTryOnly) != 0) return true;
  pending_.push_back({&operation, operations_started_});
  return false;
}

bool DeterministicBackend::inject_failure(Operation& operation) {
  if (failure_ == ECANCELED) {
    loop_->root().cancel();
  } else if (direction(operation.kind) == Direction::kNone) {
    return false;
  }
  has_failed_ = true;
  operation.result = -failure_;
  Descriptor* const descriptor = find(operation.fd);
  if (descriptor == nullptr) return true;
  descriptor->used = true;
  if ((failure_ == ECONNRESET || failure_ == EPIPE) && descriptor->kind == Kind::kStream) {
    if (descriptor->other >= 0 && is_open(descriptor->other)) reset(descriptor->other);
  }
  return true;
}

// The contract of the seam: at most one operation for each direction of a descriptor.
void DeterministicBackend::check_alone(const Operation& operation) const {
  for (const Pending& pending : pending_) {
    const bool same = pending.operation->fd == operation.fd &&
                      direction(pending.operation->kind) == direction(operation.kind);
    CHECK(!same);
  }
}

void DeterministicBackend::cancel(Operation& operation, int error) {
  const size_t erased =
      std::erase_if(pending_, [&](const Pending& pending) { return pending.operation == &operation; });
  CHECK(erased == 1);
  operation.loop->complete_soon(operation, -error);
}

void DeterministicBackend::cancel_reading(int fd) {
  for (const Pending& pending : pending_) {
    if (pending.operation->fd != fd || direction(pending.operation->kind) != Direction::kReads) continue;
    cancel(*pending.operation, ECANCELED);
    return;
  }
}

void DeterministicBackend::wait(Time, Time until) {
  run_script();
  const bool any_ready =
      std::ranges::any_of(pending_, [this](const Pending& pending) { return is_ready(*pending.operation); });
  if (woken_.exchange(false) || any_ready || clock_mode_ == ClockMode::kByTest) return;
  const Time next = script_.empty() ? until : std::min(until, script_.begin()->first);
  if (next == kNever) {
    give_up_waiting();
  } else {
    clock_ = std::max(clock_, next);
    run_script();
  }
}

void DeterministicBackend::run_script() {
  while (!script_.empty() && script_.begin()->first <= clock_) script_.extract(script_.begin()).mapped()();
}

void DeterministicBackend::give_up_waiting() {
  CHECK(!was_stuck_ && loop_ != nullptr);  // a story that waits for ever and ignores that it was cancelled
  was_stuck_ = true;
  loop_->root().cancel(EDEADLK);
}

void DeterministicBackend::deliver() {
  const std::vector<Pending> looked_at = pending_;
  for (const auto& [operation, number] : looked_at) {
    const auto still = std::ranges::find(pending_, number, &Pending::number);
    if (still == pending_.end() || !is_ready(*operation)) continue;
    operation->result = attempt(*operation);
    if (operation->result == -EAGAIN) continue;
    pending_.erase(still);
    operation->loop->complete_now(*operation);
  }
}

void DeterministicBackend::close(int fd) {
  for (const Pending& pending : pending_) CHECK(pending.operation->fd != fd);
  Descriptor& descriptor = at(fd);
  descriptor.open = false;
  if (Descriptor* const other = find(descriptor.other)) {
    other->receiving_ended = true;
    if (descriptor.kind == Kind::kStream && !descriptor.contents.empty()) other->reset = true;
  }
  for (const int waiting : std::exchange(descriptor.queue, {})) {
    reset(waiting);
    close(waiting);
  }
}

int DeterministicBackend::end_sending(int fd) {
  Descriptor* const descriptor = find(fd);
  if (descriptor == nullptr) return EBADF;
  if (descriptor->kind != Kind::kStream || descriptor->reset) return ENOTCONN;
  descriptor->sending_ended = true;
  if (Descriptor* const other = find(descriptor->other)) other->receiving_ended = true;
  return 0;
}

bool DeterministicBackend::peer_ended_sending(int fd) const {
  const Descriptor* const descriptor = find(fd);
  return descriptor != nullptr && descriptor->receiving_ended;
}

void DeterministicBackend::detach(int fd) {
  for (const Pending& pending : pending_) CHECK(pending.operation->fd != fd);
  at(fd).used = false;
}

size_t DeterministicBackend::open_descriptors() const {
  return static_cast<size_t>(std::ranges::count_if(
      descriptors_, [](const Descriptor& descriptor) { return descriptor.open && descriptor.used; }));
}

// --- operations ------------------------------------------------------------------------------------------

// The peer's end is gone: what is sent now meets nobody.
bool DeterministicBackend::is_cut_off(const Descriptor& end) const {
  return end.reset || end.sending_ended || find(end.other) == nullptr;
}

bool DeterministicBackend::is_ready(const Operation& operation) const {
  const Descriptor& descriptor = *find(operation.fd);
  const Descriptor* const other = find(descriptor.other);
  switch (direction(operation.kind)) {
    case Direction::kReads:
      return descriptor.ready || !descriptor.queue.empty() || !descriptor.contents.empty() ||
             descriptor.receiving_ended || descriptor.reset;
    case Direction::kWatches:
      return descriptor.reset || (descriptor.receiving_ended && descriptor.sending_ended) ||
             (descriptor.kind == Kind::kPipe && other == nullptr);
    case Direction::kWrites:
      if (descriptor.kind == Kind::kSocket) return false;  // connecting into a black hole
      return is_cut_off(descriptor) || other->contents.size() < other->room;
    case Direction::kNone: return false;
  }
  __builtin_unreachable();
}

int64_t DeterministicBackend::attempt(Operation& operation) {
  Descriptor& descriptor = at(operation.fd);
  const auto& [pointer, length, other_fd, flags] = operation.asked;
  const iovec one{pointer, length};
  switch (operation.kind) {
    case OperationKind::kAccept: return accept(descriptor, operation);
    case OperationKind::kConnect: return connect(operation);
    case OperationKind::kReceive:
    case OperationKind::kRead: return receive(descriptor, {&one, 1});
    case OperationKind::kReceiveMessage: return receive(descriptor, parts(*static_cast<msghdr*>(pointer)));
    case OperationKind::kWrite: return send(descriptor, {&one, 1});
    case OperationKind::kSendMessage: return send(descriptor, parts(*static_cast<const msghdr*>(pointer)));
    case OperationKind::kSendFile: return send_file(descriptor, operation);
    case OperationKind::kSplice: return splice(descriptor, operation);
    default: return is_ready(operation) ? 0 : -EAGAIN;
  }
}

int64_t DeterministicBackend::receive(Descriptor& end, std::span<const iovec> into) {
  if (end.kind != Kind::kStream && end.kind != Kind::kPipe) return -EINVAL;
  if (end.contents.empty()) {
    if (end.reset) return -ECONNRESET;
    return end.receiving_ended ? 0 : -EAGAIN;
  }
  size_t left = std::min(end.contents.size(), largest_transfer_);
  size_t done = 0;
  for (const iovec& part : into) {
    const size_t count = std::min(left, part.iov_len);
    std::memcpy(part.iov_base, end.contents.data() + done, count);
    done += count;
    left -= count;
  }
  end.contents.erase(0, done);
  return static_cast<int64_t>(done);
}

int64_t DeterministicBackend::send(Descriptor& end, std::span<const iovec> bytes) {
  if (end.kind != Kind::kStream && end.kind != Kind::kPipe) return -ENOTCONN;
  if (end.reset || end.sending_ended) return -EPIPE;
  Descriptor* const other = find(end.other);
  if (other == nullptr && end.kind == Kind::kPipe) return -EPIPE;
  if (other == nullptr) {  // as TCP does: the first bytes go out, and bring a reset back
    end.reset = true;
    size_t total = 0;
    for (const iovec& part : bytes) total += part.iov_len;
    return static_cast<int64_t>(total);
  }
  size_t room = std::min(other->room - other->contents.size(), largest_transfer_);
  size_t done = 0;
  size_t asked = 0;
  for (const iovec& part : bytes) {
    const size_t count = std::min(room, part.iov_len);
    other->contents.append(static_cast<const char*>(part.iov_base), count);
    done += count;
    room -= count;
    asked += part.iov_len;
  }
  return done == 0 && asked != 0 ? -EAGAIN : static_cast<int64_t>(done);
}

int64_t DeterministicBackend::send_file(Descriptor& end, Operation& operation) {
  const auto& [pointer, length, other_fd, flags] = operation.asked;
  auto& offset = *static_cast<off_t*>(pointer);
  std::string bytes;
  if (const Descriptor* const file = find(other_fd)) {
    if (static_cast<size_t>(offset) < file->contents.size())
      bytes = file->contents.substr(static_cast<size_t>(offset), length);
  } else {
    bytes.resize(std::min(length, kBufferBytes));
    const ssize_t got = ::pread(other_fd, bytes.data(), bytes.size(), offset);
    if (got < 0) return -errno;
    bytes.resize(static_cast<size_t>(got));
  }
  const iovec one{bytes.data(), bytes.size()};
  const int64_t sent = send(end, {&one, 1});
  if (sent > 0) offset += sent;
  return sent;
}

int64_t DeterministicBackend::splice(Descriptor& end, Operation& operation) {
  Descriptor* const from = find(operation.asked.other_fd);
  if (from == nullptr) return -EBADF;
  if (from->contents.empty()) return from->receiving_ended ? 0 : -EAGAIN;
  const iovec one{from->contents.data(), std::min(operation.asked.length, from->contents.size())};
  const int64_t moved = send(end, {&one, 1});
  if (moved > 0) from->contents.erase(0, static_cast<size_t>(moved));
  return moved;
}

int64_t DeterministicBackend::accept(Descriptor& listener, Operation& operation) {
  if (listener.kind != Kind::kListener) return -EINVAL;
  if (listener.queue.empty()) return -EAGAIN;
  const int accepted = listener.queue.front();
  listener.queue.pop_front();
  at(accepted).used = true;
  if (operation.asked.pointer != nullptr) {
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(40000);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(operation.asked.pointer, &peer, sizeof peer);
  }
  return accepted;
}

int64_t DeterministicBackend::connect(Operation& operation) {
  const auto found = listeners_.find(key(operation.asked.pointer, operation.asked.length));
  if (found == listeners_.end()) return -ECONNREFUSED;
  if (found->second < 0) return -EAGAIN;
  Descriptor* const listener = find(found->second);
  if (listener == nullptr) return -ECONNREFUSED;
  const int accepted = add({.kind = Kind::kStream, .other = operation.fd, .room = kBufferBytes});
  listener->queue.push_back(accepted);
  Descriptor& connecting = at(operation.fd);
  connecting.kind = Kind::kStream;
  connecting.room = kBufferBytes;
  connecting.other = accepted;
  return 0;
}

}  // namespace remuda::loop
