// SPDX-License-Identifier: Apache-2.0
//
// See the header. After a Hello, a program whose start was not confirmed is doubtful: it may still wait in
// the channel, or the former spawner took it with it. Requests are dealt with in order, so when the Pong to
// our Ping arrives, those that are still doubtful are lost.
#include "apps/spawner_client.h"

#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace remuda::apps {

namespace {

constexpr size_t kReplyRoom = 64 * 1024;

struct alignas(cmsghdr) DescriptorRoom {
  std::array<std::byte, CMSG_SPACE(sizeof(int) * 3)> bytes{};
};

loop::Time time_of(int64_t monotonic_ns) { return loop::Time(std::chrono::nanoseconds(monotonic_ns)); }

void attach(msghdr& message, DescriptorRoom& room, std::span<const int> descriptors) {
  message.msg_control = room.bytes.data();
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
}

base::Fd take_descriptor(msghdr& message) {
  base::Fd taken;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    int number = -1;
    std::memcpy(&number, CMSG_DATA(head), sizeof number);
    taken.reset(number);
  }
  return taken;
}

Ending ending_of_status(int status) {
  Ending ending;
  ending.kind = WIFEXITED(status) ? Ending::Kind::kExited : Ending::Kind::kSignaled;
  ending.code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  ending.core_dumped = WIFSIGNALED(status) && WCOREDUMP(status);
  return ending;
}

}  // namespace

SpawnerClient::SpawnerClient(loop::Loop& loop, base::Fd channel)
    : loop_(loop), channel_(loop, std::move(channel)), sent_(loop), room_(kReplyRoom) {}

