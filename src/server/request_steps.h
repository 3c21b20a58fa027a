// SPDX-License-Identifier: Apache-2.0
//
// RequestSteps: what happens to a request between the protocol driver and the handler that answers it,
// whatever the version of HTTP. One for each loop. The steps stand as one visible list at the head of the .cc
// file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "content/error_page.h"
#include "http/handler.h"
#include "server/access_log.h"
#include "server/figures.h"
#include "server/gate.h"
#include "server/named_files.h"
#include "server/router.h"

namespace remuda::server {

// Where a route leads, on this loop.
struct Destination {
  std::unique_ptr<http::Handler> handler;
  std::string name;         // for logs: "files /srv/www", "app gitweb"
  uint64_t body_limit = 0;  // 413 beyond, bytes
  // What its applications may send by name (X-Sendfile); may be null.
  std::unique_ptr<NamedFiles> named_files = nullptr;
};

class RequestSteps final : public http::Service {
 public:
  // `destinations`: one for each route of the router, in its order. `access` may be null. All outlive the
  // steps.
  RequestSteps(const Router& router, std::vector<Destination> destinations, const content::ErrorPages& pages,
               Gate& gate, base::Log& log, AccessLog* access, uint64_t first_request_id);

  loop::Task<void> handle(http::Exchange& exchange) override;
  void refuse(http::Exchange& exchange, int status, std::string_view why) override;
  void finished(const http::Exchange& exchange, const http::Record& record) override;
  bool should_close() override { return gate_.should_close(); }
  uint64_t next_request_id() override { return next_id_++; }

  const RequestCounters& counters() const { return counters_; }

 private:
  Destination* choose(http::Exchange& exchange, Asked asked);
  bool answer_for_the_server(http::Exchange& exchange);
  void follow_internal_redirect(http::Exchange& exchange);
  loop::Task<void> send_named_file(http::Exchange& exchange, const Destination& destination);
  void explain(http::Exchange& exchange);
  void answer_with_page(http::Exchange& exchange, int status, std::string_view trouble);

  const Router& router_;
  std::vector<Destination> destinations_;
  const content::ErrorPages& pages_;
  Gate& gate_;
  base::Log& log_;
  AccessLog* access_;
  uint64_t next_id_;
  RequestCounters counters_;
};

}  // namespace remuda::server
