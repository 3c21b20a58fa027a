// SPDX-License-Identifier: Apache-2.0
//
// Roster: the peers of a farm as they are configured, and the addresses that each stands for: a name stands
// for all that it was last resolved to. Pure; the farm keeps it under its mutex beside the balancer, which
// knows addresses only and is told what came and went.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/remote/orders.h"
#include "base/peer.h"
#include "loop/time.h"

namespace remuda::apps::remote {

class Roster {
 public:
  // What the balancer has to do.
  struct Change {
    std::vector<base::Peer> added;
    std::vector<std::string> removed;  // addresses
    std::vector<std::string> drained;
  };

  struct Site {
    base::Peer peer;
    std::string text;  // its address as it is written
    std::vector<base::Peer> addresses;
    bool draining = false;
    bool was_looked_up = false;  // or is no name
    std::string trouble;         // of the last look-up
    loop::Time since{};          // when it was added; Time{}: it was there from the beginning
  };

  // Null: it is there already.
  const Site* add(const base::Peer& peer, Change& change, loop::Time since = {});
  // False: nobody of that name.
  bool remove(std::string_view text, Change& change);
  // The addresses that a peer as it is written, or one address of a name, stands for; empty: nobody.
  std::vector<std::string> addresses_of(std::string_view text) const;
  // Of a name: also what it will be resolved to later. Of one address of a name: also when it comes again
  // after it has been away. False: nobody has been known so.
  bool set_draining(std::string_view text, bool draining);

  // Whether anybody has been known so or not.
  void drain_also_later(const std::string& text);
  // What has become of it, but for what names are resolved to.
  Orders orders() const;

  // Kind and host of `found` count; port, weight and concurrency are the name's.
  void resolved(std::string_view text, std::span<const base::Peer> found, Change& change);
  void not_resolved(std::string_view text, std::string trouble);
  // Since when addresses are new that a name is resolved to `now`: those that the farm began with are not.
  loop::Time new_since(std::string_view text, loop::Time now) const;

  const std::vector<Site>& sites() const { return sites_; }
  // A name that was never looked up: its peers may come at any moment.
  bool is_incomplete() const;

 private:
  Site* find(std::string_view text);
  const Site* find(std::string_view text) const;
  bool is_held(std::string_view address) const;

  std::vector<Site> sites_;
  std::set<std::string, std::less<>> drained_;  // addresses, by themselves; of names they come and go
};

}  // namespace remuda::apps::remote
