// SPDX-License-Identifier: Apache-2.0
//
// A start, requests and a restart with every operation failing once: nothing is left behind, and nobody waits
// for ever.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/pool/fake_spawner.h"
#include "apps/pool/home.h"
#include "apps/pool/pool_source.h"
#include "loop/backend/every_failure.h"

namespace remuda::apps::pool {
namespace {

using namespace std::chrono_literals;

loop::Task<void> request(loop::Loop& loop, PoolSource& source, int& done) {
  const StartRequest asked{.request = 1};
  if (auto lease = co_await source.acquire(asked, loop.now() + 5s)) {
    co_await loop.sleep_until(loop.now() + 10ms);
    (*lease)->finish(Outcome::kAnswered);
  }
  ++done;
}

loop::Task<void> restart(Control& control, int& done) {
  co_await control.restart();
  co_await control.status();
  ++done;
}

void a_pool_at_work(loop::DeterministicBackend& backend, loop::Loop& loop) {
  const auto log = base::Log::into([](std::string_view) {});
  Pool pool({.memory = 1 << 30, .cores = 2});
  Group& group = pool.add({.name = "blog", .max = 2, .memory_soft = 1 << 20, .queue_time = 5s});
  FakeSpawner spawner(backend, loop);
  loop::Scope beside(loop);
  {
    Home home(pool, loop, spawner, *log, {.run_directory = "/run/x"}, &spawner);
    PoolSource source(group, loop);
    beside.spawn(home.run());
    int done = 0;
    for (int i = 0; i < 4; ++i) loop.root().spawn(request(loop, source, done));
    loop.root().spawn(restart(home.control(group), done));
    const loop::Time end = loop.now() + 20s;
    while (done < 5 && loop.now() < end) loop.turn(end);
    EXPECT_EQ(done, 5);
    beside.cancel();
    while (beside.children() > 0) loop.turn(loop.now() + 1ms);
  }
  spawner.end_all();
  const loop::Time end = loop.now() + 10s;  // what the spawner still had in mind
  while (loop.now() < end) loop.turn(end);
}

TEST(PoolFailures, LeaveNothing) {
  EXPECT_THAT(loop::run_under_every_failure(a_pool_at_work), testing::IsEmpty());
}

}  // namespace
}  // namespace remuda::apps::pool
