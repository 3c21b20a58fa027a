// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/keeper.h"

#include <signal.h>

#include <algorithm>
#include <utility>

namespace remuda::spawner {

namespace {

constexpr int kIdsOfAGeneration = 32;  // bits

}  // namespace

Keeper::Keeper(ProcessTable& processes, uint32_t generation)
    : processes_(processes),
      next_id_(kFirstInheritedId | (static_cast<uint64_t>(generation & 0x7fffffff) << kIdsOfAGeneration)) {}

void Keeper::adopt(std::span<const Inheritance> inheritances,
                   std::span<const std::unique_ptr<Channel>> channels) {
  for (const Inheritance& each : inheritances) adopt(each, channels);
  for (const auto& channel : channels) give(*channel);
}

void Keeper::adopt(const Inheritance& inheritance, std::span<const std::unique_ptr<Channel>> channels) {
  const Keep& kept = inheritance.keep;
  auto instance = std::make_unique<Instance>(Instance{.app = kept.app,
                                                      .place = kept.place,
                                                      .label = std::string(kept.label),
                                                      .errors = base::Fd(inheritance.errors)});
  base::Fd pidfd(inheritance.pidfd);
  if (has_ended(pidfd)) return forget(kept.pid);
  Running running{.id = kept.id,
                  .times = kept.times,
                  .announced = true,
                  .parent = Parent::kSupervisor,
                  .pidfd = std::move(pidfd),
                  .instance = std::move(instance)};
  const auto known =
      std::ranges::find_if(channels, [&](const auto& channel) { return channel->serial() == kept.channel; });
  if (known != channels.end()) running.channel = known->get();
  Running& added = processes_.add(kept.pid, std::move(running));
  adopted_.push_back(kept.pid);
  // Its worker may not have heard of it: the spawner before died while it spoke.
  if (added.channel != nullptr) introduce(kept.pid, added);
}

void Keeper::keep(pid_t pid, const Running& running) {
  const Instance& instance = *running.instance;
  std::vector<std::byte> packet;
  encode(Keep{.pid = pid,
              .app = instance.app,
              .place = instance.place,
              .channel = running.channel != nullptr ? running.channel->serial() : kNoChannel,
              .id = running.id,
              .times = running.times,
              .label = instance.label},
         packet);
  to_supervisor_.add(std::move(packet), copy_of(running.pidfd), copy_of(instance.errors));
}

void Keeper::forget(pid_t pid) {
  std::vector<std::byte> packet;
  encode(Forget{pid}, packet);
  to_supervisor_.add(std::move(packet), {});
}

void Keeper::give(Channel& channel) {
  if (!channel.is_home()) return;
  processes_.for_each([&](pid_t pid, Running& running) {
    if (running.instance == nullptr || running.channel != nullptr || running.kill_at != 0) return;
    if (running.instance->place != channel.place()) return;
    running.channel = &channel;
    running.id = next_id_++;
    running.announced = true;
    keep(pid, running);
    introduce(pid, running);
  });
}

void Keeper::introduce(pid_t pid, Running& running) {
  const Instance& instance = *running.instance;
  running.channel->reply_with(Inherited{.id = running.id,
                                        .app = instance.app,
                                        .pid = pid,
                                        .times = running.times,
                                        .end_is_told = !running.is_adopted(),
                                        .label = instance.label},
                              copy_of(running.pidfd), copy_of(instance.errors));
}

void Keeper::add_polled(std::vector<pollfd>& polled) const {
  for (const pid_t pid : adopted_)
    polled.push_back({.fd = processes_.find(pid)->pidfd.get(), .events = POLLIN, .revents = 0});
}

void Keeper::take_ended(std::span<const pollfd> polled) {
  std::vector<pid_t> ended;
  for (size_t i = 0; i < polled.size(); ++i) {
    if (polled[i].revents != 0) ended.push_back(adopted_[i]);
  }
  for (const pid_t pid : ended) take_out(pid);
}

void Keeper::take_ended() {
  std::vector<pollfd> polled;
  add_polled(polled);
  if (poll(polled.data(), polled.size(), 0) > 0) take_ended(polled);
}

void Keeper::make_room(pid_t pid) {
  if (std::ranges::find(adopted_, pid) != adopted_.end()) take_out(pid);
}

// Its worker sees the end by the pidfd that it has.
void Keeper::take_out(pid_t pid) {
  std::erase(adopted_, pid);
  const Running running = processes_.remove(pid);
  // What its group has left had the same time.
  if (running.kill_at != 0 && no_such_process(pid)) signal_group(pid, SIGKILL);
  forget(pid);
}

}  // namespace remuda::spawner
