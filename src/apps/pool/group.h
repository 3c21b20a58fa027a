// SPDX-License-Identifier: Apache-2.0
//
// Group: one application of a pool, as all loops of the worker share it: the ledger of its instances and the
// line of who waits for one, under the one lock that a request takes on its way (principle 1).
//
//     loops   --borrow(), claim(), give_back()-->  Group  <--add(), drain(), remove()--  Manager (home loop)
//                                                    '--posts: close idle connections, forget an instance-->
//                                                    loops
//                                                    '--posts: look after the group----------------------->
//                                                    home
//
// Any thread, but where a comment says home. Posts are made under the lock, so that nobody who has signed off
// is posted to.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apps/activity.h"
#include "apps/pool/ledger.h"
#include "apps/pool/options.h"
#include "apps/source.h"
#include "apps/waiting_line.h"

namespace remuda::apps::pool {

// What the group says to a loop that it lends on. Called on that loop's thread.
class LoopSeat {
 public:
  virtual ~LoopSeat() = default;
  virtual loop::Loop& loop() = 0;
  virtual void close_idle(uint64_t instance) = 0;
  // It has gone: nothing will be lent of it again.
  virtual void forget(uint64_t instance) = 0;
};

// An instance for one request, with its terms of this moment.
struct Lent {
  std::shared_ptr<Instance> instance;
  Capacity capacity;
  bool keeps_connections = true;
  bool takes_kept = false;  // one of the connections that its loop keeps there
};

class PoolWaiter final : public WaitingLine::Waiter {
 public:
  PoolWaiter(loop::Loop& loop, loop::Time since, loop::Time deadline, const Wish& its_wish)
      : Waiter(loop, since, deadline), wish(its_wish) {}
  const Wish wish;
  Lent granted;
};

// Why nothing can be lent, while that is so.
struct Trouble {
  loop::Time retry_at{};
  std::string text;     // "instances do not start: exited with status 1"
  std::string details;  // the journey of the last start, a line each
};

struct GroupCounters {
  uint64_t requests = 0;  // answered
  uint64_t failures = 0;
  uint64_t retries = 0;
  uint64_t starts = 0;
  uint64_t failed_starts = 0;
};

// What home decides by.
struct Census {
  uint32_t ready = 0;  // not draining
  uint32_t busy = 0;   // of them, with at least one request
  uint32_t draining = 0;
  uint32_t room = 0;             // requests that the ready ones could take more
  size_t waiting = 0;            // with those that found no place in the line since the last census
  loop::Duration pressed_for{};  // how long somebody has been waiting; who had to be refused, for long enough
};

class Group {
 public:
  explicit Group(GroupOptions options);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  const GroupOptions& options() const { return options_; }
  // The requests that are in it, for status.
  ActivityBoard& board() { return board_; }

  // --- loops
  // The loop's place in the group, for wishes.
  uint32_t sign_on(std::shared_ptr<LoopSeat> seat);
  void sign_off(uint32_t place);

  // However short the line: while no instance can be lent at all, one request waits for the first. However
  // long it takes: meanwhile nobody is told that it would take too long, because nobody knows.
  using Borrowed = std::variant<Lent, std::shared_ptr<PoolWaiter>, AcquireFailure>;
  Borrowed borrow(const Wish& wish, loop::Loop& loop, loop::Time deadline);
  // The waiter's word when it has woken up.
  std::expected<Lent, AcquireFailure> claim(PoolWaiter& waiter, const base::Result<void>& woken,
                                            loop::Loop& loop);
  void give_back(const std::shared_ptr<Instance>& instance, const Wish& wish, uint32_t idle, Outcome outcome,
                 loop::Loop& loop);
  // A request waits for its first byte though connections idle at its instance: those are closed, on every
  // loop.
  void starves(Instance& instance);
  // This instance has to end now. `why` is static text.
  void condemn(Instance& instance, std::string_view why);
  // What it can take from now on: configuration has the last word.
  Capacity learned(Instance& instance, const Capacity& capacity, loop::Loop& loop);
  void cannot_keep_connections(Instance& instance);
  // Its process lives on: if it could not keep connections, then none of this generation can.
  void outlived(const Instance& instance);
  // One request at a time from now on, and so the next ones of this generation: a fact, whatever is
  // configured.
  Capacity cannot_multiplex(Instance& instance);
  Journey journey_of(const Instance& instance) const;

