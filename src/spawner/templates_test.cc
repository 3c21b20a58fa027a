// SPDX-License-Identifier: Apache-2.0
//
// Templates, with a real spawner and real processes: this program is its own loader (testing/loader.h). Every
// story that docs/templates.md tells, and what becomes of it when a template dies, hangs, lies or floods.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>

#include "spawner/kinship.h"
#include "spawner/testing/loader.h"
#include "spawner/testing/spawner_fixture.h"

namespace remuda::spawner {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::HasSubstr;
using testing::StartsWith;
using State = TemplateState::State;

constexpr uint32_t kSite = 1;
constexpr uint32_t kPool = 2;
constexpr uint32_t kScripts = 3;

std::string query(const std::string& wish) { return "QUERY_STRING=" + wish + '\0'; }

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

size_t count_of(const std::string& directory) {
  const std::filesystem::directory_iterator all(directory);
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

class TemplatesTest : public SpawnerFixture {
 protected:
  struct Told {
    uint32_t app = 0;
    uint32_t generation = 0;
    State state = State::kLoading;
    pid_t pid = 0;
    std::string program;
    std::string detail;
  };

  void SetUp() override {
    SpawnerFixture::SetUp();
    stop();
    std::filesystem::create_directories(directory_ / "loaders/python");
    std::ofstream(directory_ / "loaders/python/remuda_cgi.py") << "its name is what counts\n";
    std::filesystem::create_symlink(own_path(), directory_ / "python3");
    options_.apps.push_back(rules("site", TemplateFor::kApplication));
    options_.apps.push_back(rules("pool", TemplateFor::kApplication));
    options_.apps.back().outlives = Outlives::kWorker;
    options_.apps.back().environment.emplace_back("INSTANCE=yes");
    options_.apps.push_back(rules("scripts", TemplateFor::kEachProgram));
    start();
  }
  // Again, with rules that the test has changed.
  void restart() {
    stop();
    auto pair = make_socket_pair();
    ASSERT_TRUE(pair);
    channel_ = std::move(*pair);
    options_.channels[0].socket = channel_.spawner.get();
    options_.generation = 1;
    rest_ = {};
    passed_.clear();
    told_.clear();
    start();
  }

  AppRules rules(const std::string& name, TemplateFor covers) {
    AppRules rules{.name = name, .root = directory_.string()};
    if (covers == TemplateFor::kApplication) rules.program = own_path();
    rules.environment = {"BEHAVIOUR=" + (directory_ / name).string(), "HTTPS=configured"};
    rules.template_rules.covers = covers;
    rules.template_rules.start_timeout = 20s;
    rules.template_rules.loaders = (directory_ / "loaders").string();
    return rules;
  }
  TemplateRules& templates(uint32_t app) { return options_.apps[app].template_rules; }
  void behave(const std::string& name, const std::string& words) {
    std::ofstream(directory_ / (name + ".new")) << words;
    std::filesystem::rename(directory_ / (name + ".new"), directory_ / name);
  }
  void change(const std::string& name) { std::ofstream(directory_ / (name + ".changed")) << ""; }

  void take(const TemplateState& state) {
    told_.push_back({state.app, state.generation, state.state, state.pid, std::string(state.program),
                     std::string(state.detail)});
  }
  // The next reply that is not about templates; those are collected.
  Reply answer() {
    if (!passed_.empty()) {
      answered_ = std::move(passed_.front());
      passed_.pop_front();
      std::span<const std::byte> packet = answered_;
      return *decode_reply(packet);
    }
    return next_answer();
  }
  Reply next_answer() {
    while (true) {
      Reply next = reply();
      if (const auto* const state = std::get_if<TemplateState>(&next)) {
        take(*state);
      } else if (const auto* const said = std::get_if<TemplateSaid>(&next)) {
        said_.emplace_back(said->text);
      } else {
        return next;
      }
    }
  }
  Failed failed_answer() { return std::get<Failed>(answer()); }
  Started started_answer() { return std::get<Started>(answer()); }
  Exited exited_answer() {
    Reply next = answer();
    if (std::holds_alternative<Started>(next)) next = answer();
    return std::get<Exited>(next);
  }
  void ping() {
    std::vector<std::byte> packet;
    encode(Ping{77}, packet);
    send(packet);
  }
  // Until a template of the application is in that state.
  Told until(uint32_t app, State state, uint32_t generation = 0) {
    for (int i = 0; i < 2000; ++i) {
      for (const Told& each : told_) {
        if (each.app == app && each.state == state && (generation == 0 || each.generation == generation))
          return each;
      }
      if (HasFailure()) break;
      listen_a_while();
    }
    ADD_FAILURE() << "no such state";
    return {};
  }
  void until_said(const std::string& line) {
    for (int i = 0; i < 2000 && std::ranges::find(said_, line) == said_.end(); ++i) listen_a_while();
  }
  // A Ping would wait for spawns that wait.
  void listen_a_while() {
    pollfd waiting{.fd = channel_.worker.get(), .events = POLLIN, .revents = 0};
    if (rest_.empty() && poll(&waiting, 1, 5) == 0) return;
    const Reply next = reply();
    if (const auto* const state = std::get_if<TemplateState>(&next)) {
      take(*state);
    } else if (const auto* const said = std::get_if<TemplateSaid>(&next)) {
      said_.emplace_back(said->text);
    } else {
      encode(next, passed_.emplace_back());
    }
  }
  bool was_told(uint32_t app, State state) const {
    return std::ranges::any_of(told_, [&](const Told& t) { return t.app == app && t.state == state; });
  }
  Pipes ask(uint64_t id, const std::string& wish, uint32_t app = kSite) {
    return spawn(id, "", query(wish), app);
  }
  // One that is served: its template is ready.
  Told ready(uint32_t app = kSite) {
    const Pipes pipes = ask(900 + app, "", app);
    EXPECT_EQ(exited_answer().status, 0);
    return until(app, State::kReady);
  }
  Renewed renew(uint32_t app) {
    std::vector<std::byte> packet;
    encode(Renew{.token = 5, .app = app}, packet);
    send(packet);
    return std::get<Renewed>(answer());
  }
  void start_instance(uint64_t id, std::string_view label) {
    const base::Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
    const Pipe errors = make_pipe();
    std::vector<std::byte> packet;
    encode_head({.id = id, .app = kPool, .input = Input::kListener, .label = label}, 0, packet);
    send(packet, {listener.get(), errors.write.get(), errors.read.get()});
  }
  void replace_worker() {
    auto pair = make_socket_pair();
    ASSERT_TRUE(pair);
    channel_.worker.reset();
    options_.channels[0] = {.socket = pair->spawner.get(), .what = {++last_serial_, 0}};
    if (control_) {
      ASSERT_TRUE(send_channel(control_.get(), options_.channels[0]));
    }
    channel_ = std::move(*pair);
    rest_ = {};
  }
  void kill_spawner() {
    ::kill(spawner_, SIGKILL);
    waitpid(spawner_, nullptr, 0);
    kept_.receive(control_.get());
    control_.reset();
    options_.instances = kept_.all();
  }

  std::vector<Told> told_;
  std::vector<std::string> said_;
  std::deque<std::vector<std::byte>> passed_;
  std::vector<std::byte> answered_;
  KeptInstances kept_;
  uint64_t last_serial_ = 1;
};

TEST_F(TemplatesTest, ForksWhatIsAskedFor) {
  const Pipes first = ask(1, "print");
  EXPECT_EQ(read_all(first.output), "forked configured\n");
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.id, 1U);
  EXPECT_EQ(exited.status, 0);
  EXPECT_GE(exited.times.started, exited.times.received);
  EXPECT_GE(exited.times.ended, exited.times.started);
  EXPECT_GT(exited.usage.max_resident_kib, 0);
  const Pipes second = ask(2, "exit=3");
  EXPECT_EQ(WEXITSTATUS(exited_answer().status), 3);
  const Told told = until(kSite, State::kReady);
  EXPECT_EQ(told.generation, 1U);
  EXPECT_THAT(told.detail, testing::MatchesRegex("start the loader [0-9.]+ ms\nfirst step [0-9.]+ "
                                                 "ms\nsecond step [0-9.]+ ms\n"));
  EXPECT_THAT(said_, testing::Contains("hello from the loader"));
  EXPECT_EQ(told_.size(), 2U);
  const Kinship kin = kinship_of(told.pid);
  EXPECT_EQ(kin.parent, spawner_);
  EXPECT_EQ(kin.group, told.pid);
}

TEST_F(TemplatesTest, AForkIsAnOrdinaryProgram) {
  const Pipes pipes = ask(1, "sleep");
  const pid_t pid = started_answer().pid;
  EXPECT_EQ(received_.descriptor_count, 1U);
  EXPECT_EQ(kinship_of(pid).parent, until(kSite, State::kReady).pid);
  std::vector<std::byte> packet;
  encode(Measure{.token = 3, .id = 1}, packet);
  encode(Measure{.token = 4, .id = 0, .pid = until(kSite, State::kReady).pid}, packet);
  encode(Measure{.token = 5, .id = 0, .pid = getpid()}, packet);
  send(packet);
  EXPECT_GT(std::get<Measured>(answer()).resident, 0U);
  EXPECT_GT(std::get<Measured>(answer()).resident, 0U);
  EXPECT_EQ(std::get<Measured>(answer()).error, ESRCH);
  signal(1, 0, SIGTERM);
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.pid, pid);
  EXPECT_EQ(WTERMSIG(exited.status), SIGTERM);
}

