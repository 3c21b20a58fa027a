// SPDX-License-Identifier: Apache-2.0
//
// What an application with sandbox = "strict" sees of the file system:
//
//     /                      as the server has it, read-only, without set-user-id and devices
//     /tmp /var/tmp /dev/shm its own, empty, in memory, of a bounded size
//     /dev                   null, zero, full, random, urandom, tty
//     /proc                  its own processes
//     /home /root            empty
//     what is hidden         empty, or not to be opened
//     what is shown          as it is, wherever it lies; what is writable likewise, and writable
//
// Hidden is what stands there when this is made. Made in a process of its own (namespaces.h), which ends.
#pragma once

#include <expected>

#include "spawner/confinement/failure.h"
#include "spawner/confinement/rules.h"

namespace remuda::spawner {

// The caller has a mount namespace of its own; afterwards this is all there is of it.
std::expected<void, ConfinementFailure> make_view(const ViewRules& rules);

}  // namespace remuda::spawner
