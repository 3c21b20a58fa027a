// SPDX-License-Identifier: Apache-2.0
//
// Service as its templates see it (template_host.h): what becomes of their forks, and who is told.
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "spawner/service.h"

namespace remuda::spawner {

namespace {

constexpr size_t kPatienceOfAHome = 256;  // packets that a worker has not read: templates say no more then

}  // namespace

void Service::begun(Wanted wanted, pid_t pid, base::Fd pidfd, pid_t by) {
  const int signal = wanted.signal;
  Channel* const channel = wanted.channel;
  const uint64_t id = wanted.id;
  const bool is_instance = wanted.input == Input::kListener;
  const int32_t place = wanted.place;
  const int64_t now = wanted.times.started;
  add(std::move(wanted), pid, {.parent = Parent::kTemplate, .forked_by = by, .pidfd = std::move(pidfd)});
  if (channel != nullptr) {
    if (signal != 0) processes_.signal(channel, {.id = id, .pid = 0, .signal = signal}, now);
    return;
  }
  if (!is_instance || signal != 0) return processes_.end(pid, now);
  const auto home = std::ranges::find_if(channels_, [&](const auto& each) { return each->place() == place; });
  if (home != channels_.end()) keeper_.give(**home);
}

void Service::ended(pid_t pid, pid_t by, int status, const Usage& usage) {
  const Running* const running = processes_.find(pid);
  if (running == nullptr || running->parent != Parent::kTemplate || running->forked_by != by) return;
  announcer_.ended(pid, status, usage);
}

// Those that have ended and were not told of had been waited for by the template: how they ended, nobody
// knows.
void Service::orphaned_by(pid_t by) {
  std::vector<pid_t> lost;
  processes_.for_each([&](pid_t pid, Running& running) {
    if (running.parent != Parent::kTemplate || running.forked_by != by) return;
    siginfo_t end{};
    const bool is_ours =
        running.pidfd && waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED | WNOHANG | WNOWAIT) == 0;
    running.parent = Parent::kThisSpawner;
    if (!is_ours) lost.push_back(pid);
  });
  for (const pid_t pid : lost) announcer_.ended(pid, kUnknownStatus, {});
}

bool Service::has_forks_of(pid_t by) const {
  bool found = false;
  processes_.for_each([&](pid_t, const Running& running) {
    found = found || (running.parent == Parent::kTemplate && running.forked_by == by);
  });
  return found;
}

void Service::execute(Wanted wanted, App& app, const char* program) {
  const auto fork = decode_fork(wanted.packet);
  if (!fork) return refuse(wanted, {EINVAL, Step::kRequest, {}});
  std::vector<char*> environment;
  for (std::string_view rest = fork->environment; !rest.empty(); rest.remove_prefix(rest.find('\0') + 1))
    environment.push_back(const_cast<char*>(rest.data()));
  environment.push_back(nullptr);
  const std::vector<std::byte> packet = std::move(wanted.packet);  // what the pointers lead to stays
  start(std::move(wanted), app, program, environment.data());
}

void Service::refuse(const Wanted& wanted, const Refusal& refusal) {
  if (wanted.channel == nullptr) return;
  wanted.channel->reply(Failed{wanted.id, refusal.error, refusal.step, wanted.times, refusal.detail});
}

void Service::tell_home(const Reply& reply) {
  for (const auto& channel : channels_) {
    if (channel->is_home() && channel->replies() < kPatienceOfAHome) channel->reply(reply);
  }
}

void Service::renewed(uint64_t renewal, int error, std::string_view detail) {
  templates_.renewed(renewal, error, detail, [](const Templates::Renewal& settled) {
    settled.channel->reply(Renewed{.token = settled.token, .error = settled.error, .detail = settled.detail});
  });
}

}  // namespace remuda::spawner
