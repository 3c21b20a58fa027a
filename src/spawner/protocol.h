// SPDX-License-Identifier: Apache-2.0
//
// What a worker's loop and the spawner say to each other. Sans-I/O: bytes in, records out; nothing here makes
// a call.
//
// A packet of the SOCK_SEQPACKET channel is one or more records (record.h), in the machine's own order (both
// ends are forks of one program; the version is for an upgrade that mixes them):
//
//     worker -> spawner    Spawn     + descriptors: of a program [stdin], stdout, stderr;
//                                      of an instance its listener, stderr, the reading end of stderr
//                          Signal    to the process group of a program
//                          Measure   answered by Measured
//                          Renew     answered by Renewed
//                          Ping      answered by Pong when everything sent before it has been dealt with
//     spawner -> worker    Started   + pidfd; left out for a program that ends within kStartedDelay
//                          Failed    the step and errno that a start failed with
//                          Exited    repeats what Started says
//                          Hello     a new spawner; the programs of the former one run on without it
//                          Inherited + pidfd, the reading end of stderr: an instance that runs already, of a
//                                      worker or a spawner that has died; before the first Pong
//                          Measured
//                          Renewed
//                          TemplateState, TemplateSaid   over home channels
//                          Pong
//
// An instance is started over a home channel (spawner.h) and outlives it: the spawner keeps it for the next
// home channel of the same place.
// Records that come with descriptors are alone in their packet. A packet that does not decode ends the
// channel.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace remuda::spawner {

constexpr uint16_t kProtocolVersion = 3;
constexpr size_t kMaxPacket = 128 * 1024;
constexpr size_t kMaxProgram = 4095;
constexpr size_t kMaxDetail = 4096;  // may be several lines
constexpr size_t kMaxLabel = 1024;
// Ids from here on are given by the spawner, to instances that a channel inherits.
constexpr uint64_t kFirstInheritedId = uint64_t{1} << 63;

// What was being done when a start failed. to_string() names it.
enum class Step : uint8_t {
  kNone,
  kRequest,      // the request itself: an unknown application, a variable that no request may set
  kResolve,      // the program's path, beneath the application's root
  kProcess,      // clone
  kGroup,        // a process group of its own
  kDescriptors,  // 0, 1 and 2
  kLimits,       // setrlimit, nice
  kGroups,       // setgroups, setgid
  kUser,         // setuid
  kPrivileges,   // no_new_privs
  kDirectory,    // chdir
  kExec,         // execve of the program
  kInterpreter,  // execve: the program is there, its "#!" interpreter or its loader is not; detail names it
  kTemplate,     // its template did not load, or does not fork; detail is the template's journey
  kConfine,      // cgroup and namespaces; detail says what of them
  kFilter,       // seccomp
};
std::string_view to_string(Step step);  // "start the interpreter"

enum class Input : uint8_t {
  kNone,      // /dev/null
  kGiven,     // what comes with the request
  kListener,  // a listening socket: the program is an instance
};

struct Spawn {
  uint64_t id = 0;  // never used twice on a channel, not 0, below kFirstInheritedId
  uint32_t app = 0;
  Input input = Input::kNone;
  std::string_view program;      // absolute, below the root; empty: the application's fixed program
  std::string_view label;        // of an instance: given back with it when it is inherited
  std::string_view environment;  // "NAME=value\0" one after the other, or empty
};

struct Signal {
  uint64_t id = 0;
  pid_t pid = 0;  // of a program whose spawner has died; 0 if not known
  int32_t signal = 0;
};

struct Measure {
  uint64_t token = 0;  // comes back with the answer
  uint64_t id = 0;     // 0: of a template
  pid_t pid = 0;       // of the template, as TemplateState says
};

// The next generation of each template of the application, as its files are now.
struct Renew {
  uint64_t token = 0;
  uint32_t app = 0;
};

struct Ping {
  uint64_t token = 0;
};

