// SPDX-License-Identifier: Apache-2.0
//
// The spawner: the process that starts programs. One thread, no network, no byte that a client framed.
//
//     supervisor --control--> spawner <==channel== worker loop      (AF_UNIX SOCK_SEQPACKET each)
//
// The supervisor forks it (no exec) and keeps a copy of every channel's spawner end, so that requests that
// wait there survive a spawner that dies: the next one gets the same channels and says Hello on each. Who may
// run what is settled here, in AppRules, and never by a worker: a request names an application and a program
// beneath its root. A channel whose worker has gone takes its programs with it; the control socket's end
// takes all (TERM, then KILL).
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

// What one application may run, and as whom. Its place in the table is its number in the protocol.
struct AppRules {
  std::string name;
  std::string root;       // absolute; programs resolve beneath it. Exactly one of root and program is set
  std::string program;    // absolute; the only one that is run
  std::string directory;  // where it runs; empty: the program's own directory
  std::optional<Identity> identity;
  ResourceLimits limits;
  mode_t umask = 022;
  Privileges privileges = Privileges::kMayGain;
  std::vector<std::string> environment;  // "NAME=value"; what a request brings under the same name wins
};

struct Options {
  int control = -1;           // SOCK_SEQPACKET from the supervisor; its end is the spawner's end
  std::vector<int> channels;  // spawner ends, owned by the spawner from now on
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

// Supervisor: gives the running spawner one more channel (a worker that started later). `channel` stays the
// caller's.
base::Result<void> send_channel(int control, int channel);

// The main of the spawner's process: returns its exit code when the control socket has ended and every
// program it started is gone. Blocks all signals; it ends with the supervisor, not by a signal to the group.
// The caller has closed every descriptor that the spawner must not have (listening sockets, workers' ends).
int run(const Options& options);

}  // namespace remuda::spawner
