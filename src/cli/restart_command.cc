// SPDX-License-Identifier: Apache-2.0
//
// `remuda restart APP`: sends the order, says how it goes on, and how it ended.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "admin/json.h"
#include "admin/query.h"
#include "base/log.h"
#include "cli/live_commands.h"
#include "cli/units.h"

namespace remuda::cli {
namespace {

using Clock = StatusRequest::Clock;

// Longer than any restart whose instances start at all; it goes on without its watcher.
constexpr std::chrono::minutes kPatience{30};
constexpr std::chrono::milliseconds kProgressPeriod{500};

// Of one worker: how many instances were made by the restart and answer, and how many are left from before.
class Progress {
 public:
  Progress(const std::string& socket, std::string app) : server_({socket}), app_(std::move(app)) {
    if (const auto status = look()) {
      for (const auto& its : status->instances) before_ = std::max(before_, its.generation);
    }
  }

  // A line when something has changed, else empty.
  std::string line() {
    const auto status = look();
    if (!status) return news(fmt::format("{}: the worker does not answer; its order waits for it\n", app_));
    for (const auto& its : status->templates) {
      if (its.state == apps::TemplateStatus::State::kLoading)
        return news(fmt::format("{}: template generation {} is loading\n", app_, its.generation));
    }
    if (status->model == "fork") return {};
    size_t ready = 0;
    size_t left = 0;
    for (const auto& its : status->instances) {
      if (its.generation <= before_) ++left;
      if (its.generation > before_ && its.state == apps::InstanceStatus::State::kReady) ++ready;
    }
    return news(
        fmt::format("{}: {} of the new ready, {} of the old left\n", app_, counted(ready, "instance"), left));
  }

 private:
  std::string news(const std::string& line) {
    return line == std::exchange(said_, line) ? std::string() : line;
  }

  std::optional<apps::AppStatus> look() const {
    auto gathered = server_.gather(app_);
    if (!gathered || gathered->snapshot.apps.empty()) return std::nullopt;
    return std::move(gathered->snapshot.apps.front());
  }

  LiveServer server_;
  std::string app_;
  uint32_t before_ = 0;
  std::string said_;
};

StatusResult wait_with_progress(StatusRequest& request, Progress& progress, const Terminal& terminal) {
  const auto until = Clock::now() + kPatience;
  while (Clock::now() < until) {
    if (auto answer = request.wait(Clock::now() + kProgressPeriod)) return std::move(*answer);
    terminal.print(progress.line());
  }
  return std::unexpected(
      StatusFailure{ETIMEDOUT, "the restart takes very long and goes on; see remuda status"});
}

int print_report(const std::string& app, const StatusAnswer& answer, const Terminal& terminal) {
  const auto report = admin::parse_restart_report(answer.content);
  if (!report) {
    const std::string sentence = admin::parse_sentence(answer.content);
    terminal.complain("remuda restart: " +
                      (sentence.empty() ? fmt::format("the server answered {}", answer.status) : sentence));
    return kFailure;
  }
  std::string lines;
  for (const std::string& line : report->lines) lines += fmt::format("  {}\n", base::escaped(line));
  if (report->succeeded) {
    const std::string replaced = report->replaced == 0 ? "" : fmt::format(", {} replaced", report->replaced);
    terminal.print(fmt::format("{}{}: restarted{}\n", lines, app, replaced));
    return kSuccess;
  }
  terminal.print(lines);
  terminal.complain(fmt::format("remuda restart: {} was not restarted", app));
  return kFailure;
}

enum class Turn : uint8_t { kFirst, kFurther };

int restart_in(const std::string& socket, const std::string& app, Turn turn, const Terminal& terminal) {
  Progress progress(socket, app);
  const std::string target =
      fmt::format("/apps/{}/restart{}", admin::percent_encoded(app), turn == Turn::kFirst ? "" : "?too=1");
  auto request = StatusRequest::send(socket, "POST", target, Clock::now() + std::chrono::seconds(5));
  if (!request) return report("restart", request.error(), terminal);
  const auto answer = wait_with_progress(*request, progress, terminal);
  if (!answer) {
    terminal.complain("remuda restart: " + answer.error().what);
    return kFailure;
  }
  return print_report(app, *answer, terminal);
}

}  // namespace

int restart_command(const Reach& reach, const std::string& app, const Terminal& terminal) {
  const auto server = LiveServer::find(reach);
  if (!server) return report("restart", {ENOENT, server.error()}, terminal);
  const size_t count = server->sockets().size();
  for (size_t i = 0; i < count; ++i) {
    if (count > 1) terminal.print(fmt::format("worker {} of {}\n", i + 1, count));
    const int code = restart_in(server->sockets()[i], app, i == 0 ? Turn::kFirst : Turn::kFurther, terminal);
    if (code == kSuccess) continue;
    if (i + 1 < count) terminal.complain("remuda restart: the workers after this one were not told");
    return code;
  }
  return kSuccess;
}

}  // namespace remuda::cli
