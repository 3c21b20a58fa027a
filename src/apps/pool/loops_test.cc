// SPDX-License-Identifier: Apache-2.0
//
// Several loops on their own threads lend the instances of one group, while home adds, drains and removes
// them and asks what is going on: nobody is lent beyond what it takes, nobody is forgotten, idle connections
// are closed where another loop needs them.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "apps/pool/group.h"
#include "apps/pool/pool.h"
#include "apps/pool/pool_source.h"
#include "loop/backend/epoll.h"

namespace remuda::apps::pool {
namespace {

using namespace std::chrono_literals;

constexpr int kLoops = 3;
constexpr int kStories = 20;
constexpr int kRequests = 60;  // of each story

// Keeps one connection after each request, as wires do.
class OneIdle final : public Connections {
 public:
  size_t idle() const override { return kept ? 1 : 0; }
  void close_idle() override {
    kept = false;
    ++*closed;
  }
  bool kept = false;
  std::atomic<int>* closed = nullptr;
};

struct Counts {
  std::array<std::atomic<int>, 1000> inside{};  // by instance
  std::atomic<int> most = 0;
  std::atomic<int> served = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> closed = 0;
};

loop::Task<void> serve(loop::Loop& loop, PoolSource& source, Counts& counts, StartRequest request) {
  auto lease = co_await source.acquire(request, loop.now() + 60s);
  if (!lease) {
    ++counts.refused;
    co_return;
  }
  Endpoint& endpoint = *(*lease)->endpoint();
  if (endpoint.connections == nullptr) endpoint.connections = std::make_unique<OneIdle>();
  auto& connections = static_cast<OneIdle&>(*endpoint.connections);
  connections.closed = &counts.closed;
  connections.kept = false;
  const int now = ++counts.inside[endpoint.id() % counts.inside.size()];
  if (now > counts.most) counts.most = now;
  (*lease)->at(Phase::kApplication);
  co_await loop.yield();
  --counts.inside[endpoint.id() % counts.inside.size()];
  (*lease)->finish(Outcome::kAnswered);
  connections.kept = true;
  ++counts.served;
}

loop::Task<void> story(loop::Loop& loop, PoolSource& source, Counts& counts, int number, int& left) {
  for (int i = 0; i < kRequests; ++i) {
    co_await serve(loop, source, counts, {.request = static_cast<uint64_t>(number), .method = "GET"});
    if (i % 7 == 0) co_await loop.sleep_until(loop.now() + 1ms);
  }
  --left;
}

void run_loop(Group& group, Counts& counts) {
  const auto backend = std::move(*loop::EpollBackend::create());
  loop::Loop loop(*backend);
  PoolSource source(group, loop);
  int left = kStories;
  for (int i = 0; i < kStories; ++i) loop.root().spawn(story(loop, source, counts, i, left));
  while (left > 0) loop.turn(loop.now() + 20ms);
}

std::shared_ptr<Instance> instance(uint64_t id) {
  auto made = std::make_shared<Instance>();
  made->id = id;
  made->name = "blog[" + std::to_string(id) + "]";
  return made;
}

// Replaces the instances one after the other, as a rolling restart does.
class Home {
 public:
  Home(Group& group, loop::Loop& loop) : group_(group), loop_(loop) {
    for (int i = 0; i < 4; ++i) begin();
  }
  void replace_oldest() {
    begin();
    group_.drain(*instances_.front());
    while (group_.facts(*instances_.front(), loop_.now()).busy > 0) loop_.turn(loop_.now() + 1ms);
    group_.stopping(*instances_.front());
    group_.remove(*instances_.front());
    instances_.erase(instances_.begin());
  }

 private:
  void begin() {
    instances_.push_back(instance(next_++));
    group_.add(instances_.back(), loop_);
  }
  Group& group_;
  loop::Loop& loop_;
  uint64_t next_ = 1;
  std::vector<std::shared_ptr<Instance>> instances_;
};

TEST(PoolOfManyLoops, LendsEachInstanceToOneAtATime) {
  Pool pool({});
  Group& group = pool.add({.name = "blog", .queue = 1000, .queue_time = 60s});
  Counts counts;
  const auto backend = std::move(*loop::EpollBackend::create());
  loop::Loop loop(*backend);
  std::atomic<int> calls = 0;
  group.call_home(&loop, [&calls] { ++calls; });
  size_t seen = 0;
  {
    Home home(group, loop);
    std::atomic<int> running = kLoops;
    std::vector<std::jthread> threads;
    for (int i = 0; i < kLoops; ++i) {
      threads.emplace_back([&] {
        run_loop(group, counts);
        --running;
      });
    }
    while (running > 0) {
      home.replace_oldest();
      loop.root().spawn([](Group& asked, loop::Loop& asking, size_t& to) -> loop::Task<void> {
        to += (co_await asked.board().live(asking, asking.now() + 20ms)).size();
      }(group, loop, seen));
      loop.turn(loop.now() + 2ms);
      group.census(loop.now());
    }
  }
  loop.run();
  EXPECT_GT(seen, 0U);
  group.call_home(nullptr, {});
  EXPECT_EQ(counts.most, 1);
  EXPECT_EQ(counts.served + counts.refused, kLoops * kStories * kRequests);
  EXPECT_EQ(counts.refused, 0);
  EXPECT_GT(counts.closed, 0);
  EXPECT_EQ(group.counters().requests, static_cast<uint64_t>(counts.served.load()));
  EXPECT_EQ(group.queue(loop.now()).waiting, 0U);
}

}  // namespace
}  // namespace remuda::apps::pool