TEST_F(TemplatesTest, FailureToLoadIsToldWithTheJourneyAndBackedOff) {
  behave("site", "exit");
  const Pipes first = ask(1, "print");
  const Pipes second = ask(2, "print");
  for (uint64_t id = 1; id <= 2; ++id) {
    const Failed failed = failed_answer();
    EXPECT_EQ(failed.id, id);
    EXPECT_EQ(failed.error, ECHILD);
    EXPECT_EQ(failed.step, Step::kTemplate);
    EXPECT_THAT(std::string(failed.detail), HasSubstr("it ended with status 3, in the step \"second step\""));
    EXPECT_THAT(std::string(failed.detail), HasSubstr("first step "));
    EXPECT_THAT(std::string(failed.detail), HasSubstr("| Traceback: no such module"));
  }
  EXPECT_THAT(until(kSite, State::kFailed).detail, HasSubstr("Traceback"));
  behave("site", "");
  const Pipes at_once = ask(3, "print");
  EXPECT_EQ(failed_answer().error, ECHILD);
  EXPECT_EQ(std::ranges::count(told_, State::kLoading, &Told::state), 1);
  std::this_thread::sleep_for(550ms);
  const Pipes again = ask(4, "print");
  EXPECT_EQ(read_all(again.output), "forked configured\n");
}

