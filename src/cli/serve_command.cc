// SPDX-License-Identifier: Apache-2.0
//
// `remuda serve`: the configuration, said and checked, then the server.
//
// Under inetd the descriptors 0, 1 and 2 are the client: nothing that is meant for people may go there.
#include <sys/stat.h>
#include <syslog.h>

#include "cli/commands.h"
#include "config/reference.h"

namespace remuda::cli {
namespace {

class SyslogTerminal final : public Terminal {
 public:
  explicit SyslogTerminal(const Terminal& terminal) : Terminal(terminal) {}
  void complain(std::string_view line) const override {
    ::openlog("remuda", LOG_PID, LOG_DAEMON);
    ::syslog(LOG_ERR, "%.*s", static_cast<int>(line.size()), line.data());
  }
};

// inetd makes standard error the connection too; systemd with Accept=yes does not.
bool standard_error_is_the_client() {
  struct stat connection{};
  struct stat errors{};
  if (::fstat(0, &connection) != 0 || ::fstat(2, &errors) != 0) return true;
  return connection.st_dev == errors.st_dev && connection.st_ino == errors.st_ino;
}

// What was not said about logs must not be their default, which is the terminal.
void keep_logs_off_the_client(config::Config& config) {
  using Kind = config::LogTarget::Kind;
  const auto is_client = [](Kind kind) {
    return kind == Kind::kStandardOutput || (kind == Kind::kStandardError && standard_error_is_the_client());
  };
  if (is_client(config.log.access.kind)) config.log.access = {Kind::kOff, {}};
  if (is_client(config.log.error.kind)) config.log.error = {Kind::kSyslog, {}};
}

int start(const Source& source, Entry entry, const Serve& serve, const Terminal& terminal) {
  auto config = load(source);
  if (!config) {
    terminal.report(config.error());
    return kFailure;
  }
  // Under inetd this is one connection of many, and the warnings would be said for each.
  if (entry == Entry::kInetd) {
    keep_logs_off_the_client(*config);
  } else {
    terminal.report(config->warnings);
  }
  return serve(*config, entry);
}

}  // namespace

int print_config_command(const Source& source, const Terminal& terminal) {
  const auto config = load(source);
  if (!config) {
    terminal.report(config.error());
    return kFailure;
  }
  terminal.print(config::show_said(*config));
  return kSuccess;
}

int serve_command(const Source& source, Entry entry, const Serve& serve, const Terminal& terminal) {
  const bool quiet = entry == Entry::kInetd && standard_error_is_the_client();
  return quiet ? start(source, entry, serve, SyslogTerminal(terminal))
               : start(source, entry, serve, terminal);
}

}  // namespace remuda::cli
