// SPDX-License-Identifier: Apache-2.0
//
// A place that comes free goes to whoever waits before its holder is done with the lock: nobody overtakes the
// line.
#include "apps/remote/farm.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace remuda::apps::remote {

namespace {

Capacity configured(const base::Peer& peer) {
  const uint32_t most = peer.concurrency == 0 ? std::numeric_limits<uint32_t>::max() : peer.concurrency;
  return {.requests = most, .connections = most, .multiplexes = false};
}

uint32_t& idle_of(RemotePeer& peer, uint32_t place) {
  if (peer.idle.size() <= place) peer.idle.resize(place + 1);
  return peer.idle[place];
}

}  // namespace

RemotePeer::RemotePeer(uint64_t its_id, base::Peer its_address)
    : id(its_id), peer(std::move(its_address)), name(base::address_text(peer)), capacity(configured(peer)) {}

Farm::Farm(FarmOptions options)
    : options_(std::move(options)), balancer_(options_.policy, options_.health), line_(options_.queue) {
  Roster::Change change;
  for (const base::Peer& peer : options_.peers) roster_.add(peer, change);
  apply(change, {});
}

Farm::~Farm() = default;

// --- loops

void Farm::keep_orders(OrdersFile file) {
  const std::scoped_lock lock(mutex_);
  if (orders_) return;
  orders_ = std::move(file);
  if (const auto orders = orders_->read()) take_up(*orders);
}

uint32_t Farm::sign_on(std::shared_ptr<FarmSeat> seat) {
  const std::scoped_lock lock(mutex_);
  seats_.push_back(std::move(seat));
  return static_cast<uint32_t>(seats_.size() - 1);
}

void Farm::sign_off(uint32_t place) {
  const std::scoped_lock lock(mutex_);
  seats_[place] = nullptr;
}

bool Farm::has_place() const { return balancer_.busy() < options_.concurrency; }

Farm::Borrowed Farm::borrow(const Asker& asker, loop::Loop& loop, loop::Time deadline) {
  const loop::Time now = loop.now();
  const std::scoped_lock lock(mutex_);
  if (!asker.wish.tried.empty()) ++retries_;
  if (line_.empty() && has_place()) {
    const Balancer::Choice choice = choose(asker.wish, now);
    if (choice.peer != 0) {
      line_.passed_by();
      return lend(choice.peer, asker.place);
    }
    if (choice.all_down && !roster_.is_incomplete()) {
      line_.count(WaitingLine::Refusal::kUnavailable);
      return all_down(now, choice.retry_at);
    }
  }
  deadline = std::min(deadline, now + options_.queue_time);
  if (const auto refusal = line_.may_join(loop, now, deadline)) {
    line_.count(*refusal);
    return failure(*refusal, now);
  }
  auto waiter = std::make_shared<FarmWaiter>(loop, now, deadline, asker);
  line_.join(*waiter);
  look_after();
  return waiter;
}

std::expected<Lent, AcquireFailure> Farm::claim(FarmWaiter& waiter, const base::Result<void>& woken,
                                                loop::Loop& loop) {
  const std::scoped_lock lock(mutex_);
  if (const auto refusal = line_.leave(waiter, woken)) return std::unexpected(failure(*refusal, loop.now()));
  if (woken || woken.error().code == ETIMEDOUT) return std::move(waiter.granted);
  const Lent& granted = waiter.granted;
  --granted.peer->busy;
  if (granted.takes_kept) ++idle_of(*granted.peer, waiter.asker.place);
  if (!balancer_.ended({granted.peer->id, granted.turn}, Outcome::kGivenUp, loop.now()))
    forget(granted.peer->id);
  serve(loop);
  return std::unexpected(AcquireFailure{.reason = AcquireFailure::Reason::kCancelled});
}

