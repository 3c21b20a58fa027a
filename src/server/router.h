// SPDX-License-Identifier: Apache-2.0
//
// Which route answers a request: the configured rules in their order, first match wins. `remuda explain` asks
// the same code for the verdict on each rule.
//
// Made once from a Config, never changed, shared by all loops of a worker. Sans-I/O; match() does not
// allocate. The path is the decoded one without dot segments (http::decode_path); the host may come as it was
// sent.
//
// A route that differs only by its method is passed over; if no later route matches, the answer is 405 with
// the methods of those that were passed over (RFC 9110 section 15.5.6), else 404.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/pattern.h"

namespace remuda::server {

// kInternalOnly: it matched, and answers nobody from outside: 404, whatever route comes after it.
enum class RouteVerdict : uint8_t {
  kMatched,
  kOtherHost,
  kOtherPath,
  kOtherMethod,
  kInternalOnly,
  kNotTried
};

// Who asks: a client, or an application that pointed here (an internal redirect).
enum class Asked : uint8_t { kFromOutside, kFromInside };

struct RouteMatch {
  enum class Kind : uint8_t { kRoute, kNotFound, kMethodNotAllowed };
  Kind kind = Kind::kNotFound;
  size_t route = 0;  // into Config::routes, for kRoute
  size_t mount =
      0;  // length of the path's head that the route stands for; the rest begins with "/" or is empty
};

class Router {
 public:
  explicit Router(const std::vector<config::Route>& routes);

  RouteMatch match(std::string_view host, std::string_view path, std::string_view method,
                   Asked asked = Asked::kFromOutside) const;

  // The value of Allow for kMethodNotAllowed: "GET, HEAD, POST". Allocates.
  std::string allowed_methods(std::string_view host, std::string_view path) const;

  // The verdict on every route for a client, in their order; those behind the winner are kNotTried.
  // Allocates.
  std::vector<RouteVerdict> trace(std::string_view host, std::string_view path,
                                  std::string_view method) const;

 private:
  struct Rule {
    config::PathPattern path;
    std::vector<std::string> hosts;    // empty: any
    std::vector<std::string> methods;  // empty: any; HEAD stands beside GET
    bool internal;
  };
  struct Trial {
    RouteVerdict verdict;
    size_t mount;
  };
  // `name`: the host without port and trailing dot.
  static Trial attempt(const Rule& rule, std::string_view name, std::string_view path,
                       std::string_view method, Asked asked);

  std::vector<Rule> rules_;
};

}  // namespace remuda::server
