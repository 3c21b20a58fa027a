// SPDX-License-Identifier: Apache-2.0
//
// Two names may stand for one address, and a name for one that is configured by itself: an address goes when
// nobody holds it any more.
#include "apps/remote/roster.h"

#include <algorithm>
#include <utility>

namespace remuda::apps::remote {

const Roster::Site* Roster::add(const base::Peer& peer, Change& change, loop::Time since) {
  std::string text = base::address_text(peer);
  if (find(text) != nullptr) return nullptr;
  Site& site = sites_.emplace_back();
  site.peer = peer;
  site.text = std::move(text);
  site.since = since;
  if (peer.kind != base::Peer::Kind::kName) {
    if (!is_held(site.text)) {
      change.added.push_back(peer);
      drained_.erase(site.text);
    }
    site.addresses.push_back(peer);
    site.was_looked_up = true;
  }
  return &site;
}

bool Roster::remove(std::string_view text, Change& change) {
  const Site* const site = find(text);
  if (site == nullptr) return false;
  const std::vector<base::Peer> addresses = site->addresses;
  std::erase_if(sites_, [&](const Site& each) { return &each == site; });
  for (const base::Peer& each : addresses) {
    std::string address = base::address_text(each);
    if (is_held(address)) continue;
    drained_.erase(address);
    change.removed.push_back(std::move(address));
  }
  return true;
}

std::vector<std::string> Roster::addresses_of(std::string_view text) const {
  std::vector<std::string> addresses;
  if (const Site* const site = find(text); site != nullptr) {
    for (const base::Peer& each : site->addresses) addresses.push_back(base::address_text(each));
  } else if (is_held(text)) {
    addresses.emplace_back(text);
  }
  return addresses;
}

bool Roster::set_draining(std::string_view text, bool draining) {
  Site* const site = find(text);
  const std::vector<std::string> addresses = addresses_of(text);
  const bool is_known = site != nullptr || !addresses.empty() || drained_.contains(text);
  if (site != nullptr) site->draining = draining;
  if (!draining) {
    drained_.erase(std::string(text));
    for (const std::string& each : addresses) drained_.erase(each);
  } else if (site == nullptr && is_known) {
    drained_.emplace(text);
  }
  return is_known;
}

void Roster::drain_also_later(const std::string& text) {
  if (!set_draining(text, true)) drained_.insert(text);
}

Orders Roster::orders() const {
  Orders orders{.peers = {}, .draining = {drained_.begin(), drained_.end()}};
  for (const Site& each : sites_) {
    orders.peers.push_back(each.peer);
    if (each.draining) orders.draining.push_back(each.text);
  }
  return orders;
}

void Roster::resolved(std::string_view text, std::span<const base::Peer> found, Change& change) {
  Site* const site = find(text);
  if (site == nullptr) return;
  site->was_looked_up = true;
  site->trouble.clear();
  const std::vector<base::Peer> before = std::exchange(site->addresses, {});
  for (const base::Peer& each : found) {
    base::Peer peer = site->peer;
    peer.kind = each.kind;
    peer.host = each.host;
    if (std::ranges::find(site->addresses, peer) != site->addresses.end()) continue;
    const std::string address = base::address_text(peer);
    const bool was_there = std::ranges::find(before, peer) != before.end() || is_held(address);
    site->addresses.push_back(peer);
    if (was_there) continue;
    change.added.push_back(peer);
    if (site->draining || drained_.contains(address)) change.drained.push_back(address);
  }
  for (const base::Peer& each : before) {
    if (std::string address = base::address_text(each); !is_held(address))
      change.removed.push_back(std::move(address));
  }
}

void Roster::not_resolved(std::string_view text, std::string trouble) {
  Site* const site = find(text);
  if (site == nullptr) return;
  site->was_looked_up = true;
  site->trouble = std::move(trouble);
}

loop::Time Roster::new_since(std::string_view text, loop::Time now) const {
  const Site* const site = find(text);
  return site == nullptr || site->was_looked_up ? now : site->since;
}

bool Roster::is_incomplete() const {
  return std::ranges::any_of(sites_, [](const Site& each) { return !each.was_looked_up; });
}

Roster::Site* Roster::find(std::string_view text) {
  const auto found = std::ranges::find(sites_, text, &Site::text);
  return found == sites_.end() ? nullptr : &*found;
}

const Roster::Site* Roster::find(std::string_view text) const {
  const auto found = std::ranges::find(sites_, text, &Site::text);
  return found == sites_.end() ? nullptr : &*found;
}

bool Roster::is_held(std::string_view address) const {
  return std::ranges::any_of(sites_, [&](const Site& site) {
    return std::ranges::any_of(site.addresses,
                               [&](const base::Peer& peer) { return base::address_text(peer) == address; });
  });
}

}  // namespace remuda::apps::remote
