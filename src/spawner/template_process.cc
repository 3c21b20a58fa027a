// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/template_process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "spawner/clock.h"
#include "spawner/kinship.h"
#include "spawner/launch.h"
#include "spawner/loader_choice.h"

namespace remuda::spawner {

namespace {

constexpr int kChannelRoom = 4 * static_cast<int>(kMaxPacket);
constexpr size_t kOutputATurn = 8 * 1024;
constexpr size_t kMostLinesASecond = 200;

struct Ends {
  base::Fd channel;
  base::Fd its_channel;
  base::Fd output;
  base::Fd its_output;
  base::Fd its_input;
};

// errno, or 0.
int make_ends(Ends& ends) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return errno;
  ends.channel.reset(pair[0]);
  ends.its_channel.reset(pair[1]);
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) < 0) return errno;
  ends.output.reset(pipe[0]);
  ends.its_output.reset(pipe[1]);
  ends.its_input.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!ends.its_input || fcntl(pipe[0], F_SETFL, O_NONBLOCK) < 0) return errno;
  const int on = 1;
  if (setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) return errno;
  // As far as the system allows.
  setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &kChannelRoom, sizeof kChannelRoom);
  return 0;
}

// Those of the application's programs, and what makes it a template.
std::vector<char*> environment_of(const App& app, std::vector<std::string>& own) {
  std::vector<char*> environment;
  app.gather_environment(Input::kNone, {}, environment);
  environment.pop_back();
  if (std::string& preload = own.back(); preload.starts_with("LD_PRELOAD=")) {
    for (char*& variable : environment) {
      if (std::string_view(variable).starts_with("LD_PRELOAD=")) preload.append(":").append(variable + 11);
    }
    std::erase_if(environment,
                  [](const char* each) { return std::string_view(each).starts_with("LD_PRELOAD="); });
  }
  for (std::string& variable : own) environment.push_back(variable.data());
  environment.push_back(nullptr);
  return environment;
}

Launched launch_loader(App& app, const LoaderCommand& command, const char* directory, const Ends& ends) {
  const bool one_request = app.templates().fork_serves == ForkServes::kOneRequest;
  std::vector<std::string> own{one_request ? "REMUDA_TEMPLATE=3,request" : "REMUDA_TEMPLATE=3"};
  if (!command.preload.empty()) {
    own.emplace_back("LD_BIND_NOW=1");  // once, not in each fork
    own.push_back("LD_PRELOAD=" + command.preload);
  }
  const std::vector<char*> environment = environment_of(app, own);
  std::vector<char*> arguments;
  for (const std::string& argument : command.arguments)
    arguments.push_back(const_cast<char*>(argument.data()));
  arguments.push_back(nullptr);
  return launch({.path = command.path.c_str(),
                 .arguments = arguments.data(),
                 .environment = environment.data(),
                 .directory = directory,
                 .descriptors = {ends.its_input.get(), ends.its_output.get(), ends.its_output.get()},
                 .channel = ends.its_channel.get(),
                 .rules = &app.rules(),
                 .confinement = &app.confinement()});
}

Refusal refusal_of(const Launched& launched, const std::string& path) {
  if (launched.step == Step::kExec) return explain_exec_failure(path.c_str(), launched.error);
  return {launched.error, launched.step, launched.detail};
}

constexpr size_t kForkDescriptors = 3;

struct alignas(cmsghdr) DescriptorRoom {
  std::array<std::byte, CMSG_SPACE(sizeof(int) * kForkDescriptors)> bytes{};
};

// For the sender, and for descriptors that a template has no reason to send: they are closed.
struct alignas(cmsghdr) CredentialRoom {
  std::array<std::byte, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * 4)> bytes;
};

Sender sender_of(msghdr& message) {
  Sender sender;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET) continue;
    if (head->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      std::memcpy(&credentials, CMSG_DATA(head), sizeof credentials);
      sender = {credentials.pid, credentials.uid};
    }
    if (head->cmsg_type != SCM_RIGHTS) continue;
    for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= head->cmsg_len; at += sizeof(int)) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(head) + at, sizeof number);
      close(number);
    }
  }
  return sender;
}

}  // namespace

