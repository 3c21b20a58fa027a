// SPDX-License-Identifier: Apache-2.0
//
// A worker may be killed in the middle of writing: the new file is complete before it gets the name.
#include "apps/remote/orders.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "base/fd.h"

namespace remuda::apps::remote {

namespace {

constexpr std::string_view kPeer = "peer ";
constexpr std::string_view kDrain = "drain ";
constexpr const char* kStep = "keep orders";

}  // namespace

std::string to_text(const Orders& orders) {
  std::string text;
  for (const base::Peer& each : orders.peers) text += fmt::format("{}{}\n", kPeer, base::to_string(each));
  for (const std::string& each : orders.draining) text += fmt::format("{}{}\n", kDrain, each);
  return text;
}

Orders parse_orders(std::string_view text) {
  Orders orders;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.starts_with(kDrain)) orders.draining.emplace_back(line.substr(kDrain.size()));
    if (!line.starts_with(kPeer)) continue;
    if (auto peer = base::parse_peer(line.substr(kPeer.size()))) orders.peers.push_back(*std::move(peer));
  }
  return orders;
}

std::optional<Orders> OrdersFile::read() const {
  if (path_.empty()) return std::nullopt;
  const base::Fd file(::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 4096> room;
  while (true) {
    const ssize_t got = ::read(file.get(), room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(room.data(), static_cast<size_t>(got));
  }
  return parse_orders(text);
}

base::Result<void> OrdersFile::write(const Orders& orders) const {
  if (path_.empty()) return {};
  const std::string unfinished = path_ + ".new";
  const base::Fd file(
      ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return base::failure_from_errno(kStep);
  const std::string text = to_text(orders);
  for (std::string_view left = text; !left.empty();) {
    const ssize_t written = ::write(file.get(), left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::failure_from_errno(kStep);
    left.remove_prefix(static_cast<size_t>(written));
  }
  if (::rename(unfinished.c_str(), path_.c_str()) < 0) return base::failure_from_errno(kStep);
  return {};
}

}  // namespace remuda::apps::remote