// Nanoseconds of CLOCK_MONOTONIC; 0: it did not come to that.
struct StepTimes {
  int64_t received = 0;  // by the spawner
  int64_t started = 0;   // exec succeeded or failed
  int64_t ended = 0;     // the end was seen
};

struct Started {
  uint64_t id = 0;
  pid_t pid = 0;
  StepTimes times;
};

struct Failed {
  uint64_t id = 0;
  int32_t error = 0;  // errno
  Step step = Step::kNone;
  StepTimes times;
  std::string_view detail;
};

struct Usage {
  int64_t user_us = 0;
  int64_t system_us = 0;
  int64_t max_resident_kib = 0;
};

// A template reaped the process and died before it could say so.
constexpr int32_t kUnknownStatus = -1;

struct Exited {
  uint64_t id = 0;
  pid_t pid = 0;
  int32_t status = 0;  // as of wait(2), or kUnknownStatus
  StepTimes times;
  Usage usage;
  bool left_others = false;  // its group has not ended with it
};

struct Hello {
  uint32_t generation = 0;
};

struct Inherited {
  uint64_t id = 0;  // as this channel knows it already, or a new one
  uint32_t app = 0;
  pid_t pid = 0;
  StepTimes times;
  bool end_is_told = false;  // by Exited; else the pidfd alone tells it: another spawner has started it
  std::string_view label;
};

struct Measured {
  uint64_t token = 0;
  int32_t error = 0;  // errno: ESRCH if it has ended
  // Bytes; 0: the system does not say.
  uint64_t resident = 0;
  uint64_t proportional = 0;
  uint64_t unique = 0;
  int64_t user_us = 0;
  int64_t system_us = 0;
};

// When the next generation of all of the application's templates serves; at once if none of them runs.
struct Renewed {
  uint64_t token = 0;
  int32_t error = 0;        // ECHILD, ETIMEDOUT, ...: it did not load, and the one before goes on
  std::string_view detail;  // why: several lines
};

// Of a template, at each change; a new home channel is told of those that run.
struct TemplateState {
  enum class State : uint8_t { kLoading, kReady, kFailed, kEnded };
  uint32_t app = 0;
  uint32_t generation = 0;
  State state = State::kLoading;
  pid_t pid = 0;             // 0: it came to no process
  int64_t began = 0;         // CLOCK_MONOTONIC, ns
  int64_t ready = 0;         // 0: not yet
  std::string_view program;  // empty: the application's own
  std::string_view detail;   // ready: a line "STEP 12.3 ms" for each; else why
};

// A line that a template wrote, or its warning.
struct TemplateSaid {
  uint32_t app = 0;
  std::string_view text;
};

struct Pong {
  uint64_t token = 0;
};

using Request = std::variant<Spawn, Signal, Measure, Ping, Renew>;
using Reply = std::variant<Started, Failed, Exited, Hello, Inherited, Measured, Pong, Renewed, TemplateState,
                           TemplateSaid>;

// Appends the record to `packet`. The caller keeps it below kMaxPacket.
void encode(const Signal& request, std::vector<std::byte>& packet);
void encode(const Measure& request, std::vector<std::byte>& packet);
void encode(const Ping& request, std::vector<std::byte>& packet);
void encode(const Renew& request, std::vector<std::byte>& packet);
void encode(const Reply& reply, std::vector<std::byte>& packet);

// A Spawn's environment is gathered by sendmsg, not copied: this is the part before it. `environment_bytes`
// follow.
void encode_head(const Spawn& request, size_t environment_bytes, std::vector<std::byte>& packet);

// Takes one record off the front of `packet`; nothing if it is malformed. Views point into the packet.
std::optional<Request> decode_request(std::span<const std::byte>& packet);
std::optional<Reply> decode_reply(std::span<const std::byte>& packet);

// How many descriptors come with it.
size_t descriptors_of(const Request& request);

}  // namespace remuda::spawner
