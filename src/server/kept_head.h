// SPDX-License-Identifier: Apache-2.0
//
// KeptHead: what an application said about content that then comes from elsewhere (X-Accel-Redirect,
// X-Sendfile): its status, its cookies, its Content-Type, its Content-Disposition, its Cache-Control.
//
// A status other than 200 stands in place of a 200 that is found there: a file that an authorizer shows to
// whom it refuses is a refusal, and so is sent whole, whatever the client has of it already.
//
// Nothing is kept of what describes the bytes or their validity: they are another's. Where both speak, fields
// that an application or an error page gave stand, and those that were prepared with a file give way. Views
// into the exchange. One request.
#pragma once

#include <span>

#include "http/handler.h"

namespace remuda::server {

class KeptHead {
 public:
  // Out of the response, if it asks for that, in place of what was kept before.
  void take(http::Exchange& exchange);
  // Into the response that has taken its place. Of an error's only the cookies.
  void give(http::Exchange& exchange) const;

 private:
  void take_status(http::Exchange& exchange);

  std::span<http::Field> fields_;
  int status_ = 0;  // 0: that of what is found
};

}  // namespace remuda::server
