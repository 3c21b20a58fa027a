// SPDX-License-Identifier: Apache-2.0
//
// The life of a worker's loop and its three ends: a drain that waits, a drain whose grace passes, a stop. And
// the status socket beside it.
#include "server/worker_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/h1/testing/scripted_service.h"
#include "loop/backend/deterministic.h"

namespace remuda::server {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kSlowGet = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

// Asks the gate about the end of connections, as the steps of a request do.
class GatedService final : public http::h1::testing::ScriptedService {
 public:
  explicit GatedService(Gate& gate) : gate_(gate) {}
  bool should_close() override { return gate_.should_close(); }

 private:
  Gate& gate_;
};

struct Seen {
  std::vector<std::string> lines;
  int flushed = 0;
  bool own_story_ended = false;
  size_t answered = 0;
};

// "/slow" takes as long as it is told.
class FakeSite final : public Site {
 public:
  FakeSite(Gate& gate, Seen& seen, loop::Duration slow) : service_(gate), seen_(seen), slow_(slow) {
    service_.answer = [this](http::Exchange& exchange) { return answer(exchange); };
    admin_.answer = [this](http::Exchange& exchange) { return answer(exchange); };
  }
  http::Service& service() override { return service_; }
  http::Service* admin() override { return &admin_; }
  base::Log& log() override { return *log_; }
  void start(loop::Scope& scope) override { scope.spawn(tell_its_end(scope.loop())); }
  void flush() override {
    ++seen_.flushed;
    seen_.answered = service_.log.size();
  }

 private:
  loop::Task<void> answer(http::Exchange& exchange) {
    if (exchange.request.target == "/slow") {
      [[maybe_unused]] const auto slept = co_await exchange.loop.sleep_until(exchange.loop.now() + slow_);
    }
    exchange.response.status = 200;
    exchange.response.content = http::MemoryContent{"hello"};
  }
  loop::Task<void> tell_its_end(loop::Loop& loop) {
    [[maybe_unused]] const auto slept = co_await loop.sleep_until(loop::kNever);
    seen_.own_story_ended = true;
  }

  GatedService service_;
  http::h1::testing::ScriptedService admin_;
  Seen& seen_;
  loop::Duration slow_;
  std::unique_ptr<base::Log> log_ =
      base::Log::into([this](std::string_view line) { seen_.lines.emplace_back(line); });
};

class WorkerLoopTest : public testing::Test {
 protected:
  explicit WorkerLoopTest(loop::Duration slow = 1s) {
    auto backend = std::make_unique<loop::DeterministicBackend>();
    backend_ = backend.get();
    listener_ = backend_->listener();
    began_ = backend_->now();
    WorkerLoopOptions options;
    options.listeners = {listener_, backend_->listener()};
    options.connections = 10;
    status_ = backend_->listener();
    options.status_socket = status_;
    options.let_go_of_listeners = [this] { ++let_go_; };
    worker_loop_ = std::make_unique<WorkerLoop>(std::move(backend), options);
    worker_loop_->use(std::make_unique<FakeSite>(worker_loop_->gate(), seen_, slow));
  }
  int client(std::string_view request) {
    const int end = backend_->connect_to(listener_);
    EXPECT_EQ(backend_->put(end, request), request.size());
    return end;
  }
  // To its end; how long that took.
  loop::Duration run() {
    worker_loop_->run();
    EXPECT_FALSE(backend_->was_stuck());
    EXPECT_EQ(worker_loop_->gate().inside(), 0U);
    EXPECT_EQ(backend_->open_descriptors(), 0U);
    EXPECT_EQ(seen_.flushed, 1);
    EXPECT_TRUE(seen_.own_story_ended);
    EXPECT_EQ(let_go_, 1);
    return backend_->now() - began_;
  }
  void drain_after(loop::Duration delay, loop::Duration grace) {
    tell_after(delay, [this, grace] { worker_loop_->drain(grace); });
  }
  void stop_after(loop::Duration delay) {
    tell_after(delay, [this] { worker_loop_->stop(); });
  }
  // On the loop, as the supervisor's word comes.
  void tell_after(loop::Duration delay, std::function<void()> call) {
    backend_->after(delay, [this, call] { worker_loop_->loop().post(call); });
  }

