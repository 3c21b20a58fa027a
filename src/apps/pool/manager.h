// SPDX-License-Identifier: Apache-2.0
//
// Manager: keeps one group as it should be. Home loop only.
//
//     run()      looks at the group whenever something wants looking after, or the next thing is due:
//                  ends what is condemned or drained, lets what is idle go, marks what is too old, too big or
//                  broken, and starts what is missing (population.h), as far as the budget allows
//     raise()    the story of one instance: started -> lent -> ended, with what each step means for the rest;
//                take_over(): of one that a former worker has left: free -> lent -> ended
//     measure()  what instances use, now and then
//
// A replacement is ready before the instance that it replaces drains. Starts that fail back off, doubling,
// until one succeeds; meanwhile whoever waits is told so at once.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "apps/endpoint.h"
#include "apps/pool/household.h"
#include "apps/pool/label.h"
#include "apps/pool/lifespan.h"
#include "apps/pool/population.h"
#include "apps/pool/sizing.h"

namespace remuda::apps::pool {

class Manager {
 public:
  using Keeper = std::shared_ptr<InstanceKeeper>;

  Manager(Household& household, Group& group);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  void use_prober(Prober& prober) { prober_ = &prober; }
  // Before run(): an instance that a former worker has left.
  void adopt(const Label& label, std::shared_ptr<Program> program);

  // Until its scope is cancelled. Ends no instance.
  loop::Task<void> run();

  void wake();
  // For somebody else's sake: its idlest instance goes, if it has one to spare.
  void give_up_idlest();
  // Measures whatever has worked since it was measured, if that was not just now.
  loop::Task<void> measure_now();

  // For a rolling restart: one that takes over from `old` (null: from nobody) and answers for its health.
  Keeper start_successor(const Keeper& old, uint32_t generation);
  // Until it is ready or has failed. Fails as the caller's scope says.
  loop::Task<base::Result<void>> wait_settled(const Keeper& keeper);

  Group& group() { return group_; }
  const std::vector<Keeper>& keepers() const { return keepers_; }
  uint32_t generation() const { return generation_; }
  // Another program, perhaps: what was learnt of the former one is forgotten.
  void set_generation(uint32_t generation);
  std::vector<std::string> sizing_lines() const;
  size_t claim() const { return claim_; }
  uint64_t memory_in_use() const;  // measured

 private:
  // --- look
  loop::Time look();
  void attend(InstanceKeeper& keeper, loop::Time now);
  void attend_draining(InstanceKeeper& keeper, const Group::Facts& facts, loop::Time now);
  void attend_doubtful(InstanceKeeper& keeper, const Group::Facts& facts, loop::Time now);
  void judge(InstanceKeeper& keeper, const Group::Facts& facts, loop::Time now);
  void hurry_stopping(const Bounds& bounds);
  void let_idle_go(const Population& population, const Bounds& bounds, loop::Time now);
  void replace_retiring(const Bounds& bounds, loop::Time now);
  void start_missing(const Population& population, const Bounds& bounds, loop::Time now);
  void due(loop::Time when) { next_look_ = std::min(next_look_, when); }

  // --- instances
  enum class Purpose : uint8_t { kUsual, kRestart };
  Keeper begin(const Keeper& replaces, uint32_t generation, Purpose purpose);
  loop::Task<void> raise(Keeper keeper);
  loop::Task<void> take_over(Keeper keeper);
  loop::Task<base::Result<void>> wait_free(InstanceKeeper& keeper);
  loop::Task<base::Result<void>> ask_for_health(InstanceKeeper& keeper);
  void admit(const Keeper& keeper);
  void failed(const Keeper& keeper, const base::Error& error);
  void bury(const Keeper& keeper);
  void drain(InstanceKeeper& keeper, std::string why);
  void report_end(const InstanceKeeper& keeper);
  bool has_proved_itself(const InstanceKeeper& keeper) const;
  bool ended_too_soon(const InstanceKeeper& keeper) const;
  void back_off(std::string trouble, const InstanceKeeper& keeper);

  // --- figures
  bool may_start();
  loop::Task<void> measure_regularly();
  loop::Task<void> measure_all();
  loop::Task<void> measure_one(Keeper keeper, loop::Time deadline);
  void set_look_at(InstanceKeeper& keeper);
  void update_claim(loop::Time now);
  Appetite appetite() const;
  Means means() const;
  SizeRules size_rules() const;
  uint32_t starting() const;
  uint32_t perhaps_busy() const;  // inherited, and not known to be free
  bool has_memory_limits() const;

  Household& household_;
  KeeperTools& tools_;
  Group& group_;
  const GroupOptions& options_;
  Prober* prober_ = nullptr;
  const size_t claim_;
  std::vector<Keeper> keepers_;
  uint32_t generation_ = 1;
  ComputeShare computes_;
  loop::Time measured_at_{};
  uint64_t each_ = 0;  // of the last ones that were measured

  loop::Event woken_;
  bool wake_ = false;
  loop::Event settled_;
  loop::Event measure_;
  loop::Time next_look_ = loop::kNever;

  Lifespan lifespan_;
  uint32_t failures_ = 0;     // starts, in a row
  uint64_t counts_from_ = 0;  // instances with a lower number were begun before the last of them
  loop::Time retry_at_{};

  struct Line;  // what other loops call, and stays when this goes
  std::shared_ptr<Line> line_;
};

}  // namespace remuda::apps::pool