void Farm::give_back(const RemotePeer& peer, const Return& back, loop::Loop& loop) {
  const std::scoped_lock lock(mutex_);
  if (back.outcome == Outcome::kAnswered) ++requests_;
  if (back.outcome == Outcome::kFailed || back.outcome == Outcome::kTimedOut) ++failures_;
  if (const auto its = peers_.find(peer.id); its != peers_.end()) {
    --its->second->busy;
    idle_of(*its->second, back.place) = back.idle;
  }
  const uint64_t changes = balancer_.changes();
  if (!balancer_.ended({peer.id, back.turn}, back.outcome, loop.now(), back.trouble)) forget(peer.id);
  if (balancer_.changes() != changes) look_after();
  serve(loop);
}

// What idles at a peer that multiplexes takes the next request: it can stand in the way of a check alone,
// which comes over a connection of its own.
void Farm::starves(RemotePeer& peer) {
  const std::scoped_lock lock(mutex_);
  if (!peer.capacity.multiplexes || peer.busy == 0) close_idle(peer);
}

bool Farm::has_another(std::span<const uint64_t> tried, loop::Time now) const {
  const std::scoped_lock lock(mutex_);
  return balancer_.has_room(now, tried);
}

// What a peer says of itself is what the process says that took the connection, and there may be many behind
// one address: only whether it multiplexes is believed.
Capacity Farm::learned(RemotePeer& peer, const Capacity& capacity) {
  const std::scoped_lock lock(mutex_);
  peer.capacity.multiplexes = capacity.multiplexes;
  return peer.capacity;
}

void Farm::cannot_keep_connections(RemotePeer& peer) {
  const std::scoped_lock lock(mutex_);
  peer.keeps_connections = false;
}

// --- home

void Farm::call_home(loop::Loop* home, std::function<void()> look) {
  const std::scoped_lock lock(mutex_);
  home_ = home;
  look_ = std::move(look);
  called_ = false;
}

bool Farm::look_around(loop::Loop& home) {
  const std::scoped_lock lock(mutex_);
  called_ = false;
  serve(home);
  return !line_.empty();
}

void Farm::is_checked_by_answers() {
  const std::scoped_lock lock(mutex_);
  balancer_.set_comes_back(ComesBack::kByCheck);
}

Farm::Names Farm::names_state() const {
  const std::scoped_lock lock(mutex_);
  if (roster_.is_incomplete()) return Names::kSomeNew;
  const bool unknown =
      std::ranges::any_of(roster_.sites(), [](const auto& site) { return site.addresses.empty(); });
  return unknown ? Names::kSomeUnknown : Names::kAllKnown;
}

std::vector<std::shared_ptr<RemotePeer>> Farm::to_check() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<RemotePeer>> all;
  for (const Balancer::Member& each : balancer_.members()) {
    if (const auto its = peers_.find(each.id); its != peers_.end()) all.push_back(its->second);
  }
  return all;
}

void Farm::checked(const RemotePeer& peer, const Check& check, loop::Loop& home) {
  const std::scoped_lock lock(mutex_);
  const uint64_t changes = balancer_.changes();
  balancer_.checked(peer.id, check, home.now());
  if (balancer_.changes() == changes) return;
  look_after();
  serve(home);
}

std::vector<base::Peer> Farm::names() const {
  const std::scoped_lock lock(mutex_);
  std::vector<base::Peer> names;
  for (const Roster::Site& site : roster_.sites()) {
    if (site.peer.kind == base::Peer::Kind::kName) names.push_back(site.peer);
  }
  return names;
}

void Farm::resolved(const base::Peer& named, const std::expected<std::vector<base::Peer>, std::string>& found,
                    loop::Loop& home) {
  const std::scoped_lock lock(mutex_);
  const std::string text = base::address_text(named);
  const loop::Time since = roster_.new_since(text, home.now());
  Roster::Change change;
  if (found && !found->empty()) {
    roster_.resolved(text, *found, change);
  } else {
    roster_.not_resolved(text, found ? "the name has no address" : found.error());
  }
  apply(change, since);
  serve(home);
}

base::Result<void> Farm::add(const base::Peer& peer, loop::Loop& home) {
  const std::scoped_lock lock(mutex_);
  Roster::Change change;
  if (roster_.add(peer, change, home.now()) == nullptr) return base::failure(EEXIST, "add a peer");
  apply(change, home.now());
  look_after();
  serve(home);
  return {};
}

