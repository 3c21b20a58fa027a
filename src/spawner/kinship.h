// SPDX-License-Identifier: Apache-2.0
//
// Whose child a process is, and which group it is in: what proc(5) and pidfds say of processes that are not
// this one's children. Any process of the server.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/fd.h"

namespace remuda::spawner {

struct Kinship {
  pid_t parent = 0;  // 0: not known, or there is no such process
  pid_t group = 0;
};

Kinship kinship_of(pid_t pid);
// The same by PIDFD_GET_INFO where the kernel (6.13) has it, which costs less than a file of /proc.
Kinship kinship_of(pid_t pid, const base::Fd& pidfd);

// The file that it runs; empty if that cannot be seen.
std::string program_of(std::string_view pid);

// A pidfd_open(2); none if it cannot be had.
base::Fd open_pidfd(pid_t pid);

// Whether the process has not been waited for yet: its number, and that of its group, mean what they meant.
bool is_there(const base::Fd& pidfd);

// Whether the process runs no more, waited for or not; so for no pidfd.
bool has_ended(const base::Fd& pidfd);

// Signals to the whole group that `leader` leads, or led.
void signal_group(pid_t leader, int number);

bool no_such_process(pid_t pid);

}  // namespace remuda::spawner
