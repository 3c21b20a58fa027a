// SPDX-License-Identifier: Apache-2.0
//
// AppHandler: answers requests with an application, whatever its model and its wire.
//
// One for each route to an application and loop; outlives its exchanges. The story of a request:
//
//     look the script up -> take the body in if that is asked for -> meta-variables -> ask: a lease, a
//     conversation, the head of the answer, again elsewhere when that is safe -> pass the answer on
//
// The first half stands in app_handler.cc, the second, which authorizers and filters share, in answering.h.
#pragma once

#include <memory>
#include <string>

#include "gateway/app_options.h"
#include "gateway/application.h"
#include "http/handler.h"
#include "loop/loop.h"

namespace remuda::gateway {

class ScriptLookup;

class AppHandler final : public http::Handler {
 public:
  AppHandler(loop::Loop& loop, Application application, AppOptions options);
  ~AppHandler() override;

  loop::Task<void> handle(http::Exchange& exchange) override;

 private:
  const Application application_;
  const AppOptions options_;
  const std::string label_;  // "app gitweb"
  std::unique_ptr<ScriptLookup> lookup_;
};

}  // namespace remuda::gateway
