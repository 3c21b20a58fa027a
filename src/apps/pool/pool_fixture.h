// SPDX-License-Identifier: Apache-2.0
//
// For tests: a pool of one group on one loop in virtual time, with a fake spawner, and requests that hold a
// lease for a while.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "apps/pool/fake_spawner.h"
#include "apps/pool/group.h"
#include "apps/pool/home.h"
#include "apps/pool/label.h"
#include "apps/pool/pool_source.h"

namespace remuda::apps::pool {

using namespace std::chrono_literals;

// One request's story and what came of it.
struct Request {
  uint64_t number = 0;
  StartRequest asked{.method = "GET", .target = "/"};
  loop::Duration works = 5ms;
  loop::Duration patience = 1min;
  Outcome outcome = Outcome::kAnswered;

  std::unique_ptr<Lease> lease;
  std::optional<AcquireFailure> failure;
  uint64_t by = 0;  // Endpoint::id()
  std::string by_name;
  loop::Time asked_at{};
  loop::Time served_at{};
  bool done = false;
};

class PoolTest : public testing::Test {
 public:
  PoolTest() {
    options_.name = "blog";
    options_.program = "/srv/blog";
  }
  ~PoolTest() override { close(); }

  // After the options have been set.
  void open() {
    pool_.emplace(pool_options_);
    group_ = &pool_->add(options_);
    begin();
  }
  void begin() {
    home_.emplace(*pool_, loop_, spawner_, *log_, HomeOptions{.run_directory = "/run/x"}, &spawner_);
    source_.emplace(*group_, loop_);
    home_scope_.emplace(loop_, nullptr);
    home_scope_->spawn(home_->run());
  }
  // The worker ends; programs run on.
  void stop() {
    if (!home_scope_) return;
    home_scope_->cancel();
    while (home_scope_->children() > 0) loop_.turn(loop_.now() + 1ms);
    home_scope_.reset();
    source_.reset();
    home_.reset();
  }
  void close() {
    clients_.cancel();
    while (clients_.children() > 0) loop_.turn(loop_.now() + 1ms);
    requests_.clear();
    stop();
    spawner_.end_all();
    run_for(10ms);
    pool_.reset();
  }

  void run_for(loop::Duration time) {
    const loop::Time end = loop_.now() + time;
    while (loop_.now() < end) loop_.turn(end);
  }

  Request& ask(Request request = {}) {
    requests_.push_back(std::make_unique<Request>(std::move(request)));
    Request& asked = *requests_.back();
    asked.number = requests_.size();
    asked.asked.request = asked.number;
    clients_.spawn(serve(asked));
    return asked;
  }
  // Asks, waits until it has been answered.
  Request& ask_and_wait(Request request = {}) {
    Request& asked = ask(std::move(request));
    for (int i = 0; i < 100000 && !asked.done; ++i) loop_.turn(loop_.now() + 1s);
    return asked;
  }

  loop::Task<void> serve(Request& request) {
    request.asked_at = loop_.now();
    auto lease = co_await source_->acquire(request.asked, loop_.now() + request.patience);
    if (!lease) {
      request.failure = std::move(lease.error());
      request.done = true;
      co_return;
    }
    request.lease = std::move(*lease);
    request.by = request.lease->endpoint()->id();
    request.by_name = request.lease->endpoint()->name();
    request.served_at = loop_.now();
    co_await loop_.sleep_until(loop_.now() + request.works);
    if (request.lease != nullptr) request.lease->finish(request.outcome);
    request.lease.reset();
    request.done = true;
  }

  AppStatus status() {
    std::optional<AppStatus> got;
    loop_.root().spawn([](PoolTest& test, std::optional<AppStatus>& to) -> loop::Task<void> {
      to = co_await test.home_->control(*test.group_).status();
    }(*this, got));
    while (!got) loop_.turn(loop_.now() + 1ms);
    return std::move(*got);
  }

  bool logged(std::string_view text) const {
    return std::ranges::any_of(lines_,
                               [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  FakeSpawner spawner_{backend_, loop_};
  std::vector<std::string> lines_;
  std::unique_ptr<base::Log> log_ =
      base::Log::into([this](std::string_view line) { lines_.emplace_back(line); }, base::LogLevel::kDebug);
  PoolOptions pool_options_{.memory = 1 << 30, .cores = 4};
  GroupOptions options_;
  std::optional<Pool> pool_;
  Group* group_ = nullptr;
  std::optional<Home> home_;
  std::optional<PoolSource> source_;
  std::optional<loop::Scope> home_scope_;
  std::vector<std::unique_ptr<Request>> requests_;
  loop::Scope clients_{loop_};
};

}  // namespace remuda::apps::pool
