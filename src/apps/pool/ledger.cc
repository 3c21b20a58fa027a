// SPDX-License-Identifier: Apache-2.0
//
// Sticky choice is by rendezvous: each key ranks all instances by a hash of both, so that one that comes or
// goes moves only the keys that were its own.
#include "apps/pool/ledger.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "apps/source.h"

namespace remuda::apps::pool {

namespace {

// The finisher of MurmurHash3: every bit of the input moves every bit of the result.
uint64_t mix(uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ (value >> 33);
}

Instance::AtLoop at(const Instance& instance, uint32_t loop) {
  return loop < instance.loops.size() ? instance.loops[loop] : Instance::AtLoop{};
}

Instance::AtLoop& make_room(Instance& instance, uint32_t loop) {
  if (instance.loops.size() <= loop) instance.loops.resize(loop + 1);
  return instance.loops[loop];
}

struct Connections {
  uint64_t in_use = 0;
  uint64_t idle = 0;
};

// Requests of one loop share a connection if the process can; those of two loops never do.
Connections connections_of(const Instance& instance) {
  Connections connections;
  for (const Instance::AtLoop& each : instance.loops) {
    connections.in_use += instance.capacity.multiplexes ? std::min<uint32_t>(each.busy, 1) : each.busy;
    connections.idle += each.idle;
  }
  return connections;
}

// What a request of this loop needs of the instance's connections, the cheapest first.
enum class Cost : uint8_t { kNothing, kConnect, kOthersClose, kImpossible };

Cost cost_of(const Instance& instance, uint32_t loop) {
  const Instance::AtLoop here = at(instance, loop);
  if (here.idle > 0 || (instance.capacity.multiplexes && here.busy > 0)) return Cost::kNothing;
  const Connections all = connections_of(instance);
  if (all.in_use >= instance.capacity.connections) return Cost::kImpossible;
  return all.in_use + all.idle < instance.capacity.connections ? Cost::kConnect : Cost::kOthersClose;
}

}  // namespace

uint64_t hash_of_key(std::string_view key) {
  if (key.empty()) return 0;
  uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return std::max<uint64_t>(mix(hash), 1);
}

void Ledger::add(std::shared_ptr<Instance> instance) { instances_.push_back(std::move(instance)); }

void Ledger::remove(const Instance& instance) {
  std::erase_if(instances_, [&](const auto& each) { return each.get() == &instance; });
}

std::shared_ptr<Instance> Ledger::choose(const Wish& wish) const {
  const std::shared_ptr<Instance>* best = nullptr;
  const std::shared_ptr<Instance>* home = nullptr;  // of the key, whether it has room or not
  bool home_has_room = false;
  uint64_t highest = 0;
  std::tuple<size_t, Cost, uint32_t, loop::Duration> lowest;
  for (const auto& each : instances_) {
    const Cost cost = cost_of(*each, wish.loop);
    const size_t turn = turn_among(wish.tried, each->id);
    const bool room = each->takes_requests() && cost != Cost::kImpossible;
    if (wish.key != 0 && each->state == Instance::State::kReady && turn == 0) {
      if (const uint64_t score = mix(wish.key ^ mix(each->id)); home == nullptr || score > highest) {
        home = &each;
        home_has_room = room;
        highest = score;
      }
    }
    if (!room) continue;
    const std::tuple rank{turn, cost, each->busy, -each->last_used.time_since_epoch()};
    if (best == nullptr || rank < lowest) {
      best = &each;
      lowest = rank;
    }
  }
  if (home_has_room) return *home;
  return best == nullptr ? nullptr : *best;
}

bool Ledger::lend(Instance& instance, const Wish& wish, loop::Time now, std::vector<uint32_t>& to_close) {
  const Cost cost = cost_of(instance, wish.loop);
  if (cost == Cost::kOthersClose) close_idle(instance, to_close);
  Instance::AtLoop& here = make_room(instance, wish.loop);
  const bool takes_kept = here.idle > 0;
  if (takes_kept) --here.idle;
  ++here.busy;
  instance.running ^= wish.request;
  if (instance.busy++ == 0) instance.busy_since = now;
  return takes_kept;
}

void Ledger::take_back(Instance& instance, const Wish& wish, uint32_t idle, loop::Time now) {
  Instance::AtLoop& here = make_room(instance, wish.loop);
  --here.busy;
  instance.running ^= wish.request;
  here.idle = idle;
  if (--instance.busy == 0) instance.worked += std::max(now - instance.busy_since, loop::Duration::zero());
  instance.last_used = std::max(instance.last_used, now);
}

void Ledger::close_idle(Instance& instance, std::vector<uint32_t>& to_close) {
  for (uint32_t i = 0; i < instance.loops.size(); ++i) {
    if (std::exchange(instance.loops[i].idle, 0) > 0) to_close.push_back(i);
  }
}

}  // namespace remuda::apps::pool
