// SPDX-License-Identifier: Apache-2.0
//
// FakeEndpoint and FakeLease: an application of the test's own making, which it is both sides of: the
// connections' other ends are the test's. For tests of wires, with the DeterministicBackend.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/source.h"
#include "gateway/app_log.h"
#include "loop/backend/deterministic.h"

namespace remuda::gateway::testing {

class FakeEndpoint final : public apps::Endpoint {
 public:
  FakeEndpoint(loop::Loop& loop, loop::DeterministicBackend& backend) : loop_(loop), backend_(backend) {
    rules.idle = 8;
  }

  uint64_t id() const override { return 7; }
  std::string_view name() const override { return "fake"; }
  loop::Task<base::Result<loop::LoopFd>> connect(loop::Time deadline) override {
    if (delay > loop::Duration::zero()) {
      const auto slept = co_await loop_.sleep_until(std::min(deadline, loop_.now() + delay));
      if (!slept) co_return std::unexpected(slept.error());
      if (loop_.now() >= deadline) co_return base::failure(ETIMEDOUT, "connect");
    }
    if (refuse != 0) co_return base::failure(refuse, "connect");
    const auto ends = backend_.connection();
    far.push_back(ends.far);
    if (connected) connected(ends.far);
    co_return loop::LoopFd(loop_, base::Fd(ends.near));
  }
  const apps::KeepRules& keep_rules() const override { return rules; }
  apps::Capacity capacity() const override { return its_capacity; }
  void learned(const apps::Capacity& capacity) override { its_capacity = capacity; }
  void cannot_keep_connections() override { rules.idle = 0; }
  uint32_t generation() const override { return its_generation; }

  apps::KeepRules rules;
  apps::Capacity its_capacity;
  uint32_t its_generation = 1;
  int refuse = 0;  // an errno
  loop::Duration delay{};
  std::vector<int> far;                // the test's ends, in the order of connecting
  std::function<void(int)> connected;  // called with each

 private:
  loop::Loop& loop_;
  loop::DeterministicBackend& backend_;
};

// What became of a lease, after it has gone.
struct LeaseBook {
  int live = 0;
  std::vector<apps::Outcome> outcomes;
  std::vector<std::string> terminated;
  std::vector<apps::Phase> phases;
};

class FakeLease final : public apps::Lease {
 public:
  FakeLease(FakeEndpoint& endpoint, LeaseBook& book) : endpoint_(endpoint), book_(book) { ++book_.live; }
  ~FakeLease() override {
    --book_.live;
    book_.outcomes.push_back(outcome_);
  }
  apps::Endpoint* endpoint() override { return &endpoint_; }
  void terminate(std::string_view why) override {
    book_.terminated.emplace_back(why);
    if (on_terminate) on_terminate();
  }
  void finish(apps::Outcome outcome) override { outcome_ = outcome; }
  void at(apps::Phase phase) override { book_.phases.push_back(phase); }
  void watch_kill(loop::Scope* scope) override { killed = scope; }
  apps::Journey& journey() override { return journey_; }

  std::function<void()> on_terminate;
  loop::Scope* killed = nullptr;

 private:
  FakeEndpoint& endpoint_;
  LeaseBook& book_;
  apps::Outcome outcome_ = apps::Outcome::kGivenUp;
  apps::Journey journey_;
};

class FakeLog final : public AppLog {
 public:
  void error_line(uint64_t, std::string_view, std::string_view line) override { errors.emplace_back(line); }
  void ended(uint64_t, std::string_view trouble, const apps::Journey&) override {
    troubles.emplace_back(trouble);
  }
  std::vector<std::string> errors;
  std::vector<std::string> troubles;
};

}  // namespace remuda::gateway::testing