base::Result<void> Farm::drain(std::string_view address) {
  const std::scoped_lock lock(mutex_);
  if (!roster_.set_draining(address, true)) return base::failure(ENOENT, "drain a peer");
  const auto addresses = roster_.addresses_of(address);
  for (const std::string& each : addresses) balancer_.drain(each);
  for (const auto& [id, peer] : peers_) {
    if (std::ranges::find(addresses, peer->name) != addresses.end()) close_idle(*peer);
  }
  return {};
}

base::Result<void> Farm::restore(std::string_view address, loop::Loop& home) {
  const std::scoped_lock lock(mutex_);
  if (!roster_.set_draining(address, false)) return base::failure(ENOENT, "restore a peer");
  for (const std::string& each : roster_.addresses_of(address)) balancer_.restore(each, home.now());
  serve(home);
  return {};
}

base::Result<void> Farm::remove(std::string_view address) {
  const std::scoped_lock lock(mutex_);
  Roster::Change change;
  if (!roster_.remove(address, change)) {
    if (roster_.addresses_of(address).empty()) return base::failure(ENOENT, "remove a peer");
    return base::failure(EINVAL, "it is one address of a name: drain it, or remove the name");
  }
  apply(change, {});
  return {};
}

base::Result<void> Farm::save_orders() const {
  std::optional<OrdersFile> file;
  Orders orders;
  {
    const std::scoped_lock lock(mutex_);
    file = orders_;
    orders = roster_.orders();
  }
  if (!file || file->write(orders)) return {};
  return base::failure(EIO, "done, but it cannot be kept for the worker after this one");
}

AppStatus Farm::status(loop::Time now) const {
  const std::scoped_lock lock(mutex_);
  AppStatus status{.name = options_.name, .type = options_.type, .model = "remote"};
  status.requests = requests_;
  status.failures = failures_;
  status.retries = retries_;
  status.queue = line_.status(now);
  status.peers = balancer_.status(now);
  for (const Roster::Site& site : roster_.sites()) {
    if (!site.addresses.empty()) continue;
    status.peers.push_back({.address = site.text,
                            .state = PeerStatus::State::kDown,
                            .weight = site.peer.weight,
                            .trouble = site.was_looked_up ? site.trouble : "the name is being looked up"});
  }
  const auto is_out = [](const PeerStatus& peer) { return peer.state == PeerStatus::State::kDown; };
  if (std::ranges::all_of(status.peers, is_out)) status.trouble = all_down(now, now).trouble;
  return status;
}

uint32_t Farm::busy() const {
  const std::scoped_lock lock(mutex_);
  return balancer_.busy();
}

// --- under the lock

// The balancer may have called somebody back, which home tells.
Balancer::Choice Farm::choose(const Balancer::Wish& wish, loop::Time now) {
  const uint64_t changes = balancer_.changes();
  const Balancer::Choice choice = balancer_.choose(wish, now);
  if (balancer_.changes() != changes) look_after();
  return choice;
}

Lent Farm::lend(uint64_t peer, uint32_t place) {
  const Balancer::Turn turn = balancer_.started(peer);
  const std::shared_ptr<RemotePeer>& lent = peers_.at(peer);
  const bool takes_kept = !lent->capacity.multiplexes && make_room(*lent, place);
  ++lent->busy;
  return {lent, turn.number, lent->capacity, lent->keeps_connections, takes_kept};
}

// Whether the loop keeps a connection there: it takes that one. Another's would hold a process that this
// request needs, if it is known how many there are.
bool Farm::make_room(RemotePeer& peer, uint32_t place) {
  uint32_t& own = idle_of(peer, place);
  if (own > 0) {
    --own;
    return true;
  }
  const uint32_t idle = std::accumulate(peer.idle.begin(), peer.idle.end(), 0U);
  if (idle > 0 && peer.busy + idle >= peer.capacity.connections) close_idle(peer);
  return false;
}

