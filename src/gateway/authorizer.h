// SPDX-License-Identifier: Apache-2.0
//
// Authorizer: guards another handler with an application of that role (FastCGI 1.0 section 6.3), whatever
// the handler serves.
//
//     200              allows: its fields Variable-X become variables X of every application that follows in
//                      this request, its other fields and its content are dropped
//     any other        is the client's answer
//     none, too late   denies: 502, 503, 504; nothing ever allows but an answer of 200
//
// It is told what a responder would be told but for SCRIPT_NAME, PATH_INFO, PATH_TRANSLATED and
// CONTENT_LENGTH, and is not given the request's body. One for each route and loop.
#pragma once

#include <memory>
#include <string>

#include "gateway/app_options.h"
#include "gateway/application.h"
#include "http/handler.h"

namespace remuda::gateway {

class Authorizer final : public http::Handler {
 public:
  Authorizer(Application application, AppOptions options, std::unique_ptr<http::Handler> guarded);

  loop::Task<void> handle(http::Exchange& exchange) override;

 private:
  loop::Task<bool> allows(http::Exchange& exchange);

  const Application application_;
  const AppOptions options_;
  const std::string label_;  // "authorizer login"
  const std::string script_filename_;
  std::unique_ptr<http::Handler> guarded_;
};

}  // namespace remuda::gateway
