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
#include <utility>

#include "apps/pipe.h"

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

Ending ending_of_status(int status) {
  Ending ending;
  if (status == spawner::kUnknownStatus) {
    ending.kind = Ending::Kind::kUnknown;
    return ending;
  }
  ending.kind = WIFEXITED(status) ? Ending::Kind::kExited : Ending::Kind::kSignaled;
  ending.code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  ending.core_dumped = WIFSIGNALED(status) && WCOREDUMP(status);
  return ending;
}

}  // namespace

// What came with a packet; closed unless taken.
struct SpawnerClient::Descriptors {
  std::array<base::Fd, 2> taken;

  explicit Descriptors(msghdr& message) {
    size_t count = 0;
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
      if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
      for (size_t at = CMSG_LEN(0); at + sizeof(int) <= head->cmsg_len; at += sizeof(int)) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(head) + at - CMSG_LEN(0), sizeof number);
        base::Fd descriptor(number);
        if (count < taken.size()) taken[count++] = std::move(descriptor);
      }
    }
  }
};

SpawnerClient::SpawnerClient(loop::Loop& loop, base::Fd channel)
    : loop_(loop),
      channel_(loop, std::move(channel)),
      sent_(loop),
      beside_(loop),
      ponged_(loop),
      room_(kReplyRoom) {}

