// SPDX-License-Identifier: Apache-2.0
//
// RedirectHandler: answers every request with a redirect to one place (RFC 9110 section 15.4).
//
// The path is kept as the client wrote it after the route's prefix; it cannot begin an authority ("//host"),
// because leading slashes are made one.
#pragma once

#include <string>

#include "http/handler.h"

namespace remuda::content {

enum class KeepPath : uint8_t { kNo, kYes };   // append what follows the prefix in the request's path
enum class KeepQuery : uint8_t { kNo, kYes };  // append the query, unless the location has one

struct RedirectOptions {
  int status = 302;      // 301, 302, 303, 307, 308
  std::string location;  // a URI or a path
  std::string prefix = "/";
  KeepPath keep_path = KeepPath::kNo;
  KeepQuery keep_query = KeepQuery::kNo;
};

class RedirectHandler final : public http::Handler {
 public:
  explicit RedirectHandler(RedirectOptions options);
  loop::Task<void> handle(http::Exchange& exchange) override;

 private:
  RedirectOptions options_;
};

}  // namespace remuda::content
