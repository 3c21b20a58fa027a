// SPDX-License-Identifier: Apache-2.0
//
// See the header. Peers are few: every choice reads them all. Rendezvous hashing (Thaler and Ravishankar,
// 1998) gives each peer a score for the key, in proportion to its weight; the best that can take a request
// and has no more than a quarter above its fair load gets it.
#include "apps/remote/balancer.h"

#include <algorithm>
#include <cmath>
#include <utility>

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

uint64_t Balancer::add(const base::Peer& peer, loop::Time since) {
  const std::string address = base::address_text(peer);
  if (Entry* const there = entry(address); there != nullptr) {
    if (!there->draining) return 0;
    there->draining = there->removed = false;
    there->member.peer = peer;
    there->up_since = since;
    there->credit = 0;
    return there->member.id;
  }
  Entry& added = entries_.emplace_back();
  added.member = {next_id_++, peer, address};
  added.hash = hash_of(address);
  added.up_since = since;
  return added.member.id;
}

bool Balancer::drain(std::string_view address) {
  Entry* const there = entry(address);
  if (there == nullptr || there->removed) return false;
  there->draining = true;
  return true;
}

bool Balancer::restore(std::string_view address, loop::Time now) {
  Entry* const there = entry(address);
  if (there == nullptr || there->removed) return false;
  if (!std::exchange(there->draining, false)) return true;
  there->up_since = now;
  there->credit = 0;
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

bool Balancer::is_full(const Entry& entry) const {
  const uint32_t most = entry.member.peer.concurrency;
  return most != 0 && entry.busy >= most;
}

bool Balancer::is_another_up(const Entry* entry) const {
  return std::ranges::any_of(
      entries_, [&](const Entry& each) { return &each != entry && !each.draining && !each.down; });
}

bool Balancer::takes_requests(const Entry& entry, loop::Time now) const {
  return is_up_or_due(entry, now) && !is_full(entry);
}

bool Balancer::has_room(loop::Time now, std::span<const uint64_t> tried) const {
  return std::ranges::any_of(entries_, [&](const Entry& each) {
    return takes_requests(each, now) && turn_among(tried, each.member.id) == 0;
  });
}

void Balancer::find_able(loop::Time now) {
  able_.clear();
  for (Entry& each : entries_) {
    if (takes_requests(each, now)) able_.push_back(&each);
  }
}

// Or those whose turn was longest ago, if that is all there is.
void Balancer::leave_untried(std::span<const uint64_t> tried) {
  const auto turn = [tried](const Entry* each) { return turn_among(tried, each->member.id); };
  const auto first = std::ranges::min_element(able_, {}, turn);
  if (first == able_.end()) return;
  std::erase_if(able_, [&, least = turn(*first)](const Entry* each) { return turn(each) > least; });
}

Balancer::Choice Balancer::choose(const Wish& wish, loop::Time now) {
  find_able(now);
  if (able_.empty() && call_back(now)) find_able(now);
  if (!wish.tried.empty()) leave_untried(wish.tried);
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

Balancer::Turn Balancer::started(uint64_t peer) {
  Entry* const its = entry(peer);
  if (its == nullptr) return {};
  ++busy_;
  ++its->busy;
  its->last_turn = ++turn_;
  if (its->down) its->on_trial = true;
  return {peer, turn_};
}

bool Balancer::ended(const Turn& turn, Outcome outcome, loop::Time now, std::string_view trouble) {
  Entry* const its = entry(turn.peer);
  if (its == nullptr) return true;
  --busy_;
  --its->busy;
  if (outcome == Outcome::kAnswered) {
    ++its->requests;
    its->answered_at = now;
  } else if (outcome == Outcome::kRefused || outcome == Outcome::kFailed || outcome == Outcome::kTimedOut) {
    ++its->failures;
  }
  if (turn.number > its->changed_at) judge(*its, outcome, now, trouble);
  if (!its->removed || its->busy > 0) return true;
  std::erase_if(entries_, [its](const Entry& each) { return &each == its; });
  return false;
}

void Balancer::judge(Entry& entry, Outcome outcome, loop::Time now, std::string_view trouble) {
  switch (outcome) {
    case Outcome::kAnswered: return succeed(entry, now);
    case Outcome::kGivenUp:
    case Outcome::kDeclined: entry.on_trial = false; return;
    case Outcome::kRefused: entry.accepts_in_vain = false; return fail(entry, Fault::kItsOwn, trouble, now);
    case Outcome::kFailed:
    case Outcome::kTimedOut:
      entry.accepts_in_vain = true;
      if (entry.on_trial) entry.own_in_a_row = 0;  // it takes requests again
      return fail(entry, Fault::kPerhapsNot, trouble, now);
  }
}

void Balancer::checked(uint64_t peer, const Check& check, loop::Time now) {
  Entry* const its = entry(peer);
  if (its == nullptr) return;
  switch (check.evidence) {
    case Evidence::kAnswers: return succeed(*its, now);
    case Evidence::kAccepts:
      its->own_in_a_row = 0;
      if (!its->accepts_in_vain) succeed(*its, now);
      return;
    case Evidence::kSilent:
      if (is_full(*its) || its->answered_at >= check.since) return;
      // Nobody knows how many it takes: these may be all.
      return fail(*its, its->busy > 0 ? Fault::kPerhapsNot : Fault::kItsOwn, check.trouble, now);
    case Evidence::kIll: return fail(*its, Fault::kItsOwn, check.trouble, now);
  }
}

// One failure is enough for a peer that is on trial.
void Balancer::fail(Entry& entry, Fault fault, std::string_view trouble, loop::Time now) {
  if (!trouble.empty()) entry.trouble = trouble;
  ++entry.failures_in_a_row;
  if (fault == Fault::kItsOwn) ++entry.own_in_a_row;
  if (entry.down) {
    if (!entry.on_trial && now < entry.retry_at) return;
    entry.back_off = std::min(entry.back_off * 2, rules_.back_off_most);
  } else {
    if ((is_another_up(&entry) ? entry.failures_in_a_row : entry.own_in_a_row) < rules_.fails) return;
    entry.back_off = rules_.back_off;
    ++changes_;
  }
  entry.down = true;
  entry.on_trial = false;
  entry.retry_at = now + entry.back_off;
  entry.changed_at = turn_;
}

void Balancer::succeed(Entry& entry, loop::Time now) {
  entry.failures_in_a_row = entry.own_in_a_row = 0;
  entry.accepts_in_vain = false;
  entry.trouble.clear();
  if (entry.down) come_back(entry, now);
}

void Balancer::come_back(Entry& entry, loop::Time now) {
  ++changes_;
  entry.down = entry.on_trial = false;
  entry.up_since = now;
  entry.changed_at = turn_;
  entry.credit = 0;
}

// Those that requests alone have taken down, when nobody else is left. Whether there is one.
bool Balancer::call_back(loop::Time now) {
  if (is_another_up(nullptr)) return false;
  bool found = false;
  for (Entry& each : entries_) {
    if (each.draining || !each.down || each.own_in_a_row >= rules_.fails) continue;
    come_back(each, now);
    found = true;
  }
  return found;
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
