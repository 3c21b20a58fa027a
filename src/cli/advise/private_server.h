// SPDX-License-Identifier: Apache-2.0
//
// PrivateServer: this same program as a server of its own, in a directory of its own, for the time of one
// trial. Nobody but who holds it knows where it listens. It is stopped when it goes, and ends by itself when
// this process dies.
#pragma once

#include <sys/types.h>

#include <expected>
#include <optional>
#include <string>

#include "apps/status.h"
#include "base/fd.h"
#include "cli/advise/interrupt.h"
#include "config/config.h"

namespace remuda::cli::advise {

class PrivateServer {
 public:
  // Starts it and waits until its worker answers, for at most kMostStarting. The error is a sentence.
  // `directory` is there; `config` is a private_config() of it.
  static std::expected<PrivateServer, std::string> start(const config::Config& config,
                                                         const std::string& directory, Interrupt& interrupt);
  PrivateServer(PrivateServer&&) = default;
  PrivateServer& operator=(PrivateServer&&) = delete;
  ~PrivateServer();

  pid_t pid() const { return pid_; }
  const std::string& socket() const { return socket_; }
  // Of the application; nothing if no answer comes in time.
  std::optional<apps::AppStatus> status() const;
  std::string log() const;  // the error log as it is now

 private:
  PrivateServer(pid_t pid, base::Fd pidfd, const config::Config& config, std::string directory);
  bool has_ended() const;
  std::string last_words() const;

  pid_t pid_;
  base::Fd pidfd_;
  std::string directory_;
  std::string run_directory_;
  std::string socket_;
};

}  // namespace remuda::cli::advise