  // --- home
  // `look` is posted to `home` when something wants looking after, once until the next census(). Empty: signs
  // off.
  void call_home(loop::Loop* home, std::function<void()> look);
  // What there is to decide by; from now on, home is called again. While somebody waits, home looks again by
  // itself within kPatience.
  Census census(loop::Time now);
  static constexpr loop::Duration kPatience = std::chrono::milliseconds(20);
  // Nobody needs to call for more instances: there cannot be more.
  void set_growing(bool possible);
  // Ready from now on; whoever waits gets it.
  void add(const std::shared_ptr<Instance>& instance, loop::Loop& home);
  void drain(Instance& instance);
  void stopping(Instance& instance);
  void remove(const Instance& instance);
  void trust_again(Instance& instance, loop::Loop& home);
  // What loops know of it now.
  struct Facts {
    Instance::State state = Instance::State::kStarting;
    Capacity capacity;
    uint32_t busy = 0;
    uint64_t requests = 0;
    uint32_t failures = 0;
    loop::Time last_used{};
    loop::Duration worked{};
    bool doubtful = false;
    std::string_view condemned;
  };
  Facts facts(const Instance& instance, loop::Time now) const;
  // Home is called when it has answered so many.
  void look_at(Instance& instance, uint64_t requests);
  void set_journey(Instance& instance, const Journey& journey);
  // One more of its last words. The number of the request that it works on, if it is exactly one; else 0.
  uint64_t add_error_line(Instance& instance, std::string_view line);
  void change(const std::function<void(GroupCounters&)>& change);
  // How many are being started now: while there is trouble and one is tried, others do not wait for it.
  void set_starting(uint32_t count);
  void set_trouble(Trouble trouble, loop::Loop& home);
  void clear_trouble();
  GroupCounters counters() const;
  QueueStatus queue(loop::Time now) const;
  std::optional<Trouble> trouble() const;
  // What new instances can take, by configuration or as others have said; forgotten for another program.
  void forget_capacity();
  Capacity capacity() const;

 private:
  std::optional<AcquireFailure> hopeless_now(loop::Time now) const;
  AcquireFailure failure(WaitingLine::Refusal refusal, loop::Time now) const;
  Lent lend(std::shared_ptr<Instance> instance, const Wish& wish, loop::Time now);
  uint32_t free_instances() const;
  bool nobody_lends() const;
  void serve(loop::Loop& from, WaitingLine::Place place = WaitingLine::Place::kFreed);
  void tell_to_close(const Instance& instance, const std::vector<uint32_t>& places);
  void look_after();
  void close_idle(Instance& instance);
  void learn_of_keeping(const Instance& instance);

  const GroupOptions options_;
  ActivityBoard board_;

  mutable std::mutex mutex_;
  Ledger ledger_;
  WaitingLine line_;
  Capacity capacity_;
  bool keeps_connections_ = true;                 // as far as is known of this generation
  bool takes_one_ = false;                        // they all do: cannot_multiplex()
  std::vector<std::shared_ptr<LoopSeat>> seats_;  // by place; null: signed off
  loop::Loop* home_ = nullptr;
  std::function<void()> look_;
  bool called_ = false;         // and home has not looked yet
  bool growing_ = true;         // home could start more if somebody waits
  loop::Time watched_until_{};  // home looks at the line by itself until then
  size_t turned_away_ = 0;      // by a full line, since the last census
  uint32_t starting_ = 0;
  std::optional<Trouble> trouble_;
  GroupCounters counters_;
  std::vector<uint32_t> places_;  // scratch
};

}  // namespace remuda::apps::pool
