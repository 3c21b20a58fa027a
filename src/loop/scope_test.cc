// SPDX-License-Identifier: Apache-2.0
//
// Tasks and Scopes: what is cancelled, when, how far down, and that a join means that nothing is left.
#include "loop/scope.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "loop/backend/deterministic.h"
#include "loop/frame_allocator.h"
#include "loop/loop.h"

namespace remuda::loop {
namespace {

using namespace std::chrono_literals;

class ScopeTest : public testing::Test {
 protected:
  ~ScopeTest() override {
    EXPECT_EQ(live_frames(), frames_before_);
    EXPECT_FALSE(backend_.was_stuck());
  }

  size_t frames_before_ = live_frames();
  DeterministicBackend backend_;
  Loop loop_{backend_};
};

Task<int> sleep_for(Loop& loop, Duration delay) {
  const auto slept = co_await loop.sleep_until(loop.now() + delay);
  co_return slept ? 0 : slept.error().code;
}

Task<int> deep_down(Loop& loop, int levels) {
  if (levels == 0) co_return co_await sleep_for(loop, 1h);
  co_return co_await deep_down(loop, levels - 1);
}

Task<void> note(Task<int> story, std::vector<int>& into) { into.push_back(co_await std::move(story)); }

TEST_F(ScopeTest, TasksReturnValuesThroughEveryLevel) {
  auto count = [](auto& self, int n) -> Task<std::string> {
    if (n == 0) co_return "";
    std::string below = co_await self(self, n - 1);
    co_return below + "x";
  };
  std::string result;
  auto story = [](auto task, std::string& into) -> Task<void> { into = co_await std::move(task); };
  loop_.root().spawn(story(count(count, 1000), result));
  EXPECT_EQ(result.size(), 1000U);
}

TEST_F(ScopeTest, AMoveOnlyValueIsReturned) {
  auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  int got = 0;
  auto story = [](Task<std::unique_ptr<int>> task, int& into) -> Task<void> {
    into = *co_await std::move(task);
  };
  loop_.root().spawn(story(make(), got));
  EXPECT_EQ(got, 7);
}

TEST_F(ScopeTest, ATaskThatIsNeverAwaitedNeverRuns) {
  bool ran = false;
  {
    auto story = [](bool& flag) -> Task<void> {
      flag = true;
      co_return;
    };
    const Task<void> task = story(ran);
  }
  EXPECT_FALSE(ran);
}

TEST_F(ScopeTest, CancellationReachesTheBottom) {
  std::vector<int> results;
  loop_.root().spawn(note(deep_down(loop_, 50), results));
  loop_.turn(loop_.now());
  loop_.root().cancel(EPIPE);
  loop_.run();
  EXPECT_EQ(results, std::vector{EPIPE});
}

TEST_F(ScopeTest, EverythingLaterFailsAtOnce) {
  std::vector<int> results;
  loop_.root().cancel();
  loop_.root().spawn(note(sleep_for(loop_, 1h), results));
  EXPECT_EQ(results, std::vector{ECANCELED});
  EXPECT_EQ(loop_.root().children(), 0U);
}

TEST_F(ScopeTest, TheFirstReasonStands) {
  std::vector<int> results;
  loop_.root().spawn(note(sleep_for(loop_, 1h), results));
  loop_.root().cancel(ETIMEDOUT);
  loop_.root().cancel(ECONNRESET);
  loop_.run();
  EXPECT_EQ(results, std::vector{ETIMEDOUT});
}

Task<void> run_with_deadline(Loop& loop, Duration limit, Duration work, std::vector<int>& results) {
  Scope scope(loop, &loop.root());
  scope.set_deadline(loop.now() + limit);
  results.push_back(co_await scope.run(sleep_for(loop, work)));
}

TEST_F(ScopeTest, ADeadlineCancelsWithItsOwnReason) {
  std::vector<int> results;
  const Time began = loop_.now();
  loop_.root().spawn(run_with_deadline(loop_, 3s, 1h, results));
  loop_.run();
  EXPECT_EQ(results, std::vector{ETIMEDOUT});
  EXPECT_LE(loop_.now() - began, 3s + 2ms);
}

TEST_F(ScopeTest, ADeadlineThatIsMetDoesNothing) {
  std::vector<int> results;
  loop_.root().spawn(run_with_deadline(loop_, 3s, 1s, results));
  loop_.run();
  EXPECT_EQ(results, std::vector{0});
}

TEST_F(ScopeTest, ADeadlineCanBePutOffAndTakenAway) {
  std::vector<int> results;
  Scope scope(loop_);
  scope.set_deadline(loop_.now() + 1s);
  scope.set_deadline(loop_.now() + 1min);
  scope.set_deadline(kNever);
  scope.spawn(note(sleep_for(loop_, 1h), results));
  while (scope.children() != 0) loop_.turn(kNever);
  EXPECT_EQ(results, std::vector{0});
}

TEST_F(ScopeTest, CancellingAChildScopeSparesItsParent) {
  std::vector<int> results;
  auto story = [](Loop& loop, std::vector<int>& into) -> Task<void> {
    Scope inner(loop, &loop.root());
    inner.spawn(note(sleep_for(loop, 1h), into));
    inner.spawn(note(deep_down(loop, 5), into));
    into.push_back(co_await sleep_for(loop, 1s));
    inner.cancel();
    co_await inner.join();
    into.push_back(co_await sleep_for(loop, 1s));
  };
  loop_.root().spawn(story(loop_, results));
  loop_.run();
  EXPECT_EQ(results, (std::vector{0, ECANCELED, ECANCELED, 0}));
}

TEST_F(ScopeTest, CancellingAParentReachesNestedScopes) {
  std::vector<int> results;
  auto story = [](Loop& loop, Scope& outer, std::vector<int>& into) -> Task<void> {
    Scope middle(loop, &outer);
    Scope inner(loop, &middle);
    inner.spawn(note(sleep_for(loop, 1h), into));
    middle.spawn(note(sleep_for(loop, 2h), into));
    co_await inner.join();
    co_await middle.join();
  };
  loop_.root().spawn(story(loop_, loop_.root(), results));
  loop_.root().cancel(ESHUTDOWN);
  loop_.run();
  EXPECT_EQ(results.size(), 2U);
  for (const int result : results) EXPECT_EQ(result, ESHUTDOWN);
}

TEST_F(ScopeTest, AScopeUnderACancelledOneIsBornCancelled) {
  Scope outer(loop_);
  outer.cancel(EPIPE);
  const Scope inner(loop_, &outer);
  EXPECT_EQ(inner.cancelled(), EPIPE);
}

TEST_F(ScopeTest, ChildrenSpawnChildren) {
  int ended = 0;
  auto tree = [](auto& self, Scope& scope, int depth, int& count) -> Task<void> {
    if (depth > 0) {
      scope.spawn(self(self, scope, depth - 1, count));
      scope.spawn(self(self, scope, depth - 1, count));
    }
    co_await sleep_for(scope.loop(), std::chrono::milliseconds(depth));
    ++count;
  };
  bool joined = false;
  auto story = [](Loop& loop, auto& grow, int& count, bool& done) -> Task<void> {
    Scope scope(loop, &loop.root());
    scope.spawn(grow(grow, scope, 7, count));
    co_await scope.join();
    EXPECT_EQ(count, 255);
    done = true;
  };
  loop_.root().spawn(story(loop_, tree, ended, joined));
  loop_.run();
  EXPECT_TRUE(joined);
}

TEST_F(ScopeTest, JoinOfNothingReturnsAtOnce) {
  bool joined = false;
  auto story = [](Scope& scope, bool& done) -> Task<void> {
    co_await scope.join();
    done = true;
  };
  Scope scope(loop_);
  loop_.root().spawn(story(scope, joined));
  EXPECT_TRUE(joined);
}

// The completion of one operation cancels the scope in which others are about to complete in the same turn.
TEST_F(ScopeTest, CancelsInsideACompletion) {
  std::vector<int> results;
  Scope scope(loop_);
  auto canceller = [](Loop& loop, Scope& its_scope) -> Task<void> {
    co_await sleep_for(loop, 1s);
    its_scope.cancel();
  };
  scope.spawn(note(sleep_for(loop_, 1s), results));
  scope.spawn(canceller(loop_, scope));
  scope.spawn(note(sleep_for(loop_, 1s), results));
  scope.spawn(note(sleep_for(loop_, 2s), results));
  while (scope.children() != 0) loop_.turn(kNever);
  EXPECT_EQ(results, (std::vector{0, 0, ECANCELED}));
}

TEST_F(ScopeTest, CancelsWhatTheBackendCompletesInTheSameTurn) {
  const auto [first, first_far] = backend_.connection();
  const auto [second, second_far] = backend_.connection();
  backend_.after(1s, [&] {
    backend_.put(first_far, "x");
    backend_.put(second_far, "x");
  });
  std::vector<int> results;
  Scope scope(loop_);
  auto read = [](Loop& loop, Scope& its_scope, int fd, std::vector<int>& into) -> Task<void> {
    std::byte byte;
    const auto got = co_await loop.receive(fd, {&byte, 1}, loop.now() + 1min);
    into.push_back(got ? 0 : got.error().code);
    its_scope.cancel();
  };
  scope.spawn(read(loop_, scope, first, results));
  scope.spawn(read(loop_, scope, second, results));
  while (scope.children() != 0) loop_.turn(kNever);
  EXPECT_EQ(results, (std::vector{0, ECANCELED}));
  loop_.close(first);
  loop_.close(second);
}

// What a child was given is gone when its scope has been joined: the joiner may free what it refers to.
TEST_F(ScopeTest, AfterTheJoinTheChildsParametersAreGone) {
  auto token = std::make_shared<int>(1);
  long owners = 0;
  auto child = [](Loop& loop, std::shared_ptr<int> held) -> Task<void> {
    co_await sleep_for(loop, 1s);
    EXPECT_EQ(*held, 1);
  };
  auto parent = [](Loop& loop, auto& make_child, std::shared_ptr<int>& its_token, long& left) -> Task<void> {
    Scope scope(loop, &loop.root());
    scope.spawn(make_child(loop, its_token));
    co_await scope.join();
    left = its_token.use_count();
  };
  loop_.root().spawn(parent(loop_, child, token, owners));
  loop_.run();
  EXPECT_EQ(owners, 1);
}

// The joiner destroys the scope while the child that woke it is still on the stack.
TEST_F(ScopeTest, TheJoinerMayDestroyTheScope) {
  auto story = [](Loop& loop) -> Task<void> {
    auto scope = std::make_unique<Scope>(loop, &loop.root());
    std::vector<int> results;
    scope->spawn(note(sleep_for(loop, 1s), results));
    co_await scope->join();
    scope.reset();
    EXPECT_EQ(results, std::vector{0});
  };
  loop_.root().spawn(story(loop_));
  loop_.run();
}

TEST_F(ScopeTest, TimedOutAndCancelledInTheSameTurnCompletesOnce) {
  std::vector<int> results;
  Scope scope(loop_);
  scope.set_deadline(loop_.now() + 1s);
  const auto [near, far] = backend_.connection();
  auto read = [](Loop& loop, int fd) -> Task<int> {
    std::byte byte;
    const auto got = co_await loop.receive(fd, {&byte, 1}, loop.now() + 1s);
    co_return got ? 0 : got.error().code;
  };
  scope.spawn(note(read(loop_, near), results));
  while (scope.children() != 0) loop_.turn(kNever);
  EXPECT_EQ(results, std::vector{ETIMEDOUT});
  loop_.close(near);
}

using ScopeDeathTest = ScopeTest;

TEST_F(ScopeDeathTest, AScopeWithChildrenMustNotGo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Loop loop(backend_);
        std::vector<int> results;
        Scope scope(loop);
        scope.spawn(note(sleep_for(loop, 1h), results));
      },
      "children_ == 0");
}

}  // namespace
}  // namespace remuda::loop
