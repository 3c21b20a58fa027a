// SPDX-License-Identifier: Apache-2.0
//
// RunDirectory: where one running server has its sockets (of instances, of the status API), and its workers
// what orders have changed of farms. Made by the supervisor before it forks, removed when it ends.
//
//     /run/remuda/                       0711, ours
//     /run/remuda/1f3a5c7e9b0d.lock      locked while the server runs
//     /run/remuda/1f3a5c7e9b0d/          0700, of the workers' user: new and empty at every start
//
// What servers that were killed have left is removed by the next one that starts. While another server of the
// same configuration runs, this one has "<directory>.<pid>". No part of it that we make is reached through a
// symbolic link, or belongs to anybody else.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "base/fd.h"
#include "config/config.h"

namespace remuda::server {

class RunDirectory {
 public:
  // `wanted` is absolute; its last part is the server's own. The error is a sentence for a person.
  static std::expected<RunDirectory, std::string> make(const std::string& wanted,
                                                       const std::optional<config::Identity>& owner);
  RunDirectory(RunDirectory&&) = default;
  RunDirectory& operator=(RunDirectory&&) = default;

  const std::string& path() const { return path_; }
  // Another server has the one that was wanted.
  bool is_second() const { return second_; }

  // With everything in it.
  void remove();

 private:
  RunDirectory() = default;

  base::Fd base_;
  std::string name_;
  std::string path_;
  base::Fd lock_;
  bool second_ = false;
};

}  // namespace remuda::server
