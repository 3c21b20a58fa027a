// SPDX-License-Identifier: Apache-2.0
//
// `remuda kill APP`: ends one instance or one request, in whichever worker has it.
#include <fmt/format.h>

#include <optional>

#include "admin/json.h"
#include "admin/query.h"
#include "cli/live_commands.h"

namespace remuda::cli {

int kill_command(const Reach& reach, const KillWish& wish, const Terminal& terminal) {
  const auto server = LiveServer::find(reach);
  if (!server) return report("kill", {ENOENT, server.error()}, terminal);
  const std::string target = fmt::format("/apps/{}/end?{}={}", admin::percent_encoded(wish.app), wish.kind,
                                         admin::percent_encoded(wish.number));
  std::optional<StatusFailure> silent;
  std::string refusal;
  for (const std::string& socket : server->sockets()) {
    const auto answer = ask_status(socket, "POST", target);
    if (!answer) {
      silent = answer.error();
      continue;
    }
    const std::string sentence = admin::parse_sentence(answer->content);
    if (answer->status == 200) {
      terminal.print(sentence + "\n");
      return kSuccess;
    }
    refusal = sentence.empty() ? fmt::format("the server answered {}", answer->status) : sentence;
  }
  if (refusal.empty())
    return report("kill", silent.value_or(StatusFailure{ENOENT, "there is no server"}), terminal);
  if (silent) refusal += "; a worker that may have it did not answer: " + silent->what;
  terminal.complain("remuda kill: " + refusal);
  return kFailure;
}

}  // namespace remuda::cli
