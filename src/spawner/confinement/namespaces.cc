// SPDX-License-Identifier: Apache-2.0
//
//     spawner --fork--> builder: unshare, build the view, say so (or what failed), wait
//     spawner: opens /proc/BUILDER/ns/..., closes the channel; the builder ends
#include "spawner/confinement/namespaces.h"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "spawner/confinement/view.h"

namespace remuda::spawner {

namespace {

using Outcome = std::expected<void, ConfinementFailure>;

constexpr int kPatience = 5'000;  // milliseconds, for what takes a few

// What the builder says: 0, or errno and what failed.
struct Report {
  int error = 0;
  char what[512] = {};
};

int flags_of(const ConfinementRules& rules) {
  const int files = rules.files == FileView::kOwn ? CLONE_NEWNS | CLONE_NEWIPC : 0;
  return files | (rules.network != NetworkView::kWhole ? CLONE_NEWNET : 0);
}

bool bring_loopback_up() {
  const base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  return socket && ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

Outcome build(const ConfinementRules& rules) {
  if (unshare(flags_of(rules)) < 0)
    return std::unexpected(ConfinementFailure{errno, "make namespaces for it"});
  if (rules.network == NetworkView::kLoopback && !bring_loopback_up())
    return std::unexpected(ConfinementFailure{errno, "bring its loopback interface up"});
  if (rules.files == FileView::kOwn) return make_view(rules.view);
  return {};
}

[[noreturn]] void run_builder(const ConfinementRules& rules, int channel) {
  Report report;
  if (const Outcome built = build(rules); !built) {
    report.error = built.error().error == 0 ? EIO : built.error().error;
    built.error().what.copy(report.what, sizeof report.what - 1);
  }
  send(channel, &report, sizeof report, MSG_NOSIGNAL);
  char end = 0;
  while (recv(channel, &end, 1, 0) < 0 && errno == EINTR) {
  }
  _exit(0);
}

Outcome hear(int channel) {
  pollfd polled{.fd = channel, .events = POLLIN, .revents = 0};
  Report report;
  if (poll(&polled, 1, kPatience) <= 0)
    return std::unexpected(ConfinementFailure{ETIMEDOUT, "make namespaces for it"});
  if (recv(channel, &report, sizeof report, 0) != sizeof report)
    return std::unexpected(ConfinementFailure{EPIPE, "make namespaces for it"});
  if (report.error == 0) return {};
  return std::unexpected(ConfinementFailure{report.error, report.what});
}

base::Fd namespace_of(pid_t pid, const char* kind) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/" + kind;
  return base::Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

std::expected<Namespaces, ConfinementFailure> Namespaces::make(const ConfinementRules& rules) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return std::unexpected(ConfinementFailure{errno, "make namespaces for it"});
  base::Fd channel(ends[0]);
  base::Fd its_channel(ends[1]);
  const pid_t builder = fork();
  if (builder < 0) return std::unexpected(ConfinementFailure{errno, "make namespaces for it"});
  if (builder == 0) {
    channel.reset();
    run_builder(rules, its_channel.get());
  }
  its_channel.reset();
  const Outcome heard = hear(channel.get());
  Namespaces made;
  const int flags = flags_of(rules);
  if ((flags & CLONE_NEWNET) != 0) made.network_ = namespace_of(builder, "net");
  if ((flags & CLONE_NEWIPC) != 0) made.ipc_ = namespace_of(builder, "ipc");
  if ((flags & CLONE_NEWNS) != 0) made.mounts_ = namespace_of(builder, "mnt");
  kill(builder, SIGKILL);
  // One that hangs, in a file system that does not answer, is waited for when it has ended: by the spawner,
  // as any child.
  const bool hangs = !heard && heard.error().error == ETIMEDOUT;
  while (waitpid(builder, nullptr, hangs ? WNOHANG : 0) < 0 && errno == EINTR) {
  }
  if (!heard) return std::unexpected(heard.error());
  const auto held = std::ranges::count_if(made.descriptors(), [](int each) { return each >= 0; });
  if (held == __builtin_popcount(static_cast<unsigned>(flags))) return made;
  return std::unexpected(ConfinementFailure{ENOENT, "hold its namespaces in /proc"});
}

}  // namespace remuda::spawner
