// SPDX-License-Identifier: Apache-2.0
//
// Control: what the supervisor and a worker say to each other, over a SOCK_SEQPACKET pair. One message is one
// datagram of a byte. The end of the socket means that the other one is gone.
//
//     supervisor --> worker   kDrain        finish what is in flight, take nothing new, then exit
//                             kStop         exit now
//                             kReopenLogs   open the log files anew
//     worker --> supervisor   kReady        its loops accept connections
#pragma once

#include <cstdint>

#include "base/result.h"

namespace remuda::server {

enum class ControlMessage : uint8_t { kDrain = 'd', kStop = 's', kReopenLogs = 'l', kReady = 'r' };

// Never blocks. Errors: of send(2); EAGAIN when the other end does not read.
base::Result<void> send_control(int socket, ControlMessage message);

// What is there now. Errors: EAGAIN nothing yet, EPIPE the other end is gone, EPROTO not a message.
base::Result<ControlMessage> receive_control(int socket);

}  // namespace remuda::server
