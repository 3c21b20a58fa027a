// SPDX-License-Identifier: Apache-2.0
//
// Exchange: one request as PHP's server interface (SAPI) sees it, and what PHP asks of a server: the table of
// functions in sapi.cc. Owned by run(); PHP finds it as SG(server_context). One thread.
#pragma once

#include <remuda_app.h>

#include <array>
#include <string>

#include "php_headers.h"

namespace remuda::php {

class Exchange {
 public:
  explicit Exchange(remuda_request* request) : request_(request) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Runs the script that the request names and ends the request.
  void run();

  // The answer is whole although the script runs on (fastcgi_finish_request). $_SERVER stays as it is.
  void finish_early();

  // Null once it has been finished: what is written then goes nowhere.
  remuda_request* request() const { return request_; }

  // Of the request that PHP works on; null between requests.
  static Exchange* current() { return static_cast<Exchange*>(SG(server_context)); }
  // Its parameter, or null.
  const char* param(const char* name) const;

 private:
  void describe();
  static void execute();
  void finish();

  remuda_request* request_;
  std::string path_;                 // as PHP_SELF has it: script and what follows it
  std::array<std::string, 4> kept_;  // of a request that has been finished early
};

// The functions that PHP calls; valid for the life of the process.
sapi_module_struct& server_interface();

// PHP functions that scripts find under php-fpm too.
extern const zend_function_entry kFunctions[];

}  // namespace remuda::php
