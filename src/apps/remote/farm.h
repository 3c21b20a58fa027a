// SPDX-License-Identifier: Apache-2.0
//
// Farm: one application whose processes others run, as all loops of the worker share it: who of its peers
// gets the next request, who waits for one, which loops keep connections idle at which peer; under the one
// lock that a request takes on its way (principle 1).
//
//     loops  --borrow(), claim(), give_back()-->  Farm  <--checked(), resolved(), add(), drain() ...--  home
//                                                  '--posts: close idle connections, forget a peer--> loops
//                                                  '--posts: look after the farm-------------------> home
//
//     FarmSource (each loop)     lends and takes back: all that requests ever touch
//     FarmHome (the first loop)  checks peers, looks their names up: farm_home.h
//
// Made before the worker's threads are; outlives all loops. Any thread, but where a comment says home. Posts
// are made under the lock, so that nobody who has signed off is posted to. Invariant: what the peers are busy
// with together are the leases that live.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apps/activity.h"
#include "apps/remote/balancer.h"
#include "apps/remote/options.h"
#include "apps/remote/orders.h"
#include "apps/remote/roster.h"
#include "apps/source.h"
#include "apps/waiting_line.h"

namespace remuda::apps::remote {

// One address of a farm. What may change is the farm's, under its mutex.
struct RemotePeer {
  RemotePeer(uint64_t its_id, base::Peer its_address);
  const uint64_t id;
  const base::Peer peer;  // numeric or unix
  const std::string name;

  bool keeps_connections = true;
  Capacity capacity;
  uint32_t busy = 0;           // requests, on all loops
  std::vector<uint32_t> idle;  // by place of the loop: connections that it kept there when it last gave back
};

// Who asks, and for whom.
struct Asker {
  uint32_t place = 0;  // of the loop
  Balancer::Wish wish;
};

// What the farm says to a loop that it lends on. Called on that loop's thread.
class FarmSeat {
 public:
  virtual ~FarmSeat() = default;
  virtual loop::Loop& loop() = 0;
  virtual void close_idle(uint64_t peer) = 0;
  // It has gone: nothing will be lent of it again.
  virtual void forget(uint64_t peer) = 0;
};

// A peer for one request, with its terms of this moment.
struct Lent {
  std::shared_ptr<RemotePeer> peer;
  uint64_t turn = 0;  // its number at the balancer, for give_back()
  Capacity capacity;
  bool keeps_connections = true;
  bool takes_kept = false;  // one of the connections that its loop keeps there
};

class FarmWaiter final : public WaitingLine::Waiter {
 public:
  FarmWaiter(loop::Loop& loop, loop::Time since, loop::Time deadline, const Asker& its_asker)
      : Waiter(loop, since, deadline), asker(its_asker) {}
  const Asker asker;
  Lent granted;
};

class Farm {
 public:
  explicit Farm(FarmOptions options);
  ~Farm();
  Farm(const Farm&) = delete;
  Farm& operator=(const Farm&) = delete;

  const FarmOptions& options() const { return options_; }
  // The requests that are in it, for status.
  ActivityBoard& board() { return board_; }

  // --- loops
  // Said by each loop before it signs on; the first one counts: the farm takes up what the file says, and
  // from then on keeps there what orders change.
  void keep_orders(OrdersFile file);
  uint32_t sign_on(std::shared_ptr<FarmSeat> seat);  // the loop's place
  void sign_off(uint32_t place);

  using Borrowed = std::variant<Lent, std::shared_ptr<FarmWaiter>, AcquireFailure>;
  Borrowed borrow(const Asker& asker, loop::Loop& loop, loop::Time deadline);
  // The waiter's word when it has woken up.
  std::expected<Lent, AcquireFailure> claim(FarmWaiter& waiter, const base::Result<void>& woken,
                                            loop::Loop& loop);
  struct Return {
    uint32_t place = 0;  // of the loop
    uint64_t turn = 0;   // Lent::turn
    uint32_t idle = 0;   // connections that it keeps at the peer now
    Outcome outcome = Outcome::kGivenUp;
    std::string_view trouble;  // of a failure: one line, for people
  };
  void give_back(const RemotePeer& peer, const Return& back, loop::Loop& loop);
  // A request, or a check, waits for its first byte though connections idle at its peer: those are closed, on
  // every loop, if it may be they that it waits for.
  void starves(RemotePeer& peer);
  // Whether a peer that is up has room and is none of these.
  bool has_another(std::span<const uint64_t> tried, loop::Time now) const;
  // What it can take from now on: configuration has the last word.
  Capacity learned(RemotePeer& peer, const Capacity& capacity);
  void cannot_keep_connections(RemotePeer& peer);

  // --- home
  // `look` is posted to `home` when something wants looking after, once until the next look_around(). Null:
  // signs off.
  void call_home(loop::Loop* home, std::function<void()> look);
  // Serves who waits, if anybody is up again; from now on home is called again. Whether somebody waits still.
  bool look_around(loop::Loop& home);
  // Peers are asked for an answer, so that no client need try whether one is up again.
  void is_checked_by_answers();
  std::vector<std::shared_ptr<RemotePeer>> to_check() const;
  void checked(const RemotePeer& peer, const Check& check, loop::Loop& home);
  std::vector<base::Peer> names() const;
  enum class Names : uint8_t {
    kAllKnown,
    kSomeUnknown,
    kSomeNew
  };  // unknown: no address yet; new: never asked
  Names names_state() const;
  // The numeric addresses of a name; in trouble the last ones hold.
  void resolved(const base::Peer& named, const std::expected<std::vector<base::Peer>, std::string>& found,
                loop::Loop& home);

  // Of Control: ENOENT, EEXIST, EINVAL with a sentence.
  base::Result<void> add(const base::Peer& peer, loop::Loop& home);
  base::Result<void> drain(std::string_view address);
  base::Result<void> restore(std::string_view address, loop::Loop& home);
  base::Result<void> remove(std::string_view address);
  // After each of them. EIO, with a sentence.
  base::Result<void> save_orders() const;
  // All but the live requests.
  AppStatus status(loop::Time now) const;
  uint32_t busy() const;

 private:
  Balancer::Choice choose(const Balancer::Wish& wish, loop::Time now);
  Lent lend(uint64_t peer, uint32_t place);
  bool make_room(RemotePeer& peer, uint32_t place);
  void serve(loop::Loop& from);
  void take_up(const Orders& orders);
  void apply(const Roster::Change& change, loop::Time since);
  void forget(uint64_t peer);
  void close_idle(RemotePeer& peer);
  void look_after();
  bool has_place() const;
  AcquireFailure failure(WaitingLine::Refusal refusal, loop::Time now) const;
  AcquireFailure all_down(loop::Time now, loop::Time retry_at) const;

  const FarmOptions options_;
  ActivityBoard board_;

  mutable std::mutex mutex_;
  Balancer balancer_;
  Roster roster_;
  std::optional<OrdersFile> orders_;
  WaitingLine line_;
  std::map<uint64_t, std::shared_ptr<RemotePeer>> peers_;
  std::vector<std::shared_ptr<FarmSeat>> seats_;  // by place; null: signed off
  loop::Loop* home_ = nullptr;
  std::function<void()> look_;
  bool called_ = false;  // and home has not looked yet
  uint64_t requests_ = 0;
  uint64_t failures_ = 0;
  uint64_t retries_ = 0;
};

}  // namespace remuda::apps::remote
