// SPDX-License-Identifier: Apache-2.0
//
// FilesFirst: a route with files and an application: what is a file is served as one, everything else is the
// application's: scripts, names that nothing has, directories without an index, methods but GET and HEAD.
//
// The source of a script is never sent: a path with a script's suffix on any of its components never reaches
// the files. One for each route and loop.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "content/file_handler.h"
#include "http/handler.h"

namespace remuda::server {

// What the application runs by itself.
struct ScriptNames {
  std::vector<std::string> suffixes;  // ".php"; empty: all files, or none
  bool looked_up = false;             // the application has a root: without suffixes every file is a script
};

class FilesFirst final : public http::Handler {
 public:
  // The files' index names no script: plain_index() sees to that.
  FilesFirst(std::unique_ptr<content::FileHandler> files, std::unique_ptr<http::Handler> application,
             ScriptNames scripts);

  loop::Task<void> handle(http::Exchange& exchange) override;

  // Of the names of index files those that are no scripts.
  static std::vector<std::string> plain_index(const std::vector<std::string>& index,
                                              const ScriptNames& scripts);

 private:
  bool may_be_file(http::Exchange& exchange) const;

  std::unique_ptr<content::FileHandler> files_;
  std::unique_ptr<http::Handler> application_;
  const ScriptNames scripts_;
};

}  // namespace remuda::server
