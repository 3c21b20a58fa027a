// SPDX-License-Identifier: Apache-2.0
//
// Service: the spawner's life. One ppoll(2) waits for requests, for what templates say, for children that end
// (SIGCHLD is open only there) and for the next deadline; everything else happens between two waits.
//
//     wait -> templates -> children that ended -> channels (a bounded number of packets each)
//          -> the supervisor -> what is due: kills, templates, announcements, Pongs -> replies out -> wait
//
// It is a subreaper: what a template or a program leaves behind becomes its child and is waited for; a
// template's fork then as one of its own, a stranger without a word.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "spawner/announcer.h"
#include "spawner/app.h"
#include "spawner/channel.h"
#include "spawner/keeper.h"
#include "spawner/orphans.h"
#include "spawner/process_table.h"
#include "spawner/spawner.h"
#include "spawner/template_host.h"
#include "spawner/templates.h"
#include "spawner/wanted.h"

namespace remuda::spawner {

class Service final : private TemplateHost {
 public:
  explicit Service(const Options& options);

  // Until the control socket ends.
  void serve();
  // Ends every program, this spawner's and its predecessors', and waits for its own.
  void end_all();

 private:
  // A Ping that waits until the spawns that came before it are settled.
  struct Pending {
    Channel* channel = nullptr;
    uint64_t token = 0;
    uint64_t serial = 0;
  };

  void wait();
  void hear();
  int64_t next_deadline() const;
  void reap();
  void child_ended(pid_t pid, int status, const Usage& usage);

  void read_control();
  void add_channel(base::Fd socket, const NewChannel& what);
  void end_channel_of(int32_t place);
  void read_channel(Channel& channel);
  bool read_packet(Channel& channel);
  void drop_ended_channels();

  void obey(Channel& channel, const Request& request, Received& received);
  void spawn(Channel& channel, const Spawn& spawn, Received& received);
  Refusal check(const Channel& channel, App& app, const Spawn& spawn, const Received& received,
                const char*& program, int64_t now);
  void start(Wanted wanted, App& app, const char* program, char* const* environment);
  void add(Wanted wanted, pid_t pid, Running running);
  void measure(Channel& channel, const Measure& wish);
  void renew(Channel& channel, const Renew& wish);
  void answer_pings();

  void begun(Wanted wanted, pid_t pid, base::Fd pidfd, pid_t by) override;
  void ended(pid_t pid, pid_t by, int status, const Usage& usage) override;
  void orphaned_by(pid_t by) override;
  bool has_forks_of(pid_t by) const override;
  void execute(Wanted wanted, App& app, const char* program) override;
  void refuse(const Wanted& wanted, const Refusal& refusal) override;
  void tell_home(const Reply& reply) override;
  void renewed(uint64_t renewal, int error, std::string_view detail) override;

  const Options& options_;
  bool supervised_ = true;
  base::Fd no_input_;
  std::vector<std::unique_ptr<App>> apps_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<pollfd> polled_;  // the control socket, channels, adopted instances, templates
  size_t polled_channels_ = 0;
  size_t polled_before_templates_ = 0;
  Orphans orphans_;
  ProcessTable processes_;
  Keeper keeper_;
  Announcer announcer_;
  Templates templates_;
  std::deque<Pending> pings_;
  std::vector<std::byte> packet_;
  std::vector<char*> environment_;
};

}  // namespace remuda::spawner