std::expected<std::unique_ptr<TemplateProcess>, Refusal> TemplateProcess::start(
    App& app, const LoaderCommand& command, const char* directory, uint32_t generation, int64_t now) {
  Ends ends;
  if (const int error = make_ends(ends); error != 0)
    return std::unexpected(Refusal{error, Step::kTemplate, "no descriptors for it"});
  const Launched launched = launch_loader(app, command, directory, ends);
  if (launched.error != 0) return std::unexpected(refusal_of(launched, command.path));
  std::unique_ptr<TemplateProcess> started(new TemplateProcess(launched.pid, generation, now));
  started->channel_ = std::move(ends.channel);
  started->output_ = std::move(ends.output);
  // Without an identity of its own, one that root runs may take any.
  const auto& identity = app.rules().identity;
  started->any_user_ = !identity && getuid() == 0;
  started->user_ = identity ? identity->user : getuid();
  return started;
}

// Everything that is sent carries its three descriptors.
TemplateProcess::Asking TemplateProcess::ask(Wanted& wanted) {
  if (full_) return Asking::kNoRoom;
  if (wanted.packet.size() > kMaxFork) return Asking::kTooLong;
  static const base::Fd no_input(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto descriptors = wanted.standard_descriptors(no_input.get());
  iovec piece{wanted.packet.data(), wanted.packet.size()};
  DescriptorRoom room;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = room.bytes.data();
  message.msg_controllen = room.bytes.size();
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(head), descriptors.data(), sizeof descriptors);
  while (sendmsg(channel_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    full_ = errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS;
    if (full_) return Asking::kNoRoom;
    if (errno == EMSGSIZE) return Asking::kTooLong;
    break;  // it has gone: what was asked of it is settled when it is waited for
  }
  if (asked_.empty()) last_heard = now_ns();
  const uint64_t serial = wanted.serial;
  asked_.emplace(serial, std::move(wanted));
  return Asking::kAsked;
}

TemplateProcess::Hearing TemplateProcess::hear(std::span<std::byte> room, TemplateRecord& record,
                                               Sender& sender) {
  if (!channel_) return Hearing::kEnd;
  iovec piece{room.data(), room.size()};
  CredentialRoom control;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const ssize_t got = recvmsg(channel_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Hearing::kNothing : Hearing::kEnd;
  sender = sender_of(message);
  // The end has no sender; a packet of nothing has.
  if (got == 0) return sender.pid == 0 ? Hearing::kEnd : Hearing::kRubbish;
  const auto decoded = decode_template(room.first(static_cast<size_t>(got)));
  if (!decoded || (message.msg_flags & MSG_TRUNC) != 0) return Hearing::kRubbish;
  record = *decoded;
  return Hearing::kRecord;
}

void TemplateProcess::say_end() {
  if (channel_) shutdown(channel_.get(), SHUT_WR);
}

void TemplateProcess::shut() {
  is_shut_ = true;
  if (channel_) shutdown(channel_.get(), SHUT_RDWR);
}

bool TemplateProcess::read_output(LineCutter& cutter) {
  if (!output_) return false;
  std::array<char, kOutputATurn> text;
  const ssize_t got = read(output_.get(), text.data(), text.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  cutter.add({text.data(), static_cast<size_t>(got)});
  return true;
}

bool TemplateProcess::may_speak(int64_t now) {
  if (now - second_ >= kSecond) {
    second_ = now;
    lines_in_second_ = 0;
  }
  return ++lines_in_second_ <= kMostLinesASecond;
}

// The pidfd comes first: what is looked at then is what it means. Where the process has been waited for in
// between, the look finds nothing, and the pidfd says why.
bool TemplateProcess::is_fork(const Sender& sender, base::Fd& pidfd) const {
  if (sender.pid <= 1 || sender.pid == pid_ || (!any_user_ && sender.user != user_)) return false;
  pidfd = open_pidfd(sender.pid);
  if (!pidfd) return errno == ESRCH;
  const Kinship kin = kinship_of(sender.pid, pidfd);
  if (kin.group == sender.pid && (kin.parent == pid_ || kin.parent == getpid())) return true;
  if (!no_such_process(sender.pid)) return false;
  pidfd.reset();
  return true;
}

void TemplateProcess::signal(int number) const {
  if (!is_shut_) signal_group(pid_, number);
}

}  // namespace remuda::spawner