loop::Task<void> SpawnerClient::run() {
  while (!broken_) {
    DescriptorRoom descriptors;
    iovec piece{room_.data(), room_.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = descriptors.bytes.data();
    message.msg_controllen = descriptors.bytes.size();
    const auto got = co_await loop_.receive_message(channel_.get(), message, loop::kNever);
    if (!got && got.error().code == ECANCELED) co_return;
    if (!got || *got == 0) {
      broken_ = true;
    } else {
      read_packet(std::span(room_).first(*got), take_descriptor(message));
    }
  }
  conclude_all(Ending::Kind::kUnknown);
}

loop::Task<base::Result<std::shared_ptr<Program>>> SpawnerClient::start(const Start& start, Journey journey) {
  if (broken_) co_return base::failure(EPIPE, "reach the spawner");
  const auto input = start.input < 0 ? spawner::Input::kNone : spawner::Input::kGiven;
  auto program = std::make_shared<Program>(loop_, next_id_++);
  program->journey = std::move(journey);
  std::vector<std::byte> head;
  head.reserve(64 + start.program.size());
  spawner::encode_head({.id = program->id(), .app = start.app, .input = input, .program = start.program},
                       start.environment.size(), head);
  if (head.size() + start.environment.size() > spawner::kMaxPacket ||
      start.program.size() > spawner::kMaxProgram)
    co_return base::failure(E2BIG, "start a program");

  const std::array<int, 3> descriptors{start.input, start.output, start.errors};
  DescriptorRoom room;
  std::array<iovec, 2> pieces{iovec{head.data(), head.size()},
                              iovec{const_cast<char*>(start.environment.data()), start.environment.size()}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  attach(message, room, std::span(descriptors).subspan(start.input < 0 ? 1 : 0));
  programs_.emplace(program->id(), program);
  const auto sent = co_await send(message);
  if (!sent) {
    programs_.erase(program->id());
    co_return std::unexpected(sent.error());
  }
  co_return program;
}

void SpawnerClient::terminate(const Program& program) {
  if (!program.ended()) terminate_group(program);
}

void SpawnerClient::terminate_group(const Program& program) {
  std::vector<std::byte> packet;
  encode(spawner::Signal{program.id(), program.journey.pid, SIGTERM}, packet);
  loop_.root().spawn(send_packet(std::move(packet)));
}

// One at a time writes to the channel, in the order of asking.
loop::Task<base::Result<void>> SpawnerClient::send(const msghdr& message) {
  while (sending_) {
    if (const auto turn = co_await sent_.wait(loop::kNever); !turn) co_return std::unexpected(turn.error());
  }
  sending_ = true;
  const auto sent = co_await loop_.send_message(channel_.get(), message, 0, loop::kNever);
  sending_ = false;
  sent_.notify_one();
  if (!sent) co_return std::unexpected(sent.error());
  co_return base::Result<void>();
}

// What cannot be sent is not needed: the channel's end makes the spawner end every program of it.
loop::Task<void> SpawnerClient::send_packet(std::vector<std::byte> packet) {
  iovec piece{packet.data(), packet.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  co_await send(message);
}

void SpawnerClient::read_packet(std::span<const std::byte> packet, base::Fd descriptor) {
  while (!packet.empty()) {
    const auto reply = spawner::decode_reply(packet);
    if (!reply) {
      broken_ = true;
      return;
    }
    if (const auto* const started = std::get_if<spawner::Started>(&*reply)) handle(*started, descriptor);
    if (const auto* const failed = std::get_if<spawner::Failed>(&*reply)) handle(*failed);
    if (const auto* const exited = std::get_if<spawner::Exited>(&*reply)) handle(*exited);
    if (const auto* const pong = std::get_if<spawner::Pong>(&*reply)) handle(*pong);
    if (std::holds_alternative<spawner::Hello>(*reply)) greet();
  }
}

std::shared_ptr<Program> SpawnerClient::find(uint64_t id) const {
  const auto found = programs_.find(id);
  return found == programs_.end() ? nullptr : found->second;
}

void SpawnerClient::handle(const spawner::Started& started, base::Fd& pidfd) {
  const auto program = find(started.id);
  if (program == nullptr) return;
  program->begin(started.pid, time_of(started.times.received), time_of(started.times.started));
  if (pidfd) program->pidfd_ = std::make_shared<loop::LoopFd>(loop_, std::move(pidfd));
  program->doubtful_ = false;
}

void SpawnerClient::handle(const spawner::Failed& failed) {
  const auto program = find(failed.id);
  if (program == nullptr) return;
  Ending ending;
  ending.kind = Ending::Kind::kNotStarted;
  ending.code = failed.error;
  ending.step = to_string(failed.step);
  ending.detail = failed.detail;
  ending.failed_in_exec = failed.step == spawner::Step::kExec || failed.step == spawner::Step::kResolve;
  ending.missing_interpreter = failed.step == spawner::Step::kInterpreter;
  program->journey.received = time_of(failed.times.received);
  const loop::Time when =
      failed.times.started != 0 ? time_of(failed.times.started) : program->journey.received;
  conclude(program, when, std::move(ending));
}

void SpawnerClient::handle(const spawner::Exited& exited) {
  const auto program = find(exited.id);
  if (program == nullptr) return;
  Journey& journey = program->journey;
  journey.pid = exited.pid;
  journey.received = time_of(exited.times.received);
  journey.started = time_of(exited.times.started);
  journey.cpu_user_us = exited.usage.user_us;
  journey.cpu_system_us = exited.usage.system_us;
  journey.max_resident_kib = exited.usage.max_resident_kib;
  Ending ending = ending_of_status(exited.status);
  ending.left_others = exited.left_others;
  conclude(program, time_of(exited.times.ended), std::move(ending));
}

void SpawnerClient::greet() {
  if (programs_.empty()) return;
  for (const auto& [id, program] : programs_) {
    if (program->watched_) continue;
    if (program->pidfd_) {
      loop_.root().spawn(watch(program));
    } else {
      program->doubtful_ = true;
    }
  }
  std::vector<std::byte> packet;
  encode(spawner::Ping{++last_ping_}, packet);
  loop_.root().spawn(send_packet(std::move(packet)));
}

void SpawnerClient::handle(const spawner::Pong& pong) {
  if (pong.token != last_ping_) return;
  std::vector<std::shared_ptr<Program>> lost;
  for (const auto& [id, program] : programs_) {
    if (program->doubtful_) lost.push_back(program);
  }
  for (const auto& program : lost) {
    conclude(program, loop::Clock::now(), {.kind = Ending::Kind::kLost, .step = {}, .detail = {}});
  }
}

// A program of a former spawner: nobody tells its status, but its pidfd tells its end.
loop::Task<void> SpawnerClient::watch(std::shared_ptr<Program> program) {
  const auto pidfd = program->pidfd_;  // stays open while it is waited on
  program->watched_ = true;
  const auto ended = co_await loop_.readable(pidfd->get(), loop::kNever);
  if (ended)
    conclude(program, loop::Clock::now(), {.kind = Ending::Kind::kUnknown, .step = {}, .detail = {}});
}

void SpawnerClient::conclude(const std::shared_ptr<Program>& program, loop::Time when, Ending ending) {
  programs_.erase(program->id());
  program->conclude(when, std::move(ending));
}

void SpawnerClient::conclude_all(Ending::Kind kind) {
  while (!programs_.empty()) {
    const auto program = programs_.begin()->second;
    conclude(program, loop::Clock::now(), {.kind = kind, .step = {}, .detail = {}});
  }
}

}  // namespace remuda::apps
