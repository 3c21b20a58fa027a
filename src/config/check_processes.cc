// SPDX-License-Identifier: Apache-2.0
//
// Whether an application can be held to what is asked: limits of its processes that this server may set,
// rights that are rights, limits that worker processes can share out.
#include <fmt/format.h>

#include <algorithm>

#include "config/check.h"
#include "config/value.h"

namespace remuda::config {
namespace {

// Fewer, and a program cannot open its own libraries beside what it was given.
constexpr uint32_t kFewestOpenFiles = 10;

}  // namespace

void Checker::check_processes(const App& app, const std::string& name) {
  const ProcessLimits& limits = app.process_limits;
  const std::string prefix = name + ".process_limits.";
  check_process_limit(app, prefix + "open_files", Resource::kOpenFiles, limits.open_files);
  check_process_limit(app, prefix + "processes", Resource::kProcesses, limits.processes);
  check_process_limit(app, prefix + "address_space", Resource::kAddressSpace, limits.address_space.count);
  check_process_limit(app, prefix + "file_size", Resource::kFileSize, limits.file_size.count);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(limits.cpu_time);
  check_process_limit(app, prefix + "cpu_time", Resource::kCpuSeconds,
                      static_cast<uint64_t>(seconds.count()));
  if (limits.cpu_time != seconds) {
    error(prefix + "cpu_time", app.origin, prefix + "cpu_time: is not of whole seconds",
          "the kernel counts it in seconds; \"1s\" is the least");
  }
  if (limits.open_files != 0 && limits.open_files < kFewestOpenFiles) {
    error(prefix + "open_files", app.origin,
          fmt::format("{}open_files: {} are too few for a program to start", prefix, limits.open_files),
          fmt::format("{} or more", kFewestOpenFiles));
  }
  check_shares(app, name);
  if (!octal_rights(app.umask)) {
    error(name + ".umask", app.origin,
          fmt::format("{}.umask: {} is not three octal digits", name, toml_quoted(app.umask)),
          "such as \"022\" or \"077\"");
  }
}

// Worker processes share out what may be done at once, and each of them gets one at least.
void Checker::check_shares(const App& app, const std::string& name) {
  const uint32_t workers = config_.workers.start == Start::kAhead ? config_.workers.processes : 1;
  const auto check = [&](const std::string& option, const std::string& shown, uint32_t value) {
    if (value == 0 || value >= workers) return;
    warn(option, app.origin,
         fmt::format("{}: {} cannot be shared by {} worker processes: each has one at least", shown, value,
                     workers),
         fmt::format("{} or more, or fewer workers.processes", workers));
  };
  const std::string concurrency = name + ".concurrency";
  if (said(concurrency)) check(concurrency, concurrency, app.concurrency);
  for (const Peer& peer : app.peers)
    check(name + ".peers", fmt::format("{}.peers: concurrency of {}", name, base::address_text(peer)),
          peer.concurrency);
}

void Checker::check_process_limit(const App& app, const std::string& option, Resource resource,
                                  uint64_t value) {
  const auto most = machine_.highest_limit(resource);
  if (!most || value <= *most) return;
  error(option, app.origin, fmt::format("{}: is above {}, which the server itself is held to", option, *most),
        "start the server with a higher limit (ulimit -H, LimitNOFILE= and the like of systemd.exec(5)), or "
        "ask for less");
}

}  // namespace remuda::config
