// SPDX-License-Identifier: Apache-2.0
//
// Site: everything that answers requests on one loop (routes, caches, applications), as the composition root
// builds it. The worker knows no more of it than this. Made and used on its loop's thread, destroyed when
// that loop has ended.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "base/log.h"
#include "http/handler.h"
#include "loop/loop.h"
#include "loop/offload.h"
#include "server/gate.h"
#include "server/log_writer.h"

namespace remuda::server {

class Site {
 public:
  virtual ~Site() = default;

  virtual http::Service& service() = 0;
  // Answers on the status socket; asked on the home loop only. Null: nobody does.
  virtual http::Service* admin() { return nullptr; }
  virtual base::Log& log() = 0;

  // Starts the stories that work beside requests (the spawner's replies). They end when `scope` is cancelled,
  // after the last connection has ended.
  virtual void start(loop::Scope& scope) = 0;

  // Hands over what is buffered (log lines), before the process ends.
  virtual void flush() = 0;
};

// What a Site is given. All of it outlives the Site, but for the channel, which it owns.
struct SiteParts {
  loop::Loop& loop;
  loop::Offload& offload;
  Gate& gate;
  base::Log& log;
  LogWriter* access;         // null: no access log
  base::Fd spawner_channel;  // -1: there is no spawner
  uint64_t first_request_id;
  size_t loop_index = 0;  // of the worker's loops; 0 is the home loop, where applications are managed
  size_t place = 0;       // of the worker among the configured processes
  std::string_view run_directory;  // the server's own; empty: there is none

  bool is_home() const { return loop_index == 0; }
};

using MakeSite = std::function<std::unique_ptr<Site>(SiteParts)>;

}  // namespace remuda::server
