// SPDX-License-Identifier: Apache-2.0
//
// Templates: of instances, of CGI programs, and at the end of the spawner.
#include "spawner/testing/templates_fixture.h"

namespace remuda::spawner {
namespace {

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
