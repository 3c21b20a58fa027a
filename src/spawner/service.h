// SPDX-License-Identifier: Apache-2.0
//
// Service: the spawner's life. One ppoll(2) waits for requests, for children that end (SIGCHLD is open only
// there) and for the next deadline; everything else happens between two waits.
//
//     wait -> children that ended -> channels (a bounded number of packets each) -> the supervisor
//          -> overdue kills -> announcements that are due -> replies out -> wait
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "spawner/channel.h"
#include "spawner/keeper.h"
#include "spawner/orphans.h"
#include "spawner/process_table.h"
#include "spawner/program.h"
#include "spawner/spawner.h"

namespace remuda::spawner {

class Service {
 public:
  explicit Service(const Options& options);

  // Until the control socket ends.
  void serve();
  // Ends every program, this spawner's and its predecessors', and waits for its own.
  void end_all();

 private:
  struct App {
    AppRules rules;
    Root root;
    std::vector<char*> arguments;          // the program's own name, to be filled in, and those of the rules
    std::vector<char*> environment;        // of the rules
    std::vector<std::string_view> shared;  // those of them that a request may set as well
  };
  struct Announcement {
    int64_t due = 0;
    pid_t pid = 0;
  };

  void wait();
  int64_t next_deadline() const;
  void reap();
  void add_app(const AppRules& rules);
  void read_control();
  void end_channel_of(int32_t place);
  void read_channel(Channel& channel);
  bool read_packet(Channel& channel);
  void drop_ended_channels();
  void obey(Channel& channel, const Request& request, Received& received);
  void spawn(Channel& channel, const Spawn& spawn, Received& received);
  void start(Channel& channel, App& app, const Spawn& spawn, Received& received, const char* program,
             StepTimes times);
  void measure(Channel& channel, const Measure& wish);
  Refusal check(const Channel& channel, App& app, const Spawn& spawn, const char*& program, int64_t now);
  // The application's, or of an instance that is told where to listen a copy with that filled in.
  char* const* gather_arguments(App& app, const Spawn& spawn, const char* program);
  bool gather_environment(const App& app, const Spawn& spawn);
  const char* directory_for(const App& app, const char* program);
  void fail(Channel& channel, uint64_t id, const StepTimes& times, const Refusal& refusal);
  void announce_due(int64_t now);
  void announce_all();
  void announce(pid_t pid);

  const Options& options_;
  bool supervised_ = true;
  base::Fd no_input_;
  std::vector<App> apps_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<pollfd> polled_;
  size_t polled_channels_ = 0;
  Orphans orphans_;
  ProcessTable processes_;
  Keeper keeper_;
  std::deque<Announcement> announcements_;
  std::vector<std::byte> packet_;
  std::vector<char*> environment_;
  std::vector<std::string> filled_arguments_;
  std::vector<char*> arguments_;
  std::string directory_;
};

}  // namespace remuda::spawner