TEST_F(TemplatesTest, ALoaderThatIsNotThere) {
  options_.apps[kSite].program = "/no/such/python";
  options_.apps[kSite].directory = "/";
  restart();
  const Pipes first = ask(1, "print");
  const Failed failed = failed_answer();
  EXPECT_EQ(failed.error, ENOENT);
  EXPECT_EQ(failed.step, Step::kExec);
  EXPECT_THAT(until(kSite, State::kFailed).detail, HasSubstr("run the program"));
}

TEST_F(TemplatesTest, OneThatHangsIsKilled) {
  templates(kSite).start_timeout = 500ms;
  restart();
  behave("site", "hang");
  const Pipes pipes = ask(1, "print");
  const Failed failed = failed_answer();
  EXPECT_EQ(failed.error, ETIMEDOUT);
  EXPECT_THAT(std::string(failed.detail), HasSubstr("not ready after 500 ms"));
  EXPECT_TRUE(gone(until(kSite, State::kFailed).pid));
}

TEST_F(TemplatesTest, OneThatDoesNotForkIsReplacedOnce) {
  templates(kSite).start_timeout = 1000ms;
  restart();
  behave("site", "mute");
  const Pipes pipes = ask(1, "print");
  const pid_t pid = until(kSite, State::kReady).pid;
  behave("site", "");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_TRUE(gone(pid));
}

TEST_F(TemplatesTest, LiesWhileLoadingEndIt) {
  for (const char* const lie :
       {"garbage", "nothing", "oversize", "foreign", "ready-and-die", "unfit", "kill", "leave-early"}) {
    SCOPED_TRACE(lie);
    behave("site", lie);
    restart();
    const Pipes pipes = ask(1, "print");
    const Failed failed = failed_answer();
    EXPECT_EQ(failed.step, Step::kTemplate);
    EXPECT_EQ(read_all(pipes.output), "");
    until(kSite, lie == "ready-and-die"s ? State::kEnded : State::kFailed);
    for (const Told& each : told_) {
      if (each.pid != 0) {
        EXPECT_TRUE(gone(each.pid));
      }
    }
  }
}

