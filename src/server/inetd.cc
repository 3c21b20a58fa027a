// SPDX-License-Identifier: Apache-2.0
//
// The control socket that a worker hears its supervisor on is held open at both ends here: nobody speaks on
// it.
#include "server/inetd.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "server/children.h"

namespace remuda::server {

namespace {

http::Address peer_of(int connection) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  if (::getpeername(connection, reinterpret_cast<sockaddr*>(&peer), &length) < 0) return {};
  return http::Address::from(peer);
}

struct OwnSpawner {
  pid_t pid = 0;
  base::Fd control;
};

base::Result<OwnSpawner> start_spawner(const std::vector<spawner::AppRules>& apps, WorkerSeat& seat) {
  OwnSpawner started;
  if (apps.empty()) return started;
  auto control = spawner::make_socket_pair();
  auto channel = spawner::make_socket_pair();
  if (!control || !channel) return std::unexpected(control ? channel.error() : control.error());
  const spawner::Options options{.supervisor = ::getpid(),
                                 .control = control->spawner.get(),
                                 .channels = {{.socket = channel->spawner.get(), .what = {}}},
                                 .instances = {},
                                 .apps = apps};
  const std::array keep{options.control, channel->spawner.get()};
  const auto child = fork_child("remuda:spawner", keep, [&options] { return spawner::run(options); });
  if (!child) return std::unexpected(child.error());
  started.pid = *child;
  started.control = std::move(control->worker);
  seat.spawner_channels.push_back(std::move(channel->worker));
  return started;
}

}  // namespace

int run_inetd(const WorkerPlan& plan, const std::vector<spawner::AppRules>& apps, base::Fd connection) {
  WorkerSeat seat;
  seat.peer = peer_of(connection.get());
  auto silent_supervisor = spawner::make_socket_pair();
  if (!silent_supervisor) return 1;
  seat.control = silent_supervisor->worker.get();
  seat.connection = std::move(connection);
  // The spawner is forked first: it must not hold the connection open.
  auto own_spawner = start_spawner(apps, seat);
  if (!own_spawner) return 1;
  const int code = run_worker(plan, std::move(seat));
  own_spawner->control.reset();
  if (own_spawner->pid > 0) ::waitpid(own_spawner->pid, nullptr, 0);
  return code;
}

}  // namespace remuda::server
