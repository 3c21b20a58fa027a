// SPDX-License-Identifier: Apache-2.0
//
// `remuda top`: a picture each second, of what changed in it.
#include <fmt/format.h>
#include <unistd.h>

#include <thread>

#include "base/log.h"
#include "cli/live_commands.h"
#include "cli/live_screen.h"
#include "cli/top_screen.h"

namespace remuda::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPeriod{1};

struct Sample {
  Clock::time_point when;
  admin::Snapshot snapshot;
};

std::expected<Sample, StatusFailure> sample(const LiveServer& server) {
  auto gathered = server.gather();
  if (!gathered) return std::unexpected(gathered.error());
  return Sample{Clock::now(), std::move(gathered->snapshot)};
}

std::string picture(const Sample& before, const Sample& now, ScreenSize size) {
  return top_screen(before.snapshot, now.snapshot, now.when - before.when, size);
}

int show_once(const LiveServer& server, const Sample& first, const Terminal& terminal) {
  std::this_thread::sleep_until(first.when + kPeriod);
  const auto second = sample(server);
  if (!second) return report("top", second.error(), terminal);
  terminal.print(picture(first, *second, {}));
  return kSuccess;
}

// A server that does not answer is waited for: it may be starting again. Its sockets are looked for each
// time, because its workers may be others then.
int show_until_end(const Reach& reach, Sample before, const Terminal& terminal) {
  LiveScreen screen(STDIN_FILENO, terminal.descriptor());
  std::string shown = "one second ...\n";
  for (auto next = before.when + kPeriod;;) {
    screen.show(shown);
    const LiveScreen::Event event = screen.wait(next);
    if (event == LiveScreen::Event::kEnd) return kSuccess;
    if (event == LiveScreen::Event::kResized) continue;
    next = Clock::now() + kPeriod;
    const auto server = LiveServer::find(reach);
    auto now = server ? sample(*server) : std::unexpected(StatusFailure{ENOENT, server.error()});
    if (now) {
      shown = picture(before, *now, screen.size());
      before = std::move(*now);
    } else {
      shown = fmt::format("{}\nq ends this\n", base::escaped(now.error().what));
    }
  }
}

}  // namespace

int top_command(const Reach& reach, const Terminal& terminal) {
  const auto server = LiveServer::find(reach);
  if (!server) return report("top", {ENOENT, server.error()}, terminal);
  auto first = sample(*server);
  if (!first) return report("top", first.error(), terminal);
  if (::isatty(terminal.descriptor()) == 0 || ::isatty(STDIN_FILENO) == 0)
    return show_once(*server, *first, terminal);
  return show_until_end(reach, std::move(*first), terminal);
}

}  // namespace remuda::cli
