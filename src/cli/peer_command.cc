// SPDX-License-Identifier: Apache-2.0
//
// `remuda peer APP CHANGE ADDRESS`: every worker has its own view of a farm, so every one is told.
#include <fmt/format.h>

#include "admin/json.h"
#include "admin/query.h"
#include "cli/live_commands.h"

namespace remuda::cli {

int peer_command(const Reach& reach, const PeerWish& wish, const Terminal& terminal) {
  const auto server = LiveServer::find(reach);
  if (!server) return report("peer", {ENOENT, server.error()}, terminal);
  const std::string target = fmt::format("/apps/{}/peers?{}={}", admin::percent_encoded(wish.app),
                                         wish.change, admin::percent_encoded(wish.peer));
  int code = kSuccess;
  std::string done;
  for (const std::string& socket : server->sockets()) {
    const auto answer = ask_status(socket, "POST", target);
    if (!answer) {
      code = report("peer", answer.error(), terminal);
      continue;
    }
    const std::string sentence = admin::parse_sentence(answer->content);
    if (answer->status == 200) {
      done = sentence;
    } else {
      terminal.complain("remuda peer: " + (sentence.empty()
                                               ? fmt::format("the server answered {}", answer->status)
                                               : sentence));
      code = kFailure;
    }
  }
  if (!done.empty()) terminal.print(done + "\n");
  return code;
}

}  // namespace remuda::cli
