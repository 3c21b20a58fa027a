// SPDX-License-Identifier: Apache-2.0
//
// What is told of templates, from what the spawner says: log, status, who follows a new generation; and
// restarts that load first.
#include "apps/templates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "apps/template_control.h"
#include "loop/backend/deterministic.h"

namespace remuda::apps {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Said = spawner::TemplateState::State;
using State = TemplateStatus::State;

class FakeInner final : public Control {
 public:
  explicit FakeInner(loop::Loop& loop) : loop_(loop) {}
  std::string_view name() const override { return "site"; }
  loop::Task<AppStatus> status() override { co_return AppStatus{.name = "site"}; }
  loop::Task<RestartReport> restart() override {
    ++restarts;
    co_await loop_.sleep_until(loop_.now() + 10ms);
    co_return RestartReport{.succeeded = true, .replaced = 2, .lines = {"2 to replace"}};
  }
  base::Result<void> end_instance(pid_t) override { return {}; }
  loop::Task<base::Result<void>> end_request(uint64_t) override { co_return base::Result<void>(); }
  base::Result<void> add_peer(std::string_view) override { return {}; }
  base::Result<void> drain_peer(std::string_view) override { return {}; }
  base::Result<void> restore_peer(std::string_view) override { return {}; }
  base::Result<void> remove_peer(std::string_view) override { return {}; }

  int restarts = 0;

 private:
  loop::Loop& loop_;
};

class TemplatesTest : public testing::Test, public TemplateSpawner {
 protected:
  ~TemplatesTest() override {
    scope_.cancel();
    while (scope_.children() > 0) loop_.turn(loop_.now() + 1ms);
  }

  // A generation's state, as the spawner says it now.
  void say(Said state, uint32_t generation, std::string_view detail = {}, std::string_view program = {}) {
    const int64_t now = loop_.now().time_since_epoch() / 1ns;
    if (state == Said::kLoading) began_ = now;
    templates_.heard({.app = 1,
                      .generation = generation,
                      .state = state,
                      .pid = state == Said::kFailed ? 0 : static_cast<pid_t>(100 + generation),
                      .began = began_,
                      .ready = state == Said::kReady ? now : 0,
                      .program = program,
                      .detail = detail});
    run_for(5ms);
  }
  void load(uint32_t generation, std::string_view changed = {}) {
    say(Said::kLoading, generation, changed);
    say(Said::kReady, generation, "import shop 3.0 ms");
  }
  void run_for(loop::Duration time) {
    const loop::Time end = loop_.now() + time;
    while (loop_.now() < end) loop_.turn(end);
  }

  template <typename Value>
  Value wait_for(loop::Task<Value> task) {
    std::optional<Value> got;
    scope_.spawn([](loop::Task<Value> its, std::optional<Value>& to) -> loop::Task<void> {
      to = co_await std::move(its);
    }(std::move(task), got));
    for (int i = 0; i < 1000 && !got; ++i) loop_.turn(loop_.now() + 1ms);
    return std::move(*got);
  }
  AppStatus status() { return wait_for(control_.status()); }

