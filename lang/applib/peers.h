// SPDX-License-Identifier: Apache-2.0
//
// PeerList: who may connect over TCP, FCGI_WEB_SERVER_ADDRS of FastCGI 3.2: addresses with commas between
// them. Unix sockets are guarded by their file modes, and always welcome.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "memory.h"

namespace remuda::app {

class PeerList {
 public:
  // Null or empty: everybody. False: no memory, or something in it is no address.
  bool parse(const char* text);
  bool admits(const sockaddr_storage& peer) const;

 private:
  Array<in6_addr> allowed_;  // IPv4 as ::ffff:a.b.c.d
  bool everybody_ = true;
};

}  // namespace remuda::app
