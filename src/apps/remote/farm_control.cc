// SPDX-License-Identifier: Apache-2.0
//
// Addresses are compared as base::address_text writes them, so that "[0::1]:9" finds "[::1]:9".
#include "apps/remote/farm_control.h"

namespace remuda::apps::remote {

namespace {

constexpr std::chrono::seconds kAnswerTime{1};

std::expected<base::Peer, base::Error> parse(std::string_view text) {
  auto peer = base::parse_peer(text);
  if (!peer) {
    return base::failure(
        EINVAL,
        "it must be ADDRESS:PORT, [IPV6]:PORT, NAME:PORT or unix:PATH, then weight=N concurrency=N if "
        "wanted");
  }
  const bool relative =
      peer->kind == base::Peer::Kind::kUnix && !peer->path.starts_with('/') && !peer->path.starts_with('@');
  if (relative) return base::failure(EINVAL, "the path of its socket is not absolute");
  return *std::move(peer);
}

}  // namespace

loop::Task<AppStatus> FarmControl::status() {
  AppStatus status = farm_.status(home_.now());
  status.live = co_await farm_.board().live(home_, home_.now() + kAnswerTime);
  co_return status;
}

loop::Task<RestartReport> FarmControl::restart() {
  RestartReport report;
  report.lines.emplace_back(
      "model remote: the processes are run by others; drain a peer (remuda peer), restart it there, restore "
      "it");
  co_return report;
}

base::Result<void> FarmControl::end_instance(pid_t) {
  return base::failure(ENOTSUP, "end an instance: model remote has none of its own; end the request");
}

loop::Task<base::Result<void>> FarmControl::end_request(uint64_t request) {
  return farm_.board().end(home_, request, home_.now() + kAnswerTime);
}

base::Result<void> FarmControl::add_peer(std::string_view text) {
  const auto peer = parse(text);
  if (!peer) return std::unexpected(peer.error());
  return kept(farm_.add(*peer, home_));
}

base::Result<void> FarmControl::drain_peer(std::string_view address) {
  const auto peer = parse(address);
  if (!peer) return std::unexpected(peer.error());
  return kept(farm_.drain(base::address_text(*peer)));
}

base::Result<void> FarmControl::restore_peer(std::string_view address) {
  const auto peer = parse(address);
  if (!peer) return std::unexpected(peer.error());
  return kept(farm_.restore(base::address_text(*peer), home_));
}

base::Result<void> FarmControl::remove_peer(std::string_view address) {
  const auto peer = parse(address);
  if (!peer) return std::unexpected(peer.error());
  return kept(farm_.remove(base::address_text(*peer)));
}

base::Result<void> FarmControl::kept(const base::Result<void>& done) {
  return done ? farm_.save_orders() : done;
}

}  // namespace remuda::apps::remote
