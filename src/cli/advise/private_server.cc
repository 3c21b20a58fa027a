// SPDX-License-Identifier: Apache-2.0
//
// A configuration file, a fork, an exec, and a stop that is waited for.
#include "cli/advise/private_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "cli/advise/file_text.h"
#include "cli/advise/private_config.h"
#include "cli/advise/process_tree.h"
#include "cli/live_server.h"
#include "config/reference.h"
#include "spawner/kinship.h"

namespace remuda::cli::advise {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kMostStarting{15};
constexpr std::chrono::seconds kMostStopping{15};

std::string configuration_file(const std::string& directory) { return directory + "/remuda.toml"; }
std::string said_file(const std::string& directory) { return directory + "/said"; }

// The configuration may hold secrets in its environment: for this user alone.
bool write_for_owner(const std::string& path, std::string_view text) {
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// In the child. Its own process group, so that Ctrl-C comes here alone and the stop has an order.
[[noreturn]] void become_server(const std::string& file, const std::string& said, const sigset_t& signals,
                                pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGINT);
  if (::getppid() != parent) ::_exit(1);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int words = ::open(said.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (nothing < 0 || words < 0) ::_exit(1);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(words, STDOUT_FILENO);
  ::dup2(words, STDERR_FILENO);
  ::sigprocmask(SIG_SETMASK, &signals, nullptr);
  ::execl("/proc/self/exe", "remuda", "serve", "-c", file.c_str(), nullptr);
  ::_exit(127);
}

bool wait_for_end(const base::Fd& pidfd, std::chrono::milliseconds most) {
  pollfd end{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&end, 1, static_cast<int>(most.count())) != 0;
}

}  // namespace

PrivateServer::PrivateServer(pid_t pid, base::Fd pidfd, const config::Config& config, std::string directory)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      directory_(std::move(directory)),
      run_directory_(config::run_directory(config)),
      socket_(config.listeners.front().address.path) {}

std::expected<PrivateServer, std::string> PrivateServer::start(const config::Config& config,
                                                               const std::string& directory,
                                                               Interrupt& interrupt) {
  const std::string file = configuration_file(directory);
  const std::string said = said_file(directory);
  if (!write_for_owner(file, config::show_said(config)))
    return std::unexpected(fmt::format("cannot write {}: {}", file, std::strerror(errno)));
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(fmt::format("cannot start a server: {}", std::strerror(errno)));
  if (pid == 0) become_server(file, said, interrupt.before(), parent);
  // The run directory is named by the file, as the server itself will do it.
  config::Config named = config;
  named.identity = file;
  PrivateServer server(pid, spawner::open_pidfd(pid), named, directory);
  const Clock::time_point until = Clock::now() + kMostStarting;
  while (!server.status()) {
    if (interrupt.has_come()) return std::unexpected("interrupted");
    if (server.has_ended()) return std::unexpected("the server did not start: " + server.last_words());
    if (Clock::now() >= until)
      return std::unexpected(fmt::format("the server did not start within {} s", kMostStarting.count()));
    interrupt.pause(std::chrono::milliseconds(10));
  }
  return server;
}

// INT stops it at once; what does not let itself be stopped is killed, and all that it started.
PrivateServer::~PrivateServer() {
  if (!pidfd_) return;
  ::kill(pid_, SIGINT);
  if (!wait_for_end(pidfd_, kMostStopping)) {
    for (const Process& process : process_tree(pid_)) ::kill(process.pid, SIGKILL);
  }
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool PrivateServer::has_ended() const { return wait_for_end(pidfd_, std::chrono::milliseconds(0)); }

std::optional<apps::AppStatus> PrivateServer::status() const {
  const auto gathered = LiveServer(LiveServer::sockets_in(run_directory_)).gather();
  if (!gathered || gathered->snapshot.apps.empty()) return std::nullopt;
  return gathered->snapshot.apps.front();
}

std::string PrivateServer::log() const { return file_text(error_log(directory_)); }

std::string PrivateServer::last_words() const {
  std::string words = file_text(said_file(directory_));
  while (words.ends_with('\n')) words.pop_back();
  return words.substr(words.rfind('\n') + 1);
}

}  // namespace remuda::cli::advise
