// SPDX-License-Identifier: Apache-2.0
//
// The spawner: the process that starts programs. One thread, no network, no byte that a client framed.
//
//     supervisor --control--> spawner <==channel== worker loop      (AF_UNIX SOCK_SEQPACKET each)
//
// The supervisor forks it (no exec) and keeps a copy of every channel's spawner end, so that requests that
// wait there survive a spawner that dies: the next one gets the same channels and says Hello on each. Who may
// run what is settled here, in AppRules, and never by a worker: a request names an application and a program
// beneath its root.
//
// A program is executed, or forked from a template that the spawner keeps for it (templates.h): who asks
// cannot tell.
//
// A channel whose worker has gone takes its programs with it, but not the instances: those wait for the next
// home channel of the same place (keeper.h), and the supervisor knows of them, so that a spawner's death does
// not lose them either (keeping.h). The control socket's end takes all (TERM, then KILL).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "spawner/confinement/rules.h"
#include "spawner/keeping.h"

namespace remuda::spawner {

// Who a program runs as. Only with root's rights.
struct Identity {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> supplementary;
};

// setrlimit(2), soft and hard; absent: inherited from the spawner.
struct ResourceLimits {
  std::optional<uint64_t> open_files;     // absent: a soft limit of 1024, hard as inherited
  std::optional<uint64_t> address_space;  // bytes
  std::optional<uint64_t> cpu_seconds;
  std::optional<uint64_t> processes;
  std::optional<uint64_t> file_size;  // bytes
  std::optional<uint64_t> core_size;  // bytes
};

enum class Privileges : uint8_t { kMayGain, kNoNew };  // PR_SET_NO_NEW_PRIVS

// SCHED_BATCH or SCHED_OTHER, sched(7). A program of kBatch does not interrupt, where it is woken, whoever
// computes.
enum class Scheduling : uint8_t { kBatch, kNormal };

// Whether programs run on when the worker that asked for them has gone, for the worker that comes next.
enum class Outlives : uint8_t { kNothing, kWorker };

// Which programs are forked from templates (docs/templates.md), and not executed.
enum class TemplateFor : uint8_t {
  kNone,
  kApplication,  // `program` is the loader: one template for the application
  kEachProgram,  // one for each CGI program, by the loader that its kind wants
};

// When a template's next generation is loaded: as its files change too, or by Renew only.
enum class Reload : uint8_t { kOnChange, kOnRequest };

// What a fork is for: a template that makes many of them spends memory on making them cheap.
enum class ForkServes : uint8_t { kOneRequest, kMany };

struct TemplateRules {
  TemplateFor covers = TemplateFor::kNone;
  ForkServes fork_serves = ForkServes::kMany;
  std::chrono::milliseconds start_timeout{60'000};
  std::chrono::milliseconds idle_timeout{600'000};  // without a process that it has forked; 0: it stays
  uint32_t queue = 128;                             // spawns that wait for a template, of all channels
  uint32_t most = 32;                               // templates at once, of kEachProgram
  Reload reload = Reload::kOnChange;
  std::string loaders;  // absolute directory; of kEachProgram
};

// What one application may run, and as whom. Its place in the table is its number in the protocol.
struct AppRules {
  std::string name;
  std::string root;     // absolute; programs resolve beneath it. Not looked at if program is set
  std::string program;  // absolute; the only one that is run
  std::vector<std::string> arguments;  // of every program, after its own name
  std::string directory;               // where it runs; empty: the program's own directory
  std::optional<Identity> identity;
  ResourceLimits limits;
  mode_t umask = 022;
  Privileges privileges = Privileges::kMayGain;
  Scheduling scheduling = Scheduling::kNormal;
  int niceness = 0;  // added to the spawner's; not negative
  Outlives outlives = Outlives::kNothing;
  std::vector<std::string> environment;  // "NAME=value"; what a request brings under the same name wins
  TemplateRules template_rules;
  ConfinementRules confinement;
};

// A channel's spawner end, owned by the spawner from now on.
struct ChannelEnd {
  int socket = -1;
  NewChannel what;
};

struct Options {
  pid_t supervisor = 0;  // who forks it
  int control = -1;      // SOCK_SEQPACKET from the supervisor; its end is the spawner's end
  std::vector<ChannelEnd> channels;
  std::vector<Inheritance> instances;  // what the spawner before has left (KeptInstances)
  std::vector<AppRules> apps;
  uint32_t generation = 1;  // of this spawner: one more after each restart
  std::chrono::milliseconds kill_after = std::chrono::seconds(3);  // from TERM to KILL
};

// Both ends of a channel or of the control socket: SOCK_SEQPACKET, non-blocking, close-on-exec.
struct SocketPair {
  base::Fd worker;  // or supervisor
  base::Fd spawner;
};
base::Result<SocketPair> make_socket_pair();

// Supervisor: gives the running spawner one more channel (a worker that started later). The socket stays the
// caller's. A home channel replaces that of its place: the worker before has ended.
base::Result<void> send_channel(int control, const ChannelEnd& channel);

// The main of the spawner's process: returns its exit code when the control socket has ended and every
// program it started is gone. Blocks all signals; it ends with the supervisor, not by a signal to the group.
// The caller has closed every descriptor that the spawner must not have (listening sockets, workers' ends).
int run(const Options& options);

}  // namespace remuda::spawner