loop::Task<void> SpawnerClient::run() {
  while (!broken_) {
    DescriptorRoom room;
    iovec piece{room_.data(), room_.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = room.bytes.data();
    message.msg_controllen = room.bytes.size();
    const auto got = co_await loop_.receive_message(channel_.get(), message, loop::kNever);
    if (!got && got.error().code == ECANCELED) break;
    if (!got || *got == 0) {
      broken_ = true;
    } else {
      Descriptors descriptors(message);
      read_packet(std::span(room_).first(*got), descriptors);
    }
  }
  beside_.cancel();
  co_await beside_.join();
  if (broken_) give_up();
}

// Nobody will say any more.
void SpawnerClient::give_up() {
  conclude_all(Ending::Kind::kUnknown);
  fail_questions();
  ponged_.notify_all();
}

loop::Task<base::Result<std::shared_ptr<Program>>> SpawnerClient::start(const Start& start, Journey journey) {
  auto program = std::make_shared<Program>(loop_, next_id_++);
  program->journey = std::move(journey);
  const std::array<int, 3> descriptors{start.input, start.output, start.errors};
  const bool has_input = start.input >= 0;
  const spawner::Spawn spawn{.id = program->id(),
                             .app = start.app,
                             .input = has_input ? spawner::Input::kGiven : spawner::Input::kNone,
                             .program = start.program,
                             .environment = start.environment};
  co_return co_await send_start(std::move(program), spawn, std::span(descriptors).subspan(has_input ? 0 : 1));
}

loop::Task<base::Result<std::shared_ptr<Program>>> SpawnerClient::start_instance(const StartInstance& start,
                                                                                 Journey journey) {
  auto errors = make_pipe(Direction::kFromProgram);
  if (!errors) co_return std::unexpected(errors.error());
  auto program = std::make_shared<Program>(loop_, next_id_++);
  program->journey = std::move(journey);
  program->app = start.app;
  program->label = start.label;
  program->errors = loop::LoopFd(loop_, std::move(errors->near));
  const std::array<int, 3> descriptors{start.listener, errors->far.get(), program->errors.get()};
  const spawner::Spawn spawn{.id = program->id(),
                             .app = start.app,
                             .input = spawner::Input::kListener,
                             .label = program->label,
                             .environment = start.environment};
  co_return co_await send_start(program, spawn, descriptors);
}

loop::Task<base::Result<std::shared_ptr<Program>>> SpawnerClient::send_start(
    std::shared_ptr<Program> program, const spawner::Spawn& spawn, std::span<const int> descriptors) {
  if (broken_) co_return base::failure(EPIPE, "reach the spawner");
  std::vector<std::byte> head;
  head.reserve(64 + spawn.program.size() + spawn.label.size());
  spawner::encode_head(spawn, spawn.environment.size(), head);
  if (head.size() + spawn.environment.size() > spawner::kMaxPacket ||
      spawn.program.size() > spawner::kMaxProgram || spawn.label.size() > spawner::kMaxLabel)
    co_return base::failure(E2BIG, "start a program");
  DescriptorRoom room;
  std::array<iovec, 2> pieces{iovec{head.data(), head.size()},
                              iovec{const_cast<char*>(spawn.environment.data()), spawn.environment.size()}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  attach(message, room, descriptors);
  programs_.emplace(program->id(), program);
  const auto sent = co_await send(message);
  if (!sent) {
    programs_.erase(program->id());
    co_return std::unexpected(sent.error());
  }
  co_return program;
}

loop::Task<std::vector<std::shared_ptr<Program>>> SpawnerClient::inherited(loop::Time deadline) {
  const uint64_t token = ping();
  while (last_pong_ < token && !broken_) {
    if (!co_await ponged_.wait(deadline)) break;
  }
  heirs_known_ = true;
  co_return std::exchange(inherited_, {});
}

loop::Task<base::Result<Measurement>> SpawnerClient::measure(const Program& program, loop::Time deadline) {
  if (program.ended()) co_return base::failure(ESRCH, "measure a process");
  co_return co_await measure(spawner::Measure{.id = program.id()}, deadline);
}

loop::Task<base::Result<Memory>> SpawnerClient::measure_template(pid_t pid, loop::Time deadline) {
  const auto measured = co_await measure(spawner::Measure{.pid = pid}, deadline);
  if (!measured) co_return std::unexpected(measured.error());
  co_return measured->memory;
}

loop::Task<base::Result<Measurement>> SpawnerClient::measure(spawner::Measure wish, loop::Time deadline) {
  if (broken_) co_return base::failure(ECONNRESET, "measure a process");
  Measuring measuring(loop_);
  wish.token = ++last_measure_;
  measuring_.emplace(wish.token, &measuring);
  std::vector<std::byte> packet;
  encode(wish, packet);
  loop_.root().spawn(send_packet(std::move(packet)));
  const auto waited = measuring.done ? base::Result<void>() : co_await measuring.answered.wait(deadline);
  measuring_.erase(wish.token);
  if (!waited && !measuring.done) co_return std::unexpected(waited.error());
  co_return measuring.result;
}

loop::Task<base::Result<Renewal>> SpawnerClient::renew(uint32_t app, loop::Time deadline) {
  if (broken_) co_return base::failure(ECONNRESET, "renew a template");
  Renewing renewing(loop_);
  const uint64_t token = ++last_renewal_;
  renewing_.emplace(token, &renewing);
  std::vector<std::byte> packet;
  encode(spawner::Renew{token, app}, packet);
  loop_.root().spawn(send_packet(std::move(packet)));
  const auto waited = renewing.done ? base::Result<void>() : co_await renewing.answered.wait(deadline);
  renewing_.erase(token);
  if (!waited && !renewing.done) co_return std::unexpected(waited.error());
  co_return std::move(renewing.result);
}

void SpawnerClient::terminate(const Program& program) {
  if (!program.ended()) signal(program, SIGTERM);
}

void SpawnerClient::kill(const Program& program) {
  if (!program.ended()) signal(program, SIGKILL);
}

void SpawnerClient::terminate_group(const Program& program) { signal(program, SIGTERM); }

void SpawnerClient::signal(const Program& program, int number) {
  std::vector<std::byte> packet;
  encode(spawner::Signal{program.id(), program.journey.pid, number}, packet);
  loop_.root().spawn(send_packet(std::move(packet)));
}

uint64_t SpawnerClient::ping() {
  std::vector<std::byte> packet;
  encode(spawner::Ping{++last_ping_}, packet);
  loop_.root().spawn(send_packet(std::move(packet)));
  return last_ping_;
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

void SpawnerClient::read_packet(std::span<const std::byte> packet, Descriptors& descriptors) {
  while (!packet.empty()) {
    const auto reply = spawner::decode_reply(packet);
    if (!reply) {
      broken_ = true;
      return;
    }
    handle(*reply, descriptors);
  }
}

void SpawnerClient::handle(const spawner::Reply& reply, Descriptors& descriptors) {
  if (const auto* const started = std::get_if<spawner::Started>(&reply))
    handle(*started, descriptors.taken[0]);
  if (const auto* const failed = std::get_if<spawner::Failed>(&reply)) handle(*failed);
  if (const auto* const exited = std::get_if<spawner::Exited>(&reply)) handle(*exited);
  if (const auto* const inherited = std::get_if<spawner::Inherited>(&reply)) handle(*inherited, descriptors);
  if (const auto* const measured = std::get_if<spawner::Measured>(&reply)) handle(*measured);
  if (const auto* const renewed = std::get_if<spawner::Renewed>(&reply)) handle(*renewed);
  const auto* const state = std::get_if<spawner::TemplateState>(&reply);
  if (state != nullptr && news_ != nullptr) news_->heard(*state);
  const auto* const said = std::get_if<spawner::TemplateSaid>(&reply);
  if (said != nullptr && news_ != nullptr) news_->said(said->app, said->text);
  if (const auto* const pong = std::get_if<spawner::Pong>(&reply)) handle(*pong);
  if (std::holds_alternative<spawner::Hello>(reply)) greet();
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

// Either it is known here (the spawner before died while it spoke of it), or a former worker has left it.
void SpawnerClient::handle(const spawner::Inherited& inherited, Descriptors& descriptors) {
  auto program = find(inherited.id);
  const bool is_new = program == nullptr;
  if (is_new && inherited.id < spawner::kFirstInheritedId) return;  // ours; it ended a moment ago
  if (is_new) program = programs_.emplace(inherited.id, heir(inherited)).first->second;
  program->doubtful_ = false;
  if (!program->pidfd_) {
    program->begin(inherited.pid, time_of(inherited.times.received), time_of(inherited.times.started));
    if (descriptors.taken[0])
      program->pidfd_ = std::make_shared<loop::LoopFd>(loop_, std::move(descriptors.taken[0]));
  }
  if (!inherited.end_is_told) start_watching(program);
  if (!is_new) return;
  if (heirs_known_) return terminate(*program);  // too late: nobody takes it over any more
  if (descriptors.taken[1]) program->errors = loop::LoopFd(loop_, std::move(descriptors.taken[1]));
  inherited_.push_back(program);
}

std::shared_ptr<Program> SpawnerClient::heir(const spawner::Inherited& inherited) {
  auto program = std::make_shared<Program>(loop_, inherited.id);
  program->app = inherited.app;
  program->label = inherited.label;
  program->journey.asked = time_of(inherited.times.received);
  program->journey.admitted = program->journey.asked;
  return program;
}

void SpawnerClient::handle(const spawner::Measured& measured) {
  const auto found = measuring_.find(measured.token);
  if (found == measuring_.end()) return;
  Measuring& measuring = *found->second;
  measuring.done = true;
  if (measured.error != 0) {
    measuring.result = base::failure(measured.error, "measure a process");
  } else {
    measuring.result = Measurement{
        .memory = {measured.resident, measured.proportional, measured.unique},
        .cpu_user = std::chrono::microseconds(measured.user_us),
        .cpu_system = std::chrono::microseconds(measured.system_us),
    };
  }
  measuring.answered.notify_all();
}

// What the spawner before was asked and had read is lost.
void SpawnerClient::greet() {
  fail_questions();
  std::vector<std::shared_ptr<Program>>
      known;  // a copy: who has ended already is concluded while it is looked at
  for (const auto& [id, program] : programs_) known.push_back(program);
  for (const auto& program : known) {
    if (program->pidfd_) {
      start_watching(program);
    } else {
      program->doubtful_ = true;
    }
  }
  if (!programs_.empty() || last_pong_ != last_ping_) ping();
}

void SpawnerClient::fail_questions() {
  for (const auto& [token, measuring] : measuring_) {
    measuring->done = true;
    measuring->result = base::failure(ECONNRESET, "measure a process");
    measuring->answered.notify_all();
  }
  for (const auto& [token, renewing] : renewing_) {
    renewing->done = true;
    renewing->result = base::failure(ECONNRESET, "renew a template");
    renewing->answered.notify_all();
  }
}

void SpawnerClient::handle(const spawner::Renewed& renewed) {
  const auto found = renewing_.find(renewed.token);
  if (found == renewing_.end()) return;
  found->second->done = true;
  found->second->result = Renewal{renewed.error, std::string(renewed.detail)};
  found->second->answered.notify_all();
}

void SpawnerClient::handle(const spawner::Pong& pong) {
  last_pong_ = pong.token;
  ponged_.notify_all();
  if (pong.token != last_ping_) return;
  std::vector<std::shared_ptr<Program>> lost;
  for (const auto& [id, program] : programs_) {
    if (program->doubtful_) lost.push_back(program);
  }
  for (const auto& program : lost) {
    conclude(program, loop::Clock::now(), {.kind = Ending::Kind::kLost, .step = {}, .detail = {}});
  }
}

void SpawnerClient::start_watching(const std::shared_ptr<Program>& program) {
  if (!program->pidfd_ || std::exchange(program->watched_, true)) return;
  beside_.spawn(watch(program));
}

// A program of a former spawner: nobody tells its status, but its pidfd tells its end.
loop::Task<void> SpawnerClient::watch(std::shared_ptr<Program> program) {
  const auto pidfd = program->pidfd_;  // stays open while it is waited on
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