void Farm::serve(loop::Loop& from) {
  const loop::Time now = from.now();
  while (has_place()) {
    auto* const next = static_cast<FarmWaiter*>(line_.next(now));
    if (next == nullptr) return;
    const Balancer::Choice choice = choose(next->asker.wish, now);
    if (choice.peer == 0) {
      if (choice.all_down && !roster_.is_incomplete())
        line_.dismiss_all(from, WaitingLine::Refusal::kUnavailable);
      return;
    }
    next->granted = lend(choice.peer, next->asker.place);
    WaitingLine::wake(line_.grant(*next, now), from);
  }
}

// Of a farm that has just been made.
void Farm::take_up(const Orders& orders) {
  Roster::Change gone;
  Roster::Change come;
  for (const base::Peer& each : options_.peers) {
    if (std::ranges::find(orders.peers, each) == orders.peers.end())
      roster_.remove(base::address_text(each), gone);
  }
  for (const base::Peer& each : orders.peers) roster_.add(each, come);
  apply(gone, {});
  apply(come, {});
  for (const std::string& each : orders.draining) {
    roster_.drain_also_later(each);
    balancer_.drain(each);
  }
}

// `since`: whose slow start begins now, Time{} if none does.
void Farm::apply(const Roster::Change& change, loop::Time since) {
  for (const base::Peer& each : change.added) {
    const uint64_t id = balancer_.add(each, since);
    if (id == 0) continue;
    auto& its = peers_[id];
    if (its == nullptr) its = std::make_shared<RemotePeer>(id, each);
    // One that was being removed has come again, perhaps with another limit.
    const bool multiplexes = std::exchange(its->capacity, configured(each)).multiplexes;
    its->capacity.multiplexes = multiplexes;
  }
  for (const std::string& address : change.drained) balancer_.drain(address);
  for (const std::string& address : change.removed) {
    balancer_.remove(address);
    const auto its =
        std::ranges::find_if(peers_, [&](const auto& each) { return each.second->name == address; });
    if (its == peers_.end()) continue;
    close_idle(*its->second);
    if (balancer_.find(its->first) == nullptr) forget(its->first);
  }
}

void Farm::forget(uint64_t peer) {
  peers_.erase(peer);
  for (const auto& seat : seats_) {
    if (seat != nullptr) seat->loop().post([seat, peer] { seat->forget(peer); });
  }
}

void Farm::close_idle(RemotePeer& peer) {
  for (size_t place = 0; place < peer.idle.size(); ++place) {
    const auto& seat = seats_[place];
    if (std::exchange(peer.idle[place], 0) == 0 || seat == nullptr) continue;
    seat->loop().post([seat, id = peer.id] { seat->close_idle(id); });
  }
}

void Farm::look_after() {
  if (home_ == nullptr || std::exchange(called_, true)) return;
  home_->post(look_);
}

AcquireFailure Farm::failure(WaitingLine::Refusal refusal, loop::Time now) const {
  if (refusal == WaitingLine::Refusal::kUnavailable) return all_down(now, now);
  return {.reason = reason_of(refusal), .retry_after = line_.retry_after()};
}

AcquireFailure Farm::all_down(loop::Time now, loop::Time retry_at) const {
  AcquireFailure failure{.reason = AcquireFailure::Reason::kAllDown,
                         .error = {EHOSTDOWN, "choose a peer"},
                         .trouble = "no peer is up"};
  for (const PeerStatus& each : balancer_.status(now)) {
    const std::string line = fmt::format("{}: {}{}{}", each.address, to_string(each.state),
                                         each.trouble.empty() ? "" : ": ", each.trouble);
    if (failure.details.empty()) failure.trouble += "; " + line;
    failure.details += line + "\n";
  }
  for (const Roster::Site& site : roster_.sites()) {
    if (site.trouble.empty()) continue;
    failure.details += fmt::format("{}: {}\n", site.text, site.trouble);
    if (site.addresses.empty()) failure.trouble += fmt::format("; {}: {}", site.text, site.trouble);
  }
  if (retry_at != loop::kNever && retry_at > now)
    failure.retry_after =
        std::max(std::chrono::ceil<std::chrono::seconds>(retry_at - now), failure.retry_after);
  return failure;
}

}  // namespace remuda::apps::remote
