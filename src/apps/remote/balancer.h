// SPDX-License-Identifier: Apache-2.0
//
// Balancer: which peer of a farm gets the next request, and which of them are up. Pure: no loop, no lock, no
// clock; the farm calls it under its mutex with the time.
//
//     up --`fails` failures in a row--> down --back-off over: one request as a trial, or a good check--> slow
//     start
//      ^                                  ^------------------the trial fails: back-off doubles-----------' |
//      |
//      '-------------------------------slow_start has passed-----------------------------------------------'
//      |
//     draining: gets nothing new, whatever its health; removed: likewise, and forgotten with its last request
//
// A request that breaks off or takes too long may itself be the reason: that takes a peer down only while
// another is up, and when nobody is up who went down for nothing else comes back. One bad URL does not stop a
// farm.
//
// Invariant: the busy counts of all peers together are the requests that were started and have not ended.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/source.h"
#include "apps/status.h"
#include "base/peer.h"
#include "loop/time.h"

namespace remuda::apps::remote {

enum class Policy : uint8_t {
  kLeastConnections,  // the fewest requests for its weight; equal ones take turns
  kRoundRobin,        // in turn, smoothly by weight
  kHash,              // by the key (rendezvous hashing), so that a peer more or less moves few keys
};

// How a peer that is down comes back.
enum class ComesBack : uint8_t {
  kByTrial,  // one request of a client tries it, once its back-off is over; or a good check
  kByCheck,  // by a good check alone: no client waits for a peer that hangs
};

// What a check has seen.
enum class Evidence : uint8_t {
  kAccepts,  // a connection: its kernel does that for a process that hangs
  kAnswers,
  kSilent,  // nothing in time: it hangs, or is busy with requests
  kIll,     // it refused, or answered what it should not
};

struct Check {
  Evidence evidence = Evidence::kAnswers;
  std::string_view trouble;  // of kSilent and kIll: one line, for people
  loop::Time since{};        // when it was asked
};

struct HealthRules {
  uint32_t fails = 3;  // in a row; then it is down
  loop::Duration back_off = std::chrono::seconds(1);
  loop::Duration back_off_most = std::chrono::seconds(60);
  loop::Duration slow_start =
      std::chrono::seconds(10);  // its share grows from a tenth to all of it; 0: at once
};

class Balancer {
 public:
  Balancer(Policy policy, const HealthRules& rules) : policy_(policy), rules_(rules) {}

  // Its number, never used twice; 0 if a peer of that address is there already (a draining one is restored
  // and given the new weight). Its slow start begins at `since`; Time{}: it has none.
  uint64_t add(const base::Peer& peer, loop::Time since = {});
  // By address (base::address_text). False: there is none.
  bool drain(std::string_view address);
  bool restore(std::string_view address, loop::Time now);  // with a slow start
  void set_comes_back(ComesBack how) { comes_back_ = how; }
  bool remove(std::string_view address);

  struct Wish {
    uint64_t key = 0;                   // hash of the key; 0: none
    std::span<const uint64_t> tried{};  // StartRequest::tried
  };
  struct Choice {
    uint64_t peer = 0;      // 0: nobody now
    bool all_down = false;  // nobody is up at all, and a place that gets free would not help
    loop::Time retry_at{};  // of all_down: when the next one is tried
  };
  // Takes nothing: started() does.
  Choice choose(const Wish& wish, loop::Time now);

  // One request at one peer. Requests are numbered in the order in which they start: what one that started
  // before its peer went down or came back ends with says nothing of what it is now.
  struct Turn {
    uint64_t peer = 0;
    uint64_t number = 0;
  };
  Turn started(uint64_t peer);
  // False: it was the last request of a peer that had been removed: forget what belongs to it.
  bool ended(const Turn& turn, Outcome outcome, loop::Time now, std::string_view trouble = {});
  // That connections are accepted says nothing of a peer that took them and did not answer; silence nothing
  // of one that has as many requests as it takes, or has answered one meanwhile.
  void checked(uint64_t peer, const Check& check, loop::Time now);

  // Whether there is room for one more at somebody who has not been tried.
  bool has_room(loop::Time now, std::span<const uint64_t> tried = {}) const;
  uint32_t busy() const { return busy_; }
  // Grows whenever a peer goes down or comes back.
  uint64_t changes() const { return changes_; }

  struct Member {
    uint64_t id = 0;
    base::Peer peer;
    std::string address;
  };
  std::vector<Member> members() const;
  const base::Peer* find(uint64_t peer) const;
  std::vector<PeerStatus> status(loop::Time now) const;

 private:
  struct Entry {
    Member member;
    uint64_t hash = 0;  // of its address
    bool draining = false;
    bool removed = false;
    bool down = false;
    bool on_trial = false;  // while it is down: one request tries it
    uint32_t failures_in_a_row = 0;
    uint32_t own_in_a_row = 0;     // of them, those of Fault::kItsOwn
    bool accepts_in_vain = false;  // the last of them was no refused connection
    loop::Duration back_off{};     // of the next failure
    loop::Time retry_at{};
    uint64_t changed_at = 0;   // the last turn before it went down or came back
    loop::Time answered_at{};  // a request, the last time
    loop::Time up_since{};     // for the slow start; Time{}: long ago
    uint32_t busy = 0;
    uint64_t requests = 0;
    uint64_t failures = 0;
    uint64_t last_turn = 0;
    double credit = 0;  // of the smooth round-robin
    std::string trouble;
  };

  // Of a failure.
  enum class Fault : uint8_t {
    kItsOwn,      // it refuses whoever comes
    kPerhapsNot,  // it took a request and failed: another might do well
  };

  Entry* entry(uint64_t peer);
  Entry* entry(std::string_view address);
  bool takes_requests(const Entry& entry, loop::Time now) const;
  bool is_full(const Entry& entry) const;
  bool is_up_or_due(const Entry& entry, loop::Time now) const;
  bool is_another_up(const Entry* entry) const;
  bool in_slow_start(const Entry& entry, loop::Time now) const;
  double share(const Entry& entry, loop::Time now) const;
  void find_able(loop::Time now);
  void leave_untried(std::span<const uint64_t> tried);
  Entry* choose_among(const std::vector<Entry*>& able, const Wish& wish, loop::Time now);
  Entry* by_least_connections(const std::vector<Entry*>& able, loop::Time now);
  Entry* by_turn(const std::vector<Entry*>& able, loop::Time now);
  Entry* by_hash(const std::vector<Entry*>& able, uint64_t key, loop::Time now);
  void judge(Entry& entry, Outcome outcome, loop::Time now, std::string_view trouble);
  void fail(Entry& entry, Fault fault, std::string_view trouble, loop::Time now);
  void succeed(Entry& entry, loop::Time now);
  void come_back(Entry& entry, loop::Time now);
  bool call_back(loop::Time now);

  const Policy policy_;
  const HealthRules rules_;
  ComesBack comes_back_ = ComesBack::kByTrial;
  std::vector<Entry> entries_;
  std::vector<Entry*> able_;  // scratch of choose()
  uint64_t next_id_ = 1;
  uint64_t turn_ = 0;
  uint32_t busy_ = 0;
  uint64_t changes_ = 0;
};

// Never 0 but for the empty key.
uint64_t hash_of(std::string_view key);

}  // namespace remuda::apps::remote