  loop::Task<base::Result<Renewal>> renew(uint32_t app, loop::Time) override {
    EXPECT_EQ(app, 1U);
    if (renewal_.error == 0) load(++renewed_, "by order");
    co_return renewal_;
  }
  loop::Task<base::Result<Memory>> measure_template(pid_t, loop::Time) override {
    co_return Memory{.resident = 30, .proportional = 20, .unique = 10};
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  loop::Scope scope_{loop_};
  std::vector<std::string> lines_;
  std::unique_ptr<base::Log> log_ =
      base::Log::into([this](std::string_view line) { lines_.emplace_back(line); }, base::LogLevel::kDebug);
  Templates templates_{loop_, *log_, Speaks::kYes, {"other", "site"}};
  FakeInner inner_{loop_};
  TemplateControl control_{
      loop_, inner_, templates_, *this, {.app = 1, .instances = TemplateOptions::Instances::kFollow}};
  Renewal renewal_;
  uint32_t renewed_ = 1;
  int64_t began_ = 0;
};

TEST_F(TemplatesTest, AreToldFromLoadingToTheirEnd) {
  say(Said::kLoading, 1);
  EXPECT_EQ(status().templates.at(0).state, State::kLoading);
  say(Said::kReady, 1, "import shop 3.0 ms\nfreeze 1.0 ms");
  const AppStatus ready = status();
  ASSERT_THAT(ready.templates, SizeIs(1));
  EXPECT_EQ(ready.templates[0].state, State::kReady);
  EXPECT_EQ(ready.templates[0].pid, 101);
  EXPECT_GE(ready.templates[0].loaded_in, 5ms);
  EXPECT_THAT(ready.templates[0].lines, ElementsAre("import shop 3.0 ms", "freeze 1.0 ms"));
  EXPECT_EQ(ready.templates[0].memory.proportional, 20U);
  EXPECT_EQ(ready.template_counters.loads, 1U);
  EXPECT_THAT(lines_, Contains(HasSubstr("app site: template generation 1 (pid 101) ready after 5.0 ms")));
  say(Said::kEnded, 1, "nothing was forked from it for long");
  EXPECT_THAT(status().templates, IsEmpty());
}

TEST_F(TemplatesTest, WhatFailsStandsBesideWhatServes) {
  load(1);
  say(Said::kLoading, 2, "app.py has changed");
  say(Said::kFailed, 2, "exited with status 1\nimport shop 3.0 ms\n| SyntaxError");
  const AppStatus failed = status();
  ASSERT_THAT(failed.templates, SizeIs(2));
  EXPECT_EQ(failed.templates[0].state, State::kReady);
  EXPECT_EQ(failed.templates[1].state, State::kFailed);
  EXPECT_THAT(failed.templates[1].lines, Contains("| SyntaxError"));
  EXPECT_EQ(failed.template_counters.failures, 1U);
  EXPECT_THAT(lines_, Contains(HasSubstr("template generation 2 did not load: exited with status 1")));
  EXPECT_THAT(lines_, Contains(HasSubstr("the generation before goes on")));
  load(3, "app.py has changed");
  ASSERT_THAT(status().templates, SizeIs(1));
  EXPECT_EQ(status().templates[0].generation, 3U);
}

TEST_F(TemplatesTest, WhatRunsUnderExecIsNoFailure) {
  say(Said::kFailed, 0, "runs under exec: a static program", "/site/cgi-bin/hello");
  EXPECT_EQ(status().template_counters.failures, 0U);
  EXPECT_THAT(lines_,
              Contains(HasSubstr("app site: /site/cgi-bin/hello: runs under exec: a static program")));
}

TEST_F(TemplatesTest, InstancesFollowWhatWasLoadedBecauseFilesChanged) {
  scope_.spawn(control_.run());
  load(1);
  load(2);
  run_for(50ms);
  EXPECT_EQ(inner_.restarts, 0) << "it was only loaded again";
  load(3, "app.py has changed");
  run_for(50ms);
  EXPECT_EQ(inner_.restarts, 1);
  load(4, "app.py has changed");
  load(5, "app.py has changed");
  run_for(50ms);
  EXPECT_EQ(inner_.restarts, 3) << "one under way does not know of what came after it began";
}

TEST_F(TemplatesTest, WhatWasReadyBeforeIsNoNews) {
  scope_.spawn(control_.run());
  templates_.heard({.app = 1, .generation = 7, .state = Said::kReady, .pid = 9, .began = 0, .ready = 0});
  run_for(10ms);
  EXPECT_THAT(lines_, IsEmpty());
  EXPECT_EQ(status().templates.at(0).generation, 7U);
  EXPECT_EQ(status().template_counters.loads, 0U);
}

TEST_F(TemplatesTest, ARestartLoadsFirst) {
  scope_.spawn(control_.run());
  load(1);
  const RestartReport report = wait_for(control_.restart());
  EXPECT_TRUE(report.succeeded);
  EXPECT_EQ(report.replaced, 2U);
  EXPECT_THAT(report.lines, Contains(HasSubstr("site: its template is loaded anew after")));
  run_for(50ms);
  EXPECT_EQ(inner_.restarts, 1) << "the order replaces them, and nobody else does";
}

TEST_F(TemplatesTest, InAFurtherWorkerInstancesHaveFollowed) {
  scope_.spawn(control_.run());
  load(1);
  load(2, "asked for");
  const RestartReport report = wait_for(control_.restart_too());
  EXPECT_TRUE(report.succeeded);
  EXPECT_EQ(report.replaced, 2U);
  run_for(50ms);
  EXPECT_EQ(wait_for(control_.restart_too()).replaced, 2U);
  EXPECT_LE(inner_.restarts, 2);
}

TEST_F(TemplatesTest, ARestartThatDoesNotLoadChangesNothing) {
  renewal_ = {.error = ECHILD, .detail = "exited with status 1\n| ImportError"};
  const RestartReport report = wait_for(control_.restart());
  EXPECT_FALSE(report.succeeded);
  EXPECT_EQ(inner_.restarts, 0);
  EXPECT_THAT(report.lines, Contains("  | ImportError"));
  EXPECT_EQ(report.lines.back(), "what was loaded before serves on");
}

TEST(Memory, OfOneMoreIsWhatHalfOfThemHaveForThemselves) {
  AppStatus app;
  EXPECT_EQ(memory_of_one_more(app), 0U);
  for (const uint64_t unique : {9U, 1U, 5U, 0U}) app.instances.emplace_back().memory.unique = unique;
  EXPECT_EQ(memory_of_one_more(app), 5U);
  EXPECT_EQ(shared_percent({.resident = 200, .proportional = 0, .unique = 50}), 75U);
  EXPECT_EQ(shared_percent({}), 0U);
}

}  // namespace
}  // namespace remuda::apps