TEST_F(TemplatesTest, LiesAboutForksEndItAndTheProcessIsLeftAlone) {
  for (const char* const lie : {"claim-itself", "no-group", "grandchild", "claim-unasked", "twice"}) {
    SCOPED_TRACE(lie);
    behave("site", lie);
    restart();
    const Pipes pipes = ask(1, "print");
    const Told ready = until(kSite, State::kReady);
    EXPECT_TRUE(gone(ready.pid));
    EXPECT_EQ(kill(spawner_, 0), 0);
  }
}

TEST_F(TemplatesTest, AForkThatLeavesItsTemplateIsTheSpawnersOwn) {
  behave("site", "daemon");
  const Pipes pipes = ask(1, "exit=3");
  EXPECT_EQ(WEXITSTATUS(exited_answer().status), 3);
}

TEST_F(TemplatesTest, ClaimsAboutOthersEndsMeanNothing) {
  behave("site", "claim-ended");
  const Pipes other = spawn(50, script("sleep", "#!/bin/sh\nexec sleep 60\n"));
  const Pipes pipes = ask(1, "print");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_EQ(std::get<Exited>([&] {
              Reply next = answer();
              while (std::holds_alternative<Started>(next)) next = answer();
              return next;
            }())
                .id,
            1U);
  signal(50, 0, SIGKILL);
  EXPECT_EQ(exited_answer().id, 50U);
}

TEST_F(TemplatesTest, AFloodIsBounded) {
  behave("site", "flood many-steps");
  const Pipes pipes = ask(1, "print");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  const Told told = until(kSite, State::kReady);
  EXPECT_LE(told.detail.size(), kMaxDetail);
  EXPECT_LT(std::ranges::count(told.detail, '\n'), 50);
  EXPECT_LT(said_.size(), 5000U);
}

TEST_F(TemplatesTest, WarningsAreToldAndARefusalIsTheSpawnsAlone) {
  behave("site", "warn refuse");
  const Pipes pipes = ask(1, "print");
  const Failed failed = failed_answer();
  EXPECT_EQ(failed.error, EAGAIN);
  EXPECT_EQ(failed.step, Step::kProcess);
  EXPECT_THAT(said_, testing::Contains("warning: an open connection"));
  EXPECT_EQ(kill(until(kSite, State::kReady).pid, 0), 0);
}

TEST_F(TemplatesTest, WhatDidNotBeginIsAskedOfTheNextOne) {
  behave("site", "die-on-fork");
  const Pipes lost = ask(1, "print");
  EXPECT_THAT(std::string(failed_answer().detail), HasSubstr("two templates have died on it"));
  renew(kSite);
  told_.clear();
  said_.clear();
  behave("site", "slow die-on-fork");
  const Pipes pipes = ask(2, "print");
  until_said("hello from the loader");
  behave("site", "");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
}

TEST_F(TemplatesTest, OneThatForksWellIsReplacedWheneverItDies) {
  for (uint64_t id = 1; id <= 5; ++id) {
    const Pipes pipes = ask(id, "print");
    EXPECT_EQ(read_all(pipes.output), "forked configured\n");
    EXPECT_EQ(exited_answer().id, id);
    kill(until(kSite, State::kReady).pid, SIGKILL);
    until(kSite, State::kEnded);
    told_.clear();
  }
}

