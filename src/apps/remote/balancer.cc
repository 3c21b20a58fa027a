// SPDX-License-Identifier: Apache-2.0
//
// See the header. Peers are few: every choice reads them all. Rendezvous hashing (Thaler and Ravishankar,
// 1998) gives each peer a score for the key, in proportion to its weight; the best that can take a request
// and has no more than a quarter above its fair load gets it.
#include "apps/remote/balancer.h"

#include <algorithm>
#include <cmath>

namespace remuda::apps::remote {

namespace {

constexpr double kLeastShare = 0.1;  // of its weight, when a slow start begins
constexpr double kMostLoad = 1.25;   // of the fair load, for a key's own peer
constexpr double kFewRequests = 4;   // for its weight: so many are never too many

uint64_t mix(uint64_t value) {
  value ^= value >> 30;
  value *= 0xbf58476d1ce4e5b9;
  value ^= value >> 27;
  value *= 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// In (0, 1).
double as_fraction(uint64_t hash) { return (static_cast<double>(hash >> 11) + 0.5) * 0x1.0p-53; }

}  // namespace

uint64_t hash_of(std::string_view key) {
  if (key.empty()) return 0;
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = mix(hash);
  return hash == 0 ? 1 : hash;
}

// --- who is there

uint64_t Balancer::add(const base::Peer& peer) {
  const std::string address = base::address_text(peer);
  if (Entry* const there = entry(address); there != nullptr) {
    if (!there->draining) return 0;
    there->draining = there->removed = false;
    there->member.peer = peer;
    return there->member.id;
  }
  Entry& added = entries_.emplace_back();
  added.member = {next_id_++, peer, address};
  added.hash = hash_of(address);
  return added.member.id;
}

bool Balancer::drain(std::string_view address) {
  Entry* const there = entry(address);
  if (there == nullptr || there->removed) return false;
  there->draining = true;
  return true;
}

bool Balancer::restore(std::string_view address) {
  Entry* const there = entry(address);
  if (there == nullptr || there->removed) return false;
  there->draining = false;
  return true;
}

bool Balancer::remove(std::string_view address) {
  Entry* const there = entry(address);
  if (there == nullptr || there->removed) return false;
  there->draining = there->removed = true;
  if (there->busy == 0) std::erase_if(entries_, [there](const Entry& each) { return &each == there; });
  return true;
}

Balancer::Entry* Balancer::entry(uint64_t peer) {
  const auto found =
      std::ranges::find_if(entries_, [&](const Entry& each) { return each.member.id == peer; });
  return found == entries_.end() ? nullptr : &*found;
}

Balancer::Entry* Balancer::entry(std::string_view address) {
  const auto found =
      std::ranges::find_if(entries_, [&](const Entry& each) { return each.member.address == address; });
  return found == entries_.end() ? nullptr : &*found;
}

std::vector<Balancer::Member> Balancer::members() const {
  std::vector<Member> members;
  for (const Entry& each : entries_) {
    if (!each.removed) members.push_back(each.member);
  }
  return members;
}

const base::Peer* Balancer::find(uint64_t peer) const {
  const auto found =
      std::ranges::find_if(entries_, [&](const Entry& each) { return each.member.id == peer; });
  return found == entries_.end() ? nullptr : &found->member.peer;
}

// --- who gets it

bool Balancer::is_up_or_due(const Entry& entry, loop::Time now) const {
  if (entry.draining) return false;
  if (!entry.down) return true;
  return comes_back_ == ComesBack::kByTrial && !entry.on_trial && now >= entry.retry_at;
}

bool Balancer::takes_requests(const Entry& entry, loop::Time now) const {
  const uint32_t most = entry.member.peer.concurrency;
  return is_up_or_due(entry, now) && (most == 0 || entry.busy < most);
}

bool Balancer::has_room(loop::Time now) const {
  return std::ranges::any_of(entries_, [&](const Entry& each) { return takes_requests(each, now); });
}

Balancer::Choice Balancer::choose(const Wish& wish, loop::Time now) {
  able_.clear();
  for (Entry& each : entries_) {
    if (takes_requests(each, now)) able_.push_back(&each);
  }
  if (able_.size() > 1)
    std::erase_if(able_, [&](const Entry* each) { return each->member.id == wish.avoid; });
  if (!able_.empty()) return {.peer = choose_among(able_, wish, now)->member.id, .retry_at = {}};
  Choice nobody{.all_down = true, .retry_at = loop::kNever};
  for (const Entry& each : entries_) {
    if (each.draining) continue;
    if (!each.down) nobody.all_down = false;  // it is full
    if (each.down && !each.on_trial) nobody.retry_at = std::min(nobody.retry_at, each.retry_at);
  }
  return nobody;
}

Balancer::Entry* Balancer::choose_among(const std::vector<Entry*>& able, const Wish& wish, loop::Time now) {
  switch (policy_) {
    case Policy::kRoundRobin: return by_turn(able, now);
    case Policy::kHash:
      if (wish.key != 0) return by_hash(able, wish.key, now);
      break;
    case Policy::kLeastConnections: break;
  }
  // A sticky cookie is served under every policy but the turn's.
  return wish.key != 0 ? by_hash(able, wish.key, now) : by_least_connections(able, now);
}

Balancer::Entry* Balancer::by_least_connections(const std::vector<Entry*>& able, loop::Time now) {
  Entry* best = nullptr;
  double best_load = 0;
  for (Entry* const each : able) {
    const double load = (each->busy + 1) / share(*each, now);
    const bool better =
        best == nullptr || load < best_load || (load == best_load && each->last_turn < best->last_turn);
    if (!better) continue;
    best = each;
    best_load = load;
  }
  return best;
}

Balancer::Entry* Balancer::by_turn(const std::vector<Entry*>& able, loop::Time now) {
  double total = 0;
  Entry* best = nullptr;
  for (Entry* const each : able) {
    const double its_share = share(*each, now);
    total += its_share;
    each->credit += its_share;
    if (best == nullptr || each->credit > best->credit) best = each;
  }
  best->credit -= total;
  return best;
}

Balancer::Entry* Balancer::by_hash(const std::vector<Entry*>& able, uint64_t key, loop::Time now) {
  double total = 0;
  double requests = 1;
  for (const Entry* const each : able) {
    total += each->member.peer.weight;
    requests += each->busy;
  }
  Entry* best = nullptr;
  double best_score = 0;
  for (Entry* const each : able) {
    const double weight = each->member.peer.weight;
    const double most = std::max(kFewRequests * weight, std::ceil(kMostLoad * requests * weight / total));
    if (each->busy + 1 > most) continue;
    // The peer that is starting slowly keeps its keys, or they would move twice.
    const double score = weight / -std::log(as_fraction(mix(key ^ each->hash)));
    if (best != nullptr && score <= best_score) continue;
    best = each;
    best_score = score;
  }
  return best != nullptr ? best : by_least_connections(able, now);
}

// --- what became of it

void Balancer::started(uint64_t peer, loop::Time) {
  Entry* const its = entry(peer);
  if (its == nullptr) return;
  ++busy_;
  ++its->busy;
  its->last_turn = ++turn_;
  if (its->down) its->on_trial = true;
}

bool Balancer::ended(uint64_t peer, Outcome outcome, loop::Time now, std::string_view trouble) {
  Entry* const its = entry(peer);
  if (its == nullptr) return true;
  --busy_;
  --its->busy;
  switch (outcome) {
    case Outcome::kAnswered:
      ++its->requests;
      succeed(*its, now);
      break;
    case Outcome::kGivenUp: its->on_trial = false; break;
    case Outcome::kRefused:
    case Outcome::kFailed:
    case Outcome::kTimedOut:
      ++its->failures;
      its->accepts_in_vain = outcome != Outcome::kRefused;
      fail(*its, trouble, now);
      break;
  }
  if (!its->removed || its->busy > 0) return true;
  std::erase_if(entries_, [its](const Entry& each) { return &each == its; });
  return false;
}

void Balancer::checked(uint64_t peer, Evidence evidence, std::string_view trouble, loop::Time now) {
  Entry* const its = entry(peer);
  if (its == nullptr) return;
  if (!trouble.empty()) return fail(*its, trouble, now);
  if (evidence == Evidence::kAnswers || !its->accepts_in_vain) succeed(*its, now);
}

// One failure is enough for a peer that is on trial. Requests that were under way when it went down say
// nothing new.
void Balancer::fail(Entry& entry, std::string_view trouble, loop::Time now) {
  if (!trouble.empty()) entry.trouble = trouble;
  if (entry.down && !entry.on_trial && now < entry.retry_at) return;
  ++entry.failures_in_a_row;
  if (!entry.down && entry.failures_in_a_row < rules_.fails) return;
  if (!entry.down) ++changes_;
  entry.back_off = entry.down ? std::min(entry.back_off * 2, rules_.back_off_most) : rules_.back_off;
  entry.down = true;
  entry.on_trial = false;
  entry.retry_at = now + entry.back_off;
}

void Balancer::succeed(Entry& entry, loop::Time now) {
  entry.failures_in_a_row = 0;
  entry.accepts_in_vain = false;
  if (!entry.down) return;
  ++changes_;
  entry.down = entry.on_trial = false;
  entry.up_since = now;
  entry.credit = 0;
  entry.trouble.clear();
}

bool Balancer::in_slow_start(const Entry& entry, loop::Time now) const {
  return entry.up_since != loop::Time{} && now < entry.up_since + rules_.slow_start;
}

// Its weight, less while it has just come back.
double Balancer::share(const Entry& entry, loop::Time now) const {
  const double weight = entry.member.peer.weight;
  if (!in_slow_start(entry, now)) return weight;
  const double grown =
      std::chrono::duration<double>(now - entry.up_since) / std::chrono::duration<double>(rules_.slow_start);
  return weight * std::max(kLeastShare, grown);
}

std::vector<PeerStatus> Balancer::status(loop::Time now) const {
  std::vector<PeerStatus> all;
  for (const Entry& each : entries_) {
    PeerStatus& one = all.emplace_back();
    one.endpoint = each.member.id;
    one.address = each.member.address;
    one.weight = each.member.peer.weight;
    one.busy = each.busy;
    one.requests = each.requests;
    one.failures = each.failures;
    one.trouble = each.trouble;
    if (each.draining) {
      one.state = PeerStatus::State::kDraining;
    } else if (each.down) {
      one.state = PeerStatus::State::kDown;
      one.down_for = std::max<loop::Duration>(each.retry_at - now, loop::Duration::zero());
    } else if (in_slow_start(each, now)) {
      one.state = PeerStatus::State::kSlowStart;
    }
  }
  return all;
}

}  // namespace remuda::apps::remote
