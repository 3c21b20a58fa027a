// SPDX-License-Identifier: Apache-2.0
//
// NamedFiles: files that an application has sent by naming them (X-Sendfile), below the roots that it was
// given itself and nowhere else: at one destination an authorizer and a filter have theirs beside it. Served
// as files are served otherwise: ranges, conditions, HEAD.
//
// One for each destination and loop; outlives its exchanges.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/handler.h"

namespace remuda::server {

class NamedFiles {
 public:
  struct Root {
    std::string app;                       // whose it is
    std::string path;                      // absolute
    std::unique_ptr<http::Handler> files;  // serves what is below it, by paths that begin with "/"
  };
  explicit NamedFiles(std::vector<Root> roots);

  // `name`: absolute, in the exchange's memory; Response::file_of has named it. False: it is below none of
  // its roots, nothing was done. What is below one and not there is 404.
  loop::Task<bool> send(http::Exchange& exchange, std::string_view name) const;

 private:
  struct Found {
    http::Handler* files;
    std::string_view below;  // begins with "/"
  };
  std::optional<Found> find(std::string_view app, std::string_view name) const;

  std::vector<Root> roots_;
};

}  // namespace remuda::server