TEST_F(TemplatesTest, ALongEnvironmentIsExecutedOrRefused) {
  options_.apps[kScripts].environment.push_back("LONG=" + std::string(100'000, 'x'));
  options_.apps[kSite].environment.push_back("LONG=" + std::string(100'000, 'x'));
  restart();
  const std::string wish = query("print") + "HTTP_LONG=" + std::string(100'000, 'y') + '\0';
  const std::string path = script("hello", "#!" + (directory_ / "python3").string() + "\n");
  for (uint64_t id = 1; id <= 2; ++id) {
    EXPECT_EQ(read_all(spawn(id, path, wish, kScripts).output), "executed configured\n");
    exited_answer();
    until(kScripts, State::kReady);
  }
  const Pipes pipes = spawn(3, "", wish, kSite);
  EXPECT_EQ(failed_answer().error, E2BIG);
}

TEST_F(TemplatesTest, AForkThatComesTooLateHasNotBegun) {
  behave("site", "slow die-after-fork late-forked");
  const Pipes pipes = ask(1, "print");
  until_said("hello from the loader");
  behave("site", "");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_EQ(until(kSite, State::kReady, 2).generation, 2U);
}

TEST_F(TemplatesTest, ForksOutliveTheirTemplate) {
  const Pipes pipes = ask(1, "sleep");
  const pid_t pid = started_answer().pid;
  const pid_t its_template = until(kSite, State::kReady).pid;
  kill(its_template, SIGKILL);
  EXPECT_THAT(until(kSite, State::kEnded).detail, HasSubstr("ended by signal 9"));
  EXPECT_EQ(kinship_of(pid).parent, spawner_);
  signal(1, 0, SIGKILL);
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.pid, pid);
  EXPECT_EQ(WTERMSIG(exited.status), SIGKILL);
  const Pipes again = ask(2, "print");  // by the next generation
  EXPECT_EQ(read_all(again.output), "forked configured\n");
}

TEST_F(TemplatesTest, AnEndThatTheTemplateTookWithItIsUnknown) {
  behave("site", "reap-silently");
  const Pipes pipes = ask(1, "exit=3");
  const pid_t pid = started_answer().pid;
  EXPECT_TRUE(gone(pid));
  kill(until(kSite, State::kReady).pid, SIGKILL);
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.id, 1U);
  EXPECT_EQ(exited.status, kUnknownStatus);
}

TEST_F(TemplatesTest, AnEndThatTheTemplateKeepsToItselfIsFoundOut) {
  behave("site", "reap-silently");
  const Pipes pipes = ask(1, "exit=3");
  EXPECT_TRUE(gone(started_answer().pid));
  signal(1, 0, SIGTERM);
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.id, 1U);
  EXPECT_EQ(exited.status, kUnknownStatus);
  EXPECT_EQ(kill(until(kSite, State::kReady).pid, 0), 0);
}

TEST_F(TemplatesTest, WhatAProgramLeavesEndsWithItsTime) {
  const Pipes pipes = ask(1, "spray");
  const Exited exited = exited_answer();
  EXPECT_TRUE(exited.left_others);
  signal(1, exited.pid, SIGKILL);
  read_all(pipes.output);  // nobody has it open any more
}

TEST_F(TemplatesTest, SpawnsThatWaitCanBeCancelled) {
  behave("site", "slow");
  const Pipes first = ask(1, "print");
  const Pipes second = ask(2, "print");
  signal(1, 0, SIGTERM);
  const Failed failed = failed_answer();
  EXPECT_EQ(failed.id, 1U);
  EXPECT_EQ(failed.error, ECANCELED);
  EXPECT_EQ(read_all(second.output), "forked configured\n");
}

TEST_F(TemplatesTest, ASignalBeforeItBeganIsDelivered) {
  ready();
  behave("site", "late-forked");
  EXPECT_EQ(renew(kSite).error, 0);
  const Pipes pipes = ask(1, "sleep");
  std::this_thread::sleep_for(30ms);
  signal(1, 0, SIGKILL);
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.id, 1U);
  EXPECT_EQ(WTERMSIG(exited.status), SIGKILL);
}

TEST_F(TemplatesTest, AChannelThatEndsTakesItsSpawnsWithIt) {
  behave("site", "slow late-forked");
  const Pipes waiting = ask(1, "sleep");
  replace_worker();
  EXPECT_EQ(read_all(waiting.output), "");
  const pid_t pid = ready().pid;
  const Pipes asked = ask(2, "sleep");
  std::this_thread::sleep_for(30ms);
  replace_worker();
  read_all(asked.output);  // it ends
  told_.clear();
  EXPECT_EQ(until(kSite, State::kReady).pid, pid);  // a new home channel is told of it
}

TEST_F(TemplatesTest, TheQueueIsBounded) {
  templates(kSite).queue = 2;
  restart();
  behave("site", "slow");
  const Pipes first = ask(1, "print");
  const Pipes second = ask(2, "print");
  const Pipes third = ask(3, "print");
  const Failed failed = failed_answer();
  EXPECT_EQ(failed.id, 3U);
  EXPECT_EQ(failed.error, EAGAIN);
  EXPECT_EQ(read_all(second.output), "forked configured\n");
}

TEST_F(TemplatesTest, PongComesAfterSpawnsThatWait) {
  behave("site", "slow");
  const Pipes pipes = ask(1, "print");
  ping();
  Reply next = answer();
  EXPECT_TRUE(std::holds_alternative<Started>(next) || std::holds_alternative<Exited>(next));
  while (!std::holds_alternative<Pong>(next)) next = answer();
}

TEST_F(TemplatesTest, RenewalBringsTheNextGeneration) {
  EXPECT_EQ(renew(kSite).error, 0);  // nothing runs
  EXPECT_TRUE(told_.empty());
  const pid_t first = ready().pid;
  const Pipes pipes = ask(1, "sleep");
  const pid_t fork_of_first = started_answer().pid;
  EXPECT_EQ(renew(kSite).error, 0);
  EXPECT_EQ(until(kSite, State::kReady, 2).generation, 2U);
  EXPECT_THAT(until(kSite, State::kEnded).detail, HasSubstr("replaced by generation 2"));
  EXPECT_TRUE(gone(first));
  EXPECT_EQ(kinship_of(fork_of_first).parent, spawner_);
  EXPECT_EQ(kill(fork_of_first, 0), 0);
}

TEST_F(TemplatesTest, ARenewalThatFailsLeavesTheOldOne) {
  const pid_t first = ready().pid;
  behave("site", "exit");
  const Renewed renewed = renew(kSite);
  EXPECT_EQ(renewed.error, ECHILD);
  EXPECT_THAT(std::string(renewed.detail), HasSubstr("| Traceback"));
  EXPECT_EQ(kill(first, 0), 0);
  const Pipes pipes = ask(1, "print");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_EQ(exited_answer().id, 1U);
  std::vector<std::byte> packet;
  encode(Renew{.token = 5, .app = 99}, packet);
  send(packet);
  EXPECT_EQ(std::get<Renewed>(answer()).error, EINVAL);
}

TEST_F(TemplatesTest, ARenewalWhileItLoadsLoadsAnew) {
  behave("site", "hang");
  const Pipes pipes = ask(1, "print");
  const pid_t first = until(kSite, State::kLoading).pid;
  behave("site", "");
  std::vector<std::byte> packet;
  encode(Renew{.token = 5, .app = kSite}, packet);
  send(packet);
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_TRUE(gone(first));
}

TEST_F(TemplatesTest, ChangedFilesBringTheNextGeneration) {
  const pid_t first = ready().pid;
  change("site");
  EXPECT_NE(until(kSite, State::kReady, 2).pid, first);
  EXPECT_THAT(std::ranges::find(told_, 2U, &Told::generation)->detail, HasSubstr("changed: "));
  EXPECT_TRUE(gone(first));
}

TEST_F(TemplatesTest, ABrokenChangeIsTriedAgainUntilItIsGood) {
  const pid_t first = ready().pid;
  behave("site", "exit");
  change("site");
  EXPECT_EQ(until(kSite, State::kFailed).generation, 2U);
  const Pipes pipes = ask(1, "print");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_EQ(kill(first, 0), 0);
  std::this_thread::sleep_for(700ms);  // the second try fails the same way, and is not told
  behave("site", "");
  std::this_thread::sleep_for(1500ms);
  exited_answer();
  EXPECT_GT(until(kSite, State::kReady, 4).pid, 0);
  EXPECT_EQ(std::ranges::count(told_, State::kFailed, &Told::state), 1);
}

TEST_F(TemplatesTest, ChangesAreNotMindedWhereNobodyWantsThat) {
  templates(kSite).reload = Reload::kOnRequest;
  restart();
  const pid_t first = ready().pid;
  change("site");
  std::this_thread::sleep_for(300ms);
  ping();
  EXPECT_TRUE(std::holds_alternative<Pong>(answer()));
  EXPECT_EQ(kill(first, 0), 0);
  EXPECT_EQ(told_.size(), 2U);
}

TEST_F(TemplatesTest, AStaleOneIsReplacedBeforeItForks) {
  behave("site", "slow stale");
  const Pipes first = ask(1, "print");
  until_said("hello from the loader");
  behave("site", "");
  const pid_t old = until(kSite, State::kReady).pid;
  EXPECT_EQ(read_all(first.output), "forked configured\n");
  EXPECT_TRUE(gone(old));
}

TEST_F(TemplatesTest, AnIdleOneEndsUnlessItsForksRun) {
  templates(kSite).idle_timeout = 300ms;
  restart();
  const Pipes pipes = ask(1, "sleep");
  const pid_t fork = started_answer().pid;
  const pid_t pid = until(kSite, State::kReady).pid;
  std::this_thread::sleep_for(700ms);
  EXPECT_EQ(kill(pid, 0), 0);
  signal(1, 0, SIGKILL);
  EXPECT_EQ(exited_answer().pid, fork);
  EXPECT_EQ(until(kSite, State::kEnded).detail, "idle");
  EXPECT_TRUE(gone(pid));
}

TEST_F(TemplatesTest, WhatItStartedWhileLoadingEndsWithIt) {
  behave("site", "fork-at-load");
  const pid_t pid = ready().pid;
  kill(pid, SIGKILL);
  until(kSite, State::kEnded);
  EXPECT_TRUE(gone(-pid));
}

TEST_F(TemplatesTest, OneThatClosesItsChannelIsEnded) {
  behave("site", "close-after-ready");
  const Pipes pipes = ask(1, "print");
  const pid_t pid = until(kSite, State::kLoading).pid;
  EXPECT_EQ(failed_answer().step, Step::kTemplate);
  EXPECT_TRUE(gone(pid));
}

// --- instances

TEST_F(TemplatesTest, AnInstanceOutlivesWorkerTemplateAndSpawner) {
  start_instance(1, "pool.1");
  const pid_t pid = started_answer().pid;
  const pid_t its_template = until(kPool, State::kReady).pid;
  replace_worker();
  Reply next = answer();
  EXPECT_EQ(std::get<Inherited>(next).pid, pid);
  EXPECT_EQ(std::get<Inherited>(next).label, "pool.1");
  told_.clear();
  until(kPool, State::kReady);
  kill_spawner();
  EXPECT_TRUE(gone(its_template));  // with its spawner
  EXPECT_EQ(kill(pid, 0), 0);
  start();
  EXPECT_EQ(std::get<Inherited>(answer()).pid, pid);
  EXPECT_EQ(kinship_of(pid).parent, getpid());
  replace_worker();
  const auto heir = std::get<Inherited>(answer());
  EXPECT_EQ(heir.pid, pid);
  signal(heir.id, heir.pid, SIGTERM);
  EXPECT_TRUE(gone(pid));
  start_instance(2, "pool.2");  // the new spawner makes a template of its own
  EXPECT_GT(started_answer().pid, 0);
}

TEST_F(TemplatesTest, AnInstanceThatItsWorkerDiedOnIsInherited) {
  behave("pool", "late-forked");
  start_instance(1, "pool.1");
  until(kPool, State::kLoading);
  started_answer();
  start_instance(2, "pool.2");
  std::this_thread::sleep_for(30ms);
  replace_worker();
  std::vector<std::string> labels;
  for (int i = 0; i < 2; ++i) labels.emplace_back(std::get<Inherited>(answer()).label);
  EXPECT_THAT(labels, testing::UnorderedElementsAre("pool.1", "pool.2"));
}

// --- programs

TEST_F(TemplatesTest, AProgramIsExecutedUntilItsTemplateIsReady) {
  behave("scripts", "slow");
  const std::string path = script("hello", "#!" + (directory_ / "python3").string() + " -u\n");
  const auto run = [&](uint64_t id) {
    const Pipes pipes = spawn(id, path, query("print"), kScripts);
    const std::string text = read_all(pipes.output);
    EXPECT_EQ(exited_answer().status, 0);
    return text;
  };
  EXPECT_EQ(run(1), "executed configured\n");
  EXPECT_EQ(run(2), "executed configured\n");
  EXPECT_EQ(until(kScripts, State::kReady).program, path);
  EXPECT_EQ(run(3), "forked configured\n");
  change("scripts");
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(run(4), "executed configured\n");  // not as its files are any more
  until(kScripts, State::kReady, 2);
  EXPECT_EQ(run(5), "forked configured\n");
  behave("scripts", "stale");
  EXPECT_EQ(renew(kScripts).error, 0);
  EXPECT_EQ(run(6), "executed configured\n");
  until(kScripts, State::kLoading, 4);
}

TEST_F(TemplatesTest, AProgramThatFitsNoTemplateIsExecutedUntilItChanges) {
  behave("scripts", "unfit");
  const std::string line = "#!" + (directory_ / "python3").string() + "\n";
  const std::string path = script("hello", line);
  for (uint64_t id = 1; id <= 3; ++id) {
    EXPECT_EQ(read_all(spawn(id, path, query("print"), kScripts).output), "executed configured\n");
    exited_answer();
    until(kScripts, State::kFailed);
  }
  EXPECT_THAT(until(kScripts, State::kFailed).detail, HasSubstr("runs under exec: threads run: worker-1"));
  EXPECT_EQ(std::ranges::count(told_, State::kFailed, &Told::state), 1);
  behave("scripts", "");
  script("hello", line + "# another one\n");
  EXPECT_EQ(read_all(spawn(4, path, query("print"), kScripts).output), "executed configured\n");
  exited_answer();
  until(kScripts, State::kReady);
  EXPECT_EQ(read_all(spawn(5, path, query("print"), kScripts).output), "forked configured\n");
}

TEST_F(TemplatesTest, AnApplicationThatFitsNoTemplateIsLoadedByEachInstance) {
  behave("pool", "unfit");
  for (uint64_t id = 1; id <= 2; ++id) {
    start_instance(id, "pool");
    EXPECT_EQ(kinship_of(started_answer().pid).parent, spawner_);
  }
  EXPECT_THAT(until(kPool, State::kFailed).detail,
              StartsWith("is loaded by each instance for itself: threads run: worker-1"));
  EXPECT_EQ(std::ranges::count(told_, State::kLoading, &Told::state), 1);
  behave("pool", "");
  EXPECT_EQ(renew(kPool).error, 0);
  start_instance(3, "pool");
  const pid_t fork = started_answer().pid;
  EXPECT_EQ(kinship_of(fork).parent, until(kPool, State::kReady).pid);
}

TEST_F(TemplatesTest, AMissingLoaderIsSaidOnce) {
  std::filesystem::remove_all(directory_ / "loaders");
  const std::string path = script("hello", "#!/bin/sh\necho hello\n");
  for (uint64_t id = 1; id <= 2; ++id) {
    EXPECT_EQ(read_all(spawn(id, path, query(""), kScripts).output), "hello\n");
    exited_answer();
  }
  EXPECT_EQ(told_.size(), 1U);
  EXPECT_THAT(until(kScripts, State::kFailed).detail, HasSubstr("libremuda_preload.so is not there"));
}

TEST_F(TemplatesTest, NoMoreThanSoManyPrograms) {
  templates(kScripts).most = 2;
  restart();
  const std::string line = "#!" + (directory_ / "python3").string() + "\n";
  uint64_t id = 0;
  std::vector<pid_t> pids;
  for (const char* const name : {"one", "two", "three"}) {
    told_.clear();
    spawn(++id, script(name, line), query("print"), kScripts);
    exited_answer();
    pids.push_back(until(kScripts, State::kReady).pid);
  }
  EXPECT_TRUE(gone(pids[0]));
  EXPECT_EQ(kill(pids[1], 0), 0);
  EXPECT_EQ(kill(pids[2], 0), 0);
}

// --- the end

TEST_F(TemplatesTest, TheSupervisorsEndEndsThem) {
  behave("site", "never-end");
  const pid_t pid = ready().pid;
  const Pipes pipes = ask(1, "sleep");
  const pid_t fork = started_answer().pid;
  EXPECT_EQ(stop(), 0);
  EXPECT_TRUE(gone(pid));
  EXPECT_TRUE(gone(fork));
}

TEST_F(TemplatesTest, OneThatLoadsEndsWithTheSupervisor) {
  behave("site", "hang");
  const Pipes pipes = ask(1, "sleep");
  const pid_t pid = until(kSite, State::kLoading).pid;
  EXPECT_EQ(stop(), 0);
  EXPECT_TRUE(gone(pid));
}

TEST_F(TemplatesTest, NothingIsLeftOfManyForks) {
  ready();
  const pid_t pid = until(kSite, State::kReady).pid;
  const auto descriptors = [&](pid_t of) { return count_of("/proc/" + std::to_string(of) + "/fd"); };
  const size_t of_spawner = descriptors(spawner_);
  const size_t of_template = descriptors(pid);
  for (uint64_t id = 1; id <= 500; ++id) {
    const Pipes pipes = ask(id, id % 7 == 0 ? "exit=1" : "print");
    EXPECT_EQ(exited_answer().id, id);
  }
  EXPECT_EQ(descriptors(spawner_), of_spawner);
  EXPECT_EQ(descriptors(pid), of_template);
  std::ifstream children("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  std::string left;
  children >> left;
  EXPECT_EQ(left, "");
}

TEST_F(TemplatesTest, ManyAtOnce) {
  ready();
  std::vector<Pipes> pipes;
  for (uint64_t id = 1; id <= 100; ++id) pipes.push_back(ask(id, "print"));
  for (const Pipes& each : pipes) EXPECT_EQ(read_all(each.output), "forked configured\n");
}

}  // namespace
}  // namespace remuda::spawner

int main(int argc, char** argv) {
  if (const int code = remuda::spawner::testing_loader::run_if_wanted(); code >= 0) return code;
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