  Seen seen_;
  int let_go_ = 0;
  loop::DeterministicBackend* backend_ = nullptr;
  int listener_ = -1;
  int status_ = -1;
  loop::Time began_{};
  std::unique_ptr<WorkerLoop> worker_loop_;
};

TEST_F(WorkerLoopTest, ADrainOfNothingEndsAtOnce) {
  drain_after(500ms, 30s);
  EXPECT_EQ(run(), 500ms);
  EXPECT_THAT(seen_.lines, IsEmpty());
}

TEST_F(WorkerLoopTest, ADrainClosesTheIdleAndLetsTheBusyFinish) {
  const int idle = client(kGet);
  const int busy = client(kSlowGet);
  drain_after(500ms, 30s);
  bool idle_ended = false;
  backend_->after(600ms, [&] {
    EXPECT_THAT(backend_->take(idle), HasSubstr("hello"));
    idle_ended = backend_->input_ended(idle);
  });
  const loop::Duration took = run();
  EXPECT_TRUE(idle_ended);
  EXPECT_GE(took, 1s);
  EXPECT_LT(took, 5s);
  const std::string answer = backend_->take(busy);
  EXPECT_THAT(answer, HasSubstr("hello"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_EQ(seen_.answered, 2U);
  EXPECT_THAT(seen_.lines, IsEmpty());
}

TEST_F(WorkerLoopTest, ASecondDrainChangesNothing) {
  const int busy = client(kSlowGet);
  drain_after(100ms, 30s);
  drain_after(200ms, 0s);
  EXPECT_GE(run(), 1s);
  EXPECT_THAT(backend_->take(busy), HasSubstr("hello"));
}

TEST_F(WorkerLoopTest, AStopEndsEverythingNow) {
  const int busy = client(kSlowGet);
  client(kGet);
  stop_after(500ms);
  EXPECT_EQ(run(), 500ms);
  EXPECT_THAT(backend_->take(busy), Not(HasSubstr("hello")));
  EXPECT_EQ(seen_.answered, 2U);
}

TEST_F(WorkerLoopTest, AStopWithinADrainEndsIt) {
  client(kSlowGet);
  drain_after(200ms, 30s);
  stop_after(500ms);
  EXPECT_EQ(run(), 500ms);
  EXPECT_THAT(seen_.lines, IsEmpty());
}

TEST_F(WorkerLoopTest, TheStatusIsAnsweredToTheEndOfADrainAndHoldsNothingUp) {
  client(kSlowGet);
  drain_after(100ms, 30s);
  int asked = -1;
  backend_->after(500ms, [&] {
    asked = backend_->connect_to(status_);
    backend_->put(asked, kGet);
  });
  std::string answer;
  backend_->after(600ms, [&] { answer = backend_->take(asked); });
  const loop::Duration took = run();
  EXPECT_THAT(answer, HasSubstr("hello"));
  EXPECT_THAT(answer, Not(HasSubstr("Connection: close")));
  EXPECT_GE(took, 1s);
  EXPECT_LT(took, 5s);  // not as long as the status connection would idle
  EXPECT_EQ(seen_.answered, 1U);
}

loop::Task<void> wait_a_moment(loop::Loop& loop) {
  [[maybe_unused]] const auto slept = co_await loop.sleep_until(loop.now() + 200ms);
}

TEST_F(WorkerLoopTest, AStatusConnectionBeyondTheBoundWaits) {
  constexpr size_t kBound = 32;
  std::vector<int> asked;
  for (size_t i = 0; i <= kBound; ++i) asked.push_back(backend_->connect_to(status_));
  backend_->put(asked.back(), kGet);
  std::string early;
  std::string late;
  backend_->after(50ms, [&] {
    early = backend_->take(asked.back());
    backend_->close(asked.front());
  });
  backend_->after(100ms, [&] {
    late = backend_->take(asked.back());
    EXPECT_EQ(worker_loop_->gate().inside(), 0U);
  });
  drain_after(200ms, 30s);
  worker_loop_->loop().root().spawn(wait_a_moment(worker_loop_->loop()));
  run();
  EXPECT_EQ(early, "");
  EXPECT_THAT(late, HasSubstr("hello"));
}

// As the first loop of a worker does for the others.
loop::Task<void> wait_long(loop::Loop& loop) {
  [[maybe_unused]] const auto slept = co_await loop.sleep_until(loop.now() + 60s);
}

TEST_F(WorkerLoopTest, NothingIsCutWhereNobodyIs) {
  worker_loop_->loop().root().spawn(wait_long(worker_loop_->loop()));
  drain_after(500ms, 1s);
  EXPECT_EQ(run(), 1500ms);
  EXPECT_THAT(seen_.lines, IsEmpty());
}

TEST_F(WorkerLoopTest, TheOnlyConnectionIsServedToItsEnd) {
  const auto ends = backend_->connection();
  backend_->put(ends.far, kSlowGet);
  backend_->after(2s, [&] { backend_->end_sending(ends.far); });
  worker_loop_->run_one(base::Fd(ends.near), http::Address());
  EXPECT_THAT(backend_->take(ends.far), HasSubstr("hello"));
  EXPECT_EQ(worker_loop_->gate().inside(), 0U);
  EXPECT_EQ(seen_.flushed, 1);
  EXPECT_EQ(let_go_, 0);
}

class VerySlowTest : public WorkerLoopTest {
 protected:
  VerySlowTest() : WorkerLoopTest(60s) {}
};

TEST_F(VerySlowTest, WhatDoesNotEndWithinTheGraceIsCut) {
  const int busy = client(kSlowGet);
  drain_after(500ms, 1s);
  EXPECT_EQ(run(), 1500ms);
  EXPECT_THAT(backend_->take(busy), Not(HasSubstr("hello")));
  EXPECT_THAT(seen_.lines, ElementsAre(HasSubstr("1 connections were cut")));
}

}  // namespace
}  // namespace remuda::server
