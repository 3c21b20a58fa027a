// SPDX-License-Identifier: Apache-2.0
//
// Service: the status API of one worker, JSON over HTTP on the worker's own Unix socket.
//
//     GET  /status                         the whole snapshot (json.h says its form)
//     GET  /status/apps/NAME               the same with one application
//     GET  /metrics                        for Prometheus, in its text form
//     POST /apps/NAME/restart              rolling; answers when it has ended: 200, or 500 if it failed; with
//                                          ?too=1 in a further worker, where the first has been restarted
//     POST /apps/NAME/end?instance=PID     ends an instance, or ?request=ID, as the logs write it
//     POST /apps/NAME/peers?add=ADDRESS    or drain=, restore=, remove=
//
// An error is {"error": "a sentence"}. Whoever may open the socket may do everything; a request with an
// Origin field is refused all the same, because only a browser sends one, for somebody else's page. On the
// worker's home loop; that loop's thread only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/snapshot.h"
#include "apps/control.h"
#include "http/handler.h"

namespace remuda::admin {

class Service final : public http::Service {
 public:
  // What the server itself knows: a snapshot without applications. Called on the home loop.
  using ServerFacts = std::function<Snapshot()>;
  // One sentence for each thing that was done by somebody's order, for the error log.
  using Said = std::function<void(std::string_view)>;

  // In the order of the configuration. They outlive the service.
  Service(ServerFacts server, std::vector<apps::Control*> apps, Said said);

  loop::Task<void> handle(http::Exchange& exchange) override;
  void refuse(http::Exchange& exchange, int status, std::string_view why) override;
  void finished(const http::Exchange&, const http::Record&) override {}
  bool should_close() override { return false; }
  uint64_t next_request_id() override { return ++last_request_; }

 private:
  struct Asked;

  loop::Task<Snapshot> snapshot(loop::Loop& loop, std::string_view only_app = {});
  loop::Task<void> answer_get(http::Exchange& exchange, const Asked& asked);
  loop::Task<void> answer_post(http::Exchange& exchange, const Asked& asked);
  loop::Task<void> restart(http::Exchange& exchange, apps::Control& app, const Asked& asked);
  loop::Task<void> end(http::Exchange& exchange, apps::Control& app, const Asked& asked);
  void change_peers(http::Exchange& exchange, apps::Control& app, const Asked& asked);
  apps::Control* find(std::string_view name) const;
  std::string no_such_app(std::string_view name) const;

  ServerFacts server_;
  std::vector<apps::Control*> apps_;
  Said said_;
  uint64_t last_request_ = 0;
};

}  // namespace remuda::admin
